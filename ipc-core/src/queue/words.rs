//! The queue's words, and where they lie.
//!
//! ```text
//!    0   object header                                     written once
//!  128   tail                                              the producers' line
//!  256   head                                              the consumers' line
//!  384   items, space (event counts), closing, seen, ...   read by all, written when somebody sleeps, closes or joins
//!  512   the participants that hold a sender half          1024 bits
//!  640   the participants that hold a receiver half        1024 bits
//!  768   the slots: stamp, payload cells; stamp, ...
//! ```

use crate::ring::{Geometry, Position, Ring};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Gate;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Kind, Object, Shape, ShapeError, layout, sizes};
use crate::participant::Dead;
use crate::platform::Platform;

use crate::ends::{Presence, Role};

/// A word alone on its pair of cache lines, against false sharing.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Lone(pub AtomicU64);

/// The queue's words besides its slots.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    pub(super) tail: Lone,
    pub(super) head: Lone,
    pub(super) gates: Gates,
    pub(super) senders: Presence,
    pub(super) receivers: Presence,
}

/// The words that everybody reads and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Gates {
    /// Consumers sleep here.
    pub items: Gate,
    /// Producers sleep here.
    pub space: Gate,
    /// Not 0 once somebody has begun to close: a process that sees it completes the closing (in `tail`).
    pub closing: AtomicU32,
    pub(super) _reserved: AtomicU32,
    /// Tickets that were given up for dead producers: statistics.
    pub given_up: AtomicU64,
}

/// Bytes from the start of the object to the first slot.
pub const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();

crate::sync::assert_layout!(size_of::<Words>() == 640 && SLOTS_OFFSET == 768);

impl Words {
    /// The words of an empty queue whose first message gets this position.
    fn new(start: Position) -> Self {
        Words {
            tail: Lone(AtomicU64::new(Ring::first_tail(start))),
            head: Lone(AtomicU64::new(Ring::first_head(start))),
            gates: Gates {
                items: Gate::new(),
                space: Gate::new(),
                closing: AtomicU32::new(0),
                _reserved: AtomicU32::new(0),
                given_up: AtomicU64::new(0),
            },
            senders: Presence::new(),
            receivers: Presence::new(),
        }
    }
}

/// A queue in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    pub(super) ring: Ring<'m>,
}

/// The geometry of a queue of elements of this size. A capacity of 0, or larger than an address space, is not possible.
pub(super) const fn geometry(capacity: u64, element_size: usize) -> Option<Geometry> {
    Geometry::new(capacity, 1 + element_size.div_ceil(8))
}

/// Bytes of a queue with this geometry, a multiple of the object alignment.
pub(super) const fn bytes(geometry: &Geometry) -> u64 {
    ((SLOTS_OFFSET + geometry.cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
}

pub(super) fn geometry_of(shape: &Shape) -> Result<Geometry, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    geometry(shape.capacity, shape.element_size as usize).ok_or(impossible)
}

// SAFETY: atomics behind the header of every queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tail, head, gates, senders, receivers }),
        layout!(Gates { items, space, closing, _reserved, given_up }),
        layout!(Presence),
        Fact::number("slots", SLOTS_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        geometry_of(shape)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        bytes(geometry)
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(geometry), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(SLOTS_OFFSET, geometry.cells()) }.ok_or(too_small)?;
        let words = &words[0];
        let ring = Ring::new(&words.tail.0, &words.head.0, cells, *geometry).ok_or(too_small)?;
        Ok(View { words, ring })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue whose first message gets this position.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry, start: Position) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new(start)) }.ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // A region's memory is zeroes, and a large one's are not touched before they are used; a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(SLOTS_OFFSET, geometry.cells(), |_| AtomicU64::new(0)) };
        }
        // SAFETY: the words were made just now.
        unsafe { Words::view(memory, geometry)? }.ring.initialise(start);
        Ok(())
    }

    /// Who holds a half of this kind.
    #[inline(always)]
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

    pub(super) fn count_given_up(&self, tickets: u64) {
        // Relaxed: statistics.
        self.words.gates.given_up.fetch_add(tickets, Ordering::Relaxed);
    }

    /// Gives up the unpublished tickets of a dead participant, removes its halves, and wakes those that waited for it. A second sweeper is
    /// harmless, and counts only what it has given up itself.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let given_up = self.ring.sweep(dead);
        self.count_given_up(given_up);
        self.words.senders.sweep(dead);
        self.words.receivers.sweep(dead);
        // The dead one may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.space.rouse(platform);
    }

    /// The queue's figures.
    pub fn stats(&self) -> Stats {
        let (received, sent) = self.ring.counts();
        Stats {
            len: self.ring.len(),
            capacity: self.ring.geometry().capacity(),
            sent,
            received,
            given_up: self.words.gates.given_up.load(Ordering::Relaxed),
            closed: self.ring.is_closed(),
        }
    }
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages in the queue, counting those that are being written.
    pub len: u64,
    /// How many fit.
    pub capacity: u64,
    /// Tickets given to senders since the creation, modulo 2^52.
    pub sent: u64,
    /// Positions that were taken out (or passed over) since the creation, modulo 2^52.
    pub received: u64,
    /// Tickets that were given up because their sender died before it published.
    pub given_up: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

/// A queue of any element type, for looking: only loads, so read-only memory will do.
///
/// # Errors
///
/// [`ShapeError`]: there is no queue in this memory.
pub fn inspect<'m>(memory: Memory<'m>) -> Result<View<'m>, ShapeError> {
    let (_, geometry) = sizes::<Words>(memory, Kind::Queue)?;
    // SAFETY: `sizes` has found a queue of these sizes.
    unsafe { Words::view(memory, &geometry) }
}

/// The figures of the queue in this memory. Only loads.
///
/// # Errors
///
/// [`ShapeError`]: there is no queue in this memory.
pub fn stats(memory: Memory<'_>) -> Result<Stats, ShapeError> {
    inspect(memory).map(|queue| queue.stats())
}
