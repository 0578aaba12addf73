//! What a holder of a mutex has in its hands.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::handle::Mutex;
use crate::error::Fault;
use crate::here::Here;
use crate::object::Guarded;
use crate::place::Lent;
use crate::platform::Platform;

/// Holds a [`Mutex`]; gives access to its data; unlocks when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the mutex as poisoned. A guard that comes through
/// `fork` does nothing in the child when dropped, and panics when its data are asked for: they are not there.
#[must_use = "the lock is released when this is dropped"]
pub struct MutexGuard<'g, 'm, T: ?Sized + Guarded, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    /// Given back before the lock is.
    data: ManuallyDrop<Lent<T>>,
    panicking: bool,
}

// SAFETY: a shared guard gives `&T` only. (It is not Send: the lock knows its holder's thread.)
unsafe impl<T: ?Sized + Guarded + Sync, P: Platform + Sync> Sync for MutexGuard<'_, '_, T, P> {}

impl<'g, 'm, T: ?Sized + Guarded, P: Platform> MutexGuard<'g, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(mutex: &'g Mutex<'m, T, P>, data: Lent<T>) -> Self {
        MutexGuard { mutex, data: ManuallyDrop::new(data), panicking: mutex.platform.panicking() }
    }

    /// The mutex that is held.
    pub fn mutex(guard: &Self) -> &'g Mutex<'m, T, P> {
        guard.mutex
    }

    /// Declares the data consistent: a process that locks from now on is not told of earlier deaths and panics.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "pthread_mutex_consistent")]
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) -> Result<(), Fault> {
        self.mutex.clear_poison()
    }
}

impl<T: ?Sized + Guarded, P: Platform> Deref for MutexGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.mutex.platform.assert_here();
        // SAFETY: the pointer is in range and aligned (`over`); any bits are a T (Pod); this guard has the lock, so
        // that nobody writes (the contract of `Mutex` for those who do not keep to it).
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized + Guarded, P: Platform> DerefMut for MutexGuard<'_, '_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.mutex.platform.assert_here();
        // SAFETY: as above, and this guard is borrowed mutably: nobody else in this process has a reference.
        unsafe { self.data.get_mut() }
    }
}

impl<T: ?Sized + Guarded, P: Platform> Drop for MutexGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        if !platform.is_here() {
            return;
        }
        if !self.panicking && platform.panicking() {
            words.raw.poison();
        }
        words.raw.unlock(platform);
    }
}

impl<T: ?Sized + Guarded + fmt::Debug, P: Platform> fmt::Debug for MutexGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mutex.platform.is_here() { (**self).fmt(f) } else { f.write_str("MutexGuard(..)") }
    }
}

impl<T: ?Sized + Guarded + fmt::Display, P: Platform> fmt::Display for MutexGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
