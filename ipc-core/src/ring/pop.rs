//! Pop. The protocol, its races and its orderings are told in the [module's essay](super).

use core::mem::MaybeUninit;

use super::position::{Position, SlotState, Stamp};
use super::ring::{ATTEMPTS, Ring, back_off};
use crate::error::Refused;
use crate::payload;
use crate::sync::Ordering;

/// Attempts of a consumer to take several messages, before it takes one: each failed attempt has copied in vain.
const SLICE_ATTEMPTS: u32 = 4;

impl Ring<'_> {
    /// Takes the oldest message: writes its bytes to `out`. Returns the number of positions that this call has freed, which
    /// may be more than none even if there was no message: those of dead producers are passed over. Without a message, `out` may hold
    /// a torn copy.
    ///
    /// Lock-free among consumers; one read-modify-write when uncontended. Never waits, makes no system call, and
    /// leaves `tail` (the producers' line) alone.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow): nothing is published at the head; the ring is empty or its oldest ticket is not published yet.
    /// [`Busy`](Refused::Busy): the oldest ticket is not published, and others were taken after it; its holder is slow, stopped or dead.
    #[inline(always)]
    pub fn try_pop<T>(&self, out: &mut MaybeUninit<T>) -> (u32, Result<(), Refused>) {
        match self.try_pop_first(out) {
            Ok(()) => (1, Ok(())),
            Err(Refused::NotNow) => (0, Err(Refused::NotNow)),
            Err(_) => self.try_pop_contended(out),
        }
    }

    /// The common case of a pop in one go, told in full in [`try_pop`](Self::try_pop): a message at the head, and no
    /// rival. Otherwise nothing was done.
    ///
    /// Checks the slot once: if it is empty, a second check would take its line from the producer that is about to fill it.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow) if there is no message. [`Busy`](Refused::Busy) for a message that is not published, a place that is
    /// nobody's, a rival, or garbage.
    #[inline(always)]
    pub fn try_pop_first<T>(&self, out: &mut MaybeUninit<T>) -> Result<(), Refused> {
        let stride = const { payload::stride::<T>() };
        if stride != self.geometry.stride {
            return Err(Refused::Busy);
        }
        let head = self.head.load(Ordering::Relaxed);
        let at = Position::of(head);
        let (word, cells) = self.slot(at, stride);
        let stamp = Stamp(word.load(Ordering::Acquire));
        if !stamp.is_full_at(at) {
            return Err(if stamp.position().ahead_of(at) < 0 { Refused::NotNow } else { Refused::Busy });
        }
        payload::load_into(cells, out);
        let next = at.next().word();
        match self.head.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => {
                self.prefetch_published(at.next(), stride);
                Ok(())
            }
            Err(_) => Err(Refused::Busy),
        }
    }

    /// Takes as many messages as there are and as fit into `out`, from the oldest on, with one read-modify-write: how many. At least
    /// one; otherwise nothing was done, and [`try_pop`](Self::try_pop) knows why.
    ///
    /// `accept` says how many of those that were copied shall be taken. It may be asked about torn copies, which are
    /// then dropped. Lock-free among consumers.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was taken.
    pub fn try_pop_slice<T>(
        &self,
        out: &mut [MaybeUninit<T>],
        mut accept: impl FnMut(&[MaybeUninit<T>]) -> usize,
    ) -> Result<usize, Refused> {
        let stride = const { payload::stride::<T>() };
        if stride != self.geometry.stride {
            return Err(Refused::Busy);
        }
        let mut head = self.head.load(Ordering::Relaxed);
        for attempt in 0..SLICE_ATTEMPTS {
            let first = Position::of(head);
            let mut count = 0;
            let mut next = first;
            for place in out.iter_mut() {
                let (word, cells) = self.slot(next, stride);
                // Acquire, "publish".
                if !Stamp(word.load(Ordering::Acquire)).is_full_at(next) {
                    break;
                }
                payload::load_into(cells, place);
                next = next.next();
                count += 1;
            }
            let count = if count == 0 { 0 } else { accept(&out[..count]).min(count) };
            if count == 0 {
                return Err(Refused::Busy);
            }
            let taken = first.offset(count as i64).word();
            // Release, "free": the reads above come before the room that this gives.
            match self.head.compare_exchange(head, taken, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(count),
                Err(now) => {
                    head = now;
                    back_off(attempt);
                }
            }
        }
        Err(Refused::Busy)
    }

    #[cold]
    #[inline(never)]
    fn try_pop_contended<T>(&self, out: &mut MaybeUninit<T>) -> (u32, Result<(), Refused>) {
        let stride = const { payload::stride::<T>() };
        if stride != self.geometry.stride {
            return (0, Err(Refused::CORRUPTED));
        }
        let mut freed = 0;
        // Relaxed: a stale `head` is found out by the slot's stamp or by the compare-exchange.
        let mut head = self.head.load(Ordering::Relaxed);
        for attempt in 0..ATTEMPTS {
            let at = Position::of(head);
            let (word, cells) = self.slot(at, stride);
            // Acquire, "publish".
            let stamp = Stamp(word.load(Ordering::Acquire));
            let ahead = stamp.position().ahead_of(at);
            if ahead == 0 && stamp.state() == SlotState::Full {
                payload::load_into(cells, out);
                // Success Release, "free": the reads above come before the room that this gives. Acquire would
                // order nothing: what the message says came with its stamp.
                match self.head.compare_exchange_weak(head, at.next().word(), Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => {
                        self.prefetch_published(at.next(), stride);
                        return (freed + 1, Ok(()));
                    }
                    Err(now) => {
                        head = now;
                        back_off(attempt);
                        continue;
                    }
                }
            }
            match (ahead, stamp.state()) {
                (0, SlotState::Void) => {
                    // Nobody's message. The loser of the race finds that `head` has moved.
                    head = match self.head.compare_exchange(
                        head,
                        at.next().word(),
                        Ordering::Release,
                        Ordering::Relaxed,
                    ) {
                        Ok(_) => {
                            freed += 1;
                            at.next().word()
                        }
                        Err(now) => now,
                    };
                }
                (0, SlotState::Busy) => return (freed, Err(Refused::Busy)),
                (0, _) => return (freed, Err(Refused::CORRUPTED)),
                (..0, _) => return (freed, Err(Refused::NotNow)),
                _ => {
                    // A later lap: `head` was stale, and the Acquire above shows the newer one.
                    let now = self.head.load(Ordering::Relaxed);
                    if now == head {
                        return (freed, Err(Refused::CORRUPTED));
                    }
                    head = now;
                }
            }
        }
        (freed, Err(Refused::CORRUPTED))
    }

    /// A copy of the oldest message, which stays where it is. `None` if nothing is published at the head or the
    /// message was taken meanwhile.
    pub fn peek<T>(&self) -> Option<MaybeUninit<T>> {
        let stride = const { payload::stride::<T>() };
        if stride != self.geometry.stride {
            return None;
        }
        let head = self.head.load(Ordering::Acquire);
        let at = Position::of(head);
        let (word, cells) = self.slot(at, stride);
        let stamp = Stamp(word.load(Ordering::Acquire));
        if stamp.position() != at || stamp.state() != SlotState::Full {
            return None;
        }
        let value = payload::load(cells);
        // A read-modify-write that changes nothing: were this a load, the copy above might be of a later lap. On
        // success `head` had not moved, so no producer could have begun to overwrite the cells (Release, "free").
        self.head.compare_exchange(head, head, Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| value)
    }
}
