//! Iterators over received messages.

use std::iter::FusedIterator;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{RecvError, RecvTimeoutError};

use super::handle::Queue;

/// Waits for each message. Made by [`Queue::iter`] and [`Receiver::iter`](super::Receiver::iter).
///
/// It ends when the queue is closed and drained, when (for a receiver half) the last sender is gone, or when the queue
/// cannot be used; [`end`](Self::end) says which.
///
/// ```
/// # use ipc_posix::{RecvError, Region};
/// # let region = Region::options().anonymous()?;
/// # let jobs = region.queue::<u32>("jobs").capacity(4).create()?;
/// jobs.send(7)?;
/// jobs.close();
/// let mut messages = jobs.iter();
/// assert_eq!(messages.by_ref().collect::<Vec<_>>(), [7]);
/// assert_eq!(messages.end(), Some(RecvError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'q, T> {
    queue: &'q Queue<T>,
    /// Whether the last sender's disappearance is an end.
    watch: bool,
    end: Option<RecvError>,
}

impl<'q, T> Iter<'q, T> {
    pub(super) fn new(queue: &'q Queue<T>, watch: bool) -> Self {
        Iter { queue, watch, end: None }
    }

    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvError> {
        self.end
    }
}

impl<T: NoUninit + CheckedBitPattern> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        let received = self.queue.recv_until(ipc_core::Instant::FAR_FUTURE, self.watch);
        received.map_err(|error| self.end = Some(endless(error))).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern> FusedIterator for Iter<'_, T> {}

/// The error of a receive whose deadline does not come.
pub(crate) fn endless(error: RecvTimeoutError) -> RecvError {
    match error {
        RecvTimeoutError::Disconnected => RecvError::Disconnected,
        RecvTimeoutError::Fault(fault) => RecvError::Fault(fault),
        _ => RecvError::Closed,
    }
}

/// Ends when there is no message. Made by [`Queue::try_iter`].
#[derive(Debug)]
pub struct TryIter<'q, T> {
    queue: &'q Queue<T>,
}

impl<'q, T> TryIter<'q, T> {
    pub(super) fn new(queue: &'q Queue<T>) -> Self {
        TryIter { queue }
    }
}

impl<T: NoUninit + CheckedBitPattern> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.try_recv().ok()
    }
}
