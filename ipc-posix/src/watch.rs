//! Latest-value cells: the handles and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{Fault, LockTimeoutError, WaitTimeoutError, WriteError};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};
use ipc_core::watch::{Versioned, footprint};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what a cell should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct WatchOptions<'r, T> {
    region: &'r Region,
    name: String,
    schema: u64,
    initial: T,
}

impl<'r, T: NoUninit + CheckedBitPattern> WatchOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str, initial: T) -> Self {
        WatchOptions { region, name: name.to_owned(), schema: 0, initial }
    }

    /// A number of your own for the meaning of `T`, compared at every open. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(Watch<T>, Watch::new);
}

impl<T: NoUninit + CheckedBitPattern> Blueprint for WatchOptions<'_, T> {
    type Core = ipc_core::Watch<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(footprint::<T>())
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.initial, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}

/// A cell between processes that holds the latest value: what tokio's `watch` is between tasks, and a sequence lock that survives
/// `kill -9`.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// // With the value that a new cell begins with.
/// let position = region.watch("position", [0.0_f64; 3]).open_or_create()?;
/// # let pilot = position.clone();
/// # let pilot = std::thread::spawn(move || pilot.set([1.0, 2.0, 3.0]));
/// let mut changes = position.subscribe()?;
/// # let mut changes = changes.from(0);
/// assert_eq!(changes.changed()?, [1.0, 2.0, 3.0]);
/// assert_eq!(position.get_versioned()?.version, 1);
/// # pilot.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Readers take no lock, write nothing, and never hold up a writer, even stopped ones; what they get is always a whole value.
/// A read is lock-free: it copies again only if three values were published during the copy. Writers take turns under a robust
/// lock. A writer that is killed half-way has published nothing: the previous value stays, and the next writer goes on, at once or
/// within some 12 ms if it was waiting. A writer that is stopped half-way holds up other writers, never readers.
///
/// A value that nobody has read when the next one comes is gone: for every value, take a [`Queue`](crate::Queue). Versions
/// count from 0, the value that the cell was created with. After `fork`, the child's handle answers with [`Fault::Forked`].
/// [`ReadOnlyRegion::watch`](crate::ReadOnlyRegion::watch) reads without the right to write.
#[doc(alias = "seqlock")]
#[doc(alias = "SeqLock")]
#[doc(alias = "blackboard")]
pub struct Watch<T> {
    core: ipc_core::Watch<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: NoUninit + CheckedBitPattern> Clone for Watch<T> {
    fn clone(&self) -> Self {
        Watch { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T: NoUninit + CheckedBitPattern> Watch<T> {
    fn new(core: ipc_core::Watch<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Watch { core, name: name.into() }
    }

    /// The bytes that a cell of `T` takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(footprint::<T>())
    }

    /// The cell's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the cell lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    #[inline(always)]
    fn here(&self) -> Result<&ipc_core::Watch<'static, T, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// A copy of the latest value. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`] if a peer with another idea of `T` has written it, [`Fault::Corrupted`], [`Fault::Forked`].
    #[inline]
    #[doc(alias = "borrow")]
    pub fn get(&self) -> Result<T, Fault> {
        self.here().and_then(|core| core.look().get())
    }

    /// A copy of the latest value, with its version and its age.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        self.here().and_then(|core| core.get_versioned())
    }

    /// The number of the latest version. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn version(&self) -> Result<u64, Fault> {
        self.here().map(|core| core.look().version())
    }

    /// Publishes a value; the number of its version. Waits for other writers.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) from inside of an [`update`](Self::update).
    #[doc(alias = "send")]
    pub fn set(&self, value: T) -> Result<u64, WriteError> {
        self.here()?.set(value)
    }

    /// Publishes a value; waits for other writers at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LockTimeoutError::Timeout), and those of [`set`](Self::set).
    pub fn set_timeout(&self, value: T, timeout: Duration) -> Result<u64, LockTimeoutError<()>> {
        self.here().map_err(LockTimeoutError::Fault)?.set_deadline(value, clock::after(timeout))
    }

    /// Publishes what `change` makes of the latest value; the value before. Nobody else writes meanwhile. If `change` panics,
    /// nothing has happened.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set) and [`get`](Self::get).
    #[doc(alias = "send_modify")]
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T, WriteError> {
        self.here()?.update(change)
    }

    /// Waits until the latest version is not number `seen`; that version.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait_for_change(&self, seen: u64) -> Result<Versioned<T>, Fault> {
        // Without a deadline there is no time-out.
        self.wait(None, |core| changed(core, seen)).unwrap_or(Err(Fault::Corrupted))
    }

    /// Waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout), and those of [`get`](Self::get).
    pub fn wait_for_change_timeout(&self, seen: u64, timeout: Duration) -> Result<Versioned<T>, WaitTimeoutError> {
        limited(self.wait(Some(clock::after(timeout)), |core| changed(core, seen)))
    }

    /// Waits at most until then.
    ///
    /// # Errors
    ///
    /// As [`wait_for_change_timeout`](Self::wait_for_change_timeout).
    pub fn wait_for_change_deadline(&self, seen: u64, deadline: Instant) -> Result<Versioned<T>, WaitTimeoutError> {
        limited(self.wait(Some(clock::at(deadline)), |core| changed(core, seen)))
    }

    /// Waits until the latest value is as `condition` wants it; that value. A value that was there only for a moment may be
    /// missed.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    #[doc(alias = "wait_for")]
    pub fn wait_until(&self, mut condition: impl FnMut(&T) -> bool) -> Result<T, Fault> {
        // Without a deadline there is no time-out.
        self.wait(None, |core| met(core, &mut condition)).unwrap_or(Err(Fault::Corrupted))
    }

    /// Waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout), and those of [`get`](Self::get).
    pub fn wait_until_timeout(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        limited(self.wait(Some(clock::after(timeout)), |core| met(core, &mut condition)))
    }

    /// Waits at most until then.
    ///
    /// # Errors
    ///
    /// As [`wait_until_timeout`](Self::wait_until_timeout).
    pub fn wait_until_deadline(
        &self,
        deadline: Instant,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        limited(self.wait(Some(clock::at(deadline)), |core| met(core, &mut condition)))
    }

    fn wait<R>(
        &self,
        deadline: Option<ipc_core::Instant>,
        mut done: impl FnMut(&ipc_core::Watch<'static, T, Membership>) -> Option<Result<R, Fault>>,
    ) -> Option<Result<R, Fault>> {
        match self.here() {
            Ok(core) => core.wait(deadline, |_| done(core)),
            Err(fault) => Some(Err(fault)),
        }
    }

    /// A reader that remembers what it has seen; the present value counts as seen.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn subscribe(&self) -> Result<WatchReader<T>, Fault> {
        Ok(WatchReader { seen: self.version()?, watch: self.clone() })
    }
}

fn changed<T: NoUninit + CheckedBitPattern>(
    core: &ipc_core::Watch<'static, T, Membership>,
    seen: u64,
) -> Option<Result<Versioned<T>, Fault>> {
    if core.look().version() == seen { None } else { Some(core.get_versioned()) }
}

fn met<T: NoUninit + CheckedBitPattern>(
    core: &ipc_core::Watch<'static, T, Membership>,
    condition: &mut impl FnMut(&T) -> bool,
) -> Option<Result<T, Fault>> {
    core.look().get().map(|value| condition(&value).then_some(value)).transpose()
}

fn limited<R>(result: Option<Result<R, Fault>>) -> Result<R, WaitTimeoutError> {
    result.ok_or(WaitTimeoutError::Timeout)?.map_err(WaitTimeoutError::Fault)
}

/// A reader of a [`Watch`] that remembers which version it has seen.
///
/// # Errors
///
/// Those of [`Watch::get`].
pub struct WatchReader<T> {
    watch: Watch<T>,
    seen: u64,
}

// Shared memory is not touched.
impl<T> fmt::Debug for WatchReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchReader").field("name", &self.watch.name).field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl<T: NoUninit + CheckedBitPattern> Clone for WatchReader<T> {
    fn clone(&self) -> Self {
        WatchReader { watch: self.watch.clone(), seen: self.seen }
    }
}

impl<T: NoUninit + CheckedBitPattern> WatchReader<T> {
    /// The same reader, which has seen this version and nothing later.
    pub fn from(mut self, version: u64) -> Self {
        self.seen = version;
        self
    }

    /// The cell.
    pub fn watch(&self) -> &Watch<T> {
        &self.watch
    }

    /// The version that was seen last.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether there is a version that was not seen.
    pub fn has_changed(&self) -> Result<bool, Fault> {
        Ok(self.watch.version()? != self.seen)
    }

    /// The latest value, which is seen with this.
    #[doc(alias = "borrow_and_update")]
    pub fn get(&mut self) -> Result<T, Fault> {
        let latest = self.watch.get_versioned()?;
        Ok(self.see(latest))
    }

    /// Waits for a version that was not seen; its value.
    pub fn changed(&mut self) -> Result<T, Fault> {
        let latest = self.watch.wait_for_change(self.seen)?;
        Ok(self.see(latest))
    }

    /// Waits at most so long.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<T, WaitTimeoutError> {
        let latest = self.watch.wait_for_change_timeout(self.seen, timeout)?;
        Ok(self.see(latest))
    }

    /// Waits at most until then.
    pub fn changed_deadline(&mut self, deadline: Instant) -> Result<T, WaitTimeoutError> {
        let latest = self.watch.wait_for_change_deadline(self.seen, deadline)?;
        Ok(self.see(latest))
    }

    fn see(&mut self, latest: Versioned<T>) -> T {
        self.seen = latest.version;
        latest.value
    }
}

/// A latest-value cell of a [`ReadOnlyRegion`](crate::ReadOnlyRegion): it can be read, and not waited for, which would need a
/// word that one can write to.
pub struct ReadOnlyWatch<'r, T> {
    look: ipc_core::watch::Inspector<'r, T>,
    region: &'r crate::ReadOnlyRegion,
}

// Shared memory is not touched.
impl<T> fmt::Debug for ReadOnlyWatch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyWatch").finish_non_exhaustive()
    }
}

impl<'r, T: NoUninit + CheckedBitPattern> ReadOnlyWatch<'r, T> {
    pub(crate) fn new(look: ipc_core::watch::Inspector<'r, T>, region: &'r crate::ReadOnlyRegion) -> Self {
        ReadOnlyWatch { look, region }
    }

    fn here(&self) -> Result<&ipc_core::watch::Inspector<'r, T>, Fault> {
        if self.region.is_here() { Ok(&self.look) } else { Err(Fault::Forked) }
    }

    /// A copy of the latest value.
    ///
    /// # Errors
    ///
    /// As [`Watch::get`].
    pub fn get(&self) -> Result<T, Fault> {
        self.here().and_then(|look| look.get())
    }

    /// A copy of the latest value, with its version and its age.
    ///
    /// # Errors
    ///
    /// As [`Watch::get`].
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        let now = clock::now();
        self.here().and_then(|look| look.get_versioned(now))
    }

    /// The number of the latest version.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn version(&self) -> Result<u64, Fault> {
        self.here().map(|look| look.version())
    }
}
