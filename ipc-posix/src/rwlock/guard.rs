//! What readers and writers have in their hands.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use ipc_core::error::Fault;

use crate::attachment::Membership;

/// Holds a read lock of a [`RwLock`](super::RwLock); gives access to the data; gives it back when dropped.
///
/// A guard that comes through `fork` does nothing in the child when dropped, and panics when its data are asked for: they are not
/// there.
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockReadGuard<'a, T: Pod> {
    pub(super) core: ipc_core::rwlock::RwLockReadGuard<'a, 'static, T, Membership>,
}

/// Holds the write lock of a [`RwLock`](super::RwLock); gives access to the data; gives it back when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the lock as poisoned. After `fork` as with
/// [`RwLockReadGuard`].
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockWriteGuard<'a, T: Pod> {
    pub(super) core: ipc_core::rwlock::RwLockWriteGuard<'a, 'static, T, Membership>,
}

impl<'a, T: Pod> RwLockWriteGuard<'a, T> {
    /// Turns the write lock into a read lock: no other writer gets in between. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`] if the count of readers makes no sense. The write lock has been given back.
    pub fn downgrade(guard: Self) -> Result<RwLockReadGuard<'a, T>, Fault> {
        let core = ipc_core::rwlock::RwLockWriteGuard::downgrade(guard.core).map_err(|_| Fault::Corrupted)?;
        Ok(RwLockReadGuard { core })
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) {
        self.core.mark_consistent();
    }
}

impl<T: Pod> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.core
    }
}

impl<T: Pod> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.core
    }
}

impl<T: Pod> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.core
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

impl<T: Pod + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Pod + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
