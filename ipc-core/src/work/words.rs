//! The words in shared memory, and where they lie.

use core::ptr::NonNull;

use super::bytes::Bytes;
use super::geometry::{BLOCK_HEAD, Geometry};
use super::ring::Ring;
use super::word::{Job, MOST_ATTEMPTS, Place, Which};
use crate::memory::Memory;
use crate::object::{Fact, Field, HEADER_BYTES, Kind, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};
use crate::place::Place as Owned;
use crate::platform::Platform;
use crate::queue::Lone;
use crate::sync::{AtomicU32, AtomicU64, Ordering, private};
use crate::wait::{EventCount, Gate};

/// The words besides the places and the blocks.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    pub(super) tail: Lone,
    pub(super) head: Lone,
    pub(super) apart: Apart,
    pub(super) gates: Gates,
}

/// The ends of the rings that jobs seldom come to: all who receive check them.
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
    /// Those sleep here that wait for dead letters.
    pub(super) letters: Gate,
    /// When one of those that always find a job has searched for dead holders, in milliseconds of its clock: a hint.
    pub(super) looked: private::AtomicU32,
    /// Written once.
    leases: AtomicU32,
    /// Written once.
    attempts: AtomicU32,
    /// How values are written as bytes. Written once.
    format: AtomicU32,
    /// The most bytes of a job, if its length is its own. Written once.
    most: AtomicU64,
    /// The most bytes of an answer. Written once.
    most_reply: AtomicU64,
    /// How many milliseconds a holder may keep a job; 0: any number. Written once.
    limit: AtomicU32,
}

/// The cells of a block of bytes behind its word.
const LENGTH: usize = 1;
const CALLER: usize = 2;
const REPLY: usize = 3;

/// Bytes from the start of the object to the rings' places.
pub(super) const PLACES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(PLACES_OFFSET == 640);

/// The queue as one participant sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    /// The places of the three rings.
    rings: [&'m [AtomicU64]; 3],
    cells: &'m [AtomicU64],
    /// Until when each block's lease lasts, of plain data.
    pub(super) ends: &'m [AtomicU64],
    /// Where the callers of jobs sleep whose length is their own.
    pub(super) answered: &'m [EventCount],
    /// Of jobs whose length is their own, and of their answers.
    bytes: NonNull<u8>,
    pub(super) geometry: Geometry,
}

// SAFETY: the pointer is to memory that any number of processes use; which block is whose is the protocol's business.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

/// The shape says how many jobs there may be; the rest is in words that were written before the header was published.
fn geometry_of(shape: &Shape, leases: u32, attempts: u32, most: [u64; 2]) -> Result<Geometry, ShapeError> {
    if attempts > MOST_ATTEMPTS {
        return Err(ShapeError::Impossible {
            field: Field::Attempts,
            wanted: attempts.into(),
            most: MOST_ATTEMPTS.into(),
        });
    }
    let wanted = shape.capacity;
    let geometry = match shape.kind {
        Kind::ByteWorkQueue => Geometry::of_bytes(wanted, leases, attempts, most),
        _ => Geometry::new(wanted, leases, attempts, shape.element_size as usize),
    };
    geometry.ok_or(ShapeError::Capacity { wanted })
}

impl Geometry {
    /// For a new queue. The most bytes of a job, and of its answer, are for jobs whose length is their own.
    pub(super) fn of(shape: &Shape, leases: u32, attempts: u32, most: [u64; 2]) -> Result<Self, ShapeError> {
        geometry_of(shape, leases, attempts, most)
    }
}

// SAFETY: atomics behind the header of every work queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tail, head, apart, gates }),
        layout!(Apart { back_tail, back_head, dead_tail, dead_head }),
        layout!(Gates { items, space, idle, letters, looked, leases, attempts, format, most, most_reply, limit }),
        Fact::number("a job's length", LENGTH * size_of::<u64>()),
        Fact::number("its caller", CALLER * size_of::<u64>()),
        Fact::number("its answer's length", REPLY * size_of::<u64>()),
        Fact::number("places", PLACES_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        let Gates { leases, attempts, format, most, most_reply, limit, .. } = &Words::at(memory)?.gates;
        // Relaxed, here and below: written before the header was published.
        let (leases, attempts) = (leases.load(Ordering::Relaxed), attempts.load(Ordering::Relaxed));
        let most = [most, most_reply].map(|most| most.load(Ordering::Relaxed));
        let geometry = geometry_of(shape, leases, attempts, most)?;
        let limit = if geometry.ends() == 0 { 0 } else { limit.load(Ordering::Relaxed) };
        Ok(Geometry { format: format.load(Ordering::Relaxed), limit, ..geometry })
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
        // SAFETY: as above.
        let ends = unsafe { memory.atomics(geometry.ends_start, geometry.ends()) }.ok_or(too_small)?;
        // SAFETY: as above.
        let answered = unsafe { memory.atomics(geometry.answered_start, geometry.callers()) }.ok_or(too_small)?;
        let bytes = memory.pointer(geometry.bytes_start, geometry.job_bytes()).ok_or(too_small)?;
        let [main, rest] = [&places[..geometry.places], &places[geometry.places..]];
        let rings = [main, &rest[..geometry.places], &rest[geometry.places..]];
        Ok(View { words, rings, cells, ends, answered, bytes, geometry: *geometry })
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
                letters: Gate::new(),
                looked: private::AtomicU32::new(0),
                leases: AtomicU32::new(geometry.leases),
                attempts: AtomicU32::new(geometry.attempts),
                format: AtomicU32::new(geometry.format),
                most: AtomicU64::new(geometry.most as u64),
                most_reply: AtomicU64::new(geometry.most_reply as u64),
                limit: AtomicU32::new(geometry.limit),
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
        let Geometry { places, stride, bytes_start, room, replies_start, reply_room, .. } = *geometry;
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
                for start in [bytes_start + block * room, replies_start + block * reply_room] {
                    if cfg!(loom) && room != 0 {
                        let start = memory.pointer(start, BLOCK_HEAD).ok_or(ShapeError::Missing)?;
                        Owned::<()>::create(start, 1, None);
                    }
                }
            }
            memory.place(geometry.ends_start, geometry.ends(), |_| AtomicU64::new(0)).ok_or(ShapeError::Missing)?;
            let sleepers = |_| EventCount::new();
            memory.place(geometry.answered_start, geometry.callers(), sleepers).ok_or(ShapeError::Missing)?;
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
        Ring { tail, head, places: self.rings[which as usize] }
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

    /// The length of the job in a block of bytes.
    #[inline]
    pub(super) fn length(&self, index: usize) -> &'m AtomicU64 {
        &self.cells[index * self.geometry.stride + LENGTH]
    }

    /// Who waits for the answer to the job in a block of bytes: a participant's number, or 0.
    #[inline]
    pub(super) fn caller_of(&self, index: usize) -> &'m AtomicU64 {
        &self.cells[index * self.geometry.stride + CALLER]
    }

    /// What the holder of a called job in a block of bytes has answered: the answer's length and 1, or 0 for none.
    #[inline]
    pub(super) fn reply_of(&self, index: usize) -> &'m AtomicU64 {
        &self.cells[index * self.geometry.stride + REPLY]
    }

    /// The bytes of a block's job.
    #[inline]
    pub(super) fn job_bytes(&self, index: usize) -> Bytes {
        self.bytes_at(index, 0, self.geometry.room)
    }

    /// The bytes of its answer.
    #[inline]
    pub(super) fn reply_bytes(&self, index: usize) -> Bytes {
        self.bytes_at(index, self.geometry.replies_start - self.geometry.bytes_start, self.geometry.reply_room)
    }

    #[inline]
    fn bytes_at(&self, index: usize, start: usize, room: usize) -> Bytes {
        assert!(index < self.geometry.blocks);
        // SAFETY: inside the bytes of all blocks, whose bounds `view` has checked.
        Bytes(unsafe { self.bytes.add(start + index * room) })
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
