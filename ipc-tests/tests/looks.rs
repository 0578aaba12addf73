//! When the sleepers of one object look by themselves, on a simulated clock.

#![cfg(not(loom))]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, WaitOutcome};
use ipc_core::sync::AtomicU32;
use ipc_core::time::Instant;
use ipc_core::wait::{Attempt, Gate, Look, Rota, SpinBudget, block_until};

const LOOKS: [Look; 2] = [Look::Idle, Look::Suspect];

/// Sleepers of one object, by when they look next.
struct Crowd {
    rota: Rota,
    look: Look,
    now: Instant,
    sleepers: BTreeSet<(Instant, u32)>,
}

impl Crowd {
    /// All begin at once.
    fn of(count: u32, look: Look, now: Instant) -> Self {
        let mut crowd = Crowd { rota: Rota::new(), look, now, sleepers: BTreeSet::new() };
        for number in 0..count {
            crowd.book(number);
        }
        crowd
    }

    fn book(&mut self, number: u32) {
        let due = self.now.saturating_add(self.rota.book(self.look, self.now));
        self.sleepers.insert((due, number));
    }

    /// Time goes on to the next look. Returns how long that took.
    fn next_look(&mut self) -> Duration {
        let (due, number) = self.sleepers.pop_first().expect("a sleeper");
        let passed = due.saturating_since(self.now);
        self.now = due;
        self.book(number);
        passed
    }

    /// The one whose look is due first is woken and leaves.
    fn leave(&mut self) {
        self.sleepers.pop_first().expect("a sleeper");
        self.rota.give_back(self.look, self.now);
    }

    /// The one whose look is due first is killed.
    fn kill(&mut self) {
        self.sleepers.pop_first().expect("a sleeper");
    }
}

fn begun() -> Instant {
    Instant::from_nanos(987_654_321_012)
}

/// A hundred sleepers look as often as one: once in a period.
#[test]
fn looks_do_not_depend_on_the_number_of_sleepers() {
    for look in LOOKS {
        for count in [1, 2, 100] {
            let mut crowd = Crowd::of(count, look, begun());
            for _ in 0..1000 {
                assert_eq!(crowd.next_look(), look.period(), "{count} sleepers");
            }
        }
    }
}

/// Where all but one of 100 sleepers leave or are killed, it checks after 100 periods at most, and once in a period from then on.
#[test]
fn the_last_sleeper_looks_on() {
    for look in LOOKS {
        for gone in [Crowd::leave, Crowd::kill] {
            let mut crowd = Crowd::of(100, look, begun());
            for _ in 0..99 {
                gone(&mut crowd);
            }
            assert!(crowd.next_look() <= look.period() * 100);
            assert!(crowd.next_look() <= look.period());
            assert_eq!(crowd.next_look(), look.period());
        }
    }
}

/// Sleepers that are woken before each of their looks leave no bookings behind.
#[test]
fn a_look_that_is_not_needed_is_given_back() {
    for look in LOOKS {
        let rota = Rota::new();
        let mut now = begun();
        for _ in 0..1000 {
            assert!(rota.book(look, now) <= look.period() + Duration::from_millis(1));
            now = now.saturating_add(Duration::from_millis(1));
            rota.give_back(look, now);
        }
    }
}

/// However many book, and whatever another clock has left in the words, a look comes in bounded time.
#[test]
fn a_look_is_never_far_away() {
    for look in LOOKS {
        let rota = Rota::new();
        for nanos in [0, 1, u64::from(u32::MAX) * 1_000_000, u64::MAX, 1 << 40, 1 << 41, 3] {
            for _ in 0..1000 {
                let left = rota.book(look, Instant::from_nanos(nanos));
                assert!(!left.is_zero() && left <= look.most());
            }
        }
    }
}

/// A clock that only sleeps move.
struct Sleepy(Cell<Duration>);

// SAFETY: one thread, whose sleeps end by time alone; nobody dies.
unsafe impl Platform for Sleepy {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }
    fn wait(&self, _: &AtomicU32, _: u32, timeout: Duration) -> WaitOutcome {
        self.0.set(self.0.get() + timeout);
        WaitOutcome::TimedOut
    }
    fn wake(&self, _: &AtomicU32, _: u32) -> u32 {
        0
    }
    fn now(&self) -> Instant {
        begun().saturating_add(self.0.get())
    }
    fn me(&self) -> ParticipantId {
        ParticipantId::new(1).unwrap()
    }
    fn seize(&self, _: ParticipantId) -> Result<(), NotSeized> {
        Err(NotSeized::NotNow)
    }
    fn unseize(&self, _: ParticipantId) {}
    fn light_barrier(&self) {}
    fn heavy_barrier(&self) {}
    fn spinning_helps(&self) -> bool {
        false
    }
}

/// In a damaged object each attempt may find that something has changed. The wait sleeps even so, and ends by its deadline.
#[test]
fn changes_without_end_do_not_keep_a_sleeper_awake() {
    let (platform, gate) = (Sleepy(Cell::default()), Gate::new());
    let length = Duration::from_secs(1);
    let deadline = platform.now().saturating_add(length);
    let mut attempts = 0;
    let found = block_until(&platform, &gate, &SpinBudget::new(&platform), Some(deadline), |_| {
        attempts += 1;
        assert!(attempts < 1_000_000, "it never sleeps");
        Attempt::<()>::Again
    });
    assert!(found.is_err());
    assert_eq!(platform.0.get(), length, "slept, in all");
}
