//! Mutexes and reader-writer locks around slices, between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Fault, LockError, Mutex, ObjectErrorKind, Region, RwLock, TryLockError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("add", add), ("hold", hold), ("move", move_for_ever)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn region(args: &Args) -> Region {
    Region::open(&args.get("name")).unwrap()
}

fn add(args: &Args) {
    let region = region(args);
    let mutex: Mutex<[u64]> = region.mutex_array("mutex").open().unwrap();
    let lock: RwLock<[u16]> = region.rwlock_array("rwlock").open().unwrap();
    for round in 0..args.number("times") as usize {
        mutex.lock().unwrap()[round % mutex.len()] += 1;
        let mut change = mutex.lock_transaction().unwrap();
        change[round % mutex.len()] += 1;
        change.commit().unwrap();
        lock.write().unwrap()[round % lock.len()] += 1;
        assert_eq!(lock.read().unwrap().len(), 7);
    }
}

/// Four processes add to the elements: nothing is lost, in place, in transactions, and under the write lock.
#[test]
fn the_sums_are_right() {
    let _watchdog = Watchdog::new(LIMIT, "the_sums_are_right");
    let name = TempName::new("sums");
    let region = Region::create(name.as_str()).unwrap();
    let mutex: Mutex<[u64]> = region.mutex_array("mutex").len(10).initial(5).create().unwrap();
    let lock: RwLock<[u16]> = region.rwlock_array("rwlock").len(7).initial(9).create().unwrap();
    let mut workers = [(); 4].map(|()| children::spawn("add", &[("name", name.as_str()), ("times", "7000")]));
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    assert_eq!(*mutex.lock().unwrap(), [5 + 4 * 2 * 700; 10]);
    assert_eq!(*lock.read().unwrap(), [9 + 4 * 1000; 7]);
}

fn hold(args: &Args) {
    let region = region(args);
    let mutex: Mutex<[u64]> = region.mutex_array("mutex").open().unwrap();
    let lock: RwLock<[u16]> = region.rwlock_array("rwlock").open().unwrap();
    let mut guard = mutex.lock().unwrap();
    guard[0] = 7;
    let mut writer = lock.write().unwrap();
    writer[0] = 7;
    children::say("held");
    let _ = children::hear();
}

/// A holder that is killed in place is told of, and one that is stopped is alive.
#[test]
fn a_killed_holder_is_told_of() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_holder_is_told_of");
    let name = TempName::new("held");
    let region = Region::create(name.as_str()).unwrap();
    let mutex: Mutex<[u64]> = region.mutex_array("mutex").len(3).create().unwrap();
    let lock: RwLock<[u16]> = region.rwlock_array("rwlock").len(3).create().unwrap();
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("held");
    holder.sigstop();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(lock.read_timeout(Duration::from_millis(20)).is_err_and(|error| !error.is_owner_died()));
    holder.sigkill();
    let Err(LockError::OwnerDied(mut guard)) = mutex.lock() else { panic!("the holder died") };
    assert_eq!(*guard, [7, 0, 0]);
    guard[0] = 0;
    guard.mark_consistent().unwrap();
    drop(guard);
    assert_eq!(*mutex.lock().unwrap(), [0; 3]);
    let Err(LockError::OwnerDied(guard)) = lock.write() else { panic!("the writer died") };
    assert_eq!(*guard, [7, 0, 0]);
    guard.mark_consistent().unwrap();
    drop(guard);
    assert_eq!(*lock.read().unwrap(), [7, 0, 0]);
}

/// Moves from the first account to the last one, for ever.
fn move_for_ever(args: &Args) {
    let accounts: Mutex<[i64]> = region(args).mutex_array("accounts").open().unwrap();
    children::say("go");
    loop {
        let mut change = accounts.lock_transaction().unwrap();
        let last = change.len() - 1;
        change[0] -= 1;
        change[last] += 1;
        change.commit().unwrap();
    }
}

/// Processes are killed in the middle of transactions on a slice of many pages: the sum stays, and nobody has to repair anything.
#[test]
fn killed_transactions_never_were() {
    let _watchdog = Watchdog::new(LIMIT, "killed_transactions_never_were");
    let name = TempName::new("accounts");
    let region = Region::options().size(4 << 20).create(name.as_str()).unwrap();
    let accounts: Mutex<[i64]> = region.mutex_array("accounts").len(100_000).create().unwrap();
    for _ in 0..20 {
        let mut movers = [(); 2].map(|()| children::spawn("move", &[("name", name.as_str())]));
        movers.iter_mut().for_each(|mover| mover.expect("go"));
        let before = accounts.lock().unwrap()[0];
        while accounts.lock().unwrap()[0] == before {
            std::thread::yield_now();
        }
        movers.iter_mut().for_each(|mover| mover.sigkill());
        assert_eq!(accounts.lock().unwrap().iter().sum::<i64>(), 0);
    }
}

/// What differs is said; so are a length that was not said, and one that is impossible.
#[test]
fn the_wrong_lock() {
    let region = Region::options().anonymous().unwrap();
    let error = region.mutex_array::<u64>("mutex").create().unwrap_err();
    assert_eq!(*error.kind(), ObjectErrorKind::NoCapacity);
    assert_eq!(error.to_string(), "mutex \"mutex\": not there yet, and its length was not said");
    let error = region.rwlock_array::<u64>("rwlock").create().unwrap_err();
    assert_eq!(error.to_string(), "reader-writer lock \"rwlock\": not there yet, and its length was not said");
    let error = region.mutex_array::<u64>("mutex").len(usize::MAX).create().unwrap_err();
    assert!(matches!(error.kind(), ObjectErrorKind::Directory(_)), "{error}");
    let error = region.rwlock_array::<u64>("rwlock").len(usize::MAX).create().unwrap_err();
    assert!(
        error.to_string().ends_with("elements: 18446744073709551615 is not possible, only 1 to 4294967295"),
        "{error}"
    );
    let error = region.mutex_array::<u64>("mutex").len(1 << 40).create().unwrap_err();
    assert!(error.to_string().contains("free in the region"), "{error}");

    region.mutex_array::<u64>("mutex").len(4).create().unwrap();
    region.rwlock_array::<u64>("rwlock").len(4).create().unwrap();
    assert_eq!(region.mutex_array::<u64>("mutex").open_or_create().unwrap().len(), 4);
    let error = region.mutex_array::<u64>("mutex").len(5).open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"mutex\": elements 5 here, 4 in the region");
    let error = region.mutex::<u64>("mutex").open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"mutex\": elements 1 here, 4 in the region");
    let error = region.mutex_array::<u32>("mutex").any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"mutex\": element size 4 here, 8 in the region");
    let error = region.rwlock_array::<u64>("rwlock").len(5).open().unwrap_err();
    assert_eq!(error.to_string(), "reader-writer lock \"rwlock\": elements 5 here, 4 in the region");
    let error = region.rwlock::<u64>("rwlock").open().unwrap_err();
    assert_eq!(error.to_string(), "reader-writer lock \"rwlock\": elements 1 here, 4 in the region");
    assert_eq!(region.list()[0].to_string(), "mutex \"mutex\" of 4 x 8 bytes, type u64, 256 bytes in all");
}

/// A transaction that came through fork cannot be committed, nor its elements read; the parent's can.
#[test]
fn a_forked_transaction_is_an_error() {
    let mutex: Mutex<[u64]> = Region::options().anonymous().unwrap().mutex_array("m").len(2).create().unwrap();
    let mut change = mutex.lock_transaction().unwrap();
    change[1] = 5;
    // SAFETY: the child runs nothing but this library and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let stored = change.store();
        let told = stored == Err(Fault::Forked) && change.commit() == Err(Fault::Forked);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    change.commit().unwrap();
    assert_eq!(*mutex.lock().unwrap(), [0, 5]);
}

/// A condition variable waits with a guard of a slice, and a thread needs no stack for the elements.
#[test]
fn large_slices_and_conditions() {
    let _watchdog = Watchdog::new(LIMIT, "large_slices_and_conditions");
    let region = Region::options().size(160 << 20).anonymous().unwrap();
    let mutex: Mutex<[u8]> = region.mutex_array("large").len(64 << 20).initial(3).create().unwrap();
    let changed = region.condvar("changed").create().unwrap();
    let small_stack = std::thread::Builder::new().stack_size(256 << 10);
    std::thread::scope(|scope| {
        let waiter = small_stack
            .spawn_scoped(scope, || {
                let guard = changed.wait_while(mutex.lock().unwrap(), |bytes| bytes[bytes.len() - 1] == 3).unwrap();
                assert_eq!(guard[0], 3);
            })
            .unwrap();
        let mut change = mutex.lock_transaction().unwrap();
        let last = change.len() - 1;
        change[last] = 4;
        change.commit().unwrap();
        changed.notify_all().unwrap();
        waiter.join().unwrap();
    });
}
