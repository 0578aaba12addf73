//! Elements in shared memory, read and written in place.
//!
//! The protocol of the object that hands such a view out gives its elements to the caller alone, also when processes are killed or
//! stopped: every peer that goes through this library keeps to it. A *faulty* peer, which scribbles over the region, does not. That
//! is why these types copy single elements in and out (by volatile accesses) and make references only where the caller
//! vouches for the peers, in `unsafe`: behind a reference that is in use, such a peer's write would be undefined behaviour.
//!
//! They ask before each access whether the memory is this process's: a child after `fork` gets a panic.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::{AnyBitPattern, NoUninit};

use crate::here::Here;
use crate::platform::Platform;
use crate::slots::copy_bytes;

/// Elements in shared memory, to be read.
pub struct SharedSlice<'a, T, P> {
    start: *const T,
    len: usize,
    platform: &'a P,
    elements: PhantomData<&'a T>,
}

impl<T, P> Clone for SharedSlice<'_, T, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, P> Copy for SharedSlice<'_, T, P> {}

// SAFETY: a view, as `&[T]`; elements are copied out.
unsafe impl<T: Send + Sync, P: Sync> Send for SharedSlice<'_, T, P> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync, P: Sync> Sync for SharedSlice<'_, T, P> {}

// The elements are not touched.
impl<T, P> fmt::Debug for SharedSlice<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSlice").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'a, T, P: Platform> SharedSlice<'a, T, P> {
    /// A view of `len` elements.
    ///
    /// # Safety
    ///
    /// `len` elements lie from `start` on, aligned, mapped for `'a` while the platform is here, and the protocol gives them to the
    /// caller for that time.
    #[inline(always)]
    pub(crate) unsafe fn new(start: *const T, len: usize, platform: &'a P) -> Self {
        SharedSlice { start, len, platform, elements: PhantomData }
    }

    /// How many elements there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where they are. For passing on to a system call, say; reading through it is subject to what
    /// [`as_slice`](Self::as_slice) demands.
    #[inline]
    pub fn as_ptr(&self) -> *const T {
        self.start
    }

    /// The part from `begin` to `end` (not included).
    ///
    /// # Panics
    ///
    /// If it does not lie inside.
    #[inline]
    pub fn part(&self, begin: usize, end: usize) -> SharedSlice<'a, T, P> {
        assert!(begin <= end && end <= self.len, "part {begin}..{end} of {} elements", self.len);
        // SAFETY: inside.
        unsafe { SharedSlice::new(self.start.add(begin), end - begin, self.platform) }
    }
}

impl<'a, T: AnyBitPattern, P: Platform> SharedSlice<'a, T, P> {
    /// Returns a copy of one element; `None` past the end.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        self.platform.assert_here();
        // SAFETY: here, inside and aligned; any bits are a T.
        (index < self.len).then(|| unsafe { self.start.add(index).read_volatile() })
    }

    /// Returns copies of the elements, one after the other.
    ///
    /// # Panics
    ///
    /// Each step of the iterator, in a child after `fork`.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T, P> {
        let (start, platform) = (self.start, self.platform);
        (0..self.len).map(move |index| {
            platform.assert_here();
            // SAFETY: here, inside and aligned; any bits are a T.
            unsafe { start.add(index).read_volatile() }
        })
    }

    /// Copies all elements into `out`.
    ///
    /// # Panics
    ///
    /// If `out` has another length; in a child after `fork`.
    #[inline]
    pub fn copy_to_slice(&self, out: &mut [T]) {
        self.platform.assert_here();
        assert_eq!(self.len, out.len(), "copying to a slice of another length");
        // SAFETY: both have `len` elements, of which any bits are a T.
        unsafe { copy_bytes(self.start.cast(), out.as_mut_ptr().cast(), size_of_val(out)) }
    }

    /// Copies all elements into memory that need not be initialised, and returns them there.
    ///
    /// # Panics
    ///
    /// If `out` has another length; in a child after `fork`.
    #[inline]
    pub fn copy_to_uninit<'b>(&self, out: &'b mut [MaybeUninit<T>]) -> &'b mut [T] {
        self.platform.assert_here();
        assert_eq!(self.len, out.len(), "copying to a slice of another length");
        // SAFETY: both have `len` elements; afterwards all of `out` is initialised, with bits that are a T.
        unsafe {
            copy_bytes(self.start.cast(), out.as_mut_ptr().cast(), size_of_val(out));
            core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), out.len())
        }
    }

    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// No process writes to them while the reference is in use. Every peer that goes through this library keeps to that, dead,
    /// stopped or alive; the caller vouches that there is no other one with write access to the region. The reference is not used
    /// in a child after `fork`.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    pub unsafe fn as_slice(&self) -> &'a [T] {
        self.platform.assert_here();
        // SAFETY: there, aligned and initialised; the caller's promise.
        unsafe { core::slice::from_raw_parts(self.start, self.len) }
    }
}

/// Elements in shared memory, to be written. What they are before that, is left from somebody else.
pub struct SharedSliceMut<'a, T, P> {
    start: *mut T,
    len: usize,
    platform: &'a P,
    elements: PhantomData<&'a mut T>,
}

// SAFETY: a view, as `&mut [T]`.
unsafe impl<T: Send, P: Sync> Send for SharedSliceMut<'_, T, P> {}
// SAFETY: nothing can be done through a shared reference but to read the address and the length.
unsafe impl<T: Sync, P: Sync> Sync for SharedSliceMut<'_, T, P> {}

// The elements are not touched.
impl<T, P> fmt::Debug for SharedSliceMut<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSliceMut").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'a, T, P: Platform> SharedSliceMut<'a, T, P> {
    /// A view of `len` elements.
    ///
    /// # Safety
    ///
    /// `len` elements lie from `start` on, aligned, mapped for `'a` while the platform is here, and the protocol gives them to the
    /// caller alone for that time.
    #[inline(always)]
    pub(crate) unsafe fn new(start: *mut T, len: usize, platform: &'a P) -> Self {
        SharedSliceMut { start, len, platform, elements: PhantomData }
    }

    /// How many elements there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Borrows the elements for a shorter time.
    #[inline]
    pub fn reborrow(&mut self) -> SharedSliceMut<'_, T, P> {
        SharedSliceMut { start: self.start, len: self.len, platform: self.platform, elements: PhantomData }
    }

    /// Where they are. For passing on to a system call, say.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.start
    }
}

impl<'a, T: NoUninit, P: Platform> SharedSliceMut<'a, T, P> {
    /// Writes one element.
    ///
    /// # Panics
    ///
    /// If there is none of this index; in a child after `fork`.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) {
        self.platform.assert_here();
        assert!(index < self.len, "element {index} of {}", self.len);
        // SAFETY: inside and aligned.
        unsafe { self.start.add(index).write_volatile(value) }
    }

    /// Writes `value` to all elements.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    pub fn fill(&mut self, value: T) {
        self.platform.assert_here();
        /// What is written one by one, before it is copied.
        const FIRST: usize = 64;
        let mut done = self.len.min(FIRST);
        for index in 0..done {
            // SAFETY: inside and aligned.
            unsafe { self.start.add(index).write_volatile(value) }
        }
        while done < self.len {
            let more = done.min(self.len - done);
            // SAFETY: both parts are inside, and the second begins where the first ends or behind.
            unsafe { copy_bytes(self.start.cast(), self.start.add(done).cast(), more * size_of::<T>()) }
            done += more;
        }
    }

    /// Copies all elements from `values`.
    ///
    /// # Panics
    ///
    /// If `values` has another length; in a child after `fork`.
    #[inline]
    pub fn copy_from_slice(&mut self, values: &[T]) {
        self.platform.assert_here();
        assert_eq!(self.len, values.len(), "copying from a slice of another length");
        // SAFETY: both have `len` elements.
        unsafe { copy_bytes(values.as_ptr().cast(), self.start.cast(), size_of_val(values)) }
    }

    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// No other process reads or writes them while the reference is in use. Every peer that goes through this library keeps to
    /// that, dead, stopped or alive; the caller vouches that there is no other one with write access to the region. The reference is
    /// not used in a child after `fork`.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T]
    where
        T: AnyBitPattern,
    {
        self.platform.assert_here();
        // SAFETY: there, aligned and initialised with bits that are a T; the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::SpinPlatform;

    #[test]
    fn filling_reaches_every_element_and_no_other() {
        let platform = SpinPlatform::new(1);
        for len in [0, 1, 63, 64, 65, 130, 1000] {
            let mut memory = [7_u16; 1001];
            // SAFETY: inside our own array, which is borrowed for that long.
            unsafe { SharedSliceMut::new(memory.as_mut_ptr(), len, &platform) }.fill(9);
            assert!(memory[..len].iter().all(|element| *element == 9));
            assert!(memory[len..].iter().all(|element| *element == 7));
        }
    }
}
