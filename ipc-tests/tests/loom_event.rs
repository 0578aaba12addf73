//! Events: no wake-up is lost, a pulse releases everybody, one goes for each set, and death holds up nobody.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::event::{Event, Options, Reset};
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    event: Arc<model::Shared<Options>>,
    data: UnsafeCell<u64>,
}

impl Shared {
    fn new(reset: Reset) -> Arc<Self> {
        let event = model::Shared::new(Options { reset, initial: false });
        Arc::new(Shared { event, data: UnsafeCell::new(0) })
    }

    fn event(&self, actor: Actor) -> Event<'_, Actor> {
        self.event.handle(&actor)
    }

    fn write(&self) {
        // SAFETY: before the set, nobody else looks; loom checks.
        self.data.with_mut(|data| unsafe { *data = 7 });
    }

    fn read(&self) -> u64 {
        // SAFETY: after the wait, nobody writes; loom checks.
        self.data.with(|data| unsafe { *data })
    }
}

/// A waiter goes, and sees what the setter did before.
#[test]
fn a_waiter_goes_and_sees() {
    for reset in [Reset::Manual, Reset::Auto] {
        explore(None, move || {
            let (machine, shared) = (Machine::new(), Shared::new(reset));
            let waiter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || {
                    shared.event(machine.actor(1)).wait().unwrap();
                    assert_eq!(shared.read(), 7);
                })
            };
            let setter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || {
                    shared.write();
                    assert!(shared.event(machine.actor(2)).set().unwrap());
                })
            };
            setter.join().unwrap();
            waiter.join().unwrap();
            assert_eq!(shared.event.is_set(), reset == Reset::Manual);
        });
    }
}

/// A process that polls goes on, and sees what the setter did before.
#[test]
fn who_polls_sees() {
    for reset in [Reset::Manual, Reset::Auto] {
        explore(None, move || {
            let (machine, shared) = (Machine::new(), Shared::new(reset));
            let poller = {
                let shared = shared.clone();
                thread::spawn(move || {
                    while !shared.event.try_wait().unwrap() {
                        thread::yield_now();
                    }
                    assert_eq!(shared.read(), 7);
                })
            };
            let setter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || {
                    shared.write();
                    assert!(shared.event(machine.actor(2)).set().unwrap());
                })
            };
            setter.join().unwrap();
            poller.join().unwrap();
        });
    }
}

/// A set directly followed by a clear releases the waiters that had announced themselves by then, without a second one.
#[test]
fn a_pulse_releases_who_waits() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(Reset::Manual));
        let waiter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.event(machine.actor(1)).wait().unwrap())
        };
        let setter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                while !shared.event.is_awaited() {
                    thread::yield_now();
                }
                shared.event(machine.actor(2)).set().unwrap();
                assert!(shared.event.clear().unwrap());
            })
        };
        setter.join().unwrap();
        waiter.join().unwrap();
    });
}

/// Two sets with a taking in between let two waiters go, and no set lets two go.
#[test]
fn one_goes_for_each_set() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new(Reset::Auto));
        let waiters = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.event(machine.actor(number)).wait().unwrap())
        });
        let setter = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(3);
                let mut sets = 0;
                while sets < 2 {
                    sets += u32::from(shared.event(actor.clone()).set().unwrap());
                    thread::yield_now();
                }
            })
        };
        setter.join().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert!(!shared.event.is_set(), "both sets were taken");
    });
}

/// A setter dies at any write: with the next set everybody goes.
#[test]
fn a_setter_dies() {
    for reset in [Reset::Manual, Reset::Auto] {
        explore_deaths(2, move |at| {
            let (machine, shared) = (Machine::new(), Shared::new(reset));
            let waiter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || shared.event(machine.actor(1)).wait().unwrap())
            };
            let setter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || {
                    let mortal = machine.actor(2);
                    let lived = mortal.live(at, || shared.event(mortal.clone()).set().unwrap());
                    shared.event(machine.actor(3)).set().unwrap();
                    lived.is_none()
                })
            };
            let died = setter.join().unwrap();
            waiter.join().unwrap();
            died
        });
    }
}

/// A setter dies at any write. If the event is set, the sweep wakes the waiter that it owed a wake-up.
#[test]
fn a_sweep_wakes_a_waiter() {
    for reset in [Reset::Manual, Reset::Auto] {
        explore_deaths(2, move |at| {
            let (machine, shared) = (Machine::without_slices(), Shared::new(reset));
            let waiter = {
                let (machine, shared) = (machine.clone(), shared.clone());
                thread::spawn(move || shared.event(machine.actor(1)).wait().unwrap())
            };
            let (mortal, me) = (machine.actor(2), machine.actor(3));
            let event = shared.event(mortal.clone());
            let died = mortal.live(at, || event.set().unwrap()).is_none();
            if died {
                // Before the sweep: afterwards, the waiter may have taken it.
                let is_set = shared.event.is_set();
                shared.event.sweep(Seized::try_new(&me, id(2)).unwrap().dead(), &me);
                if !is_set {
                    shared.event(me).set().unwrap();
                }
            }
            waiter.join().unwrap();
            died
        });
    }
}

/// A setter is killed before its wake-up, and one of two waiters looks by itself. Proves that it wakes the other one.
#[test]
fn a_waiter_that_looks_wakes_the_others() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), Shared::new(Reset::Manual));
        let waiters = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.event(machine.actor(number)).wait().unwrap())
        });
        while machine.asleep() < 2 {
            thread::yield_now();
        }
        let mortal = machine.actor(3);
        let event = shared.event(mortal.clone());
        assert!(mortal.live(Some(2), || event.set().unwrap()).is_none());
        assert!(shared.event.is_set());
        machine.time_out(1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}
