//! Receiving.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::cell::Cell;
use core::mem::MaybeUninit;

use super::halves::{Receiver, Watch};
use super::handle::ByteQueue;
use super::words::{Patience, words_for};
#[cfg(feature = "alloc")]
use crate::ends::iterators;
use crate::ends::{Counted, Role};
#[cfg(feature = "alloc")]
use crate::error::{Fault, RecvError, RecvTimeoutError, TryRecvError};
use crate::error::{RecvBytesError, RecvBytesTimeoutError, Refused, TryRecvBytesError};
use crate::platform::Platform;
#[cfg(feature = "alloc")]
use crate::queue::append;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_expected};

/// The verbs of whatever receives: both have a method `watched`.
macro_rules! recv_verbs {
    ($receives:ident, $note:literal $(, $disconnected:literal)?) => {
        impl<P: Platform> $receives<'_, P> {
            /// Receives the oldest message into the front of `out`, if there is one. Returns its length. Does not wait, except for a
            /// moment while another receiver is in the middle of its copy.
            ///
            /// # Errors
            ///
            /// [`Empty`](TryRecvBytesError::Empty), [`Busy`](TryRecvBytesError::Busy);
            /// [`TooLong`](TryRecvBytesError::TooLong) with the length that is needed (the message stays);
            #[doc = concat!("[`Closed`](TryRecvBytesError::Closed) once the queue is closed and drained", $("; [`Disconnected`](TryRecvBytesError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn try_recv(&self, out: &mut [u8]) -> Result<usize, TryRecvBytesError> {
                let (queue, watch) = self.watched();
                let room = out.len();
                Ok(queue.fits(queue.receive_now(uninit(out), watch)?, room)?)
            }

            /// Receives the oldest message into the front of `out`. Returns its length. Blocks while there is none: polls for some
            /// microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            /// The errors of [`try_recv`](Self::try_recv), except `Empty` and `Busy`.
            #[inline]
            pub fn recv(&self, out: &mut [u8]) -> Result<usize, RecvBytesError> {
                let (queue, watch) = self.watched();
                let room = out.len();
                queue.fits(queue.recv_within(uninit(out), &Limit::Forever, watch)?, room)
            }

            timed! {
                recv_timeout, recv_deadline, recv, "Receives the oldest message",
                [&self, out: &mut [u8]] limit [] -> Result<usize, RecvBytesTimeoutError> {
                    let (queue, watch) = self.watched();
                    let room = out.len();
                    Ok(queue.fits(queue.recv_within(uninit(out), limit, watch)?, room)?)
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
            /// [`Empty`](TryRecvError::Empty), [`Busy`](TryRecvError::Busy);
            #[doc = concat!("[`Closed`](TryRecvError::Closed) once the queue is closed and drained", $("; [`Disconnected`](TryRecvError::Disconnected)", $disconnected,)? $note)]
            pub fn try_recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, TryRecvError> {
                let (queue, watch) = self.watched();
                Ok(queue.append(buffer, |out| queue.receive_now(out, watch))?)
            }

            /// Appends the oldest message to `buffer`, which grows as needed. Returns the message's length. Blocks while there is none.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Closed`](RecvError::Closed) once the queue is closed and drained", $("; [`Disconnected`](RecvError::Disconnected)", $disconnected,)? $note)]
            pub fn recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, RecvError> {
                let (queue, watch) = self.watched();
                Ok(queue.append_within(buffer, &Limit::Forever, watch)?)
            }

            timed! {
                recv_into_timeout, recv_into_deadline, recv_into, "Appends the oldest message to `buffer`",
                [&self, buffer: &mut Vec<u8>] limit [] -> Result<usize, RecvTimeoutError> {
                    let (queue, watch) = self.watched();
                    Ok(queue.append_within(buffer, limit, watch)?)
                }
            }

            /// Receives the oldest message into memory of its own, if there is one. Does not wait, except for a moment while another
            /// receiver is in the middle of its copy.
            ///
            /// # Errors
            ///
            /// As for [`try_recv_into`](Self::try_recv_into).
            pub fn try_recv_vec(&self) -> Result<Vec<u8>, TryRecvError> {
                let mut message = Vec::new();
                self.try_recv_into(&mut message).map(|_| message)
            }

            /// Receives the oldest message into memory of its own. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// As for [`recv_into`](Self::recv_into).
            pub fn recv_vec(&self) -> Result<Vec<u8>, RecvError> {
                let mut message = Vec::new();
                self.recv_into(&mut message).map(|_| message)
            }

            timed! {
                recv_vec_timeout, recv_vec_deadline, recv_vec, "Receives the oldest message",
                [&self] limit [] -> Result<Vec<u8>, RecvTimeoutError> { self.recv_vec_within(limit) }
            }

            pub(super) fn recv_vec_within(&self, limit: &Limit<P::Deadline>) -> Result<Vec<u8>, RecvTimeoutError> {
                let (queue, watch) = self.watched();
                let mut message = Vec::new();
                queue.append_within(&mut message, limit, watch)?;
                Ok(message)
            }
        }
    };
}
recv_verbs!(ByteQueue, ".");
recv_verbs!(
    Receiver,
    ". That the last sender was killed is noticed within half a second by a call that waits, within a thousand calls otherwise.",
    " once the queue is empty and the last sender half has left"
);

#[cfg(feature = "alloc")]
iterators!(ByteQueue, Vec<u8>, RecvError, TryRecvError, recv_vec, try_recv_vec);
#[cfg(feature = "alloc")]
iterators!(Receiver, Vec<u8>, RecvError, TryRecvError, recv_vec, try_recv_vec);

// Each of these returns the length of the message. If that is more than `out` holds, the message stays.
impl<'m, P: Platform> ByteQueue<'m, P> {
    #[inline]
    fn receive_now(&self, out: &mut [MaybeUninit<u8>], watch: Watch<'_, 'm, P>) -> Result<usize, Refused> {
        self.here()?;
        match self.view.receive(&self.platform, out, None) {
            Err(Refused::NotNow) if watch.is_some_and(|half| half.is_deserted_now()) => self.receive_last(out, None),
            received => received,
        }
    }

    /// The length of a received message, if there was room for it.
    #[inline]
    fn fits(&self, len: usize, room: usize) -> Result<usize, RecvBytesError> {
        if len > room { self.too_long(len, room) } else { Ok(len) }
    }

    /// The message stays, so its wake-up goes on to another receiver.
    #[cold]
    fn too_long(&self, len: usize, room: usize) -> Result<usize, RecvBytesError> {
        let receivers = self.view.gate(Role::Receiver);
        receivers.notify(&self.platform, || 1);
        Err(RecvBytesError::TooLong { len, room })
    }

    /// For a receiver that has found the senders gone: their last message came before their leaving.
    fn receive_last(
        &self,
        out: &mut [MaybeUninit<u8>],
        patience: Option<&Patience<'_, P::Deadline>>,
    ) -> Result<usize, Refused> {
        match self.view.receive(&self.platform, out, patience) {
            Err(Refused::NotNow) => Err(Refused::Disconnected),
            received => received,
        }
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline]
    fn recv_within(
        &self,
        out: &mut [MaybeUninit<u8>],
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, Refused> {
        self.receive(out, &Patience::new(&self.recv_budgets, limit), watch)
    }

    /// Receives with a time limit that earlier waits may have begun.
    #[inline]
    fn receive(
        &self,
        out: &mut [MaybeUninit<u8>],
        patience: &Patience<'_, P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, Refused> {
        self.here()?;
        match self.view.receive(&self.platform, out, Some(patience)) {
            Err(Refused::NotNow) => self.recv_contended(out, patience, watch.is_some()),
            received => received,
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(
        &self,
        out: &mut [MaybeUninit<u8>],
        patience: &Patience<'_, P::Deadline>,
        watch: bool,
    ) -> Result<usize, Refused> {
        let (view, platform, room) = (&self.view, &self.platform, out.len());
        // The words of the message that was received, as if the others were as long; of the whole ring while there is none.
        let words = Cell::new(self.geometry.ring);
        let attempt = |thorough: bool| {
            if !thorough && view.looks_empty() {
                return Attempt::NotYet;
            }
            match view.receive(platform, out, Some(patience)) {
                Err(Refused::NotNow) if thorough && watch => Attempt::after(self.find_deserted(Role::Sender), || {
                    Attempt::Done(self.receive_last(out, Some(patience)))
                }),
                Err(Refused::NotNow) => Attempt::NotYet,
                // Among them `Busy`: the time was over while another receiver had the lock.
                result => {
                    if let Ok(len) = result
                        && len <= room
                    {
                        words.set(words_for(len as u64));
                    }
                    Attempt::Done(result)
                }
            }
        };
        let (gate, deadline) = (view.gate(Role::Receiver), patience.deadline(platform));
        let (capacity, more) = (|| self.geometry.ring / words.get(), || view.used_words() / words.get());
        let prefetch = || view.prefetch_expected();
        block_for_expected(platform, gate, &patience.budgets.ring, deadline, capacity, more, prefetch, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }

    #[cfg(feature = "alloc")]
    fn append_within(
        &self,
        buffer: &mut Vec<u8>,
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
    ) -> Result<usize, Refused> {
        let patience = Patience::new(&self.recv_budgets, limit);
        self.append(buffer, |out| self.receive(out, &patience, watch))
    }

    /// Receives a message if there is one, for `read`. A short one needs no memory of its own.
    #[cfg(feature = "serde")]
    pub(super) fn read_now<R>(&self, watch: Watch<'_, 'm, P>, read: impl FnOnce(&[u8]) -> R) -> Result<R, Refused> {
        self.read(|out| self.receive_now(out, watch), read)
    }

    /// Receives a message, for `read`.
    #[cfg(feature = "serde")]
    pub(super) fn read_within<R>(
        &self,
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, P>,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Refused> {
        let patience = Patience::new(&self.recv_budgets, limit);
        self.read(|out| self.receive(out, &patience, watch), read)
    }

    #[cfg(feature = "serde")]
    #[inline]
    fn read<R>(
        &self,
        receive: impl Fn(&mut [MaybeUninit<u8>]) -> Result<usize, Refused>,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Refused> {
        let mut place = [MaybeUninit::<u8>::uninit(); super::format::SHORT];
        let len = receive(&mut place)?;
        if let Some(message) = place.get(..len) {
            // SAFETY: a length that fits is that of a message whose bytes were all written here.
            return Ok(read(unsafe { &*(core::ptr::from_ref(message) as *const [u8]) }));
        }
        let mut message = Vec::new();
        self.append(&mut message, receive)?;
        Ok(read(&message))
    }

    /// Asks with the memory that there is, and then with as much as the message needs. Another receiver may take that one meanwhile,
    /// and the next may be longer still.
    #[cfg(feature = "alloc")]
    fn append(
        &self,
        buffer: &mut Vec<u8>,
        receive: impl Fn(&mut [MaybeUninit<u8>]) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        let mut room = buffer.capacity() - buffer.len();
        loop {
            let mut needed = 0;
            append(buffer, room, |out| {
                needed = receive(out)?;
                Ok::<_, Refused>(if needed > room { 0 } else { needed })
            })?;
            if needed <= room {
                return Ok(needed);
            }
            if needed > self.geometry.longest() {
                return Err(Refused::Fault(Fault::Corrupted));
            }
            // Longer than the last one, and no longer than the ring: each round is another message.
            room = needed;
        }
    }
}

/// These bytes, as ones that need not be initialised.
fn uninit(out: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let start: *mut MaybeUninit<u8> = out.as_mut_ptr().cast();
    // SAFETY: the same memory, borrowed exclusively, into which only bytes are written.
    unsafe { core::slice::from_raw_parts_mut(start, out.len()) }
}
