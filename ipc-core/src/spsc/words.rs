//! The queue's words, and where they lie.
//!
//! ```text
//!    0   object header                          written once
//!  128   tail, a copy of the last element        the producer's line
//!  256   head                                   the consumer's line
//!  384   items, space (event counts), closed, the two roles
//!  512   the elements, side by side
//! ```

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::queue::Lone;
use crate::slots::{Slots, places, stride};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::EventCount;

use super::front::Front;
use super::lane::Lane;
use super::role::Role;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end that sends.
    Producer,
    /// The end that receives.
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
pub struct Words {
    pub(super) front: Front,
    pub(super) head: Lone,
    pub(super) gates: Gates,
}

/// The words that both ends read and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Gates {
    /// The consumer sleeps here.
    pub(super) items: EventCount,
    /// The producer sleeps here.
    pub(super) space: EventCount,
    /// Not 0 once the queue is closed.
    pub(super) closed: AtomicU32,
    pub(super) producer: Role,
    pub(super) consumer: Role,
}

/// Bytes from the start of the object to the first element.
const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(size_of::<Words>() == 384 && SLOTS_OFFSET == 512);

/// All sizes of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    capacity: u64,
    places: usize,
    bytes: u64,
}

/// The sizes of a queue of such elements; `None` if there can be none.
pub(super) const fn geometry(capacity: u64, element_size: usize, element_align: usize) -> Option<Geometry> {
    if element_align > OBJECT_ALIGN {
        return None;
    }
    match places(capacity, element_size) {
        Some(places) => {
            let bytes = (SLOTS_OFFSET + places * stride(element_size)) as u64;
            Some(Geometry { capacity, places, bytes: bytes.next_multiple_of(OBJECT_ALIGN as u64) })
        }
        None => None,
    }
}

impl Geometry {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn of(shape: &Shape) -> Result<Self, ShapeError> {
        let impossible = ShapeError::Capacity { wanted: shape.capacity };
        shape.check_align()?;
        geometry(shape.capacity, shape.element_size as usize, shape.element_align as usize).ok_or(impossible)
    }
}

// SAFETY: atomics behind the header of every one-to-one queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { front, head, gates }),
        Front::LAYOUT,
        layout!(Gates { items, space, closed, producer, consumer }),
        Fact::number("slots", SLOTS_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = &'m Words;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        Geometry::of(shape)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<&'m Words, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object.
        unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }

    fn sweep<P: Platform + ?Sized>(words: &Words, dead: &Dead, platform: &P) {
        words.gates.producer.sweep(dead);
        words.gates.consumer.sweep(dead);
        // The dead process may have owed a wake-up, and its peer may wait for its end.
        words.gates.items.rouse(platform);
        words.gates.space.rouse(platform);
    }
}

impl Words {
    /// The words of an empty queue whose first element gets this position.
    fn new(start: u64) -> Self {
        Words {
            front: Front::new(start),
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

    /// Wakes both ends: something other than the elements has changed.
    fn wake_both<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire, "closed".
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        // Release, "closed". The Acquire has no partner.
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_both(platform);
        first
    }
}

/// The words and the elements: what both ends work with.
pub(crate) struct View<'m, T, W = &'m Words> {
    pub(super) words: W,
    pub(super) slots: Slots<'m, T>,
    pub(super) capacity: u64,
}

impl<T, W: Copy> Clone for View<'_, T, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, W: Copy> Copy for View<'_, T, W> {}

impl<'m, T, W> View<'m, T, W> {
    /// A ring of these words and places. `capacity` is at most the number of places.
    pub(crate) fn new(words: W, slots: Slots<'m, T>, capacity: u64) -> Self {
        View { words, slots, capacity }
    }
}

impl<T, W: Lane> View<'_, T, W> {
    /// Elements in the queue: at most `capacity`. A snapshot, exact while neither end is at work.
    pub(super) fn len(&self) -> u64 {
        // `head` first: it cannot pass a tail that is read later.
        let words = &self.words;
        let head = words.position(words.head().0.load(Ordering::Acquire));
        words.position(words.front().tail.load(Ordering::Acquire)).wrapping_sub(head).min(self.capacity)
    }
}

impl<'m, T> View<'m, T> {
    /// Writes the words of an empty queue whose first element gets this position.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'m>, geometry: &Geometry, start: u64) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new(start)) }.ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { Slots::<T>::lay(memory, SLOTS_OFFSET, geometry.places) };
        Ok(())
    }

    /// The queue of these sizes in `memory`.
    ///
    /// # Safety
    ///
    /// A queue of `T` of these sizes lies there.
    pub(super) unsafe fn over(memory: Memory<'m>, geometry: &Geometry) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        let slots = Slots::new(memory, SLOTS_OFFSET, geometry.places).ok_or(too_small)?;
        // SAFETY: the caller's promise.
        let words = unsafe { Words::view(memory, geometry)? };
        Ok(View { words, slots, capacity: geometry.capacity })
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            len: self.len(),
            capacity: self.capacity,
            sent: self.words.front.tail.load(Ordering::Relaxed),
            received: self.words.head.0.load(Ordering::Relaxed),
            closed: self.words.is_closed(),
            producer: self.words.gates.producer.holder(),
            consumer: self.words.gates.consumer.holder(),
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
    /// The participant that holds the producing end, dead or alive.
    pub producer: Option<ParticipantId>,
    /// The participant that holds the consuming end, dead or alive.
    pub consumer: Option<ParticipantId>,
}
