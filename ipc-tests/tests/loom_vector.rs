//! Vectors: no change is lost, each counts in one step, and a process that dies in one leaves the vector old or new, for all that follow.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ipc_core::Vector;
use ipc_core::vector::Options;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths};
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

type Words = model::Shared<Options<u64>>;
type AVector = Vector<'static, u64, Actor>;

const CAPACITY: u64 = 5;

fn made() -> Arc<Words> {
    model::Shared::new(Options::new(CAPACITY))
}

fn handle(shared: &Words, machine: &Arc<Machine>, number: u16) -> AVector {
    shared.handle(&machine.actor(number).without_barriers())
}

/// All elements. Without a guard's slice, so that each is checked as the shipped code checks it.
fn all(vector: &AVector) -> Vec<u64> {
    let mut room = [0; CAPACITY as usize];
    let count = vector.read(0, &mut room).unwrap();
    room[..count].to_vec()
}

/// Proves that of two changes by two processes none is lost, and that the lock orders their elements.
#[test]
fn two_writers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made());
        shared.push(10).unwrap();
        let writers = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let vector = handle(&shared, &machine, number);
                vector.push(number.into()).unwrap();
                vector.update(0, |sum| *sum += 1).unwrap();
            })
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let mut found = all(&handle(&shared, &machine, 3));
        found[1..].sort_unstable();
        assert_eq!(found, [12, 1, 2]);
    });
}

/// Proves that several changes under a lock are seen together or not at all, also by `len`.
#[test]
fn a_guard_is_one_step() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        shared.extend_from_slice(&[3, 1]).unwrap();
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let vector = handle(&shared, &machine, 1);
                let mut guard = vector.lock().unwrap();
                guard[0] = 2;
                guard.push(4).unwrap();
                guard.insert(0, 0).unwrap();
            })
        };
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let vector = handle(&shared, &machine, 2);
                (vector.len(), all(&vector))
            })
        };
        writer.join().unwrap();
        let (len, found) = reader.join().unwrap();
        assert!(found == [3, 1] || found == [0, 2, 1, 4], "{found:?}");
        assert!(len == 2 || len == found.len() && len == 4, "{len}, then {found:?}");
    });
}

/// Proves that who learns a length without the lock sees what its author did before, and finds at least that state with the lock.
#[test]
fn a_length_is_followed_by_its_elements() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let before = Arc::new(AtomicU64::new(0));
        let writer = {
            let (machine, shared, before) = (machine.clone(), shared.clone(), before.clone());
            thread::spawn(move || {
                before.store(1, Relaxed);
                handle(&shared, &machine, 1).push(7).unwrap();
            })
        };
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let vector = handle(&shared, &machine, 2);
                (vector.len(), before.load(Relaxed), vector.get(0).unwrap())
            })
        };
        writer.join().unwrap();
        let (len, seen, first) = reader.join().unwrap();
        assert!(len == 0 || (seen, first) == (1, Some(7)), "{len}, then {seen} and {first:?}");
    });
}

/// Proves that a guard keeps others out, and that one that is discarded has changed nothing.
#[test]
fn a_discarded_guard_changes_nothing() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        shared.extend_from_slice(&[3, 1]).unwrap();
        let discarder = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let vector = handle(&shared, &machine, 1);
                let mut guard = vector.lock().unwrap();
                guard.sort_unstable();
                guard.push(9).unwrap();
                guard.discard();
            })
        };
        let vector = handle(&shared, &machine, 2);
        vector.push(4).unwrap();
        discarder.join().unwrap();
        assert_eq!(all(&vector), [3, 1, 4]);
    });
}

/// What a process does that may die, and what there is then.
struct Deed {
    act: fn(&AVector),
    new: &'static [u64],
}

/// What was there before: each number once.
const OLD: [u64; 3] = [3, 1, 2];

const DEEDS: &[Deed] = &[
    Deed { act: |vector| vector.push(4).unwrap(), new: &[3, 1, 2, 4] },
    Deed { act: |vector| vector.extend_from_slice(&[4, 5]).unwrap(), new: &[3, 1, 2, 4, 5] },
    Deed { act: |vector| _ = vector.pop().unwrap(), new: &[3, 1] },
    Deed { act: |vector| _ = vector.set(1, 9).unwrap(), new: &[3, 9, 2] },
    Deed { act: |vector| _ = vector.swap(0, 2).unwrap(), new: &[2, 1, 3] },
    Deed { act: |vector| vector.insert(0, 4).unwrap(), new: &[4, 3, 1, 2] },
    Deed { act: |vector| _ = vector.remove(0).unwrap(), new: &[1, 2] },
    Deed { act: |vector| _ = vector.swap_remove(0).unwrap(), new: &[2, 1] },
    Deed { act: |vector| vector.truncate(1).unwrap(), new: &[3] },
    Deed { act: |vector| vector.sort_unstable().unwrap(), new: &[1, 2, 3] },
    Deed { act: |vector| vector.retain(|n| *n != 1).unwrap(), new: &[3, 2] },
    Deed {
        act: |vector| {
            let mut guard = vector.lock().unwrap();
            guard.swap(0, 1);
            guard.push(4).unwrap();
        },
        new: &[1, 3, 2, 4],
    },
];

/// Survivors find the old elements or the new ones, and can do everything.
fn survive(vector: &AVector, may_be: &[&[u64]]) {
    let len = vector.len();
    let found = all(vector);
    assert!(may_be.contains(&&found[..]), "{found:?}");
    assert_eq!(len, found.len(), "before the repair: {found:?}");
    assert_eq!(all(vector), found);
    vector.truncate(1).unwrap();
    vector.insert(0, 20).unwrap();
    vector.extend_from_slice(&[30, 40, 50]).unwrap();
    assert!(vector.push(60).is_err_and(|error| error.is_full()));
    assert!(vector.swap(1, 4).unwrap());
    assert_eq!(all(vector), [20, 50, 30, 40, found[0]]);
}

/// Proves that a process that dies before any of its writes, in any operation, leaves the old vector or the new one. Beside it one that takes
/// the lock, and that may be the one that finishes what the dead one has begun.
#[test]
fn a_writer_dies() {
    for (number, deed) in DEEDS.iter().enumerate() {
        explore_deaths(2, move |at| {
            let (machine, shared) = (Machine::new(), made());
            shared.extend_from_slice(&OLD).unwrap();
            let mortal = {
                let (shared, actor) = (shared.clone(), machine.actor(1).without_barriers());
                thread::spawn(move || actor.live(at, || (deed.act)(&shared.handle(&actor))).is_none())
            };
            let vector = handle(&shared, &machine, 2);
            let found = all(&vector);
            assert!(found == OLD || found == deed.new, "deed {number}: {found:?}");
            let died = mortal.join().unwrap();
            assert!(died || all(&vector) == deed.new, "deed {number}");
            survive(&vector, &[&OLD, deed.new]);
            died
        });
    }
}

/// Proves that the death of one that finishes a dead one's change is repaired, too, wherever both died.
#[test]
fn a_repairer_dies() {
    // An insertion, then one that exchanges two, and the other way round.
    let pairs: [(&Deed, &Deed, &[u64]); 2] =
        [(&DEEDS[5], &DEEDS[4], &[1, 3, 4, 2]), (&DEEDS[4], &DEEDS[5], &[4, 2, 1, 3])];
    for (first, second, both) in pairs {
        for at in 1.. {
            let lived = Arc::new(AtomicBool::new(false));
            let seen = lived.clone();
            explore_deaths(2, move |later| {
                let (machine, shared) = (Machine::new(), made());
                shared.extend_from_slice(&OLD).unwrap();
                let actor = machine.actor(1).without_barriers();
                if actor.live(Some(at), || (first.act)(&shared.handle(&actor))).is_some() {
                    seen.store(true, Ordering::Relaxed);
                }
                let mortal = {
                    let (shared, actor) = (shared.clone(), machine.actor(2).without_barriers());
                    thread::spawn(move || actor.live(later, || (second.act)(&shared.handle(&actor))).is_none())
                };
                let may_be: [&[u64]; 4] = [&OLD, first.new, second.new, both];
                let vector = handle(&shared, &machine, 3);
                let found = all(&vector);
                assert!(may_be.contains(&&found[..]), "{found:?}");
                let died = mortal.join().unwrap();
                survive(&vector, &may_be);
                died
            });
            if lived.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}
