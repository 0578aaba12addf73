//! The types that an atomic cell or an element of an array can hold, as bits in a word of shared memory.

use super::word::{Sealed, Word};
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// The bits of a value.
pub(crate) type BitsOf<T> = <<T as Value>::Word as Word>::Bits;

/// A type that an atomic cell or an element of an array can hold: the integers and floats of 8 to 64 bits, and `bool`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of an atomic, or an element of an array of them",
    label = "not `u8` to `u64`, `i8` to `i64`, `f32`, `f64` or `bool`",
    note = "for `usize` use `u64`, for `char` use `u32`: shared memory has types whose size and bits are the same everywhere",
    note = "for other types, use `region.watch` (the latest value) or `region.mutex`"
)]
pub trait Value: Copy + Default + PartialEq + Send + Sync + Sealed + 'static {
    /// The word that holds it.
    type Word: Word + Send + Sync + 'static;
    /// The type's number in the binary layout.
    #[doc(hidden)]
    const FORM: u64;
    #[doc(hidden)]
    fn into_bits(self) -> BitsOf<Self>;
    /// The value of any bits: a `bool` is the lowest of them.
    #[doc(hidden)]
    fn from_bits(bits: BitsOf<Self>) -> Self;
}

/// A [`Value`] that can be added to and compared: an integer or a float.
pub trait Number: Value {
    /// Adds to a word and returns the old bits.
    #[doc(hidden)]
    fn add_to(self, word: &Self::Word) -> BitsOf<Self>;
    /// Subtracts from a word and returns the old bits.
    #[doc(hidden)]
    fn subtract_from(self, word: &Self::Word) -> BitsOf<Self>;
    #[doc(hidden)]
    fn or_greater(self, other: Self) -> Self;
    #[doc(hidden)]
    fn or_smaller(self, other: Self) -> Self;
}

/// A [`Value`] with bitwise operations: an integer or `bool`.
pub trait Bitwise: Value {}

/// A change of the values, as one of the bits.
#[inline(always)]
pub(crate) fn of_bits<T: Value>(mut change: impl FnMut(T) -> Option<T>) -> impl FnMut(BitsOf<T>) -> Option<BitsOf<T>> {
    move |bits| change(T::from_bits(bits)).map(T::into_bits)
}

/// The values of what a compare-exchange returns.
#[inline(always)]
pub(crate) fn values<T: Value>(result: Result<BitsOf<T>, BitsOf<T>>) -> Result<T, T> {
    result.map(T::from_bits).map_err(T::from_bits)
}

/// Replaces the value in a word with `change(old)` in one step and returns the old bits. Lock-free.
#[inline]
pub(crate) fn update<T: Value>(word: &T::Word, mut change: impl FnMut(T) -> T) -> BitsOf<T> {
    // Never refused: both sides are the old bits.
    Word::fetch_update(word, of_bits::<T>(|value| Some(change(value)))).unwrap_or_else(|bits| bits)
}

macro_rules! integer {
    ($integer:ty, $word:ty, $form:literal) => {
        impl Sealed for $integer {}

        impl Value for $integer {
            type Word = $word;
            const FORM: u64 = $form;
            #[inline(always)]
            fn into_bits(self) -> BitsOf<Self> {
                self as _
            }
            #[inline(always)]
            fn from_bits(bits: BitsOf<Self>) -> Self {
                bits as _
            }
        }

        impl Number for $integer {
            #[inline(always)]
            fn add_to(self, word: &$word) -> BitsOf<Self> {
                Word::fetch_add(word, self.into_bits())
            }
            #[inline(always)]
            fn subtract_from(self, word: &$word) -> BitsOf<Self> {
                Word::fetch_sub(word, self.into_bits())
            }
            #[inline(always)]
            fn or_greater(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn or_smaller(self, other: Self) -> Self {
                self.min(other)
            }
        }

        impl Bitwise for $integer {}
    };
}
integer!(u32, AtomicU32, 1);
integer!(i32, AtomicU32, 2);
integer!(u64, AtomicU64, 3);
integer!(i64, AtomicU64, 4);
integer!(u8, AtomicU8, 6);
integer!(i8, AtomicU8, 7);
integer!(u16, AtomicU16, 8);
integer!(i16, AtomicU16, 9);

macro_rules! float {
    ($float:ty, $word:ty, $form:literal) => {
        impl Sealed for $float {}

        impl Value for $float {
            type Word = $word;
            const FORM: u64 = $form;
            #[inline(always)]
            fn into_bits(self) -> BitsOf<Self> {
                self.to_bits()
            }
            #[inline(always)]
            fn from_bits(bits: BitsOf<Self>) -> Self {
                <$float>::from_bits(bits)
            }
        }

        // No processor adds floats in memory: these are compare-exchange loops.
        impl Number for $float {
            #[inline]
            fn add_to(self, word: &$word) -> BitsOf<Self> {
                update::<$float>(word, |old| old + self)
            }
            #[inline]
            fn subtract_from(self, word: &$word) -> BitsOf<Self> {
                update::<$float>(word, |old| old - self)
            }
            #[inline(always)]
            fn or_greater(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn or_smaller(self, other: Self) -> Self {
                self.min(other)
            }
        }
    };
}
float!(f32, AtomicU32, 10);
float!(f64, AtomicU64, 11);

impl Sealed for bool {}

impl Value for bool {
    type Word = AtomicU8;
    const FORM: u64 = 5;
    #[inline(always)]
    fn into_bits(self) -> u8 {
        self.into()
    }
    #[inline(always)]
    fn from_bits(bits: u8) -> Self {
        bits & 1 != 0
    }
}

impl Bitwise for bool {}

/// The greatest [`Value::FORM`].
pub(crate) const FORMS: u64 = 11;

/// The name of a type and the bytes of its word, by [`Value::FORM`].
pub(crate) const fn form(form: u64) -> Option<(&'static str, usize)> {
    Some(match form {
        1 => ("u32", size_of::<AtomicU32>()),
        2 => ("i32", size_of::<AtomicU32>()),
        3 => ("u64", size_of::<AtomicU64>()),
        4 => ("i64", size_of::<AtomicU64>()),
        5 => ("bool", size_of::<AtomicU8>()),
        6 => ("u8", size_of::<AtomicU8>()),
        7 => ("i8", size_of::<AtomicU8>()),
        8 => ("u16", size_of::<AtomicU16>()),
        9 => ("i16", size_of::<AtomicU16>()),
        10 => ("f32", size_of::<AtomicU32>()),
        11 => ("f64", size_of::<AtomicU64>()),
        _ => return None,
    })
}
