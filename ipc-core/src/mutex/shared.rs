//! The mutex with its data, in the memory of a region.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use bytemuck::Pod;

use super::raw::{Condition, Intent, RawMutex, Refused};
use super::value::Versions;
use crate::error::{Fault, LockError, LockTimeoutError, TryLockError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::{Dead, ParticipantId};
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64};
use crate::time::Instant;
use crate::wait::SpinBudget;

/// The words. Small data follow on the same cache line.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Words {
    pub(super) raw: RawMutex,
    versions: Versions,
    /// See [`ReentrantMutex`](super::ReentrantMutex).
    pub(super) depth: AtomicU32,
}

/// Bytes from the start of the object to the end of its words.
pub(crate) const WORDS_END: usize = HEADER_BYTES + size_of::<Words>();

const fn copy_align<T>() -> usize {
    let align = align_of::<T>();
    assert!(align <= OBJECT_ALIGN, "the data of a mutex may be aligned to 128 bytes at most");
    if align < 8 { 8 } else { align }
}

const fn copy_bytes<T>() -> usize {
    payload::cells::<T>().saturating_mul(8).next_multiple_of(copy_align::<T>())
}

const fn copies_offset<T>() -> usize {
    WORDS_END.next_multiple_of(copy_align::<T>())
}

/// Bytes of a mutex of `T`.
pub const fn footprint<T>() -> u64 {
    let bytes = copies_offset::<T>() + 2 * copy_bytes::<T>();
    bytes.next_multiple_of(OBJECT_ALIGN) as u64
}

/// Repairs a mutex of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    words(memory)?.raw.sweep(dead, platform);
    Ok(())
}

fn words(memory: Memory<'_>) -> Result<&Words, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: WORDS_END as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A handle of a mutex in shared memory. See the [module](super) for what it promises.
///
/// The guards hand out plain references to the shared data: that is sound as long as every process that writes to the
/// region does so under the lock. [`lock_transaction`](Self::lock_transaction) works on a private copy and
/// asks nothing of the others.
pub struct Mutex<'m, T, P> {
    words: &'m Words,
    copies: NonNull<u8>,
    platform: P,
    budget: SpinBudget,
    data: PhantomData<T>,
}

// SAFETY: the data are reached under the lock only, by one thread at a time; the rest is atomics.
unsafe impl<T: Send, P: Send> Send for Mutex<'_, T, P> {}
// SAFETY: as above.
unsafe impl<T: Send, P: Sync> Sync for Mutex<'_, T, P> {}

// Shared memory is not touched.
impl<T, P> fmt::Debug for Mutex<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<'m, T: Pod, P: Platform> Mutex<'m, T, P> {
    /// What a mutex of `T` is compared with.
    pub const fn shape(schema: u64) -> Shape {
        Shape::of::<T>(Kind::Mutex, 1, schema)
    }

    /// Lays an unlocked mutex with this value into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, value: T, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::create_as(&Self::shape(schema), memory, value, platform)
    }

    /// The same for another kind with these words.
    pub(super) fn create_as(shape: &Shape, memory: Memory<'m>, value: T, platform: P) -> Result<Self, ShapeError> {
        let mutex = Self::over(memory, platform)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(shape, footprint::<T>());
        mutex.words.raw.initialise();
        mutex.words.versions.initialise();
        payload::store(&value, mutex.copies()[0]);
        header.publish();
        Ok(mutex)
    }

    /// A handle of the mutex that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::attach_as(&Self::shape(schema), memory, platform)
    }

    pub(super) fn attach_as(shape: &Shape, memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        object::checked(memory, shape)?;
        Self::over(memory, platform)
    }

    fn over(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: footprint::<T>(), found: memory.len() as u64 };
        let bytes = footprint::<T>() as usize - copies_offset::<T>();
        let copies = memory.pointer(copies_offset::<T>(), bytes).ok_or(too_small)?;
        let budget = SpinBudget::new(&platform);
        Ok(Mutex { words: words(memory)?, copies, platform, budget, data: PhantomData })
    }

    fn copies(&self) -> [&[AtomicU64]; 2] {
        [0, 1].map(|index| {
            // SAFETY: `over` has checked that both copies lie in the memory, which is alive for 'm and initialised;
            // they are aligned to 8; the caller has the lock (or the whole object), so there is no `&mut T` to them.
            unsafe {
                let start = self.copies.add(index * copy_bytes::<T>()).cast::<AtomicU64>();
                core::slice::from_raw_parts(start.as_ptr(), payload::cells::<T>())
            }
        })
    }

    /// Where the copy that counts is. The caller has the lock.
    fn data(&self) -> NonNull<T> {
        // SAFETY: in range, see `copies`.
        unsafe { self.copies.add(self.words.versions.current() * copy_bytes::<T>()) }.cast()
    }

    /// Takes the lock, and waits for it if it is taken.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, 'm, T, P>, LockError<MutexGuard<'_, 'm, T, P>>> {
        let condition = self.acquire(Intent::InPlace, None).map_err(LockError::refused)?;
        let guard = self.guard();
        if condition.is_clean() { Ok(guard) } else { Err(LockError::suspect(condition, guard)) }
    }

    /// Takes the lock if it is free or its holder is dead. Never waits.
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, 'm, T, P>, TryLockError<MutexGuard<'_, 'm, T, P>>> {
        let condition = self.try_acquire(Intent::InPlace).map_err(TryLockError::refused)?;
        let guard = self.guard();
        if condition.is_clean() { Ok(guard) } else { Err(TryLockError::suspect(condition, guard)) }
    }

    /// Takes the lock, and waits for it until `deadline` at most.
    #[inline]
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, 'm, T, P>, LockTimeoutError<MutexGuard<'_, 'm, T, P>>> {
        let condition = self.acquire(Intent::InPlace, Some(deadline)).map_err(LockTimeoutError::refused)?;
        let guard = self.guard();
        if condition.is_clean() { Ok(guard) } else { Err(LockTimeoutError::suspect(condition, guard)) }
    }

    /// Takes the lock for a transaction: a private copy to change, which counts once it is committed. A holder that dies
    /// in a transaction leaves the last committed value and no mark.
    pub fn lock_transaction(&self) -> Result<Transaction<'_, 'm, T, P>, LockError<Transaction<'_, 'm, T, P>>> {
        let condition = self.acquire(Intent::Transaction, None).map_err(LockError::refused)?;
        let transaction = self.transaction();
        if condition.is_clean() { Ok(transaction) } else { Err(LockError::suspect(condition, transaction)) }
    }

    /// [`lock_transaction`](Self::lock_transaction) with a deadline.
    pub fn lock_transaction_deadline(
        &self,
        deadline: Instant,
    ) -> Result<Transaction<'_, 'm, T, P>, LockTimeoutError<Transaction<'_, 'm, T, P>>> {
        let condition = self.acquire(Intent::Transaction, Some(deadline)).map_err(LockTimeoutError::refused)?;
        let transaction = self.transaction();
        if condition.is_clean() { Ok(transaction) } else { Err(LockTimeoutError::suspect(condition, transaction)) }
    }

    #[inline(always)]
    pub(super) fn try_acquire(&self, intent: Intent) -> Result<Condition, Refused> {
        if self.words.raw.lock_first(&self.platform, intent) {
            return Ok(Condition::default());
        }
        self.words.raw.try_lock(&self.platform, intent)
    }

    #[inline(always)]
    pub(super) fn acquire(&self, intent: Intent, deadline: Option<Instant>) -> Result<Condition, Refused> {
        if self.words.raw.lock_first(&self.platform, intent) {
            return Ok(Condition::default());
        }
        self.words.raw.lock_contended(&self.platform, intent, &self.budget, deadline)
    }

    #[inline(always)]
    fn guard(&self) -> MutexGuard<'_, 'm, T, P> {
        MutexGuard { mutex: self, data: self.data(), panicking: self.platform.panicking() }
    }

    fn transaction(&self) -> Transaction<'_, 'm, T, P> {
        Transaction { mutex: self, value: self.read_current(), here: PhantomData }
    }

    /// A copy of the data. The caller has the lock.
    pub(super) fn read_current(&self) -> T {
        let bytes = self.words.versions.read::<T>(self.copies());
        // SAFETY: all bytes are initialised, and any bits are a T (Pod).
        unsafe { bytes.assume_init() }
    }

    /// Replaces the data, in one step. The caller has the lock, and no reference to the data.
    pub(super) fn commit(&self, value: &T) {
        self.words.versions.commit(value, self.copies());
    }

    /// Declares the data consistent, whatever happened to former holders. Call it with the lock held, or when nobody uses
    /// the data: [`MutexGuard::mark_consistent`] is the safer form.
    pub fn clear_poison(&self) {
        self.words.raw.clear();
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot.
    pub fn is_poisoned(&self) -> bool {
        !self.words.raw.condition().is_clean()
    }

    /// Who holds the lock, dead or alive. A snapshot.
    pub fn owner(&self) -> Option<ParticipantId> {
        self.words.raw.owner()
    }

    /// Whether the lock is taken. A snapshot.
    pub fn is_locked(&self) -> bool {
        self.owner().is_some()
    }
}

impl<'m, T, P> Mutex<'m, T, P> {
    pub(super) fn words(&self) -> &'m Words {
        self.words
    }

    /// The lock's words, without the data.
    pub fn raw(&self) -> &'m RawMutex {
        &self.words.raw
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Another handle of the same mutex. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Mutex<'m, T, Q> {
        let budget = SpinBudget::new(&platform);
        Mutex { words: self.words, copies: self.copies, platform, budget, data: PhantomData }
    }
}

impl<G> LockError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Mine => LockError::Deadlock,
            Refused::Taken | Refused::Corrupted => LockError::Fault(Fault::Corrupted),
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died { LockError::OwnerDied(guard) } else { LockError::Poisoned(guard) }
    }
}

impl<G> TryLockError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Taken | Refused::Mine => TryLockError::WouldBlock,
            Refused::Corrupted => TryLockError::Fault(Fault::Corrupted),
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died { TryLockError::OwnerDied(guard) } else { TryLockError::Poisoned(guard) }
    }
}

impl<G> LockTimeoutError<G> {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Taken => LockTimeoutError::Timeout,
            Refused::Mine => LockTimeoutError::Deadlock,
            Refused::Corrupted => LockTimeoutError::Fault(Fault::Corrupted),
        }
    }

    pub(crate) fn suspect(condition: Condition, guard: G) -> Self {
        if condition.owner_died { LockTimeoutError::OwnerDied(guard) } else { LockTimeoutError::Poisoned(guard) }
    }
}

/// Holds the lock; gives access to the data; unlocks when dropped.
///
/// Dropped by a panic that began after the lock was taken, it marks the mutex as poisoned.
#[must_use = "the lock is released when this is dropped"]
pub struct MutexGuard<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    data: NonNull<T>,
    panicking: bool,
}

// SAFETY: a shared guard gives `&T` only. (It is not Send: the lock knows its holder's thread.)
unsafe impl<T: Pod + Sync, P: Platform + Sync> Sync for MutexGuard<'_, '_, T, P> {}

impl<'g, 'm, T: Pod, P: Platform> MutexGuard<'g, 'm, T, P> {
    /// The mutex that is held.
    pub fn mutex(guard: &Self) -> &'g Mutex<'m, T, P> {
        guard.mutex
    }

    /// Declares the data consistent: whoever locks from now on is not told of earlier deaths and panics.
    pub fn mark_consistent(&self) {
        self.mutex.words.raw.clear();
    }

    /// Whether the memory is still there: `false` in a child after `fork`.
    pub fn is_here(&self) -> bool {
        self.mutex.platform.is_here()
    }

    #[inline(always)]
    fn assert_here(&self) {
        assert!(self.is_here(), "the lock's guard came through fork: its memory is not in this process");
    }
}

impl<T: Pod, P: Platform> Deref for MutexGuard<'_, '_, T, P> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.assert_here();
        // SAFETY: the pointer is in range and aligned (`over`); any bits are a T (Pod); this guard has the lock, so
        // that nobody writes (the contract of `Mutex` for those who do not keep to it).
        unsafe { self.data.as_ref() }
    }
}

impl<T: Pod, P: Platform> DerefMut for MutexGuard<'_, '_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.assert_here();
        // SAFETY: as above, and this guard is borrowed mutably: nobody else in this process has a reference.
        unsafe { self.data.as_mut() }
    }
}

impl<T: Pod, P: Platform> Drop for MutexGuard<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        if !platform.is_here() {
            return;
        }
        if !self.panicking && platform.panicking() {
            words.raw.poison();
        }
        words.raw.unlock(platform);
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for MutexGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_here() { (**self).fmt(f) } else { f.write_str("MutexGuard(..)") }
    }
}

/// Holds the lock and a private copy of the data. [`commit`](Self::commit) makes the copy count; dropped without
/// it, nothing has happened.
#[must_use = "the lock is released when this is dropped, and only `commit` changes anything"]
pub struct Transaction<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, T, P>,
    value: T,
    /// Not Send: the lock knows its holder's thread.
    here: PhantomData<*const ()>,
}

// SAFETY: a shared transaction gives `&T` only.
unsafe impl<T: Pod + Sync, P: Platform + Sync> Sync for Transaction<'_, '_, T, P> {}

impl<T: Pod, P: Platform> Transaction<'_, '_, T, P> {
    /// Makes the changes count, in one step, and unlocks.
    pub fn commit(self) {
        self.store();
    }

    /// Makes the changes so far count, in one step, and keeps the lock.
    pub fn store(&self) {
        if self.mutex.platform.is_here() {
            self.mutex.commit(&self.value);
        }
    }

    /// Declares the data consistent, as [`MutexGuard::mark_consistent`].
    pub fn mark_consistent(&self) {
        if self.mutex.platform.is_here() {
            self.mutex.words.raw.clear();
        }
    }
}

impl<T: Pod, P: Platform> Deref for Transaction<'_, '_, T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Pod, P: Platform> DerefMut for Transaction<'_, '_, T, P> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Pod, P: Platform> Drop for Transaction<'_, '_, T, P> {
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        if platform.is_here() {
            words.raw.unlock(platform);
        }
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for Transaction<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
