//! The vector's handle.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::marker::PhantomData;

use super::guard::VectorGuard;
use super::held::Held;
use super::words::{Geometry, View, Words};
use crate::error::{PushError, TryWriteError, WriteError, WriteTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, HEADER_BYTES, Kind, Schema, Shape, ShapeError, VectorElement, handle, has_schema,
    of_view,
};
use crate::place::Place;
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a vector should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options<T> {
    /// How many elements fit; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    elements: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A vector for this many elements.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, elements: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many elements fit. A creator must set it. An opener that sets it gets an error if it differs. A vector takes twice the bytes
    /// of its elements, and a place that was never written takes no memory yet.
    pub fn capacity(mut self, elements: usize) -> Self {
        self.wanted.capacity = elements as u64;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: VectorElement> Blueprint for Options<T> {
    const KIND: Kind = Kind::Vector;
    type Object = Words;
    type Handle<'m, P: Platform> = Vector<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Vector, self.capacity, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let impossible = match self.capacity {
            0 => ShapeError::Unsaid,
            wanted => ShapeError::Capacity { wanted },
        };
        Ok((self.shape(), Geometry::of::<T>(self.capacity).ok_or(impossible)?))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new()) }.ok_or(ShapeError::Missing)?;
        let (starts, bytes) = geometry.areas();
        for start in starts {
            let start = memory.pointer(start, bytes).ok_or(ShapeError::Missing)?;
            // No element is read before it is written.
            // SAFETY: in range (`pointer`), aligned (`Geometry`); the caller's promise.
            unsafe { Place::<[T]>::create(start, 0, None) };
        }
        Ok(())
    }

    of_view!(Vector<'m, T, P>: |_, view, geometry, platform| Vector::over(view, geometry, platform));
}

/// A vector between processes, of a fixed capacity: what `Vec` is in one process, and Python's `Manager().list()` without the manager.
///
/// Elements are plain data, [`Pod`](bytemuck::Pod): numbers, arrays of them, and structs that derive it. They are copied in and out, except
/// under a [`lock`](Self::lock), which lends them out as a slice.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let temperatures = region.vector::<f64>("temperatures").capacity(1000).open_or_create()?;
/// temperatures.push(20.5)?;
/// temperatures.extend_from_slice(&[22.0, 19.0])?;
/// temperatures.update(1, |value| *value += 0.5)?;
/// assert_eq!((temperatures.get(1)?, temperatures.get(3)?), (Some(22.5), None));
/// temperatures.sort_unstable_by(f64::total_cmp)?;
/// assert_eq!(temperatures.lock()?[..], [19.0, 20.5, 22.5]);
/// assert_eq!((temperatures.pop()?, temperatures.len()), (Some(22.5), 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Elements that go, move, or are copied out:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let line = region.vector::<u32>("line").capacity(10).create()?;
/// line.extend_from_slice(&[5, 6, 7, 8, 9, 10])?;
/// line.set(0, 50)?;
/// line.swap(0, 1)?;
/// assert_eq!((line.remove(2)?, line.swap_remove(0)?), (Some(7), Some(6)));
/// assert_eq!(line.to_vec()?, [10, 50, 8, 9]);
/// line.sort_unstable_by_key(|number| number % 10)?;
/// line.retain(|number| number % 2 == 0)?;
/// line.truncate(2)?;
/// let mut copy = [0; 8];
/// assert_eq!((line.read(1, &mut copy)?, copy[0]), (1, line.get(1)?.unwrap()));
/// line.clear()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Guarantees
///
/// - Each operation is one step: no other one comes between its parts. So `update(0, |n| *n += 1)` by two processes loses nothing, unlike
///   `l[0] += 1` in Python.
/// - A process that is killed at any instruction leaves the vector as it was or as it should be, also in the middle of a sort or of an
///   insertion, and under a [`lock`](Self::lock) with several changes. The lock goes to the next caller: at once, or, if it was
///   waiting, within some 12 ms after the kernel has released the dead process's memory.
/// - What is full returns an error, with the value and the capacity in it. No operation waits for room or for an element.
/// - All operations but [`len`](Self::len) and [`is_empty`](Self::is_empty) take turns under a robust lock, with their closures. A process
///   that is stopped inside one of them holds up the others.
/// - While no thread sleeps, no operation makes a system call.
///
/// An index is an element's until another process inserts or removes one in front of it: several operations on the same indices belong under
/// one `lock`. The closures run under the lock: they should be short. If one panics, nothing has changed. One that uses the same vector gets
/// [`Deadlock`](WriteError::Deadlock).
///
/// # Cost
///
/// [`push`](Self::push), [`pop`](Self::pop) and [`get`](Self::get) copy one element, [`set`](Self::set), [`update`](Self::update),
/// [`swap`](Self::swap) and [`swap_remove`](Self::swap_remove) a few. [`insert`](Self::insert) and [`remove`](Self::remove) copy
/// those behind the place twice. What changes all elements, a sort or [`retain`](Self::retain), copies all of them to memory of the process's
/// own, and back; in `ipc-core` without `alloc` they stay in the region, and the closure must not return in a child that it has made by
/// `fork`. The lock costs some 20 ns if nobody else wants it.
///
/// After `fork`, the child's handle returns [`Fault::Forked`](crate::Fault::Forked).
#[doc(alias = "Vec")]
#[doc(alias = "list")]
pub struct Vector<'m, T, P> {
    pub(super) words: &'m Words,
    pub(super) areas: [Place<[T]>; 2],
    capacity: usize,
    budget: SpinBudget,
    platform: P,
    elements: PhantomData<T>,
}

// SAFETY: the elements are reached under the lock only, by one thread at a time; the rest is atomics.
unsafe impl<T: Send, P: Send> Send for Vector<'_, T, P> {}
// SAFETY: as above.
unsafe impl<T: Send, P: Sync> Sync for Vector<'_, T, P> {}

handle!(Vector<T: VectorElement>, "vector", self => self.budget);

impl<T, P> Vector<'_, T, P> {
    /// Returns the bytes that a vector with this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0, or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::of::<T>(capacity as u64) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a vector's capacity is at least 1 and fits the address space"),
        }
    }

    /// Returns how many elements fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<'m, T: VectorElement, P: Platform> Vector<'m, T, P> {
    fn over((words, memory): View<'m>, geometry: &Geometry, platform: P) -> Self {
        let (starts, bytes) = geometry.areas();
        let areas = starts.map(|start| {
            let start = memory.pointer(start, bytes).expect("an object's length is checked before it is viewed");
            // SAFETY: in range (`pointer`) and aligned (`Geometry`, and memory is to more); only the lock's holder uses it.
            unsafe { Place::at(start, geometry.capacity) }
        });
        let (capacity, budget) = (geometry.capacity, SpinBudget::new(&platform));
        Vector { words, areas, capacity, budget, platform, elements: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        let Vector { words, areas, capacity, .. } = *self;
        Vector { words, areas, capacity, budget: SpinBudget::new(&platform), platform, elements: PhantomData }
    }

    /// Returns how many elements there are: exact at an instant of the call, also after a process was killed in the middle of a change. Takes
    /// no lock: one load.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        // Acquire: who learns a length sees what its author did before.
        let len = self.words.state(Ordering::Acquire).len();
        // More than fit is what no correct peer writes.
        usize::try_from(len).unwrap_or(usize::MAX).min(self.capacity)
    }

    /// Returns whether there are no elements: exact at an instant of the call.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a value behind the last one. Blocks while another thread holds the lock; never waits for room.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// use ipc_posix::PushError;
    /// # let region = Region::options().anonymous()?;
    /// let two = region.vector::<u8>("two").capacity(2).create()?;
    /// assert_eq!((two.push(1), two.push(2), two.push(3)), (Ok(()), Ok(()), Err(PushError::Full(3, 2))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Full`](PushError::Full), with the value and the capacity. [`Deadlock`](PushError::Deadlock) from inside of a closure, or while this
    /// thread holds a [`lock`](Self::lock).
    #[doc(alias = "append")]
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        match self.hold() {
            Ok(mut held) => held.extend(core::slice::from_ref(&value)).ok_or(PushError::Full(value, self.capacity)),
            Err(error) => Err(PushError::of(value, error)),
        }
    }

    /// Puts all of these behind the last one, in one step, or none of them if there is not enough room.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push).
    #[doc(alias = "extend")]
    #[inline]
    pub fn extend_from_slice(&self, values: &[T]) -> Result<(), PushError<()>> {
        let mut held = self.hold().map_err(|error| PushError::of((), error))?;
        held.extend(values).ok_or(PushError::Full((), self.capacity))
    }

    /// Takes the last element off and returns it; `None` if there is none. A process that is killed in it has taken the element or not.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn pop(&self) -> Result<Option<T>, WriteError> {
        Ok(self.hold()?.pop())
    }

    /// Returns a copy of an element; `None` if there is none with this index.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn get(&self, index: usize) -> Result<Option<T>, WriteError> {
        Ok(self.hold()?.get(index))
    }

    /// Copies as many elements as there are from `start` on, and as `out` takes, and returns how many that are: all as they are at one time.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[doc(alias = "copy_to_slice")]
    pub fn read(&self, start: usize, out: &mut [T]) -> Result<usize, WriteError> {
        let held = self.hold()?;
        let count = held.len.saturating_sub(start).min(out.len());
        Ok(held.elements().read(start, &mut out[..count]).map_or(0, |()| count))
    }

    /// Copies all elements into memory of their own: all as they are at one time.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<Vec<T>, WriteError> {
        Ok(self.lock()?.to_vec())
    }

    /// Replaces an element and returns the one before; `None`, and nothing has changed, if there is none with this index.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn set(&self, index: usize, value: T) -> Result<Option<T>, WriteError> {
        Ok(self.hold()?.set(index, &value))
    }

    /// Changes an element and returns the one before; `None`, and `change` is not called, if there is none with this index. If `change`
    /// panics, nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[doc(alias = "get_mut")]
    #[inline]
    pub fn update(&self, index: usize, change: impl FnOnce(&mut T)) -> Result<Option<T>, WriteError> {
        let mut held = self.hold()?;
        let Some(mut value) = held.get(index) else { return Ok(None) };
        change(&mut value);
        // The closure may have called `fork`.
        self.here()?;
        let old = held.set(index, &value);
        held.give_back();
        Ok(old)
    }

    /// Exchanges two elements. Returns whether there are both; nothing has changed if not.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn swap(&self, a: usize, b: usize) -> Result<bool, WriteError> {
        Ok(self.hold()?.swap(a, b).is_some())
    }

    /// Puts a value in front of the element with this index, or behind the last one. Those behind it move.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push), and [`OutOfBounds`](PushError::OutOfBounds), with the value and the length.
    #[inline]
    pub fn insert(&self, index: usize, value: T) -> Result<(), PushError<T>> {
        match self.hold() {
            Ok(held) if index > held.len => Err(PushError::OutOfBounds(value, held.len)),
            Ok(mut held) => held.insert(index, &value).ok_or(PushError::Full(value, self.capacity)),
            Err(error) => Err(PushError::of(value, error)),
        }
    }

    /// Takes an element out and returns it. Those behind it move up. `None` if there is none with this index.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn remove(&self, index: usize) -> Result<Option<T>, WriteError> {
        Ok(self.hold()?.remove(index))
    }

    /// Takes an element out, puts the last one in its place, and returns it. `None` if there is none with this index.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn swap_remove(&self, index: usize) -> Result<Option<T>, WriteError> {
        Ok(self.hold()?.swap_remove(index))
    }

    /// Takes all elements off but the first `len` ones. Does nothing if there are not more.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[inline]
    pub fn truncate(&self, len: usize) -> Result<(), WriteError> {
        let mut held = self.hold()?;
        if len < held.len {
            held.resize(len);
        }
        Ok(())
    }

    /// Takes all elements off.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    pub fn clear(&self) -> Result<(), WriteError> {
        self.truncate(0)
    }

    /// Locks the vector: lends the elements out as a slice, and makes all changes through the guard count in one step, when it is
    /// dropped. Blocks while another thread holds the lock. See [`VectorGuard`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let line = region.vector::<u32>("line").capacity(10).create()?;
    /// line.extend_from_slice(&[4, 8, 6])?;
    /// for place in line.lock()?.iter_mut() {
    ///     *place /= 2;
    /// } // killed before this: 4, 8, 6
    /// assert_eq!(line.lock()?.iter().max(), Some(&4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) if this thread holds the lock already.
    #[doc(alias = "iter")]
    #[inline]
    pub fn lock(&self) -> Result<VectorGuard<'_, 'm, T, P>, WriteError> {
        self.hold().map(VectorGuard::new)
    }

    /// Locks the vector as [`lock`](Self::lock) does, unless another thread has it. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock).
    pub fn try_lock(&self) -> Result<VectorGuard<'_, 'm, T, P>, TryWriteError> {
        self.here()?;
        let turn = self.words.lock.try_turn(&self.platform).map_err(TryWriteError::refused)?;
        Ok(VectorGuard::new(Held::new(self, turn)?))
    }

    timed! {
        lock_timeout, lock_deadline, lock, "Locks the vector",
        [&self] limit [] -> Result<VectorGuard<'_, 'm, T, P>, WriteTimeoutError> { self.hold_within(limit).map(VectorGuard::new) }
    }

    #[inline(always)]
    pub(super) fn hold(&self) -> Result<Held<'_, 'm, T, P>, WriteError> {
        self.hold_within(&Limit::Forever).map_err(WriteTimeoutError::endless)
    }

    #[inline(always)]
    fn hold_within(&self, limit: &Limit<P::Deadline>) -> Result<Held<'_, 'm, T, P>, WriteTimeoutError> {
        self.here()?;
        let turn = self.words.lock.turn(&self.platform, &self.budget, limit).map_err(WriteTimeoutError::refused)?;
        Ok(Held::new(self, turn)?)
    }
}
