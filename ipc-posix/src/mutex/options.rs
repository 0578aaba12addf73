//! Finding or creating a mutex in a region.

use bytemuck::Pod;
use ipc_core::memory::Memory;
use ipc_core::mutex::footprint;
use ipc_core::object::{Shape, ShapeError};

use super::handle::Mutex;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a mutex should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct MutexOptions<'r, T> {
    region: &'r Region,
    name: String,
    schema: u64,
    initial: T,
}

impl<'r, T: Pod> MutexOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        MutexOptions { region, name: name.to_owned(), schema: 0, initial: T::zeroed() }
    }

    /// The data of a new mutex. Default: zeroes.
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

    builder_ends!(Mutex<T>, Mutex::new);
}

impl<T: Pod> Blueprint for MutexOptions<'_, T> {
    type Core = ipc_core::Mutex<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(footprint::<T>())
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.initial, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}
