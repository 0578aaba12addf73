//! A cell that holds the latest value of a type of serde's: in its slots lie the bytes that it is written in.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::handle::{Versioned, Watch};
use super::value_options::{DEFAULT_MAX_LEN, WatchedValue};
use super::value_reader::ValueWatchReader;
use super::words::{LEN_BYTES, Snapshot, Stats, Stride};
use crate::bytes::{FormatError, POSTCARD, read, write};
use crate::error::{
    Fault, GetValueError, TryWriteValueError, WaitValueTimeoutError, WriteTimeoutError, WriteValueError,
    WriteValueTimeoutError,
};
use crate::mutex::Turn;
use crate::object::{Footprint, has_wait_strategy, named, waits};
use crate::platform::{Located, Platform};
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::Attempt;

/// A cell between processes that holds the latest value of a type of serde's: enums with data, strings, vectors, maps, whatever
/// [serde](https://serde.rs) can write and read back.
///
/// It is a [`Watch`] whose values have no fixed size. As it is written, a value has [`max_len`](Self::max_len) bytes at most.
///
/// ```
/// # use ipc_posix::{Error, Region};
/// use std::collections::BTreeMap;
///
/// # fn main() -> Result<(), Error> {
/// # let region = Region::options().anonymous()?;
/// let limits = region.value_watch("limits").initial(&BTreeMap::<String, u32>::new()).open_or_create()?;
/// let mut changes = limits.subscribe()?;
/// limits.set(&BTreeMap::from([("requests".to_owned(), 100)]))?;
/// assert_eq!(changes.changed()?["requests"], 100);
///
/// // A change of it, and waits for another one.
/// limits.update(|limits| limits.insert("connections".to_owned(), 8))?;
/// assert_eq!(limits.get()?.len(), 2);
/// // Those block until there is one; here it is there.
/// assert_eq!(limits.wait_until(|limits| limits.contains_key("connections"))?["connections"], 8);
/// assert_eq!(limits.wait_for_change(0)?.version, 2);
/// assert_eq!(limits.get_versioned()?.version, 2);
/// # Ok(())
/// # }
/// ```
///
/// Readers take no lock and write nothing, and always get a whole value. Writers take turns under a robust lock. A writer that is killed
/// has published nothing: the previous value stays, and the next writer goes on. A closure that panics has published nothing. For all
/// else that a cell promises, see [`Watch`].
///
/// A value is written in the postcard format, as in a [`ValueQueue`](crate::bytes::ValueQueue), with its limits: what a faulty peer writes is
/// an error. All sides have to mean the same type: give the cell a [`schema`](crate::object::Builder::schema) number that changes with it.
/// A read takes memory of the process for the bytes and for the value, so it is not for real-time threads: those take a [`Watch`].
pub struct ValueWatch<'m, T, P> {
    /// Of the same words. The verbs that read or write a plain value are never called.
    pub(super) cell: Watch<'m, T, P>,
    stride: Stride,
}

has_wait_strategy!(ValueWatch<T>);
named!([T, P: Platform] ValueWatch<'_, T, P>, ValueWatch, self => self.cell);

impl<T, P> ValueWatch<'_, T, P> {
    /// The bytes that a cell of values of up to `max_len` written bytes (0: 4096) takes in a region.
    ///
    /// # Panics
    ///
    /// If `max_len` is more than 2³² - 1.
    pub const fn footprint(max_len: usize) -> Footprint {
        let max_len = if max_len == 0 { DEFAULT_MAX_LEN as usize } else { max_len };
        assert!(max_len as u64 <= u32::MAX as u64, "a value of a cell has at most 2^32 - 1 bytes");
        Footprint(Stride::new(LEN_BYTES + max_len).bytes())
    }
}

impl<'m, T, P: Platform> ValueWatch<'m, T, P> {
    pub(super) fn new(cell: Watch<'m, T, P>, stride: Stride) -> Self {
        ValueWatch { cell, stride }
    }

    /// The cell's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.cell.name()
    }

    /// The region that the cell lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.cell.region()
    }

    /// Returns whether both handles are of one cell, however each was opened. Also after a fork.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool
    where
        P: Located,
    {
        self.cell.same_object(&other.cell)
    }

    waits!(self => self.cell);

    pub(crate) fn platform(&self) -> &P {
        self.cell.platform()
    }

    /// The most bytes of a value, as it is written.
    pub fn max_len(&self) -> usize {
        self.stride.most()
    }

    /// Returns the number of the latest version. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn version(&self) -> Result<u64, Fault> {
        self.cell.version()
    }

    /// Returns the cell's figures: versions that were published, and counted writers. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.cell.stats()
    }

    /// The latest version's bytes.
    pub(super) fn written(&self) -> Result<Snapshot<Vec<u8>, Timestamp>, Fault> {
        self.cell.here()?;
        self.cell.view.read_written(self.stride)
    }

    fn publish(&self, turn: Turn<'_, P>, bytes: &[u8]) -> Result<u64, Fault> {
        // A closure or serde may have called `fork`.
        self.cell.here()?;
        self.cell.view.publish_written(self.stride, &self.cell.platform, turn, bytes)
    }
}

impl<T: WatchedValue, P: Platform> ValueWatch<'_, T, P> {
    fn encode(&self, value: &T) -> Result<Vec<u8>, FormatError> {
        let (bytes, most) = (write(POSTCARD, value)?, self.max_len());
        if bytes.len() <= most { Ok(bytes) } else { Err(FormatError::too_long(bytes.len(), most)) }
    }

    /// Publishes a value and returns the number of its version. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// The value cannot be written, or takes more than [`max_len`](Self::max_len) bytes; [`Deadlock`](crate::error::WriteError::Deadlock)
    /// from inside of an [`update`](Self::update).
    #[doc(alias = "send")]
    pub fn set(&self, value: &T) -> Result<u64, WriteValueError> {
        self.set_within(value, &Limit::Forever).map_err(WriteValueTimeoutError::endless)
    }

    /// Publishes a value and returns the number of its version, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](crate::error::TryWriteError::WouldBlock), and that the value cannot be written or is too long.
    pub fn try_set(&self, value: &T) -> Result<u64, TryWriteValueError> {
        let bytes = self.encode(value)?;
        Ok(self.publish(self.cell.try_turn()?, &bytes)?)
    }

    timed! {
        set_timeout, set_deadline, set, "Publishes a value",
        [&self, value: &T] limit [] -> Result<u64, WriteValueTimeoutError> { self.set_within(value, limit) }
    }

    fn set_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<u64, WriteValueTimeoutError> {
        let bytes = self.encode(value)?;
        Ok(self.publish(self.turn(limit)?, &bytes)?)
    }

    /// Changes the value in one step, and returns what `change` does. No other process writes meanwhile; blocks while another thread does.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set) and [`get`](Self::get). Then nothing has changed. In a child that `change` has made by `fork`,
    /// [`Fault::Forked`]: the turn is the parent's.
    #[doc(alias = "send_modify")]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, WriteValueError> {
        let turn = self.turn(&Limit::Forever).map_err(|error| WriteValueError::Lock(error.endless()))?;
        Ok(self.change(turn, change)?)
    }

    /// Changes the value as [`update`](Self::update) does, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](crate::error::TryWriteError::WouldBlock), and those of [`update`](Self::update).
    pub fn try_update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, TryWriteValueError> {
        Ok(self.change(self.cell.try_turn()?, change)?)
    }

    timed! {
        update_timeout, update_deadline, update, "Changes the value" "The time that `change` itself takes does not count.",
        { R: Sized } [&self] limit [change: impl FnOnce(&mut T) -> R] -> Result<R, WriteValueTimeoutError> {
            Ok(self.change(self.turn(limit)?, change)?)
        }
    }

    fn change<R>(&self, turn: Turn<'_, P>, change: impl FnOnce(&mut T) -> R) -> Result<R, GetValueError> {
        let mut value = read(POSTCARD, &self.written()?.bytes)?;
        let result = change(&mut value);
        let bytes = self.encode(&value);
        // In a child that `change` has made by `fork`, also an error of its value is no answer.
        self.cell.here()?;
        self.publish(turn, &bytes?)?;
        Ok(result)
    }

    fn turn(&self, limit: &Limit<P::Deadline>) -> Result<Turn<'_, P>, WriteTimeoutError> {
        self.cell.turn(limit)
    }
}

impl<'m, T: DeserializeOwned, P: Platform> ValueWatch<'m, T, P> {
    /// Returns the latest value. Never waits.
    ///
    /// # Errors
    ///
    /// The bytes are no value of the type: a peer with another idea of it has written them. [`Fault::Corrupted`]; [`Fault::Forked`].
    #[doc(alias = "borrow")]
    pub fn get(&self) -> Result<T, GetValueError> {
        Ok(read(POSTCARD, &self.written()?.bytes)?)
    }

    /// Returns the latest value, with its version and its age. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn get_versioned(&self) -> Result<Versioned<T>, GetValueError> {
        self.cell.here()?;
        // The time first: an age is never that of a value from after the call.
        let now = Timestamp::now(self.platform());
        Ok(versioned(self.written()?, now)?)
    }

    /// Blocks until the latest version is not number `seen`, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait_for_change(&self, seen: u64) -> Result<Versioned<T>, GetValueError> {
        self.change_within(seen, &Limit::Forever).map_err(WaitValueTimeoutError::endless)
    }

    timed! {
        wait_for_change_timeout, wait_for_change_deadline, wait_for_change, "Waits for another version than `seen`",
        [&self, seen: u64] limit [] -> Result<Versioned<T>, WaitValueTimeoutError> { self.change_within(seen, limit) }
    }

    fn change_within(&self, seen: u64, limit: &Limit<P::Deadline>) -> Result<Versioned<T>, WaitValueTimeoutError> {
        let latest = self.cell.wait_within(limit, |_| match self.cell.view.version() {
            version if version == seen => Attempt::NotYet,
            _ => {
                let now = Timestamp::now(self.platform());
                Attempt::Done(self.written().map(|written| (written, now)))
            }
        });
        let (written, now) = latest?;
        Ok(versioned(written, now)?)
    }

    /// Blocks until `condition` holds for the latest value, and returns that value. May miss a value that was there only for a moment.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    #[doc(alias = "wait_for")]
    pub fn wait_until(&self, condition: impl FnMut(&T) -> bool) -> Result<T, GetValueError> {
        self.condition_within(&Limit::Forever, condition).map_err(WaitValueTimeoutError::endless)
    }

    timed! {
        wait_until_timeout, wait_until_deadline, wait_until, "Waits for a value that meets `condition`",
        [&self] limit [condition: impl FnMut(&T) -> bool] -> Result<T, WaitValueTimeoutError> {
            self.condition_within(limit, condition)
        }
    }

    fn condition_within(
        &self,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<T, WaitValueTimeoutError> {
        let met = self.cell.wait_within(limit, |_| {
            let value = match self.written() {
                Ok(written) => read(POSTCARD, &written.bytes),
                Err(fault) => return Attempt::Done(Err(fault)),
            };
            let is_over = value.as_ref().map_or(true, &mut condition);
            // The condition or serde may have called `fork`.
            match self.cell.here() {
                Ok(()) if !is_over => Attempt::NotYet,
                here => Attempt::Done(here.map(|()| value)),
            }
        });
        Ok(met??)
    }

    /// Makes a reader that remembers what it has seen. The present value counts as seen.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn subscribe(&self) -> Result<ValueWatchReader<'m, T, P>, Fault>
    where
        P: Clone,
    {
        Ok(ValueWatchReader::new(self.clone(), self.version()?))
    }
}

/// The value that was copied.
pub(super) fn versioned<T: DeserializeOwned>(
    written: Snapshot<Vec<u8>, Timestamp>,
    now: Timestamp,
) -> Result<Versioned<T>, FormatError> {
    let value = read(POSTCARD, &written.bytes)?;
    Ok(Versioned { value, version: written.version, age: written.published.age(now) })
}

impl<'m, P: Platform> Watch<'m, (), P> {
    /// A handle of the same words, whatever value they hold.
    pub(super) fn of<T>(self) -> Watch<'m, T, P> {
        Watch { view: self.view, budget: self.budget, platform: self.platform, value: PhantomData }
    }
}

impl<T, P: Platform + Clone> Clone for ValueWatch<'_, T, P> {
    fn clone(&self) -> Self {
        ValueWatch { cell: self.cell.clone(), stride: self.stride }
    }
}

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueWatch<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueWatch").field("name", self.platform()).finish_non_exhaustive()
    }
}
