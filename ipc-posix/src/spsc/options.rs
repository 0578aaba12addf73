//! Finding or creating a one-to-one queue in a region.

use std::marker::PhantomData;

use ipc_core::memory::Memory;
use ipc_core::object::{Kind, Shape, ShapeError};

use super::handle::Spsc;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a one-to-one queue should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct SpscOptions<'r, T> {
    region: &'r Region,
    name: String,
    capacity: u64,
    schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<'r, T> SpscOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        SpscOptions { region, name: name.to_owned(), capacity: 0, schema: 0, element: PhantomData }
    }

    /// How many elements fit: any number from 1. Creators must say it; an opener who says it insists on it.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, elements: usize) -> Self {
        self.capacity = elements as u64;
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Size and alignment are always compared;
    /// this tells apart what only looks alike. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(Spsc<T>, Spsc::new);
}

impl<T> Blueprint for SpscOptions<'_, T> {
    type Core = ipc_core::Spsc<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Spsc, self.capacity, self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        if self.capacity == 0 {
            return Err(ObjectErrorKind::NoCapacity);
        }
        let impossible = ShapeError::Capacity { wanted: self.capacity };
        ipc_core::spsc::footprint::<T>(self.capacity).ok_or(ObjectErrorKind::Directory(impossible.into()))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::Spsc::create(memory, self.capacity, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::Spsc::attach(memory, self.schema, membership)
    }
}
