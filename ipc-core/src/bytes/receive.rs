//! Receiving.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use super::halves::{Receiver, Watch};
use super::handle::ByteQueue;
use super::words::{Patience, Refusal, words_for};
#[cfg(feature = "alloc")]
use crate::ends::iterators;
use crate::ends::{Counted, Role};
use crate::error::{Fault, RecvBytesError};
use crate::platform::Platform;
#[cfg(feature = "alloc")]
use crate::queue::append;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_until};

/// The verbs of whatever receives: both have a method `watched`.
macro_rules! recv_verbs {
    ($receives:ident, $note:literal) => {
        impl<P: Platform> $receives<'_, P> {
            /// Receives the oldest message into the front of `out`, if there is one. Returns its length. Does not wait, except for a
            /// moment while another receiver is in the middle of its copy.
            ///
            /// # Errors
            ///
            /// [`Empty`](RecvBytesError::Empty); [`TooLong`](RecvBytesError::TooLong) with the length that is needed (the message
            #[doc = concat!("stays); [`Closed`](RecvBytesError::Closed) once the queue is closed and drained", $note)]
            #[inline]
            pub fn try_recv(&self, out: &mut [u8]) -> Result<usize, RecvBytesError> {
                let (queue, watch) = self.watched();
                queue.receive_now(uninit(out), watch).map_err(|error| queue.told(error))
            }

            /// Receives the oldest message into the front of `out`. Returns its length. Blocks while there is none: polls for some
            /// microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            /// The errors of [`try_recv`](Self::try_recv), except `Empty`.
            #[inline]
            pub fn recv(&self, out: &mut [u8]) -> Result<usize, RecvBytesError> {
                let (queue, watch) = self.watched();
                queue.recv_within(uninit(out), &Limit::Forever, watch).map_err(|error| queue.told(error))
            }

            timed! {
                recv_timeout, recv_deadline, recv, "Receives the oldest message",
                [&self, out: &mut [u8]] limit [] -> Result<usize, RecvBytesError> {
                    let (queue, watch) = self.watched();
                    queue.recv_within(uninit(out), limit, watch).map_err(|error| queue.told(error))
                }
            }
        }

        /// Into vectors.
        #[cfg(feature = "alloc")]
        impl<P: Platform> $receives<'_, P> {
            /// Appends the oldest message to `buffer`, which grows as needed, if there is one. Returns the message's length. Does not
            /// wait, except for a moment while another receiver is in the middle of its copy.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Empty`](RecvBytesError::Empty); [`Closed`](RecvBytesError::Closed) once the queue is closed and drained", $note)]
            pub fn try_recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, RecvBytesError> {
                let (queue, watch) = self.watched();
                queue.append(buffer, |out| queue.receive_now(out, watch))
            }

            /// Appends the oldest message to `buffer`, which grows as needed. Returns the message's length. Blocks while there is none.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Closed`](RecvBytesError::Closed) once the queue is closed and drained", $note)]
            pub fn recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, RecvBytesError> {
                let (queue, watch) = self.watched();
                queue.append_within(buffer, &Limit::Forever, watch)
            }

            timed! {
                recv_into_timeout, recv_into_deadline, recv_into, "Appends the oldest message to `buffer`",
                [&self, buffer: &mut Vec<u8>] limit [] -> Result<usize, RecvBytesError> {
                    let (queue, watch) = self.watched();
                    queue.append_within(buffer, limit, watch)
                }
            }

            /// Receives the oldest message into memory of its own, if there is one. Does not wait, except for a moment while another
            /// receiver is in the middle of its copy.
            ///
            /// # Errors
            ///
            /// As for [`try_recv_into`](Self::try_recv_into).
            pub fn try_recv_vec(&self) -> Result<Vec<u8>, RecvBytesError> {
                let mut message = Vec::new();
                self.try_recv_into(&mut message).map(|_| message)
            }

            /// Receives the oldest message into memory of its own. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// As for [`recv_into`](Self::recv_into).
            pub fn recv_vec(&self) -> Result<Vec<u8>, RecvBytesError> {
                self.recv_vec_within(&Limit::Forever)
            }

            timed! {
                recv_vec_timeout, recv_vec_deadline, recv_vec, "Receives the oldest message",
                [&self] limit [] -> Result<Vec<u8>, RecvBytesError> { self.recv_vec_within(limit) }
            }

            pub(super) fn recv_vec_within(&self, limit: &Limit<P::Deadline>) -> Result<Vec<u8>, RecvBytesError> {
                let (queue, watch) = self.watched();
                let mut message = Vec::new();
                queue.append_within(&mut message, limit, watch).map(|_| message)
            }
        }
    };
}
recv_verbs!(ByteQueue, ".");
recv_verbs!(
    Receiver,
    "; [`Disconnected`](RecvBytesError::Disconnected) once the queue is empty and the last sender half has left. That the last one was \
     killed is noticed within a tenth of a second by a call that waits, within a thousand calls otherwise."
);

#[cfg(feature = "alloc")]
iterators!(ByteQueue, Vec<u8>, RecvBytesError, RecvBytesError, recv_vec, try_recv_vec);
#[cfg(feature = "alloc")]
iterators!(Receiver, Vec<u8>, RecvBytesError, RecvBytesError, recv_vec, try_recv_vec);

impl<'m, P: Platform> ByteQueue<'m, P> {
    /// What a caller is told. A message that is too long for it stays, so its wake-up goes on to another receiver.
    #[cold]
    fn told(&self, error: RecvBytesError) -> RecvBytesError {
        if matches!(error, RecvBytesError::TooLong { .. }) {
            self.view.gate(Role::Receiver).notify(&self.platform, || 1);
        }
        error
    }

    #[inline]
    fn receive_now(&self, out: &mut [MaybeUninit<u8>], watch: Watch<'_, 'm, P>) -> Result<usize, RecvBytesError> {
        self.here()?;
        let room = out.len();
        let mut received = self.view.receive(&self.platform, out, None);
        if received == Err(Refusal::NotNow) && watch.is_some_and(|half| half.is_deserted_now()) {
            // The last message of the sender that left came before its leaving.
            received = self.view.receive(&self.platform, out, None);
            if received == Err(Refusal::NotNow) {
                return Err(RecvBytesError::Disconnected);
            }
        }
        received.map_err(|refusal| match refusal {
            Refusal::NotNow | Refusal::Busy => RecvBytesError::Empty,
            refusal => not_received(refusal, room),
        })
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline]
    fn recv_within(
        &self,
        out: &mut [MaybeUninit<u8>],
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, RecvBytesError> {
        self.receive(out, &Patience::new(&self.recv_budget, limit), watch)
    }

    /// The same with a time limit that earlier waits may have begun.
    #[inline]
    fn receive(
        &self,
        out: &mut [MaybeUninit<u8>],
        patience: &Patience<'_, P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, RecvBytesError> {
        self.here()?;
        let room = out.len();
        match self.view.receive(&self.platform, out, Some(patience)) {
            Err(Refusal::NotNow) => self.recv_contended(out, patience, watch.is_some()),
            received => received.map_err(|refusal| not_received(refusal, room)),
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(
        &self,
        out: &mut [MaybeUninit<u8>],
        patience: &Patience<'_, P::Deadline>,
        watch: bool,
    ) -> Result<usize, RecvBytesError> {
        let (view, budget, platform) = (&self.view, patience.budget, &self.platform);
        let room = out.len();
        let received =
            block_until(platform, view.gate(Role::Receiver), budget, patience.deadline(platform), |thorough| {
                match view.receive(platform, out, Some(patience)) {
                    Err(Refusal::NotNow) if thorough && watch => {
                        Attempt::after(self.find_deserted(Role::Sender), || {
                            // The last message of the sender that left came before its leaving.
                            match view.receive(platform, out, Some(patience)) {
                                Err(Refusal::NotNow) => Attempt::Done(Err(RecvBytesError::Disconnected)),
                                result => Attempt::Done(result.map_err(|refusal| not_received(refusal, room))),
                            }
                        })
                    }
                    Err(Refusal::NotNow) => Attempt::NotYet,
                    // Among them `Busy`: the time was over while another receiver had the lock.
                    result => Attempt::Done(result.map_err(|refusal| not_received(refusal, room))),
                }
            })
            .unwrap_or_else(|unmet| Err(unmet.or_fault(RecvBytesError::Timeout)));
        if let Ok(len) = received {
            // If the others are as long as this one.
            let words = words_for(len as u64);
            let messages = || view.used_words() / words;
            budget.learn_found(messages);
            budget.gather(self.geometry.ring / words / 2, messages);
        }
        received
    }

    #[cfg(feature = "alloc")]
    fn append_within(
        &self,
        buffer: &mut Vec<u8>,
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, RecvBytesError> {
        let patience = Patience::new(&self.recv_budget, limit);
        self.append(buffer, |out| self.receive(out, &patience, watch))
    }

    /// Asks with the memory that there is, and then with as much as the message needs. Another receiver may take that one meanwhile,
    /// and the next may be longer still.
    #[cfg(feature = "alloc")]
    fn append(
        &self,
        buffer: &mut Vec<u8>,
        receive: impl Fn(&mut [MaybeUninit<u8>]) -> Result<usize, RecvBytesError>,
    ) -> Result<usize, RecvBytesError> {
        let mut room = buffer.capacity() - buffer.len();
        loop {
            match append(buffer, room, &receive) {
                // A message that is longer than the last one, and no longer than the ring: each round is another message.
                Err(RecvBytesError::TooLong { len, .. }) if len > room && len <= self.geometry.longest() => room = len,
                result => return result.map_err(|error| self.told(error)),
            }
        }
    }
}

/// The same memory.
fn uninit(out: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let start: *mut MaybeUninit<u8> = out.as_mut_ptr().cast();
    // SAFETY: the same memory, borrowed exclusively, into which only bytes are written.
    unsafe { core::slice::from_raw_parts_mut(start, out.len()) }
}

fn not_received(refusal: Refusal, room: usize) -> RecvBytesError {
    match refusal {
        Refusal::NotNow | Refusal::Busy => RecvBytesError::Timeout,
        Refusal::Closed => RecvBytesError::Closed,
        Refusal::TooLong { len } => RecvBytesError::TooLong { len, room },
        Refusal::Corrupted => RecvBytesError::Fault(Fault::Corrupted),
        Refusal::Unknown => RecvBytesError::Fault(Fault::DeathsUnknown),
    }
}
