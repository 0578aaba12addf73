//! What a mutex around a value of serde's types should be like, and how the value lies in its bytes.

use alloc::vec::Vec;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::slice::SliceOptions;
use super::values::ValueMutex;
use super::words::{Layout, Words};
use crate::bytes::{FormatError, POSTCARD, write};
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Kind, Schema, Shape, ShapeError, Zeroes, has_schema};
use crate::place::Place;
use crate::platform::Platform;
use crate::time::Timestamp;

/// Bytes of the word before the value.
pub(super) const HEAD: usize = size_of::<u32>();
/// The most bytes of a value, if its creator has not said it.
pub(super) const DEFAULT_MAX_LEN: u64 = 4096;
/// The most that a creator can say: one more has to fit into the word.
const MOST: u64 = u32::MAX as u64 - 1;

/// A type whose values a `ValueMutex` can hold: every owned type of serde, [`Serialize`] + [`DeserializeOwned`], that has a [`Default`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of this lock, which writes and reads types of serde",
    label = "not serde's `Serialize` and `DeserializeOwned`, and `Default`",
    note = "derive `Serialize`, `Deserialize` and `Default`, which is the value while none was set",
    note = "of a type that has no `Default`, take an `Option`; of one that borrows, such as `&str`, the owned one, such as `String`"
)]
pub trait LockedValue: Serialize + DeserializeOwned + Default {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Default> LockedValue for T {}

/// What a mutex around a value should be like.
#[derive(Clone, Debug)]
pub struct ValueOptions<T> {
    /// 0: not said.
    max_len: u64,
    /// The written value that a new mutex begins with, if it was said.
    initial: Option<Result<Vec<u8>, FormatError>>,
    schema: Schema,
    values: PhantomData<fn(T) -> T>,
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T> ValueOptions<T> {
    /// A mutex around a value of up to `max_len` written bytes; 0: as many as it has, or 4096 if it is new.
    pub const fn new(max_len: u64) -> Self {
        ValueOptions { max_len, initial: None, schema: Schema::NONE, values: PhantomData }
    }

    /// Of the mutex around the bytes; 0: any number of them.
    fn bytes(&self, len: u64) -> SliceOptions<Zeroes<u8>> {
        SliceOptions { len, schema: self.schema, ..SliceOptions::default() }
    }
}

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes the value may take at most, as it is written. An opener that sets it gets an error if it differs. Default, also
    /// for 0: 4096.
    ///
    /// The mutex takes twice that in the region.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.max_len = bytes as u64;
        self
    }
}

impl<T: LockedValue, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets the value of a new mutex. A mutex that exists keeps its own. Default: the type's [`Default`].
    ///
    /// ```
    /// # use ipc_posix::{Error, Region};
    /// # fn main() -> Result<(), Error> {
    /// # let region = Region::options().anonymous()?;
    /// let names = vec!["ann".to_owned(), "bob".to_owned()];
    /// let names = region.value_mutex("names").initial(&names).open_or_create()?;
    /// assert_eq!(names.get()?, ["ann", "bob"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn initial(mut self, value: &T) -> Self {
        self.wanted.initial = Some(write(POSTCARD, value));
        self
    }
}

has_schema!(ValueOptions<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: LockedValue> Blueprint for ValueOptions<T> {
    const KIND: Kind = Kind::Mutex;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueMutex<'m, T, P>;

    fn shape(&self) -> Shape {
        self.bytes(0).shape().with_type::<T>(&self.schema)
    }

    fn accepts(&self, found: &Layout) -> Result<(), ShapeError> {
        let (wanted, found) = (self.max_len, max_len(found.len) as u64);
        if wanted == 0 || wanted == found {
            return Ok(());
        }
        Err(ShapeError::Differs { field: Field::MaxLength, wanted, found })
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        let wanted = if self.max_len == 0 { DEFAULT_MAX_LEN } else { self.max_len };
        if wanted > MOST {
            return Err(ShapeError::Impossible { field: Field::MaxLength, wanted, most: MOST });
        }
        let initial = self.initial.as_ref().map(|initial| initial.as_ref().map_err(|_| ShapeError::InitialValue));
        let len = initial.transpose()?.map_or(0, Vec::len) as u64;
        if len > wanted {
            return Err(ShapeError::InitialValueTooLong { len, most: wanted });
        }
        let (shape, layout) = self.bytes(wanted + HEAD as u64).complete()?;
        Ok((shape.with_type::<T>(&self.schema), layout))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, now: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes(0).lay(memory, layout, now)? };
        let Some(initial) = &self.initial else { return Ok(()) };
        let initial = initial.as_ref().map_err(|_| ShapeError::InitialValue)?;
        let start = memory.pointer(layout.first, layout.stride).ok_or(ShapeError::Missing)?;
        // SAFETY: in range (`pointer`), aligned (`Layout`), and nobody else uses it yet (the caller's promise).
        let first = unsafe { Place::<[u8]>::at(start, layout.len) };
        put(&first, initial).ok_or(ShapeError::Missing)
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        layout: &Layout,
        platform: P,
    ) -> Result<ValueMutex<'m, T, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes(0).handle(memory, layout, platform) }.map(ValueMutex::new)
    }
}

/// Writes a value's bytes to a copy that does not count yet; `None` if they do not fit.
pub(super) fn put(copy: &Place<[u8]>, bytes: &[u8]) -> Option<()> {
    copy.write(0, &(bytes.len() as u32 + 1).to_ne_bytes())?;
    copy.write(HEAD, bytes)
}

/// The most bytes of a value, of a mutex around as many bytes.
pub(super) fn max_len(bytes: usize) -> usize {
    bytes.saturating_sub(HEAD).min(MOST as usize)
}
