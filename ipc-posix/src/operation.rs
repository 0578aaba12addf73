//! Errors of operations, with the object that they are about.

use std::fmt;

use ipc_core::object::{Kind, Named};

use crate::Error;
use crate::error::Quoted;

/// An error of an operation, and the kind and the name of its object: see [`OfObject::of`].
///
/// Its text begins with both, as that of [`ObjectError`](crate::ObjectError) does.
#[derive(Clone, PartialEq, Eq)]
pub struct OperationError<E> {
    object: Kind,
    name: Box<str>,
    error: E,
}

impl<E> OperationError<E> {
    /// An error of an operation of this handle. Copies the name.
    pub fn new(error: E, handle: &impl Named) -> Self {
        OperationError { object: handle.kind(), name: handle.name().into(), error }
    }

    /// What the object is.
    pub fn object(&self) -> Kind {
        self.object
    }

    /// The object's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operation's own error.
    pub fn error(&self) -> &E {
        &self.error
    }

    /// Returns the operation's own error, with the value that it may hold.
    pub fn into_error(self) -> E {
        self.error
    }
}

impl<E: fmt::Display> fmt::Display for OperationError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.object, Quoted(&self.name), self.error)
    }
}

// A `main` that returns an error prints it with `Debug`.
impl<E: fmt::Display> fmt::Debug for OperationError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E: std::error::Error> std::error::Error for OperationError<E> {
    /// What the operation's own error was caused by: that error's text is in this one's.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// A value or a guard that the error holds is dropped.
impl<E: Into<Error>> From<OperationError<E>> for Error {
    fn from(OperationError { object, name, error }: OperationError<E>) -> Self {
        Error::Operation(Box::new(OperationError { object, name, error: error.into() }))
    }
}

/// Results of operations get the name of their object.
///
/// Errors of operations are small and hold no name, so that a `try_recv` that finds nothing costs nothing. Where an error goes to a
/// log, `of` adds the name; only an error costs something, an allocation.
///
/// ```
/// use ipc_posix::{OfObject, Region};
///
/// fn main() -> Result<(), ipc_posix::Error> {
///     let region = Region::options().anonymous()?;
///     let jobs = region.queue::<u64>("jobs").capacity(4).create()?;
///     jobs.send(1).of(&jobs)?;
///     jobs.close()?;
///     let error = jobs.send(2).of(&jobs).unwrap_err();
///     assert_eq!(error.to_string(), "queue \"jobs\": sending on a closed queue");
///     // What the operation says by itself, here with the value that was not sent.
///     assert_eq!(error.into_error().into_inner(), 2);
///     Ok(())
/// }
/// ```
pub trait OfObject<T, E>: Sized {
    /// Returns the result, its error with kind and name of the object that this is a handle of.
    ///
    /// # Errors
    ///
    /// Those of the operation.
    fn of(self, handle: &impl Named) -> Result<T, OperationError<E>>;
}

impl<T, E> OfObject<T, E> for Result<T, E> {
    #[inline]
    fn of(self, handle: &impl Named) -> Result<T, OperationError<E>> {
        self.map_err(|error| OperationError::new(error, handle))
    }
}
