//! The ring between the senders and the receivers of an object that has an order of its own, with a lock for each side.
//!
//! Senders write messages to the ring in the order of their sends. A receiver first moves what was sent to where receivers keep all messages,
//! in the object's order, and then takes the one that comes first there.
//!
//! Three counts begin with the same number. `next` is the position of the next send, `merged` is that of the first message that no receiver
//! has moved, and `taken` counts what was taken out. One store of `next` puts a batch in, and one store of `taken` takes one out. The
//! difference of the two is the number of messages: those from `merged` on lie in the ring, the others with the receivers.
//!
//! ```text
//! send      messages -> ring from next on                         | next += n
//! receive   ring from merged to next -> receivers | merged = next | copy the first ones out | taken += n
//! ```
//!
//! *Two locks.* Senders exclude each other, and receivers do, as in the queue with two locks of Michael and Scott (1996). With one sender and
//! one receiver, both locks, `merged` and what receivers keep stay in one core each. Between the cores go the lines of the ring, with several
//! messages each, and the two counts. A sender loads `taken` only if there is no room by the last value that a sender loaded, `seen`, and a
//! receiver asks for `next` once in a receive. (With one lock, each message moved the lock, the counts and an entry: that took twice as long.)
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | sent | `next`, Release | `next` under the receivers' lock, Acquire | whole messages in the ring |
//! | freed | `taken`, Release | `taken` under the senders' lock, Acquire | that the places below it were read |
//!
//! A place in the ring is written again once `taken` is beyond its message's position; `merged` is beyond it then, too. A lock orders what
//! its holders do, also if one of them died. Release is for a kill as well: one that comes after the store finds all that is before it. (No
//! model fails without "freed": loom does not let a load see a store that comes later.)
//!
//! *Empty and full are found without the locks*: threads that poll take nothing from those that work. Empty loads `taken` before `next`, and
//! full loads `next` before `taken`: what changes between the two loads only makes the finding weaker. The first load is Acquire: the
//! thread that stored that count had found the other one at least as great as the finding needs.
//!
//! *The end.* A receiver that finds it empty and closed takes the senders' lock, too, and loads the counts again: a sender may be in the middle
//! of a send that began before it was closed. No sender ever takes the receivers' lock, so there is no circle.
//!
//! # Linearization
//!
//! A send takes effect with its store of `next`. A receive takes effect with its load of `next` under the lock. At that instant the messages
//! are those that it moves and those that were moved before, and it returns the first of them: no other receiver takes one before the lock is
//! given back, and what is sent after the load comes later. Two receives are ordered by the lock, and the second one loads `next` after
//! the first one's store of `taken`. So a receiver may return a message although another one that comes before it was sent meanwhile, but
//! never one that was sent before the receive began.
//!
//! The places that a receive frees count from its store of `taken` on. A send that runs beside a receive may find the object full with the
//! message that the receive returns. After the receive has returned, none does.
//!
//! # Deaths
//!
//! | killed | what remains | what others do |
//! |---|---|---|
//! | a sender, before its store of `next` | messages in free places | The next sender writes the same places. |
//! | a sender, after it | its batch is in | Receivers sleep no longer than to their next check. |
//! | a receiver that moves messages, before its store of `merged` | copies that do not count | The next receiver moves them from the ring. |
//! | a receiver, before its store of `taken` | nothing is taken | What receivers keep is for the object to repair. |
//! | a receiver, after it | its batch is gone | Senders sleep no longer than to their next check. |

use crate::error::Refused;
use crate::mutex::RawMutex;
use crate::object::{Fact, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Count, Ordering};

/// The first message's position.
pub(crate) const FIRST: u64 = 1;

/// The words of the ring.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Inbox {
    front: Front,
    next: Position,
    back: Back,
    taken: Position,
}

/// What senders have to themselves.
#[repr(C, align(128))]
#[derive(Debug)]
struct Front {
    /// What `taken` was when a sender loaded it last.
    seen: AtomicU64,
    lock: RawMutex,
}

/// What receivers have to themselves.
#[repr(C, align(128))]
#[derive(Debug)]
struct Back {
    /// Messages below it were moved.
    merged: AtomicU64,
    lock: RawMutex,
}

/// A count that both sides read.
#[repr(C, align(128))]
#[derive(Debug)]
struct Position {
    count: Count,
}

/// Where the messages are, for the holder of the receivers' lock: they are those from `taken` to `next`.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) merged: u64,
    pub(crate) next: u64,
}

impl Counts {
    /// How many there are.
    pub(crate) fn len(self) -> u64 {
        self.next.wrapping_sub(self.taken)
    }

    /// After all of them were moved.
    pub(crate) fn merged(self) -> Self {
        Counts { merged: self.next, ..self }
    }

    /// How many of them receivers have moved.
    pub(crate) fn moved(self) -> u64 {
        self.merged.wrapping_sub(self.taken)
    }
}

/// Places of the ring for this many messages.
pub(crate) const fn places(capacity: u64) -> u64 {
    capacity.next_power_of_two()
}

impl Inbox {
    /// Where what lies.
    pub(crate) const LAYOUT: [Fact; 3] =
        [layout!(Inbox { front, next, back, taken }), layout!(Front { seen, lock }), layout!(Back { merged, lock })];

    pub(crate) fn new() -> Self {
        let position = || Position { count: Count::new(FIRST) };
        Inbox {
            front: Front { seen: AtomicU64::new(FIRST), lock: RawMutex::new() },
            next: position(),
            back: Back { merged: AtomicU64::new(FIRST), lock: RawMutex::new() },
            taken: position(),
        }
    }

    /// Senders exclude each other with it.
    #[inline(always)]
    pub(super) fn senders(&self) -> &RawMutex {
        &self.front.lock
    }

    /// Receivers exclude each other with it.
    #[inline(always)]
    pub(super) fn receivers(&self) -> &RawMutex {
        &self.back.lock
    }

    /// Frees the locks of a dead participant.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.front.lock.sweep(dead, platform);
        self.back.lock.sweep(dead, platform);
    }

    /// How many messages there are. A snapshot: 0 only if there was none at an instant of the call.
    pub(crate) fn len(&self, capacity: u64) -> u64 {
        // Acquire: its receiver had found `next` at least as great. As `next` only grows, no message is overlooked.
        let taken = self.taken.count.load(Ordering::Acquire);
        self.next.count.load(Ordering::Relaxed).wrapping_sub(taken).min(capacity)
    }

    /// Whether there is no message: only if there was none at an instant of the call.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        // Acquire: as in `len`.
        let taken = self.taken.count.load(Ordering::Acquire);
        // Relaxed: a hint. While there are some that were moved, the senders are left alone.
        self.back.merged.load(Ordering::Relaxed) == taken && self.next.count.load(Ordering::Relaxed) == taken
    }

    /// Whether there is no room: only if there was none at an instant of the call.
    #[inline(always)]
    pub(crate) fn is_full(&self, capacity: u64) -> bool {
        // Acquire: its sender had found `taken` as great as its room needs. As `taken` only grows, no place is overlooked.
        let next = self.next.count.load(Ordering::Acquire);
        // Relaxed: a hint. While there is room by it, the receivers are left alone.
        if next.wrapping_sub(self.front.seen.load(Ordering::Relaxed)) < capacity {
            return false;
        }
        let len = next.wrapping_sub(self.taken.count.load(Ordering::Relaxed));
        // Below 0 if more has been sent and taken meanwhile.
        (capacity..=u64::MAX / 2).contains(&len)
    }

    /// Lets `write` write messages to their positions, as many of `wanted` as there is room for, and puts them in. For the holder of the
    /// senders' lock.
    #[inline(always)]
    pub(crate) fn put(
        &self,
        capacity: u64,
        wanted: u64,
        write: impl FnOnce(u64, u64) -> Result<(), Refused>,
    ) -> Result<u64, Refused> {
        // Relaxed: the last sender's store came with the lock, by its unlock or by its seizure; and so did `seen`, and what it makes visible.
        let next = self.next.count.load(Ordering::Relaxed);
        let mut len = next.wrapping_sub(self.front.seen.load(Ordering::Relaxed));
        if capacity.saturating_sub(len) < wanted.max(1) {
            // Acquire, "freed".
            let taken = self.taken.count.load(Ordering::Acquire);
            self.front.seen.store(taken, Ordering::Relaxed);
            len = next.wrapping_sub(taken);
        }
        let room = capacity.checked_sub(len).ok_or(Refused::CORRUPTED)?;
        if room == 0 {
            return Err(Refused::NotNow);
        }
        let count = room.min(wanted);
        write(next, count)?;
        // Release, "sent": whole messages, also for a kill that comes behind it.
        self.next.count.store(next.wrapping_add(count), Ordering::Release);
        Ok(count)
    }

    /// The counts, for the holder of the receivers' lock.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow): there is no message.
    #[inline(always)]
    pub(crate) fn counts(&self, capacity: u64) -> Result<Counts, Refused> {
        // Relaxed: the last receiver's stores came with the lock. Acquire, "sent".
        let taken = self.taken.count.load(Ordering::Relaxed);
        let merged = self.back.merged.load(Ordering::Relaxed);
        let counts = Counts { taken, merged, next: self.next.count.load(Ordering::Acquire) };
        // More messages than fit make no sense.
        if counts.len() > capacity || counts.moved() > counts.len() {
            return Err(Refused::CORRUPTED);
        }
        if counts.len() == 0 { Err(Refused::NotNow) } else { Ok(counts) }
    }

    /// Says that all below `next` was moved.
    #[inline(always)]
    pub(crate) fn moved(&self, next: u64) {
        // Release: whole messages, for a kill that comes behind it.
        self.back.merged.store(next, Ordering::Release);
    }

    /// Says that all below `taken` was taken.
    #[inline(always)]
    pub(crate) fn took(&self, taken: u64) {
        // Release, "freed": what was read, also for a kill that comes behind it.
        self.taken.count.store(taken, Ordering::Release);
    }
}
