//! The reader-writer lock's handle.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ipc_core::error::{Fault, LockError, LockTimeoutError, TryLockError};

use super::guard::{RwLockReadGuard, RwLockWriteGuard};
use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};

/// A lock with data between processes, for one writer or many readers: what [`std::sync::RwLock`] is between threads, and it
/// survives the death of any of them.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let limits = region.rwlock::<[u32; 2]>("limits").initial([10, 20]).open_or_create()?;
/// {
///     let (one, other) = (limits.read().unwrap(), limits.read().unwrap()); // at once
///     assert_eq!(one[0] + other[1], 30);
/// }
/// limits.write().unwrap()[1] = 25;
/// assert_eq!(limits.read().unwrap()[1], 25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Deaths
///
/// A reader that is killed leaves nothing: the writer that waits for it notices within some 12 ms, one that comes later at
/// once. A writer that is killed before it has the data to itself leaves nothing either; one that is killed later leaves a mark:
/// readers and writers get their guard inside of [`LockError::OwnerDied`], until a writer has repaired the data and
/// [says so](RwLockWriteGuard::mark_consistent).
///
/// # What it costs, and who gets it
///
/// A read lock without a writer is two read-modify-writes on a line that no other process writes, so processes do not slow each
/// other down; no system call. A write lock looks at the counter of everybody who ever read. A new lock takes 64 bytes of the
/// region for each process that can have the region [open at once](crate::RegionOptions::participants).
///
/// A writer that waits keeps new readers out, and readers that were kept out queue with the writers, so nobody starves. It follows
/// that a thread must not ask for a second read lock while it has one: a writer may have come in between, for which it
/// then waits, and which waits for it. (The same holds for std's.)
///
/// # Trust
///
/// As with [`Mutex`](crate::Mutex): the guards' references are sound as long as every process that writes to the region keeps to
/// the lock. [`Watch`](crate::Watch) hands out copies, and its readers never wait.
///
/// After `fork`, the child's handle answers with [`Fault::Forked`].
#[doc(alias = "pthread_rwlock")]
#[doc(alias = "shared_mutex")]
pub struct RwLock<T: Pod> {
    core: ipc_core::RwLock<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T: Pod> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Pod> Clone for RwLock<T> {
    fn clone(&self) -> Self {
        RwLock { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T: Pod> RwLock<T> {
    pub(super) fn new(core: ipc_core::RwLock<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        RwLock { core, name: name.into() }
    }

    /// The bytes that a lock of `T` takes in a region for so many processes at once: for
    /// [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint(max_participants: u32) -> Footprint {
        Footprint(ipc_core::rwlock::footprint::<T>(max_participants))
    }

    /// The lock's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the lock lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// A read lock: waits while a writer has the lock or waits for it. Any number of readers have one at once.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside;
    /// [`Deadlock`](LockError::Deadlock) if this thread has the write lock already.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, LockError<RwLockReadGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockError::Fault(Fault::Forked));
        }
        match self.core.read() {
            Ok(core) => Ok(RwLockReadGuard { core }),
            Err(error) => Err(error.map(|core| RwLockReadGuard { core })),
        }
    }

    /// A read lock, if no living writer has the lock or waits for it. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError<RwLockReadGuard<'_, T>>> {
        if !self.is_here() {
            return Err(TryLockError::Fault(Fault::Forked));
        }
        match self.core.try_read() {
            Ok(core) => Ok(RwLockReadGuard { core }),
            Err(error) => Err(error.map(|core| RwLockReadGuard { core })),
        }
    }

    /// [`read`](Self::read) that waits at most so long. A lock that can be had at once is taken whatever the time limit.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LockTimeoutError::Timeout), and those of [`read`](Self::read).
    pub fn read_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockReadGuard<'_, T>, LockTimeoutError<RwLockReadGuard<'_, T>>> {
        self.read_until(clock::after(timeout))
    }

    /// [`read`](Self::read) that waits until then at most.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](Self::read_timeout).
    pub fn read_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockReadGuard<'_, T>, LockTimeoutError<RwLockReadGuard<'_, T>>> {
        self.read_until(clock::at(deadline))
    }

    fn read_until(
        &self,
        deadline: ipc_core::Instant,
    ) -> Result<RwLockReadGuard<'_, T>, LockTimeoutError<RwLockReadGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockTimeoutError::Fault(Fault::Forked));
        }
        match self.core.read_deadline(deadline) {
            Ok(core) => Ok(RwLockReadGuard { core }),
            Err(error) => Err(error.map(|core| RwLockReadGuard { core })),
        }
    }

    /// The write lock: waits for other writers, and for the readers to leave.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside;
    /// [`Deadlock`](LockError::Deadlock) if this thread has the write lock already.
    #[inline]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError<RwLockWriteGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockError::Fault(Fault::Forked));
        }
        match self.core.write() {
            Ok(core) => Ok(RwLockWriteGuard { core }),
            Err(error) => Err(error.map(|core| RwLockWriteGuard { core })),
        }
    }

    /// The write lock, if nobody who lives has the lock or reads. Never waits; if somebody has, a system call or two find out whether
    /// they live.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError<RwLockWriteGuard<'_, T>>> {
        if !self.is_here() {
            return Err(TryLockError::Fault(Fault::Forked));
        }
        match self.core.try_write() {
            Ok(core) => Ok(RwLockWriteGuard { core }),
            Err(error) => Err(error.map(|core| RwLockWriteGuard { core })),
        }
    }

    /// [`write`](Self::write) that waits at most so long. A lock that can be had at once is taken whatever the time limit.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LockTimeoutError::Timeout), and those of [`write`](Self::write).
    pub fn write_timeout(
        &self,
        timeout: Duration,
    ) -> Result<RwLockWriteGuard<'_, T>, LockTimeoutError<RwLockWriteGuard<'_, T>>> {
        self.write_until(clock::after(timeout))
    }

    /// [`write`](Self::write) that waits until then at most.
    ///
    /// # Errors
    ///
    /// As [`write_timeout`](Self::write_timeout).
    pub fn write_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockWriteGuard<'_, T>, LockTimeoutError<RwLockWriteGuard<'_, T>>> {
        self.write_until(clock::at(deadline))
    }

    fn write_until(
        &self,
        deadline: ipc_core::Instant,
    ) -> Result<RwLockWriteGuard<'_, T>, LockTimeoutError<RwLockWriteGuard<'_, T>>> {
        if !self.is_here() {
            return Err(LockTimeoutError::Fault(Fault::Forked));
        }
        match self.core.write_deadline(deadline) {
            Ok(core) => Ok(RwLockWriteGuard { core }),
            Err(error) => Err(error.map(|core| RwLockWriteGuard { core })),
        }
    }

    /// Whether a writer died or panicked, and nobody has declared the data consistent since. A snapshot; `false` after a
    /// fork.
    pub fn is_poisoned(&self) -> bool {
        self.is_here() && self.core.is_poisoned()
    }

    /// Declares the data consistent, whatever happened to former writers. [`RwLockWriteGuard::mark_consistent`] does it with the
    /// lock held.
    pub fn clear_poison(&self) {
        if self.is_here() {
            self.core.clear_poison();
        }
    }
}
