//! Errors of the queue of serde's values.

use core::error::Error;
use core::fmt;

use super::*;
pub use crate::bytes::FormatError;

/// The error of a form: what the queue of bytes says, or the format. It has the questions of the former.
macro_rules! value_forms {
    (
        $queue_variant:ident: $queue_doc:literal, $value_doc:literal, $text:literal;
        $($(#[$doc:meta])* $name:ident($queue:ident) { $($question:ident: $asks:literal),* $(,)? })*
    ) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            #[doc = $queue_doc]
            $queue_variant($queue),
            #[doc = $value_doc]
            Value(FormatError),
        }

        impl $name {
            $(
                #[doc = $asks]
                pub fn $question(&self) -> bool {
                    matches!(self, $name::$queue_variant(error) if error.$question())
                }
            )*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $name::$queue_variant(error) => error.fmt(f),
                    $name::Value(error) => write!(f, concat!($text, ": {}"), error),
                }
            }
        }

        impl Error for $name {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    $name::$queue_variant(error) => Some(error),
                    $name::Value(error) => Some(error),
                }
            }
        }
        debug_as_display!($name);

        impl From<Fault> for $name {
            fn from(fault: Fault) -> Self {
                $name::$queue_variant(fault.into())
            }
        }

        impl From<$queue> for $name {
            fn from(error: $queue) -> Self {
                $name::$queue_variant(error)
            }
        }

        impl From<FormatError> for $name {
            fn from(error: FormatError) -> Self {
                $name::Value(error)
            }
        }
    )*};
}

value_forms! {
    Queue: "The queue did not take the bytes.", "The value cannot be written in this format.", "the value cannot be written";
    /// Why a blocking send of a value failed.
    SendValueError(SendBytesError) {
        is_closed: "Whether the queue is closed.",
        is_disconnected: "Whether the last living receiver is gone.",
        is_too_long: "Whether the value's bytes are too long.",
    }
    /// Why a send of a value that does not wait failed.
    TrySendValueError(TrySendBytesError) {
        is_full: "Whether there was no room.",
        is_closed: "Whether the queue is closed.",
        is_disconnected: "Whether the last living receiver is gone.",
        is_too_long: "Whether the value's bytes are too long.",
    }
    /// Why a send of a value with a time limit failed.
    SendValueTimeoutError(SendBytesTimeoutError) {
        is_timeout: "Whether the time was over.",
        is_closed: "Whether the queue is closed.",
        is_disconnected: "Whether the last living receiver is gone.",
        is_too_long: "Whether the value's bytes are too long.",
    }
}

value_forms! {
    Queue: "The queue did not give any bytes.", "The message's bytes are no value of the type. It was received and is dropped.",
    "the message is not a value of the type";
    /// Why a blocking receive of a value failed.
    RecvValueError(RecvError) {
        is_closed: "Whether the queue is closed and drained.",
        is_disconnected: "Whether the last living sender is gone.",
    }
    /// Why a receive of a value that does not wait failed.
    TryRecvValueError(TryRecvError) {
        is_empty: "Whether there was no message.",
        is_busy: "Whether a living process was in the middle of its copy.",
        is_closed: "Whether the queue is closed and drained.",
        is_disconnected: "Whether the last living sender is gone.",
    }
    /// Why a receive of a value with a time limit failed.
    RecvValueTimeoutError(RecvTimeoutError) {
        is_timeout: "Whether the time was over.",
        is_closed: "Whether the queue is closed and drained.",
        is_disconnected: "Whether the last living sender is gone.",
    }
}

value_forms! {
    Queue: "The queue did not give an answer.", "The answer's bytes are no value of the type.", "the answer is not a value of the type";
    /// Why a blocking wait for an answer of a type got none.
    AnswerValueError(AnswerError) {
        is_failed: "Whether the job was given up.",
        is_unanswered: "Whether the job is done without an answer.",
    }
    /// Why there is no answer of a type at once.
    TryAnswerValueError(TryAnswerError) {
        is_pending: "Whether the job is not done yet.",
        is_failed: "Whether the job was given up.",
        is_unanswered: "Whether the job is done without an answer.",
    }
    /// Why a wait for an answer of a type with a time limit got none.
    AnswerValueTimeoutError(AnswerTimeoutError) {
        is_timeout: "Whether the time was over.",
        is_failed: "Whether the job was given up.",
        is_unanswered: "Whether the job is done without an answer.",
    }
}

value_forms! {
    Queue: "The queue did not take the answer.", "The answer cannot be written in this format.", "the answer cannot be written";
    /// Why an answer of a type was not given.
    ReplyValueError(ReplyError) {
        is_too_long: "Whether the answer's bytes are too long.",
    }
}

value_forms! {
    Lock: "The lock was not taken, or the mutex is damaged.", "The value cannot be written, or what is there is no value of the type.", "the value";
    /// Why a value under a lock was not read or changed.
    WriteValueError(WriteError) {
        is_deadlock: "Whether this thread has the lock already.",
    }
    /// Why a value under a lock was not read or changed at once.
    TryWriteValueError(TryWriteError) {
        would_block: "Whether another thread has the lock.",
    }
    /// Why a value under a lock was not read or changed in time.
    WriteValueTimeoutError(WriteTimeoutError) {
        is_timeout: "Whether the time was over.",
        is_deadlock: "Whether this thread has the lock already.",
    }
}

value_forms! {
    Cell: "The cell did not give a value.", "What is there is no value of the type.", "what is there is not a value of the type";
    /// Why a wait for a value of a cell with a time limit failed.
    WaitValueTimeoutError(WaitTimeoutError) {
        is_timeout: "Whether the time was over.",
    }
    /// Why there will be no value of a cell that was not seen.
    ChangedValueError(ChangedError) {
        is_disconnected: "Whether the last writer is gone.",
    }
    /// Why there is no value of a cell that was not seen.
    TryChangedValueError(TryChangedError) {
        is_unchanged: "Whether the latest version was seen.",
        is_disconnected: "Whether the last writer is gone.",
    }
    /// Why there was no value of a cell that was not seen, in time.
    ChangedValueTimeoutError(ChangedTimeoutError) {
        is_timeout: "Whether the time was over.",
        is_disconnected: "Whether the last writer is gone.",
    }
}

/// Why a value of a cell was not read.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetValueError {
    /// The cell cannot be used.
    Fault(Fault),
    /// What is there is no value of the type.
    Value(FormatError),
}

impl fmt::Display for GetValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetValueError::Fault(fault) => fault.fmt(f),
            GetValueError::Value(error) => write!(f, "what is there is not a value of the type: {error}"),
        }
    }
}

impl Error for GetValueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GetValueError::Fault(fault) => Some(fault),
            GetValueError::Value(error) => Some(error),
        }
    }
}
super::debug_as_display!(GetValueError);

impl From<Fault> for GetValueError {
    fn from(fault: Fault) -> Self {
        GetValueError::Fault(fault)
    }
}

impl From<FormatError> for GetValueError {
    fn from(error: FormatError) -> Self {
        GetValueError::Value(error)
    }
}

/// The error of a read becomes that of other verbs.
macro_rules! of_gets {
    ($($name:ident),*) => {$(
        impl From<GetValueError> for $name {
            fn from(error: GetValueError) -> Self {
                match error {
                    GetValueError::Fault(fault) => fault.into(),
                    GetValueError::Value(error) => error.into(),
                }
            }
        }
    )*};
}
of_gets!(
    WaitValueTimeoutError,
    ChangedValueError,
    TryChangedValueError,
    ChangedValueTimeoutError,
    WriteValueError,
    TryWriteValueError,
    WriteValueTimeoutError
);

impl WaitValueTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> GetValueError {
        match self {
            WaitValueTimeoutError::Cell(error) => GetValueError::Fault(error.endless()),
            WaitValueTimeoutError::Value(error) => GetValueError::Value(error),
        }
    }
}

impl ChangedValueTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> ChangedValueError {
        match self {
            ChangedValueTimeoutError::Cell(error) => ChangedValueError::Cell(error.endless()),
            ChangedValueTimeoutError::Value(error) => ChangedValueError::Value(error),
        }
    }
}

impl From<ChangedValueError> for TryChangedValueError {
    fn from(error: ChangedValueError) -> Self {
        match error {
            ChangedValueError::Cell(error) => TryChangedValueError::Cell(error.into()),
            ChangedValueError::Value(error) => TryChangedValueError::Value(error),
        }
    }
}

impl From<ChangedValueError> for ChangedValueTimeoutError {
    fn from(error: ChangedValueError) -> Self {
        match error {
            ChangedValueError::Cell(error) => ChangedValueTimeoutError::Cell(error.into()),
            ChangedValueError::Value(error) => ChangedValueTimeoutError::Value(error),
        }
    }
}

/// The error of a blocking form becomes that of the other forms.
macro_rules! widens_values {
    ($($from:ident => $to:ident),* $(,)?) => {$(
        impl From<$from> for $to {
            fn from(error: $from) -> Self {
                match error {
                    $from::Queue(error) => $to::Queue(error.into()),
                    $from::Value(error) => $to::Value(error),
                }
            }
        }
    )*};
}
widens_values! {
    SendValueError => TrySendValueError, SendValueError => SendValueTimeoutError,
    RecvValueError => TryRecvValueError, RecvValueError => RecvValueTimeoutError,
    AnswerValueError => TryAnswerValueError, AnswerValueError => AnswerValueTimeoutError,
}

/// The errors of receives.
macro_rules! of_value_receives {
    ($($name:ident),*) => {$(
        impl $name {
            /// Whether only a part of the message has come, and its sender is gone. Nothing comes behind it.
            pub fn is_cut_off(&self) -> bool {
                matches!(self, $name::Value(error) if error.is_cut_off())
            }
        }

        impl crate::ends::ReceiveError for $name {
            fn is_bad_message(&self) -> bool {
                matches!(self, $name::Value(error) if !error.is_cut_off())
            }
        }
    )*};
}
of_value_receives!(RecvValueError, TryRecvValueError, RecvValueTimeoutError);
