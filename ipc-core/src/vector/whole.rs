//! Changes of all elements in one step, in closures of the caller's.

use super::guard::retain;
use super::handle::Vector;
#[cfg(feature = "alloc")]
use crate::error::Fault;
use crate::error::WriteError;
use crate::object::VectorElement;
use crate::platform::Platform;

impl<T: VectorElement, P: Platform> Vector<'_, T, P> {
    /// Takes all elements out for which `keep` returns `false`, in one step, and keeps the others in their order. If `keep` panics, nothing
    /// has changed.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    pub fn retain(&self, keep: impl FnMut(&T) -> bool) -> Result<(), WriteError> {
        self.rewrite(|elements| retain(elements, keep))
    }

    /// Sorts the elements, in one step, as [`slice::sort_unstable`]. For a stable sort, which needs an allocator:
    /// `vector.lock()?.sort()`.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[doc(alias = "sort")]
    pub fn sort_unstable(&self) -> Result<(), WriteError>
    where
        T: Ord,
    {
        self.sort_unstable_by(T::cmp)
    }

    /// Sorts the elements with this comparison, in one step, as [`slice::sort_unstable_by`]. If `compare` panics, nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[doc(alias = "sort_by")]
    pub fn sort_unstable_by(&self, compare: impl FnMut(&T, &T) -> core::cmp::Ordering) -> Result<(), WriteError> {
        self.rewrite(|elements| {
            elements.sort_unstable_by(compare);
            elements.len()
        })
    }

    /// Sorts the elements by a key, in one step, as [`slice::sort_unstable_by_key`]. If `key` panics, nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`push`](Self::push).
    #[doc(alias = "sort_by_key")]
    pub fn sort_unstable_by_key<K: Ord>(&self, key: impl FnMut(&T) -> K) -> Result<(), WriteError> {
        self.rewrite(|elements| {
            elements.sort_unstable_by_key(key);
            elements.len()
        })
    }

    /// Lets `change` change the elements, and say how many of them are left, in one step. It gets a copy of them in memory of this process's
    /// own: it may call `fork`, and what it is in the middle of in the child, as a sort, must not touch the region.
    #[cfg(feature = "alloc")]
    fn rewrite(&self, change: impl FnOnce(&mut [T]) -> usize) -> Result<(), WriteError> {
        let mut held = self.hold()?;
        let mut elements = held.copied();
        let len = change(&mut elements);
        self.here()?;
        held.replace(&elements[..len]).ok_or(Fault::Corrupted)?;
        Ok(())
    }

    /// Lets `change` change the elements, and say how many of them are left, in one step. Without an allocator it gets them in the region: it
    /// must not return in a child that it has made by `fork`.
    #[cfg(not(feature = "alloc"))]
    fn rewrite(&self, change: impl FnOnce(&mut [T]) -> usize) -> Result<(), WriteError> {
        self.lock()?.rewrite(change);
        Ok(())
    }
}
