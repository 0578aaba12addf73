//! A reader-writer lock around a slice whose length is chosen at run time.

use bytemuck::Pod;

use super::handle::{RwLock, accepts, lay};
use super::words::{self, Layout, Words};
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a reader-writer lock around a slice should be like.
#[derive(Clone, Copy, Debug)]
pub struct SliceOptions<T> {
    /// How many elements there are; 0: not said.
    pub len: u64,
    /// The elements of a new lock.
    pub initial: T,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    /// How many participants a new lock has counters for.
    pub participants: u32,
}

impl<T: Pod> SliceOptions<T> {
    /// A lock of zeroes for *n* participants.
    pub fn new(participants: u32) -> Self {
        SliceOptions { len: 0, initial: T::zeroed(), schema: Schema::NONE, participants }
    }
}

impl<T, H> Builder<'_, SliceOptions<T>, H> {
    /// Sets how many elements there are: at most 2³² - 1. A creator must set it. An opener that sets it gets an error if it differs.
    pub fn len(mut self, elements: usize) -> Self {
        self.wanted.len = elements as u64;
        self
    }

    /// Sets the value of each element of a new lock. A lock that exists keeps its own. Default: zeroes.
    pub fn initial(mut self, value: T) -> Self {
        self.wanted.initial = value;
        self
    }
}

has_schema!(SliceOptions<T>.schema);

/// The number of elements, if there can be as many.
const fn possible(len: u64) -> Option<u32> {
    if len == 0 || len > u32::MAX as u64 { None } else { Some(len as u32) }
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: Pod> Blueprint for SliceOptions<T> {
    const KIND: Kind = Kind::RwLock;
    type Object = Words;
    type Handle<'m, P: Platform> = RwLock<'m, [T], P>;

    fn shape(&self) -> Shape {
        // The capacity's place is the number of participants, and any will do.
        Shape::of::<T>(Kind::RwLock, 0, self.schema)
    }

    fn accepts(&self, layout: &Layout) -> Result<(), ShapeError> {
        accepts(self.len, layout)
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        let participants = words::possible(self.participants.into())?;
        let (field, most) = (Field::Elements, u32::MAX.into());
        let len = possible(self.len).ok_or(match self.len {
            0 => ShapeError::Unsaid,
            wanted => ShapeError::Impossible { field, wanted, most },
        })?;
        Ok((Shape::of::<T>(Kind::RwLock, participants.into(), self.schema), Layout::of::<T>(len, participants)))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller has the memory to itself.
        unsafe { lay::<[T]>(memory, layout, &self.initial) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        layout: &Layout,
        platform: P,
    ) -> Result<RwLock<'m, [T], P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { RwLock::over(memory, layout, platform) }
    }
}

impl<T: Pod, P> RwLock<'_, [T], P> {
    /// The bytes that a lock around this many `T` takes in a region for this number of participants.
    ///
    /// # Panics
    ///
    /// If the length is 0, or above 2³² - 1.
    pub const fn slice_footprint(len: usize, participants: u32) -> Footprint {
        match possible(len as u64) {
            Some(len) => Footprint(Layout::of::<T>(len, participants).end),
            None => panic!("a lock is around 1 to 2^32 - 1 elements"),
        }
    }

    /// How many elements there are. It is fixed at the creation, so no lock is needed.
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    pub fn len(&self) -> usize {
        self.data.len()
    }
}
