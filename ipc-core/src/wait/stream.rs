//! Waiting at the two ends of a ring: how sender and receiver keep from each other's cache lines.
//!
//! If each message were received at once, and each free place filled at once, both ends would write the same lines in turn, for each
//! message; if both slept, each message would cost a wake-up. So a receiver whose polls succeed lets some messages come together where
//! that helps, and a sender waits for a quarter of the ring. Neither waits longer than some microseconds for more than one.

use super::block::{Attempt, wait_with};
use super::budget::{Moment, SpinBudget};
use super::doubt::Unmet;
use super::policy::{End, Nanos, Pace};
use super::rota::Post;
use crate::platform::Platform;
use crate::time::Instant;

/// For this long a sender that polls does not use less than a quarter of the ring.
const RESERVE: Nanos = crate::sync::bound(16_000, 0);
/// How often a sender that was woken lets receivers get on before it takes the little room that there is.
const WOKEN_YIELDS: u32 = crate::sync::bound(2, 0);

/// A receiver that has polled for this long waits for an answer, and not for the next message of a stream.
const ANSWER: Nanos = 250;

/// Blocks until `attempt` has received, as [`block_until`](super::block_until) does.
///
/// `more` says how many more messages there are now, and `capacity` how many the ring has room for.
pub(crate) fn block_for_message<'a, P: Platform + ?Sized, R>(
    platform: &P,
    post: impl Into<Post<'a>>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    capacity: impl Fn() -> u64,
    more: impl Fn() -> u64,
    attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<R, Unmet> {
    block_for_expected(platform, post, budget, deadline, capacity, more, || {}, attempt)
}

/// [`block_for_message`] that also asks for the lines of the message that is expected, by `prefetch`, before each check of a poll.
///
/// A message then comes together with the index that tells of it. In a stream the sender is just writing these lines, and would lose
/// them: there it does not ask.
#[cold]
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "a wait has a place, a limit, and what its ends know")]
pub(crate) fn block_for_expected<'a, P: Platform + ?Sized, R>(
    platform: &P,
    post: impl Into<Post<'a>>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    capacity: impl Fn() -> u64,
    more: impl Fn() -> u64,
    prefetch: impl Fn(),
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<R, Unmet> {
    let attempt = |moment: Moment| {
        if matches!(moment, Moment::Awake(passed) if passed >= ANSWER) {
            prefetch();
        }
        attempt(moment == Moment::Drowsy)
    };
    let (received, end) = wait_with(platform, post.into(), budget, deadline, Pace::MESSAGE, attempt)?;
    match end {
        Some(End::Polled(_)) => budget.gather(platform, capacity() / 2, more),
        _ => budget.learn_stream(more()),
    }
    Ok(received)
}

/// Blocks until `attempt` has found room, as [`block_until`](super::block_until) does.
///
/// While it polls it does not attempt to use less than a quarter of the ring; woken with less, it lets receivers run first. `room` says
/// how many of the ring's `capacity` places are free.
#[cold]
#[inline(never)]
pub(crate) fn block_for_room<'a, P: Platform + ?Sized, R>(
    platform: &P,
    post: impl Into<Post<'a>>,
    budget: &SpinBudget,
    deadline: Option<Instant>,
    capacity: u64,
    room: impl Fn() -> u64,
    mut attempt: impl FnMut(bool) -> Attempt<R>,
) -> Result<R, Unmet> {
    let enough = capacity.div_ceil(4);
    let attempt = |moment: Moment| {
        match moment {
            Moment::Awake(passed) if passed < RESERVE && room() < enough => return Attempt::NotYet,
            Moment::Woken => {
                for _ in 0..WOKEN_YIELDS {
                    if !budget.may_yield() || room() >= enough {
                        break;
                    }
                    platform.yield_now();
                }
            }
            Moment::Awake(_) | Moment::Drowsy => {}
        }
        attempt(moment == Moment::Drowsy)
    };
    let (found, end) = wait_with(platform, post.into(), budget, deadline, Pace::room(capacity), attempt)?;
    if !matches!(end, Some(End::Polled(_))) {
        budget.learn_stream(room());
    }
    Ok(found)
}
