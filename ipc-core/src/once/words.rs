//! The cell's words, and where the value lies.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{RawMutex, Turn};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Limit;
use crate::wait::{Attempt, Gate, SpinBudget, block_until};

const READY: u32 = 1;

/// The words besides the value. They are aligned as the value's cells are, which follow.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct Words {
    writers: RawMutex,
    sleepers: Gate,
    ready: AtomicU32,
    _reserved: AtomicU32,
}

/// Bytes from the start of the object to its value.
const VALUE_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(size_of::<Words>() == 24);

/// How many cells the value takes.
#[derive(Clone, Copy, Debug)]
pub struct Cells(usize);

impl Cells {
    /// For a `T`.
    pub(super) const fn of<T>() -> Self {
        Cells(payload::cells::<T>())
    }

    /// Bytes of an object whose value takes these cells.
    pub(super) const fn bytes(self) -> u64 {
        let bytes = VALUE_OFFSET.saturating_add(self.0.saturating_mul(size_of::<AtomicU64>()));
        bytes.next_multiple_of(OBJECT_ALIGN) as u64
    }
}

/// The words, and the value's cells.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    cells: &'m [AtomicU64],
}

// SAFETY: atomics behind the header of every cell, as many as its element size says.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] =
        &[layout!(Words { writers, sleepers, ready, _reserved }), Fact::number("value", VALUE_OFFSET)];
    type Geometry = Cells;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Cells, ShapeError> {
        Ok(Cells((shape.element_size as usize).div_ceil(8)))
    }

    fn bytes(cells: &Cells) -> u64 {
        cells.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, cells: &Cells) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: cells.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(VALUE_OFFSET, cells.0) }.ok_or(too_small)?;
        Ok(View { words: &words[0], cells })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.words.writers.sweep(dead, platform);
        view.words.sleepers.rouse(platform);
    }
}

/// Writes an empty cell.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay(memory: Memory<'_>, cells: &Cells) -> Result<(), ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: cells.bytes(), found: memory.len() as u64 };
    let words = |_| Words {
        writers: RawMutex::new(),
        sleepers: Gate::new(),
        ready: AtomicU32::new(0),
        _reserved: AtomicU32::new(0),
    };
    // SAFETY: the caller's promise; the cells do not overlap the words.
    unsafe {
        memory.place(HEADER_BYTES, 1, words).ok_or(too_small)?;
        memory.place(VALUE_OFFSET, cells.0, |_| AtomicU64::new(0)).ok_or(too_small)?;
    }
    Ok(())
}

impl<'m> View<'m> {
    /// Whether there is a value. One load.
    #[inline(always)]
    pub(super) fn is_set(&self) -> bool {
        self.words.ready.load(Ordering::Acquire) == READY
    }

    /// The value's bytes, if there is one.
    #[inline]
    pub(super) fn get<T>(&self) -> Option<MaybeUninit<T>> {
        self.is_set().then(|| payload::load(self.cells))
    }

    /// Copies the value's bytes to `place`, whose bytes are all initialised then, if there is a value.
    pub(super) fn copy_to<T>(&self, place: &mut MaybeUninit<T>) -> bool {
        let is_set = self.is_set();
        if is_set {
            payload::load_into(self.cells, place);
        }
        is_set
    }

    /// The lock of those that want to set the cell.
    pub(super) fn writers(&self) -> &'m RawMutex {
        &self.words.writers
    }

    /// The turn, if the cell is empty.
    pub(super) fn vacant<'a, P: Platform>(&self, turn: Turn<'a, P>) -> Option<Turn<'a, P>> {
        if self.is_set() { None } else { Some(turn) }
    }

    /// Sets the cell: the one step that counts.
    pub(super) fn set<T: NoUninit, P: Platform>(&self, platform: &P, turn: Turn<'_, P>, value: &T) {
        payload::store(value, self.cells);
        // Release: see the table.
        self.words.ready.store(READY, Ordering::Release);
        drop(turn);
        self.words.sleepers.notify_all(platform);
    }

    /// Blocks until there is a value. `false` is the time-out.
    pub(super) fn wait<P: Platform>(&self, platform: &P, budget: &SpinBudget, limit: &Limit<P::Deadline>) -> bool {
        self.is_set()
            || block_until(platform, &self.words.sleepers, budget, limit.deadline(platform), |_| {
                if self.is_set() { Attempt::Done(()) } else { Attempt::NotYet }
            })
            .is_ok()
    }
}
