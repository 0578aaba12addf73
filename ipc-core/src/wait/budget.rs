//! What comes before a sleep, and how it is learned whether that helps.

use core::time::Duration;

use crate::platform::Platform;
use crate::sync::private::AtomicU32;
use crate::sync::{Ordering, spin_hint};
use crate::time::Instant;

/// The most polls of one spin phase: some tens of microseconds, about what a sleep and a wake cost.
const MOST_POLLS: u32 = crate::sync::bound(512, 0);
/// With an exhausted budget, one blocking call in this many still polls a little, to notice better times.
const PROBE_EVERY: u32 = 256;
const PROBE_POLLS: u32 = 32;
/// Polls between two looks at the clock while spinning with a deadline.
const POLLS_PER_CLOCK: u32 = 64;

/// The most times that one call lets others run before it sleeps. Where the other side is ready to run on the same processor, that
/// is all it takes, and neither a sleep nor a wake-up is paid for.
const MOST_YIELDS: u32 = crate::sync::bound(4, 0);
/// If it is our turn again after more than this, somebody else ran: a sleeper that is woken would have had its turn sooner.
const LONG_YIELD: Duration = Duration::from_micros(100);
/// With an exhausted budget, one blocking call in this many still lets others run once: a fraction of what the sleeps cost.
const YIELD_EVERY: u32 = 16;
/// After a sleep so long nothing was under way: that it did not help before to let others run says nothing.
const IDLE: Duration = Duration::from_millis(1);

/// So many messages, or places for them, at the end of a wait are a stream.
const STREAM: u64 = 4;
/// A receiver that keeps up with its sender looks away for so long at most (a microsecond or two), in so many parts.
const GATHER_PAUSES: u32 = 24;
const GATHER_PARTS: u32 = crate::sync::bound(4, 0);

/// How often a sender that was woken lets receivers get on before it takes the little room that there is.
const WOKEN_YIELDS: u32 = crate::sync::bound(2, 0);

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
    /// Whether the last wait was over while it polled.
    polled: AtomicU32,
    gathers: AtomicU32,
    ungathered: AtomicU32,
}

impl SpinBudget {
    /// A full budget, or none where the platform says that spinning does not help.
    pub fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        Self::of(if platform.spinning_helps() { MOST_POLLS } else { 0 }, MOST_YIELDS)
    }

    /// No budget, for one call that has waited for long already.
    pub(crate) fn spent() -> Self {
        Self::of(0, 0)
    }

    fn of(polls: u32, yields: u32) -> Self {
        SpinBudget {
            polls: AtomicU32::new(polls),
            calls: AtomicU32::new(0),
            yields: AtomicU32::new(yields),
            unyielding: AtomicU32::new(0),
            polled: AtomicU32::new(0),
            gathers: AtomicU32::new(0),
            ungathered: AtomicU32::new(0),
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
        self.polled.store(0, Ordering::Relaxed);
        let polls = self.polls();
        for poll in 0..polls {
            for _ in 0..(1u32 << (poll / 16).min(3)) {
                spin_hint();
            }
            if let Some(result) = look() {
                self.learn(polls, true);
                self.polled.store(1, Ordering::Relaxed);
                return Some(result);
            }
            if poll % POLLS_PER_CLOCK == 0 && deadline.is_some_and(|deadline| platform.now() >= deadline) {
                return None;
            }
        }
        self.learn(polls, false);
        self.let_others_run(platform, look)
    }

    /// Learns from what had come together when a wait was over: messages, or places for them. If that took more than polls, a sleep and
    /// a wake-up for each would have cost more than their delay: the next calls let others run, soon, and however long their turns are.
    pub(crate) fn learn_found(&self, count: impl FnOnce() -> u64) {
        if MOST_YIELDS > 0 && self.polled.load(Ordering::Relaxed) == 0 && count() >= STREAM {
            self.yields.store(MOST_YIELDS, Ordering::Relaxed);
            self.polls.store(self.polls.load(Ordering::Relaxed) / 8, Ordering::Relaxed);
        }
    }

    /// Lets messages come together after a wait that was over while it polled, if that has helped lately.
    ///
    /// A receiver that keeps up with its sender takes each line from it as soon as there is one message in it, and both go on in
    /// lockstep. `count` says how many more messages are there now; at `enough` it goes on. Where that is few, there is nothing to win.
    pub(crate) fn gather(&self, enough: u64, count: impl Fn() -> u64) {
        if enough < STREAM || self.polled.load(Ordering::Relaxed) == 0 {
            return;
        }
        if self.gathers.load(Ordering::Relaxed) == 0 {
            let calls = self.ungathered.load(Ordering::Relaxed).wrapping_add(1);
            self.ungathered.store(calls, Ordering::Relaxed);
            if !calls.is_multiple_of(PROBE_EVERY) {
                return;
            }
        }
        let mut found = 0;
        for _ in 0..GATHER_PARTS {
            for _ in 0..GATHER_PAUSES {
                spin_hint();
            }
            found = count();
            if found >= enough {
                break;
            }
        }
        self.gathers.store(u32::from(found >= STREAM), Ordering::Relaxed);
    }

    /// Learns from how long a call has slept.
    pub(crate) fn learn_slept(&self, slept: Duration) {
        if slept >= IDLE {
            self.yields.store(MOST_YIELDS, Ordering::Relaxed);
        }
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

/// A sender's reserve where there was no room: while it polls, for so many looks it does not care for less than a quarter of the ring, and
/// woken from a sleep with less, it lets others run first.
///
/// Nobody has less to read meanwhile. The lines that both sides touch go to and fro once for many messages instead of for each, and one
/// wake-up is enough for many.
pub(crate) struct Reserve {
    looks: u32,
    slept: bool,
}

impl Reserve {
    /// Some microseconds.
    pub(crate) const fn new() -> Self {
        Reserve { looks: if cfg!(loom) { 0 } else { 128 }, slept: false }
    }

    /// Whether a look should be in vain: there is some room at best. `room` is read only if that matters. `thorough` is the look before
    /// a sleep.
    pub(crate) fn waits_for_more<P: Platform + ?Sized>(
        &mut self,
        platform: &P,
        thorough: bool,
        capacity: u64,
        room: impl Fn() -> u64,
    ) -> bool {
        let enough = capacity.div_ceil(4);
        if thorough {
            self.slept = true;
        } else if self.slept {
            for _ in 0..WOKEN_YIELDS {
                if room() >= enough {
                    break;
                }
                platform.yield_now();
            }
        } else if self.looks > 0 {
            self.looks -= 1;
            return room() < enough;
        }
        false
    }
}
