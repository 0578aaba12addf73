//! Errors of the queues of values.

use core::fmt;

use super::Fault;

macro_rules! send_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        value_error! {
            $(#[$doc])*
            $name {
                $($(#[$vdoc])* $variant => $text,)*
                /// The queue is closed. The value comes back.
                Closed => "sending on a closed queue",
                /// The last living receiver is gone (only from a sender half). The value comes back.
                Disconnected => "the last living receiver is gone",
            }
        }

        predicates! {
            $name<T> {
                /// Whether the queue is closed.
                is_closed: $name::Closed(_),
                /// Whether the last living receiver is gone.
                is_disconnected: $name::Disconnected(_),
            }
        }
    };
}

send_error! {
    /// Why a blocking send failed.
    SendError {}
}
send_error! {
    /// Why a send that does not wait failed.
    TrySendError {
        /// There is no room.
        Full => "the queue is full",
    }
}
send_error! {
    /// Why a send with a time limit failed.
    SendTimeoutError {
        /// There was no room in time.
        Timeout => "no room in the queue in time",
    }
}

predicates! {
    TrySendError<T> {
        /// Whether the queue was full.
        is_full: TrySendError::Full(_),
    }
}
predicates! {
    SendTimeoutError<T> {
        /// Whether the time was over.
        is_timeout: SendTimeoutError::Timeout(_),
    }
}

/// Why a send of several values did not send all of them: the first `sent` ones are sent, the others are not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendSliceError {
    /// How many were sent.
    pub sent: usize,
    /// Why the next one was not.
    pub cause: SendTimeoutError<()>,
}

impl fmt::Display for SendSliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} values: {}", self.sent, self.cause)
    }
}

impl core::error::Error for SendSliceError {}
debug_as_display!(SendSliceError);

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

macro_rules! recv_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        plain_error! {
            $(#[$doc])*
            $name {
                $($(#[$vdoc])* $variant => $text,)*
                /// The queue is closed and drained.
                Closed => "the queue is closed and drained",
                /// The queue is empty and the last living sender is gone (only from a receiver half).
                Disconnected => "the queue is empty and the last living sender is gone",
            }
        }

        predicates! {
            $name {
                /// Whether the queue is closed and drained.
                is_closed: $name::Closed,
                /// Whether the last living sender is gone.
                is_disconnected: $name::Disconnected,
            }
        }
    };
}

recv_error! {
    /// Why a blocking receive failed.
    RecvError {}
}
recv_error! {
    /// Why a receive that does not wait failed.
    TryRecvError {
        /// There is no message: none whose send had returned when the call began.
        Empty => "the queue is empty",
        /// The oldest message is still being written by a living sender, which may be stopped. Messages behind it may be there.
        Busy => "the oldest message is still being written by a living sender",
    }
}
recv_error! {
    /// Why a receive with a time limit failed.
    RecvTimeoutError {
        /// No message came in time.
        Timeout => "no message in time",
    }
}

predicates! {
    TryRecvError {
        /// Whether there was no message.
        is_empty: TryRecvError::Empty,
        /// Whether a living sender still writes the oldest message.
        is_busy: TryRecvError::Busy,
    }
}
predicates! {
    RecvTimeoutError {
        /// Whether the time was over.
        is_timeout: RecvTimeoutError::Timeout,
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

widens!(SendError<T> { Closed, Disconnected } => TrySendError);
widens!(SendError<T> { Closed, Disconnected } => SendTimeoutError);
widens!(RecvError { Closed, Disconnected } => TryRecvError);
widens!(RecvError { Closed, Disconnected } => RecvTimeoutError);
