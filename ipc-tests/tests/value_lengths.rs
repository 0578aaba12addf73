//! Values through a queue, of every length around the one up to which no memory is taken for the message.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ipc_posix::{Region, ValueQueue};

const LONG: Duration = Duration::from_secs(20);

fn region() -> Region {
    Region::options().anonymous().expect("there is memory")
}

/// A value whose bytes tell it from all others.
fn value(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + len) as u8).collect()
}

#[test]
fn values_of_any_length_arrive_by_each_verb() {
    let region = region();
    let queue: ValueQueue<Vec<u8>> = region.value_queue("values").capacity(8192).create().expect("a new one");
    type Receive = fn(&ValueQueue<Vec<u8>>) -> Vec<u8>;
    let receives: [Receive; 3] = [
        |queue| queue.try_recv().expect("it was sent"),
        |queue| queue.recv().expect("it was sent"),
        |queue| queue.recv_timeout(LONG).expect("it was sent"),
    ];
    for len in (0..300).chain([1000, 2000]) {
        for receive in receives {
            queue.send(&value(len)).expect("there is room");
            queue.send(&value(3)).expect("there is room");
            assert_eq!(receive(&queue), value(len));
            assert_eq!(receive(&queue), value(3), "the message behind one of {len} bytes");
        }
    }
    assert!(queue.is_empty());
}

#[test]
fn values_without_bytes_arrive() {
    let region = region();
    let queue = region.value_queue::<()>("values").create().expect("a new one");
    queue.send(&()).expect("there is room");
    queue.send(&()).expect("there is room");
    queue.recv().expect("it was sent");
    queue.try_recv().expect("it was sent");
    assert!(queue.is_empty());
}

#[test]
fn receivers_that_compete_for_long_and_short_values_get_each_once() {
    const VALUES: usize = 20_000;
    let region = region();
    let queue = region.value_queue::<Vec<u8>>("values").capacity(4096).create().expect("a new one");
    let sender = queue.sender().expect("not forked");
    let bytes = AtomicUsize::new(0);
    // Each has its half before the first value is sent.
    let receivers = [(); 3].map(|()| queue.receiver().expect("not forked"));
    let sent = thread::scope(|scope| {
        for (number, receiver) in receivers.into_iter().enumerate() {
            let bytes = &bytes;
            scope.spawn(move || {
                loop {
                    let got = match number {
                        0 => receiver.recv_timeout(LONG).map_err(|error| error.is_disconnected()),
                        _ => receiver.recv().map_err(|error| error.is_disconnected()),
                    };
                    let got = match got {
                        Ok(got) => got,
                        Err(is_the_end) => return assert!(is_the_end),
                    };
                    assert_eq!(got, value(got.len()));
                    bytes.fetch_add(got.len() + 1, Ordering::Relaxed);
                }
            });
        }
        // Short ones, long ones, and those in between, behind each other.
        let lengths = (0..VALUES).map(|number| [1, 500, 126, 127, 128, 200][number % 6]);
        let sent: usize = lengths.clone().map(|len| len + 1).sum();
        for len in lengths {
            sender.send(&value(len)).expect("receivers live");
        }
        drop(sender);
        sent
    });
    assert_eq!(bytes.into_inner(), sent);
}
