//! Places for elements that lie side by side, as in an array, and copies in and out that go around its end.
//!
//! Unlike the cells of [`payload`](crate::payload) these are meant for one side at a time: the protocol around them gives each
//! place to one process. A faulty peer may write all the same, so no reference to the places is made: elements move by
//! volatile accesses and, in bulk, by instructions that the compiler does not see into.

mod copy;
#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod places;
mod prefetch;

pub(crate) use copy::{copy_bytes, copy_in, copy_out, is_large};
#[cfg(loom)]
pub use model::{Place, Slots};
#[cfg(not(loom))]
pub(crate) use places::Slots;
pub(crate) use prefetch::{Intent, prefetch, prefetch_lines};

/// Bytes of a place for an element of this size. A model's place has its cells elsewhere.
pub(crate) const fn stride(element_size: usize) -> usize {
    Slots::<u8>::stride(element_size)
}

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
