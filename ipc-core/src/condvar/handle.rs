//! The condition variable's handle.

use core::time::Duration;

use bytemuck::Pod;

use super::words::{self, Words};
use crate::error::{Fault, LockError};
use crate::memory::Memory;
use crate::mutex::MutexGuard;
use crate::object::{Blueprint, Footprint, HEADER_BYTES, Kind, Shape, ShapeError, handle, of_view};
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
        Shape::of::<()>(Kind::Condvar, 1, 0)
    }

    fn complete(&self) -> Result<(Shape, ()), ShapeError> {
        Ok((self.shape(), ()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, (): &(), _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new()) }.map(drop).ok_or(ShapeError::Missing)
    }

    of_view!(Condvar<'m, P>: |_, words, _, platform| Condvar { words, budget: SpinBudget::new(&platform), platform });
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

/// The same with the result of the time limit, in the errors, too.
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
/// A wait may end without a notification, as with std: check the condition again, or let [`wait_while`](Self::wait_while) do
/// it. Such a spurious wake-up comes within a tenth of a second, and it is what makes waits survive a killed process: a notifier
/// that died before its wake-up, a waiter that died just after it was woken, a holder of the lock that died and never notified.
/// If a holder died, the mutex's [`LockError::OwnerDied`] tells the next one that takes the lock.
///
/// Waiters of one condition variable may use different mutexes, unlike std's. `notify_one` and `notify_all` make a system call
/// only if there are waiters. Call them with or without the lock.
///
/// # Errors
///
/// The waits take the lock again before they return, and block for it as long as that takes. They return the errors of
/// [`Mutex::lock`](crate::Mutex::lock). In a child after `fork`, every operation returns [`Fault::Forked`].
#[doc(alias = "Condition")]
#[doc(alias = "pthread_cond")]
pub struct Condvar<'m, P> {
    words: &'m Words,
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
        Condvar { words: self.words, budget: SpinBudget::new(&platform), platform }
    }

    /// Gives the lock back, blocks until notified, and takes the lock again. May end without a notification.
    pub fn wait<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
    ) -> Relocked<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, None).map(without_result).map_err(|error| error.map(without_result))
    }

    /// Blocks as long as `condition` holds.
    pub fn wait_while<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Relocked<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::Forever, condition)
            .map(without_result)
            .map_err(|error| error.map(without_result))
    }

    /// [`wait`](Self::wait) that blocks for at most `timeout`, and then until the lock is free.
    pub fn wait_timeout<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        timeout: Duration,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, Limit::For(timeout).deadline(&self.platform))
    }

    /// [`wait`](Self::wait) that blocks until `deadline` at the latest, and then until the lock is free.
    pub fn wait_deadline<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: P::Deadline,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until(guard, Limit::Until(deadline).deadline(&self.platform))
    }

    /// [`wait_while`](Self::wait_while) that blocks for at most `timeout` in all. `timed_out` tells that `condition` still held.
    pub fn wait_timeout_while<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::For(timeout), condition)
    }

    /// [`wait_while`](Self::wait_while) that blocks until `deadline` at the latest. `timed_out` tells that `condition` still held.
    pub fn wait_deadline_while<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: P::Deadline,
        condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.wait_until_not(guard, &Limit::Until(deadline), condition)
    }

    fn wait_until<'g, 'n, T: Pod, Q: Platform>(
        &self,
        guard: MutexGuard<'g, 'n, T, Q>,
        deadline: Option<Instant>,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.here()?;
        let mutex = MutexGuard::mutex(&guard);
        mutex.here()?;
        let in_time = WaitTimeoutResult(!self.words.wait(&self.platform, deadline, || drop(guard)));
        match mutex.lock() {
            Ok(guard) => Ok((guard, in_time)),
            Err(error) => Err(error.map(|guard| (guard, in_time))),
        }
    }

    fn wait_until_not<'g, 'n, T: Pod, Q: Platform>(
        &self,
        mut guard: MutexGuard<'g, 'n, T, Q>,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> RelockedInTime<MutexGuard<'g, 'n, T, Q>> {
        self.here()?;
        MutexGuard::mutex(&guard).here()?;
        let mut limit = limit.over_all_waits();
        let mut result = WaitTimeoutResult(false);
        while condition(&mut guard) {
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_until(guard, limit.deadline(&self.platform))?;
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
        self.here()?;
        self.words.notify_one(&self.platform);
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
        self.words.notify_all(&self.platform);
        Ok(())
    }
}

fn without_result<G>((guard, _): (G, WaitTimeoutResult)) -> G {
    guard
}
