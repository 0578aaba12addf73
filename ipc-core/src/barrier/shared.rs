//! The barrier in the memory of a region.

use core::fmt;

use super::raw::{MOST_PARTIES, RawBarrier, Seat, Stop};
use crate::error::{BarrierError, BarrierTimeoutError, Fault, JoinError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// Bytes from the start of the object to its first seat.
pub(crate) const SEATS_OFFSET: usize = HEADER_BYTES + size_of::<RawBarrier>();

/// Bytes of a barrier for so many parties.
pub const fn footprint(parties: u32) -> u64 {
    let bytes = SEATS_OFFSET as u64 + parties as u64 * size_of::<Seat>() as u64;
    bytes.next_multiple_of(OBJECT_ALIGN as u64)
}

/// The parties, if there can be so many.
fn possible(parties: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(parties).ok().filter(|parties| (1..=MOST_PARTIES).contains(parties));
    fits.ok_or(ShapeError::Capacity { wanted: parties })
}

/// Repairs a barrier after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    let (raw, seats) = parts(memory, possible(shape.capacity)?)?;
    raw.sweep(dead, platform, seats);
    Ok(())
}

fn parts(memory: Memory<'_>, parties: u32) -> Result<(&RawBarrier, &[Seat]), ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: footprint(parties), found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    let raw = unsafe { memory.atomics::<RawBarrier>(HEADER_BYTES, 1) }.ok_or(too_small)?;
    // SAFETY: as above, for the seats.
    let seats = unsafe { memory.atomics::<Seat>(SEATS_OFFSET, parties as usize) }.ok_or(too_small)?;
    Ok((&raw[0], seats))
}

/// A handle of a barrier in shared memory. See the [module](super) for how it works.
pub struct Barrier<'m, P> {
    raw: &'m RawBarrier,
    seats: &'m [Seat],
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<P> fmt::Debug for Barrier<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("parties", &self.seats.len()).finish_non_exhaustive()
    }
}

impl<'m, P: Platform> Barrier<'m, P> {
    /// What a barrier is compared with; 0 parties: any number.
    pub const fn shape(parties: u32) -> Shape {
        Shape::of::<u64>(Kind::Barrier, parties as u64, 0)
    }

    /// Lays a barrier into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, parties: u32, platform: P) -> Result<Self, ShapeError> {
        let parties = possible(parties.into())?;
        let (raw, seats) = parts(memory, parties)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(parties), footprint(parties));
        raw.initialise(seats);
        header.publish();
        Ok(Self::over(raw, seats, platform))
    }

    /// A handle of the barrier that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        let (found, length) = object::checked(memory, &Self::shape(0))?;
        let parties = possible(found.capacity)?;
        let wanted = footprint(parties);
        if length != wanted {
            return Err(ShapeError::Differs { field: Field::Length, wanted, found: length });
        }
        let (raw, seats) = parts(memory, parties)?;
        Ok(Self::over(raw, seats, platform))
    }

    fn over(raw: &'m RawBarrier, seats: &'m [Seat], platform: P) -> Self {
        let budget = SpinBudget::new(&platform);
        Barrier { raw, seats, budget, platform }
    }

    /// Another handle of the same barrier. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Barrier<'m, Q> {
        Barrier::over(self.raw, self.seats, platform)
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How many parties there are.
    pub fn parties(&self) -> u32 {
        self.seats.len() as u32
    }

    /// See [`RawBarrier::waiting`].
    pub fn waiting(&self) -> usize {
        self.raw.waiting(self.seats)
    }

    /// See [`RawBarrier::is_broken`].
    pub fn is_broken(&self) -> bool {
        self.raw.is_broken()
    }

    /// Arrives, and waits for the others. `true` for the leader.
    pub fn wait(&self) -> Result<bool, BarrierError> {
        self.raw.wait(&self.platform, self.seats, &self.budget, None).map_err(|stop| match stop {
            Stop::Broken => BarrierError::Broken,
            _ => BarrierError::Fault(Fault::Corrupted),
        })
    }

    /// [`wait`](Self::wait) until `deadline` at most. If the time is over, the barrier breaks.
    pub fn wait_deadline(&self, deadline: Instant) -> Result<bool, BarrierTimeoutError> {
        self.raw.wait(&self.platform, self.seats, &self.budget, Some(deadline)).map_err(|stop| match stop {
            Stop::Broken => BarrierTimeoutError::Broken,
            Stop::TimedOut => BarrierTimeoutError::Timeout,
            _ => BarrierTimeoutError::Fault(Fault::Corrupted),
        })
    }

    /// See [`RawBarrier::join`].
    pub fn join(&self) -> Result<(), JoinError> {
        self.raw.join(&self.platform, self.seats).map_err(|_| JoinError::Full)
    }

    /// See [`RawBarrier::leave`].
    pub fn leave(&self) {
        self.raw.leave(&self.platform, self.seats);
    }

    /// See [`RawBarrier::abort`].
    pub fn abort(&self) -> bool {
        self.raw.abort(&self.platform)
    }

    /// See [`RawBarrier::reset`].
    pub fn reset(&self) -> Result<(), Fault> {
        self.raw.reset(&self.platform, self.seats).map_err(|_| Fault::Corrupted)
    }
}
