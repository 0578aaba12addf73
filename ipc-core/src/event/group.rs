//! An event group: 32 flags in one word, of which one waits for some or for all.
//!
//! The word is an [atomic cell](crate::atomic), with all that is said there about death and orderings. Waiting with
//! consumption is one compare-exchange that sees the flags and clears them, so of several who wait for one flag a single one
//! gets it.

use core::fmt;

use crate::atomic::Atomic;
use crate::memory::Memory;
use crate::object::{Kind, Shape, ShapeError};
use crate::platform::Platform;
use crate::time::Instant;

/// Which flags are waited for, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One bit for each flag.
    pub flags: u32,
    /// All of them at once, rather than at least one.
    pub all: bool,
    /// Those that are set are cleared in the same step.
    pub take: bool,
}

impl Wanted {
    /// Whether these flags are what is waited for.
    pub const fn is_met_by(&self, flags: u32) -> bool {
        if self.all { flags & self.flags == self.flags } else { flags & self.flags != 0 }
    }
}

/// A handle of an event group in shared memory.
pub struct EventGroup<'m, P>(Atomic<'m, u32, P>);

// Shared memory is not touched.
impl<P> fmt::Debug for EventGroup<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventGroup").finish_non_exhaustive()
    }
}

impl<'m, P: Platform> EventGroup<'m, P> {
    /// What a group is compared with.
    pub const fn shape() -> Shape {
        Shape::of::<()>(Kind::EventGroup, 32, 0)
    }

    /// Lays a group into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, flags: u32, platform: P) -> Result<Self, ShapeError> {
        Atomic::create_as(&Self::shape(), memory, flags, platform).map(EventGroup)
    }

    /// A handle of the group that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        Atomic::attach_as(&Self::shape(), memory, platform).map(EventGroup)
    }

    /// Another handle of the same group. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> EventGroup<'m, Q> {
        EventGroup(self.0.with_platform(platform))
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        self.0.platform()
    }

    /// The flags that are set. One load.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.0.load()
    }

    /// Sets these flags and wakes whoever waits; the flags that were set before. Wait-free.
    pub fn set(&self, flags: u32) -> u32 {
        self.0.fetch_or(flags)
    }

    /// Clears these flags; the flags that were set before. Lock-free. Wakes nobody: nobody waits for that.
    pub fn clear(&self, flags: u32) -> u32 {
        self.0.fetch_and(!flags)
    }

    /// The flags as they were when they were what is `wanted`, if they are now. Never waits.
    pub fn try_wait(&self, wanted: Wanted) -> Option<u32> {
        if wanted.take {
            self.0.fetch_update(|flags| wanted.is_met_by(flags).then_some(flags & !wanted.flags)).ok()
        } else {
            Some(self.0.load()).filter(|flags| wanted.is_met_by(*flags))
        }
    }

    /// The same, and waits for it until `deadline` at most (`None`: for ever). `None` is the time-out.
    pub fn wait(&self, wanted: Wanted, deadline: Option<Instant>) -> Option<u32> {
        if wanted.take {
            self.0.wait_update(deadline, |flags| wanted.is_met_by(flags).then_some(flags & !wanted.flags))
        } else {
            self.0.wait_until(deadline, |flags| wanted.is_met_by(flags))
        }
    }
}
