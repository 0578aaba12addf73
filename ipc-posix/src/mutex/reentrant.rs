//! The reentrant mutex: the handle, the builder and the guard.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ipc_core::error::{Fault, LockError, LockTimeoutError, TryLockError};
use ipc_core::memory::Memory;
use ipc_core::mutex::footprint;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what a reentrant mutex should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct ReentrantMutexOptions<'r, T> {
    region: &'r Region,
    name: String,
    schema: u64,
    initial: T,
}

impl<'r, T: Pod> ReentrantMutexOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        ReentrantMutexOptions { region, name: name.to_owned(), schema: 0, initial: T::zeroed() }
    }

    /// The data of a new mutex. Default: zeroes.
    pub fn initial(mut self, value: T) -> Self {
        self.initial = value;
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(ReentrantMutex<T>, ReentrantMutex::new);
}

impl<T: Pod> Blueprint for ReentrantMutexOptions<'_, T> {
    type Core = ipc_core::mutex::ReentrantMutex<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(footprint::<T>())
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.initial, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}

/// A [`Mutex`](crate::Mutex) that the thread that holds it may lock again: Python's `RLock`, with data.
///
/// ```
/// # use ipc_posix::{LockError, ReentrantMutex, Region};
/// fn deposit(account: &ReentrantMutex<i64>, amount: i64) -> Result<(), LockError<()>> {
///     let guard = account.lock().map_err(LockError::without_guard)?;
///     guard.update(|balance| balance + amount).map_err(LockError::Fault)
/// }
///
/// # let region = Region::options().anonymous()?;
/// let account = region.reentrant_mutex::<i64>("account").open_or_create()?;
/// let both = account.lock().unwrap();
/// deposit(&account, 30)?;
/// deposit(&account, 40)?;
/// assert_eq!(both.get()?, 70); // nobody saw the account in between
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Several guards of one thread exist at once, so none hands out a reference: values are copied out and in, and a
/// [`set`](ReentrantMutexGuard::set) is one step even if the process is killed in it. A holder that dies or panics is
/// reported to the next one as with [`Mutex`](crate::Mutex) (the outermost guard tells it), for it may have left one of two changes that
/// belong together. Everything else is the mutex's: costs, fairness, what holds after `fork`.
#[doc(alias = "RLock")]
#[doc(alias = "recursive")]
pub struct ReentrantMutex<T: Pod> {
    core: ipc_core::mutex::ReentrantMutex<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T: Pod> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Pod> Clone for ReentrantMutex<T> {
    fn clone(&self) -> Self {
        ReentrantMutex { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

type Guard<'a, T> = ReentrantMutexGuard<'a, T>;

impl<T: Pod> ReentrantMutex<T> {
    fn new(core: ipc_core::mutex::ReentrantMutex<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        ReentrantMutex { core, name: name.into() }
    }

    /// The bytes that a reentrant mutex of `T` takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(footprint::<T>())
    }

    /// The mutex's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the mutex lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// Takes the lock, and waits for it if another thread has it.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside.
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> Result<Guard<'_, T>, LockError<Guard<'_, T>>> {
        if !self.is_here() {
            return Err(LockError::Fault(Fault::Forked));
        }
        self.core.lock().map(|core| Guard { core }).map_err(|error| error.map(|core| Guard { core }))
    }

    /// Takes the lock if it is free, this thread's own, or its holder is dead. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    pub fn try_lock(&self) -> Result<Guard<'_, T>, TryLockError<Guard<'_, T>>> {
        if !self.is_here() {
            return Err(TryLockError::Fault(Fault::Forked));
        }
        self.core.try_lock().map(|core| Guard { core }).map_err(|error| error.map(|core| Guard { core }))
    }

    /// Takes the lock, and waits for it at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LockTimeoutError::Timeout), and those of [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<Guard<'_, T>, LockTimeoutError<Guard<'_, T>>> {
        self.lock_until(clock::after(timeout))
    }

    /// Takes the lock, and waits for it at most until then.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_deadline(&self, deadline: Instant) -> Result<Guard<'_, T>, LockTimeoutError<Guard<'_, T>>> {
        self.lock_until(clock::at(deadline))
    }

    fn lock_until(&self, deadline: ipc_core::Instant) -> Result<Guard<'_, T>, LockTimeoutError<Guard<'_, T>>> {
        if !self.is_here() {
            return Err(LockTimeoutError::Fault(Fault::Forked));
        }
        let locked = self.core.lock_deadline(deadline);
        locked.map(|core| Guard { core }).map_err(|error| error.map(|core| Guard { core }))
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot; `false` after
    /// a fork.
    pub fn is_poisoned(&self) -> bool {
        self.is_here() && self.core.plain().is_poisoned()
    }

    /// Whether the lock is taken, if only by somebody who is dead. A snapshot; `false` after a fork.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.is_here() && self.core.plain().is_locked()
    }
}

/// Holds a [`ReentrantMutex`], perhaps beside others of the same thread; gives access to copies of its data. The last one that
/// is dropped unlocks. It stays in its thread, for the lock is that thread's:
///
/// ```compile_fail,E0277
/// # use ipc_posix::ReentrantMutexGuard;
/// fn goes_to_another_thread<T: Send>(_: T) {}
/// fn not_this(guard: ReentrantMutexGuard<'_, u64>) { goes_to_another_thread(guard) }
/// ```
///
/// ```compile_fail,E0277
/// # use ipc_posix::ReentrantMutexGuard;
/// fn goes_to_another_thread<T: Send>(_: T) {}
/// fn nor_this(guard: &ReentrantMutexGuard<'_, u64>) { goes_to_another_thread(guard) }
/// ```
///
/// # Errors
///
/// Its operations answer [`Fault::Forked`] in a child after `fork`, and have no other error.
#[must_use = "the lock is released when this is dropped"]
pub struct ReentrantMutexGuard<'a, T: Pod> {
    core: ipc_core::mutex::ReentrantMutexGuard<'a, 'static, T, Membership>,
}

impl<T: Pod> ReentrantMutexGuard<'_, T> {
    /// A copy of the value.
    pub fn get(&self) -> Result<T, Fault> {
        self.core.get()
    }

    /// Replaces the value, in one step.
    pub fn set(&self, value: T) -> Result<(), Fault> {
        self.core.set(value)
    }

    /// Replaces the value by what `change` makes of it. A change that `change` itself makes, through another guard, is lost.
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<(), Fault> {
        self.get().and_then(|value| self.set(change(value)))
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) {
        self.core.mark_consistent();
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
