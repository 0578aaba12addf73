//! Cells that are set once: one initialiser at a time, whole values, no lost wake-up, and a death is no obstacle.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::once::{OnceCell, Options};
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, Twin, explore, explore_deaths, id, twin, whole};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    cell: Arc<model::Shared<Options<Twin>>>,
    /// An initialiser has this to itself.
    tools: UnsafeCell<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Shared { cell: model::Shared::new(Options::new()), tools: UnsafeCell::new(0) })
    }

    fn cell(&self, actor: &Actor) -> OnceCell<'_, Twin, Actor> {
        self.cell.handle(actor)
    }

    fn get(&self) -> Option<u64> {
        self.cell.get().unwrap().map(whole)
    }

    /// The value; makes `mine` if there is none.
    fn get_or_init(&self, actor: &Actor, mine: u64) -> u64 {
        let make = || {
            // SAFETY: only the initialiser gets here; loom checks.
            self.tools.with_mut(|tools| unsafe { *tools += 1 });
            twin(mine)
        };
        whole(self.cell(actor).get_or_init(make).expect("our turn"))
    }
}

/// Two processes want to initialise: one does, the other one gets its value, whole.
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

/// A reader without a lock sees no value or the whole value.
#[test]
fn a_reader_sees_all_or_nothing() {
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

/// A waiter for the value is woken and gets it.
#[test]
fn a_waiter_is_woken() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || whole(shared.cell(&machine.actor(1)).wait().unwrap()))
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.get_or_init(&machine.actor(2), 7))
        };
        writer.join().unwrap();
        assert_eq!(waiter.join().unwrap(), 7);
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
                actor.live(at, || _ = shared.cell(&actor).set(twin(1))).is_none()
            })
        };
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let cell = shared.cell(&machine.actor(2));
                whole(cell.get_or_init(|| twin(2)).expect("our turn"))
            })
        };
        let died = mortal.join().unwrap();
        let value = other.join().unwrap();
        assert_eq!(shared.get(), Some(value));
        died
    });
}

/// A writer dies at any write, and nothing ends a sleep but a wake-up: after the repair and the next writer's turn a waiter goes.
#[test]
fn a_repair_wakes_the_waiter() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || whole(shared.cell(&machine.actor(1)).wait().unwrap()))
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let died = mortal.live(at, || shared.cell(&mortal).set(twin(7))).is_none();
                if died {
                    let heir = machine.actor(3);
                    let seized = Seized::try_new(&heir, id(2)).expect("it is dead");
                    shared.cell.sweep(seized.dead(), &heir);
                    drop(seized);
                    let _ = shared.cell(&heir).set(twin(7));
                }
                died
            })
        };
        let died = writer.join().unwrap();
        assert_eq!(waiter.join().unwrap(), 7);
        died
    });
}
