//! The condition variable's word.

use core::time::Duration;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::EventCount;

/// A wait ends after this time, notified or not.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// The word. Zero: no waiter.
#[repr(transparent)]
#[derive(Debug)]
pub struct Words(EventCount);

/// Bytes of a condition variable.
pub(super) const BYTES: u64 = (HEADER_BYTES + OBJECT_ALIGN) as u64;
crate::sync::assert_layout!(size_of::<Words>() == 4 && BYTES == 256);

// SAFETY: one atomic, behind the header of every condition variable.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words)];
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
        view.0.rouse(platform);
    }
}

impl Words {
    /// A condition variable without waiters.
    pub(super) fn new() -> Self {
        Words(EventCount::new())
    }

    /// Announces the caller, gives the lock back, and sleeps until notified, until `deadline` or for [`LONGEST_SLEEP`] at most.
    /// `false` if the deadline has passed.
    pub(super) fn wait<P: Platform>(&self, platform: &P, deadline: Option<Instant>, unlock: impl FnOnce()) -> bool {
        let ticket = self.0.prepare(platform);
        unlock();
        let Some(deadline) = deadline else {
            self.0.wait(platform, ticket, LONGEST_SLEEP);
            return true;
        };
        let left = deadline.saturating_since(platform.now());
        if left.is_zero() {
            return false;
        }
        self.0.wait(platform, ticket, left.min(LONGEST_SLEEP));
        !deadline.saturating_since(platform.now()).is_zero()
    }

    /// Wakes one waiter at least, if there are any. A system call only then.
    pub(super) fn notify_one<P: Platform>(&self, platform: &P) {
        self.0.notify(platform, || 1);
    }

    /// Wakes all waiters. A system call only if there are any.
    pub(super) fn notify_all<P: Platform>(&self, platform: &P) {
        self.0.notify_all(platform);
    }
}
