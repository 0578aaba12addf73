//! Positions and the words that carry them.
//!
//! Every word of the ring has the same shape, so that positions compare and advance without shifts:
//!
//! ```text
//! bit 63                      12 11        2 1    0
//!     position, modulo 2^52      owner       flags
//! ```
//!
//! `tail` uses the owner (of the newest ticket) and flag 0 (closed); `head` is a bare position; a slot's
//! stamp uses the owner and a [`SlotState`]. At 20 million messages a second, 2^52 positions last seven
//! years, and only an operation that sleeps over an exact multiple of that could be confused.

use crate::participant::{OwnerBits, ParticipantId};

const FIELD_BITS: u32 = 12;
const ONE: u64 = 1 << FIELD_BITS;
const OWNER: OwnerBits = OwnerBits::from(2);
const STATE_MASK: u64 = 0b11;
const CLOSED: u64 = 0b01;

/// A place in the endless sequence of messages, modulo 2^52.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(u64);

impl Position {
    /// The position that a shared word carries; the other bits are dropped.
    #[inline(always)]
    pub const fn of(word: u64) -> Self {
        Position(word & !(ONE - 1))
    }

    /// The `n`-th position, modulo 2^52.
    pub const fn new(n: u64) -> Self {
        Position(n << FIELD_BITS)
    }

    /// The number of this position, below 2^52.
    #[inline(always)]
    pub const fn number(self) -> u64 {
        self.0 >> FIELD_BITS
    }

    /// The word that holds this position and nothing else.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.0
    }

    /// The position `n` further on; `n` may be negative.
    #[inline(always)]
    pub const fn offset(self, n: i64) -> Self {
        Position(self.0.wrapping_add((n as u64) << FIELD_BITS))
    }

    /// The next position.
    #[inline(always)]
    pub const fn next(self) -> Self {
        Position(self.0.wrapping_add(ONE))
    }

    /// The position before.
    #[inline(always)]
    pub const fn previous(self) -> Self {
        Position(self.0.wrapping_sub(ONE))
    }

    /// How far this position is ahead of `other`, signed, modulo 2^52.
    #[inline(always)]
    pub const fn ahead_of(self, other: Position) -> i64 {
        (self.0.wrapping_sub(other.0) as i64) >> FIELD_BITS
    }
}

/// The word `tail`: the next ticket, who holds the newest one, and whether the ring is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail(pub u64);

impl Tail {
    pub const fn start(at: Position) -> Self {
        Tail(at.0)
    }

    #[inline(always)]
    pub const fn position(self) -> Position {
        Position::of(self.0)
    }

    /// Who holds the ticket before `position`. `None` if nobody ever did, or if the bits are garbage.
    #[inline(always)]
    pub const fn owner(self) -> Option<ParticipantId> {
        owner(self.0)
    }

    #[inline(always)]
    pub const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// The tail after `me` has taken the ticket.
    #[inline(always)]
    pub const fn claimed_by(self, me: ParticipantId) -> Self {
        Tail(self.position().next().0 | OWNER.name(me))
    }

    /// The tail after `me` has taken this many tickets.
    #[inline(always)]
    pub const fn claimed_many_by(self, me: ParticipantId, count: i64) -> Self {
        Tail(self.position().offset(count).0 | OWNER.name(me))
    }

    pub const CLOSED_FLAG: u64 = CLOSED;
}

/// What a slot's stamp says about its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Bits that no correct peer writes.
    Invalid = 0,
    /// Claimed by the owner, not published.
    Busy = 1,
    /// Published: the payload may be read.
    Full = 2,
    /// Given up: the owner died before it published, or (in a new ring) there never was one.
    Void = 3,
}

/// A slot's stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub u64);

impl Stamp {
    #[inline(always)]
    pub const fn new(at: Position, owner: Option<ParticipantId>, state: SlotState) -> Self {
        let owner = match owner {
            Some(id) => OWNER.name(id),
            None => 0,
        };
        Stamp(at.0 | owner | state as u64)
    }

    #[inline(always)]
    pub const fn position(self) -> Position {
        Position::of(self.0)
    }

    #[inline(always)]
    pub const fn owner(self) -> Option<ParticipantId> {
        owner(self.0)
    }

    /// Whether a message of this position is published, by any owner: one comparison.
    #[inline(always)]
    pub const fn is_full_at(self, at: Position) -> bool {
        self.0 & !OWNER.mask() == at.0 | SlotState::Full as u64
    }

    #[inline(always)]
    pub const fn state(self) -> SlotState {
        match self.0 & STATE_MASK {
            1 => SlotState::Busy,
            2 => SlotState::Full,
            3 => SlotState::Void,
            _ => SlotState::Invalid,
        }
    }
}

#[inline(always)]
const fn owner(word: u64) -> Option<ParticipantId> {
    OWNER.owner(word)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn positions_wrap() {
        let last = Position::new((1 << 52) - 1);
        assert_eq!(last.next(), Position::new(0));
        assert_eq!(Position::new(0).previous(), last);
        assert_eq!(Position::new(3).ahead_of(last), 4);
        assert_eq!(last.ahead_of(Position::new(3)), -4);
        assert_eq!(last.offset(-4).number(), (1 << 52) - 5);
    }

    #[test]
    fn words_keep_their_fields_apart() {
        let me = ParticipantId::new(1022).unwrap();
        let tail = Tail::start(Position::new((1 << 52) - 1)).claimed_by(me);
        assert_eq!(tail.position().number(), 0);
        assert_eq!(tail.owner(), Some(me));
        assert!(!tail.is_closed());
        let stamp = Stamp::new(Position::new(5), Some(me), SlotState::Busy);
        assert_eq!((stamp.position().number(), stamp.owner(), stamp.state()), (5, Some(me), SlotState::Busy));
        assert_eq!(Stamp(0xfff).owner(), None, "1023 is nobody");
    }
}
