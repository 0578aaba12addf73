//! The reader-writer lock's handle.

use core::marker::PhantomData;

use bytemuck::Pod;

use super::guard::{RwLockReadGuard, RwLockWriteGuard};
use super::words::{self, Layout, View, Words};
use crate::error::{Fault, LockError, LockTimeoutError, Refused, TryLockError};
use crate::here::Here;
use crate::memory::Memory;
use crate::mutex::Condition;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Guarded, Initial, Kind, Object, Schema, Shape, ShapeError, Zeroes, handle,
    has_schema,
};
use crate::participant::ParticipantId;
use crate::place::Place;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a reader-writer lock should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options<I> {
    /// The data of a new lock: a value, or [`Zeroes`].
    pub initial: I,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    /// How many participants a new lock has counters for.
    pub participants: u32,
}

impl<T: Pod> Options<Zeroes<T>> {
    /// A lock of zeroes for *n* participants.
    pub fn new(participants: u32) -> Self {
        Options { initial: Zeroes::new(), schema: Schema::NONE, participants }
    }
}

impl<'r, I: Initial, H> Builder<'r, Options<I>, H> {
    /// Sets the data of a new lock. A lock that exists keeps its own. Default: zeroes, which no value on the stack is needed for.
    pub fn initial(self, value: I::Value) -> Builder<'r, Options<I::Value>, H> {
        self.map(|wanted| Options { initial: value, schema: wanted.schema, participants: wanted.participants })
    }
}

has_schema!(Options<I>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: Pod>> Blueprint for Options<I> {
    const KIND: Kind = Kind::RwLock;
    type Object = Words;
    type Handle<'m, P: Platform> = RwLock<'m, I::Value, P>;

    fn shape(&self) -> Shape {
        // The capacity's place is the number of participants, and any will do.
        Shape::of::<I::Value>(Kind::RwLock, 0, self.schema)
    }

    fn accepts(&self, layout: &Layout) -> Result<(), ShapeError> {
        accepts(1, layout)
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        let participants = words::possible(self.participants.into())?;
        Ok((
            Shape::of::<I::Value>(Kind::RwLock, participants.into(), self.schema),
            Layout::of::<I::Value>(1, participants),
        ))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller has the memory to itself.
        unsafe { lay::<I::Value>(memory, layout, self.initial.value()?) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        layout: &Layout,
        platform: P,
    ) -> Result<RwLock<'m, I::Value, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { RwLock::over(memory, layout, platform) }
    }
}

/// Compares the number of elements with what is wanted; 0 means any.
pub(super) fn accepts(wanted: u64, layout: &Layout) -> Result<(), ShapeError> {
    let found = layout.len.into();
    if wanted == 0 || wanted == found {
        return Ok(());
    }
    Err(ShapeError::Differs { field: Field::Elements, wanted, found })
}

/// Writes an unlocked lock with this value, or with a slice whose elements are all this value; without a value, with zeroes.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay<T: ?Sized + Guarded>(
    memory: Memory<'_>,
    layout: &Layout,
    value: Option<&T::Element>,
) -> Result<(), ShapeError> {
    // SAFETY: the caller has the memory to itself.
    unsafe { View::lay(memory, layout)? };
    let start = memory.pointer(layout.data as usize, layout.bytes as usize).ok_or(ShapeError::Missing)?;
    // SAFETY: in range (`pointer`), aligned (`Layout`); the caller has the memory to itself.
    unsafe { Place::<T>::create(start, layout.len as usize, value) };
    Ok(())
}

/// What locking gives: the guard, or in the error, if something has happened to a former writer.
type Locked<G> = Result<G, LockError<G>>;
/// The result of a lock with a time limit.
type LockedInTime<G> = Result<G, LockTimeoutError<G>>;

/// A lock with data between processes, for one writer or many readers: what [`std::sync::RwLock`] is between threads, and it
/// survives the death of any of them.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let limits = region.rwlock::<[u32; 2]>("limits").initial([10, 20]).open_or_create()?;
/// {
///     let (one, other) = (limits.read().unwrap(), limits.read().unwrap()); // at once
///     assert_eq!(one[0] + other[1], 30);
/// }
/// limits.write().unwrap()[1] = 25;
/// assert_eq!(limits.read().unwrap()[1], 25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Deaths
///
/// A reader that is killed leaves nothing: a writer that waits for it notices within some 12 ms after the kernel has
/// released the dead process's memory, one that comes later at once.
/// A writer that is killed before it has the data to itself leaves nothing either. A writer that is killed later leaves a
/// mark: readers and writers get their guard inside [`LockError::OwnerDied`], until a writer has repaired the data and
/// [says so](RwLockWriteGuard::mark_consistent).
///
/// # Costs and fairness
///
/// While there is no writer, a read lock is two read-modify-writes on a line that no other process writes, and no system call;
/// processes do not slow each other down. A write lock loads the counter of every process that ever read. A new lock takes 64
/// bytes of the region for each process that can be attached at once (`RegionOptions::participants`).
///
/// A waiting writer keeps new readers out. Readers that were kept out queue with the writers. No order is promised. It follows
/// that a thread must not ask for a second read lock while it holds one: it might wait for a writer that waits for it. A thread that
/// holds a read guard and asks for the write lock waits for itself, for ever. (Both hold for std's, too.)
///
/// # Trust
///
/// As with [`Mutex`](crate::Mutex), the guards' references are sound if every process that writes to the region keeps to the
/// lock. [`Watch`](crate::watch) hands out copies, and its readers never wait.
///
/// After `fork`, the child's handle answers with [`Fault::Forked`](crate::Fault::Forked).
#[doc(alias = "pthread_rwlock")]
#[doc(alias = "shared_mutex")]
pub struct RwLock<'m, T: ?Sized, P> {
    pub(super) view: View<'m>,
    pub(super) data: Place<T>,
    pub(super) platform: P,
    budget: SpinBudget,
    element: PhantomData<T>,
}

// SAFETY: the data are reached under the lock only: by one thread with the write lock, or by many that only read; the rest
// is atomics.
unsafe impl<T: ?Sized + Send, P: Send> Send for RwLock<'_, T, P> {}
// SAFETY: as above; readers in several threads have `&T` at once.
unsafe impl<T: ?Sized + Send + Sync, P: Sync> Sync for RwLock<'_, T, P> {}

/// A snapshot of a lock's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Read locks that are held. Those of a dead process count until a writer has to wait for them.
    pub readers: u64,
    /// The participant that writes or waits for the readers to leave, dead or alive. For an instant it may be one that begins to read.
    pub writer: Option<ParticipantId>,
    /// Whether a writer died, and nobody has declared the data consistent since.
    pub owner_died: bool,
    /// Whether a writer panicked, and nobody has declared the data consistent since.
    pub poisoned: bool,
}

handle!(RwLock<T: ?Sized + Guarded>, "lock", self => self.budget);

impl<T, P> RwLock<'_, T, P> {
    /// The bytes that a lock of `T` takes in a region to which at most `participants` processes are attached at once.
    pub const fn footprint(participants: u32) -> Footprint {
        Footprint(Layout::of::<T>(1, participants).end)
    }
}

impl<'m, T: ?Sized + Guarded, P: Platform> RwLock<'m, T, P> {
    /// # Safety
    ///
    /// A lock of these sizes lies in `memory`, around a `T`.
    pub(super) unsafe fn over(memory: Memory<'m>, layout: &Layout, platform: P) -> Result<Self, ShapeError> {
        // SAFETY: the caller vouches for the object.
        let view = unsafe { Words::view(memory, layout)? };
        let start = memory.pointer(layout.data as usize, layout.bytes as usize).ok_or(ShapeError::Missing)?;
        // SAFETY: in range (`pointer`), aligned (`Layout`, and memory is to more); the data are reached under the lock only.
        let data = unsafe { Place::at(start, layout.len as usize) };
        Ok(RwLock { view, data, budget: SpinBudget::new(&platform), platform, element: PhantomData })
    }

    fn another(&self, platform: P) -> Self {
        let RwLock { view, data, .. } = *self;
        RwLock { view, data, budget: SpinBudget::new(&platform), platform, element: PhantomData }
    }

    /// Takes a read lock. Blocks while a writer has the lock or waits for it. Any number of readers have one at once.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside;
    /// [`Deadlock`](LockError::Deadlock) if this thread has the write lock already.
    #[inline]
    pub fn read(&self) -> Locked<RwLockReadGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire_read(&Limit::Forever).map_err(LockError::refused)?;
        condition.judge(self.read_guard(), LockError::suspect)
    }

    /// Takes a read lock if no living writer has the lock or waits for it. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, 'm, T, P>, TryLockError<RwLockReadGuard<'_, 'm, T, P>>> {
        self.here()?;
        let condition = self.view.try_read(&self.platform).map_err(TryLockError::refused)?;
        condition.judge(self.read_guard(), TryLockError::suspect)
    }

    timed! {
        read_timeout, read_deadline, read, "Takes a read lock",
        [&self] limit [] -> LockedInTime<RwLockReadGuard<'_, 'm, T, P>> { self.read_within(limit) }
    }

    fn read_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<RwLockReadGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire_read(limit).map_err(LockTimeoutError::refused)?;
        condition.judge(self.read_guard(), LockTimeoutError::suspect)
    }

    /// Takes the write lock. Blocks until other writers and all readers have left.
    ///
    /// # Errors
    ///
    /// [`OwnerDied`](LockError::OwnerDied) and [`Poisoned`](LockError::Poisoned) with the guard inside;
    /// [`Deadlock`](LockError::Deadlock) if this thread has the write lock already.
    #[inline]
    pub fn write(&self) -> Locked<RwLockWriteGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire_write(&Limit::Forever).map_err(LockError::refused)?;
        condition.judge(self.write_guard(), LockError::suspect)
    }

    /// Takes the write lock if no living process has the lock or reads. Never waits; if one has, a system call or two find out
    /// whether it lives.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryLockError::WouldBlock); [`OwnerDied`](TryLockError::OwnerDied) and
    /// [`Poisoned`](TryLockError::Poisoned) with the guard inside.
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, 'm, T, P>, TryLockError<RwLockWriteGuard<'_, 'm, T, P>>> {
        self.here()?;
        let condition = self.view.try_write(&self.platform).map_err(TryLockError::refused)?;
        condition.judge(self.write_guard(), TryLockError::suspect)
    }

    timed! {
        write_timeout, write_deadline, write, "Takes the write lock",
        [&self] limit [] -> LockedInTime<RwLockWriteGuard<'_, 'm, T, P>> { self.write_within(limit) }
    }

    fn write_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<RwLockWriteGuard<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire_write(limit).map_err(LockTimeoutError::refused)?;
        condition.judge(self.write_guard(), LockTimeoutError::suspect)
    }

    /// Returns whether a writer died or panicked, and nobody has declared the data consistent since. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.platform.assert_here();
        self.view.words.turnstile.condition() != Condition::CLEAN
    }

    /// Returns who reads and writes, and what became of former writers. A snapshot that loads a word of each participant.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let table = region.rwlock::<u64>("table").create()?;
    /// let readers = (table.read().unwrap(), table.read().unwrap());
    /// assert_eq!((table.stats().readers, table.stats().writer), (2, None));
    /// # drop(readers);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        let turnstile = &self.view.words.turnstile;
        let condition = turnstile.condition();
        Stats {
            readers: self.view.reads(),
            writer: turnstile.owner(),
            owner_died: condition.owner_died(),
            poisoned: condition.poisoned(),
        }
    }

    /// Declares the data consistent, whatever happened to former writers. [`RwLockWriteGuard::mark_consistent`] does it with
    /// the lock held.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// use ipc_posix::{LockError, RwLockWriteGuard};
    ///
    /// let limits = region.rwlock::<[u32; 2]>("limits").create()?;
    /// # let other = limits.clone();
    /// # std::thread::spawn(move || { let _guard = other.write().unwrap(); std::panic::resume_unwind(Box::new(())); }).join().unwrap_err();
    /// // A thread has panicked, or a process was killed, while it wrote:
    /// let mut guard = match limits.write() {
    ///     Ok(_) => unreachable!(),
    ///     Err(LockError::Poisoned(guard) | LockError::OwnerDied(guard)) => guard,
    ///     Err(error) => return Err(error.without_guard().into()),
    /// };
    /// *guard = [10, 20];
    /// guard.mark_consistent()?; // or, later, `limits.clear_poison()?`
    /// let guard = RwLockWriteGuard::downgrade(guard)?; // no other writer comes between
    /// assert_eq!(*guard, *limits.read().unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear_poison(&self) -> Result<(), Fault> {
        self.here()?;
        self.view.words.turnstile.clear();
        Ok(())
    }

    #[inline(always)]
    fn acquire_read(&self, limit: &Limit<P::Deadline>) -> Result<Condition, Refused> {
        match self.view.read_first(&self.platform)? {
            Some(condition) => Ok(condition),
            None => self.view.read_contended(&self.platform, &self.budget, limit),
        }
    }

    #[inline(always)]
    fn acquire_write(&self, limit: &Limit<P::Deadline>) -> Result<Condition, Refused> {
        self.view.write(&self.platform, &self.budget, limit)
    }

    /// The caller has a read lock.
    #[inline(always)]
    pub(super) fn read_guard(&self) -> RwLockReadGuard<'_, 'm, T, P> {
        RwLockReadGuard::new(self, self.data.show())
    }

    /// The caller has the write lock.
    #[inline(always)]
    fn write_guard(&self) -> RwLockWriteGuard<'_, 'm, T, P> {
        RwLockWriteGuard::new(self, self.data.lend())
    }
}
