//! The mutex: exclusion, visibility, wake-ups, and a holder that dies at any write.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{LockError, TryLockError};
use ipc_core::mutex::{Mutex, MutexGuard, Options, Transaction};
use ipc_core::participant::Seized;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

/// A mutex and what it guards: a cell that complains about every access that the lock does not order.
type Counter = Arc<Shared<Options<u64>>>;

fn counter() -> Counter {
    Shared::new(Options { initial: 0_u64, schema: 0 })
}

fn of<T: bytemuck::Pod>(shared: &Shared<Options<T>>, actor: &Actor) -> Mutex<'static, T, Actor> {
    shared.handle(actor)
}

/// The guard, and whether a holder had died.
fn told<G>(locked: Result<G, LockError<G>>) -> (G, bool) {
    match locked {
        Ok(guard) => (guard, false),
        Err(LockError::OwnerDied(guard)) => (guard, true),
        Err(error) => panic!("{error}"),
    }
}

/// One more, under the lock; whether a holder had died.
fn count_one(shared: &Counter, actor: &Actor) -> bool {
    let mutex = of(shared, actor);
    let (mut guard, died) = told(mutex.lock());
    *guard += 1;
    died
}

fn total(shared: &Counter, actor: &Actor) -> u64 {
    *told(of(shared, actor).lock()).0
}

/// Two lockers never overlap, each sees what the other did, and neither sleeps for ever.
#[test]
fn one_at_a_time() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), counter());
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || count_one(&shared, &machine.actor(1)))
        };
        assert!(!count_one(&shared, &machine.actor(2)));
        assert!(!other.join().unwrap());
        assert_eq!(total(&shared, &machine.actor(2)), 2);
        assert!(!shared.is_locked());
    });
}

/// Three lockers: a sleeper that is overtaken is not forgotten, hand-over included.
#[test]
fn nobody_is_forgotten() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), counter());
        let others = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || count_one(&shared, &machine.actor(number)))
        });
        assert!(!count_one(&shared, &machine.actor(3)));
        for other in others {
            assert!(!other.join().unwrap());
        }
        assert_eq!(total(&shared, &machine.actor(3)), 3);
    });
}

/// `try_lock` takes a free lock or says who has it, and a sleeper beside it is not forgotten.
#[test]
fn trying_beside_a_sleeper() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), counter());
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || count_one(&shared, &machine.actor(1)))
        };
        let actor = machine.actor(2);
        let tried = match of(&shared, &actor).try_lock() {
            Ok(mut guard) => {
                *guard += 1;
                1
            }
            Err(TryLockError::WouldBlock) => 0,
            Err(error) => panic!("{error}"),
        };
        other.join().unwrap();
        assert_eq!(total(&shared, &actor), 1 + tried);
    });
}

/// A holder dies at any write beside one that waits: the waiter gets the lock, and is told if the data are suspect.
#[test]
fn a_holder_dies_before_a_waiter() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), counter());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || count_one(&shared, &actor)).is_none()
            })
        };
        let was_told = count_one(&shared, &machine.actor(2));
        let died = mortal.join().unwrap();
        let actor = machine.actor(3);
        let mutex = of(&shared, &actor);
        let (guard, later) = told(mutex.lock());
        assert!(died || !later);
        // The mark stays until somebody declares the data consistent.
        assert!(!was_told || later);
        guard.mark_consistent().unwrap();
        drop(guard);
        assert!(!count_one(&shared, &actor));
        // The dead one's own addition counts if it got that far.
        let total = total(&shared, &actor);
        assert!(total == 3 || (total == 2 && died));
        died
    });
}

/// The dead holder of a lock is swept beside one that takes the lock over: exactly one of them marks it, nobody sleeps on.
#[test]
fn sweeping_beside_a_takeover() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), counter());
        let dead = machine.actor(1);
        // It dies before its second write, the unlock.
        assert_eq!(dead.live(Some(2), || count_one(&shared, &dead)), None);
        let sweeper = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                if let Ok(seized) = Seized::try_new(&actor, id(1)) {
                    shared.sweep(seized.dead(), &actor);
                }
            })
        };
        let actor = machine.actor(3);
        assert!(count_one(&shared, &actor));
        sweeper.join().unwrap();
        assert!(told(of(&shared, &actor).lock()).1);
    });
}

/// A transaction that dies at any write leaves the old value or the new one, whole, and no mark.
#[test]
fn a_transaction_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(Options { initial: twin(0), schema: 0 });
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || add(of(&shared, &actor).lock_transaction(), 1)).is_none()
            })
        };
        let actor = machine.actor(2);
        add(of(&shared, &actor).lock_transaction(), 10);
        let died = mortal.join().unwrap();
        let last = machine.actor(3);
        let mutex = of(&shared, &last);
        let total = whole(*mutex.lock_transaction().expect("no mark"));
        assert!(total == 11 || (died && total == 10), "{total}");
        died
    });
}

/// So much more, in a transaction.
fn add(locked: Result<Transaction<'_, '_, Twin, Actor>, LockError<Transaction<'_, '_, Twin, Actor>>>, n: u64) {
    let mut change = locked.expect("no mark");
    *change = twin(whole(*change) + n);
    change.commit().unwrap();
}

/// The same as a change in place: loom's cell sees the guard's references.
#[test]
fn a_guard_lends_the_data() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), counter());
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let mutex = of(&shared, &actor);
                let guard: MutexGuard<'_, '_, u64, Actor> = mutex.lock().expect("a free lock");
                *guard
            })
        };
        count_one(&shared, &machine.actor(2));
        assert!(other.join().unwrap() <= 1);
    });
}

/// A lock that is being handed over is not for those who only try, as long as anybody sleeps for it.
#[test]
fn trying_beside_a_hand_over() {
    explore(1, || {
        let (machine, shared) = (Machine::new(), counter());
        let actor = machine.actor(3);
        let mutex = of(&shared, &actor);
        let first = mutex.lock().unwrap();
        let others = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || count_one(&shared, &machine.actor(number)))
        });
        while machine.asleep() < 2 {
            thread::yield_now();
        }
        drop(first);
        // One that was woken finds the lock taken again, and asks for a hand-over; or it was quicker.
        if let Ok(second) = mutex.try_lock()
            && *second == 0
        {
            while machine.asleep() < 2 {
                thread::yield_now();
            }
            drop(second);
            match mutex.try_lock() {
                Ok(guard) => assert!(*guard > 0, "nobody had a turn"),
                Err(error) => assert!(matches!(error, TryLockError::WouldBlock)),
            }
        }
        for other in others {
            assert!(!other.join().unwrap());
        }
    });
}

/// A sleeper asks for a hand-over and is killed. The holder unlocks, in vain, and dies at any write of that, beside a locker that falls
/// asleep on the free lock because it is being handed over. Proves that the locker is woken, by the unlock or by the repair.
#[test]
fn asleep_beside_a_hand_over() {
    explore_deaths(3, |at| {
        let (machine, shared) = (Machine::without_slices(), counter());
        let [mortal, late, heir] = [1, 2, 4].map(|number| machine.actor(number));
        let mutex = of(&shared, &mortal);
        let guard = mutex.lock().unwrap();
        let asleep = machine.actor(3).killed_asleep();
        assert!(asleep.live(None, || count_one(&shared, &asleep)).is_none());
        let other = shared.clone();
        let locker = thread::spawn(move || count_one(&other, &late.without_seizing()));
        let died = mortal.live(at, || drop(guard)).is_none();
        if died {
            shared.sweep(Seized::try_new(&heir, id(1)).expect("it is dead").dead(), &heir);
        }
        assert!(!locker.join().unwrap() || died);
        died
    });
}
