//! The value's word, and the event count beside it.

use super::value::{Value, Word};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64};
use crate::time::Limit;
use crate::wait::{Attempt, Gate, SpinBudget, block_until};

/// The words of a cell, both on one cache line.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct Words<W> {
    value: W,
    /// Where the waiters sleep.
    sleepers: Gate,
}

/// Bytes of a cell of any type.
pub(crate) const BYTES: u64 = (HEADER_BYTES + size_of::<Words<AtomicU64>>()).next_multiple_of(OBJECT_ALIGN) as u64;
crate::sync::assert_layout!(BYTES == 256 && size_of::<Words<AtomicU64>>() == 24);
crate::sync::assert_layout!(size_of::<Words<AtomicU32>>() == 16);

// SAFETY: two atomics behind the header of every object of a kind whose cell has this width.
unsafe impl<W: Word + 'static> Object for Words<W> {
    const LAYOUT: &'static [Fact] =
        &[layout!(Words<AtomicU32> { value, sleepers }), layout!(Words<AtomicU64> { value, sleepers })];
    type Geometry = ();
    type View<'m> = &'m Words<W>;

    unsafe fn geometry(_: Memory<'_>, _: &Shape, _: u64) -> Result<(), ShapeError> {
        Ok(())
    }

    fn bytes((): &()) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, (): &()) -> Result<&'m Words<W>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: BYTES, found: memory.len() as u64 };
        // SAFETY: see above.
        unsafe { memory.atomics(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }

    fn sweep<P: Platform + ?Sized>(view: &Words<W>, _: &Dead, platform: &P) {
        view.sleepers.rouse(platform);
    }
}

/// The kind of object whose header says how wide its word is.
#[derive(Debug)]
pub enum Cell {}

/// The words of a cell whose type only its header knows.
#[derive(Clone, Copy, Debug)]
pub enum View<'m> {
    /// 32 bits.
    Narrow(&'m Words<AtomicU32>),
    /// 64 bits.
    Wide(&'m Words<AtomicU64>),
}

/// The width of a cell's word.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

// SAFETY: two atomics behind the header of every cell. The header's type decides how wide the first one is, for every view.
unsafe impl Object for Cell {
    const LAYOUT: &'static [Fact] = <Words<AtomicU64> as Object>::LAYOUT;
    const CAPACITY: Field = Field::Type;
    type Geometry = Width;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Width, ShapeError> {
        const WIDE: [u64; 2] = [u64::FORM, i64::FORM];
        Ok(if WIDE.contains(&shape.capacity) { Width::Wide } else { Width::Narrow })
    }

    fn bytes(_: &Width) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, width: &Width) -> Result<View<'m>, ShapeError> {
        Ok(match width {
            // SAFETY: the caller vouches for the object, and its type for the width.
            Width::Narrow => View::Narrow(unsafe { Words::view(memory, &())? }),
            // SAFETY: as above.
            Width::Wide => View::Wide(unsafe { Words::view(memory, &())? }),
        })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        match view {
            View::Narrow(words) => Words::sweep(words, dead, platform),
            View::Wide(words) => Words::sweep(words, dead, platform),
        }
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

    /// Stores a value and returns the old one. Wait-free.
    #[inline(always)]
    pub(crate) fn swap<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.swap(bits))
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
        mut change: impl FnMut(W::Bits) -> Option<W::Bits>,
    ) -> Result<W::Bits, W::Bits> {
        let mut bits = self.value.load();
        loop {
            let Some(new) = change(bits) else { return Err(bits) };
            match self.value.compare_exchange(bits, new) {
                Ok(old) => return Ok(self.changed(platform, old)),
                Err(now) => bits = now,
            }
        }
    }

    /// Bitwise and. Wait-free.
    #[inline(always)]
    pub(crate) fn fetch_and<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.fetch_and(bits))
    }

    /// Bitwise or. Wait-free.
    #[inline(always)]
    pub(crate) fn fetch_or<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.fetch_or(bits))
    }

    /// Bitwise exclusive or. Wait-free.
    #[inline(always)]
    pub(crate) fn fetch_xor<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.fetch_xor(bits))
    }

    /// Adds, and wraps around at the end of the word's range. Wait-free.
    #[inline(always)]
    pub(crate) fn fetch_add<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.fetch_add(bits))
    }

    /// Subtracts, and wraps around at the end of the word's range. Wait-free.
    #[inline(always)]
    pub(crate) fn fetch_sub<P: Platform + ?Sized>(&self, platform: &P, bits: W::Bits) -> W::Bits {
        self.changed(platform, self.value.fetch_sub(bits))
    }

    /// Blocks until `change` makes a new value of the one that is there, and stores that. Returns the old value; `None` is the
    /// time-out. A value that is there at once wins over a deadline that has passed.
    #[inline]
    pub(crate) fn wait_update<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        mut change: impl FnMut(W::Bits) -> Option<W::Bits>,
    ) -> Option<W::Bits> {
        if let Ok(old) = self.fetch_update(platform, &mut change) {
            return Some(old);
        }
        block_until(platform, &self.sleepers, budget, limit.deadline(platform), |_| {
            self.fetch_update(platform, &mut change).map_or(Attempt::NotYet, Attempt::Done)
        })
        .ok()
    }

    /// Blocks until `condition` holds. Returns the value for which it did; `None` is the time-out.
    #[inline]
    pub(crate) fn wait_until<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(W::Bits) -> bool,
    ) -> Option<W::Bits> {
        let mut check = || Some(self.load()).filter(|bits| condition(*bits));
        if let Some(bits) = check() {
            return Some(bits);
        }
        block_until(platform, &self.sleepers, budget, limit.deadline(platform), |_| {
            check().map_or(Attempt::NotYet, Attempt::Done)
        })
        .ok()
    }
}
