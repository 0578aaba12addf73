//! Iterators over received elements.

use std::iter::FusedIterator;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::RecvError;

use super::consumer::Consumer;

/// Waits for each element. Made by [`Consumer::iter`].
///
/// It ends when nothing is left and the queue is closed or the producer is gone, or when the queue cannot be used;
/// [`end`](Self::end) says which.
#[derive(Debug)]
pub struct SpscIter<'q, T> {
    consumer: &'q mut Consumer<T>,
    end: Option<RecvError>,
}

impl<'q, T> SpscIter<'q, T> {
    pub(super) fn new(consumer: &'q mut Consumer<T>) -> Self {
        SpscIter { consumer, end: None }
    }

    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvError> {
        self.end
    }
}

impl<T: NoUninit + CheckedBitPattern> Iterator for SpscIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.consumer.recv().map_err(|error| self.end = Some(error)).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern> FusedIterator for SpscIter<'_, T> {}

/// Ends when there is no element. Made by [`Consumer::try_iter`].
#[derive(Debug)]
pub struct SpscTryIter<'q, T> {
    consumer: &'q mut Consumer<T>,
}

impl<'q, T> SpscTryIter<'q, T> {
    pub(super) fn new(consumer: &'q mut Consumer<T>) -> Self {
        SpscTryIter { consumer }
    }
}

impl<T: NoUninit + CheckedBitPattern> Iterator for SpscTryIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.consumer.try_recv().ok()
    }
}
