//! Words of shared memory that hold the bits of a value, and with which orderings they are read and changed.

use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

mod sealed {
    pub trait Sealed {}
}
pub(super) use sealed::Sealed;

/// A word of shared memory that holds the bits of a value.
pub trait Word: Sealed + Sized {
    /// What is in it.
    type Bits: Copy + PartialEq;
    #[doc(hidden)]
    fn new(bits: Self::Bits) -> Self;
    #[doc(hidden)]
    fn load(&self) -> Self::Bits;
    /// A load that is not in the single order of all changes.
    #[doc(hidden)]
    fn load_acquire(&self) -> Self::Bits;
    /// A store that is not in the single order of all changes.
    #[doc(hidden)]
    fn store_release(&self, bits: Self::Bits);
    #[doc(hidden)]
    fn swap(&self, bits: Self::Bits) -> Self::Bits;
    #[doc(hidden)]
    fn compare_exchange(&self, current: Self::Bits, new: Self::Bits) -> Result<Self::Bits, Self::Bits>;
    #[doc(hidden)]
    fn fetch_add(&self, bits: Self::Bits) -> Self::Bits;
    #[doc(hidden)]
    fn fetch_sub(&self, bits: Self::Bits) -> Self::Bits;
    #[doc(hidden)]
    fn fetch_and(&self, bits: Self::Bits) -> Self::Bits;
    #[doc(hidden)]
    fn fetch_or(&self, bits: Self::Bits) -> Self::Bits;
    #[doc(hidden)]
    fn fetch_xor(&self, bits: Self::Bits) -> Self::Bits;

    /// Replaces the bits with `change(old)`, unless that is `None`. May call `change` several times. Lock-free. `Ok` are the old
    /// bits, `Err` those that were left alone.
    #[doc(hidden)]
    #[inline]
    fn fetch_update(&self, mut change: impl FnMut(Self::Bits) -> Option<Self::Bits>) -> Result<Self::Bits, Self::Bits> {
        let mut bits = self.load();
        loop {
            let Some(new) = change(bits) else { return Err(bits) };
            match self.compare_exchange(bits, new) {
                Ok(old) => return Ok(old),
                Err(now) => bits = now,
            }
        }
    }
}

macro_rules! word {
    ($atomic:ident, $bits:ty) => {
        impl Sealed for $atomic {}

        // Changes and loads are sequentially consistent: see the table of the module.
        impl Word for $atomic {
            type Bits = $bits;
            fn new(bits: $bits) -> Self {
                $atomic::new(bits)
            }
            #[inline(always)]
            fn load(&self) -> $bits {
                $atomic::load(self, Ordering::SeqCst)
            }
            #[inline(always)]
            fn load_acquire(&self) -> $bits {
                // Acquire, with the store below and with every change.
                $atomic::load(self, Ordering::Acquire)
            }
            #[inline(always)]
            fn store_release(&self, bits: $bits) {
                // Release, with every load.
                $atomic::store(self, bits, Ordering::Release)
            }
            #[inline(always)]
            fn swap(&self, bits: $bits) -> $bits {
                $atomic::swap(self, bits, Ordering::SeqCst)
            }
            #[inline(always)]
            fn compare_exchange(&self, current: $bits, new: $bits) -> Result<$bits, $bits> {
                $atomic::compare_exchange(self, current, new, Ordering::SeqCst, Ordering::SeqCst)
            }
            #[inline(always)]
            fn fetch_add(&self, bits: $bits) -> $bits {
                $atomic::fetch_add(self, bits, Ordering::SeqCst)
            }
            #[inline(always)]
            fn fetch_sub(&self, bits: $bits) -> $bits {
                $atomic::fetch_sub(self, bits, Ordering::SeqCst)
            }
            #[inline(always)]
            fn fetch_and(&self, bits: $bits) -> $bits {
                $atomic::fetch_and(self, bits, Ordering::SeqCst)
            }
            #[inline(always)]
            fn fetch_or(&self, bits: $bits) -> $bits {
                $atomic::fetch_or(self, bits, Ordering::SeqCst)
            }
            #[inline(always)]
            fn fetch_xor(&self, bits: $bits) -> $bits {
                $atomic::fetch_xor(self, bits, Ordering::SeqCst)
            }
        }
    };
}
word!(AtomicU8, u8);
word!(AtomicU16, u16);
word!(AtomicU32, u32);
word!(AtomicU64, u64);
