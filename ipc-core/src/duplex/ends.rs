//! The word that says who holds the two ends, and in which session.
//!
//! ```text
//! 63        28 27                      14 13                       0
//!   session   | the server's end          | the client's end
//!               DIED WRITES READS CAME holder (10 bits)
//! ```
//!
//! | an end's state | who gets there | who leaves it |
//! |---|---|---|
//! | 0: nobody has come to this session | the first claim of a new session, for the other end | its first claim |
//! | `CAME`, a holder, `READS`, `WRITES` | a claim | the holder: either half, then the end, or back to 0; who finds it dead |
//! | `CAME` alone: left | the holder's last half | the next session |
//! | `CAME`, `DIED` | who has seized the dead holder | the next session |
//!
//! A session goes on while a living process holds an end of it, so its number never changes under a holder. An end goes through its
//! states once in a session, unless its holder takes the claim back: then nothing has happened.

use super::claim::ClaimErrorKind;
use crate::error::Fault;
use crate::participant::{Dead, NotSeized, OwnerBits, ParticipantId, Seized};
use crate::platform::Platform;
use crate::spsc::End;
use crate::sync::{AtomicU64, Ordering};

const HOLDER: OwnerBits = OwnerBits::LOW;
const CAME: u64 = 1 << 10;
const READS: u64 = 1 << 11;
const WRITES: u64 = 1 << 12;
const DIED: u64 = 1 << 13;
const END_BITS: u32 = 14;
const END_MASK: u64 = (1 << END_BITS) - 1;
const SESSION: u32 = 2 * END_BITS;
/// Compare-exchanges that others may spoil in a row.
const ATTEMPTS: u32 = crate::sync::bound(64, 4);

/// One of the two ends of a duplex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that [`accept`](super::Duplex::accept) gives out.
    Server,
    /// The end that [`connect`](super::Duplex::connect) gives out.
    Client,
}

impl Side {
    /// The other end.
    pub const fn other(self) -> Side {
        match self {
            Side::Server => Side::Client,
            Side::Client => Side::Server,
        }
    }

    const fn shift(self) -> u32 {
        match self {
            Side::Client => 0,
            Side::Server => END_BITS,
        }
    }
}

/// What the word said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Seen {
    fn end(self, side: Side) -> u64 {
        self.0 >> side.shift() & END_MASK
    }

    fn with(self, side: Side, end: u64) -> Self {
        Seen(self.0 & !(END_MASK << side.shift()) | end << side.shift())
    }

    /// The session that one who takes this end comes to, while nobody has an end.
    ///
    /// It is this session, if the other end's holder has sent something and nobody has come to receive it; or if nobody has come at all.
    fn joined(self, side: Side, reached: Reached) -> Result<Self, ClaimErrorKind> {
        let waits = |from: Side| self.came(from) && !self.came(from.other()) && reached.sent(from) > self.start();
        if waits(side) {
            return Err(ClaimErrorKind::Unread);
        }
        if waits(side.other()) || !self.came(side) && !self.came(side.other()) {
            return Ok(self);
        }
        // Behind all positions: none of them is taken for one of the new session.
        let number = (reached.furthest >> SESSION).max(self.number()) + 1;
        if number > u64::MAX >> SESSION {
            return Err(ClaimErrorKind::Fault(Fault::Corrupted));
        }
        Ok(Seen(number << SESSION))
    }

    fn number(self) -> u64 {
        self.0 >> SESSION
    }

    /// The position of the session's first element, in both directions. No earlier session has used it, or a later one.
    fn start(self) -> u64 {
        self.number() << SESSION
    }

    /// Who holds this end, dead or alive.
    pub(super) fn holder(self, side: Side) -> Option<ParticipantId> {
        HOLDER.owner(self.end(side))
    }

    /// Whether somebody has held this end in the session.
    pub(super) fn came(self, side: Side) -> bool {
        self.end(side) & CAME != 0
    }

    /// Whether the last holder of this end was killed.
    pub(super) fn died(self, side: Side) -> bool {
        self.end(side) & DIED != 0
    }

    /// Whether this half of an end was there and is gone.
    #[inline(always)]
    pub(super) fn is_over(self, side: Side, half: End) -> bool {
        let end = self.end(side);
        end & (CAME | bit(half)) == CAME
    }

    /// Whether a claim of this end is likely to succeed, without asking whether anybody lives.
    pub(super) fn is_free(self, side: Side, reached: Reached) -> bool {
        let other = self.holder(side.other());
        self.holder(side).is_none()
            && if other.is_some() { !self.came(side) } else { self.joined(side, reached).is_ok() }
    }
}

/// How far the rings have got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    /// The position behind the last element that the client has sent.
    pub(super) client: u64,
    /// The position behind the last element that the server has sent.
    pub(super) server: u64,
    /// The highest position of all.
    pub(super) furthest: u64,
}

impl Reached {
    fn sent(self, from: Side) -> u64 {
        match from {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}

const fn bit(half: End) -> u64 {
    match half {
        End::Producer => WRITES,
        End::Consumer => READS,
    }
}

/// The word. Zero is its initial state: session 0, to which nobody has come.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Ends(AtomicU64);

impl Ends {
    pub(super) fn new() -> Self {
        Ends(AtomicU64::new(0))
    }

    #[inline(always)]
    pub(super) fn load(&self, order: Ordering) -> Seen {
        Seen(self.0.load(order))
    }

    /// Takes an end for the caller. Returns the position at which its session starts. Never waits; system calls only if an end is held.
    ///
    /// `reached` returns how far the rings have got. It is asked when nobody alive has an end that it depends on.
    pub(super) fn claim<P: Platform + ?Sized>(
        &self,
        side: Side,
        platform: &P,
        reached: impl Fn() -> Reached,
    ) -> Result<u64, ClaimErrorKind> {
        for _ in 0..ATTEMPTS {
            // Acquire, "session": all that the last holders did is visible.
            let seen = self.load(Ordering::Acquire);
            if let Some(holder) = seen.holder(side) {
                self.ask(platform, holder, |pid| ClaimErrorKind::Held { pid })?;
                continue;
            }
            let session = match seen.holder(side.other()) {
                Some(holder) => match self.ask(platform, holder, |pid| ClaimErrorKind::Unfinished { pid }) {
                    Ok(()) => continue,
                    Err(ClaimErrorKind::Unfinished { .. }) if !seen.came(side) => seen,
                    Err(other) => return Err(other),
                },
                None => seen.joined(side, reached())?,
            };
            let mine = session.with(side, CAME | READS | WRITES | HOLDER.name(platform.me()));
            // Relaxed: the load has acquired, and a read-modify-write hands on what it replaces to those that load this.
            if self.0.compare_exchange(seen.0, mine.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return Ok(mine.start());
            }
        }
        Err(ClaimErrorKind::Contended)
    }

    /// Takes back a claim of the caller, who has sent and received nothing, if nobody has come to the other end. Returns whether it did.
    pub(super) fn withdraw(&self, side: Side, me: ParticipantId) -> bool {
        let seen = self.load(Ordering::Relaxed);
        let withdrawn = seen.with(side, 0);
        // Relaxed, as the claim. Nobody is woken: those that wait for the end wait for the other one's holder, too, who wakes them.
        seen.holder(side) == Some(me)
            && !seen.came(side.other())
            && self.0.compare_exchange(seen.0, withdrawn.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes the ends of `holder` if it is dead; says otherwise why an end cannot be had.
    fn ask<P: Platform + ?Sized>(
        &self,
        platform: &P,
        holder: ParticipantId,
        alive: impl FnOnce(u32) -> ClaimErrorKind,
    ) -> Result<(), ClaimErrorKind> {
        match Seized::try_new(platform, holder) {
            Ok(seized) => {
                self.sweep(seized.dead());
                Ok(())
            }
            Err(NotSeized::NotNow) => Err(alive(platform.process_id(holder))),
            Err(NotSeized::Unknown) => Err(ClaimErrorKind::Fault(Fault::DeathsUnknown)),
        }
    }

    /// Gives up these halves of the end that `me` holds in the session that starts there, and the end with its last half. Returns whether
    /// `me` had it in that session.
    pub(super) fn release(&self, side: Side, halves: &[End], start: u64, me: ParticipantId) -> bool {
        for _ in 0..ATTEMPTS {
            let seen = self.load(Ordering::Relaxed);
            // Another thread of this process may have the end in a later session.
            if seen.holder(side) != Some(me) || seen.start() != start {
                return false;
            }
            let rest = halves.iter().fold(seen.end(side), |end, &half| end & !bit(half));
            let to = seen.with(side, if rest & (READS | WRITES) == 0 { CAME } else { rest });
            // Release, "session".
            if self.0.compare_exchange(seen.0, to.0, Ordering::Release, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
        false
    }

    /// Takes both ends from a dead participant, where it holds them. A second sweeper is harmless: the word does not name the dead one
    /// again.
    pub(super) fn sweep(&self, dead: &Dead) {
        for _ in 0..ATTEMPTS {
            let seen = self.load(Ordering::Relaxed);
            let to = [Side::Client, Side::Server].into_iter().fold(seen, |to, side| match seen.holder(side) {
                Some(holder) if holder == dead.who() => to.with(side, CAME | DIED),
                _ => to,
            });
            // Release, "session": hands on what the dead one did, which the seizure has made visible to us.
            if to == seen || self.0.compare_exchange(seen.0, to.0, Ordering::Release, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }

    /// Whether this half of an end was there and no living participant has it. Frees it from a dead holder.
    pub(super) fn find_deserted<P: Platform + ?Sized>(
        &self,
        side: Side,
        half: End,
        platform: &P,
    ) -> Result<bool, Fault> {
        if let Some(holder) = self.load(Ordering::Relaxed).holder(side) {
            match Seized::try_new(platform, holder) {
                Ok(seized) => self.sweep(seized.dead()),
                Err(NotSeized::NotNow) => {}
                Err(NotSeized::Unknown) => return Err(Fault::DeathsUnknown),
            }
        }
        // Acquire, "session".
        Ok(self.load(Ordering::Acquire).is_over(side, half))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The client has come and is gone, in a session of this number.
    fn left(number: u64) -> Seen {
        Seen(number << SESSION).with(Side::Client, CAME)
    }

    fn reached(client: u64, furthest: u64) -> Reached {
        Reached { client, server: 0, furthest }
    }

    #[test]
    fn a_new_session_starts_behind_all_positions() {
        let start = left(3).start();
        assert_eq!(left(3).joined(Side::Client, reached(start, start)), Ok(Seen(4 << SESSION)));
        let far = start + (5 << SESSION) + 1;
        assert_eq!(left(3).joined(Side::Client, reached(start, far)), Ok(Seen(9 << SESSION)));
        assert!(far < 9 << SESSION);
    }

    #[test]
    fn after_the_last_session_there_is_none() {
        let corrupted = Err(ClaimErrorKind::Fault(Fault::Corrupted));
        assert_eq!(left(1).joined(Side::Client, reached(0, u64::MAX)), corrupted);
        assert_eq!(left(u64::MAX >> SESSION).joined(Side::Client, reached(0, 0)), corrupted);
    }

    #[test]
    fn what_waits_to_be_received_is_kept() {
        let sent = reached(left(3).start() + 1, left(3).start() + 1);
        assert_eq!(left(3).joined(Side::Client, sent), Err(ClaimErrorKind::Unread));
        assert_eq!(left(3).joined(Side::Server, sent), Ok(left(3)));
    }
}
