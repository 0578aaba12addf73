//! The bytes of one job, or of one answer, in shared memory.

use core::ptr::NonNull;

use super::geometry::BLOCK_HEAD;
use crate::place::{Lent, Place, Shown};
use crate::slots::copy_bytes;

/// Where they are. The protocol says whose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes(pub(super) NonNull<u8>);

impl Bytes {
    /// Where they begin.
    #[inline]
    pub(super) fn start(self) -> NonNull<u8> {
        // SAFETY: behind the head and inside the room.
        unsafe { self.0.add(BLOCK_HEAD) }
    }

    /// In the hands of one who writes them, until this is dropped.
    #[inline]
    fn fill(self) -> Lent<()> {
        // SAFETY: nothing of the block but what checks its ownership is reached through this.
        unsafe { Place::at(self.0, 1) }.lend()
    }

    /// In the hands of one who reads them, until this is dropped.
    #[inline]
    pub(super) fn show(self) -> Shown<()> {
        // SAFETY: as above.
        unsafe { Place::at(self.0, 1) }.show()
    }

    /// Writes these parts, one behind the other.
    ///
    /// # Safety
    ///
    /// The bytes are the caller's, and there is room for all of them.
    #[inline]
    pub(super) unsafe fn write(self, parts: &[&[u8]]) {
        let _filling = self.fill();
        let mut at = self.start().as_ptr();
        for part in parts {
            // SAFETY: the caller's promise.
            unsafe {
                copy_bytes(part.as_ptr(), at, part.len());
                at = at.add(part.len());
            }
        }
    }
}
