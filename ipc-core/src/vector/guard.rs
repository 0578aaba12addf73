//! A vector that is locked: its elements as a slice, and several changes that count in one step.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::held::Held;
use super::words::State;
use crate::error::{Fault, PushError};
use crate::here::Here;
use crate::object::VectorElement;
use crate::place::Lent;
use crate::platform::Platform;

/// Holds a [`Vector`](super::Vector)'s lock: its elements as a slice, and all changes that are made through it in one step.
///
/// The changes count when the guard is dropped, by one store. A process that is killed before that has changed nothing, and so has one whose
/// thread panics while it holds the guard. [`discard`](Self::discard) drops the guard without its changes.
///
/// Reading copies nothing. The first change of an element copies all elements into a second place in the region, where they are changed; what
/// is put behind the end is not copied.
///
/// The references to the elements are sound as long as every process that writes to the region keeps to the lock. In a child after `fork` they
/// are not there: what returns no error panics.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let primes = region.vector::<u32>("primes").capacity(100).create()?;
/// primes.extend_from_slice(&[7, 2, 5])?;
/// let mut guard = primes.lock()?;
/// guard.sort_unstable();
/// guard.insert(1, 3)?;
/// guard[0] += 0;
/// assert_eq!(guard.binary_search(&5), Ok(2));
/// drop(guard); // killed before this: 7, 2, 5
/// assert_eq!(primes.lock()?[..], [2, 3, 5, 7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Changes that shall not count:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let stock = region.vector::<u32>("stock").capacity(10).create()?;
/// stock.push(7)?;
/// let mut guard = stock.lock()?;
/// guard[0] = 0;
/// guard.discard();
/// assert_eq!(stock.get(0)?, Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the lock is given back when this is dropped"]
pub struct VectorGuard<'a, 'm, T: VectorElement, P: Platform> {
    /// Given back before the lock is, which `held` has. The area that has the elements, or a copy of it in the other one.
    elements: Lent<[T]>,
    held: Held<'a, 'm, T, P>,
    /// How many elements there are with the changes.
    len: usize,
    /// The elements are a copy.
    is_copy: bool,
    /// The changes shall not count.
    discarded: bool,
    panicking: bool,
    /// Not Send: the lock knows its holder's thread.
    here: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives `&[T]` only.
unsafe impl<T: VectorElement + Sync, P: Platform + Sync> Sync for VectorGuard<'_, '_, T, P> {}

impl<'a, 'm, T: VectorElement, P: Platform> VectorGuard<'a, 'm, T, P> {
    pub(super) fn new(held: Held<'a, 'm, T, P>) -> Self {
        let (elements, len) = (held.elements().lend(), held.len);
        let panicking = held.vector.platform().panicking();
        VectorGuard { elements, held, len, is_copy: false, discarded: false, panicking, here: PhantomData }
    }

    /// Drops the guard without its changes: nothing has happened.
    pub fn discard(mut self) {
        self.discarded = true;
    }

    /// Returns how many elements fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.held.vector.capacity()
    }

    fn here(&self) -> Result<(), Fault> {
        self.held.vector.here()
    }

    fn assert_here(&self) {
        self.held.vector.platform().assert_here();
    }

    /// All places, with the elements in front. Those from index `from` on may be written: not in the area that counts, unless it is behind
    /// the end.
    fn places_from(&mut self, from: usize) -> &mut [T] {
        if from < self.held.len && !self.is_copy {
            let mut copy = self.held.other().lend();
            // SAFETY: in range and aligned (`over`); any bits are a T (Pod); this has the lock, and the two areas do not overlap.
            unsafe { copy.get_mut()[..self.len].copy_from_slice(&self.elements.get()[..self.len]) };
            self.elements = copy;
            self.is_copy = true;
        }
        // SAFETY: as above, and this is borrowed mutably: nobody else in this process has a reference.
        unsafe { self.elements.get_mut() }
    }

    /// Lets `change` change the elements, and say how many of them are left. If it panics, the guard's changes do not count.
    pub(super) fn rewrite(&mut self, change: impl FnOnce(&mut [T]) -> usize) {
        let (len, discarded) = (self.len, self.discarded);
        self.discarded = true;
        self.len = change(&mut self.places_from(0)[..len]);
        self.discarded = discarded;
    }

    /// Puts a value behind the last one.
    ///
    /// # Errors
    ///
    /// [`Full`](PushError::Full).
    #[doc(alias = "append")]
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.insert(self.len, value)
    }

    /// Puts a value in front of the element with this index, or behind the last one.
    ///
    /// # Errors
    ///
    /// [`Full`](PushError::Full); [`OutOfBounds`](PushError::OutOfBounds).
    pub fn insert(&mut self, index: usize, value: T) -> Result<(), PushError<T>> {
        if let Err(fault) = self.here() {
            return Err(PushError::Fault(value, fault));
        }
        let len = self.len;
        if index > len {
            return Err(PushError::OutOfBounds(value, len));
        }
        if len == self.capacity() {
            return Err(PushError::Full(value, len));
        }
        let places = self.places_from(index);
        places.copy_within(index..len, index + 1);
        places[index] = value;
        self.len += 1;
        Ok(())
    }

    /// Puts all of these behind the last one, or none of them if there is not enough room.
    ///
    /// # Errors
    ///
    /// [`Full`](PushError::Full).
    #[doc(alias = "extend")]
    pub fn extend_from_slice(&mut self, values: &[T]) -> Result<(), PushError<()>> {
        self.here()?;
        let (len, capacity) = (self.len, self.capacity());
        if values.len() > capacity - len {
            return Err(PushError::Full((), capacity));
        }
        self.places_from(len)[len..][..values.len()].copy_from_slice(values);
        self.len += values.len();
        Ok(())
    }

    /// Takes the last element off and returns it.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn pop(&mut self) -> Option<T> {
        let last = *self.last()?;
        self.len -= 1;
        Some(last)
    }

    /// Takes an element out and returns it. Those behind it move up. `None` if there is no such element.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        let value = *self.get(index)?;
        let len = self.len;
        self.places_from(index).copy_within(index + 1..len, index);
        self.len -= 1;
        Some(value)
    }

    /// Takes an element out, puts the last one in its place, and returns it. `None` if there is no such element.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        let value = *self.get(index)?;
        let last = self.len - 1;
        self.places_from(index).swap(index, last);
        self.len = last;
        Some(value)
    }

    /// Takes all elements off but the first `len` ones. Does nothing if there are not more.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn truncate(&mut self, len: usize) {
        self.assert_here();
        self.len = self.len.min(len);
    }

    /// Takes all elements off.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Takes all elements out for which `keep` returns `false`, and keeps the others in their order. If `keep` panics, the guard's changes
    /// do not count.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.assert_here();
        let vector = self.held.vector;
        self.rewrite(|elements| {
            retain(elements, |element| {
                let keeps = keep(element);
                // The closure may have called `fork`.
                vector.platform().assert_here();
                keeps
            })
        });
    }
}

/// Moves the elements to keep to the front, and returns how many they are.
pub(super) fn retain<T: Copy>(elements: &mut [T], mut keep: impl FnMut(&T) -> bool) -> usize {
    let mut kept = 0;
    for index in 0..elements.len() {
        if keep(&elements[index]) {
            elements[kept] = elements[index];
            kept += 1;
        }
    }
    kept
}

impl<T: VectorElement, P: Platform> Deref for VectorGuard<'_, '_, T, P> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.assert_here();
        // SAFETY: in range and aligned (`over`); any bits are a T (Pod); this has the lock, so that nobody writes (the contract of the guard
        // for those who do not keep to it).
        unsafe { &self.elements.get()[..self.len] }
    }
}

impl<T: VectorElement, P: Platform> DerefMut for VectorGuard<'_, '_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.assert_here();
        let len = self.len;
        &mut self.places_from(0)[..len]
    }
}

impl<'g, T: VectorElement, P: Platform> IntoIterator for &'g VectorGuard<'_, '_, T, P> {
    type Item = &'g T;
    type IntoIter = core::slice::Iter<'g, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: VectorElement, P: Platform> Drop for VectorGuard<'_, '_, T, P> {
    fn drop(&mut self) {
        let vector = self.held.vector;
        let has_changed = self.is_copy || self.len != self.held.len;
        let panics = !self.panicking && vector.platform().panicking();
        if has_changed && !self.discarded && !panics && vector.platform().is_here() {
            let area = if self.is_copy { 1 - self.held.area } else { self.held.area };
            vector.words.set_state(State::settled(area, self.len));
        }
    }
}

impl<T: VectorElement + fmt::Debug, P: Platform> fmt::Debug for VectorGuard<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.here().is_ok() { (**self).fmt(f) } else { f.write_str("VectorGuard(..)") }
    }
}
