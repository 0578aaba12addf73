//! The cell in the memory of a region.

use core::fmt;

use super::raw::RawAtomic;
use super::value::{Integer, Value};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::platform::Platform;
use crate::sync::AtomicU32;
use crate::time::Instant;
use crate::wait::{EventCount, SpinBudget};

/// Bytes of a cell.
pub const FOOTPRINT: u64 = (HEADER_BYTES + OBJECT_ALIGN) as u64;

/// Repairs a cell of 4 or 8 bytes after a dead participant: wakes whom it may have owed that.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, form: u64, platform: &P) -> Result<(), ShapeError> {
    match form {
        form if form == u64::FORM || form == i64::FORM => words::<u64>(memory)?.rouse(platform),
        _ => words::<u32>(memory)?.rouse(platform),
    }
    Ok(())
}

fn words<T: Value>(memory: Memory<'_>) -> Result<&RawAtomic<T>, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: FOOTPRINT, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else: the object's form is checked.
    unsafe { memory.atomics::<RawAtomic<T>>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A handle of an atomic cell in shared memory. See the [module](super) for what it promises.
pub struct Atomic<'m, T: Value, P> {
    raw: &'m RawAtomic<T>,
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<T: Value, P> fmt::Debug for Atomic<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic").finish_non_exhaustive()
    }
}

impl<'m, T: Value, P: Platform> Atomic<'m, T, P> {
    /// What a cell is compared with. Its form says the type.
    pub const fn shape(schema: u64) -> Shape {
        Shape::of::<()>(Kind::Atomic, T::FORM, schema)
    }

    /// Lays a cell into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, value: T, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::create_as(&Self::shape(schema), memory, value, platform)
    }

    /// The same for another kind that is made of such a cell.
    pub(crate) fn create_as(shape: &Shape, memory: Memory<'m>, value: T, platform: P) -> Result<Self, ShapeError> {
        let raw = words(memory)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(shape, FOOTPRINT);
        raw.initialise(value);
        header.publish();
        Ok(Atomic { raw, budget: SpinBudget::new(&platform), platform })
    }

    /// A handle of the cell that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::attach_as(&Self::shape(schema), memory, platform)
    }

    pub(crate) fn attach_as(shape: &Shape, memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        object::checked(memory, shape)?;
        Ok(Atomic { raw: words(memory)?, budget: SpinBudget::new(&platform), platform })
    }

    /// Another handle of the same cell. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Atomic<'m, T, Q> {
        Atomic { raw: self.raw, budget: SpinBudget::new(&platform), platform }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// See [`RawAtomic::load`].
    #[inline]
    pub fn load(&self) -> T {
        self.raw.load()
    }

    /// See [`RawAtomic::swap`].
    #[inline]
    pub fn swap(&self, value: T) -> T {
        self.raw.swap(&self.platform, value)
    }

    /// See [`RawAtomic::compare_exchange`].
    #[inline]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<T, T> {
        self.raw.compare_exchange(&self.platform, current, new)
    }

    /// See [`RawAtomic::fetch_update`].
    #[inline]
    pub fn fetch_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<T, T> {
        self.raw.fetch_update(&self.platform, change)
    }

    /// See [`RawAtomic::fetch_and`].
    #[inline]
    pub fn fetch_and(&self, value: T) -> T {
        self.raw.fetch_and(&self.platform, value)
    }

    /// See [`RawAtomic::fetch_or`].
    #[inline]
    pub fn fetch_or(&self, value: T) -> T {
        self.raw.fetch_or(&self.platform, value)
    }

    /// See [`RawAtomic::fetch_xor`].
    #[inline]
    pub fn fetch_xor(&self, value: T) -> T {
        self.raw.fetch_xor(&self.platform, value)
    }

    /// See [`RawAtomic::wait_update`].
    pub fn wait_update(&self, deadline: Option<Instant>, take: impl FnMut(T) -> Option<T>) -> Option<T> {
        self.raw.wait_update(&self.platform, &self.budget, deadline, take)
    }

    /// See [`RawAtomic::wait_until`].
    pub fn wait_until(&self, deadline: Option<Instant>, condition: impl FnMut(T) -> bool) -> Option<T> {
        self.raw.wait_until(&self.platform, &self.budget, deadline, condition)
    }
}

impl<T: Integer, P: Platform> Atomic<'_, T, P> {
    /// See [`RawAtomic::fetch_add`].
    #[inline]
    pub fn fetch_add(&self, value: T) -> T {
        self.raw.fetch_add(&self.platform, value)
    }

    /// See [`RawAtomic::fetch_sub`].
    #[inline]
    pub fn fetch_sub(&self, value: T) -> T {
        self.raw.fetch_sub(&self.platform, value)
    }
}

const _: () = assert!(size_of::<RawAtomic<u64>>() == 16 && size_of::<RawAtomic<u32>>() == 8);
const _: () = assert!(size_of::<EventCount>() == size_of::<AtomicU32>());
