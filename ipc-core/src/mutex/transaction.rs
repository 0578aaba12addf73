//! Changes of a private copy that count in one step.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use bytemuck::Pod;

use super::handle::{Locked, LockedInTime, Mutex};
use super::words::Intent;
use crate::error::{Fault, LockError, LockTimeoutError, TryLockError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

impl<'m, T: Pod, P: Platform> Mutex<'m, T, P> {
    /// Takes the lock for a transaction: a private copy of the data to change, which counts once it is
    /// [committed](Transaction::commit), by one store. A holder that dies in a transaction leaves the last committed
    /// value and no mark, so that nobody needs to repair anything.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let accounts = region.mutex::<[i64; 2]>("accounts").initial([100, 0]).create()?;
    /// let mut change = accounts.lock_transaction().unwrap();
    /// change[0] -= 30;
    /// change[1] += 30; // killed before the next line: nobody has lost 30
    /// change.commit()?;
    /// assert_eq!(*accounts.lock().unwrap(), [70, 30]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock): the marks are those of holders that worked in place.
    pub fn lock_transaction(&self) -> Locked<Transaction<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::Transaction, &Limit::Forever).map_err(LockError::refused)?;
        condition.judge(self.transaction(), LockError::suspect)
    }

    /// Takes the lock for a transaction if it is free or its holder is dead. Never waits, as [`try_lock`](Self::try_lock).
    ///
    /// # Errors
    ///
    /// Those of [`try_lock`](Self::try_lock).
    pub fn try_lock_transaction(&self) -> Result<Transaction<'_, 'm, T, P>, TryLockError<Transaction<'_, 'm, T, P>>> {
        self.here()?;
        let condition = self.try_acquire(Intent::Transaction).map_err(TryLockError::refused)?;
        condition.judge(self.transaction(), TryLockError::suspect)
    }

    timed! {
        lock_transaction_timeout, lock_transaction_deadline, lock_transaction, "Takes the lock for a transaction",
        [&self] limit [] -> LockedInTime<Transaction<'_, 'm, T, P>> { self.transaction_within(limit) }
    }

    fn transaction_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<Transaction<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::Transaction, limit).map_err(LockTimeoutError::refused)?;
        condition.judge(self.transaction(), LockTimeoutError::suspect)
    }

    fn transaction(&self) -> Transaction<'_, 'm, T, P> {
        Transaction::new(self, self.read_current())
    }

    /// A copy of the data. The caller has the lock.
    pub(super) fn read_current(&self) -> T {
        let bytes = self.copies[self.words.versions.current()].load();
        // SAFETY: all bytes are initialised, and any bits are a T (Pod).
        unsafe { bytes.assume_init() }
    }

    /// Copies the data to `place`, whose bytes are all initialised then. The caller has the lock.
    pub(super) fn copy_current(&self, place: &mut MaybeUninit<T>) {
        self.copies[self.words.versions.current()].load_into(place);
    }

    /// Replaces the data, in one step. The caller has the lock, and no reference to the data.
    pub(super) fn commit(&self, value: &T) {
        let other = 1 - self.words.versions.current();
        self.copies[other].store(value);
        self.words.versions.switch(other);
    }
}

/// Holds a [`Mutex`] and a private copy of its data. [`commit`](Self::commit) makes the copy count; dropped without
/// it, nothing has happened.
///
/// What is stored in between counts, and the transaction goes on:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let pair = region.mutex::<[u32; 2]>("pair").create()?;
/// let mut change = pair.lock_transaction().unwrap();
/// *change = [1, 1];
/// change.store()?;
/// change[0] = 2;
/// drop(change); // not committed
/// assert_eq!(*pair.lock().unwrap(), [1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the lock is released when this is dropped, and only `commit` changes anything"]
pub struct Transaction<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    value: T,
    /// Not Send: the lock knows its holder's thread.
    here: PhantomData<*const ()>,
}

// SAFETY: a shared transaction gives `&T` only.
unsafe impl<T: Pod + Sync, P: Platform + Sync> Sync for Transaction<'_, '_, T, P> {}

impl<'g, 'm, T: Pod, P: Platform> Transaction<'g, 'm, T, P> {
    pub(super) fn new(mutex: &'g Mutex<'m, T, P>, value: T) -> Self {
        Transaction { mutex, value, here: PhantomData }
    }

    /// Makes the changes count, in one step, and unlocks.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`]: the transaction came through fork. Nothing changes; the lock is the parent's.
    pub fn commit(self) -> Result<(), Fault> {
        self.store()
    }

    /// Makes the changes so far count, in one step, and keeps the lock.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn store(&self) -> Result<(), Fault> {
        self.mutex.here()?;
        self.mutex.commit(&self.value);
        Ok(())
    }

    /// Declares the data consistent, as [`MutexGuard::mark_consistent`](super::MutexGuard::mark_consistent).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn mark_consistent(&self) -> Result<(), Fault> {
        self.mutex.clear_poison()
    }
}

impl<T: Pod, P: Platform> Deref for Transaction<'_, '_, T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Pod, P: Platform> DerefMut for Transaction<'_, '_, T, P> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Pod, P: Platform> Drop for Transaction<'_, '_, T, P> {
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        if platform.is_here() {
            words.raw.unlock(platform);
        }
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for Transaction<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
