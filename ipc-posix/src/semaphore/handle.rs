//! The semaphore's handle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::error::{AcquireError, AcquireTimeoutError, Fault, ReleaseError, TryAcquireError};

use super::permit::{OwnedSemaphorePermit, SemaphorePermit};
use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};

/// A counting semaphore between processes: so many may be in at once, or so many signals have come.
///
/// As a guard of places it works like [tokio's](https://docs.rs/tokio/latest/tokio/sync/struct.Semaphore.html): acquiring
/// gives a permit that goes back when it is dropped. As a signal it works like POSIX's: begin with 0 permits, anybody
/// [`release`](Self::release)s, and who waits acquires and [forgets](SemaphorePermit::forget).
///
/// # Guarantees
///
/// - The permits of a dead process come back, exactly: those that it held, no more and no fewer. Whoever waits for a permit
///   notices the death within some 20 ms, without anybody's help.
/// - A signal is posted once or not at all, whoever dies where; one that was consumed stays consumed.
/// - `acquire_many` takes all or none, and holds none while it waits: several that wait for many do not block each other.
/// - Nobody asleep costs nothing: then acquiring and releasing makes no system call.
/// - There is no order among those who wait: a permit goes to whoever is there first.
///
/// # Handles
///
/// A handle can be cloned, sent and shared between threads. Each remembers which permit it had last, so threads that
/// acquire a lot are faster with one each. Permits belong to the process, not to the thread.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let slots = region.semaphore("slots").permits(4).open_or_create()?;
/// {
///     let _slot = slots.acquire()?;
///     assert_eq!(slots.available(), 3);
///     // ... at most four processes are here at once ...
/// }
/// assert_eq!(slots.available(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// As a signal:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let done = region.semaphore("done").permits(0).open_or_create()?;
/// # let worker = done.clone();
/// # std::thread::spawn(move || {
/// // The one who has something to tell, in any process:
/// worker.release(1).unwrap();
/// # });
/// // The one who waits for it:
/// done.acquire()?.forget();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BoundedSemaphore")]
#[doc(alias = "sem_t")]
#[doc(alias = "sem_open")]
pub struct Semaphore {
    core: ipc_core::Semaphore<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl std::fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Semaphore").field("name", &self.name).field("max", &self.max()).finish_non_exhaustive()
    }
}

impl Clone for Semaphore {
    fn clone(&self) -> Self {
        Semaphore { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl Semaphore {
    pub(super) fn new(core: ipc_core::Semaphore<'static, Membership>, _region: &Region, name: &str) -> Self {
        Semaphore { core, name: name.into() }
    }

    #[inline(always)]
    pub(super) fn core(&self) -> &ipc_core::Semaphore<'static, Membership> {
        &self.core
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    #[inline(always)]
    fn permit<'s>(&'s self, permit: ipc_core::semaphore::Permit<'s, 'static, Membership>) -> SemaphorePermit<'s> {
        SemaphorePermit::new(self, permit.into_raw())
    }

    /// The bytes that a semaphore with this maximum takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If the maximum is 0 or above 1 048 575.
    pub const fn footprint(max: u32) -> Footprint {
        Footprint(ipc_core::Semaphore::<'static, Membership>::required_bytes(max))
    }

    /// The semaphore's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the semaphore lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// Permits that can be had. A snapshot: others may acquire and release meanwhile. What a dead process held is counted
    /// once somebody who needed it has taken it back. 0 after a fork.
    #[doc(alias = "available_permits")]
    #[doc(alias = "sem_getvalue")]
    #[doc(alias = "get_value")]
    pub fn available(&self) -> u32 {
        if self.is_here() { self.core.available() } else { 0 }
    }

    /// The most permits that there can be at once, those that are held included.
    pub fn max(&self) -> u32 {
        self.core.max()
    }

    /// Acquires a permit if there is one; never waits. If there is none, it asks the kernel about those who hold some (a
    /// system call or two for each process) and takes back what the dead had. While others acquire and release at the same
    /// time, it may overlook a permit that moves meanwhile.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits), [`Closed`](TryAcquireError::Closed).
    #[doc(alias = "sem_trywait")]
    #[doc(alias = "try_wait")]
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        if !self.is_here() {
            return Err(TryAcquireError::Fault(Fault::Forked));
        }
        self.core.try_acquire().map(|permit| self.permit(permit))
    }

    /// Acquires a permit, and waits for one if there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](AcquireError::Closed).
    #[doc(alias = "sem_wait")]
    #[doc(alias = "wait")]
    #[doc(alias = "down")]
    #[inline]
    pub fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        if !self.is_here() {
            return Err(AcquireError::Fault(Fault::Forked));
        }
        self.core.acquire().map(|permit| self.permit(permit))
    }

    /// Acquires a permit, and waits at most so long. One that is there at once is taken whatever the time limit.
    ///
    /// # Errors
    ///
    /// [`Timeout`](AcquireTimeoutError::Timeout), [`Closed`](AcquireTimeoutError::Closed).
    #[doc(alias = "sem_timedwait")]
    #[inline]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquire_until(clock::after(timeout))
    }

    /// Acquires a permit, and waits at most until then.
    ///
    /// # Errors
    ///
    /// [`Timeout`](AcquireTimeoutError::Timeout), [`Closed`](AcquireTimeoutError::Closed).
    #[doc(alias = "sem_clockwait")]
    #[inline]
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquire_until(clock::at(deadline))
    }

    #[inline]
    fn acquire_until(&self, deadline: ipc_core::Instant) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        if !self.is_here() {
            return Err(AcquireTimeoutError::Fault(Fault::Forked));
        }
        self.core.acquire_deadline(deadline).map(|permit| self.permit(permit))
    }

    /// Acquires so many permits if they are there, all or none; never waits.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits); [`TooMany`](TryAcquireError::TooMany) if that is more than the
    /// [maximum](Self::max); [`Closed`](TryAcquireError::Closed).
    pub fn try_acquire_many(&self, permits: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        if !self.is_here() {
            return Err(TryAcquireError::Fault(Fault::Forked));
        }
        self.core.try_acquire_many(permits).map(|permit| self.permit(permit))
    }

    /// Acquires so many permits at once, and waits until there are as many. It holds none of them while it waits, so those
    /// who want fewer overtake it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let places = region.semaphore("places").permits(5).create()?;
    /// let party = places.acquire_many(3)?;
    /// assert_eq!((party.count(), places.available()), (3, 2));
    /// assert!(places.try_acquire_many(3).unwrap_err().is_no_permits());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TooMany`](AcquireError::TooMany) if that is more than the [maximum](Self::max); [`Closed`](AcquireError::Closed).
    pub fn acquire_many(&self, permits: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        if !self.is_here() {
            return Err(AcquireError::Fault(Fault::Forked));
        }
        self.core.acquire_many(permits).map(|permit| self.permit(permit))
    }

    /// Acquires so many permits at once, and waits at most so long.
    ///
    /// # Errors
    ///
    /// Those of [`acquire_many`](Self::acquire_many), and [`Timeout`](AcquireTimeoutError::Timeout).
    pub fn acquire_many_timeout(
        &self,
        permits: u32,
        timeout: Duration,
    ) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquire_many_until(permits, clock::after(timeout))
    }

    /// Acquires so many permits at once, and waits at most until then.
    ///
    /// # Errors
    ///
    /// Those of [`acquire_many`](Self::acquire_many), and [`Timeout`](AcquireTimeoutError::Timeout).
    pub fn acquire_many_deadline(
        &self,
        permits: u32,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        self.acquire_many_until(permits, clock::at(deadline))
    }

    fn acquire_many_until(
        &self,
        permits: u32,
        deadline: ipc_core::Instant,
    ) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        if !self.is_here() {
            return Err(AcquireTimeoutError::Fault(Fault::Forked));
        }
        self.core.acquire_many_deadline(permits, deadline).map(|permit| self.permit(permit))
    }

    /// [`acquire`](Self::acquire), with a permit that keeps a handle of its own.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_owned(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire().map(SemaphorePermit::into_owned)
    }

    /// [`try_acquire`](Self::try_acquire), with a permit that keeps a handle of its own.
    ///
    /// # Errors
    ///
    /// Those of [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire().map(SemaphorePermit::into_owned)
    }

    /// Adds permits, all of them or none, whoever has acquired what: a signal. Not needed to give a permit back, which is
    /// dropping it.
    ///
    /// ```
    /// # use ipc_posix::{Region, ReleaseError};
    /// # let region = Region::options().anonymous()?;
    /// let bell = region.semaphore("bell").permits(0).max(3).create()?;
    /// bell.release(2)?;
    /// assert_eq!(bell.release(2), Err(ReleaseError::Full { wanted: 2, room: 1 }));
    /// assert_eq!(bell.available(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Full`](ReleaseError::Full) if that would be more than the [maximum](Self::max). Permits that are held count.
    #[doc(alias = "sem_post")]
    #[doc(alias = "post")]
    #[doc(alias = "up")]
    #[doc(alias = "add_permits")]
    pub fn release(&self, permits: u32) -> Result<(), ReleaseError> {
        if !self.is_here() {
            return Err(ReleaseError::Fault(Fault::Forked));
        }
        self.core.release(permits)
    }

    /// Closes the semaphore for everybody, for good: acquirers get [`Closed`](AcquireError::Closed) from now on, those who
    /// wait included. Permits that are held stay valid. `true` if this call did it, `false` if somebody else did (or after
    /// a fork).
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether the semaphore is closed.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }
}
