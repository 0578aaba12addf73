//! The lock with its data, in the memory of a region.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use bytemuck::Pod;

use super::raw::{RawRwLock, Readers};
use crate::error::{LockError, LockTimeoutError, TryLockError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{Condition, Refused};
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::{Dead, ParticipantId};
use crate::payload;
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// Bytes from the start of the object to the end of its words. Small data follow on the same cache line.
pub(crate) const WORDS_END: usize = HEADER_BYTES + size_of::<RawRwLock>();

/// Where what lies.
#[derive(Clone, Copy)]
struct Layout {
    data: u64,
    readers: u64,
    end: u64,
}

impl Layout {
    /// For data of this size and alignment and so many participants. Saturates: what is too large fits nowhere.
    const fn new(size: u64, align: u64, participants: u64) -> Self {
        let align = if align < 8 { 8 } else { align };
        let data = (WORDS_END as u64).saturating_add(align - 1) / align * align;
        let words = size.div_ceil(8).saturating_mul(8);
        let line = OBJECT_ALIGN as u64;
        let readers = data.saturating_add(words).saturating_add(line - 1) / line * line;
        let counters = participants.saturating_mul(size_of::<Readers>() as u64);
        let end = readers.saturating_add(counters).saturating_add(line - 1) / line * line;
        Layout { data, readers, end }
    }

    const fn of<T>(participants: u32) -> Self {
        assert!(align_of::<T>() <= OBJECT_ALIGN, "the data of a lock may be aligned to 128 bytes at most");
        Self::new(size_of::<T>() as u64, align_of::<T>() as u64, participants as u64)
    }
}

/// Bytes of a lock of `T` in a region for so many participants.
pub const fn footprint<T>(participants: u32) -> u64 {
    Layout::of::<T>(participants).end
}

/// The participants, if there can be so many.
fn possible(participants: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(participants).ok().filter(|count| (1..=u32::from(ParticipantId::MAX)).contains(count));
    fits.ok_or(ShapeError::Capacity { wanted: participants })
}

/// Repairs a lock of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    let participants = possible(shape.capacity)?;
    let layout = Layout::new(shape.element_size.into(), shape.element_align.into(), participants.into());
    let (words, readers) = parts(memory, layout, participants)?;
    words.sweep(dead, platform, readers);
    Ok(())
}

fn parts(memory: Memory<'_>, layout: Layout, participants: u32) -> Result<(&RawRwLock, &[Readers]), ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: layout.end, found: memory.len() as u64 };
    let offset = usize::try_from(layout.readers).map_err(|_| too_small)?;
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    let words = unsafe { memory.atomics::<RawRwLock>(HEADER_BYTES, 1) }.ok_or(too_small)?;
    // SAFETY: as above, for the counters.
    let readers = unsafe { memory.atomics::<Readers>(offset, participants as usize) }.ok_or(too_small)?;
    Ok((&words[0], readers))
}

/// A handle of a lock for one writer or many readers, in shared memory. See the [module](super) for what it promises.
///
/// The guards hand out plain references to the shared data: that is sound as long as every process that writes to the
/// region does so under the lock.
pub struct RwLock<'m, T, P> {
    words: &'m RawRwLock,
    readers: &'m [Readers],
    data: NonNull<T>,
    platform: P,
    budget: SpinBudget,
}

// SAFETY: the data are reached under the lock only: by one thread with the write lock, or by many that only read; the rest
// is atomics.
unsafe impl<T: Send, P: Send> Send for RwLock<'_, T, P> {}
// SAFETY: as above; readers in several threads have `&T` at once.
unsafe impl<T: Send + Sync, P: Sync> Sync for RwLock<'_, T, P> {}

// Shared memory is not touched.
impl<T, P> fmt::Debug for RwLock<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<'m, T: Pod, P: Platform> RwLock<'m, T, P> {
    /// What a lock of `T` is compared with; the capacity is the number of participants, 0: any.
    pub const fn shape(participants: u32, schema: u64) -> Shape {
        Shape::of::<T>(Kind::RwLock, participants as u64, schema)
    }

    /// Lays an unlocked lock with this value into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(
        memory: Memory<'m>,
        value: T,
        participants: u32,
        schema: u64,
        platform: P,
    ) -> Result<Self, ShapeError> {
        let lock = Self::over(memory, possible(participants.into())?, platform)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(participants, schema), footprint::<T>(participants));
        lock.words.initialise(lock.readers);
        // SAFETY: `over` has checked that the data lie in the memory, rounded up to whole cells and aligned to 8; the
        // caller has the memory to itself.
        let cells =
            unsafe { core::slice::from_raw_parts(lock.data.cast::<AtomicU64>().as_ptr(), payload::cells::<T>()) };
        payload::store(&value, cells);
        header.publish();
        Ok(lock)
    }

    /// A handle of the lock that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let (found, length) = object::checked(memory, &Self::shape(0, schema))?;
        let participants = possible(found.capacity)?;
        let wanted = footprint::<T>(participants);
        if length != wanted {
            return Err(ShapeError::Differs { field: Field::Length, wanted, found: length });
        }
        Self::over(memory, participants, platform)
    }

    fn over(memory: Memory<'m>, participants: u32, platform: P) -> Result<Self, ShapeError> {
        let layout = Layout::of::<T>(participants);
        let too_small = ShapeError::TooSmall { wanted: layout.end, found: memory.len() as u64 };
        let data = memory.pointer(layout.data as usize, payload::cells::<T>() * 8).ok_or(too_small)?.cast();
        let (words, readers) = parts(memory, layout, participants)?;
        let budget = SpinBudget::new(&platform);
        Ok(RwLock { words, readers, data, platform, budget })
    }

    /// A read lock: waits while a writer has the lock, or waits for it.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, 'm, T, P>, LockError<RwLockReadGuard<'_, 'm, T, P>>> {
        let condition = self.acquire_read(None).map_err(LockError::refused)?;
        let guard = RwLockReadGuard { lock: self };
        if condition.is_clean() { Ok(guard) } else { Err(LockError::suspect(condition, guard)) }
    }

    /// A read lock, if no living writer has the lock or waits for it. Never waits.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, 'm, T, P>, TryLockError<RwLockReadGuard<'_, 'm, T, P>>> {
        let condition = self.words.try_read(&self.platform, self.readers).map_err(TryLockError::refused)?;
        let guard = RwLockReadGuard { lock: self };
        if condition.is_clean() { Ok(guard) } else { Err(TryLockError::suspect(condition, guard)) }
    }

    /// [`read`](Self::read) that waits until `deadline` at most.
    #[inline]
    pub fn read_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockReadGuard<'_, 'm, T, P>, LockTimeoutError<RwLockReadGuard<'_, 'm, T, P>>> {
        let condition = self.acquire_read(Some(deadline)).map_err(LockTimeoutError::refused)?;
        let guard = RwLockReadGuard { lock: self };
        if condition.is_clean() { Ok(guard) } else { Err(LockTimeoutError::suspect(condition, guard)) }
    }

    /// The write lock: waits for other writers, and for the readers to leave.
    #[inline]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, 'm, T, P>, LockError<RwLockWriteGuard<'_, 'm, T, P>>> {
        let condition = self.acquire_write(None).map_err(LockError::refused)?;
        let guard = self.write_guard();
        if condition.is_clean() { Ok(guard) } else { Err(LockError::suspect(condition, guard)) }
    }

    /// The write lock, if nobody who lives has the lock or reads. Never waits.
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, 'm, T, P>, TryLockError<RwLockWriteGuard<'_, 'm, T, P>>> {
        let condition = self.words.try_write(&self.platform, self.readers).map_err(TryLockError::refused)?;
        let guard = self.write_guard();
        if condition.is_clean() { Ok(guard) } else { Err(TryLockError::suspect(condition, guard)) }
    }

    /// [`write`](Self::write) that waits until `deadline` at most.
    #[inline]
    pub fn write_deadline(
        &self,
        deadline: Instant,
    ) -> Result<RwLockWriteGuard<'_, 'm, T, P>, LockTimeoutError<RwLockWriteGuard<'_, 'm, T, P>>> {
        let condition = self.acquire_write(Some(deadline)).map_err(LockTimeoutError::refused)?;
        let guard = self.write_guard();
        if condition.is_clean() { Ok(guard) } else { Err(LockTimeoutError::suspect(condition, guard)) }
    }

    #[inline(always)]
    fn acquire_read(&self, deadline: Option<Instant>) -> Result<Condition, Refused> {
        match self.words.read_first(&self.platform, self.readers)? {
            Some(condition) => Ok(condition),
            None => self.words.read_contended(&self.platform, self.readers, &self.budget, deadline),
        }
    }

    #[inline(always)]
    fn acquire_write(&self, deadline: Option<Instant>) -> Result<Condition, Refused> {
        self.words.write(&self.platform, self.readers, &self.budget, deadline)
    }

    #[inline(always)]
    fn write_guard(&self) -> RwLockWriteGuard<'_, 'm, T, P> {
        RwLockWriteGuard { lock: self, panicking: self.platform.panicking(), here: PhantomData }
    }

    /// Declares the data consistent, whatever happened to former writers: see [`RwLockWriteGuard::mark_consistent`].
    pub fn clear_poison(&self) {
        self.words.turnstile().clear();
    }

    /// Whether a writer died or panicked, and nobody has declared the data consistent since. A snapshot.
    pub fn is_poisoned(&self) -> bool {
        !self.words.turnstile().condition().is_clean()
    }
}

impl<'m, T, P> RwLock<'m, T, P> {
    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Another handle of the same lock. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> RwLock<'m, T, Q> {
        let budget = SpinBudget::new(&platform);
        RwLock { words: self.words, readers: self.readers, data: self.data, platform, budget }
    }
}

impl<T, P: Platform> RwLock<'_, T, P> {
    #[inline(always)]
    fn assert_here(&self) {
        assert!(self.platform.is_here(), "the lock's guard came through fork: its memory is not in this process");
    }
}

/// Holds a read lock; gives access to the data; gives it back when dropped.
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockReadGuard<'g, 'm, T, P: Platform> {
    lock: &'g RwLock<'m, T, P>,
}

/// Holds the write lock; gives access to the data; gives it back when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the lock as poisoned.
#[must_use = "the lock is released when this is dropped"]
pub struct RwLockWriteGuard<'g, 'm, T, P: Platform> {
    lock: &'g RwLock<'m, T, P>,
    panicking: bool,
    /// Not Send: the lock knows its holder's thread.
    here: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: Pod + Sync, P: Platform + Sync> Sync for RwLockWriteGuard<'_, '_, T, P> {}

impl<'g, 'm, T: Pod, P: Platform> RwLockWriteGuard<'g, 'm, T, P> {
    /// Turns the write lock into a read lock: no other writer gets in between. Never waits.
    pub fn downgrade(guard: Self) -> Result<RwLockReadGuard<'g, 'm, T, P>, Refused> {
        let lock = ManuallyDrop::new(guard).lock;
        if lock.platform.is_here() {
            lock.words.downgrade(&lock.platform, lock.readers)?;
        }
        Ok(RwLockReadGuard { lock })
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    pub fn mark_consistent(&self) {
        if self.lock.platform.is_here() {
            self.lock.words.turnstile().clear();
        }
    }
}

impl<T: Pod, P: Platform> Deref for RwLockReadGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.lock.assert_here();
        // SAFETY: in range and aligned (`over`); any bits are a T (Pod); with the read lock nobody writes.
        unsafe { self.lock.data.as_ref() }
    }
}

impl<T: Pod, P: Platform> Deref for RwLockWriteGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.lock.assert_here();
        // SAFETY: as above, with the write lock.
        unsafe { self.lock.data.as_ref() }
    }
}

impl<T: Pod, P: Platform> DerefMut for RwLockWriteGuard<'_, '_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.lock.assert_here();
        let mut data = self.lock.data;
        // SAFETY: as above; with the write lock nobody else reads or writes, and this guard is borrowed mutably.
        unsafe { data.as_mut() }
    }
}

impl<T, P: Platform> Drop for RwLockReadGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        let RwLock { words, readers, platform, .. } = self.lock;
        if platform.is_here() {
            words.unlock_read(platform, readers);
        }
    }
}

impl<T, P: Platform> Drop for RwLockWriteGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        let RwLock { words, platform, .. } = self.lock;
        if !platform.is_here() {
            return;
        }
        if !self.panicking && platform.panicking() {
            words.turnstile().poison();
        }
        words.unlock_write(platform);
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for RwLockReadGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lock.platform.is_here() { (**self).fmt(f) } else { f.write_str("RwLockReadGuard(..)") }
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for RwLockWriteGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lock.platform.is_here() { (**self).fmt(f) } else { f.write_str("RwLockWriteGuard(..)") }
    }
}
