//! Whose turn it is to look: the sleepers of one object share the looks that make up for a wake-up which never comes.
//!
//! A notifier can be killed between its change and its wake-up, and so can the participant that a sleeper waits for. So sleepers look
//! by themselves from time to time. One look serves all of them: a sleeper that finds what nobody has told it wakes the others.
//!
//! Looks come one period after another, whatever the number of sleepers. The word says when the last look is due that was booked. A
//! sleeper books the next one, a period later, and sleeps until then; if it is woken before, it gives a period back. With *n*
//! sleepers, each looks once in *n* periods.
//!
//! There are no roles, so there is nothing to hand over:
//!
//! | what happens | until the next look |
//! |---|---|
//! | nothing | one period |
//! | the sleeper whose look comes next leaves, is stopped or killed | one period more |
//! | all sleepers but one leave or are killed | the look of that one comes as it was booked: after *n* periods at most |
//! | all the bookings are of the dead | new sleepers look first by themselves; the bookings end as time passes |
//!
//! Nothing in the words is trusted: whatever they hold, a look comes after [the longest time](Look::most). The clock may be another one
//! than that of the participant that wrote them; then the looks of both come at their own pace.

use core::time::Duration;

use super::block::SUSPECT_SLICES;
use super::eventcount::EventCount;
use crate::object::{Fact, layout};
use crate::platform::{Platform, WaitOutcome};
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::time::Instant;

/// A sleep without a suspect, before any look is booked.
const FIRST_SLEEP: [Duration; 1] = [Duration::from_millis(100)];

/// Bookings that others may spoil in a row. After them, two looks come at the same time.
const ATTEMPTS: u32 = 8;

/// Why a sleeper looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A wake-up may have been lost.
    Idle,
    /// A participant that is in the way may be dead.
    Suspect,
}

impl Look {
    /// The first sleeps of one wait, before it books a look. Most waits end in them, and newcomers look by themselves.
    const fn first(self) -> &'static [Duration] {
        match self {
            Look::Idle => &FIRST_SLEEP,
            Look::Suspect => SUSPECT_SLICES.split_at(SUSPECT_SLICES.len() - 1).0,
        }
    }

    /// The time between two looks.
    pub const fn period(self) -> Duration {
        match self {
            Look::Idle => Duration::from_millis(500),
            Look::Suspect => SUSPECT_SLICES[SUSPECT_SLICES.len() - 1],
        }
    }

    /// The longest time until a look that is booked: 128 periods, or 512 behind a suspect.
    pub const fn most(self) -> Duration {
        match self {
            Look::Idle => Duration::from_millis(128 * 500),
            Look::Suspect => Duration::from_millis(512 * 12),
        }
    }
}

/// The rota of one object. Zero is its initial state.
///
/// The words are hints: they say when sleepers look, and nothing else depends on them.
#[repr(C)]
#[derive(Debug)]
pub struct Rota {
    /// When the last booked look is due, in milliseconds of the clock: of those that search for lost wake-ups.
    idle: AtomicU32,
    /// Of those behind a suspect.
    suspect: AtomicU32,
}

impl Rota {
    /// Without bookings.
    #[allow(clippy::new_without_default, reason = "made in place only")]
    pub fn new() -> Self {
        Rota { idle: AtomicU32::new(0), suspect: AtomicU32::new(0) }
    }

    /// Books the next look. Returns how long it is until then.
    pub fn book(&self, look: Look, now: Instant) -> Duration {
        let mut ahead = 0;
        for _ in 0..ATTEMPTS {
            let booked = self.change(look, now, |last, period, most| {
                ahead = (last + period).min(most);
                ahead
            });
            if booked {
                break;
            }
        }
        Duration::from_millis(ahead.into())
    }

    /// Gives a period back, for a look that was not due yet.
    pub fn give_back(&self, look: Look, now: Instant) {
        for _ in 0..ATTEMPTS {
            if self.change(look, now, |last, period, _| last.saturating_sub(period)) {
                return;
            }
        }
    }

    /// Changes how far the last look is ahead. Whether that was done.
    fn change(&self, look: Look, now: Instant, change: impl FnOnce(u32, u32, u32) -> u32) -> bool {
        let word = match look {
            Look::Idle => &self.idle,
            Look::Suspect => &self.suspect,
        };
        let (now, period, most) = (milliseconds(now), millis(look.period()), millis(look.most()));
        // Relaxed: a hint.
        let seen = word.load(Ordering::Relaxed);
        // One that has passed, or that no look of this kind can be booked for, is none.
        let last = Some(seen.wrapping_sub(now)).filter(|ahead| *ahead <= most).unwrap_or(0);
        let next = now.wrapping_add(change(last, period, most));
        word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The low bits of the time.
fn milliseconds(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

const fn millis(length: Duration) -> u32 {
    length.as_millis() as u32
}

/// An event count and its rota: where the sleepers of one condition sleep.
#[repr(C)]
#[derive(Debug)]
pub struct Gate {
    count: EventCount,
    rota: Rota,
}

crate::sync::assert_layout!(size_of::<Gate>() == 12);

impl Gate {
    /// Where what lies.
    pub(crate) const LAYOUT: [Fact; 2] = [layout!(Gate { count, rota }), layout!(Rota { idle, suspect })];

    /// Without sleepers.
    #[allow(clippy::new_without_default, reason = "made in place only")]
    pub fn new() -> Self {
        Self::with(EventCount::new())
    }

    /// With this event count.
    pub fn with(count: EventCount) -> Self {
        Gate { count, rota: Rota::new() }
    }

    /// For sleepers of the same object that sleep elsewhere.
    pub(crate) fn rota(&self) -> &Rota {
        &self.rota
    }
}

impl core::ops::Deref for Gate {
    type Target = EventCount;

    fn deref(&self) -> &EventCount {
        &self.count
    }
}

/// Where a thread sleeps, and with whom it shares its looks.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub(super) count: &'a EventCount,
    pub(super) rota: Option<&'a Rota>,
    /// Whether it has slept already.
    pub(super) tired: bool,
}

impl<'a> Post<'a> {
    /// At an event count of its own; its looks are shared with others.
    pub(crate) fn of(count: &'a EventCount, rota: &'a Rota) -> Self {
        Post { count, rota: Some(rota), tired: false }
    }

    /// For a wait that goes on after a look.
    pub(crate) fn tired(self, tired: bool) -> Self {
        Post { tired, ..self }
    }
}

impl<'a> From<&'a EventCount> for Post<'a> {
    /// For a condition that one thread waits for at a time.
    fn from(count: &'a EventCount) -> Self {
        Post { count, rota: None, tired: false }
    }
}

impl<'a> From<&'a Gate> for Post<'a> {
    fn from(gate: &'a Gate) -> Self {
        Post::of(&gate.count, &gate.rota)
    }
}

/// The sleeps of one wait.
#[derive(Debug)]
pub(crate) struct Slices<'a> {
    rota: Option<&'a Rota>,
    look: Look,
    /// Sleeps of this kind that lasted their whole time.
    whole: usize,
    booked: Option<Instant>,
}

impl<'a> Slices<'a> {
    pub(crate) fn new(rota: Option<&'a Rota>, tired: bool) -> Self {
        Slices { rota, look: Look::Idle, whole: usize::from(tired), booked: None }
    }

    /// How long to sleep until the next look.
    pub(crate) fn next<P: Platform + ?Sized>(&mut self, platform: &P, look: Look) -> Duration {
        if look != self.look {
            self.end(platform);
            (self.look, self.whole) = (look, 0);
        }
        if let Some(first) = look.first().get(self.whole) {
            return *first;
        }
        let Some(rota) = self.rota else { return look.period() };
        let now = platform.now();
        if let Some(due) = self.booked
            && due > now
        {
            return due.saturating_since(now);
        }
        let left = rota.book(look, now);
        self.booked = Some(now.saturating_add(left));
        left
    }

    /// After a sleep.
    pub(crate) fn slept(&mut self, outcome: WaitOutcome) {
        if outcome == WaitOutcome::TimedOut {
            self.whole = self.whole.saturating_add(1);
        }
    }

    /// The wait is over.
    pub(crate) fn end<P: Platform + ?Sized>(&mut self, platform: &P) {
        if let (Some(rota), Some(due)) = (self.rota, self.booked.take()) {
            let now = platform.now();
            if due > now {
                rota.give_back(self.look, now);
            }
        }
    }
}
