//! The mutex's handle.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ipc_core::error::{Fault, LockError, LockTimeoutError, TryLockError};

use super::guard::{MutexGuard, MutexTransaction};
use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};

/// A lock with data between processes: what [`std::sync::Mutex`] is between threads, and it survives its holder's death.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let totals = region.mutex::<[u64; 2]>("totals").open_or_create()?;
/// totals.lock().unwrap()[0] += 1;
/// assert_eq!(*totals.lock().unwrap(), [1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A holder that dies
///
/// Whoever locks next gets the guard inside an error, [`LockError::OwnerDied`], as std does after a panic: the data may be
/// half-changed. Repair them and call [`mark_consistent`](MutexGuard::mark_consistent), or leave the mark for others.
/// It is noticed by whoever waits within some 12 ms, and by whoever comes later at once.
///
/// ```
/// # use ipc_posix::{LockError, Mutex, MutexGuard};
/// fn lock(totals: &Mutex<[u64; 2]>) -> Result<MutexGuard<'_, [u64; 2]>, Box<dyn std::error::Error + '_>> {
///     match totals.lock() {
///         Ok(guard) => Ok(guard),
///         Err(LockError::OwnerDied(mut guard)) => {
///             guard[1] = 0; // whatever makes them whole
///             guard.mark_consistent();
///             Ok(guard)
///         }
///         Err(error) => Err(error.into()),
///     }
/// }
/// # let region = ipc_posix::Region::options().anonymous().unwrap();
/// # assert_eq!(lock(&region.mutex("totals").create().unwrap()).unwrap()[0], 0);
/// ```
///
/// The error borrows the mutex, as std's does. Where that is in the way of a `?`, let go of the guard first
/// ([`LockError::without_guard`]; [`Error`](crate::Error) does it by itself).
///
/// With [`lock_transaction`](Self::lock_transaction) no repair is needed: a holder that dies leaves the last committed value,
/// and no mark.
///
/// # What it costs, and who gets it
///
/// Lock and unlock without a rival are two read-modify-writes and no system call. With rivals it polls for some
/// microseconds and lets others run (as long as that has helped lately), then sleeps. A free lock goes to whoever comes first; a
/// sleeper that has lost three times is handed the lock next, so nobody starves.
///
/// # Trust
///
/// The guard's references are sound as long as every process that writes to the region keeps to the lock. If you cannot
/// rely on that, use transactions: they work on private copies. `T` is [`Pod`]: any bits are a value.
///
/// After `fork`, the child's handle answers with [`Fault::Forked`].
#[doc(alias = "Lock")]
#[doc(alias = "pthread_mutex")]
#[doc(alias = "robust")]
pub struct Mutex<T: Pod> {
    core: ipc_core::Mutex<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T: Pod> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Pod> Clone for Mutex<T> {
    fn clone(&self) -> Self {
        Mutex { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T: Pod> Mutex<T> {
    pub(super) fn new(core: ipc_core::Mutex<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Mutex { core, name: name.into() }
    }

    /// The bytes that a mutex of `T` takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(ipc_core::mutex::footprint::<T>())
    }

    /// The mutex's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the mutex lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// The words of the lock, and what keeps them alive.
    #[cfg(feature = "lock_api")]
    pub(super) fn lock_alone(&self) -> (&'static ipc_core::mutex::RawMutex, &Membership) {
        (self.core.raw(), self.core.platform())
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// Takes the lock, and waits for it if it is taken.
    ///
    /// The error may hold the guard. Where it is passed on with `?`, it has to let the guard go first, unless the function
    /// returns [`ipc_posix::Error`](crate::Error), which does so itself:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// use ipc_posix::LockError;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let region = Region::options().anonymous()?;
    ///     let total = region.mutex::<u64>("total").create()?;
    ///     *total.lock().map_err(LockError::without_guard)? += 1;
    ///     assert_eq!(twice(&total)?, 2);
    ///     Ok(())
    /// }
    ///
    /// fn twice(total: &ipc_posix::Mutex<u64>) -> Result<u64, ipc_posix::Error> {
    ///     *total.lock()? *= 2;
    ///     Ok(*total.lock()?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside;
    /// [`Deadlock`](LockError::Deadlock) if this thread has the lock already.
    #[doc(alias = "acquire")]
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockError::Fault(Fault::Forked));
        }
        match self.core.lock() {
            Ok(core) => Ok(MutexGuard { core }),
            Err(error) => Err(error.map(|core| MutexGuard { core })),
        }
    }

    /// Takes the lock if it is free or its holder is dead. Never waits; if it is taken, a system call finds out whether the
    /// holder lives.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        if !self.is_here() {
            return Err(TryLockError::Fault(Fault::Forked));
        }
        match self.core.try_lock() {
            Ok(core) => Ok(MutexGuard { core }),
            Err(error) => Err(error.map(|core| MutexGuard { core })),
        }
    }

    /// Takes the lock, and waits for it at most so long. A lock that is free at once is taken whatever the time limit.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LockTimeoutError::Timeout), and those of [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.lock_until(clock::after(timeout))
    }

    /// Takes the lock, and waits for it at most until then.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        self.lock_until(clock::at(deadline))
    }

    fn lock_until(
        &self,
        deadline: ipc_core::Instant,
    ) -> Result<MutexGuard<'_, T>, LockTimeoutError<MutexGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockTimeoutError::Fault(Fault::Forked));
        }
        match self.core.lock_deadline(deadline) {
            Ok(core) => Ok(MutexGuard { core }),
            Err(error) => Err(error.map(|core| MutexGuard { core })),
        }
    }

    /// Takes the lock for a transaction: a private copy of the data to change, which counts once it is
    /// [committed](MutexTransaction::commit), by one store. A holder that dies in a transaction leaves the last committed
    /// value and no mark, so that nobody needs to repair anything.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let accounts = region.mutex::<[i64; 2]>("accounts").initial([100, 0]).create()?;
    /// let mut change = accounts.lock_transaction().unwrap();
    /// change[0] -= 30;
    /// change[1] += 30; // killed before the next line: nobody has lost 30
    /// change.commit();
    /// assert_eq!(*accounts.lock().unwrap(), [70, 30]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock): the marks are those of holders that worked in place.
    pub fn lock_transaction(&self) -> Result<MutexTransaction<'_, T>, LockError<MutexTransaction<'_, T>>> {
        if !self.is_here() {
            return Err(LockError::Fault(Fault::Forked));
        }
        match self.core.lock_transaction() {
            Ok(core) => Ok(MutexTransaction { core }),
            Err(error) => Err(error.map(|core| MutexTransaction { core })),
        }
    }

    /// [`lock_transaction`](Self::lock_transaction) that waits at most so long.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_transaction_timeout(
        &self,
        timeout: Duration,
    ) -> Result<MutexTransaction<'_, T>, LockTimeoutError<MutexTransaction<'_, T>>> {
        if !self.is_here() {
            return Err(LockTimeoutError::Fault(Fault::Forked));
        }
        match self.core.lock_transaction_deadline(clock::after(timeout)) {
            Ok(core) => Ok(MutexTransaction { core }),
            Err(error) => Err(error.map(|core| MutexTransaction { core })),
        }
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot; `false` after
    /// a fork.
    pub fn is_poisoned(&self) -> bool {
        self.is_here() && self.core.is_poisoned()
    }

    /// Declares the data consistent, whatever happened to former holders. [`MutexGuard::mark_consistent`] does it with the lock
    /// held.
    pub fn clear_poison(&self) {
        if self.is_here() {
            self.core.clear_poison();
        }
    }

    /// Whether the lock is taken, if only by somebody who is dead. A snapshot; `false` after a fork.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.is_here() && self.core.is_locked()
    }
}
