//! Receiving.

use core::time::Duration;

use super::guard::Received;
use super::handle::LoanQueue;
use crate::error::{Fault, RecvLoanError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::wait::{Attempt, block_until};

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    /// Takes the oldest message, if there is one. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvLoanError::Empty); [`Closed`](RecvLoanError::Closed) once the queue is closed and drained.
    #[inline]
    pub fn try_recv(&self) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        self.here()?;
        self.take()
    }

    /// Takes the oldest message. Blocks while there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvLoanError::Closed) once the queue is closed and drained.
    #[inline]
    pub fn recv(&self) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        self.recv_within(&Limit::Forever)
    }

    /// Takes the oldest message. Blocks for at most the timeout; a message that is there at once is taken whatever the timeout.
    ///
    /// # Errors
    ///
    /// [`Timeout`](RecvLoanError::Timeout), and those of [`recv`](Self::recv).
    #[inline]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        self.recv_within(&Limit::For(timeout))
    }

    /// The blocking receive in its general form.
    #[inline(always)]
    fn recv_within(&self, limit: &Limit<P::Deadline>) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        self.here()?;
        match self.take() {
            Err(RecvLoanError::Empty) => self.recv_contended(limit),
            received => received,
        }
    }

    #[inline(always)]
    fn take(&self) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        match self.view.receive(self.platform.me()) {
            Ok(Some(index)) => self.measured(index),
            Ok(None) => self.why_empty(),
            Err(fault) => Err(fault.into()),
        }
    }

    #[cold]
    #[inline(never)]
    fn why_empty(&self) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        if !self.view.is_closed() {
            return Err(RecvLoanError::Empty);
        }
        // What was sent before the closing is visible now.
        match self.view.receive(self.platform.me())? {
            Some(index) => self.measured(index),
            None => Err(RecvLoanError::Closed),
        }
    }

    #[inline(always)]
    fn measured(&self, index: usize) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        let len = self.view.message_len(index);
        if len > self.block_len() as u64 {
            self.view.give_back(&self.platform, index);
            return Err(Fault::Corrupted.into());
        }
        Ok(Received::new(self, index, len as usize))
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(&self, limit: &Limit<P::Deadline>) -> Result<Received<'_, 'm, T, P>, RecvLoanError> {
        let deadline = limit.deadline(&self.platform);
        let attempt = |_| match self.take() {
            Err(RecvLoanError::Empty) => Attempt::NotYet,
            result => Attempt::Done(result),
        };
        let received = block_until(&self.platform, self.view.items(), &self.recv_budget, deadline, attempt);
        self.recv_budget.learn_found(|| self.view.len());
        self.recv_budget.gather(self.blocks() as u64 / 2, || self.view.len());
        received.unwrap_or(Err(RecvLoanError::Timeout))
    }
}
