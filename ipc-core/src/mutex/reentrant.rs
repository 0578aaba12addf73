//! A mutex that its holder may take again: the mutex's words, and how often its holder has taken it besides the first time.
//!
//! Only the holder touches the depth, so it needs no ordering of its own; whoever takes a lock that was free, or a dead one's,
//! begins at 0. Several guards exist at once, so none of them hands out a reference: the value is copied out and in. Each
//! change is a commit as a transaction's: a holder that dies never leaves half a value. (It may leave the first of two changes that
//! belong together, so the next holder is told all the same.)

use core::fmt;
use core::marker::PhantomData;

use bytemuck::Pod;

use super::raw::{Condition, Intent, Refused};
use super::shared::Mutex;
use crate::error::{Fault, LockError, LockTimeoutError, TryLockError};
use crate::memory::Memory;
use crate::object::{Kind, Shape, ShapeError};
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Instant;

/// A handle of a reentrant mutex in shared memory.
pub struct ReentrantMutex<'m, T, P>(Mutex<'m, T, P>);

// Shared memory is not touched.
impl<T, P> fmt::Debug for ReentrantMutex<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex").finish_non_exhaustive()
    }
}

impl<'m, T: Pod, P: Platform> ReentrantMutex<'m, T, P> {
    /// What a reentrant mutex of `T` is compared with.
    pub const fn shape(schema: u64) -> Shape {
        Shape::of::<T>(Kind::ReentrantMutex, 1, schema)
    }

    /// Lays an unlocked mutex with this value into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, value: T, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Mutex::create_as(&Self::shape(schema), memory, value, platform).map(ReentrantMutex)
    }

    /// A handle of the mutex that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Mutex::attach_as(&Self::shape(schema), memory, platform).map(ReentrantMutex)
    }

    /// Takes the lock, and waits for it if another thread has it.
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_, 'm, T, P>, LockError<ReentrantMutexGuard<'_, 'm, T, P>>> {
        match self.enter(self.0.acquire(Intent::InPlace, None)) {
            Ok((guard, condition)) if condition.is_clean() => Ok(guard),
            Ok((guard, condition)) => Err(LockError::suspect(condition, guard)),
            Err(refused) => Err(LockError::refused(refused)),
        }
    }

    /// Takes the lock if it is free, this thread's own, or its holder is dead. Never waits.
    pub fn try_lock(
        &self,
    ) -> Result<ReentrantMutexGuard<'_, 'm, T, P>, TryLockError<ReentrantMutexGuard<'_, 'm, T, P>>> {
        match self.enter(self.0.try_acquire(Intent::InPlace)) {
            Ok((guard, condition)) if condition.is_clean() => Ok(guard),
            Ok((guard, condition)) => Err(TryLockError::suspect(condition, guard)),
            Err(refused) => Err(TryLockError::refused(refused)),
        }
    }

    /// Takes the lock, and waits for it until `deadline` at most.
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<ReentrantMutexGuard<'_, 'm, T, P>, LockTimeoutError<ReentrantMutexGuard<'_, 'm, T, P>>> {
        match self.enter(self.0.acquire(Intent::InPlace, Some(deadline))) {
            Ok((guard, condition)) if condition.is_clean() => Ok(guard),
            Ok((guard, condition)) => Err(LockTimeoutError::suspect(condition, guard)),
            Err(refused) => Err(LockTimeoutError::refused(refused)),
        }
    }

    /// What becomes of an attempt: the first guard, or one more.
    fn enter(
        &self,
        taken: Result<Condition, Refused>,
    ) -> Result<(ReentrantMutexGuard<'_, 'm, T, P>, Condition), Refused> {
        let depth = &self.0.words().depth;
        let condition = match taken {
            Ok(condition) => {
                // Relaxed: only the holder reads or writes it.
                depth.store(0, Ordering::Relaxed);
                condition
            }
            // Told once, by the first guard: this thread knows.
            Err(_) if self.0.words().raw.is_held_here(self.0.platform()) => {
                let deeper = depth.load(Ordering::Relaxed).checked_add(1).ok_or(Refused::Corrupted)?;
                depth.store(deeper, Ordering::Relaxed);
                Condition::default()
            }
            Err(refused) => return Err(refused),
        };
        let panicking = self.0.platform().panicking();
        Ok((ReentrantMutexGuard { mutex: &self.0, panicking, here: PhantomData }, condition))
    }

    /// The mutex without the way to enter it again: for what does not need the lock.
    pub fn plain(&self) -> &Mutex<'m, T, P> {
        &self.0
    }
}

impl<'m, T, P> ReentrantMutex<'m, T, P> {
    /// The platform.
    pub fn platform(&self) -> &P {
        self.0.platform()
    }

    /// Another handle of the same mutex. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> ReentrantMutex<'m, T, Q> {
        ReentrantMutex(self.0.with_platform(platform))
    }
}

/// Holds the lock, perhaps beside others of the same thread; gives access to copies of the data. The last one that is
/// dropped unlocks.
#[must_use = "the lock is released when this is dropped"]
pub struct ReentrantMutexGuard<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    panicking: bool,
    /// Neither Send nor Sync: the depth and the value are the holder's thread's alone.
    here: PhantomData<*const ()>,
}

impl<T: Pod, P: Platform> ReentrantMutexGuard<'_, '_, T, P> {
    /// A copy of the value; `Err` if the memory is not there any more.
    pub fn get(&self) -> Result<T, Fault> {
        if self.mutex.platform().is_here() { Ok(self.mutex.read_current()) } else { Err(Fault::Forked) }
    }

    /// Replaces the value, in one step.
    pub fn set(&self, value: T) -> Result<(), Fault> {
        if self.mutex.platform().is_here() {
            self.mutex.commit(&value);
            Ok(())
        } else {
            Err(Fault::Forked)
        }
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    pub fn mark_consistent(&self) {
        if self.mutex.platform().is_here() {
            self.mutex.clear_poison();
        }
    }
}

impl<T: Pod, P: Platform> Drop for ReentrantMutexGuard<'_, '_, T, P> {
    fn drop(&mut self) {
        let (words, platform) = (self.mutex.words(), self.mutex.platform());
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
