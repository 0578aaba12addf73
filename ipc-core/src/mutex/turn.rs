//! The right to write what one store publishes.

use super::words::{Intent, RawMutex, Refused};
use crate::platform::Platform;
use crate::time::Limit;
use crate::wait::SpinBudget;

/// Holds a lock of writers that publish with one store, so that a writer's death changes nothing. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a, P: Platform> {
    writers: &'a RawMutex,
    platform: &'a P,
}

impl RawMutex {
    /// Takes the writers' lock. Blocks while another thread has it.
    pub(crate) fn turn<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> Result<Turn<'a, P>, Refused> {
        if !self.lock_first(platform, Intent::Transaction) {
            self.lock_contended(platform, Intent::Transaction, budget, limit.deadline(platform))?;
        }
        Ok(Turn { writers: self, platform })
    }

    /// Takes the writers' lock if it is free or its holder is dead.
    pub(crate) fn try_turn<'a, P: Platform>(&'a self, platform: &'a P) -> Result<Turn<'a, P>, Refused> {
        if !self.lock_first(platform, Intent::Transaction) {
            self.try_lock(platform, Intent::Transaction)?;
        }
        Ok(Turn { writers: self, platform })
    }
}

impl<P: Platform> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.writers.unlock(self.platform);
        }
    }
}
