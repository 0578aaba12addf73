//! Finding or creating a queue in a region.

use std::marker::PhantomData;
use std::time::Duration;

use ipc_core::object::{Kind, Shape, ShapeError};
use ipc_core::region::{DirectoryError, Name};

use super::handle::Queue;
use crate::clock;
use crate::error::{ObjectError, ObjectErrorKind};
use crate::region::Region;

/// How long a living process may hold the region's lock before an object's creation gives up. It is held for the time
/// that initialising an object takes.
const CREATE_PATIENCE: Duration = Duration::from_secs(10);

/// A builder: what a queue should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct QueueOptions<'r, T> {
    region: &'r Region,
    name: String,
    capacity: u64,
    schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<'r, T> QueueOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        QueueOptions { region, name: name.to_owned(), capacity: 0, schema: 0, element: PhantomData }
    }

    /// How many messages fit: any number from 1. Creators must say it; an opener who says it insists on it.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages as u64;
        self
    }

    /// A number of your own for the meaning of `T`, compared at every open. Size and alignment are always compared;
    /// this tells apart what only looks alike. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    fn error(&self, kind: ObjectErrorKind) -> ObjectError {
        ObjectError::new(Kind::Queue, &self.name, kind)
    }

    fn directory(&self, cause: impl Into<DirectoryError>) -> ObjectError {
        self.error(ObjectErrorKind::Directory(cause.into()))
    }

    fn find(&self, name: &Name) -> Result<Option<Queue<T>>, ObjectError> {
        let view = self.region.membership().view();
        let Some(memory) = view.directory().find(name).map_err(|cause| self.directory(cause))? else {
            return Ok(None);
        };
        let wanted = Shape::of::<T>(Kind::Queue, self.capacity, self.schema);
        let (shape, _) = ipc_core::object::ObjectHeader::at(memory)
            .ok_or(ShapeError::Missing)
            .and_then(|header| header.read())
            .map_err(|cause| self.directory(cause))?;
        shape.check(&wanted).map_err(|cause| self.directory(cause))?;
        ipc_core::Queue::attach(memory, self.schema, self.region.membership().clone())
            .map(|core| Some(Queue::new(core, self.region, &self.name)))
            .map_err(|cause| self.directory(cause))
    }

    fn ready(&self) -> Result<Name, ObjectError> {
        if !self.region.is_usable() {
            return Err(self.error(ObjectErrorKind::Forked));
        }
        Name::new(&self.name).map_err(|cause| self.directory(cause))
    }

    /// Opens the queue, which must exist. Lock-free, no system call.
    pub fn open(self) -> Result<Queue<T>, ObjectError> {
        let name = self.ready()?;
        self.find(&name)?.ok_or_else(|| self.error(ObjectErrorKind::NotFound))
    }

    /// Creates the queue, which must not exist.
    pub fn create(self) -> Result<Queue<T>, ObjectError> {
        let name = self.ready()?;
        match self.find_or_insert(&name)? {
            (queue, true) => Ok(queue),
            (_, false) => Err(self.error(ObjectErrorKind::AlreadyExists)),
        }
    }

    /// Opens the queue if it exists, creates it otherwise. Any number of processes may do so at once.
    pub fn open_or_create(self) -> Result<Queue<T>, ObjectError> {
        let name = self.ready()?;
        match self.find(&name)? {
            Some(queue) => Ok(queue),
            None => self.find_or_insert(&name).map(|(queue, _)| queue),
        }
    }

    /// Under the region's lock: the queue, and whether this call made it.
    fn find_or_insert(&self, name: &Name) -> Result<(Queue<T>, bool), ObjectError> {
        let membership = self.region.membership();
        let view = membership.view();
        let _lock = view.lock().lock_until(membership, clock::after(CREATE_PATIENCE)).map_err(|busy| {
            let record = busy.holder.and_then(|holder| view.records().get(holder.index()));
            self.error(ObjectErrorKind::Busy { pid: record.map(|record| record.info().pid) })
        })?;
        match self.find(name) {
            Ok(Some(queue)) => return Ok((queue, false)),
            Ok(None) => {}
            // The name is taken by something else: `create` says so, the others say what differs.
            Err(error) => return Err(error),
        }
        if self.capacity == 0 {
            return Err(self.error(ObjectErrorKind::NoCapacity));
        }
        let impossible = || self.directory(ShapeError::Capacity { wanted: self.capacity });
        let bytes = ipc_core::queue::layout::geometry::<T>(self.capacity)
            .map(|geometry| ipc_core::queue::layout::bytes(&geometry))
            .ok_or_else(impossible)?;
        view.directory()
            .insert(name, bytes, |memory| {
                ipc_core::Queue::create(memory, self.capacity, self.schema, membership.clone())
            })
            .map(|core| (Queue::new(core, self.region, &self.name), true))
            .map_err(|cause| self.directory(cause))
    }
}
