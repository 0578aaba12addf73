//! A mutex around a value of serde's types: a mutex around the bytes that it is written in.
//!
//! The bytes begin with a word: 0 while no value was set, and else how many bytes the value has, and one. A change is written to the copy
//! that does not count, and one store makes it count, as with a transaction: a writer that dies has changed nothing.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Mutex;
use super::slice::SliceOptions;
use super::turn::Turn;
use super::words::{Layout, Words};
use crate::bytes::{FormatError, POSTCARD, read, write};
use crate::error::{
    Fault, TryWriteError, TryWriteValueError, WriteTimeoutError, WriteValueError, WriteValueTimeoutError,
};
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Kind, Shape, ShapeError, Zeroes, has_schema, has_wait_strategy};
use crate::platform::{Located, Platform};
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// Bytes of the word before the value.
const HEAD: usize = size_of::<u32>();
/// The most bytes of a value, if its creator has not said it.
const DEFAULT_MAX_LEN: u64 = 4096;

/// What a mutex around a value should be like.
#[derive(Clone, Copy, Debug)]
pub struct ValueOptions<T> {
    bytes: SliceOptions<Zeroes<u8>>,
    values: PhantomData<fn(T) -> T>,
}

impl<T> Default for ValueOptions<T> {
    fn default() -> Self {
        ValueOptions { bytes: SliceOptions::default(), values: PhantomData }
    }
}

impl<T, H> Builder<'_, ValueOptions<T>, H> {
    /// Sets how many bytes the value may take at most, as it is written. An opener that sets it gets an error if it differs. Default, also
    /// for 0: 4096.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.bytes.len = if bytes == 0 { 0 } else { (bytes as u64).saturating_add(HEAD as u64) };
        self
    }
}

has_schema!(ValueOptions<T>.bytes.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: Serialize + DeserializeOwned> Blueprint for ValueOptions<T> {
    const KIND: Kind = Kind::Mutex;
    type Object = Words;
    type Handle<'m, P: Platform> = ValueMutex<'m, T, P>;

    fn shape(&self) -> Shape {
        self.bytes.shape().with_type::<T>(&self.bytes.schema)
    }

    fn complete(&self) -> Result<(Shape, Layout), ShapeError> {
        let len = if self.bytes.len == 0 { DEFAULT_MAX_LEN + HEAD as u64 } else { self.bytes.len };
        let (shape, layout) = SliceOptions { len, ..self.bytes }.complete()?;
        Ok((shape.with_type::<T>(&self.bytes.schema), layout))
    }

    unsafe fn lay(&self, memory: Memory<'_>, layout: &Layout, now: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.lay(memory, layout, now) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        layout: &Layout,
        platform: P,
    ) -> Result<ValueMutex<'m, T, P>, ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.handle(memory, layout, platform) }.map(ValueMutex::new)
    }
}

/// A lock with a value of serde's types between processes: enums with data, strings, vectors, maps, whatever [serde](https://serde.rs)
/// can write and read back.
///
/// The value is read, changed and written back as a whole. Each change is one step, also for a process that is killed in it: it has
/// changed the value, or not. So there is nothing to repair, and no mark for the next one. A closure that panics has changed nothing.
///
/// ```
/// # use ipc_posix::{Error, Region};
/// use std::collections::BTreeMap;
///
/// # fn main() -> Result<(), Error> {
/// # let region = Region::options().anonymous()?;
/// let stock = region.value_mutex::<BTreeMap<String, u32>>("stock").open_or_create()?;
/// stock.update(|stock| *stock.entry("apples".to_owned()).or_default() += 3)?;
/// let left = stock.update(|stock| {
///     let apples = stock.get_mut("apples")?;
///     *apples -= 1;
///     Some(*apples)
/// })?;
/// assert_eq!(left, Some(2));
/// assert_eq!(stock.get()?["apples"], 2);
/// stock.set(&BTreeMap::new())?;
/// # Ok(())
/// # }
/// ```
///
/// While none was set, the value is its type's [`Default`]; for a type that has none, take an `Option` of it. As it is written, it has
/// [`max_len`](Self::max_len) bytes at most.
///
/// It is a [`Mutex`] around bytes, which waits, is taken over from the dead and survives `fork` as that does. The value is written in the
/// postcard format, as in a [`ValueQueue`](crate::bytes::ValueQueue), with its limits: what a faulty peer writes is an error. All sides
/// have to mean the same type: give the mutex a [`schema`](crate::object::Builder::schema) number that changes with it.
pub struct ValueMutex<'m, T, P> {
    bytes: Mutex<'m, [u8], P>,
    values: PhantomData<fn(T) -> T>,
}

has_wait_strategy!(ValueMutex<T>);

impl<'m, T, P: Platform> ValueMutex<'m, T, P> {
    /// Makes a mutex around a value of one around bytes.
    pub fn new(bytes: Mutex<'m, [u8], P>) -> Self {
        ValueMutex { bytes, values: PhantomData }
    }

    /// The mutex around the value's bytes.
    pub fn bytes(&self) -> &Mutex<'m, [u8], P> {
        &self.bytes
    }

    /// The mutex's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.bytes.name()
    }

    /// The region that the mutex lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.bytes.region()
    }

    crate::object::waits!(self => self.bytes);

    pub(crate) fn platform(&self) -> &P {
        self.bytes.platform()
    }

    /// The most bytes of the value, as it is written.
    pub fn max_len(&self) -> usize {
        self.bytes.len().saturating_sub(HEAD)
    }

    fn turn(&self, limit: &Limit<P::Deadline>) -> Result<Turn<'_, P>, WriteTimeoutError> {
        let Mutex { words, platform, budget, .. } = &self.bytes;
        self.bytes.here()?;
        words.raw.turn(platform, budget, limit).map_err(WriteTimeoutError::refused)
    }

    fn try_turn(&self) -> Result<Turn<'_, P>, TryWriteError> {
        self.bytes.here()?;
        self.bytes.words.raw.try_turn(&self.bytes.platform).map_err(TryWriteError::refused)
    }

    /// The value's bytes, if one was set. In a turn.
    fn written(&self) -> Result<Option<Vec<u8>>, Fault> {
        let copy = &self.bytes.copies[self.bytes.words.versions.current()];
        let mut head = [0; HEAD];
        copy.read(0, &mut head).ok_or(Fault::Corrupted)?;
        let Some(len) = (u32::from_ne_bytes(head) as usize).checked_sub(1) else { return Ok(None) };
        if len > self.max_len() {
            return Err(Fault::Corrupted);
        }
        let mut bytes = vec![0; len];
        copy.read(HEAD, &mut bytes).ok_or(Fault::Corrupted)?;
        Ok(Some(bytes))
    }

    /// Makes these bytes the value's, in one step. In a turn.
    fn commit(&self, bytes: &[u8]) -> Result<(), Fault> {
        let versions = &self.bytes.words.versions;
        let other = 1 - versions.current();
        let copy = &self.bytes.copies[other];
        // It is checked before that they fit.
        copy.write(0, &(bytes.len() as u32 + 1).to_ne_bytes()).ok_or(Fault::Corrupted)?;
        copy.write(HEAD, bytes).ok_or(Fault::Corrupted)?;
        versions.switch(other);
        Ok(())
    }
}

impl<T: Serialize + DeserializeOwned, P: Platform> ValueMutex<'_, T, P> {
    fn encode(&self, value: &T) -> Result<Vec<u8>, FormatError> {
        let bytes = write(POSTCARD, value)?;
        let most = self.max_len().min(u32::MAX as usize - 1);
        if bytes.len() <= most { Ok(bytes) } else { Err(FormatError::too_long(bytes.len(), most)) }
    }

    /// Replaces the value, in one step. Blocks while another thread has the lock.
    ///
    /// # Errors
    ///
    /// The value cannot be written, or takes more than [`max_len`](Self::max_len) bytes; [`Deadlock`](crate::error::WriteError::Deadlock) from inside
    /// of an [`update`](Self::update).
    pub fn set(&self, value: &T) -> Result<(), WriteValueError> {
        self.set_within(value, &Limit::Forever).map_err(WriteValueTimeoutError::endless)
    }

    /// Replaces the value, unless another thread has the lock. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock), and those of [`set`](Self::set).
    pub fn try_set(&self, value: &T) -> Result<(), TryWriteValueError> {
        let bytes = self.encode(value)?;
        let _turn = self.try_turn()?;
        Ok(self.commit(&bytes)?)
    }

    timed! {
        set_timeout, set_deadline, set, "Replaces the value",
        [&self, value: &T] limit [] -> Result<(), WriteValueTimeoutError> { self.set_within(value, limit) }
    }

    fn set_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<(), WriteValueTimeoutError> {
        let bytes = self.encode(value)?;
        let _turn = self.turn(limit)?;
        Ok(self.commit(&bytes)?)
    }
}

impl<T: Serialize + DeserializeOwned + Default, P: Platform> ValueMutex<'_, T, P> {
    fn decode(bytes: Option<Vec<u8>>) -> Result<T, FormatError> {
        bytes.map_or_else(|| Ok(T::default()), |bytes| read(POSTCARD, &bytes))
    }

    /// Returns the value. Blocks while another thread has the lock.
    ///
    /// # Errors
    ///
    /// The bytes are no value of the type; [`Deadlock`](crate::error::WriteError::Deadlock) from inside of an [`update`](Self::update).
    pub fn get(&self) -> Result<T, WriteValueError> {
        self.get_within(&Limit::Forever).map_err(WriteValueTimeoutError::endless)
    }

    /// Returns the value, unless another thread has the lock. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock), and those of [`get`](Self::get).
    pub fn try_get(&self) -> Result<T, TryWriteValueError> {
        let turn = self.try_turn()?;
        let bytes = self.written()?;
        drop(turn);
        Ok(Self::decode(bytes)?)
    }

    timed! {
        get_timeout, get_deadline, get, "Returns the value",
        [&self] limit [] -> Result<T, WriteValueTimeoutError> { self.get_within(limit) }
    }

    fn get_within(&self, limit: &Limit<P::Deadline>) -> Result<T, WriteValueTimeoutError> {
        let turn = self.turn(limit)?;
        let bytes = self.written()?;
        drop(turn);
        Ok(Self::decode(bytes)?)
    }

    /// Changes the value, in one step, and returns what `change` does. Blocks while another thread has the lock, which this one has while
    /// `change` runs.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get) and [`set`](Self::set). Then nothing has changed.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, WriteValueError> {
        self.update_within(&Limit::Forever, change).map_err(WriteValueTimeoutError::endless)
    }

    /// Changes the value as [`update`](Self::update) does, unless another thread has the lock. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock), and those of [`update`](Self::update).
    pub fn try_update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, TryWriteValueError> {
        let _turn = self.try_turn()?;
        let mut value = Self::decode(self.written()?)?;
        let result = change(&mut value);
        self.commit(&self.encode(&value)?)?;
        Ok(result)
    }

    timed! {
        update_timeout, update_deadline, update, "Changes the value" "The time that `change` itself takes does not count.",
        { R: Sized } [&self] limit [change: impl FnOnce(&mut T) -> R] -> Result<R, WriteValueTimeoutError> {
            self.update_within(limit, change)
        }
    }

    fn update_within<R>(
        &self,
        limit: &Limit<P::Deadline>,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WriteValueTimeoutError> {
        let _turn = self.turn(limit)?;
        let mut value = Self::decode(self.written()?)?;
        let result = change(&mut value);
        self.commit(&self.encode(&value)?)?;
        Ok(result)
    }
}

impl WriteValueTimeoutError {
    fn endless(self) -> WriteValueError {
        match self {
            WriteValueTimeoutError::Lock(error) => WriteValueError::Lock(error.endless()),
            WriteValueTimeoutError::Value(error) => WriteValueError::Value(error),
        }
    }
}

impl<T, P: Platform + Clone> Clone for ValueMutex<'_, T, P> {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueMutex<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueMutex").field(&self.bytes).finish()
    }
}
