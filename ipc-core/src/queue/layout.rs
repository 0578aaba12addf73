//! Where a queue's words live.
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

use crate::ring::{Geometry, Ring, stride};
use crate::sync::AtomicU64;
use crate::sync::{AtomicU32, Ordering};
use crate::wait::EventCount;

#[cfg(not(loom))]
use crate::memory::Memory;
#[cfg(not(loom))]
use crate::object::{HEADER_BYTES, ShapeError};

use super::presence::Presence;

/// A word alone on its pair of cache lines.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Lone(pub AtomicU64);

/// The queue's words besides its slots.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Control {
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
    pub items: EventCount,
    /// Producers sleep here.
    pub space: EventCount,
    /// Not 0 once somebody has begun to close: whoever sees it completes the closing (in `tail`).
    pub closing: AtomicU32,
    pub(super) _reserved: AtomicU32,
    /// Tickets that were given up for dead producers: statistics.
    pub given_up: AtomicU64,
}

/// Bytes from the start of the object to the first slot.
#[cfg(not(loom))]
pub const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Control>();

#[cfg(not(loom))]
const _: () = assert!(size_of::<Control>() == 640 && SLOTS_OFFSET == 768);

/// The views that a queue works with.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'m> {
    pub(super) control: &'m Control,
    pub(super) ring: Ring<'m>,
}

impl<'m> Parts<'m> {
    /// The parts of a queue over these words. `None` if `cells` has not the length that the geometry says.
    pub fn new(control: &'m Control, cells: &'m [AtomicU64], geometry: Geometry) -> Option<Self> {
        Ring::new(&control.tail.0, &control.head.0, cells, geometry).map(|ring| Parts { control, ring })
    }

    /// Writes the words of an empty queue whose first message gets position number `start`. The caller has the
    /// memory to itself and publishes it afterwards.
    pub fn initialise(&self, start: u64) {
        self.ring.initialise(crate::ring::Position::new(start));
        #[cfg(not(loom))]
        {
            let Gates { items, space, closing, _reserved: _, given_up } = &self.control.gates;
            items.initialise();
            space.initialise();
            closing.store(0, Ordering::Relaxed);
            given_up.store(0, Ordering::Relaxed);
            self.control.senders.initialise();
            self.control.receivers.initialise();
        }
    }

    /// The parts of the queue that starts at `memory`'s begin, for a geometry that the caller has validated.
    #[cfg(not(loom))]
    pub(super) fn of(memory: Memory<'m>, geometry: Geometry) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(&geometry), found: memory.len() as u64 };
        // SAFETY: Control is made of atomics, and these bytes are never viewed as anything else.
        let control = unsafe { memory.atomics::<Control>(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: as above, for the cells.
        let cells = unsafe { memory.atomics::<AtomicU64>(SLOTS_OFFSET, geometry.cells()) }.ok_or(too_small)?;
        Parts::new(&control[0], cells, geometry).ok_or(too_small)
    }

    pub(super) fn count_given_up(&self, tickets: u64) {
        // Relaxed: statistics.
        self.control.gates.given_up.fetch_add(tickets, Ordering::Relaxed);
    }
}

/// Bytes of a queue with this geometry, a multiple of the object alignment.
#[cfg(not(loom))]
pub const fn bytes(geometry: &Geometry) -> u64 {
    ((SLOTS_OFFSET + geometry.cells() * 8) as u64).next_multiple_of(crate::memory::OBJECT_ALIGN as u64)
}

/// The geometry of a queue of `T`.
pub const fn geometry<T>(capacity: u64) -> Option<Geometry> {
    Geometry::new(capacity, stride::<T>())
}

#[cfg(loom)]
impl Control {
    /// The words of a queue in a model.
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Control {
            tail: Lone(AtomicU64::new(0)),
            head: Lone(AtomicU64::new(0)),
            gates: Gates {
                items: EventCount::new(),
                space: EventCount::new(),
                closing: AtomicU32::new(0),
                _reserved: AtomicU32::new(0),
                given_up: AtomicU64::new(0),
            },
            senders: Presence::new(),
            receivers: Presence::new(),
        }
    }
}
