//! The cell in the memory of a region.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::raw::{RawWatch, SLOTS, Snapshot, stride};
use crate::error::{Fault, LockTimeoutError, WriteError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::Refused;
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// Bytes from the start of the object to its slots.
pub(crate) const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<RawWatch>();

/// Bytes of a cell of `T`.
pub const fn footprint<T>() -> u64 {
    let bytes = SLOTS_OFFSET.saturating_add(stride::<T>().saturating_mul(SLOTS * 8));
    (bytes as u64).next_multiple_of(OBJECT_ALIGN as u64)
}

/// Repairs a cell of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    words(memory)?.sweep(dead, platform);
    Ok(())
}

fn words(memory: Memory<'_>) -> Result<&RawWatch, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: SLOTS_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawWatch>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

fn slots<T>(memory: Memory<'_>) -> Result<&[AtomicU64], ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: footprint::<T>(), found: memory.len() as u64 };
    // SAFETY: as in `words`.
    unsafe { memory.atomics::<AtomicU64>(SLOTS_OFFSET, stride::<T>() * SLOTS) }.ok_or(too_small)
}

/// A value, which version it is, and how old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The number of the version, from 0.
    pub version: u64,
    /// How long ago it was published.
    pub age: Duration,
}

impl<T: CheckedBitPattern> Versioned<T> {
    fn of(snapshot: Snapshot<T>, now: Instant) -> Result<Self, Fault> {
        let value = payload::check(snapshot.bytes)?;
        Ok(Versioned { value, version: snapshot.version, age: now.saturating_since(snapshot.published) })
    }
}

/// The look of one who writes nothing, not even a word of shared memory.
#[derive(Clone, Copy)]
pub struct Inspector<'m, T> {
    raw: &'m RawWatch,
    cells: &'m [AtomicU64],
    value: PhantomData<fn() -> T>,
}

// Shared memory is not touched.
impl<T> fmt::Debug for Inspector<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern> Inspector<'m, T> {
    /// Of the cell in `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64) -> Result<Self, ShapeError> {
        object::checked(memory, &shape::<T>(schema))?;
        Ok(Inspector { raw: words(memory)?, cells: slots::<T>(memory)?, value: PhantomData })
    }

    /// A copy of the latest value.
    #[inline]
    pub fn get(&self) -> Result<T, Fault> {
        self.raw.read(self.cells).and_then(|snapshot| payload::check(snapshot.bytes))
    }

    /// The same with its version and its age at `now`.
    pub fn get_versioned(&self, now: Instant) -> Result<Versioned<T>, Fault> {
        self.raw.read(self.cells).and_then(|snapshot| Versioned::of(snapshot, now))
    }

    /// The number of the latest version. One load.
    #[inline]
    pub fn version(&self) -> u64 {
        self.raw.version()
    }
}

const fn shape<T>(schema: u64) -> Shape {
    Shape::of::<T>(Kind::Watch, SLOTS as u64, schema)
}

/// A handle of a latest-value cell in shared memory. See the [module](super) for what it promises.
pub struct Watch<'m, T, P> {
    look: Inspector<'m, T>,
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<T, P> fmt::Debug for Watch<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Watch<'m, T, P> {
    /// What a cell of `T` is compared with.
    pub const fn shape(schema: u64) -> Shape {
        shape::<T>(schema)
    }

    /// Lays a cell with this value into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, value: T, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let look = Inspector { raw: words(memory)?, cells: slots::<T>(memory)?, value: PhantomData };
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(schema), footprint::<T>());
        look.raw.initialise(&value, platform.now(), look.cells).map_err(|_| ShapeError::Missing)?;
        header.publish();
        Ok(Watch { look, budget: SpinBudget::new(&platform), platform })
    }

    /// A handle of the cell that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Ok(Watch { look: Inspector::attach(memory, schema)?, budget: SpinBudget::new(&platform), platform })
    }

    /// Another handle of the same cell. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Watch<'m, T, Q> {
        let look = Inspector { raw: self.look.raw, cells: self.look.cells, value: PhantomData };
        Watch { look, budget: SpinBudget::new(&platform), platform }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// What can be seen without writing.
    #[inline]
    pub fn look(&self) -> &Inspector<'m, T> {
        &self.look
    }

    /// A copy of the latest value, with its version and its age.
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        // The time first: an age is never that of a value from after the call.
        let now = self.platform.now();
        self.look.get_versioned(now)
    }

    /// Publishes a value; the number of its version. Waits for other writers.
    pub fn set(&self, value: T) -> Result<u64, WriteError> {
        let turn = self.look.raw.begin(&self.platform, &self.budget, None).map_err(WriteError::refused)?;
        Ok(turn.publish(&value, self.look.cells)?)
    }

    /// Publishes a value; waits for other writers until `deadline` at most.
    pub fn set_deadline(&self, value: T, deadline: Instant) -> Result<u64, LockTimeoutError<()>> {
        let turn =
            self.look.raw.begin(&self.platform, &self.budget, Some(deadline)).map_err(|refused| match refused {
                Refused::Taken => LockTimeoutError::Timeout,
                Refused::Mine => LockTimeoutError::Deadlock,
                Refused::Corrupted => LockTimeoutError::Fault(Fault::Corrupted),
            })?;
        turn.publish(&value, self.look.cells).map_err(LockTimeoutError::Fault)
    }

    /// Publishes what `change` makes of the latest value; that value. Waits for other writers; nobody else writes meanwhile.
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T, WriteError> {
        let turn = self.look.raw.begin(&self.platform, &self.budget, None).map_err(WriteError::refused)?;
        let old = payload::check(turn.read(self.look.cells)?.bytes)?;
        turn.publish(&change(old), self.look.cells)?;
        Ok(old)
    }

    /// Waits until `done` has a result, until `deadline` at most (`None`: for ever); it is asked after each change. `None` is
    /// the time-out.
    pub fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&Inspector<'m, T>) -> Option<R>,
    ) -> Option<R> {
        self.look.raw.wait(&self.platform, &self.budget, deadline, || done(&self.look))
    }
}
