//! Batches from iterators and into vectors.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;
use core::slice::from_ref;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::halves::{Receiver, Sender};
use super::handle::Queue;
use crate::error::{
    RecvError, RecvTimeoutError, SendError, SendSliceError, SendTimeoutError, TryRecvError, TrySendError,
};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A send of an iterator's values did not send all of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SendIterError<T, C = SendError<()>> {
    /// How many were sent.
    pub sent: usize,
    /// What was taken from the iterator and not sent: at most one value.
    pub unsent: Vec<T>,
    /// Why.
    pub cause: C,
}

/// A send of an iterator's values that does not wait did not send all that it took.
pub type TrySendIterError<T> = SendIterError<T, TrySendError<()>>;

/// A send of an iterator's values with a time limit did not send all of them.
pub type SendIterTimeoutError<T> = SendIterError<T, SendTimeoutError<()>>;

impl<T> SendIterTimeoutError<T> {
    /// The error of a send without a time limit.
    pub(crate) fn endless(self) -> SendIterError<T> {
        SendIterError { sent: self.sent, unsent: self.unsent, cause: self.cause.endless() }
    }
}

impl<T, C: fmt::Display> fmt::Display for SendIterError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} values, with {} in hand: {}", self.sent, self.unsent.len(), self.cause)
    }
}

impl<T, C: fmt::Display> fmt::Debug for SendIterError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T, C: fmt::Display> core::error::Error for SendIterError<T, C> {}

/// Sends each of these by a call of `send` before it asks for the next one, which may take long, or panic.
fn send_each<T, R, C>(
    values: impl Iterator<Item = T>,
    mut send: impl FnMut(&T) -> Result<R, C>,
) -> Result<usize, SendIterError<T, C>> {
    let mut sent = 0;
    for value in values {
        if let Err(cause) = send(&value) {
            return Err(SendIterError { sent, unsent: vec![value], cause });
        }
        sent += 1;
    }
    Ok(sent)
}

/// How many messages a vector gets room for where this many are there: others may come before they are received, and none may be there
/// before a wait.
pub(crate) fn expected(there: usize) -> usize {
    there.max(64)
}

/// Makes room for `most` more values in `buffer`, lets `fill` write to its front, and keeps as many as it says.
#[doc(hidden)]
pub fn append<T, E>(
    buffer: &mut Vec<T>,
    most: usize,
    fill: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<usize, E>,
) -> Result<usize, E> {
    buffer.reserve(most);
    let count = fill(&mut buffer.spare_capacity_mut()[..most])?;
    assert!(count <= most);
    // SAFETY: there is room for so many, and `fill` has written them.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// The verbs that need an allocator, of the queue and of its halves. They differ in whether the other end's leaving ends them.
macro_rules! batches {
    (send $sender:ident, $queue:ident => $of:expr, $room:expr, $watch:literal) => {
        impl<T: NoUninit + CheckedBitPattern, P: Platform> $sender<'_, T, P> {
            /// Sends as many of the iterator's values as there is room for, and returns how many. Never waits.
            ///
            /// A value is asked for only when there is room for it, so with no other sender none is lost: pass `by_ref()` and go
            /// on later. Each one is sent before the next one is asked for. An error holds the value that was taken and not sent.
            ///
            /// ```
            /// # use ipc_posix::Region;
            /// # let region = Region::options().anonymous()?;
            /// let squares = region.queue::<u64>("squares").capacity(4).create()?;
            /// let mut numbers = (1..).map(|n| n * n);
            /// assert_eq!(squares.try_send_iter(numbers.by_ref()), Ok(4));
            /// assert_eq!(numbers.next(), Some(25));
            /// let error = squares.try_send_iter(numbers).unwrap_err();
            /// assert!(error.cause.is_full() && error.unsent.is_empty());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            ///
            /// Those of [`try_send`](Self::try_send). `Full` if there is no room at all, or if other senders took it meanwhile.
            pub fn try_send_iter(&self, values: impl IntoIterator<Item = T>) -> Result<usize, TrySendIterError<T>> {
                let $queue = self;
                match $room {
                    Ok(room) => send_each(values.into_iter().take(room), |value| self.try_send_slice(from_ref(value))),
                    Err(cause) => Err(SendIterError { sent: 0, unsent: Vec::new(), cause }),
                }
            }

            /// Sends all that the iterator yields, and returns how many. Blocks while there is no room.
            ///
            /// Each value is sent before the next one is asked for: a slow iterator keeps nothing back, and of one that panics all
            /// that it has yielded was sent. [`send_slice`](Self::send_slice) sends values that are there already in fewer steps.
            ///
            /// # Errors
            ///
            /// Those of [`send`](Self::send). The error holds the value that was taken from the iterator and not sent.
            pub fn send_iter(&self, values: impl IntoIterator<Item = T>) -> Result<usize, SendIterError<T>> {
                self.send_iter_within(values, &Limit::Forever).map_err(SendIterTimeoutError::endless)
            }

            timed! {
                send_iter_timeout, send_iter_deadline, send_iter, "Sends all that the iterator yields"
                "`timeout` is for all of them together, and counts from the first wait. The error holds the value that was taken from the iterator and not sent.",
                [&self, values: impl IntoIterator<Item = T>] limit [] -> Result<usize, SendIterTimeoutError<T>> {
                    self.send_iter_within(values, limit)
                }
            }

            fn send_iter_within(
                &self,
                values: impl IntoIterator<Item = T>,
                limit: &Limit<P::Deadline>,
            ) -> Result<usize, SendIterTimeoutError<T>> {
                let $queue = self;
                let (queue, mut waits) = ($of, limit.over_all_waits());
                let send = |value: &T| queue.send_slice_within(from_ref(value), &mut waits, $watch);
                send_each(values.into_iter(), send).map_err(|error| {
                    let SendIterError { sent, unsent, cause: SendSliceError { cause, .. } } = error;
                    SendIterError { sent, unsent, cause }
                })
            }
        }
    };
    (receive $receiver:ident, $queue:ident => $of:expr, $try:ident => $tried:expr, $watch:literal) => {
        impl<T: NoUninit + CheckedBitPattern, P: Platform> $receiver<'_, T, P> {
            /// Appends the messages that are there to `buffer`, at most `most`, and returns how many: at least one, unless `most` is
            /// 0. Never waits.
            ///
            /// # Errors
            ///
            /// Those of [`try_recv`](Self::try_recv).
            pub fn try_recv_many(&self, buffer: &mut Vec<T>, most: usize) -> Result<usize, TryRecvError> {
                let $queue = self;
                $of.here()?;
                append(buffer, most.min(expected($of.len())), |$try| $tried)
            }

            /// Appends the messages that are there to `buffer`, at most `most`, and returns how many: at least one, unless `most` is
            /// 0. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// Those of [`recv`](Self::recv).
            pub fn recv_many(&self, buffer: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
                self.recv_many_within(buffer, most, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_many_timeout, recv_many_deadline, recv_many, "Appends messages to `buffer`",
                [&self, buffer: &mut Vec<T>, most: usize] limit [] -> Result<usize, RecvTimeoutError> {
                    self.recv_many_within(buffer, most, limit)
                }
            }

            fn recv_many_within(
                &self,
                buffer: &mut Vec<T>,
                most: usize,
                limit: &Limit<P::Deadline>,
            ) -> Result<usize, RecvTimeoutError> {
                let $queue = self;
                $of.here()?;
                append(buffer, most.min(expected($of.len())), |room| $of.recv_into(room, limit, $watch))
            }
        }
    };
}

batches!(send Queue, queue => queue, queue.room_now(), false);
batches!(send Sender, sender => sender.queue(), sender.try_watching(Queue::room_now), true);
batches!(receive Queue, queue => queue, room => queue.try_recv_into(room), false);
batches!(receive Receiver, receiver => receiver.queue(), room => receiver.try_watching(|queue| queue.try_recv_into(room)), true);
