//! The event's word, and how it changes.

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::{Platform, WaitOutcome};
use crate::sync::{AtomicU32, Ordering};
use crate::time::{Instant, Limit};
use crate::wait::policy::Pace;
use crate::wait::{Look, Rota, Sleeper, Slices, SpinBudget};

const SET: u32 = 0b01;
const WAITERS: u32 = 0b10;
const ONE_GENERATION: u32 = 0b100;
const EVERYBODY: u32 = i32::MAX as u32;

/// What becomes of the flag when a waiter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It stays until somebody clears it; everybody who waits goes.
    Manual,
    /// The waiter takes it along; one goes for each `set`.
    Auto,
}

impl Reset {
    /// The number in the binary layout.
    pub(super) const fn number(self) -> u64 {
        match self {
            Reset::Manual => 1,
            Reset::Auto => 2,
        }
    }
}

/// The names of the ways to reset, by number.
pub(crate) fn name(number: u64) -> Option<&'static str> {
    match number {
        1 => Some("manual"),
        2 => Some("automatic"),
        _ => None,
    }
}

/// The word, zero is clear; and when its sleepers check it by themselves, for a setter may have been killed before its wake-up.
#[repr(C)]
#[derive(Debug)]
pub struct Words {
    word: AtomicU32,
    rota: Rota,
}

/// Bytes of an event.
pub(super) const BYTES: u64 = (HEADER_BYTES + OBJECT_ALIGN) as u64;
crate::sync::assert_layout!(size_of::<Words>() == 12 && BYTES == 256);

// SAFETY: atomics, behind the header of every event.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words { word, rota })];
    const CAPACITY: Field = Field::Reset;
    type Geometry = ();
    type View<'m> = &'m Words;

    unsafe fn geometry(_: Memory<'_>, _: &Shape, _: u64) -> Result<(), ShapeError> {
        Ok(())
    }

    fn bytes((): &()) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, (): &()) -> Result<&'m Words, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: BYTES, found: memory.len() as u64 };
        // SAFETY: see above.
        unsafe { memory.atomics(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }

    fn sweep<P: Platform + ?Sized>(view: &Words, _: &Dead, platform: &P) {
        platform.wake(&view.word, EVERYBODY);
    }
}

fn generation(word: u32) -> u32 {
    word / ONE_GENERATION
}

impl Words {
    /// A clear or set event.
    pub(super) fn new(set: bool) -> Self {
        Words { word: AtomicU32::new(u32::from(set)), rota: Rota::new() }
    }

    /// Sets the flag; `true` if it was clear. Lock-free. A system call only if somebody sleeps.
    pub(super) fn set<P: Platform + ?Sized>(&self, platform: &P, reset: Reset) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & SET != 0 {
                // A read-modify-write that changes nothing: the process that takes the flag later sees what we did, too.
                match self.word.compare_exchange(word, word, Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => return false,
                    Err(now) => {
                        word = now;
                        continue;
                    }
                }
            }
            let kept = match reset {
                Reset::Manual => 0,
                Reset::Auto => word & WAITERS,
            };
            let set = ((word & !(SET | WAITERS)).wrapping_add(ONE_GENERATION)) | SET | kept;
            match self.word.compare_exchange(word, set, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    if word & WAITERS != 0 {
                        self.wake(platform, reset, set);
                    }
                    return true;
                }
                Err(now) => word = now,
            }
        }
    }

    #[cold]
    fn wake<P: Platform + ?Sized>(&self, platform: &P, reset: Reset, set: u32) {
        match reset {
            Reset::Manual => {
                platform.wake(&self.word, EVERYBODY);
            }
            Reset::Auto => {
                if platform.wake(&self.word, 1) == 0 {
                    // Nobody sleeps. A waiter that is about to has seen a clear flag, and the kernel will find another word.
                    let _ = self.word.compare_exchange(set, set & !WAITERS, Ordering::Release, Ordering::Relaxed);
                }
            }
        }
    }

    /// Clears the flag; `true` if it was set.
    pub(super) fn clear(&self) -> bool {
        self.word.fetch_and(!SET, Ordering::Release) & SET != 0
    }

    /// Whether the flag is set. One load.
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Whether somebody sleeps, or is about to. A hint: that waiter may have given up or died meanwhile.
    pub(super) fn is_awaited(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WAITERS != 0
    }

    /// Goes if the flag is set (and takes it along, if it resets itself).
    pub(super) fn try_wait(&self, reset: Reset) -> bool {
        match reset {
            Reset::Manual => self.is_set(),
            Reset::Auto => {
                let mut word = self.word.load(Ordering::Relaxed);
                while word & SET != 0 {
                    match self.word.compare_exchange(word, word & !SET, Ordering::Acquire, Ordering::Relaxed) {
                        Ok(_) => return true,
                        Err(now) => word = now,
                    }
                }
                false
            }
        }
    }

    /// Waits until the flag is set, as long as `limit` says. `false` is the time-out. A flag that is set wins over a deadline that
    /// has passed.
    pub(super) fn wait<P: Platform + ?Sized>(
        &self,
        platform: &P,
        reset: Reset,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        let begun = generation(word);
        let is_over = |word| self.try_wait(reset) || (reset == Reset::Manual && generation(word) != begun);
        if is_over(word) {
            return true;
        }
        let deadline = limit.deadline(platform);
        let polled = budget.before_sleep(platform, deadline, Pace::MESSAGE, |_| {
            word = self.word.load(Ordering::Acquire);
            is_over(word).then_some(())
        });
        let Err(mut sleeper) = polled else { return true };
        let mut slices = Slices::new(Some(&self.rota), false);
        let is_set = self.sleep_until(platform, deadline, word, is_over, &mut sleeper, &mut slices);
        slices.end(platform);
        budget.over(platform, sleeper, is_set);
        is_set
    }

    fn sleep_until<P: Platform + ?Sized>(
        &self,
        platform: &P,
        deadline: Option<Instant>,
        mut word: u32,
        is_over: impl Fn(u32) -> bool,
        sleeper: &mut Sleeper,
        slices: &mut Slices<'_>,
    ) -> bool {
        let mut outcome = WaitOutcome::Changed;
        loop {
            if is_over(word) {
                if outcome == WaitOutcome::TimedOut {
                    // Nobody has told it. So it may be with the others, too.
                    platform.wake(&self.word, EVERYBODY);
                }
                return true;
            }
            // `word` may be older than that look: then the kernel (or the compare-exchange) finds another.
            if word & SET != 0 {
                word = self.word.load(Ordering::Acquire);
                continue;
            }
            let slice = slices.next(platform, Look::Idle);
            let slice = match deadline {
                None => slice,
                Some(deadline) => {
                    let left = deadline.saturating_since(platform.now());
                    if left.is_zero() {
                        return false;
                    }
                    slice.min(left)
                }
            };
            if word & WAITERS == 0 {
                // Relaxed: it only has to be in the word when the kernel compares it.
                let announced = self.word.compare_exchange(word, word | WAITERS, Ordering::Relaxed, Ordering::Acquire);
                if let Err(now) = announced {
                    word = now;
                    continue;
                }
            }
            outcome = sleeper.sleep_on(platform, &self.word, word | WAITERS, slice);
            slices.slept(outcome);
            word = self.word.load(Ordering::Acquire);
        }
    }
}
