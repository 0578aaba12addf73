//! Where the words live, and what both ends share.
//!
//! ```text
//!    0   object header                          written once
//!  128   tail                                   the producer's line
//!  256   head                                   the consumer's line
//!  384   items, space (event counts), closed, the two roles
//!  512   the elements, side by side
//! ```

#[cfg(not(loom))]
use core::fmt;
#[cfg(not(loom))]
use core::marker::PhantomData;

use crate::error::{Fault, WaitTimeoutError};
#[cfg(not(loom))]
use crate::memory::{Memory, OBJECT_ALIGN};
#[cfg(not(loom))]
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
#[cfg(not(loom))]
use crate::participant::Dead;
use crate::participant::ParticipantId;
use crate::platform::Platform;
use crate::queue::Lone;
use crate::slots::Slots;
#[cfg(not(loom))]
use crate::slots::places;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Instant;
use crate::wait::{Attempt, EventCount, SpinBudget, block_until};

use super::role::{ClaimError, Role};
#[cfg(not(loom))]
use super::{Consumer, Producer};

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It sends.
    Producer,
    /// It receives.
    Consumer,
}

impl End {
    /// The other end.
    pub const fn other(self) -> End {
        match self {
            End::Producer => End::Consumer,
            End::Consumer => End::Producer,
        }
    }
}

/// The queue's words besides its elements.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Control {
    pub(super) tail: Lone,
    pub(super) head: Lone,
    pub(super) gates: Gates,
}

/// The words that both read and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Gates {
    /// The consumer sleeps here.
    pub(super) items: EventCount,
    /// The producer sleeps here.
    pub(super) space: EventCount,
    /// Not 0 once somebody has closed the queue.
    pub(super) closed: AtomicU32,
    pub(super) producer: Role,
    pub(super) consumer: Role,
}

#[cfg(not(loom))]
const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Control>();
#[cfg(not(loom))]
const _: () = assert!(size_of::<Control>() == 384 && SLOTS_OFFSET == 512);

impl Control {
    /// The words of an empty queue in a model, whose first element gets this position.
    #[cfg(loom)]
    pub fn new(start: u64) -> Self {
        use crate::sync::AtomicU64;
        Control {
            tail: Lone(AtomicU64::new(start)),
            head: Lone(AtomicU64::new(start)),
            gates: Gates {
                items: EventCount::new(),
                space: EventCount::new(),
                closed: AtomicU32::new(0),
                producer: Role::new(),
                consumer: Role::new(),
            },
        }
    }

    #[cfg(not(loom))]
    fn initialise(&self, start: u64) {
        self.tail.0.store(start, Ordering::Relaxed);
        self.head.0.store(start, Ordering::Relaxed);
        let Gates { items, space, closed, producer, consumer } = &self.gates;
        items.initialise();
        space.initialise();
        closed.store(0, Ordering::Relaxed);
        producer.initialise();
        consumer.initialise();
    }

    /// The role of this end.
    pub(super) fn role(&self, end: End) -> &Role {
        match end {
            End::Producer => &self.gates.producer,
            End::Consumer => &self.gates.consumer,
        }
    }

    /// Where this end sleeps.
    pub(super) fn gate(&self, end: End) -> &EventCount {
        match end {
            End::Producer => &self.gates.space,
            End::Consumer => &self.gates.items,
        }
    }

    /// Wakes both ends, for something besides the messages has changed.
    pub(super) fn wake_both<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }

    /// Gives an end up, and tells the other.
    pub(super) fn leave<P: Platform + ?Sized>(&self, end: End, platform: &P) {
        if platform.is_here() {
            self.role(end).release(platform.me());
            self.gate(end.other()).notify_all(platform);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire, "closed".
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        // Release, "closed"; Acquire for nobody.
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_both(platform);
        first
    }

    /// Elements in the queue: at most `capacity`. A snapshot; exact when nobody is at work.
    fn len(&self, capacity: u64) -> u64 {
        // `head` first: it cannot pass a tail that is read later.
        let head = self.head.0.load(Ordering::Acquire);
        self.tail.0.load(Ordering::Acquire).wrapping_sub(head).min(capacity)
    }

    /// The queue's figures.
    fn stats(&self, capacity: u64) -> Stats {
        Stats {
            len: self.len(capacity),
            capacity,
            sent: self.tail.0.load(Ordering::Relaxed),
            received: self.head.0.load(Ordering::Relaxed),
            closed: self.is_closed(),
            producer: self.gates.producer.holder(),
            consumer: self.gates.consumer.holder(),
        }
    }
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Elements in the queue.
    pub len: u64,
    /// How many fit.
    pub capacity: u64,
    /// Elements sent since the creation, modulo 2^64.
    pub sent: u64,
    /// Elements received since the creation, modulo 2^64.
    pub received: u64,
    /// Whether the queue is closed.
    pub closed: bool,
    /// Who holds the producing end, dead or alive.
    pub producer: Option<ParticipantId>,
    /// Who holds the consuming end, dead or alive.
    pub consumer: Option<ParticipantId>,
}

/// The words and the elements: what both ends work with.
pub struct Words<'m, T> {
    pub(super) control: &'m Control,
    pub(super) slots: Slots<'m, T>,
    pub(super) capacity: u64,
}

impl<T> Clone for Words<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Words<'_, T> {}

// Shared memory is not touched.
impl<T> core::fmt::Debug for Words<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Words").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl<'m, T> Words<'m, T> {
    /// The words of a model.
    #[cfg(loom)]
    pub fn new(control: &'m Control, places: &'m [crate::slots::Place], capacity: u64) -> Self {
        Words { control, slots: Slots::over(places), capacity }
    }

    /// The queue's figures. A handful of loads.
    pub fn stats(&self) -> Stats {
        self.control.stats(self.capacity)
    }

    /// Claims an end: the place at which its holder goes on, and as far as it can go without a look at the other end.
    pub(super) fn take_over<P: Platform + ?Sized>(&self, end: End, platform: &P) -> Result<(u64, u64), ClaimError> {
        let role = self.control.role(end);
        role.claim(platform)?;
        // Relaxed: whatever the last holder stored is visible since the claim ("role"), and nobody else writes our index. The
        // other index: Acquire, as at every look.
        let (tail, head) = match end {
            End::Producer => (self.control.tail.0.load(Ordering::Relaxed), self.control.head.0.load(Ordering::Acquire)),
            End::Consumer => {
                let head = self.control.head.0.load(Ordering::Relaxed);
                (self.control.tail.0.load(Ordering::Acquire), head)
            }
        };
        if tail.wrapping_sub(head) > self.capacity {
            role.release(platform.me());
            return Err(ClaimError::Fault(Fault::Corrupted));
        }
        // The other end may wait for somebody to come (`wait_for_other`).
        self.control.gate(end.other()).notify_all(platform);
        Ok(match end {
            End::Producer => (tail, head.wrapping_add(self.capacity)),
            End::Consumer => (head, tail),
        })
    }
}

impl<T> Words<'_, T> {
    /// Waits until somebody alive holds the end opposite to `mine`.
    pub(super) fn wait_for_other<P: Platform + ?Sized>(
        &self,
        mine: End,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<(), WaitTimeoutError> {
        let role = self.control.role(mine.other());
        let attempt = |thorough: bool| {
            if thorough {
                // Removes a dead holder.
                role.is_deserted(platform);
            }
            if role.holder().is_some() { Attempt::Done(()) } else { Attempt::NotYet }
        };
        block_until(platform, self.control.gate(mine), budget, deadline, attempt).ok_or(WaitTimeoutError::Timeout)
    }
}

/// Bytes of a queue of `T`, a multiple of the object alignment; `None` if there can be none.
#[cfg(not(loom))]
pub const fn footprint<T>(capacity: u64) -> Option<u64> {
    match places::<T>(capacity) {
        Some(places) if align_of::<T>() <= OBJECT_ALIGN => {
            Some(((SLOTS_OFFSET + places * size_of::<T>()) as u64).next_multiple_of(OBJECT_ALIGN as u64))
        }
        _ => None,
    }
}

#[cfg(not(loom))]
fn control(memory: Memory<'_>) -> Result<&Control, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: SLOTS_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<Control>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// Repairs a queue of whatever type after a dead participant.
#[cfg(not(loom))]
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    let control = control(memory)?;
    control.gates.producer.sweep(dead);
    control.gates.consumer.sweep(dead);
    // It may have owed a wake-up, and both may wait for its end.
    control.wake_both(platform);
    Ok(())
}

/// A handle of the queue in shared memory, from which the ends are claimed. See the [module](super).
#[cfg(not(loom))]
pub struct Spsc<'m, T, P> {
    words: Words<'m, T>,
    platform: P,
    element: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched.
#[cfg(not(loom))]
impl<T, P> fmt::Debug for Spsc<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spsc").field("capacity", &self.words.capacity).finish_non_exhaustive()
    }
}

#[cfg(not(loom))]
impl<'m, T, P: Platform> Spsc<'m, T, P> {
    fn over(memory: Memory<'m>, capacity: u64, platform: P) -> Result<Self, ShapeError> {
        let impossible = ShapeError::Capacity { wanted: capacity };
        let places = places::<T>(capacity).ok_or(impossible)?;
        let wanted = footprint::<T>(capacity).ok_or(impossible)?;
        let too_small = ShapeError::TooSmall { wanted, found: memory.len() as u64 };
        let slots = Slots::new(memory, SLOTS_OFFSET, places).ok_or(too_small)?;
        let words = Words { control: control(memory)?, slots, capacity };
        Ok(Spsc { words, platform, element: PhantomData })
    }

    /// Lays an empty queue into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(memory: Memory<'m>, capacity: u64, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::create_at(memory, capacity, schema, platform, 0)
    }

    /// [`create`](Self::create) with a first position other than 0: for tests of the wrap at 2^64.
    #[doc(hidden)]
    pub fn create_at(
        memory: Memory<'m>,
        capacity: u64,
        schema: u64,
        platform: P,
        start: u64,
    ) -> Result<Self, ShapeError> {
        let length = footprint::<T>(capacity).ok_or(ShapeError::Capacity { wanted: capacity })?;
        let this = Self::over(memory, capacity, platform)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Shape::of::<T>(Kind::Spsc, capacity, schema), length);
        this.words.control.initialise(start);
        header.publish();
        Ok(this)
    }

    /// A handle of the queue that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let (shape, length) = object::checked(memory, &Shape::of::<T>(Kind::Spsc, 0, schema))?;
        let this = Self::over(memory, shape.capacity, platform)?;
        match footprint::<T>(shape.capacity) {
            Some(wanted) if wanted == length => Ok(this),
            wanted => Err(ShapeError::Differs { field: Field::Length, wanted: wanted.unwrap_or(0), found: length }),
        }
    }

    /// Another handle of the same queue. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Spsc<'m, T, Q> {
        Spsc { words: self.words, platform, element: PhantomData }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.words.capacity as usize
    }

    /// The queue's figures. A handful of loads.
    pub fn stats(&self) -> Stats {
        self.words.stats()
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.words.control.is_closed()
    }

    /// Closes the queue for good; `true` if this call did. A message that the producer is sending at this instant may still get
    /// in: if that matters, [close at the producer](Producer::close).
    pub fn close(&self) -> bool {
        self.words.control.close(&self.platform)
    }

    /// Claims the producing end.
    pub fn producer<Q: Platform>(&self, platform: Q) -> Result<Producer<'m, T, Q>, ClaimError> {
        Producer::claim(self.words, platform)
    }

    /// Claims the consuming end.
    pub fn consumer<Q: Platform>(&self, platform: Q) -> Result<Consumer<'m, T, Q>, ClaimError> {
        Consumer::claim(self.words, platform)
    }
}
