//! A ring of block numbers: places, and the two ends, which anybody may help forward.

use super::word::{Holds, Place};
use crate::error::Fault;
use crate::sync::{self, AtomicU64, Ordering, spin_hint};

/// Steps of one operation that others may spoil in a row before the words are declared corrupted.
pub(super) const ATTEMPTS: u32 = 1 << 16;

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
        let begin = self.tail.load(Ordering::Acquire);
        let place = self.at(begin);
        if place.holds(begin) == Holds::Nothing {
            return Ok(End::At(begin, place));
        }
        let mut tail = begin;
        for _ in 0..self.steps() {
            let place = self.at(tail);
            tail = match place.holds(tail) {
                Holds::Nothing => {
                    self.help(self.tail, begin, tail);
                    return Ok(End::At(tail, place));
                }
                Holds::Closed => return Ok(End::Closed(tail, place)),
                Holds::Block(_) => tail.wrapping_add(1),
                Holds::Later => self.last(tail, place)?,
            };
        }
        Err(Fault::Corrupted)
    }

    /// Whether nothing was put where `head` says that the first job is. It may lag behind.
    #[inline(always)]
    pub(super) fn holds_nothing_at_head(&self) -> bool {
        let head = self.head.load(Ordering::Acquire);
        self.at(head).holds(head) == Holds::Nothing
    }

    /// Fills the place of a position that held `before`, unless another process has.
    #[inline(always)]
    pub(super) fn fill(&self, position: u64, before: Place, with: Place) -> bool {
        // Success Release, "sent".
        self.place(position).compare_exchange(before.0, with.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Moves `tail` or `head` on to a position, for one that has begun to check `from`.
    ///
    /// A store, not a compare-exchange: one that is late moves it back. Then each that comes walks on from there.
    #[inline(always)]
    pub(super) fn help(&self, end: &AtomicU64, from: u64, to: u64) {
        // Not back, if that is seen in time. Relaxed: it decides nothing. In a model it would hide earlier loads of the other actors from the
        // search for other orders (loom remembers the last access alone); without it there are more moves back, not fewer.
        let is_ahead = || (end.load(Ordering::Relaxed).wrapping_sub(to) as i64) >= 0;
        if from != to && (cfg!(loom) || !is_ahead()) {
            // Release: a process that loads the new position finds the places and blocks before it at least as we did.
            sync::publish(end, to);
        }
    }

    /// The last position that was put into a place which is found to hold a later one than `position`.
    #[inline(always)]
    pub(super) fn last(&self, position: u64, place: Place) -> Result<u64, Fault> {
        match place.ahead_of(position) {
            ahead if ahead & (self.places.len() as u64 - 1) == 0 => Ok(position.wrapping_add(ahead)),
            _ => Err(Fault::Corrupted),
        }
    }

    /// Steps of a walk along the ring that others may spoil before the words are declared corrupted.
    #[inline(always)]
    pub(super) fn steps(&self) -> u32 {
        ATTEMPTS + self.places.len() as u32
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
