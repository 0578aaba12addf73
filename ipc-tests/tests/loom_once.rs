//! Cells that are set once: one initialiser at a time, whole values, no lost wake-up, and death is no obstacle.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::once::RawOnce;
use ipc_core::sync::AtomicU64;
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, twin, whole};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    once: RawOnce,
    cells: Vec<AtomicU64>,
    /// Who initialises has this to itself.
    tools: UnsafeCell<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        let cells = (0..2).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Shared { once: RawOnce::new(), cells, tools: UnsafeCell::new(0) })
    }

    fn get(&self) -> Option<u64> {
        // SAFETY: all bytes are initialised, and any bits are a Twin.
        self.once.get::<Twin>(&self.cells).map(|bytes| whole(unsafe { bytes.assume_init() }))
    }

    /// The value; makes `mine` if there is none.
    fn get_or_init(&self, actor: &Actor, mine: u64) -> u64 {
        match self.once.begin(actor, &SpinBudget::new(actor)).expect("our turn") {
            Some(turn) => {
                // SAFETY: only who initialises gets here; loom checks.
                self.tools.with_mut(|tools| unsafe { *tools += 1 });
                turn.set(&twin(mine), &self.cells);
                mine
            }
            None => self.get().expect("a value"),
        }
    }
}

/// Two want to initialise: one does, the other one gets its value, whole.
#[test]
fn one_initialises() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let threads = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.get_or_init(&machine.actor(number), number.into()))
        });
        let [one, other] = threads.map(|thread| thread.join().unwrap());
        assert_eq!((one, shared.get()), (other, Some(one)));
    });
}

/// Whoever looks without a lock sees nothing or the whole value.
#[test]
fn who_looks_sees_all_or_nothing() {
    explore(None, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || {
                loop {
                    match shared.get() {
                        Some(value) => return value,
                        None => thread::yield_now(),
                    }
                }
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.get_or_init(&machine.actor(1), 7))
        };
        writer.join().unwrap();
        assert_eq!(reader.join().unwrap(), 7);
    });
}

/// Whoever waits for the value gets it.
#[test]
fn a_waiter_is_woken() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                assert!(shared.once.wait(&actor, &SpinBudget::new(&actor), None));
                shared.get()
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.get_or_init(&machine.actor(2), 7))
        };
        writer.join().unwrap();
        assert_eq!(waiter.join().unwrap(), Some(7));
    });
}

/// An initialiser dies at any write, beside another one: the other one gets a value, its own or the dead one's.
#[test]
fn an_initialiser_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor
                    .live(at, || {
                        if let Some(turn) = shared.once.begin(&actor, &SpinBudget::new(&actor)).expect("our turn") {
                            turn.set(&twin(1), &shared.cells);
                        }
                    })
                    .is_none()
            })
        };
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                match shared.once.begin(&actor, &SpinBudget::new(&actor)).expect("our turn") {
                    Some(turn) => {
                        turn.set(&twin(2), &shared.cells);
                        2
                    }
                    None => shared.get().expect("a value"),
                }
            })
        };
        let died = mortal.join().unwrap();
        let value = other.join().unwrap();
        assert_eq!(shared.get(), Some(value));
        died
    });
}
