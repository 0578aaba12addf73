//! The condition variable in the memory of a region.

use core::fmt;

use super::raw::RawCondvar;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::platform::Platform;
use crate::time::Instant;

/// Bytes of a condition variable.
pub const FOOTPRINT: u64 = (HEADER_BYTES + OBJECT_ALIGN) as u64;

/// Repairs a condition variable after a dead participant: wakes whom it may have owed that.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, platform: &P) -> Result<(), ShapeError> {
    word(memory)?.notify_all(platform);
    Ok(())
}

fn word(memory: Memory<'_>) -> Result<&RawCondvar, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: FOOTPRINT, found: memory.len() as u64 };
    // SAFETY: the word is an atomic, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawCondvar>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A handle of a condition variable in shared memory. See the [module](super) for what it promises.
pub struct Condvar<'m, P> {
    raw: &'m RawCondvar,
    platform: P,
}

// Shared memory is not touched.
impl<P> fmt::Debug for Condvar<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

impl<'m, P: Platform> Condvar<'m, P> {
    /// What a condition variable is compared with.
    pub const fn shape() -> Shape {
        Shape::of::<()>(Kind::Condvar, 1, 0)
    }

    /// Lays a condition variable into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        let raw = word(memory)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(), FOOTPRINT);
        raw.initialise();
        header.publish();
        Ok(Condvar { raw, platform })
    }

    /// A handle of the condition variable that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        object::checked(memory, &Self::shape())?;
        Ok(Condvar { raw: word(memory)?, platform })
    }

    /// Another handle of the same condition variable. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Condvar<'m, Q> {
        Condvar { raw: self.raw, platform }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// See [`RawCondvar::wait`].
    pub fn wait(&self, deadline: Option<Instant>, unlock: impl FnOnce()) -> bool {
        self.raw.wait(&self.platform, deadline, unlock)
    }

    /// See [`RawCondvar::notify_one`].
    pub fn notify_one(&self) {
        self.raw.notify_one(&self.platform);
    }

    /// See [`RawCondvar::notify_all`].
    pub fn notify_all(&self) {
        self.raw.notify_all(&self.platform);
    }
}
