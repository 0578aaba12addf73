//! What every handle has, whatever its object: a macro.

/// What every handle has: its place, `Clone`, `Debug`, and a check that the process is still the one that made it.
///
/// The type has a field `platform`, and a function `another(&self, platform: P) -> Self` that makes a handle of the same object. Behind
/// the noun comes what of `self` [has a wait strategy](waits). A handle of which nothing waits implements that trait by itself.
macro_rules! handle {
    ($name:ident $(<$($T:ident $(: $(?$sized:ident +)? $bound:path)?),+>)?, $noun:literal, $self:ident => $($waiting:expr),+) => {
        $crate::object::handle!($name $(<$($T $(: $(?$sized +)? $bound)?),+>)?, $noun);

        impl<$($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform> $name<'_, $($($T,)+)? P> {
            $crate::object::waits!($self => $($waiting),+);
        }

        $crate::object::has_wait_strategy!($name $(<$($T $(: $(?$sized +)? $bound)?),+>)?);
    };
    ($name:ident $(<$($T:ident $(: $(?$sized:ident +)? $bound:path)?),+>)?, $noun:literal) => {
        impl<'m, $($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform> $name<'m, $($($T,)+)? P> {
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

        $crate::object::named!([$($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform] $name<'_, $($($T,)+)? P>, $name, self => self.platform);

        /// Another handle of the same object, with hints of its own.
        impl<$($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform + Clone> Clone for $name<'_, $($($T,)+)? P> {
            fn clone(&self) -> Self {
                use $crate::wait::HasWaitStrategy;
                let another = self.another(self.platform.clone());
                HasWaitStrategy::set_wait_strategy(&another, HasWaitStrategy::wait_strategy(self));
                another
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<$($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform + core::fmt::Debug> core::fmt::Debug for $name<'_, $($($T,)+)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).field("name", &self.platform).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use handle;

/// The two methods of what has a wait strategy: that of these parts of it.
macro_rules! waits {
    ($self:ident => $first:expr $(, $other:expr)*) => {
        /// Returns how blocking calls of this handle wait.
        pub fn wait_strategy(&$self) -> $crate::WaitStrategy {
            $first.wait_strategy()
        }

        /// Sets how blocking calls of this handle wait that begin from now on. Other handles of the object keep their strategy.
        pub fn set_wait_strategy(&$self, strategy: $crate::WaitStrategy) {
            $first.set_wait_strategy(strategy);
            $($other.set_wait_strategy(strategy);)*
        }
    };
}
pub(crate) use waits;

/// A handle that a builder makes has the two methods.
macro_rules! has_wait_strategy {
    ($name:ident $(<$($T:ident $(: $(?$sized:ident +)? $bound:path)?),+>)?) => {
        impl<$($($T $(: $(?$sized +)? $bound)?,)+)? P: $crate::Platform> $crate::wait::HasWaitStrategy for $name<'_, $($($T,)+)? P> {
            fn wait_strategy(&self) -> $crate::WaitStrategy {
                self.wait_strategy()
            }

            fn set_wait_strategy(&self, strategy: $crate::WaitStrategy) {
                self.set_wait_strategy(strategy);
            }
        }
    };
}
pub(crate) use has_wait_strategy;

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
