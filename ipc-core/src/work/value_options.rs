//! What a work queue of values should be like: what its queue of bytes should be like, and a type.

use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::byte_handle::ByteOptions;
use super::geometry::Geometry;
use super::settings::setters;
use super::values::ValueWorkQueue;
use super::words::Words;
#[cfg(feature = "cbor")]
use crate::bytes::CBOR;
use crate::bytes::POSTCARD;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Kind, Shape, ShapeError, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a work queue of values should be like.
#[derive(Clone, Copy, Debug)]
pub struct ValueOptions<T> {
    bytes: ByteOptions,
    /// `None`: that of the queue that is found.
    format: Option<u32>,
    values: PhantomData<fn(T) -> T>,
}

impl<T> ValueOptions<T> {
    /// A queue of values over such a queue of bytes.
    pub const fn new(bytes: ByteOptions) -> Self {
        ValueOptions { bytes, format: Some(POSTCARD), values: PhantomData }
    }

    /// To open a queue of values in whatever format it has.
    pub(crate) fn of_any_format() -> Self {
        ValueOptions { format: None, ..Self::default() }
    }
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        Self::new(ByteOptions::new(0, 0))
    }
}

setters!(ValueOptions<T>.bytes.jobs, ValueLease);

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes a job may take at most, as it is written. An opener that sets it gets an error if it differs. Default, also for 0:
    /// 1024.
    ///
    /// Each job takes up that much memory, rounded up to 64 bytes, whatever its length.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.bytes.max_len = bytes as u64;
        self
    }

    /// Sets how many bytes an [answer](super::ValueLease::reply) may take at most, as it is written. Default for creators: 0. An opener that
    /// sets it gets an error if it differs.
    ///
    /// Each job takes up that much more memory, rounded up to 64 bytes.
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.wanted.bytes.max_reply = Some(bytes as u64);
        self
    }
}

#[cfg(feature = "cbor")]
impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Writes values in a format that describes itself, [CBOR](https://www.rfc-editor.org/rfc/rfc8949). Every opener must set it, too: one
    /// that does not, or alone does, gets an error that says so. Default: postcard. See
    /// [`ValueQueue`](crate::bytes::ValueQueue#what-does-not-work) for what arrives in which format.
    #[doc(alias = "cbor")]
    pub fn self_describing(mut self) -> Self {
        self.wanted.format = Some(CBOR);
        self
    }
}

has_schema!(ValueOptions<T>.bytes.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: Serialize + DeserializeOwned> Blueprint for ValueOptions<T> {
    const KIND: Kind = Kind::ByteWorkQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueWorkQueue<'m, T, P>;

    fn shape(&self) -> Shape {
        self.bytes.shape().with_type::<T>(&self.bytes.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        self.bytes.accepts(found)?;
        match self.format {
            Some(wanted) if wanted != found.format => {
                Err(ShapeError::Differs { field: Field::Format, wanted: wanted.into(), found: found.format.into() })
            }
            _ => Ok(()),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let (shape, mut geometry) = self.bytes.complete()?;
        let shape = shape.with_type::<T>(&self.bytes.schema);
        geometry.format = self.format.unwrap_or(POSTCARD);
        Ok((shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, now: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.lay(memory, geometry, now) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry,
        platform: P,
    ) -> Result<ValueWorkQueue<'m, T, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.handle(memory, geometry, platform) }.map(ValueWorkQueue::new)
    }
}
