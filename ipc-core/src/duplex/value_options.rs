//! What a duplex of values should be like: what its pipe should be like, and two types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use core::marker::PhantomData;

use super::frames::HEADER;
use super::handle::{Elements, Options};
use super::value_handle::ValueDuplex;
use super::values::Terms;
use super::words::{Geometry, Words};
#[cfg(feature = "cbor")]
use crate::bytes::CBOR;
use crate::bytes::POSTCARD;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Kind, Shape, ShapeError, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a duplex of values should be like.
#[derive(Debug)]
pub struct ValueOptions<A, B> {
    pipe: Options<u8, u8>,
    /// The most bytes of a value; 0: not said.
    most: u64,
    /// `None`: that of the duplex that is found.
    format: Option<u32>,
    values: Elements<A, B>,
}

impl<A, B> ValueOptions<A, B> {
    /// A duplex of values over a pipe of `capacity` bytes in each direction; 0: not said.
    pub const fn new(capacity: u64) -> Self {
        ValueOptions { pipe: Options::new(capacity), most: 0, format: Some(POSTCARD), values: PhantomData }
    }

    /// To open a duplex of values in whatever format it has.
    pub(crate) fn of_any_format() -> Self {
        ValueOptions { format: None, ..Self::new(0) }
    }
}

impl<A, B, H> Builder<'_, ValueOptions<A, B>, H> {
    /// Sets how many bytes fit into each direction: any number from 8. An opener that sets it gets an error if it differs. Default, also
    /// for 0: 65,536.
    ///
    /// A value takes 4 bytes more than it has as it is written. The memory is that of the next power of two.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.wanted.pipe.capacity = bytes as u64;
        self
    }

    /// Sets the [capacity](Self::capacity) so that `count` values of `len` written bytes each fit at once into each direction.
    pub fn messages(mut self, count: usize, len: usize) -> Self {
        self.wanted.pipe.capacity = len.saturating_add(HEADER).saturating_mul(count) as u64;
        self
    }

    /// Sets how many bytes a value may take at most, as it is written. An opener that sets it gets an error if it differs. Default, also
    /// for 0: 16 MiB, or the capacity if that is more.
    ///
    /// It costs no memory in the region. A receiver takes as much memory of its own as a value has.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.most = bytes as u64;
        self
    }
}

#[cfg(feature = "cbor")]
impl<A, B, H> Builder<'_, ValueOptions<A, B>, H> {
    /// Writes values in a format that describes itself, [CBOR](https://www.rfc-editor.org/rfc/rfc8949). Every opener must set it, too: one
    /// that does not, or alone does, gets an error that says so. Default: postcard. See
    /// [`ValueQueue`](crate::bytes::ValueQueue#what-does-not-work) for what arrives in which format.
    #[doc(alias = "cbor")]
    pub fn self_describing(mut self) -> Self {
        self.wanted.format = Some(CBOR);
        self
    }
}

has_schema!(ValueOptions<A, B>.pipe.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<A, B> Blueprint for ValueOptions<A, B>
where
    A: Serialize + DeserializeOwned,
    B: Serialize + DeserializeOwned,
{
    const KIND: Kind = Kind::Duplex;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueDuplex<'m, A, B, P>;

    fn shape(&self) -> Shape {
        self.pipe.shape().with_type::<(A, B)>(&self.pipe.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        self.pipe.accepts(found)?;
        let most = Terms::new(found.values, found.capacity()).most as u64;
        let wanted_most = if self.most == 0 { most } else { self.most };
        let format = self.format.unwrap_or(found.values.format);
        let fields =
            [(Field::MaxLength, wanted_most, most), (Field::Format, format.into(), found.values.format.into())];
        match fields.into_iter().find(|(_, wanted, found)| wanted != found) {
            None => Ok(()),
            Some((field, wanted, found)) => Err(ShapeError::Differs { field, wanted, found }),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let most = u64::from(u32::MAX);
        if self.most > most {
            return Err(ShapeError::Impossible { field: Field::MaxLength, wanted: self.most, most });
        }
        let (shape, mut geometry) = self.pipe.complete()?;
        let shape = shape.with_type::<(A, B)>(&self.pipe.schema);
        if geometry.capacity() < 2 * HEADER {
            return Err(ShapeError::Capacity { wanted: shape.capacity });
        }
        geometry.values.format = self.format.unwrap_or(POSTCARD);
        geometry.values.most = self.most as u32;
        Ok((shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, now: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.pipe.lay(memory, geometry, now) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry,
        platform: P,
    ) -> Result<ValueDuplex<'m, A, B, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.pipe.handle(memory, geometry, platform) }.map(ValueDuplex::new)
    }
}
