//! Errors of the semaphore.

use core::fmt;

use super::Fault;

forms! {
    plain
    /// Why a blocking acquire failed.
    AcquireError,
    /// Why an acquire that does not wait failed.
    TryAcquireError {
        /// There are not as many permits.
        NoPermits [is_no_permits: "Whether there were not as many permits."] => "the semaphore has no permit to give",
    },
    /// Why an acquire with a time limit failed.
    AcquireTimeoutError {
        /// There were not as many permits in time.
        Timeout [is_timeout: "Whether the time was over."] => "no permit in time",
    },
    {
        /// The semaphore is closed.
        Closed [is_closed: "Whether the semaphore is closed."] => "the semaphore is closed",
        /// More permits were asked for than the semaphore's maximum.
        TooMany [is_too_many: "Whether more permits were asked for than the semaphore's maximum."]
            => "more permits were asked for than the semaphore's maximum (`max` or `bounded` sets it)",
    }
}

plain_error! {
    /// Why a release failed. Nothing was released.
    ReleaseError {
        /// There would be more permits than the maximum.
        Full [is_full: "Whether there would be more permits than the maximum."] {
            /// How many were to be released.
            wanted: u32,
            /// For how many there was room.
            room: u32,
        } => "released {wanted} permits, but the semaphore's maximum leaves room for {room} (`max` or `bounded` sets it)",
    }
}

impl AcquireTimeoutError {
    /// The error of an acquire without a time limit.
    pub(crate) fn endless(self) -> AcquireError {
        match self {
            AcquireTimeoutError::Closed | AcquireTimeoutError::Timeout => AcquireError::Closed,
            AcquireTimeoutError::TooMany => AcquireError::TooMany,
            AcquireTimeoutError::Fault(fault) => AcquireError::Fault(fault),
        }
    }
}
