//! Identities, and the proof that somebody is dead.

use crate::error::Fault;
use crate::platform::Platform;

/// One participant of a region: a number from 1 to [`ParticipantId::MAX`] that fits the ten owner bits of
/// every shared word. 0 means "nobody" in those bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(u16);

impl ParticipantId {
    /// The largest identity, and so the number of participants that a region can have at once.
    pub const MAX: u16 = 1022;

    /// The identity with this number; `None` for 0 and for anything above [`MAX`](Self::MAX).
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 1 && number <= Self::MAX { Some(ParticipantId(number)) } else { None }
    }

    /// The identity whose record has this index in the participant table.
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < Self::MAX as usize { Some(ParticipantId(index as u16 + 1)) } else { None }
    }

    /// The number, from 1 to [`MAX`](Self::MAX).
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The index of this participant's record in the table.
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }
}

/// Says that a participant can make no further step while the value lives: the licence to repair after it.
///
/// Repair needs such a proof because a participant that is merely stopped may still write.
#[derive(Debug)]
pub struct Dead {
    who: ParticipantId,
}

impl Dead {
    /// Claims that `who` makes no step while the result lives, on the caller's own evidence: a participant
    /// that joins has pinned the lock byte of its future record, so the record's last owner is gone.
    ///
    /// # Safety
    ///
    /// The claim is true: the last step of `who` happens-before this call. Otherwise a lock that it holds is taken from it while it
    /// uses the reference that the lock gave it.
    pub const unsafe fn on_evidence(who: ParticipantId) -> Self {
        Dead { who }
    }

    /// Who is dead.
    pub const fn who(&self) -> ParticipantId {
        self.who
    }
}

/// Why a participant was not [seized](Seized).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSeized {
    /// It lives, or the caller leaves the repair to another one that has begun.
    NotNow,
    /// The platform cannot tell whether it lives, or not seize it: the system refuses.
    Unknown,
}

/// What came of asking after several participants.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Findings {
    /// One was dead.
    pub(crate) dead: bool,
    /// One lives, or another participant repairs after it.
    pub(crate) alive: bool,
    /// Of one the platform could not tell.
    pub(crate) unknown: bool,
}

impl Findings {
    /// Asks after `who`, and repairs after it if it is dead, unless another participant has just begun to.
    pub(crate) fn ask<P: Platform + ?Sized>(&mut self, platform: &P, who: ParticipantId, repair: impl FnOnce(&Dead)) {
        match Seized::to_repair(platform, who) {
            Ok(seized) => {
                repair(seized.dead());
                self.dead = true;
            }
            Err(NotSeized::NotNow) => self.alive = true,
            Err(NotSeized::Unknown) => self.unknown = true,
        }
    }

    /// Whether one was dead.
    ///
    /// # Errors
    ///
    /// None was, as far as the platform could tell, and it could not tell of all.
    pub(crate) fn found(self) -> Result<bool, Fault> {
        if self.unknown && !self.dead { Err(Fault::DeathsUnknown) } else { Ok(self.dead) }
    }
}

/// A participant that was verified dead and whose number is pinned: nobody can take it until this guard drops.
///
/// Others may have pinned it at the same time and repair, too. While it is pinned, its number is nobody else's: a word that names it
/// names the dead one, and once the word has changed it never names it again. So a repair that changes such words by compare-exchange
/// is harmless beside another one, however late it goes on.
#[must_use = "dropping it gives the number free again"]
pub struct Seized<'p, P: Platform + ?Sized> {
    platform: &'p P,
    dead: Dead,
}

impl<'p, P: Platform + ?Sized> Seized<'p, P> {
    /// Seizes `who` if it is dead. Never waits; one or two system calls on POSIX.
    ///
    /// # Errors
    ///
    /// [`NotNow`](NotSeized::NotNow), also if it is the caller itself; [`Unknown`](NotSeized::Unknown).
    pub fn try_new(platform: &'p P, who: ParticipantId) -> Result<Self, NotSeized> {
        if who == platform.me() {
            return Err(NotSeized::NotNow);
        }
        platform.seize(who).map(|()| Seized { platform, dead: Dead { who } })
    }

    /// Seizes `who` if it is dead and no other participant has just begun to repair after it: for repairs that are much work, so that
    /// not all that wait behind a dead one do it at once.
    ///
    /// # Errors
    ///
    /// As for [`try_new`](Self::try_new). The caller may ask again: an unfinished repair of another one is respected for a short time.
    pub fn to_repair(platform: &'p P, who: ParticipantId) -> Result<Self, NotSeized> {
        if who == platform.me() {
            return Err(NotSeized::NotNow);
        }
        platform.seize_to_repair(who).map(|()| Seized { platform, dead: Dead { who } })
    }

    /// The proof to hand to repair functions.
    pub fn dead(&self) -> &Dead {
        &self.dead
    }
}

impl<P: Platform + ?Sized> Drop for Seized<'_, P> {
    fn drop(&mut self) {
        self.platform.unseize(self.dead.who);
    }
}
