//! A poll: checks with pauses in between, for a length of time.

use super::policy::{Nanos, Pace, nanos};
use crate::platform::Platform;
use crate::sync::spin_hint;
use crate::time::Instant;

/// Polling between two readings of the clock: each costs some twenty nanoseconds.
const CLOCK_EVERY: Nanos = 1_000;
/// About what a check costs.
const CHECK: Nanos = 20;

/// Pauses for about this long, at least once. Returns the length.
pub(super) fn pause<P: Platform + ?Sized>(platform: &P, length: Nanos) -> Nanos {
    let once = platform.pause_nanos().max(1);
    let pauses = (length / once).max(1);
    for _ in 0..pauses {
        spin_hint();
    }
    pauses.saturating_mul(once)
}

/// When a wait began. The clock is read late: most waits are over before a reading pays.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begun {
    /// The clock has not been read yet.
    Now,
    /// Then.
    At(Instant),
}

impl Begun {
    /// How much time has passed since then.
    pub(super) fn passed(self, now: Instant) -> Nanos {
        match self {
            Begun::Now => 0,
            Begun::At(then) => nanos(now.saturating_since(then)),
        }
    }
}

/// How a poll ended.
pub(super) enum Polled<R> {
    /// With a result, after this time.
    Found(R, Nanos),
    /// In vain, then.
    Vain(Instant),
    /// The deadline has passed, then.
    TooLate(Instant),
}

/// Checks until there is a result, for `length` or until the deadline. `check` is told how much time has passed.
pub(super) fn poll_for<P: Platform + ?Sized, R>(
    platform: &P,
    begun: &mut Begun,
    length: Nanos,
    deadline: Option<Instant>,
    pace: Pace,
    mut check: impl FnMut(Nanos) -> Option<R>,
) -> Polled<R> {
    // By the clock, and by what pauses and checks cost since it was last read.
    let (mut read, mut since): (Nanos, Nanos) = (0, 0);
    // A clock that stands still while a process polls would never end this.
    let mut looks_left = 1 + length / (CLOCK_EVERY / 8);
    loop {
        since += pause(platform, pace.pause(read.saturating_add(since))) + CHECK;
        let passed = read.saturating_add(since);
        if let Some(result) = check(passed) {
            return Polled::Found(result, passed);
        }
        if since < CLOCK_EVERY {
            continue;
        }
        let now = platform.now();
        let then = match *begun {
            Begun::At(then) => then,
            Begun::Now => Instant::from_nanos(now.as_nanos().saturating_sub(since.into())),
        };
        *begun = Begun::At(then);
        (read, since) = (nanos(now.saturating_since(then)), 0);
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Polled::TooLate(now);
        }
        looks_left -= 1;
        if read >= length || looks_left == 0 {
            return Polled::Vain(now);
        }
    }
}
