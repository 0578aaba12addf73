//! Condition variables: no notification is lost, whoever takes part in the change of the condition, and death holds up nobody.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::condvar::RawCondvar;
use ipc_core::mutex::{Intent, RawMutex};
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, explore, explore_deaths};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    lock: RawMutex,
    changed: RawCondvar,
    stock: UnsafeCell<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Shared { lock: RawMutex::new(), changed: RawCondvar::new(), stock: UnsafeCell::new(0) })
    }

    fn lock(&self, actor: &Actor) {
        if !self.lock.lock_first(actor, Intent::InPlace) {
            let budget = SpinBudget::new(actor);
            self.lock.lock_contended(actor, Intent::InPlace, &budget, None).expect("the lock");
        }
    }

    fn unlock(&self, actor: &Actor) {
        self.lock.unlock(actor);
    }

    /// Adds `count` under the lock.
    fn add(&self, actor: &Actor, count: u64) {
        self.lock(actor);
        // SAFETY: under the lock; loom checks.
        self.stock.with_mut(|stock| unsafe { *stock += count });
        self.unlock(actor);
    }

    /// Waits for one, and takes it.
    fn take(&self, actor: &Actor) {
        self.lock(actor);
        // SAFETY: under the lock; loom checks.
        while self.stock.with(|stock| unsafe { *stock }) == 0 {
            self.changed.wait(actor, None, || self.unlock(actor));
            self.lock(actor);
        }
        // SAFETY: as above.
        self.stock.with_mut(|stock| unsafe { *stock -= 1 });
        self.unlock(actor);
    }
}

fn spawn(
    machine: &Arc<Machine>,
    shared: &Arc<Shared>,
    number: u16,
    body: impl FnOnce(&Shared, &Actor) + 'static,
) -> thread::JoinHandle<()> {
    let (actor, shared) = (machine.actor(number), shared.clone());
    thread::spawn(move || body(&shared, &actor))
}

/// A waiter is woken by a notification that comes after the change, outside of the lock.
#[test]
fn a_waiter_is_notified() {
    explore(None, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = spawn(&machine, &shared, 1, |shared, me| shared.take(me));
        let notifier = spawn(&machine, &shared, 2, |shared, me| {
            shared.add(me, 1);
            shared.changed.notify_one(me);
        });
        notifier.join().unwrap();
        waiter.join().unwrap();
    });
}

/// One notification of all for two pieces wakes both waiters.
#[test]
fn all_are_notified() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiters = [1, 2].map(|number| spawn(&machine, &shared, number, |shared, me| shared.take(me)));
        let notifier = spawn(&machine, &shared, 3, |shared, me| {
            shared.add(me, 2);
            shared.changed.notify_all(me);
        });
        notifier.join().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// Two notifications of one, for a piece each, wake two waiters.
#[test]
fn one_by_one() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiters = [1, 2].map(|number| spawn(&machine, &shared, number, |shared, me| shared.take(me)));
        let notifier = spawn(&machine, &shared, 3, |shared, me| {
            for _ in 0..2 {
                shared.add(me, 1);
                shared.changed.notify_one(me);
            }
        });
        notifier.join().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// A notifier dies at any write of its change or its notification: the waiter gets on as soon as there is a piece.
#[test]
fn a_notifier_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let waiter = spawn(&machine, &shared, 1, |shared, me| shared.take(me));
        let notifier = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                let lived = mortal.live(at, || {
                    // The lock is the condition variable's own business here, see loom_mutex for its holder's death.
                    shared.changed.notify_one(&mortal);
                });
                let heir = machine.actor(3);
                shared.add(&heir, 1);
                shared.changed.notify_one(&heir);
                lived.is_none()
            })
        };
        let died = notifier.join().unwrap();
        waiter.join().unwrap();
        died
    });
}

/// A waiter dies at any write: another one is notified all the same, by a notification of all.
#[test]
fn a_waiter_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let me = machine.actor(1);
                // Announces itself, and goes before it sleeps.
                me.live(at, || shared.changed.wait(&me, Some(ipc_core::Instant::from_nanos(0)), || ())).is_none()
            })
        };
        let waiter = spawn(&machine, &shared, 2, |shared, me| shared.take(me));
        let notifier = spawn(&machine, &shared, 3, |shared, me| {
            shared.add(me, 1);
            shared.changed.notify_all(me);
        });
        let died = mortal.join().unwrap();
        notifier.join().unwrap();
        waiter.join().unwrap();
        died
    });
}
