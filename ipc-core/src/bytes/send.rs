//! Sending.

use super::halves::{Sender, Watch};
use super::handle::ByteQueue;
use super::words::{Patience, Refusal, words_for};
use crate::ends::{Counted, Role};
use crate::error::{Fault, SendBytesError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, Reserve, block_until};

/// The verbs of whatever sends: both have a method `watched`.
macro_rules! send_verbs {
    ($sends:ident, $note:literal) => {
        impl<P: Platform> $sends<'_, P> {
            /// Sends one message if there is room. Does not wait, except for a moment while another sender is in the middle of its
            /// copy.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Full`](SendBytesError::Full), [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed)", $note)]
            #[inline]
            pub fn try_send(&self, message: &[u8]) -> Result<(), SendBytesError> {
                self.try_send_parts(&[message])
            }

            /// Sends one message. Blocks while there is no room for it: polls for some microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed)", $note)]
            #[inline]
            pub fn send(&self, message: &[u8]) -> Result<(), SendBytesError> {
                self.send_parts(&[message])
            }

            timed! {
                send_timeout, send_deadline, send, "Sends one message",
                [&self, message: &[u8]] limit [] -> Result<(), SendBytesError> {
                    let (queue, watch) = self.watched();
                    queue.send_within(&[message], limit, watch)
                }
            }

            /// Sends one message that consists of these parts, one behind the other, if there is room. Spares the caller to put
            /// them together first.
            ///
            /// # Errors
            ///
            /// As for [`try_send`](Self::try_send).
            #[doc(alias = "try_send_vectored")]
            #[inline]
            pub fn try_send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
                let (queue, watch) = self.watched();
                queue.send_now(parts, watch)
            }

            /// Sends one message that consists of these parts, one behind the other. Blocks while there is no room for it.
            ///
            /// # Errors
            ///
            /// As for [`send`](Self::send).
            #[doc(alias = "send_vectored")]
            #[inline]
            pub fn send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
                let (queue, watch) = self.watched();
                queue.send_within(parts, &Limit::Forever, watch)
            }

            timed! {
                send_parts_timeout, send_parts_deadline, send_parts, "Sends one message of these parts",
                [&self, parts: &[&[u8]]] limit [] -> Result<(), SendBytesError> {
                    let (queue, watch) = self.watched();
                    queue.send_within(parts, limit, watch)
                }
            }
        }
    };
}
send_verbs!(ByteQueue, ".");
send_verbs!(
    Sender,
    "; [`Disconnected`](SendBytesError::Disconnected) once the last receiver half has left, room or not. That the last one was killed \
     is noticed where there is no room: within a tenth of a second by a call that waits, within a thousand calls otherwise."
);

impl<'m, P: Platform> ByteQueue<'m, P> {
    /// Whether the message can be sent by this process, and how long it is.
    #[inline]
    fn measured(&self, parts: &[&[u8]], watch: Watch<'_, 'm, P>) -> Result<usize, SendBytesError> {
        self.here()?;
        let len = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len())).unwrap_or(usize::MAX);
        let max = self.max_len();
        if len > max {
            Err(SendBytesError::TooLong { len, max })
        } else if watch.is_some_and(|half| half.is_left()) {
            Err(SendBytesError::Disconnected)
        } else {
            Ok(len)
        }
    }

    #[inline]
    pub(super) fn send_now(&self, parts: &[&[u8]], watch: Watch<'_, 'm, P>) -> Result<(), SendBytesError> {
        self.measured(parts, watch)?;
        self.view.send(&self.platform, parts, None).map_err(|refusal| match refusal {
            Refusal::NotNow if watch.is_some_and(|half| half.is_deserted_now()) => SendBytesError::Disconnected,
            Refusal::NotNow | Refusal::Busy => SendBytesError::Full,
            refusal => not_sent(refusal),
        })
    }

    /// The blocking send in its general form. With `watch`, the last living receiver's disappearance ends it.
    #[inline]
    pub(super) fn send_within(
        &self,
        parts: &[&[u8]],
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<(), SendBytesError> {
        let len = self.measured(parts, watch)?;
        let patience = Patience::new(&self.send_budget, limit);
        match self.view.send(&self.platform, parts, Some(&patience)) {
            Err(Refusal::NotNow) => self.send_contended(parts, len, &patience, watch.is_some()),
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
        watch: bool,
    ) -> Result<(), SendBytesError> {
        let (view, budget, platform) = (&self.view, patience.budget, &self.platform);
        let deadline = patience.deadline(platform);
        let mut reserve = Reserve::new();
        let sent = block_until(platform, view.gate(Role::Sender), budget, deadline, |thorough| {
            if reserve.waits_for_more(platform, thorough, self.geometry.ring, || view.free_words()) {
                return Attempt::NotYet;
            }
            match view.send(platform, parts, Some(patience)) {
                Err(Refusal::NotNow) if thorough && watch => Attempt::after(self.find_deserted(Role::Receiver), || {
                    Attempt::Done(Err(SendBytesError::Disconnected))
                }),
                Err(Refusal::NotNow) => Attempt::NotYet,
                // Among them `Busy`: the time was over while another sender had the lock.
                result => Attempt::Done(result.map_err(not_sent)),
            }
        });
        budget.learn_found(|| view.free_words() / words_for(len as u64));
        sent.unwrap_or_else(|unmet| Err(unmet.or_fault(SendBytesError::Timeout)))
    }
}

fn not_sent(refusal: Refusal) -> SendBytesError {
    match refusal {
        Refusal::NotNow | Refusal::Busy => SendBytesError::Timeout,
        Refusal::Closed => SendBytesError::Closed,
        Refusal::Unknown => SendBytesError::Fault(Fault::DeathsUnknown),
        // A send has nothing to be too long for: it was measured.
        Refusal::Corrupted | Refusal::TooLong { .. } => SendBytesError::Fault(Fault::Corrupted),
    }
}
