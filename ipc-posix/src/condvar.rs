//! Condition variables: the handle and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ipc_core::condvar::FOOTPRINT;
use ipc_core::error::{Fault, LockError};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::objects::MutexGuard;
use crate::region::{Footprint, Region};

/// A builder: [`create`](Self::create), [`open`](Self::open) or [`open_or_create`](Self::open_or_create) a condition variable.
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct CondvarOptions<'r> {
    region: &'r Region,
    name: String,
}

impl<'r> CondvarOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        CondvarOptions { region, name: name.to_owned() }
    }

    builder_ends!(Condvar, Condvar::new);
}

impl Blueprint for CondvarOptions<'_> {
    type Core = ipc_core::Condvar<'static, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape()
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(FOOTPRINT)
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, membership)
    }
}

/// Whether a wait ended because its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// A guard, or why there is none: what a wait gives back.
type Relocked<'a, T> = Result<MutexGuard<'a, T>, LockError<MutexGuard<'a, T>>>;

/// The same with the time limit's result; in the errors, too.
type RelockedInTime<'a, T> =
    Result<(MutexGuard<'a, T>, WaitTimeoutResult), LockError<(MutexGuard<'a, T>, WaitTimeoutResult)>>;

/// A condition variable between processes, as [`std::sync::Condvar`] is between threads: wait, under a
/// [`Mutex`](crate::Mutex), until somebody has changed what the mutex guards.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let stock = region.mutex::<u64>("stock").open_or_create()?;
/// let changed = region.condvar("stock changed").open_or_create()?;
/// # let (stock2, changed2) = (stock.clone(), changed.clone());
/// # let supplier = std::thread::spawn(move || { *stock2.lock().unwrap() += 3; changed2.notify_all().unwrap(); });
///
/// let mut left = changed.wait_while(stock.lock().unwrap(), |left| *left < 2).unwrap();
/// *left -= 2;
/// # drop(left); supplier.join().unwrap();
/// # assert_eq!(*stock.lock().unwrap(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A wait may end although nobody has notified: look at the condition again, or let [`wait_while`](Self::wait_while) do it.
/// That happens once in a tenth of a second at the latest, and it is what makes waits survive: a notifier that is killed
/// before it wakes anybody, a waiter that is killed just when it was woken, a holder of the lock that is killed and never
/// notifies. The next one to look goes on, and is told by the mutex's [`LockError::OwnerDied`] if a holder died.
///
/// Waiters of one condition variable may use different mutexes, other than std's. `notify_one` and `notify_all` are a system
/// call only if somebody waits; call them with or without the lock. After `fork`, the child's handle answers with
/// [`Fault::Forked`].
///
/// # Errors
///
/// Those of [`Mutex::lock`](crate::Mutex::lock): the waits take the lock again before they return, and wait for it however
/// long that takes.
#[doc(alias = "Condition")]
#[doc(alias = "pthread_cond")]
pub struct Condvar {
    core: ipc_core::Condvar<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Clone for Condvar {
    fn clone(&self) -> Self {
        Condvar { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl Condvar {
    fn new(core: ipc_core::Condvar<'static, Membership>, _region: &Region, name: &str) -> Self {
        Condvar { core, name: name.into() }
    }

    /// The bytes that a condition variable takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(FOOTPRINT)
    }

    /// The condition variable's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the condition variable lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    fn here(&self) -> Result<&ipc_core::Condvar<'static, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// Gives the lock back, waits for a notification, and takes the lock again. May end without one.
    pub fn wait<'a, T: Pod>(&self, guard: MutexGuard<'a, T>) -> Relocked<'a, T> {
        self.wait_until(guard, None).map(|(guard, _)| guard).map_err(|error| error.map(|(guard, _)| guard))
    }

    /// Waits while `condition` holds.
    pub fn wait_while<'a, T: Pod>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Relocked<'a, T> {
        self.wait_until_not(guard, None, condition)
            .map(|(guard, _)| guard)
            .map_err(|error| error.map(|(guard, _)| guard))
    }

    /// [`wait`](Self::wait) at most so long.
    pub fn wait_timeout<'a, T: Pod>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> RelockedInTime<'a, T> {
        self.wait_until(guard, Some(clock::after(timeout)))
    }

    /// [`wait`](Self::wait) at most until then.
    pub fn wait_deadline<'a, T: Pod>(&self, guard: MutexGuard<'a, T>, deadline: Instant) -> RelockedInTime<'a, T> {
        self.wait_until(guard, Some(clock::at(deadline)))
    }

    /// [`wait_while`](Self::wait_while) at most so long. `timed_out` says that `condition` still held.
    pub fn wait_timeout_while<'a, T: Pod>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<'a, T> {
        self.wait_until_not(guard, Some(clock::after(timeout)), condition)
    }

    /// [`wait_while`](Self::wait_while) at most until then. `timed_out` says that `condition` still held.
    pub fn wait_deadline_while<'a, T: Pod>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<'a, T> {
        self.wait_until_not(guard, Some(clock::at(deadline)), condition)
    }

    fn wait_until<'a, T: Pod>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<ipc_core::Instant>,
    ) -> RelockedInTime<'a, T> {
        let core = self.here().map_err(LockError::Fault)?;
        let mutex = MutexGuard::mutex(&guard);
        let in_time = WaitTimeoutResult(!core.wait(deadline, || drop(guard)));
        match mutex.lock() {
            Ok(guard) => Ok((guard, in_time)),
            Err(error) => Err(error.map(|guard| (guard, in_time))),
        }
    }

    fn wait_until_not<'a, T: Pod>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Option<ipc_core::Instant>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<'a, T> {
        let mut result = WaitTimeoutResult(false);
        while condition(&mut guard) {
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_until(guard, deadline)?;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// Wakes one waiter, if there are any.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "notify")]
    #[doc(alias = "signal")]
    pub fn notify_one(&self) -> Result<(), Fault> {
        self.here().map(|core| core.notify_one())
    }

    /// Wakes all waiters.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "broadcast")]
    pub fn notify_all(&self) -> Result<(), Fault> {
        self.here().map(|core| core.notify_all())
    }
}
