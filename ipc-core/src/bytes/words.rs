//! The words, and how records go in and out.

use core::cell::OnceCell;
use core::mem::MaybeUninit;

use crate::ends::{Budgets, Presence, Role};
use crate::error::{Fault, Refused};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{Condition, Intent, RawMutex};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::queue::Lone;
use crate::slots::{Slots, stride};
use crate::sync::{AtomicU32, AtomicU64, Ordering, spin_hint};
use crate::time::{Instant, Limit};
use crate::wait::Gate;

const WORD: u64 = 8;
/// Loads of a count that is being changed, by a call that only wants the figure.
const LOADS: u32 = crate::sync::bound(8, 1);
/// The longest message that there can be.
const MOST: u64 = 1 << 40;

/// One side's index and lock, how many messages have passed it, and the other side's index as this side loaded it last. (The other side
/// writes its line with each message: to load it for each of ours would move the line to and fro.)
///
/// The index lies apart from the others: who waits for it checks it again and again, and would take the lock's line from its holder.
#[repr(C, align(128))]
#[derive(Debug)]
struct Side {
    index: Lone,
    known: AtomicU64,
    count: Count,
    lock: RawMutex,
}

/// How many messages have passed a side, modulo 2^32, and in the upper half the index (modulo 2^32) to which that belongs.
///
/// It is written under the side's lock after the index. If its holder dies in between, the next one finds the older index here, and
/// counts the one message that is missing.
#[repr(transparent)]
#[derive(Debug)]
struct Count(AtomicU64);

impl Count {
    fn new(index: u64) -> Self {
        Count(AtomicU64::new(index << 32))
    }

    /// The messages up to `index`, of which the last one may not be counted yet.
    fn at(word: u64, index: u64) -> u32 {
        let counted = word as u32;
        if word >> 32 == index & u64::from(u32::MAX) { counted } else { counted.wrapping_add(1) }
    }

    /// Counts one more message, which lies between these indices. The caller has the lock.
    #[inline(always)]
    fn add(&self, from: u64, to: u64) {
        // Relaxed: under the lock.
        let count = Self::at(self.0.load(Ordering::Relaxed), from).wrapping_add(1);
        // Release, with the Acquire in `passed`: not before the index, so that a death in between leaves a count that lags.
        self.0.store(to << 32 | u64::from(count), Ordering::Release);
    }
}

/// The words besides the ring.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    tail: Side,
    head: Side,
    gates: Gates,
    senders: Presence,
    receivers: Presence,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    items: Gate,
    space: Gate,
    closed: AtomicU32,
    /// How values are written, as in [`Geometry::format`]. Written once.
    format: AtomicU32,
}

/// Bytes from the start of the object to the ring.
const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(SLOTS_OFFSET == 1024);

/// A queue's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Bytes of the longest message that the creator asked for.
    pub(super) most: usize,
    /// Words of the ring, a power of two.
    pub(super) ring: u64,
    bytes: u64,
    /// How values are written as bytes: [`POSTCARD`] or [`CBOR`]. No matter to those who send and receive bytes.
    pub(super) format: u32,
}

/// A compact format, which does not describe itself. Also the number of all queues that were made for bytes.
pub(crate) const POSTCARD: u32 = 0;
/// A format that describes itself.
pub(crate) const CBOR: u32 = 1;

/// The names of the formats, by number.
pub(crate) fn format_name(number: u64) -> Option<&'static str> {
    match u32::try_from(number) {
        Ok(POSTCARD) => Some("postcard"),
        Ok(CBOR) => Some("CBOR"),
        _ => None,
    }
}

impl Geometry {
    /// For messages of up to this many bytes; `None` if there can be none.
    pub(super) const fn new(most: u64) -> Option<Self> {
        if most == 0 || most > MOST || most > isize::MAX as u64 / 4 {
            return None;
        }
        let ring = words_for(most).next_power_of_two();
        let bytes = SLOTS_OFFSET as u64 + ring * stride(size_of::<u64>()) as u64;
        let bytes = bytes.next_multiple_of(OBJECT_ALIGN as u64);
        Some(Geometry { most: most as usize, ring, bytes, format: POSTCARD })
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the longest message that the ring can hold, from any sender.
    #[cfg(feature = "alloc")]
    pub(super) const fn longest(&self) -> usize {
        ((self.ring - 1) * WORD) as usize
    }
}

/// Words that a message of this many bytes takes, its length among them.
pub(super) const fn words_for(len: u64) -> u64 {
    1 + len.div_ceil(WORD)
}

/// The queue as one participant sees it.
#[derive(Clone, Copy)]
pub struct View<'m> {
    words: &'m Words,
    slots: Slots<'m, u64>,
    ring: u64,
}

/// How a call waits for a lock, and then for room or a message: one time limit for all its waits.
pub(super) struct Patience<'a, D> {
    pub(super) budgets: &'a Budgets,
    limit: &'a Limit<D>,
    deadline: OnceCell<Option<Instant>>,
}

impl<'a, D: Copy> Patience<'a, D> {
    #[inline]
    pub(super) fn new(budgets: &'a Budgets, limit: &'a Limit<D>) -> Self {
        Patience { budgets, limit, deadline: OnceCell::new() }
    }

    /// The instant at which to give up. The clock is read at the first wait.
    pub(super) fn deadline<P: Platform<Deadline = D> + ?Sized>(&self, platform: &P) -> Option<Instant> {
        *self.deadline.get_or_init(|| self.limit.deadline(platform))
    }
}

/// A side's lock, released when dropped.
struct Turn<'a, P: Platform + ?Sized> {
    lock: &'a RawMutex,
    platform: &'a P,
}

impl<'a, P: Platform + ?Sized> Turn<'a, P> {
    /// Takes the lock. Waits for it as `patience` says, or (`None`) up to a millisecond for a living holder to finish.
    #[inline(always)]
    fn take(
        lock: &'a RawMutex,
        platform: &'a P,
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Result<Self, Refused> {
        if !lock.lock_first(platform, Intent::Transaction) {
            Self::take_contended(lock, platform, patience)?;
        }
        Ok(Turn { lock, platform })
    }

    #[cold]
    fn take_contended(
        lock: &RawMutex,
        platform: &P,
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Result<Condition, Refused> {
        match patience {
            Some(patience) => {
                let deadline = patience.deadline(platform);
                lock.lock_contended(platform, Intent::Transaction, &patience.budgets.lock, deadline)
            }
            None => lock.lock_patiently(platform),
        }
    }
}

impl<P: Platform + ?Sized> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.lock.unlock(self.platform);
        }
    }
}

impl Side {
    /// Messages that have passed, modulo 2^32. A snapshot, exact while nobody is at it.
    fn passed(&self) -> u32 {
        let mut count = 0;
        for _ in 0..LOADS {
            // Acquire, with the Release in `add`: this index or a later one.
            let word = self.count.0.load(Ordering::Acquire);
            let index = self.index.0.load(Ordering::Acquire);
            count = Count::at(word, index);
            if count == word as u32 {
                break;
            }
            spin_hint();
        }
        count
    }
}

impl Words {
    /// The words of an empty queue whose first record lies at this position, and whose values are written in this format.
    fn new(start: u64, format: u32) -> Self {
        let side = || Side {
            index: Lone(AtomicU64::new(start)),
            known: AtomicU64::new(start),
            count: Count::new(start),
            lock: RawMutex::new(),
        };
        let (closed, format) = (AtomicU32::new(0), AtomicU32::new(format));
        let gates = Gates { items: Gate::new(), space: Gate::new(), closed, format };
        Words { tail: side(), head: side(), gates, senders: Presence::new(), receivers: Presence::new() }
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }
}

// SAFETY: the words are atomics behind the header of every byte queue; the slots behind them are reached through copies only.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tail, head, gates, senders, receivers }),
        layout!(Side { index, known, count, lock }),
        layout!(Gates { items, space, closed, format }),
        Fact::number("slots", SLOTS_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        let geometry = Geometry::new(shape.capacity).ok_or(ShapeError::Capacity { wanted: shape.capacity })?;
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // Relaxed: written before the object became visible.
        Ok(Geometry { format: words[0].gates.format.load(Ordering::Relaxed), ..geometry })
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        let slots = Slots::new(memory, SLOTS_OFFSET, geometry.ring as usize).ok_or(too_small)?;
        Ok(View { words: &words[0], slots, ring: geometry.ring })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue whose first record lies at position `start`.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry, start: u64) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe {
            memory.place(HEADER_BYTES, 1, |_| Words::new(start, geometry.format)).ok_or(ShapeError::Missing)?;
            Slots::<u64>::lay(memory, SLOTS_OFFSET, geometry.ring as usize);
        }
        Ok(())
    }

    /// Frees the locks of a dead participant, removes its halves, and wakes everybody. A second sweeper is harmless, as each part is.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let Words { tail, head, senders, receivers, .. } = self.words;
        tail.lock.sweep(dead, platform);
        head.lock.sweep(dead, platform);
        senders.sweep(dead);
        receivers.sweep(dead);
        // The dead participant may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.space.rouse(platform);
    }

    /// Who holds a half of this kind.
    pub(super) fn presence(&self, role: Role) -> &'m Presence {
        match role {
            Role::Sender => &self.words.senders,
            Role::Receiver => &self.words.receivers,
        }
    }

    /// Where senders sleep, and where receivers do.
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        match role {
            Role::Sender => &self.words.gates.space,
            Role::Receiver => &self.words.gates.items,
        }
    }

    /// Whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`: a receiver that finds the queue closed finds all that was sent before.
        self.words.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes the queue: `true` if it was open. Never waits. A sender that has checked for the closing already still gets its message
    /// in; receivers wait for it before they report the end.
    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.words.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.words.wake_all(platform);
        first
    }

    /// Sends one message that consists of these parts, one behind the other, if there is room: it is visible, whole, when this
    /// returns. Waits for other senders as `patience` says, or (`None`) for a moment.
    pub(super) fn send<P: Platform + ?Sized>(
        &self,
        platform: &P,
        parts: &[&[u8]],
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Result<(), Refused> {
        // The caller has compared it with the ring, so nothing overflows.
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let needed = words_for(len as u64);
        let Words { tail: Side { index, known, count, lock }, head, gates, .. } = self.words;
        {
            let _turn = Turn::take(lock, platform, patience)?;
            // Relaxed: under the lock.
            if gates.closed.load(Ordering::Relaxed) != 0 {
                return Err(Refused::Closed);
            }
            let at = index.0.load(Ordering::Relaxed);
            // What was free when `known` was loaded is free now. It was loaded under this lock, so its Acquire covers us, too.
            if self.ring - self.used(at, known.load(Ordering::Relaxed))? < needed {
                // Acquire, "free".
                let now = head.index.0.load(Ordering::Acquire);
                let used = self.used(at, now)?;
                known.store(now, Ordering::Relaxed);
                if self.ring - used < needed {
                    return Err(Refused::NotNow);
                }
            }
            self.slots.write(at, &(len as u64));
            let mut offset = 0;
            for part in parts {
                self.slots.write_bytes(at.wrapping_add(1), offset, part);
                offset += part.len();
            }
            let end = at.wrapping_add(needed);
            // Release, "message".
            index.0.store(end, Ordering::Release);
            count.add(at, end);
        }
        gates.items.notify(platform, || 1);
        Ok(())
    }

    /// Receives the oldest message into the front of `out`, if there is one: its length. If that is more than `out` holds, the message
    /// stays. Waits for other receivers as `patience` says, or (`None`) for a moment.
    pub(super) fn receive<P: Platform + ?Sized>(
        &self,
        platform: &P,
        out: &mut [MaybeUninit<u8>],
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Result<usize, Refused> {
        let Words { tail, head: Side { index, known, count, lock }, gates, .. } = self.words;
        let len = {
            let _turn = Turn::take(lock, platform, patience)?;
            // Relaxed: under the lock.
            let at = index.0.load(Ordering::Relaxed);
            // As in `send`.
            let mut used = self.used(known.load(Ordering::Relaxed), at)?;
            if used == 0 {
                // Acquire, "message".
                let now = tail.index.0.load(Ordering::Acquire);
                used = self.used(now, at)?;
                known.store(now, Ordering::Relaxed);
            }
            if used == 0 {
                return Err(self.why_empty(platform, at, patience));
            }
            // SAFETY: copied from shared memory; any bits are a number.
            let len = unsafe { self.slots.copied(at).assume_init() };
            if len > (used - 1) * WORD {
                return Err(Refused::Fault(Fault::Corrupted));
            }
            let Some(place) = out.get_mut(..len as usize) else { return Ok(len as usize) };
            self.slots.read_bytes(at.wrapping_add(1), place);
            let end = at.wrapping_add(words_for(len));
            // Release, "free".
            index.0.store(end, Ordering::Release);
            count.add(at, end);
            len as usize
        };
        // All of them: the first in the queue may need more room than there is.
        gates.space.notify_all(platform);
        Ok(len)
    }

    /// Asks for the line of the message that is expected.
    #[inline]
    pub(super) fn prefetch_expected(&self) {
        self.slots.prefetch_expected(self.words.head.index.0.load(Ordering::Relaxed));
    }

    /// For a receiver that polls: whether there is no message and the queue is open, by a look without the lock.
    #[inline]
    pub(super) fn looks_empty(&self) -> bool {
        // Relaxed: `receive` checks again, under the lock.
        let at = self.words.head.index.0.load(Ordering::Relaxed);
        self.words.tail.index.0.load(Ordering::Relaxed) == at && !self.is_closed()
    }

    /// Words between two indices. More than the ring has make no sense.
    #[inline(always)]
    fn used(&self, tail: u64, head: u64) -> Result<u64, Refused> {
        let used = tail.wrapping_sub(head);
        if used > self.ring { Err(Refused::Fault(Fault::Corrupted)) } else { Ok(used) }
    }

    /// For a receiver that has found no message: whether more can come. None can once the queue is closed and no sender is in the
    /// middle of its copy.
    #[cold]
    fn why_empty<P: Platform + ?Sized>(
        &self,
        platform: &P,
        head: u64,
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Refused {
        if !self.is_closed() {
            return Refused::NotNow;
        }
        // Senders check for the closing under this lock: those that take it after us find the queue closed.
        match Turn::take(&self.words.tail.lock, platform, patience) {
            // Relaxed: under the lock.
            Ok(_turn) if self.words.tail.index.0.load(Ordering::Relaxed) == head => Refused::Closed,
            Ok(_turn) => Refused::NotNow,
            Err(refused) => refused,
        }
    }

    /// Messages that were sent, that were received, and that are there. A snapshot.
    pub(super) fn counts(&self) -> (u32, u32, u64) {
        // The receivers' side first: then no more seem to be received than are sent.
        let received = self.words.head.passed();
        let sent = self.words.tail.passed();
        (sent, received, u64::from(sent.wrapping_sub(received)).min(self.ring))
    }

    /// Words of the ring that are in use. A snapshot.
    pub(super) fn used_words(&self) -> u64 {
        let head = self.words.head.index.0.load(Ordering::Acquire);
        self.words.tail.index.0.load(Ordering::Acquire).wrapping_sub(head).min(self.ring)
    }

    /// Words of the ring that are free. A snapshot.
    pub(super) fn free_words(&self) -> u64 {
        self.ring - self.used_words()
    }
}
