//! The one loop that blocks: try, spin a little, let others run, announce, look again, sleep in slices.

use core::time::Duration;

use super::eventcount::EventCount;
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering, spin_hint};
use crate::time::Instant;

/// A sleep without a suspect: long, for it only heals what a killed notifier owed.
const LONG_SLICE: Duration = Duration::from_millis(100);
/// Sleeps while a known participant is in the way: the wake-up may never come if it is dead.
pub(crate) const SUSPECT_SLICES: [Duration; 4] =
    [Duration::from_millis(2), Duration::from_millis(4), Duration::from_millis(8), Duration::from_millis(12)];

/// The most polls of one spin phase: some tens of microseconds, about what a sleep and a wake cost.
const MOST_POLLS: u32 = if cfg!(loom) { 0 } else { 512 };
/// With an exhausted budget, one blocking call in this many still polls a little, to notice better times.
const PROBE_EVERY: u32 = 256;
const PROBE_POLLS: u32 = 32;
/// Polls between two looks at the clock while spinning with a deadline.
const POLLS_PER_CLOCK: u32 = 64;

/// The most times that one call lets others run before it sleeps. Where the other side is ready to run on the same processor, that
/// is all it takes, and neither a sleep nor a wake-up is paid for.
const MOST_YIELDS: u32 = if cfg!(loom) { 0 } else { 4 };
/// If it is our turn again after more than this, somebody else ran: a sleeper that is woken would have had its turn sooner.
const LONG_YIELD: Duration = Duration::from_micros(100);
/// With an exhausted budget, one blocking call in this many still lets others run once.
const YIELD_EVERY: u32 = 64;

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

/// How long blocking calls of one handle poll, and how often they let others run, before they sleep: learned from how often that
/// was enough.
///
/// It lives in private memory, so processes learn apart. On one processor polling never succeeds, and the budget
/// falls to nothing within a few calls.
#[derive(Debug)]
pub struct SpinBudget {
    polls: AtomicU32,
    calls: AtomicU32,
    yields: AtomicU32,
    unyielding: AtomicU32,
}

impl SpinBudget {
    /// A full budget, or none where the platform says that spinning does not help.
    pub fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        let polls = if platform.spinning_helps() { MOST_POLLS } else { 0 };
        SpinBudget {
            polls: AtomicU32::new(polls),
            calls: AtomicU32::new(0),
            yields: AtomicU32::new(MOST_YIELDS),
            unyielding: AtomicU32::new(0),
        }
    }

    // Relaxed throughout: a hint in private memory.
    pub(crate) fn polls(&self) -> u32 {
        let polls = self.polls.load(Ordering::Relaxed);
        if polls != 0 || MOST_POLLS == 0 {
            return polls;
        }
        let calls = self.calls.load(Ordering::Relaxed).wrapping_add(1);
        self.calls.store(calls, Ordering::Relaxed);
        if calls.is_multiple_of(PROBE_EVERY) { PROBE_POLLS } else { 0 }
    }

    pub(crate) fn learn(&self, tried: u32, succeeded: bool) {
        if tried == 0 {
            return;
        }
        let polls = if succeeded {
            tried.saturating_mul(4).min(MOST_POLLS)
        } else if tried <= PROBE_POLLS {
            0
        } else {
            tried / 2
        };
        self.polls.store(polls, Ordering::Relaxed);
    }

    /// What comes before a sleep: polls, and lets others run, as long as that has helped lately, until `look` has a result or
    /// the deadline has passed.
    pub(crate) fn poll<P: Platform + ?Sized, R>(
        &self,
        platform: &P,
        deadline: Option<Instant>,
        mut look: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let polls = self.polls();
        for poll in 0..polls {
            for _ in 0..(1u32 << (poll / 16).min(3)) {
                spin_hint();
            }
            if let Some(result) = look() {
                self.learn(polls, true);
                return Some(result);
            }
            if poll % POLLS_PER_CLOCK == 0 && deadline.is_some_and(|deadline| platform.now() >= deadline) {
                return None;
            }
        }
        self.learn(polls, false);
        self.let_others_run(platform, look)
    }

    /// So much had come together when a wait was over that a sleep and a wake-up for each would have cost more than its delay: the next
    /// calls let others run, however long their turns are, and soon.
    pub(crate) fn prefer_yields(&self) {
        self.yields.store(MOST_YIELDS, Ordering::Relaxed);
        self.polls.store(self.polls.load(Ordering::Relaxed) / 8, Ordering::Relaxed);
    }

    /// Lets others run as often as that has helped lately, until `look` has a result.
    pub(crate) fn let_others_run<P: Platform + ?Sized, R>(
        &self,
        platform: &P,
        mut look: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let mut yields = self.yields.load(Ordering::Relaxed);
        if yields == 0 {
            let calls = self.unyielding.load(Ordering::Relaxed).wrapping_add(1);
            self.unyielding.store(calls, Ordering::Relaxed);
            if MOST_YIELDS == 0 || !calls.is_multiple_of(YIELD_EVERY) {
                return None;
            }
            yields = 1;
        }
        let begun = platform.now();
        let result = (0..yields).find_map(|_| {
            platform.yield_now();
            look()
        });
        let helped = result.is_some() && platform.now().saturating_since(begun) < LONG_YIELD;
        self.yields.store(if helped { MOST_YIELDS } else { yields / 2 }, Ordering::Relaxed);
        result
    }
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
            return Some(result);
        }
    }
}
