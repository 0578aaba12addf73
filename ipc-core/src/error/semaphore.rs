//! Errors of the semaphore.

use core::fmt;

use super::Fault;

macro_rules! acquire_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        plain_error! {
            $(#[$doc])*
            $name {
                $($(#[$vdoc])* $variant => $text,)*
                /// The semaphore is closed.
                Closed => "the semaphore is closed",
                /// The semaphore can never have so many permits at once.
                TooMany => "the semaphore can never have so many permits",
            }
        }

        predicates! {
            $name {
                /// Whether the semaphore is closed.
                is_closed: $name::Closed,
                /// Whether more permits were asked for than the semaphore can ever have.
                is_too_many: $name::TooMany,
            }
        }
    };
}

acquire_error! {
    /// Why a blocking acquire failed.
    AcquireError {}
}
acquire_error! {
    /// Why an acquire that does not wait failed.
    TryAcquireError {
        /// There are not as many permits.
        NoPermits => "the semaphore has no permit to give",
    }
}
acquire_error! {
    /// Why an acquire with a time limit failed.
    AcquireTimeoutError {
        /// There were not as many permits in time.
        Timeout => "no permit in time",
    }
}

predicates! {
    TryAcquireError {
        /// Whether there were not as many permits.
        is_no_permits: TryAcquireError::NoPermits,
    }
}
predicates! {
    AcquireTimeoutError {
        /// Whether the time was over.
        is_timeout: AcquireTimeoutError::Timeout,
    }
}

plain_error! {
    /// Why a release failed. Nothing was released.
    ReleaseError {
        /// There would be more permits than the maximum.
        Full {
            /// How many were to be released.
            wanted: u32,
            /// For how many there was room.
            room: u32,
        } => "released {wanted} permits, but the semaphore's maximum leaves room for {room}",
    }
}

predicates! {
    ReleaseError {
        /// Whether there would be more permits than the maximum.
        is_full: ReleaseError::Full { .. },
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

widens!(AcquireError { Closed, TooMany } => TryAcquireError);
widens!(AcquireError { Closed, TooMany } => AcquireTimeoutError);
