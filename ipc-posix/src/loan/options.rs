//! Finding or creating a loan queue in a region.

use std::marker::PhantomData;

use ipc_core::loan::footprint;
use ipc_core::memory::Memory;
use ipc_core::object::{Kind, Shape, ShapeError};

use super::handle::LoanQueue;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a loan queue should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct LoanQueueOptions<'r, T> {
    region: &'r Region,
    name: String,
    blocks: u64,
    block_len: u64,
    schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<'r, T> LoanQueueOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        LoanQueueOptions { region, name: name.to_owned(), blocks: 0, block_len: 0, schema: 0, element: PhantomData }
    }

    /// How many blocks there are: for all messages that are being written, wait in the queue, or are being read, together. Creators
    /// must say it; an opener who says it insists on it.
    #[doc(alias = "capacity")]
    pub fn blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks as u64;
        self
    }

    /// How many elements a block has: the most of one message. Default for creators: 1; an opener who says it insists on it.
    pub fn block_len(mut self, elements: usize) -> Self {
        self.block_len = elements as u64;
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Size and alignment are always compared;
    /// this tells apart what only looks alike. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(LoanQueue<T>, LoanQueue::new);
}

impl<T> Blueprint for LoanQueueOptions<'_, T> {
    type Core = ipc_core::LoanQueue<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::LoanQueue, self.blocks, self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        if self.blocks == 0 {
            return Err(ObjectErrorKind::NoCapacity);
        }
        let impossible = ShapeError::Capacity { wanted: self.blocks };
        footprint::<T>(self.blocks, self.block_len.max(1)).ok_or(ObjectErrorKind::Directory(impossible.into()))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::LoanQueue::create(memory, self.blocks, self.block_len.max(1), self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::LoanQueue::attach(memory, self.block_len, self.schema, membership)
    }
}
