//! When to poll, when to yield, when to sleep: a pure function of what was observed. It reads no clock and touches no memory.
//!
//! A wait has at most three phases. [`Memory`] holds what earlier waits have taught, and says how long each phase is:
//!
//! ```text
//! begin --> Poll(length) --in vain--> Yield, up to 4 times --in vain--> Sleep until woken
//!               |                        |                                |
//!               +------------------------+--------------------------------+--> over: the Memory of the next wait
//! ```
//!
//! | observed | the next wait |
//! |---|---|
//! | the wait was over while it polled | polls for [`Memory::longest_poll`]; all debts are forgiven |
//! | it was over while it polled, but [late](LATE): a sleep would have been cheaper | polls; after four of them in a row, as in the next line |
//! | it polled in vain | does not poll before *short* waits of 1 to 32 times the poll's length have passed; of up to 256 times, if the wait was over as soon as the core was given away |
//! | it did not poll, the whole wait was [short](Memory::short_wait), and no debt is left | polls |
//! | it was over at the last check before its sleep | pays its length off the debts, and forgives the poll that it made |
//! | it did not poll, and the wait was long | unchanged: a receiver of rare messages never polls |
//! | a short yield was enough | yields again, up to 4 times |
//! | short yields were in vain | does not yield before 16 times their length has passed |
//! | a yield took [long](LONG_YIELD), or a poll was [interrupted](INTERRUPTED): another process computes on this core | sleeps at once: no yield before 8 to 64 times its length has passed, unless yields have saved meanwhile what the last long one cost; no poll before 4 polls' length of short waits has |
//! | several messages, or places for them, had come together without polls | yields again, and owes one poll at most |
//!
//! Such is [`WaitStrategy::Adaptive`]. The other strategies have fixed phases, and learn nothing: see [`Wait::first`].
//!
//! # Why
//!
//! *Two sleepers.* If both sides of a ping-pong sleep, each wait takes two wake-ups, and none of them is over while the other side polls. A
//! policy that learns from successful polls alone stays there for ever. This one learns from the length of the *wait*, however it ended: a
//! short one lets the next poll, on one of the two sides, for longer than the other side's wake-up takes. Then the other side's wait is
//! short as well.
//!
//! *Debt.* What was spent in vain is owed, as time: that much time must pass in waits before it may be spent again. A number of calls in its
//! place would be wrong everywhere: a wait takes 1 us between two processes on one core, 80 us between two sleepers, and a second between
//! rare messages. A debt bounds the cost of polling that never helps to 1/32 of the waiting time (1/256 on one core), on any processor.
//!
//! *Time.* All lengths are nanoseconds, because a pause instruction takes 40 cycles on some processors and 140 on others, and a wake-up 5 us
//! on bare metal and 50 us in a virtual machine. The cost of a wake-up is learned from the handle's own sleeps.
//!
//! # Where it comes from
//!
//! - The budget that grows when the wait was short, asleep or not, and shrinks when it was long: adaptive halt polling of Linux, in the
//!   host (`halt_poll_ns` of KVM) and in the guest (the `haltpoll` governor of cpuidle).
//! - The length of a poll: competitive spinning (Karlin, Li, Manasse, Owicki: "Empirical studies of competitive spinning", 1991). A thread that polls
//!   for as long as a sleep and a wake-up cost takes at most twice the time of the best choice.
//! - Poll, then yield, then sleep: `Backoff` of crossbeam, `BackoffIdleStrategy` of Agrona, the wait strategies of the LMAX Disruptor.
//!   Their numbers of spins and yields are constants; here they are debts.
//! - The debt is our own.

use core::time::Duration;

use super::strategy::WaitStrategy;

/// A length of time in nanoseconds, at most four seconds: longer ones saturate.
pub type Nanos = u32;

/// A duration as the policy counts.
pub(super) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// The shortest poll of a wait that polls.
pub const LEAST_POLL: Nanos = crate::sync::bound(20_000, 0);
/// The longest poll: half of what KVM's halt polling allows.
pub const MOST_POLL: Nanos = crate::sync::bound(100_000, 0);
/// A wait that was over while it polled, but later than this, has cost more than a sleep and a wake-up do.
pub const LATE: Nanos = LEAST_POLL;
/// The most late waits in a row that do not count as polls in vain: the other side may be waking up for the last time.
const MOST_LATE: u32 = 4;
/// A yield that took longer gave a turn to a process that computes. Turns of any scheduler are longer.
pub const LONG_YIELD: Nanos = 100_000;
/// A poll that took so much longer than it should was interrupted: another process had the core.
pub const INTERRUPTED: Nanos = 200_000;
/// Yields of one wait. One is not enough: a scheduler often returns from the first although another process is ready.
pub const MOST_YIELDS: u32 = crate::sync::bound(4, 0);
/// The most doublings of the debt of a poll in vain.
const MOST_VAIN: u32 = 5;
/// The most where the wait was over as soon as the core was given away: the other side needs this core, and no poll can succeed.
const MOST_VAIN_ON_ONE_CORE: u32 = 8;
/// Doublings of that debt after a wait beside a process that computes, at least.
const VAIN_BESIDE_COMPUTING: u32 = 2;
/// Times that the length of yields in vain is owed, as a shift.
const VAIN_YIELD: u32 = 4;
/// Times that the length of a long yield is owed, as a shift, unless yields have saved what the last long one cost. Sleeps take about a
/// third longer than yields do: if the other process has stopped meanwhile, that costs a few times what a long yield does.
const LONG_YIELD_DEBT: u32 = 3;
/// The most doublings of that debt while one long yield follows another. So they cost 1.5 % of the time at most.
const MOST_LONG: u32 = 3;
/// How long a wait that [spins](WaitStrategy::BusySpin) polls between two yields: another process that needs this core gets a turn then.
pub const SPIN: Nanos = crate::sync::bound(1_000_000, 0);
/// About what a yield that was enough saves: the difference to a sleep.
const YIELD_SAVES: Nanos = 2_000;

/// What the waits of one side of a handle have taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How long the next wait polls. 0: it does not.
    pub poll: Nanos,
    /// The shortest of the latest sleeps: what a sleep and a wake-up cost at least.
    pub shortest: Nanos,
    /// Short waits of this length in all have to pass before a wait polls again.
    pub debt: Nanos,
    /// The number of polls in vain in a row, as far as it counts.
    pub vain: u32,
    /// The number of polls in a row that succeeded [late](LATE).
    pub late: u32,
    /// Waits of this length in all have to pass before a wait yields again.
    pub yield_debt: Nanos,
    /// What the last long yield has cost, less what the others have saved since.
    pub lost: Nanos,
    /// The number of long yields in a row that no others have made up for, as far as it counts.
    pub long: u32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Check again and again for this time.
    Poll(Nanos),
    /// Yield the core, then check.
    Yield,
    /// Sleep until woken.
    Sleep,
}

/// A step that was in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vain {
    /// A poll that took this long.
    Poll(Nanos),
    /// A yield that took this long.
    Yield(Nanos),
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By a poll, this long after its beginning.
    Polled(Nanos),
    /// By a yield.
    Yielded {
        /// How long the yield was.
        last: Nanos,
        /// How long the whole wait was.
        whole: Nanos,
    },
    /// By the last check before the first sleep.
    Awake {
        /// How long the whole wait was.
        whole: Nanos,
    },
    /// By a sleep.
    Slept {
        /// How long the last sleep was.
        last: Nanos,
        /// How long the whole wait was.
        whole: Nanos,
    },
    /// Without success, because its time was over.
    TimedOut {
        /// How long the whole wait was.
        whole: Nanos,
    },
}

/// One wait.
#[derive(Clone, Copy, Debug)]
#[must_use = "the next wait learns from how this one ends"]
pub struct Wait {
    strategy: WaitStrategy,
    memory: Memory,
    polled: Nanos,
    yields: u32,
    yielded: Nanos,
    beside_computing: bool,
}

impl Memory {
    /// It neither polls nor yields.
    pub(super) const SPENT: Memory = Memory { yield_debt: Nanos::MAX, ..Memory::new(false) };

    /// The beginning. `spinning_helps`: whether another process can run meanwhile.
    pub const fn new(spinning_helps: bool) -> Self {
        let poll = if spinning_helps { LEAST_POLL } else { 0 };
        Memory { poll, shortest: LEAST_POLL, debt: 0, vain: 0, late: 0, yield_debt: 0, lost: 0, long: 0 }
    }

    /// How long a poll is: somewhat longer than a sleep and a wake-up, so that it outlasts those of the other side.
    pub fn longest_poll(&self) -> Nanos {
        self.shortest.saturating_add(self.shortest / 4).clamp(LEAST_POLL, MOST_POLL)
    }

    /// A wait up to this length was short. Two sleepers need two wake-ups for each round, and their work.
    pub fn short_wait(&self) -> Nanos {
        (3 * self.shortest.min(MOST_POLL)).clamp(MOST_POLL, 3 * MOST_POLL)
    }

    /// Whether the core may be yielded.
    pub fn may_yield(&self) -> bool {
        self.yield_debt == 0
    }

    /// Begins a wait.
    pub fn begin(self, strategy: WaitStrategy) -> Wait {
        Wait { strategy, memory: self, polled: 0, yields: 0, yielded: 0, beside_computing: false }
    }

    /// After a wait without successful polls at whose end several messages, or places for them, had come together: a sleep for each of
    /// them would have cost more than their delay. A long yield is the other side's work then.
    pub fn after_stream(mut self) -> Self {
        self.yield_debt = 0;
        self.debt = self.debt.min(self.longest_poll());
        self
    }

    fn owe_poll(&mut self, length: Nanos, most_vain: u32) {
        self.poll = 0;
        self.late = 0;
        self.debt = length.min(MOST_POLL) << self.vain;
        self.vain = (self.vain + 1).min(most_vain);
    }

    /// A wait of this length has passed that did not poll.
    fn repay(&mut self, whole: Nanos) {
        if whole <= self.short_wait() {
            self.debt = self.debt.saturating_sub(whole);
            if self.debt == 0 {
                self.poll = self.longest_poll();
            }
        }
    }

    /// The shortest of the latest: each sleep that was longer moves it up by a quarter at most.
    fn learn_sleep(&mut self, length: Nanos) {
        let aged = self.shortest.saturating_add(self.shortest / 4 + 1);
        self.shortest = length.min(aged).min(MOST_POLL);
    }

    fn owe_to_computing(&mut self, yielded: Nanos) {
        let cost = yielded.max(LONG_YIELD);
        if self.lost > 0 {
            self.yield_debt = cost.saturating_mul(1 << (LONG_YIELD_DEBT + self.long));
            self.long = (self.long + 1).min(MOST_LONG);
        } else {
            self.long = 0;
        }
        self.lost = cost;
        self.poll = 0;
        self.vain = self.vain.max(VAIN_BESIDE_COMPUTING);
        self.debt = self.debt.max(self.longest_poll() << VAIN_BESIDE_COMPUTING);
    }
}

impl Wait {
    /// The first step.
    pub fn first(&self) -> Step {
        let length = match self.strategy {
            WaitStrategy::Adaptive => self.memory.poll,
            WaitStrategy::BusySpin => SPIN,
            WaitStrategy::Block => 0,
            WaitStrategy::SpinFor(length) => nanos(length),
        };
        if length == 0 { self.after_polls() } else { Step::Poll(length) }
    }

    /// Whether it polls on where the others sleep.
    pub fn stays_awake(&self) -> bool {
        self.strategy == WaitStrategy::BusySpin
    }

    /// The step after one in vain.
    pub fn next(&mut self, vain: Vain) -> Step {
        match vain {
            Vain::Poll(took) => {
                self.polled = took.max(1);
                self.beside_computing = took > self.memory.poll.saturating_add(INTERRUPTED);
            }
            Vain::Yield(took) => {
                self.yields += 1;
                self.yielded = self.yielded.saturating_add(took);
                self.beside_computing = took > LONG_YIELD;
            }
        }
        self.after_polls()
    }

    fn after_polls(&self) -> Step {
        let yields = match self.strategy {
            WaitStrategy::Adaptive => !self.beside_computing && self.memory.may_yield() && self.yields < MOST_YIELDS,
            WaitStrategy::BusySpin => self.yields == 0,
            WaitStrategy::Block | WaitStrategy::SpinFor(_) => false,
        };
        if yields { Step::Yield } else { Step::Sleep }
    }

    /// What the next wait begins with.
    pub fn over(self, end: End) -> Memory {
        let mut memory = self.memory;
        if self.strategy != WaitStrategy::Adaptive {
            return memory;
        }
        match end {
            End::Polled(took) if took > LATE => {
                memory.late += 1;
                if memory.late > MOST_LATE {
                    memory.owe_poll(took, MOST_VAIN);
                }
            }
            End::Polled(_) => {
                memory.poll = memory.longest_poll();
                (memory.debt, memory.vain, memory.late) = (0, 0, 0);
            }
            End::Yielded { last, whole } => {
                self.settle(&mut memory, whole);
                if last > LONG_YIELD {
                    memory.owe_to_computing(last);
                } else {
                    memory.lost = memory.lost.saturating_sub(YIELD_SAVES);
                }
            }
            End::Awake { whole } => {
                memory.yield_debt = memory.yield_debt.saturating_sub(whole);
                // A poll that was in vain by that little is not owed.
                if self.polled == 0 {
                    memory.repay(whole);
                }
            }
            End::Slept { last, whole } => {
                memory.learn_sleep(last);
                memory.yield_debt = memory.yield_debt.saturating_sub(whole);
                self.settle(&mut memory, whole);
                self.owe_yields(&mut memory);
            }
            End::TimedOut { whole } => {
                memory.yield_debt = memory.yield_debt.saturating_sub(whole);
                if self.polled > 0 {
                    memory.owe_poll(self.polled, MOST_VAIN);
                }
                self.owe_yields(&mut memory);
            }
        }
        memory
    }

    /// What a wait does to the poll debt that succeeded after its poll, if it polled.
    fn settle(&self, memory: &mut Memory, whole: Nanos) {
        match self.polled {
            0 => memory.repay(whole),
            polled if whole - whole.min(polled) <= polled / 2 => memory.owe_poll(polled, MOST_VAIN_ON_ONE_CORE),
            polled => memory.owe_poll(polled, MOST_VAIN),
        }
    }

    fn owe_yields(&self, memory: &mut Memory) {
        if self.beside_computing {
            memory.owe_to_computing(self.yielded);
        } else if self.yields > 0 {
            memory.yield_debt = self.yielded.saturating_mul(1 << VAIN_YIELD);
        }
    }
}

/// Pauses between the checks of a poll: part of what has passed, within bounds, so that a check is late by that part at most.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    least: Nanos,
    shift: u32,
    most: Nanos,
}

impl Pace {
    /// For what another process sends: late by a sixteenth, and by half a microsecond at most.
    pub const MESSAGE: Pace = Pace { least: 0, shift: 4, most: 500 };
    /// For a lock: each check takes the cache line from its holder, who is about to write it.
    pub const LOCK: Pace = Pace { least: 0, shift: 1, most: 6_000 };

    /// For room in a ring of this many places: each check takes a line from the receivers, who write it for each message. None makes a
    /// quarter of the ring free sooner than in one nanosecond a place.
    pub const fn room(capacity: u64) -> Pace {
        const MOST: Nanos = 2_000;
        let quarter = capacity.div_ceil(4);
        Pace { least: if quarter < MOST as u64 { quarter as Nanos } else { MOST }, shift: 0, most: MOST }
    }

    /// Pauses that are shorter, for a wait that spends a core on being early.
    pub const fn eager(self) -> Pace {
        const EAGER: u32 = 4;
        let most = self.most >> EAGER;
        Pace { most: if most < self.least { self.least } else { most }, ..self }
    }

    /// How long to pause after a check, when this time has passed.
    pub fn pause(self, passed: Nanos) -> Nanos {
        (passed >> self.shift).clamp(self.least, self.most)
    }
}

/// Whether a receiver that keeps up with its sender lets messages come together.
///
/// Such a receiver takes each cache line from the sender as soon as one message is in it, and both go on in lockstep. If it pauses instead,
/// the lines go to and fro once for many messages. Whether that helps is tried from time to time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gathering {
    helped: bool,
    waits: u32,
}

impl Gathering {
    /// The length of one pause, and the most pauses.
    pub const PAUSE: Nanos = 1_000;
    const PAUSES: u32 = crate::sync::bound(4, 0);
    /// Messages that make it worth while.
    pub const WORTH: u64 = 4;
    /// One wait in this many tries it, where it did not help.
    const TRY_EVERY: u32 = 1024;

    /// After a wait that was over while it polled: the most pauses that the receiver makes now.
    pub fn pauses(&mut self) -> u32 {
        if self.helped {
            return Self::PAUSES;
        }
        self.waits = self.waits.wrapping_add(1);
        if self.waits.is_multiple_of(Self::TRY_EVERY) { Self::PAUSES } else { 0 }
    }

    /// After a pause: whether to pause again, when this number of messages is there, of which `enough` would end it.
    pub fn goes_on(found: u64, enough: u64) -> bool {
        found > 0 && found < enough
    }

    /// The pauses are over: this number of messages is there.
    pub fn over(&mut self, found: u64) {
        self.helped = found >= Self::WORTH;
    }

    /// As one word.
    pub(super) fn word(self) -> u32 {
        self.waits << 1 | u32::from(self.helped)
    }

    /// [`word`](Self::word)'s inverse.
    pub(super) fn from_word(word: u32) -> Self {
        Gathering { helped: word & 1 != 0, waits: word >> 1 }
    }
}
