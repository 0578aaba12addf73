//! Handles that only read values of serde's types: one that remembers what it has seen, and one that has no right to write.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::handle::Versioned;
use super::value_options::shape;
use super::values::{ValueWatch, versioned};
use super::words::{Snapshot, Stride, View, Words};
use crate::bytes::{POSTCARD, read};
use crate::ends::{Counted, Role, end};
use crate::error::{ChangedValueError, ChangedValueTimeoutError, Fault, GetValueError, TryChangedValueError};
use crate::here::{Here, here};
use crate::memory::Memory;
use crate::object::{Kind, Object, Schema, ShapeError, named, sizes, waits};
use crate::platform::{Observer, Platform};
use crate::sync::private::AtomicU32;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// A reader of a [`ValueWatch`] that remembers which version it has seen.
///
/// As an iterator it blocks for each version that was not seen, and yields its value. It ends when the last counted
/// [writer](super::ValueWatchWriter) is gone, when the cell cannot be used, or at bytes that are no value of the type; [`end`](Self::end)
/// says which. In a child after `fork`, each step panics.
///
/// A version whose bytes are no value of the type counts as seen, too. The verbs return an error for it once, and the next call goes on.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let state = region.value_watch("state").initial(&"idle".to_owned()).create()?;
/// let mut states = state.subscribe()?;
/// # let writer = state.writer()?;
/// # let writer = std::thread::spawn(move || {
/// writer.set(&"done".to_owned())?;
/// drop(writer); // the last one
/// # Ok::<(), ipc_posix::WriteValueError>(()) });
/// for state in &mut states {
///     assert_eq!(state, "done");
/// }
/// assert!(states.end().unwrap().is_disconnected());
/// # writer.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ValueWatchReader<'m, T, P> {
    watch: ValueWatch<'m, T, P>,
    seen: u64,
    end: Option<ChangedValueError>,
    calls: AtomicU32,
}

named!([T, P: Platform] ValueWatchReader<'_, T, P>, ValueWatch, self => self.watch);

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueWatchReader<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueWatchReader").field("watch", &self.watch).field("seen", &self.seen).finish()
    }
}

impl<T, P: Platform + Clone> Clone for ValueWatchReader<'_, T, P> {
    fn clone(&self) -> Self {
        let Self { watch, seen, end, .. } = self;
        ValueWatchReader { watch: watch.clone(), seen: *seen, end: end.clone(), calls: AtomicU32::new(0) }
    }
}

impl<'m, T, P: Platform> ValueWatchReader<'m, T, P> {
    pub(super) fn new(watch: ValueWatch<'m, T, P>, seen: u64) -> Self {
        ValueWatchReader { watch, seen, end: None, calls: AtomicU32::new(0) }
    }

    waits!(self => self.watch);

    /// Returns the same reader, which has seen this version and nothing later.
    pub fn from(mut self, version: u64) -> Self {
        self.seen = version;
        self
    }

    /// Returns the cell.
    pub fn watch(&self) -> &ValueWatch<'m, T, P> {
        &self.watch
    }

    /// Returns the version that was seen last.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<ChangedValueError> {
        self.end.clone()
    }

    /// Returns whether there is a version that was not seen. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn has_changed(&self) -> Result<bool, Fault> {
        Ok(self.watch.version()? != self.seen)
    }

    /// Returns whether counted writers existed and no living process has one any more. There may still be a value that was not
    /// seen. A system call or more.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.watch.platform().assert_here();
        self.watch.is_deserted(Role::Sender)
    }
}

impl<T: DeserializeOwned, P: Platform> ValueWatchReader<'_, T, P> {
    /// Returns the latest value, which counts as seen from now on. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`ValueWatch::get`].
    #[doc(alias = "borrow_and_update")]
    pub fn get(&mut self) -> Result<T, GetValueError> {
        let written = self.watch.written()?;
        self.take(written)
    }

    /// The value that was copied. It counts as seen.
    fn take<E: From<crate::error::FormatError>>(&mut self, written: Snapshot<Vec<u8>, Timestamp>) -> Result<T, E> {
        self.seen = written.version;
        Ok(read(POSTCARD, &written.bytes)?)
    }

    /// Returns the latest value if it was not seen. Never waits.
    ///
    /// # Errors
    ///
    /// [`Unchanged`](crate::error::TryChangedError::Unchanged); [`Disconnected`](crate::error::TryChangedError::Disconnected) once the last value was seen. (If
    /// the last writer died, that is noticed by one in a thousand of these calls, by every wait, and by
    /// [`is_disconnected`](Self::is_disconnected).) Those of [`ValueWatch::get`].
    pub fn try_changed(&mut self) -> Result<T, TryChangedValueError> {
        self.watch.cell.try_unseen(self.seen, &self.calls)?;
        Ok(self.get()?)
    }

    /// Blocks until there is a version that was not seen, and returns its value.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](crate::error::ChangedError::Disconnected) once the last value was seen, and those of [`ValueWatch::get`].
    pub fn changed(&mut self) -> Result<T, ChangedValueError> {
        self.changed_within(&Limit::Forever).map_err(ChangedValueTimeoutError::endless)
    }

    timed! {
        changed_timeout, changed_deadline, changed, "Waits for a new version",
        [&mut self] limit [] -> Result<T, ChangedValueTimeoutError> { self.changed_within(limit) }
    }

    fn changed_within(&mut self, limit: &Limit<P::Deadline>) -> Result<T, ChangedValueTimeoutError> {
        let written = self.watch.cell.changed_with(self.seen, limit, || self.watch.written())?;
        self.take(written)
    }
}

impl<T: DeserializeOwned, P: Platform> Iterator for ValueWatchReader<'_, T, P> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.changed().map_err(|why| end(self.watch.platform(), why, &mut self.end)).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.end.is_some() { Some(0) } else { None })
    }
}

impl<T: DeserializeOwned, P: Platform> FusedIterator for ValueWatchReader<'_, T, P> {}

/// A cell of a value of serde's types in memory that the process may only read. It cannot be waited for: a waiter has to announce itself
/// in a word that it can write to.
pub struct ReadOnlyValueWatch<'m, T, O> {
    view: View<'m>,
    stride: Stride,
    observer: O,
    value: PhantomData<fn() -> T>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T, O> fmt::Debug for ReadOnlyValueWatch<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyValueWatch").finish_non_exhaustive()
    }
}

impl<'m, T: DeserializeOwned, O: Observer> ReadOnlyValueWatch<'m, T, O> {
    /// Makes a reader of the cell in `memory`, which has to be one of `T` with this schema. Writes nothing.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn attach(memory: Memory<'m>, schema: Schema, observer: O) -> Result<Self, ShapeError> {
        let (found, stride) = sizes::<Words>(memory, Kind::ValueWatch)?;
        found.check(&shape::<T>(0, schema))?;
        // SAFETY: compared just now.
        let view = unsafe { Words::view(memory, &stride)? };
        Ok(ReadOnlyValueWatch { view, stride, observer, value: PhantomData })
    }

    fn here(&self) -> Result<(), Fault> {
        here(self.observer.is_here())
    }

    /// Returns the latest value.
    ///
    /// # Errors
    ///
    /// Those of [`ValueWatch::get`].
    pub fn get(&self) -> Result<T, GetValueError> {
        self.here()?;
        Ok(read(POSTCARD, &self.view.read_written(self.stride)?.bytes)?)
    }

    /// Returns the latest value, with its version and its age.
    ///
    /// # Errors
    ///
    /// Those of [`ValueWatch::get`].
    pub fn get_versioned(&self) -> Result<Versioned<T>, GetValueError> {
        self.here()?;
        // The time first: an age is never that of a value from after the call.
        let now = Timestamp { at: self.observer.now(), clock: self.observer.clock() };
        Ok(versioned(self.view.read_written(self.stride)?, now)?)
    }

    /// Returns the number of the latest version. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn version(&self) -> Result<u64, Fault> {
        self.here()?;
        Ok(self.view.version())
    }

    /// The most bytes of a value, as it is written.
    pub fn max_len(&self) -> usize {
        self.stride.most()
    }
}
