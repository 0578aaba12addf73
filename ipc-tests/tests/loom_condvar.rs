//! Condition variables: no notification is lost, none ends two waits, and a death holds up no waiter. The lock is the shipped mutex,
//! with its guards.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::condvar::{Condvar, Options};
use ipc_core::error::LockError;
use ipc_core::mutex::{self, Mutex, MutexGuard};
use ipc_core::participant::Seized;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::sync::atomic::{AtomicBool, Ordering};
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
        let stock = model::Shared::new(mutex::Options { initial: 0, schema: 0.into() });
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
    explore(3, || {
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

impl Shared {
    /// Counts a waiter, and waits once, without a condition. Returns what there is then.
    fn wait_once(&self, me: &Actor) -> u64 {
        let stock = self.stock(me);
        let mut guard = held(stock.lock());
        *guard += 1;
        *held(self.changed(me).wait(guard))
    }

    /// Returns once there is so much.
    fn until(&self, me: &Actor, count: u64) {
        while *held(self.stock(me).lock()) < count {
            thread::yield_now();
        }
    }

    /// A waiter in its place that was killed there, and that no participant has buried.
    fn dead_waiter(&self, machine: &Arc<Machine>, number: u16) {
        let me = machine.actor(number).killed_asleep();
        let died = me.live(None, || _ = self.wait_once(&me)).is_none();
        assert!(died, "it is killed in its sleep");
    }

    /// Buries a dead waiter.
    fn bury(&self, heir: &Actor, number: u16) {
        let seized = Seized::try_new(heir, id(number)).expect("it is dead");
        self.stock.sweep(seized.dead(), heir);
        self.changed.sweep(seized.dead(), heir);
    }
}

/// What a notification makes of the stock.
const GIVEN: u64 = 100;

/// A repair after a participant that died elsewhere ends no wait. The notification after it does.
#[test]
fn a_repair_ends_no_wait() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        shared.dead_waiter(&machine, 1);
        let waiter = spawn(&machine, &shared, 2, |shared, me| assert!(shared.wait_once(me) >= GIVEN, "not notified"));
        let me = machine.actor(3);
        shared.until(&me, 2);
        shared.bury(&me, 1);
        shared.add(&me, GIVEN);
        shared.changed(&me).notify_one().unwrap();
        waiter.join().unwrap();
    });
}

/// A waiter is killed in its place, and then notified: after the repair the notification is another one's that waited at that time.
#[test]
fn a_dead_waiter_is_notified() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        shared.dead_waiter(&machine, 1);
        let waiter = spawn(&machine, &shared, 2, |shared, me| assert!(shared.wait_once(me) >= GIVEN, "not notified"));
        let me = machine.actor(3);
        shared.until(&me, 2);
        shared.add(&me, GIVEN);
        shared.changed(&me).notify_one().unwrap();
        shared.bury(&me, 1);
        waiter.join().unwrap();
    });
}

/// Two waiters, and two notifications, of which a dead waiter got one: both go, even if one of them has taken the dead one's
/// notification when it gets its own.
#[test]
fn one_notification_each() {
    explore(1, || {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        shared.dead_waiter(&machine, 1);
        let waiters = [2, 3].map(|number| spawn(&machine, &shared, number, |shared, me| _ = shared.wait_once(me)));
        let me = machine.actor(4);
        shared.until(&me, 3);
        shared.changed(&me).notify_one().unwrap();
        shared.bury(&me, 1);
        // They may come before the second one.
        thread::yield_now();
        shared.changed(&me).notify_one().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// All places are taken, by dead waiters; another one waits without a place.
fn crowded(machine: &Arc<Machine>, shared: &Arc<Shared>, body: fn(&Shared, &Actor)) -> thread::JoinHandle<()> {
    for _ in 0..3 {
        shared.dead_waiter(machine, 1);
    }
    let waiter = spawn(machine, shared, 3, body);
    shared.until(&machine.actor(4), 4);
    waiter
}

fn crowd(notify: fn(&Condvar<'_, Actor>)) {
    explore(2, move || {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiter = crowded(&machine, &shared, |shared, me| assert!(shared.wait_once(me) >= GIVEN, "not notified"));
        let me = machine.actor(4);
        shared.add(&me, GIVEN);
        notify(&shared.changed(&me));
        waiter.join().unwrap();
    });
}

/// A waiter that found no place is notified.
#[test]
fn one_of_the_crowd() {
    crowd(|changed| changed.notify_one().unwrap());
}

/// A waiter that found no place is notified together with all.
#[test]
fn all_of_the_crowd() {
    crowd(|changed| changed.notify_all().unwrap());
}

/// A notifier dies at any write of its notification of a waiter that found no place: after the repair the waiter goes.
#[test]
fn a_notifier_of_the_crowd_dies() {
    explore_deaths(1, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiter = crowded(&machine, &shared, |shared, me| {
            let stock = shared.stock(me);
            let mut guard = held(stock.lock());
            *guard += 1;
            drop(held(shared.changed(me).wait_while(guard, |stock| *stock < GIVEN)));
        });
        let mortal = machine.actor(4);
        shared.add(&mortal, GIVEN);
        let died = mortal.live(at, || shared.changed(&mortal).notify_all()).is_none();
        if died {
            shared.bury(&machine.actor(2), 4);
        }
        waiter.join().unwrap();
        died
    });
}

/// A waiter that is notified first dies at any write, and passes the notification on if it lives: the other waiter goes.
#[test]
fn a_notified_waiter_dies() {
    const OTHER: u64 = 10;
    explore_deaths(1, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let ended = Arc::new(AtomicBool::new(false));
        let mortal = {
            let (machine, shared, ended) = (machine.clone(), shared.clone(), ended.clone());
            thread::spawn(move || {
                let me = machine.actor(1);
                let died = me.live(at, || {
                    let stock = shared.stock(&me);
                    let mut guard = held(stock.lock());
                    *guard += 1;
                    let _guard = held(shared.changed(&me).wait(guard));
                    shared.changed(&me).notify_one().unwrap();
                });
                ended.store(true, Ordering::Release);
                died.is_none()
            })
        };
        let me = machine.actor(3);
        // The one that waits longer is notified first.
        while *held(shared.stock(&me).lock()) == 0 && !ended.load(Ordering::Acquire) {
            thread::yield_now();
        }
        let waiter = spawn(&machine, &shared, 2, |shared, me| {
            let stock = shared.stock(me);
            let mut guard = held(stock.lock());
            *guard += OTHER;
            drop(held(shared.changed(me).wait(guard)));
        });
        shared.until(&me, OTHER);
        shared.changed(&me).notify_one().unwrap();
        let died = mortal.join().unwrap();
        if died {
            shared.bury(&me, 1);
        }
        waiter.join().unwrap();
        died
    });
}

/// A notifier of all is killed before its first wake-up, and one of two waiters looks by itself. Proves that it wakes the other one.
#[test]
fn a_waiter_that_looks_wakes_the_others() {
    explore(1, || {
        let (machine, shared) = (Machine::without_slices(), Shared::new());
        let waiters = [1, 2].map(|number| spawn(&machine, &shared, number, |shared, me| shared.take(me)));
        while machine.asleep() < 2 {
            thread::yield_now();
        }
        let mortal = machine.actor(3);
        shared.add(&mortal, 2);
        // The notification is its first write.
        assert!(mortal.live(Some(2), || shared.changed(&mortal).notify_all()).is_none());
        machine.time_out(1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}
