//! What the algorithms under the queues say when they cannot go on. The verb that was called makes its own error of it.

use super::{Fault, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};

/// Why an element cannot be sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room or no element; after a wait: there was none in time.
    NotNow,
    /// The queue is closed.
    Closed,
    /// The other end is gone.
    Disconnected,
    /// The queue cannot be used.
    Fault(Fault),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Fault(fault)
    }
}

impl Refused {
    /// The error of a send that does not wait.
    #[inline]
    pub(crate) fn try_send<T>(self, value: T) -> TrySendError<T> {
        match self {
            Refused::NotNow => TrySendError::Full(value),
            Refused::Closed => TrySendError::Closed(value),
            Refused::Disconnected => TrySendError::Disconnected(value),
            Refused::Fault(fault) => TrySendError::Fault(value, fault),
        }
    }

    /// The error of a send that has waited.
    #[inline]
    pub(crate) fn send<T>(self, value: T) -> SendTimeoutError<T> {
        match self {
            Refused::NotNow => SendTimeoutError::Timeout(value),
            Refused::Closed => SendTimeoutError::Closed(value),
            Refused::Disconnected => SendTimeoutError::Disconnected(value),
            Refused::Fault(fault) => SendTimeoutError::Fault(value, fault),
        }
    }

    /// The error of a receive that does not wait.
    #[inline]
    pub(crate) fn try_recv(self) -> TryRecvError {
        match self {
            Refused::NotNow => TryRecvError::Empty,
            Refused::Closed => TryRecvError::Closed,
            Refused::Disconnected => TryRecvError::Disconnected,
            Refused::Fault(fault) => TryRecvError::Fault(fault),
        }
    }

    /// The error of a receive that has waited.
    #[inline]
    pub(crate) fn recv(self) -> RecvTimeoutError {
        match self {
            Refused::NotNow => RecvTimeoutError::Timeout,
            Refused::Closed => RecvTimeoutError::Closed,
            Refused::Disconnected => RecvTimeoutError::Disconnected,
            Refused::Fault(fault) => RecvTimeoutError::Fault(fault),
        }
    }
}
