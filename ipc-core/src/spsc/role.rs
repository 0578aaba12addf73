//! Who is the producer, who the consumer.

use core::fmt;

use crate::error::Fault;
use crate::participant::{Dead, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};

const HOLDER: u32 = 0x3ff;
/// Somebody has held the role.
const SEEN: u32 = 1 << 16;
/// Looks at a role that others claim and lose at the same time.
const ATTEMPTS: u32 = if cfg!(loom) { 3 } else { 64 };

/// A role that one participant holds at a time: its number, and whether anybody ever held it. Zero is its initial state.
#[repr(transparent)]
#[derive(Debug)]
pub struct Role(AtomicU32);

/// A role cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// This participant, which lives, holds it (it may be the caller itself).
    Held(ParticipantId),
    /// Others claim and lose it all the time.
    Contended,
    /// The queue cannot be used.
    Fault(Fault),
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimError::Held(who) => write!(f, "participant {} holds this end", who.get()),
            ClaimError::Contended => f.write_str("others claim this end and lose it all the time"),
            ClaimError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for ClaimError {}

impl Role {
    /// A role that nobody has held.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Role(AtomicU32::new(0))
    }

    #[cfg(not(loom))]
    pub(crate) fn initialise(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Takes the role for the caller, if nobody alive holds it. Never waits; system calls only if somebody holds it.
    pub(crate) fn claim<P: Platform + ?Sized>(&self, platform: &P) -> Result<(), ClaimError> {
        let me = platform.me();
        for _ in 0..ATTEMPTS {
            // Relaxed: the compare-exchange is what counts.
            let seen = self.0.load(Ordering::Relaxed);
            if let Some(holder) = holder(seen) {
                match Seized::try_new(platform, holder) {
                    Some(seized) => self.sweep(seized.dead()),
                    None => return Err(ClaimError::Held(holder)),
                }
                continue;
            }
            // Acquire, "role": with the last holder's end comes all that it did.
            let mine = SEEN | u32::from(me.get());
            if self.0.compare_exchange(seen, mine, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Ok(());
            }
        }
        Err(ClaimError::Contended)
    }

    /// Gives the role up.
    pub(crate) fn release(&self, me: ParticipantId) {
        // Release, "role".
        let mine = SEEN | u32::from(me.get());
        let _ = self.0.compare_exchange(mine, SEEN, Ordering::Release, Ordering::Relaxed);
    }

    /// Takes the role from a dead participant, if it holds it.
    pub fn sweep(&self, dead: &Dead) {
        let held = SEEN | u32::from(dead.who().get());
        // AcqRel, "role": hands on what the dead one did, which the seizure has made visible to us.
        let _ = self.0.compare_exchange(held, SEEN, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Who holds it, dead or alive.
    pub fn holder(&self) -> Option<ParticipantId> {
        holder(self.0.load(Ordering::Acquire))
    }

    /// Whether somebody has held it and nobody holds it now, without asking who lives. Acquire: the last holder's deeds are
    /// visible.
    pub(crate) fn is_left(&self) -> bool {
        let seen = self.0.load(Ordering::Acquire);
        seen & SEEN != 0 && holder(seen).is_none()
    }

    /// Whether somebody has held it and nobody alive holds it now. A dead holder is swept on the way: a system call or two.
    pub(crate) fn is_deserted<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        if let Some(holder) = self.holder()
            && let Some(seized) = Seized::try_new(platform, holder)
        {
            self.sweep(seized.dead());
        }
        self.is_left()
    }
}

fn holder(word: u32) -> Option<ParticipantId> {
    ParticipantId::new((word & HOLDER) as u16)
}
