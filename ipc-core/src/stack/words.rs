//! The stack's words, where the entries lie, and how messages go in and out.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Around, Inbox, Presence, Role, Sides, Taken, places};
use crate::error::Refused;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering};
use crate::wait::Gate;

/// The most messages that a stack may hold.
const MOST: u64 = 1 << 40;

/// The words besides the entries.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    inbox: Inbox,
    sides: Sides,
}

/// Bytes from the start of the object to the lowest entry.
const ENTRIES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(ENTRIES_OFFSET == 1024);

/// A stack's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    capacity: u64,
    /// The 64-bit cells of an entry.
    stride: usize,
    /// Places of the ring.
    places: usize,
    /// Bytes from the start of the object to the ring.
    ring: usize,
}

impl Geometry {
    /// For this many elements of this size; `None` if there can be none.
    pub(super) const fn new(capacity: u64, element_size: usize) -> Option<Self> {
        let stride = element_size.div_ceil(size_of::<u64>());
        if capacity == 0 || capacity > MOST {
            return None;
        }
        let places = places(capacity);
        match places.checked_mul(stride as u64) {
            Some(cells) if cells <= isize::MAX as u64 / 16 => {}
            _ => return None,
        }
        let entries = capacity as usize * stride * size_of::<AtomicU64>();
        let ring = ENTRIES_OFFSET + entries.next_multiple_of(OBJECT_ALIGN);
        Some(Geometry { capacity, stride, places: places as usize, ring })
    }

    const fn cells(&self) -> usize {
        self.capacity as usize * self.stride
    }

    const fn ring_cells(&self) -> usize {
        self.places * self.stride
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        ((self.ring + self.ring_cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }
}

pub(super) fn geometry_of(shape: &Shape) -> Result<Geometry, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    Geometry::new(shape.capacity, shape.element_size as usize).ok_or(impossible)
}

/// The words and the entries.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    cells: &'m [AtomicU64],
    /// What senders have sent and receivers have not put on top yet.
    ring: &'m [AtomicU64],
    geometry: Geometry,
}

// SAFETY: atomics behind the header of every stack.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { inbox, sides }),
        Inbox::LAYOUT[0],
        Inbox::LAYOUT[1],
        Inbox::LAYOUT[2],
        Sides::LAYOUT[0],
        Sides::LAYOUT[1],
        Fact::number("entries", ENTRIES_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        geometry_of(shape)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(ENTRIES_OFFSET, geometry.cells()) }.ok_or(too_small)?;
        // SAFETY: see above.
        let ring = unsafe { memory.atomics(geometry.ring, geometry.ring_cells()) }.ok_or(too_small)?;
        Ok(View { words: &words[0], cells, ring, geometry: *geometry })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty stack.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words { inbox: Inbox::new(), sides: Sides::new() }) }
            .ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // No entry is read before it is written; a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(ENTRIES_OFFSET, geometry.cells(), |_| AtomicU64::new(0)) };
            // SAFETY: the caller's promise.
            unsafe { memory.place(geometry.ring, geometry.ring_cells(), |_| AtomicU64::new(0)) };
        }
        Ok(())
    }

    /// The words of senders and receivers.
    #[inline(always)]
    pub(super) fn sides(&self) -> &'m Sides {
        &self.words.sides
    }

    /// Who holds a half of this kind.
    #[inline(always)]
    pub(super) fn presence(&self, role: Role) -> &'m Presence {
        self.sides().presence(role)
    }

    /// Where senders sleep, and where receivers do.
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        self.sides().gate(role)
    }

    /// Repairs after a dead participant.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.sides().sweep(&self.words.inbox, dead, platform);
    }

    /// How many messages fit.
    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }

    /// How many messages there are. A snapshot: 0 only if there was none at an instant of the call.
    pub(super) fn len(&self) -> u64 {
        self.words.inbox.len(self.geometry.capacity)
    }

    /// Whether there is no room: only if there was none at an instant of the call.
    pub(super) fn is_full(&self) -> bool {
        self.words.inbox.is_full(self.geometry.capacity)
    }

    /// The entry with this number, which is less than the capacity.
    #[inline(always)]
    fn entry<T>(&self, number: u64) -> Result<&'m [AtomicU64], Refused> {
        // The type's own, not the object's, which is the same: so the copy's length is known.
        let stride = const { payload::cells::<T>() };
        let start = number as usize * stride;
        self.cells.get(start..start + stride).ok_or(Refused::CORRUPTED)
    }

    /// The place in the ring of the message with this position.
    #[inline(always)]
    fn place<T>(&self, position: u64) -> Result<&'m [AtomicU64], Refused> {
        let stride = const { payload::cells::<T>() };
        let start = (position as usize & (self.geometry.places - 1)) * stride;
        self.ring.get(start..start + stride).ok_or(Refused::CORRUPTED)
    }

    /// Puts as many of these on top as there is room for, one after the other.
    #[inline]
    pub(super) fn put<T: NoUninit, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        values: &[T],
    ) -> Result<usize, Refused> {
        let (inbox, capacity) = (&self.words.inbox, self.geometry.capacity);
        self.sides().send(inbox, around, capacity, || {
            inbox.put(capacity, values.len() as u64, |next, count| {
                for (ahead, value) in (0..count).zip(values) {
                    payload::store(value, self.place::<T>(next.wrapping_add(ahead))?);
                }
                Ok(())
            })
        })
    }

    /// Puts what was sent on top of the entries. Returns how many there are then, at least one, and how many were taken in all.
    #[inline(always)]
    fn gather<T>(&self) -> Result<(u64, u64), Refused> {
        let inbox = &self.words.inbox;
        let counts = inbox.counts(self.geometry.capacity)?;
        if counts.merged != counts.next {
            for number in counts.moved()..counts.len() {
                let from = self.place::<T>(counts.taken.wrapping_add(number))?;
                for (from, to) in from.iter().zip(self.entry::<T>(number)?) {
                    // Relaxed: "sent".
                    to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
            inbox.moved(counts.next);
        }
        Ok((counts.len(), counts.taken))
    }

    /// Copies the topmost message, which stays.
    pub(super) fn peek<T: CheckedBitPattern, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        place: &mut MaybeUninit<T>,
    ) -> Result<(), Refused> {
        self.sides().peek(&self.words.inbox, around, || {
            let (len, _) = self.gather::<T>()?;
            payload::load_into(self.entry::<T>(len - 1)?, place);
            // SAFETY: copied from cells, all of which are initialised.
            Ok(unsafe { payload::valid_prefix(core::slice::from_ref(place)) } == 1)
        })
    }

    /// Takes as many messages off the top as there are and as fit, the topmost first.
    #[inline]
    pub(super) fn take<T: CheckedBitPattern, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        out: &mut [MaybeUninit<T>],
    ) -> Result<usize, Refused> {
        self.sides().receive(&self.words.inbox, around, |result| {
            let (len, before) = self.gather::<T>()?;
            let count = len.min(out.len() as u64);
            let copied = &mut out[..count as usize];
            for (number, place) in (len - count..len).rev().zip(&mut *copied) {
                payload::load_into(self.entry::<T>(number)?, place);
            }
            // SAFETY: copied from cells, all of which are initialised.
            let good = unsafe { payload::valid_prefix(copied) };
            // A message whose bits are no value ends the batch before it; as the first one it is dropped.
            *result = Taken { good, count: good.max(1) as u64 };
            self.words.inbox.took(before.wrapping_add(result.count));
            Ok(())
        })
    }
}
