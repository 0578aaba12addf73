//! Batches from iterators and into vectors.

use alloc::vec;
use alloc::vec::Vec;
use core::iter::once;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError};
use crate::platform::Platform;
use crate::queue::{SendIterError, SendIterTimeoutError, append, expected};
use crate::time::Limit;
use crate::timed::timed;

use super::consumer::Consumer;
use super::lane::Lane;
use super::producer::Producer;

/// Elements that [`Producer::send_iter`] wants room for at a time.
const BATCH: usize = 64;

impl<T: NoUninit, P: Platform, W: Lane> Producer<'_, T, P, W> {
    /// Sends all elements of the iterator, and returns how many. Blocks while the queue is full.
    ///
    /// Each one is sent before the next one is asked for: a slow iterator keeps nothing back, and of one that panics all that it has
    /// yielded was sent. [`send_slice`](Self::send_slice) sends elements that are there already in fewer steps.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send). The error holds the element that was taken from the iterator and not sent.
    pub fn send_iter(&mut self, values: impl IntoIterator<Item = T>) -> Result<usize, SendIterError<T>> {
        self.send_iter_within(values, &Limit::Forever).map_err(SendIterTimeoutError::endless)
    }

    timed! {
        send_iter_timeout, send_iter_deadline, send_iter, "Sends all that the iterator yields"
        "`timeout` is for all of them together, and counts from the first wait. The error holds the element that was taken from the iterator and not sent.",
        [&mut self, values: impl IntoIterator<Item = T>] limit [] -> Result<usize, SendIterTimeoutError<T>> {
            self.send_iter_within(values, limit)
        }
    }

    fn send_iter_within(
        &mut self,
        values: impl IntoIterator<Item = T>,
        limit: &Limit<P::Deadline>,
    ) -> Result<usize, SendIterTimeoutError<T>> {
        let mut values = values.into_iter();
        let mut waits = limit.over_all_waits();
        let mut sent = 0;
        while let Some(first) = values.next() {
            if let Err(refused) = self.reserve_many_within(BATCH, &mut waits) {
                return Err(SendIterError { sent, unsent: vec![first], cause: SendTimeoutError::of(refused, ()) });
            }
            let room = BATCH.min(self.room() as usize);
            match self.push_iter(once(first).chain(values.by_ref().take(room - 1))) {
                Ok(count) => sent += count,
                Err((count, value, fault)) => {
                    let cause = SendTimeoutError::Fault((), fault);
                    return Err(SendIterError { sent: sent + count, unsent: value.into_iter().collect(), cause });
                }
            }
        }
        // The iterator may have called `fork` at its end.
        let here = self.held.here();
        here.map(|()| sent).map_err(|fault| SendIterError {
            sent,
            unsent: vec![],
            cause: SendTimeoutError::Fault((), fault),
        })
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform, W: Lane> Consumer<'_, T, P, W> {
    /// Appends the elements that are there to `buffer`, at most `most`, and returns how many. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv_slice`](Self::try_recv_slice).
    pub fn try_recv_many(&mut self, buffer: &mut Vec<T>, most: usize) -> Result<usize, TryRecvError> {
        self.held.here()?;
        let most = most.min(expected(self.len()));
        append(buffer, most, |room| self.try_recv_uninit(room).map(|values| values.len()))
    }

    /// Appends the elements that are there to `buffer`, at most `most`, and returns how many (0 only if `most` is 0); blocks while
    /// the queue is empty.
    ///
    /// # Errors
    ///
    /// Those of [`recv_slice`](Self::recv_slice).
    pub fn recv_many(&mut self, buffer: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
        self.recv_many_within(buffer, most, &Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    timed! {
        recv_many_timeout, recv_many_deadline, recv_many, "Appends elements to `buffer`",
        [&mut self, buffer: &mut Vec<T>, most: usize] limit [] -> Result<usize, RecvTimeoutError> {
            self.recv_many_within(buffer, most, limit)
        }
    }

    fn recv_many_within(
        &mut self,
        buffer: &mut Vec<T>,
        most: usize,
        limit: &Limit<P::Deadline>,
    ) -> Result<usize, RecvTimeoutError> {
        self.held.here()?;
        let most = most.min(expected(self.len()));
        append(buffer, most, |room| self.recv_uninit_within(room, limit).map(|values| values.len()))
    }
}
