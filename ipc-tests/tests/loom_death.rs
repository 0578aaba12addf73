//! Death at every write of an operation, beside living participants.
#![cfg(loom)]

use ipc_core::participant::Seized;
use ipc_core::queue::Queue;
use ipc_tests::model::{Actor, Machine, QueueWords, Twin, explore_deaths, id, twin, whole};
use loom::thread;

/// Everything that is there, once all others are gone; then the queue must carry on.
fn drain_and_go_on(queue: &Queue<'_, Twin, Actor>, capacity: u64) -> Vec<u64> {
    let mut got: Vec<u64> = std::iter::from_fn(|| queue.try_recv().ok()).map(whole).collect();
    for n in 100..100 + capacity {
        queue.send(twin(n)).unwrap();
    }
    for n in 100..100 + capacity {
        match whole(queue.recv().unwrap()) {
            late if late < 100 => got.push(late),
            next => assert_eq!(next, n, "in order"),
        }
    }
    assert!(queue.try_recv().is_err());
    got
}

/// A producer dies at any write beside a living one: the living one's message arrives, the dead one's at most once and
/// whole, and the queue carries on with all its places.
#[test]
fn a_producer_dies_beside_another() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || words.handle(&actor).try_send(twin(1)).is_ok()).is_none()
            })
        };
        let other = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                words.handle(&actor).try_send(twin(2)).is_ok()
            })
        };
        let (died, sent) = (mortal.join().unwrap(), other.join().unwrap());
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        let got = drain_and_go_on(&queue, 2);
        let count = |n| got.iter().filter(|&&message| message == n).count();
        assert_eq!(count(2), usize::from(sent));
        assert!(count(1) <= 1 && (died || count(1) == 1), "{got:?}");
        died
    });
}

/// A producer dies at any write while a consumer sleeps for another's message: the consumer gets it.
#[test]
fn a_producer_dies_before_a_sleeper() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let lived = actor.live(at, || words.handle(&actor).try_send(twin(1)).is_ok());
                let actor = machine.actor(2);
                words.handle(&actor).send(twin(2)).unwrap();
                lived.is_none()
            })
        };
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        loop {
            match whole(queue.recv().unwrap()) {
                1 => {}
                message => break assert_eq!(message, 2),
            }
        }
        mortal.join().unwrap()
    });
}

/// A producer dies at any write, and the queue is closed meanwhile: the receiver gets what was sent, and then the end.
#[test]
fn a_producer_dies_before_the_end() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || words.handle(&actor).try_send(twin(1)).is_ok())
            })
        };
        let receiver = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                let queue = words.handle(&actor);
                let got: Vec<u64> = std::iter::from_fn(|| queue.recv().ok()).map(whole).collect();
                got.len()
            })
        };
        let sent = mortal.join().unwrap();
        words.handle(&machine.actor(3)).close().unwrap();
        let got = receiver.join().unwrap();
        assert!(got <= 1 && (sent != Some(true) || got == 1));
        sent.is_none()
    });
}

/// A consumer dies at any write beside a living one: at most the one message is gone that it had taken.
#[test]
fn a_consumer_dies_beside_another() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        queue.try_send(twin(1)).unwrap();
        queue.try_send(twin(2)).unwrap();
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || words.handle(&actor).try_recv().ok().map(whole))
            })
        };
        let other = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                words.handle(&actor).try_recv().ok().map(whole)
            })
        };
        let (taken, other) = (mortal.join().unwrap(), other.join().unwrap());
        let mut got = drain_and_go_on(&queue, 2);
        got.extend(taken.flatten());
        got.extend(other);
        got.sort_unstable();
        let all: &[&[u64]] = if taken.is_none() { &[&[1, 2], &[1], &[2]] } else { &[&[1, 2]] };
        assert!(all.contains(&&got[..]), "{got:?}");
        taken.is_none()
    });
}

/// The repairer after a dead producer dies at any write itself: the next one repairs the rest.
#[test]
fn a_repairer_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let first = machine.actor(1);
        // Dies before its second write: it holds a ticket, unpublished.
        assert!(first.live(Some(2), || words.handle(&first).try_send(twin(1)).is_ok()).is_none());
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                actor.live(at, || words.handle(&actor).try_recv().ok().map(whole)).is_none()
            })
        };
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        queue.try_send(twin(2)).unwrap();
        let died = mortal.join().unwrap();
        let got = drain_and_go_on(&queue, 2);
        assert!(got.len() <= 1 && got.iter().all(|&message| message == 2), "{got:?}");
        died
    });
}

/// A producer dies at any write of a batch beside a living one: of the dead one's messages the first ones arrive, whole and in
/// order; the living one's arrives; and the queue carries on with all its places.
#[test]
fn a_producer_dies_in_a_batch() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(4));
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let batch = [twin(1), twin(2), twin(3)];
                actor.live(at, || words.handle(&actor).try_send_slice(&batch).is_ok()).is_none()
            })
        };
        let other = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                words.handle(&actor).try_send(twin(9)).is_ok()
            })
        };
        let (died, sent) = (mortal.join().unwrap(), other.join().unwrap());
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        let got = drain_and_go_on(&queue, 4);
        let of_batch: Vec<u64> = got.iter().copied().filter(|&message| message != 9).collect();
        assert_eq!(got.len() - of_batch.len(), usize::from(sent));
        assert!([1, 2, 3].starts_with(&of_batch) && (died || of_batch.len() == 3), "{got:?}");
        died
    });
}

/// A producer that finds a dead one's unpublished batch dies at any write of its own send, after which nobody is left who remembers
/// the batch but its slots: the next ones pass over it.
#[test]
fn a_marker_of_a_batch_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(4));
        let first = machine.actor(1);
        // Dies with three tickets, of which none is published.
        let batch = [twin(1), twin(2), twin(3)];
        let handle = words.handle(&first);
        assert!(first.live(Some(2), || handle.try_send_slice(&batch).is_ok()).is_none());
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                actor.live(at, || words.handle(&actor).try_send(twin(8)).is_ok())
            })
        };
        let other = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(4);
                words.handle(&actor).try_send(twin(9)).is_ok()
            })
        };
        let (sent, also) = (mortal.join().unwrap(), other.join().unwrap());
        let actor = machine.actor(3);
        let got = drain_and_go_on(&words.handle(&actor), 4);
        let count = |n| got.iter().filter(|&&message| message == n).count();
        assert!(got.iter().all(|message| *message >= 8), "{got:?}");
        assert_eq!(count(9), usize::from(also));
        assert!(count(8) <= 1 && (sent.is_none() || count(8) == usize::from(sent == Some(true))), "{got:?}");
        sent.is_none()
    });
}

/// The repairer after a dead producer of a batch dies at any write itself: the next one repairs the rest.
#[test]
fn a_repairer_of_a_batch_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(4));
        let first = machine.actor(1);
        let batch = [twin(1), twin(2), twin(3)];
        let handle = words.handle(&first);
        assert!(first.live(Some(2), || handle.try_send_slice(&batch).is_ok()).is_none());
        let mortal = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                let repair = || Seized::try_new(&actor, id(1)).map(|seized| words.sweep(seized.dead(), &actor));
                actor.live(at, repair).is_none()
            })
        };
        let looker = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(4)).try_recv().is_err())
        };
        let died = mortal.join().unwrap();
        assert!(looker.join().unwrap(), "nothing was published");
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        queue.try_send(twin(9)).unwrap();
        assert_eq!(drain_and_go_on(&queue, 4), [9]);
        died
    });
}
