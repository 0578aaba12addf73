//! Sending.

use core::time::Duration;

use super::handle::ByteQueue;
use super::words::{Patience, Refusal, words_for};
use crate::error::{Fault, SendBytesError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::wait::{Attempt, Reserve, block_until};

impl<P: Platform> ByteQueue<'_, P> {
    /// Sends one message if there is room. Does not wait, except for a moment while another sender is in the middle of its copy.
    ///
    /// # Errors
    ///
    /// [`Full`](SendBytesError::Full), [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed).
    pub fn try_send(&self, message: &[u8]) -> Result<(), SendBytesError> {
        self.try_send_parts(&[message])
    }

    /// Sends one message that consists of these parts, one behind the other, if there is room. Spares the caller to put them together
    /// first.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    #[doc(alias = "try_send_vectored")]
    pub fn try_send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        self.measured(parts)?;
        self.view.send(&self.platform, parts, None).map_err(|refusal| match refusal {
            Refusal::NotNow | Refusal::Busy => SendBytesError::Full,
            refusal => not_sent(refusal),
        })
    }

    /// Sends one message. Blocks while there is no room for it: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed).
    pub fn send(&self, message: &[u8]) -> Result<(), SendBytesError> {
        self.send_within(&[message], &Limit::Forever)
    }

    /// Sends one message. Blocks for at most the timeout; room that is there at once is used whatever the timeout.
    ///
    /// # Errors
    ///
    /// [`Timeout`](SendBytesError::Timeout), and those of [`send`](Self::send).
    pub fn send_timeout(&self, message: &[u8], timeout: Duration) -> Result<(), SendBytesError> {
        self.send_within(&[message], &Limit::For(timeout))
    }

    /// Sends one message. Blocks until the deadline at most.
    ///
    /// # Errors
    ///
    /// As for [`send_timeout`](Self::send_timeout).
    pub fn send_deadline(&self, message: &[u8], deadline: P::Deadline) -> Result<(), SendBytesError> {
        self.send_within(&[message], &Limit::Until(deadline))
    }

    /// Sends one message that consists of these parts, one behind the other. Blocks while there is no room for it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[doc(alias = "send_vectored")]
    pub fn send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        self.send_within(parts, &Limit::Forever)
    }

    /// Whether the message can be sent by this process, and how long it is.
    #[inline]
    fn measured(&self, parts: &[&[u8]]) -> Result<usize, SendBytesError> {
        self.here()?;
        let len = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len())).unwrap_or(usize::MAX);
        let max = self.max_len();
        if len > max { Err(SendBytesError::TooLong { len, max }) } else { Ok(len) }
    }

    /// The blocking send in its general form.
    #[inline]
    fn send_within(&self, parts: &[&[u8]], limit: &Limit<P::Deadline>) -> Result<(), SendBytesError> {
        let len = self.measured(parts)?;
        let patience = Patience::new(&self.send_budget, limit);
        match self.view.send(&self.platform, parts, Some(&patience)) {
            Err(Refusal::NotNow) => self.send_contended(parts, len, &patience),
            sent => sent.map_err(not_sent),
        }
    }

    #[cold]
    #[inline(never)]
    fn send_contended(
        &self,
        parts: &[&[u8]],
        len: usize,
        patience: &Patience<'_, P::Deadline>,
    ) -> Result<(), SendBytesError> {
        let (view, budget, platform) = (&self.view, patience.budget, &self.platform);
        let deadline = patience.deadline(platform);
        let mut reserve = Reserve::new();
        let sent = block_until(platform, view.space(), budget, deadline, |thorough| {
            if reserve.waits_for_more(platform, thorough, self.geometry.ring, || view.free_words()) {
                return Attempt::NotYet;
            }
            match view.send(platform, parts, Some(patience)) {
                Err(Refusal::NotNow) => Attempt::NotYet,
                // Among them `Busy`: the time was over while another sender had the lock.
                result => Attempt::Done(result),
            }
        });
        budget.learn_found(|| view.free_words() / words_for(len as u64));
        sent.unwrap_or(Err(Refusal::NotNow)).map_err(not_sent)
    }
}

fn not_sent(refusal: Refusal) -> SendBytesError {
    match refusal {
        Refusal::NotNow | Refusal::Busy => SendBytesError::Timeout,
        Refusal::Closed => SendBytesError::Closed,
        // A send has nothing to be too long for: it was measured.
        Refusal::Corrupted | Refusal::TooLong { .. } => SendBytesError::Fault(Fault::Corrupted),
    }
}
