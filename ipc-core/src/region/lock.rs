//! The region's own lock, for the creation of objects: it survives the death of its holder.
//!
//! ```text
//! bit 31       9..0
//!     waiters   owner (a participant), 0 = free
//! ```
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | 0 | the holder, unlocking; a sweeper of a dead holder | a locker: owner |
//! | owner | a locker from 0; one that seized the dead holder | the holder: 0; a waiter: adds the bit |
//! | owner, waiters | as above | as above, and one sleeper is woken |
//!
//! The owner is a process. Threads of one process that share a participant exclude each other too, for the word
//! says "taken" whoever took it. What the lock guards is valid at every instruction (an object counts from the one
//! store that publishes it), so a successor has nothing to repair.

use core::fmt;
use core::time::Duration;

use crate::error::Fault;
use crate::participant::{Dead, NotSeized, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Instant;

const WAITERS: u32 = 1 << 31;
const OWNER: u32 = 0x3ff;
const SLICE: Duration = Duration::from_millis(5);

/// The lock word. Zero is unlocked.
#[repr(transparent)]
#[derive(Debug)]
pub struct RegionLock(AtomicU32);

/// The lock could not be had in time: a living participant holds it (it may be stopped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockBusy {
    /// Who holds it.
    pub holder: ParticipantId,
    /// Whether that one lives. `false`: the platform cannot tell.
    pub is_alive: bool,
}

impl fmt::Display for LockBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = self.holder.get();
        if self.is_alive {
            write!(f, "the region's lock is held by living participant {holder}")
        } else {
            write!(f, "the region's lock is held by participant {holder}: {}", Fault::DeathsUnknown)
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
        RegionLock(AtomicU32::new(0))
    }

    /// Takes the lock, waiting until `deadline` at most. A dead holder's lock is taken over.
    pub fn lock_until<'l, P: Platform + ?Sized>(
        &'l self,
        platform: &'l P,
        deadline: Instant,
    ) -> Result<RegionLockGuard<'l, P>, LockBusy> {
        let mine = u32::from(platform.me().get());
        // Acquire, with the Release in `unlock`: what the last holder did.
        let mut word = match self.0.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Ok(RegionLockGuard { lock: self, platform }),
            Err(word) => word,
        };
        loop {
            // Nobody: 0, or a number that no correct peer writes.
            let Some(holder) = ParticipantId::new((word & OWNER) as u16) else {
                // Keep the bit: others may sleep, and we may have been woken in their place.
                match self.0.compare_exchange(word, mine | WAITERS, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Ok(RegionLockGuard { lock: self, platform }),
                    Err(now) => word = now,
                }
                continue;
            };
            let seized = Seized::try_new(platform, holder);
            let is_alive = !matches!(seized, Err(NotSeized::Unknown));
            if let Ok(seized) = seized {
                // Acquire through the seizure: everything that the dead holder did.
                let taken = self.0.compare_exchange(word, mine | WAITERS, Ordering::Acquire, Ordering::Relaxed);
                drop(seized);
                match taken {
                    Ok(_) => return Ok(RegionLockGuard { lock: self, platform }),
                    Err(now) => word = now,
                }
                continue;
            }
            if platform.now() >= deadline {
                return Err(LockBusy { holder, is_alive });
            }
            if word & WAITERS == 0 {
                match self.0.compare_exchange(word, word | WAITERS, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => word |= WAITERS,
                    Err(now) => {
                        word = now;
                        continue;
                    }
                }
            }
            platform.wait(&self.0, word, SLICE);
            word = self.0.load(Ordering::Relaxed);
        }
    }

    /// Frees the lock if the dead participant held it. A second sweeper is harmless: the word names the dead one until it is changed, and
    /// never again.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let mut word = self.0.load(Ordering::Relaxed);
        // It must not stay: the number will be a living participant's one day. The others can only add their bit, or take the lock over.
        for _ in 0..u32::BITS {
            if word & OWNER != u32::from(dead.who().get()) {
                return;
            }
            // Release, with the Acquire of the next locker: what the dead one did, which its seizure has shown to us.
            match self.0.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 {
            platform.wake(&self.0, 1);
        }
    }
}

impl<P: Platform + ?Sized> Drop for RegionLockGuard<'_, P> {
    fn drop(&mut self) {
        // Release, with the Acquire of the next locker.
        if self.lock.0.swap(0, Ordering::Release) & WAITERS != 0 {
            self.platform.wake(&self.lock.0, 1);
        }
    }
}
