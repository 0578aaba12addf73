//! What the algorithms under the queues say when they cannot go on. The verb that was called makes its own error of it.

use super::*;

/// Why an element cannot be sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room or no element; after a wait: there was none in time.
    NotNow,
    /// A living process is in the middle of its own operation.
    Busy,
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

impl From<crate::mutex::Refused> for Refused {
    fn from(refused: crate::mutex::Refused) -> Self {
        match refused {
            crate::mutex::Refused::Taken | crate::mutex::Refused::Mine => Refused::Busy,
            crate::mutex::Refused::Unknown => Refused::Fault(Fault::DeathsUnknown),
            crate::mutex::Refused::Corrupted => Refused::Fault(Fault::Corrupted),
        }
    }
}

/// The errors of the forms, with what `NotNow` and `Busy` are there. A form that waits for ever is told neither, unless a lock is its own
/// thread's already.
macro_rules! plain {
    ($($name:ident $(($not_now:ident, $busy:ident))?),* $(,)?) => {$(
        impl From<Refused> for $name {
            #[inline]
            fn from(refused: Refused) -> Self {
                match refused {
                    Refused::NotNow => plain!(@$name $($not_now)?),
                    Refused::Busy => plain!(@$name $($busy)?),
                    Refused::Closed => $name::Closed,
                    Refused::Disconnected => $name::Disconnected,
                    Refused::Fault(fault) => $name::Fault(fault),
                }
            }
        }
    )*};
    (@$name:ident) => { $name::Fault(Fault::Corrupted) };
    (@$name:ident $variant:ident) => { $name::$variant };
}
plain! {
    RecvError, TryRecvError(Empty, Busy), RecvTimeoutError(Timeout, Timeout),
    RecvBytesError, TryRecvBytesError(Empty, Busy), RecvBytesTimeoutError(Timeout, Timeout),
    SendBytesError, TrySendBytesError(Full, Full), SendBytesTimeoutError(Timeout, Timeout),
    LoanError, TryLoanError(Exhausted, Exhausted), LoanTimeoutError(Timeout, Timeout),
}

/// As `plain`, of errors that give the value back, with what `NotNow` or `Busy`, and `Disconnected` are there.
macro_rules! valued {
    ($($name:ident($($not_now:ident)?; $disconnected:ident)),* $(,)?) => {$(
        impl<T> $name<T> {
            #[inline]
            pub(crate) fn of(refused: Refused, value: T) -> Self {
                match refused {
                    Refused::NotNow | Refused::Busy => valued!(@$name value $($not_now)?),
                    Refused::Closed => $name::Closed(value),
                    Refused::Disconnected => $name::$disconnected(value),
                    Refused::Fault(fault) => $name::Fault(value, fault),
                }
            }
        }
    )*};
    (@$name:ident $value:ident) => { $name::Fault($value, Fault::Corrupted) };
    (@$name:ident $value:ident $variant:ident) => { $name::$variant($value) };
}
valued! {
    TrySendError(Full; Disconnected),
    SendTimeoutError(Timeout; Disconnected),
    PublishError(; Closed),
    TryPublishError(Full; Closed),
    PublishTimeoutError(Timeout; Closed),
}
