//! What a cell of a written value should be like, and how the value lies in its slots.

use alloc::vec::Vec;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::{Options, Watch};
use super::values::ValueWatch;
use super::words::{self, LEN_BYTES, Snapshot, Stride, View, Words};
use crate::bytes::{FormatError, POSTCARD, write};
use crate::error::Fault;
use crate::memory::Memory;
use crate::mutex::Turn;
use crate::object::{Blueprint, Builder, Kind, Schema, Shape, ShapeError, Unsaid, has_schema};
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Timestamp;

/// The most bytes of a value, if its creator has not said it.
pub(super) const DEFAULT_MAX_LEN: u64 = 4096;

/// A type whose values a `ValueWatch` can hold: every owned type of serde, [`Serialize`] + [`DeserializeOwned`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of this cell, which writes and reads types of serde",
    label = "not serde's `Serialize` and `DeserializeOwned`",
    note = "derive `Serialize` and `Deserialize`; of a type that borrows, such as `&str`, take the owned one, such as `String`"
)]
pub trait WatchedValue: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> WatchedValue for T {}

/// What a cell of a value of serde's types should be like.
#[derive(Clone, Debug)]
pub struct ValueOptions<T> {
    /// The most bytes of a value; 0: not said.
    most: u64,
    /// The written value that a new cell begins with, if it was said.
    initial: Option<Result<Vec<u8>, FormatError>>,
    schema: Schema,
    values: PhantomData<fn(T) -> T>,
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        ValueOptions { most: 0, initial: None, schema: Schema::NONE, values: PhantomData }
    }
}

impl<T: WatchedValue> ValueOptions<T> {
    /// A cell that begins with this value, for values of at most `max_len` bytes as they are written; 0: 4096.
    pub fn new(initial: &T, max_len: usize) -> Self {
        ValueOptions { most: max_len as u64, initial: Some(write(POSTCARD, initial)), ..Self::default() }
    }
}

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes a value may take at most, as it is written. An opener that sets it gets an error if it differs. Default, also
    /// for 0: 4096.
    ///
    /// A cell takes four times as much memory of its region.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.most = bytes as u64;
        self
    }
}

impl<T: WatchedValue, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets the value of a new cell: version 0. A creator must set it. A cell that exists keeps its own.
    pub fn initial(mut self, value: &T) -> Self {
        self.wanted.initial = Some(write(POSTCARD, value));
        self
    }
}

/// What a cell of a written `T` is compared with; a `most` of 0 is not compared.
pub(super) fn shape<T>(most: u64, schema: Schema) -> Shape {
    Shape::untyped::<u8>(Kind::ValueWatch, most, schema).with_type::<T>(&schema)
}

has_schema!(ValueOptions<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: WatchedValue> Blueprint for ValueOptions<T> {
    const KIND: Kind = Kind::ValueWatch;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueWatch<'m, T, P>;

    fn shape(&self) -> Shape {
        shape::<T>(self.most, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Stride), ShapeError> {
        let most = if self.most == 0 { DEFAULT_MAX_LEN } else { self.most };
        let stride = Stride::written(most)?;
        let initial = self.initial.as_ref().ok_or(ShapeError::NoInitialValue)?;
        let len = initial.as_ref().map_err(|_| ShapeError::InitialValue)?.len() as u64;
        if len > most {
            return Err(ShapeError::InitialValueTooLong { len, most });
        }
        Ok((shape::<T>(most, self.schema), stride))
    }

    unsafe fn lay(&self, memory: Memory<'_>, stride: &Stride, now: Timestamp) -> Result<(), ShapeError> {
        let Some(Ok(initial)) = &self.initial else { return Err(ShapeError::NoInitialValue) };
        // SAFETY: the caller's promise.
        unsafe { words::lay(memory, stride, now, |cells| store(initial, cells)) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        stride: &Stride,
        platform: P,
    ) -> Result<ValueWatch<'m, T, P>, ShapeError> {
        // The options of a cell of plain data make the handle: the words are the same, and it does not read the value.
        let plain = Options { initial: Unsaid::<()>::new(), schema: self.schema };
        // SAFETY: the caller's promise.
        let cell: Watch<'m, (), P> = unsafe { plain.handle(memory, stride, platform)? };
        Ok(ValueWatch::new(cell.of(), *stride))
    }
}

/// Stores a written value, which fits: its length, then its bytes.
fn store(bytes: &[u8], cells: &[AtomicU64]) {
    cells[0].store(bytes.len() as u64, Ordering::Relaxed);
    payload::store_slice(bytes, &cells[1..]);
}

impl Stride {
    /// The most bytes of a written value.
    pub(super) fn most(self) -> usize {
        self.value.saturating_sub(LEN_BYTES)
    }
}

impl View<'_> {
    /// A copy of the latest written value.
    pub(super) fn read_written(&self, stride: Stride) -> Result<Snapshot<Vec<u8>, Timestamp>, Fault> {
        let mut bytes = Vec::new();
        let Snapshot { bytes: fits, version, published } = self.copied_timed(stride, |cells| {
            // In a slot that is written meanwhile there may be any length. Such a copy is thrown away.
            let len = cells[0].load(Ordering::Relaxed);
            let len = usize::try_from(len).ok().filter(|len| *len <= stride.most())?;
            bytes.resize(len, 0);
            payload::load_slice(&cells[1..], &mut bytes);
            Some(())
        })?;
        // The copy is whole, so somebody has written such a length.
        fits.ok_or(Fault::Corrupted)?;
        Ok(Snapshot { bytes, version, published })
    }

    /// Publishes a written value, which fits, and returns the number of its version.
    pub(super) fn publish_written<P: Platform>(
        &self,
        stride: Stride,
        platform: &P,
        turn: Turn<'_, P>,
        bytes: &[u8],
    ) -> Result<u64, Fault> {
        self.publish_with(stride, platform, turn, |cells| store(bytes, cells))
    }
}
