//! The mutex's handle.

use core::marker::PhantomData;

use bytemuck::Pod;

use super::guard::MutexGuard;
use super::words::{Condition, Intent, Layout, View, Words};
use crate::error::{Fault, LockError, LockTimeoutError, Refused, TryLockError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, Guarded, HEADER_BYTES, Initial, Kind, Schema, Shape, ShapeError, Zeroes, handle,
    has_schema, of_view,
};
use crate::participant::ParticipantId;
use crate::place::Place;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a mutex should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options<I> {
    /// The data of a new mutex: a value, or [`Zeroes`].
    pub initial: I,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
}

impl<T: Pod> Default for Options<Zeroes<T>> {
    fn default() -> Self {
        Options { initial: Zeroes::new(), schema: Schema::NONE }
    }
}

impl<'r, I: Initial, H> Builder<'r, Options<I>, H> {
    /// Sets the data of a new mutex. A mutex that exists keeps its own. Default: zeroes, which no value on the stack is needed for.
    pub fn initial(self, value: I::Value) -> Builder<'r, Options<I::Value>, H> {
        self.map(|wanted| Options { initial: value, schema: wanted.schema })
    }
}

has_schema!(Options<I>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: Pod>> Blueprint for Options<I> {
    const KIND: Kind = Kind::Mutex;
    type Object = Words;
    type Handle<'m, P: Platform> = Mutex<'m, I::Value, P>;

    fn shape(&self) -> Shape {
        Shape::of::<I::Value>(Kind::Mutex, 1, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        Ok((self.shape(), Layout::of::<I::Value>()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { lay::<I::Value>(memory, layout, self.initial.value()?) }
    }

    of_view!(Mutex<'m, I::Value, P>: |_, view, layout, platform| Mutex::over(view, layout, platform));
}

/// Writes an unlocked mutex with this value, or with a slice whose elements are all this value; without a value, with zeroes.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay<T: ?Sized + Guarded>(
    memory: Memory<'_>,
    layout: &Layout,
    value: Option<&T::Element>,
) -> Result<(), ShapeError> {
    // SAFETY: the caller's promise.
    unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new()) }.ok_or(ShapeError::Missing)?;
    for start in [layout.first, layout.first + layout.stride] {
        let start = memory.pointer(start, layout.stride).ok_or(ShapeError::Missing)?;
        // SAFETY: in range (`pointer`), aligned (`Layout`); the caller's promise.
        unsafe { Place::<T>::create(start, layout.len, value) };
    }
    Ok(())
}

/// What locking gives: the guard, or in the error, if something has happened to a former holder.
pub(super) type Locked<G> = Result<G, LockError<G>>;
/// The result of a lock with a time limit.
pub(super) type LockedInTime<G> = Result<G, LockTimeoutError<G>>;

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
/// The next locker gets the guard inside an error, [`LockError::OwnerDied`], as std does after a panic: the data may be
/// half-changed. Repair them and call [`mark_consistent`](MutexGuard::mark_consistent), or leave the mark for others.
/// A waiter notices the death within some 12 ms after the kernel has released the dead process's memory (which takes longer for
/// a large process), a later locker at once.
///
/// ```
/// # use ipc_posix::{LockError, Mutex, MutexGuard};
/// fn lock(totals: &Mutex<[u64; 2]>) -> Result<MutexGuard<'_, [u64; 2]>, Box<dyn std::error::Error + '_>> {
///     match totals.lock() {
///         Ok(guard) => Ok(guard),
///         Err(LockError::OwnerDied(mut guard)) => {
///             guard[1] = 0; // whatever makes them whole
///             guard.mark_consistent()?;
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
/// ([`LockError::without_guard`]; `ipc_posix::Error` does it by itself).
///
/// With [`lock_transaction`](Self::lock_transaction) no repair is needed: a holder that dies leaves the last committed value,
/// and no mark.
///
/// # What it costs, and who gets it
///
/// Lock and unlock without a rival are two read-modify-writes and no system call. With rivals it polls for some
/// microseconds and lets others run (while that has helped lately), then sleeps. A free lock goes to the first to come; a
/// sleeper that has lost three times is handed the lock next. No order is promised.
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
pub struct Mutex<'m, T: ?Sized, P> {
    pub(super) words: &'m Words,
    pub(super) copies: [Place<T>; 2],
    pub(super) platform: P,
    pub(super) budget: SpinBudget,
    data: PhantomData<T>,
}

// SAFETY: the data are reached under the lock only, by one thread at a time; the rest is atomics.
unsafe impl<T: ?Sized + Send, P: Send> Send for Mutex<'_, T, P> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send, P: Sync> Sync for Mutex<'_, T, P> {}

/// A snapshot of a lock's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The participant that holds the lock, dead or alive.
    pub holder: Option<ParticipantId>,
    /// Whether a holder died, and nobody has declared the data consistent since.
    pub owner_died: bool,
    /// Whether a holder panicked, and nobody has declared the data consistent since.
    pub poisoned: bool,
}

handle!(Mutex<T: ?Sized + Guarded>, "mutex", self => self.budget);

impl<T, P> Mutex<'_, T, P> {
    /// The bytes that a mutex of `T` takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(Layout::of::<T>().end)
    }
}

impl<'m, T: ?Sized + Guarded, P: Platform> Mutex<'m, T, P> {
    pub(super) fn over((words, memory): View<'m>, layout: &Layout, platform: P) -> Self {
        let Layout { first, stride, len, .. } = *layout;
        let copies = [first, first + stride].map(|start| {
            let start = memory.pointer(start, stride).expect("an object's length is checked before it is viewed");
            // SAFETY: in range (`pointer`) and aligned (`Layout`, and memory is to more); only the lock's holder uses it.
            unsafe { Place::at(start, len) }
        });
        Mutex { words, copies, budget: SpinBudget::new(&platform), platform, data: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        let Mutex { words, copies, .. } = *self;
        Mutex { words, copies, budget: SpinBudget::new(&platform), platform, data: PhantomData }
    }

    /// Takes the lock, and waits for it if it is taken.
    ///
    /// The error may hold the guard. Where it is passed on with `?`, it has to let the guard go first, unless the function
    /// returns `ipc_posix::Error`, which does so itself:
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
    pub fn lock(&self) -> Locked<MutexGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::InPlace, &Limit::Forever).map_err(LockError::refused)?;
        condition.judge(self.guard(), LockError::suspect)
    }

    /// Takes the lock if it is free or its holder is dead. Never waits; if it is taken, a system call finds out whether the
    /// holder lives.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, 'm, T, P>, TryLockError<MutexGuard<'_, 'm, T, P>>> {
        self.here()?;
        let condition = self.try_acquire(Intent::InPlace).map_err(TryLockError::refused)?;
        condition.judge(self.guard(), TryLockError::suspect)
    }

    timed! {
        lock_timeout, lock_deadline, lock, "Takes the lock",
        [&self] limit [] -> LockedInTime<MutexGuard<'_, 'm, T, P>> { self.lock_within(limit) }
    }

    fn lock_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<MutexGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::InPlace, limit).map_err(LockTimeoutError::refused)?;
        condition.judge(self.guard(), LockTimeoutError::suspect)
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.platform.assert_here();
        self.words.raw.condition() != Condition::CLEAN
    }

    /// Declares the data consistent, whatever happened to former holders. [`MutexGuard::mark_consistent`] does it with the lock
    /// held.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let total = region.mutex::<u64>("total").create()?;
    /// # let other = total.clone();
    /// # std::thread::spawn(move || { let _guard = other.lock().unwrap(); std::panic::resume_unwind(Box::new(())); }).join().unwrap_err();
    /// // A thread has panicked while it held the lock.
    /// assert!(total.is_poisoned());
    /// total.clear_poison()?;
    /// assert_eq!(*total.lock().unwrap(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear_poison(&self) -> Result<(), Fault> {
        self.here()?;
        self.words.raw.clear();
        Ok(())
    }

    /// Whether the lock is taken, if only by somebody who is dead. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.stats().holder.is_some()
    }

    /// Returns who holds the lock, and what became of former holders. A snapshot.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let total = region.mutex::<u64>("total").create()?;
    /// let guard = total.lock().unwrap();
    /// let holder = total.stats().holder.map(|holder| holder.get());
    /// assert_eq!(holder, Some(region.participant_number()));
    /// # drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        let condition = self.words.raw.condition();
        Stats { holder: self.words.raw.owner(), owner_died: condition.owner_died(), poisoned: condition.poisoned() }
    }

    #[inline(always)]
    pub(super) fn try_acquire(&self, intent: Intent) -> Result<Condition, Refused> {
        if self.words.raw.lock_first(&self.platform, intent) {
            return Ok(Condition::CLEAN);
        }
        self.words.raw.try_lock(&self.platform, intent)
    }

    #[inline(always)]
    pub(super) fn acquire(&self, intent: Intent, limit: &Limit<P::Deadline>) -> Result<Condition, Refused> {
        if self.words.raw.lock_first(&self.platform, intent) {
            return Ok(Condition::CLEAN);
        }
        self.acquire_contended(intent, limit)
    }

    #[cold]
    #[inline(never)]
    fn acquire_contended(&self, intent: Intent, limit: &Limit<P::Deadline>) -> Result<Condition, Refused> {
        self.words.raw.lock_contended(&self.platform, intent, &self.budget, limit.deadline(&self.platform))
    }

    #[inline(always)]
    fn guard(&self) -> MutexGuard<'_, 'm, T, P> {
        MutexGuard::new(self, self.copies[self.words.versions.current()].lend())
    }
}

impl Condition {
    /// The guard, as a result that tells what happened to former holders.
    #[inline(always)]
    pub(crate) fn judge<G, E>(self, guard: G, suspect: impl FnOnce(Self, G) -> E) -> Result<G, E> {
        if self == Condition::CLEAN { Ok(guard) } else { Err(suspect(self, guard)) }
    }
}

impl<G> LockError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Mine => LockError::Deadlock,
            Refused::Fault(fault) => LockError::Fault(fault),
            // The end of time does not come.
            _ => LockError::Fault(Fault::Corrupted),
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died() { LockError::OwnerDied(guard) } else { LockError::Poisoned(guard) }
    }
}

impl<G> TryLockError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) if fault != Fault::DeathsUnknown => TryLockError::Fault(fault),
            _ => TryLockError::WouldBlock,
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died() { TryLockError::OwnerDied(guard) } else { TryLockError::Poisoned(guard) }
    }
}

impl<G> LockTimeoutError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Mine => LockTimeoutError::Deadlock,
            Refused::Fault(fault) => LockTimeoutError::Fault(fault),
            _ => LockTimeoutError::Timeout,
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died() { LockTimeoutError::OwnerDied(guard) } else { LockTimeoutError::Poisoned(guard) }
    }
}
