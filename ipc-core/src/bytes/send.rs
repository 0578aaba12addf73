//! Sending.

use super::halves::{Sender, Watch};
use super::handle::ByteQueue;
use super::words::{Patience, words_for};
use crate::ends::{Counted, Role};
use crate::error::{Refused, SendBytesError, SendBytesTimeoutError, TrySendBytesError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_room};

/// The verbs of whatever sends: both have a method `watched`.
macro_rules! send_verbs {
    ($sends:ident, $note:literal $(, $disconnected:literal)?) => {
        impl<P: Platform> $sends<'_, P> {
            /// Sends one message if there is room. Does not wait, except for a moment while another sender is in the middle of its
            /// copy.
            ///
            /// # Errors
            ///
            /// [`Full`](TrySendBytesError::Full), [`TooLong`](TrySendBytesError::TooLong),
            #[doc = concat!("[`Closed`](TrySendBytesError::Closed)", $("; [`Disconnected`](TrySendBytesError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn try_send(&self, message: &[u8]) -> Result<(), TrySendBytesError> {
                self.try_send_parts(&[message])
            }

            /// Sends one message. Blocks while there is no room for it: polls for some microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            /// [`TooLong`](SendBytesError::TooLong),
            #[doc = concat!("[`Closed`](SendBytesError::Closed)", $("; [`Disconnected`](SendBytesError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn send(&self, message: &[u8]) -> Result<(), SendBytesError> {
                self.send_parts(&[message])
            }

            timed! {
                send_timeout, send_deadline, send, "Sends one message",
                [&self, message: &[u8]] limit [] -> Result<(), SendBytesTimeoutError> {
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
            pub fn try_send_parts(&self, parts: &[&[u8]]) -> Result<(), TrySendBytesError> {
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
                [&self, parts: &[&[u8]]] limit [] -> Result<(), SendBytesTimeoutError> {
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
    ". That the last receiver was killed is noticed where there is no room: within half a second by a call that waits, within a \
     thousand calls otherwise.",
    " once the last receiver half has left, room or not"
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
    fn send_now(&self, parts: &[&[u8]], watch: Watch<'_, 'm, P>) -> Result<(), TrySendBytesError> {
        self.measured(parts, watch)?;
        match self.view.send(&self.platform, parts, None) {
            Err(Refused::NotNow) if watch.is_some_and(|half| half.is_deserted_now()) => {
                Err(TrySendBytesError::Disconnected)
            }
            sent => Ok(sent?),
        }
    }

    /// The blocking send in its general form. With `watch`, the last living receiver's disappearance ends it.
    #[inline]
    pub(super) fn send_within<E: From<SendBytesError> + From<Refused>>(
        &self,
        parts: &[&[u8]],
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<(), E> {
        let len = self.measured(parts, watch)?;
        let patience = Patience::new(&self.send_budgets, limit);
        Ok(match self.view.send(&self.platform, parts, Some(&patience)) {
            Err(Refused::NotNow) => self.send_contended(parts, len, &patience, watch.is_some()),
            sent => sent,
        }?)
    }

    #[cold]
    #[inline(never)]
    fn send_contended(
        &self,
        parts: &[&[u8]],
        len: usize,
        patience: &Patience<'_, P::Deadline>,
        watch: bool,
    ) -> Result<(), Refused> {
        let (view, platform) = (&self.view, &self.platform);
        let attempt = |thorough: bool| match view.send(platform, parts, Some(patience)) {
            Err(Refused::NotNow) if thorough && watch => {
                Attempt::after(self.find_deserted(Role::Receiver), || Attempt::Done(Err(Refused::Disconnected)))
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            // Among them `Busy`: the time was over while another sender had the lock.
            result => Attempt::Done(result),
        };
        // In messages of this length.
        let words = words_for(len as u64);
        let (capacity, room) = (self.geometry.ring / words, || view.free_words() / words);
        let (gate, deadline) = (view.gate(Role::Sender), patience.deadline(platform));
        block_for_room(platform, gate, &patience.budgets.ring, deadline, capacity, room, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }
}
