//! What a latest-value cell should be like that is opened for reading only.

use std::marker::PhantomData;

use ipc_core::object::{CellValue, Kind, Schema, TypeName};

use super::read_only::ReadOnlyRegion;
use crate::error::{ObjectError, ObjectErrorKind};
#[cfg(feature = "serde")]
use crate::objects::ReadOnlyValueWatch;
use crate::objects::ReadOnlyWatch;

/// The options of a handle that only reads.
macro_rules! options {
    ($(#[$doc:meta])* $options:ident, $handle:ident, $kind:expr, $bound:path, $compared:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "a builder does nothing until open"]
        pub struct $options<'r, T> {
            region: &'r ReadOnlyRegion,
            name: &'r str,
            schema: Schema,
            value: PhantomData<fn() -> T>,
        }

        impl<'r, T: $bound> $options<'r, T> {
            pub(super) fn new(region: &'r ReadOnlyRegion, name: &'r str) -> Self {
                $options { region, name, schema: Schema::NONE, value: PhantomData }
            }

            /// Sets a version number of the value's type, which is compared with that of the cell. Default: 0.
            pub fn schema(mut self, number: u64) -> Self {
                self.schema.number = number;
                self
            }

            /// Sets the name of the type that the cell should hold. Default: the name of the Rust type, without the path to it.
            pub fn type_name(mut self, name: &str) -> Self {
                self.schema.chosen = Some(TypeName::chosen(name));
                self
            }

            #[doc = concat!("Opens the cell whatever the name of its type is. ", $compared, " compared all the same.")]
            pub fn any_type(mut self) -> Self {
                self.schema.chosen = Some(TypeName::NONE);
                self
            }

            /// Opens the cell. Lock-free, no system call, and writes nothing.
            ///
            /// # Errors
            ///
            /// [`NotFound`](ObjectErrorKind::NotFound), or what differs from what is wanted.
            pub fn open(self) -> Result<$handle<'r, T>, ObjectError> {
                let memory = self.region.find($kind, self.name)?;
                $handle::attach(memory, self.schema, self.region).map_err(|cause| {
                    ObjectError::new($kind, self.name, ObjectErrorKind::Directory(cause.into()))
                })
            }
        }
    };
}

options! {
    /// What a [`ReadOnlyWatch`] should be like. Made by [`ReadOnlyRegion::watch`].
    ReadOnlyWatchOptions, ReadOnlyWatch, Kind::Watch, CellValue, "Size, alignment and schema are"
}

#[cfg(feature = "serde")]
options! {
    /// What a [`ReadOnlyValueWatch`] should be like (feature `serde`). Made by [`ReadOnlyRegion::value_watch`].
    ReadOnlyValueWatchOptions, ReadOnlyValueWatch, Kind::ValueWatch, ipc_core::watch::WatchedValue, "The schema is"
}
