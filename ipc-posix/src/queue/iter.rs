//! Iterators over received messages.

use std::iter::FusedIterator;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::Queue;

/// Waits for each message and ends when the queue is closed and drained (or cannot be used). Made by [`Queue::iter`].
#[derive(Debug)]
pub struct Iter<'q, T> {
    queue: &'q Queue<T>,
}

impl<'q, T> Iter<'q, T> {
    pub(super) fn new(queue: &'q Queue<T>) -> Self {
        Iter { queue }
    }
}

impl<T: NoUninit + CheckedBitPattern> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.recv().ok()
    }
}

impl<T: NoUninit + CheckedBitPattern> FusedIterator for Iter<'_, T> {}

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
