//! The condition variable's word.

use core::time::Duration;

use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::EventCount;

/// A wait ends after this time, notified or not.
pub const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// The word. Zero is nobody.
#[repr(transparent)]
#[derive(Debug)]
pub struct RawCondvar(EventCount);

impl RawCondvar {
    /// A condition variable in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RawCondvar(EventCount::new())
    }

    /// Writes the initial state. The caller has the word to itself.
    #[cfg(not(loom))]
    pub(super) fn initialise(&self) {
        self.0.initialise();
    }

    /// Announces the caller, gives the lock back, and sleeps until notified, until `deadline` or for
    /// [`LONGEST_SLEEP`] at most. `false` if the deadline has passed.
    pub fn wait<P: Platform + ?Sized>(&self, platform: &P, deadline: Option<Instant>, unlock: impl FnOnce()) -> bool {
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
    pub fn notify_one<P: Platform + ?Sized>(&self, platform: &P) {
        self.0.notify(platform, || 1);
    }

    /// Wakes all waiters. A system call only if there are any.
    pub fn notify_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.0.notify_all(platform);
    }
}
