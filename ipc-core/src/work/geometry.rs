//! How large a queue is, and where its parts lie.

use super::word::MOST_BLOCKS;
use super::words::PLACES_OFFSET;
use crate::memory::OBJECT_ALIGN;
use crate::place::OVERHEAD;
use crate::sync::AtomicU64;
use crate::wait::EventCount;

const CELL: usize = size_of::<AtomicU64>();
/// Cells of a cache line.
const LINE: usize = 8;
/// The most bytes of anything.
const MOST: usize = isize::MAX as usize / 16;
/// Bytes before those of a job: in a model, for what checks that a block has one owner.
pub(super) const BLOCK_HEAD: usize = OVERHEAD.next_multiple_of(LINE * 8);

/// Bytes of a job, and of an answer.
struct Lengths {
    most: usize,
    room: usize,
    most_reply: usize,
    reply_room: usize,
}

/// A queue's sizes, and where its parts lie.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// How many blocks there are beside the capacity.
    pub(super) leases: u32,
    /// After how many leases a job is a dead letter; 0: after none.
    pub(super) attempts: u32,
    /// How many milliseconds a holder that lives may keep a job; 0: any number. Only in queues of plain data.
    pub(super) limit: u32,
    /// Places of each ring.
    pub(super) places: usize,
    pub(super) blocks: usize,
    /// Where the blocks lie.
    pub(super) start: usize,
    /// Cells from one block to the next: its word, and the job's, or the job's length.
    pub(super) stride: usize,
    /// Where the ends of the leases lie, of plain data.
    pub(super) ends_start: usize,
    /// The most bytes of a job, if its length is its own; otherwise 0.
    pub(super) most: usize,
    /// Where the bytes of jobs lie.
    pub(super) bytes_start: usize,
    /// Bytes from one job's begin to the next one's.
    pub(super) room: usize,
    /// The most bytes of an answer. Only in queues of bytes.
    pub(super) most_reply: usize,
    /// Where the callers sleep.
    pub(super) answered_start: usize,
    /// Where the answers lie.
    pub(super) replies_start: usize,
    /// Bytes from one answer's begin to the next one's.
    pub(super) reply_room: usize,
    /// How values are written as bytes. Only in queues of bytes.
    pub(super) format: u32,
}

impl Geometry {
    /// For this many jobs of this size, and this many more that are leased; `None` if it is not possible.
    pub(super) const fn new(capacity: u64, leases: u32, attempts: u32, size: usize) -> Option<Self> {
        let cells = 1 + size.div_ceil(CELL);
        // Small blocks share lines, and none lies across two.
        let stride = if cells <= LINE { cells.next_power_of_two() } else { cells.next_multiple_of(LINE) };
        Self::with(capacity, leases, attempts, stride, &Lengths { most: 0, room: 0, most_reply: 0, reply_room: 0 })
    }

    /// For jobs of up to `most` bytes, and answers of up to `most_reply`.
    pub(super) const fn of_bytes(
        capacity: u64,
        leases: u32,
        attempts: u32,
        [most, most_reply]: [u64; 2],
    ) -> Option<Self> {
        if most == 0 || most > MOST as u64 || most_reply > MOST as u64 {
            return None;
        }
        let (most, most_reply) = (most as usize, most_reply as usize);
        // The word, the job's length, its caller, and the answer's length, on a line of their own.
        let stride = if cfg!(loom) { 4 } else { LINE };
        let room = BLOCK_HEAD + most.next_multiple_of(LINE * 8);
        let reply_room = BLOCK_HEAD + most_reply.next_multiple_of(LINE * 8);
        Self::with(capacity, leases, attempts, stride, &Lengths { most, room, most_reply, reply_room })
    }

    const fn with(capacity: u64, leases: u32, attempts: u32, stride: usize, lengths: &Lengths) -> Option<Self> {
        let Lengths { most, room, most_reply, reply_room } = *lengths;
        if capacity == 0 || capacity > MOST_BLOCKS || leases == 0 || leases as u64 > MOST_BLOCKS - capacity {
            return None;
        }
        let blocks = capacity as usize + leases as usize;
        // One place more than blocks, for the end mark.
        let places = (blocks + 1).next_power_of_two();
        let start = (PLACES_OFFSET + 3 * places * CELL).next_multiple_of(OBJECT_ALIGN);
        if stride > MOST / CELL / blocks || room > MOST / blocks || reply_room > MOST / blocks {
            return None;
        }
        let ends_start = (start + blocks * stride * CELL).next_multiple_of(OBJECT_ALIGN);
        let ends = if most == 0 { blocks * CELL } else { 0 };
        let answered_start = (ends_start + ends).next_multiple_of(OBJECT_ALIGN);
        let answered = if most == 0 { 0 } else { blocks * size_of::<EventCount>() };
        let bytes_start = (answered_start + answered).next_multiple_of(OBJECT_ALIGN);
        let replies_start = bytes_start + blocks * room;
        #[rustfmt::skip]
        let geometry = Geometry {
            capacity, leases, attempts, limit: 0, places, blocks, start, stride, ends_start, most, answered_start, bytes_start, room,
            most_reply, replies_start, reply_room, format: 0,
        };
        Some(geometry)
    }

    /// Cells of all blocks.
    pub(super) const fn cells(&self) -> usize {
        self.blocks * self.stride
    }

    /// How many blocks have an end of their lease.
    pub(super) const fn ends(&self) -> usize {
        if self.most == 0 { self.blocks } else { 0 }
    }

    /// How many blocks have a place for a caller to sleep.
    pub(super) const fn callers(&self) -> usize {
        if self.most == 0 { 0 } else { self.blocks }
    }

    /// Bytes of all jobs whose length is their own, and of their answers.
    pub(super) const fn job_bytes(&self) -> usize {
        self.blocks * (self.room + self.reply_room)
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        (self.bytes_start + self.job_bytes()).next_multiple_of(OBJECT_ALIGN) as u64
    }
}
