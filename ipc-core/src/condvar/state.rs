//! The state of a place.

use super::words::View;
use crate::participant::{OwnerBits, ParticipantId};
use crate::sync::Ordering;

const OWNER: OwnerBits = OwnerBits::LOW;
const KIND: u64 = 0b11 << KIND_SHIFT;
const KIND_SHIFT: u32 = 10;
const WAITING: u64 = 1 << KIND_SHIFT;
const NOTIFIED: u64 = 2 << KIND_SHIFT;
const LEFT_BEHIND: u64 = 3 << KIND_SHIFT;
const TICKET_SHIFT: u32 = 12;
const MOST_TICKETS: u64 = 1 << (64 - TICKET_SHIFT);

/// The state of a place: what it is, whose, and a ticket. Zero: free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Free, or what no correct peer writes.
    Free,
    /// A waiter with this ticket waits in it.
    Waiting,
    /// Its waiter was notified when this was the next ticket, and has not returned to its caller yet.
    Notified,
    /// Its notified waiter has died: a notification for another one.
    LeftBehind,
}

impl State {
    pub(super) const FREE: State = State(0);

    /// A ticket of a counter.
    pub(super) fn ticket_of(count: u64) -> u64 {
        count % MOST_TICKETS
    }

    pub(super) fn waiting(ticket: u64, who: ParticipantId) -> State {
        State(ticket << TICKET_SHIFT | WAITING | OWNER.name(who))
    }

    pub(super) fn kind(self) -> Kind {
        match self.0 & KIND {
            WAITING => Kind::Waiting,
            NOTIFIED => Kind::Notified,
            LEFT_BEHIND => Kind::LeftBehind,
            _ => Kind::Free,
        }
    }

    pub(super) fn owner(self) -> Option<ParticipantId> {
        OWNER.owner(self.0)
    }

    pub(super) fn ticket(self) -> u64 {
        self.0 >> TICKET_SHIFT
    }

    /// Notified when this was the next ticket.
    pub(super) fn notified(self, next_ticket: u64) -> State {
        State(next_ticket << TICKET_SHIFT | NOTIFIED | self.0 & OWNER.mask())
    }

    /// A notification without a waiter.
    pub(super) fn left_behind(self) -> State {
        State(self.0 & !(KIND | OWNER.mask()) | LEFT_BEHIND)
    }

    /// A notification that was left behind, in the hands of another waiter.
    pub(super) fn inherited(self, who: ParticipantId) -> State {
        State(self.0 & !(KIND | OWNER.mask()) | NOTIFIED | OWNER.name(who))
    }
}

impl View<'_> {
    pub(super) fn state(self, index: usize) -> State {
        // Acquire, with the Release in `change`: who finds a notification left behind finds the waiters, too, that were there when it
        // was given.
        State(self.states[index].load(Ordering::Acquire))
    }

    pub(super) fn change(self, index: usize, from: State, to: State) -> bool {
        // Release: see above. Acquire: so that the next change hands on what this one has found.
        self.states[index].compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Empties a place of the caller's.
    pub(super) fn empty(self, index: usize) {
        // A swap: a notifier may be changing it. Release: see above.
        self.states[index].swap(State::FREE.0, Ordering::AcqRel);
    }
}
