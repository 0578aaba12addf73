//! What a queue of values should be like: what its queue of bytes should be like, and a type.

use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::{Options, capacity_for};
use super::values::ValueQueue;
#[cfg(feature = "cbor")]
use super::words::CBOR;
use super::words::{POSTCARD, Words};
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Geometry, Kind, Shape, ShapeError, has_schema};
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
    /// `None`: that of the queue that is found.
    format: Option<u32>,
    values: PhantomData<fn(T) -> T>,
}

impl<T> ValueOptions<T> {
    /// A queue of values over such a queue of bytes.
    pub const fn new(bytes: Options) -> Self {
        ValueOptions { bytes, format: Some(POSTCARD), values: PhantomData }
    }

    /// To open a queue of values in whatever format it has.
    pub(crate) fn of_any_format() -> Self {
        ValueOptions { format: None, ..Self::default() }
    }
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        Self::new(Options::new(0))
    }
}

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes a single value may take at most, as it is written. An opener that sets it gets an error if it differs.
    /// Default, also for 0: some 64 KiB.
    ///
    /// Of shorter values more fit: each takes 8 bytes more than its length, rounded up to 8. The memory is that of the next power of
    /// two.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.wanted.bytes.capacity = bytes as u64;
        self
    }

    /// Sets the [capacity](Self::capacity) so that at least `count` values of `len` written bytes each fit at once. A longer
    /// one fits too, up to all of it.
    pub fn messages(mut self, count: usize, len: usize) -> Self {
        self.wanted.bytes.capacity = capacity_for(count, len);
        self
    }
}

#[cfg(feature = "cbor")]
impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Writes values in a format that describes itself, [CBOR](https://www.rfc-editor.org/rfc/rfc8949). Every opener must set it, too: one
    /// that does not, or alone does, gets an error that says so. Default: postcard. See
    /// [`ValueQueue`](ValueQueue#what-does-not-work) for what arrives in which format.
    ///
    /// Values take some times the bytes, and the time, that they take by default: each field and variant is written with its name.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// #[serde(untagged)]
    /// enum Reading {
    ///     Number(f64),
    ///     Text(String),
    /// }
    ///
    /// # let region = Region::options().anonymous()?;
    /// let readings = region.value_queue("readings").capacity(100).self_describing().create()?;
    /// readings.send(&Reading::Text("none".to_owned()))?;
    /// assert_eq!(readings.recv()?, Reading::Text("none".to_owned()));
    ///
    /// let error = region.value_queue::<Reading>("readings").open().unwrap_err();
    /// assert_eq!(error.to_string(), "byte queue \"readings\": format postcard here, CBOR in the region");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "cbor")]
    pub fn self_describing(mut self) -> Self {
        self.wanted.format = Some(CBOR);
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
        self.bytes.shape().with_type::<T>(&self.bytes.schema)
    }

    fn accepts(&self, geometry: &Geometry<Self>) -> Result<(), ShapeError> {
        match self.format {
            Some(wanted) if wanted != geometry.format => {
                Err(ShapeError::Differs { field: Field::Format, wanted: wanted.into(), found: geometry.format.into() })
            }
            _ => Ok(()),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry<Self>), ShapeError> {
        let (shape, mut geometry) = self.bytes.complete()?;
        let shape = shape.with_type::<T>(&self.bytes.schema);
        geometry.format = self.format.unwrap_or(POSTCARD);
        Ok((shape, geometry))
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
