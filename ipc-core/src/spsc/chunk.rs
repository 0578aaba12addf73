//! A part of the ring, written or read in place.

use core::fmt;

use bytemuck::{AnyBitPattern, CheckedBitPattern, NoUninit};

use crate::platform::Platform;
#[cfg(not(loom))]
use crate::shared_slice::{SharedSlice, SharedSliceMut};
use crate::slots::Slots;

use super::{Consumer, Producer};

/// An end of a queue, as far as a chunk needs it.
pub(super) trait Commit {
    /// Hands `count` elements to the other end.
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

/// Free places of the ring. Nothing is sent until [`commit`](Self::commit). Made by [`Producer::try_write_chunk`] and its kin.
#[must_use = "nothing is sent until `commit`"]
pub struct WriteChunk<'c, T> {
    end: &'c mut dyn Commit,
    slots: Slots<'c, T>,
    at: u64,
    len: usize,
}

/// Elements of the ring. None is received until [`commit`](Self::commit). Made by [`Consumer::try_read_chunk`] and its kin.
#[must_use = "nothing is received until `commit`"]
pub struct ReadChunk<'c, T> {
    end: &'c mut dyn Commit,
    slots: Slots<'c, T>,
    at: u64,
    len: usize,
}

// The elements are not touched.
impl<T> fmt::Debug for WriteChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ReadChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'c, T> WriteChunk<'c, T> {
    pub(super) fn new(end: &'c mut dyn Commit, slots: Slots<'c, T>, at: u64, len: usize) -> Self {
        WriteChunk { end, slots, at, len }
    }

    /// How many places there are: at least one, unless none was asked for.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The places in their order: those before the array's end, and those from its start, which may be none.
    #[cfg(not(loom))]
    pub fn slices(&mut self) -> (SharedSliceMut<'_, T>, SharedSliceMut<'_, T>) {
        let before_end = self.slots.before_end(self.at, self.len);
        // SAFETY: free places, which are the producer's until it commits. It is borrowed for the chunk, and the chunk for the slices.
        unsafe {
            let behind = self.slots.place(self.at.wrapping_add(before_end as u64));
            let first = SharedSliceMut::new(self.slots.place(self.at), before_end);
            (first, SharedSliceMut::new(behind, self.len - before_end))
        }
    }

    /// Sends the first `count` places as they are now, all at once, and wakes the consumer once. The others stay free.
    ///
    /// # Panics
    ///
    /// If there are fewer than `count`.
    pub fn commit(self, count: usize) {
        assert!(count <= self.len, "{count} of {} places", self.len);
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
        assert!(index < self.len, "place {index} of {}", self.len);
        self.slots.write(self.at.wrapping_add(index as u64), value);
    }
}

impl<'c, T> ReadChunk<'c, T> {
    pub(super) fn new(end: &'c mut dyn Commit, slots: Slots<'c, T>, at: u64, len: usize) -> Self {
        ReadChunk { end, slots, at, len }
    }

    /// How many elements there are: at least one, unless none was asked for.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements in their order: those before the array's end, and those from its start, which may be none.
    #[cfg(not(loom))]
    pub fn slices(&self) -> (SharedSlice<'_, T>, SharedSlice<'_, T>) {
        let before_end = self.slots.before_end(self.at, self.len);
        // SAFETY: elements that are the consumer's until it commits. It is borrowed for the chunk, and the chunk for the slices.
        unsafe {
            let behind = self.slots.place(self.at.wrapping_add(before_end as u64));
            let first = SharedSlice::new(self.slots.place(self.at), before_end);
            (first, SharedSlice::new(behind, self.len - before_end))
        }
    }

    /// Gives the first `count` places back, all at once, and wakes the producer once. The other elements stay.
    ///
    /// # Panics
    ///
    /// If there are fewer than `count`.
    pub fn commit(self, count: usize) {
        assert!(count <= self.len, "{count} of {} elements", self.len);
        if count != 0 {
            self.end.commit(count as u64);
        }
    }
}

impl<T: AnyBitPattern> ReadChunk<'_, T> {
    /// A copy of one element; `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        // SAFETY: initialised, and any bits are a T.
        (index < self.len).then(|| unsafe { self.slots.read(self.at.wrapping_add(index as u64)).assume_init() })
    }

    /// Copies of the elements, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> {
        // SAFETY: initialised, and any bits are a T.
        (0..self.len).map(|index| unsafe { self.slots.read(self.at.wrapping_add(index as u64)).assume_init() })
    }
}
