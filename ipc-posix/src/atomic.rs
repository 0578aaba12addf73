//! Atomic cells and counters: the handle and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::atomic::{FOOTPRINT, Integer, Value};
use ipc_core::error::{Fault, WaitTimeoutError};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what an atomic cell should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct AtomicOptions<'r, T> {
    region: &'r Region,
    name: String,
    value: T,
    schema: u64,
}

impl<'r, T: Value + Default> AtomicOptions<'r, T> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        AtomicOptions { region, name: name.to_owned(), value: T::default(), schema: 0 }
    }
}

impl<T: Value> AtomicOptions<'_, T> {
    /// The value of a new cell. Default: 0 or `false`. A cell that exists keeps its own.
    pub fn initial(mut self, value: T) -> Self {
        self.value = value;
        self
    }

    /// Your own number for what the value means: those who open the cell have to give the same. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema = number;
        self
    }

    builder_ends!(Atomic<T>, Atomic::new);
}

impl<T: Value> Blueprint for AtomicOptions<'_, T> {
    type Core = ipc_core::Atomic<'static, T, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.schema)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(FOOTPRINT)
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.value, self.schema, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.schema, membership)
    }
}

/// A counter between processes.
pub type Counter = Atomic<u64>;

/// A number or flag between processes, with the operations of [`std::sync::atomic`], that can be waited for: `u32`, `i32`,
/// `u64`, `i64` or `bool`. Python's `Value`, without the lock that `+=` forgets there.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let left = region.counter("left").initial(3).open_or_create()?;
/// # let worker = left.clone();
/// # let worker = std::thread::spawn(move || {
/// // Each of three workers, in whatever process:
/// left.fetch_sub(1)?;
/// # for _ in 1..3 { left.fetch_sub(1)?; } Ok::<(), ipc_posix::Fault>(()) });
/// # let left = region.counter("left").open()?;
///
/// // Whoever wants all of them to be done:
/// left.wait_until(|left| left == 0)?;
/// # worker.join().unwrap()?;
///
/// // A ticket, if there is one: the read and the write are one step.
/// assert!(left.fetch_update(|left| left.checked_sub(1))?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each operation is one step (wait-free, but for `fetch_update` and those made of it, which are lock-free) and sequentially
/// consistent: whoever sees a change sees everything that its author did before. A process that is killed has made its change
/// or not; there is nothing to repair. No system call unless somebody waits; if the author of a change is killed
/// before it has woken those, they notice within a tenth of a second.
///
/// # Errors
///
/// Every operation answers [`Fault::Forked`] in a child after `fork`, and has no other error.
#[doc(alias = "Value")]
#[doc(alias = "AtomicCell")]
#[doc(alias = "AtomicU64")]
#[doc(alias = "AtomicI64")]
#[doc(alias = "AtomicBool")]
pub struct Atomic<T: Value> {
    core: ipc_core::Atomic<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl<T: Value> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: Value> Clone for Atomic<T> {
    fn clone(&self) -> Self {
        let core = self.core.with_platform(self.core.platform().clone());
        Atomic { core, name: self.name.clone() }
    }
}

impl<T: Value> Atomic<T> {
    fn new(core: ipc_core::Atomic<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Atomic { core, name: name.into() }
    }

    /// The bytes that a cell takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(FOOTPRINT)
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
    fn here(&self) -> Result<&ipc_core::Atomic<'static, T, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// The value. One load.
    #[inline]
    #[doc(alias = "get")]
    pub fn load(&self) -> Result<T, Fault> {
        self.here().map(|core| core.load())
    }

    /// Puts a value in.
    #[inline]
    #[doc(alias = "set")]
    pub fn store(&self, value: T) -> Result<(), Fault> {
        self.swap(value).map(drop)
    }

    /// Puts a value in; the value before.
    #[inline]
    pub fn swap(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.swap(value))
    }

    /// Puts `new` in if `current` is there. The inner result is that of [`std::sync::atomic`]: the value that was
    /// there, as `Ok` if it was `current`.
    #[inline]
    #[doc(alias = "compare_and_swap")]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<Result<T, T>, Fault> {
        self.here().map(|core| core.compare_exchange(current, new))
    }

    /// Replaces the value by what `change` makes of it, unless that is `None`; in one step, so `change` may be called
    /// several times. Inside, `Ok` is the value before the change, `Err` the one that was left alone.
    #[inline]
    #[doc(alias = "try_update")]
    pub fn fetch_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<Result<T, T>, Fault> {
        self.here().map(|core| core.fetch_update(change))
    }

    /// Replaces the value by what `change` makes of it, in one step; the value before. `change` may be called several times.
    #[inline]
    pub fn update(&self, mut change: impl FnMut(T) -> T) -> Result<T, Fault> {
        // Never refused: both sides are the value before.
        self.fetch_update(|value| Some(change(value))).map(|done| done.unwrap_or_else(|value| value))
    }

    /// Bitwise and; the value before.
    #[inline]
    pub fn fetch_and(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.fetch_and(value))
    }

    /// Bitwise or; the value before.
    #[inline]
    pub fn fetch_or(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.fetch_or(value))
    }

    /// Bitwise exclusive or; the value before.
    #[inline]
    #[doc(alias = "toggle")]
    pub fn fetch_xor(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.fetch_xor(value))
    }

    /// Waits until `condition` holds; the value with which it did. A condition that holds only for a moment may be missed:
    /// who waits sees the values that are there when it looks.
    pub fn wait_until(&self, condition: impl FnMut(T) -> bool) -> Result<T, Fault> {
        // Without a deadline there is no time-out.
        self.here().and_then(|core| core.wait_until(None, condition).ok_or(Fault::Corrupted))
    }

    /// Waits at most so long. A condition that holds wins whatever the time limit.
    pub fn wait_until_timeout(
        &self,
        timeout: Duration,
        condition: impl FnMut(T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        self.limited(|core| core.wait_until(Some(clock::after(timeout)), condition))
    }

    /// Waits at most until then.
    pub fn wait_until_deadline(
        &self,
        deadline: Instant,
        condition: impl FnMut(T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        self.limited(|core| core.wait_until(Some(clock::at(deadline)), condition))
    }

    /// Waits until `change` makes a new value of the one that is there, and puts that in, in one step; the value before. Of
    /// several who wait for one value, one gets it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// # let tickets = region.atomic::<i32>("tickets").initial(1).create()?;
    /// // Takes a ticket, and waits for one.
    /// tickets.wait_update(|left| (left > 0).then(|| left - 1))?;
    /// assert_eq!(tickets.load()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<T, Fault> {
        // Without a deadline there is no time-out.
        self.here().and_then(|core| core.wait_update(None, change).ok_or(Fault::Corrupted))
    }

    /// Waits at most so long.
    pub fn wait_update_timeout(
        &self,
        timeout: Duration,
        change: impl FnMut(T) -> Option<T>,
    ) -> Result<T, WaitTimeoutError> {
        self.limited(|core| core.wait_update(Some(clock::after(timeout)), change))
    }

    /// Waits at most until then.
    pub fn wait_update_deadline(
        &self,
        deadline: Instant,
        change: impl FnMut(T) -> Option<T>,
    ) -> Result<T, WaitTimeoutError> {
        self.limited(|core| core.wait_update(Some(clock::at(deadline)), change))
    }

    fn limited(
        &self,
        wait: impl FnOnce(&ipc_core::Atomic<'static, T, Membership>) -> Option<T>,
    ) -> Result<T, WaitTimeoutError> {
        wait(self.here().map_err(WaitTimeoutError::Fault)?).ok_or(WaitTimeoutError::Timeout)
    }
}

impl<T: Integer> Atomic<T> {
    /// Adds, and wraps around at the end of the type's range; the value before.
    #[inline]
    pub fn fetch_add(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.fetch_add(value))
    }

    /// Subtracts, and wraps around at the end of the type's range; the value before. To stop at 0, see
    /// [`fetch_update`](Self::fetch_update) and [`wait_update`](Self::wait_update).
    #[inline]
    pub fn fetch_sub(&self, value: T) -> Result<T, Fault> {
        self.here().map(|core| core.fetch_sub(value))
    }

    /// Puts the greater one of both in; the value before.
    #[inline]
    pub fn fetch_max(&self, value: T) -> Result<T, Fault> {
        self.update(|old| old.max(value))
    }

    /// Puts the smaller one of both in; the value before.
    #[inline]
    pub fn fetch_min(&self, value: T) -> Result<T, Fault> {
        self.update(|old| old.min(value))
    }
}

impl Atomic<bool> {
    /// Inverts the flag; what it was before.
    #[inline]
    pub fn fetch_not(&self) -> Result<bool, Fault> {
        self.fetch_xor(true)
    }
}
