//! The line of acquirers that have waited for long: seats with tickets.
//!
//! ```text
//! bit 31..11   10       9..0
//!     ticket   passed   owner (a participant), 0 = the seat is free
//! ```
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | free | the beginning; who had the seat; once that is dead, a sweeper | an acquirer: ticket and owner |
//! | ticket, owner | an acquirer that has waited for long | it, when it has its permits, its time is over or the semaphore is closed |
//! | + `passed` | one behind it that has seen no sign of life of the owner for long | the owner, at each of its attempts |
//!
//! The sign of life is a number, `beats`, that the owner changes at each attempt.

use crate::object::{Fact, layout};
use crate::participant::{OwnerBits, ParticipantId};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering, fence};
use crate::wait::EventCount;

/// Seats of one semaphore. With more acquirers that wait for long, the others wait for a seat.
const SEATS: usize = crate::sync::bound(31, 2) as usize;

const OWNER: OwnerBits = OwnerBits::LOW;
const PASSED: u32 = 1 << 10;
const ONE_TICKET: u32 = 1 << 11;

/// A place in the line.
#[repr(C)]
#[derive(Debug)]
struct Seat {
    word: AtomicU32,
    /// Its owner sleeps here.
    gate: EventCount,
    /// Its owner's attempts.
    beats: AtomicU32,
}

/// The line.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Turns {
    /// The next ticket, in the bits of a seat's word.
    next: AtomicU32,
    _reserved: AtomicU32,
    seats: [Seat; SEATS],
}

crate::sync::assert_layout!(size_of::<Turns>() == 384);

/// A seat that the caller has: its index, and its word as it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    at: usize,
    word: u32,
}

/// A seat that was seen taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    at: usize,
    word: u32,
}

impl Seen {
    /// Who has it.
    pub(super) fn owner(self) -> Option<ParticipantId> {
        owner(self.word)
    }

    /// Whether both are one owner's stay in a seat.
    pub(super) fn is_same_stay(self, other: Seen) -> bool {
        self.at == other.at && (self.word ^ other.word) & !PASSED == 0
    }

    /// Whether it comes before another one. Tickets wrap around: the order of two that are very far apart is wrong, and costs one
    /// of them its turn.
    fn is_before(self, other: Seen) -> bool {
        (self.word & !(ONE_TICKET - 1)).wrapping_sub(other.word & !(ONE_TICKET - 1)).cast_signed() < 0
    }
}

/// Where the caller stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It is the first.
    First,
    /// Behind others.
    Behind {
        /// The one directly ahead of it.
        next: Seen,
        /// Whether that is the first.
        is_first: bool,
    },
    /// Its seat is somebody else's, which no correct peer's doing explains.
    Lost,
}

/// Who has a seat. A number that no correct peer writes is nobody.
fn owner(word: u32) -> Option<ParticipantId> {
    OWNER.owner32(word)
}

impl Turns {
    pub(super) const LAYOUT: [Fact; 2] =
        [layout!(Turns { next, _reserved, seats }), layout!(Seat { word, gate, beats })];

    pub(super) fn new() -> Self {
        Turns {
            next: AtomicU32::new(0),
            _reserved: AtomicU32::new(0),
            seats: core::array::from_fn(|_| Seat {
                word: AtomicU32::new(0),
                gate: EventCount::new(),
                beats: AtomicU32::new(0),
            }),
        }
    }

    /// Takes a seat, behind all others. `None` if none is free.
    pub(super) fn sit(&self, me: ParticipantId) -> Option<Turn> {
        // Relaxed: a number, nothing more.
        let word = self.next.fetch_add(ONE_TICKET, Ordering::Relaxed) & !(ONE_TICKET - 1) | OWNER.name32(me);
        for (at, seat) in self.seats.iter().enumerate() {
            let seen = seat.word.load(Ordering::Relaxed);
            // Acquire: what the seat's last owner did to its gate.
            if owner(seen).is_none()
                && seat.word.compare_exchange(seen, word, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                // The seat before the loads that follow; with the fences of those who change something and then check the seats.
                fence(Ordering::SeqCst);
                return Some(Turn { at, word });
            }
        }
        None
    }

    /// Gives the seat back. The caller [passes the turn on](super::words::View::pass_turn).
    pub(super) fn leave(&self, turn: Turn) {
        if let Some(seat) = self.seats.get(turn.at) {
            self.change(seat, turn.word, |_| 0);
        }
    }

    /// Says that the caller gets on. If it was passed, it counts again.
    pub(super) fn beat(&self, turn: Turn) {
        let Some(seat) = self.seats.get(turn.at) else { return };
        // Relaxed: a sign, which passes nothing on. Nobody else changes it.
        seat.beats.store(seat.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if seat.word.load(Ordering::Relaxed) & PASSED != 0 && self.change(seat, turn.word, |word| word & !PASSED) {
            // That before the loads that follow, as in `sit`.
            fence(Ordering::SeqCst);
        }
    }

    /// How often the owner of a seat has given a sign of life.
    pub(super) fn beats(&self, seen: Seen) -> u32 {
        self.seats.get(seen.at).map_or(0, |seat| seat.beats.load(Ordering::Relaxed))
    }

    /// Changes the word of a seat during one stay. It may be passed at the same time.
    fn change(&self, seat: &Seat, stay: u32, to: impl Fn(u32) -> u32) -> bool {
        let mut seen = seat.word.load(Ordering::Relaxed);
        for _ in 0..u32::BITS {
            if (seen ^ stay) & !PASSED != 0 {
                return false;
            }
            // Release: what the owner did, for the one who takes the seat.
            match seat.word.compare_exchange(seen, to(seen), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Whether a seat is free.
    pub(super) fn has_room(&self) -> bool {
        self.seats.iter().any(|seat| owner(seat.word.load(Ordering::Relaxed)).is_none())
    }

    /// The taken seats whose owners were not passed, each read once.
    fn line(&self) -> impl Iterator<Item = Seen> + '_ {
        // Acquire: who finds a seat free sees what its owner did before it left.
        let seen = self.seats.iter().enumerate().map(|(at, seat)| Seen { at, word: seat.word.load(Ordering::Acquire) });
        seen.filter(|seen| seen.owner().is_some() && seen.word & PASSED == 0)
    }

    /// The first in line.
    pub(super) fn first(&self) -> Option<Seen> {
        self.line().reduce(|first, next| if next.is_before(first) { next } else { first })
    }

    /// The first and the second in line.
    pub(super) fn front(&self) -> [Option<Seen>; 2] {
        let [mut first, mut second] = [None; 2];
        for seen in self.line() {
            let behind = match first {
                Some(ahead) if !seen.is_before(ahead) => Some(seen),
                _ => first.replace(seen),
            };
            if let Some(behind) = behind
                && second.is_none_or(|second| behind.is_before(second))
            {
                second = Some(behind);
            }
        }
        [first, second]
    }

    /// Where in the line the caller is.
    pub(super) fn standing(&self, turn: Turn) -> Standing {
        let mine = Seen { at: turn.at, word: turn.word };
        let now = self.seats.get(turn.at).map_or(0, |seat| seat.word.load(Ordering::Relaxed));
        if !mine.is_same_stay(Seen { at: turn.at, word: now }) {
            return Standing::Lost;
        }
        let Some(first) = self.first().filter(|first| !first.is_same_stay(mine)) else { return Standing::First };
        let ahead = self.line().filter(|seen| seen.is_before(mine) && !seen.is_same_stay(mine));
        let nearest = ahead.reduce(|last, next| if last.is_before(next) { next } else { last }).unwrap_or(first);
        Standing::Behind { next: nearest, is_first: nearest == first }
    }

    /// Passes the owner of a seat: it does not count until it gets on.
    pub(super) fn pass(&self, seen: Seen) {
        if let Some(seat) = self.seats.get(seen.at) {
            // Relaxed: the fence orders it before the caller's next looks, as in `sit`.
            let _ = seat.word.compare_exchange(seen.word, seen.word | PASSED, Ordering::Relaxed, Ordering::Relaxed);
            fence(Ordering::SeqCst);
        }
    }

    /// The gate at which the owner of a seat sleeps.
    pub(super) fn gate(&self, turn: Turn) -> &EventCount {
        &self.seats[turn.at].gate
    }

    /// Wakes the owner of a seat.
    pub(super) fn call<P: Platform + ?Sized>(&self, seen: Seen, platform: &P) {
        if let Some(seat) = self.seats.get(seen.at) {
            seat.gate.notify_all(platform);
        }
    }

    /// Wakes the owners of all seats.
    pub(super) fn call_all<P: Platform + ?Sized>(&self, platform: &P) {
        for seat in &self.seats {
            if owner(seat.word.load(Ordering::Relaxed)).is_some() {
                seat.gate.notify_all(platform);
            }
        }
    }

    /// Frees the seats of a dead participant, and wakes those who wait in the others: it may have owed them a wake-up.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: ParticipantId, platform: &P) {
        for seat in &self.seats {
            let word = seat.word.load(Ordering::Relaxed);
            if owner(word) == Some(dead) {
                self.change(seat, word, |_| 0);
            }
        }
        // As in `sit`.
        fence(Ordering::SeqCst);
        for seat in &self.seats {
            if owner(seat.word.load(Ordering::Relaxed)).is_some() {
                seat.gate.rouse(platform);
            }
        }
    }

    /// Whether a participant has a seat.
    pub(super) fn holds(&self, who: ParticipantId) -> bool {
        // Relaxed: the caller's own writes.
        self.seats.iter().any(|seat| owner(seat.word.load(Ordering::Relaxed)) == Some(who))
    }

    /// How many seats are taken.
    pub(super) fn taken(&self) -> u32 {
        // Relaxed: a figure.
        self.seats.iter().filter(|seat| owner(seat.word.load(Ordering::Relaxed)).is_some()).count() as u32
    }
}
