//! The reader-writer lock: exclusion, visibility, wake-ups on both sides, and readers and writers that die at any write.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{LockError, TryLockError};
use ipc_core::object::Zeroes;
use ipc_core::participant::Seized;
use ipc_core::rwlock::{Options, RwLock, RwLockWriteGuard};
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths, id};
use loom::thread;

/// A lock and what it guards: a cell that complains about every access that the lock does not order.
type Count = Arc<Shared<Options<Zeroes<u64>>>>;
type Lock = RwLock<'static, u64, Actor>;

fn count() -> Count {
    Shared::new(Options::new(3))
}

/// The guard, and whether a writer had died.
fn told<G>(locked: Result<G, LockError<G>>) -> (G, bool) {
    match locked {
        Ok(guard) => (guard, false),
        Err(LockError::OwnerDied(guard)) => (guard, true),
        Err(error) => panic!("{error}"),
    }
}

/// What a reader sees, and whether a writer had died.
fn read(lock: &Lock) -> (u64, bool) {
    let (guard, died) = told(lock.read());
    (*guard, died)
}

/// One more; whether a writer had died.
fn write(lock: &Lock) -> bool {
    let (mut guard, died) = told(lock.write());
    *guard += 1;
    died
}

fn spawn<R: 'static>(
    machine: &Arc<Machine>,
    shared: &Count,
    number: u16,
    body: impl FnOnce(&Lock, &Actor) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (actor, shared) = (machine.actor(number), shared.clone());
    thread::spawn(move || body(&shared.handle(&actor), &actor))
}

/// A reader and a writer never overlap, the reader sees what the writer did, and neither sleeps for ever.
#[test]
fn a_reader_beside_a_writer() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), count());
        let reader = spawn(&machine, &shared, 1, |lock, _| [read(lock).0, read(lock).0]);
        let writer = spawn(&machine, &shared, 2, |lock, _| write(lock));
        assert!(!writer.join().unwrap());
        let [first, second] = reader.join().unwrap();
        assert!(first <= second && second <= 1);
        assert_eq!(read(&shared.handle(&machine.actor(3))), (1, false));
    });
}

/// Two writers and a reader: writers exclude each other and the reader; those in line are let in.
#[test]
fn two_writers_and_a_reader() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), count());
        let writers = [1, 2].map(|number| spawn(&machine, &shared, number, |lock, _| write(lock)));
        let reader = spawn(&machine, &shared, 3, |lock, _| read(lock).0);
        for writer in writers {
            assert!(!writer.join().unwrap());
        }
        assert!(reader.join().unwrap() <= 2);
        assert_eq!(read(&shared.handle(&machine.actor(3))).0, 2);
    });
}

/// Two readers are in at once, one of them perhaps through the turnstile; the writer waits for the last of them.
#[test]
fn a_writer_waits_for_two_readers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), count());
        let readers = [1, 2].map(|number| spawn(&machine, &shared, number, |lock, _| read(lock).0));
        let writer = spawn(&machine, &shared, 3, |lock, _| write(lock));
        assert!(!writer.join().unwrap());
        for reader in readers {
            assert!(reader.join().unwrap() <= 1);
        }
        assert_eq!(read(&shared.handle(&machine.actor(3))).0, 1);
    });
}

/// Two readers beside each other always get in at once, without waiting: also one that had to queue does not keep others out.
#[test]
fn readers_do_not_exclude_each_other() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), count());
        let writer = shared.handle(&machine.actor(3));
        let writing = writer.write().expect("the lock");
        let queued = spawn(&machine, &shared, 1, |lock, _| read(lock));
        drop(writing);
        // The writer has gone, the other reader perhaps not been let in yet.
        let quick = shared.handle(&machine.actor(2));
        assert_eq!(*quick.try_read().expect("no writer"), 0);
        assert_eq!(queued.join().unwrap(), (0, false));
    });
}

/// What does not wait gets the lock or says that it is taken, and disturbs nobody: the others find everything as it was.
#[test]
fn trying() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), count());
        let reader = spawn(&machine, &shared, 1, |lock, _| match lock.try_read() {
            Ok(guard) => assert!(*guard <= 1),
            Err(error) => assert!(matches!(error, TryLockError::WouldBlock)),
        });
        let writer = spawn(&machine, &shared, 2, |lock, _| match lock.try_write() {
            Ok(mut guard) => {
                *guard += 1;
                1
            }
            Err(error) => {
                assert!(matches!(error, TryLockError::WouldBlock));
                0
            }
        });
        let written = writer.join().unwrap();
        reader.join().unwrap();
        let last = shared.handle(&machine.actor(3));
        assert!(!write(&last));
        assert_eq!(read(&last).0, written + 1);
    });
}

/// A write lock becomes a read lock, and no other writer gets in between.
#[test]
fn downgrading() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), count());
        let first = spawn(&machine, &shared, 1, |lock, _| {
            let mut guard = lock.write().expect("the lock");
            *guard += 1;
            let written = *guard;
            let guard = RwLockWriteGuard::downgrade(guard).expect("a counter");
            assert_eq!(*guard, written);
        });
        let second = spawn(&machine, &shared, 2, |lock, _| write(lock));
        assert!(!second.join().unwrap());
        first.join().unwrap();
        assert_eq!(read(&shared.handle(&machine.actor(3))).0, 2);
    });
}

/// A reader dies at any write beside a writer: the writer gets the lock, and nobody is told anything.
#[test]
fn a_reader_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), count());
        let mortal = spawn(&machine, &shared, 1, move |lock, me| me.live(at, || read(lock)).is_none());
        let writer = spawn(&machine, &shared, 2, |lock, _| write(lock));
        assert!(!writer.join().unwrap());
        let died = mortal.join().unwrap();
        let last = shared.handle(&machine.actor(3));
        assert!(!write(&last));
        assert_eq!(read(&last), (2, false));
        died
    });
}

/// A writer dies at any write beside a reader: the reader gets in, and both it and the next writer are told if the data are
/// suspect.
#[test]
fn a_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), count());
        let mortal = spawn(&machine, &shared, 1, move |lock, me| me.live(at, || write(lock)).is_none());
        let reader = spawn(&machine, &shared, 2, |lock, _| read(lock));
        let (seen, told_reader) = reader.join().unwrap();
        let died = mortal.join().unwrap();
        let last = shared.handle(&machine.actor(3));
        let (guard, told_writer) = told(last.write());
        // A mark only where a writer has had the data to itself; and it stays.
        assert!(!told_writer || (died && *guard == 1));
        assert!(!told_reader || seen == 1);
        assert!(!told_reader || told_writer);
        guard.mark_consistent().unwrap();
        drop(guard);
        assert!(!write(&last));
        died
    });
}

/// A dead reader is swept beside a writer that counts it out by itself: the writer gets in.
#[test]
fn sweeping_beside_a_writer() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), count());
        let dead = machine.actor(1);
        // Its third write would be the one that leaves.
        let lock = shared.handle(&dead);
        assert!(dead.live(Some(3), || read(&lock)).is_none());
        let sweeper = {
            let (me, shared) = (machine.actor(2), shared.clone());
            thread::spawn(move || {
                if let Ok(seized) = Seized::try_new(&me, id(1)) {
                    shared.sweep(seized.dead(), &me);
                }
            })
        };
        let writer = spawn(&machine, &shared, 3, |lock, _| write(lock));
        assert!(!writer.join().unwrap());
        sweeper.join().unwrap();
        assert_eq!(read(&shared.handle(&machine.actor(3))).0, 1);
    });
}

/// A reader dies with a read lock. The sweep wakes the writer that waits for it.
#[test]
fn a_sweep_wakes_a_writer() {
    explore(2, || {
        let (machine, shared) = (Machine::without_slices(), count());
        let dead = machine.actor(1);
        let lock = shared.handle(&dead);
        // Its third write would be the one that leaves.
        assert!(dead.live(Some(3), || read(&lock)).is_none());
        let writer = {
            let (me, shared) = (machine.actor(2).without_seizing(), shared.clone());
            thread::spawn(move || write(&shared.handle(&me)))
        };
        let me = machine.actor(3);
        shared.sweep(Seized::try_new(&me, id(1)).unwrap().dead(), &me);
        assert!(!writer.join().unwrap());
    });
}
