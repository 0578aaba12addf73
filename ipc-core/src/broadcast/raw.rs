//! The words, and how messages get in and are copied out.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::mutex::{Condition, Intent, RawMutex};
use crate::participant::{Dead, ParticipantId, Seized};
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence, spin_hint};
use crate::time::Instant;
use crate::wait::{EventCount, SpinBudget};

/// Copies that publishers may spoil in a row before the words are declared corrupted.
const ATTEMPTS: u32 = if cfg!(loom) { 3 } else { 1 << 16 };
/// Looks of one who hardly waits at a lock that somebody holds.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };

/// The words besides the cursors and the slots.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct RawBroadcast {
    front: Front,
    gates: Gates,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Front {
    tail: AtomicU64,
    /// The first position that would overwrite a message which a subscriber has still to read, as of the last look at the cursors.
    /// Under the lock.
    limit: AtomicU64,
    publishers: RawMutex,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    items: EventCount,
    space: EventCount,
    closed: AtomicU32,
    /// Cursors; 0 if nobody waits for subscribers. Written once.
    cursors: AtomicU32,
}

/// Where a subscriber is.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Cursor {
    next: AtomicU64,
    /// 0: nobody's.
    owner: AtomicU32,
}

/// Why nothing was published or nobody subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The slowest subscriber has not read the oldest message; or all cursors are taken.
    NotNow,
    /// Closed.
    Closed,
    /// A living publisher has the lock, and the time is over.
    Busy,
    /// A word makes no sense.
    Corrupted,
}

/// Why a subscriber got no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// There is none.
    Nothing,
    /// So many were overwritten before it came to them. It goes on behind them.
    Lagged(u64),
    /// A word makes no sense.
    Corrupted,
}

/// What one participant sees of the words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'m> {
    pub(super) raw: &'m RawBroadcast,
    cursors: &'m [Cursor],
    cells: &'m [AtomicU64],
    pub(super) capacity: u64,
    stride: usize,
    /// Slots less one.
    mask: u64,
}

/// The publishers' lock, given back when dropped.
struct Turn<'a, P: Platform + ?Sized> {
    lock: &'a RawMutex,
    platform: &'a P,
}

impl<P: Platform + ?Sized> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.lock.unlock(self.platform);
        }
    }
}

/// How long to wait for other publishers.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// About the time of a copy.
    None,
    /// So long; for ever.
    Until(Option<Instant>),
}

fn try_a_little<P: Platform + ?Sized>(lock: &RawMutex, platform: &P) -> Result<Condition, crate::mutex::Refused> {
    for _ in 0..LOOKS {
        spin_hint();
        if lock.lock_first(platform, Intent::Transaction) {
            return Ok(Condition::default());
        }
    }
    lock.try_lock(platform, Intent::Transaction)
}

/// The stamp of a slot that holds the message of this position; one less while it is being written.
const fn stamp(position: u64) -> u64 {
    position.wrapping_mul(2).wrapping_add(2)
}

impl Cursor {
    /// A cursor of nobody, in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Cursor { next: AtomicU64::new(0), owner: AtomicU32::new(0) }
    }

    fn holder(&self) -> Option<ParticipantId> {
        // Acquire: with the owner comes the position that it began with.
        ParticipantId::new((self.owner.load(Ordering::Acquire) & 0x3ff) as u16)
    }
}

impl RawBroadcast {
    /// The words of a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RawBroadcast {
            front: Front { tail: AtomicU64::new(0), limit: AtomicU64::new(0), publishers: RawMutex::new() },
            gates: Gates {
                items: EventCount::new(),
                space: EventCount::new(),
                closed: AtomicU32::new(0),
                cursors: AtomicU32::new(0),
            },
        }
    }

    /// Where subscribers sleep.
    pub fn items(&self) -> &EventCount {
        &self.gates.items
    }

    /// Where publishers sleep.
    pub fn space(&self) -> &EventCount {
        &self.gates.space
    }

    #[cfg(not(loom))]
    pub(super) fn cursors(&self) -> u32 {
        self.gates.cursors.load(Ordering::Relaxed)
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`.
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes it: `true` if it was open. A publisher that has passed its look already still gets its message in.
    pub fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_all(platform);
        first
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }

    /// The next position.
    #[inline(always)]
    pub fn tail(&self) -> u64 {
        // Acquire, "published".
        self.front.tail.load(Ordering::Acquire)
    }

    fn take_turn<'a, P: Platform + ?Sized>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        patience: Patience,
    ) -> Result<Turn<'a, P>, Refused> {
        let lock = &self.front.publishers;
        if !lock.lock_first(platform, Intent::Transaction) {
            let taken = match patience {
                Patience::Until(deadline) => lock.lock_contended(platform, Intent::Transaction, budget, deadline),
                Patience::None => try_a_little(lock, platform),
            };
            taken.map_err(|refused| match refused {
                crate::mutex::Refused::Corrupted => Refused::Corrupted,
                _ => Refused::Busy,
            })?;
        }
        Ok(Turn { lock, platform })
    }
}

impl<'m> Words<'m> {
    /// A view of these words. `None` unless there are as many cells as slots (a power of two, at least `capacity`) of this stride take.
    pub fn new(
        raw: &'m RawBroadcast,
        cursors: &'m [Cursor],
        cells: &'m [AtomicU64],
        capacity: u64,
        stride: usize,
    ) -> Option<Self> {
        let slots = capacity.checked_next_power_of_two()? as usize;
        let fits = capacity > 0 && stride > 0 && slots.checked_mul(stride) == Some(cells.len());
        fits.then_some(Words { raw, cursors, cells, capacity, stride, mask: slots as u64 - 1 })
    }

    /// Writes the words of one without messages. The caller has them to itself.
    pub fn initialise(&self) {
        // Relaxed: the words become visible with the publication of the whole object.
        for slot in self.cells.chunks(self.stride) {
            slot[0].store(0, Ordering::Relaxed);
        }
        for cursor in self.cursors {
            cursor.owner.store(0, Ordering::Relaxed);
            cursor.next.store(0, Ordering::Relaxed);
        }
        self.raw.front.tail.store(0, Ordering::Relaxed);
        self.raw.front.limit.store(0, Ordering::Relaxed);
        self.raw.gates.cursors.store(self.cursors.len() as u32, Ordering::Relaxed);
        #[cfg(not(loom))]
        {
            self.raw.front.publishers.initialise();
            self.raw.gates.items.initialise();
            self.raw.gates.space.initialise();
            self.raw.gates.closed.store(0, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &'m [AtomicU64] {
        &self.cells[(position & self.mask) as usize * self.stride..][..self.stride]
    }

    /// Publishes a message: its position. Waits for other publishers, and not for subscribers.
    pub fn publish<T: NoUninit, P: Platform + ?Sized>(
        &self,
        platform: &P,
        value: &T,
        budget: &SpinBudget,
        patience: Patience,
    ) -> Result<u64, Refused> {
        if payload::stride::<T>() != self.stride {
            return Err(Refused::Corrupted);
        }
        let turn = self.raw.take_turn(platform, budget, patience)?;
        // Relaxed, all of these: under the lock.
        if self.raw.gates.closed.load(Ordering::Relaxed) != 0 {
            return Err(Refused::Closed);
        }
        let position = self.raw.front.tail.load(Ordering::Relaxed);
        if !self.cursors.is_empty() {
            self.make_sure_of_room(position)?;
        }
        let slot = self.slot(position);
        slot[0].store(stamp(position).wrapping_sub(1), Ordering::Relaxed);
        // Release, "overwritten".
        fence(Ordering::Release);
        payload::store(value, &slot[1..]);
        slot[0].store(stamp(position), Ordering::Relaxed);
        // Release, "published".
        self.raw.front.tail.store(position.wrapping_add(1), Ordering::Release);
        drop(turn);
        self.raw.gates.items.notify_all(platform);
        Ok(position)
    }

    /// Whether the message of `position` overwrites none that a subscriber has still to read. Under the lock.
    fn make_sure_of_room(&self, position: u64) -> Result<(), Refused> {
        let limit = &self.raw.front.limit;
        // Cursors only move on, and who joins puts the limit back.
        if limit.load(Ordering::Relaxed).wrapping_sub(position) as i64 > 0 {
            return Ok(());
        }
        let end = self.slowest(position)?.wrapping_add(self.capacity);
        limit.store(end, Ordering::Relaxed);
        if end == position { Err(Refused::NotNow) } else { Ok(()) }
    }

    /// How many messages fitted a moment ago.
    #[cfg(not(loom))]
    pub(super) fn room(&self) -> u64 {
        let tail = self.raw.tail();
        // Corrupted: let the publishing find that.
        self.slowest(tail).map_or(self.capacity, |slowest| self.capacity.saturating_sub(tail.wrapping_sub(slowest)))
    }

    /// The position of the slowest subscriber; `tail` if there is none.
    fn slowest(&self, tail: u64) -> Result<u64, Refused> {
        let mut most = 0;
        for cursor in self.cursors {
            if cursor.holder().is_some() {
                // Acquire, "free".
                let behind = tail.wrapping_sub(cursor.next.load(Ordering::Acquire));
                if behind > self.capacity {
                    return Err(Refused::Corrupted);
                }
                most = most.max(behind);
            }
        }
        Ok(tail.wrapping_sub(most))
    }

    /// Looks for dead subscribers among the slowest, and drops their cursors: whether there was one. A system call for each.
    #[cold]
    pub fn drop_dead<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let mut found = false;
        let tail = self.raw.tail();
        for cursor in self.cursors {
            let Some(holder) = cursor.holder() else { continue };
            if tail.wrapping_sub(cursor.next.load(Ordering::Relaxed)) < self.capacity {
                continue;
            }
            if let Some(seized) = Seized::try_new(platform, holder) {
                self.sweep(seized.dead(), platform);
                found = true;
            }
        }
        found
    }

    /// Begins to subscribe: the next position, `back` messages back from the newest if so many are there; and the cursor, if publishers
    /// wait for subscribers.
    pub fn subscribe<P: Platform + ?Sized>(
        &self,
        platform: &P,
        back: u64,
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<(u64, Option<usize>), Refused> {
        if self.cursors.is_empty() {
            let tail = self.raw.tail();
            return Ok((tail.wrapping_sub(back.min(self.capacity).min(tail)), None));
        }
        // Under the lock, so that nothing is overwritten between the look at `tail` and the cursor's appearance.
        let _turn = self.raw.take_turn(platform, budget, Patience::Until(deadline))?;
        let tail = self.raw.front.tail.load(Ordering::Relaxed);
        let next = tail.wrapping_sub(back.min(self.capacity).min(tail));
        for _ in 0..2 {
            if let Some(index) = self.cursors.iter().position(|cursor| cursor.holder().is_none()) {
                let cursor = &self.cursors[index];
                cursor.next.store(next, Ordering::Relaxed);
                // Relaxed: under the lock. It may begin at an older message than all others.
                self.raw.front.limit.store(tail, Ordering::Relaxed);
                // Release: the position comes first.
                cursor.owner.store(u32::from(platform.me().get()), Ordering::Release);
                return Ok((next, Some(index)));
            }
            for cursor in self.cursors {
                if let Some(seized) = cursor.holder().and_then(|holder| Seized::try_new(platform, holder)) {
                    self.sweep(seized.dead(), platform);
                }
            }
        }
        Err(Refused::NotNow)
    }

    /// Ends a subscription.
    pub fn unsubscribe<P: Platform + ?Sized>(&self, platform: &P, cursor: Option<usize>) {
        if let Some(cursor) = cursor.and_then(|index| self.cursors.get(index)) {
            // Release, "free": all that it read.
            cursor.owner.store(0, Ordering::Release);
            self.raw.gates.space.notify_all(platform);
        }
    }

    /// How many subscribers publishers wait for, dead ones that nobody has noticed included.
    pub fn subscribers(&self) -> usize {
        self.cursors.iter().filter(|cursor| cursor.holder().is_some()).count()
    }

    /// A copy of the message of position `next`, if it was published; then `next` is the one behind it.
    #[inline]
    pub fn receive<T, P: Platform + ?Sized>(
        &self,
        platform: &P,
        next: &mut u64,
        cursor: Option<usize>,
    ) -> Result<MaybeUninit<T>, Missed> {
        if payload::stride::<T>() != self.stride {
            return Err(Missed::Corrupted);
        }
        for _ in 0..ATTEMPTS {
            let tail = self.raw.tail();
            let behind = tail.wrapping_sub(*next);
            if behind == 0 {
                return Err(Missed::Nothing);
            }
            if behind > 1 << 63 {
                return Err(Missed::Corrupted);
            }
            if behind <= self.capacity {
                let slot = self.slot(*next);
                // Relaxed: "published" has shown us at least its own stamp.
                if slot[0].load(Ordering::Relaxed) == stamp(*next) {
                    let value = payload::load(&slot[1..]);
                    // Acquire, "overwritten".
                    fence(Ordering::Acquire);
                    if slot[0].load(Ordering::Relaxed) == stamp(*next) {
                        *next = next.wrapping_add(1);
                        self.moved_on(platform, *next, tail, cursor);
                        return Ok(value);
                    }
                }
            }
            // Overwritten, or about to be: the oldest that is safe is the one behind.
            let oldest = self.raw.tail().wrapping_sub(self.capacity);
            let missed = oldest.wrapping_sub(*next);
            if missed as i64 > 0 {
                *next = oldest;
                self.moved_on(platform, *next, tail, cursor);
                return Err(Missed::Lagged(missed));
            }
            if behind == self.capacity {
                // The publisher of the message that takes its place is at work, and `tail` has not moved yet.
                *next = next.wrapping_add(1);
                self.moved_on(platform, *next, tail, cursor);
                return Err(Missed::Lagged(1));
            }
            spin_hint();
        }
        Err(Missed::Corrupted)
    }

    /// The subscriber of this cursor wants `next` now, and has seen `tail`.
    ///
    /// A publisher that sleeps is woken once a quarter of the ring, and by who has read all: if each message read woke it, it would find
    /// room for that one, or none behind another subscriber, and sleep again. What that leaves out, it finds at the end of a slice.
    #[inline]
    fn moved_on<P: Platform + ?Sized>(&self, platform: &P, next: u64, tail: u64, cursor: Option<usize>) {
        if let Some(cursor) = cursor.and_then(|index| self.cursors.get(index)) {
            // Release, "free".
            cursor.next.store(next, Ordering::Release);
            if next & (self.mask / 4) == 0 || next == tail {
                self.raw.gates.space.notify_all(platform);
            }
        }
    }

    /// Frees the lock and the cursors of a dead participant, and wakes whom it may have owed that.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.raw.front.publishers.sweep(dead, platform);
        for cursor in self.cursors {
            let owner = u32::from(dead.who().get());
            let _ = cursor.owner.compare_exchange(owner, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
        self.raw.wake_all(platform);
    }
}
