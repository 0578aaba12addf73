//! Moving a value in and out of 64-bit cells.
//!
//! A consumer copies before it knows whether the copy is whole (its compare-exchange on `head` tells), so a
//! producer may write the same cells meanwhile. Both sides therefore use `Relaxed` accesses of whole 64-bit
//! words, or, for large values, instructions that the compiler does not see into: a race, but a defined one. A torn copy is
//! thrown away unseen.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::Fault;
#[cfg(feature = "serde")]
use crate::slots::copy_bytes;
use crate::slots::{copy_in, copy_out, is_large};
use crate::sync::{AtomicU64, Ordering};

const CELL: usize = size_of::<u64>();

/// The number of 64-bit cells that a value of `T` takes in a slot.
pub const fn cells<T>() -> usize {
    size_of::<T>().div_ceil(CELL)
}

/// The number of cells of a whole slot: its stamp, then the payload.
pub const fn stride<T>() -> usize {
    1 + cells::<T>()
}

/// Stores `value` into the first [`cells::<T>()`](cells) of `to`.
#[inline(always)]
pub(crate) fn store<T: NoUninit>(value: &T, to: &[AtomicU64]) {
    let bytes = bytemuck::bytes_of(value);
    if const { is_large(size_of::<T>()) } {
        assert!(to.len() >= cells::<T>());
        // SAFETY: as many cells, to which others write through atomics or in the same way.
        return unsafe { copy_in::<T>(bytes.as_ptr(), to.as_ptr().cast_mut().cast()) };
    }
    store_with(value, to, Ordering::Relaxed);
}

/// [`store`], cell by cell, with this ordering.
#[inline(always)]
pub(crate) fn store_with<T: NoUninit>(value: &T, to: &[AtomicU64], ordering: Ordering) {
    store_bytes(bytemuck::bytes_of(value), to, ordering);
}

/// Stores these bytes, cell by cell.
#[inline(always)]
fn store_bytes(bytes: &[u8], to: &[AtomicU64], ordering: Ordering) {
    let (words, rest) = bytes.as_chunks::<CELL>();
    for (cell, word) in to.iter().zip(words) {
        cell.store(u64::from_ne_bytes(*word), ordering);
    }
    if !rest.is_empty() {
        let mut last = [0; CELL];
        last[..rest.len()].copy_from_slice(rest);
        if let Some(cell) = to.get(words.len()) {
            cell.store(u64::from_ne_bytes(last), ordering);
        }
    }
}

/// Stores bytes into the first cells of `to`, which are enough.
#[cfg(feature = "serde")]
pub(crate) fn store_slice(bytes: &[u8], to: &[AtomicU64]) {
    if is_large(bytes.len()) {
        assert!(to.len() >= bytes.len().div_ceil(CELL));
        // SAFETY: as many cells, to which others write through atomics or in the same way.
        return unsafe { copy_bytes(bytes.as_ptr(), to.as_ptr().cast_mut().cast(), bytes.len()) };
    }
    store_bytes(bytes, to, Ordering::Relaxed);
}

/// Loads bytes from the first cells of `from`, which are enough.
#[cfg(feature = "serde")]
pub(crate) fn load_slice(from: &[AtomicU64], bytes: &mut [u8]) {
    if is_large(bytes.len()) {
        assert!(from.len() >= bytes.len().div_ceil(CELL));
        // SAFETY: as many cells; the caller's own bytes.
        return unsafe { copy_bytes(from.as_ptr().cast(), bytes.as_mut_ptr(), bytes.len()) };
    }
    for (cell, bytes) in from.iter().zip(bytes.chunks_mut(CELL)) {
        bytes.copy_from_slice(&cell.load(Ordering::Relaxed).to_ne_bytes()[..bytes.len()]);
    }
}

/// Loads the bytes of a `T` from the first [`cells::<T>()`](cells) of `from`. The result is initialised, but
/// its bits are whatever was there.
#[inline(always)]
pub(crate) fn load<T>(from: &[AtomicU64]) -> MaybeUninit<T> {
    let mut value = MaybeUninit::uninit();
    load_into(from, &mut value);
    value
}

/// [`load`] into a place of the caller's, which spares a copy of a large value.
#[inline(always)]
pub(crate) fn load_into<T>(from: &[AtomicU64], value: &mut MaybeUninit<T>) {
    assert!(from.len() >= cells::<T>());
    if const { is_large(size_of::<T>()) } {
        // SAFETY: as many cells; the value's own bytes.
        return unsafe { copy_out::<T>(from.as_ptr().cast(), value.as_mut_ptr().cast()) };
    }
    load_with(from, value, Ordering::Relaxed);
}

/// [`load_into`], cell by cell, with this ordering.
#[inline(always)]
pub(crate) fn load_with<T>(from: &[AtomicU64], value: &mut MaybeUninit<T>, ordering: Ordering) {
    let to = value.as_mut_ptr().cast::<u8>();
    let size = size_of::<T>();
    assert!(from.len() >= cells::<T>());
    for (i, cell) in from.iter().enumerate().take(size / CELL) {
        let word = cell.load(ordering);
        // SAFETY: i < size / 8, so the eight bytes lie inside `value`; no alignment is assumed.
        unsafe { to.add(i * CELL).cast::<u64>().write_unaligned(word) };
    }
    let rest = size % CELL;
    if rest != 0 {
        let last = from[size / CELL].load(ordering).to_ne_bytes();
        // SAFETY: the last `rest` bytes of `value` start at size - rest; `last` has eight.
        unsafe { core::ptr::copy_nonoverlapping(last.as_ptr(), to.add(size - rest), rest) };
    }
}

/// Whether loaded bytes are a `T`.
///
/// # Safety
///
/// All bytes are initialised.
#[inline(always)]
pub(crate) unsafe fn is_value<T: CheckedBitPattern>(bytes: &MaybeUninit<T>) -> bool {
    const { assert!(size_of::<T::Bits>() == size_of::<T>() && align_of::<T::Bits>() == align_of::<T>()) }
    // SAFETY: all bytes are initialised (the caller's promise), `Bits` has the size of T (checked above) and is valid
    // for any initialised bytes (`CheckedBitPattern::Bits: AnyBitPattern`).
    T::is_valid_bit_pattern(unsafe { &*bytes.as_ptr().cast::<T::Bits>() })
}

/// Turns loaded bytes into a `T` if they are one.
///
/// # Safety
///
/// All bytes are initialised.
#[inline(always)]
pub(crate) unsafe fn check<T: CheckedBitPattern>(bytes: MaybeUninit<T>) -> Result<T, Fault> {
    // SAFETY: the caller's promise.
    if unsafe { is_value(&bytes) } {
        // SAFETY: these bits are a T.
        Ok(unsafe { bytes.assume_init() })
    } else {
        Err(Fault::InvalidValue)
    }
}

/// How many of these loaded elements, from the first on, are values of their type.
///
/// # Safety
///
/// All bytes are initialised.
#[inline]
pub(crate) unsafe fn valid_prefix<T: CheckedBitPattern>(loaded: &[MaybeUninit<T>]) -> usize {
    // SAFETY: the caller's promise.
    loaded.iter().position(|bytes| !unsafe { is_value(bytes) }).unwrap_or(loaded.len())
}

/// Lends out `out` as memory that need not be initialised to `fill`, which says how many values it wrote to its front. All of `out` is
/// values again afterwards, whatever bits `fill` has left in the rest.
pub(crate) fn fill_slice<T: CheckedBitPattern, E>(
    out: &mut [T],
    fill: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<usize, E>,
) -> Result<usize, E> {
    // SAFETY: a value before, or copied from a slot, so all bytes are initialised.
    fill_slice_of(out, |bytes| unsafe { is_value(bytes) }, fill)
}

/// [`fill_slice`] with messages of which `is_value` says whether their bits are one.
pub(crate) fn fill_slice_of<T: Copy, E>(
    out: &mut [T],
    is_value: impl Fn(&MaybeUninit<T>) -> bool,
    fill: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<usize, E>,
) -> Result<usize, E> {
    let Some(&spare) = out.first() else { return fill(&mut []) };
    let start: *mut MaybeUninit<T> = out.as_mut_ptr().cast();
    /// On unwinding: the elements are values again before anybody sees them.
    struct Mend<'o, T: Copy> {
        lent: &'o mut [MaybeUninit<T>],
        spare: T,
    }
    impl<T: Copy> Drop for Mend<'_, T> {
        fn drop(&mut self) {
            self.lent.fill(MaybeUninit::new(self.spare));
        }
    }
    // SAFETY: the same memory, borrowed exclusively, of which every element is a value again before this returns or unwinds
    // (`is_valid_bit_pattern` is the user's code).
    let lent = unsafe { core::slice::from_raw_parts_mut(start, out.len()) };
    let mend = Mend { lent, spare };
    let filled = fill(mend.lent);
    let count = *filled.as_ref().unwrap_or(&0);
    // Most types have no other bits than values, and then there is nothing to mend.
    for place in mend.lent.iter_mut().skip(count) {
        if !is_value(place) {
            *place = MaybeUninit::new(spare);
        }
    }
    core::mem::forget(mend);
    filled
}
