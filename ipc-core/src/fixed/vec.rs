//! Lists.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

use super::LengthError;

/// A list of at most `N` elements that is plain data: in messages, under locks, as the value of a map.
///
/// It is read and changed as a slice, by dereference. Its length lies in the place of `L` more elements, of which one is enough for most
/// types: it takes `N + L` times the size of an element. One `u8` counts up to 255, so that a longer list of them has `L = 2`.
///
/// ```
/// # use ipc_posix::{Error, FixedVec, Region};
/// # fn main() -> Result<(), Error> {
/// # let region = Region::options().anonymous()?;
/// let latest = region.watch::<FixedVec<f32, 8>>("latest").zeroed().open_or_create()?;
/// let mut samples = FixedVec::new();
/// samples.extend_from_slice(&[0.5, 0.25])?;
/// samples.push(0.75)?;
/// latest.set(samples)?;
/// assert_eq!(latest.get()?, [0.5, 0.25, 0.75]);
/// assert_eq!(latest.get()?.iter().sum::<f32>(), 1.5);
///
/// let key = region.mutex::<FixedVec<u8, 1000, 2>>("key").open_or_create()?;
/// key.lock()?.set(b"open sesame")?;
/// # Ok(())
/// # }
/// ```
///
/// A place for the length that is too small does not compile:
///
/// ```compile_fail,E0080
/// ipc_posix::FixedVec::<u8, 256>::new();
/// ```
///
/// Any bits are a value, for a lock's data may be left in any state: a length that is too large counts as `N`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FixedVec<T, const N: usize, const L: usize = 1> {
    /// The length, in its first bytes, the lowest first. They are of the elements' type, so that there is no gap behind them.
    len: [T; L],
    /// The elements, then zeroes.
    elements: [T; N],
}

// SAFETY: zeroes are the empty list.
unsafe impl<T: Zeroable, const N: usize, const L: usize> Zeroable for FixedVec<T, N, L> {}
// SAFETY: arrays of one such type, one behind the other, without a gap; all bits of the length are read with care.
unsafe impl<T: Pod, const N: usize, const L: usize> Pod for FixedVec<T, N, L> {}

impl<T: Pod, const N: usize, const L: usize> FixedVec<T, N, L> {
    /// The most elements that fit.
    pub const CAPACITY: usize = {
        let bytes = Self::LEN_BYTES;
        assert!(bytes > 0, "the elements of a FixedVec have a size, and L is at least 1");
        assert!(bytes == 8 || (N as u64) < 1 << (8 * bytes), "L elements cannot count up to N: FixedVec<T, N, 2> can");
        N
    };

    /// How many bytes the length has.
    const LEN_BYTES: usize = {
        let bytes = size_of::<[T; L]>();
        if bytes < 8 { bytes } else { 8 }
    };

    /// The empty list.
    pub const fn new() -> Self {
        const { assert!(Self::CAPACITY == N) };
        // SAFETY: zeroes are a value (Pod).
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    fn count(&self) -> usize {
        let mut len = [0; 8];
        len[..Self::LEN_BYTES].copy_from_slice(&bytemuck::cast_slice::<T, u8>(&self.len)[..Self::LEN_BYTES]);
        u64::from_le_bytes(len).min(Self::CAPACITY as u64) as usize
    }

    fn set_count(&mut self, len: usize) {
        let bytes = (len as u64).to_le_bytes();
        bytemuck::cast_slice_mut::<T, u8>(&mut self.len)[..Self::LEN_BYTES].copy_from_slice(&bytes[..Self::LEN_BYTES]);
    }

    /// The elements as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.elements[..self.count()]
    }

    /// The elements as a slice, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        let len = self.count();
        &mut self.elements[..len]
    }

    /// Replaces the elements.
    ///
    /// # Errors
    ///
    /// There are too many. Then nothing has changed.
    pub fn set(&mut self, elements: &[T]) -> Result<(), LengthError> {
        LengthError::check(elements.len(), Self::CAPACITY)?;
        self.write(0, elements);
        Ok(())
    }

    /// Adds an element at the end.
    ///
    /// ```
    /// use ipc_posix::FixedVec;
    ///
    /// let mut pair = FixedVec::<u32, 2>::try_from(&[10, 20][..])?;
    /// assert_eq!(pair.push(30).unwrap_err().to_string(), "a length of 3, where 2 fit");
    /// assert_eq!(pair.pop(), Some(20));
    /// pair.push(30)?;
    /// assert_eq!(pair, [10, 30]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no room for it.
    pub fn push(&mut self, element: T) -> Result<(), LengthError> {
        let len = self.count();
        let place = self.elements.get_mut(len).ok_or(LengthError::new(len + 1, N))?;
        *place = element;
        self.set_count(len + 1);
        Ok(())
    }

    /// Adds elements at the end: all, or none.
    ///
    /// # Errors
    ///
    /// There is no room for all of them. Then nothing has changed.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), LengthError> {
        let len = self.count();
        LengthError::check(len.saturating_add(elements.len()), Self::CAPACITY)?;
        self.write(len, elements);
        Ok(())
    }

    /// Removes the last element and returns it.
    pub fn pop(&mut self) -> Option<T> {
        let last = *self.as_slice().last()?;
        self.truncate(self.count() - 1);
        Some(last)
    }

    /// Removes the elements from `len` on; none if there are not as many.
    pub fn truncate(&mut self, len: usize) {
        if len < self.count() {
            self.write(len, &[]);
        }
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.write(0, &[]);
    }

    /// Writes elements behind the first `keep`, which fit, and zeroes behind them.
    fn write(&mut self, keep: usize, elements: &[T]) {
        let (list, rest) = self.elements[keep..].split_at_mut(elements.len());
        list.copy_from_slice(elements);
        bytemuck::fill_zeroes(rest);
        self.set_count(keep + elements.len());
    }
}

impl<T: Pod, const N: usize, const L: usize> Default for FixedVec<T, N, L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Pod, const N: usize, const L: usize> Deref for FixedVec<T, N, L> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Pod, const N: usize, const L: usize> DerefMut for FixedVec<T, N, L> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<T: Pod, const N: usize, const L: usize> TryFrom<&[T]> for FixedVec<T, N, L> {
    type Error = LengthError;

    fn try_from(elements: &[T]) -> Result<Self, LengthError> {
        let mut fixed = Self::new();
        fixed.set(elements)?;
        Ok(fixed)
    }
}

impl<'a, T: Pod, const N: usize, const L: usize> IntoIterator for &'a FixedVec<T, N, L> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> core::slice::Iter<'a, T> {
        self.iter()
    }
}

impl<T: Pod + fmt::Debug, const N: usize, const L: usize> fmt::Debug for FixedVec<T, N, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<T: Pod + PartialEq, const N: usize, const L: usize> PartialEq for FixedVec<T, N, L> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Pod + Eq, const N: usize, const L: usize> Eq for FixedVec<T, N, L> {}

impl<T: Pod + PartialEq, const N: usize, const L: usize> PartialEq<[T]> for FixedVec<T, N, L> {
    fn eq(&self, other: &[T]) -> bool {
        self.as_slice() == other
    }
}

impl<T: Pod + PartialEq, const N: usize, const L: usize> PartialEq<&[T]> for FixedVec<T, N, L> {
    fn eq(&self, other: &&[T]) -> bool {
        self.as_slice() == *other
    }
}

impl<T: Pod + PartialEq, const N: usize, const L: usize, const M: usize> PartialEq<[T; M]> for FixedVec<T, N, L> {
    fn eq(&self, other: &[T; M]) -> bool {
        self.as_slice() == other
    }
}

impl<T: Pod + PartialOrd, const N: usize, const L: usize> PartialOrd for FixedVec<T, N, L> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_slice().partial_cmp(other.as_slice())
    }
}

impl<T: Pod + Ord, const N: usize, const L: usize> Ord for FixedVec<T, N, L> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<T: Pod + Hash, const N: usize, const L: usize> Hash for FixedVec<T, N, L> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl<T: Pod, const N: usize, const L: usize> Borrow<[T]> for FixedVec<T, N, L> {
    fn borrow(&self) -> &[T] {
        self
    }
}

impl<T: Pod, const N: usize, const L: usize> AsRef<[T]> for FixedVec<T, N, L> {
    fn as_ref(&self) -> &[T] {
        self
    }
}
