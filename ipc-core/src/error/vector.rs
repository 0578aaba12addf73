//! Errors of vectors.

use core::fmt;

use super::{Fault, WriteError};

/// Why a value was not put into a vector. The value comes back, and nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError<T> {
    /// There is no room: the vector's capacity is this number of elements.
    Full(T, usize),
    /// There is no such place: the vector has this number of elements. Only `insert` returns it.
    OutOfBounds(T, usize),
    /// This thread holds the vector's lock already: it would wait for itself.
    Deadlock(T),
    /// The vector cannot be used.
    Fault(T, Fault),
}

predicates! {
    PushError<T> {
        /// Whether there was no room.
        is_full: PushError::Full(..),
        /// Whether the index was beyond the end.
        is_out_of_bounds: PushError::OutOfBounds(..),
        /// Whether this thread holds the vector's lock already.
        is_deadlock: PushError::Deadlock(_),
    }
}

impl<T> PushError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        match self {
            PushError::Full(value, _)
            | PushError::OutOfBounds(value, _)
            | PushError::Deadlock(value)
            | PushError::Fault(value, _) => value,
        }
    }

    /// The error without the value, which is dropped.
    pub fn without_value(self) -> PushError<()> {
        match self {
            PushError::Full(_, capacity) => PushError::Full((), capacity),
            PushError::OutOfBounds(_, len) => PushError::OutOfBounds((), len),
            PushError::Deadlock(_) => PushError::Deadlock(()),
            PushError::Fault(_, fault) => PushError::Fault((), fault),
        }
    }

    pub(crate) fn of(value: T, error: WriteError) -> Self {
        match error {
            WriteError::Deadlock => PushError::Deadlock(value),
            WriteError::Fault(fault) => PushError::Fault(value, fault),
        }
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full(_, capacity) => write!(f, "the vector is full: its capacity is {capacity}"),
            PushError::OutOfBounds(_, len) => write!(f, "the index is out of bounds: the vector's length is {len}"),
            PushError::Deadlock(_) => f.write_str("this thread is writing already: it would wait for itself"),
            PushError::Fault(_, fault) => fault.fmt(f),
        }
    }
}

impl<T> core::error::Error for PushError<T> {}
debug_as_display!(PushError<T>);

impl From<Fault> for PushError<()> {
    fn from(fault: Fault) -> Self {
        PushError::Fault((), fault)
    }
}
