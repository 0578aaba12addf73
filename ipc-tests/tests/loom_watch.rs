//! Latest-value cells: whole values, no version twice, no lost change, and a writer that dies changes nothing. The cell has two
//! slots here, so the second version is written where the first value was.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::ChangedError;
use ipc_core::participant::Seized;
use ipc_core::watch::{Options, Versioned, Watch};
use ipc_tests::model::{self, Actor, Machine, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

struct Shared(Arc<model::Shared<Options<Twin>>>);

impl Shared {
    /// Version 0 is 10.
    fn new() -> Arc<Self> {
        Arc::new(Shared(model::Shared::new(Options::new(twin(10)))))
    }

    fn watch(&self, actor: &Actor) -> Watch<'_, Twin, Actor> {
        self.0.handle(actor)
    }

    /// The version and the value, whole; `None` if writers have spoilt all attempts.
    fn read(&self) -> Option<(u64, u64)> {
        let Versioned { value, version, .. } = self.0.get_versioned().ok()?;
        Some((version, whole(value)))
    }

    fn publish(&self, actor: &Actor, value: u64) -> u64 {
        self.watch(actor).set(twin(value)).expect("our turn")
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

/// A waiter for a change is woken and gets the new value.
#[test]
fn a_change_is_noticed() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let latest = shared.watch(&machine.actor(1)).wait_for_change(0).unwrap();
                assert_eq!((latest.version, whole(latest.value)), (1, 11));
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

/// A writer dies at any write, beside a reader: the reader gets the old value or the new one, and the next writer goes on.
#[test]
fn a_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let lived = actor.live(at, || shared.publish(&actor, 11));
                let before = shared.0.version().unwrap();
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

/// A writer dies at any write, and nothing ends a sleep but a wake-up: a waiter for what it has published goes after the repair.
#[test]
fn a_repair_wakes_the_waiter() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.watch(&machine.actor(1)).wait_for_change(0).unwrap())
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let died = mortal.live(at, || shared.publish(&mortal, 11)).is_none();
                if died {
                    let heir = machine.actor(3);
                    let seized = Seized::try_new(&heir, id(2)).expect("it is dead");
                    shared.0.sweep(seized.dead(), &heir);
                    drop(seized);
                    if shared.0.version() == Ok(0) {
                        shared.publish(&heir, 11);
                    }
                }
                died
            })
        };
        let died = writer.join().unwrap();
        assert_eq!(whole(waiter.join().unwrap().value), 11);
        died
    });
}

/// The last counted writer leaves after its last value: a reader gets that value, is woken, and ends.
#[test]
fn the_last_writer_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mut reader = shared.watch(&machine.actor(1)).subscribe().unwrap().from(0);
                assert_eq!(reader.by_ref().map(whole).collect::<Vec<_>>(), [11]);
                assert_eq!(reader.end(), Some(ChangedError::Disconnected));
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let writer = shared.watch(&machine.actor(2)).writer().unwrap();
                writer.set(twin(11)).unwrap();
            })
        };
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// A counted writer dies at any write, and nothing ends a sleep but a wake-up: after the repair a reader does not wait for it, even
/// if it cannot find out about a death itself.
#[test]
fn a_counted_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mut reader = shared.watch(&machine.actor(1).without_seizing()).subscribe().unwrap().from(0);
                assert!(reader.by_ref().all(|value| whole(value) == 11));
                assert_eq!(reader.end(), Some(ChangedError::Disconnected));
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let body = || shared.watch(&mortal).writer().unwrap().set(twin(11)).unwrap();
                let died = mortal.live(at, body).is_none();
                if died {
                    let heir = machine.actor(3);
                    // Somebody has been there at least.
                    let writer = shared.watch(&heir).writer().unwrap();
                    let seized = Seized::try_new(&heir, id(2)).expect("it is dead");
                    shared.0.sweep(seized.dead(), &heir);
                    drop((seized, writer));
                }
                died
            })
        };
        let died = writer.join().unwrap();
        reader.join().unwrap();
        died
    });
}
