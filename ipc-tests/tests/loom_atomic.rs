//! Atomic cells and event groups: no wake-up is lost, a value goes to one taker, and a death holds up no waiter.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::atomic::{Atomic, Options};
use ipc_core::event::GroupOptions;
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    cell: Arc<model::Shared<Options<u32>>>,
    data: UnsafeCell<u64>,
}

impl Shared {
    fn new(initial: u32) -> Arc<Self> {
        let cell = model::Shared::new(Options { initial, schema: 0.into() });
        Arc::new(Shared { cell, data: UnsafeCell::new(0) })
    }

    fn cell(&self, actor: &Actor) -> Atomic<'_, u32, Actor> {
        self.cell.handle(actor)
    }

    fn wait_for_none(&self, actor: &Actor) {
        assert_eq!(self.cell(actor).wait_until(|left| left == 0), Ok(0));
    }

    fn take(&self, actor: &Actor) {
        assert!(self.cell(actor).wait_update(|left| left.checked_sub(1)).unwrap() > 0);
    }
}

/// A waiter for the end of a countdown goes, and sees what was done before it.
#[test]
fn the_end_of_a_countdown_is_seen() {
    explore(None, || {
        let (machine, shared) = (Machine::new(), Shared::new(1));
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                shared.wait_for_none(&machine.actor(1));
                // SAFETY: after the end, nobody writes; loom checks.
                assert_eq!(shared.data.with(|data| unsafe { *data }), 7);
            })
        };
        let worker = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                // SAFETY: before the end, nobody reads; loom checks.
                shared.data.with_mut(|data| unsafe { *data = 7 });
                shared.cell(&machine.actor(2)).fetch_sub(1).unwrap();
            })
        };
        worker.join().unwrap();
        waiter.join().unwrap();
    });
}

/// Two processes count down at once: a waiter for the end goes.
#[test]
fn two_count_down() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.wait_for_none(&machine.actor(1)))
        };
        let workers = [2, 3].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.cell(&machine.actor(number)).fetch_sub(1).unwrap())
        });
        let mut seen = workers.map(|worker| worker.join().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        waiter.join().unwrap();
    });
}

/// Two takers wait for one each, and one is put in at a time: each is taken once.
#[test]
fn each_is_taken_once() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new(0));
        let takers = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.take(&machine.actor(number)))
        });
        let giver = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let cell = shared.cell(&machine.actor(3));
                for _ in 0..2 {
                    cell.fetch_add(1).unwrap();
                }
            })
        };
        giver.join().unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(shared.cell.load(), Ok(0));
    });
}

/// A worker dies at any write of its change, and nothing ends a sleep but a wake-up: the change is made or not, and after the
/// repair and the next change a waiter goes.
#[test]
fn a_worker_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new(1));
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.wait_for_none(&machine.actor(1)))
        };
        let worker = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let lived = mortal.live(at, || shared.cell(&mortal).fetch_sub(1).unwrap());
                if lived.is_none() {
                    let heir = machine.actor(3);
                    let seized = Seized::try_new(&heir, id(2)).expect("it is dead");
                    shared.cell.sweep(seized.dead(), &heir);
                    drop(seized);
                    let _ = shared.cell(&heir).compare_exchange(1, 0).unwrap();
                }
                lived.is_none()
            })
        };
        let died = worker.join().unwrap();
        waiter.join().unwrap();
        died
    });
}

/// A waiter takes two flags at once when both are there, set by two processes.
#[test]
fn all_flags_are_taken_at_once() {
    explore(2, || {
        let (machine, group) = (Machine::new(), model::Shared::new(GroupOptions { initial: 0b100, schema: 0.into() }));
        let taker = {
            let (machine, group) = (machine.clone(), group.clone());
            thread::spawn(move || group.handle(&machine.actor(1)).take_all(0b011).unwrap())
        };
        let setters = [2, 3].map(|number| {
            let (machine, group) = (machine.clone(), group.clone());
            thread::spawn(move || group.handle(&machine.actor(number)).set(1 << (number - 2)).unwrap())
        });
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!(taker.join().unwrap(), 0b111);
        assert_eq!(group.flags(), Ok(0b100));
    });
}
