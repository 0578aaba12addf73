//! Where a semaphore's words live.
//!
//! ```text
//!    0   object header                            written once
//!  128   sleepers (event count), many, closing    read by all, written when somebody sleeps or closes
//!  140   reach                                    read by those who look further than at their hint
//!  256   the permits, four bytes each
//! ```

use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::wait::EventCount;

#[cfg(not(loom))]
use crate::memory::Memory;
#[cfg(not(loom))]
use crate::object::{HEADER_BYTES, ShapeError};

use super::word::{self, ABSENT, AVAILABLE, Chain};

/// Nobody has closed it.
pub(super) const OPEN: u32 = 0;
/// Closed; the sleepers may not have been woken yet.
pub(super) const CLOSING: u32 = 1;
/// Closed, and the sleepers were woken.
pub(super) const CLOSED: u32 = 2;

/// The semaphore's words besides its permits.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Control {
    /// Acquirers sleep here.
    pub(super) sleepers: EventCount,
    /// Not 0: somebody may be asleep who wants more than one permit.
    pub(super) many: AtomicU32,
    pub(super) closing: AtomicU32,
    /// From this index on, no permit was ever used.
    pub(super) reach: AtomicU32,
    #[cfg(not(loom))]
    _room: [AtomicU32; 28],
}

/// Bytes from the start of the object to the first permit.
#[cfg(not(loom))]
pub const PERMITS_OFFSET: usize = HEADER_BYTES + size_of::<Control>();

#[cfg(not(loom))]
const _: () = assert!(size_of::<Control>() == 128 && PERMITS_OFFSET == 256);

/// The views that a semaphore works with.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'m> {
    pub(super) control: &'m Control,
    pub(super) permits: &'m [AtomicU32],
}

impl<'m> Parts<'m> {
    /// The parts of a semaphore over these words, one for each permit. `None` if there are none, or too many.
    pub fn new(control: &'m Control, permits: &'m [AtomicU32]) -> Option<Self> {
        (1..=word::MOST_PERMITS as usize).contains(&permits.len()).then_some(Parts { control, permits })
    }

    /// Writes the words of a semaphore with so many permits available. The caller has the memory to itself and publishes
    /// it afterwards.
    pub fn initialise(&self, available: u32) {
        let Control { many, closing, reach, .. } = self.control;
        #[cfg(not(loom))]
        self.control.sleepers.initialise();
        many.store(0, Ordering::Relaxed);
        closing.store(OPEN, Ordering::Relaxed);
        reach.store(available.min(self.max()), Ordering::Relaxed);
        for (at, permit) in self.permits.iter().enumerate() {
            permit.store(if at < available as usize { AVAILABLE } else { ABSENT }, Ordering::Relaxed);
        }
    }

    /// The parts of the semaphore that starts at `memory`'s begin, for a maximum that the caller has validated.
    #[cfg(not(loom))]
    pub(super) fn of(memory: Memory<'m>, max: u32) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(max), found: memory.len() as u64 };
        // SAFETY: Control is made of atomics, and these bytes are never viewed as anything else.
        let control = unsafe { memory.atomics::<Control>(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: as above, for the permits.
        let permits = unsafe { memory.atomics::<AtomicU32>(PERMITS_OFFSET, max as usize) }.ok_or(too_small)?;
        Parts::new(&control[0], permits).ok_or(ShapeError::Capacity { wanted: max.into() })
    }

    pub(super) fn max(&self) -> u32 {
        self.permits.len() as u32
    }

    /// The permits that were ever used.
    pub(super) fn used(&self) -> &'m [AtomicU32] {
        let reach = self.control.reach.load(Ordering::Relaxed) as usize;
        &self.permits[..reach.min(self.permits.len())]
    }

    /// Before a permit with an index below `to` is used for the first time.
    fn extend_reach(&self, to: u32) {
        let reach = &self.control.reach;
        let mut now = reach.load(Ordering::Relaxed);
        while now < to {
            match reach.compare_exchange(now, to, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// Changes the first permit that is `from` to `to`, and says which that was. Looks at the used ones, from `start` on
    /// and around; then at the others up to index `limit`.
    pub(super) fn change_one(&self, from: u32, to: u32, order: Ordering, start: u32, limit: u32) -> Option<u32> {
        let used = self.used().len() as u32;
        let start = if start < used { start } else { 0 };
        (start..used).chain(0..start).chain(used..limit).find(|&at| {
            let permit = &self.permits[at as usize];
            if permit.load(Ordering::Relaxed) != from {
                return false;
            }
            if at >= used {
                self.extend_reach(at + 1);
            }
            permit.compare_exchange(from, to, order, Ordering::Relaxed).is_ok()
        })
    }

    /// Changes all permits of a chain, whose words are `bare` and links, to `to`. How many: fewer than there are if
    /// somebody else has written to them.
    pub(super) fn change_all(&self, chain: Chain, bare: u32, to: u32, order: Ordering) -> u32 {
        let mut at = chain.head;
        for done in 0..chain.len {
            let Some(permit) = self.permits.get(at as usize) else { return done };
            let seen = permit.load(Ordering::Relaxed);
            let (found, before) = word::unlink(seen);
            if found != bare || permit.compare_exchange(seen, to, order, Ordering::Relaxed).is_err() {
                return done;
            }
            at = before;
        }
        chain.len
    }

    /// Wakes sleepers, after `permits` were made available.
    #[inline(always)]
    pub(super) fn notify<P: Platform + ?Sized>(&self, platform: &P, permits: u32) {
        platform.light_barrier();
        // Relaxed: the barrier orders this look after the permit; see `announce_many` for the other half.
        if self.control.many.load(Ordering::Relaxed) != 0 {
            self.notify_many(platform);
        } else {
            self.control.sleepers.notify(platform, move || permits);
        }
    }

    #[cold]
    #[inline(never)]
    fn notify_many<P: Platform + ?Sized>(&self, platform: &P) {
        // Acquire, from the swap in `announce_many`: with the mark, the announcement that came before it. Release and
        // before the bump of the epoch: see the module's page.
        self.control.many.swap(0, Ordering::AcqRel);
        self.control.sleepers.notify_all(platform);
    }

    /// A sleeper that wants more than one permit says so: after `prepare`, before it looks.
    pub(super) fn announce_many<P: Platform + ?Sized>(&self, platform: &P) {
        self.control.many.swap(1, Ordering::AcqRel);
        platform.heavy_barrier();
    }

    /// Whether it is closed. Completes the closing, for the one who closed may be dead.
    #[inline(always)]
    pub(super) fn is_closed<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        match self.control.closing.load(Ordering::Acquire) {
            OPEN => false,
            CLOSING => {
                self.complete_closing(platform);
                true
            }
            _ => true,
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn complete_closing<P: Platform + ?Sized>(&self, platform: &P) {
        self.control.sleepers.notify_all(platform);
        let _ = self.control.closing.compare_exchange(CLOSING, CLOSED, Ordering::Release, Ordering::Relaxed);
    }
}

/// Bytes of a semaphore with this maximum, a multiple of the object alignment.
#[cfg(not(loom))]
pub const fn bytes(max: u32) -> u64 {
    (PERMITS_OFFSET as u64 + max as u64 * 4).next_multiple_of(crate::memory::OBJECT_ALIGN as u64)
}

#[cfg(loom)]
impl Control {
    /// The words of a semaphore in a model.
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Control {
            sleepers: EventCount::new(),
            many: AtomicU32::new(0),
            closing: AtomicU32::new(OPEN),
            reach: AtomicU32::new(0),
        }
    }
}
