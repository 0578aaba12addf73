//! An iterator over the values of an array.

use core::iter::FusedIterator;
use core::{fmt, slice};

use crate::atomic::{Value, Word};
use crate::here::Here;
use crate::platform::Platform;

/// The values of an array's elements, each as it is when its turn comes. Made by [`Array::iter`](super::Array::iter).
///
/// Each step panics in a child after `fork`.
#[must_use]
pub struct Iter<'a, T: Value, P> {
    pub(super) words: slice::Iter<'a, T::Word>,
    pub(super) platform: &'a P,
}

impl<T: Value, P> Clone for Iter<'_, T, P> {
    fn clone(&self) -> Self {
        Iter { words: self.words.clone(), platform: self.platform }
    }
}

// The elements are not touched.
impl<T: Value, P> fmt::Debug for Iter<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("len", &self.words.len()).finish_non_exhaustive()
    }
}

impl<T: Value, P: Platform> Iter<'_, T, P> {
    #[inline(always)]
    fn value(&self, word: &T::Word) -> T {
        self.platform.assert_here();
        T::from_bits(word.load_acquire())
    }
}

impl<T: Value, P: Platform> Iterator for Iter<'_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.words.next().map(|word| self.value(word))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.words.size_hint()
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<T> {
        self.words.nth(n).map(|word| self.value(word))
    }
}

impl<T: Value, P: Platform> DoubleEndedIterator for Iter<'_, T, P> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.words.next_back().map(|word| self.value(word))
    }
}

impl<T: Value, P: Platform> ExactSizeIterator for Iter<'_, T, P> {}
impl<T: Value, P: Platform> FusedIterator for Iter<'_, T, P> {}
