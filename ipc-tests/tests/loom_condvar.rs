//! Condition variables: no notification is lost, and a death holds up no waiter. The lock is the shipped mutex, with its guards.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::condvar::{Condvar, Options};
use ipc_core::error::LockError;
use ipc_core::mutex::{self, Mutex, MutexGuard};
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::thread;

struct Shared {
    stock: Arc<model::Shared<mutex::Options<u64>>>,
    changed: Arc<model::Shared<Options>>,
}

type Guard<'g, 'm> = MutexGuard<'g, 'm, u64, Actor>;

/// The guard, whether or not a former holder died.
fn held<'g, 'm>(locked: Result<Guard<'g, 'm>, LockError<Guard<'g, 'm>>>) -> Guard<'g, 'm> {
    locked.unwrap_or_else(|error| error.into_guard().expect("a guard"))
}

impl Shared {
    fn new() -> Arc<Self> {
        let stock = model::Shared::new(mutex::Options { initial: 0, schema: 0 });
        Arc::new(Shared { stock, changed: model::Shared::new(Options) })
    }

    fn stock(&self, actor: &Actor) -> Mutex<'_, u64, Actor> {
        self.stock.handle(actor)
    }

    fn changed(&self, actor: &Actor) -> Condvar<'_, Actor> {
        self.changed.handle(actor)
    }

    /// Adds `count` under the lock.
    fn add(&self, actor: &Actor, count: u64) {
        *held(self.stock(actor).lock()) += count;
    }

    /// Waits for one, and takes it.
    fn take(&self, actor: &Actor) {
        let stock = self.stock(actor);
        let mut guard = held(self.changed(actor).wait_while(held(stock.lock()), |stock| *stock == 0));
        *guard -= 1;
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
            shared.changed(me).notify_one().unwrap();
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
            shared.changed(me).notify_all().unwrap();
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
                shared.changed(me).notify_one().unwrap();
            }
        });
        notifier.join().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// A notifier dies at any write of its notification, and nothing ends a sleep but a wake-up: after the repair the waiter goes.
#[test]
fn a_notifier_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiter = spawn(&machine, &shared, 1, |shared, me| shared.take(me));
        let notifier = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(2);
                shared.add(&mortal, 1);
                let died = mortal.live(at, || shared.changed(&mortal).notify_one()).is_none();
                if died {
                    let heir = machine.actor(3);
                    let seized = Seized::try_new(&heir, id(2)).expect("it is dead");
                    shared.changed.sweep(seized.dead(), &heir);
                }
                died
            })
        };
        let died = notifier.join().unwrap();
        waiter.join().unwrap();
        died
    });
}

/// A waiter dies at any write, with the lock or without it: after the repair another one is notified all the same, by a
/// notification of all.
#[test]
fn a_waiter_dies() {
    explore_deaths(1, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let me = machine.actor(1);
                // Announces itself, and goes before it sleeps.
                let now = ipc_core::Instant::from_nanos(0);
                let died = me.live(at, || {
                    let stock = shared.stock(&me);
                    _ = shared.changed(&me).wait_deadline(held(stock.lock()), now);
                });
                if died.is_none() {
                    let heir = machine.actor(4);
                    let seized = loop {
                        // Another locker may be at it.
                        match Seized::try_new(&heir, id(1)) {
                            Ok(seized) => break seized,
                            Err(_) => thread::yield_now(),
                        }
                    };
                    shared.stock.sweep(seized.dead(), &heir);
                    shared.changed.sweep(seized.dead(), &heir);
                }
                died.is_none()
            })
        };
        let waiter = spawn(&machine, &shared, 2, |shared, me| {
            let stock = shared.stock(me);
            let mut guard = held(stock.lock());
            // A wait that ends with the news of a death is over.
            while *guard == 0 {
                guard = held(shared.changed(me).wait(guard));
            }
            *guard -= 1;
        });
        let notifier = spawn(&machine, &shared, 3, |shared, me| {
            shared.add(me, 1);
            shared.changed(me).notify_all().unwrap();
        });
        let died = mortal.join().unwrap();
        notifier.join().unwrap();
        waiter.join().unwrap();
        died
    });
}
