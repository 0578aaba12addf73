//! Cells that are set once: the handle and the builder.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{Fault, SetError, WaitTimeoutError, WriteError};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};
use ipc_core::once::footprint;

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what a cell should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct OnceCellOptions<'r, T> {
    region: &'r Region,
    name: String,
    schema: u64,
    value: PhantomData<T>,
}

impl<'r, T> OnceCellOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        OnceCellOptions { region, name: name.to_owned(), schema: 0, value: PhantomData }
    }
}

impl<T: NoUninit + CheckedBitPattern> OnceCellOptions<'_, T> {
    /// A number of your own for the meaning of `T`, compared at every open. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(OnceCell<T>, OnceCell::new);
}

impl<T: NoUninit + CheckedBitPattern> Blueprint for OnceCellOptions<'_, T> {
    type Core = ipc_core::OnceCell<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(footprint::<T>())
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}

/// A cell between processes that is set once, by whoever comes first: what [`std::sync::OnceLock`] is between threads.
///
/// ```
/// # use ipc_posix::{Region, WriteError};
/// # let region = Region::options().anonymous()?;
/// let seed = region.once_cell::<u64>("seed").open_or_create()?;
/// // Any number of processes at once: one of them makes the value, all of them get it.
/// let value = seed.get_or_init(|| 42)?;
/// assert_eq!(seed.get()?, Some(value));
/// assert!(seed.set(43).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A process that is killed while it makes or writes the value has done nothing: the next one's turn comes (at once, or within
/// some 12 ms if it was waiting already). Nobody ever sees half a value. The same holds for an initialiser that panics.
///
/// [`get`](Self::get) is one load and a copy, and never waits. The value is handed out as a copy. After `fork`, the child's
/// handle answers with [`Fault::Forked`].
#[doc(alias = "OnceLock")]
#[doc(alias = "LazyLock")]
pub struct OnceCell<T> {
    core: ipc_core::OnceCell<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: NoUninit + CheckedBitPattern> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        OnceCell { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T: NoUninit + CheckedBitPattern> OnceCell<T> {
    fn new(core: ipc_core::OnceCell<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        OnceCell { core, name: name.into() }
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

    fn here(&self) -> Result<&ipc_core::OnceCell<'static, T, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// Whether there is a value. One load; `false` after a fork.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.here().is_ok_and(|core| core.is_set())
    }

    /// A copy of the value, if there is one. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`] if a peer with another idea of `T` has set it, [`Fault::Forked`].
    #[inline]
    pub fn get(&self) -> Result<Option<T>, Fault> {
        self.here().and_then(|core| core.get())
    }

    /// Sets the cell. Waits for whoever is setting it.
    ///
    /// # Errors
    ///
    /// [`AlreadySet`](SetError::AlreadySet); [`Deadlock`](SetError::Deadlock) from inside of an initialiser; the value comes
    /// back.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.here() {
            Ok(core) => core.set(value),
            Err(fault) => Err(SetError::Fault(value, fault)),
        }
    }

    /// The value. If there is none, sets the one that `make` makes, which runs in one process at a time; waits while it
    /// runs elsewhere.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) from inside of an initialiser.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<T, WriteError> {
        self.get_or_try_init(|| Ok(make()))
    }

    /// [`get_or_init`](Self::get_or_init) with a `make` that may fail: then the cell stays empty, and the next one's turn comes.
    ///
    /// # Errors
    ///
    /// Those of `make`, and a [`WriteError`].
    pub fn get_or_try_init<E: From<WriteError>>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.here().map_err(WriteError::Fault)?.get_or_try_init(make)
    }

    /// Waits until somebody has set the cell; the value. If whoever is setting it dies, that is not a value.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait(&self) -> Result<T, Fault> {
        // Without a deadline there is no time-out.
        self.here().and_then(|core| core.wait(None).unwrap_or(Err(Fault::Corrupted)))
    }

    /// Waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout), and those of [`get`](Self::get).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<T, WaitTimeoutError> {
        self.wait_until(clock::after(timeout))
    }

    /// Waits at most until then.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<T, WaitTimeoutError> {
        self.wait_until(clock::at(deadline))
    }

    fn wait_until(&self, deadline: ipc_core::Instant) -> Result<T, WaitTimeoutError> {
        let core = self.here().map_err(WaitTimeoutError::Fault)?;
        core.wait(Some(deadline)).ok_or(WaitTimeoutError::Timeout)?.map_err(WaitTimeoutError::Fault)
    }
}
