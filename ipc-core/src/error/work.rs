//! Errors of answers to jobs.

use core::fmt;

use super::Fault;

forms! {
    plain
    /// Why a blocking wait for an answer got none.
    AnswerError,
    /// Why there is no answer at once.
    TryAnswerError {
        /// The job is not done yet.
        Pending [is_pending: "Whether the job is not done yet."] => "the job is not done yet",
    },
    /// Why a wait for an answer with a time limit got none.
    AnswerTimeoutError {
        /// The job was not done in time. It may be later: the ticket goes on.
        Timeout [is_timeout: "Whether the time was over."] => "the job was not done in time",
    },
    {
        /// The job was given up: its holders died with it, or gave it back.
        Failed [is_failed: "Whether the job was given up."] {
            /// How many leases it had.
            attempts: u32,
        } => "the job was given up after {attempts} attempts",
        /// The job is done, and its holder gave no answer.
        Unanswered [is_unanswered: "Whether the job is done without an answer."] => "the job is done without an answer",
    }
}

impl AnswerTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> AnswerError {
        match self {
            AnswerTimeoutError::Failed { attempts } => AnswerError::Failed { attempts },
            AnswerTimeoutError::Fault(fault) => AnswerError::Fault(fault),
            // The end of time does not come.
            AnswerTimeoutError::Unanswered | AnswerTimeoutError::Timeout => AnswerError::Unanswered,
        }
    }
}

plain_error! {
    /// Why a lease could not be ended, or prolonged.
    LeaseError {
        /// The lease's time was over, and the job was taken over.
        Expired [is_expired: "Whether the lease's time was over."] => "the time of the lease is over, and the job was taken over",
    }
}

plain_error! {
    /// Why an answer was not given.
    ReplyError {
        /// The answer is longer than the queue was made for.
        TooLong [is_too_long: "Whether the answer is too long."] {
            /// Its bytes.
            len: usize,
            /// The most bytes of an answer.
            max: usize,
        } => "an answer of {len} bytes, at most {max} are possible (`max_reply` sets this)",
    }
}
