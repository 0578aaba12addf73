//! Repair: who is in the way at the head, and what the dead have left.

use super::position::{Position, SlotState, Stamp, Tail};
use super::ring::Ring;
use crate::participant::{Dead, ParticipantId};
use crate::sync::Ordering;

/// What stands at the head of a ring from which nothing could be popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// No ticket is taken: the ring is empty.
    Nobody,
    /// Something happened meanwhile: try again.
    Moved,
    /// This participant holds the oldest ticket and has not published it.
    Owner(ParticipantId),
    /// A word makes no sense.
    Corrupted,
}

impl Ring<'_> {
    /// Who holds up the head. Wait-free: a handful of loads.
    pub fn blocker(&self) -> Blocker {
        let at = Position::of(self.head.load(Ordering::Acquire));
        let stamp = Stamp(self.stamp(at).load(Ordering::Acquire));
        // Acquire, "ticket".
        let tail = Tail(self.tail.load(Ordering::Acquire));
        let tickets = tail.position().ahead_of(at);
        if tickets < 0 || tickets as u64 > self.geometry.capacity() {
            // `head` is never ahead of a `tail` that is read after it, and only a stale one is so far behind.
            return if Position::of(self.head.load(Ordering::Acquire)) == at {
                Blocker::Corrupted
            } else {
                Blocker::Moved
            };
        }
        let ahead = stamp.position().ahead_of(at);
        if ahead == 0 {
            return match (stamp.state(), stamp.owner()) {
                // A stamp of this position, and yet its ticket was never taken.
                _ if tickets == 0 => Blocker::Corrupted,
                (SlotState::Busy, Some(owner)) => Blocker::Owner(owner),
                (SlotState::Busy | SlotState::Invalid, _) => Blocker::Corrupted,
                (SlotState::Full | SlotState::Void, _) => Blocker::Moved,
            };
        }
        if ahead > 0 {
            return Blocker::Moved;
        }
        if tickets == 0 {
            return Blocker::Nobody;
        }
        let first = self.first_unstamped(tail.position().previous());
        match tail.owner() {
            // Marked or published since we looked; or passed.
            _ if Stamp(self.stamp(at).load(Ordering::Acquire)) != stamp => Blocker::Moved,
            _ if Position::of(self.head.load(Ordering::Acquire)) != at => Blocker::Moved,
            // Unmarked although `tail` is what it is: one of the newest tickets (I1), whose owner stands in `tail`.
            Some(owner) if first == at => Blocker::Owner(owner),
            _ => Blocker::Corrupted,
        }
    }

    /// Passes over given-up tickets at the head, and returns how many there were. Anybody may do so: there is no message
    /// in them. Bounded by the capacity.
    pub fn skip_voids(&self) -> u32 {
        let mut skipped = 0;
        for _ in 0..self.geometry.capacity() {
            let head = self.head.load(Ordering::Relaxed);
            let at = Position::of(head);
            let stamp = Stamp(self.stamp(at).load(Ordering::Acquire));
            if stamp.position() != at || stamp.state() != SlotState::Void {
                break;
            }
            // Release, "free": as in a pop. A lost race is a consumer that did the same.
            let passed = self.head.compare_exchange(head, at.next().word(), Ordering::Release, Ordering::Relaxed);
            skipped += u32::from(passed.is_ok());
        }
        skipped
    }

    /// Gives up every ticket that `dead` held and had not published, and returns how many there were.
    ///
    /// Idempotent: a sweeper that dies half-way is followed by another. Bounded by the capacity. The caller
    /// wakes the consumers if anything was given up.
    ///
    /// A second sweeper beside it, or one that was stopped and goes on when the ring is laps ahead, is harmless: what it replaces is
    /// either the `Busy` of a ticket of the dead one or the stamp before it, of a slot that is stamped once for that position. A slot
    /// that a later `tail` has passed is stamped (I1), so a stale `tail` leads to no ticket of another owner.
    pub fn sweep(&self, dead: &Dead) -> u64 {
        let who = dead.who();
        // Acquire, "ticket": with this tail come the marks of every ticket before its newest (I1).
        let tail = Tail(self.tail.load(Ordering::Acquire));
        let newest = tail.position().previous();
        let mut given_up = 0;
        if tail.owner() == Some(who) {
            // In ascending order, as the marks: a successor that finds the last one given up need not check the others.
            let mut at = self.first_unstamped(newest);
            while at.ahead_of(newest) <= 0 {
                let word = self.stamp(at);
                let stamp = Stamp(word.load(Ordering::Acquire));
                if stamp.position().ahead_of(at) < 0 {
                    // If this fails, a producer has just marked the slot: the walk below finds the mark.
                    given_up += u64::from(self.replace(word, stamp, Stamp::new(at, Some(who), SlotState::Void)));
                }
                at = at.next();
            }
        }
        let mut at = Position::of(self.head.load(Ordering::Acquire));
        let tickets = tail.position().ahead_of(at).clamp(0, self.geometry.capacity() as i64);
        for _ in 0..tickets {
            let busy = Stamp::new(at, Some(who), SlotState::Busy);
            let void = Stamp::new(at, Some(who), SlotState::Void);
            let word = self.stamp(at);
            if Stamp(word.load(Ordering::Acquire)) == busy {
                given_up += u64::from(self.replace(word, busy, void));
            }
            at = at.next();
        }
        given_up
    }
}
