//! Reader-writer locks between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{Fault, LockError, LockTimeoutError, Region, RwLock, RwLockWriteGuard, TryLockError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[
    ("read", read),
    ("write", write),
    ("hold_read", hold_read),
    ("hold_write", hold_write),
    ("wait_to_write", wait_to_write),
    ("read_on", read_on),
    ("write_on", write_on),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Words that are always equal, but under the write lock.
type Table = [u64; 16];

fn open(args: &Args) -> RwLock<Table> {
    Region::open(&args.get("name")).unwrap().rwlock("table").open().unwrap()
}

fn create(name: &TempName) -> RwLock<Table> {
    Region::create(name.as_str()).unwrap().rwlock("table").create().unwrap()
}

fn whole(table: &Table) -> u64 {
    assert!(table.iter().all(|word| *word == table[0]), "a torn table: {table:?}");
    table[0]
}

fn add_one(table: &mut Table) {
    for word in table {
        *word += 1;
    }
}

fn read(args: &Args) {
    let lock = open(args);
    let mut last = 0;
    while last < args.number("until") {
        let now = whole(&lock.read().unwrap());
        assert!(now >= last, "time goes back");
        last = now;
    }
}

fn write(args: &Args) {
    let lock = open(args);
    for _ in 0..args.number("times") {
        add_one(&mut lock.write().unwrap());
    }
}

/// Three writers and three readers: nobody sees half a change, and no change is lost.
#[test]
fn readers_and_writers() {
    let _watchdog = Watchdog::new(LIMIT, "readers_and_writers");
    let name = TempName::new("rwlock");
    let lock = create(&name);
    let args = [("name", name.as_str()), ("until", "6000"), ("times", "2000")];
    let mut readers = [(); 3].map(|()| children::spawn("read", &args));
    let mut writers = [(); 3].map(|()| children::spawn("write", &args));
    assert!(writers.iter_mut().all(|writer| writer.wait().success()));
    assert!(readers.iter_mut().all(|reader| reader.wait().success()));
    assert_eq!(whole(&lock.read().unwrap()), 6000);
}

fn hold_read(args: &Args) {
    let lock = open(args);
    let _guards = [lock.read().unwrap(), lock.read().unwrap()];
    children::say("reading");
    let _ = children::hear();
}

/// A reader that is stopped keeps its lock; one that is killed does not, and a writer that waits for it notices by itself.
#[test]
fn a_dead_reader_keeps_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "a_dead_reader_keeps_nobody_out");
    let name = TempName::new("dead-reader");
    let lock = create(&name);
    let mut reader = children::spawn("hold_read", &[("name", name.as_str())]);
    reader.expect("reading");
    reader.sigstop();
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    let soon = Duration::from_millis(30);
    assert!(matches!(lock.write_timeout(soon), Err(LockTimeoutError::Timeout)));
    assert!(matches!(lock.write_deadline(Instant::now()), Err(LockTimeoutError::Timeout)));
    // The writer that gave up keeps no reader out.
    assert_eq!(whole(&lock.try_read().unwrap()), 0);
    std::thread::scope(|scope| {
        let (started, start) = std::sync::mpsc::channel();
        let lock = &lock;
        let writer = scope.spawn(move || {
            started.send(()).unwrap();
            add_one(&mut lock.write().unwrap());
        });
        start.recv().unwrap();
        reader.sigkill();
        writer.join().unwrap();
    });
    assert_eq!(whole(&lock.try_read().unwrap()), 1);

    // And nobody waits at all if it died before.
    let mut reader = children::spawn("hold_read", &[("name", name.as_str())]);
    reader.expect("reading");
    reader.sigkill_unreaped();
    add_one(&mut lock.try_write().unwrap());
}

fn hold_write(args: &Args) {
    let lock = open(args);
    let mut table = lock.write().unwrap();
    table[0] = 99;
    children::say("writing");
    let _ = children::hear();
}

/// A writer that is killed in the middle: readers and writers are told, until one has repaired the data.
#[test]
fn a_dead_writer_is_told_of() {
    let _watchdog = Watchdog::new(LIMIT, "a_dead_writer_is_told_of");
    let name = TempName::new("dead-writer");
    let lock = create(&name);
    let mut writer = children::spawn("hold_write", &[("name", name.as_str())]);
    writer.expect("writing");
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.read_timeout(Duration::from_millis(20)), Err(LockTimeoutError::Timeout)));
    writer.sigkill();
    assert!(matches!(lock.try_read(), Err(TryLockError::OwnerDied(_))));
    assert!(lock.is_poisoned());
    match lock.read() {
        Err(LockError::OwnerDied(table)) => assert_eq!(table[..2], [99, 0]),
        other => panic!("{other:?}"),
    }
    match lock.write() {
        Err(LockError::OwnerDied(mut table)) => {
            *table = [7; 16];
            table.mark_consistent().unwrap();
            // Nobody gets in between.
            assert_eq!(whole(&RwLockWriteGuard::downgrade(table).unwrap()), 7);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(whole(&lock.read().unwrap()), 7);
    assert!(!lock.is_poisoned());
    assert!(lock.try_write().is_ok());
}

fn wait_to_write(args: &Args) {
    let lock = open(args);
    children::say("about to wait");
    add_one(&mut lock.write().unwrap());
}

/// A writer that is killed while it waits for readers has done nothing: no mark, and nobody is kept out.
#[test]
fn a_writer_dies_waiting() {
    let _watchdog = Watchdog::new(LIMIT, "a_writer_dies_waiting");
    let name = TempName::new("dead-waiter");
    let lock = create(&name);
    let reading = lock.read().unwrap();
    let mut writer = children::spawn("wait_to_write", &[("name", name.as_str())]);
    writer.expect("about to wait");
    // Until it is seen to keep new readers out.
    while lock.try_read().is_ok() {
        std::thread::yield_now();
    }
    writer.sigkill();
    assert_eq!(whole(&lock.read().unwrap()), 0);
    drop(reading);
    add_one(&mut lock.write().unwrap());
    assert!(!lock.is_poisoned());
}

/// Holds the read lock all the time, with hardly a gap, beside another one that does the same.
fn read_on(args: &Args) {
    let lock = open(args);
    children::say("going");
    loop {
        let table = lock.read().unwrap();
        std::hint::black_box(whole(&table));
        std::thread::yield_now();
    }
}

fn write_on(args: &Args) {
    let lock = open(args);
    children::say("going");
    loop {
        add_one(&mut lock.write().unwrap());
    }
}

/// More processes than processors read without end: a writer gets the lock a hundred times. More write without end: so does a
/// reader.
#[test]
fn nobody_starves() {
    let _watchdog = Watchdog::new(LIMIT, "nobody_starves");
    for (role, reads) in [("read_on", false), ("write_on", true)] {
        let name = TempName::new("starve");
        let lock = create(&name);
        let mut crowd = [(); 4].map(|()| children::spawn(role, &[("name", name.as_str())]));
        crowd.iter_mut().for_each(|one| one.expect("going"));
        for _ in 0..100 {
            if reads {
                whole(&lock.read().unwrap());
            } else {
                add_one(&mut lock.write().unwrap());
            }
        }
        crowd.iter_mut().for_each(children::Child::sigkill);
    }
}

/// A panic under the write lock poisons; one under a read lock does not. Waiting for oneself is told.
#[test]
fn panics_and_deadlocks() {
    let region = Region::options().anonymous().unwrap();
    let lock = region.rwlock::<u64>("l").initial(5).create().unwrap();
    let panicking = |write: bool| {
        let lock = lock.clone();
        let thread = std::thread::spawn(move || {
            if write {
                let _guard = lock.write().unwrap();
                std::panic::resume_unwind(Box::new("on purpose"));
            }
            let _guard = lock.read().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(thread.join().is_err());
    };
    panicking(false);
    assert_eq!(*lock.read().unwrap(), 5);
    panicking(true);
    assert!(matches!(lock.read(), Err(LockError::Poisoned(_))));
    assert!(matches!(lock.write(), Err(LockError::Poisoned(_))));
    lock.clear_poison().unwrap();
    let writing = lock.write().unwrap();
    assert!(matches!(lock.read(), Err(LockError::Deadlock)));
    assert!(matches!(lock.write(), Err(LockError::Deadlock)));
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    drop(writing);
    assert!(lock.try_write().is_ok());
}

/// What differs is said; a lock for another `T` does not open.
#[test]
fn errors_say_what_differs() {
    let region = Region::options().anonymous().unwrap();
    region.rwlock::<u64>("limits").create().unwrap();
    let error = region.rwlock::<[u64; 2]>("limits").open().unwrap_err();
    assert_eq!(error.to_string(), "reader-writer lock \"limits\": type [u64; 2] here, u64 in the region");
    let error = region.mutex::<u64>("limits").open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"limits\": mutex here, reader-writer lock in the region");
}

/// After fork, the child's handle answers with an error, and its guards let go of nothing.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let lock = region.rwlock::<u64>("l").create().unwrap();
    let reading = lock.read().unwrap();
    assert!(children::holds_after_fork(|| {
        let told = matches!(lock.read(), Err(LockError::Fault(Fault::Forked)))
            && matches!(lock.try_write(), Err(TryLockError::Fault(Fault::Forked)))
            && matches!(lock.write_timeout(Duration::ZERO), Err(LockTimeoutError::Fault(Fault::Forked)));
        // SAFETY: the copy of the guard that fork made; it is not used again here.
        drop(unsafe { std::ptr::read(&reading) });
        told
    }));
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)), "the parent reads on");
    drop(reading);
    assert!(lock.try_write().is_ok());
}
