//! A mutex around a slice whose length is chosen at run time.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use bytemuck::Pod;

use super::handle::{Locked, LockedInTime, Mutex, lay};
use super::words::{Intent, Layout, Words};
use crate::error::{Fault, LockError, LockTimeoutError, TryLockError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, Initial, Kind, Schema, Shape, ShapeError, Zeroes, has_schema, of_view,
};
use crate::place::Lent;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// What a mutex around a slice should be like.
#[derive(Clone, Copy, Debug)]
pub struct SliceOptions<I> {
    /// How many elements there are; 0: not said.
    pub len: u64,
    /// The elements of a new mutex: a value, or [`Zeroes`].
    pub initial: I,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
}

impl<T: Pod> Default for SliceOptions<Zeroes<T>> {
    fn default() -> Self {
        SliceOptions { len: 0, initial: Zeroes::new(), schema: Schema::NONE }
    }
}

impl<I, H> Builder<'_, SliceOptions<I>, H> {
    /// Sets how many elements there are. A creator must set it. An opener that sets it gets an error if it differs.
    pub fn len(mut self, elements: usize) -> Self {
        self.wanted.len = elements as u64;
        self
    }
}

impl<'r, I: Initial, H> Builder<'r, SliceOptions<I>, H> {
    /// Sets the value of each element of a new mutex. A mutex that exists keeps its own. Default: zeroes.
    pub fn initial(self, value: I::Value) -> Builder<'r, SliceOptions<I::Value>, H> {
        self.map(|wanted| SliceOptions { len: wanted.len, initial: value, schema: wanted.schema })
    }
}

has_schema!(SliceOptions<I>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: Pod>> Blueprint for SliceOptions<I> {
    const KIND: Kind = Kind::Mutex;
    type Object = Words;
    type Handle<'m, P: Platform> = Mutex<'m, [I::Value], P>;

    fn shape(&self) -> Shape {
        Shape::of::<I::Value>(Kind::Mutex, self.len, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        let impossible = match self.len {
            0 => ShapeError::Unsaid,
            wanted => ShapeError::Capacity { wanted },
        };
        Ok((self.shape(), Layout::of_slice::<I::Value>(self.len).ok_or(impossible)?))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { lay::<[I::Value]>(memory, layout, self.initial.value()?) }
    }

    of_view!(Mutex<'m, [I::Value], P>: |_, view, layout, platform| Mutex::over(view, layout, platform));
}

impl<T: Pod, P> Mutex<'_, [T], P> {
    /// The bytes that a mutex around this many `T` takes in a region.
    ///
    /// # Panics
    ///
    /// If the length is 0, or the elements fit no address space.
    pub const fn slice_footprint(len: usize) -> Footprint {
        match Layout::of_slice::<T>(len as u64) {
            Some(layout) => Footprint(layout.end),
            None => panic!("a mutex is around one element at least, and they fit an address space"),
        }
    }

    /// How many elements there are. It is fixed at the creation, so no lock is needed.
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    pub fn len(&self) -> usize {
        self.copies[0].len()
    }
}

impl<'m, T: Pod, P: Platform> Mutex<'m, [T], P> {
    /// Takes the lock for a transaction: changes count once they are [committed](SliceTransaction::commit), by one store. A holder that
    /// dies in a transaction leaves the last committed elements and no mark, so that nobody needs to repair anything.
    ///
    /// The changes are made in a second place in the region, into which all elements are copied here.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let accounts = region.mutex_array::<i64>("accounts").len(1000).initial(100).create()?;
    /// let mut change = accounts.lock_transaction().unwrap();
    /// change[3] -= 30;
    /// change[7] += 30; // killed before the next line: nobody has lost 30
    /// change.commit()?;
    /// assert_eq!(accounts.lock().unwrap()[7], 130);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock): the marks are those of holders that worked in place.
    pub fn lock_transaction(&self) -> Locked<SliceTransaction<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::Transaction, &Limit::Forever).map_err(LockError::refused)?;
        condition.judge(SliceTransaction::new(self), LockError::suspect)
    }

    /// Takes the lock for a transaction if it is free or its holder is dead. Never waits, as [`try_lock`](Self::try_lock).
    ///
    /// # Errors
    ///
    /// Those of [`try_lock`](Self::try_lock).
    pub fn try_lock_transaction(
        &self,
    ) -> Result<SliceTransaction<'_, 'm, T, P>, TryLockError<SliceTransaction<'_, 'm, T, P>>> {
        self.here()?;
        let condition = self.try_acquire(Intent::Transaction).map_err(TryLockError::refused)?;
        condition.judge(SliceTransaction::new(self), TryLockError::suspect)
    }

    timed! {
        lock_transaction_timeout, lock_transaction_deadline, lock_transaction, "Takes the lock for a transaction",
        [&self] limit [] -> LockedInTime<SliceTransaction<'_, 'm, T, P>> { self.slice_transaction_within(limit) }
    }

    fn slice_transaction_within(&self, limit: &Limit<P::Deadline>) -> LockedInTime<SliceTransaction<'_, 'm, T, P>> {
        self.here()?;
        let condition = self.acquire(Intent::Transaction, limit).map_err(LockTimeoutError::refused)?;
        condition.judge(SliceTransaction::new(self), LockTimeoutError::suspect)
    }
}

/// One of the two copies, with the elements of the other one. The caller has the lock.
fn copied<T: Pod, P>(mutex: &Mutex<'_, [T], P>, to: usize, from: &Lent<[T]>) -> Lent<[T]> {
    let mut elements = mutex.copies[to].lend();
    // SAFETY: under the lock, and no guard is there but the caller's transaction, which is in this call.
    unsafe { elements.copy_from(from) };
    elements
}

/// Holds a [`Mutex`] around a slice, and changes that do not count yet. [`commit`](Self::commit) makes them count; dropped without it,
/// nothing has happened.
///
/// The elements are those of a second place in the region: as with a [`MutexGuard`](super::MutexGuard), every process that writes to the
/// region has to keep to the lock. In a child after `fork` they are not there, and a transaction panics when it is asked for them.
///
/// What is stored in between counts, and the transaction goes on:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let counts = region.mutex_array::<u32>("counts").len(100).create()?;
/// let mut change = counts.lock_transaction().unwrap();
/// change.mark_consistent()?; // if a holder had died before
/// change[7] = 1;
/// change.store()?;
/// change[8] = 1;
/// drop(change); // not committed
/// assert_eq!(counts.lock().unwrap()[7..9], [1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the lock is released when this is dropped, and only `commit` changes anything"]
pub struct SliceTransaction<'g, 'm, T: Pod, P: Platform> {
    mutex: &'g Mutex<'m, [T], P>,
    /// Which of the two copies is changed.
    to: usize,
    /// Given back before the lock is.
    elements: ManuallyDrop<Lent<[T]>>,
    /// Not Send: the lock knows its holder's thread.
    here: PhantomData<*const ()>,
}

// SAFETY: a shared transaction gives `&[T]` only.
unsafe impl<T: Pod + Sync, P: Platform + Sync> Sync for SliceTransaction<'_, '_, T, P> {}

impl<'g, 'm, T: Pod, P: Platform> SliceTransaction<'g, 'm, T, P> {
    /// The caller has the lock.
    fn new(mutex: &'g Mutex<'m, [T], P>) -> Self {
        let to = 1 - mutex.words.versions.current();
        let elements = copied(mutex, to, &mutex.copies[1 - to].lend());
        SliceTransaction { mutex, to, elements: ManuallyDrop::new(elements), here: PhantomData }
    }

    /// Makes the changes count, in one step, and unlocks.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`]: the transaction came through fork. Nothing changes; the lock is the parent's.
    pub fn commit(self) -> Result<(), Fault> {
        self.mutex.here()?;
        self.mutex.words.versions.switch(self.to);
        Ok(())
    }

    /// Makes the changes so far count, in one step, and keeps the lock. Copies all elements once more.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn store(&mut self) -> Result<(), Fault> {
        self.mutex.here()?;
        self.mutex.words.versions.switch(self.to);
        let to = 1 - self.to;
        *self.elements = copied(self.mutex, to, &self.elements);
        self.to = to;
        Ok(())
    }

    /// Declares the data consistent, as [`MutexGuard::mark_consistent`](super::MutexGuard::mark_consistent).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn mark_consistent(&self) -> Result<(), Fault> {
        self.mutex.clear_poison()
    }
}

impl<T: Pod, P: Platform> Deref for SliceTransaction<'_, '_, T, P> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.mutex.platform.assert_here();
        // SAFETY: in range and aligned (`over`); any bits are a T (Pod); this has the lock, so that nobody writes (the contract of `Mutex`
        // for those who do not keep to it).
        unsafe { self.elements.get() }
    }
}

impl<T: Pod, P: Platform> DerefMut for SliceTransaction<'_, '_, T, P> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.mutex.platform.assert_here();
        // SAFETY: as above, and this is borrowed mutably: nobody else in this process has a reference.
        unsafe { self.elements.get_mut() }
    }
}

impl<T: Pod, P: Platform> Drop for SliceTransaction<'_, '_, T, P> {
    fn drop(&mut self) {
        let Mutex { words, platform, .. } = self.mutex;
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.elements) };
        if platform.is_here() {
            words.raw.unlock(platform);
        }
    }
}

impl<T: Pod + fmt::Debug, P: Platform> fmt::Debug for SliceTransaction<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mutex.platform.is_here() { (**self).fmt(f) } else { f.write_str("SliceTransaction(..)") }
    }
}
