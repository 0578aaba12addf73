//! The region's own lock, for the creation of objects: it survives the death of its holder.
//!
//! It is the [mutex's](crate::mutex) lock. What it guards is valid at every instruction (an object counts from the one store that publishes
//! it), so a successor has nothing to repair, and its holder's death leaves no mark.

use core::fmt;

use crate::error::{Fault, Refused};
use crate::mutex::{Intent, RawMutex};
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::SpinBudget;

/// The lock. Zero is unlocked.
#[repr(transparent)]
#[derive(Debug)]
pub struct RegionLock(RawMutex);

/// The lock could not be had in time: a living participant holds it (it may be stopped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockBusy {
    /// Who holds it, unless it has just been given back.
    pub holder: Option<ParticipantId>,
    /// Whether that one lives. `false`: the platform cannot tell.
    pub is_alive: bool,
}

impl fmt::Display for LockBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the region's lock is held by ")?;
        match self.holder {
            Some(holder) if self.is_alive => write!(f, "living participant {}", holder.get()),
            Some(holder) => write!(f, "participant {}: {}", holder.get(), Fault::DeathsUnknown),
            None => f.write_str("others"),
        }
    }
}

impl core::error::Error for LockBusy {}

/// Holds the lock; unlocks when dropped.
#[must_use = "the lock is released when this is dropped"]
#[derive(Debug)]
pub struct RegionLockGuard<'l, P: Platform + ?Sized> {
    lock: &'l RegionLock,
    platform: &'l P,
}

impl RegionLock {
    /// An unlocked lock in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RegionLock(RawMutex::new())
    }

    /// Takes the lock, waiting until `deadline` at most. A dead holder's lock is taken over.
    ///
    /// The owner is a process. Threads of one process exclude each other, too.
    ///
    /// # Errors
    ///
    /// [`LockBusy`] with the holder, when the deadline comes.
    pub fn lock_until<'l, P: Platform + ?Sized>(
        &'l self,
        platform: &'l P,
        deadline: Instant,
    ) -> Result<RegionLockGuard<'l, P>, LockBusy> {
        if !self.0.lock_first(platform, Intent::Transaction) {
            self.0.lock_contended(platform, Intent::Transaction, &SpinBudget::new(platform), Some(deadline)).map_err(
                |refused| LockBusy {
                    holder: self.0.owner(),
                    is_alive: refused != Refused::Fault(Fault::DeathsUnknown),
                },
            )?;
        }
        Ok(RegionLockGuard { lock: self, platform })
    }

    /// Frees the lock if the dead participant held it. A second sweeper is harmless.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.0.sweep(dead, platform);
    }
}

impl<P: Platform + ?Sized> Drop for RegionLockGuard<'_, P> {
    fn drop(&mut self) {
        self.lock.0.unlock(self.platform);
    }
}
