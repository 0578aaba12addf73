//! The line of the sleepers of a lock.
//!
//! The kernel's queue of the lock's word is the line: first in, first out, and a process that dies leaves it. It has lanes:
//!
//! | lane | who sleeps there | for how long |
//! |---|---|---|
//! | new | one that has waited for less than 2 ms | to the end of that |
//! | first, second | the next two, of which each checks from time to time whether the holder is dead, on behalf of all | 2 to 12 ms; up to 24 ms if there are two |
//! | back | the others | until woken |
//! | returned | one that was woken at the back and found two in front | until woken, before those at the back |
//!
//! ```text
//!      2 ms, or three times woken and too late
//! new ---------------------+---------------------> first ---> the lock
//!  |                       |                         ^
//!  | others are before it  +-----> second -----------+  the first has left, and has woken it
//!  v                                 ^
//! back ------------------------------+  there is room in front, and one that left it has woken this one
//! ```
//!
//! The word says how many are in front, that is first or second. While there is one, a call takes the lock only after it has slept for it: an
//! unlock wakes the first. Only the sleeps in front end by themselves, and these two are next anyway: a check for a death costs nobody's place, and two
//! sleepers wake up behind a living holder, however many there are.
//!
//! One that polls instead of sleeping does so in front and while it is new; at the back it sleeps as the others do. It takes a lock that is
//! handed over only as the first, or when a check is due: so it comes before nobody who sleeps in front of it.
//!
//! Short waits see nothing of this: a lock that is held for microseconds is taken by running threads, or by a new sleeper within 2 ms.
//!
//! # Deaths and stops
//!
//! What the word says about the front is advice. The kernel knows who sleeps there:
//!
//! | what happens | what becomes of it |
//! |---|---|
//! | the holder dies | one in front takes over within 24 ms |
//! | one in front dies asleep | the other one checks; an unlock that finds nobody in the first place wakes the one who sleeps longest |
//! | it dies or is stopped after an unlock has woken it | the other one finds a free lock within 24 ms |
//! | an unlock dies before it wakes anybody | the same |
//! | it dies with the lock, before it has woken the next | the second takes over and wakes the next |
//! | one dies that was to move up | the other one checks; the next to leave the front wakes two |
//! | the holder and both in front die at the same time | one at the back checks, after 2 s at the earliest, as does a [sweep](RawMutex::sweep) |
//!
//! The checks of the back are what remains if three die. They cost a place, and they are rare: the rarer, the higher the numbers of the
//! participant and its thread are, so that all of them together are some ten in a second.

use core::time::Duration;

use super::words::{ATTEMPTS, Condition, Intent, LOSSES, RawMutex, mine, owner};
use crate::error::{Fault, Refused};
use crate::participant::NotSeized;
use crate::platform::{Platform, WaitOutcome};
use crate::sync::Ordering;
use crate::time::Instant;
use crate::wait::{Doubt, Sleeper, Vigil};

/// Bits of the word: 0 if nobody sleeps, and else how many are in front, and one.
pub(super) const SLEEPERS: u32 = 0b11 << SHIFT;
const SHIFT: u32 = 30;
/// How many sleep in front: the first and the second.
const FRONT: u32 = 2;

/// How long a sleeper is new.
const NEW: Duration = Duration::from_millis(2);
/// How long the one with the lowest numbers sleeps at the back at a time, and the most and the least of all.
const BACK: Duration = Duration::from_millis(400);
const LONGEST_BACK: Duration = Duration::from_secs(60);
const SHORTEST_BACK: Duration = Duration::from_secs(2);
/// Threads of a process that check at different rates.
const THREADS: u32 = 512;

/// Where a sleeper stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    New,
    First,
    Second,
    /// At the back, after it had left its place there without moving up.
    Returned,
    Back,
}

impl Place {
    /// The kernel's bit set for it.
    const fn lane(self) -> u32 {
        match self {
            Place::New => 1,
            Place::First => 1 << 1,
            Place::Second => 1 << 2,
            Place::Returned => 1 << 3,
            Place::Back => 1 << 4,
        }
    }

    const fn is_in_front(self) -> bool {
        matches!(self, Place::First | Place::Second)
    }

    const fn is_far(self) -> bool {
        matches!(self, Place::Returned | Place::Back)
    }
}

/// A sleeper.
#[derive(Debug)]
struct Stand {
    place: Place,
    /// Whether its last sleep was ended by a wake-up.
    is_called: bool,
}

/// How many the word counts in front.
fn in_front(word: u32) -> u32 {
    (word >> SHIFT).saturating_sub(1)
}

/// Whether the next unlock hands the lock to a sleeper.
pub(super) fn is_handed_over(word: u32) -> bool {
    in_front(word) != 0
}

/// The word with `count` in front.
fn with_front(word: u32, count: u32) -> u32 {
    (word & !SLEEPERS) | ((count + 1) << SHIFT)
}

/// The word as it is when nobody is in front, and somebody may sleep.
pub(super) fn without_front(word: u32) -> u32 {
    if is_handed_over(word) { with_front(word, 0) } else { word }
}

/// The word after one has left the front.
pub(super) fn with_one_less(word: u32) -> u32 {
    with_front(word, in_front(word).saturating_sub(1))
}

/// How long the caller sleeps at the back.
fn back_slice<P: Platform + ?Sized>(platform: &P) -> Duration {
    let rank = u32::from(platform.me().get()) + u32::from(platform.thread()) % THREADS;
    (BACK * rank).clamp(SHORTEST_BACK, LONGEST_BACK)
}

impl RawMutex {
    /// Sleeps until it has the lock.
    pub(super) fn sleep_for<P: Platform + ?Sized>(
        &self,
        word: u32,
        platform: &P,
        intent: Intent,
        deadline: Option<Instant>,
        sleeper: &mut Sleeper,
    ) -> Result<Condition, Refused> {
        let mut stand = Stand { place: Place::New, is_called: false };
        let taken = self.sleep_in_line(word, platform, intent, deadline, sleeper, &mut stand);
        if taken.is_err() && stand.place.is_in_front() {
            self.leave_front();
        }
        // The next ones move up.
        let room = match stand.place {
            Place::First => FRONT - platform.wake_in(&self.word, 1, Place::Second.lane()).min(1),
            Place::New => 0,
            // Nobody was before it.
            _ if taken.is_ok() => FRONT,
            Place::Second => 1,
            // Perhaps it was the one to move up, and does not.
            Place::Back | Place::Returned => u32::from(stand.is_called),
        };
        if room != 0 {
            self.call_from_back(platform, room);
        }
        // Perhaps no check of the holder has been due yet.
        if let Err(Refused::Busy) = taken { self.try_thoroughly(platform, intent) } else { taken }
    }

    fn sleep_in_line<P: Platform + ?Sized>(
        &self,
        mut word: u32,
        platform: &P,
        intent: Intent,
        deadline: Option<Instant>,
        sleeper: &mut Sleeper,
        stand: &mut Stand,
    ) -> Result<Condition, Refused> {
        let mine = mine(platform, intent);
        let begun = platform.now();
        let mut vigil = Vigil::new(platform);
        let mut doubt = Doubt::default();
        let (mut sleeps, mut spoilt) = (0_u32, 0);
        loop {
            if spoilt > ATTEMPTS {
                return Err(Refused::CORRUPTED);
            }
            let may_take = sleeps > 0 || stand.place == Place::First || !is_handed_over(word);
            if owner(word).is_none() && may_take {
                match self.take(word, mine, stand.place.is_in_front()) {
                    Ok(condition) => return Ok(condition),
                    Err(now) => word = now,
                }
                spoilt += 1;
                continue;
            }
            let now = platform.now();
            let is_patient = now.saturating_since(begun) >= NEW;
            let front = in_front(word);
            let step_up = || if front == 0 { Place::First } else { Place::Second };
            let next = match stand.place {
                // Woken by the first, which has left; or it has left without that.
                Place::Second if stand.is_called || front < FRONT => Place::First,
                Place::Returned if front < FRONT => step_up(),
                // Unless another one is before it.
                Place::New
                    if front < FRONT && (is_patient || sleeps >= LOSSES) && self.call_from_back(platform, 1) == 0 =>
                {
                    step_up()
                }
                // Behind a holder: where the lock is free, perhaps no unlock will wake the first.
                Place::New if is_patient && owner(word).is_some() => Place::Back,
                place => place,
            };
            let announced = match next {
                Place::First | Place::Second => {
                    let joins = u32::from(!stand.place.is_in_front());
                    with_front(word, (front + joins).clamp(1, FRONT))
                }
                _ if word & SLEEPERS == 0 => with_front(word, 0),
                _ => word,
            };
            let slice = match next {
                place if place.is_far() => back_slice(platform),
                // They take turns.
                _ => vigil.slice() * in_front(announced).clamp(1, FRONT),
            };
            if next.is_in_front() && stand.place == Place::Returned {
                // The holder has just taken the lock.
                vigil.restart(now);
            }
            let mut timeout = vigil.left(now, slice);
            if let Some(deadline) = deadline {
                let left = deadline.saturating_since(now);
                if left.is_zero() {
                    return Err(Refused::Busy);
                }
                timeout = timeout.min(left);
            }
            if announced != word {
                // Relaxed: it only has to be in the word when the kernel compares it.
                if let Err(now) = self.word.compare_exchange(word, announced, Ordering::Relaxed, Ordering::Relaxed) {
                    word = now;
                    spoilt += 1;
                    continue;
                }
            }
            spoilt = 0;
            stand.place = next;
            let polls = sleeper.stays_awake() && !next.is_far();
            let outcome = if polls {
                sleeper.poll_on(platform, &self.word, announced, timeout)
            } else {
                sleeper.sleep(platform, || platform.wait_in(&self.word, announced, timeout, next.lane()))
            };
            stand.is_called = outcome == WaitOutcome::Woken;
            if outcome != WaitOutcome::Changed {
                sleeps = sleeps.saturating_add(1);
                if next == Place::Back {
                    stand.place = Place::Returned;
                }
            } else if polls {
                // The unlock has not chosen it.
                sleeps = 0;
            }
            word = self.word.load(Ordering::Relaxed);
            if !vigil.is_due(platform, outcome, slice) {
                continue;
            }
            match self.take_over(word, mine, stand.place.is_in_front(), platform) {
                Ok(Ok(condition)) => return Ok(condition),
                Ok(Err(now)) => word = now,
                Err(NotSeized::Unknown) if doubt.lasts(platform) => return Err(Fault::DeathsUnknown.into()),
                Err(NotSeized::Unknown) => continue,
                Err(NotSeized::NotNow) => {}
            }
            doubt = Doubt::default();
        }
    }

    /// Wakes `count` at the back, to move up. Returns how many were woken.
    fn call_from_back<P: Platform + ?Sized>(&self, platform: &P, count: u32) -> u32 {
        let woken = platform.wake_in(&self.word, count, Place::Returned.lane());
        if woken >= count {
            return woken;
        }
        woken + platform.wake_in(&self.word, count - woken, Place::Back.lane())
    }

    /// Takes the caller, who goes without the lock, out of the front's count.
    #[cold]
    fn leave_front(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        // It is advice: a count that stays too high is put right by an unlock.
        for _ in 0..u32::BITS {
            if !is_handed_over(word) {
                return;
            }
            // Relaxed: it orders nothing.
            match self.word.compare_exchange(word, with_one_less(word), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// After an unlock, wakes the first in line. Returns how many were woken.
    pub(super) fn wake_next<P: Platform + ?Sized>(&self, platform: &P, mut free: u32) -> u32 {
        for place in [Place::First, Place::Second] {
            if !is_handed_over(free) {
                break;
            }
            let woken = platform.wake_in(&self.word, 1, place.lane());
            if woken != 0 {
                return woken;
            }
            // It is dead, stopped, or awake: then it finds the lock free.
            let without = with_one_less(free);
            // Relaxed: it orders nothing. If the word has changed, another one sees to it.
            if self.word.compare_exchange(free, without, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                break;
            }
            free = without;
        }
        platform.wake(&self.word, 1)
    }
}
