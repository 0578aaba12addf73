//! Finding or creating a reader-writer lock in a region.

use bytemuck::Pod;
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};
use ipc_core::rwlock::footprint;

use super::handle::RwLock;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a reader-writer lock should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct RwLockOptions<'r, T> {
    region: &'r Region,
    name: String,
    schema: u64,
    initial: T,
}

impl<'r, T: Pod> RwLockOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        RwLockOptions { region, name: name.to_owned(), schema: 0, initial: T::zeroed() }
    }

    /// The data of a new lock. Default: zeroes.
    pub fn initial(mut self, value: T) -> Self {
        self.initial = value;
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Size and alignment are always compared;
    /// this tells apart what only looks alike. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(RwLock<T>, RwLock::new);
}

impl<T: Pod> RwLockOptions<'_, T> {
    /// A new lock has a counter for everybody who can have the region open at once.
    fn participants(&self) -> u32 {
        self.region.membership().view().records().len() as u32
    }
}

impl<T: Pod> Blueprint for RwLockOptions<'_, T> {
    type Core = ipc_core::RwLock<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(0, self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(footprint::<T>(self.participants()))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.initial, self.participants(), self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}
