//! How large a queue is, and where its parts lie.

use super::words::{BLOCK_HEAD, Block, MOST_BLOCKS, SLOTS_OFFSET};
use crate::memory::OBJECT_ALIGN;
use crate::sync::AtomicU64;

/// A queue's sizes, and where its parts lie.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) slots: usize,
    pub(super) blocks: usize,
    /// Elements of a block.
    pub(super) block_len: usize,
    /// Where the blocks' words lie.
    pub(super) words: usize,
    /// Where the blocks lie.
    pub(super) payload: usize,
    /// Bytes from one block's begin to the next one's.
    pub(super) stride: usize,
    pub(super) bytes: u64,
}

impl Geometry {
    /// Of this many blocks, each of `block_len` elements of this size and alignment; `None` if it is not possible.
    pub(super) const fn new(blocks: u64, block_len: u64, size: usize, align: usize) -> Option<Self> {
        const MOST: usize = isize::MAX as usize / 2;
        if blocks == 0 || blocks > MOST_BLOCKS || block_len == 0 || block_len > MOST as u64 || align > OBJECT_ALIGN {
            return None;
        }
        let stride = match (block_len as usize).checked_mul(size) {
            Some(bytes) if bytes < MOST => BLOCK_HEAD + bytes.next_multiple_of(OBJECT_ALIGN),
            _ => return None,
        };
        let slots = blocks.next_power_of_two() as usize;
        let blocks = blocks as usize;
        let words = SLOTS_OFFSET + (slots * size_of::<AtomicU64>()).next_multiple_of(OBJECT_ALIGN);
        let payload = words + (blocks * size_of::<Block>()).next_multiple_of(OBJECT_ALIGN);
        match stride.checked_mul(blocks) {
            Some(all) if all < MOST => {
                let bytes = (payload + all) as u64;
                Some(Geometry { slots, blocks, block_len: block_len as usize, words, payload, stride, bytes })
            }
            _ => None,
        }
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of all blocks.
    pub(super) fn payload_bytes(&self) -> usize {
        self.stride * self.blocks
    }
}
