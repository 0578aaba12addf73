//! The one loop that blocks: try, spin a little, let others run, announce, look again, sleep in slices.

use core::time::Duration;

use super::budget::SpinBudget;
use super::eventcount::EventCount;
use crate::platform::Platform;
use crate::sync::spin_hint;
use crate::time::Instant;

/// A sleep without a suspect: long, for it only heals what a killed notifier owed.
const LONG_SLICE: Duration = Duration::from_millis(100);
/// Sleeps while a known participant is in the way: the wake-up may never come if it is dead.
pub(super) const SUSPECT_SLICES: [Duration; 4] =
    [Duration::from_millis(2), Duration::from_millis(4), Duration::from_millis(8), Duration::from_millis(12)];

/// What one attempt of a blocking operation found.
#[derive(Debug)]
pub enum Attempt<R> {
    /// The operation is over.
    Done(R),
    /// The condition does not hold.
    NotYet,
    /// The condition does not hold, and a participant that may be dead is in the way.
    Suspect,
    /// Something changed during the attempt: try again at once.
    Again,
}

/// Blocks until `attempt` is done or `deadline` has passed (`None`: for ever). `None` is the time-out.
///
/// `attempt(false)` is a cheap try. `attempt(true)` comes after the sleeper has announced itself on `gate` and
/// should also look for the dead. An attempt always comes before a look at the clock, so a message that is there
/// wins over a deadline that has passed.
#[cold]
pub fn block_until<P: Platform + ?Sized, R>(
    platform: &P,
    gate: &EventCount,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Option<R> {
    let polled = budget.poll(platform, deadline, || match attempt(false) {
        Attempt::Done(result) => Some(result),
        _ => None,
    });
    if polled.is_some() {
        return polled;
    }

    let mut suspicions = 0;
    let begun = platform.now();
    loop {
        let ticket = gate.prepare(platform);
        let slice = match attempt(true) {
            Attempt::Done(result) => return Some(result),
            Attempt::Again => {
                spin_hint();
                if deadline.is_some_and(|deadline| platform.now() >= deadline) {
                    return None;
                }
                continue;
            }
            Attempt::NotYet => {
                suspicions = 0;
                LONG_SLICE
            }
            Attempt::Suspect => {
                let slice = SUSPECT_SLICES[suspicions];
                suspicions = (suspicions + 1).min(SUSPECT_SLICES.len() - 1);
                slice
            }
        };
        let timeout = match deadline {
            None => slice,
            Some(deadline) => {
                let left = deadline.saturating_since(platform.now());
                if left.is_zero() {
                    return None;
                }
                slice.min(left)
            }
        };
        gate.wait(platform, ticket, timeout);
        if let Attempt::Done(result) = attempt(false) {
            budget.learn_slept(platform.now().saturating_since(begun));
            return Some(result);
        }
    }
}
