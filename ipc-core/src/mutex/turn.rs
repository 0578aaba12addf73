//! The right to write what one store publishes.

use super::words::{Condition, Intent, RawMutex, mine};
use crate::error::Refused;
use crate::platform::Platform;
use crate::sync::{Ordering, spin_hint};
use crate::time::{Limit, Waits};
use crate::wait::{SpinBudget, let_finish};

/// Polls of a lock that another thread holds, by a caller that does not wait: about the time of a copy.
const POLLS: u32 = crate::sync::bound(64, 1);

/// Holds a lock of writers that publish with one store, so that a writer's death changes nothing. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a, P: Platform> {
    writers: &'a RawMutex,
    platform: &'a P,
}

impl RawMutex {
    /// Takes the writers' lock. Blocks while another thread has it.
    #[inline(always)]
    pub(crate) fn turn<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> Result<Turn<'a, P>, Refused> {
        self.turn_within(platform, budget, &mut limit.over_all_waits())
    }

    /// [`turn`](Self::turn) for a call that may wait for something else, too.
    #[inline(always)]
    pub(crate) fn turn_within<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        waits: &mut Waits<'_, P::Deadline>,
    ) -> Result<Turn<'a, P>, Refused> {
        if !self.lock_first(platform, Intent::Transaction) {
            self.turn_contended(platform, budget, waits)?;
        }
        Ok(Turn { writers: self, platform })
    }

    #[cold]
    #[inline(never)]
    fn turn_contended<P: Platform>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        waits: &mut Waits<'_, P::Deadline>,
    ) -> Result<(), Refused> {
        self.lock_contended(platform, Intent::Transaction, budget, waits.deadline(platform)).map(drop)
    }

    /// Takes the writers' lock if it is free or its holder is dead.
    pub(crate) fn try_turn<'a, P: Platform>(&'a self, platform: &'a P) -> Result<Turn<'a, P>, Refused> {
        if !self.lock_first(platform, Intent::Transaction) {
            self.try_lock(platform, Intent::Transaction)?;
        }
        Ok(Turn { writers: self, platform })
    }

    /// [`try_turn`](Self::try_turn) that lets a living holder finish its copy, as [`lock_patiently`](Self::lock_patiently) does.
    #[inline]
    pub(crate) fn patient_turn<'a, P: Platform>(&'a self, platform: &'a P) -> Result<Turn<'a, P>, Refused> {
        if !self.lock_first(platform, Intent::Transaction) {
            self.lock_patiently(platform)?;
        }
        Ok(Turn { writers: self, platform })
    }

    /// Takes the lock of a side whose holders copy, for a caller that does not wait: polls for the time of a copy, and lets a living
    /// holder that needs longer run for up to a millisecond.
    #[cold]
    #[inline(never)]
    pub(crate) fn lock_patiently<P: Platform + ?Sized>(&self, platform: &P) -> Result<Condition, Refused> {
        let mine = mine(platform, Intent::Transaction);
        // Relaxed: what `take_if_free` compares again.
        let look = || self.take_if_free(self.word.load(Ordering::Relaxed), mine);
        for _ in 0..POLLS {
            spin_hint();
            if let Some(condition) = look() {
                return Ok(condition);
            }
        }
        match self.try_lock(platform, Intent::Transaction) {
            // What this thread holds it does not give back meanwhile: it is in a signal handler.
            Err(Refused::Busy) if !self.is_held_here(platform) => let_finish(platform, look).ok_or(Refused::Busy),
            taken => taken,
        }
    }
}

impl<P: Platform> Turn<'_, P> {
    /// Gives it back, of a holder that has asked before whether it is a forked child's.
    #[inline]
    pub(crate) fn give_back(self) {
        self.writers.unlock(self.platform);
        core::mem::forget(self);
    }
}

impl<P: Platform> Drop for Turn<'_, P> {
    #[inline]
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.writers.unlock(self.platform);
        }
    }
}
