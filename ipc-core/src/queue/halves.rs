//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is
//! gone.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::Queue;
use crate::ends::{Half, halves};
use crate::error::{
    RecvError, RecvTimeoutError, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError, TryRecvError,
    TrySendError,
};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A handle that only sends, and that counts as a sender. Made by [`Queue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// `Disconnected` once the queue is drained. When the last half of the last living receiver process is dropped, sends are refused with
/// `Disconnected`. Plain [`Queue`] handles do not count.
///
/// ```
/// # use ipc_posix::{Region, RecvError};
/// # let region = Region::options().anonymous()?;
/// let queue = region.queue::<u32>("jobs").capacity(4).create()?;
/// let (sender, receiver) = (queue.sender()?, queue.receiver()?);
/// sender.send(1)?;
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok(1));
/// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, T, P: Platform> {
    pub(super) half: Half<Queue<'m, T, P>>,
}

halves!(Queue<T>, Sender, Receiver);

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Sender<'m, T, P> {
    /// Sends if there is room, as [`Queue::try_send`]. Once the last receiver half has left, the result is
    /// [`Disconnected`](TrySendError::Disconnected), room or not. That the last one was killed is noticed when the queue is full, within
    /// a thousand tries.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::try_send`], and [`Disconnected`](TrySendError::Disconnected).
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.half.is_left() {
            return Err(TrySendError::Disconnected(value));
        }
        // A result that is passed on in a `match` would be copied, value and all.
        let mut sent = self.queue().try_send(value);
        if sent.as_ref().is_err_and(TrySendError::is_full) && self.half.is_deserted_now() {
            sent = sent.map_err(|error| TrySendError::Disconnected(error.into_inner()));
        }
        sent
    }

    /// Sends, and blocks while there is no room, as [`Queue::send`]. Once the last receiver half has left, the result is
    /// [`Disconnected`](SendError::Disconnected), room or not. A call that waits for room ends with it, too: at once when the last
    /// receiver leaves, within half a second when it was killed.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::send`], and [`Disconnected`](SendError::Disconnected).
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.queue().send_within(value, &Limit::Forever, true).map_err(SendTimeoutError::endless)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends a message",
        [&self, value: T] limit [] -> Result<(), SendTimeoutError<T>> { self.queue().send_within(value, limit, true) }
    }

    /// Sends as many of these as there is room for, as [`Queue::try_send_slice`] and [`try_send`](Self::try_send).
    ///
    /// # Errors
    ///
    /// Those of [`try_send`](Self::try_send). Then none was sent.
    pub fn try_send_slice(&self, values: &[T]) -> Result<usize, TrySendError<()>> {
        self.try_watching(|queue| queue.try_send_slice(values))
    }

    /// Tries, unless there is no receiver any more.
    pub(super) fn try_watching<R>(
        &self,
        send: impl FnOnce(&Queue<'m, T, P>) -> Result<R, TrySendError<()>>,
    ) -> Result<R, TrySendError<()>> {
        if self.half.is_left() {
            return Err(TrySendError::Disconnected(()));
        }
        match send(self.queue()) {
            Err(TrySendError::Full(())) if self.half.is_deserted_now() => Err(TrySendError::Disconnected(())),
            result => result,
        }
    }

    /// Sends all of these, as [`Queue::send_slice`] and [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), with how many were sent before.
    pub fn send_slice(&self, values: &[T]) -> Result<(), SendSliceError> {
        self.queue()
            .send_slice_within(values, &mut Limit::Forever.over_all_waits(), true)
            .map_err(SendSliceTimeoutError::endless)
    }

    timed! {
        send_slice_timeout, send_slice_deadline, send_slice, "Sends all of these"
        "`timeout` is for all of them together, and counts from the first wait. The error says how many were sent.",
        [&self, values: &[T]] limit [] -> Result<(), SendSliceTimeoutError> {
            self.queue().send_slice_within(values, &mut limit.over_all_waits(), true)
        }
    }
}

/// A handle that only receives, and that counts as a receiver. Made by [`Queue::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, T, P: Platform> {
    pub(super) half: Half<Queue<'m, T, P>>,
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Receiver<'m, T, P> {
    /// Receives the oldest message if there is one, as [`Queue::try_recv`]. An empty queue whose last sender has left is
    /// [`Disconnected`](TryRecvError::Disconnected). That the last one was killed is noticed within a thousand tries.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::try_recv`], and [`Disconnected`](TryRecvError::Disconnected).
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut value = MaybeUninit::uninit();
        self.try_watching(|queue| queue.try_recv_to(&mut value))?;
        // SAFETY: received.
        Ok(unsafe { value.assume_init() })
    }

    /// Tries, and tells an empty queue from one that has no sender any more.
    #[inline]
    pub(super) fn try_watching<R>(
        &self,
        mut receive: impl FnMut(&Queue<'m, T, P>) -> Result<R, TryRecvError>,
    ) -> Result<R, TryRecvError> {
        match receive(self.queue()) {
            Err(TryRecvError::Empty) if self.half.is_deserted_now() => match receive(self.queue()) {
                // Its last message came before its leaving: this second look would have found it.
                Err(TryRecvError::Empty) if self.queue().is_empty() => Err(TryRecvError::Disconnected),
                result => result,
            },
            result => result,
        }
    }

    /// Receives, and blocks while there is no message, as [`Queue::recv`]. Waiting ends with [`Disconnected`](RecvError::Disconnected) when the queue is empty and the
    /// last living sender is gone: at once if it left, within half a second if it was killed.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::recv`], and [`Disconnected`](RecvError::Disconnected).
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.queue().recv_within(&Limit::Forever, true)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives a message",
        [&self] limit [] -> Result<T, RecvTimeoutError> { self.queue().recv_within(limit, true) }
    }

    /// Returns a copy of the oldest message, which stays. A hint: another receiver may take it meanwhile.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peek(&self) -> Option<T> {
        self.queue().peek()
    }
}

/// Bytes, for what `std` reads from: an end that waits for some, and the end of the queue as the end of the file.
#[cfg(feature = "std")]
impl<P: Platform> std::io::Read for Receiver<'_, u8, P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.recv_slice(buffer) {
            Ok(count) => Ok(count),
            Err(RecvError::Closed | RecvError::Disconnected) => Ok(0),
            Err(RecvError::Fault(fault)) => Err(std::io::Error::other(fault)),
        }
    }
}
