//! One element, with the operations of an atomic.

use core::fmt;

use crate::atomic::{Bitwise, Number, Value, Word, of_bits, update, values};
use crate::error::Fault;
use crate::here::{Here, unless_forked};
use crate::platform::Platform;

/// An element of an array, with the operations of the standard library's atomics. Made by [`Array::at`](super::Array::at).
///
/// A store is a Release store and a load an Acquire load. All other operations are sequentially consistent. They are wait-free,
/// except `fetch_update`, the operations made of it, and sums of floats, which are lock-free. Floats are compared by their bits in
/// `compare_exchange`: 0.0 is not -0.0, and a NaN is that same NaN.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let levels = region.array::<i32>("levels").len(10).create()?;
/// let level = levels.at(3);
/// level.store(6)?;
/// assert_eq!((level.swap(7)?, level.load()?), (6, 7));
/// assert_eq!(level.compare_exchange(7, 8)?, Ok(7));
/// assert_eq!((level.fetch_add(5)?, level.fetch_sub(1)?, level.fetch_max(20)?, level.fetch_min(3)?), (8, 13, 12, 20));
/// assert_eq!((level.fetch_or(8)?, level.fetch_and(10)?, level.fetch_xor(2)?), (3, 11, 10));
/// assert_eq!(level.fetch_update(|level| level.checked_mul(10))?, Ok(8));
/// assert_eq!((level.update(|level| level + 1)?, level.load()?), (80, 81));
///
/// let seats = region.array::<bool>("seats").len(40).create()?;
/// assert_eq!((seats.at(7).fetch_not()?, seats.get(7)), (false, Some(true)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Every operation returns [`Fault::Forked`] in a child after `fork`, and no other error.
pub struct Element<'a, T: Value, P> {
    pub(super) word: &'a T::Word,
    pub(super) platform: &'a P,
}

impl<T: Value, P> Clone for Element<'_, T, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Value, P> Copy for Element<'_, T, P> {}

// The element is not touched.
impl<T: Value, P> fmt::Debug for Element<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Element").finish_non_exhaustive()
    }
}

impl<T: Value, P: Platform> Element<'_, T, P> {
    /// Returns the value. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn load(&self) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(self.word.load_acquire()))
    }

    /// Stores a value. One store.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn store(&self, value: T) -> Result<(), Fault> {
        self.platform.here()?;
        self.word.store_release(value.into_bits());
        Ok(())
    }

    /// Stores a value and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn swap(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(self.word.swap(value.into_bits())))
    }

    /// Stores `new` if the value is `current`. The inner result is that of the standard library's: the old value, as `Ok` if it
    /// was `current`.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "compare_and_swap")]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<Result<T, T>, Fault> {
        self.platform.here()?;
        Ok(values(self.word.compare_exchange(current.into_bits(), new.into_bits())))
    }

    /// Replaces the value with `change(old)`, unless that is `None`. The read and the write are one step, so `change` may be
    /// called several times. The inner result is the old value: `Ok` if it was replaced, `Err` if it was left alone.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "try_update")]
    pub fn fetch_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<Result<T, T>, Fault> {
        self.platform.here()?;
        let updated = self.word.fetch_update(unless_forked(self.platform, of_bits(change)));
        if updated.is_err() {
            self.platform.here()?;
        }
        Ok(values(updated))
    }

    /// Replaces the value with `change(old)` in one step and returns the old value. May call `change` several times.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn update(&self, mut change: impl FnMut(T) -> T) -> Result<T, Fault> {
        self.fetch_update(|old| Some(change(old))).map(|updated| updated.unwrap_or_else(|old| old))
    }

    /// [`update`](Self::update) by code of this library, which does not call `fork`.
    #[inline(always)]
    fn replace(&self, change: impl FnMut(T) -> T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(update(self.word, change)))
    }
}

impl<T: Bitwise, P: Platform> Element<'_, T, P> {
    /// Stores the bitwise "and" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_and(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(self.word.fetch_and(value.into_bits())))
    }

    /// Stores the bitwise "or" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_or(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(self.word.fetch_or(value.into_bits())))
    }

    /// Stores the bitwise "exclusive or" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_xor(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(self.word.fetch_xor(value.into_bits())))
    }
}

impl<T: Number, P: Platform> Element<'_, T, P> {
    /// Adds and returns the old value. Integers wrap around at the end of the type's range.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_add(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(value.add_to(self.word)))
    }

    /// Subtracts and returns the old value. Integers wrap around at the end of the type's range.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_sub(&self, value: T) -> Result<T, Fault> {
        self.platform.here()?;
        Ok(T::from_bits(value.subtract_from(self.word)))
    }

    /// Stores the greater one of both values and returns the old one. A NaN counts as the smaller one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_max(&self, value: T) -> Result<T, Fault> {
        self.replace(|old| old.or_greater(value))
    }

    /// Stores the smaller one of both values and returns the old one. A NaN counts as the greater one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_min(&self, value: T) -> Result<T, Fault> {
        self.replace(|old| old.or_smaller(value))
    }
}

impl<P: Platform> Element<'_, bool, P> {
    /// Inverts the flag and returns the old value.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_not(&self) -> Result<bool, Fault> {
        self.fetch_xor(true)
    }
}
