//! A call that waits for its answer.

#[cfg(feature = "serde")]
use alloc::vec::Vec;
use core::fmt;
use core::mem::ManuallyDrop;

use super::calls::Outcome;
use super::engine::Engine;
use crate::error::{AnswerError, AnswerTimeoutError, Fault, Refused, TryAnswerError};
use crate::here::Here;
use crate::platform::Platform;
#[cfg(feature = "serde")]
use crate::slots::copy_bytes;
use crate::time::Limit;
use crate::timed::timed;

/// A call that waits for its answer. Made by [`ByteWorkQueue::call`](super::ByteWorkQueue::call).
///
/// The answer stays until the ticket is dropped, and may be asked for any number of times. A ticket that is dropped before is not
/// waited for any more: a job that has not begun is withdrawn (it keeps its place until a receiver passes it over), and one that has
/// begun is worked on to its end, whose answer nobody gets. The same happens when the caller's process dies. A ticket that is
/// forgotten (`mem::forget`) keeps its block until the process ends.
///
/// Where no process receives, no answer comes: a time limit says how long to wait.
#[must_use = "nobody waits for the answer when this is dropped"]
pub struct Ticket<'q, 'm, P: Platform> {
    engine: &'q Engine<'m>,
    platform: &'q P,
    index: usize,
}

impl<'q, 'm, P: Platform> Ticket<'q, 'm, P> {
    #[inline]
    pub(super) fn new(engine: &'q Engine<'m>, platform: &'q P, index: usize) -> Self {
        Ticket { engine, platform, index }
    }

    /// Returns the answer, if it is there. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Pending`](TryAnswerError::Pending). [`Failed`](TryAnswerError::Failed): as many processes as the queue's
    /// [`attempts`](super::ByteWorkQueue::attempts) died with the job, or gave it back.
    /// [`Unanswered`](TryAnswerError::Unanswered): the job is done, and its holder gave no answer.
    pub fn try_wait(&self) -> Result<&[u8], TryAnswerError> {
        self.len_now().map(|len| self.bytes(len))
    }

    /// Returns the answer. Blocks until it is there: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// Those of [`try_wait`](Self::try_wait), except `Pending`.
    pub fn wait(&self) -> Result<&[u8], AnswerError> {
        self.wait_within(&Limit::Forever).map_err(AnswerTimeoutError::endless)
    }

    timed! {
        wait_timeout, wait_deadline, wait, "Returns the answer",
        [&self] limit [] -> Result<&[u8], AnswerTimeoutError> { self.wait_within(limit) }
    }

    pub(super) fn wait_within(&self, limit: &Limit<P::Deadline>) -> Result<&[u8], AnswerTimeoutError> {
        self.len_within(limit).map(|len| self.bytes(len))
    }

    /// The length of the answer, which is waited for.
    pub(super) fn len_within(&self, limit: &Limit<P::Deadline>) -> Result<usize, AnswerTimeoutError> {
        self.platform.here()?;
        match self.engine.wait_for_outcome(self.platform, self.index, limit) {
            Ok(outcome) => match Self::len_of(outcome) {
                Err(TryAnswerError::Pending) => Err(AnswerTimeoutError::Timeout),
                Err(TryAnswerError::Failed { attempts }) => Err(AnswerTimeoutError::Failed { attempts }),
                Err(TryAnswerError::Unanswered) => Err(AnswerTimeoutError::Unanswered),
                Err(TryAnswerError::Fault(fault)) => Err(fault.into()),
                Ok(len) => Ok(len),
            },
            Err(Refused::Fault(fault)) => Err(fault.into()),
            Err(_) => Err(AnswerTimeoutError::Timeout),
        }
    }

    /// The length of the answer, if it is there.
    pub(super) fn len_now(&self) -> Result<usize, TryAnswerError> {
        self.platform.here()?;
        Self::len_of(self.engine.view.outcome(self.index))
    }

    fn len_of(outcome: Outcome) -> Result<usize, TryAnswerError> {
        match outcome {
            Outcome::Pending => Err(TryAnswerError::Pending),
            Outcome::Failed(attempts) => Err(TryAnswerError::Failed { attempts }),
            Outcome::Unanswered => Err(TryAnswerError::Unanswered),
            Outcome::Nonsense => Err(Fault::Corrupted.into()),
            Outcome::Reply(len) => Ok(len),
        }
    }

    /// The answer, which is there and has this length.
    fn bytes(&self, len: usize) -> &[u8] {
        let bytes = self.engine.view.reply_bytes(self.index);
        let _shown = bytes.show();
        // SAFETY: the block has at least `len` bytes for an answer, initialised, mapped as long as the queue's handle lives. They are
        // written only while the job is leased: not any more until this ticket has let the block go (W7).
        unsafe { core::slice::from_raw_parts(bytes.start().as_ptr(), len) }
    }

    /// A private copy of it, made without a reference to the shared memory.
    #[cfg(feature = "serde")]
    pub(super) fn copy(&self, len: usize) -> Vec<u8> {
        let bytes = self.engine.view.reply_bytes(self.index);
        let _shown = bytes.show();
        let mut copy = Vec::with_capacity(len);
        // SAFETY: as many bytes as the block has at least, into as many of the copy's, which are initialised by that.
        unsafe {
            copy_bytes(bytes.start().as_ptr(), copy.as_mut_ptr(), len);
            copy.set_len(len);
        }
        copy
    }

    /// Gives the call up. Returns `true` if no process has had its job: none will. Otherwise a process had it, or has it, or it is
    /// done. Lock-free.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.byte_work_queue("jobs").create()?;
    /// let ticket = jobs.call(b"slow")?;
    /// assert!(ticket.try_wait().is_err());
    /// assert!(ticket.cancel()?); // no process had begun with it
    /// assert!(jobs.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`].
    pub fn cancel(self) -> Result<bool, Fault> {
        let this = ManuallyDrop::new(self);
        this.platform.here()?;
        this.engine.view.hang_up(this.platform, this.index, this.platform.me())
    }
}

impl<P: Platform> Drop for Ticket<'_, '_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            // An error is that of a faulty peer.
            let _ = self.engine.view.hang_up(self.platform, self.index, self.platform.me());
        }
    }
}

// The answer is not touched.
impl<P: Platform> fmt::Debug for Ticket<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}
