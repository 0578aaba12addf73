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

    fn slice(&self) -> Duration {
        SUSPECT_SLICES[self.checks.min(SUSPECT_SLICES.len() - 1)]
    }

    /// How long to sleep until the next check.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.slice().saturating_sub(now.saturating_since(self.checked))
    }

    /// After a sleep: whether the caller has to check now. If so, the next slice begins.
    pub(crate) fn is_due<P: Platform + ?Sized>(&mut self, platform: &P, outcome: WaitOutcome) -> bool {
        let now = platform.now();
        let due = outcome == WaitOutcome::TimedOut || self.left(now).is_zero();
        if due {
            *self = Vigil { checked: now, checks: self.checks.saturating_add(1) };
        }
        due
    }
}
