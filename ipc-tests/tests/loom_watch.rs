//! Latest-value cells: whole values, no version twice, no lost change, and a writer that dies changes nothing. The cell has two
//! slots here, so the second version is written where the first value was.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::sync::AtomicU64;
use ipc_core::wait::SpinBudget;
use ipc_core::watch::{RawWatch, SLOTS};
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, twin, whole};
use loom::thread;

struct Shared {
    watch: RawWatch,
    cells: Vec<AtomicU64>,
}

impl Shared {
    /// Version 0 is 10.
    fn new() -> Arc<Self> {
        let first = twin(10);
        let cells =
            (0..SLOTS * 3).map(|cell| AtomicU64::new(*[0, first[0], first[1]].get(cell).unwrap_or(&0))).collect();
        let shared = Shared { watch: RawWatch::new(), cells };
        assert_eq!(shared.read(), Some((0, 10)));
        Arc::new(shared)
    }

    /// The version and the value, whole; `None` if writers have spoilt all attempts.
    fn read(&self) -> Option<(u64, u64)> {
        let snapshot = self.watch.read::<Twin>(&self.cells).ok()?;
        // SAFETY: all bytes are initialised, and any bits are a Twin.
        let value = unsafe { snapshot.bytes.assume_init() };
        Some((snapshot.version, whole(value)))
    }

    fn publish(&self, actor: &Actor, value: u64) -> u64 {
        let turn = self.watch.begin(actor, &SpinBudget::new(actor), None).expect("our turn");
        turn.publish(&twin(value), &self.cells).expect("a slot")
    }
}

/// A reader beside a writer of two versions, the second of which goes where version 0 was: what it gets is whole.
#[test]
fn a_reader_gets_a_whole_value() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || {
                loop {
                    if let Some((version, value)) = shared.read() {
                        assert!(value == 10 + version, "version {version} is {value}");
                        if version == 2 {
                            return;
                        }
                    }
                    thread::yield_now();
                }
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1).without_barriers();
                assert_eq!([11, 12].map(|value| shared.publish(&actor, value)), [1, 2]);
            })
        };
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// A reader never sees an older version than one that it has seen.
#[test]
fn versions_go_up() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || (shared.read(), shared.read()))
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.publish(&machine.actor(1), 11))
        };
        writer.join().unwrap();
        if let (Some((first, _)), Some((second, value))) = reader.join().unwrap() {
            assert!(first <= second && value == 10 + second);
        }
    });
}

/// Two writers at once: two versions, each with its own value.
#[test]
fn two_writers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let writers = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.publish(&machine.actor(number), 10 + u64::from(number)))
        });
        let versions = writers.map(|writer| writer.join().unwrap());
        assert_eq!(versions[0] + versions[1], 3);
        let last = 11 + versions.iter().position(|version| *version == 2).unwrap() as u64;
        assert_eq!(shared.read(), Some((2, last)));
    });
}

/// Whoever waits for a change is told of it.
#[test]
fn a_change_is_noticed() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let changed = || (shared.watch.version() != 0).then_some(());
                assert!(shared.watch.wait(&actor, &SpinBudget::new(&actor), None, changed).is_some());
                assert_eq!(shared.read(), Some((1, 11)));
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.publish(&machine.actor(2), 11))
        };
        writer.join().unwrap();
        waiter.join().unwrap();
    });
}

/// A writer dies at any write, beside a reader: who reads gets the old value or the new one, and the next writer goes on.
#[test]
fn a_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let lived = actor.live(at, || shared.publish(&actor, 11));
                let before = shared.watch.version();
                let heir = shared.publish(&machine.actor(2), 11 + before);
                assert_eq!(heir, before + 1);
                lived.is_none()
            })
        };
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || shared.read())
        };
        let died = mortal.join().unwrap();
        if let Some((version, value)) = reader.join().unwrap() {
            assert!(value == 10 + version, "version {version} is {value}");
        }
        died
    });
}
