//! The array's handle.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::words::{self, Geometry, Words};
use super::{Element, Iter};
use crate::atomic::{Value, Word};
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;
use crate::wait::{HasWaitStrategy, WaitStrategy};

/// What an array should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<T> {
    /// How many elements there are; 0: not said.
    pub len: u64,
    /// The value of each element of a new array.
    pub initial: T,
    /// The users' own number for the meaning of the elements.
    pub schema: Schema,
}

impl<T: Value> Options<T> {
    /// An array of this many elements, all 0 or `false`.
    pub fn new(len: u64) -> Self {
        Options { len, initial: T::default(), schema: Schema::NONE }
    }
}

impl<T: Value, H> Builder<'_, Options<T>, H> {
    /// Sets how many elements there are. A creator must set it. An opener that sets it gets an error if it differs.
    #[doc(alias = "capacity")]
    pub fn len(mut self, elements: usize) -> Self {
        self.wanted.len = elements as u64;
        self
    }

    /// Sets the value of each element of a new array. An array that exists keeps its own. Default: 0 or `false`.
    pub fn initial(mut self, value: T) -> Self {
        self.wanted.initial = value;
        self
    }
}

has_schema!(Options<T: Value>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled. `accepts` compares the
// type, which tells the size of an element.
unsafe impl<T: Value> Blueprint for Options<T> {
    const KIND: Kind = Kind::Array;
    type Object = Words;
    type Handle<'m, P: Platform> = Array<'m, T, P>;

    fn shape(&self) -> Shape {
        // The type, which the object's own words say, tells the size.
        Shape::untyped::<()>(Kind::Array, self.len, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let (wanted, found) = (T::FORM, found.form);
        if wanted == found { Ok(()) } else { Err(ShapeError::Differs { field: Field::Type, wanted, found }) }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        match self.len {
            0 => Err(ShapeError::Unsaid),
            len => Geometry::new(T::FORM, len).map(|geometry| (self.shape(), geometry)),
        }
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { words::lay(memory, geometry, self.initial) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry,
        platform: P,
    ) -> Result<Array<'m, T, P>, ShapeError> {
        // SAFETY: the caller vouches for the object and its sizes, and `accepts` or `complete` for the type.
        let elements = unsafe { words::elements::<T>(memory, geometry)? };
        Ok(Array { elements, platform })
    }
}

/// An array of numbers or flags between processes, whose length is chosen at run time: integers and floats of 8 to 64 bits, or
/// `bool`. Python's `Array` without its lock, and `SharedMemory.buf` for plain words.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// # let workers = std::env::args().count() + 3;
/// let done = region.array::<u32>("done").len(workers).open_or_create()?;
/// // Each worker counts in an element of its own, in whatever process:
/// done.at(2).fetch_add(1)?;
/// // Anybody can look, without a lock.
/// assert_eq!(done.get(2), Some(1));
/// assert_eq!(done.iter().sum::<u32>(), 1);
///
/// let samples = region.array::<f64>("samples").len(100).initial(0.5).open_or_create()?;
/// samples.copy_from_slice(10, &[1.0, 2.0, 3.0])?;
/// let mut some = [0.0; 3];
/// samples.copy_to_slice(9, &mut some)?;
/// assert_eq!(some, [0.5, 1.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Guarantees
///
/// - Each element is atomic: it is read and written whole, and [`at`](Self::at) has the operations of the standard library's atomics.
/// - A load that sees a value sees everything that the author of that value did before.
/// - Nothing holds for several elements together. A copy reads or writes one after the other, and other processes may write in
///   between. For elements that belong together use a `mutex`, an `rwlock` or a `watch`.
/// - A killed process has written an element or not. There is nothing to repair, and no other process waits. Of a `fill` or a
///   `copy_from_slice` it has written the first elements, and the others are as they were.
/// - Loads and stores are wait-free. No operation blocks or makes a system call, so the
///   [`wait_strategy`](Builder::wait_strategy) has no effect.
///
/// To be woken by a change, use an `atomic` or `event` beside the array:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let frame = region.array::<u8>("frame").len(1920 * 3).open_or_create()?;
/// let number = region.counter("number of the frame").open_or_create()?;
/// frame.fill(0xff)?;
/// number.fetch_add(1)?;
///
/// // A process that sees the number sees the frame, or what was written later.
/// number.wait_until(|number| number >= 1)?;
/// assert_eq!(frame.get(0), Some(0xff));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// What returns a `Result` returns [`Fault::Forked`] in a child after `fork`, and no other error.
#[doc(alias = "SharedMemory")]
#[doc(alias = "ShareableList")]
#[doc(alias = "AtomicArray")]
pub struct Array<'m, T: Value, P> {
    elements: &'m [T::Word],
    platform: P,
}

handle!(Array<T: Value>, "array");

/// Nothing waits.
impl<T: Value, P> HasWaitStrategy for Array<'_, T, P> {
    fn wait_strategy(&self) -> WaitStrategy {
        WaitStrategy::Adaptive
    }

    fn set_wait_strategy(&self, _: WaitStrategy) {}
}

impl<T: Value, P> Array<'_, T, P> {
    /// Returns the bytes that an array of this length takes in a region.
    ///
    /// # Panics
    ///
    /// If the length is 0 or larger than an address space.
    pub const fn footprint(len: usize) -> Footprint {
        match Geometry::new(T::FORM, len as u64) {
            Ok(geometry) => Footprint(geometry.bytes()),
            Err(_) => panic!("an array's length is at least 1 and fits the address space"),
        }
    }

    /// Returns how many elements there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Returns whether there are no elements: never.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
}

impl<'m, T: Value, P: Platform> Array<'m, T, P> {
    fn another(&self, platform: P) -> Self {
        Array { elements: self.elements, platform }
    }

    /// Returns the value of an element; `None` past the end. One load.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        self.platform.assert_here();
        self.elements.get(index).map(|word| T::from_bits(word.load_acquire()))
    }

    /// Stores a value in an element. One store.
    ///
    /// # Panics
    ///
    /// If there is none of this index.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[track_caller]
    pub fn set(&self, index: usize, value: T) -> Result<(), Fault> {
        self.at(index).store(value)
    }

    /// Returns a view of an element, with the operations of the standard library's atomics.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let seats = region.array::<bool>("seats").len(40).create()?;
    /// // Taken by one, however many try.
    /// assert_eq!(seats.at(7).swap(true)?, false);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If there is none of this index.
    #[inline]
    #[track_caller]
    pub fn at(&self, index: usize) -> Element<'_, T, P> {
        let Some(word) = self.elements.get(index) else { outside(index, index, self.len()) };
        Element { word, platform: &self.platform }
    }

    /// Returns the values of all elements, one after the other.
    ///
    /// # Panics
    ///
    /// Each step of the iterator, in a child after `fork`.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T, P> {
        Iter { words: self.elements.iter(), platform: &self.platform }
    }

    /// Stores `value` in all elements, one after the other.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fill(&self, value: T) -> Result<(), Fault> {
        self.here()?;
        self.elements.iter().for_each(|word| word.store_release(value.into_bits()));
        Ok(())
    }

    /// Copies as many elements as `out` has, from `start` on, one after the other.
    ///
    /// # Panics
    ///
    /// If the array ends before `out`.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[track_caller]
    pub fn copy_to_slice(&self, start: usize, out: &mut [T]) -> Result<(), Fault> {
        let part = self.part(start, out.len());
        self.here()?;
        words::load_all(part, out);
        Ok(())
    }

    /// Stores `values` in the elements from `start` on, one after the other.
    ///
    /// # Panics
    ///
    /// If the array ends before `values`.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[track_caller]
    pub fn copy_from_slice(&self, start: usize, values: &[T]) -> Result<(), Fault> {
        let part = self.part(start, values.len());
        self.here()?;
        words::store_all(values, part);
        Ok(())
    }

    /// Copies all elements into memory of their own.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let samples = region.array::<u16>("samples").len(3).create()?;
    /// samples.set(1, 500)?;
    /// assert_eq!(samples.to_vec(), [0, 500, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        self.iter().collect()
    }

    /// The words of this many elements.
    #[inline(always)]
    #[track_caller]
    fn part(&self, start: usize, len: usize) -> &'m [T::Word] {
        let end = start.saturating_add(len);
        let Some(words) = self.elements.get(start..end) else { outside(start, end, self.len()) };
        words
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn outside(start: usize, end: usize, len: usize) -> ! {
    if start == end { panic!("element {start} of {len}") } else { panic!("elements {start}..{end} of {len}") }
}

impl<'a, T: Value, P: Platform> IntoIterator for &'a Array<'_, T, P> {
    type Item = T;
    type IntoIter = Iter<'a, T, P>;

    fn into_iter(self) -> Iter<'a, T, P> {
        self.iter()
    }
}
