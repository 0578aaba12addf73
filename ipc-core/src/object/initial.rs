//! The values that new objects begin with.

use core::fmt;
use core::marker::PhantomData;

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::ShapeError;

/// The value that a new object begins with: a value, [`Zeroes`], or [`Unsaid`].
///
/// Only a value that was given is carried by the options of an object: one that begins with zeroes may be larger than a stack.
pub trait Initial {
    /// The type of the value.
    type Value;

    /// The value; `None` is all bytes zero.
    ///
    /// # Errors
    ///
    /// [`ShapeError::NoInitialValue`].
    fn value(&self) -> Result<Option<&Self::Value>, ShapeError>;
}

#[diagnostic::do_not_recommend]
impl<T: NoUninit + CheckedBitPattern> Initial for T {
    type Value = T;

    fn value(&self) -> Result<Option<&T>, ShapeError> {
        Ok(Some(self))
    }
}

/// A new object begins with a `T` whose bytes are all zero.
pub struct Zeroes<T>(PhantomData<fn() -> T>);

impl<T: Zeroable> Zeroes<T> {
    /// Such a value.
    pub const fn new() -> Self {
        Zeroes(PhantomData)
    }
}

impl<T: Zeroable> Default for Zeroes<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Initial for Zeroes<T> {
    type Value = T;

    // Zeroes are a `T`, as there is one of these only for a `Zeroable` type.
    fn value(&self) -> Result<Option<&T>, ShapeError> {
        Ok(None)
    }
}

/// No value was said: the object can be opened, and not created.
pub struct Unsaid<T>(PhantomData<fn() -> T>);

impl<T> Unsaid<T> {
    /// No value.
    pub const fn new() -> Self {
        Unsaid(PhantomData)
    }
}

impl<T> Default for Unsaid<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Initial for Unsaid<T> {
    type Value = T;

    fn value(&self) -> Result<Option<&T>, ShapeError> {
        Err(ShapeError::NoInitialValue)
    }
}

macro_rules! plain {
    ($($name:ident),+) => {$(
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<T> Copy for $name<T> {}

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )+};
}
plain!(Zeroes, Unsaid);
