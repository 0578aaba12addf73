//! The holder of an end.

use super::claim::ClaimErrorKind;
use crate::error::Fault;
use crate::participant::{Dead, NotSeized, OwnerBits, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};

const HOLDER: OwnerBits = OwnerBits::LOW;
/// Set once anybody has held the role.
const SEEN: u32 = 1 << 16;
/// Attempts to claim a role that others claim and lose at the same time.
const ATTEMPTS: u32 = crate::sync::bound(64, 3);

/// A role that one participant holds at a time: its number, and whether anybody ever held it. Zero is its initial state.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Role(AtomicU32);

impl Role {
    /// A role that nobody has held.
    pub(super) fn new() -> Self {
        Role(AtomicU32::new(0))
    }

    /// Takes the role for the caller, if no living participant holds it. Never waits; system calls only if somebody holds it.
    pub(super) fn claim<P: Platform + ?Sized>(&self, platform: &P) -> Result<(), ClaimErrorKind> {
        let me = platform.me();
        for _ in 0..ATTEMPTS {
            // Relaxed: the compare-exchange is what counts.
            let seen = self.0.load(Ordering::Relaxed);
            if let Some(holder) = holder(seen) {
                match Seized::try_new(platform, holder) {
                    Ok(seized) => self.sweep(seized.dead()),
                    Err(NotSeized::NotNow) => return Err(ClaimErrorKind::Held { pid: platform.process_id(holder) }),
                    Err(NotSeized::Unknown) => return Err(ClaimErrorKind::Fault(Fault::DeathsUnknown)),
                }
                continue;
            }
            // Acquire, "role": with the last holder's end comes all that it did.
            let mine = SEEN | HOLDER.name32(me);
            if self.0.compare_exchange(seen, mine, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Ok(());
            }
        }
        Err(ClaimErrorKind::Contended)
    }

    /// Gives up the role that `me` holds.
    pub(super) fn release(&self, me: ParticipantId) {
        // Release, "role".
        let mine = SEEN | HOLDER.name32(me);
        let _ = self.0.compare_exchange(mine, SEEN, Ordering::Release, Ordering::Relaxed);
    }

    /// Takes the role from a dead participant, if it holds it. A second sweeper is harmless: the word does not name the dead one again.
    pub(super) fn sweep(&self, dead: &Dead) {
        let held = SEEN | HOLDER.name32(dead.who());
        // AcqRel, "role": hands on what the dead one did, which the seizure has made visible to us.
        let _ = self.0.compare_exchange(held, SEEN, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// The holder, dead or alive.
    pub(super) fn holder(&self) -> Option<ParticipantId> {
        holder(self.0.load(Ordering::Acquire))
    }

    /// Whether the role was held and is free now, without asking whether a holder lives.
    pub(super) fn is_left(&self) -> bool {
        // Acquire, "role": what the last holder did is visible.
        let seen = self.0.load(Ordering::Acquire);
        seen & SEEN != 0 && holder(seen).is_none()
    }

    /// Whether the role was held and no living participant holds it now. Frees it from a dead holder: a system call or two.
    ///
    /// # Errors
    ///
    /// [`Fault::DeathsUnknown`].
    pub(super) fn find_deserted<P: Platform + ?Sized>(&self, platform: &P) -> Result<bool, Fault> {
        if let Some(holder) = self.holder() {
            match Seized::try_new(platform, holder) {
                Ok(seized) => self.sweep(seized.dead()),
                Err(NotSeized::NotNow) => {}
                Err(NotSeized::Unknown) => return Err(Fault::DeathsUnknown),
            }
        }
        Ok(self.is_left())
    }
}

fn holder(word: u32) -> Option<ParticipantId> {
    HOLDER.owner32(word)
}
