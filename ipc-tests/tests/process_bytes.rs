//! Queues of messages of any length between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{
    ByteQueue, Fault, RecvBytesError, RecvBytesTimeoutError, RecvError, RecvValueError, Region, SendBytesError,
    SendBytesTimeoutError, TryRecvBytesError, TryRecvError, TryRecvValueError, TrySendBytesError, TrySendValueError,
    ValueQueue,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);
const CAPACITY: usize = 700;

const ROLES: &[Role] = &[("send", send), ("send_on", send_on), ("receive_on", receive_on), ("tell", tell)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Sender, number, and bytes that follow from both.
fn text(sender: u64, number: u64) -> Vec<u8> {
    let len = (number * 97 + sender * 31) % (CAPACITY as u64 - 20);
    let body = (0..len).map(|i| (i ^ number ^ sender) as u8);
    [sender, number].into_iter().flat_map(u64::to_ne_bytes).chain(body).collect()
}

fn sender_and_number(message: &[u8]) -> (u64, u64) {
    let word = |at: usize| u64::from_ne_bytes(message[at..at + 8].try_into().unwrap());
    let (sender, number) = (word(0), word(8));
    assert_eq!(message, text(sender, number), "a torn message");
    (sender, number)
}

fn open(args: &Args) -> ByteQueue {
    Region::open(&args.get("name")).unwrap().byte_queue("text").open().unwrap()
}

fn create(name: &TempName) -> ByteQueue {
    Region::create(name.as_str()).unwrap().byte_queue("text").capacity(CAPACITY).create().unwrap()
}

fn send(args: &Args) {
    let (queue, me) = (open(args), args.number("me"));
    let mut dice = Dice::new(me);
    let mut next = 0;
    while next < 5000 {
        let message = text(me, next);
        let (head, tail) = message.split_at(dice.roll() as usize % message.len());
        let sent = match dice.roll() % 3 {
            0 => queue.try_send(&message).is_ok(),
            1 => queue.send(&message).is_ok(),
            _ => queue.send_parts(&[head, &[], tail]).is_ok(),
        };
        next += u64::from(sent);
    }
}

/// Three senders and two receiving threads: all arrive, whole, and at each receiver every sender's in order.
#[test]
fn many_to_many() {
    let _watchdog = Watchdog::new(LIMIT, "many_to_many");
    let name = TempName::new("bytes");
    let queue = create(&name);
    let receivers = [(); 2].map(|()| {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let (mut last, mut count, mut buffer) = ([None::<u64>; 3], 0, Vec::new());
            loop {
                buffer.clear();
                match queue.recv_into(&mut buffer) {
                    Ok(len) => assert_eq!(len, buffer.len()),
                    Err(end) => {
                        assert_eq!(end, RecvError::Closed);
                        return count;
                    }
                }
                let (sender, number) = sender_and_number(&buffer);
                let before = last[sender as usize].replace(number);
                assert!(before.is_none_or(|before| before < number));
                count += 1;
            }
        })
    });
    let mut senders = ["0", "1", "2"].map(|me| children::spawn("send", &[("name", name.as_str()), ("me", me)]));
    assert!(senders.iter_mut().all(|sender| sender.wait().success()));
    assert!(queue.close().unwrap() && !queue.close().unwrap());
    let counts: u64 = receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum();
    assert_eq!(counts, 15_000);
}

fn send_on(args: &Args) {
    let queue = open(args);
    let mut next = args.number("next");
    children::say("going");
    loop {
        queue.send(&text(0, next)).unwrap();
        next += 1;
    }
}

/// Senders are killed thirty times in full swing: no gap, nothing torn, and the next one goes on at once.
#[test]
fn senders_die() {
    let _watchdog = Watchdog::new(LIMIT, "senders_die");
    let name = TempName::new("senders");
    let queue = create(&name);
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let enough = next + 300;
        while next < enough {
            assert_eq!(sender_and_number(&queue.recv_vec().unwrap()), (0, next));
            next += 1;
        }
        child.sigkill();
        while let Ok(message) = queue.try_recv_vec() {
            assert_eq!(sender_and_number(&message), (0, next));
            next += 1;
        }
        queue.send_timeout(&text(1, 1), PATIENCE).unwrap();
        assert_eq!(sender_and_number(&queue.recv_vec().unwrap()), (1, 1));
    }
}

fn receive_on(args: &Args) {
    let queue = open(args);
    let got = queue.region().counter("got").open().unwrap();
    children::say("going");
    loop {
        got.store(sender_and_number(&queue.recv_vec().unwrap()).1).unwrap();
    }
}

/// Receivers are killed thirty times in full swing: nothing comes twice, and at most what the dead one had taken is missing.
#[test]
fn receivers_die() {
    let _watchdog = Watchdog::new(LIMIT, "receivers_die");
    let name = TempName::new("receivers");
    let queue = create(&name);
    let got = queue.region().counter("got").create().unwrap();
    let mut next = 1;
    for _ in 0..30 {
        let mut child = children::spawn("receive_on", &[("name", name.as_str())]);
        child.expect("going");
        let enough = next + 300;
        while next < enough {
            queue.send_timeout(&text(0, next), PATIENCE).unwrap();
            next += 1;
        }
        child.sigkill();
        let last = got.load().unwrap();
        let left: Vec<u64> =
            std::iter::from_fn(|| queue.try_recv_vec().ok()).map(|message| sender_and_number(&message).1).collect();
        let first = left.first().copied().unwrap_or(next);
        assert!(first == last + 1 || first == last + 2, "noted {last}, then {first}");
        assert!(left.iter().copied().eq(first..next));
    }
}

/// What does not fit is told with its numbers, and nothing is lost.
#[test]
fn what_does_not_fit() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.byte_queue("text").capacity(100).create().unwrap();
    let error = queue.send(&[1; 101]).unwrap_err();
    assert_eq!(error, SendBytesError::TooLong { len: 101, max: 100 });
    assert_eq!(
        error.to_string(),
        "a message of 101 bytes, at most 100 are possible (`max_len` or `capacity` sets this)"
    );
    queue.send(&[1; 100]).unwrap();
    assert_eq!(queue.try_send(&[2; 100]), Err(TrySendBytesError::Full));
    assert_eq!(queue.send_timeout(&[2; 100], Duration::from_millis(2)), Err(SendBytesTimeoutError::Timeout));
    let mut small = [0; 99];
    let error = queue.recv(&mut small).unwrap_err();
    assert_eq!(error, RecvBytesError::TooLong { len: 100, room: 99 });
    assert_eq!(queue.recv_vec(), Ok(vec![1; 100]));
    assert_eq!(queue.try_recv(&mut small), Err(TryRecvBytesError::Empty));
    assert_eq!(queue.recv_timeout(&mut small, Duration::from_millis(2)), Err(RecvBytesTimeoutError::Timeout));
    // A message may be empty.
    queue.send(&[]).unwrap();
    assert_eq!((queue.recv(&mut []), queue.stats().used), (Ok(0), 0));
    queue.send(b"last").unwrap();
    queue.close().unwrap();
    assert_eq!(queue.send(b"late"), Err(SendBytesError::Closed));
    assert_eq!((queue.recv_vec(), queue.recv_vec()), (Ok(b"last".to_vec()), Err(RecvError::Closed)));
    assert!(children::holds_after_fork(|| queue.try_send(b"") == Err(TrySendBytesError::Fault(Fault::Forked))));
}

/// A peer that writes nonsense into the words is found out.
#[test]
fn words_that_make_no_sense() {
    let name = TempName::new("nonsense");
    let queue = create(&name);
    let offset = queue.region().list()[0].offset;
    let file = std::fs::OpenOptions::new().write(true).open(queue.region().path().unwrap()).unwrap();
    let write = |at: u64, word: u64| std::os::unix::fs::FileExt::write_all_at(&file, &word.to_ne_bytes(), at).unwrap();
    let (tail, head, ring) = (offset + 128, offset + 384, offset + 1024);
    let corrupted = RecvError::Fault(Fault::Corrupted);
    for nonsense in [1 << 20, 1 << 63] {
        write(tail, nonsense);
        assert_eq!(queue.recv_vec(), Err(corrupted));
        assert_eq!(queue.send(b"x"), Err(SendBytesError::Fault(Fault::Corrupted)));
        write(tail, 0);
        write(head, nonsense);
        assert_eq!(queue.try_recv_vec(), Err(corrupted.into()));
        write(head, 0);
    }
    queue.send(b"four").unwrap();
    for nonsense in [9, CAPACITY as u64, u64::MAX] {
        write(ring, nonsense);
        assert_eq!(queue.recv_vec(), Err(corrupted), "a length of {nonsense}");
    }
    write(ring, 3);
    assert_eq!(queue.recv_vec(), Ok(b"fou".to_vec()));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    Buy { what: String, pieces: Vec<u32> },
    Cancel(Option<Box<Order>>),
    Quit,
}

fn tell(args: &Args) {
    let orders = ValueQueue::<Order>::new(open(args));
    let buy = Order::Buy { what: "nails".to_owned(), pieces: vec![1, 2, 3] };
    for order in [buy.clone(), Order::Cancel(Some(Box::new(buy))), Order::Quit] {
        orders.send(&order).unwrap();
    }
}

/// Values of any type go through, and bytes that are none are an error.
#[test]
fn values() {
    let _watchdog = Watchdog::new(LIMIT, "values");
    let name = TempName::new("values");
    let orders = ValueQueue::<Order>::new(create(&name));
    assert!(children::spawn("tell", &[("name", name.as_str())]).wait().success());
    let buy = Order::Buy { what: "nails".to_owned(), pieces: vec![1, 2, 3] };
    assert_eq!(orders.recv().unwrap(), buy);
    assert_eq!(orders.try_recv().unwrap(), Order::Cancel(Some(Box::new(buy))));
    assert_eq!(orders.recv_timeout(PATIENCE).unwrap(), Order::Quit);
    for bytes in [&[][..], &[77], &[2, 0], &[0, 200], &[0, 1, 0xff, 0], &[1, 2]] {
        orders.bytes().send(bytes).unwrap();
        assert!(matches!(orders.recv(), Err(RecvValueError::Value(_))), "{bytes:?}");
    }
    assert!(matches!(orders.try_recv(), Err(TryRecvValueError::Queue(TryRecvError::Empty))));
    let large = Order::Buy { what: String::new(), pieces: vec![u32::MAX; CAPACITY] };
    assert!(matches!(orders.try_send(&large), Err(TrySendValueError::Queue(TrySendBytesError::TooLong { .. }))));
}
