//! Contracts of the locks.

use ipc_core::Platform;
use ipc_core::error::{LockError, LockTimeoutError, TryLockError};
use ipc_core::mutex::{Mutex, ReentrantMutex};
use ipc_core::rwlock::{RwLock, RwLockWriteGuard};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{Role, SHORT, rounds};

/// One holder at a time; the next one sees what the former one has written.
pub fn mutex_excludes<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.one(|| mutex.lock().expect("it is free"));
    role.two(|| {
        assert!(mutex.is_locked());
        assert_eq!(mutex.try_lock().err().map(TryLockError::without_guard), Some(TryLockError::WouldBlock));
        let error = mutex.lock_timeout(SHORT).err().map(LockTimeoutError::without_guard);
        assert_eq!(error, Some(LockTimeoutError::Timeout));
    });
    role.one(|| *held.expect("it is here") = 7);
    role.two(|| assert_eq!(mutex.try_lock().as_deref().ok(), Some(&7)));
    role.one(|| assert!(!mutex.is_locked()));
}

/// Nothing that is done under the lock is lost.
pub fn mutex_counts<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let times = rounds(500);
    let add = || (0..times).for_each(|_| *mutex.lock().expect("nobody panics") += 1);
    role.at_once(add, add);
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&(2 * times))));
}

/// A transaction counts once it is committed, and leaves no trace otherwise.
pub fn transaction<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let mut change = mutex.lock_transaction().expect("it is free");
        *change = 1;
        change.commit().unwrap();
    });
    let begun = role.two(|| {
        let mut change = mutex.lock_transaction().expect("it is free");
        assert_eq!(*change, 1);
        *change = 2;
        change
    });
    role.one(|| assert!(mutex.try_lock().is_err(), "a transaction has the lock"));
    role.two(|| drop(begun));
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&1)));
}

/// A transaction of a slice counts once it is committed, and leaves no trace otherwise.
pub fn slice_transaction<P: Platform>(mutex: &Mutex<'_, [u64], P>, role: &Role<'_>) {
    role.one(|| {
        let mut change = mutex.lock_transaction().expect("it is free");
        change[2] = 1;
        change.store().unwrap();
        change[2] = 2;
        change.commit().unwrap();
    });
    let begun = role.two(|| {
        let mut change = mutex.try_lock_transaction().expect("it is free");
        assert_eq!(*change, [0, 0, 2]);
        change[2] = 3;
        change.store().unwrap();
        change[0] = 4;
        change
    });
    role.one(|| assert!(mutex.try_lock().is_err(), "a transaction has the lock"));
    role.two(|| drop(begun));
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&[0, 0, 3][..])));
}

/// A reader-writer lock around a slice.
pub fn rwlock_slice<P: Platform>(lock: &RwLock<'_, [u64], P>, role: &Role<'_>) {
    role.one(|| lock.write().expect("it is free")[2] = 5);
    let first = role.two(|| lock.read().expect("no writer"));
    role.one(|| assert_eq!(lock.read().as_deref().ok(), Some(&[0, 0, 5][..])));
    role.one(|| assert!(lock.try_write().is_err(), "a reader has it"));
    role.two(|| drop(first));
    role.one(|| lock.try_write().expect("it is free").fill(6));
    role.two(|| assert_eq!(lock.read().as_deref().ok(), Some(&[6; 3][..])));
}

/// A holder that panics leaves a mark, with the data as they are, until somebody declares them consistent.
pub fn mutex_poisoned<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    role.two(|| {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            *mutex.lock().expect("it is free") = 5;
            let mut guard = mutex.lock().expect("it is free");
            *guard = 6;
            // No message on stderr: it is no fault.
            resume_unwind(Box::new(()))
        }));
        assert!(panicked.is_err() && mutex.is_poisoned());
    });
    role.one(|| {
        let Err(LockError::Poisoned(guard)) = mutex.lock() else { panic!("poisoned") };
        assert_eq!(*guard, 6);
        drop(guard);
        assert!(mutex.try_lock().is_err_and(|error| error.is_poisoned()), "told until it is mended");
        mutex.lock().map_or_else(LockError::into_guard, Some).expect("it is free").mark_consistent().unwrap();
    });
    role.two(|| assert!(!mutex.is_poisoned() && mutex.lock().is_ok()));
}

/// A thread that waits for a lock that it has is told.
pub fn mutex_deadlock<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.two(|| mutex.lock().expect("it is free"));
    role.two(|| {
        assert_eq!(mutex.lock().err().map(LockError::without_guard), Some(LockError::Deadlock));
        assert!(mutex.try_lock().is_err_and(|error| error.would_block()));
    });
    role.two(|| drop(held));
    role.one(|| assert!(mutex.try_lock().is_ok()));
}

/// A reentrant lock excludes others as a lock does, and nothing that is done under it is lost.
pub fn reentrant_excludes<P: Platform>(mutex: &ReentrantMutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.one(|| mutex.lock().expect("it is free"));
    role.two(|| assert!(mutex.is_locked() && mutex.try_lock().is_err_and(|error| error.would_block())));
    role.one(|| held.expect("it is here").set(1));
    role.two(|| assert_eq!(mutex.try_lock().expect("it is free").get(), Ok(1)));
    let times = rounds(200);
    let add =
        || (0..times).for_each(|_| mutex.lock().expect("free soon").update(|value| value + 1).expect("it is here"));
    role.at_once(add, add);
    role.one(|| assert_eq!(mutex.lock().expect("it is free").get(), Ok(1 + 2 * times)));
}

/// The thread that has the lock may take it again; it is free when the last guard is gone, in whatever order they go.
pub fn reentrant_nests<P: Platform>(mutex: &ReentrantMutex<'_, u64, P>, role: &Role<'_>) {
    let outer = role.one(|| mutex.lock().expect("it is free"));
    let inner = role.one(|| mutex.lock().expect("it is this thread's"));
    role.one(|| drop(outer));
    role.two(|| assert!(mutex.try_lock().is_err_and(|error| error.would_block()), "one is left"));
    role.one(|| drop(inner));
    role.two(|| assert!(mutex.try_lock().is_ok()));
}

/// Readers share the lock, a writer has it alone.
pub fn rwlock_shares<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let reader = role.one(|| lock.read().expect("it is free"));
    let other = role.two(|| lock.read().expect("readers share"));
    role.one(|| drop(reader));
    role.one(|| {
        assert_eq!(lock.try_write().err().map(TryLockError::without_guard), Some(TryLockError::WouldBlock));
        let error = lock.write_timeout(SHORT).err().map(LockTimeoutError::without_guard);
        assert_eq!(error, Some(LockTimeoutError::Timeout));
    });
    role.two(|| drop(other));
    let writer = role.one(|| {
        let mut guard = lock.write().expect("it is free");
        *guard = 3;
        guard
    });
    role.two(|| {
        assert!(lock.try_read().is_err() && lock.try_write().is_err());
        let error = lock.read_timeout(SHORT).err().map(LockTimeoutError::without_guard);
        assert_eq!(error, Some(LockTimeoutError::Timeout));
    });
    role.one(|| drop(writer));
    role.two(|| assert_eq!(lock.try_read().as_deref().ok(), Some(&3)));
    let times = rounds(200);
    let add = || (0..times).for_each(|_| *lock.write().expect("nobody panics") += 1);
    role.at_once(add, add);
    role.one(|| assert_eq!(lock.read().as_deref().ok(), Some(&(3 + 2 * times))));
}

/// A writer that becomes a reader lets other readers in at once, and no writer between.
pub fn downgrade<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let reader = role.one(|| {
        let mut guard = lock.write().expect("it is free");
        *guard = 4;
        RwLockWriteGuard::downgrade(guard).expect("the memory is here")
    });
    role.two(|| {
        assert_eq!(lock.try_read().as_deref().ok(), Some(&4));
        assert!(lock.try_write().is_err());
    });
    role.one(|| drop(reader));
    role.two(|| assert!(lock.try_write().is_ok()));
}

/// A writer that panics leaves a mark; a reader that panics leaves none.
pub fn rwlock_poisoned<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    role.two(|| {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.read().expect("it is free");
            resume_unwind(Box::new(()))
        }));
        assert!(panicked.is_err() && !lock.is_poisoned());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            *lock.write().expect("it is free") = 6;
            let _guard = lock.write().expect("it is free");
            resume_unwind(Box::new(()))
        }));
        assert!(panicked.is_err() && lock.is_poisoned());
    });
    role.one(|| {
        let Err(LockError::Poisoned(guard)) = lock.read() else { panic!("poisoned") };
        assert_eq!(*guard, 6);
        drop(guard);
        lock.write().map_or_else(LockError::into_guard, Some).expect("it is free").mark_consistent().unwrap();
    });
    role.two(|| assert!(lock.read().is_ok()));
}
