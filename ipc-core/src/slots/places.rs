//! The places of the shipped build: plain bytes, moved by volatile accesses and by [`copy_bytes`].

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::copy::{copy_bytes, copy_in, copy_out, is_large};
use super::prefetch::{Intent, branch_apart, prefetch, prefetch_lines};
use crate::memory::{Memory, OBJECT_ALIGN};

/// How far ahead of the current place both sides prefetch, in bytes: found by measurement.
const PREFETCH_BYTES: usize = 256;
const LINE: usize = 64;

/// A power of two of places for a `T`. A view: copied freely.
pub struct Slots<'m, T> {
    base: *mut u8,
    mask: usize,
    lifetime: PhantomData<&'m ()>,
    places: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Slots<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slots<'_, T> {}

// SAFETY: a view of memory that any number of processes use; who may touch which place is the protocol's business.
unsafe impl<T> Send for Slots<'_, T> {}
// SAFETY: as above; every access copies.
unsafe impl<T> Sync for Slots<'_, T> {}

impl<'m, T> Slots<'m, T> {
    pub(super) const fn stride(element_size: usize) -> usize {
        element_size
    }

    /// Makes places in new memory: nothing to do.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    #[allow(clippy::unused_self)]
    pub(crate) unsafe fn lay(_: Memory<'m>, _: usize, _: usize) {}

    /// This many places (a power of two) in `memory` from byte `offset`; `None` if they do not lie inside or would not be aligned.
    pub(crate) fn new(memory: Memory<'m>, offset: usize, places: usize) -> Option<Self> {
        if !places.is_power_of_two() || align_of::<T>() > OBJECT_ALIGN || !offset.is_multiple_of(OBJECT_ALIGN) {
            return None;
        }
        let base = memory.pointer(offset, places.checked_mul(size_of::<T>())?)?;
        Some(Slots { base: base.as_ptr(), mask: places - 1, lifetime: PhantomData, places: PhantomData })
    }

    /// The place of position `at`.
    #[inline(always)]
    pub(crate) fn place(&self, at: u64) -> *mut T {
        // SAFETY: the index is masked, so the place lies inside the memory that `new` has checked.
        unsafe { self.base.cast::<T>().add(at as usize & self.mask) }
    }

    /// Writes one element.
    #[inline(always)]
    pub(crate) fn write(&self, at: u64, value: &T)
    where
        T: Copy,
    {
        if const { is_large(size_of::<T>()) } {
            // SAFETY: inside (`place`).
            return unsafe { copy_in::<T>(core::ptr::from_ref(value).cast(), self.place(at).cast()) };
        }
        // SAFETY: inside and aligned (`place`); volatile, for others map the same memory.
        unsafe { self.place(at).write_volatile(*value) }
    }

    /// Reads one element's bytes.
    #[inline(always)]
    pub(crate) fn read(&self, at: u64, value: &mut MaybeUninit<T>) {
        if const { is_large(size_of::<T>()) } {
            // SAFETY: inside (`place`); the value's own bytes.
            return unsafe { copy_out::<T>(self.place(at).cast(), value.as_mut_ptr().cast()) };
        }
        // SAFETY: as in `write`; any bytes are a MaybeUninit.
        *value = unsafe { self.place(at).cast::<MaybeUninit<T>>().read_volatile() };
    }

    /// One element's bytes.
    #[inline(always)]
    pub(crate) fn copied(&self, at: u64) -> MaybeUninit<T> {
        let mut value = MaybeUninit::uninit();
        self.read(at, &mut value);
        value
    }

    /// How many of `count` places from position `at` lie before the array's end.
    #[inline(always)]
    pub(crate) fn before_end(&self, at: u64, count: usize) -> usize {
        count.min(self.mask + 1 - (at as usize & self.mask))
    }

    /// Writes elements from position `at` on. Their number is at most that of the places.
    #[inline]
    pub(crate) fn write_slice(&self, at: u64, values: &[T])
    where
        T: Copy,
    {
        let values = &values[..values.len().min(self.mask + 1)];
        let (first, second) = values.split_at(self.before_end(at, values.len()));
        // SAFETY: `first` ends before the array does, `second` begins at its start and is not longer than the array.
        unsafe {
            copy_bytes(first.as_ptr().cast(), self.place(at).cast(), size_of_val(first));
            copy_bytes(second.as_ptr().cast(), self.base, size_of_val(second));
        }
    }

    /// Reads elements' bytes from position `at` on. Their number is at most that of the places.
    #[inline]
    pub(crate) fn read_slice(&self, at: u64, out: &mut [MaybeUninit<T>]) {
        let count = out.len().min(self.mask + 1);
        let (first, second) = out[..count].split_at_mut(self.before_end(at, count));
        // SAFETY: as in `write_slice`.
        unsafe {
            copy_bytes(self.place(at).cast(), first.as_mut_ptr().cast(), size_of_val(first));
            copy_bytes(self.base, second.as_mut_ptr().cast(), size_of_val(second));
        }
    }

    /// Asks for the first line of a place that the other side is about to fill. A process that polls for an element then has the element
    /// as soon as it finds the index changed. A side that is still writing the line loses it: for small elements only.
    #[inline(always)]
    pub(crate) fn prefetch_expected(&self, at: u64) {
        if size_of::<T>() <= LINE {
            prefetch(self.place(at).cast(), Intent::Read);
        }
    }

    /// Asks for the line some places ahead of position `at`, if `have` places from there on are the caller's: once a line for elements
    /// smaller than one. A line that is the other side's would be taken from it just when it needs it.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: u64, have: u64, intent: Intent) {
        let size = const { if size_of::<T>() == 0 { 1 } else { size_of::<T>() } };
        // Where the first element of a line is; for elements that straddle lines, near enough.
        if size >= LINE || (at as usize).wrapping_mul(size) % LINE < size {
            branch_apart();
            let ahead = (PREFETCH_BYTES / size + 1) as u64;
            if have > ahead {
                let place = self.place(at.wrapping_add(ahead)).cast();
                if size > PREFETCH_BYTES { prefetch_lines(place, size, intent) } else { prefetch(place, intent) }
            }
        }
    }
}

impl Slots<'_, u64> {
    /// Writes bytes from byte `offset` behind the word of position `at` on, around the array's end.
    #[inline]
    pub(crate) fn write_bytes(&self, at: u64, offset: usize, bytes: &[u8]) {
        let (first, second) = bytes.split_at(self.bytes_before_end(at, offset, bytes.len()));
        // SAFETY: `first` ends before the array does, `second` begins at its start and is not longer than the array: the caller has
        // made sure of room for all of it.
        unsafe {
            copy_bytes(first.as_ptr(), self.base.add(self.byte(at, offset)), first.len());
            copy_bytes(second.as_ptr(), self.base, second.len().min((self.mask + 1) * 8));
        }
    }

    /// Reads bytes from the word of position `at` on, around the array's end.
    #[inline]
    pub(crate) fn read_bytes(&self, at: u64, out: &mut [MaybeUninit<u8>]) {
        let (first, second) = out.split_at_mut(self.bytes_before_end(at, 0, out.len()));
        // SAFETY: as in `write_bytes`.
        unsafe {
            copy_bytes(self.base.add(self.byte(at, 0)), first.as_mut_ptr().cast(), first.len());
            copy_bytes(self.base, second.as_mut_ptr().cast(), second.len().min((self.mask + 1) * 8));
        }
    }

    /// The place of a byte: inside the array.
    fn byte(&self, at: u64, offset: usize) -> usize {
        ((at as usize & self.mask) * 8 + offset) & ((self.mask + 1) * 8 - 1)
    }

    fn bytes_before_end(&self, at: u64, offset: usize, count: usize) -> usize {
        count.min((self.mask + 1) * 8 - self.byte(at, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;
    use crate::memory::StaticMemory;

    #[test]
    fn slices_go_around_the_end() {
        static MEMORY: StaticMemory<128> = StaticMemory::new();
        let slots = Slots::<u16>::new(MEMORY.memory(), 0, 8).unwrap();
        slots.write_slice(6, &[1, 2, 3, 4]);
        let mut out = [MaybeUninit::uninit(); 4];
        slots.read_slice(6, &mut out);
        // SAFETY: written just now.
        assert_eq!(out.map(|value| unsafe { value.assume_init() }), [1, 2, 3, 4]);
        // SAFETY: as above.
        assert_eq!(unsafe { slots.copied(u64::MAX - 7).assume_init() }, 3);
    }

    #[test]
    fn places_must_fit_and_be_aligned() {
        static MEMORY: StaticMemory<256> = StaticMemory::new();
        assert!(Slots::<u64>::new(MEMORY.memory(), 128, 16).is_some());
        assert!(Slots::<u64>::new(MEMORY.memory(), 128, 32).is_none(), "too long");
        assert!(Slots::<u64>::new(MEMORY.memory(), 64, 8).is_none(), "not on a boundary");
        assert!(Slots::<u64>::new(MEMORY.memory(), 0, 3).is_none(), "no power of two");
        assert_eq!((places(0, 8), places(5, 8), places(u64::MAX, 8)), (None, Some(8), None));
    }
}
