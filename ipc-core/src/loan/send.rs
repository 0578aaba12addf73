//! Borrowing blocks, and sending copies.

use core::time::Duration;

use bytemuck::{NoUninit, Zeroable};

use super::guard::Loan;
use super::handle::LoanQueue;
use crate::error::LoanError;
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Limit;
use crate::wait::{Attempt, block_until};

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    /// Borrows a block for a message of `len` elements, if one is free. Never waits; lock-free. Its elements are what its last owner
    /// left there. If there seems to be no free block, those of dead processes are looked for: that takes system calls.
    ///
    /// # Errors
    ///
    /// [`Exhausted`](LoanError::Exhausted), [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed) if the queue is closed and no
    /// block is free.
    #[inline]
    pub fn try_loan_uninit(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.ready(len)?;
        match self.lend_now() {
            Some(index) => Ok(Loan::new(self, index, len)),
            None => self.lend_thoroughly().map(|index| Loan::new(self, index, len)),
        }
    }

    /// Borrows a block for a message of `len` elements. Blocks while none is free: polls for some microseconds, lets others run, then
    /// sleeps. The elements are what the block's last owner left there.
    ///
    /// # Errors
    ///
    /// [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed) if the queue is closed and no block is free.
    #[inline]
    pub fn loan_uninit(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.loan_within(len, &Limit::Forever)
    }

    /// Borrows a block for a message of `len` elements. Blocks for at most the timeout; a block that is free at once is borrowed whatever
    /// the timeout.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LoanError::Timeout), and those of [`loan_uninit`](Self::loan_uninit).
    #[inline]
    pub fn loan_uninit_timeout(&self, len: usize, timeout: Duration) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.loan_within(len, &Limit::For(timeout))
    }

    fn ready(&self, len: usize) -> Result<(), LoanError> {
        self.here()?;
        let max = self.block_len();
        if len > max { Err(LoanError::TooLong { len, max }) } else { Ok(()) }
    }

    /// The blocking loan in its general form.
    #[inline(always)]
    fn loan_within(&self, len: usize, limit: &Limit<P::Deadline>) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.ready(len)?;
        match self.lend_now() {
            Some(index) => Ok(Loan::new(self, index, len)),
            None => self.lend_contended(limit).map(|index| Loan::new(self, index, len)),
        }
    }

    #[inline(always)]
    fn lend_now(&self) -> Option<usize> {
        // Relaxed: a hint in private memory. Of large blocks, those that were used last are still in the caches: the first ones.
        let hint = if self.is_large() { 0 } else { self.hint.load(Ordering::Relaxed) as usize };
        let index = self.view.lend(self.platform.me(), hint)?;
        self.hint.store(index as u32 + 1, Ordering::Relaxed);
        Some(index)
    }

    /// For a caller that has found no free block: looks for those of dead processes.
    #[cold]
    #[inline(never)]
    fn lend_thoroughly(&self) -> Result<usize, LoanError> {
        if self.view.is_closed() {
            return Err(LoanError::Closed);
        }
        let found = if self.view.find_dead(&self.platform) { self.lend_now() } else { None };
        found.ok_or(LoanError::Exhausted)
    }

    #[cold]
    #[inline(never)]
    fn lend_contended(&self, limit: &Limit<P::Deadline>) -> Result<usize, LoanError> {
        let deadline = limit.deadline(&self.platform);
        let attempt = |thorough: bool| match self.lend_now() {
            Some(index) => Attempt::Done(Ok(index)),
            None if thorough => match self.lend_thoroughly() {
                Err(LoanError::Exhausted) => Attempt::NotYet,
                result => Attempt::Done(result),
            },
            None if self.view.is_closed() => Attempt::Done(Err(LoanError::Closed)),
            None => Attempt::NotYet,
        };
        let gate = self.view.free_blocks();
        let lent = block_until(&self.platform, gate, &self.loan_budget, deadline, attempt);
        // The time may have been over before anybody looked for the dead.
        lent.or_else(|| self.lend_now().map(Ok)).unwrap_or_else(|| match self.lend_thoroughly() {
            Err(LoanError::Exhausted) => Err(LoanError::Timeout),
            result => result,
        })
    }
}

impl<'m, T: NoUninit + Zeroable, P: Platform> LoanQueue<'m, T, P> {
    /// Borrows a block for a message of `len` elements, all zeroes. Blocks while none is free.
    ///
    /// # Errors
    ///
    /// As for [`loan_uninit`](Self::loan_uninit).
    pub fn loan(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.loan_uninit(len).map(zeroed)
    }

    /// Borrows a block for a message of `len` elements, all zeroes, if one is free. Never waits.
    ///
    /// # Errors
    ///
    /// As for [`try_loan_uninit`](Self::try_loan_uninit).
    pub fn try_loan(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
        self.try_loan_uninit(len).map(zeroed)
    }
}

fn zeroed<'q, 'm, T: NoUninit + Zeroable, P: Platform>(mut loan: Loan<'q, 'm, T, P>) -> Loan<'q, 'm, T, P> {
    loan.elements().fill(T::zeroed());
    loan
}

impl<T: NoUninit, P: Platform> LoanQueue<'_, T, P> {
    /// Sends a copy of these elements: for messages that are somewhere else already. Blocks while no block is free.
    ///
    /// # Errors
    ///
    /// [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed).
    pub fn send_copy(&self, values: &[T]) -> Result<(), LoanError> {
        self.loan_uninit(values.len()).and_then(|loan| send_copy(loan, values))
    }

    /// Sends a copy of these elements if a block is free. Never waits.
    ///
    /// # Errors
    ///
    /// [`Exhausted`](LoanError::Exhausted), and those of [`send_copy`](Self::send_copy).
    pub fn try_send_copy(&self, values: &[T]) -> Result<(), LoanError> {
        self.try_loan_uninit(values.len()).and_then(|loan| send_copy(loan, values))
    }
}

fn send_copy<T: NoUninit, P: Platform>(mut loan: Loan<'_, '_, T, P>, values: &[T]) -> Result<(), LoanError> {
    loan.copy_from_slice(values);
    loan.send().map_err(|(_, error)| error)
}
