//! The priority queue: each message once and whole, lowest key first, also where senders, receivers and those die that repair after
//! them. How they wait, and how the queue ends, is the stack's: see `loom_stack.rs`.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::PriorityQueue;
use ipc_core::error::{TryRecvError, TrySendError};
use ipc_core::priority::Options;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths};
use loom::thread;

type Words = Shared<Options<u64, u64>>;
type Queue<'m> = PriorityQueue<'m, u64, u64, Actor>;

fn made(capacity: u64) -> Arc<Words> {
    Shared::new(Options::new(capacity))
}

/// A message that shows when it is torn.
const fn message(key: u64) -> (u64, u64) {
    (key, !key)
}

#[track_caller]
fn key(message: (u64, u64)) -> u64 {
    assert_eq!(message.1, !message.0, "torn");
    message.0
}

/// Sends once there is room, without blocking.
fn send(queue: &Queue<'_>, key: u64) {
    while let Err(error) = queue.try_send(key, !key) {
        assert_eq!(error, TrySendError::Full(message(key)));
        spin_hint();
    }
}

/// Sends all of these at once, without blocking. There is room.
fn send_all(queue: &Queue<'_>, keys: &[u64]) {
    let messages: Vec<_> = keys.iter().map(|key| message(*key)).collect();
    while queue.try_send_slice(&messages) == Err(TrySendError::Full(())) {
        spin_hint();
    }
}

fn try_receive(queue: &Queue<'_>) -> Option<u64> {
    match queue.try_recv() {
        Ok(message) => Some(key(message)),
        Err(TryRecvError::Empty | TryRecvError::Busy) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// Up to two at once.
fn try_receive_two(queue: &Queue<'_>) -> Vec<u64> {
    let mut out = [message(0); 2];
    match queue.try_recv_slice(&mut out) {
        Ok(count) => out[..count].iter().map(|message| key(*message)).collect(),
        Err(TryRecvError::Empty | TryRecvError::Busy) => Vec::new(),
        Err(other) => panic!("{other:?}"),
    }
}

/// Receives once a message is there, without blocking.
fn receive(queue: &Queue<'_>) -> u64 {
    loop {
        match try_receive(queue) {
            Some(key) => return key,
            None => spin_hint(),
        }
    }
}

/// All that is there, of which there is as much as the queue says.
#[track_caller]
fn drain(queue: &Queue<'_>) -> Vec<u64> {
    let len = queue.len();
    let got: Vec<u64> = std::iter::from_fn(|| try_receive(queue)).collect();
    assert_eq!((len, queue.len(), queue.is_full()), (got.len(), 0, false), "{got:?}");
    got
}

/// Proves that what is received is whole, also where an entry is used again, and that each message comes once.
#[test]
fn messages_arrive_whole() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || [2, 1].map(|key| send(&other.handle(&one), key)));
        let receiver = thread::spawn(move || {
            let queue = shared.handle(&two);
            assert_eq!([receive(&queue), receive(&queue)], [2, 1], "one at a time fits");
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that a batch is put in and taken out in one step, and that the lowest key comes first.
#[test]
fn batches_are_one_step() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(3);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        send_all(&shared.handle(&machine.actor(3)), &[5]);
        let other = shared.clone();
        let sender = thread::spawn(move || {
            while other.handle(&one).try_send_slice(&[message(7), message(3)]) == Err(TrySendError::Full(())) {
                spin_hint();
            }
        });
        let queue = shared.handle(&two);
        let got = try_receive_two(&queue);
        sender.join().unwrap();
        let rest = drain(&queue);
        assert!((got == [5] && rest == [3, 7]) || (got == [3, 5] && rest == [7]), "{got:?}, {rest:?}");
    });
}

/// Proves that wherever a sender of a batch dies, beside a sender that goes on, all of the batch arrives or nothing, in order; and that
/// what was received before does not come back.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(3);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        send_all(&queue, &[9, 8]);
        assert_eq!(try_receive_two(&queue), [8, 9]);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || send_all(&first.handle(&one), &[3, 1])).is_none());
        let other = thread::spawn(move || send(&second.handle(&two), 2));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        let got = drain(&queue);
        assert!(got == [1, 2, 3] || (died && got == [2]), "{got:?}");
        // All places are free.
        send_all(&queue, &[5, 4, 6]);
        assert_eq!(drain(&queue), [4, 5, 6]);
        died
    });
}

/// Proves that wherever a receiver of a batch dies, beside one that goes on, it has taken all of its batch or nothing, and nothing comes
/// twice, also when further messages follow.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(4);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        send_all(&queue, &[3, 1, 2]);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_receive_two(&first.handle(&one))));
        let other = thread::spawn(move || try_receive(&second.handle(&two)));
        let (taken, got) = (mortal.join().unwrap(), other.join().unwrap());
        // It comes before what the dead one had in its hands.
        send_all(&queue, &[0]);
        let left = drain(&queue);
        let died = taken.is_none();
        let right = match (got, taken.as_deref()) {
            // The other one was first, or went without.
            (Some(1), Some([2, 3])) | (Some(3), Some([1, 2])) => left == [0],
            (None, Some([1, 2])) => left == [0, 3],
            (Some(1), Some([])) => left == [0, 2, 3],
            (Some(1), None) => left == [0] || left == [0, 2, 3],
            (Some(3), None) => left == [0],
            (None, None) => left == [0, 3] || left == [0, 1, 2, 3],
            _ => false,
        };
        assert!(right, "{taken:?}, {got:?}, {left:?}");
        died
    });
}

/// Proves that who makes the heap anew after a receiver's death, beside a sender, takes no entry for a message that was taken before.
#[test]
fn a_rebuild_beside_a_sender() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(2);
        let [one, two, three, four] = [1, 2, 3, 4].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        // Both entries are used again.
        send_all(&queue, &[8, 9]);
        assert_eq!(drain(&queue), [8, 9]);
        send_all(&queue, &[2]);
        let taken = one.live(at, || try_receive(&shared.handle(&one)));
        let (first, second) = (shared.clone(), shared.clone());
        let receiver = thread::spawn(move || try_receive(&first.handle(&two)));
        let sender = thread::spawn(move || send(&second.handle(&four), 7));
        let got = receiver.join().unwrap();
        sender.join().unwrap();
        let all: Vec<u64> = got.into_iter().chain(drain(&queue)).collect();
        let died = taken.is_none();
        assert!(all == [7] || (died && all == [2, 7]), "{all:?}, {taken:?}");
        died
    });
}

/// What the second one did.
#[derive(Debug)]
enum Did {
    Send(bool),
    Take(Option<u64>),
    Look(Option<u64>),
}

/// A sender or receiver dies at each of its writes, and the next one, which takes its lock over, dies at each of its own. Proves that a
/// third one finds whole batches in order, and first in, first out among equal keys.
fn repairers_die(
    first: impl Fn(&Queue<'_>) + Sync + Send + Copy + 'static,
    second: fn(&Queue<'_>) -> Did,
    right: fn(&[u64]) -> bool,
) {
    let mut before = 1;
    loop {
        let lived = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = lived.clone();
        explore_deaths(1, move |at| {
            let machine = Machine::new();
            let shared = made(4);
            let [one, two, three, four] = [1, 2, 3, 4].map(|number| machine.actor(number));
            let queue = shared.handle(&three);
            send_all(&queue, &[9]);
            assert_eq!(drain(&queue), [9]);
            send_all(&queue, &[2, 1]);
            if one.live(Some(before), || first(&shared.handle(&one))).is_some() {
                seen.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            let other = shared.clone();
            let mortal = thread::spawn(move || two.live(at, || second(&other.handle(&two))));
            let looks = thread::spawn(move || assert!(shared.handle(&four).len() <= 4));
            let lived = mortal.join().unwrap();
            looks.join().unwrap();
            let got = drain(&queue);
            let mut rest = got.clone();
            // What the second one sent comes last.
            let sent = rest.pop_if(|last| *last == 5).is_some();
            let fits = match lived {
                Some(Did::Send(done)) => sent == done && right(&rest),
                Some(Did::Take(None)) => right(&rest),
                Some(Did::Take(Some(found))) => {
                    rest.insert(0, found);
                    right(&rest)
                }
                Some(Did::Look(found)) => (found.is_none() || got.first() == found.as_ref()) && right(&rest),
                // Or it has taken the lowest along.
                None => right(&rest) || right(&[&[1], &rest[..]].concat()) || right(&[&[2], &rest[..]].concat()),
            };
            assert!(fits, "{got:?}, {lived:?}");
            lived.is_none()
        });
        if lived.load(std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        before += 1;
    }
}

/// Proves it of a sender behind a sender.
#[test]
fn who_sends_after_a_sender_dies() {
    repairers_die(|queue| _ = queue.try_send(0, !0), send_five, |got| got == [0, 1, 2] || got == [1, 2]);
}

/// Proves it of a receiver behind a receiver: it sets the heap up anew.
#[test]
fn who_repairs_after_a_receiver_dies() {
    let take = |queue: &Queue<'_>| Did::Take(try_receive(queue));
    repairers_die(|queue| _ = try_receive(queue), take, |got| got == [1, 2] || got == [2]);
}

fn send_five(queue: &Queue<'_>) -> Did {
    Did::Send(queue.try_send(5, !5).is_ok())
}

/// Proves of one that looks, after a sender or a receiver: it finds the lowest, takes nothing, and repairs as a receiver does.
#[test]
fn who_looks_after_a_death_finds_the_lowest() {
    let look = |queue: &Queue<'_>| Did::Look(queue.peek().ok().map(key));
    repairers_die(|queue| _ = queue.try_send(0, !0), look, |got| got == [0, 1, 2] || got == [1, 2]);
    repairers_die(|queue| _ = try_receive(queue), look, |got| got == [1, 2] || got == [2]);
}

/// Proves that one message fills the queue, both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                queue.send(2, !2).unwrap();
                queue.send(1, !1).unwrap();
            })
        };
        let queue = shared.handle(&machine.actor(2));
        assert_eq!([queue.recv().unwrap(), queue.recv().unwrap()].map(key), [2, 1]);
        sender.join().unwrap();
    });
}
