//! The types that an atomic cell can hold, as bits in a word of shared memory.

use super::words::Width;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// A word of shared memory that holds the bits of a value.
pub trait Word: Sealed + Sized {
    /// What is in it.
    type Bits: Copy + PartialEq;
    #[doc(hidden)]
    fn new(bits: Self::Bits) -> Self;
    #[doc(hidden)]
    fn load(&self) -> Self::Bits;
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
}

macro_rules! word {
    ($atomic:ident, $bits:ty) => {
        impl Sealed for $atomic {}

        // Every operation is sequentially consistent: see the table of the module.
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
word!(AtomicU32, u32);
word!(AtomicU64, u64);

/// A type that an atomic cell can hold: `u32`, `i32`, `u64`, `i64`, `bool`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of an atomic",
    label = "not `u32`, `i32`, `u64`, `i64` or `bool`",
    note = "for `f32` and `f64`, use an atomic of their `to_bits`, or `region.watch`",
    note = "for other types, use `region.watch` (the latest value) or `region.mutex`"
)]
pub trait Value: Copy + Default + PartialEq + Send + Sync + Sealed + 'static {
    /// The word that holds it.
    type Word: Word;
    /// The type's number in the binary layout.
    #[doc(hidden)]
    const FORM: u64;
    #[doc(hidden)]
    const WIDTH: Width =
        if size_of::<<Self::Word as Word>::Bits>() == size_of::<u64>() { Width::Wide } else { Width::Narrow };
    #[doc(hidden)]
    fn into_bits(self) -> <Self::Word as Word>::Bits;
    /// The value of any bits: a `bool` is the lowest of them.
    #[doc(hidden)]
    fn from_bits(bits: <Self::Word as Word>::Bits) -> Self;
}

/// A [`Value`] that can be added to and compared.
pub trait Integer: Value + Ord {}

macro_rules! integer {
    ($integer:ty, $word:ty, $form:literal) => {
        impl Sealed for $integer {}

        impl Value for $integer {
            type Word = $word;
            const FORM: u64 = $form;
            #[inline(always)]
            fn into_bits(self) -> <$word as Word>::Bits {
                self as _
            }
            #[inline(always)]
            fn from_bits(bits: <$word as Word>::Bits) -> Self {
                bits as _
            }
        }

        impl Integer for $integer {}
    };
}
integer!(u32, AtomicU32, 1);
integer!(i32, AtomicU32, 2);
integer!(u64, AtomicU64, 3);
integer!(i64, AtomicU64, 4);

impl Sealed for bool {}

impl Value for bool {
    type Word = AtomicU32;
    const FORM: u64 = 5;
    #[inline(always)]
    fn into_bits(self) -> u32 {
        self.into()
    }
    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        bits & 1 != 0
    }
}

/// The names of the types, by [`Value::FORM`].
pub(crate) fn name(form: u64) -> Option<&'static str> {
    Some(match form {
        1 => "u32",
        2 => "i32",
        3 => "u64",
        4 => "i64",
        5 => "bool",
        _ => return None,
    })
}
