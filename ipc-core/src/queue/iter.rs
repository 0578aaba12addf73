//! Iterators over received messages.

use core::iter::FusedIterator;

use super::handle::Queue;
use crate::error::RecvError;
use crate::platform::Platform;
use crate::time::Limit;
use bytemuck::{CheckedBitPattern, NoUninit};

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
#[allow(missing_debug_implementations)]
pub struct Iter<'q, 'm, T, P> {
    queue: &'q Queue<'m, T, P>,
    /// Whether the last sender's disappearance is an end.
    watch: bool,
    end: Option<RecvError>,
}

impl<'q, 'm, T, P> Iter<'q, 'm, T, P> {
    pub(super) fn new(queue: &'q Queue<'m, T, P>, watch: bool) -> Self {
        Iter { queue, watch, end: None }
    }

    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvError> {
        self.end
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for Iter<'_, '_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        let received = self.queue.recv_within(&Limit::Forever, self.watch);
        received.map_err(|error| self.end = Some(error.endless())).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> FusedIterator for Iter<'_, '_, T, P> {}

/// Ends when there is no message. Made by [`Queue::try_iter`].
#[allow(missing_debug_implementations)]
pub struct TryIter<'q, 'm, T, P> {
    queue: &'q Queue<'m, T, P>,
}

impl<'q, 'm, T, P> TryIter<'q, 'm, T, P> {
    pub(super) fn new(queue: &'q Queue<'m, T, P>) -> Self {
        TryIter { queue }
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for TryIter<'_, '_, T, P> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.try_recv().ok()
    }
}

impl<'q, 'm, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for &'q Queue<'m, T, P> {
    type Item = T;
    type IntoIter = Iter<'q, 'm, T, P>;

    fn into_iter(self) -> Iter<'q, 'm, T, P> {
        self.iter()
    }
}
