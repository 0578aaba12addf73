//! Errors of the queue of loans.

use core::fmt;

use super::{Fault, SendError};

plain_error! {
    /// Why a block was not lent or not sent.
    LoanError {
        /// No block is free (only from a loan that does not wait).
        Exhausted => "no block is free",
        /// No block was free in time.
        Timeout => "no block was free in time",
        /// The message is longer than a block.
        TooLong {
            /// Its elements.
            len: usize,
            /// A block's.
            max: usize,
        } => "a message of {len} elements, a block has {max}",
        /// The queue is closed.
        Closed => "sending on a closed queue",
        /// The last living receiver is gone (only from a sender half).
        Disconnected => "the last living receiver is gone",
    }
}

plain_error! {
    /// Why no message was received in its block.
    RecvLoanError {
        /// There is no message (only from a receive that does not wait).
        Empty => "the queue is empty",
        /// No message came in time.
        Timeout => "no message in time",
        /// The queue is closed and drained.
        Closed => "the queue is closed and drained",
        /// The queue is empty and the last living sender is gone (only from a receiver half).
        Disconnected => "the queue is empty and the last living sender is gone",
    }
}

predicates! {
    LoanError {
        /// Whether no block was free.
        is_exhausted: LoanError::Exhausted,
        /// Whether the time was over.
        is_timeout: LoanError::Timeout,
        /// Whether the queue is closed.
        is_closed: LoanError::Closed,
        /// Whether the last living receiver is gone.
        is_disconnected: LoanError::Disconnected,
        /// Whether the message is longer than a block.
        is_too_long: LoanError::TooLong { .. },
    }
}

predicates! {
    RecvLoanError {
        /// Whether there was no message.
        is_empty: RecvLoanError::Empty,
        /// Whether the time was over.
        is_timeout: RecvLoanError::Timeout,
        /// Whether the queue is closed and drained.
        is_closed: RecvLoanError::Closed,
        /// Whether the last living sender is gone.
        is_disconnected: RecvLoanError::Disconnected,
    }
}

/// Of a block that was lent and could not be sent.
impl<T> From<SendError<T>> for LoanError {
    fn from(error: SendError<T>) -> Self {
        match error {
            SendError::Closed(_) => LoanError::Closed,
            SendError::Disconnected(_) => LoanError::Disconnected,
            SendError::Fault(_, fault) => LoanError::Fault(fault),
        }
    }
}
