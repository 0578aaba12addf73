//! The participant table: one record per participant, for people and tools to read.
//!
//! Who lives is what the kernel says about the lock byte with the same number, and no record. A record says whether its last
//! owner left with everything given back: then the next one has nothing to repair. The epoch counts how often a record was taken.
//!
//! Several participants may repair after the same dead one at once. So that not all that wait behind it do, its record says since when
//! somebody does: a hint, which is respected for [`REPAIR_PATIENCE`] and decides nothing.

use core::time::Duration;

use crate::object::{Fact, layout};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::{Instant, Timestamp};

const FREE: u32 = 0;
const LIVE: u32 = 1;

/// How long a participant that could repair leaves that to another one that has begun: most repairs take microseconds, but this one's
/// process may be stopped.
const REPAIR_PATIENCE: Duration = Duration::from_millis(50);

/// One participant's record in shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct Record {
    state: AtomicU32,
    epoch: AtomicU32,
    pid: AtomicU32,
    _reserved: AtomicU32,
    start_time: AtomicU64,
    joined: AtomicU64,
    clock: AtomicU64,
    /// When the current repair after the record's dead owner began, on the monotonic clock, in nanoseconds; 0 if there is none.
    repair: AtomicU64,
    _room: [AtomicU64; 2],
}

crate::sync::assert_layout!(size_of::<Record>() == 64);

/// A copy of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordInfo {
    /// Whether somebody has joined with this record and not left it. A killed participant stays `true`
    /// until somebody takes the record over.
    pub joined: bool,
    /// How often the record was taken.
    pub epoch: u32,
    /// Process id, in the joiner's own PID namespace: a hint for people.
    pub pid: u32,
    /// The process's start time as the platform counts it; 0 if unknown.
    pub start_time: u64,
    /// When it joined.
    pub joined_at: Timestamp,
}

impl Record {
    /// Where what lies.
    pub(crate) const LAYOUT: Fact =
        layout!(Record { state, epoch, pid, _reserved, start_time, joined, clock, repair, _room });

    /// Takes the record for a new participant. The caller holds the lock byte of this record and has swept
    /// what its predecessor left.
    pub fn join(&self, pid: u32, start_time: u64, now: Timestamp) {
        // Relaxed: diagnostics. The lock byte orders one owner's writes before the next one's.
        let epoch = self.epoch.load(Ordering::Relaxed);
        self.epoch.store(epoch.wrapping_add(1), Ordering::Relaxed);
        self.pid.store(pid, Ordering::Relaxed);
        self.start_time.store(start_time, Ordering::Relaxed);
        self.joined.store(now.at.as_nanos(), Ordering::Relaxed);
        self.clock.store(now.clock, Ordering::Relaxed);
        self.repair.store(0, Ordering::Relaxed);
        // Release, with the Acquire in `info`: who sees LIVE sees the fields.
        self.state.store(LIVE, Ordering::Release);
    }

    /// Gives the record free. The caller still holds the lock byte, and nothing is left to repair: who takes a free record does
    /// not sweep.
    pub fn leave(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    /// Whether somebody has begun to repair after the dead owner a short time ago, and not ended it. For callers that have another
    /// reason to believe so: one that was killed meanwhile leaves the hint.
    pub fn is_in_repair(&self, now: Instant) -> bool {
        // A hint from the future is that of another clock (another time namespace).
        let begun = self.repair.load(Ordering::Relaxed);
        begun != 0 && begun <= now.as_nanos() && now.saturating_since(Instant::from_nanos(begun)) < REPAIR_PATIENCE
    }

    /// Says that the caller begins to repair.
    pub fn begin_repair(&self, now: Instant) {
        self.repair.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Says that a repair is over.
    pub fn end_repair(&self) {
        self.repair.store(0, Ordering::Relaxed);
    }

    /// A copy of the record. The fields may belong to different owners if it changes hands meanwhile.
    pub fn info(&self) -> RecordInfo {
        RecordInfo {
            joined: self.state.load(Ordering::Acquire) == LIVE,
            epoch: self.epoch.load(Ordering::Relaxed),
            pid: self.pid.load(Ordering::Relaxed),
            start_time: self.start_time.load(Ordering::Relaxed),
            joined_at: Timestamp {
                at: Instant::from_nanos(self.joined.load(Ordering::Relaxed)),
                clock: self.clock.load(Ordering::Relaxed),
            },
        }
    }
}
