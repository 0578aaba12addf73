//! When a sleeper checks whether the participant that it waits for is dead.

use core::time::Duration;

use super::block::SUSPECT_SLICES;
use crate::platform::{Platform, WaitOutcome};
use crate::time::Instant;

/// The clock of one sleeper behind a participant that may die.
///
/// A check is due when a slice of time has passed since the last one, however the sleeps in between ended: signals and wake-ups
/// of others may end every sleep early, and none of them may put the check off.
#[derive(Debug)]
pub(crate) struct Vigil {
    checked: Instant,
    checks: usize,
}

impl Vigil {
    /// Begins now, with the shortest slice.
    pub(crate) fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        Vigil { checked: platform.now(), checks: 0 }
    }

    /// The slice of one that checks on behalf of itself.
    pub(crate) fn slice(&self) -> Duration {
        SUSPECT_SLICES[self.checks.min(SUSPECT_SLICES.len() - 1)]
    }

    /// How long to sleep until the check at the end of a slice of this length.
    pub(crate) fn left(&self, now: Instant, slice: Duration) -> Duration {
        slice.saturating_sub(now.saturating_since(self.checked))
    }

    /// Begins a slice: nobody needs to check now.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.checked = now;
    }

    /// After a sleep: whether the caller has to check now. If so, the next slice begins.
    pub(crate) fn is_due<P: Platform + ?Sized>(&mut self, platform: &P, outcome: WaitOutcome, slice: Duration) -> bool {
        let now = platform.now();
        let due = outcome == WaitOutcome::TimedOut || self.left(now, slice).is_zero();
        if due {
            *self = Vigil { checked: now, checks: self.checks.saturating_add(1) };
        }
        due
    }
}
