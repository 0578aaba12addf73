//! A reader-writer lock around a slice whose length is chosen at run time.

use bytemuck::Pod;

use super::handle::{RwLock, accepts, lay};
use super::words::{self, Layout, Words};
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Initial, Kind, Schema, Shape, ShapeError, Zeroes, has_schema,
};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a reader-writer lock around a slice should be like.
#[derive(Clone, Copy, Debug)]
pub struct SliceOptions<I> {
    /// How many elements there are; 0: not said.
    pub len: u64,
    /// The elements of a new lock: a value, or [`Zeroes`].
    pub initial: I,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    /// How many participants a new lock has counters for.
    pub participants: u32,
}

impl<T: Pod> SliceOptions<Zeroes<T>> {
    /// A lock of zeroes for *n* participants.
    pub fn new(participants: u32) -> Self {
        SliceOptions { len: 0, initial: Zeroes::new(), schema: Schema::NONE, participants }
    }
}

impl<I, H> Builder<'_, SliceOptions<I>, H> {
    /// Sets how many elements there are: at most 2³² - 1. A creator must set it. An opener that sets it gets an error if it differs.
    pub fn len(mut self, elements: usize) -> Self {
        self.wanted.len = elements as u64;
        self
    }
}

impl<'r, I: Initial, H> Builder<'r, SliceOptions<I>, H> {
    /// Sets the value of each element of a new lock. A lock that exists keeps its own. Default: zeroes.
    pub fn initial(self, value: I::Value) -> Builder<'r, SliceOptions<I::Value>, H> {
        self.map(|wanted| {
            let SliceOptions { len, schema, participants, .. } = wanted;
            SliceOptions { len, initial: value, schema, participants }
        })
    }
}

has_schema!(SliceOptions<I>.schema);

/// The number of elements, if there can be as many.
const fn possible(len: u64) -> Option<u32> {
    if len == 0 || len > u32::MAX as u64 { None } else { Some(len as u32) }
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: Pod>> Blueprint for SliceOptions<I> {
    const KIND: Kind = Kind::RwLock;
    type Object = Words;
    type Handle<'m, P: Platform> = RwLock<'m, [I::Value], P>;

    fn shape(&self) -> Shape {
        // The capacity's place is the number of participants, and any will do.
        Shape::of::<I::Value>(Kind::RwLock, 0, self.schema)
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
        Ok((
            Shape::of::<I::Value>(Kind::RwLock, participants.into(), self.schema),
            Layout::of::<I::Value>(len, participants),
        ))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller has the memory to itself.
        unsafe { lay::<[I::Value]>(memory, layout, self.initial.value()?) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        layout: &Layout,
        platform: P,
    ) -> Result<RwLock<'m, [I::Value], P>, ShapeError> {
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
