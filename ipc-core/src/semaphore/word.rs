//! One permit's word.

use crate::participant::{OwnerBits, ParticipantId};

/// Nobody has it, and nobody can: it is not in circulation.
pub(super) const ABSENT: u32 = 0;
/// To be had.
pub(super) const AVAILABLE: u32 = 1 << 30;
const HELD: u32 = 2 << 30;
const POSTING: u32 = 3 << 30;

const STATE: u32 = 3 << 30;
const OWNER: OwnerBits = OwnerBits::LOW;
const LINK_SHIFT: u32 = 10;

/// The most permits of one semaphore: an index fits the link.
pub const MOST_PERMITS: u32 = (1 << 20) - 1;

/// The word of a permit that `owner` holds, without a link.
pub(super) const fn held(owner: ParticipantId) -> u32 {
    HELD | OWNER.name32(owner)
}

/// The word of a permit that `owner` is about to post, without a link.
pub(super) const fn posting(owner: ParticipantId) -> u32 {
    POSTING | OWNER.name32(owner)
}

/// Permits of one owner, in one state: the last of them and how many. Each word's link names the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) head: u32,
    pub(super) len: u32,
}

impl Chain {
    pub(super) const EMPTY: Chain = Chain { head: 0, len: 0 };

    /// The word of the next permit in the chain: `bare`, with a link to the last one so far.
    pub(super) const fn link(&self, bare: u32) -> u32 {
        if self.len == 0 { bare } else { bare | (self.head + 1) << LINK_SHIFT }
    }

    pub(super) fn push(&mut self, at: u32) {
        *self = Chain { head: at, len: self.len + 1 };
    }
}

/// The word without its link, and the index that the link names. Without one: an index that no semaphore has.
pub(super) const fn unlink(word: u32) -> (u32, u32) {
    let link = word >> LINK_SHIFT & MOST_PERMITS;
    (word & (STATE | OWNER.mask32()), link.wrapping_sub(1))
}

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Absent,
    Available,
    Held(ParticipantId),
    Posting(ParticipantId),
    /// No correct peer writes this.
    Nowhere,
}

impl Place {
    pub(super) const fn of(word: u32) -> Place {
        match (word & STATE, OWNER.owner32(word)) {
            (HELD, Some(owner)) => Place::Held(owner),
            (POSTING, Some(owner)) => Place::Posting(owner),
            _ if word == ABSENT => Place::Absent,
            _ if word == AVAILABLE => Place::Available,
            _ => Place::Nowhere,
        }
    }
}
