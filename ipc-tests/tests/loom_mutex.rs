//! The mutex: exclusion, visibility, wake-ups, and a holder that dies at any write.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipc_core::error::{LockError, TryLockError};
use ipc_core::mutex::{Mutex, MutexGuard, Options, SliceOptions, Transaction};
use ipc_core::participant::Seized;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

/// A mutex and what it guards: a cell that complains about every access that the lock does not order.
type Counter = Arc<Shared<Options<u64>>>;

fn counter() -> Counter {
    Shared::new(Options { initial: 0_u64, schema: 0.into() })
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
        let shared = Shared::new(Options { initial: twin(0), schema: 0.into() });
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

/// A transaction on a slice that dies at any write, stored once and committed then, leaves one of its three states, whole, and no mark.
#[test]
fn a_transaction_on_a_slice_dies() {
    fn add(mutex: &Mutex<'_, [u64], Actor>, n: u64) {
        let mut change = mutex.lock_transaction().expect("no mark");
        for _ in 0..2 {
            assert_eq!(change[0], !change[1], "whole");
            change[0] += n;
            change[1] = !change[0];
            change.store().unwrap();
        }
        change[0] += n;
        change[1] = !change[0];
    }
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(SliceOptions { len: 2, initial: 0, schema: 0.into() });
        let first = machine.actor(3);
        shared.handle(&first).lock().expect("a free lock")[1] = !0;
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || add(&shared.handle(&actor), 1)).is_none()
            })
        };
        add(&shared.handle(&machine.actor(2)), 10);
        let died = mortal.join().unwrap();
        let mutex = shared.handle(&first);
        let guard = mutex.lock().expect("no mark");
        assert_eq!(guard[0], !guard[1], "whole");
        assert!(guard[0] == 22 || (died && (20..22).contains(&guard[0])), "{}", guard[0]);
        died
    });
}

/// So much more, in a transaction.
fn add(locked: Result<Transaction<'_, '_, Twin, Actor>, LockError<Transaction<'_, '_, Twin, Actor>>>, n: u64) {
    let mut change = locked.expect("no mark");
    *change = twin(whole(*change) + n);
    change.commit().unwrap();
}

/// A change in place: loom's cell sees the guard's references.
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

/// The first in line is killed. The holder unlocks, in vain, and dies at any write of that, beside one that takes the lock and has two sleepers
/// behind it when it gives the lock back. Proves that both are woken, by the unlocks or by the repair.
#[test]
fn asleep_beside_a_hand_over() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), counter());
        let [mortal, heir] = [1, 6].map(|number| machine.actor(number));
        let mutex = of(&shared, &mortal);
        let guard = mutex.lock().unwrap();
        let asleep = machine.actor(5).killed_asleep();
        assert!(asleep.live(None, || count_one(&shared, &asleep)).is_none());
        let next = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2).without_seizing();
                let mutex = of(&shared, &actor);
                let (guard, _) = told(mutex.lock());
                let others = [3, 4].map(|number| {
                    let (shared, other) = (shared.clone(), machine.actor(number).without_seizing());
                    thread::spawn(move || drop(told(of(&shared, &other).lock())))
                });
                while machine.asleep() < 2 {
                    thread::yield_now();
                }
                drop(guard);
                others.into_iter().for_each(|other| other.join().unwrap());
            })
        };
        let died = mortal.live(at, || drop(guard)).is_none();
        if died {
            shared.sweep(Seized::try_new(&heir, id(1)).expect("it is dead").dead(), &heir);
        }
        next.join().unwrap();
        died
    });
}

/// A holder, and others that wait for it one after another.
struct Line {
    machine: Arc<Machine>,
    shared: Counter,
    dead: AtomicUsize,
}

impl Line {
    /// The number of the participant in this place, from 0.
    const fn number(place: usize) -> u16 {
        place as u16 + 2
    }

    fn mutex(&self, actor: &Actor) -> Mutex<'static, u64, Actor> {
        of(&self.shared, actor)
    }

    /// Waits until `count` are asleep or dead.
    fn settle(&self, count: usize) {
        // Relaxed: it only ends a wait.
        while self.machine.asleep() + self.dead.load(Ordering::Relaxed) < count {
            thread::yield_now();
        }
    }

    /// Lines `count` up, each of which does what `with` says, and gives the lock back. Returns who of them died.
    fn run(
        count: usize,
        before: impl FnOnce(&Line),
        with: impl Fn(&Line, usize, &Actor) -> bool + Clone + Send + 'static,
    ) -> Vec<bool> {
        let (machine, shared) = (Machine::new(), counter());
        let line = Arc::new(Line { machine, shared, dead: AtomicUsize::new(0) });
        let holder = line.machine.actor(1);
        let mutex = line.mutex(&holder);
        let guard = mutex.lock().unwrap();
        let line_up = |place| {
            let (its_line, with) = (line.clone(), with.clone());
            let actor = line.machine.actor(Self::number(place)).with_clock();
            let other = thread::spawn(move || {
                let died = with(&its_line, place, &actor);
                its_line.dead.fetch_add(usize::from(died), Ordering::Relaxed);
                died
            });
            line.settle(place + 1);
            other
        };
        let others: Vec<_> = (0..count).map(line_up).collect();
        before(&line);
        drop(guard);
        others.into_iter().map(|other| other.join().unwrap()).collect()
    }
}

/// A sleep ends by itself when `count` are asleep or dead: it has another place in the kernel's queue then.
fn time_out(line: &Line, place: usize, count: usize) {
    line.settle(count);
    line.machine.time_out(Line::number(place));
    line.settle(count);
}

/// Four stand in line: the first, the second, and two at the back. Sleeps of three of them end by themselves, so that the kernel's queue has them
/// in another order. Proves that they are served in order all the same.
#[test]
fn the_line_is_served_in_order() {
    const COUNT: usize = 4;
    explore(1, move || {
        Line::run(
            COUNT,
            |line| [0, 2].into_iter().for_each(|place| time_out(line, place, COUNT)),
            move |line, place, actor| {
                let mutex = line.mutex(actor);
                let (mut guard, _) = told(mutex.lock());
                assert_eq!(*guard, place as u64, "out of turn");
                *guard += 1;
                match COUNT - 1 - place {
                    0 => {}
                    asleep => time_out(line, place + 1, asleep),
                }
                false
            },
        );
    });
}

/// The first of three in line is killed in its sleep, and the second leaves the kernel's queue for a moment. Proves that the second is served
/// before the third.
#[test]
fn the_second_comes_after_a_dead_first() {
    explore(1, || {
        let died = Line::run(
            3,
            |line| time_out(line, 1, 3),
            |line, place, actor| {
                let actor = if place == 0 { actor.clone().killed_asleep() } else { actor.clone() };
                let mutex = line.mutex(&actor);
                let lived = actor.live(None, || {
                    let (mut guard, _) = told(mutex.lock());
                    *guard += 1;
                    assert_eq!(*guard, place as u64, "out of turn");
                });
                lived.is_none()
            },
        );
        assert_eq!(died, [true, false, false]);
    });
}

/// Three stand in line. One of them dies at any write. Proves that the others get the lock.
#[test]
fn one_in_line_dies() {
    for mortal in 0..3 {
        explore_deaths(1, move |at| {
            let died = Line::run(
                3,
                |_| {},
                move |line, place, actor| {
                    let mutex = line.mutex(actor);
                    let at = at.filter(|_| place == mortal);
                    actor.live(at, || drop(told(mutex.lock()))).is_none()
                },
            );
            died[mortal]
        });
    }
}

/// Three stand in line. The first dies with the lock when the others sleep again; the second dies at any write, most of them when it takes
/// over. Proves that the third has moved up and takes over as well.
#[test]
fn a_line_of_holders_dies() {
    explore_deaths(1, |at| {
        let died = Line::run(
            3,
            |_| {},
            move |line, place, actor| {
                let mutex = line.mutex(actor);
                match place {
                    0 => {
                        let (guard, _) = told(mutex.lock());
                        line.settle(2);
                        actor.live(Some(1), || drop(guard)).is_none()
                    }
                    1 => actor.live(at, || drop(told(mutex.lock()))).is_none(),
                    _ => {
                        drop(told(mutex.lock()));
                        false
                    }
                }
            },
        );
        died[1]
    });
}
