//! When a receiver that always finds a job searches for dead holders: nobody sleeps then, who would.

use core::time::Duration;

use crate::platform::Platform;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;

/// The time between two looks, of all processes together.
const PERIOD: u32 = 12;
/// Receives that read the clock once, where receives take less than a millisecond.
const BEATS: u32 = 16;

/// The receives of one handle, counted.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Receives until the clock is read.
    left: AtomicU32,
    /// When it was read, in milliseconds.
    read: AtomicU32,
}

impl Pulse {
    /// Counts a receive: whether the caller has to look now. `looked` is when one of all processes did.
    #[inline(always)]
    pub(super) fn is_due<P: Platform + ?Sized>(&self, platform: &P, looked: &AtomicU32) -> bool {
        // Relaxed: hints, here and below.
        let left = self.left.load(Ordering::Relaxed);
        if left != 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            return false;
        }
        self.read_clock(platform, looked)
    }

    #[cold]
    #[inline(never)]
    fn read_clock<P: Platform + ?Sized>(&self, platform: &P, looked: &AtomicU32) -> bool {
        let now = Duration::from_nanos(platform.now().as_nanos()).as_millis() as u32;
        let fast = now == self.read.load(Ordering::Relaxed);
        self.read.store(now, Ordering::Relaxed);
        self.left.store(if fast { BEATS } else { 0 }, Ordering::Relaxed);
        let last = looked.load(Ordering::Relaxed);
        // Of another clock it may lie in the future.
        now.wrapping_sub(last) >= PERIOD
            && looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
