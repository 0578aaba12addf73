//! The words, and where they lie.
//!
//! ```text
//!    0   object header                             written once
//!  128   tail, limit, the publishers' lock         the publishers' line
//!  256   items, space (event counts), closed, ...  read by all
//!  384   the participants that count as publishers   1024 bits
//!  512   cursors: position, owner                  one line pair each; only where publishers wait for subscribers
//!        slots: stamp, payload cells; stamp, ...   a message and which one it is
//! ```

use crate::ends::{Presence, Role};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::RawMutex;
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, OwnerBits, ParticipantId};
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Gate;

/// The most subscribers that publishers wait for.
pub(super) const MOST_CURSORS: u32 = 1 << 16;

/// The words besides the cursors and the slots.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    pub(super) front: Front,
    pub(super) gates: Gates,
    pub(super) publishers: Presence,
}

#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Front {
    pub(super) tail: AtomicU64,
    /// The first position that would overwrite a message which a subscriber has still to read, as of the last check of the cursors.
    /// Under the lock.
    pub(super) limit: AtomicU64,
    pub(super) lock: RawMutex,
}

#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Gates {
    /// Subscribers sleep here.
    pub(super) items: Gate,
    /// Publishers sleep here.
    pub(super) space: Gate,
    closed: AtomicU32,
    /// Cursors; 0 if publishers do not wait for subscribers. Written once.
    cursors: AtomicU32,
}

/// The place of a subscriber.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) next: AtomicU64,
    /// 0: nobody's.
    pub(super) owner: AtomicU32,
}

const CURSORS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(CURSORS_OFFSET == 512 && size_of::<Cursor>() == 128);

/// All sizes of a broadcast.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    pub(super) cursors: u32,
    /// Cells of a slot: its stamp and the payload.
    stride: usize,
    slots: usize,
    slots_offset: usize,
    bytes: u64,
}

impl Geometry {
    /// The sizes of a broadcast of such elements; `None` if there can be none.
    pub(super) const fn new(capacity: u64, element_size: usize, cursors: u32) -> Option<Self> {
        if capacity == 0 || capacity > 1 << 40 || cursors > MOST_CURSORS {
            return None;
        }
        let stride = 1 + element_size.div_ceil(size_of::<u64>());
        let slots = capacity.next_power_of_two() as usize;
        let slots_offset = CURSORS_OFFSET + cursors as usize * size_of::<Cursor>();
        match slots.checked_mul(stride * size_of::<AtomicU64>()) {
            Some(bytes) if bytes < isize::MAX as usize / 2 => {
                let bytes = ((slots_offset + bytes) as u64).next_multiple_of(OBJECT_ALIGN as u64);
                Some(Geometry { capacity, cursors, stride, slots, slots_offset, bytes })
            }
            _ => None,
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn too_small(&self, memory: Memory<'_>) -> ShapeError {
        ShapeError::TooSmall { wanted: self.bytes, found: memory.len() as u64 }
    }
}

/// The stamp of a slot that holds the message of this position; one less while it is being written.
pub(super) const fn stamp(position: u64) -> u64 {
    position.wrapping_mul(2).wrapping_add(2)
}

impl Cursor {
    fn new() -> Self {
        Cursor { next: AtomicU64::new(0), owner: AtomicU32::new(0) }
    }

    pub(super) fn holder(&self) -> Option<ParticipantId> {
        // Acquire: with the owner comes the position that it began with.
        OwnerBits::LOW.owner32(self.owner.load(Ordering::Acquire))
    }
}

// SAFETY: atomics behind the header of every broadcast.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { front, gates, publishers }),
        layout!(Front { tail, limit, lock }),
        layout!(Gates { items, space, closed, cursors }),
        layout!(Cursor { next, owner }),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: CURSORS_OFFSET as u64, found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object.
        let words = unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // Relaxed: written once, before the header.
        let cursors = words[0].gates.cursors.load(Ordering::Relaxed);
        Geometry::new(shape.capacity, shape.element_size as usize, cursors)
            .ok_or(ShapeError::Capacity { wanted: shape.capacity })
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = geometry.too_small(memory);
        // SAFETY: the caller vouches for the object.
        let words = unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: as above.
        let cursors = unsafe { memory.atomics(CURSORS_OFFSET, geometry.cursors as usize) }.ok_or(too_small)?;
        // SAFETY: as above.
        let cells = unsafe { memory.atomics(geometry.slots_offset, geometry.slots * geometry.stride) };
        Ok(View {
            words: &words[0],
            cursors,
            cells: cells.ok_or(too_small)?,
            capacity: geometry.capacity,
            stride: geometry.stride,
            mask: geometry.slots as u64 - 1,
        })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

/// A broadcast in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    pub(super) cursors: &'m [Cursor],
    cells: &'m [AtomicU64],
    pub(super) capacity: u64,
    pub(super) stride: usize,
    /// Slots less one.
    pub(super) mask: u64,
}

impl<'m> View<'m> {
    /// Writes the words of a broadcast without messages.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'m>, geometry: &Geometry) -> Result<(), ShapeError> {
        let too_small = geometry.too_small(memory);
        let new = |_| Words {
            front: Front { tail: AtomicU64::new(0), limit: AtomicU64::new(0), lock: RawMutex::new() },
            gates: Gates {
                items: Gate::new(),
                space: Gate::new(),
                closed: AtomicU32::new(0),
                cursors: AtomicU32::new(geometry.cursors),
            },
            publishers: Presence::new(),
        };
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, new) }.ok_or(too_small)?;
        // SAFETY: the caller's promise.
        unsafe { memory.place(CURSORS_OFFSET, geometry.cursors as usize, |_| Cursor::new()) }.ok_or(too_small)?;
        let cells = geometry.slots * geometry.stride;
        if cfg!(loom) {
            // SAFETY: the caller's promise.
            unsafe { memory.place(geometry.slots_offset, cells, |_| AtomicU64::new(0)) }.ok_or(too_small)?;
        }
        // SAFETY: atomics, and the caller's promise.
        let cells: &[AtomicU64] = unsafe { memory.atomics(geometry.slots_offset, cells) }.ok_or(too_small)?;
        for slot in cells.chunks(geometry.stride) {
            // Relaxed: visible with the publication of the whole object.
            slot[0].store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn slot(&self, position: u64) -> &'m [AtomicU64] {
        &self.cells[(position & self.mask) as usize * self.stride..][..self.stride]
    }

    /// The next position.
    #[inline(always)]
    pub(super) fn tail(&self) -> u64 {
        // Acquire, "published".
        self.words.front.tail.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`.
        self.words.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes it: `true` if it was open. A publisher that has passed its check already still gets its message in.
    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.words.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_all(platform);
        first
    }

    /// Who has a counted publisher, whichever role is asked for: subscribers are in no set.
    pub(super) fn presence(&self, _: Role) -> &'m Presence {
        &self.words.publishers
    }

    /// Where publishers (senders) or subscribers (receivers) sleep.
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        match role {
            Role::Sender => &self.words.gates.space,
            Role::Receiver => &self.words.gates.items,
        }
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.words.gates.items.notify_all(platform);
        self.words.gates.space.notify_all(platform);
    }

    /// How many subscribers publishers wait for, dead ones that no process has noticed included.
    pub(super) fn subscribers(&self) -> usize {
        self.cursors.iter().filter(|cursor| cursor.holder().is_some()).count()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            published: self.tail(),
            capacity: self.capacity,
            subscribers: self.subscribers() as u64,
            closed: self.is_closed(),
        }
    }

    /// Frees the lock and the cursors of a dead participant, removes it from the publishers, and wakes every thread to which it may have
    /// owed a wake-up. A second sweeper is harmless: a lock or a cursor that was freed does not name the dead one again.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.words.front.lock.sweep(dead, platform);
        for cursor in self.cursors {
            // Relaxed: the compare-exchange is what counts. The whole word goes, bits that nobody sets included: the name that is read
            // from a damaged word would otherwise stay.
            let seen = cursor.owner.load(Ordering::Relaxed);
            if OwnerBits::LOW.owner32(seen) == Some(dead.who()) {
                let _ = cursor.owner.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        self.words.publishers.sweep(dead);
        // The dead participant may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.space.rouse(platform);
    }
}

/// A snapshot of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages published since the creation.
    pub published: u64,
    /// How many are kept.
    pub capacity: u64,
    /// Subscribers that publishers wait for, dead ones that no process has noticed included.
    pub subscribers: u64,
    /// Whether it is closed.
    pub closed: bool,
}
