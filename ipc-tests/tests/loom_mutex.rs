//! The mutex: exclusion, visibility, wake-ups, and a holder that dies at any write.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::mutex::{Condition, Intent, RawMutex, Refused, Versions};
use ipc_core::participant::Seized;
use ipc_core::sync::AtomicU64;
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, id, twin, whole};
use loom::cell::UnsafeCell;
use loom::thread;

/// A lock and what it guards. The cell complains about every access that the lock does not order.
struct Shared {
    lock: RawMutex,
    count: UnsafeCell<u64>,
    versions: Versions,
    copies: [Vec<AtomicU64>; 2],
}

impl Shared {
    fn new() -> Arc<Self> {
        let copy = |message: Twin| message.into_iter().map(AtomicU64::new).collect();
        Arc::new(Shared {
            lock: RawMutex::new(),
            count: UnsafeCell::new(0),
            versions: Versions::new(),
            copies: [copy(twin(0)), copy([7, 7])],
        })
    }

    fn lock(&self, actor: &Actor, intent: Intent) -> Condition {
        if self.lock.lock_first(actor, intent) {
            return Condition::default();
        }
        self.lock.lock_contended(actor, intent, &SpinBudget::new(actor), None).expect("the lock")
    }

    /// One more, under the lock.
    fn count_one(&self, actor: &Actor) -> Condition {
        let condition = self.lock(actor, Intent::InPlace);
        self.add();
        self.lock.unlock(actor);
        condition
    }

    fn add(&self) {
        // SAFETY: the caller has the lock; loom checks.
        self.count.with_mut(|count| unsafe { *count += 1 });
    }

    fn total(&self) -> u64 {
        // SAFETY: as above.
        self.count.with(|count| unsafe { *count })
    }

    fn copies(&self) -> [&[AtomicU64]; 2] {
        [&self.copies[0], &self.copies[1]]
    }

    fn read(&self) -> u64 {
        // SAFETY: any bits are a Twin.
        whole(unsafe { self.versions.read::<Twin>(self.copies()).assume_init() })
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
        assert!(shared.count_one(&machine.actor(2)).is_clean());
        assert!(other.join().unwrap().is_clean());
        assert_eq!(shared.total(), 2);
        assert_eq!(shared.lock.owner(), None);
    });
}

/// Three lockers: a sleeper that is overtaken is not forgotten, hand-over included.
#[test]
fn nobody_is_forgotten() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let others = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.count_one(&machine.actor(number)))
        });
        assert!(shared.count_one(&machine.actor(3)).is_clean());
        for other in others {
            assert!(other.join().unwrap().is_clean());
        }
        assert_eq!(shared.total(), 3);
    });
}

/// `try_lock` takes a free lock or says who has it, and a sleeper beside it is not forgotten.
#[test]
fn trying_beside_a_sleeper() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.count_one(&machine.actor(1)))
        };
        let actor = machine.actor(2);
        let tried = match shared.lock.try_lock(&actor, Intent::InPlace) {
            Ok(condition) => {
                assert!(condition.is_clean());
                shared.add();
                shared.lock.unlock(&actor);
                1
            }
            Err(refused) => {
                assert_eq!(refused, Refused::Taken);
                0
            }
        };
        other.join().unwrap();
        assert_eq!(shared.total(), 1 + tried);
    });
}

/// A holder dies at any write beside one that waits: the waiter gets the lock, and is told if the data are suspect.
#[test]
fn a_holder_dies_before_a_waiter() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || shared.count_one(&actor)).is_none()
            })
        };
        let told = shared.count_one(&machine.actor(2));
        let died = mortal.join().unwrap();
        let actor = machine.actor(3);
        let later = shared.lock(&actor, Intent::InPlace);
        assert!(died || !later.owner_died);
        // The mark stays until somebody declares the data consistent.
        assert!(!told.owner_died || later.owner_died);
        shared.lock.clear();
        shared.lock.unlock(&actor);
        assert!(shared.count_one(&actor).is_clean());
        // The dead one's own addition counts if it got that far.
        assert!(shared.total() == 3 || (shared.total() == 2 && died));
        died
    });
}

/// The dead holder of a lock is swept beside one that takes the lock over: exactly one of them marks it, nobody sleeps on.
#[test]
fn sweeping_beside_a_takeover() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let dead = machine.actor(1);
        assert!(shared.lock(&dead, Intent::InPlace).is_clean());
        dead.die();
        let sweeper = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                if let Some(seized) = Seized::try_new(&actor, id(1)) {
                    shared.lock.sweep(seized.dead(), &actor);
                }
            })
        };
        let actor = machine.actor(3);
        let condition = shared.count_one(&actor);
        assert!(condition.owner_died);
        sweeper.join().unwrap();
        assert!(shared.lock(&actor, Intent::InPlace).owner_died);
    });
}

/// A transaction that dies at any write leaves the old value or the new one, whole, and no mark.
#[test]
fn a_transaction_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let lived = actor.live(at, || {
                    shared.lock(&actor, Intent::Transaction);
                    shared.versions.commit(&twin(shared.read() + 1), shared.copies());
                    shared.lock.unlock(&actor);
                });
                lived.is_none()
            })
        };
        let actor = machine.actor(2);
        assert!(shared.lock(&actor, Intent::Transaction).is_clean());
        let before = shared.read();
        shared.versions.commit(&twin(before + 10), shared.copies());
        shared.lock.unlock(&actor);
        let died = mortal.join().unwrap();
        let last = machine.actor(3);
        assert!(shared.lock(&last, Intent::Transaction).is_clean());
        let total = shared.read();
        assert!(total == 11 || (died && total == 10), "{total}");
        died
    });
}
