//! The reader-writer lock: exclusion, visibility, wake-ups on both sides, and readers and writers that die at any write.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::mutex::{Condition, Refused};
use ipc_core::participant::Seized;
use ipc_core::rwlock::{RawRwLock, Readers};
use ipc_core::wait::SpinBudget;
use ipc_tests::model::{Actor, Machine, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

/// A lock and what it guards. The cell complains about every access that the lock does not order.
struct Shared {
    lock: RawRwLock,
    readers: Vec<Readers>,
    count: UnsafeCell<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        let readers = (0..3).map(|_| Readers::new()).collect();
        Arc::new(Shared { lock: RawRwLock::new(), readers, count: UnsafeCell::new(0) })
    }

    fn begin_read(&self, actor: &Actor) -> Condition {
        match self.lock.read_first(actor, &self.readers).expect("a counter") {
            Some(condition) => condition,
            None => {
                let budget = SpinBudget::new(actor);
                self.lock.read_contended(actor, &self.readers, &budget, None).expect("the lock")
            }
        }
    }

    fn begin_write(&self, actor: &Actor) -> Condition {
        self.lock.write(actor, &self.readers, &SpinBudget::new(actor), None).expect("the lock")
    }

    fn look(&self) -> u64 {
        // SAFETY: the caller has the lock; loom checks.
        self.count.with(|count| unsafe { *count })
    }

    fn add(&self) {
        // SAFETY: as above.
        self.count.with_mut(|count| unsafe { *count += 1 });
    }

    /// What a reader sees, and what it is told.
    fn read(&self, actor: &Actor) -> (u64, Condition) {
        let condition = self.begin_read(actor);
        let count = self.look();
        self.lock.unlock_read(actor, &self.readers);
        (count, condition)
    }

    /// One more.
    fn write(&self, actor: &Actor) -> Condition {
        let condition = self.begin_write(actor);
        self.add();
        self.lock.unlock_write(actor);
        condition
    }
}

fn spawn<R: 'static>(
    machine: &Arc<Machine>,
    shared: &Arc<Shared>,
    number: u16,
    body: impl FnOnce(&Shared, &Actor) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (actor, shared) = (machine.actor(number), shared.clone());
    thread::spawn(move || body(&shared, &actor))
}

/// A reader and a writer never overlap, the reader sees what the writer did, and neither sleeps for ever.
#[test]
fn a_reader_beside_a_writer() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = spawn(&machine, &shared, 1, |shared, me| [shared.read(me).0, shared.read(me).0]);
        let writer = spawn(&machine, &shared, 2, |shared, me| shared.write(me));
        assert!(writer.join().unwrap().is_clean());
        let [first, second] = reader.join().unwrap();
        assert!(first <= second && second <= 1);
        assert_eq!(shared.read(&machine.actor(3)).0, 1);
    });
}

/// Two writers and a reader: writers exclude each other and the reader; whoever queues is let in.
#[test]
fn two_writers_and_a_reader() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let writers = [1, 2].map(|number| spawn(&machine, &shared, number, |shared, me| shared.write(me)));
        let reader = spawn(&machine, &shared, 3, |shared, me| shared.read(me).0);
        for writer in writers {
            assert!(writer.join().unwrap().is_clean());
        }
        assert!(reader.join().unwrap() <= 2);
        assert_eq!(shared.look(), 2);
    });
}

/// Two readers are in at once, one of them perhaps through the turnstile; the writer waits for the last of them.
#[test]
fn a_writer_waits_for_two_readers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let readers = [1, 2].map(|number| spawn(&machine, &shared, number, |shared, me| shared.read(me).0));
        let writer = spawn(&machine, &shared, 3, |shared, me| shared.write(me));
        assert!(writer.join().unwrap().is_clean());
        for reader in readers {
            assert!(reader.join().unwrap() <= 1);
        }
        assert_eq!(shared.look(), 1);
    });
}

/// Two readers beside each other always get in at once, without waiting: also one that queued does not keep others out.
#[test]
fn readers_do_not_exclude_each_other() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let queued = spawn(&machine, &shared, 1, |shared, me| {
            let budget = SpinBudget::new(me);
            assert!(shared.lock.read_contended(me, &shared.readers, &budget, None).unwrap().is_clean());
            shared.look();
            shared.lock.unlock_read(me, &shared.readers);
        });
        let quick = spawn(&machine, &shared, 2, |shared, me| {
            assert_eq!(shared.lock.try_read(me, &shared.readers), Ok(Condition::default()));
            shared.look();
            shared.lock.unlock_read(me, &shared.readers);
        });
        quick.join().unwrap();
        queued.join().unwrap();
    });
}

/// What does not wait gets the lock or says that it is taken, and disturbs nobody: the others find everything as it was.
#[test]
fn trying() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = spawn(&machine, &shared, 1, |shared, me| match shared.lock.try_read(me, &shared.readers) {
            Ok(condition) => {
                assert!(condition.is_clean() && shared.look() <= 1);
                shared.lock.unlock_read(me, &shared.readers);
            }
            Err(refused) => assert_eq!(refused, Refused::Taken),
        });
        let writer = spawn(&machine, &shared, 2, |shared, me| match shared.lock.try_write(me, &shared.readers) {
            Ok(condition) => {
                assert!(condition.is_clean());
                shared.add();
                shared.lock.unlock_write(me);
                1
            }
            Err(refused) => {
                assert_eq!(refused, Refused::Taken);
                0
            }
        });
        let written = writer.join().unwrap();
        reader.join().unwrap();
        assert!(shared.write(&machine.actor(3)).is_clean());
        assert_eq!(shared.look(), written + 1);
    });
}

/// A write lock becomes a read lock, and no other writer gets in between.
#[test]
fn downgrading() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let first = spawn(&machine, &shared, 1, |shared, me| {
            shared.begin_write(me);
            shared.add();
            let written = shared.look();
            shared.lock.downgrade(me, &shared.readers).expect("a counter");
            assert_eq!(shared.look(), written);
            shared.lock.unlock_read(me, &shared.readers);
        });
        let second = spawn(&machine, &shared, 2, |shared, me| shared.write(me));
        assert!(second.join().unwrap().is_clean());
        first.join().unwrap();
        assert_eq!(shared.look(), 2);
    });
}

/// A reader dies at any write beside a writer: the writer gets the lock, and nobody is told anything.
#[test]
fn a_reader_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = spawn(&machine, &shared, 1, move |shared, me| me.live(at, || shared.read(me)).is_none());
        let writer = spawn(&machine, &shared, 2, |shared, me| shared.write(me));
        assert!(writer.join().unwrap().is_clean());
        let died = mortal.join().unwrap();
        let last = machine.actor(3);
        assert!(shared.write(&last).is_clean());
        assert_eq!(shared.read(&last), (2, Condition::default()));
        died
    });
}

/// A writer dies at any write beside a reader: the reader gets in, and both it and the next writer are told if the data are
/// suspect.
#[test]
fn a_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = spawn(&machine, &shared, 1, move |shared, me| me.live(at, || shared.write(me)).is_none());
        let reader = spawn(&machine, &shared, 2, |shared, me| shared.read(me));
        let (seen, told) = reader.join().unwrap();
        let died = mortal.join().unwrap();
        let last = machine.actor(3);
        let later = shared.begin_write(&last);
        // A mark only where somebody has begun to write; and it stays.
        assert!(!later.owner_died || (died && shared.look() == 1));
        assert!(!told.owner_died || seen == 1);
        assert!(!told.owner_died || later.owner_died);
        shared.lock.turnstile().clear();
        shared.lock.unlock_write(&last);
        assert!(shared.write(&last).is_clean());
        died
    });
}

/// A dead reader is swept beside a writer that counts it out by itself: the writer gets in.
#[test]
fn sweeping_beside_a_writer() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let dead = machine.actor(1);
        shared.begin_read(&dead);
        dead.die();
        let sweeper = spawn(&machine, &shared, 2, |shared, me| {
            if let Some(seized) = Seized::try_new(me, id(1)) {
                shared.lock.sweep(seized.dead(), me, &shared.readers);
            }
        });
        let writer = spawn(&machine, &shared, 3, |shared, me| shared.write(me));
        assert!(writer.join().unwrap().is_clean());
        sweeper.join().unwrap();
        assert_eq!(shared.look(), 1);
    });
}
