//! Finding or creating a byte queue in a region.

use ipc_core::bytes::footprint;
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use super::handle::ByteQueue;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a byte queue should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct ByteQueueOptions<'r> {
    region: &'r Region,
    name: String,
    capacity: u64,
    schema: u64,
}

impl<'r> ByteQueueOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        ByteQueueOptions { region, name: name.to_owned(), capacity: 0, schema: 0 }
    }

    /// How many bytes a single message may have at most; shorter ones fit accordingly more often, each with 8 bytes and padding to 8
    /// on top. Creators must say it; an opener who says it insists on it. The memory is that of the next power of two.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes as u64;
        self
    }

    /// A number of your own for the meaning of the bytes, compared at every open. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(ByteQueue, ByteQueue::new);
}

impl Blueprint for ByteQueueOptions<'_> {
    type Core = ipc_core::ByteQueue<'static, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.capacity, self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        if self.capacity == 0 {
            return Err(ObjectErrorKind::NoCapacity);
        }
        let impossible = ShapeError::Capacity { wanted: self.capacity };
        footprint(self.capacity).ok_or(ObjectErrorKind::Directory(impossible.into()))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::ByteQueue::create(memory, self.capacity, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::ByteQueue::attach(memory, self.schema, membership)
    }
}
