//! The semaphore's line: calls that have waited for long are served in order, also when one dies, gives up or closes.
#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use ipc_core::error::{AcquireError, AcquireTimeoutError, TryAcquireError};
use ipc_core::participant::Seized;
use ipc_core::semaphore::Semaphore;
use ipc_core::sync::crash;
use ipc_tests::model::{Actor, Machine, SemaphoreWords, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

/// How often permits were had: guarded by a permit, so loom complains if two get at it at once.
struct Count(UnsafeCell<u32>);

// SAFETY: loom checks that all accesses are ordered.
unsafe impl Sync for Count {}
// SAFETY: as above.
unsafe impl Send for Count {}

impl Count {
    fn new() -> Arc<Self> {
        Arc::new(Count(UnsafeCell::new(0)))
    }

    /// Counts one more, and says how many there were.
    fn next(&self) -> u32 {
        // SAFETY: loom checks that nobody else is here.
        self.0.with_mut(|count| unsafe {
            *count += 1;
            *count
        })
    }
}

/// Runs `body` as an actor whose time is over as soon as it waits: it takes a seat in the line, and sleeps there only.
fn spawn_late<R: 'static>(
    machine: &Arc<Machine>,
    words: &Arc<SemaphoreWords>,
    number: u16,
    body: impl FnOnce(&Actor, &Semaphore<'_, Actor>) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (actor, words) = (machine.actor(number).with_clock(), words.clone());
    thread::spawn(move || body(&actor, &words.handle(&actor)))
}

/// Waits until this many sleep.
fn asleep(machine: &Machine, count: usize) {
    while machine.asleep() != count {
        thread::yield_now();
    }
}

/// Once all others are gone or done: this many permits, to the last one, and a blocking acquire finds one at once.
fn assert_permits(semaphore: &Semaphore<'_, Actor>, permits: u32) {
    let all: Vec<_> = (0..permits).map(|_| semaphore.try_acquire().expect("one more")).collect();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(all);
    if permits > 0 {
        drop(semaphore.acquire().unwrap());
    }
    assert_eq!(semaphore.available(), permits);
}

/// One sleeps in line. A holder that gives the permit back and wants it again at once gets it after that one.
#[test]
fn one_in_line_is_overtaken_by_nobody() {
    explore(2, || {
        let (machine, words, count) = (Machine::new(), SemaphoreWords::of(1, 1), Count::new());
        let actor = machine.actor(1);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        let late = {
            let count = count.clone();
            spawn_late(&machine, &words, 2, move |_, semaphore| {
                let _permit = semaphore.acquire().unwrap();
                count.next()
            })
        };
        asleep(&machine, 1);
        drop(permit);
        let permit = semaphore.acquire().unwrap();
        assert_eq!(count.next(), 2, "it was overtaken");
        drop(permit);
        assert_eq!(late.join().unwrap(), 1);
        assert_permits(&semaphore, 1);
    });
}

/// One sleeps in line for both permits, which come one by one: a holder that gave one back and wants one again gets it after that one.
#[test]
fn one_in_line_for_many_is_overtaken_by_nobody() {
    explore(2, || {
        let (machine, words, count) = (Machine::new(), SemaphoreWords::of(2, 2), Count::new());
        let actor = machine.actor(1);
        let semaphore = words.handle(&actor);
        let (first, second) = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
        let late = {
            let count = count.clone();
            spawn_late(&machine, &words, 2, move |_, semaphore| {
                let _permits = semaphore.acquire_many(2).unwrap();
                count.next()
            })
        };
        asleep(&machine, 1);
        drop(first);
        drop(second);
        let permit = semaphore.acquire().unwrap();
        assert_eq!(count.next(), 2, "it was overtaken");
        drop(permit);
        assert_eq!(late.join().unwrap(), 1);
        assert_permits(&semaphore, 2);
    });
}

/// Two in line get one permit in the order in which they came.
#[test]
fn the_line_is_served_in_order() {
    explore(1, || {
        let (machine, words, count) = (Machine::new(), SemaphoreWords::of(1, 1), Count::new());
        let actor = machine.actor(1);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        let line = [2, 3].map(|number| {
            let count = count.clone();
            let late = spawn_late(&machine, &words, number, move |_, semaphore| {
                let _permit = semaphore.acquire().unwrap();
                count.next()
            });
            asleep(&machine, usize::from(number) - 1);
            late
        });
        drop(permit);
        assert_eq!(line.map(|late| late.join().unwrap()), [1, 2]);
        assert_permits(&semaphore, 1);
    });
}

/// One that sits down behind another one, while the permit comes back, gets it after that one.
#[test]
fn one_that_comes_later_is_served_later() {
    explore(1, || {
        let (machine, words, count) = (Machine::new(), SemaphoreWords::of(1, 1), Count::new());
        let actor = machine.actor(1);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        let line = [2, 3].map(|number| {
            let count = count.clone();
            let late = spawn_late(&machine, &words, number, move |_, semaphore| {
                let _permit = semaphore.acquire().unwrap();
                count.next()
            });
            if number == 2 {
                asleep(&machine, 1);
            }
            late
        });
        drop(permit);
        assert_eq!(line.map(|late| late.join().unwrap()), [1, 2]);
        assert_permits(&semaphore, 1);
    });
}

/// One in line and one that is not there yet: what comes one by one wakes both, whatever they find on the way.
#[test]
fn permits_wake_those_in_line_and_those_that_are_not() {
    explore(1, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 2));
        let late = spawn_late(&machine, &words, 1, |_, semaphore| semaphore.acquire().unwrap().forget().unwrap());
        let other = {
            let (actor, words) = (machine.actor(2), words.clone());
            thread::spawn(move || words.handle(&actor).acquire().unwrap().forget().unwrap())
        };
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(1).unwrap();
        semaphore.release(1).unwrap();
        late.join().unwrap();
        other.join().unwrap();
        assert_permits(&semaphore, 0);
    });
}

/// One in line and one that it keeps out both sleep. Permits for both come: the end of the line wakes the other one.
#[test]
fn the_end_of_the_line_wakes_those_it_kept_out() {
    explore(2, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 2));
        let late = spawn_late(&machine, &words, 1, |_, semaphore| semaphore.acquire().unwrap().forget().unwrap());
        asleep(&machine, 1);
        let other = {
            let (actor, words) = (machine.actor(2), words.clone());
            thread::spawn(move || words.handle(&actor).acquire().unwrap().forget().unwrap())
        };
        asleep(&machine, 2);
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        semaphore.release(2).unwrap();
        late.join().unwrap();
        other.join().unwrap();
        assert_permits(&semaphore, 0);
    });
}

/// One in line dies at any write, the first or the second: the other one is served, and nobody is kept out afterwards.
#[test]
fn one_in_line_dies() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(1, 1));
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        let mortal = spawn_late(&machine, &words, 1, move |actor, semaphore| {
            actor.live(at, || drop(semaphore.acquire().unwrap())).is_none()
        });
        let late = spawn_late(&machine, &words, 2, |_, semaphore| drop(semaphore.acquire().unwrap()));
        drop(permit);
        late.join().unwrap();
        let died = mortal.join().unwrap();
        assert_permits(&semaphore, 1);
        died
    });
}

/// The first in line gives up: the second one is served.
#[test]
fn the_first_in_line_gives_up() {
    explore(1, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(1, 1));
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        let permit = semaphore.acquire().unwrap();
        let first = spawn_late(&machine, &words, 1, |_, semaphore| {
            match semaphore.acquire_timeout(Duration::from_millis(30)) {
                Ok(permit) => drop(permit),
                Err(error) => assert_eq!(error, AcquireTimeoutError::Timeout),
            }
        });
        let second = spawn_late(&machine, &words, 2, |_, semaphore| drop(semaphore.acquire().unwrap()));
        drop(permit);
        second.join().unwrap();
        first.join().unwrap();
        assert_permits(&semaphore, 1);
    });
}

/// A closing ends the waits of two in line, wherever it comes.
#[test]
fn a_closing_ends_the_line() {
    explore(2, || {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 1));
        let line = [1, 2].map(|number| spawn_late(&machine, &words, number, |_, semaphore| semaphore.acquire().err()));
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        assert!(semaphore.close().unwrap());
        for late in line {
            assert_eq!(late.join().unwrap(), Some(AcquireError::Closed));
        }
        assert!(semaphore.is_closed());
    });
}

/// A closer dies at any write: it has closed the semaphore or not, and one in line finds out.
#[test]
fn a_closer_dies() {
    explore_deaths(1, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(0, 1));
        let late =
            spawn_late(&machine, &words, 1, |_, semaphore| semaphore.acquire().map(|permit| permit.forget().unwrap()));
        let closer = {
            let (actor, words) = (machine.actor(2), words.clone());
            thread::spawn(move || actor.live(at, || words.handle(&actor).close().unwrap()).is_none())
        };
        let died = closer.join().unwrap();
        let actor = machine.actor(3);
        let semaphore = words.handle(&actor);
        let closed = semaphore.is_closed();
        assert!(died || closed);
        if !closed {
            semaphore.release(1).unwrap();
        }
        assert_eq!(late.join().unwrap(), if closed { Err(AcquireError::Closed) } else { Ok(()) });
        died
    });
}

/// A holder dies beside one in line, which gets its permit.
#[test]
fn a_holder_dies_beside_one_in_line() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), SemaphoreWords::of(1, 1));
        let mortal = {
            let (actor, words) = (machine.actor(1), words.clone());
            thread::spawn(move || actor.live(at, || drop(words.handle(&actor).acquire().unwrap())).is_none())
        };
        let late = spawn_late(&machine, &words, 2, |_, semaphore| drop(semaphore.acquire().unwrap()));
        let died = mortal.join().unwrap();
        late.join().unwrap();
        let actor = machine.actor(3);
        assert_permits(&words.handle(&actor), 1);
        died
    });
}

/// The first in line dies in its sleep. A sweep wakes the one behind it, which notices nothing itself.
#[test]
fn a_sweep_wakes_the_line() {
    explore(2, || {
        let (machine, words) = (Machine::without_slices(), SemaphoreWords::of(0, 1));
        let dead = machine.actor(1).with_clock().killed_asleep();
        assert!(dead.live(None, || words.handle(&dead).acquire().is_ok()).is_none());
        let actor = machine.actor(3);
        words.handle(&actor).release(1).unwrap();
        let late = {
            let (actor, words) = (machine.actor(2).with_clock().without_seizing(), words.clone());
            thread::spawn(move || drop(words.handle(&actor).acquire().unwrap()))
        };
        words.sweep(Seized::try_new(&actor, id(1)).unwrap().dead(), &actor);
        late.join().unwrap();
        assert_permits(&words.handle(&actor), 1);
    });
}

/// The first in line is killed, which the second one does not notice: it sleeps. Proves that a permit that comes wakes the second one,
/// too.
#[test]
fn a_permit_wakes_the_second_in_line() {
    explore(2, || {
        let (machine, words) = (Machine::without_slices(), SemaphoreWords::of(0, 1));
        let dead = machine.actor(1).with_clock().killed_asleep();
        // The platform tells of its death later.
        assert!(crash::run(None, || words.handle(&dead).acquire().is_ok()).is_err());
        let late = spawn_late(&machine, &words, 2, |_, semaphore| drop(semaphore.acquire().unwrap()));
        asleep(&machine, 1);
        dead.die();
        let actor = machine.actor(3);
        words.handle(&actor).release(1).unwrap();
        late.join().unwrap();
        assert_permits(&words.handle(&actor), 1);
    });
}
