//! Errors of the objects: one small enum per operation, in a file for each object; a failed send gives the value back.

use core::fmt;

/// `Debug` of an error is its text: a `main` that returns an error prints it with `Debug`.
macro_rules! debug_as_display {
    ($name:ident $(<$T:ident>)?) => {
        impl $(<$T>)? core::fmt::Debug for $name $(<$T>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
}

#[cfg(feature = "serde")]
pub(crate) use debug_as_display;

/// What makes an object unusable for the caller, whatever the operation.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A word in shared memory holds a value that no correct peer writes.
    Corrupted,
    /// A message's bits are no value of the element type (a `bool` of 2, say). It was taken and is gone.
    InvalidValue,
    /// The handle came through `fork`: the child has to open the region again.
    Forked,
    /// A call has waited for a second behind a process of which the system does not say whether it lives. On POSIX: the lock
    /// commands of fcntl(2), or fstat(2), are refused (a sandbox that was entered after attaching), the region's descriptor was
    /// closed and cannot be opened again, or another program keeps a lock on the region's file. With a time limit below a
    /// second, the error comes at its end. Calls that do not wait (`try_`) answer as if the process lived.
    DeathsUnknown,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Corrupted => "the shared memory holds a value that no correct peer writes",
            Fault::InvalidValue => "the bits are not a value of the type; a message with such bits is dropped",
            Fault::Forked => "the handle came through fork: open the region again in this process",
            Fault::DeathsUnknown => {
                "a process is in the way, and the system does not say whether it lives: fcntl or fstat is refused (a sandbox), \
                 the region's descriptor was closed, or another program locks the region's file"
            }
        })
    }
}

impl core::error::Error for Fault {}
debug_as_display!(Fault);

/// An error: its variants with what they say, and a `Fault`, which every operation may find. In brackets: the question whether it is
/// that variant.
macro_rules! plain_error {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(
                $(#[$vdoc:meta])*
                $variant:ident $([$question:ident: $asks:literal])?
                $(($item:ident: $itype:ty))? $({ $($(#[$fdoc:meta])* $field:ident: $ftype:ty),* $(,)? })? => $text:literal
            ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant $(($itype))? $({ $($(#[$fdoc])* $field: $ftype),* })?,)*
            /// The object cannot be used.
            Fault(Fault),
        }

        predicates! { $name { $($(#[doc = $asks] $question: $name::$variant { .. },)?)* } }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant $(($item))? $({ $($field),* })? => write!(f, $text),)*
                    $name::Fault(fault) => fault.fmt(f),
                }
            }
        }

        impl core::error::Error for $name {}
        debug_as_display!($name);

        impl From<Fault> for $name {
            fn from(fault: Fault) -> Self {
                $name::Fault(fault)
            }
        }
    };
}

/// As `plain_error`, of an error that gives a value back with each variant. What it prints does not show the value.
macro_rules! value_error {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$vdoc:meta])* $variant:ident $([$question:ident: $asks:literal])? => $text:literal),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<T> {
            $($(#[$vdoc])* $variant(T),)*
            /// The object cannot be used. The value comes back.
            Fault(T, Fault),
        }

        predicates! { $name<T> { $($(#[doc = $asks] $question: $name::$variant(_),)?)* } }

        impl<T> $name<T> {
            /// The value, which comes back.
            pub fn into_inner(self) -> T {
                match self {
                    $($name::$variant(value) => value,)*
                    $name::Fault(value, _) => value,
                }
            }

            /// The error without the value, for `?` where the value does not live long enough, or cannot be sent on.
            pub fn without_value(self) -> $name<()> {
                match self {
                    $($name::$variant(_) => $name::$variant(()),)*
                    $name::Fault(_, fault) => $name::Fault((), fault),
                }
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant(_) => f.write_str($text),)*
                    $name::Fault(_, fault) => fault.fmt(f),
                }
            }
        }

        impl<T> core::error::Error for $name<T> {}
        debug_as_display!($name<T>);

        impl From<Fault> for $name<()> {
            fn from(fault: Fault) -> Self {
                $name::Fault((), fault)
            }
        }
    };
}

/// Questions whether an error is of some variant.
macro_rules! predicates {
    ($name:ident $(<$T:ident>)? { $($(#[$doc:meta])* $question:ident: $variant:pat),* $(,)? }) => {
        impl $(<$T>)? $name $(<$T>)? {
            $(
                $(#[$doc])*
                pub fn $question(&self) -> bool {
                    matches!(self, $variant)
                }
            )*
        }
    };
}

/// The error of a blocking form becomes that of the other forms, which have its variants and more.
macro_rules! widens {
    ($from:ident { $($variant:ident $(($item:ident))? $({ $($field:ident),* })?),* $(,)? } => $to:ident) => {
        impl From<$from> for $to {
            fn from(error: $from) -> Self {
                match error {
                    $($from::$variant $(($item))? $({ $($field),* })? => $to::$variant $(($item))? $({ $($field),* })?,)*
                    $from::Fault(fault) => $to::Fault(fault),
                }
            }
        }
    };
    // The variants hold a value.
    ($from:ident<T> { $($variant:ident),* $(,)? } => $to:ident) => {
        impl<T> From<$from<T>> for $to<T> {
            fn from(error: $from<T>) -> Self {
                match error {
                    $($from::$variant(value) => $to::$variant(value),)*
                    $from::Fault(value, fault) => $to::Fault(value, fault),
                }
            }
        }
    };
    // The variants hold a guard, or nothing.
    ($from:ident<guard G> { $($unit:ident),* $(,)? } => $to:ident) => {
        impl<G> From<$from<G>> for $to<G> {
            fn from(error: $from<G>) -> Self {
                match error {
                    $from::OwnerDied(guard) => $to::OwnerDied(guard),
                    $from::Poisoned(guard) => $to::Poisoned(guard),
                    $($from::$unit => $to::$unit,)*
                    $from::Fault(fault) => $to::Fault(fault),
                }
            }
        }
    };
}

/// The errors of a verb that has a form without a time limit, one that does not wait, and forms with a limit. The last variants are those
/// of all three.
macro_rules! forms {
    (
        plain
        $(#[$doc:meta])* $name:ident,
        $(#[$try_doc:meta])* $try_name:ident { $($try_only:tt)* },
        $(#[$limit_doc:meta])* $limit_name:ident { $($limit_only:tt)* },
        {
            $(
                $(#[$vdoc:meta])*
                $variant:ident [$question:ident: $asks:literal]
                $(($item:ident: $itype:ty))? $({ $($(#[$fdoc:meta])* $field:ident: $ftype:ty),* $(,)? })? => $text:literal
            ),* $(,)?
        }
    ) => {
        forms!(@each plain_error {
            $(#[$doc])* $name {},
            $(#[$try_doc])* $try_name { $($try_only)* },
            $(#[$limit_doc])* $limit_name { $($limit_only)* },
        } {
            $($(#[$vdoc])* $variant [$question: $asks] $(($item: $itype))? $({ $($(#[$fdoc])* $field: $ftype),* })? => $text,)*
        });
        widens!($name { $($variant $(($item))? $({ $($field),* })?),* } => $try_name);
        widens!($name { $($variant $(($item))? $({ $($field),* })?),* } => $limit_name);
    };
    (
        value
        $(#[$doc:meta])* $name:ident,
        $(#[$try_doc:meta])* $try_name:ident { $($try_only:tt)* },
        $(#[$limit_doc:meta])* $limit_name:ident { $($limit_only:tt)* },
        { $($(#[$vdoc:meta])* $variant:ident [$question:ident: $asks:literal] => $text:literal),* $(,)? }
    ) => {
        forms!(@each value_error {
            $(#[$doc])* $name {},
            $(#[$try_doc])* $try_name { $($try_only)* },
            $(#[$limit_doc])* $limit_name { $($limit_only)* },
        } {
            $($(#[$vdoc])* $variant [$question: $asks] => $text,)*
        });
        widens!($name<T> { $($variant),* } => $try_name);
        widens!($name<T> { $($variant),* } => $limit_name);
    };
    (@each $error:ident { $($(#[$doc:meta])* $name:ident { $($only:tt)* },)* } $common:tt) => {
        $(forms!(@one $error { $(#[$doc])* $name { $($only)* } } $common);)*
    };
    (@one $error:ident { $(#[$doc:meta])* $name:ident { $($only:tt)* } } { $($common:tt)* }) => {
        $error! { $(#[$doc])* $name { $($only)* $($common)* } }
    };
}

mod barrier;
mod broadcast;
mod bytes;
mod loan;
mod lock;
mod map;
mod queue;
mod refused;
mod semaphore;
#[cfg(feature = "serde")]
mod values;
mod vector;
mod watch;
mod work;

pub use barrier::{BarrierError, BarrierTimeoutError, JoinError};
pub use broadcast::{
    PublishError, PublishTimeoutError, RecvBroadcastError, RecvBroadcastTimeoutError, SubscribeError, TryPublishError,
    TryRecvBroadcastError,
};
pub use bytes::{
    RecvBytesError, RecvBytesTimeoutError, SendBytesError, SendBytesTimeoutError, TryRecvBytesError, TrySendBytesError,
};
pub use loan::{LoanError, LoanTimeoutError, TryLoanError};
pub use lock::{
    LockError, LockTimeoutError, SetError, SetTimeoutError, TryLockError, TrySetError, TryWriteError, WriteError,
    WriteTimeoutError,
};
pub use map::{GetBytesError, InsertBytesError, InsertError};
pub use queue::{
    ForceSendError, RecvError, RecvTimeoutError, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
#[doc(hidden)]
pub use refused::Refused;
pub use semaphore::{AcquireError, AcquireTimeoutError, ReleaseError, TryAcquireError};
#[cfg(feature = "serde")]
pub use values::{
    AnswerValueError, AnswerValueTimeoutError, ChangedValueError, ChangedValueTimeoutError, FormatError, GetValueError,
    RecvValueError, RecvValueTimeoutError, ReplyValueError, SendValueError, SendValueTimeoutError, TryAnswerValueError,
    TryChangedValueError, TryRecvValueError, TrySendValueError, TryWriteValueError, WaitValueTimeoutError,
    WriteValueError, WriteValueTimeoutError,
};
pub use vector::PushError;
pub use watch::{ChangedError, ChangedTimeoutError, TryChangedError};
pub use work::{AnswerError, AnswerTimeoutError, LeaseError, ReplyError, TryAnswerError};

plain_error! {
    /// Why a wait with a time limit failed.
    WaitTimeoutError {
        /// What was waited for did not happen in time.
        Timeout => "it did not happen in time",
    }
}

impl WaitTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> Fault {
        match self {
            WaitTimeoutError::Fault(fault) => fault,
            // The end of time does not come.
            WaitTimeoutError::Timeout => Fault::Corrupted,
        }
    }
}

predicates! {
    WaitTimeoutError {
        /// Whether the time was over.
        is_timeout: WaitTimeoutError::Timeout,
    }
}

/// Errors of receives: iterators pass over messages that are no values.
macro_rules! of_receives {
    ($($name:ident),* $(,)?) => {$(
        impl crate::ends::ReceiveError for $name {
            fn is_bad_message(&self) -> bool {
                matches!(self, $name::Fault(Fault::InvalidValue))
            }
        }
    )*};
}
of_receives!(RecvError, TryRecvError, RecvBroadcastError, TryRecvBroadcastError);
