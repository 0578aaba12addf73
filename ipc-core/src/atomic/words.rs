//! The value's word, and the event count beside it.

use super::word::Word;
use crate::error::{Fault, WaitTimeoutError};
use crate::here::{Here, unless_forked};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};
use crate::time::Limit;
use crate::wait::{Attempt, Gate, SpinBudget, block_until};

/// The words of a cell, both on one cache line.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct Words<W> {
    /// Where the waiters sleep. First, whatever the width of the value.
    sleepers: Gate,
    value: W,
}

/// Bytes of a cell of any type.
pub(crate) const BYTES: u64 = (HEADER_BYTES + size_of::<Words<AtomicU64>>()).next_multiple_of(OBJECT_ALIGN) as u64;
crate::sync::assert_layout!(BYTES == 256 && size_of::<Words<AtomicU64>>() == 24);
crate::sync::assert_layout!(size_of::<Words<AtomicU32>>() == 16);

/// The words in this memory; [`ShapeError::TooSmall`] if they do not fit.
///
/// # Safety
///
/// A cell whose value has this width lies in `memory`, or `V` is what cells of every width begin with.
unsafe fn at<V>(memory: Memory<'_>) -> Result<&V, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: BYTES, found: memory.len() as u64 };
    // SAFETY: the caller's promise; atomics behind the header.
    unsafe { memory.atomics(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

const LAYOUT: &[Fact] = &[
    layout!(Words<AtomicU8> { sleepers, value }),
    layout!(Words<AtomicU16> { sleepers, value }),
    layout!(Words<AtomicU32> { sleepers, value }),
    layout!(Words<AtomicU64> { sleepers, value }),
];

// SAFETY: atomics behind the header of every object of a kind whose cell has this width.
unsafe impl<W: Word + 'static> Object for Words<W> {
    const LAYOUT: &'static [Fact] = LAYOUT;
    type Geometry = ();
    type View<'m> = &'m Words<W>;

    unsafe fn geometry(_: Memory<'_>, _: &Shape, _: u64) -> Result<(), ShapeError> {
        Ok(())
    }

    fn bytes((): &()) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, (): &()) -> Result<&'m Words<W>, ShapeError> {
        // SAFETY: the caller vouches for the object, and its kind for the width.
        unsafe { at(memory) }
    }

    fn sweep<P: Platform + ?Sized>(view: &Words<W>, dead: &Dead, platform: &P) {
        Cell::sweep(&view.sleepers, dead, platform);
    }
}

/// The kind of object whose header says which type its value has.
#[derive(Debug)]
pub enum Cell {}

// SAFETY: the gate lies behind the header of every cell, whatever the width of the value behind it.
unsafe impl Object for Cell {
    const LAYOUT: &'static [Fact] = LAYOUT;
    const CAPACITY: Field = Field::Type;
    type Geometry = ();
    type View<'m> = &'m Gate;

    unsafe fn geometry(_: Memory<'_>, _: &Shape, _: u64) -> Result<(), ShapeError> {
        Ok(())
    }

    fn bytes((): &()) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, (): &()) -> Result<&'m Gate, ShapeError> {
        // SAFETY: the caller vouches for the object; its cell begins with the gate.
        unsafe { at(memory) }
    }

    fn sweep<P: Platform + ?Sized>(sleepers: &Gate, _: &Dead, platform: &P) {
        sleepers.rouse(platform);
    }
}

impl<W: Word> Words<W> {
    /// A cell with this value.
    pub(crate) fn new(bits: W::Bits) -> Self {
        Words { value: W::new(bits), sleepers: Gate::new() }
    }

    /// The value. One load.
    #[inline(always)]
    pub(crate) fn load(&self) -> W::Bits {
        self.value.load()
    }

    /// After a change: wakes all waiters.
    #[inline(always)]
    fn changed<P: Platform + ?Sized>(&self, platform: &P, old: W::Bits) -> W::Bits {
        self.sleepers.notify_all(platform);
        old
    }

    /// Changes the value in a way that leaves no doubt whether it did, and returns the old one.
    #[inline(always)]
    pub(crate) fn change<P: Platform + ?Sized>(&self, platform: &P, change: impl FnOnce(&W) -> W::Bits) -> W::Bits {
        self.changed(platform, change(&self.value))
    }

    /// Stores `new` if `current` is there. Returns the old value in either case, as the standard atomics do. Wait-free.
    #[inline(always)]
    pub(crate) fn compare_exchange<P: Platform + ?Sized>(
        &self,
        platform: &P,
        current: W::Bits,
        new: W::Bits,
    ) -> Result<W::Bits, W::Bits> {
        self.value.compare_exchange(current, new).map(|old| self.changed(platform, old))
    }

    /// Replaces the value with `change(old)`, unless that is `None`. May call `change` several times. Lock-free. `Ok` is the old
    /// value, `Err` the one that was left alone.
    #[inline]
    pub(crate) fn fetch_update<P: Platform + ?Sized>(
        &self,
        platform: &P,
        change: impl FnMut(W::Bits) -> Option<W::Bits>,
    ) -> Result<W::Bits, W::Bits> {
        self.value.fetch_update(change).map(|old| self.changed(platform, old))
    }

    /// Blocks until `change` makes a new value of the one that is there, and stores that. Returns the old value. A value that is there at
    /// once wins over a deadline that has passed. The result of a `change` that has called `fork` does not count in the child.
    #[inline]
    pub(crate) fn wait_update<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        change: impl FnMut(W::Bits) -> Option<W::Bits>,
    ) -> Result<W::Bits, WaitTimeoutError> {
        let mut change = unless_forked(platform, change);
        self.wait(platform, budget, limit, || match self.fetch_update(platform, &mut change) {
            Ok(old) => Some(Ok(old)),
            Err(_) => platform.here().err().map(Err),
        })
    }

    /// Blocks until `condition` holds. Returns the value for which it did.
    #[inline]
    pub(crate) fn wait_until<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(W::Bits) -> bool,
    ) -> Result<W::Bits, WaitTimeoutError> {
        self.wait(platform, budget, limit, || {
            let bits = self.load();
            let holds = condition(bits);
            // The condition may have called `fork`.
            platform.here().map(|()| holds.then_some(bits)).transpose()
        })
    }

    /// Blocks until `attempt` has a result.
    #[inline(always)]
    fn wait<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        mut attempt: impl FnMut() -> Option<Result<W::Bits, Fault>>,
    ) -> Result<W::Bits, WaitTimeoutError> {
        if let Some(result) = attempt() {
            return Ok(result?);
        }
        let result = block_until(platform, &self.sleepers, budget, limit.deadline(platform), |_| {
            attempt().map_or(Attempt::NotYet, Attempt::Done)
        });
        Ok(result.map_err(|_| WaitTimeoutError::Timeout)??)
    }
}
