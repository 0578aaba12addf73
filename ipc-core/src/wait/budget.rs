//! What comes before a sleep: the [policy](super::policy) carried out, and what it remembers.

use core::time::Duration;

use super::policy::{self, End, Gathering, Memory, Nanos, Pace, Step, Vain, Wait, nanos};
use super::poll::{Begun, Polled, pause, poll_for};
use super::strategy::{Chosen, WaitStrategy};
use crate::platform::{Platform, WaitOutcome};
use crate::sync::private;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Instant;

/// How one side of a handle waits: the [strategy](WaitStrategy) that its user chose, and what its waits have taught the
/// [policy](super::policy).
///
/// It lives in private memory, so processes learn apart. Threads that share a handle share it, and mix what they learn.
#[derive(Debug)]
pub struct SpinBudget {
    strategy: Chosen,
    poll: private::AtomicU32,
    shortest: private::AtomicU32,
    debt: private::AtomicU32,
    /// [`Memory::vain`], [`Memory::late`] and [`Memory::long`], each in a byte.
    counts: private::AtomicU32,
    yield_debt: private::AtomicU32,
    lost: private::AtomicU32,
    gathering: private::AtomicU32,
}

/// A check of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before any sleep, when this time has passed.
    Awake(Nanos),
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
    pace: Pace,
    last: Option<Duration>,
}

impl SpinBudget {
    /// No experience yet. It polls at first, if the platform says that spinning helps.
    pub fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        Self::of(Memory::new(platform.spinning_helps()))
    }

    /// For one call that has waited for long already: an [adaptive](WaitStrategy::Adaptive) one sleeps at once.
    pub(crate) fn spent(&self) -> Self {
        let spent = Self::of(Memory::SPENT);
        spent.set_wait_strategy(self.wait_strategy());
        spent
    }

    fn of(memory: Memory) -> Self {
        SpinBudget {
            strategy: Chosen::new(WaitStrategy::Adaptive),
            poll: private::AtomicU32::new(memory.poll),
            shortest: private::AtomicU32::new(memory.shortest),
            debt: private::AtomicU32::new(memory.debt),
            counts: private::AtomicU32::new(counts(&memory)),
            yield_debt: private::AtomicU32::new(memory.yield_debt),
            lost: private::AtomicU32::new(memory.lost),
            gathering: private::AtomicU32::new(0),
        }
    }

    /// How the waits of this side wait.
    pub fn wait_strategy(&self) -> WaitStrategy {
        self.strategy.wait_strategy()
    }

    /// Sets how waits that begin from now on wait.
    pub fn set_wait_strategy(&self, strategy: WaitStrategy) {
        self.strategy.set_wait_strategy(strategy);
    }

    // Relaxed throughout: hints in private memory.
    fn memory(&self) -> Memory {
        let counts = self.counts.load(Ordering::Relaxed);
        Memory {
            poll: self.poll.load(Ordering::Relaxed),
            shortest: self.shortest.load(Ordering::Relaxed),
            debt: self.debt.load(Ordering::Relaxed),
            vain: counts & 0xff,
            late: counts >> 8 & 0xff,
            yield_debt: self.yield_debt.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            long: counts >> 16,
        }
    }

    fn remember(&self, before: Memory, now: Memory) {
        if before == now {
            return;
        }
        self.poll.store(now.poll, Ordering::Relaxed);
        self.shortest.store(now.shortest, Ordering::Relaxed);
        self.debt.store(now.debt, Ordering::Relaxed);
        self.counts.store(counts(&now), Ordering::Relaxed);
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
        mut check: impl FnMut(Nanos) -> Option<R>,
    ) -> Result<(R, End), Sleeper> {
        let memory = self.memory();
        let mut wait = memory.begin(self.wait_strategy());
        let pace = if wait.stays_awake() { pace.eager() } else { pace };
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
                Step::Sleep => return Err(Sleeper { wait, begun, pace, last: None }),
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
            None => End::Awake { whole: whole() },
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
        self.wait_strategy() == WaitStrategy::Adaptive && self.memory().may_yield()
    }

    /// Lets messages come together after a wait that a poll has ended, where that has helped lately.
    pub(super) fn gather<P: Platform + ?Sized>(&self, platform: &P, enough: u64, count: impl Fn() -> u64) {
        if enough < Gathering::WORTH || self.wait_strategy() == WaitStrategy::BusySpin {
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
    /// Whether it polls instead of sleeping. Then it need not be woken.
    pub(crate) fn stays_awake(&self) -> bool {
        self.wait.stays_awake()
    }

    /// Sleeps once more while `word` holds `expected`, at most `timeout`; or polls, if the strategy says so.
    pub(crate) fn sleep_on<P: Platform + ?Sized>(
        &mut self,
        platform: &P,
        word: &AtomicU32,
        expected: u32,
        timeout: Duration,
    ) -> WaitOutcome {
        if self.stays_awake() {
            return self.poll_on(platform, word, expected, timeout);
        }
        self.sleep(platform, || platform.wait(word, expected, timeout))
    }

    /// Polls while `word` holds `expected`, at most `timeout`.
    pub(crate) fn poll_on<P: Platform + ?Sized>(
        &self,
        platform: &P,
        word: &AtomicU32,
        expected: u32,
        timeout: Duration,
    ) -> WaitOutcome {
        // Relaxed: as after a sleep, the caller reads it again.
        match self.poll(platform, timeout, |_| (word.load(Ordering::Relaxed) != expected).then_some(())) {
            Some(()) => WaitOutcome::Changed,
            None => WaitOutcome::TimedOut,
        }
    }

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

    /// Polls until there is a result, at most for `timeout`.
    #[cold]
    pub(super) fn poll<P: Platform + ?Sized, R>(
        &self,
        platform: &P,
        timeout: Duration,
        mut check: impl FnMut(Nanos) -> Option<R>,
    ) -> Option<R> {
        let mut now = platform.now();
        let until = now.saturating_add(timeout);
        loop {
            match poll_for(platform, &mut Begun::At(now), policy::SPIN, Some(until), self.pace, &mut check) {
                Polled::Found(result, _) => return Some(result),
                Polled::TooLate(_) => return None,
                Polled::Vain(_) => platform.yield_now(),
            }
            now = platform.now();
            if now >= until {
                return check(policy::SPIN);
            }
        }
    }
}

/// [`Memory::vain`], [`Memory::late`] and [`Memory::long`] in one word. All are small.
fn counts(memory: &Memory) -> u32 {
    memory.vain | memory.late << 8 | memory.long << 16
}
