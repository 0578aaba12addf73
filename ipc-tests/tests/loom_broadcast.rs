//! Broadcasts: every subscriber gets every message once, whole and in order, or is told what it missed.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::broadcast::{Cursor, Missed, Patience, RawBroadcast, Refused, Words};
use ipc_core::sync::{AtomicU64, spin_hint};
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, twin, whole};
use loom::thread;

const STRIDE: usize = 3;

struct Shared {
    raw: RawBroadcast,
    cursors: Vec<Cursor>,
    cells: Vec<AtomicU64>,
    capacity: u64,
}

impl Shared {
    fn new(capacity: u64, cursors: usize) -> Arc<Self> {
        let shared = Shared {
            raw: RawBroadcast::new(),
            cursors: (0..cursors).map(|_| Cursor::new()).collect(),
            cells: (0..capacity.next_power_of_two() as usize * STRIDE).map(|_| AtomicU64::new(0)).collect(),
            capacity,
        };
        shared.words().initialise();
        Arc::new(shared)
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.raw, &self.cursors, &self.cells, self.capacity, STRIDE).expect("a geometry")
    }

    fn try_publish(&self, actor: &Actor, number: u64) -> Result<u64, Refused> {
        self.words().publish(actor, &twin(number), &SpinBudget::new(actor), Patience::None)
    }

    fn publish(&self, actor: &Actor, number: u64) {
        while let Err(refused) = self.try_publish(actor, number) {
            assert!(matches!(refused, Refused::NotNow | Refused::Busy), "{refused:?}");
            self.words().drop_dead(actor);
            spin_hint();
        }
    }

    fn subscribe(&self, actor: &Actor, back: u64) -> (u64, Option<usize>) {
        self.words().subscribe(actor, back, &SpinBudget::new(actor), None).expect("a cursor is free")
    }

    fn receive(&self, actor: &Actor, next: &mut u64, cursor: Option<usize>) -> Result<u64, Missed> {
        let copied = self.words().receive::<Twin, Actor>(actor, next, cursor)?;
        // SAFETY: initialised, and any bits are a Twin.
        Ok(whole(unsafe { copied.assume_init() }))
    }
}

/// Publishers that do not wait: what a subscriber gets is whole and its own, and what it misses is counted.
#[test]
fn who_is_slow_is_told() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(2, 0);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let (mut next, cursor) = shared.subscribe(&two, 0);
        let other = shared.clone();
        let publisher = thread::spawn(move || (0..3).for_each(|number| other.publish(&one, number)));
        let subscriber = thread::spawn(move || {
            let mut expected = 0;
            while expected < 3 {
                match shared.receive(&two, &mut next, cursor) {
                    Ok(number) => {
                        assert_eq!(number, expected);
                        expected += 1;
                    }
                    Err(Missed::Lagged(missed)) => expected += missed,
                    Err(Missed::Nothing) => spin_hint(),
                    // Writers have spoilt all three attempts.
                    Err(Missed::Corrupted) => spin_hint(),
                }
            }
        });
        publisher.join().unwrap();
        subscriber.join().unwrap();
    });
}

/// Publishers that wait: nothing is missed, whoever is slow.
#[test]
fn nobody_misses_anything() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(1, 1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let (mut next, cursor) = shared.subscribe(&two, 0);
        let other = shared.clone();
        let publisher = thread::spawn(move || (0..3).for_each(|number| other.publish(&one, number)));
        let subscriber = thread::spawn(move || {
            let mut expected = 0;
            while expected < 3 {
                match shared.receive(&two, &mut next, cursor) {
                    Ok(number) => {
                        assert_eq!(number, expected);
                        expected += 1;
                    }
                    Err(Missed::Nothing) => spin_hint(),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        publisher.join().unwrap();
        subscriber.join().unwrap();
    });
}

/// One who joins for the last message while others are published gets that one and all behind it.
#[test]
fn who_joins_late_misses_nothing() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(2, 2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        // Somebody else has read everything: publishers have gone far ahead of it.
        let (mut next, cursor) = shared.subscribe(&two, 0);
        shared.publish(&one, 0);
        assert_eq!(shared.receive(&two, &mut next, cursor), Ok(0));
        shared.publish(&one, 1);
        assert_eq!(shared.receive(&two, &mut next, cursor), Ok(1));
        shared.words().unsubscribe(&two, cursor);
        let (other, actor) = (shared.clone(), one.clone());
        let publisher = thread::spawn(move || other.try_publish(&actor, 2).is_ok());
        let joiner = thread::spawn(move || {
            let (mut next, cursor) = shared.subscribe(&two, 2);
            let first = next;
            let second = shared.try_publish(&two, 3).is_ok();
            let mut got = Vec::new();
            loop {
                match shared.receive(&two, &mut next, cursor) {
                    Ok(number) => got.push(number),
                    Err(Missed::Nothing) => break,
                    Err(other) => panic!("{other:?}"),
                }
            }
            let whole = got.iter().copied().eq(first..first + got.len() as u64);
            assert!(!second && got.len() >= 2 && whole, "{first}, {second}, {got:?}");
        });
        publisher.join().unwrap();
        joiner.join().unwrap();
    });
}

/// A publisher dies at any write beside a living one: its message is there whole or not at all.
#[test]
fn a_publisher_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(4, 0);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (mut next, cursor) = shared.subscribe(&three, 0);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.publish(&one, 1)).is_none());
        let other = thread::spawn(move || second.publish(&two, 2));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        shared.publish(&three, 3);
        let got: Vec<u64> = std::iter::from_fn(|| shared.receive(&three, &mut next, cursor).ok()).collect();
        let mut sorted = got.clone();
        sorted.sort_unstable();
        assert!(sorted == [1, 2, 3] || (sorted == [2, 3] && died), "{got:?}");
        assert_eq!(got.last(), Some(&3));
        died
    });
}

/// A subscriber dies at any write: who waits for it goes on.
#[test]
fn a_subscriber_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(1, 1);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            one.live(at, || {
                let (mut next, cursor) = first.subscribe(&one, 0);
                let _ = first.receive(&one, &mut next, cursor);
                first.words().unsubscribe(&one, cursor);
            })
            .is_none()
        });
        let publisher = thread::spawn(move || {
            second.publish(&two, 0);
            second.publish(&two, 1);
        });
        let died = mortal.join().unwrap();
        publisher.join().unwrap();
        let (mut next, cursor) = shared.subscribe(&three, 1);
        assert_eq!(shared.receive(&three, &mut next, cursor), Ok(1));
        died
    });
}
