//! Places for elements that lie side by side, as in an array, and copies in and out that go around its end.
//!
//! Unlike the cells of [`payload`](crate::payload) these are meant for one side at a time: the protocol around them gives each
//! place to one process. A faulty peer may write all the same, so no reference to the places is made: elements move by
//! volatile accesses and, in bulk, by instructions that the compiler does not see into.

#[cfg(loom)]
extern crate std;

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::memory::{Memory, OBJECT_ALIGN};
#[cfg(loom)]
use crate::payload;
#[cfg(loom)]
use crate::sync::AtomicU64;

/// How far ahead of the current place both sides prefetch, in bytes: found by measurement.
#[cfg(not(loom))]
const PREFETCH_BYTES: usize = 256;
#[cfg(not(loom))]
const LINE: usize = 64;

/// A power of two of places for a `T`. A view: copied freely.
pub struct Slots<'m, T> {
    #[cfg(not(loom))]
    base: *mut u8,
    #[cfg(loom)]
    all: &'m [Place],
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
#[cfg(not(loom))]
unsafe impl<T> Send for Slots<'_, T> {}
// SAFETY: as above; every access copies.
#[cfg(not(loom))]
unsafe impl<T> Sync for Slots<'_, T> {}

/// The number of places of a ring for `capacity` elements of this size; `None` if there can be none.
pub(crate) const fn places(capacity: u64, element_size: usize) -> Option<usize> {
    if capacity == 0 || capacity > 1 << 40 {
        return None;
    }
    let places = capacity.next_power_of_two();
    let bytes = match places.checked_mul(element_size as u64) {
        Some(bytes) => bytes,
        None => return None,
    };
    if bytes > isize::MAX as u64 / 2 { None } else { Some(places as usize) }
}

/// Bytes of a place for an element of so many bytes. A model's place has its cells elsewhere.
pub(crate) const fn stride(element_size: usize) -> usize {
    #[cfg(not(loom))]
    return element_size;
    #[cfg(loom)]
    return (element_size, size_of::<Place>()).1;
}

#[cfg(not(loom))]
impl<'m, T> Slots<'m, T> {
    /// Makes so many places in new memory: nothing to do.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    #[allow(clippy::unused_self)]
    pub(crate) unsafe fn lay(_: Memory<'m>, _: usize, _: usize) {}

    /// So many places (a power of two) in `memory` from byte `offset`; `None` if they do not lie inside or would not be aligned.
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
    pub(crate) fn write(&self, at: u64, value: T)
    where
        T: Copy,
    {
        // SAFETY: inside and aligned (`place`); volatile, for others map the same memory.
        unsafe { self.place(at).write_volatile(value) }
    }

    /// Reads one element's bytes.
    #[inline(always)]
    pub(crate) fn read(&self, at: u64) -> MaybeUninit<T> {
        // SAFETY: as in `write`; any bytes are a MaybeUninit.
        unsafe { self.place(at).cast::<MaybeUninit<T>>().read_volatile() }
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

    /// Asks for the line some places ahead of position `at`, if `have` places from there on are the caller's: once a line for elements
    /// smaller than one. A line that is the other side's would be taken from it just when it needs it.
    #[inline(always)]
    #[allow(unused_variables, reason = "not every target has the instruction")]
    pub(crate) fn prefetch(&self, at: u64, have: u64, intent: Intent) {
        #[cfg(target_arch = "x86_64")]
        {
            let size = const { if size_of::<T>() == 0 { 1 } else { size_of::<T>() } };
            // Where the first element of a line is; for elements that straddle lines, near enough.
            if size >= LINE || (at as usize).wrapping_mul(size) % LINE < size {
                let ahead = (PREFETCH_BYTES / size + 1) as u64;
                if have > ahead {
                    prefetch(self.place(at.wrapping_add(ahead)).cast(), intent);
                }
            }
        }
    }
}

#[cfg(not(loom))]
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

/// A place in a model: its cells, and who touches them. Loom complains when it is read or written by one who could not know that the
/// last one was done.
#[cfg(loom)]
#[derive(Debug)]
pub struct Place {
    cells: std::boxed::Box<[AtomicU64]>,
    turn: loom::cell::UnsafeCell<()>,
}

#[cfg(loom)]
impl Place {
    /// A place for a `T`.
    pub fn new<T>() -> Self {
        let cells = (0..payload::cells::<T>()).map(|_| AtomicU64::new(0)).collect();
        Place { cells, turn: loom::cell::UnsafeCell::new(()) }
    }
}

// SAFETY: nothing is behind the cell that watches the turns.
#[cfg(loom)]
unsafe impl Sync for Place {}

#[cfg(loom)]
impl<'m, T> Slots<'m, T> {
    /// Makes so many places in new memory.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(crate) unsafe fn lay(memory: Memory<'m>, offset: usize, places: usize) {
        // SAFETY: the caller's promise.
        unsafe { memory.place(offset, places, |_| Place::new::<T>()) }.expect("room");
    }

    /// As the shipped one.
    pub(crate) fn new(memory: Memory<'m>, offset: usize, places: usize) -> Option<Self> {
        assert!(places.is_power_of_two() && align_of::<T>() <= OBJECT_ALIGN);
        // SAFETY: made by `lay`.
        unsafe { memory.atomics(offset, places) }.map(Slots::over)
    }

    /// A power of two of places.
    pub fn over(all: &'m [Place]) -> Self {
        Slots { all, mask: all.len() - 1, lifetime: PhantomData, places: PhantomData }
    }

    fn at(&self, at: u64) -> &'m Place {
        &self.all[at as usize & self.mask]
    }

    /// Writes an element that a model has to itself.
    pub fn put(&self, at: u64, value: T)
    where
        T: bytemuck::NoUninit,
    {
        self.write(at, value);
    }

    /// A copy of an element that a model has to itself.
    pub fn get(&self, at: u64) -> T
    where
        T: bytemuck::AnyBitPattern,
    {
        // SAFETY: initialised by the load; any bits are a T.
        unsafe { self.read(at).assume_init() }
    }

    pub(crate) fn write(&self, at: u64, value: T)
    where
        T: bytemuck::NoUninit,
    {
        let place = self.at(at);
        place.turn.with_mut(|_| payload::store(&value, &place.cells));
    }

    pub(crate) fn read(&self, at: u64) -> MaybeUninit<T> {
        let place = self.at(at);
        place.turn.with(|_| payload::load(&place.cells))
    }

    pub(crate) fn write_slice(&self, at: u64, values: &[T])
    where
        T: bytemuck::NoUninit,
    {
        for (i, value) in values.iter().enumerate() {
            self.write(at.wrapping_add(i as u64), *value);
        }
    }

    pub(crate) fn read_slice(&self, at: u64, out: &mut [MaybeUninit<T>]) {
        for (i, place) in out.iter_mut().enumerate() {
            *place = self.read(at.wrapping_add(i as u64));
        }
    }

    pub(crate) fn prefetch(&self, _at: u64, _have: u64, _intent: Intent) {}
}

#[cfg(loom)]
impl Slots<'_, u64> {
    pub(crate) fn write_bytes(&self, at: u64, offset: usize, bytes: &[u8]) {
        assert!(offset == 0, "messages of one part");
        for (i, word) in bytes.chunks(8).enumerate() {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.write(at.wrapping_add(i as u64), u64::from_ne_bytes(padded));
        }
    }

    pub(crate) fn read_bytes(&self, at: u64, out: &mut [MaybeUninit<u8>]) {
        for (i, bytes) in out.chunks_mut(8).enumerate() {
            // SAFETY: initialised by the load.
            let word = unsafe { self.read(at.wrapping_add(i as u64)).assume_init() };
            for (byte, loaded) in bytes.iter_mut().zip(word.to_ne_bytes()) {
                *byte = MaybeUninit::new(loaded);
            }
        }
    }
}

/// What a line is prefetched for.
#[derive(Clone, Copy)]
pub(crate) enum Intent {
    Read,
    Write,
}

#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline(always)]
pub(crate) fn prefetch(address: *const i8, intent: Intent) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    match intent {
        // SAFETY: a prefetch is a hint that faults on no address.
        Intent::Read => unsafe { _mm_prefetch::<_MM_HINT_T0>(address) },
        // `_MM_HINT_ET0` becomes a read prefetch on the baseline target. This instruction is one of AMD64 from its
        // start; processors that lack it treat it as a no-op.
        // SAFETY: as above; it changes neither memory, flags nor stack.
        Intent::Write => unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
        },
    }
}

/// Copies bytes between private and shared memory, in instructions that the compiler does not see into: for it, a copy that
/// races with a faulty peer's writes would be undefined; here it yields some bytes or others.
///
/// # Safety
///
/// Both ranges are readable or writable as needed, and do not overlap.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline]
pub(crate) unsafe fn copy_bytes(from: *const u8, to: *mut u8, len: usize) {
    use core::arch::asm;
    use core::ops::RangeInclusive;
    /// Where the processor's own copy loop overtakes ours, and where it begins to pass the caches by, from which the other side reads.
    const STRING_COPY: RangeInclusive<usize> = 2048..=256 << 10;
    if STRING_COPY.contains(&len) {
        // SAFETY: the caller's promise; the direction flag is clear by the calling convention.
        unsafe {
            asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
        return;
    }
    let blocks = len / 64;
    if blocks != 0 {
        // SAFETY: 64 bytes a round, as many rounds as fit.
        unsafe {
            asm!(
                "2:",
                "movups {a}, [{from}]",
                "movups {b}, [{from} + 16]",
                "movups {c}, [{from} + 32]",
                "movups {d}, [{from} + 48]",
                "movups [{to}], {a}",
                "movups [{to} + 16], {b}",
                "movups [{to} + 32], {c}",
                "movups [{to} + 48], {d}",
                "add {from}, 64",
                "add {to}, 64",
                "dec {blocks}",
                "jnz 2b",
                from = inout(reg) from => _, to = inout(reg) to => _, blocks = inout(reg) blocks => _,
                a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                options(nostack),
            );
        }
    }
    let mut done = blocks * 64;
    while len - done >= 8 {
        // SAFETY: eight bytes of both ranges, which need no alignment.
        unsafe {
            asm!("mov {word}, [{from}]", "mov [{to}], {word}", word = out(reg) _,
                from = in(reg) from.add(done), to = in(reg) to.add(done), options(nostack, preserves_flags));
        }
        done += 8;
    }
    // SAFETY: the rest of both ranges.
    unsafe { copy_single_bytes(from.add(done), to.add(done), len - done) }
}

/// As on x86-64, in volatile accesses: of whole words where both ranges are aligned to them.
///
/// # Safety
///
/// Both ranges are readable or writable as needed, and do not overlap.
#[cfg(not(all(target_arch = "x86_64", not(loom))))]
#[inline]
pub(crate) unsafe fn copy_bytes(from: *const u8, to: *mut u8, len: usize) {
    let aligned = (from.addr() | to.addr()).is_multiple_of(8);
    let words = if aligned { len / 8 } else { 0 };
    for i in 0..words {
        // SAFETY: inside both ranges, and aligned.
        unsafe { to.cast::<u64>().add(i).write_volatile(from.cast::<u64>().add(i).read_volatile()) }
    }
    let done = words * 8;
    // SAFETY: the rest of both ranges.
    unsafe { copy_single_bytes(from.add(done), to.add(done), len - done) }
}

/// Copies byte by byte.
///
/// # Safety
///
/// As for [`copy_bytes`].
#[inline]
unsafe fn copy_single_bytes(from: *const u8, to: *mut u8, len: usize) {
    for i in 0..len {
        // SAFETY: inside both ranges.
        unsafe { to.add(i).write_volatile(from.add(i).read_volatile()) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::memory::StaticMemory;

    #[test]
    fn copies_of_every_length_are_whole() {
        // With the lengths at which the way of copying changes.
        const LARGE: usize = 256 << 10;
        let bytes: Vec<u8> = (0..LARGE + 100).map(|i| (i % 251) as u8).collect();
        for len in (0..300).chain([2047, 2048, 2049, 4999, LARGE - 1, LARGE, LARGE + 1, LARGE + 71]) {
            for shift in [0, 1, 7] {
                let mut to = vec![0xee_u8; shift + len + 9];
                let from = &bytes[shift..][..len];
                // SAFETY: both are as long as needed.
                unsafe { copy_bytes(from.as_ptr(), to.as_mut_ptr().add(shift), len) };
                assert_eq!(&to[shift..shift + len], from);
                assert!(to[..shift].iter().chain(&to[shift + len..]).all(|byte| *byte == 0xee));
            }
        }
    }

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
        assert_eq!(unsafe { slots.read(u64::MAX - 7).assume_init() }, 3);
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
