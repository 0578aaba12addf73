//! The one loop that blocks: try as the [policy](super::policy) says, announce, look again, sleep in slices.

use core::time::Duration;

use super::budget::{Moment, Sleeper, SpinBudget};
use super::doubt::{Doubt, Unmet};
use super::eventcount::EventCount;
use super::policy::{End, Pace};
use crate::error::Fault;
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
    /// The condition does not hold, and the platform could not tell whether somebody is dead who should see to it.
    Unknown,
    /// Something changed during the attempt: try again at once.
    Again,
}

impl<R> Attempt<R> {
    /// With another result, made of this one's.
    pub(crate) fn map<T>(self, change: impl FnOnce(R) -> T) -> Attempt<T> {
        match self {
            Attempt::Done(result) => Attempt::Done(change(result)),
            Attempt::NotYet => Attempt::NotYet,
            Attempt::Suspect => Attempt::Suspect,
            Attempt::Unknown => Attempt::Unknown,
            Attempt::Again => Attempt::Again,
        }
    }

    fn done(self) -> Option<R> {
        match self {
            Attempt::Done(result) => Some(result),
            _ => None,
        }
    }

    /// After a check for the dead that was the last thing to do: `then` if one was found, who was in the way.
    pub(crate) fn after(found: Result<bool, Fault>, then: impl FnOnce() -> Self) -> Self {
        match found {
            Ok(true) => then(),
            Ok(false) => Attempt::NotYet,
            Err(_) => Attempt::Unknown,
        }
    }
}

/// Blocks until `attempt` is done or `deadline` has passed (`None`: for ever).
///
/// `attempt(false)` is a cheap try. `attempt(true)` comes after the sleeper has announced itself on `gate` and
/// should also look for the dead. An attempt always comes before the time-out, so a message that is there
/// wins over a deadline that has passed.
#[cold]
#[inline(never)]
pub fn block_until<P: Platform + ?Sized, R>(
    platform: &P,
    gate: &EventCount,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<R, Unmet> {
    wait_with(platform, gate, budget, deadline, Pace::MESSAGE, |moment| attempt(moment == Moment::Drowsy))
        .map(|(result, _)| result)
}

/// [`block_until`] in its general form. With the result comes how the wait ended, if that was before the first sleep.
pub(super) fn wait_with<P: Platform + ?Sized, R>(
    platform: &P,
    gate: &EventCount,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    pace: Pace,
    mut attempt: impl FnMut(Moment) -> Attempt<R>,
) -> Result<(R, Option<End>), Unmet> {
    let found = budget.before_sleep(platform, deadline, pace, |passed| attempt(Moment::Awake(passed)).done());
    let mut sleeper = match found {
        Ok((result, end)) => return Ok((result, Some(end))),
        Err(sleeper) => sleeper,
    };
    let slept = sleep_until(platform, gate, &mut sleeper, deadline, attempt);
    budget.over(platform, sleeper, slept.is_ok());
    slept.map(|result| (result, None))
}

/// Announces itself, attempts, and sleeps, again and again.
fn sleep_until<P: Platform + ?Sized, R>(
    platform: &P,
    gate: &EventCount,
    sleeper: &mut Sleeper,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(Moment) -> Attempt<R>,
) -> Result<R, Unmet> {
    let mut suspicions = 0;
    let mut doubt = Doubt::default();
    loop {
        // Who polls on need not be woken.
        let ticket = if sleeper.stays_awake() { None } else { Some(gate.prepare(platform)) };
        let found = attempt(Moment::Drowsy);
        if !matches!(found, Attempt::Unknown | Attempt::Again) {
            doubt = Doubt::default();
        }
        let slice = match found {
            Attempt::Done(result) => return Ok(result),
            Attempt::Again => {
                spin_hint();
                if deadline.is_some_and(|deadline| platform.now() >= deadline) {
                    return Err(doubt.unmet());
                }
                continue;
            }
            Attempt::NotYet => {
                suspicions = 0;
                LONG_SLICE
            }
            Attempt::Suspect | Attempt::Unknown => {
                if matches!(found, Attempt::Unknown) && doubt.lasts(platform) {
                    return Err(Unmet::Unknown);
                }
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
                    return Err(doubt.unmet());
                }
                slice.min(left)
            }
        };
        let found = match ticket {
            Some(ticket) => {
                sleeper.sleep(platform, || gate.wait(platform, ticket, timeout));
                attempt(Moment::Woken).done()
            }
            None => sleeper.poll(platform, timeout, |passed| attempt(Moment::Awake(passed)).done()),
        };
        if let Some(result) = found {
            return Ok(result);
        }
    }
}
