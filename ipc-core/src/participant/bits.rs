//! Where a shared word names a participant.

use super::id::ParticipantId;

/// The ten bits of a shared word that name a participant: the holder of a lock, the owner of a place. 0 is nobody, and so is a
/// number that no correct peer writes.
///
/// Each word that names somebody is read and written through this. What else is in it is its own business.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnerBits {
    shift: u32,
}

impl OwnerBits {
    const MASK: u32 = 0x3ff;

    /// The lowest bits of a word.
    pub(crate) const LOW: OwnerBits = OwnerBits::from(0);

    /// The bits of a word from this one on.
    pub(crate) const fn from(shift: u32) -> Self {
        OwnerBits { shift }
    }

    /// A 64-bit word of these bits alone.
    pub(crate) const fn mask(self) -> u64 {
        (Self::MASK as u64) << self.shift
    }

    /// A 32-bit word of these bits alone.
    pub(crate) const fn mask32(self) -> u32 {
        Self::MASK << self.shift
    }

    /// Whom a 64-bit word names.
    #[inline(always)]
    pub(crate) const fn owner(self, word: u64) -> Option<ParticipantId> {
        ParticipantId::new((word >> self.shift) as u16 & Self::MASK as u16)
    }

    /// Whom a 32-bit word names.
    #[inline(always)]
    pub(crate) const fn owner32(self, word: u32) -> Option<ParticipantId> {
        self.owner(word as u64)
    }

    /// The bits of a 64-bit word that name `who`.
    #[inline(always)]
    pub(crate) const fn name(self, who: ParticipantId) -> u64 {
        (who.get() as u64) << self.shift
    }

    /// The bits of a 32-bit word that name `who`.
    #[inline(always)]
    pub(crate) const fn name32(self, who: ParticipantId) -> u32 {
        (who.get() as u32) << self.shift
    }
}

const _: () = assert!(OwnerBits::MASK >= ParticipantId::MAX as u32);
