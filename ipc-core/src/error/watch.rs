//! Errors of latest-value cells.

use core::fmt;

use super::{Fault, WaitTimeoutError};

forms! {
    plain
    /// Why there will be no version that was not seen.
    ChangedError,
    /// Why there is no version that was not seen.
    TryChangedError {
        /// The latest version was seen.
        Unchanged [is_unchanged: "Whether the latest version was seen."] => "the latest version was seen",
    },
    /// Why there was no version that was not seen, in time.
    ChangedTimeoutError {
        /// There was none in time.
        Timeout [is_timeout: "Whether the time was over."] => "there was no change in time",
    },
    {
        /// Counted writers existed, and no living process has one any more. The last value was seen.
        Disconnected [is_disconnected: "Whether the last writer is gone."] => "the last writer is gone",
    }
}

impl From<WaitTimeoutError> for ChangedTimeoutError {
    fn from(error: WaitTimeoutError) -> Self {
        match error {
            WaitTimeoutError::Timeout => ChangedTimeoutError::Timeout,
            WaitTimeoutError::Fault(fault) => ChangedTimeoutError::Fault(fault),
        }
    }
}

impl ChangedTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> ChangedError {
        match self {
            ChangedTimeoutError::Disconnected => ChangedError::Disconnected,
            ChangedTimeoutError::Fault(fault) => ChangedError::Fault(fault),
            // The end of time does not come.
            ChangedTimeoutError::Timeout => ChangedError::Fault(Fault::Corrupted),
        }
    }
}
