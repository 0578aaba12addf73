//! The stack's words, where the entries lie, and how messages go in and out.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Around, Presence, Role, Sides};
use crate::error::Refused;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::RawMutex;
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
    top: Top,
    sides: Sides,
}

/// What every operation changes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Top {
    /// How many messages there are. Changed under the lock only.
    len: AtomicU64,
    lock: RawMutex,
}

/// Bytes from the start of the object to the lowest entry.
const ENTRIES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(ENTRIES_OFFSET == 640);

/// A stack's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    capacity: u64,
    /// The 64-bit cells of an entry.
    stride: usize,
}

impl Geometry {
    /// For this many elements of this size; `None` if there can be none.
    pub(super) const fn new(capacity: u64, element_size: usize) -> Option<Self> {
        let stride = element_size.div_ceil(size_of::<u64>());
        if capacity == 0 || capacity > MOST {
            return None;
        }
        match capacity.checked_mul(stride as u64) {
            Some(cells) if cells <= isize::MAX as u64 / 16 => Some(Geometry { capacity, stride }),
            _ => None,
        }
    }

    const fn cells(&self) -> usize {
        self.capacity as usize * self.stride
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        ((ENTRIES_OFFSET + self.cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
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
    geometry: Geometry,
}

// SAFETY: atomics behind the header of every stack.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { top, sides }),
        layout!(Top { len, lock }),
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
        Ok(View { words: &words[0], cells, geometry: *geometry })
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
        unsafe {
            memory.place(HEADER_BYTES, 1, |_| Words {
                top: Top { len: AtomicU64::new(0), lock: RawMutex::new() },
                sides: Sides::new(),
            })
        }
        .ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // No entry is read before it is written; a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(ENTRIES_OFFSET, geometry.cells(), |_| AtomicU64::new(0)) };
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
        self.sides().sweep(&self.words.top.lock, dead, platform);
    }

    /// How many messages fit.
    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }

    /// How many messages there are. A snapshot; one load.
    pub(super) fn len(&self) -> u64 {
        // Relaxed: a figure, and a hint before the lock is taken.
        self.words.top.len.load(Ordering::Relaxed).min(self.geometry.capacity)
    }

    /// Whether there is no room. A snapshot.
    pub(super) fn is_full(&self) -> bool {
        self.len() == self.geometry.capacity
    }

    /// How many messages there are, for the holder of the lock. More than fit make no sense.
    #[inline(always)]
    fn len_within(&self) -> Result<u64, Refused> {
        // Relaxed: the last holder's store came with the lock, by its unlock or by its seizure.
        let len = self.words.top.len.load(Ordering::Relaxed);
        if len > self.geometry.capacity { Err(Refused::CORRUPTED) } else { Ok(len) }
    }

    /// The entry with this number, which is less than the capacity.
    #[inline(always)]
    fn entry<T>(&self, number: u64) -> Result<&'m [AtomicU64], Refused> {
        // The type's own, not the object's, which is the same: so the copy's length is known.
        let stride = const { payload::cells::<T>() };
        let start = number as usize * stride;
        self.cells.get(start..start + stride).ok_or(Refused::CORRUPTED)
    }

    /// Puts as many of these on top as there is room for, one after the other.
    #[inline]
    pub(super) fn put<T: NoUninit, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        values: &[T],
    ) -> Result<usize, Refused> {
        self.sides().send(&self.words.top.lock, around, self.is_full(), || {
            let len = self.len_within()?;
            let room = self.geometry.capacity - len;
            if room == 0 {
                return Err(Refused::NotNow);
            }
            let count = room.min(values.len() as u64);
            for (number, value) in (len..).zip(&values[..count as usize]) {
                payload::store(value, self.entry::<T>(number)?);
            }
            // Release: a kill that comes behind it, in whichever order the compiler likes, leaves whole messages.
            self.words.top.len.store(len + count, Ordering::Release);
            Ok(count)
        })
    }

    /// Copies the topmost message, which stays.
    pub(super) fn peek<T: CheckedBitPattern, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        place: &mut MaybeUninit<T>,
    ) -> Result<(), Refused> {
        self.sides().peek(&self.words.top.lock, around, self.len() == 0, || {
            let top = self.len_within()?.checked_sub(1).ok_or(Refused::NotNow)?;
            payload::load_into(self.entry::<T>(top)?, place);
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
        self.sides().receive(&self.words.top.lock, around, self.len() == 0, || {
            let len = self.len_within()?;
            if len == 0 {
                return Err(Refused::NotNow);
            }
            let count = len.min(out.len() as u64);
            let copied = &mut out[..count as usize];
            for (number, place) in (len - count..len).rev().zip(&mut *copied) {
                payload::load_into(self.entry::<T>(number)?, place);
            }
            // SAFETY: copied from cells, all of which are initialised.
            let good = unsafe { payload::valid_prefix(copied) };
            // A message whose bits are no value ends the batch before it; as the first one it is dropped.
            let taken = good.max(1) as u64;
            // Release: as in `put`, of the copies.
            self.words.top.len.store(len - taken, Ordering::Release);
            Ok((good, taken))
        })
    }
}
