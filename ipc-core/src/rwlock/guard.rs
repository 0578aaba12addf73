//! What readers and writers hold.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::handle::RwLock;
use crate::error::Fault;
use crate::here::Here;
use crate::object::Guarded;
use crate::place::{Lent, Shown};
use crate::platform::Platform;

/// Holds a read lock of a [`RwLock`]; gives access to the data; gives the lock back when dropped.
///
/// A guard that comes through `fork` does nothing in the child when dropped, and panics when its data are asked for: they are
/// not there.
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockReadGuard<'g, 'm, T: ?Sized + Guarded, P: Platform> {
    lock: &'g RwLock<'m, T, P>,
    /// Given back before the lock is.
    data: ManuallyDrop<Shown<T>>,
}

/// Holds the write lock of a [`RwLock`]; gives access to the data; gives the lock back when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the lock as poisoned. After `fork` as with
/// [`RwLockReadGuard`].
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockWriteGuard<'g, 'm, T: ?Sized + Guarded, P: Platform> {
    lock: &'g RwLock<'m, T, P>,
    /// Given back before the lock is.
    data: ManuallyDrop<Lent<T>>,
    panicking: bool,
}

// SAFETY: it gives `&T` only, and any thread of the participant may count it out.
unsafe impl<T: ?Sized + Guarded + Send + Sync, P: Platform + Sync> Send for RwLockReadGuard<'_, '_, T, P> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Guarded + Send + Sync, P: Platform + Sync> Sync for RwLockReadGuard<'_, '_, T, P> {}
// SAFETY: a shared guard gives `&T` only. (It is not Send: the lock knows its holder's thread.)
unsafe impl<T: ?Sized + Guarded + Sync, P: Platform + Sync> Sync for RwLockWriteGuard<'_, '_, T, P> {}

impl<'g, 'm, T: ?Sized + Guarded, P: Platform> RwLockReadGuard<'g, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(lock: &'g RwLock<'m, T, P>, data: Shown<T>) -> Self {
        RwLockReadGuard { lock, data: ManuallyDrop::new(data) }
    }
}

impl<'g, 'm, T: ?Sized + Guarded, P: Platform> RwLockWriteGuard<'g, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(lock: &'g RwLock<'m, T, P>, data: Lent<T>) -> Self {
        RwLockWriteGuard { lock, data: ManuallyDrop::new(data), panicking: lock.platform.panicking() }
    }

    /// Turns the write lock into a read lock: no other writer gets in between. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`] if the count of readers makes no sense; the write lock has been given back.
    /// [`Fault::Forked`].
    pub fn downgrade(guard: Self) -> Result<RwLockReadGuard<'g, 'm, T, P>, Fault> {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: once, here: the guard is not dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        let lock = guard.lock;
        lock.here()?;
        lock.view.downgrade(&lock.platform).map_err(|_| Fault::Corrupted)?;
        Ok(lock.read_guard())
    }

    /// Declares the data consistent: a process that locks from now on is not told of earlier deaths and panics.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) -> Result<(), Fault> {
        self.lock.clear_poison()
    }
}

impl<T: ?Sized + Guarded, P: Platform> Deref for RwLockReadGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.lock.platform.assert_here();
        // SAFETY: with the read lock nobody writes.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized + Guarded, P: Platform> Deref for RwLockWriteGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.lock.platform.assert_here();
        // SAFETY: with the write lock nobody else writes.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized + Guarded, P: Platform> DerefMut for RwLockWriteGuard<'_, '_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.lock.platform.assert_here();
        // SAFETY: with the write lock nobody else reads or writes, and this guard is borrowed mutably.
        unsafe { self.data.get_mut() }
    }
}

impl<T: ?Sized + Guarded, P: Platform> Drop for RwLockReadGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        if self.lock.platform.is_here() {
            self.lock.view.unlock_read(&self.lock.platform);
        }
    }
}

impl<T: ?Sized + Guarded, P: Platform> Drop for RwLockWriteGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        let RwLock { view, platform, .. } = self.lock;
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        if !platform.is_here() {
            return;
        }
        if !self.panicking && platform.panicking() {
            view.words.turnstile.poison();
        }
        view.words.turnstile.unlock(platform);
    }
}

impl<T: ?Sized + Guarded + fmt::Debug, P: Platform> fmt::Debug for RwLockReadGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lock.platform.is_here() { (**self).fmt(f) } else { f.write_str("RwLockReadGuard(..)") }
    }
}

impl<T: ?Sized + Guarded + fmt::Debug, P: Platform> fmt::Debug for RwLockWriteGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lock.platform.is_here() { (**self).fmt(f) } else { f.write_str("RwLockWriteGuard(..)") }
    }
}

impl<T: ?Sized + Guarded + fmt::Display, P: Platform> fmt::Display for RwLockReadGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Guarded + fmt::Display, P: Platform> fmt::Display for RwLockWriteGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
