//! The condition variable's handle.

use core::time::Duration;

use super::waiter::{Check, End};
use super::words::{self, View, Words};
use crate::error::{Fault, LockError};
use crate::memory::Memory;
use crate::mutex::MutexGuard;
use crate::object::{Blueprint, Footprint, Guarded, Kind, Schema, Shape, ShapeError, handle, of_view};
use crate::participant::Seized;
use crate::platform::Platform;
use crate::time::{Instant, Limit, Timestamp};
use crate::wait::SpinBudget;

/// What a condition variable should be like. There is nothing to choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options;

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for Options {
    const KIND: Kind = Kind::Condvar;
    type Object = Words;
    type Handle<'m, P: Platform> = Condvar<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<()>(Kind::Condvar, 1, Schema::NONE)
    }

    fn complete(&self) -> Result<(Shape, ()), ShapeError> {
        Ok((self.shape(), ()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, (): &(), _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { words::lay(memory) }
    }

    of_view!(Condvar<'m, P>: |_, view, _, platform| Condvar { view, budget: SpinBudget::new(&platform), platform });
}

/// Whether a wait ended because its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether the time was over.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

type Relocked<G> = Result<G, LockError<G>>;

/// A lock that was taken again, or an error, each with the result of the time limit.
type RelockedInTime<G> = Result<(G, WaitTimeoutResult), LockError<(G, WaitTimeoutResult)>>;

/// A condition variable between processes, as [`std::sync::Condvar`] is between threads. A holder of a
/// [`Mutex`](crate::Mutex) waits until another thread has changed what the mutex guards.
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
/// A wait ends when a notification that came after its beginning is for it, and not before: there are no spurious wake-ups, unlike with
/// std. Processes that attach or leave end no wait. `notify_one` ends the wait that began first. Three things end a wait
/// without a notification:
///
/// - its time limit;
/// - the death of a process that held the lock: the error is [`OwnerDied`](LockError::OwnerDied). The first thread that takes the lock
///   learns of it. It should [`notify_all`](Self::notify_all) once it has made the data consistent;
/// - another notification, where more than 1024 threads wait at once: each one ends the waits of all beyond these.
///
/// A notification is not lost with a process. If the waiter that it was for is killed before it returns, another one that waited at that
/// time gets it, within some 0.1 s. A process that is killed after it has changed the data and before it notifies has notified no thread:
/// notify while you hold the lock, then the death is one of a holder. [`wait_while`](Self::wait_while) finds such a change by itself,
/// within 0.1 s.
///
/// Waiters of one condition variable may use different mutexes, unlike std's. `notify_one` and `notify_all` make a system call for each
/// waiter that sleeps and that they wake, and no other. They take time in proportion to the most threads that have ever waited at once.
/// A wait polls for a short time before it sleeps, as all blocking calls do.
///
/// # Errors
///
/// The waits take the lock again before they return, and block for it as long as that takes. They return the errors of
/// [`Mutex::lock`](crate::Mutex::lock). In a child after `fork`, every operation returns [`Fault::Forked`].
#[doc(alias = "Condition")]
#[doc(alias = "pthread_cond")]
pub struct Condvar<'m, P> {
    view: View<'m>,
    budget: SpinBudget,
    platform: P,
}

handle!(Condvar, "condition variable", self => self.budget);

impl<P> Condvar<'_, P> {
    /// The bytes that a condition variable takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(words::BYTES)
    }
}

impl<P: Platform> Condvar<'_, P> {
    fn another(&self, platform: P) -> Self {
        Condvar { view: self.view, budget: SpinBudget::new(&platform), platform }
    }

    /// Gives the lock back, blocks until notified, and takes the lock again.
    ///
    /// # Errors
    ///
    /// Those of [`Mutex::lock`](crate::Mutex::lock).
    pub fn wait<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
    ) -> Relocked<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, None, &mut Check::Never).map(without_result).map_err(|error| error.map(without_result))
    }

    /// Blocks as long as `condition` holds.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_while<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Relocked<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::Forever, condition)
            .map(without_result)
            .map_err(|error| error.map(without_result))
    }

    /// [`wait`](Self::wait) that blocks for at most `timeout`, and then until the lock is free.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_timeout<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        timeout: Duration,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, Limit::For(timeout).deadline(&self.platform), &mut Check::Never)
    }

    /// [`wait`](Self::wait) that blocks until `deadline` at the latest, and then until the lock is free.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_deadline<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: P::Deadline,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, Limit::Until(deadline).deadline(&self.platform), &mut Check::Never)
    }

    /// [`wait_while`](Self::wait_while) that blocks for at most `timeout` in all. `timed_out` tells that `condition` still held.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// use std::time::Duration;
    ///
    /// let (work, there) = (region.mutex::<u32>("work").create()?, region.condvar("there is work").create()?);
    /// let wait = there.wait_timeout_while(work.lock().unwrap(), Duration::from_millis(1), |work| *work == 0);
    /// let (work, result) = wait.unwrap();
    /// assert!(result.timed_out());
    /// assert_eq!(*work, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_timeout_while<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::For(timeout), condition)
    }

    /// [`wait_while`](Self::wait_while) that blocks until `deadline` at the latest. `timed_out` tells that `condition` still held.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_deadline_while<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: P::Deadline,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::Until(deadline), condition)
    }

    /// Waits once.
    fn wait_until<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: Option<Instant>,
        check: &mut Check,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.here()?;
        let mutex = MutexGuard::mutex(&guard);
        mutex.here()?;
        let known = mutex.stats().owner_died;
        let holder_died = || {
            let now = mutex.stats();
            now.owner_died && !known || now.holder.is_some_and(|who| Seized::try_new(mutex.platform(), who).is_ok())
        };
        let mut waiter = self.view.enter(&self.platform);
        drop(guard);
        loop {
            let end = waiter.sleep(&self.platform, &self.budget, deadline, *check, holder_died);
            let result = WaitTimeoutResult(end == End::TimedOut);
            if end == End::Unsure {
                *check = Check::Again;
            }
            let locked = mutex.lock();
            if end == End::HolderDied && locked.is_ok() {
                // Another thread has dealt with the death.
                continue;
            }
            waiter.leave();
            return locked.map(|guard| (guard, result)).map_err(|error| error.map(|guard| (guard, result)));
        }
    }

    fn wait_until_not<'g, 'n, T: ?Sized + Guarded, Q: Platform>(
        &self,
        mut guard: MutexGuard<'g, 'n, T, Q>,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.here()?;
        MutexGuard::mutex(&guard).here()?;
        let (mut limit, mut check) = (limit.over_all_waits(), Check::First);
        let mut result = WaitTimeoutResult(false);
        loop {
            let holds = condition(&mut guard);
            // The condition may have called `fork`.
            self.here()?;
            if !holds || result.timed_out() {
                return Ok((guard, WaitTimeoutResult(holds)));
            }
            (guard, result) = self.wait_until(guard, limit.deadline(&self.platform), &mut check)?;
        }
    }

    /// Wakes one waiter, if there are any.
    ///
    /// One thread for each notification:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let (work, there) = (region.mutex::<u32>("work").create()?, region.condvar("there is work").create()?);
    /// let worker = std::thread::spawn({
    ///     let (work, there) = (work.clone(), there.clone());
    ///     move || {
    ///         let mut work = work.lock().unwrap();
    ///         while *work == 0 {
    ///             work = there.wait(work).unwrap();
    ///         }
    ///         *work -= 1;
    ///     }
    /// });
    /// *work.lock().unwrap() += 1;
    /// there.notify_one()?;
    /// worker.join().unwrap();
    /// assert_eq!(*work.lock().unwrap(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "notify")]
    #[doc(alias = "signal")]
    pub fn notify_one(&self) -> Result<(), Fault> {
        self.here()?;
        self.view.notify_one(&self.platform);
        Ok(())
    }

    /// Wakes all waiters.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "broadcast")]
    pub fn notify_all(&self) -> Result<(), Fault> {
        self.here()?;
        self.view.notify_all(&self.platform);
        Ok(())
    }
}

fn without_result<G>((guard, _): (G, WaitTimeoutResult)) -> G {
    guard
}
