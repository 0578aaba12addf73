//! A job of bytes in this process's hands.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::lease::{Held, lease_verbs};
use crate::error::{Fault, ReplyError};
use crate::here::Here;
use crate::place::Shown;
use crate::platform::Platform;
#[cfg(feature = "alloc")]
use crate::slots::copy_bytes;
use crate::sync::Ordering;

/// A job of bytes that this process works on, and nobody else. Made by the receives of a [`ByteWorkQueue`](super::ByteWorkQueue).
///
/// It ends as any other [`Lease`](super::Lease) does: [`done`](Self::done) ends it for good; dropped, or with the death of its process,
/// the job goes back to the queue.
///
/// The bytes are read where they lie, by dereference. Nobody writes them while the job is leased, and a lease of a living process is not
/// taken away. A peer that does not go through this library could: see [`ByteWorkQueue`](super::ByteWorkQueue#a-faulty-peer).
///
/// # Panics
///
/// The dereference, in a child after `fork`. A drop does nothing there.
#[must_use = "the job goes back to the queue when this is dropped"]
pub struct ByteLease<'q, 'm, P: Platform> {
    /// Dropped before the job goes home, or is done.
    _shown: Shown<()>,
    start: NonNull<u8>,
    len: usize,
    held: Held<'q, 'm, P>,
}

// SAFETY: a reference to a queue, and bytes that are only read.
unsafe impl<P: Platform + Sync> Send for ByteLease<'_, '_, P> {}
// SAFETY: as above.
unsafe impl<P: Platform + Sync> Sync for ByteLease<'_, '_, P> {}

lease_verbs!(ByteLease, Fault);

impl<'q, 'm, P: Platform> ByteLease<'q, 'm, P> {
    #[inline(always)]
    pub(super) fn new(held: Held<'q, 'm, P>) -> Self {
        let (view, index) = (&held.engine.view, held.taken.index);
        // Relaxed: behind "written". A faulty peer's length is cut.
        let len = view.length(index).load(Ordering::Relaxed).min(view.geometry.most as u64) as usize;
        let bytes = view.job_bytes(index);
        ByteLease { _shown: bytes.show(), start: bytes.start(), len, held }
    }

    #[inline(always)]
    fn into_held(self) -> Held<'q, 'm, P> {
        // What is shown ends here.
        let ByteLease { held, .. } = self;
        held
    }

    #[inline]
    fn finish(self) -> Result<(), Fault> {
        self.into_held().answer(None).map(drop)
    }

    /// Says that the job is done, with an answer for its caller. Returns whether the caller is still there: `false` is what becomes of an answer
    /// that comes too late, and of one to a job that was [sent](super::ByteWorkQueue::send) and not called. Lock-free.
    ///
    /// A process that is killed before this returns has answered or not: then the job comes again, and the next answer counts.
    ///
    /// # Errors
    ///
    /// [`TooLong`](ReplyError::TooLong): longer than the queue's [`max_reply`](super::ByteWorkQueue::max_reply). The job goes back to the
    /// queue.
    pub fn reply(self, answer: &[u8]) -> Result<bool, ReplyError> {
        self.held.platform.here()?;
        let (len, max) = (answer.len(), self.held.engine.view.geometry.most_reply);
        let held = self.into_held();
        if len > max {
            return Err(ReplyError::TooLong { len, max });
        }
        Ok(held.answer(Some(answer))?)
    }

    /// How values are written in the queue.
    #[cfg(feature = "serde")]
    pub(super) fn format(&self) -> u32 {
        self.held.engine.view.geometry.format
    }

    /// Returns whether somebody waits for the answer, or the job was sent and not called. A long job may ask on its way: an answer
    /// that nobody waits for need not be found.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.held.platform.assert_here();
        self.held.engine.view.is_wanted(self.held.taken)
    }

    /// Returns a private copy of the job. It is made without a reference to the shared memory, so it is sound whatever peers do.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.held.platform.assert_here();
        let mut copy = Vec::with_capacity(self.len);
        // SAFETY: as many bytes as the block has at least, into as many of the copy's, which are initialised by that.
        unsafe {
            copy_bytes(self.start.as_ptr(), copy.as_mut_ptr(), self.len);
            copy.set_len(self.len);
        }
        copy
    }
}

impl<P: Platform> Deref for ByteLease<'_, '_, P> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.held.platform.assert_here();
        // SAFETY: the block has at least `len` bytes, initialised, mapped as long as the queue's handle lives. It is leased to this process
        // while `self` lives: a process that goes through this library writes it only once it is nobody's (W6).
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

// The bytes are not touched.
impl<P: Platform> fmt::Debug for ByteLease<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteLease").field("len", &self.len).field("attempt", &self.attempt()).finish_non_exhaustive()
    }
}
