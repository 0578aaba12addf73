//! How large a queue is, and where its parts lie.

use super::word::MOST_BLOCKS;
use super::words::PLACES_OFFSET;
use crate::memory::OBJECT_ALIGN;
use crate::place::OVERHEAD;
use crate::sync::AtomicU64;

const CELL: usize = size_of::<AtomicU64>();
/// Cells of a cache line.
const LINE: usize = 8;
/// The most bytes of anything.
const MOST: usize = isize::MAX as usize / 16;
/// Bytes before those of a job: in a model, for what checks that a block has one owner.
pub(super) const BLOCK_HEAD: usize = OVERHEAD.next_multiple_of(LINE * 8);

/// A queue's sizes, and where its parts lie.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// How many blocks there are beside the capacity.
    pub(super) leases: u32,
    /// After how many leases a job is a dead letter; 0: after none.
    pub(super) attempts: u32,
    /// Places of each ring.
    pub(super) places: usize,
    pub(super) blocks: usize,
    /// Where the blocks lie.
    pub(super) start: usize,
    /// Cells from one block to the next: its word, and the job's, or the job's length.
    pub(super) stride: usize,
    /// The most bytes of a job, if its length is its own; otherwise 0.
    pub(super) most: usize,
    /// Where the bytes of jobs lie.
    pub(super) bytes_start: usize,
    /// Bytes from one job's begin to the next one's.
    pub(super) room: usize,
    /// How values are written as bytes. Only in queues of bytes.
    pub(super) format: u32,
}

impl Geometry {
    /// For this many jobs of this size, and this many more that are leased; `None` if it is not possible.
    pub(super) const fn new(capacity: u64, leases: u32, attempts: u32, size: usize) -> Option<Self> {
        let cells = 1 + size.div_ceil(CELL);
        // Small blocks share lines, and none lies across two.
        let stride = if cells <= LINE { cells.next_power_of_two() } else { cells.next_multiple_of(LINE) };
        Self::with(capacity, leases, attempts, stride, 0, 0)
    }

    /// For jobs of up to `most` bytes.
    pub(super) const fn of_bytes(capacity: u64, leases: u32, attempts: u32, most: u64) -> Option<Self> {
        if most == 0 || most > MOST as u64 {
            return None;
        }
        let most = most as usize;
        // The word, and the length, on a line of their own.
        let stride = if cfg!(loom) { 2 } else { LINE };
        Self::with(capacity, leases, attempts, stride, most, BLOCK_HEAD + most.next_multiple_of(LINE * 8))
    }

    const fn with(capacity: u64, leases: u32, attempts: u32, stride: usize, most: usize, room: usize) -> Option<Self> {
        if capacity == 0 || capacity > MOST_BLOCKS || leases == 0 || leases as u64 > MOST_BLOCKS - capacity {
            return None;
        }
        let blocks = capacity as usize + leases as usize;
        // One place more than blocks, for the end mark.
        let places = (blocks + 1).next_power_of_two();
        let start = (PLACES_OFFSET + 3 * places * CELL).next_multiple_of(OBJECT_ALIGN);
        if stride > MOST / CELL / blocks || room > MOST / blocks {
            return None;
        }
        let bytes_start = (start + blocks * stride * CELL).next_multiple_of(OBJECT_ALIGN);
        let format = 0;
        Some(Geometry { capacity, leases, attempts, places, blocks, start, stride, most, bytes_start, room, format })
    }

    /// Cells of all blocks.
    pub(super) const fn cells(&self) -> usize {
        self.blocks * self.stride
    }

    /// Bytes of all jobs whose length is their own.
    pub(super) const fn job_bytes(&self) -> usize {
        self.blocks * self.room
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        (self.bytes_start + self.job_bytes()).next_multiple_of(OBJECT_ALIGN) as u64
    }
}
