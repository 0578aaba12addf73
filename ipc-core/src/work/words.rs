//! The words in shared memory, and where they lie.

use super::geometry::Geometry;
use super::ring::Ring;
use super::word::{Job, MOST_ATTEMPTS, Place, Which};
use crate::memory::Memory;
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::queue::Lone;
use crate::sync::{AtomicU32, AtomicU64, Ordering, private};
use crate::wait::Gate;

/// The words besides the places and the blocks.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    pub(super) tail: Lone,
    pub(super) head: Lone,
    pub(super) apart: Apart,
    pub(super) gates: Gates,
}

/// The ends of the rings that jobs seldom come to: all who receive look at them.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Apart {
    back_tail: AtomicU64,
    back_head: AtomicU64,
    dead_tail: AtomicU64,
    dead_head: AtomicU64,
}

/// The words that all read and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Gates {
    /// Receivers sleep here.
    pub(super) items: Gate,
    /// Senders sleep here.
    pub(super) space: Gate,
    /// Those sleep here that wait until all is done: also receivers of a closed queue.
    pub(super) idle: Gate,
    /// When one of those that always find a job has looked for dead holders, in milliseconds of its clock: a hint.
    pub(super) looked: private::AtomicU32,
    /// Written once.
    leases: AtomicU32,
    /// Written once.
    attempts: AtomicU32,
}

/// Bytes from the start of the object to the rings' places.
pub(super) const PLACES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(PLACES_OFFSET == 640);

/// The queue as one participant sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    /// Of the three rings, one behind the other.
    places: &'m [AtomicU64],
    cells: &'m [AtomicU64],
    pub(super) geometry: Geometry,
}

/// The shape says how many jobs there may be; the rest is in words that were written before the header was published.
fn geometry_of(shape: &Shape, leases: u32, attempts: u32) -> Result<Geometry, ShapeError> {
    if attempts > MOST_ATTEMPTS {
        return Err(ShapeError::Impossible {
            field: Field::Attempts,
            wanted: attempts.into(),
            most: MOST_ATTEMPTS.into(),
        });
    }
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    Geometry::new(shape.capacity, leases, attempts, shape.element_size as usize).ok_or(impossible)
}

impl Geometry {
    /// For a new queue.
    pub(super) fn of(shape: &Shape, leases: u32, attempts: u32) -> Result<Self, ShapeError> {
        geometry_of(shape, leases, attempts)
    }
}

// SAFETY: atomics behind the header of every work queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tail, head, apart, gates }),
        layout!(Apart { back_tail, back_head, dead_tail, dead_head }),
        layout!(Gates { items, space, idle, looked, leases, attempts }),
        Fact::number("places", PLACES_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        let Gates { leases, attempts, .. } = &Words::at(memory)?.gates;
        // Relaxed: written before the header was published.
        geometry_of(shape, leases.load(Ordering::Relaxed), attempts.load(Ordering::Relaxed))
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        let words = Words::at(memory)?;
        // SAFETY: the caller vouches for the object.
        let places = unsafe { memory.atomics(PLACES_OFFSET, 3 * geometry.places) }.ok_or(too_small)?;
        // SAFETY: as above.
        let cells = unsafe { memory.atomics(geometry.start, geometry.cells()) }.ok_or(too_small)?;
        Ok(View { words, places, cells, geometry: *geometry })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }

    fn holds(view: View<'_>, who: ParticipantId) -> bool {
        view.holds(who)
    }
}

impl Words {
    /// The words of an empty queue whose first job gets position `start` in each ring.
    fn new(start: u64, geometry: &Geometry) -> Self {
        let [back_tail, back_head, dead_tail, dead_head] = [(); 4].map(|()| AtomicU64::new(start));
        Words {
            tail: Lone(AtomicU64::new(start)),
            head: Lone(AtomicU64::new(start)),
            apart: Apart { back_tail, back_head, dead_tail, dead_head },
            gates: Gates {
                items: Gate::new(),
                space: Gate::new(),
                idle: Gate::new(),
                looked: private::AtomicU32::new(0),
                leases: AtomicU32::new(geometry.leases),
                attempts: AtomicU32::new(geometry.attempts),
            },
        }
    }

    fn at(memory: Memory<'_>) -> Result<&Words, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: PLACES_OFFSET as u64, found: memory.len() as u64 };
        // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
        unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue whose first job gets position `start` in each ring.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry, start: u64) -> Result<(), ShapeError> {
        let Geometry { places, stride, .. } = *geometry;
        // Of the last lap: place i is of the one position in it that falls there.
        let before = start.wrapping_sub(places as u64);
        let position = |index: usize| before.wrapping_add((index as u64).wrapping_sub(start) & (places as u64 - 1));
        // SAFETY: the caller's promise.
        unsafe {
            memory.place(HEADER_BYTES, 1, |_| Words::new(start, geometry)).ok_or(ShapeError::Missing)?;
            let empty = |i: usize| AtomicU64::new(Place::empty(position(i % places)).0);
            memory.place(PLACES_OFFSET, 3 * places, empty).ok_or(ShapeError::Missing)?;
            for block in 0..geometry.blocks {
                let start = geometry.start + block * stride * size_of::<AtomicU64>();
                // A job is not read before it is written; a model's cells are made.
                let cells = if cfg!(loom) { stride } else { 1 };
                let word = |_| AtomicU64::new(Job::FREE.0);
                memory.place(start, cells, word).ok_or(ShapeError::Missing)?;
            }
        }
        Ok(())
    }

    /// One of the rings.
    #[inline(always)]
    pub(super) fn ring(&self, which: Which) -> Ring<'m> {
        let Words { tail, head, apart, .. } = self.words;
        let (tail, head) = match which {
            Which::Main => (&tail.0, &head.0),
            Which::Back => (&apart.back_tail, &apart.back_head),
            Which::Dead => (&apart.dead_tail, &apart.dead_head),
        };
        let start = which as usize * self.geometry.places;
        Ring { tail, head, places: &self.places[start..start + self.geometry.places] }
    }

    /// The word of a block.
    #[inline(always)]
    pub(super) fn word(&self, index: usize) -> Option<&'m AtomicU64> {
        if index < self.geometry.blocks { self.cells.get(index * self.geometry.stride) } else { None }
    }

    /// The cells of the job in a block.
    #[inline(always)]
    pub(super) fn job(&self, index: usize) -> &'m [AtomicU64] {
        let start = index * self.geometry.stride;
        &self.cells[start + 1..start + self.geometry.stride]
    }

    /// The blocks' words, in order.
    pub(super) fn jobs(&self) -> impl Iterator<Item = (usize, Job)> {
        let view = *self;
        (0..view.geometry.blocks).filter_map(move |index| {
            // Acquire, "free" and "swept".
            Some((index, Job(view.word(index)?.load(Ordering::Acquire))))
        })
    }
}
