//! Which participants hold a sender half, and which a receiver half.
//!
//! One bit for each participant and role. A participant writes its own bit (join, leave); once it is dead, the processes that have
//! seized it do. The other side loads the bits before it sleeps, and asks the platform about the life of those that are set: as many
//! system calls as there are dead ones, plus one.
//!
//! The bits of a set are its members, but an empty set alone does not mean that its last member left: before anybody ever joined, the
//! other side waits. The sticky bit `SEEN` tells the difference. It is set after the member's bit, so a process that is joining is
//! never taken for one that left.

use crate::participant::{Dead, ParticipantId};
use crate::platform::Use;
use crate::sync::{AtomicU64, Ordering};

/// The words of a set; a participant's number is its bit. Number 0 is nobody's: that bit is `SEEN`.
const WORDS: usize = 16;
const SEEN: u64 = 1;

/// Which end of a queue a half is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It sends.
    Sender,
    /// It receives.
    Receiver,
}

impl Role {
    /// The other end.
    pub const fn other(self) -> Role {
        match self {
            Role::Sender => Role::Receiver,
            Role::Receiver => Role::Sender,
        }
    }

    /// What a platform counts such a half as.
    pub(super) const fn purpose(self) -> Use {
        match self {
            Role::Sender => Use::Sender,
            Role::Receiver => Use::Receiver,
        }
    }
}

/// The set of participants in one role.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Presence {
    words: [AtomicU64; WORDS],
}

fn bit(who: ParticipantId) -> (usize, u64) {
    (usize::from(who.get()) / 64, 1 << (who.get() % 64))
}

impl Presence {
    /// Nobody.
    pub(crate) fn new() -> Self {
        Presence { words: core::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Adds `who`.
    pub(super) fn join(&self, who: ParticipantId) {
        let (word, bit) = bit(who);
        self.words[word].fetch_or(bit, Ordering::Relaxed);
        // Release, with the Acquire in `is_left`: SEEN comes with the bit of the participant that set it.
        self.words[0].fetch_or(SEEN, Ordering::Release);
    }

    /// Removes `who`. What it did before happens before this for a process that finds it gone (Release, with the Acquire in
    /// [`members`](Self::members) and [`is_left`](Self::is_left)).
    pub(super) fn leave(&self, who: ParticipantId) {
        let (word, bit) = bit(who);
        self.words[word].fetch_and(!bit, Ordering::Release);
    }

    /// Removes a dead participant. A second sweeper is harmless: nobody sets the bit while the dead one's number is pinned.
    pub(crate) fn sweep(&self, dead: &Dead) {
        let (word, bit) = bit(dead.who());
        if self.words[word].load(Ordering::Relaxed) & bit != 0 {
            self.leave(dead.who());
        }
    }

    /// Whether anybody ever joined.
    pub(super) fn was_seen(&self) -> bool {
        self.words[0].load(Ordering::Acquire) & SEEN != 0
    }

    /// Whether somebody has joined and nobody is left, without asking who lives. One load while a participant with a small number is
    /// there.
    #[inline(always)]
    pub(crate) fn is_left(&self) -> bool {
        self.words[0].load(Ordering::Acquire) == SEEN && self.members().next().is_none()
    }

    /// The members, from a snapshot of each word. Bits that are no participant's are passed over.
    pub(crate) fn members(&self) -> impl Iterator<Item = ParticipantId> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut bits = word.load(Ordering::Acquire);
            core::iter::from_fn(move || {
                if bits == 0 {
                    return None;
                }
                let number = index as u16 * 64 + bits.trailing_zeros() as u16;
                bits &= bits - 1;
                Some(number)
            })
            .filter_map(ParticipantId::new)
        })
    }
}
