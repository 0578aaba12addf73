//! Waiting for an object that is not there yet.

use crate::platform::Platform;
use crate::time::Limit;
use crate::wait::{Attempt, Gate, SpinBudget, block_until};

/// Where those sleep who wait for an object of the region, whichever it is. Zero is its initial state.
#[repr(transparent)]
#[derive(Debug)]
pub struct Created(Gate);

impl Created {
    /// Without sleepers, in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Created(Gate::new())
    }

    /// Wakes all who wait, after an object was published.
    pub fn announce<P: Platform + ?Sized>(&self, platform: &P) {
        self.0.notify_all(platform);
    }

    /// Wakes all whom a dead creator may not have woken.
    pub fn sweep<P: Platform + ?Sized>(&self, platform: &P) {
        self.0.rouse(platform);
    }

    /// Blocks until `find` finds it, and returns what it found; `None` if the limit is over before.
    pub fn wait<R, P: Platform>(
        &self,
        platform: &P,
        limit: &Limit<P::Deadline>,
        mut find: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        if let Some(found) = find() {
            return Some(found);
        }
        // An object is created once: nothing is gained by polling.
        let budget = SpinBudget::new(platform).spent();
        block_until(platform, &self.0, &budget, limit.deadline(platform), |_| {
            find().map_or(Attempt::NotYet, Attempt::Done)
        })
        .ok()
    }
}
