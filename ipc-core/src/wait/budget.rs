//! What comes before a sleep: the [policy](super::policy) carried out, and what it remembers.

use core::time::Duration;

use super::policy::{End, Gathering, Memory, Pace, Step, Vain, Wait};
use super::poll::{Begun, Polled, nanos, pause, poll_for};
use crate::platform::{Platform, WaitOutcome};
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::time::Instant;

/// What the waits of one side of a handle have taught the [policy](super::policy): how long the next one polls, and whether it
/// yields.
///
/// It lives in private memory, so processes learn apart. Threads that share a handle share it, and mix what they learn.
#[derive(Debug)]
pub struct SpinBudget {
    poll: AtomicU32,
    shortest: AtomicU32,
    debt: AtomicU32,
    vain: AtomicU32,
    late: AtomicU32,
    yield_debt: AtomicU32,
    lost: AtomicU32,
    gathering: AtomicU32,
}

/// A check of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before any sleep, when this time has passed.
    Awake(u32),
    /// The last one before a sleep.
    Drowsy,
    /// After a sleep.
    Woken,
}

/// A wait that did not succeed before its first sleep.
#[must_use = "what it slept is what the policy learns from"]
pub(crate) struct Sleeper {
    wait: Wait,
    begun: Begun,
    last: Option<Duration>,
}

impl SpinBudget {
    /// No experience yet. It polls at first, if the platform says that spinning helps.
    pub fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        Self::of(Memory::new(platform.spinning_helps()))
    }

    /// For one call that has waited for long already: it sleeps at once.
    pub(crate) fn spent() -> Self {
        Self::of(Memory::SPENT)
    }

    fn of(memory: Memory) -> Self {
        SpinBudget {
            poll: AtomicU32::new(memory.poll),
            shortest: AtomicU32::new(memory.shortest),
            debt: AtomicU32::new(memory.debt),
            vain: AtomicU32::new(memory.vain),
            late: AtomicU32::new(memory.late),
            yield_debt: AtomicU32::new(memory.yield_debt),
            lost: AtomicU32::new(memory.lost),
            gathering: AtomicU32::new(0),
        }
    }

    // Relaxed throughout: hints in private memory.
    fn memory(&self) -> Memory {
        Memory {
            poll: self.poll.load(Ordering::Relaxed),
            shortest: self.shortest.load(Ordering::Relaxed),
            debt: self.debt.load(Ordering::Relaxed),
            vain: self.vain.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            yield_debt: self.yield_debt.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    fn remember(&self, before: Memory, now: Memory) {
        if before == now {
            return;
        }
        self.poll.store(now.poll, Ordering::Relaxed);
        self.shortest.store(now.shortest, Ordering::Relaxed);
        self.debt.store(now.debt, Ordering::Relaxed);
        self.vain.store(now.vain, Ordering::Relaxed);
        self.late.store(now.late, Ordering::Relaxed);
        self.yield_debt.store(now.yield_debt, Ordering::Relaxed);
        self.lost.store(now.lost, Ordering::Relaxed);
    }

    /// What comes before a sleep, until `check` has a result or the deadline has passed. The error is the wait that goes on asleep. It
    /// ends with [`over`](Self::over).
    pub(crate) fn before_sleep<P: Platform + ?Sized, R>(
        &self,
        platform: &P,
        deadline: Option<Instant>,
        pace: Pace,
        mut check: impl FnMut(u32) -> Option<R>,
    ) -> Result<(R, End), Sleeper> {
        let memory = self.memory();
        let mut wait = memory.begin();
        let mut step = wait.first();
        let mut begun = Begun::Now;
        let mut passed = 0;
        if deadline.is_some() || !matches!(step, Step::Poll(_)) {
            let now = platform.now();
            begun = Begun::At(now);
            if deadline.is_some_and(|deadline| now >= deadline) {
                step = Step::Sleep;
            }
        }
        loop {
            step = match step {
                Step::Sleep => return Err(Sleeper { wait, begun, last: None }),
                Step::Poll(length) => match poll_for(platform, &mut begun, length, deadline, pace, &mut check) {
                    Polled::Found(result, took) => {
                        let end = End::Polled(took);
                        self.remember(memory, wait.over(end));
                        return Ok((result, end));
                    }
                    Polled::Vain(now) => {
                        passed = begun.passed(now);
                        wait.next(Vain::Poll(passed))
                    }
                    Polled::TooLate(now) => {
                        passed = begun.passed(now);
                        wait.next(Vain::Poll(passed));
                        Step::Sleep
                    }
                },
                Step::Yield => {
                    platform.yield_now();
                    let result = check(passed);
                    let before = passed;
                    passed = begun.passed(platform.now());
                    let took = passed.saturating_sub(before);
                    if let Some(result) = result {
                        let end = End::Yielded { last: took, whole: passed };
                        self.remember(memory, wait.over(end));
                        return Ok((result, end));
                    }
                    wait.next(Vain::Yield(took))
                }
            };
        }
    }

    /// A wait has ended that did not before its first sleep: with success or without.
    pub(crate) fn over<P: Platform + ?Sized>(&self, platform: &P, sleeper: Sleeper, succeeded: bool) {
        let whole = || sleeper.begun.passed(platform.now());
        let end = match sleeper.last {
            _ if !succeeded => End::TimedOut { whole: whole() },
            Some(last) => End::Slept { last: nanos(last), whole: whole() },
            None => End::Awake,
        };
        self.remember(self.memory(), sleeper.wait.over(end));
    }

    /// After a wait that polls did not end, with this number of messages, or places for them, together.
    pub(super) fn learn_stream(&self, found: u64) {
        if found >= Gathering::WORTH {
            let memory = self.memory();
            self.remember(memory, memory.after_stream());
        }
    }

    /// Whether the core may be yielded.
    pub(super) fn may_yield(&self) -> bool {
        self.memory().may_yield()
    }

    /// Lets messages come together after a wait that a poll has ended, where that has helped lately.
    pub(super) fn gather<P: Platform + ?Sized>(&self, platform: &P, enough: u64, count: impl Fn() -> u64) {
        if enough < Gathering::WORTH {
            return;
        }
        let before = self.gathering.load(Ordering::Relaxed);
        let mut gathering = Gathering::from_word(before);
        let mut found = 0;
        let pauses = gathering.pauses();
        for _ in 0..pauses {
            pause(platform, Gathering::PAUSE);
            found = count();
            if !Gathering::goes_on(found, enough) {
                break;
            }
        }
        if pauses > 0 {
            gathering.over(found);
        }
        self.gathering.store(gathering.word(), Ordering::Relaxed);
    }
}

impl Sleeper {
    /// Sleeps once more. A word that had changed says nothing about what a sleep costs.
    pub(crate) fn sleep<P: Platform + ?Sized>(
        &mut self,
        platform: &P,
        sleep: impl FnOnce() -> WaitOutcome,
    ) -> WaitOutcome {
        let fell_asleep = platform.now();
        let outcome = sleep();
        if outcome != WaitOutcome::Changed {
            self.last = Some(platform.now().saturating_since(fell_asleep));
        }
        outcome
    }
}
