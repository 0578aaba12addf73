//! The byte queue: each message once and whole, also where senders and receivers die; and nobody sleeps on beside what it waits for. A
//! ring of two words is filled by one short message.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::ByteQueue;
use ipc_core::bytes::Options;
use ipc_core::error::{RecvBytesError, SendBytesError, TryRecvBytesError, TrySendBytesError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

/// The longest message for which a ring has two words, and four.
const TWO_WORDS: u64 = 8;
const FOUR_WORDS: u64 = 24;

fn made(most: u64) -> Arc<Shared<Options>> {
    // The positions wrap on the way.
    Shared::new(Options { start: u64::MAX, ..Options::new(most) })
}

/// Sends once there is room, without blocking.
fn send(queue: &ByteQueue<'_, Actor>, message: &[u8]) {
    while let Err(error) = queue.try_send(message) {
        assert_eq!(error, TrySendBytesError::Full);
        spin_hint();
    }
}

fn try_receive(queue: &ByteQueue<'_, Actor>) -> Option<Vec<u8>> {
    let mut out = [0; 16];
    match queue.try_recv(&mut out) {
        Ok(len) => Some(out[..len].to_vec()),
        Err(TryRecvBytesError::Empty | TryRecvBytesError::Busy) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// Receives once a message is there, without blocking.
fn receive(queue: &ByteQueue<'_, Actor>) -> Vec<u8> {
    loop {
        match try_receive(queue) {
            Some(message) => return message,
            None => spin_hint(),
        }
    }
}

/// Receives; blocks.
fn wait(queue: &ByteQueue<'_, Actor>) -> Result<Vec<u8>, RecvBytesError> {
    let mut out = [0; 16];
    queue.recv(&mut out).map(|len| out[..len].to_vec())
}

/// Proves "message" and "free": what is received is whole and in order, also where a place is used again.
#[test]
fn messages_arrive_whole_and_in_order() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(TWO_WORDS);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            for message in [&b"one"[..], b"two", b"three"] {
                send(&other.handle(&one), message);
            }
        });
        let receiver = thread::spawn(move || {
            for message in [&b"one"[..], b"two", b"three"] {
                assert_eq!(receive(&shared.handle(&two)), message);
            }
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that the second sender's record begins where the first one's ends.
#[test]
fn two_senders() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(FOUR_WORDS);
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || send(&shared.handle(&actor), &[number as u8; 5]))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let queue = shared.handle(&machine.actor(3));
        let mut got = [receive(&queue), receive(&queue)];
        got.sort_unstable();
        assert_eq!(got, [[1; 5], [2; 5]]);
        assert!(try_receive(&queue).is_none());
    });
}

/// Proves that of two receivers each message goes to one, and that neither is told that there is none.
#[test]
fn two_receivers() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(FOUR_WORDS);
        let queue = shared.handle(&machine.actor(3));
        send(&queue, b"a");
        send(&queue, b"b");
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || {
                let (queue, mut out) = (shared.handle(&actor), [0; 1]);
                while let Err(error) = queue.try_recv(&mut out) {
                    assert_eq!(error, TryRecvBytesError::Busy);
                    spin_hint();
                }
                out
            })
        });
        let mut got = receivers.map(|receiver| receiver.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [*b"a", *b"b"]);
    });
}

/// Proves that a closing beside a send lets its message in, to be received, or tells the sender; then comes the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(3, || {
        let machine = Machine::new();
        let shared = made(TWO_WORDS);
        let (one, two, three) = (machine.actor(1), machine.actor(2), machine.actor(3));
        let (first, second) = (shared.clone(), shared.clone());
        let sender = thread::spawn(move || first.handle(&one).try_send(b"last").is_ok());
        let closer = thread::spawn(move || second.handle(&two).close().unwrap());
        let receiver = thread::spawn(move || {
            let queue = shared.handle(&three);
            let mut got = 0;
            loop {
                match queue.try_recv(&mut [0; 16]) {
                    Ok(_) => got += 1,
                    Err(TryRecvBytesError::Closed) => return got,
                    Err(_) => spin_hint(),
                }
            }
        });
        let sent = sender.join().unwrap();
        closer.join().unwrap();
        assert_eq!(receiver.join().unwrap(), usize::from(sent));
    });
}

/// Proves that wherever a sender dies, others go on, and its message arrives whole or not at all.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(FOUR_WORDS);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || send(&first.handle(&one), b"mortal")).is_none());
        let other = thread::spawn(move || send(&second.handle(&two), b"other"));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        let queue = shared.handle(&three);
        let len = queue.len();
        let got: Vec<Vec<u8>> = std::iter::from_fn(|| try_receive(&queue)).collect();
        assert_eq!((len, queue.len()), (got.len(), 0));
        assert_eq!(got.iter().filter(|message| *message == b"other").count(), 1);
        let mortals = got.iter().filter(|message| *message == b"mortal").count();
        assert!(got.len() == 1 + mortals && mortals <= 1 && (died || mortals == 1), "{got:?}");
        died
    });
}

/// Proves that wherever a receiver dies, others go on; nothing comes twice, and at most what it took is missing.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(FOUR_WORDS);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        send(&queue, b"a");
        send(&queue, b"b");
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_receive(&first.handle(&one))));
        let other = thread::spawn(move || try_receive(&second.handle(&two)));
        let taken = mortal.join().unwrap();
        let mut got: Vec<Vec<u8>> = other.join().unwrap().into_iter().collect();
        // One that comes later finds it dead.
        drop(Seized::try_new(&three, id(1)));
        let (len, before) = (queue.len(), got.len());
        got.extend(std::iter::from_fn(|| try_receive(&queue)));
        assert_eq!((len, queue.len()), (got.len() - before, 0));
        got.extend(taken.clone().flatten());
        got.sort_unstable();
        let all: &[&[&[u8]]] = if taken.is_none() { &[&[b"a", b"b"], &[b"a"], &[b"b"]] } else { &[&[b"a", b"b"]] };
        assert!(all.iter().any(|all| got == *all), "{got:?}");
        taken.is_none()
    });
}

/// Proves that one message fills the ring, both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                queue.send(b"one").unwrap();
                queue.send(b"two").unwrap();
            })
        };
        let queue = shared.handle(&machine.actor(2));
        assert_eq!(wait(&queue).unwrap(), b"one");
        assert_eq!(wait(&queue).unwrap(), b"two");
        sender.join().unwrap();
    });
}

/// Proves that one receive wakes every sender for which there is room now.
#[test]
fn room_for_two_senders() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(FOUR_WORDS));
        let queue = shared.handle(&machine.actor(3));
        queue.try_send(&[0; 24]).unwrap();
        let senders = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number), shared.clone());
            thread::spawn(move || shared.handle(&actor).send(&[number as u8]).unwrap())
        });
        assert_eq!(queue.recv(&mut [0; 24]), Ok(24));
        for sender in senders {
            sender.join().unwrap();
        }
        let mut got = [receive(&queue), receive(&queue)];
        got.sort_unstable();
        assert_eq!(got, [[1], [2]]);
    });
}

/// Proves that a receiver that is woken for a message that it has no room for wakes another one that has.
#[test]
fn a_receiver_without_room_passes_the_wake_up_on() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(FOUR_WORDS));
        let [short, long] = [(1, 1), (2, 16)].map(|(number, room)| {
            let (actor, shared) = (machine.actor(number), shared.clone());
            thread::spawn(move || shared.handle(&actor).recv(&mut [0; 16][..room]))
        });
        let queue = shared.handle(&machine.actor(3));
        queue.try_send(b"three").unwrap();
        assert_eq!(long.join().unwrap(), Ok(5));
        // The short one may have come too late to be told of it.
        queue.close().unwrap();
        let told = short.join().unwrap();
        assert!(matches!(told, Err(RecvBytesError::TooLong { len: 5, room: 1 } | RecvBytesError::Closed)), "{told:?}");
    });
}

/// Proves that closing wakes a sleeping receiver.
#[test]
fn closing_ends_a_receiver() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(wait(&shared.handle(&machine.actor(2))), Err(RecvBytesError::Closed));
        assert!(closer.join().unwrap());
    });
}

/// Proves that closing wakes a sleeping sender.
#[test]
fn closing_ends_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let queue = shared.handle(&machine.actor(2));
        queue.try_send(b"full").unwrap();
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(queue.send(b"late"), Err(SendBytesError::Closed));
        assert!(closer.join().unwrap());
    });
}

/// Proves that a receiver that sleeps learns that the last sender has left, after its last message.
#[test]
fn the_last_sender_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let leaving = thread::spawn(move || sender.send(b"last").unwrap());
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        let mut out = [0; 16];
        assert_eq!(receiver.recv(&mut out), Ok(4));
        assert_eq!(receiver.recv(&mut out), Err(RecvBytesError::Disconnected));
        leaving.join().unwrap();
    });
}

/// Proves that what a sender did, its messages or anything else, happens-before a receiver learns that it left.
#[test]
fn who_learns_of_the_end_sees_what_was_before() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let data = Arc::new(UnsafeCell::new(0_u64));
        let written = data.clone();
        let leaving = thread::spawn(move || {
            // SAFETY: the reader waits for the end; loom reports a race if the end does not order the two.
            written.with_mut(|data| unsafe { *data = 1 });
            drop(sender);
        });
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        assert_eq!(receiver.recv(&mut [0; 16]), Err(RecvBytesError::Disconnected));
        // SAFETY: as above.
        assert_eq!(data.with(|data| unsafe { *data }), 1);
        leaving.join().unwrap();
    });
}

/// Proves that a sender that sleeps for room learns that the last receiver has left, and that it is refused at once from then on.
#[test]
fn the_last_receiver_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(TWO_WORDS));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        sender.send(b"full").unwrap();
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        let leaving = thread::spawn(move || drop(receiver));
        assert_eq!(sender.send(b"nobody"), Err(SendBytesError::Disconnected));
        leaving.join().unwrap();
        assert_eq!(receive(sender.queue()), b"full");
        assert_eq!(sender.try_send(b"nobody"), Err(TrySendBytesError::Disconnected));
    });
}

/// Proves that a sweep wakes a receiver for the message of a sender that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(TWO_WORDS));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_send(b"mortal")).is_none());
        let receiver = thread::spawn(move || wait(&second.handle(&two.without_seizing())).unwrap());
        let died = mortal.join().unwrap();
        if died {
            let queue = shared.handle(&three);
            let sent = !queue.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !sent {
                // It died before that, or the receiver has its message already.
                queue.try_send(b"other").unwrap();
            }
        }
        assert!([&b"mortal"[..], b"other"].contains(&&receiver.join().unwrap()[..]));
        died
    });
}

/// Proves that a sweep wakes a sender for the room of a receiver that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_sender() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(TWO_WORDS));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        queue.try_send(b"full").unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_recv(&mut [0; 16])).is_none());
        let sender = thread::spawn(move || second.handle(&two.without_seizing()).send(b"next").unwrap());
        let died = mortal.join().unwrap();
        if died {
            let freed = queue.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !freed {
                // It died before that, or the sender has used the room already.
                try_receive(&queue).unwrap();
            }
        }
        sender.join().unwrap();
        died
    });
}
