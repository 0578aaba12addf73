//! Batches from iterators and into vectors.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::halves::{Receiver, Sender};
use super::handle::Queue;
use crate::ends::batches;
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

/// Sends each of these by a call of `send` before it asks for the next one, which may take long, panic, or call `fork`. Behind the last
/// one, `here` says whether the end was found in the child.
pub(crate) fn send_each<T, R, C>(
    values: impl Iterator<Item = T>,
    mut send: impl FnMut(&T) -> Result<R, C>,
    here: impl FnOnce() -> Result<(), C>,
) -> Result<usize, SendIterError<T, C>> {
    let mut sent = 0;
    for value in values {
        if let Err(cause) = send(&value) {
            return Err(SendIterError { sent, unsent: vec![value], cause });
        }
        sent += 1;
    }
    here().map(|()| sent).map_err(|cause| SendIterError { sent, unsent: vec![], cause })
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
    // SAFETY: there is room for all of them, and `fill` has written them.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

batches!(
    send Queue<T: NoUninit, CheckedBitPattern>, T, [], ("queue::<u64>(\"squares\").capacity(4)", "", "|n| n * n", "25"), queue => queue.room_now(), queue.here(),
    (values, waits) => queue.send_slice_within(values, waits, false)
);
batches!(
    send Sender<T: NoUninit, CheckedBitPattern>, T, [], ("queue::<u64>(\"squares\").capacity(4)", "", "|n| n * n", "25"), sender => sender.try_watching(Queue::room_now), sender.queue().here(),
    (values, waits) => sender.queue().send_slice_within(values, waits, true)
);
batches!(receive Queue<T: NoUninit, CheckedBitPattern>, T, queue => queue, room => queue.try_recv_into(room), false);
batches!(receive Receiver<T: NoUninit, CheckedBitPattern>, T, receiver => receiver.queue(), room => receiver.try_watching(|queue| queue.try_recv_into(room)), true);
