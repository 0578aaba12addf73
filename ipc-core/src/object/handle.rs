//! What every handle has, whatever its object: a macro.

/// What every handle has: its place, `Clone`, `Debug`, and a check that the process is still the one that made it.
///
/// The type has a field `platform`, and a function `another(&self, platform: P) -> Self` that makes a handle of the same object.
macro_rules! handle {
    ($name:ident $(<$T:ident $(: $bound:path)?>)?, $noun:literal) => {
        impl<'m, $($T $(: $bound)?,)? P: $crate::Platform> $name<'m, $($T,)? P> {
            #[doc = concat!("The ", $noun, "'s name in its region.")]
            pub fn name(&self) -> &str
            where
                P: $crate::platform::Located,
            {
                self.platform.name()
            }

            #[doc = concat!("The region that the ", $noun, " lives in.")]
            pub fn region(&self) -> P::Region
            where
                P: $crate::platform::Located,
            {
                self.platform.region()
            }

            #[doc = concat!("Returns whether both handles are of one ", $noun, ", however each was opened. Also after a fork.")]
            #[must_use]
            pub fn same_object(&self, other: &Self) -> bool
            where
                P: $crate::platform::Located,
            {
                self.platform.is_same(&other.platform)
            }

            /// The world of the handle.
            #[inline(always)]
            #[allow(dead_code, reason = "for those that iterate")]
            pub(crate) fn platform(&self) -> &P {
                &self.platform
            }

            /// Whether the memory is here: not in a child after `fork`.
            #[inline(always)]
            #[allow(dead_code, reason = "some handles ask otherwise")]
            pub(crate) fn here(&self) -> Result<(), $crate::Fault> {
                $crate::here::Here::here(&self.platform)
            }
        }

        /// Another handle of the same object, with hints of its own.
        impl<$($T $(: $bound)?,)? P: $crate::Platform + Clone> Clone for $name<'_, $($T,)? P> {
            fn clone(&self) -> Self {
                self.another(self.platform.clone())
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<$($T $(: $bound)?,)? P: $crate::Platform + core::fmt::Debug> core::fmt::Debug for $name<'_, $($T,)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).field("name", &self.platform).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use handle;

/// A blueprint's [`handle`](super::Blueprint::handle), where the view of the words is all that it needs of the memory: of the
/// blueprint, the view, the sizes and the platform.
macro_rules! of_view {
    ($handle:ty: |$wanted:tt, $view:ident, $geometry:tt, $platform:ident| $made:expr) => {
        unsafe fn handle<'m, P: $crate::Platform>(
            &self,
            memory: $crate::memory::Memory<'m>,
            geometry: &$crate::object::Geometry<Self>,
            $platform: P,
        ) -> Result<$handle, $crate::object::ShapeError> {
            let ($wanted, $geometry) = (self, geometry);
            // SAFETY: the caller vouches for the object.
            let $view = unsafe { <Self::Object as $crate::object::Object>::view(memory, geometry)? };
            Ok($made)
        }
    };
}
pub(crate) use of_view;
