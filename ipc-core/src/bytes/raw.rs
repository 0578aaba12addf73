//! The words, and how records go in and out.

use core::mem::MaybeUninit;

use crate::mutex::{Condition, Intent, RawMutex, Refused};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::slots::Slots;
use crate::sync::{AtomicU32, AtomicU64, Ordering, spin_hint};
use crate::time::Instant;
use crate::wait::{EventCount, SpinBudget};

const WORD: u64 = 8;
/// Looks of a `try_` operation at a lock that somebody holds: about the time of a copy.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };

/// The words of the ring for messages of up to so many bytes: a power of two; `None` if there can be none.
pub const fn words(most: u64) -> Option<u64> {
    if most == 0 || most > 1 << 40 { None } else { Some(words_for(most).next_power_of_two()) }
}

/// The longest message that a ring of so many words holds.
pub const fn most_bytes(words: u64) -> u64 {
    (words - 1) * WORD
}

/// One side's index and lock, and what its holders saw last of the other side's index: behind that, they need not look. (The other side's
/// line is written with each of its messages: it would have to come over for each of ours.)
#[repr(C, align(128))]
#[derive(Debug)]
struct Side {
    index: AtomicU64,
    known: AtomicU64,
    lock: RawMutex,
}

/// The words besides the ring.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct RawBytes {
    tail: Side,
    head: Side,
    gates: Gates,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    items: EventCount,
    space: EventCount,
    closed: AtomicU32,
}

/// Why a record did not go in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room for a record of this length; or none to take.
    NotNow,
    /// Somebody alive on the same side holds the lock.
    Busy,
    /// The queue is closed (and, for a receiver, drained).
    Closed,
    /// The next message is longer than the receiver's memory.
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// A word makes no sense.
    Corrupted,
}

/// How a receive went.
pub type Received = Result<usize, Refusal>;

/// The ring as one participant sees it.
#[derive(Clone, Copy)]
pub struct Ring<'m> {
    pub(super) raw: &'m RawBytes,
    pub(super) slots: Slots<'m, u64>,
    pub(super) words: u64,
}

/// Words that a message of so many bytes takes, its length among them.
pub(super) const fn words_for(len: u64) -> u64 {
    1 + len.div_ceil(WORD)
}

/// How to wait for a lock.
#[derive(Clone, Copy)]
pub(super) struct Patience<'a> {
    pub(super) budget: &'a SpinBudget,
    pub(super) deadline: Option<Instant>,
}

/// A side's lock, given back when dropped.
struct Turn<'a, P: Platform + ?Sized> {
    lock: &'a RawMutex,
    platform: &'a P,
}

impl<'a, P: Platform + ?Sized> Turn<'a, P> {
    /// Takes the lock: waits for it as `patience` says, or hardly.
    fn take(lock: &'a RawMutex, platform: &'a P, patience: Option<Patience<'_>>) -> Result<Self, Refusal> {
        if !lock.lock_first(platform, Intent::Transaction) {
            let taken = match patience {
                Some(Patience { budget, deadline }) => {
                    lock.lock_contended(platform, Intent::Transaction, budget, deadline)
                }
                None => Self::try_a_little(lock, platform),
            };
            taken.map_err(|refused| match refused {
                Refused::Taken | Refused::Mine => Refusal::Busy,
                Refused::Corrupted => Refusal::Corrupted,
            })?;
        }
        Ok(Turn { lock, platform })
    }

    fn try_a_little(lock: &RawMutex, platform: &P) -> Result<Condition, Refused> {
        for _ in 0..LOOKS {
            spin_hint();
            if lock.lock_first(platform, Intent::Transaction) {
                return Ok(Condition::default());
            }
        }
        lock.try_lock(platform, Intent::Transaction)
    }
}

impl<P: Platform + ?Sized> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.lock.unlock(self.platform);
        }
    }
}

impl RawBytes {
    /// The words of an empty queue.
    pub fn new(start: u64) -> Self {
        let side = || Side { index: AtomicU64::new(start), known: AtomicU64::new(start), lock: RawMutex::new() };
        let gates = Gates { items: EventCount::new(), space: EventCount::new(), closed: AtomicU32::new(0) };
        RawBytes { tail: side(), head: side(), gates }
    }

    /// Where receivers sleep.
    pub fn items(&self) -> &EventCount {
        &self.gates.items
    }

    /// Where senders sleep.
    pub fn space(&self) -> &EventCount {
        &self.gates.space
    }

    /// Whether the queue is closed.
    pub fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`: who finds it closed finds all that was sent before.
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes the queue: `true` if it was open. Never waits. A sender that has passed its look already still gets its message in;
    /// receivers wait for it before they report the end.
    pub fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_all(platform);
        first
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }

    /// Frees what the dead participant held, and wakes whom it may have owed that.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.tail.lock.sweep(dead, platform);
        self.head.lock.sweep(dead, platform);
        self.wake_all(platform);
    }

    /// Words in use, and words ever sent and received.
    pub(super) fn counts(&self) -> (u64, u64) {
        let head = self.head.index.load(Ordering::Acquire);
        (self.tail.index.load(Ordering::Acquire), head)
    }
}

impl<'m> Ring<'m> {
    /// A ring of a model.
    #[cfg(loom)]
    pub fn new(raw: &'m RawBytes, places: &'m [crate::slots::Place]) -> Self {
        Ring { raw, slots: Slots::over(places), words: places.len() as u64 }
    }

    /// The longest message.
    pub fn most_bytes(&self) -> usize {
        most_bytes(self.words) as usize
    }

    /// Sends one message that consists of these parts, one behind the other, if there is room: it is visible, whole, when this
    /// returns. Waits for other senders as `patience` says (`None`: hardly).
    pub(super) fn send<P: Platform + ?Sized>(
        &self,
        platform: &P,
        parts: &[&[u8]],
        patience: Option<Patience<'_>>,
    ) -> Result<(), Refusal> {
        // The caller has compared it with `most_bytes`, so nothing overflows.
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let needed = words_for(len as u64);
        let RawBytes { tail: Side { index, known, lock }, head, gates } = self.raw;
        {
            let _turn = Turn::take(lock, platform, patience)?;
            // Relaxed: under the lock.
            if gates.closed.load(Ordering::Relaxed) != 0 {
                return Err(Refusal::Closed);
            }
            let at = index.load(Ordering::Relaxed);
            // What was free then is free now. Who saw it had this lock, so that we are behind its Acquire, too.
            if self.words - self.used(at, known.load(Ordering::Relaxed))? < needed {
                // Acquire, "free": the receivers have read the words before `head`.
                let now = head.index.load(Ordering::Acquire);
                let used = self.used(at, now)?;
                known.store(now, Ordering::Relaxed);
                if self.words - used < needed {
                    return Err(Refusal::NotNow);
                }
            }
            self.slots.write(at, len as u64);
            let mut offset = 0;
            for part in parts {
                self.slots.write_bytes(at.wrapping_add(1), offset, part);
                offset += part.len();
            }
            // Release, "message".
            index.store(at.wrapping_add(needed), Ordering::Release);
        }
        gates.items.notify(platform, || 1);
        Ok(())
    }

    /// Receives the oldest message into the front of `out`, if there is one and it fits: its length.
    pub(super) fn receive<P: Platform + ?Sized>(
        &self,
        platform: &P,
        out: &mut [MaybeUninit<u8>],
        patience: Option<Patience<'_>>,
    ) -> Received {
        let RawBytes { tail, head: Side { index, known, lock }, gates } = self.raw;
        let len = {
            let _turn = Turn::take(lock, platform, patience)?;
            // Relaxed: under the lock.
            let at = index.load(Ordering::Relaxed);
            // As in `send`.
            let mut used = self.used(known.load(Ordering::Relaxed), at)?;
            if used == 0 {
                // Acquire, "message".
                let now = tail.index.load(Ordering::Acquire);
                used = self.used(now, at)?;
                known.store(now, Ordering::Relaxed);
            }
            if used == 0 {
                return Err(self.why_empty(platform, at, patience));
            }
            // SAFETY: copied from shared memory; any bits are a number.
            let len = unsafe { self.slots.read(at).assume_init() };
            if len > (used - 1) * WORD {
                return Err(Refusal::Corrupted);
            }
            let Some(place) = out.get_mut(..len as usize) else { return Err(Refusal::TooLong { len: len as usize }) };
            self.slots.read_bytes(at.wrapping_add(1), place);
            // Release, "free".
            index.store(at.wrapping_add(words_for(len)), Ordering::Release);
            len as usize
        };
        // Everybody: who comes first may need more room than there is.
        gates.space.notify_all(platform);
        Ok(len)
    }

    /// Words between two indices. More than there are make no sense.
    #[inline(always)]
    fn used(&self, tail: u64, head: u64) -> Result<u64, Refusal> {
        let used = tail.wrapping_sub(head);
        if used > self.words { Err(Refusal::Corrupted) } else { Ok(used) }
    }

    /// For a receiver that has found nothing: whether there is more to come. Once the queue is closed and nobody is in the middle of a
    /// send, there is not.
    fn why_empty<P: Platform + ?Sized>(&self, platform: &P, head: u64, patience: Option<Patience<'_>>) -> Refusal {
        if !self.raw.is_closed() {
            return Refusal::NotNow;
        }
        // Senders look whether it is closed under this lock: those that take it after us find it so.
        match Turn::take(&self.raw.tail.lock, platform, patience) {
            // Relaxed: under the lock.
            Ok(_turn) if self.raw.tail.index.load(Ordering::Relaxed) == head => Refusal::Closed,
            Ok(_turn) => Refusal::NotNow,
            Err(refusal) => refusal,
        }
    }

    /// How many words were free a moment ago.
    pub(super) fn free_words(&self) -> u64 {
        let (tail, head) = self.raw.counts();
        self.words.saturating_sub(tail.wrapping_sub(head))
    }

    /// Whether no message is there. A snapshot.
    pub fn is_empty(&self) -> bool {
        let (tail, head) = self.raw.counts();
        tail == head
    }
}

#[cfg(loom)]
impl Ring<'_> {
    /// [`send`](Self::send) in a model.
    pub fn try_send<P: Platform + ?Sized>(&self, platform: &P, message: &[u8]) -> Result<(), Refusal> {
        self.send(platform, &[message], None)
    }

    /// [`receive`](Self::receive) in a model.
    pub fn try_receive<P: Platform + ?Sized>(&self, platform: &P, out: &mut [MaybeUninit<u8>]) -> Received {
        self.receive(platform, out, None)
    }
}
