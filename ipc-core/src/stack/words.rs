//! The stack's words, where the entries lie, and how messages go in and out.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Presence, Role};
use crate::error::{Fault, Refused};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{RawMutex, Turn};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Waits;
use crate::wait::{Gate, SpinBudget};

/// The most messages that a stack may hold.
const MOST: u64 = 1 << 40;

/// The words besides the entries.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    top: Top,
    gates: Gates,
    senders: Presence,
    receivers: Presence,
}

/// What every operation changes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Top {
    /// How many messages there are. Changed under the lock only.
    len: AtomicU64,
    lock: RawMutex,
}

/// What hardly any operation changes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    /// Receivers sleep here.
    items: Gate,
    /// Senders sleep here.
    space: Gate,
    /// Not 0 once the stack is closed.
    closed: AtomicU32,
}

/// Bytes from the start of the object to the lowest entry.
const ENTRIES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(ENTRIES_OFFSET == 640);

impl Words {
    fn new() -> Self {
        let gates = Gates { items: Gate::new(), space: Gate::new(), closed: AtomicU32::new(0) };
        let top = Top { len: AtomicU64::new(0), lock: RawMutex::new() };
        Words { top, gates, senders: Presence::new(), receivers: Presence::new() }
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
    }
}

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
    let impossible = match shape.capacity {
        0 => ShapeError::Unsaid,
        wanted => ShapeError::Capacity { wanted },
    };
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
        layout!(Words { top, gates, senders, receivers }),
        layout!(Top { len, lock }),
        layout!(Gates { items, space, closed }),
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

/// A snapshot of a stack's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that are there.
    pub len: u64,
    /// How many fit.
    pub capacity: u64,
    /// Whether the stack is closed.
    pub closed: bool,
}

impl<'m> View<'m> {
    /// Writes the words of an empty stack.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new()) }.ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // No entry is read before it is written; a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(ENTRIES_OFFSET, geometry.cells(), |_| AtomicU64::new(0)) };
        }
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

    /// Frees the lock of a dead participant, removes its halves, and wakes everybody. A second sweeper is harmless, as each part is.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.words.top.lock.sweep(dead, platform);
        self.words.senders.sweep(dead);
        self.words.receivers.sweep(dead);
        // The dead one may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.space.rouse(platform);
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

    /// Whether the stack is closed.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`.
        self.words.gates.closed.load(Ordering::Acquire) != 0
    }

    pub(super) fn stats(&self) -> Stats {
        Stats { len: self.len(), capacity: self.geometry.capacity, closed: self.is_closed() }
    }

    /// Closes the stack: `true` if it was open. Never waits.
    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.words.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.words.wake_all(platform);
        first
    }

    /// Takes the lock: waits for it as `patience` says, or (`None`) for a moment.
    #[inline(always)]
    fn turn<'a, P: Platform>(
        &self,
        platform: &'a P,
        budget: &SpinBudget,
        patience: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<Turn<'a, P>, Refused>
    where
        'm: 'a,
    {
        match patience {
            Some(waits) => self.words.top.lock.turn_within(platform, budget, waits),
            None => self.words.top.lock.patient_turn(platform),
        }
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
        platform: &P,
        values: &[T],
        budget: &SpinBudget,
        patience: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<usize, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        // Without the lock: see the module's essay.
        if self.len() == self.geometry.capacity {
            return Err(Refused::NotNow);
        }
        let count = {
            let _turn = self.turn(platform, budget, patience)?;
            // Relaxed: what was closed before the last holder took the lock shows with the lock.
            if self.words.gates.closed.load(Ordering::Relaxed) != 0 {
                return Err(Refused::Closed);
            }
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
            count
        };
        self.words.gates.items.notify(platform, move || count.min(u64::from(u32::MAX >> 1)) as u32);
        Ok(count as usize)
    }

    /// Takes as many messages off the top as there are and as fit, the topmost first.
    #[inline]
    pub(super) fn take<T: CheckedBitPattern, P: Platform>(
        &self,
        platform: &P,
        out: &mut [MaybeUninit<T>],
        budget: &SpinBudget,
        patience: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<usize, Refused> {
        // Without the lock: see the module's essay.
        if self.len() == 0 && !self.is_closed() {
            return Err(Refused::NotNow);
        }
        let (good, taken) = {
            let _turn = self.turn(platform, budget, patience)?;
            let len = self.len_within()?;
            if len == 0 {
                return Err(if self.is_closed() { Refused::Closed } else { Refused::NotNow });
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
            (good, taken)
        };
        self.words.gates.space.notify(platform, move || taken.min(u64::from(u32::MAX >> 1)) as u32);
        if good == 0 { Err(Fault::InvalidValue.into()) } else { Ok(good) }
    }
}
