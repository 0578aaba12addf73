//! The data: two copies, and a word that says which one counts.
//!
//! A holder that works in place changes the copy that counts. A transaction writes the other one and then changes the
//! word: one store, so that its death leaves the old value or the new one.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::payload;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Which copy counts. Used only by the holder of the lock. Zero is its initial state: the first.
#[repr(transparent)]
#[derive(Debug)]
pub struct Versions(AtomicU32);

impl Versions {
    /// The first copy counts, in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Versions(AtomicU32::new(0))
    }

    /// The first copy counts. The caller has the word to itself.
    #[cfg(not(loom))]
    pub(crate) fn initialise(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The index of the copy that counts.
    #[inline]
    pub fn current(&self) -> usize {
        // Acquire, with the commit of an owner that may have died before its unlock.
        (self.0.load(Ordering::Acquire) & 1) as usize
    }

    /// The bytes of the copy that counts.
    pub fn read<T>(&self, copies: [&[AtomicU64]; 2]) -> MaybeUninit<T> {
        payload::load(copies[self.current()])
    }

    /// Makes `value` the one that counts, in one step.
    pub fn commit<T: NoUninit>(&self, value: &T, copies: [&[AtomicU64]; 2]) {
        let other = 1 - self.current();
        payload::store(value, copies[other]);
        // Release: who reads the new index finds the copy whole.
        self.0.store(other as u32, Ordering::Release);
    }
}
