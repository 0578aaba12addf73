//! Priority queues between separately started programs.

#![cfg(not(loom))]

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ipc_posix::bytemuck::{Pod, Zeroable};
use ipc_posix::{Fault, PriorityQueue, RecvError, RecvTimeoutError, Region, SendTimeoutError, TryRecvError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);
const CAPACITY: usize = 16;
const EACH: u64 = 5000;

/// Large enough that a copy takes a while: the sender, the number, and words that follow from both.
type Message = [u64; 32];
/// Few different ones, and they follow from the number.
type Key = u8;
type Queue = PriorityQueue<Key, Message>;

const ROLES: &[Role] = &[("send", send), ("send_on", send_on), ("receive_on", receive_on)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn message(sender: u64, number: u64) -> (Key, Message) {
    let words = std::array::from_fn(|at| match at {
        0 => sender,
        1 => number,
        at => number.wrapping_mul(at as u64) ^ sender,
    });
    ((number * 5 % 7) as Key, words)
}

#[track_caller]
fn sender_and_number(got: &(Key, Message)) -> (u64, u64) {
    assert_eq!(*got, message(got.1[0], got.1[1]), "a torn message");
    (got.1[0], got.1[1])
}

/// What [`message`] makes, sent.
fn send_one(queue: &Queue, sender: u64, number: u64) {
    let (key, value) = message(sender, number);
    queue.send_timeout(key, value, PATIENCE).unwrap();
}

fn open(args: &Args) -> Queue {
    Region::open(&args.get("name")).unwrap().priority_queue("queue").open().unwrap()
}

fn create(name: &TempName) -> Queue {
    Region::create(name.as_str()).unwrap().priority_queue("queue").capacity(CAPACITY).create().unwrap()
}

fn send(args: &Args) {
    let (queue, me) = (open(args), args.number("me"));
    let mut next = 0;
    while next < EACH {
        let batch = [0, 1, 2].map(|ahead| message(me, next + ahead));
        next += match next % 3 {
            0 => queue.try_send_slice(&batch).unwrap_or(0) as u64,
            1 => queue.send(batch[0].0, batch[0].1).map_or(0, |()| 1),
            _ => queue.send_slice(&batch[..1]).map_or(0, |()| 1),
        };
    }
}

/// Three senders and two receiving threads: every message arrives once, whole.
#[test]
fn many_to_many() {
    let _watchdog = Watchdog::new(LIMIT, "many_to_many");
    let name = TempName::new("priorities");
    let queue = create(&name);
    let receivers = [(); 2].map(|()| {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let (mut got, mut room) = (Vec::new(), Vec::new());
            loop {
                room.clear();
                match queue.recv_many(&mut room, 1 + got.len() % 4) {
                    Ok(count) => assert_eq!(count, room.len()),
                    Err(end) => {
                        assert_eq!(end, RecvError::Closed);
                        return got;
                    }
                }
                got.extend(room.iter().map(sender_and_number));
            }
        })
    });
    let mut senders = ["0", "1", "2"].map(|me| children::spawn("send", &[("name", name.as_str()), ("me", me)]));
    assert!(senders.iter_mut().all(|sender| sender.wait().success()));
    assert!(queue.close().unwrap() && !queue.close().unwrap());
    let mut got: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
    got.sort_unstable();
    for sender in 0..3 {
        let numbers = got.iter().filter(|(from, _)| *from == sender).map(|(_, number)| *number);
        // The last batch may reach beyond.
        let count = numbers.clone().count() as u64;
        assert!((EACH..EACH + 3).contains(&count) && numbers.eq(0..count), "sender {sender}: {count}");
    }
}

fn send_on(args: &Args) {
    let queue = open(args);
    let mut next = args.number("next");
    children::say("going");
    loop {
        send_one(&queue, 0, next);
        next += 1;
    }
}

/// Senders are killed thirty times in full swing: no gap, nothing torn or twice, and the next one goes on at once.
#[test]
fn senders_die() {
    let _watchdog = Watchdog::new(LIMIT, "senders_die");
    let name = TempName::new("senders");
    let queue = create(&name);
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let mut got = Vec::new();
        while got.len() < 300 {
            got.push(sender_and_number(&queue.recv().unwrap()));
        }
        child.sigkill();
        // The lock may have died with it.
        got.extend(std::iter::from_fn(|| queue.recv_timeout(Duration::ZERO).ok()).map(|got| sender_and_number(&got)));
        got.sort_unstable();
        let end = next + got.len() as u64;
        assert!(got.iter().map(|(_, number)| *number).eq(next..end), "{next}: {got:?}");
        next = end;
        send_one(&queue, 1, 1);
        assert_eq!(sender_and_number(&queue.recv_timeout(PATIENCE).unwrap()), (1, 1));
    }
}

fn receive_on(args: &Args) {
    let queue = open(args);
    let got = queue.region().counter("got").open().unwrap();
    children::say("going");
    loop {
        sender_and_number(&queue.recv().unwrap());
        got.fetch_add(1).unwrap();
    }
}

/// Receivers are killed thirty times in full swing: each takes at most the one message with it that it had received.
#[test]
fn receivers_die() {
    let _watchdog = Watchdog::new(LIMIT, "receivers_die");
    let name = TempName::new("receivers");
    let queue = create(&name);
    let got = queue.region().counter("got").create().unwrap();
    let mut sent = 0;
    let mut lost = 0;
    for _ in 0..30 {
        let mut child = children::spawn("receive_on", &[("name", name.as_str())]);
        child.expect("going");
        for _ in 0..300 {
            send_one(&queue, 0, sent);
            sent += 1;
        }
        child.sigkill();
        loop {
            match queue.recv_timeout(Duration::ZERO) {
                Ok(message) => {
                    sender_and_number(&message);
                    got.fetch_add(1).unwrap();
                }
                Err(RecvTimeoutError::Timeout) if queue.is_empty() => break,
                Err(error) => assert_eq!(error, RecvTimeoutError::Timeout),
            }
        }
        let missing = sent - got.load().unwrap() - lost;
        assert!(missing <= 1, "{missing} messages went with one receiver");
        lost += missing;
    }
}

/// An opener with another capacity, key or type is told what differs.
#[test]
fn another_shape() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.priority_queue::<i64, u64>("queue").capacity(3).create().unwrap();
    assert_eq!(queue.try_send_slice(&[(1, 1), (2, 2), (3, 3), (4, 4)]), Ok(3));
    assert_eq!(queue.send_timeout(5, 5, Duration::ZERO), Err(SendTimeoutError::Timeout((5, 5))));
    let wrong = region.priority_queue::<i64, u64>("queue").capacity(4).open().unwrap_err();
    assert!(wrong.to_string().contains("capacity 4 here, 3 in"), "{wrong}");
    let wrong = region.priority_queue::<i64, u32>("queue").any_type().open().unwrap_err();
    assert!(wrong.to_string().contains("element size 4 here, 8 in"), "{wrong}");
    let wrong = region.priority_queue::<i32, u64>("queue").any_type().open().unwrap_err();
    assert!(wrong.to_string().contains("key size 4 here, 8 in"), "{wrong}");
    let wrong = region.priority_queue::<[u8; 8], u64>("queue").any_type().open().unwrap_err();
    assert!(wrong.to_string().contains("key alignment 1 here, 8 in"), "{wrong}");
    let wrong = region.queue::<u64>("queue").open().unwrap_err();
    assert!(wrong.to_string().contains("queue here, priority queue in"), "{wrong}");
    assert!(region.list()[0].to_string().starts_with("priority queue \"queue\" of 3 x 8 bytes"));
}

/// A key whose bits are no value comes first and is dropped, as is a value; all else arrives.
#[test]
fn bad_messages() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.priority_queue::<bool, bool>("flags").capacity(8).create().unwrap();
    let peer = region.priority_queue::<u8, u8>("flags").any_type().open().unwrap();
    peer.send_slice(&[(1, 1), (0, 2), (1, 0), (7, 1), (0, 1)]).unwrap();
    let mut out = [(false, false); 4];
    assert_eq!(queue.try_recv_slice(&mut out), Err(TryRecvError::Fault(Fault::InvalidValue)), "its key is 7");
    assert_eq!(queue.try_recv(), Err(TryRecvError::Fault(Fault::InvalidValue)), "its value is 2");
    assert_eq!(queue.try_recv_slice(&mut out[..2]), Ok(2));
    assert_eq!(out[..2], [(false, true), (true, true)]);
    peer.send(3, 0).unwrap();
    peer.send(1, 4).unwrap();
    let mut rest = queue.try_iter();
    assert_eq!((rest.by_ref().collect::<Vec<_>>(), rest.skipped()), (vec![(true, false)], 2));
}

/// A key with an order that is none, or that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
struct Moody(u32);

static PANICS: AtomicBool = AtomicBool::new(false);

impl Ord for Moody {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(!PANICS.load(Relaxed), "the order panics");
        // 9 is less than all, and all are less than 9.
        if self.0 == 9 || other.0 == 9 { Ordering::Less } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A receive whose comparison panics has not happened, and the others go on, in order; with an order that is none, each message comes
/// once.
#[test]
fn moody_orders() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.priority_queue::<Moody, u32>("queue").capacity(4).create().unwrap();
    let panics = |act: &dyn Fn()| {
        PANICS.store(true, Relaxed);
        let result = catch_unwind(AssertUnwindSafe(act));
        PANICS.store(false, Relaxed);
        assert!(result.is_err(), "it panics");
    };
    assert_eq!(queue.try_send_slice(&[3, 1, 2].map(|key| (Moody(key), key))), Ok(3));
    panics(&|| _ = queue.try_recv());
    // Now one that repairs.
    panics(&|| _ = queue.try_recv_slice(&mut [(Moody(0), 0); 2]));
    assert_eq!((queue.len(), queue.try_recv()), (3, Ok((Moody(1), 1))));
    assert_eq!(queue.try_send(Moody(1), 1), Ok(()));
    panics(&|| _ = queue.try_recv());
    assert_eq!(queue.try_send(Moody(0), 0), Ok(()));
    assert_eq!(queue.try_iter().map(|(key, _)| key.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(queue.try_send_slice(&[9, 1, 9, 5].map(|key| (Moody(key), key))), Ok(4));
    let mut got: Vec<u32> = queue.try_iter().map(|(_, number)| number).collect();
    got.sort_unstable();
    assert_eq!(got, [1, 5, 9, 9]);
}
