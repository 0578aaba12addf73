//! A mutex around a value of serde's types: a mutex around the bytes that it is written in.
//!
//! The bytes begin with a word: 0 while no value was set, and else how many bytes the value has, and one. A change is written to the copy
//! that does not count, and one store makes it count, as with a transaction: a writer that dies before that store has changed nothing. So
//! its lock leaves no mark.
//!
//! The mutex around the bytes can also be locked to change them in place. A holder that dies or panics in that leaves its mark. Then the
//! bytes are no value, until one is set: it replaces all of them, and then takes the mark away.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::handle::Mutex;
use super::turn::Turn;
use super::value_options::{DEFAULT_MAX_LEN, HEAD, LockedValue, max_len, put};
use super::words::{Condition, Words};
use crate::bytes::{FormatError, POSTCARD, read, write};
use crate::error::{
    Fault, TryWriteError, TryWriteValueError, WriteTimeoutError, WriteValueError, WriteValueTimeoutError,
};
use crate::object::{Footprint, has_wait_strategy, named};
use crate::platform::{Located, Platform};
use crate::time::Limit;
use crate::timed::timed;

/// A lock with a value of serde's types between processes: enums with data, strings, vectors, maps, whatever [serde](https://serde.rs)
/// can write and read back.
///
/// The value is read, changed and written back as a whole. Each change is one step, also for a process that is killed in it: it has
/// changed the value, or not. So there is nothing to repair, and the next locker gets no [`OwnerDied`](crate::error::LockError::OwnerDied).
/// A closure that panics has changed nothing.
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
/// A new mutex has the `initial` value of its creator, or its type's [`Default`]. Of a type that has none, take an `Option`. As it is written,
/// the value has [`max_len`](Self::max_len) bytes at most: a longer one is an error, and the value stays as it was.
///
/// It is a [`Mutex`] around bytes, which waits and is taken over from the dead as that is. After `fork`, the child's handle answers with
/// [`Fault::Forked`].
///
/// # Bytes of another type
///
/// The value is written in the postcard format, which [does not suit every type](crate::bytes::ValueQueue#what-does-not-work), and is read
/// within the limits of a `ValueQueue`. Bytes of another type, or of a faulty peer, are an error, or some value of the type. They stay, and
/// [`set`](Self::set) replaces them. All sides have to mean the same type: give the mutex a [`schema`](crate::object::Builder::schema)
/// number that changes with it.
///
/// The bytes can also be [locked and changed in place](Self::bytes). After a death or a panic in that, the value is an error until it is
/// set.
pub struct ValueMutex<'m, T, P> {
    bytes: Mutex<'m, [u8], P>,
    values: PhantomData<fn(T) -> T>,
}

has_wait_strategy!(ValueMutex<T>);
named!([T, P: Platform] ValueMutex<'_, T, P>, Mutex, self => self.bytes);

impl<T, P> ValueMutex<'_, T, P> {
    /// The bytes that a mutex around a value of up to `max_len` written bytes takes in a region.
    ///
    /// # Panics
    ///
    /// If they fit no address space.
    pub const fn footprint(max_len: usize) -> Footprint {
        let max_len = if max_len == 0 { DEFAULT_MAX_LEN as usize } else { max_len };
        Mutex::<[u8], P>::slice_footprint(max_len.saturating_add(HEAD))
    }
}

impl<'m, T, P: Platform> ValueMutex<'m, T, P> {
    /// Makes a mutex around a value of one around bytes.
    pub fn new(bytes: Mutex<'m, [u8], P>) -> Self {
        ValueMutex { bytes, values: PhantomData }
    }

    /// The mutex around the value's bytes: a word that this type understands, the value as it is written, and room.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let names = region.value_mutex::<Vec<String>>("names").create()?;
    /// assert!(!names.bytes().is_locked() && !names.bytes().is_poisoned());
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
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

    /// Returns whether both handles are of one mutex, however each was opened. Also after a fork.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool
    where
        P: Located,
    {
        self.bytes.same_object(&other.bytes)
    }

    crate::object::waits!(self => self.bytes);

    pub(crate) fn platform(&self) -> &P {
        self.bytes.platform()
    }

    /// The most bytes of the value, as it is written.
    pub fn max_len(&self) -> usize {
        max_len(self.bytes.len())
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
    fn written<E: From<Fault> + From<FormatError>>(&self) -> Result<Option<Vec<u8>>, E> {
        let words = self.bytes.words;
        if words.raw.condition() != Condition::CLEAN {
            return Err(FormatError::half_changed().into());
        }
        let copy = &self.bytes.copies[words.versions.current()];
        let mut head = [0; HEAD];
        copy.read(0, &mut head).ok_or(Fault::Corrupted)?;
        let Some(len) = (u32::from_ne_bytes(head) as usize).checked_sub(1) else { return Ok(None) };
        // Before memory is taken for them.
        if len > self.max_len() {
            return Err(Fault::Corrupted.into());
        }
        let mut bytes = vec![0; len];
        copy.read(HEAD, &mut bytes).ok_or(Fault::Corrupted)?;
        Ok(Some(bytes))
    }

    /// Makes these bytes, which fit, the value's, in one step. In a turn.
    fn commit(&self, bytes: &[u8]) -> Result<(), Fault> {
        // A closure or serde may have called `fork`.
        self.bytes.here()?;
        let Words { raw, versions, .. } = self.bytes.words;
        let other = 1 - versions.current();
        let copy = &self.bytes.copies[other];
        put(copy, bytes).ok_or(Fault::Corrupted)?;
        versions.switch(other);
        // Behind the switch: a kill in between leaves the mark, and the next value that is set takes it away.
        if raw.condition() != Condition::CLEAN {
            raw.clear();
        }
        Ok(())
    }
}

impl<T: LockedValue, P: Platform> ValueMutex<'_, T, P> {
    fn encode(&self, value: &T) -> Result<Vec<u8>, FormatError> {
        let bytes = write(POSTCARD, value)?;
        let most = self.max_len();
        if bytes.len() <= most { Ok(bytes) } else { Err(FormatError::too_long(bytes.len(), most)) }
    }

    fn decode(bytes: Option<Vec<u8>>) -> Result<T, FormatError> {
        bytes.map_or_else(|| Ok(T::default()), |bytes| read(POSTCARD, &bytes))
    }

    /// Replaces the value, in one step. Blocks while another thread has the lock.
    ///
    /// # Errors
    ///
    /// The value cannot be written, or takes more than [`max_len`](Self::max_len) bytes, and nothing has changed;
    /// [`Deadlock`](crate::error::WriteError::Deadlock) from inside of an [`update`](Self::update).
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

    /// Returns the value. Blocks while another thread has the lock.
    ///
    /// # Errors
    ///
    /// The bytes are [no value of the type](Self#bytes-of-another-type); [`Deadlock`](crate::error::WriteError::Deadlock) from inside of an
    /// [`update`](Self::update).
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
        let bytes = self.written::<TryWriteValueError>()?;
        drop(turn);
        Ok(Self::decode(bytes)?)
    }

    timed! {
        get_timeout, get_deadline, get, "Returns the value",
        [&self] limit [] -> Result<T, WriteValueTimeoutError> { self.get_within(limit) }
    }

    fn get_within(&self, limit: &Limit<P::Deadline>) -> Result<T, WriteValueTimeoutError> {
        let turn = self.turn(limit)?;
        let bytes = self.written::<WriteValueTimeoutError>()?;
        drop(turn);
        Ok(Self::decode(bytes)?)
    }

    /// Changes the value, in one step, and returns what `change` does. Blocks while another thread has the lock, which this one has while
    /// `change` runs.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get) and [`set`](Self::set). Then nothing has changed. In a child that `change` has made by `fork`,
    /// [`Fault::Forked`]: the lock is the parent's.
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
        let mut value = Self::decode(self.written::<TryWriteValueError>()?)?;
        let result = change(&mut value);
        let bytes = self.encode(&value);
        // In a child that `change` has made by `fork`, also an error of its value is no answer.
        self.bytes.here()?;
        self.commit(&bytes?)?;
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
        let mut value = Self::decode(self.written::<WriteValueTimeoutError>()?)?;
        let result = change(&mut value);
        let bytes = self.encode(&value);
        // In a child that `change` has made by `fork`, also an error of its value is no answer.
        self.bytes.here()?;
        self.commit(&bytes?)?;
        Ok(result)
    }
}

impl WriteValueTimeoutError {
    pub(crate) fn endless(self) -> WriteValueError {
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
