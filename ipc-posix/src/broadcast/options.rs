//! Finding or creating a broadcast in a region.

use std::marker::PhantomData;

use ipc_core::broadcast::{Policy, footprint};
use ipc_core::memory::Memory;
use ipc_core::object::{Kind, Shape, ShapeError};

use super::handle::Broadcast;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// A builder: what a broadcast should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct BroadcastOptions<'r, T> {
    region: &'r Region,
    name: String,
    capacity: u64,
    policy: Option<Policy>,
    schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<'r, T> BroadcastOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        BroadcastOptions { region, name: name.to_owned(), capacity: 0, policy: None, schema: 0, element: PhantomData }
    }

    /// How many messages are kept: any number from 1. Creators must say it; an opener who says it insists on it.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages as u64;
        self
    }

    /// Publishers never wait; a subscriber that is too slow learns how many messages it missed. The default for creators; an opener
    /// who says it insists on it.
    pub fn overwrite(mut self) -> Self {
        self.policy = Some(Policy::Overwrite);
        self
    }

    /// Publishers wait for the slowest living subscriber, and there are at most so many. An opener who says it insists on it.
    pub fn wait_for_subscribers(mut self, most: u32) -> Self {
        self.policy = Some(Policy::Wait { subscribers: most });
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Size and alignment are always compared;
    /// this tells apart what only looks alike. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    fn new_policy(&self) -> Policy {
        self.policy.unwrap_or(Policy::Overwrite)
    }

    builder_ends!(Broadcast<T>, Broadcast::new);
}

impl<T> Blueprint for BroadcastOptions<'_, T> {
    type Core = ipc_core::Broadcast<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Broadcast, self.capacity, self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        if self.capacity == 0 {
            return Err(ObjectErrorKind::NoCapacity);
        }
        let impossible = ShapeError::Capacity { wanted: self.capacity };
        footprint::<T>(self.capacity, self.new_policy()).ok_or(ObjectErrorKind::Directory(impossible.into()))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::Broadcast::create(memory, self.capacity, self.new_policy(), self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::Broadcast::attach(memory, self.policy, self.schema, membership)
    }
}
