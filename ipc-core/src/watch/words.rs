//! The words, where the slots lie, and how both are read and written.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::ends::{Presence, Role};
use crate::error::Fault;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{RawMutex, Turn};
use crate::object::{Fact, Field, HEADER_BYTES, Kind, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering, fence, spin_hint};
use crate::time::{Instant, Limit, Timestamp};
use crate::wait::{Attempt, Gate, SpinBudget, Unmet, block_until};

/// How many versions lie in the cell at a time. Two in a model: the second version is written where the first value was.
pub(super) const SLOTS: usize = crate::sync::bound(4, 2) as usize;
/// Copies that writers may spoil in a row before a reader declares the words corrupted.
const ATTEMPTS: u32 = crate::sync::bound(1 << 16, 3);

/// The words besides the slots, which follow.
#[repr(C)]
#[derive(Debug)]
pub struct Words {
    writers: RawMutex,
    sleepers: Gate,
    version: AtomicU64,
}

/// Bytes from the start of the object to its slots.
const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(size_of::<Words>() == 24);

/// The 64-bit cells of a slot before the value: the time of its publication, and on which clock.
const TIME_CELLS: usize = 2;

/// Bytes before a written value: how long it is.
pub(super) const LEN_BYTES: usize = size_of::<u64>();

/// How many 64-bit cells a slot takes: the time, then the value.
#[derive(Clone, Copy, Debug)]
pub struct Stride {
    cells: usize,
    /// Bytes of the value.
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "a plain value has the size of its type"))]
    pub(super) value: usize,
}

impl Stride {
    /// For values of this size.
    pub(super) const fn new(size: usize) -> Self {
        Stride { cells: TIME_CELLS + size.div_ceil(size_of::<u64>()), value: size }
    }

    /// For values of at most this many bytes, as they are written, with their length before them.
    pub(super) fn written(most: u64) -> Result<Self, ShapeError> {
        const MOST: u64 = u32::MAX as u64;
        if most > MOST {
            return Err(ShapeError::Impossible { field: Field::MaxLength, wanted: most, most: MOST });
        }
        Ok(Self::new(LEN_BYTES + most as usize))
    }

    /// For a `T`.
    pub(super) const fn of<T>() -> Self {
        Self::new(size_of::<T>())
    }

    /// Bytes from the start of the object to the set of its writers, behind the slots.
    const fn presence_offset(self) -> usize {
        let slots = self.cells.saturating_mul(SLOTS * size_of::<AtomicU64>());
        SLOTS_OFFSET.saturating_add(slots).next_multiple_of(OBJECT_ALIGN)
    }

    /// Bytes of an object with such slots.
    pub(super) const fn bytes(self) -> u64 {
        (self.presence_offset() + size_of::<Presence>()).next_multiple_of(OBJECT_ALIGN) as u64
    }
}

/// The words, the slots, and who has a counted writer.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    slots: &'m [AtomicU64],
    presence: &'m Presence,
}

// SAFETY: atomics behind the header of every cell, as many as its element size says.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { writers, sleepers, version }),
        layout!(Presence),
        Fact::number("slots", SLOTS_OFFSET),
        Fact::number("versions", SLOTS),
        Fact::number("cells of a time", TIME_CELLS),
    ];
    type Geometry = Stride;
    type View<'m> = View<'m>;

    /// Only of a cell of a written value: the most bytes of it.
    const CAPACITY: Field = Field::MaxLength;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Stride, ShapeError> {
        match shape.kind {
            Kind::ValueWatch => Stride::written(shape.capacity),
            _ => Ok(Stride::new(shape.element_size as usize)),
        }
    }

    fn bytes(stride: &Stride) -> u64 {
        stride.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, stride: &Stride) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: stride.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let slots = unsafe { memory.atomics(SLOTS_OFFSET, stride.cells * SLOTS) }.ok_or(too_small)?;
        // SAFETY: see above.
        let presence = unsafe { memory.atomics(stride.presence_offset(), 1) }.ok_or(too_small)?;
        Ok(View { words: &words[0], slots, presence: &presence[0] })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

/// Writes a cell of zeroes, whose version 0 `fill` writes.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay(
    memory: Memory<'_>,
    stride: &Stride,
    now: Timestamp,
    fill: impl FnOnce(&[AtomicU64]),
) -> Result<(), ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: stride.bytes(), found: memory.len() as u64 };
    let words = |_| Words { writers: RawMutex::new(), sleepers: Gate::new(), version: AtomicU64::new(0) };
    // SAFETY: the caller's promise; words, slots and set do not overlap.
    let slots = unsafe {
        memory.place(HEADER_BYTES, 1, words).ok_or(too_small)?;
        memory.place(stride.presence_offset(), 1, |_| Presence::new()).ok_or(too_small)?;
        memory.place(SLOTS_OFFSET, stride.cells * SLOTS, |_| AtomicU64::new(0)).ok_or(too_small)?
    };
    stamp(slots, now);
    fill(&slots[TIME_CELLS..stride.cells]);
    Ok(())
}

/// A snapshot of a cell's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Versions published since the creation, whose value is version 0.
    pub version: u64,
    /// Processes with a counted writer, dead ones that no process has noticed included.
    pub writers: u64,
}

/// What a reader has copied; with `S`, when it was published.
#[derive(Debug)]
pub(super) struct Snapshot<B, S> {
    /// The bytes, all initialised.
    pub(super) bytes: B,
    /// The number of the version, from 0.
    pub(super) version: u64,
    /// When it was published.
    pub(super) published: S,
}

#[inline(always)]
fn stamp(slot: &[AtomicU64], now: Timestamp) {
    slot[0].store(now.at.as_nanos(), Ordering::Relaxed);
    slot[1].store(now.clock, Ordering::Relaxed);
}

#[inline(always)]
fn stamped(slot: &[AtomicU64]) -> Timestamp {
    Timestamp { at: Instant::from_nanos(slot[0].load(Ordering::Relaxed)), clock: slot[1].load(Ordering::Relaxed) }
}

impl<'m> View<'m> {
    /// The slot of this version. The stride of a type is the type's own, not the object's, which is the same: so the copy's length is
    /// known.
    #[inline(always)]
    fn slot(&self, Stride { cells, .. }: Stride, version: u64) -> Result<&[AtomicU64], Fault> {
        let at = version as usize % SLOTS * cells;
        self.slots.get(at..at + cells).ok_or(Fault::Corrupted)
    }

    /// The number of the latest version. One load.
    #[inline(always)]
    pub(super) fn version(&self) -> u64 {
        self.words.version.load(Ordering::Acquire)
    }

    /// A copy of the latest version. Takes no lock and writes nothing.
    #[inline]
    pub(super) fn read<T>(&self) -> Result<Snapshot<MaybeUninit<T>, ()>, Fault> {
        self.read_with(|_| ())
    }

    /// [`read`](Self::read), with the time.
    #[inline]
    pub(super) fn read_timed<T>(&self) -> Result<Snapshot<MaybeUninit<T>, Timestamp>, Fault> {
        self.read_with(stamped)
    }

    #[inline(always)]
    fn read_with<T, S>(&self, published: impl Fn(&[AtomicU64]) -> S) -> Result<Snapshot<MaybeUninit<T>, S>, Fault> {
        self.copied(const { Stride::of::<T>() }, |slot, version| {
            let published = published(slot);
            Snapshot { bytes: payload::load(&slot[TIME_CELLS..]), version, published }
        })
    }

    /// Copies the latest version into a place of the caller's, whose bytes are all initialised then. Returns its number.
    pub(super) fn read_into<T>(&self, place: &mut MaybeUninit<T>) -> Result<u64, Fault> {
        self.copied(const { Stride::of::<T>() }, |slot, version| {
            payload::load_into(&slot[TIME_CELLS..], place);
            version
        })
    }

    /// What `copy` makes of the latest version's value, its number and its time; no writer has spoiled the slot meanwhile.
    #[cfg(feature = "serde")]
    pub(super) fn copied_timed<C>(
        &self,
        stride: Stride,
        mut copy: impl FnMut(&[AtomicU64]) -> C,
    ) -> Result<Snapshot<C, Timestamp>, Fault> {
        self.copied(stride, |slot, version| {
            let published = stamped(slot);
            Snapshot { bytes: copy(&slot[TIME_CELLS..]), version, published }
        })
    }

    /// What `copy` makes of a version's slot and its number; no writer has spoiled the slot meanwhile.
    #[inline(always)]
    fn copied<C>(&self, stride: Stride, mut copy: impl FnMut(&[AtomicU64], u64) -> C) -> Result<C, Fault> {
        for _ in 0..ATTEMPTS {
            let version = self.version();
            let copied = copy(self.slot(stride, version)?, version);
            // Acquire: with the writer's fence, see the table.
            fence(Ordering::Acquire);
            let passed = self.words.version.load(Ordering::Relaxed).wrapping_sub(version);
            if passed < SLOTS as u64 - 1 {
                return Ok(copied);
            }
            spin_hint();
        }
        Err(Fault::Corrupted)
    }

    pub(super) fn stats(&self) -> Stats {
        Stats { version: self.version(), writers: self.presence.members().count() as u64 }
    }

    /// The lock of those that want to write.
    pub(super) fn writers(&self) -> &'m RawMutex {
        &self.words.writers
    }

    /// Who has a counted writer, whichever role is asked for: readers are in no set.
    pub(super) fn presence(&self, _: Role) -> &'m Presence {
        self.presence
    }

    /// Where the readers sleep that wait. Writers do not wait for them.
    pub(super) fn gate(&self, _: Role) -> &'m Gate {
        &self.words.sleepers
    }

    /// Frees the lock of a dead participant, removes its writers, and wakes everybody.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.words.writers.sweep(dead, platform);
        self.presence.sweep(dead);
        self.words.sleepers.rouse(platform);
    }

    /// Publishes a value and returns the number of its version.
    #[inline(always)]
    pub(super) fn publish<T: NoUninit, P: Platform>(
        &self,
        platform: &P,
        turn: Turn<'_, P>,
        value: &T,
    ) -> Result<u64, Fault> {
        self.publish_with(const { Stride::of::<T>() }, platform, turn, |slot| payload::store(value, slot))
    }

    /// Publishes the value that `fill` writes, and returns the number of its version.
    #[inline(always)]
    pub(super) fn publish_with<P: Platform>(
        &self,
        stride: Stride,
        platform: &P,
        turn: Turn<'_, P>,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<u64, Fault> {
        // Relaxed: only the holder of the turn changes it, and the lock has shown us the last holder's store.
        let next = self.words.version.load(Ordering::Relaxed).wrapping_add(1);
        let slot = self.slot(stride, next)?;
        // Release: with the reader's fence, see the table.
        fence(Ordering::Release);
        stamp(slot, Timestamp::now(platform));
        fill(&slot[TIME_CELLS..]);
        self.words.version.store(next, Ordering::Release);
        drop(turn);
        self.words.sleepers.notify_all(platform);
        Ok(next)
    }

    /// Blocks until `attempt` is done. It is called after each change; with `true` before a sleep.
    pub(super) fn wait<P: Platform, R>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
        mut attempt: impl FnMut(bool) -> Attempt<R>,
    ) -> Result<R, Unmet> {
        if let Attempt::Done(result) = attempt(false) {
            return Ok(result);
        }
        block_until(platform, &self.words.sleepers, budget, limit.deadline(platform), attempt)
    }
}
