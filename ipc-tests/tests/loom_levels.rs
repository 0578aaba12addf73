//! Queues with levels: `Empty` is true at an instant, a closing is completed by others, no wake-up is lost between levels, and a dead sender
//! holds nobody up.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::LevelQueue;
use ipc_core::error::{RecvError, SendError, TryRecvError, TrySendError};
use ipc_core::level::Options;
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::thread;

type Words = model::Shared<Options<u64>>;
type AQueue = LevelQueue<'static, u64, Actor>;

fn made(capacity: u64) -> Arc<Words> {
    model::Shared::new(Options::new(2, capacity))
}

fn handle(shared: &Words, machine: &Arc<Machine>, number: u16) -> AQueue {
    shared.handle(&machine.actor(number).without_barriers())
}

/// Proves that `Empty` is true at one instant: here a message is there all the time, first in the lower level and then in the higher one.
///
/// The other process puts one into the higher level and then takes that of the lower one, as its turn begins there.
#[test]
fn it_is_not_empty() {
    explore(4, || {
        let machine = Machine::new();
        let mut wanted = Options::new(2, 2);
        wanted.fair = 2;
        let shared: Arc<Words> = model::Shared::new(wanted);
        let other = handle(&shared, &machine, 1);
        other.try_send(0, 1).unwrap();
        assert_eq!(other.try_recv(), Ok(1));
        other.try_send(1, 10).unwrap();
        let other = thread::spawn(move || {
            // A receive looks twice before it asks whether messages were taken: so there is one more turn.
            for (level, number) in [(0, 20), (1, 30), (0, 40)] {
                other.try_send(level, number).unwrap();
                _ = other.try_recv();
            }
        });
        let got = handle(&shared, &machine, 2).try_recv();
        other.join().unwrap();
        assert!(got.is_ok(), "{got:?}");
    });
}

/// Proves that what was sent into a higher level before a receive begins is received first, and that nothing is lost or doubled.
#[test]
fn higher_levels_first() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2));
        handle(&shared, &machine, 1).try_send(0, 1).unwrap();
        let sender = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let queue = handle(&shared, &machine, 1);
                queue.try_send(1, 3).unwrap();
                queue.try_send(0, 2).unwrap();
            })
        };
        let queue = handle(&shared, &machine, 2);
        assert_eq!(queue.try_recv(), Ok(1));
        sender.join().unwrap();
        assert_eq!([queue.try_recv(), queue.try_recv()], [Ok(2), Ok(3)]);
    });
}

/// Proves that a receiver that sleeps is woken by a message of any level.
#[test]
fn a_receiver_sleeps() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let receiver = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.handle(&machine.actor(1)).recv())
        };
        shared.handle(&machine.actor(2)).try_send(1, 7).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(7));
    });
}

/// Proves that a sender that sleeps for room in its level is woken by who takes a message of that level.
#[test]
fn a_sender_sleeps_for_its_level() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let queue = shared.handle(&machine.actor(1));
        queue.try_send(1, 1).unwrap();
        let sender = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.handle(&machine.actor(2)).send(1, 2))
        };
        assert_eq!(queue.recv(), Ok(1));
        sender.join().unwrap().unwrap();
        assert_eq!(queue.recv(), Ok(2));
    });
}

/// Proves that a closer that dies between any two of its steps has closed all levels or none, for all that follow.
#[test]
fn a_closer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(2));
        let mortal = {
            let (shared, actor) = (shared.clone(), machine.actor(1).without_barriers());
            thread::spawn(move || actor.live(at, || shared.handle(&actor).close().unwrap()).is_none())
        };
        let queue = handle(&shared, &machine, 2);
        let sent = queue.try_send(1, 7);
        let died = mortal.join().unwrap();
        let got = queue.try_recv();
        match got {
            Ok(number) => assert_eq!((number, sent), (7, Ok(()))),
            // It says so only where nothing can come any more.
            Err(TryRecvError::Closed) => assert!(sent.is_err()),
            Err(TryRecvError::Empty) => assert!(died && sent.is_err_and(|_| false)),
            Err(error) => panic!("{error}"),
        }
        let end = queue.try_recv();
        let is_closed = end == Err(TryRecvError::Closed);
        assert!(is_closed || (died && end == Err(TryRecvError::Empty)), "{end:?}");
        for level in [0, 1] {
            let sent = queue.try_send(level, 9);
            assert_eq!(sent, if is_closed { Err(TrySendError::Closed(9)) } else { Ok(()) }, "level {level}");
        }
        died
    });
}

/// Proves that receivers that sleep are told of the end, whichever level a dead closer had marked.
#[test]
fn a_sleeper_is_told_of_the_end() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let receiver = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.handle(&machine.actor(1)).recv())
        };
        shared.handle(&machine.actor(2)).close().unwrap();
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
    });
}

/// Proves that senders that sleep are told of the end, of whichever level.
#[test]
fn a_sleeping_sender_is_told_of_the_end() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let queue = shared.handle(&machine.actor(1));
        queue.try_send(1, 1).unwrap();
        let sender = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.handle(&machine.actor(2)).send(1, 2))
        };
        queue.close().unwrap();
        assert_eq!(sender.join().unwrap(), Err(SendError::Closed(2)));
    });
}

/// Proves that a sender that dies in the middle of a send to a higher level holds up no message: those behind it in its level come before
/// those of lower levels.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(4));
        let mortal = {
            let (shared, actor) = (shared.clone(), machine.actor(1).without_barriers());
            thread::spawn(move || actor.live(at, || shared.handle(&actor).try_send(0, 1).unwrap()).is_none())
        };
        let queue = handle(&shared, &machine, 2);
        let first = queue.try_recv();
        let died = mortal.join().unwrap();
        queue.try_send(1, 2).unwrap();
        queue.try_send(0, 3).unwrap();
        let all: Vec<u64> = first.into_iter().chain([(); 3].into_iter().flat_map(|()| queue.try_recv())).collect();
        assert!(all == [1, 3, 2] || (died && all == [3, 2]), "{all:?}");
        died
    });
}

/// Proves that a sweep wakes a receiver for the message of a sender that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_send(1, 1)).is_none());
        let receiver = thread::spawn(move || second.handle(&two.without_seizing()).recv().unwrap());
        let died = mortal.join().unwrap();
        if died {
            let queue = shared.handle(&three);
            let sent = queue.peek().is_some();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !sent {
                // It died before that, or the receiver has its message already.
                queue.send(1, 2).unwrap();
            }
        }
        assert!([1, 2].contains(&receiver.join().unwrap()));
        died
    });
}

/// Proves that a sweep wakes a sender for the room in its level that a receiver made which died before it woke anybody.
#[test]
fn a_sweep_wakes_a_sender() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        queue.try_send(1, 1).unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_recv()).is_none());
        let sender = thread::spawn(move || second.handle(&two.without_seizing()).send(1, 2).unwrap());
        let died = mortal.join().unwrap();
        if died {
            let freed = queue.peek().is_none();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !freed {
                // It died before that, or the sender has used the room already.
                queue.try_recv().unwrap();
            }
        }
        sender.join().unwrap();
        died
    });
}
