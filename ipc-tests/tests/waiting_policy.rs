//! The waiting policy by itself, with a simulated clock and simulated partners. Lengths are nanoseconds.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_core::WaitStrategy;
use ipc_core::wait::SpinBudget;
use ipc_core::wait::policy::{End, Gathering, LONG_YIELD, MOST_POLL, Memory, Nanos, Pace, SPIN, Step, Vain};

/// From a wake-up until the woken process runs.
const WAKE_UP: u64 = 27_000;
/// A yield with no other process on the core.
const EMPTY_YIELD: u64 = 400;
/// What the partner does for an answer.
const WORK: u64 = 100;
const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;

/// One side, and what it has spent.
struct Waiter {
    strategy: WaitStrategy,
    memory: Memory,
    polled: u64,
    sleeps: u32,
}

/// What surrounds a wait.
struct World {
    /// What it waits for comes after this time.
    comes: u64,
    /// How long a yield takes.
    a_yield: u64,
    wake_up: u64,
    /// The time-out.
    limit: u64,
}

impl World {
    fn with(comes: u64) -> Self {
        World { comes, a_yield: EMPTY_YIELD, wake_up: WAKE_UP, limit: u64::MAX }
    }
}

fn nanos(time: u64) -> Nanos {
    Nanos::try_from(time).unwrap_or(Nanos::MAX)
}

impl Waiter {
    fn new() -> Self {
        Waiter::with(WaitStrategy::Adaptive)
    }

    fn with(strategy: WaitStrategy) -> Self {
        Waiter { strategy, memory: Memory::new(true), polled: 0, sleeps: 0 }
    }

    /// It has polled in vain as often as counts, and owes as much as it can.
    fn hopeless() -> Self {
        let mut this = Waiter::new();
        for _ in 0..100 {
            this.memory.poll = MOST_POLL;
            this.wait(MILLI);
        }
        assert_eq!(this.memory.poll, 0, "it does not poll");
        assert!(this.memory.debt > 0, "it owes");
        this
    }

    /// Waits for what comes after this time, alone on its core. Returns how long that takes.
    fn wait(&mut self, comes: u64) -> u64 {
        self.wait_in(&World::with(comes))
    }

    fn wait_in(&mut self, world: &World) -> u64 {
        let mut wait = self.memory.begin(self.strategy);
        let mut step = wait.first();
        let mut time = 0;
        let end = loop {
            step = match step {
                Step::Poll(length) => {
                    let end = (time + u64::from(length)).min(world.limit);
                    if world.comes <= end {
                        self.polled += world.comes - time;
                        time = world.comes + 20;
                        break End::Polled(nanos(time));
                    }
                    self.polled += end - time;
                    time = end;
                    wait.next(Vain::Poll(nanos(end)))
                }
                Step::Yield => {
                    time += world.a_yield;
                    if world.comes <= time {
                        break End::Yielded { last: nanos(world.a_yield), whole: nanos(time) };
                    }
                    wait.next(Vain::Yield(nanos(world.a_yield)))
                }
                Step::Sleep => {
                    self.sleeps += 1;
                    let fell_asleep = time;
                    if world.comes >= world.limit {
                        time = world.limit.max(time) + world.wake_up;
                        break End::TimedOut { whole: nanos(time) };
                    }
                    time = world.comes.max(time) + world.wake_up;
                    break End::Slept { last: nanos(time - fell_asleep), whole: nanos(time) };
                }
            }
        };
        self.memory = wait.over(end);
        time
    }
}

/// A ping-pong between two cores. Returns how long each round takes.
fn ping_pong(sides: &mut [Waiter; 2], rounds: usize) -> Vec<u64> {
    // When each side's wait began, and when the latest ball was sent.
    let (mut began, mut sent) = ([0; 2], 0);
    let mut lengths = Vec::new();
    for _ in 0..rounds {
        let start = sent;
        for (side, began) in sides.iter_mut().zip(&mut began) {
            sent = *began + side.wait(sent - *began) + WORK;
            *began = sent;
        }
        lengths.push(sent - start);
    }
    lengths
}

#[test]
fn two_sleepers_escape_within_64_rounds() {
    let mut sides = [Waiter::hopeless(), Waiter::hopeless()];
    let lengths = ping_pong(&mut sides, 1000);
    let escaped = lengths.iter().position(|&length| length < MICRO).expect("they escape");
    assert!(escaped <= 64, "after {escaped} rounds");
    assert!(lengths[escaped + 2..].iter().all(|&length| length < MICRO), "they stay awake");
}

#[test]
fn two_sleepers_with_unequal_debts_escape_within_64_rounds() {
    for step in 0..=64 {
        let mut sides = [Waiter::hopeless(), Waiter::hopeless()];
        sides[1].memory.debt = sides[1].memory.debt / 64 * step;
        let lengths = ping_pong(&mut sides, 200);
        let escaped = lengths.iter().position(|&length| length < MICRO);
        assert!(escaped.is_some_and(|rounds| rounds <= 64), "with {step}/64 of the debt: {escaped:?}");
    }
}

#[test]
fn two_sleepers_escape_where_wake_ups_are_cheap_or_dear() {
    for wake_up in [5 * MICRO, 15 * MICRO, 40 * MICRO, 60 * MICRO] {
        let mut sides = [Waiter::new(), Waiter::new()];
        sides.iter_mut().for_each(|side| side.memory.poll = 0);
        let (mut began, mut sent, mut last) = ([0; 2], 0, 0);
        for _ in 0..200 {
            let start = sent;
            for (side, began) in sides.iter_mut().zip(&mut began) {
                let world = World { wake_up, ..World::with(sent - *began) };
                sent = *began + side.wait_in(&world) + WORK;
                *began = sent;
            }
            last = sent - start;
        }
        assert!(last < MICRO, "{last} a round with wake-ups of {wake_up}");
    }
}

#[test]
fn a_partner_that_works_for_long_is_not_polled_for() {
    // 50 us: longer than a sleep and a wake-up cost.
    let mut waiter = Waiter::new();
    let time: u64 = (0..10_000).map(|_| waiter.wait(50 * MICRO)).sum();
    assert!(waiter.polled * 4 < time, "{} of {time}", waiter.polled);
}

#[test]
fn rare_messages_are_slept_for_at_once() {
    for period in [MILLI, 10 * MILLI, 100 * MILLI] {
        let mut waiter = Waiter::new();
        for _ in 0..1000 {
            waiter.wait(period);
        }
        assert!(waiter.polled <= u64::from(MOST_POLL), "polled {} in all", waiter.polled);
    }
}

#[test]
fn messages_somewhat_too_far_apart_cost_a_seventh_of_the_time() {
    for period in [100, 150, 200, 300, 500] {
        let mut waiter = Waiter::new();
        let time: u64 = (0..10_000).map(|_| waiter.wait(period * MICRO)).sum();
        assert!(waiter.polled * 7 < time, "{period} us: {} of {time}", waiter.polled);
    }
}

#[test]
fn waits_that_time_out_do_not_poll() {
    for limit in [30 * MICRO, 100 * MICRO, MILLI] {
        let mut waiter = Waiter::new();
        let world = World { limit, ..World::with(u64::MAX) };
        for _ in 0..1000 {
            waiter.wait_in(&world);
        }
        assert!(waiter.polled <= u64::from(MOST_POLL), "{limit}: polled {} in all", waiter.polled);
    }
}

#[test]
fn on_one_core_it_yields() {
    // Nothing comes while it polls. After one yield the partner has answered; a sleep would take twice as long.
    let mut waiter = Waiter::new();
    let mut time = 0;
    for _ in 0..10_000 {
        let mut wait = waiter.memory.begin(WaitStrategy::Adaptive);
        let mut step = wait.first();
        let (mut now, mut end) = (0, None);
        while end.is_none() {
            match step {
                Step::Poll(length) => {
                    now += u64::from(length);
                    step = wait.next(Vain::Poll(length));
                }
                Step::Yield => end = Some(End::Yielded { last: 1_000, whole: nanos(now + 1_000) }),
                Step::Sleep => end = Some(End::Slept { last: 2_000, whole: nanos(now + 2_000) }),
            }
        }
        now += if matches!(end, Some(End::Yielded { .. })) { 1_000 } else { 2_000 };
        waiter.memory = wait.over(end.expect("an end"));
        time += now;
    }
    assert!(time < 10_000 * 1_040, "{time}");
}

#[test]
fn two_sides_that_yield_on_two_cores_poll_again() {
    // An interruption has made a poll vain; since then each yield is in time, but later than a poll would be.
    let mut waiter = Waiter::new();
    waiter.wait(MILLI);
    assert_eq!(waiter.memory.poll, 0, "it does not poll");
    waiter.memory.yield_debt = 0;
    let waits = (0..1000).position(|_| {
        waiter.wait(300);
        waiter.memory.poll > 0
    });
    assert!(waits.is_some_and(|waits| waits < 100), "{waits:?}");
}

#[test]
fn one_long_yield_among_many_short_ones_does_not_end_them() {
    // A process of low priority computes on the same core: a yield of 3 ms among 5000 of a microsecond.
    let short = End::Yielded { last: 1_000, whole: 1_000 };
    let mut memory = Memory::new(false);
    let mut slept = 0;
    for wait in 0..100_000 {
        let end = match memory.begin(WaitStrategy::Adaptive).first() {
            Step::Sleep => {
                slept += 1;
                End::Slept { last: 5_000, whole: 5_000 }
            }
            _ if wait % 5000 == 0 => End::Yielded { last: 3_000_000, whole: 3_000_000 },
            _ => short,
        };
        memory = memory.begin(WaitStrategy::Adaptive).over(end);
        memory.poll = 0;
    }
    assert!(slept < 30_000, "{slept} sleeps");
}

#[test]
fn a_process_that_computes_for_a_moment_does_not_keep_yields_away_for_long() {
    // It takes two turns of 3 ms one behind the other. Before and after them a yield of a microsecond is enough, and a sleep takes 5 us.
    let mut memory = Memory::new(false);
    let (mut asleep, mut turns) = (0, 0);
    for wait in 0..100_000 {
        let end = match memory.begin(WaitStrategy::Adaptive).first() {
            Step::Sleep => {
                asleep += 5 * MICRO;
                End::Slept { last: 5_000, whole: 5_000 }
            }
            _ if wait > 1000 && turns < 2 => {
                turns += 1;
                End::Yielded { last: 3_000_000, whole: 3_000_000 }
            }
            _ => End::Yielded { last: 1_000, whole: 1_000 },
        };
        memory = memory.begin(WaitStrategy::Adaptive).over(end);
        memory.poll = 0;
    }
    assert_eq!(turns, 2);
    assert!(asleep <= 8 * 3 * MILLI + 5 * MICRO, "{asleep} ns");
}

#[test]
fn beside_more_processes_than_cores_it_sleeps_at_once() {
    // A yield gives away 3 ms; a sleeper gets the core at once when it is woken, and what it waits for comes after 8 us.
    let mut waiter = Waiter::new();
    let world = World { a_yield: 3 * MILLI, wake_up: 2 * MICRO, ..World::with(8 * MICRO) };
    let time: u64 = (0..100_000).map(|_| waiter.wait_in(&world)).sum();
    assert!(time < 100_000 * 12_500, "{time}");
}

#[test]
fn an_interrupted_poll_means_that_another_process_computes() {
    let mut wait = Memory::new(true).begin(WaitStrategy::Adaptive);
    assert!(matches!(wait.first(), Step::Poll(_)));
    assert_eq!(wait.next(Vain::Poll(3_000_000)), Step::Sleep, "no yield");
    let memory = wait.over(End::Slept { last: 2_000, whole: 3_002_000 });
    assert_eq!((memory.poll, memory.may_yield()), (0, true), "one of them says little about yields");
    let mut wait = memory.begin(WaitStrategy::Adaptive);
    assert_eq!(wait.first(), Step::Yield);
    assert_eq!(wait.next(Vain::Yield(3_000_000)), Step::Sleep);
    let memory = wait.over(End::Slept { last: 2_000, whole: 3_002_000 });
    assert_eq!((memory.poll, memory.may_yield()), (0, false));
}

#[test]
fn a_partner_that_was_stopped_for_a_second_is_forgiven() {
    let mut sides = [Waiter::new(), Waiter::new()];
    ping_pong(&mut sides, 1000);
    sides[0].wait(1_000 * MILLI);
    let lengths = ping_pong(&mut sides, 1000);
    assert!(lengths[64..].iter().all(|&length| length < MICRO), "they are awake again");
}

#[test]
fn bursts_are_polled_for_and_the_time_between_them_slept() {
    let mut waiter = Waiter::new();
    for burst in 0..100 {
        let (sleeps, polled) = (waiter.sleeps, waiter.polled);
        waiter.wait(5 * MILLI);
        for _ in 0..1000 {
            waiter.wait(300);
        }
        if burst > 0 {
            assert!(waiter.sleeps - sleeps <= 12, "burst {burst}: {} sleeps", waiter.sleeps - sleeps);
            let polled = waiter.polled - polled;
            assert!(polled <= 1000 * 300 + u64::from(MOST_POLL), "burst {burst}: {polled}");
        }
    }
}

#[test]
fn a_stream_may_yield_for_long() {
    // A long yield is the partners' work where several messages have come together.
    let mut memory = Memory::new(true);
    for _ in 0..2 {
        memory =
            memory.begin(WaitStrategy::Adaptive).over(End::Yielded { last: 20 * LONG_YIELD, whole: 20 * LONG_YIELD });
    }
    assert!(!memory.may_yield());
    assert!(memory.after_stream().may_yield());
}

#[test]
fn a_sleep_that_is_learned_is_forgotten_slowly() {
    let slept = |memory: Memory, last| memory.begin(WaitStrategy::Adaptive).over(End::Slept { last, whole: last });
    let mut memory = slept(Memory::new(false), 15_000);
    assert_eq!(memory.shortest, 15_000);
    memory = slept(memory, 90_000);
    assert!(memory.shortest < 20_000, "one long sleep says little: {}", memory.shortest);
    memory = (0..20).fold(memory, |memory, _| slept(memory, 90_000));
    assert!(memory.shortest > 80_000, "many say that a wake-up is dear: {}", memory.shortest);
}

#[test]
fn checks_come_late_by_a_part_of_what_has_passed() {
    for passed in [0, 100, 5_000, 100_000] {
        assert!(Pace::MESSAGE.pause(passed) <= (passed / 16).min(500));
    }
    let room = Pace::room(1024);
    assert_eq!((room.pause(0), room.pause(600), room.pause(50_000)), (256, 600, 2_000));
    assert_eq!(Pace::room(u64::MAX).pause(0), 2_000);
}

#[test]
fn a_receiver_gathers_only_where_that_has_helped() {
    let mut gathering = Gathering::default();
    let tries = (0..10_000).filter(|_| gathering.pauses() > 0).count();
    assert!((1..20).contains(&tries), "{tries} of 10000 try it");
    gathering.over(100);
    assert!(gathering.pauses() > 0, "it helped");
    gathering.over(1);
    assert_eq!(gathering.pauses(), 0, "it did not");
    assert!(!Gathering::goes_on(0, 512), "an empty pause is the last");
    assert!(!Gathering::goes_on(512, 512), "enough");
}

/// Lengths of waits that would teach the adaptive strategy all that it can learn.
const LESSONS: [u64; 8] = [100, 100, 30 * MICRO, 30 * MICRO, 400 * MICRO, MILLI, 20 * MILLI, 100];

#[test]
fn a_wait_that_blocks_never_polls_or_yields() {
    let mut waiter = Waiter::with(WaitStrategy::Block);
    for comes in LESSONS {
        let wait = waiter.memory.begin(waiter.strategy);
        assert_eq!((wait.first(), wait.stays_awake()), (Step::Sleep, false));
        waiter.wait(comes);
    }
    assert_eq!((waiter.polled, waiter.sleeps), (0, LESSONS.len() as u32));
}

#[test]
fn a_wait_that_spins_for_a_time_does_so_whatever_happened_before() {
    let mut waiter = Waiter::with(WaitStrategy::SpinFor(Duration::from_micros(50)));
    for comes in LESSONS {
        let (polled, sleeps) = (waiter.polled, waiter.sleeps);
        assert_eq!(waiter.memory.begin(waiter.strategy).first(), Step::Poll(50_000));
        waiter.wait(comes);
        assert_eq!(waiter.polled - polled, comes.min(50_000));
        assert_eq!(waiter.sleeps > sleeps, comes > 50_000, "then it sleeps, and does not yield");
    }
}

#[test]
fn a_wait_that_spins_yields_now_and_then_and_stays_awake() {
    let before = Memory::new(true);
    let mut wait = before.begin(WaitStrategy::BusySpin);
    assert_eq!(wait.first(), Step::Poll(SPIN));
    assert_eq!(wait.next(Vain::Poll(SPIN)), Step::Yield, "for a partner on this core");
    // Before it would sleep it searches for the dead. Then it polls on.
    assert_eq!((wait.next(Vain::Yield(300)), wait.stays_awake()), (Step::Sleep, true));
    assert_eq!(wait.over(End::TimedOut { whole: SPIN }), before);
}

#[test]
fn fixed_strategies_learn_nothing() {
    for strategy in [WaitStrategy::Block, WaitStrategy::BusySpin, WaitStrategy::SpinFor(Duration::from_micros(50))] {
        let mut waiter = Waiter::with(strategy);
        for comes in LESSONS {
            waiter.wait(comes);
        }
        assert_eq!(waiter.memory, Memory::new(true), "{strategy:?}");
    }
}

#[test]
fn a_budget_remembers_its_strategy() {
    let budget = SpinBudget::new(&ipc_core::platform::SpinPlatform::new(1));
    assert_eq!(budget.wait_strategy(), WaitStrategy::Adaptive);
    let lengths = [1, 2, 3, 50_000, 4_000_000_000].map(|nanos| WaitStrategy::SpinFor(Duration::from_nanos(nanos)));
    for strategy in [WaitStrategy::BusySpin, WaitStrategy::Block, WaitStrategy::Adaptive].into_iter().chain(lengths) {
        budget.set_wait_strategy(strategy);
        assert_eq!(budget.wait_strategy(), strategy);
    }
    // What it cannot hold is the nearest that it can.
    for (asked, nanos) in [(Duration::ZERO, 1), (Duration::MAX, u32::MAX - 2)] {
        budget.set_wait_strategy(WaitStrategy::SpinFor(asked));
        assert_eq!(budget.wait_strategy(), WaitStrategy::SpinFor(Duration::from_nanos(nanos.into())));
    }
}

/// Two sides whose waits are always over at the last check before their sleep, because that check takes a while, pay their debts off as
/// others do, and poll again.
#[test]
fn waits_that_end_as_they_fall_asleep_pay_debts_off() {
    let mut memory = Memory { poll: 0, debt: 300_000, yield_debt: 300_000, vain: 3, ..Memory::new(true) };
    for _ in 0..200 {
        let mut wait = memory.begin(WaitStrategy::Adaptive);
        let mut step = wait.first();
        while step == Step::Yield {
            step = wait.next(Vain::Yield(EMPTY_YIELD as Nanos));
        }
        if step != Step::Sleep {
            break;
        }
        memory = wait.over(End::Awake { whole: 1_500 });
    }
    assert!(memory.poll > 0, "it never polls again");
}
