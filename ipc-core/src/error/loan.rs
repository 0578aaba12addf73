//! Errors of the queue of loans.

use core::fmt;

use super::Fault;

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
    }
}
