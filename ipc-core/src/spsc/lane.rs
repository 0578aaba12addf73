//! The words of one ring, as its two ends use them.
//!
//! The ends of a one-to-one queue and those of a duplex move elements alike. They differ in who holds an end, and in what ends it: this
//! is where they ask.

use super::front::Front;
use super::words::{End, Words};
use crate::error::{Fault, Refused};
use crate::participant::ParticipantId;
use crate::platform::Platform;
use crate::queue::Lone;
use crate::sync::Ordering;
use crate::wait::EventCount;

/// One direction: its words, and who holds its ends. Not for implementing elsewhere.
pub trait Lane: Copy {
    /// The producer's line.
    fn front(&self) -> &Front;

    /// The consumer's line.
    fn head(&self) -> &Lone;

    /// What a position that was loaded from either line stands for.
    fn position(&self, loaded: u64) -> u64;

    /// Where the consumer sleeps.
    fn items(&self) -> &EventCount;

    /// Where the producer sleeps.
    fn space(&self) -> &EventCount;

    /// Whether the producer may send, as far as a Relaxed load tells.
    fn is_open(&self) -> bool;

    /// Why this end has nothing more to do, as far as is known without asking whether anybody lives. What was sent before is visible
    /// afterwards.
    fn over(&self, end: End) -> Option<Refused>;

    /// Whether this end was held and is free now, without asking whether a holder lives.
    fn is_left(&self, end: End) -> bool;

    /// Whether this end was held and no living participant holds it now. Frees it from a dead holder: a system call or two.
    ///
    /// # Errors
    ///
    /// [`Fault::DeathsUnknown`].
    fn find_deserted<P: Platform + ?Sized>(&self, end: End, platform: &P) -> Result<bool, Fault>;

    /// Who holds this end, dead or alive.
    fn holder(&self, end: End) -> Option<ParticipantId>;

    /// Gives up this end, which the caller holds, and wakes the other one.
    fn release<P: Platform + ?Sized>(&self, end: End, platform: &P);
}

/// Where this end sleeps.
pub(super) fn gate<W: Lane>(words: &W, end: End) -> &EventCount {
    match end {
        End::Producer => words.space(),
        End::Consumer => words.items(),
    }
}

impl Lane for &Words {
    #[inline(always)]
    fn front(&self) -> &Front {
        &self.front
    }

    #[inline(always)]
    fn head(&self) -> &Lone {
        &self.head
    }

    #[inline(always)]
    fn position(&self, loaded: u64) -> u64 {
        loaded
    }

    #[inline(always)]
    fn items(&self) -> &EventCount {
        &self.gates.items
    }

    #[inline(always)]
    fn space(&self) -> &EventCount {
        &self.gates.space
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        // Relaxed: closing carries nothing to the producer.
        self.gates.closed.load(Ordering::Relaxed) == 0
    }

    fn over(&self, _: End) -> Option<Refused> {
        self.is_closed().then_some(Refused::Closed)
    }

    fn is_left(&self, end: End) -> bool {
        self.role(end).is_left()
    }

    fn find_deserted<P: Platform + ?Sized>(&self, end: End, platform: &P) -> Result<bool, Fault> {
        self.role(end).find_deserted(platform)
    }

    fn holder(&self, end: End) -> Option<ParticipantId> {
        self.role(end).holder()
    }

    fn release<P: Platform + ?Sized>(&self, end: End, platform: &P) {
        self.role(end).release(platform.me());
        self.gate(end.other()).notify_all(platform);
    }
}
