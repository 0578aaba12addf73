//! What a sender writes into a block.

use bytemuck::NoUninit;

use super::words::View;
use crate::payload;
use crate::slots::copy_bytes;
use crate::sync::Ordering;

/// What a job is made of.
pub(super) trait Content {
    /// Writes it into a block that the caller owns.
    fn write(&self, view: &View<'_>, index: usize);
}

/// A value of one size.
pub(super) struct Plain<'a, T>(pub(super) &'a T);

impl<T: NoUninit> Content for Plain<'_, T> {
    #[inline(always)]
    fn write(&self, view: &View<'_>, index: usize) {
        payload::store(self.0, view.job(index));
    }
}

/// Bytes in parts, one behind the other. They are as many as `len` says, and there is room for them.
pub(super) struct Parts<'a> {
    pub(super) parts: &'a [&'a [u8]],
    pub(super) len: usize,
}

impl Content for Parts<'_> {
    #[inline]
    fn write(&self, view: &View<'_>, index: usize) {
        assert!(self.len <= view.geometry.most);
        let (start, mut at) = (view.bytes(index).as_ptr(), 0);
        {
            let _filling = view.fill(index);
            for part in self.parts {
                let len = part.len().min(self.len - at);
                // SAFETY: at + len <= the sum of all <= `most`, so it lies in the block, which is the caller's.
                unsafe { copy_bytes(part.as_ptr(), start.add(at), len) };
                at += len;
            }
        }
        // Relaxed: "written" makes it visible.
        view.length(index).store(at as u64, Ordering::Relaxed);
    }
}
