//! The one loop that blocks: try as the [policy](super::policy) says, announce, check again, sleep in slices.

use core::time::Duration;

use super::budget::{Moment, Sleeper, SpinBudget};
use super::doubt::{Doubt, Unmet};
use super::policy::{End, Pace};
use super::rota::{Look, Post, Slices};
use crate::error::Fault;
use crate::platform::{Platform, WaitOutcome};
use crate::sync::spin_hint;
use crate::time::Instant;

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
    /// Something changed during the attempt: try again at once. After `MOST_AGAIN` of them in a row it counts as a
    /// [`Suspect`](Attempt::Suspect): in a damaged object something may seem to change for ever.
    Again,
}

/// Attempts that are repeated at once, in a row: one for each participant that may have died in the way.
const MOST_AGAIN: u32 = 1024;

impl<R> Attempt<R> {
    /// With another result, made of this one's.
    #[inline(always)]
    pub(crate) fn map<T>(self, change: impl FnOnce(R) -> T) -> Attempt<T> {
        match self {
            Attempt::Done(result) => Attempt::Done(change(result)),
            Attempt::NotYet => Attempt::NotYet,
            Attempt::Suspect => Attempt::Suspect,
            Attempt::Unknown => Attempt::Unknown,
            Attempt::Again => Attempt::Again,
        }
    }

    /// Keeps the result in `place`. What the loops hand on from one to the other is small then: a result that is moved as a whole, soon after
    /// its parts were stored, takes as long as a locked instruction each time.
    #[inline(always)]
    fn keep(self, place: &mut Option<R>) -> Attempt<()> {
        self.map(|result| *place = Some(result))
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

impl Attempt<()> {
    fn done(self) -> Option<()> {
        matches!(self, Attempt::Done(())).then_some(())
    }
}

/// Blocks until `attempt` is done or `deadline` has passed (`None`: for ever).
///
/// `attempt(false)` is a cheap try. `attempt(true)` comes after the sleeper has announced itself on the event count of `post` and
/// should also search for the dead. An attempt always comes before the time-out, so a message that is there
/// wins over a deadline that has passed.
///
/// A sleeper that finds by its own [look](super::rota) what it was not woken for wakes the others: they may not have been woken either.
///
/// # Errors
///
/// [`Unmet`]: the deadline has passed, or the attempt has failed.
#[cold]
#[inline(never)]
pub fn block_until<'a, P: Platform + ?Sized, R>(
    platform: &P,
    post: impl Into<Post<'a>>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<R, Unmet> {
    wait_with(platform, post.into(), budget, deadline, Pace::MESSAGE, |moment| attempt(moment == Moment::Drowsy))
        .map(|(result, _)| result)
}

/// [`block_until`] that wakes nobody, but says whether the sleeper has found by its own look what it was not woken for.
#[cold]
#[inline(never)]
pub(crate) fn block_alone<P: Platform + ?Sized, R>(
    platform: &P,
    post: Post<'_>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<(R, bool), Unmet> {
    let mut kept = None;
    let attempt = |moment| attempt(moment == Moment::Drowsy).keep(&mut kept);
    let how = wait_and_tell(platform, post, budget, deadline, Pace::MESSAGE, attempt)?;
    Ok((kept.ok_or(Unmet::TimedOut)?, matches!(how, How::Looked)))
}

/// How a wait ended with a result.
enum How {
    /// Before its first sleep.
    Soon(End),
    /// It was woken.
    Woken,
    /// By a check after a whole sleep.
    Looked,
}

/// [`block_until`] in its general form. With the result comes how the wait ended, if that was before the first sleep.
pub(super) fn wait_with<P: Platform + ?Sized, R>(
    platform: &P,
    post: Post<'_>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    pace: Pace,
    mut attempt: impl FnMut(Moment) -> Attempt<R>,
) -> Result<(R, Option<End>), Unmet> {
    let mut kept = None;
    let how = wait_and_tell(platform, post, budget, deadline, pace, |moment| attempt(moment).keep(&mut kept))?;
    let end = match how {
        How::Soon(end) => Some(end),
        How::Woken => None,
        How::Looked => {
            post.count.rouse(platform);
            None
        }
    };
    // Every wait that ends well has kept one.
    Ok((kept.ok_or(Unmet::TimedOut)?, end))
}

fn wait_and_tell<P: Platform + ?Sized>(
    platform: &P,
    post: Post<'_>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    pace: Pace,
    mut attempt: impl FnMut(Moment) -> Attempt<()>,
) -> Result<How, Unmet> {
    let found = budget.before_sleep(platform, deadline, pace, |passed| attempt(Moment::Awake(passed)).done());
    let mut sleeper = match found {
        Ok(((), end)) => return Ok(How::Soon(end)),
        Err(sleeper) => sleeper,
    };
    let mut slices = Slices::new(post.rota, post.tired);
    let slept = sleep_until(platform, post, &mut sleeper, &mut slices, deadline, attempt);
    // A condition of the caller's may have called `fork`: then the attempt is done, and the sleep was the parent's.
    if !platform.is_here() {
        return slept.map(|_| How::Woken);
    }
    slices.end(platform);
    budget.over(platform, sleeper, slept.is_ok());
    slept
}

/// Announces itself, attempts, and sleeps, again and again.
fn sleep_until<P: Platform + ?Sized>(
    platform: &P,
    post: Post<'_>,
    sleeper: &mut Sleeper,
    slices: &mut Slices<'_>,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(Moment) -> Attempt<()>,
) -> Result<How, Unmet> {
    let mut how = How::Woken;
    let mut doubt = Doubt::default();
    let mut again = 0;
    loop {
        // A thread that polls on need not be woken.
        let ticket = if sleeper.stays_awake() { None } else { Some(post.count.prepare(platform)) };
        let found = attempt(Moment::Drowsy);
        if !matches!(found, Attempt::Unknown | Attempt::Again) {
            doubt = Doubt::default();
        }
        let look = match found {
            Attempt::Done(()) => return Ok(how),
            Attempt::Again if again < MOST_AGAIN => {
                again += 1;
                spin_hint();
                if deadline.is_some_and(|deadline| platform.now() >= deadline) {
                    return Err(doubt.unmet());
                }
                continue;
            }
            Attempt::NotYet => Look::Idle,
            Attempt::Unknown if doubt.lasts(platform) => return Err(Unmet::Unknown),
            Attempt::Suspect | Attempt::Unknown | Attempt::Again => Look::Suspect,
        };
        again = 0;
        let slice = slices.next(platform, look);
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
                let outcome = sleeper.sleep(platform, || post.count.wait(platform, ticket, timeout));
                slices.slept(outcome);
                how = if outcome == WaitOutcome::TimedOut { How::Looked } else { How::Woken };
                attempt(Moment::Woken).done()
            }
            None => {
                let found = sleeper.poll(platform, timeout, |passed| attempt(Moment::Awake(passed)).done());
                slices.slept(WaitOutcome::TimedOut);
                found
            }
        };
        if found.is_some() {
            return Ok(how);
        }
    }
}
