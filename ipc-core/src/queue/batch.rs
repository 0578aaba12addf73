//! Batches from iterators and into vectors.

use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;

use crate::error::{SendSliceError, SendTimeoutError};

/// Values that are taken from an iterator before they are sent.
const BATCH: usize = 64;

/// A send of an iterator's values did not send all of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SendIterError<T> {
    /// How many were sent.
    pub sent: usize,
    /// What was taken from the iterator and not sent, in order.
    pub unsent: Vec<T>,
    /// Why.
    pub cause: SendTimeoutError<()>,
}

crate::error::debug_as_display!(SendIterError<T>);

impl<T> fmt::Display for SendIterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} values, with {} in hand: {}", self.sent, self.unsent.len(), self.cause)
    }
}

impl<T> core::error::Error for SendIterError<T> {}

/// Sends what the iterator yields by calls of `send`.
pub(super) fn send_iter<T>(
    values: impl IntoIterator<Item = T>,
    send: impl Fn(&[T]) -> Result<(), SendSliceError>,
) -> Result<usize, SendIterError<T>> {
    let mut values = values.into_iter();
    let mut batch = Vec::with_capacity(BATCH);
    let mut total = 0;
    loop {
        batch.extend(values.by_ref().take(BATCH));
        if batch.is_empty() {
            return Ok(total);
        }
        if let Err(SendSliceError { sent, cause }) = send(&batch) {
            batch.drain(..sent);
            return Err(SendIterError { sent: total + sent, unsent: batch, cause });
        }
        total += batch.len();
        batch.clear();
    }
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
