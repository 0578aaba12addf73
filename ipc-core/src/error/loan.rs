//! Errors of the queue of loans. Its receives have those of the queue of values.

use core::fmt;

use super::{Fault, SendError};

forms! {
    plain
    /// Why a blocking call did not get a block, or did not send it.
    LoanError,
    /// Why a call that does not wait did not get a block, or did not send it.
    TryLoanError {
        /// No block is free.
        Exhausted [is_exhausted: "Whether no block was free."] => "no block is free",
    },
    /// Why a call with a time limit did not get a block, or did not send it.
    LoanTimeoutError {
        /// No block was free in time.
        Timeout [is_timeout: "Whether the time was over."] => "no block was free in time",
    },
    {
        /// The message is longer than a block.
        TooLong [is_too_long: "Whether the message is longer than a block."] {
            /// Its elements.
            len: usize,
            /// A block's.
            max: usize,
        } => "a message of {len} elements, a block has {max} (`block_len` sets this)",
        /// The queue is closed.
        Closed [is_closed: "Whether the queue is closed."] => "sending on a closed queue",
        /// The last living receiver is gone (only from a sender half).
        Disconnected [is_disconnected: "Whether the last living receiver is gone."] => "the last living receiver is gone",
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
