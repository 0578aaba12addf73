//! The region's own lock: exclusion, visibility, wake-ups, and a holder that dies at any write. And waiting for an object.
#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use ipc_core::participant::Seized;
use ipc_core::platform::Platform;
use ipc_core::region::{Created, RegionLock};
use ipc_core::time::{Instant, Limit};
use ipc_tests::model::{Actor, Machine, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// The lock and what it guards. The cell complains about every access that the lock does not order.
struct Shared {
    lock: RegionLock,
    count: UnsafeCell<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Shared { lock: RegionLock::new(), count: UnsafeCell::new(0) })
    }

    fn never(actor: &Actor) -> Instant {
        actor.now().saturating_add(Duration::from_secs(3600))
    }

    /// One more, under the lock: how many there were.
    fn count_one(&self, actor: &Actor) -> u64 {
        let _guard = self.lock.lock_until(actor, Self::never(actor)).expect("nobody has it for ever");
        self.count.with_mut(|count| {
            // SAFETY: under the lock; loom checks.
            let count = unsafe { &mut *count };
            *count += 1;
            *count - 1
        })
    }
}

/// Two lockers never overlap, each sees what the other did, and neither sleeps for ever.
#[test]
fn one_at_a_time() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.count_one(&machine.actor(1)))
        };
        let mine = shared.count_one(&machine.actor(2));
        assert_eq!(mine + other.join().unwrap(), 1);
    });
}

/// Three lockers: nobody who sleeps is forgotten when the lock goes from hand to hand.
#[test]
fn nobody_is_forgotten() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let others = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.count_one(&machine.actor(number)))
        });
        let mut seen = vec![shared.count_one(&machine.actor(3))];
        seen.extend(others.into_iter().map(|other| other.join().unwrap()));
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2]);
    });
}

/// A holder dies at any write beside one that waits: that one gets the lock, and sees what the dead one did.
#[test]
fn a_holder_dies_before_a_waiter() {
    explore_deaths(3, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || shared.count_one(&actor)).is_none()
            })
        };
        shared.count_one(&machine.actor(2));
        let died = mortal.join().unwrap();
        let before = shared.count_one(&machine.actor(3));
        // The dead one's own addition counts if it got that far.
        assert!(before == 2 || (before == 1 && died));
        died
    });
}

/// A holder dies and is swept beside one that waits without finding out by itself: that one is woken, and sees what the dead one did.
#[test]
fn a_sweep_wakes_who_waits() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let dead = machine.actor(1);
                let guard = shared.lock.lock_until(&dead, Shared::never(&dead)).expect("nobody has it for ever");
                // SAFETY: under the lock; loom checks.
                shared.count.with_mut(|count| unsafe { *count += 7 });
                // A killed process unlocks nothing.
                std::mem::forget(guard);
                dead.die();
                let sweeper = machine.actor(2);
                let seized = Seized::try_new(&sweeper, id(1)).expect("it is dead");
                shared.lock.sweep(seized.dead(), &sweeper);
            })
        };
        let waiter = machine.actor(3).without_seizing();
        assert!([0, 7].contains(&shared.count_one(&waiter)));
        mortal.join().unwrap();
        assert_eq!(shared.count_one(&waiter), 8);
    });
}

/// The dead holder is swept beside one that takes the lock over: one of them alone frees it, and the next two still exclude each other.
#[test]
fn sweeping_beside_a_takeover() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let dead = machine.actor(1);
        std::mem::forget(shared.lock.lock_until(&dead, Shared::never(&dead)).expect("it is free"));
        dead.die();
        let sweeper = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                if let Ok(seized) = Seized::try_new(&actor, id(1)) {
                    shared.lock.sweep(seized.dead(), &actor);
                }
                shared.count_one(&actor)
            })
        };
        let mine = shared.count_one(&machine.actor(3));
        assert_eq!(mine + sweeper.join().unwrap(), 1);
    });
}

/// Those who wait for an object, and the object: whether it is there.
struct Place {
    created: Created,
    there: AtomicBool,
}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Place { created: Created::new(), there: AtomicBool::new(false) })
    }

    fn publish(&self) {
        self.there.store(true, Ordering::Release);
    }

    fn wait(&self, actor: &Actor) -> Option<()> {
        self.created.wait(actor, &Limit::Forever, || self.there.load(Ordering::Acquire).then_some(()))
    }
}

/// Two wait for an object beside its creator: both find it.
#[test]
fn who_waits_for_an_object_is_woken() {
    explore(2, || {
        let (machine, place) = (Machine::without_slices(), Place::new());
        let others = [1, 2].map(|number| {
            let (machine, place) = (machine.clone(), place.clone());
            thread::spawn(move || place.wait(&machine.actor(number)))
        });
        place.publish();
        place.created.announce(&machine.actor(3));
        for other in others {
            assert_eq!(other.join().unwrap(), Some(()));
        }
    });
}

/// A creator dies before it wakes those who wait, and is swept: they find the object.
#[test]
fn a_sweep_wakes_who_waits_for_an_object() {
    explore(3, || {
        let (machine, place) = (Machine::without_slices(), Place::new());
        let waiter = {
            let (machine, place) = (machine.clone(), place.clone());
            thread::spawn(move || place.wait(&machine.actor(1)))
        };
        place.publish();
        place.created.sweep(&machine.actor(2));
        assert_eq!(waiter.join().unwrap(), Some(()));
    });
}
