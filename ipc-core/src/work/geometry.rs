//! How large a queue is, and where its parts lie.

use super::word::MOST_BLOCKS;
use super::words::PLACES_OFFSET;
use crate::memory::OBJECT_ALIGN;
use crate::sync::AtomicU64;

const CELL: usize = size_of::<AtomicU64>();
/// Cells of a cache line.
const LINE: usize = 8;

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
    /// Cells from one block to the next: its word, and the job's.
    pub(super) stride: usize,
}

impl Geometry {
    /// For this many jobs of this size, and this many more that are leased; `None` if it is not possible.
    pub(super) const fn new(capacity: u64, leases: u32, attempts: u32, size: usize) -> Option<Self> {
        if capacity == 0 || capacity > MOST_BLOCKS || leases == 0 || leases as u64 > MOST_BLOCKS - capacity {
            return None;
        }
        let blocks = capacity as usize + leases as usize;
        // One place more than blocks, for the end mark.
        let places = (blocks + 1).next_power_of_two();
        let cells = 1 + size.div_ceil(CELL);
        // Small blocks share lines, and none lies across two.
        let stride = if cells <= LINE { cells.next_power_of_two() } else { cells.next_multiple_of(LINE) };
        let start = (PLACES_OFFSET + 3 * places * CELL).next_multiple_of(OBJECT_ALIGN);
        if size > isize::MAX as usize / 16 || stride > isize::MAX as usize / 16 / blocks {
            return None;
        }
        Some(Geometry { capacity, leases, attempts, places, blocks, start, stride })
    }

    /// Cells of all blocks.
    pub(super) const fn cells(&self) -> usize {
        self.blocks * self.stride
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        (self.start + self.cells() * CELL).next_multiple_of(OBJECT_ALIGN) as u64
    }
}
