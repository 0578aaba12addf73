//! The words of a job and of a place in a ring: what they say, and how.
//!
//! ```text
//! job     position (44 bits) | attempts (6) | ring (2) | owner (10) | state (2)
//! place   position (44 bits) | block (20)
//! ```
//!
//! The states of called jobs are those of the others with an owner where there is none, or without one:
//!
//! | state | with an owner | without |
//! |---|---|---|
//! | 0 | `Orphan` | `Free`, if the word is 0 |
//! | 2 | `Queued` | `Withdrawn` |
//! | 3 | `Leased` | `Answered` |

use crate::participant::{OwnerBits, ParticipantId};

const POSITION_SHIFT: u32 = 20;
const BELOW_POSITION: u64 = (1 << POSITION_SHIFT) - 1;
const STATE: u64 = 0b11;
const FREE: u64 = 0;
const WRITING: u64 = 1;
const QUEUED: u64 = 2;
const LEASED: u64 = 3;
const OWNER: OwnerBits = OwnerBits::from(2);
const RING_SHIFT: u32 = 12;
const RING: u64 = 0b11;
const ATTEMPTS_SHIFT: u32 = 14;

/// The most leases of a job that its word can count.
pub(super) const MOST_ATTEMPTS: u32 = 63;
/// The block that a place names which ends the ring.
const CLOSED: u64 = BELOW_POSITION;
/// The most blocks.
pub(super) const MOST_BLOCKS: u64 = CLOSED - 1;

/// How far the position in a word is ahead of another, signed, modulo 2^44.
#[inline(always)]
fn ahead(word: u64, position: u64) -> i64 {
    ((word & !BELOW_POSITION).wrapping_sub(position << POSITION_SHIFT) as i64) >> POSITION_SHIFT
}

/// Which ring a job is in, is on its way to, or was leased from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Jobs that were sent.
    Main = 0,
    /// Jobs that came back.
    Back = 1,
    /// Jobs that used up their attempts.
    Dead = 2,
}

/// What a job's word says of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The block is nobody's.
    Free,
    /// Its owner writes a job into it.
    Writing,
    /// Its owner has put it into the ring, or is about to.
    Queued(Which),
    /// Its owner works on it. It was in this ring.
    Leased(Which),
    /// Its owner works on it, and its caller has gone. It was in this ring.
    Orphan(Which),
    /// Its caller has gone before anybody had it. It keeps its place in this ring.
    Withdrawn(Which),
    /// It is done, or given up, and its caller has not gone yet. It was in this ring.
    Answered(Which),
    /// No correct peer writes this.
    Nonsense,
}

/// A job's word. No two of its values are alike, but `FREE` and `WRITING`: the positions do not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job(pub(super) u64);

impl Job {
    pub(super) const FREE: Job = Job(FREE);

    #[inline(always)]
    pub(super) fn writing(me: ParticipantId) -> Self {
        Job(WRITING | OWNER.name(me))
    }

    /// In the state at the position of the ring, with these bits of an owner.
    #[inline(always)]
    fn at(state: u64, owner: u64, ring: Which, attempts: u32, position: u64) -> Self {
        let attempts = u64::from(attempts.min(MOST_ATTEMPTS)) << ATTEMPTS_SHIFT;
        Job(position << POSITION_SHIFT | attempts | (ring as u64) << RING_SHIFT | owner | state)
    }

    /// A new job, at this position of the main ring.
    #[inline(always)]
    pub(super) fn sent(me: ParticipantId, position: u64) -> Self {
        Self::at(QUEUED, OWNER.name(me), Which::Main, 0, position)
    }

    /// This one at a place of a ring, with its owner.
    #[inline(always)]
    pub(super) fn queued(self, ring: Which, attempts: u32, position: u64) -> Self {
        Self::at(QUEUED, self.0 & OWNER.mask(), ring, attempts, position)
    }

    /// This one, which is queued, leased to `me`.
    #[inline(always)]
    pub(super) fn leased(self, me: ParticipantId) -> Self {
        let rest = self.0 & !(STATE | OWNER.mask());
        Job(rest | OWNER.name(me) | LEASED)
    }

    /// This one, which is leased or queued, with these bits of a state and an owner. Its position stays, so it does not come back.
    fn turned(self, state: u64, owner: u64) -> Self {
        Job(self.0 & !(STATE | OWNER.mask()) | state | owner)
    }

    /// This one, which is leased, in the hands of `me`, which brings it home.
    pub(super) fn taken_over(self, me: ParticipantId) -> Self {
        self.turned(LEASED, OWNER.name(me))
    }

    /// This one, which is leased, without a caller.
    pub(super) fn orphaned(self) -> Self {
        self.turned(FREE, self.0 & OWNER.mask())
    }

    /// This one, which is in its ring, without a caller.
    pub(super) fn withdrawn(self) -> Self {
        self.turned(QUEUED, 0)
    }

    /// This one, which is leased, answered after this many leases that ended otherwise.
    pub(super) fn answered(self, attempts: u32) -> Self {
        let counted = u64::from(MOST_ATTEMPTS) << ATTEMPTS_SHIFT;
        let attempts = u64::from(attempts.min(MOST_ATTEMPTS)) << ATTEMPTS_SHIFT;
        Job(self.turned(LEASED, 0).0 & !counted | attempts)
    }

    pub(super) fn state(self) -> State {
        let ring = match self.0 >> RING_SHIFT & RING {
            0 => Which::Main,
            1 => Which::Back,
            2 => Which::Dead,
            _ => return State::Nonsense,
        };
        match self.0 & STATE {
            FREE if self == Self::FREE => State::Free,
            FREE if self.owner().is_some() => State::Orphan(ring),
            FREE => State::Nonsense,
            WRITING => State::Writing,
            QUEUED if self.owner().is_some() => State::Queued(ring),
            QUEUED => State::Withdrawn(ring),
            _ if self.owner().is_some() => State::Leased(ring),
            _ => State::Answered(ring),
        }
    }

    #[inline(always)]
    pub(super) fn owner(self) -> Option<ParticipantId> {
        OWNER.owner(self.0)
    }

    /// How many leases of it ended without being done.
    pub(super) fn attempts(self) -> u32 {
        (self.0 >> ATTEMPTS_SHIFT) as u32 & MOST_ATTEMPTS
    }

    /// Its position in its ring.
    pub(super) fn position(self) -> u64 {
        self.0 >> POSITION_SHIFT
    }

    /// Whether it is queued in this ring at this position.
    #[inline(always)]
    pub(super) fn is_queued(self, ring: Which, position: u64) -> bool {
        self.is_in(ring, position) && self.0 & OWNER.mask() != 0
    }

    /// Whether it is queued or withdrawn in this ring at this position.
    #[inline(always)]
    fn is_in(self, ring: Which, position: u64) -> bool {
        let rest = u64::from(MOST_ATTEMPTS) << ATTEMPTS_SHIFT | OWNER.mask();
        self.0 & !rest == Self::at(QUEUED, 0, ring, 0, position).0
    }

    /// Whether it was withdrawn in this ring at this position.
    pub(super) fn is_withdrawn(self, ring: Which, position: u64) -> bool {
        self.is_in(ring, position) && self.0 & OWNER.mask() == 0
    }
}

/// What a place of a ring says of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// It was not filled yet.
    Nothing,
    /// This block was put there.
    Block(usize),
    /// The ring ends there.
    Closed,
    /// The position has passed.
    Later,
}

/// The word of a place in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(pub(super) u64);

impl Place {
    /// Before anything is put there; its next position is a lap later.
    pub(super) fn empty(before: u64) -> Self {
        Place(before << POSITION_SHIFT)
    }

    #[inline(always)]
    pub(super) fn of(position: u64, block: usize) -> Self {
        Place(position << POSITION_SHIFT | block as u64)
    }

    pub(super) fn closed(position: u64) -> Self {
        Place(position << POSITION_SHIFT | CLOSED)
    }

    /// How far the position that was put here last is ahead of this one, modulo 2^44.
    pub(super) fn ahead_of(self, position: u64) -> u64 {
        ahead(self.0, position) as u64
    }

    #[inline(always)]
    pub(super) fn holds(self, position: u64) -> Holds {
        match ahead(self.0, position) {
            ..0 => Holds::Nothing,
            0 if self.0 & BELOW_POSITION == CLOSED => Holds::Closed,
            0 => Holds::Block((self.0 & BELOW_POSITION) as usize),
            1.. => Holds::Later,
        }
    }
}
