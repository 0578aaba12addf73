//! Errors of latest-value cells.

use core::fmt;

use super::{Fault, WaitTimeoutError};

plain_error! {
    /// Why there will be no version that was not seen.
    ChangedError {
        /// Counted writers existed, and no living process has one any more. The last value was seen.
        Disconnected => "the last writer is gone",
    }
}

plain_error! {
    /// Why there is no version that was not seen.
    TryChangedError {
        /// The latest version was seen.
        Unchanged => "the latest version was seen",
        /// Counted writers existed, and no living process has one any more. The last value was seen.
        Disconnected => "the last writer is gone",
    }
}

plain_error! {
    /// Why there was no version that was not seen, in time.
    ChangedTimeoutError {
        /// There was none in time.
        Timeout => "there was no change in time",
        /// Counted writers existed, and no living process has one any more. The last value was seen.
        Disconnected => "the last writer is gone",
    }
}

predicates! {
    ChangedError {
        /// Whether the last writer is gone.
        is_disconnected: ChangedError::Disconnected,
    }
}
predicates! {
    TryChangedError {
        /// Whether the latest version was seen.
        is_unchanged: TryChangedError::Unchanged,
        /// Whether the last writer is gone.
        is_disconnected: TryChangedError::Disconnected,
    }
}
predicates! {
    ChangedTimeoutError {
        /// Whether the time was over.
        is_timeout: ChangedTimeoutError::Timeout,
        /// Whether the last writer is gone.
        is_disconnected: ChangedTimeoutError::Disconnected,
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

widens!(ChangedError { Disconnected } => TryChangedError);
widens!(ChangedError { Disconnected } => ChangedTimeoutError);
