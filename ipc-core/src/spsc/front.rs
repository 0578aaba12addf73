//! The producer's line: its index, and a copy of the element that it sent last.
//!
//! A consumer that polls for an element would wait for two lines, one after the other: the index, and then the element. A small element is therefore
//! written twice, to its place and beside the index, and a consumer that has found the index finds the copy there, too.
//!
//! The place is the truth; the copy is a seqlock (H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012)
//! with the position as its number. The producer writes the position, the copy's cells, and then the index. The consumer that has seen the
//! index loads the cells, and then the position: if that is another one, it reads the place.
//!
//! A producer that is killed in the middle leaves a position whose copy is no element's. Its successor withdraws it before it
//! sends anything, so that nobody takes it for that of an element which the successor sends without a copy.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::object::{Fact, layout};
use crate::payload::{cells, load_with, store_with};
use crate::sync::{AtomicU64, Ordering};

/// Cells of a copy: with the two words in front of them, a line.
const CELLS: usize = 6;

/// The producer's line.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Front {
    pub(crate) tail: AtomicU64,
    /// The position of the element that the copy is of.
    at: AtomicU64,
    copy: [AtomicU64; CELLS],
}

crate::sync::assert_layout!(size_of::<Front>() == 128);

/// Whether elements are copied here.
pub(super) const fn is_copied<T>() -> bool {
    size_of::<T>() != 0 && cells::<T>() <= CELLS
}

/// A position that no consumer is at.
const fn nowhere(tail: u64) -> u64 {
    tail ^ 1 << 63
}

impl Front {
    pub(crate) const LAYOUT: Fact = layout!(Front { tail, at, copy });

    pub(crate) fn new(start: u64) -> Self {
        Front {
            tail: AtomicU64::new(start),
            at: AtomicU64::new(nowhere(start)),
            copy: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// For a new producer: withdraws the copy, of which the last one may have written a part.
    pub(super) fn withdraw(&self, tail: u64) {
        // Relaxed: before the index of all that this producer sends.
        self.at.store(nowhere(tail), Ordering::Relaxed);
    }

    /// Copies the element of this position, which is not visible yet.
    #[inline(always)]
    pub(super) fn copy<T: NoUninit>(&self, at: u64, value: &T) {
        if const { is_copied::<T>() } {
            self.at.store(at, Ordering::Relaxed);
            // Release, "copy": who loads one of these finds the position that it is of, or a later one.
            store_with(value, &self.copy, Ordering::Release);
        }
    }

    /// The copy of the element of this position, which the caller knows to be visible; `false` if the copy is not that one's, and then
    /// any bytes may have been written.
    #[inline(always)]
    pub(super) fn read<T>(&self, at: u64, value: &mut MaybeUninit<T>) -> bool {
        if const { !is_copied::<T>() } {
            return false;
        }
        // Acquire, "copy".
        load_with(&self.copy, value, Ordering::Acquire);
        self.at.load(Ordering::Relaxed) == at
    }
}
