//! Time limits of leases: until when a holder that lives may keep its job, and who takes it over then.
//!
//! The essay of [`work`](super) has the protocol, under "Time limits".

use core::time::Duration;

use super::jobs::Taken;
use super::ring::{ATTEMPTS, End};
use super::word::{Job, State};
use super::words::View;
use crate::error::Fault;
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Instant;

/// ```text
/// end    milliseconds (40 bits) | whose (24)
/// ```
const TIME_SHIFT: u32 = 24;
const WHOSE: u64 = (1 << TIME_SHIFT) - 1;
/// Instead of a clock, in the end of a lease that is over.
const NO_CLOCK: u64 = u64::MAX;

/// Until when a lease lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LeaseEnd(u64);

impl LeaseEnd {
    /// Which lease it is of, and on which clock. No two leases of a block have the same word, so a look takes another lease's end for this
    /// one's once in 2^24 of these cases at most; and the step that follows is one from this lease's word.
    fn whose(job: Job, clock: u64) -> u64 {
        // Fibonacci hashing.
        (job.0 ^ clock.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TIME_SHIFT)
    }

    fn at(job: Job, clock: u64, milliseconds: u64) -> Self {
        LeaseEnd(milliseconds << TIME_SHIFT | Self::whose(job, clock))
    }

    /// It is over, on all clocks.
    fn over(job: Job) -> Self {
        Self::at(job, NO_CLOCK, 0)
    }

    fn is_of(self, job: Job, clock: u64) -> bool {
        self.0 & WHOSE == Self::whose(job, clock)
    }

    /// Whether it has passed, modulo 2^40 milliseconds.
    fn has_passed(self, now: Instant) -> bool {
        let now = now.as_nanos() / 1_000_000;
        ((now << TIME_SHIFT).wrapping_sub(self.0 & !WHOSE) as i64) >= 0
    }
}

/// What a search for leases that last too long found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Late {
    /// A job was taken over.
    pub(super) taken: bool,
    /// A job is leased, so that there may be something to take over later.
    pub(super) leased: bool,
}

impl View<'_> {
    fn is_held(&self, taken: Taken) -> bool {
        // Acquire: behind the end of a later lease comes its word.
        self.word(taken.index).is_some_and(|word| word.load(Ordering::Acquire) == taken.word.0)
    }

    fn new_end<P: Platform + ?Sized>(&self, platform: &P, job: Job) -> LeaseEnd {
        let end = platform.now().saturating_add(Duration::from_millis(self.geometry.limit.into()));
        // Rounded up: never too early.
        LeaseEnd::at(job, platform.clock(), end.as_nanos().div_ceil(1_000_000))
    }

    /// Begins the time of a lease, or begins it anew: `false` if the lease is over. For its holder. Lock-free.
    ///
    /// Exact: a lease that is taken over is marked first. So if no mark was there until the compare-exchange, none comes before the
    /// new end.
    pub(super) fn begin_time<P: Platform + ?Sized>(&self, platform: &P, taken: Taken) -> bool {
        let Some(end) = self.ends.get(taken.index) else { return true };
        for _ in 0..ATTEMPTS {
            // Acquire, "ended".
            let seen = LeaseEnd(end.load(Ordering::Acquire));
            // The end of a later lease must not be touched.
            if seen == LeaseEnd::over(taken.word) || !self.is_held(taken) {
                return false;
            }
            let next = self.new_end(platform, taken.word);
            // Release, "ended".
            if end.compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
        false
    }

    /// Whether a lease is over; it is marked so.
    fn is_over<P: Platform + ?Sized>(&self, platform: &P, index: usize, job: Job) -> bool {
        let Some(end) = self.ends.get(index) else { return false };
        // Acquire, "ended".
        let seen = LeaseEnd(end.load(Ordering::Acquire));
        // The end of a later lease must not be touched.
        if !self.is_held(Taken { index, word: job }) {
            return false;
        }
        let over = LeaseEnd::over(job);
        if seen == over {
            return true;
        }
        // Release, "ended".
        let set = |next: LeaseEnd| end.compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if !seen.is_of(job, platform.clock()) {
            // Its holder has not come to set it, or has another clock: the time begins now.
            set(self.new_end(platform, job));
            return false;
        }
        seen.has_passed(platform.now()) && set(over)
    }

    /// Takes over the jobs of holders that have had them for too long, and brings them home.
    pub(super) fn take_over<P: Platform + ?Sized>(&self, platform: &P) -> Late {
        let mut late = Late::default();
        if self.geometry.limit != 0 {
            for (index, job) in self.jobs() {
                if let State::Leased(_) = job.state() {
                    late.leased = true;
                    // An error is that of a faulty peer: others find it, too.
                    late.taken |= self.is_over(platform, index, job) && self.evict(platform, index, job) == Ok(true);
                }
            }
        }
        late
    }

    /// Brings home the job of a holder that lives, in the name of this process: `false` if the holder was first.
    fn evict<P: Platform + ?Sized>(&self, platform: &P, index: usize, job: Job) -> Result<bool, Fault> {
        let State::Leased(from) = job.state() else { return Ok(false) };
        let (which, attempts) = self.after(from, job.attempts());
        let End::At(position, _) = self.ring(which).end()? else { return Err(Fault::Corrupted) };
        let home = job.taken_over(platform.me()).queued(which, attempts, position);
        if self.turn(index, job, home).is_err() {
            return Ok(false);
        }
        self.bring_home(platform, index, home).map(|()| true)
    }
}
