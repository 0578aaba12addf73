//! Borrowing blocks, and sending copies.

use bytemuck::{NoUninit, Zeroable};

use super::guard::Loan;
use super::halves::{Sender, Watch};
use super::handle::LoanQueue;
use crate::ends::{Counted, Role};
use crate::error::{Fault, LoanError, LoanTimeoutError, Refused, TryLoanError};
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_room};

/// The verbs of whatever sends: both have a method `watched`.
macro_rules! send_verbs {
    ($sends:ident, $note:literal $(, $disconnected:literal)?) => {
        impl<'m, T, P: Platform> $sends<'m, T, P> {
            /// Borrows a block for a message of `len` elements, if one is free. Never waits; lock-free. Its elements are what its last
            /// owner left there. If there seems to be no free block, those of dead processes are searched for: that takes system calls.
            ///
            /// # Errors
            ///
            /// [`Exhausted`](TryLoanError::Exhausted), [`TooLong`](TryLoanError::TooLong), [`Closed`](TryLoanError::Closed) if the queue
            #[doc = concat!("is closed and no block is free", $("; [`Disconnected`](TryLoanError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn try_loan_uninit(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, TryLoanError> {
                let (queue, watch) = self.watched();
                queue.loan_now(len, watch)
            }

            /// Borrows a block for a message of `len` elements. Blocks while none is free: polls for some microseconds, lets others
            /// run, then sleeps. The elements are what the block's last owner left there.
            ///
            /// # Errors
            ///
            /// [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed) if the queue is closed and no block is
            #[doc = concat!("free", $("; [`Disconnected`](LoanError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn loan_uninit(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
                let (queue, watch) = self.watched();
                queue.loan_within(len, &Limit::Forever, watch)
            }

            timed! {
                loan_uninit_timeout, loan_uninit_deadline, loan_uninit, "Borrows a block",
                [&self, len: usize] limit [] -> Result<Loan<'_, 'm, T, P>, LoanTimeoutError> {
                    let (queue, watch) = self.watched();
                    queue.loan_within(len, limit, watch)
                }
            }
        }

        impl<'m, T: NoUninit + Zeroable, P: Platform> $sends<'m, T, P> {
            /// Borrows a block for a message of `len` elements, all zeroes, if one is free. Never waits.
            ///
            /// # Errors
            ///
            /// As for [`try_loan_uninit`](Self::try_loan_uninit).
            pub fn try_loan(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, TryLoanError> {
                self.try_loan_uninit(len).map(zeroed)
            }

            /// Borrows a block for a message of `len` elements, all zeroes. Blocks while none is free.
            ///
            /// # Errors
            ///
            /// As for [`loan_uninit`](Self::loan_uninit).
            pub fn loan(&self, len: usize) -> Result<Loan<'_, 'm, T, P>, LoanError> {
                self.loan_uninit(len).map(zeroed)
            }

            timed! {
                loan_timeout, loan_deadline, loan, "Borrows a block",
                [&self, len: usize] limit [] -> Result<Loan<'_, 'm, T, P>, LoanTimeoutError> {
                    let (queue, watch) = self.watched();
                    queue.loan_within(len, limit, watch).map(zeroed)
                }
            }
        }

        impl<T: NoUninit, P: Platform> $sends<'_, T, P> {
            /// Sends a copy of these elements if a block is free: for messages that are somewhere else already. Never waits.
            ///
            /// # Errors
            ///
            /// As for [`try_loan_uninit`](Self::try_loan_uninit), and [`Closed`](TryLoanError::Closed) whether a block is free or not.
            pub fn try_send_copy(&self, values: &[T]) -> Result<(), TryLoanError> {
                Ok(send_copy(self.try_loan_uninit(values.len())?, values)?)
            }

            /// Sends a copy of these elements: for messages that are somewhere else already. Blocks while no block is free.
            ///
            /// # Errors
            ///
            /// As for [`loan_uninit`](Self::loan_uninit), and [`Closed`](LoanError::Closed) whether a block is free or not.
            pub fn send_copy(&self, values: &[T]) -> Result<(), LoanError> {
                send_copy(self.loan_uninit(values.len())?, values)
            }

            timed! {
                send_copy_timeout, send_copy_deadline, send_copy, "Sends a copy of these elements",
                [&self, values: &[T]] limit [] -> Result<(), LoanTimeoutError> {
                    let (queue, watch) = self.watched();
                    Ok(send_copy(queue.loan_within::<LoanTimeoutError>(values.len(), limit, watch)?, values)?)
                }
            }
        }
    };
}
send_verbs!(LoanQueue, ".");
send_verbs!(
    Sender,
    ". That the last receiver was killed is noticed where no block is free: within half a second by a call that waits, within a \
     thousand calls otherwise.",
    " once the last receiver half has left, whether a block is free or not"
);

fn zeroed<'q, 'm, T: NoUninit + Zeroable, P: Platform>(mut loan: Loan<'q, 'm, T, P>) -> Loan<'q, 'm, T, P> {
    loan.elements().fill(T::zeroed());
    loan
}

fn send_copy<T: NoUninit, P: Platform>(mut loan: Loan<'_, '_, T, P>, values: &[T]) -> Result<(), LoanError> {
    loan.copy_from_slice(values);
    Ok(loan.send()?)
}

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    #[inline(always)]
    fn ready(&self, len: usize, watch: Watch<'_, 'm, T, P>) -> Result<(), LoanError> {
        self.here()?;
        let max = self.block_len();
        if len > max {
            Err(LoanError::TooLong { len, max })
        } else if watch.is_some_and(|half| half.is_left()) {
            Err(LoanError::Disconnected)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn loan_now(&self, len: usize, watch: Watch<'_, 'm, T, P>) -> Result<Loan<'_, 'm, T, P>, TryLoanError> {
        self.ready(len, watch)?;
        let index = match self.lend_now() {
            Some(index) => index,
            None => match self.lend_thoroughly() {
                Err(Refused::Fault(Fault::DeathsUnknown)) => return Err(TryLoanError::Exhausted),
                Err(Refused::NotNow) if watch.is_some_and(|half| half.is_deserted_now()) => {
                    return Err(TryLoanError::Disconnected);
                }
                lent => lent?,
            },
        };
        Ok(Loan::new(self, index, len, watch.is_some()))
    }

    /// The blocking loan in its general form. With `watch`, the last living receiver's disappearance ends it.
    #[inline(always)]
    fn loan_within<E: From<LoanError> + From<Refused>>(
        &self,
        len: usize,
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, T, P>,
    ) -> Result<Loan<'_, 'm, T, P>, E> {
        self.ready(len, watch)?;
        let index = match self.lend_now() {
            Some(index) => index,
            None => self.lend_contended(limit, watch.is_some())?,
        };
        Ok(Loan::new(self, index, len, watch.is_some()))
    }

    #[inline(always)]
    fn lend_now(&self) -> Option<usize> {
        // Relaxed: a hint in private memory. Of large blocks, those that were used last are still in the caches: the first ones.
        let hint = if self.is_large() { 0 } else { self.hint.load(Ordering::Relaxed) as usize };
        let index = self.view.lend(self.platform.me(), hint)?;
        self.hint.store(index as u32 + 1, Ordering::Relaxed);
        Some(index)
    }

    /// For a caller that has found no free block: searches for those of dead processes.
    #[cold]
    #[inline(never)]
    fn lend_thoroughly(&self) -> Result<usize, Refused> {
        if self.view.is_closed() {
            return Err(Refused::Closed);
        }
        let found = if self.view.find_dead(&self.platform)? { self.lend_now() } else { None };
        found.ok_or(Refused::NotNow)
    }

    #[cold]
    #[inline(never)]
    fn lend_contended(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<usize, Refused> {
        let deadline = limit.deadline(&self.platform);
        let attempt = |thorough: bool| match self.lend_now() {
            Some(index) => Attempt::Done(Ok(index)),
            None if thorough => match self.lend_thoroughly() {
                Err(Refused::NotNow) if watch => {
                    Attempt::after(self.find_deserted(Role::Receiver), || Attempt::Done(Err(Refused::Disconnected)))
                }
                Err(Refused::NotNow) => Attempt::NotYet,
                Err(Refused::Fault(Fault::DeathsUnknown)) => Attempt::Unknown,
                result => Attempt::Done(result),
            },
            None if self.view.is_closed() => Attempt::Done(Err(Refused::Closed)),
            None => Attempt::NotYet,
        };
        let gate = self.view.gate(Role::Sender);
        let (blocks, room) = (self.blocks() as u64, || self.view.free() as u64);
        let lent = block_for_room(&self.platform, gate, &self.loan_budget, deadline, blocks, room, attempt);
        // The time may have been over before anybody searched for the dead.
        lent.unwrap_or_else(|unmet| match self.lend_now().map_or_else(|| self.lend_thoroughly(), Ok) {
            Err(Refused::NotNow) => Err(unmet.or_fault(Refused::NotNow)),
            result => result,
        })
    }
}
