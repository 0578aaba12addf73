//! Handles that only read: one that remembers what it has seen, and one that has no right to write.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::{Versioned, Watch, shape};
use super::words::{View, Words};
use crate::error::{Fault, WaitTimeoutError};
use crate::memory::Memory;
use crate::object::{Kind, Object, ShapeError, sizes};
use crate::payload;
use crate::platform::{Observer, Platform};

/// A reader of a [`Watch`] that remembers which version it has seen.
///
/// # Errors
///
/// Those of [`Watch::get`]. The waits with a time limit may also return [`Timeout`](WaitTimeoutError::Timeout).
pub struct WatchReader<'m, T, P> {
    watch: Watch<'m, T, P>,
    seen: u64,
}

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for WatchReader<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchReader").field("watch", &self.watch).field("seen", &self.seen).finish()
    }
}

impl<T, P: Platform + Clone> Clone for WatchReader<'_, T, P> {
    fn clone(&self) -> Self {
        WatchReader { watch: self.watch.clone(), seen: self.seen }
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> WatchReader<'m, T, P> {
    pub(super) fn new(watch: Watch<'m, T, P>, seen: u64) -> Self {
        WatchReader { watch, seen }
    }

    /// Returns the same reader, which has seen this version and nothing later.
    pub fn from(mut self, version: u64) -> Self {
        self.seen = version;
        self
    }

    /// Returns the cell.
    pub fn watch(&self) -> &Watch<'m, T, P> {
        &self.watch
    }

    /// Returns the version that was seen last.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns whether there is a version that was not seen.
    pub fn has_changed(&self) -> Result<bool, Fault> {
        Ok(self.watch.version()? != self.seen)
    }

    /// Returns the latest value, which counts as seen from now on. Never waits.
    #[doc(alias = "borrow_and_update")]
    pub fn get(&mut self) -> Result<T, Fault> {
        let latest = self.watch.get_versioned()?;
        Ok(self.see(latest))
    }

    /// Returns the latest value if it was not seen. Never waits.
    pub fn try_changed(&mut self) -> Result<Option<T>, Fault> {
        if self.has_changed()? { self.get().map(Some) } else { Ok(None) }
    }

    /// Blocks until there is a version that was not seen, and returns its value.
    pub fn changed(&mut self) -> Result<T, Fault> {
        let latest = self.watch.wait_for_change(self.seen)?;
        Ok(self.see(latest))
    }

    /// [`changed`](Self::changed) that blocks for at most `timeout`.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<T, WaitTimeoutError> {
        let latest = self.watch.wait_for_change_timeout(self.seen, timeout)?;
        Ok(self.see(latest))
    }

    /// [`changed`](Self::changed) that blocks until `deadline` at the latest.
    pub fn changed_deadline(&mut self, deadline: P::Deadline) -> Result<T, WaitTimeoutError> {
        let latest = self.watch.wait_for_change_deadline(self.seen, deadline)?;
        Ok(self.see(latest))
    }

    fn see(&mut self, latest: Versioned<T>) -> T {
        self.seen = latest.version;
        latest.value
    }
}

/// A latest-value cell in memory that the process may only read. It cannot be waited for: a waiter has to announce itself in a
/// word that it can write to.
pub struct ReadOnlyWatch<'m, T, O> {
    view: View<'m>,
    observer: O,
    value: PhantomData<fn() -> T>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T, O> fmt::Debug for ReadOnlyWatch<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyWatch").finish_non_exhaustive()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, O: Observer> ReadOnlyWatch<'m, T, O> {
    /// Makes a reader of the cell in `memory`, which has to be one of `T` with this schema. Writes nothing.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn attach(memory: Memory<'m>, schema: u64, observer: O) -> Result<Self, ShapeError> {
        let (found, stride) = sizes::<Words>(memory, Kind::Watch)?;
        found.check(&shape::<T>(schema))?;
        // SAFETY: compared just now.
        let view = unsafe { Words::view(memory, &stride)? };
        Ok(ReadOnlyWatch { view, observer, value: PhantomData })
    }

    fn here(&self) -> Result<(), Fault> {
        if self.observer.is_here() { Ok(()) } else { Err(Fault::Forked) }
    }

    /// Returns a copy of the latest value.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get(&self) -> Result<T, Fault> {
        self.here()?;
        self.view.read().and_then(|snapshot| payload::check(snapshot.bytes))
    }

    /// Returns a copy of the latest value, with its version and its age.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        self.here()?;
        // The time first: an age is never that of a value from after the call.
        let now = self.observer.now();
        self.view.read().and_then(|snapshot| Versioned::of(snapshot, now))
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
}
