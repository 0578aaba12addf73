//! A ring of block numbers: places, and the two ends, which anybody may help forward.

use super::word::{Holds, Place};
use crate::error::Fault;
use crate::sync::{AtomicU64, Ordering, spin_hint};

/// Steps of one operation that others may spoil in a row before the words are declared corrupted.
pub(super) const ATTEMPTS: u32 = 1 << 16;
/// Loads of a `tail` that each time lies a lap behind its place. Who finds the place so finds a later `tail` at the next load, so that
/// each needs another lap of the others meanwhile. In words that make no sense it would never end.
const LAPS: u32 = 64;

/// One of the rings of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring<'m> {
    pub(super) tail: &'m AtomicU64,
    pub(super) head: &'m AtomicU64,
    /// A power of two of them.
    pub(super) places: &'m [AtomicU64],
}

/// Where the next job goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// To this position, whose place holds this word.
    At(u64, Place),
    /// Nowhere: the ring ends at this position.
    Closed(u64, Place),
}

impl<'m> Ring<'m> {
    #[inline(always)]
    fn place(&self, position: u64) -> &'m AtomicU64 {
        &self.places[position as usize & (self.places.len() - 1)]
    }

    /// The word of the place of a position.
    #[inline(always)]
    pub(super) fn at(&self, position: u64) -> Place {
        // Acquire, "sent".
        Place(self.place(position).load(Ordering::Acquire))
    }

    /// Where the next job goes. Helps `tail` on.
    #[inline(always)]
    pub(super) fn end(&self) -> Result<End, Fault> {
        let mut laps = 0;
        for _ in 0..ATTEMPTS {
            let tail = self.tail.load(Ordering::Acquire);
            let place = self.at(tail);
            match place.holds(tail) {
                Holds::Nothing => return Ok(End::At(tail, place)),
                Holds::Closed => return Ok(End::Closed(tail, place)),
                Holds::Block(_) => self.help(self.tail, tail),
                // `tail` was stale.
                Holds::Later if laps < LAPS => {
                    back_off(laps.min(2));
                    laps += 1;
                }
                Holds::Later => break,
            }
        }
        Err(Fault::Corrupted)
    }

    /// Fills the place of a position that held `before`, unless another process has.
    #[inline(always)]
    pub(super) fn fill(&self, position: u64, before: Place, with: Place) -> bool {
        // Success Release, "sent".
        self.place(position).compare_exchange(before.0, with.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Moves `tail` or `head` past a position that was filled or emptied, unless another process has.
    #[inline(always)]
    pub(super) fn help(&self, end: &AtomicU64, position: u64) {
        // Release: a process that loads the new position finds the place and its block at least as we did.
        let _ = end.compare_exchange(position, position.wrapping_add(1), Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cold]
pub(super) fn back_off(attempt: u32) {
    for _ in 0..(1u32 << attempt.min(6)) {
        spin_hint();
        if cfg!(loom) {
            break;
        }
    }
}
