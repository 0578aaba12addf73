//! A call of a value that waits for its answer.

use core::fmt;
use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::ticket::Ticket;
use crate::bytes::read;
use crate::error::{AnswerTimeoutError, AnswerValueError, AnswerValueTimeoutError, Fault, TryAnswerValueError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A call that waits for an answer of type `R`. Made by [`ValueWorkQueue::call`](super::ValueWorkQueue::call).
///
/// It ends as a [`Ticket`] does: dropped, it gives the call up. The answer may be asked for any number of times.
#[must_use = "nobody waits for the answer when this is dropped"]
pub struct ValueTicket<'q, 'm, R, P: Platform> {
    bytes: Ticket<'q, 'm, P>,
    format: u32,
    answer: PhantomData<fn() -> R>,
}

impl<'q, 'm, R: DeserializeOwned, P: Platform> ValueTicket<'q, 'm, R, P> {
    pub(super) fn new(format: u32, bytes: Ticket<'q, 'm, P>) -> Self {
        ValueTicket { bytes, format, answer: PhantomData }
    }

    /// Returns the answer, if it is there, as [`Ticket::try_wait`].
    ///
    /// # Errors
    ///
    /// Those of a call of bytes; or that the answer is not a value of the type.
    pub fn try_wait(&self) -> Result<R, TryAnswerValueError> {
        let len = self.bytes.len_now()?;
        Ok(read(self.format, &self.bytes.copy(len))?)
    }

    /// Returns the answer. Blocks until it is there, as [`Ticket::wait`].
    ///
    /// # Errors
    ///
    /// Those of a call of bytes; or that the answer is not a value of the type.
    pub fn wait(&self) -> Result<R, AnswerValueError> {
        let len = self.bytes.len_within(&Limit::Forever).map_err(AnswerTimeoutError::endless)?;
        Ok(read(self.format, &self.bytes.copy(len))?)
    }

    timed! {
        wait_timeout, wait_deadline, wait, "Returns the answer",
        [&self] limit [] -> Result<R, AnswerValueTimeoutError> {
            let len = self.bytes.len_within(limit)?;
            Ok(read(self.format, &self.bytes.copy(len))?)
        }
    }
}

impl<R, P: Platform> ValueTicket<'_, '_, R, P> {
    /// Gives the call up, as [`Ticket::cancel`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`].
    pub fn cancel(self) -> Result<bool, Fault> {
        self.bytes.cancel()
    }
}

// The answer is not touched.
impl<R, P: Platform> fmt::Debug for ValueTicket<'_, '_, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueTicket").finish_non_exhaustive()
    }
}
