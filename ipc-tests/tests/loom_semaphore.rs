//! The semaphore's permits: nobody sleeps for ever, none is lost or doubled, at whatever step a process dies.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{AcquireError, ReleaseError, TryAcquireError};
use ipc_core::participant::Seized;
use ipc_core::semaphore::Semaphore;
use ipc_tests::model::{Actor, Machine, SemaphoreWords, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

/// What a permit guards: loom complains if two get at it at once, or if one does not see what another wrote.
struct Guarded(UnsafeCell<u32>);

// SAFETY: loom checks that all accesses are ordered.
unsafe impl Sync for Guarded {}
// SAFETY: as above.
unsafe impl Send for Guarded {}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Guarded(UnsafeCell::new(0)))
    }

    fn increment(&self) {
        // SAFETY: loom checks that nobody else is here.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    fn get(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|value| unsafe { *value })
    }
}

/// Runs `body` as the actor with this number in a thread of its own.
fn spawn<R: 'static>(
    machine: &Arc<Machine>,
    words: &Arc<SemaphoreWords>,
    number: u16,
    body: impl FnOnce(&Actor, &Semaphore<'_, Actor>) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (machine, words) = (machine.clone(), words.clone());
    thread::spawn(move || {
        let actor = machine.actor(number);
        body(&actor, &words.handle(&actor))
    })
}

/// Once all others are gone or done: this many permits, and room for the rest, to the last one.
fn assert_permits(semaphore: &Semaphore<'_, Actor>, permits: u32) {
    let all: Vec<_> = (0..permits).map(|_| semaphore.try_acquire().expect("one more")).collect();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    let room = semaphore.max() - permits;
    let wanted = room + 1;
    assert_eq!(semaphore.release(wanted), Err(ReleaseError::Full { wanted, room }));
    drop(all);
    assert_eq!(semaphore.available(), permits);
}

/// One permit is a lock: two are never inside at once, and each sees what the other did there.
#[test]
fn one_permit_excludes() {
    explore(3, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(1, 1), Guarded::new());
        let other = {
            let guarded = guarded.clone();
            spawn(&machine, &words, 1, move |_, semaphore| {
                let permit = semaphore.acquire().unwrap();
                guarded.increment();
                drop(permit);
            })
        };
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        guarded.increment();
        drop(permit);
        other.join().unwrap();
        let _permit = semaphore.acquire().unwrap();
        assert_eq!(guarded.get(), 2);
    });
}

/// Three contend for one permit.
#[test]
fn three_share_one_permit() {
    explore(2, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(1, 1), Guarded::new());
        let others = [1, 2].map(|number| {
            let guarded = guarded.clone();
            spawn(&machine, &words, number, move |_, semaphore| {
                let _permit = semaphore.acquire().unwrap();
                guarded.increment();
            })
        });
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.acquire().map(|_permit| guarded.increment()).unwrap();
        for other in others {
            other.join().unwrap();
        }
        let _permit = semaphore.acquire().unwrap();
        assert_eq!(guarded.get(), 3);
    });
}

/// A signal wakes a sleeper, who sees what was done before it.
#[test]
fn a_signal_wakes_a_sleeper() {
    explore(3, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(0, 2), Guarded::new());
        let sleeper = {
            let guarded = guarded.clone();
            spawn(&machine, &words, 1, move |_, semaphore| {
                semaphore.acquire().unwrap().forget().unwrap();
                assert_eq!(guarded.get(), 1);
            })
        };
        let actor = machine.actor(2);
        guarded.increment();
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        sleeper.join().unwrap();
        assert_permits(&semaphore, 0);
    });
}

/// One release of two wakes two sleepers, who both see what was done before.
#[test]
fn a_release_of_two_wakes_two() {
    explore(1, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(0, 2), Guarded::new());
        let sleepers = [1, 2].map(|number| {
            let guarded = guarded.clone();
            spawn(&machine, &words, number, move |_, semaphore| {
                semaphore.acquire().unwrap().forget().unwrap();
                assert_eq!(guarded.get(), 1);
            })
        });
        let actor = machine.actor(3);
        guarded.increment();
        words.handle(&actor).release(2).unwrap();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}

/// One waits for two permits, one has one for a while: two that come one by one are enough for both.
#[test]
fn one_waits_for_many_beside_one_for_one() {
    explore(1, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 2));
        let many = spawn(&machine, &words, 1, |_, semaphore| semaphore.acquire_many(2).unwrap().forget().unwrap());
        let one = spawn(&machine, &words, 2, |_, semaphore| drop(semaphore.acquire().unwrap()));
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        one.join().unwrap();
        semaphore.release(1).unwrap();
        many.join().unwrap();
        assert_permits(&semaphore, 0);
    });
}

/// Two sleep for one permit each, and two come one by one.
#[test]
fn two_signals_wake_two() {
    explore(1, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 3));
        let sleepers = [1, 2].map(|number| {
            spawn(&machine, &words, number, |_, semaphore| semaphore.acquire().unwrap().forget().unwrap())
        });
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        semaphore.release(2).unwrap();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        assert_permits(&semaphore, 1);
    });
}

/// One waits for two permits and one for one; only one permit ever comes. The one who can use it gets it.
#[test]
fn a_wake_up_goes_to_the_one_who_can_use_it() {
    explore(2, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 2));
        let many =
            spawn(&machine, &words, 1, |_, semaphore| semaphore.acquire_many(2).map(|permit| permit.forget().unwrap()));
        let one = spawn(&machine, &words, 2, |_, semaphore| semaphore.acquire().unwrap().forget().unwrap());
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        one.join().unwrap();
        semaphore.close().unwrap();
        assert_eq!(many.join().unwrap(), Err(AcquireError::Closed));
    });
}

/// Two that want both permits never end up with one each, and what they give back while they take wakes sleepers.
#[test]
fn two_want_both() {
    explore(2, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(2, 2), Guarded::new());
        let other = {
            let guarded = guarded.clone();
            spawn(&machine, &words, 1, move |_, semaphore| {
                let _permits = semaphore.acquire_many(2).unwrap();
                guarded.increment();
            })
        };
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        {
            let _permits = semaphore.acquire_many(2).unwrap();
            guarded.increment();
        }
        other.join().unwrap();
        assert_permits(&semaphore, 2);
    });
}

/// A permit that is picked up for two and put back, because the second was gone: one that went to sleep for it is woken.
#[test]
fn what_is_put_back_wakes() {
    explore(2, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(2, 2));
        let many = spawn(&machine, &words, 1, |_, semaphore| {
            semaphore.try_acquire_many(2).map(|permit| permit.forget().unwrap())
        });
        let other =
            spawn(&machine, &words, 2, |_, semaphore| semaphore.try_acquire().map(|permit| permit.forget().unwrap()));
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        // Without a notice of what was put back, this would sleep in front of a permit.
        let mine =
            spawn(&machine, &words, 3, |_, semaphore| semaphore.acquire().map(|permit| permit.forget().unwrap()));
        let (many, other) = (many.join().unwrap(), other.join().unwrap());
        if many.is_ok() {
            semaphore.release(1).unwrap();
        }
        mine.join().unwrap().unwrap();
        assert!(many.is_err() || other.is_err());
    });
}

/// A closer that dies anywhere has closed it or not; a sleeper finds out.
#[test]
fn a_closer_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 1));
        let closer =
            spawn(&machine, &words, 1, move |actor, semaphore| actor.live(at, || semaphore.close().unwrap()).is_none());
        let sleeper =
            spawn(&machine, &words, 2, |_, semaphore| semaphore.acquire().map(|permit| permit.forget().unwrap()));
        let died = closer.join().unwrap();
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        let closed = semaphore.is_closed();
        assert!(died || closed);
        if !closed {
            semaphore.release(1).unwrap();
        }
        assert_eq!(sleeper.join().unwrap(), if closed { Err(AcquireError::Closed) } else { Ok(()) });
        died
    });
}

/// After a closing, nothing that becomes available later can be acquired.
#[test]
fn nothing_is_acquired_after_a_closing() {
    explore(3, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 1));
        let other =
            spawn(&machine, &words, 1, |_, semaphore| semaphore.try_acquire().map(|permit| permit.forget().unwrap()));
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        assert!(semaphore.close().unwrap());
        semaphore.release(1).unwrap();
        other.join().unwrap().unwrap_err();
        assert_eq!(semaphore.available(), 1);
    });
}

/// A holder dies at any write between its acquire and its drop: its permit comes back, once.
#[test]
fn a_holder_dies() {
    explore_deaths(2, |at| {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(1, 2), Guarded::new());
        let mortal = {
            let guarded = guarded.clone();
            spawn(&machine, &words, 1, move |actor, semaphore| {
                let inside = || {
                    let _permit = semaphore.acquire().unwrap();
                    guarded.increment();
                };
                actor.live(at, inside).is_none()
            })
        };
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        {
            // Sleeps until the other has given its permit back, or is dead.
            let _permit = semaphore.acquire().unwrap();
            guarded.increment();
        }
        let died = mortal.join().unwrap();
        assert_permits(&semaphore, 1);
        died
    });
}

/// A holder of two dies at any write between its acquire and its drop, beside one who wants one.
#[test]
fn a_holder_of_two_dies() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(2, 3));
        let mortal = spawn(&machine, &words, 1, move |actor, semaphore| {
            actor.live(at, || drop(semaphore.acquire_many(2).unwrap())).is_none()
        });
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        drop(semaphore.acquire().unwrap());
        let died = mortal.join().unwrap();
        assert_permits(&semaphore, 2);
        died
    });
}

/// Who takes a permit out of circulation and dies has done so or not.
#[test]
fn a_consumer_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(2, 2));
        let mortal = spawn(&machine, &words, 1, move |actor, semaphore| {
            actor.live(at, || semaphore.acquire_many(2).unwrap().forget().unwrap()).is_none()
        });
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        let beside = semaphore.try_acquire().is_ok();
        let died = mortal.join().unwrap();
        let left = {
            let all: Vec<_> = std::iter::from_fn(|| semaphore.try_acquire().ok()).collect();
            all.len() as u32
        };
        assert!(left <= 2 && (died || left == 0), "{left} left, beside: {beside}");
        assert_permits(&semaphore, left);
        died
    });
}

/// A poster of two dies at any write, beside a poster of one and a sleeper: each signal was posted or not, and the sleeper
/// gets one.
#[test]
fn a_poster_dies() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 3));
        let mortal = spawn(&machine, &words, 1, move |actor, semaphore| {
            actor.live(at, || semaphore.release(2).unwrap()).is_none()
        });
        let sleeper = spawn(&machine, &words, 2, |_, semaphore| semaphore.acquire().unwrap().forget().unwrap());
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        let died = mortal.join().unwrap();
        sleeper.join().unwrap();
        let posted = std::iter::from_fn(|| semaphore.try_acquire().ok()).map(|permit| permit.forget().unwrap()).count();
        assert!(posted <= 2 && (died || posted == 2), "{posted} of 2");
        assert_permits(&semaphore, 0);
        died
    });
}

/// Two post two each where there is room for two: one of them does it, and the other one adds nothing.
#[test]
fn posts_fit_or_not() {
    explore(2, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 2));
        let other = spawn(&machine, &words, 1, |_, semaphore| semaphore.release(2).is_ok());
        let actor = machine.actor(2);
        let semaphore = words.handle(&actor);
        let mine = semaphore.release(2).is_ok();
        let other = other.join().unwrap();
        assert!(mine != other, "{mine} {other}");
        assert_permits(&semaphore, 2);
    });
}

/// One waits for three, of which only two ever come, and another one takes each as it comes: no wake-up of the second is
/// spent on the first, even when its mark is cleared and set again on the way.
#[test]
fn a_mark_is_cleared_and_set_again() {
    explore(1, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 3));
        let many =
            spawn(&machine, &words, 1, |_, semaphore| semaphore.acquire_many(3).map(|permit| permit.forget().unwrap()));
        let one = spawn(&machine, &words, 2, |_, semaphore| {
            semaphore.acquire().unwrap().forget().unwrap();
            semaphore.acquire().unwrap().forget().unwrap();
        });
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        semaphore.release(1).unwrap();
        one.join().unwrap();
        semaphore.close().unwrap();
        assert_eq!(many.join().unwrap(), Err(AcquireError::Closed));
    });
}

/// The repairer after a dead holder dies at any write itself: the next one repairs the rest.
#[test]
fn a_repairer_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(2, 3));
        let first = machine.actor(1);
        let semaphore = words.handle(&first);
        std::mem::forget(semaphore.acquire_many(2).unwrap());
        first.die();
        let mortal = spawn(&machine, &words, 2, move |actor, semaphore| {
            actor.live(at, || drop(semaphore.acquire().unwrap())).is_none()
        });
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        drop(semaphore.acquire().unwrap());
        let died = mortal.join().unwrap();
        assert_permits(&semaphore, 2);
        died
    });
}

/// The repairer passes on what the dead holder did, to one that has not checked the dead itself.
#[test]
fn what_the_dead_did_is_seen() {
    explore(2, || {
        let (machine, words, guarded) = (Machine::new(), SemaphoreWords::of(1, 2), Guarded::new());
        let first = machine.actor(1);
        std::mem::forget(words.handle(&first).acquire().unwrap());
        let holder = {
            let guarded = guarded.clone();
            spawn(&machine, &words, 1, move |actor, _| {
                guarded.increment();
                actor.die();
            })
        };
        let repairer = spawn(&machine, &words, 2, |_, semaphore| semaphore.try_acquire_many(2).is_ok());
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        assert_eq!(guarded.get(), 1);
        drop(permit);
        assert!(!repairer.join().unwrap());
        holder.join().unwrap();
        assert_permits(&semaphore, 1);
    });
}

/// A holder dies with the permit. The sweep wakes the one that waits for it.
#[test]
fn a_sweep_wakes_who_waits() {
    explore(2, || {
        let (machine, words) = (Machine::without_slices(), SemaphoreWords::of(1, 1));
        let dead = machine.actor(1);
        std::mem::forget(words.handle(&dead).acquire().unwrap());
        dead.die();
        let waiter = {
            let (me, words) = (machine.actor(2).without_seizing(), words.clone());
            thread::spawn(move || words.handle(&me).acquire().is_ok())
        };
        let me = machine.actor(3);
        words.sweep(Seized::try_new(&me, id(1)).unwrap().dead(), &me);
        assert!(waiter.join().unwrap());
    });
}
