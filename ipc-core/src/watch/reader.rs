//! Handles that only read: one that remembers what it has seen, and one that has no right to write.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::{Versioned, Watch, shape};
use super::words::{View, Words};
use crate::ends::{Counted, Role, end};
use crate::error::{ChangedError, ChangedTimeoutError, Fault, TryChangedError};
use crate::here::{Here, here};
use crate::memory::Memory;
use crate::object::{Kind, Object, Schema, ShapeError, named, sizes, waits};
use crate::payload;
use crate::platform::{Observer, Platform};
use crate::sync::private::AtomicU32;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::Attempt;

/// A reader of a [`Watch`] that remembers which version it has seen.
///
/// As an iterator it blocks for each version that was not seen, and yields its value. It ends when the last counted
/// [writer](super::WatchWriter) is gone, or when the cell cannot be used; [`end`](Self::end) says which.
/// In a child after `fork`, each step panics.
///
/// ```
/// # use ipc_posix::{ChangedError, Region};
/// # let region = Region::options().anonymous()?;
/// let level = region.watch("level").initial(0_u32).create()?;
/// let mut levels = level.subscribe()?;
/// # let writer = level.writer()?;
/// # let writer = std::thread::spawn(move || {
/// writer.set(7)?;
/// drop(writer); // the last one
/// # Ok::<(), ipc_posix::WriteError>(()) });
/// for level in &mut levels {
///     assert_eq!(level, 7);
/// }
/// assert_eq!(levels.end(), Some(ChangedError::Disconnected));
/// # writer.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WatchReader<'m, T, P> {
    watch: Watch<'m, T, P>,
    seen: u64,
    end: Option<ChangedError>,
    calls: AtomicU32,
}

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for WatchReader<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchReader").field("watch", &self.watch).field("seen", &self.seen).finish()
    }
}

impl<T, P: Platform + Clone> Clone for WatchReader<'_, T, P> {
    fn clone(&self) -> Self {
        WatchReader { watch: self.watch.clone(), seen: self.seen, end: self.end, calls: AtomicU32::new(0) }
    }
}

named!([T, P: Platform] WatchReader<'_, T, P>, Watch, self => self.watch);

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> WatchReader<'m, T, P> {
    pub(super) fn new(watch: Watch<'m, T, P>, seen: u64) -> Self {
        WatchReader { watch, seen, end: None, calls: AtomicU32::new(0) }
    }

    waits!(self => self.watch);

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

    /// Returns why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<ChangedError> {
        self.end
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
        self.watch.platform.assert_here();
        self.watch.is_deserted(Role::Sender)
    }

    /// Returns the latest value, which counts as seen from now on. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    #[doc(alias = "borrow_and_update")]
    pub fn get(&mut self) -> Result<T, Fault> {
        let latest = self.watch.get_versioned()?;
        self.see(latest.version);
        Ok(latest.value)
    }

    /// Returns the latest value if it was not seen. Never waits.
    ///
    /// # Errors
    ///
    /// [`Unchanged`](TryChangedError::Unchanged); [`Disconnected`](TryChangedError::Disconnected) once the last value was seen. (If
    /// the last writer died, that is noticed by one in a thousand of these calls, by every wait, and by
    /// [`is_disconnected`](Self::is_disconnected).) Those of [`Watch::get`].
    pub fn try_changed(&mut self) -> Result<T, TryChangedError> {
        self.try_unseen()?;
        Ok(self.get()?)
    }

    /// Succeeds if there is a version that was not seen.
    pub(super) fn try_unseen(&self) -> Result<(), TryChangedError> {
        self.watch.try_unseen(self.seen, &self.calls)
    }

    /// Blocks until there is a version that was not seen, and returns its value.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](ChangedError::Disconnected) once the last value was seen, and those of [`Watch::get`].
    pub fn changed(&mut self) -> Result<T, ChangedError> {
        self.changed_within(&Limit::Forever).map_err(ChangedTimeoutError::endless)
    }

    timed! {
        changed_timeout, changed_deadline, changed, "Waits for a new version",
        [&mut self] limit [] -> Result<T, ChangedTimeoutError> { self.changed_within(limit) }
    }

    fn changed_within(&mut self, limit: &Limit<P::Deadline>) -> Result<T, ChangedTimeoutError> {
        let latest = self.changed_with(limit, Watch::get_versioned)?;
        self.see(latest.version);
        Ok(latest.value)
    }

    /// What `copy` makes of the cell once there is a version that was not seen.
    pub(super) fn changed_with<R>(
        &self,
        limit: &Limit<P::Deadline>,
        mut copy: impl FnMut(&Watch<'m, T, P>) -> Result<R, Fault>,
    ) -> Result<R, ChangedTimeoutError> {
        self.watch.changed_with(self.seen, limit, || copy(&self.watch))
    }

    pub(super) fn see(&mut self, version: u64) {
        self.seen = version;
    }
}

impl<T, P: Platform> Watch<'_, T, P> {
    /// Succeeds if the latest version is not number `seen`. Counts its own `calls`.
    pub(super) fn try_unseen(&self, seen: u64, calls: &AtomicU32) -> Result<(), TryChangedError> {
        if self.version()? != seen {
            return Ok(());
        }
        let end = self.is_deserted_now(Role::Sender, calls);
        // The last value came before its writer left: one more check.
        match end && self.version()? != seen {
            true => Ok(()),
            false => Err(if end { TryChangedError::Disconnected } else { TryChangedError::Unchanged }),
        }
    }

    /// What `copy` makes of the cell once the latest version is not number `seen`.
    pub(super) fn changed_with<R>(
        &self,
        seen: u64,
        limit: &Limit<P::Deadline>,
        mut copy: impl FnMut() -> Result<R, Fault>,
    ) -> Result<R, ChangedTimeoutError> {
        let mut unseen = || (self.view.version() != seen).then(|| copy().map(Some));
        let latest = self.wait_within(limit, |asleep_next| match unseen() {
            Some(latest) => Attempt::Done(latest),
            // The last value came before its writer left: one more look.
            None if asleep_next => {
                Attempt::after(self.find_deserted(Role::Sender), || Attempt::Done(unseen().unwrap_or(Ok(None))))
            }
            None => Attempt::NotYet,
        })?;
        latest.ok_or(ChangedTimeoutError::Disconnected)
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for WatchReader<'_, T, P> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.changed().map_err(|why| end(&self.watch.platform, why, &mut self.end)).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.end.is_some() { Some(0) } else { None })
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> FusedIterator for WatchReader<'_, T, P> {}

/// A latest-value cell in memory that the process may only read. It cannot be waited for: a waiter has to announce itself in a
/// word that it can write to.
pub struct ReadOnlyWatch<'m, T, O> {
    pub(super) view: View<'m>,
    pub(super) observer: O,
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
    pub fn attach(memory: Memory<'m>, schema: Schema, observer: O) -> Result<Self, ShapeError> {
        let (found, stride) = sizes::<Words>(memory, Kind::Watch)?;
        found.check(&shape::<T>(schema))?;
        // SAFETY: compared just now.
        let view = unsafe { Words::view(memory, &stride)? };
        Ok(ReadOnlyWatch { view, observer, value: PhantomData })
    }

    fn here(&self) -> Result<(), Fault> {
        here(self.observer.is_here())
    }

    /// Returns a copy of the latest value.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get(&self) -> Result<T, Fault> {
        self.here()?;
        // SAFETY: a snapshot is loaded from shared memory, which is initialised.
        self.view.read().and_then(|snapshot| unsafe { payload::check(snapshot.bytes) })
    }

    /// Returns a copy of the latest value, with its version and its age.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        self.here()?;
        // The time first: an age is never that of a value from after the call.
        let now = Timestamp { at: self.observer.now(), clock: self.observer.clock() };
        self.view.read_timed().and_then(|snapshot| Versioned::of(snapshot, now))
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
