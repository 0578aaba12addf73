//! Atomic cells: no wake-up is lost, a value goes to one taker, and death holds up nobody.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::atomic::RawAtomic;
use ipc_core::sync::AtomicU32;
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, explore, explore_deaths};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    cell: RawAtomic<u32>,
    data: UnsafeCell<u64>,
}

impl Shared {
    fn new(value: u32) -> Arc<Self> {
        Arc::new(Shared { cell: RawAtomic::new(AtomicU32::new(value)), data: UnsafeCell::new(0) })
    }

    fn wait_for_none(&self, actor: &Actor) {
        let left = self.cell.wait_until(actor, &SpinBudget::new(actor), None, |left| left == 0);
        assert_eq!(left, Some(0));
    }

    fn take(&self, actor: &Actor) {
        let left = self.cell.wait_update(actor, &SpinBudget::new(actor), None, |left| left.checked_sub(1));
        assert_eq!(left, Some(1));
    }
}

/// Whoever waits for the end of a countdown goes, and sees what was done before it.
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
                // SAFETY: before the end, nobody looks; loom checks.
                shared.data.with_mut(|data| unsafe { *data = 7 });
                shared.cell.fetch_sub(&machine.actor(2), 1);
            })
        };
        worker.join().unwrap();
        waiter.join().unwrap();
    });
}

/// Two count down at once: the one who waits for the end goes.
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
            thread::spawn(move || shared.cell.fetch_sub(&machine.actor(number), 1))
        });
        let mut seen = workers.map(|worker| worker.join().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        waiter.join().unwrap();
    });
}

/// What is put in once at a time is taken once each, by takers that wait for it.
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
                let actor = machine.actor(3);
                for _ in 0..2 {
                    while shared.cell.compare_exchange(&actor, 0, 1).is_err() {
                        thread::yield_now();
                    }
                }
            })
        };
        giver.join().unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(shared.cell.load(), 0);
    });
}

/// Somebody dies at any write of its change: the change is made or not, and with the next one whoever waits goes.
#[test]
fn a_worker_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new(1));
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.wait_for_none(&machine.actor(1)))
        };
        let worker = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let lived = mortal.live(at, || shared.cell.fetch_sub(&mortal, 1));
                if lived.is_none() {
                    let heir = machine.actor(3);
                    shared.cell.rouse(&heir);
                    let _ = shared.cell.compare_exchange(&heir, 1, 0);
                }
                lived.is_none()
            })
        };
        let died = worker.join().unwrap();
        waiter.join().unwrap();
        died
    });
}
