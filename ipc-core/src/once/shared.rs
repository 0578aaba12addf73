//! The cell in the memory of a region.

use core::fmt;
use core::marker::PhantomData;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::raw::RawOnce;
use crate::error::{Fault, SetError, WriteError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// Bytes from the start of the object to its value.
pub(crate) const VALUE_OFFSET: usize = HEADER_BYTES + size_of::<RawOnce>();

/// Bytes of a cell of `T`.
pub const fn footprint<T>() -> u64 {
    let bytes = VALUE_OFFSET.saturating_add(payload::cells::<T>().saturating_mul(8));
    (bytes as u64).next_multiple_of(OBJECT_ALIGN as u64)
}

/// Repairs a cell of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    words(memory)?.sweep(dead, platform);
    Ok(())
}

fn words(memory: Memory<'_>) -> Result<&RawOnce, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: VALUE_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawOnce>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A handle of a cell that is set once, in shared memory. See the [module](super) for what it promises.
pub struct OnceCell<'m, T, P> {
    raw: &'m RawOnce,
    cells: &'m [AtomicU64],
    budget: SpinBudget,
    platform: P,
    value: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched.
impl<T, P> fmt::Debug for OnceCell<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").finish_non_exhaustive()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> OnceCell<'m, T, P> {
    /// What a cell of `T` is compared with.
    pub const fn shape(schema: u64) -> Shape {
        Shape::of::<T>(Kind::OnceCell, 1, schema)
    }

    /// Lays an empty cell into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let cell = Self::over(memory, platform)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Self::shape(schema), footprint::<T>());
        cell.raw.initialise();
        header.publish();
        Ok(cell)
    }

    /// A handle of the cell that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        object::checked(memory, &Self::shape(schema))?;
        Self::over(memory, platform)
    }

    fn over(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: footprint::<T>(), found: memory.len() as u64 };
        // SAFETY: as in `words`.
        let cells = unsafe { memory.atomics::<AtomicU64>(VALUE_OFFSET, payload::cells::<T>()) }.ok_or(too_small)?;
        let budget = SpinBudget::new(&platform);
        Ok(OnceCell { raw: words(memory)?, cells, budget, platform, value: PhantomData })
    }

    /// Another handle of the same cell. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> OnceCell<'m, T, Q> {
        let budget = SpinBudget::new(&platform);
        OnceCell { raw: self.raw, cells: self.cells, budget, platform, value: PhantomData }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// See [`RawOnce::is_set`].
    #[inline]
    pub fn is_set(&self) -> bool {
        self.raw.is_set()
    }

    /// A copy of the value, if there is one. Wait-free.
    #[inline]
    pub fn get(&self) -> Result<Option<T>, Fault> {
        self.raw.get(self.cells).map(payload::check).transpose()
    }

    /// Sets the cell. Waits for whoever is setting it.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.raw.begin(&self.platform, &self.budget).map_err(WriteError::refused) {
            Ok(Some(turn)) => {
                turn.set(&value, self.cells);
                Ok(())
            }
            Ok(None) => Err(SetError::AlreadySet(value)),
            Err(WriteError::Deadlock) => Err(SetError::Deadlock(value)),
            Err(WriteError::Fault(fault)) => Err(SetError::Fault(value, fault)),
        }
    }

    /// The value; if there is none, sets the one that `make` makes. Waits for whoever is setting the cell. `make` runs in one
    /// participant at a time; if it fails, panics or dies, the next one's turn comes.
    pub fn get_or_try_init<E: From<WriteError>>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let fault = |fault| E::from(WriteError::Fault(fault));
        if let Some(value) = self.get().map_err(fault)? {
            return Ok(value);
        }
        match self.raw.begin(&self.platform, &self.budget).map_err(WriteError::refused)? {
            Some(turn) => {
                let value = make()?;
                turn.set(&value, self.cells);
                Ok(value)
            }
            None => self.get().map_err(fault)?.ok_or_else(|| fault(Fault::Corrupted)),
        }
    }

    /// See [`RawOnce::wait`].
    pub fn wait(&self, deadline: Option<Instant>) -> Option<Result<T, Fault>> {
        if self.raw.wait(&self.platform, &self.budget, deadline) { self.get().transpose() } else { None }
    }
}
