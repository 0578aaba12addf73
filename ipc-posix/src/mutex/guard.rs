//! What a holder of a mutex has in its hands.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

use crate::attachment::Membership;

/// Holds a [`Mutex`](super::Mutex); gives access to its data; unlocks when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the mutex as poisoned. A guard that comes through
/// `fork` does nothing in the child when dropped, and panics when its data are asked for: they are not there.
#[must_use = "the lock is released when this is dropped"]
pub struct MutexGuard<'a, T: Pod> {
    pub(crate) core: ipc_core::mutex::MutexGuard<'a, 'static, T, Membership>,
}

impl<'a, T: Pod> MutexGuard<'a, T> {
    /// What is held.
    pub(crate) fn core_mutex(&self) -> &'a ipc_core::Mutex<'static, T, Membership> {
        ipc_core::mutex::MutexGuard::mutex(&self.core)
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    #[doc(alias = "pthread_mutex_consistent")]
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) {
        if self.core.is_here() {
            self.core.mark_consistent();
        }
    }
}

impl<T: Pod> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.core
    }
}

impl<T: Pod> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.core
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

impl<T: Pod + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Holds a [`Mutex`](super::Mutex) and a private copy of its data. [`commit`](Self::commit) makes the copy count; dropped
/// without it, nothing has happened.
#[must_use = "the lock is released when this is dropped, and only `commit` changes anything"]
pub struct MutexTransaction<'a, T: Pod> {
    pub(super) core: ipc_core::mutex::Transaction<'a, 'static, T, Membership>,
}

impl<T: Pod> MutexTransaction<'_, T> {
    /// Makes the changes count, in one step, and unlocks.
    pub fn commit(self) {
        self.core.commit();
    }

    /// Makes the changes so far count, in one step, and keeps the lock.
    pub fn store(&self) {
        self.core.store();
    }

    /// Declares the data consistent, as [`MutexGuard::mark_consistent`].
    pub fn mark_consistent(&self) {
        self.core.mark_consistent();
    }
}

impl<T: Pod> Deref for MutexTransaction<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.core
    }
}

impl<T: Pod> DerefMut for MutexTransaction<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.core
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for MutexTransaction<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
