//! What the algorithms under the queues say when they cannot go on. The verb that was called makes its own error of it.

use super::*;
use crate::participant::NotSeized;

/// Why an algorithm cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no room, no element or no permit; after a wait: there was none in time.
    NotNow,
    /// A living process is in the middle of its own operation, or has the lock; after a wait: it did not finish in time.
    Busy,
    /// The calling thread has the lock.
    Mine,
    /// The object is closed.
    Closed,
    /// The other end is gone.
    Disconnected,
    /// The object cannot be used.
    Fault(Fault),
}

impl Refused {
    /// A word makes no sense.
    pub(crate) const CORRUPTED: Refused = Refused::Fault(Fault::Corrupted);
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Fault(fault)
    }
}

impl From<NotSeized> for Refused {
    fn from(why: NotSeized) -> Self {
        match why {
            NotSeized::NotNow => Refused::Busy,
            NotSeized::Unknown => Refused::Fault(Fault::DeathsUnknown),
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
                    Refused::Busy | Refused::Mine => plain!(@$name $($busy)?),
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
                    Refused::NotNow | Refused::Busy | Refused::Mine => valued!(@$name value $($not_now)?),
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
