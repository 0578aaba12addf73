//! The event count alone: a thread that checks, finds nothing and sleeps is woken by what comes afterwards.
#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use ipc_core::platform::{Platform, WaitOutcome};
use ipc_core::sync::{AtomicU32, Ordering};
use ipc_core::wait::{Attempt, EventCount, Gate, SpinBudget, block_until};
use ipc_tests::model::{Machine, explore};
use loom::thread;

/// A notifier that finds nobody asleep clears the announcement, and a notification that follows finds none. A sleeper
/// that announced itself in between must not fall asleep on its old ticket when another one announces itself.
#[test]
fn a_cleared_announcement_does_not_come_back() {
    explore(3, || {
        let machine = Machine::new();
        let (gate, done) = (Arc::new(EventCount::new()), Arc::new(AtomicU32::new(0)));
        let actor = machine.actor(3);
        // Somebody was here, and has left its mark.
        let _ = gate.prepare(&actor);
        let sleeper = {
            let (machine, gate, done) = (machine.clone(), gate.clone(), done.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                loop {
                    let ticket = gate.prepare(&actor);
                    if done.load(Ordering::Relaxed) == 1 {
                        return;
                    }
                    gate.wait(&actor, ticket, Duration::MAX);
                }
            })
        };
        let passer_by = {
            let (machine, gate) = (machine.clone(), gate.clone());
            thread::spawn(move || {
                // Finds what it wants when it looks, so it does not sleep.
                let _ = gate.prepare(&machine.actor(2));
            })
        };
        gate.notify(&actor, || 1);
        done.store(1, Ordering::Relaxed);
        gate.notify(&actor, || 1);
        sleeper.join().unwrap();
        passer_by.join().unwrap();
    });
}

/// A notifier that finds nobody asleep yet, and does not clear the announcement, keeps a waiter that has announced itself from
/// falling asleep.
#[test]
fn a_notification_that_finds_nobody_counts() {
    explore(None, || {
        let machine = Machine::new();
        let (gate, done) = (Arc::new(EventCount::with_epoch(1)), Arc::new(AtomicU32::new(0)));
        let sleeper = {
            let (machine, gate, done) = (machine.clone(), gate.clone(), done.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let ticket = gate.prepare(&actor);
                if done.load(Ordering::Relaxed) == 0 {
                    gate.wait(&actor, ticket, Duration::MAX);
                }
            })
        };
        let notifier = {
            let (machine, gate, done) = (machine.clone(), gate.clone(), done.clone());
            thread::spawn(move || {
                done.store(1, Ordering::Relaxed);
                gate.notify(&machine.actor(2), || 1);
            })
        };
        sleeper.join().unwrap();
        notifier.join().unwrap();
    });
}

/// Two sleep in lanes of a word, one in each. Proves that a wake-up in a lane wakes the sleeper there.
#[test]
fn a_wake_up_keeps_to_its_lane() {
    explore(None, || {
        let (machine, word) = (Machine::new(), Arc::new(AtomicU32::new(0)));
        let (actor, lanes) = (machine.actor(3), [1, 2]);
        let sleepers = lanes.map(|lane| {
            let (machine, word) = (machine.clone(), word.clone());
            thread::spawn(move || machine.actor(lane as u16).wait_in(&word, 0, Duration::MAX, lane))
        });
        for (lane, sleeper) in lanes.into_iter().zip(sleepers).rev() {
            while actor.wake_in(&word, 1, lane) == 0 {
                thread::yield_now();
            }
            assert_eq!(sleeper.join().unwrap(), WaitOutcome::Woken);
        }
    });
}

/// Two sleep for a change whose notifier is killed before its wake-up, and only one looks. Proves that it wakes the other one.
#[test]
fn a_sleeper_that_looks_wakes_the_others() {
    explore(3, || {
        let machine = Machine::without_slices();
        let (gate, done) = (Arc::new(Gate::new()), Arc::new(AtomicU32::new(0)));
        let sleepers = [1, 2].map(|number| {
            let (machine, gate, done) = (machine.clone(), gate.clone(), done.clone());
            thread::spawn(move || {
                let actor = machine.actor(number);
                let is_done = |_| if done.load(Ordering::Relaxed) == 1 { Attempt::Done(()) } else { Attempt::NotYet };
                block_until(&actor, &*gate, &SpinBudget::new(&actor), None, is_done).unwrap();
            })
        });
        while machine.asleep() < 2 {
            thread::yield_now();
        }
        done.store(1, Ordering::Relaxed);
        machine.time_out(1);
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}
