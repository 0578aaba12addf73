//! Events: the handle and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::error::{Fault, WaitTimeoutError};
use ipc_core::event::{FOOTPRINT, Reset};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what an event should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct EventOptions<'r> {
    region: &'r Region,
    name: String,
    reset: Reset,
    set: bool,
}

impl<'r> EventOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        EventOptions { region, name: name.to_owned(), reset: Reset::Manual, set: false }
    }

    /// Each `set` lets one waiter go, which takes the flag along. All who open the event have to say so. Default: the flag
    /// stays set until it is cleared, and everybody goes.
    pub fn auto_reset(mut self) -> Self {
        self.reset = Reset::Auto;
        self
    }

    /// Whether a new event is set. Default: no.
    pub fn initially_set(mut self, yes: bool) -> Self {
        self.set = yes;
        self
    }

    builder_ends!(Event, Event::new);
}

impl Blueprint for EventOptions<'_> {
    type Core = ipc_core::Event<'static, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.reset)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(FOOTPRINT)
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.reset, self.set, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, self.reset, membership)
    }
}

/// A flag between processes that can be waited for: Python's `Event`, and with
/// [`auto_reset`](EventOptions::auto_reset) the one that lets a single waiter go.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ready = region.event("ready").open_or_create()?;
/// assert!(!ready.is_set());
/// ready.set()?;
/// ready.wait()?; // everybody goes until it is cleared
/// ready.clear()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Whoever has waited sees everything that the setter did before. A `set` that is directly followed by a `clear` releases
/// everybody who was waiting at the time. Processes that are killed hold up nobody: if a setter is killed
/// before it has woken the sleepers, they notice within a tenth of a second.
///
/// [`is_set`](Self::is_set) is one load. `set` makes a system call only if somebody sleeps. After `fork`, the child's handle
/// answers with [`Fault::Forked`].
#[doc(alias = "ManualResetEvent")]
#[doc(alias = "AutoResetEvent")]
#[doc(alias = "Notify")]
pub struct Event {
    core: ipc_core::Event<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Clone for Event {
    fn clone(&self) -> Self {
        Event { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl Event {
    fn new(core: ipc_core::Event<'static, Membership>, _region: &Region, name: &str) -> Self {
        Event { core, name: name.into() }
    }

    /// The bytes that an event takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(FOOTPRINT)
    }

    /// The event's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the event lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    fn here(&self) -> Result<&ipc_core::Event<'static, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// Sets the flag and wakes whoever may go; `true` if it was clear.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "notify_all")]
    pub fn set(&self) -> Result<bool, Fault> {
        self.here().map(|core| core.set())
    }

    /// Clears the flag; `true` if it was set.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear(&self) -> Result<bool, Fault> {
        self.here().map(|core| core.clear())
    }

    /// Whether the flag is set. One load; `false` after a fork.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.here().is_ok_and(|core| core.is_set())
    }

    /// Whether a wait would end at once; an event that resets itself is clear afterwards. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn try_wait(&self) -> Result<bool, Fault> {
        self.here().map(|core| core.try_wait())
    }

    /// Waits until the flag is set, and takes it along if the event resets itself.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn wait(&self) -> Result<(), Fault> {
        self.here().map(|core| {
            core.wait(None);
        })
    }

    /// Waits at most so long. A flag that is set wins whatever the time limit.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), WaitTimeoutError> {
        self.wait_until(clock::after(timeout))
    }

    /// Waits at most until then.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), WaitTimeoutError> {
        self.wait_until(clock::at(deadline))
    }

    fn wait_until(&self, deadline: ipc_core::Instant) -> Result<(), WaitTimeoutError> {
        match self.here() {
            Err(fault) => Err(WaitTimeoutError::Fault(fault)),
            Ok(core) if core.wait(Some(deadline)) => Ok(()),
            Ok(_) => Err(WaitTimeoutError::Timeout),
        }
    }
}
