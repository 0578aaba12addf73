//! A part of the ring, written or read in place.

use core::fmt;

use bytemuck::{AnyBitPattern, CheckedBitPattern, NoUninit};

use crate::platform::Platform;
use crate::shared_slice::{SharedSlice, SharedSliceMut};
use crate::slots::Slots;

use super::{Consumer, Producer};

/// An end of a queue, as far as a chunk needs it.
pub(super) trait Commit {
    /// Hands so many elements to the other end.
    fn commit(&mut self, count: u64);
}

impl<T: NoUninit, P: Platform> Commit for Producer<'_, T, P> {
    fn commit(&mut self, count: u64) {
        self.publish(count);
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Commit for Consumer<'_, T, P> {
    fn commit(&mut self, count: u64) {
        self.free(count);
    }
}

/// Free places of the ring in one or two pieces. Nothing is sent until [`commit`](Self::commit).
pub struct WriteChunk<'c, T> {
    end: &'c mut dyn Commit,
    first: SharedSliceMut<'c, T>,
    second: SharedSliceMut<'c, T>,
}

/// Elements of the ring in one or two pieces. None is received until [`commit`](Self::commit).
pub struct ReadChunk<'c, T> {
    end: &'c mut dyn Commit,
    first: SharedSlice<'c, T>,
    second: SharedSlice<'c, T>,
}

// The elements are not touched.
impl<T> fmt::Debug for WriteChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ReadChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<'c, T> WriteChunk<'c, T> {
    pub(super) fn new(end: &'c mut dyn Commit, slots: Slots<'_, T>, at: u64, count: usize) -> Self {
        let before_end = slots.before_end(at, count);
        // SAFETY: `count` free places from `at` on, which are the producer's until it commits; it is borrowed.
        let (first, second) = unsafe {
            let behind = slots.place(at.wrapping_add(before_end as u64));
            (SharedSliceMut::new(slots.place(at), before_end), SharedSliceMut::new(behind, count - before_end))
        };
        WriteChunk { end, first, second }
    }

    /// How many places there are: at least one.
    pub fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// Whether there is none. There is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places in their order: those before the array's end, and those from its start, which may be none.
    pub fn slices(&mut self) -> (SharedSliceMut<'_, T>, SharedSliceMut<'_, T>) {
        (self.first.reborrow(), self.second.reborrow())
    }

    /// Sends the first `count` places as they are now, all at once, and wakes the consumer once. The others stay free.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn commit(self, count: usize) {
        assert!(count <= self.len(), "{count} of {} places", self.len());
        if count != 0 {
            self.end.commit(count as u64);
        }
    }
}

impl<T: NoUninit> WriteChunk<'_, T> {
    /// Writes one element.
    ///
    /// # Panics
    ///
    /// If there is no place of this index.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) {
        match index.checked_sub(self.first.len()) {
            None => self.first.set(index, value),
            Some(index) => self.second.set(index, value),
        }
    }
}

impl<'c, T> ReadChunk<'c, T> {
    pub(super) fn new(end: &'c mut dyn Commit, slots: Slots<'_, T>, at: u64, count: usize) -> Self {
        let before_end = slots.before_end(at, count);
        // SAFETY: `count` elements from `at` on, which are the consumer's until it commits; it is borrowed.
        let (first, second) = unsafe {
            let behind = slots.place(at.wrapping_add(before_end as u64));
            (SharedSlice::new(slots.place(at), before_end), SharedSlice::new(behind, count - before_end))
        };
        ReadChunk { end, first, second }
    }

    /// How many elements there are: at least one.
    pub fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// Whether there is none. There is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in their order: those before the array's end, and those from its start, which may be none.
    pub fn slices(&self) -> (SharedSlice<'_, T>, SharedSlice<'_, T>) {
        (self.first, self.second)
    }

    /// Gives the first `count` places back, all at once, and wakes the producer once. The other elements stay.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn commit(self, count: usize) {
        assert!(count <= self.len(), "{count} of {} elements", self.len());
        if count != 0 {
            self.end.commit(count as u64);
        }
    }
}

impl<T: AnyBitPattern> ReadChunk<'_, T> {
    /// A copy of one element; `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        match index.checked_sub(self.first.len()) {
            None => self.first.get(index),
            Some(index) => self.second.get(index),
        }
    }

    /// Copies of the elements, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        self.first.iter().chain(self.second.iter())
    }
}
