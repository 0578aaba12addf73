//! A mutex that its holder may take again: the mutex's words, and how often its holder has taken it besides the first time.
//!
//! Only the holder touches the depth, so it needs no ordering of its own; a process that takes a lock that was free, or a dead one's,
//! begins at 0. Several guards exist at once, so none of them hands out a reference: the value is copied out and in. Each
//! change is a commit as a transaction's: a holder that dies never leaves half a value. (It may leave the first of two changes that
//! belong together, so the next holder is told all the same.)

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::Pod;

use super::handle::{Locked, LockedInTime, Mutex, Options, Stats, lay};
use super::words::{Condition, Intent, Layout, Words};
use crate::error::{Fault, LockError, LockTimeoutError, Refused, TryLockError};
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, Initial, Kind, Shape, ShapeError, Zeroes, has_schema, has_wait_strategy, named,
    of_view, waits,
};
use crate::platform::{Located, Platform};
use crate::sync::Ordering;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// What a reentrant mutex should be like.
#[derive(Clone, Copy, Debug)]
pub struct ReentrantOptions<I>(Options<I>);

impl<T: Pod> Default for ReentrantOptions<Zeroes<T>> {
    fn default() -> Self {
        ReentrantOptions(Options::default())
    }
}

impl<'r, I: Initial, H> Builder<'r, ReentrantOptions<I>, H> {
    /// Sets the data of a new mutex. A mutex that exists keeps its own. Default: zeroes.
    pub fn initial(self, value: I::Value) -> Builder<'r, ReentrantOptions<I::Value>, H> {
        self.map(|wanted| ReentrantOptions(Options { initial: value, schema: wanted.0.schema }))
    }
}

has_schema!(ReentrantOptions<I>.0.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: Pod>> Blueprint for ReentrantOptions<I> {
    const KIND: Kind = Kind::ReentrantMutex;
    type Object = Words;
    type Handle<'m, P: Platform> = ReentrantMutex<'m, I::Value, P>;

    fn shape(&self) -> Shape {
        Shape { kind: Kind::ReentrantMutex, ..self.0.shape() }
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        Ok((self.shape(), Layout::of::<I::Value>()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { lay::<I::Value>(memory, layout, self.0.initial.value()?) }
    }

    of_view!(ReentrantMutex<'m, I::Value, P>: |_, view, layout, platform| ReentrantMutex(Mutex::over(view, layout, platform)));
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
pub struct ReentrantMutex<'m, T, P>(Mutex<'m, T, P>);

impl<T, P: fmt::Debug> fmt::Debug for ReentrantMutex<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex").field("name", &self.0.platform).finish_non_exhaustive()
    }
}

impl<T: Pod, P: Platform + Clone> Clone for ReentrantMutex<'_, T, P> {
    fn clone(&self) -> Self {
        ReentrantMutex(self.0.clone())
    }
}

has_wait_strategy!(ReentrantMutex<T: Pod>);
named!([T: Pod, P: Platform] ReentrantMutex<'_, T, P>, ReentrantMutex, self => self.0);

type Guard<'g, 'm, T, P> = ReentrantMutexGuard<'g, 'm, T, P>;

impl<'m, T: Pod, P: Platform> ReentrantMutex<'m, T, P> {
    /// The bytes that a reentrant mutex of `T` takes in a region.
    pub const fn footprint() -> Footprint {
        Mutex::<T, P>::footprint()
    }

    waits!(self => self.0);

    #[cfg(feature = "serde")]
    pub(crate) fn platform(&self) -> &P {
        &self.0.platform
    }

    /// The mutex's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.0.name()
    }

    /// The region that the mutex lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.0.region()
    }

    /// Returns whether both handles are of one mutex, however each was opened. Also after a fork.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool
    where
        P: Located,
    {
        self.0.same_object(&other.0)
    }

    /// Takes the lock, and waits for it if another thread has it.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside.
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> Locked<Guard<'_, 'm, T, P>> {
        self.0.here()?;
        self.enter(self.0.acquire(Intent::InPlace, &Limit::Forever), LockError::refused, LockError::suspect)
    }

    /// Takes the lock if it is free, this thread's own, or its holder is dead. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    pub fn try_lock(&self) -> Result<Guard<'_, 'm, T, P>, TryLockError<Guard<'_, 'm, T, P>>> {
        self.0.here()?;
        self.enter(self.0.try_acquire(Intent::InPlace), TryLockError::refused, TryLockError::suspect)
    }

    timed! {
        lock_timeout, lock_deadline, lock, "Takes the lock",
        [&self] limit [] -> LockedInTime<Guard<'_, 'm, T, P>> { self.lock_within(limit) }
    }

    fn lock_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<Guard<'_, 'm, T, P>> {
        self.0.here()?;
        self.enter(self.0.acquire(Intent::InPlace, limit), LockTimeoutError::refused, LockTimeoutError::suspect)
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.0.is_poisoned()
    }

    /// Whether the lock is taken, if only by somebody who is dead. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Returns who holds the lock, and what became of former holders. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// What becomes of an attempt: the first guard, or one more.
    fn enter<'g, E>(
        &'g self,
        taken: Result<Condition, Refused>,
        refuse: impl FnOnce(Refused) -> E,
        suspect: impl FnOnce(Condition, Guard<'g, 'm, T, P>) -> E,
    ) -> Result<Guard<'g, 'm, T, P>, E> {
        let Mutex { words, platform, .. } = &self.0;
        let condition = match taken {
            Ok(condition) => {
                // Relaxed: only the holder reads or writes it.
                words.depth.store(0, Ordering::Relaxed);
                condition
            }
            // Told once, by the first guard: this thread knows.
            Err(_) if words.raw.is_held_here(platform) => {
                let Some(deeper) = words.depth.load(Ordering::Relaxed).checked_add(1) else {
                    return Err(refuse(Refused::CORRUPTED));
                };
                words.depth.store(deeper, Ordering::Relaxed);
                Condition::CLEAN
            }
            Err(refused) => return Err(refuse(refused)),
        };
        let guard = ReentrantMutexGuard { mutex: &self.0, panicking: platform.panicking(), here: PhantomData };
        condition.judge(guard, suspect)
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
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let account = region.reentrant_mutex::<i64>("account").create()?;
/// let guard = account.lock().unwrap();
/// guard.set(100)?;
/// guard.update(|balance| balance - 30)?;
/// guard.mark_consistent()?; // if a holder had died before
/// assert_eq!(guard.get()?, 70);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Its operations answer [`Fault::Forked`] in a child after `fork`, and have no other error.
#[must_use = "the lock is released when this is dropped"]
pub struct ReentrantMutexGuard<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    panicking: bool,
    /// Neither Send nor Sync: the depth and the value are the holder's thread's alone.
    here: PhantomData<*const ()>,
}

impl<T: Pod, P: Platform> ReentrantMutexGuard<'_, '_, T, P> {
    /// A copy of the value; `Err` if the memory is not there any more.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn get(&self) -> Result<T, Fault> {
        self.mutex.here()?;
        Ok(self.mutex.read_current())
    }

    /// Replaces the value, in one step.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn set(&self, value: T) -> Result<(), Fault> {
        self.mutex.here()?;
        self.mutex.commit(&value);
        Ok(())
    }

    /// Copies the value into memory that need not be initialised, and returns it. For values that are too large for the stack.
    ///
    /// ```
    /// # use ipc_posix::{Error, Region};
    /// # fn main() -> Result<(), Error> {
    /// # let region = Region::options().size(40 << 20).anonymous()?;
    /// type Table = [u8; 16 << 20];
    /// let table = region.reentrant_mutex::<Table>("table").create()?;
    /// let guard = table.lock()?;
    /// let mut memory = Box::<Table>::new_uninit();
    /// let copy = guard.get_uninit(&mut memory)?;
    /// copy[7] += 1;
    /// guard.set_from(copy)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn get_uninit<'b>(&self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, Fault> {
        self.mutex.here()?;
        self.mutex.copy_current(place);
        // SAFETY: all bytes are initialised, and any bits are a T (Pod).
        Ok(unsafe { place.assume_init_mut() })
    }

    /// Replaces the value by a copy of one that stays where it is, in one step. For values that are too large for the stack.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn set_from(&self, value: &T) -> Result<(), Fault> {
        self.mutex.here()?;
        self.mutex.commit(value);
        Ok(())
    }

    /// Replaces the value by what `change` makes of it. A change that `change` itself makes, through another guard, is lost.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<(), Fault> {
        self.get().and_then(|value| self.set(change(value)))
    }

    /// Declares the data consistent: a process that locks from now on is not told of earlier deaths and panics.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "clear_poison")]
    pub fn mark_consistent(&self) -> Result<(), Fault> {
        self.mutex.clear_poison()
    }
}

impl<T: Pod, P: Platform> Drop for ReentrantMutexGuard<'_, '_, T, P> {
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        if !platform.is_here() {
            return;
        }
        let depth = words.depth.load(Ordering::Relaxed);
        if depth > 0 {
            words.depth.store(depth - 1, Ordering::Relaxed);
            return;
        }
        if !self.panicking && platform.panicking() {
            words.raw.poison();
        }
        words.raw.unlock(platform);
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for ReentrantMutexGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(value) => value.fmt(f),
            Err(_) => f.write_str("ReentrantMutexGuard(..)"),
        }
    }
}
