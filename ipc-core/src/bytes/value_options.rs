//! What a queue of values should be like: what its queue of bytes should be like, and a type.

use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Options;
use super::values::ValueQueue;
use super::words::Words;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Geometry, Kind, Shape, ShapeError, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;

/// A type whose values a `ValueQueue` can carry: every owned type of serde, [`Serialize`] + [`DeserializeOwned`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of this queue, which writes and reads types of serde",
    label = "not serde's `Serialize` and `DeserializeOwned`",
    note = "derive `Serialize` and `Deserialize`; a type that borrows, such as `&str`, is sent as the owned one, such as `String`",
    note = "for bytes that you write yourself, use `region.byte_queue`"
)]
pub trait QueuedValue: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> QueuedValue for T {}

/// What a queue of values should be like.
#[derive(Clone, Copy, Debug)]
pub struct ValueOptions<T> {
    bytes: Options,
    values: PhantomData<fn(T) -> T>,
}

impl<T> ValueOptions<T> {
    /// A queue of values over such a queue of bytes.
    pub const fn new(bytes: Options) -> Self {
        ValueOptions { bytes, values: PhantomData }
    }
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        Self::new(Options::new(0))
    }
}

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes a single value may take at most, as it is written. A creator must set it. An opener that sets it gets an
    /// error if it differs.
    ///
    /// Of shorter values more fit: each takes 8 bytes more than its length, rounded up to 8. The memory is that of the next power of
    /// two.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.wanted.bytes.capacity = bytes as u64;
        self
    }
}

has_schema!(ValueOptions<T>.bytes.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: Serialize + DeserializeOwned> Blueprint for ValueOptions<T> {
    const KIND: Kind = Kind::ByteQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueQueue<'m, T, P>;

    fn shape(&self) -> Shape {
        self.bytes.shape()
    }

    fn complete(&self) -> Result<(Shape, Geometry<Self>), ShapeError> {
        self.bytes.complete()
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry<Self>, now: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.lay(memory, geometry, now) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry<Self>,
        platform: P,
    ) -> Result<ValueQueue<'m, T, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.handle(memory, geometry, platform) }.map(ValueQueue::new)
    }
}
