//! Event groups: the handle and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::atomic::FOOTPRINT;
use ipc_core::error::{Fault, WaitTimeoutError};
use ipc_core::event::Wanted;
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::Membership;
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what an event group should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct EventGroupOptions<'r> {
    region: &'r Region,
    name: String,
    flags: u32,
}

impl<'r> EventGroupOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        EventGroupOptions { region, name: name.to_owned(), flags: 0 }
    }

    /// The flags that are set in a new group. Default: none.
    pub fn initially_set(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    builder_ends!(EventGroup, EventGroup::new);
}

impl Blueprint for EventGroupOptions<'_> {
    type Core = ipc_core::EventGroup<'static, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape()
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        Ok(FOOTPRINT)
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.flags, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, membership)
    }
}

/// 32 event flags between processes, of which one waits for some or for all, as real-time kernels have them.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// const CAMERA: u32 = 1 << 0;
/// const LIDAR: u32 = 1 << 1;
/// const STOP: u32 = 1 << 31;
///
/// let ready = region.event_group("ready").open_or_create()?;
/// ready.set(CAMERA)?;
/// ready.set(LIDAR)?;
/// // Both at once, and both are clear afterwards.
/// ready.take_all(CAMERA | LIDAR)?;
/// assert_eq!(ready.flags()?, 0);
/// ready.set(STOP)?;
/// assert_eq!(ready.wait_any(CAMERA | STOP)?, STOP);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The `wait` calls leave the flags as they are, the `take` calls clear those they were called with, in the same
/// step: of several who take one flag, one gets it. Each returns all flags as they were at that moment. To wait for any of no
/// flags is to wait for ever; all of no flags are always there. A flag that is set and cleared at once may be missed by who waits.
///
/// `set` and `clear` are one step each, and a system call only if somebody waits. Processes that are killed hold up nobody: if a
/// setter is killed before it has woken the sleepers, they notice within a tenth of a second. After `fork`, the child's
/// handle answers with [`Fault::Forked`], the only error besides a time-out.
#[doc(alias = "EventFlags")]
#[doc(alias = "xEventGroup")]
pub struct EventGroup {
    core: ipc_core::EventGroup<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl fmt::Debug for EventGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventGroup").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Clone for EventGroup {
    fn clone(&self) -> Self {
        EventGroup { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

/// The four calls of one way to wait.
macro_rules! waits {
    ($what:literal, $all:literal, $take:literal, $try:ident, $wait:ident, $timeout:ident, $deadline:ident) => {
        #[doc = concat!("The flags, if ", $what, ". Never waits.")]
        pub fn $try(&self, flags: u32) -> Result<Option<u32>, Fault> {
            self.here().map(|core| core.try_wait(Wanted { flags, all: $all, take: $take }))
        }

        #[doc = concat!("Waits until ", $what, "; the flags.")]
        pub fn $wait(&self, flags: u32) -> Result<u32, Fault> {
            let wanted = Wanted { flags, all: $all, take: $take };
            // Without a deadline there is no time-out.
            self.here().and_then(|core| core.wait(wanted, None).ok_or(Fault::Corrupted))
        }

        #[doc = concat!("Waits until ", $what, ", at most so long. Flags that are there win whatever the time limit.")]
        pub fn $timeout(&self, flags: u32, timeout: Duration) -> Result<u32, WaitTimeoutError> {
            self.wait_within(Wanted { flags, all: $all, take: $take }, clock::after(timeout))
        }

        #[doc = concat!("Waits until ", $what, ", at most until then.")]
        pub fn $deadline(&self, flags: u32, deadline: Instant) -> Result<u32, WaitTimeoutError> {
            self.wait_within(Wanted { flags, all: $all, take: $take }, clock::at(deadline))
        }
    };
}

impl EventGroup {
    fn new(core: ipc_core::EventGroup<'static, Membership>, _region: &Region, name: &str) -> Self {
        EventGroup { core, name: name.into() }
    }

    /// The bytes that a group takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint() -> Footprint {
        Footprint(FOOTPRINT)
    }

    /// The group's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the group lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    fn here(&self) -> Result<&ipc_core::EventGroup<'static, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// The flags that are set. One load.
    #[inline]
    pub fn flags(&self) -> Result<u32, Fault> {
        self.here().map(|core| core.flags())
    }

    /// Sets these flags and wakes whoever waits; the flags that were set before.
    pub fn set(&self, flags: u32) -> Result<u32, Fault> {
        self.here().map(|core| core.set(flags))
    }

    /// Clears these flags; the flags that were set before.
    pub fn clear(&self, flags: u32) -> Result<u32, Fault> {
        self.here().map(|core| core.clear(flags))
    }

    waits!("at least one of these is set", false, false, try_wait_any, wait_any, wait_any_timeout, wait_any_deadline);
    waits!("all of these are set", true, false, try_wait_all, wait_all, wait_all_timeout, wait_all_deadline);
    waits!(
        "at least one of these is set, and clears these",
        false,
        true,
        try_take_any,
        take_any,
        take_any_timeout,
        take_any_deadline
    );
    waits!(
        "all of these are set, and clears these",
        true,
        true,
        try_take_all,
        take_all,
        take_all_timeout,
        take_all_deadline
    );

    fn wait_within(&self, wanted: Wanted, deadline: ipc_core::Instant) -> Result<u32, WaitTimeoutError> {
        let core = self.here().map_err(WaitTimeoutError::Fault)?;
        core.wait(wanted, Some(deadline)).ok_or(WaitTimeoutError::Timeout)
    }
}
