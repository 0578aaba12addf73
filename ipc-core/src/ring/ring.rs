//! The ring, and push. The protocol, its races and its orderings are told in the [module's essay](super).

use bytemuck::NoUninit;

use super::position::{Position, SlotState, Stamp, Tail};
use crate::error::Refused;
use crate::participant::ParticipantId;
use crate::payload;
use crate::slots::{Intent, prefetch, prefetch_lines};
use crate::sync::{self, AtomicU64, Ordering, spin_hint};

/// Attempts of one operation before it declares the ring corrupted. Each failed attempt means that a peer got
/// on (or lies): a million in a row do not happen to an honest one.
pub(super) const ATTEMPTS: u32 = 1 << 20;

/// The sizes of a ring, kept in private memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// The number of slots, a power of two, less one.
    pub(super) mask: u64,
    pub(super) stride: usize,
}

impl Geometry {
    /// The most messages that a ring may hold: far below the positions' range.
    pub const MAX_CAPACITY: u64 = 1 << 40;

    /// A ring for `capacity` messages in slots of `stride` cells (see [`stride`](super::stride)). `None` if the
    /// capacity is 0 or above [`MAX_CAPACITY`](Self::MAX_CAPACITY), or if the size overflows.
    pub const fn new(capacity: u64, stride: usize) -> Option<Self> {
        if capacity == 0 || capacity > Self::MAX_CAPACITY || stride == 0 {
            return None;
        }
        let slots = capacity.next_power_of_two();
        match slots.checked_mul(stride as u64) {
            Some(cells) if cells <= (isize::MAX as u64) / 8 => Some(Geometry { capacity, mask: slots - 1, stride }),
            _ => None,
        }
    }

    /// How many messages fit.
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The number of 64-bit cells of all slots.
    pub const fn cells(&self) -> usize {
        (self.mask as usize + 1) * self.stride
    }
}

/// How far ahead a producer fetches small slots. Four cache lines, found by measurement: where the time of a ring goes is the ownership
/// of cache lines, and a longer distance loses again. Of larger slots, the next one is fetched.
const PREFETCH_BYTES: usize = 256;

/// What a producing handle remembers, in private memory, to spare itself checks of the consumers' line. A hint may be
/// stale but is never wrong: it was true of this ring once.
///
/// Alone on its cache lines, against false sharing: it is written at every push, and handles of several threads may lie side by side.
#[derive(Debug)]
#[repr(align(128))]
pub struct Hints {
    /// The first position for which a `head` that this handle saw leaves no room.
    limit: AtomicU64,
    /// The `tail` that this handle made when it last took a ticket, stored after it published that ticket.
    tail: AtomicU64,
}

impl Hints {
    /// A flag bit that no `tail` has: it never compares equal.
    const NO_TAIL: u64 = 0b10;

    /// Hints for another handle of the same ring, without a check of the ring.
    pub fn for_another(&self) -> Hints {
        Hints { limit: AtomicU64::new(self.limit.load(Ordering::Acquire)), tail: AtomicU64::new(Self::NO_TAIL) }
    }

    /// Whether `tail` is still what this handle made it: then it is open, and the slot before it is published, for this
    /// handle did that. (It also spares a check of a line that the consumer is reading.)
    #[inline(always)]
    fn is_mine(&self, tail: Tail) -> bool {
        // Acquire: if another thread of this handle took the ticket, its publication came before the hint.
        tail.0 == self.tail.load(Ordering::Acquire)
    }

    /// Whether there was room for `at` when somebody looked.
    #[inline(always)]
    fn has_room(&self, at: Position) -> bool {
        self.room(at) > 0
    }

    /// For how many positions from `at` on there was room when somebody looked; not more than 0 if for none.
    #[inline(always)]
    fn room(&self, at: Position) -> i64 {
        // Acquire, "free": another thread of this handle may have checked `head` for us.
        Position::of(self.limit.load(Ordering::Acquire)).ahead_of(at)
    }
}

/// A view of a ring: its words are elsewhere, its geometry is private.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'m> {
    pub(super) tail: &'m AtomicU64,
    pub(super) head: &'m AtomicU64,
    pub(super) cells: &'m [AtomicU64],
    pub(super) geometry: Geometry,
}

impl<'m> Ring<'m> {
    /// A view of the ring that these words make. `None` if `cells` is not as long as the geometry says.
    pub fn new(tail: &'m AtomicU64, head: &'m AtomicU64, cells: &'m [AtomicU64], geometry: Geometry) -> Option<Self> {
        (cells.len() == geometry.cells()).then_some(Ring { tail, head, cells, geometry })
    }

    /// Writes the words of an empty ring whose first message gets position `start`. The caller has the memory
    /// to itself and publishes it afterwards.
    pub fn initialise(&self, start: Position) {
        // Relaxed: the words become visible with the publication of the whole object.
        let Geometry { mask, .. } = self.geometry;
        let first = start.number() & mask;
        for i in 0..=mask {
            let lap = mask as i64 + 1;
            let ahead = (i.wrapping_sub(first) & mask) as i64;
            let at = start.offset(ahead - lap);
            self.stamp(at).store(Stamp::new(at, None, SlotState::Void).0, Ordering::Relaxed);
        }
        self.head.store(start.word(), Ordering::Relaxed);
        self.tail.store(Tail::start(start).0, Ordering::Relaxed);
    }

    /// The tail of an empty ring whose first message gets position `start`.
    pub(crate) fn first_tail(start: Position) -> u64 {
        Tail::start(start).0
    }

    /// The head of the same.
    pub(crate) fn first_head(start: Position) -> u64 {
        start.word()
    }

    /// Hints for a new handle.
    pub fn hints(&self) -> Hints {
        let head = Position::of(self.head.load(Ordering::Acquire));
        let limit = head.offset(self.geometry.capacity as i64).word();
        Hints { limit: AtomicU64::new(limit), tail: AtomicU64::new(Hints::NO_TAIL) }
    }

    /// The sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    #[inline(always)]
    fn slot_start(&self, at: Position, stride: usize) -> usize {
        (at.number() & self.geometry.mask) as usize * stride
    }

    /// The stamp of the slot of `at`.
    #[inline(always)]
    pub(super) fn stamp(&self, at: Position) -> &'m AtomicU64 {
        self.slot(at, self.geometry.stride).0
    }

    /// The stamp and the payload cells of the slot of `at`. `stride` is the geometry's (as a constant where the
    /// caller knows the type).
    #[inline(always)]
    pub(super) fn slot(&self, at: Position, stride: usize) -> (&'m AtomicU64, &'m [AtomicU64]) {
        debug_assert_eq!(stride, self.geometry.stride);
        let start = self.slot_start(at, stride);
        // SAFETY: the masked slot number is below `slots`, and `cells` is exactly slots * stride long (checked
        // in `new` against the private geometry; `try_push` and `try_pop` check that T's stride is the geometry's).
        let slot = unsafe { self.cells.get_unchecked(start..start + stride) };
        // SAFETY: stride is at least 1.
        unsafe { (slot.get_unchecked(0), slot.get_unchecked(1..)) }
    }

    /// Fetches the line that the producer will write a little later, once a line. (A consumer that did the same for reading would take
    /// the line from the producer that is about to write it, whenever it keeps up.)
    #[inline(always)]
    pub(super) fn prefetch(&self, at: Position, stride: usize, hints: &Hints) {
        const CELLS_PER_LINE: usize = 8;
        let ahead = at.offset((PREFETCH_BYTES / 8 / stride).max(1) as i64);
        let start = self.slot_start(ahead, stride);
        if stride * 8 > PREFETCH_BYTES {
            // The consumer may still be reading the next slot if this handle knows of no room there.
            if hints.has_room(ahead) {
                prefetch_lines(self.cells.as_ptr().wrapping_add(start).cast(), stride * 8, Intent::Write);
            }
            return;
        }
        if stride >= CELLS_PER_LINE || start % CELLS_PER_LINE < stride {
            prefetch(self.cells.as_ptr().wrapping_add(start).cast(), Intent::Write);
        }
    }

    /// Fetches the lines of a large slot that the consumer will read next, if its message is published: otherwise its producer is about
    /// to write them.
    #[inline(always)]
    pub(super) fn prefetch_published(&self, at: Position, stride: usize) {
        if stride * 8 > PREFETCH_BYTES {
            let (stamp, cells) = self.slot(at, stride);
            // Relaxed: a hint.
            if Stamp(stamp.load(Ordering::Relaxed)).is_full_at(at) {
                prefetch_lines(cells.as_ptr().cast(), cells.len() * 8, Intent::Read);
            }
        }
    }

    /// Appends `value` for `me`. `hints` are private memory of the calling handle.
    ///
    /// Lock-free; one read-modify-write when uncontended. Never waits.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was appended.
    #[inline(always)]
    pub fn try_push<T: NoUninit>(&self, me: ParticipantId, value: &T, hints: &Hints) -> Result<Position, Refused> {
        match self.try_push_first(me, value, hints) {
            Some(at) => Ok(at),
            None => self.try_push_contended(me, value, hints),
        }
    }

    /// The common case of a push in one go, told in full in [`try_push`](Self::try_push): this handle took the newest
    /// ticket, too, and there is room. `None`: something is different, and nothing was done.
    #[inline(always)]
    pub fn try_push_first<T: NoUninit>(&self, me: ParticipantId, value: &T, hints: &Hints) -> Option<Position> {
        if const { payload::stride::<T>() } != self.geometry.stride {
            return None;
        }
        let tail = Tail(self.tail.load(Ordering::Acquire));
        let at = tail.position();
        if hints.is_mine(tail) && hints.has_room(at) {
            let claimed = tail.claimed_by(me).0;
            if self.tail.compare_exchange(tail.0, claimed, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.publish(at, me, value, hints);
                hints.tail.store(claimed, Ordering::Release);
                return Some(at);
            }
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn try_push_contended<T: NoUninit>(
        &self,
        me: ParticipantId,
        value: &T,
        hints: &Hints,
    ) -> Result<Position, Refused> {
        if const { payload::stride::<T>() } != self.geometry.stride {
            return Err(Refused::CORRUPTED);
        }
        let Tickets { first, claimed, .. } = self.claim(me, 1, hints)?;
        self.publish(first, me, value, hints);
        hints.tail.store(claimed, Ordering::Release);
        Ok(first)
    }

    /// Appends as many of `values` as there is room for, from the first on, one behind the other: the first one's position and how
    /// many. One read-modify-write for all when uncontended. Lock-free; never waits.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was appended.
    pub fn try_push_slice<T: NoUninit>(
        &self,
        me: ParticipantId,
        values: &[T],
        hints: &Hints,
    ) -> Result<(Position, usize), Refused> {
        if const { payload::stride::<T>() } != self.geometry.stride {
            return Err(Refused::CORRUPTED);
        }
        let Tickets { first, count, claimed } = self.claim(me, values.len(), hints)?;
        for (ahead, value) in (0..).zip(&values[..count]) {
            self.publish(first.offset(ahead), me, value, hints);
        }
        // Only now, with all of them published: see `is_mine`.
        hints.tail.store(claimed, Ordering::Release);
        Ok((first, count))
    }

    /// Takes at least one and at most `wanted` tickets in a row, as many as there is room for.
    fn claim(&self, me: ParticipantId, wanted: usize, hints: &Hints) -> Result<Tickets, Refused> {
        let wanted = (wanted as u64).min(self.geometry.capacity) as i64;
        // Acquire, "ticket": the marks of the slots before.
        let mut tail = Tail(self.tail.load(Ordering::Acquire));
        for attempt in 0..ATTEMPTS {
            let at = tail.position();
            if tail.is_closed() {
                return Err(Refused::Closed);
            }
            if !hints.is_mine(tail) {
                let before = at.previous();
                let lag = Stamp(self.stamp(before).load(Ordering::Acquire)).position().ahead_of(before);
                if lag > 0 || (lag < 0 && !self.mark_batch(before, tail.owner())) {
                    // `tail` is stale.
                    let now = Tail(self.tail.load(Ordering::Acquire));
                    if lag > 0 && now == tail && attempt > 0 {
                        return Err(Refused::CORRUPTED);
                    }
                    tail = now;
                    continue;
                }
            }
            let mut room = hints.room(at);
            if room < wanted {
                let now = self.room(at, tail, hints)?;
                if now != tail {
                    tail = now;
                    continue;
                }
                room = hints.room(at);
            }
            let count = room.min(wanted).max(1);
            // Success AcqRel, "ticket": our marks of the slots before become visible with the new tail; failure
            // Acquire: as the load above.
            let claimed = tail.claimed_many_by(me, count).0;
            match self.tail.compare_exchange_weak(tail.0, claimed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Tickets { first: at, count: count as usize, claimed }),
                Err(now) => {
                    tail = Tail(now);
                    back_off(attempt);
                }
            }
        }
        Err(Refused::CORRUPTED)
    }

    /// Writes the message of a ticket that the caller holds.
    #[inline(always)]
    fn publish<T: NoUninit>(&self, at: Position, me: ParticipantId, value: &T, hints: &Hints) {
        let stride = const { payload::stride::<T>() };
        let (stamp, cells) = self.slot(at, stride);
        payload::store(value, cells);
        // "publish"
        sync::publish(stamp, Stamp::new(at, Some(me), SlotState::Full).0);
        self.prefetch(at, stride, hints);
    }

    /// Writes down that `owner` holds the newest tickets, those that are neither published nor marked, up to `last` (I1). `false` if
    /// somebody is a lap ahead, so that they are not the newest.
    ///
    /// In ascending order: who finds the last one marked need not check the others.
    #[cold]
    fn mark_batch(&self, last: Position, owner: Option<ParticipantId>) -> bool {
        let mut at = self.first_unstamped(last);
        // Each is stamped after two checks at most: if the replacement fails, somebody else has just marked, given up or published it.
        for _ in 0..self.geometry.capacity.saturating_mul(2) {
            let word = self.stamp(at);
            let stamp = Stamp(word.load(Ordering::Acquire));
            let lag = stamp.position().ahead_of(at);
            if lag > 0 {
                return false;
            }
            if lag == 0 || self.replace(word, stamp, Stamp::new(at, owner, SlotState::Busy)) {
                if at == last {
                    return true;
                }
                at = at.next();
            }
        }
        false
    }

    /// The first of the tickets up to `last` that are not stamped: those of a producer that took several and published some. Bounded
    /// by the capacity.
    pub(super) fn first_unstamped(&self, last: Position) -> Position {
        // Behind `head` everything is stamped, but for what is older than the ring.
        let head = Position::of(self.head.load(Ordering::Acquire));
        let mut first = last;
        for _ in 0..self.geometry.capacity {
            let before = first.previous();
            let lag = Stamp(self.stamp(before).load(Ordering::Acquire)).position().ahead_of(before);
            if lag >= 0 || before.ahead_of(head) < 0 {
                break;
            }
            first = before;
        }
        first
    }

    /// Replaces a stamp unless it has changed.
    pub(super) fn replace(&self, word: &AtomicU64, old: Stamp, new: Stamp) -> bool {
        // Release is needed by nobody alone ("ticket" carries a mark on); AcqRel keeps every write of a stamp alike.
        word.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Checks `head` for a producer whose hint says "no room". Returns `tail` if there is some, or what `tail` has become.
    #[inline]
    fn room(&self, at: Position, tail: Tail, hints: &Hints) -> Result<Tail, Refused> {
        // Acquire, "free": the consumers have read the cells before `head`.
        let head = Position::of(self.head.load(Ordering::Acquire));
        let ahead = at.ahead_of(head);
        let capacity = self.geometry.capacity as i64;
        if (0..capacity).contains(&ahead) {
            // Release: for another thread of this handle, which then writes the cells.
            hints.limit.store(head.offset(capacity).word(), Ordering::Release);
            return Ok(tail);
        }
        let now = Tail(self.tail.load(Ordering::Acquire));
        if now != tail {
            return Ok(now);
        }
        // `head` cannot pass a `tail` that stands still, nor fall more than the capacity behind it.
        Err(if ahead == capacity { Refused::NotNow } else { Refused::CORRUPTED })
    }

    /// How many tickets were taken from `at` on: the messages that a late publication of `at` may have made visible.
    pub fn tickets_from(&self, at: Position) -> u32 {
        let tail = Tail(self.tail.load(Ordering::Acquire)).position();
        tail.ahead_of(at).clamp(1, self.geometry.capacity.min(i32::MAX as u64) as i64) as u32
    }

    /// Closes the ring: from this instant no ticket can be taken. Messages stay. `true` if it was open.
    pub fn close(&self) -> bool {
        // AcqRel: continues the "ticket" release sequence of the newest ticket.
        !Tail(self.tail.fetch_or(Tail::CLOSED_FLAG, Ordering::AcqRel)).is_closed()
    }

    /// Whether the ring is closed.
    pub fn is_closed(&self) -> bool {
        Tail(self.tail.load(Ordering::Acquire)).is_closed()
    }

    /// Whether the ring is closed and every ticket of it has been consumed.
    pub fn is_drained(&self) -> bool {
        let tail = Tail(self.tail.load(Ordering::Acquire));
        tail.is_closed() && Position::of(self.head.load(Ordering::Acquire)) == tail.position()
    }

    /// Tickets taken and not consumed: the messages, counting those that are being written. A snapshot; exact
    /// when nobody else is at work.
    pub fn len(&self) -> u64 {
        // `head` first: it cannot pass a tail that is read later, so a quiet ring gives the exact number.
        let head = Position::of(self.head.load(Ordering::Acquire));
        let tail = Tail(self.tail.load(Ordering::Acquire)).position();
        tail.ahead_of(head).clamp(0, self.geometry.capacity as i64) as u64
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages were ever taken out, and how many tickets were ever given out, modulo 2^52.
    pub fn counts(&self) -> (u64, u64) {
        let head = Position::of(self.head.load(Ordering::Acquire));
        (head.number(), Tail(self.tail.load(Ordering::Acquire)).position().number())
    }
}

/// What a producer has claimed.
struct Tickets {
    first: Position,
    count: usize,
    /// The `tail` that it made.
    claimed: u64,
}

/// A short pause after a lost race, so that the winner keeps the line for a moment.
#[cold]
pub(super) fn back_off(attempt: u32) {
    for _ in 0..(1u32 << attempt.min(6)) {
        spin_hint();
        if cfg!(loom) {
            break;
        }
    }
}
