//! A part of the ring, written or read in place.

use core::fmt;

use bytemuck::{AnyBitPattern, NoUninit};

use crate::error::Fault;
use crate::here::Here;
use crate::platform::Platform;
#[cfg(not(loom))]
use crate::shared_slice::{SharedSlice, SharedSliceMut};

use super::lane::Lane;
use super::{Consumer, Producer, Words};

/// Free places of the ring. Nothing is sent until [`commit`](Self::commit). Made by [`Producer::try_write_chunk`] and its kin.
///
/// As up to two slices, since the room may go over the ring's end:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let samples = region.spsc::<u32>("samples").capacity(4).create()?;
/// let (mut producer, mut consumer) = (samples.producer()?, samples.consumer()?);
/// let mut chunk = producer.write_chunk(3)?;
/// chunk.slices().0.copy_from_slice(&[1, 2, 3]);
/// chunk.commit(3)?;
///
/// let chunk = consumer.read_chunk(10)?;
/// let (first, rest) = chunk.slices();
/// assert_eq!((first.get(0), first.len(), rest.len()), (Some(1), 3, 0));
/// assert_eq!(chunk.get(2), Some(3));
/// chunk.commit(3)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is sent until `commit`"]
pub struct WriteChunk<'c, 'm, T, P: Platform, W: Lane = &'m Words> {
    end: &'c mut Producer<'m, T, P, W>,
    len: usize,
}

/// Elements of the ring. None is received until [`commit`](Self::commit). Made by [`Consumer::try_read_chunk`] and its kin.
#[must_use = "nothing is received until `commit`"]
pub struct ReadChunk<'c, 'm, T, P: Platform, W: Lane = &'m Words> {
    end: &'c mut Consumer<'m, T, P, W>,
    len: usize,
}

// The elements are not touched.
impl<T, P: Platform, W: Lane> fmt::Debug for WriteChunk<'_, '_, T, P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T, P: Platform, W: Lane> fmt::Debug for ReadChunk<'_, '_, T, P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'c, 'm, T, P: Platform, W: Lane> WriteChunk<'c, 'm, T, P, W> {
    pub(super) fn new(end: &'c mut Producer<'m, T, P, W>, len: usize) -> Self {
        WriteChunk { end, len }
    }

    /// How many places there are: at least one, unless none was asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The places in their order: those before the array's end, and those from its start, which may be none.
    #[cfg(not(loom))]
    pub fn slices(&mut self) -> (SharedSliceMut<'_, T, P>, SharedSliceMut<'_, T, P>) {
        let (slots, at, platform) = (self.end.held.view.slots, self.end.tail, &self.end.held.platform);
        let before_end = slots.before_end(at, self.len);
        // SAFETY: free places, which are the producer's until it commits. It is borrowed for the chunk, and the chunk for the slices.
        unsafe {
            let behind = slots.place(at.wrapping_add(before_end as u64));
            let first = SharedSliceMut::new(slots.place(at), before_end, platform);
            (first, SharedSliceMut::new(behind, self.len - before_end, platform))
        }
    }
}

impl<T: NoUninit, P: Platform, W: Lane> WriteChunk<'_, '_, T, P, W> {
    /// Writes one element.
    ///
    /// # Panics
    ///
    /// If there is no place of this index; in a child after `fork`.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) {
        self.end.held.platform.assert_here();
        assert!(index < self.len, "place {index} of {}", self.len);
        self.end.held.view.slots.write(self.end.tail.wrapping_add(index as u64), &value);
    }

    /// Sends the first `count` places as they are now, all at once, and wakes the consumer once. The others stay free.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    ///
    /// # Panics
    ///
    /// If there are fewer than `count`.
    pub fn commit(self, count: usize) -> Result<(), Fault> {
        assert!(count <= self.len, "{count} of {} places", self.len);
        self.end.held.platform.here()?;
        if count != 0 {
            self.end.publish(count as u64);
        }
        Ok(())
    }
}

impl<'c, 'm, T, P: Platform, W: Lane> ReadChunk<'c, 'm, T, P, W> {
    pub(super) fn new(end: &'c mut Consumer<'m, T, P, W>, len: usize) -> Self {
        ReadChunk { end, len }
    }

    /// How many elements there are: at least one, unless none was asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements in their order: those before the array's end, and those from its start, which may be none.
    #[cfg(not(loom))]
    pub fn slices(&self) -> (SharedSlice<'_, T, P>, SharedSlice<'_, T, P>) {
        let (slots, at, platform) = (self.end.held.view.slots, self.end.head, &self.end.held.platform);
        let before_end = slots.before_end(at, self.len);
        // SAFETY: elements that are the consumer's until it commits. It is borrowed for the chunk, and the chunk for the slices.
        unsafe {
            let behind = slots.place(at.wrapping_add(before_end as u64));
            let first = SharedSlice::new(slots.place(at), before_end, platform);
            (first, SharedSlice::new(behind, self.len - before_end, platform))
        }
    }

    /// Gives the first `count` places back, all at once, and wakes the producer once. The other elements stay.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    ///
    /// # Panics
    ///
    /// If there are fewer than `count`.
    pub fn commit(self, count: usize) -> Result<(), Fault> {
        assert!(count <= self.len, "{count} of {} elements", self.len);
        self.end.held.platform.here()?;
        if count != 0 {
            self.end.free(count as u64);
        }
        Ok(())
    }
}

impl<T: AnyBitPattern, P: Platform, W: Lane> ReadChunk<'_, '_, T, P, W> {
    /// Returns a copy of one element; `None` past the end.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        self.end.held.platform.assert_here();
        (index < self.len).then(|| self.read(index))
    }

    /// Returns copies of the elements, one after the other.
    ///
    /// # Panics
    ///
    /// Each step of the iterator, in a child after `fork`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> {
        (0..self.len).map(|index| {
            self.end.held.platform.assert_here();
            self.read(index)
        })
    }

    /// One of the elements, in memory that is here.
    #[inline(always)]
    fn read(&self, index: usize) -> T {
        // SAFETY: initialised, and any bits are a T.
        unsafe { self.end.held.view.slots.copied(self.end.head.wrapping_add(index as u64)).assume_init() }
    }
}
