//! The event in the memory of a region.

use core::fmt;

use super::raw::{RawEvent, Reset};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// Bytes of an event.
pub const FOOTPRINT: u64 = (HEADER_BYTES + OBJECT_ALIGN) as u64;

/// Repairs an event after a dead participant: wakes whom it may have owed that.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, platform: &P) -> Result<(), ShapeError> {
    word(memory)?.rouse(platform);
    Ok(())
}

fn word(memory: Memory<'_>) -> Result<&RawEvent, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: FOOTPRINT, found: memory.len() as u64 };
    // SAFETY: the word is an atomic, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawEvent>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A handle of an event in shared memory. See the [module](super) for what it promises.
pub struct Event<'m, P> {
    raw: &'m RawEvent,
    reset: Reset,
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<P> fmt::Debug for Event<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("reset", &self.reset).finish_non_exhaustive()
    }
}

impl<'m, P: Platform> Event<'m, P> {
    /// What an event is compared with. The capacity's place says how it resets.
    pub const fn shape(reset: Reset) -> Shape {
        Shape::of::<()>(Kind::Event, reset.number(), 0)
    }

    /// Lays an event into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, reset: Reset, set: bool, platform: P) -> Result<Self, ShapeError> {
        let raw = word(memory)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(reset), FOOTPRINT);
        raw.initialise(set);
        header.publish();
        Ok(Event { raw, reset, budget: SpinBudget::new(&platform), platform })
    }

    /// A handle of the event that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, reset: Reset, platform: P) -> Result<Self, ShapeError> {
        object::checked(memory, &Self::shape(reset))?;
        Ok(Event { raw: word(memory)?, reset, budget: SpinBudget::new(&platform), platform })
    }

    /// Another handle of the same event. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Event<'m, Q> {
        Event { raw: self.raw, reset: self.reset, budget: SpinBudget::new(&platform), platform }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How it resets.
    pub fn reset(&self) -> Reset {
        self.reset
    }

    /// See [`RawEvent::set`].
    pub fn set(&self) -> bool {
        self.raw.set(&self.platform, self.reset)
    }

    /// See [`RawEvent::clear`].
    pub fn clear(&self) -> bool {
        self.raw.clear()
    }

    /// See [`RawEvent::is_set`].
    #[inline]
    pub fn is_set(&self) -> bool {
        self.raw.is_set()
    }

    /// See [`RawEvent::try_wait`].
    pub fn try_wait(&self) -> bool {
        self.raw.try_wait(self.reset)
    }

    /// See [`RawEvent::wait`].
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        self.raw.wait(&self.platform, self.reset, &self.budget, deadline)
    }
}
