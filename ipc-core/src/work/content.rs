//! What a sender writes into a block.

use bytemuck::NoUninit;

use super::words::View;
use crate::participant::ParticipantId;
use crate::payload;
use crate::sync::Ordering;

/// What a job is made of.
pub(super) trait Content {
    /// Writes it into a block that the caller owns.
    fn write(&self, view: &View<'_>, index: usize, me: ParticipantId);
}

/// A value of one size.
pub(super) struct Plain<'a, T>(pub(super) &'a T);

impl<T: NoUninit> Content for Plain<'_, T> {
    #[inline(always)]
    fn write(&self, view: &View<'_>, index: usize, _: ParticipantId) {
        payload::store(self.0, view.job(index));
    }
}

/// Bytes in parts, one behind the other.
pub(super) struct Parts<'a> {
    parts: &'a [&'a [u8]],
    len: usize,
    called: bool,
}

impl<'a> Parts<'a> {
    /// Parts of a job, which is called or only sent.
    pub(super) fn new(parts: &'a [&'a [u8]], called: bool) -> Self {
        let len = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len())).unwrap_or(usize::MAX);
        Parts { parts, len, called }
    }

    /// How many bytes they are; `usize::MAX` if they are more than that.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Content for Parts<'_> {
    #[inline]
    fn write(&self, view: &View<'_>, index: usize, me: ParticipantId) {
        assert!(self.len <= view.geometry.most);
        // SAFETY: the block is the caller's, and has `most` bytes.
        unsafe { view.job_bytes(index).write(self.parts) };
        // Relaxed: "written" makes them visible.
        view.length(index).store(self.len as u64, Ordering::Relaxed);
        view.caller_of(index).store(if self.called { me.get().into() } else { 0 }, Ordering::Relaxed);
    }
}
