//! The handle, and what moves no permit: creating, attaching, looking, closing, repairing.

use crate::participant::{Dead, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::wait::SpinBudget;

#[cfg(not(loom))]
use crate::memory::Memory;
#[cfg(not(loom))]
use crate::object::{self, Field, Kind, ObjectHeader, Shape, ShapeError};

#[cfg(not(loom))]
use super::layout;
use super::layout::{CLOSING, OPEN, Parts};
use super::word::{self, ABSENT, AVAILABLE, Place};

/// A handle of a counting semaphore in shared memory. See the [module](super) for how it works.
///
/// Handles are private and cheap: each process (or thread) has its own, or shares one by reference.
pub struct Semaphore<'m, P> {
    pub(super) parts: Parts<'m>,
    pub(super) platform: P,
    pub(super) me: ParticipantId,
    /// The word of a permit that we hold.
    pub(super) held: u32,
    /// Where the last permit was taken.
    pub(super) hint: AtomicU32,
    /// Where the last one was posted.
    pub(super) post_hint: AtomicU32,
    pub(super) budget: SpinBudget,
}

// Shared memory is not touched.
impl<P> core::fmt::Debug for Semaphore<'_, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Semaphore").field("max", &self.parts.max()).finish_non_exhaustive()
    }
}

#[cfg(not(loom))]
const fn shape(max: u64) -> Shape {
    Shape::of::<u32>(Kind::Semaphore, max, 0)
}

/// The maximum, if there can be such a semaphore.
#[cfg(not(loom))]
fn possible(max: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(max).ok().filter(|max| (1..=word::MOST_PERMITS).contains(max));
    fits.ok_or(ShapeError::Capacity { wanted: max })
}

#[cfg(not(loom))]
impl<'m, P: Platform> Semaphore<'m, P> {
    /// Bytes of memory that a semaphore with this maximum takes.
    ///
    /// # Panics
    ///
    /// If the maximum is 0 or above [`MOST_PERMITS`](super::MOST_PERMITS) (at compile time in a `const`).
    pub const fn required_bytes(max: u32) -> u64 {
        assert!(max >= 1 && max <= word::MOST_PERMITS, "a semaphore has from 1 to 1048575 permits");
        layout::bytes(max)
    }

    /// Lays a semaphore with `permits` available ones, of at most `max`, into `memory`, which the caller has to itself,
    /// and declares it complete. 0 permits are a semaphore that signals.
    pub fn create(memory: Memory<'m>, permits: u32, max: u32, platform: P) -> Result<Self, ShapeError> {
        let max = possible(max.into())?;
        if permits > max {
            return Err(ShapeError::Capacity { wanted: permits.into() });
        }
        let parts = Parts::of(memory, max)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&shape(max.into()), layout::bytes(max));
        parts.initialise(permits);
        header.publish();
        Ok(Self::over(parts, platform))
    }

    /// A handle of the semaphore that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, platform: P) -> Result<Self, ShapeError> {
        Ok(Self::over(Inspector::attach(memory)?.parts, platform))
    }
}

/// What a look at all permits found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// The dead had some, or were about to post some: that is repaired.
    pub(super) repaired: bool,
    /// Others hold some, or are about to post some. They may be dead soon.
    pub(super) owned: bool,
    /// Somebody is in the middle of posting several.
    pub(super) posting: bool,
    /// There are words that no correct peer writes.
    pub(super) corrupted: bool,
}

impl<'m, P: Platform> Semaphore<'m, P> {
    /// A handle over parts that exist already: of a model, or of another handle.
    pub fn over(parts: Parts<'m>, platform: P) -> Self {
        let me = platform.me();
        // Participants begin at different permits.
        let hint = AtomicU32::new(u32::from(me.get() - 1) % (parts.used().len().max(1) as u32));
        let budget = SpinBudget::new(&platform);
        Semaphore { parts, platform, me, held: word::held(me), hint, post_hint: AtomicU32::new(0), budget }
    }

    /// Another handle of the same semaphore.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Semaphore<'m, Q> {
        Semaphore::over(self.parts, platform)
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Permits that can be had. A snapshot: others may acquire and release meanwhile. What the dead hold is not counted
    /// until somebody has taken it back.
    pub fn available(&self) -> u32 {
        self.parts.count(AVAILABLE)
    }

    /// The most permits that there can be at once, those that are held included.
    pub fn max(&self) -> u32 {
        self.parts.max()
    }

    /// Closes the semaphore for everybody, for good: acquirers fail from now on, and sleeping ones are woken. Permits that
    /// are held can be given back, and releases go on to work. `true` if this call did it.
    ///
    /// The closing is one step: a closer that is killed has closed the semaphore or not.
    pub fn close(&self) -> bool {
        // Release: who is told `Closed` sees what we did.
        let first = self.parts.control.closing.compare_exchange(OPEN, CLOSING, Ordering::Release, Ordering::Relaxed);
        self.parts.complete_closing(&self.platform);
        first.is_ok()
    }

    /// Whether the semaphore is closed.
    pub fn is_closed(&self) -> bool {
        self.parts.is_closed(&self.platform)
    }

    /// Repairs what a dead participant has left in this semaphore: its permits are available again, what it had not posted
    /// yet is not. Idempotent.
    pub fn sweep(&self, dead: &Dead) {
        self.parts.sweep(dead, &self.platform);
    }

    /// Looks at all permits, and repairs after owners that are dead: a system call or two for each owner.
    #[cold]
    #[inline(never)]
    pub(super) fn survey(&self) -> Survey {
        const WORDS: usize = ParticipantId::MAX as usize / 64 + 1;
        let mut asked = [0u64; WORDS];
        let mut found = Survey::default();
        for permit in self.parts.used() {
            let owner = match Place::of(permit.load(Ordering::Relaxed)) {
                Place::Absent | Place::Available => continue,
                Place::Nowhere => {
                    found.corrupted = true;
                    continue;
                }
                Place::Held(owner) => owner,
                Place::Posting(owner) => {
                    found.posting = true;
                    owner
                }
            };
            let (word, bit) = (usize::from(owner.get() / 64), 1 << (owner.get() % 64));
            if owner == self.me || asked[word] & bit != 0 {
                continue;
            }
            asked[word] |= bit;
            match Seized::try_new(&self.platform, owner) {
                Some(seized) => {
                    self.sweep(seized.dead());
                    found.repaired = true;
                }
                None => found.owned = true,
            }
        }
        found
    }
}

impl Parts<'_> {
    /// How many permits are in this state. A snapshot of each word, not of all at once.
    pub(super) fn count(&self, state: u32) -> u32 {
        // Acquire: who learns from a count that a permit is back sees what its holder did.
        let used = self.used();
        let unused = if state == ABSENT { self.max() - used.len() as u32 } else { 0 };
        unused + used.iter().filter(|permit| permit.load(Ordering::Acquire) == state).count() as u32
    }

    fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        for permit in self.used() {
            let seen = permit.load(Ordering::Relaxed);
            let to = match Place::of(seen) {
                Place::Held(owner) if owner == dead.who() => AVAILABLE,
                Place::Posting(owner) if owner == dead.who() => ABSENT,
                _ => continue,
            };
            // Release: what the dead one did, which its seizure has shown to us, for the permit's next holder. A failure
            // means that somebody else repairs.
            let _ = permit.compare_exchange(seen, to, Ordering::Release, Ordering::Relaxed);
        }
        self.is_closed(platform);
        // The dead one may also have owed a wake-up.
        self.control.sleepers.notify_all(platform);
    }
}

/// A semaphore for looking at and for repair: no permit is acquired.
#[derive(Clone, Copy, Debug)]
pub struct Inspector<'m> {
    parts: Parts<'m>,
}

impl<'m> Inspector<'m> {
    /// The semaphore in `memory`, after its header has been checked. Only loads, so read-only memory will do.
    #[cfg(not(loom))]
    pub fn attach(memory: Memory<'m>) -> Result<Self, ShapeError> {
        let (found, length) = object::checked(memory, &shape(0))?;
        let max = possible(found.capacity)?;
        let wanted = layout::bytes(max);
        if length != wanted {
            return Err(ShapeError::Differs { field: Field::Length, wanted, found: length });
        }
        Ok(Inspector { parts: Parts::of(memory, max)? })
    }

    /// See [`Semaphore::available`].
    pub fn available(&self) -> u32 {
        self.parts.count(AVAILABLE)
    }

    /// See [`Semaphore::max`].
    pub fn max(&self) -> u32 {
        self.parts.max()
    }

    /// The permits that are held, each with its holder; those of the dead that nobody has taken back are among them.
    pub fn holders(&self) -> impl Iterator<Item = ParticipantId> {
        self.parts.used().iter().filter_map(|permit| match Place::of(permit.load(Ordering::Relaxed)) {
            Place::Held(owner) => Some(owner),
            _ => None,
        })
    }

    /// See [`Semaphore::sweep`].
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.parts.sweep(dead, platform);
    }
}
