//! The semaphore's words, and where they lie.
//!
//! ```text
//!    0   object header                            written once
//!  128   sleepers (gate), many, closing           read by all, written when somebody sleeps or closes
//!  148   reach                                    read by those who look further than at their hint
//!  256   turns: a counter of tickets, the seats   used by those who have waited for long
//!  640   the permits, four bytes each
//! ```

use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering, fence};
use crate::wait::Gate;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};

use super::turns::{Seen, Turns};
use super::word::{self, ABSENT, AVAILABLE, Chain, Place};

/// Nobody has closed it.
pub(super) const OPEN: u32 = 0;
/// Closed; the sleepers may not have been woken yet.
pub(super) const CLOSING: u32 = 1;
/// Closed, and the sleepers were woken.
pub(super) const CLOSED: u32 = 2;
/// Nobody has closed it, and permits are for those who have a seat.
pub(super) const PRESSED: u32 = 3;

/// The semaphore's words besides its permits.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    /// Acquirers sleep here.
    pub(super) sleepers: Gate,
    /// Not 0: somebody may be asleep who wants more than one permit.
    pub(super) many: AtomicU32,
    pub(super) closing: AtomicU32,
    /// From this index on, no permit was ever used.
    pub(super) reach: AtomicU32,
    pub(super) turns: Turns,
}

/// Bytes from the start of the object to the first permit.
pub const PERMITS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();

crate::sync::assert_layout!(size_of::<Words>() == 512 && PERMITS_OFFSET == 640);

/// A semaphore in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    pub(super) permits: &'m [AtomicU32],
}

/// The maximum, if there can be such a semaphore.
pub(super) fn possible(max: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(max).ok().filter(|max| (1..=word::MOST_PERMITS).contains(max));
    fits.ok_or(ShapeError::Capacity { wanted: max })
}

/// Bytes of a semaphore with this maximum, a multiple of the object alignment.
pub(super) const fn bytes(max: u32) -> u64 {
    (PERMITS_OFFSET as u64 + max as u64 * size_of::<AtomicU32>() as u64).next_multiple_of(OBJECT_ALIGN as u64)
}

// SAFETY: atomics behind the header of every semaphore.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { sleepers, many, closing, reach, turns }),
        Turns::LAYOUT[0],
        Turns::LAYOUT[1],
        Fact::number("permits", PERMITS_OFFSET),
    ];
    type Geometry = u32;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<u32, ShapeError> {
        possible(shape.capacity)
    }

    fn bytes(max: &u32) -> u64 {
        bytes(*max)
    }

    unsafe fn view<'m>(memory: Memory<'m>, max: &u32) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(*max), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let permits = unsafe { memory.atomics(PERMITS_OFFSET, *max as usize) }.ok_or(too_small)?;
        Ok(View { words: &words[0], permits })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }

    fn holds(view: View<'_>, who: ParticipantId) -> bool {
        // Relaxed: the caller's own writes.
        let has_permit = view.used().iter().any(|permit| match Place::of(permit.load(Ordering::Relaxed)) {
            Place::Held(owner) | Place::Posting(owner) => owner == who,
            _ => false,
        });
        has_permit || view.words.turns.holds(who)
    }
}

impl<'m> View<'m> {
    /// Writes the words of a semaphore with this many permits available, of at most `max`.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, permits: u32, max: u32) -> Result<(), ShapeError> {
        let words = |_| Words {
            sleepers: Gate::new(),
            many: AtomicU32::new(0),
            closing: AtomicU32::new(OPEN),
            reach: AtomicU32::new(permits.min(max)),
            turns: Turns::new(),
        };
        let permit = |at| AtomicU32::new(if at < permits as usize { AVAILABLE } else { ABSENT });
        // SAFETY: the caller's promise.
        unsafe {
            memory.place(HEADER_BYTES, 1, words).ok_or(ShapeError::Missing)?;
            memory.place(PERMITS_OFFSET, max as usize, permit).ok_or(ShapeError::Missing)?;
        }
        Ok(())
    }

    pub(super) fn max(&self) -> u32 {
        self.permits.len() as u32
    }

    /// The permits that were ever used.
    pub(super) fn used(&self) -> &'m [AtomicU32] {
        let reach = self.words.reach.load(Ordering::Relaxed) as usize;
        &self.permits[..reach.min(self.permits.len())]
    }

    /// Before a permit with an index below `to` is used for the first time.
    fn extend_reach(&self, to: u32) {
        let reach = &self.words.reach;
        let mut now = reach.load(Ordering::Relaxed);
        while now < to {
            match reach.compare_exchange(now, to, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// The permits in the order in which they are checked, each once: the used ones, from `start` on and around; then the others up
    /// to index `limit`.
    pub(super) fn round(&self, start: u32, limit: u32) -> impl Iterator<Item = u32> + use<> {
        let used = self.used().len() as u32;
        let start = if start < used { start } else { 0 };
        (start..used).chain(0..start).chain(used..limit)
    }

    /// Changes the next permit of the round that is `from` to `to`, and says which that was.
    pub(super) fn change_next(
        &self,
        round: &mut impl Iterator<Item = u32>,
        from: u32,
        to: u32,
        order: Ordering,
    ) -> Option<u32> {
        round.find(|&at| {
            let permit = &self.permits[at as usize];
            if permit.load(Ordering::Relaxed) != from {
                return false;
            }
            self.extend_reach(at + 1);
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
        // Relaxed: the barrier orders this check after the permit; see `announce_many` for the other half.
        if self.words.many.load(Ordering::Relaxed) != 0 {
            self.notify_many(platform);
        } else {
            self.words.sleepers.notify(platform, move || permits);
        }
    }

    #[cold]
    #[inline(never)]
    fn notify_many<P: Platform + ?Sized>(&self, platform: &P) {
        // Acquire, from the swap in `announce_many`: with the mark, the announcement that came before it. Release and
        // before the bump of the epoch: see the module's page.
        self.words.many.swap(0, Ordering::AcqRel);
        // The permit before the check of the seats; with the fence of the one who sits down, leaves or is passed.
        fence(Ordering::SeqCst);
        // The others are woken when nobody has a seat any more.
        match self.words.turns.front() {
            [Some(first), second] => {
                self.words.turns.call(first, platform);
                // It sees to it that the first one takes the permits, which may be dead or stopped.
                if let Some(second) = second {
                    self.words.turns.call(second, platform);
                }
            }
            [None, _] => self.words.sleepers.notify_all(platform),
        }
    }

    /// A sleeper that wants more than one permit says so, or the first in line: after `prepare`, before it looks.
    pub(super) fn announce_many<P: Platform + ?Sized>(&self, platform: &P) {
        self.words.many.swap(1, Ordering::AcqRel);
        platform.heavy_barrier();
    }

    /// Reserves the permits for those who have a seat, unless it is closed.
    pub(super) fn press(&self) {
        // Relaxed: it passes nothing on. A load first, for it mostly is.
        if self.words.closing.load(Ordering::Relaxed) == OPEN {
            let _ = self.words.closing.compare_exchange(OPEN, PRESSED, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The first in line, if the permits are for those who have a seat. If that is said and nobody has one (any more, for the last
    /// one may have died or been passed), this takes it back.
    pub(super) fn pressed_by<P: Platform + ?Sized>(&self, platform: &P) -> Option<Seen> {
        if self.words.closing.load(Ordering::Relaxed) != PRESSED {
            return None;
        }
        let first = self.words.turns.first();
        if first.is_none() {
            self.pass_turn(platform);
        }
        first
    }

    /// After a seat became free: wakes the first in line, or, if nobody is left, lets everybody at the permits.
    #[cold]
    pub(super) fn pass_turn<P: Platform + ?Sized>(&self, platform: &P) {
        // The free seat before the looks; with the fence of `notify_many`, and of the one who sits down.
        fence(Ordering::SeqCst);
        if let Some(first) = self.words.turns.first() {
            self.words.turns.call(first, platform);
            return;
        }
        let closing = &self.words.closing;
        if closing.compare_exchange(PRESSED, OPEN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            // Somebody may have sat down meanwhile, and found it pressed.
            fence(Ordering::SeqCst);
            if self.words.turns.first().is_some() {
                self.press();
            }
        }
        self.words.sleepers.notify_all(platform);
    }

    /// Whether it is closed. Completes the closing, for the one who closed may be dead.
    #[inline(always)]
    pub(super) fn is_closed<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        match self.words.closing.load(Ordering::Acquire) {
            OPEN | PRESSED => false,
            CLOSING => {
                self.complete_closing(platform);
                true
            }
            _ => true,
        }
    }

    /// Closes it, in one step. Whether it was open.
    pub(super) fn close(&self) -> bool {
        let open = |word| matches!(word, OPEN | PRESSED);
        // Release: who is told `Closed` sees what we did. If another one closes it at the same time, this says once more that
        // the sleepers have to be woken.
        open(self.words.closing.load(Ordering::Relaxed)) && open(self.words.closing.swap(CLOSING, Ordering::Release))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn complete_closing<P: Platform + ?Sized>(&self, platform: &P) {
        // The closing before the check of the seats; with the fence of the one who sits down.
        fence(Ordering::SeqCst);
        self.words.turns.call_all(platform);
        self.words.sleepers.notify_all(platform);
        let _ = self.words.closing.compare_exchange(CLOSING, CLOSED, Ordering::Release, Ordering::Relaxed);
    }

    /// How many permits are in this state. A snapshot of each word, not of all at once.
    pub(super) fn count(&self, state: u32) -> u32 {
        // Acquire: who learns from a count that a permit is back sees what its holder did.
        let used = self.used();
        let unused = if state == ABSENT { self.max() - used.len() as u32 } else { 0 };
        unused + used.iter().filter(|permit| permit.load(Ordering::Acquire) == state).count() as u32
    }

    pub(super) fn stats(&self) -> Stats {
        let in_line = self.words.turns.taken();
        let mut stats = Stats {
            available: 0,
            held: 0,
            max: self.max(),
            in_line,
            awaited: in_line != 0 || self.words.sleepers.is_announced(),
            closed: !matches!(self.words.closing.load(Ordering::Relaxed), OPEN | PRESSED),
        };
        for permit in self.used() {
            // Relaxed: figures.
            match Place::of(permit.load(Ordering::Relaxed)) {
                Place::Available => stats.available += 1,
                Place::Held(_) => stats.held += 1,
                _ => {}
            }
        }
        stats
    }

    /// Takes back what a dead participant held, and what it was about to post, and wakes everybody. A second sweeper is harmless: a
    /// permit that was taken back does not name the dead one again.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
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
        self.words.turns.sweep(dead.who(), platform);
        self.pressed_by(platform);
        self.words.sleepers.rouse(platform);
    }
}

/// A snapshot of a semaphore's figures. Each permit is read once, not all of them at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Permits that can be had.
    pub available: u32,
    /// Permits that processes hold. Those of a dead process count until a call that needed one has taken them back.
    pub held: u32,
    /// The most permits that there can be at once.
    pub max: u32,
    /// Acquirers that have waited for long and are served in order. Those of a dead process count until a call has found it dead.
    pub in_line: u32,
    /// Whether acquirers may be asleep. `false` is certain; `true` may be left over from a sleeper that has gone.
    pub awaited: bool,
    /// Whether the semaphore is closed.
    pub closed: bool,
}
