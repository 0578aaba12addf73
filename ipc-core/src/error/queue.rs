//! Errors of the queues of values.

use core::fmt;

use super::Fault;

forms! {
    value
    /// Why a blocking send failed.
    SendError,
    /// Why a send that does not wait failed.
    TrySendError {
        /// There is no room.
        Full [is_full: "Whether the queue was full."] => "the queue is full",
    },
    /// Why a send with a time limit failed.
    SendTimeoutError {
        /// There was no room in time.
        Timeout [is_timeout: "Whether the time was over."] => "no room in the queue in time",
    },
    {
        /// The queue is closed. The value comes back.
        Closed [is_closed: "Whether the queue is closed."] => "sending on a closed queue",
        /// The last living receiver is gone (only from a sender half). The value comes back.
        Disconnected [is_disconnected: "Whether the last living receiver is gone."] => "the last living receiver is gone",
    }
}

/// Why a send of several values did not send all of them: the first `sent` ones are sent, the others are not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendSliceError<C = SendError<()>> {
    /// How many were sent.
    pub sent: usize,
    /// Why the next one was not.
    pub cause: C,
}

/// Why a send of several values with a time limit did not send all of them.
pub type SendSliceTimeoutError = SendSliceError<SendTimeoutError<()>>;

impl SendSliceTimeoutError {
    /// The error of a send without a time limit.
    pub(crate) fn endless(self) -> SendSliceError {
        SendSliceError { sent: self.sent, cause: self.cause.endless() }
    }
}

impl<C: fmt::Display> fmt::Display for SendSliceError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} values: {}", self.sent, self.cause)
    }
}

impl<C: fmt::Display> core::error::Error for SendSliceError<C> {}

impl<C: fmt::Display> fmt::Debug for SendSliceError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SendSliceError> for SendSliceTimeoutError {
    fn from(error: SendSliceError) -> Self {
        SendSliceError { sent: error.sent, cause: error.cause.into() }
    }
}

/// Why an overwriting send failed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForceSendError<T> {
    /// Other senders took the room that this call had made, or the oldest message is not published yet.
    /// The value comes back, and with it the oldest message if one was displaced. Nothing is lost.
    Contended {
        /// The value that was not sent.
        value: T,
        /// The message that was taken out to make room.
        displaced: Option<T>,
    },
    /// The queue is closed. The value comes back.
    Closed(T),
    /// The queue cannot be used. The value comes back.
    Fault(T, Fault),
}

impl<T> ForceSendError<T> {
    /// The value that was not sent. A displaced message is dropped with the error: match on
    /// [`Contended`](Self::Contended) to keep it.
    pub fn into_inner(self) -> T {
        match self {
            ForceSendError::Contended { value, .. }
            | ForceSendError::Closed(value)
            | ForceSendError::Fault(value, _) => value,
        }
    }

    /// The error without the value and a displaced message, for `?` where they do not live long enough, or cannot be sent on.
    pub fn without_value(self) -> ForceSendError<()> {
        match self {
            ForceSendError::Contended { displaced, .. } => {
                ForceSendError::Contended { value: (), displaced: displaced.map(drop) }
            }
            ForceSendError::Closed(_) => ForceSendError::Closed(()),
            ForceSendError::Fault(_, fault) => ForceSendError::Fault((), fault),
        }
    }
}

impl<T> fmt::Display for ForceSendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForceSendError::Contended { .. } => f.write_str("other senders took the room that was made"),
            ForceSendError::Closed(_) => f.write_str("sending on a closed queue"),
            ForceSendError::Fault(_, fault) => fault.fmt(f),
        }
    }
}

impl<T> core::error::Error for ForceSendError<T> {}
debug_as_display!(ForceSendError<T>);

impl From<Fault> for ForceSendError<()> {
    fn from(fault: Fault) -> Self {
        ForceSendError::Fault((), fault)
    }
}

predicates! {
    ForceSendError<T> {
        /// Whether other senders took the room that was made.
        is_contended: ForceSendError::Contended { .. },
        /// Whether the queue is closed.
        is_closed: ForceSendError::Closed(_),
    }
}

forms! {
    plain
    /// Why a blocking receive failed.
    RecvError,
    /// Why a receive that does not wait failed.
    TryRecvError {
        /// There is no message: none whose send had returned when the call began.
        Empty [is_empty: "Whether there was no message."] => "the queue is empty",
        /// A living process is in the middle of its copy of the oldest message: a sender or, in a queue of bytes, a receiver. It may be
        /// stopped. Messages behind that one may be there.
        Busy [is_busy: "Whether a living process was in the middle of its copy of the oldest message."]
            => "a living process is in the middle of its copy of the oldest message",
    },
    /// Why a receive with a time limit failed.
    RecvTimeoutError {
        /// No message came in time.
        Timeout [is_timeout: "Whether the time was over."] => "no message in time",
    },
    {
        /// The queue is closed and drained.
        Closed [is_closed: "Whether the queue is closed and drained."] => "the queue is closed and drained",
        /// The queue is empty and the last living sender is gone (only from a receiver half).
        Disconnected [is_disconnected: "Whether the last living sender is gone."]
            => "the queue is empty and the last living sender is gone",
    }
}

impl<T> SendTimeoutError<T> {
    /// The error of a send without a time limit.
    pub(crate) fn endless(self) -> SendError<T> {
        match self {
            SendTimeoutError::Disconnected(value) => SendError::Disconnected(value),
            SendTimeoutError::Fault(value, fault) => SendError::Fault(value, fault),
            // The end of time does not come.
            SendTimeoutError::Closed(value) | SendTimeoutError::Timeout(value) => SendError::Closed(value),
        }
    }
}

impl RecvTimeoutError {
    /// The error of a receive without a time limit.
    #[doc(hidden)]
    pub fn endless(self) -> RecvError {
        match self {
            RecvTimeoutError::Disconnected => RecvError::Disconnected,
            RecvTimeoutError::Fault(fault) => RecvError::Fault(fault),
            RecvTimeoutError::Closed | RecvTimeoutError::Timeout => RecvError::Closed,
        }
    }
}
