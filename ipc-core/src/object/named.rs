//! Handles say what they are a handle of.

use super::Kind;

/// A handle of an object that has a name in a region: what the message of an error begins with.
pub trait Named {
    /// What the object is.
    fn kind(&self) -> Kind;

    /// The object's name in its region.
    fn name(&self) -> &str;
}

/// What the handle with these parameters is a handle of, by another handle of the object or by its platform.
macro_rules! named {
    ([$($parameters:tt)*] $handle:ty, $kind:ident, $self:ident => $named:expr) => {
        impl<$($parameters)*> $crate::object::Named for $handle
        where
            P: $crate::platform::Located,
        {
            fn kind(&self) -> $crate::object::Kind {
                $crate::object::Kind::$kind
            }

            fn name(&$self) -> &str {
                $named.name()
            }
        }
    };
}
pub(crate) use named;
