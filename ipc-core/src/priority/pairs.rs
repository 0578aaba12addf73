//! Messages of two parts, key and value.

use core::mem::MaybeUninit;

use bytemuck::CheckedBitPattern;

use crate::payload;

/// The places of both parts. A tuple has them where the compiler likes, so they are copied one by one.
#[inline(always)]
pub(super) fn parts<K, T>(pair: &mut MaybeUninit<(K, T)>) -> (&mut MaybeUninit<K>, &mut MaybeUninit<T>) {
    let pair = pair.as_mut_ptr();
    // SAFETY: the two fields of a place that is borrowed exclusively; they do not overlap, and need not be initialised.
    unsafe { (&mut *(&raw mut (*pair).0).cast(), &mut *(&raw mut (*pair).1).cast()) }
}

/// Whether the bits of both parts, which are initialised, are values.
#[inline(always)]
pub(super) fn is_value<K: CheckedBitPattern, T: CheckedBitPattern>(pair: &MaybeUninit<(K, T)>) -> bool {
    let pair = pair.as_ptr();
    // SAFETY: the two fields of a place; the caller has them initialised.
    unsafe {
        payload::is_value::<K>(&*(&raw const (*pair).0).cast())
            && payload::is_value::<T>(&*(&raw const (*pair).1).cast())
    }
}

/// [`payload::fill_slice`] for pairs.
pub(super) fn fill_slice<K: CheckedBitPattern, T: CheckedBitPattern, E>(
    out: &mut [(K, T)],
    fill: impl FnOnce(&mut [MaybeUninit<(K, T)>]) -> Result<usize, E>,
) -> Result<usize, E> {
    payload::fill_slice_of(out, is_value, fill)
}
