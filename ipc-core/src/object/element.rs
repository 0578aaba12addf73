//! What the elements of each kind of object can be, with the compiler's message for types that cannot.
//!
//! Each trait is for every type that has the traits of [`bytemuck`] that it names; no type implements one of its own accord.

use core::ptr::NonNull;

use bytemuck::{AnyBitPattern, CheckedBitPattern, NoUninit, Pod};

/// A trait with the compiler's message for types that are none. The message ends with the line that derives what is missing: for plain
/// bytes, or for data whose bits are checked.
macro_rules! element {
    (
        $(#[$doc:meta])+
        $name:ident: $first:ident $(+ $bound:ident)*,
        $message:literal, $label:literal, notes $($note:literal),+
    ) => {
        $(#[$doc])+
        #[diagnostic::on_unimplemented(
            message = $message,
            label = $label,
            $(note = $note,)+
            note = "text of a limited length is an `ipc_posix::FixedString<N>`, and such a list an `ipc_posix::FixedVec<T, N>`",
            note = "a struct gets there by the feature `derive` and `#[derive(Clone, Copy, ipc_posix::bytemuck::Pod, \
                    ipc_posix::bytemuck::Zeroable)] #[bytemuck(crate = \"ipc_posix::bytemuck\")] #[repr(C)]`; a gap between its fields has to \
                    be a field, such as `_gap: [u8; 7]`"
        )]
        pub trait $name: $first $(+ $bound)* {}

        #[diagnostic::do_not_recommend]
        impl<T: $first $(+ $bound)*> $name for T {}
    };
}

element! {
    /// A type whose values can be messages of a queue, a one-to-one queue or a broadcast: every [`NoUninit`] + [`CheckedBitPattern`].
    ///
    /// Those are numbers, `bool`, `char`, arrays of numbers, and structs and enums that derive both traits.
    Message: NoUninit + CheckedBitPattern,
    "`{Self}` cannot be a message of this queue, which copies plain data",
    "not plain data (bytemuck's `NoUninit` and `CheckedBitPattern`)",
    notes "messages are numbers, `bool`, `char`, arrays of numbers, structs that derive these traits (or `Pod`), and enums without \
     fields that derive them with `#[repr(u8)]`",
    "for types such as `String` and `Vec`, use `region.value_queue`, or `region.value_duplex` (feature `serde`); for bytes of any length, \
     `region.byte_queue`"
}

element! {
    /// A type whose values can be keys of a priority queue: every [`NoUninit`] + [`CheckedBitPattern`] with an [`Ord`].
    ///
    /// Those are integers, `bool`, `char`, arrays of those, and structs and enums that derive these traits.
    Key: NoUninit + CheckedBitPattern + Ord,
    "`{Self}` cannot be a key of this queue, which copies and compares plain data",
    "not plain data with an order (bytemuck's `NoUninit` and `CheckedBitPattern`, and `Ord`)",
    notes "keys are integers, `bool`, `char`, arrays of those, structs that derive these traits (or `Pod`) and `Ord`, \
     and enums without fields that derive them with `#[repr(u8)]`",
    "`f64` has no `Ord`: wrap it in a type whose `Ord` uses `total_cmp`"
}

element! {
    /// A type whose values can be keys of a map: every [`NoUninit`] + [`CheckedBitPattern`].
    ///
    /// Those are numbers, `bool`, `char`, arrays of numbers, and structs and enums that derive both traits. Keys are equal if their bytes are.
    MapKey: NoUninit + CheckedBitPattern,
    "`{Self}` cannot be a key of this map, which copies and compares plain data",
    "not plain data (bytemuck's `NoUninit` and `CheckedBitPattern`)",
    notes "keys are numbers, `bool`, `char`, arrays of numbers, structs that derive these traits (or `Pod`), and enums without \
     fields that derive them with `#[repr(u8)]`",
    "for text or bytes of any length, use `region.byte_map`"
}

element! {
    /// A type whose values can be values of a map: every [`NoUninit`] + [`CheckedBitPattern`].
    ///
    /// Those are numbers, `bool`, `char`, arrays of numbers, and structs and enums that derive both traits.
    MapValue: NoUninit + CheckedBitPattern,
    "`{Self}` cannot be a value of this map, which copies plain data",
    "not plain data (bytemuck's `NoUninit` and `CheckedBitPattern`)",
    notes "values are numbers, `bool`, `char`, arrays of numbers, structs that derive these traits (or `Pod`), and enums without \
     fields that derive them with `#[repr(u8)]`",
    "for text or bytes of any length, use `region.byte_map`"
}

element! {
    /// A type whose values can be in a `Watch` or a `OnceCell`: every [`NoUninit`] + [`CheckedBitPattern`].
    ///
    /// Those are numbers, `bool`, `char`, arrays of numbers, and structs and enums that derive both traits.
    CellValue: NoUninit + CheckedBitPattern,
    "`{Self}` cannot be the value of this cell, which copies plain data",
    "not plain data (bytemuck's `NoUninit` and `CheckedBitPattern`)",
    notes "values are numbers, `bool`, `char`, arrays of numbers, structs that derive these traits (or `Pod`), and enums without \
     fields that derive them with `#[repr(u8)]`",
    "values of any length are held by a `region.value_watch` and sent by `region.value_queue` (feature `serde`)"
}

element! {
    /// A type whose values can be the data of a lock: every [`Pod`].
    ///
    /// Those are numbers, arrays of them, and structs that derive it. Every pattern of bits has to be a value, as a holder that died
    /// may leave any.
    LockData: Pod,
    "`{Self}` cannot be the data of this lock, which lie in shared memory as plain bytes",
    "not plain bytes (bytemuck's `Pod`)",
    notes "data are numbers, arrays of them, and `#[repr(C)]` structs that derive `Pod`; for `bool`, `char` or an enum, use an integer",
    "a `String`, `Vec` or reference points into one process; for types such as these under a lock, use `region.value_mutex` (feature \
     `serde`)"
}

element! {
    /// A type whose values can be elements of a vector: every [`Pod`].
    ///
    /// Those are numbers, arrays of them, and structs that derive it. Under a lock the elements are read and written in place, so that every
    /// pattern of bits has to be a value.
    VectorElement: Pod,
    "`{Self}` cannot be an element of this vector, whose elements lie in shared memory as plain bytes",
    "not plain bytes (bytemuck's `Pod`)",
    notes "elements are numbers, arrays of them, and `#[repr(C)]` structs that derive `Pod`; for `bool`, `char` or an enum, use an integer",
    "bytes of any length are in a `region.byte_map`"
}

/// What a lock can guard: a value whose type is [`LockData`], or a slice of such values.
///
/// # Safety
///
/// [`over`](Self::over) gives the same memory, and [`bytes`](Self::bytes) says how much of it that is.
pub unsafe trait Guarded {
    /// The value itself, or one of the slice.
    type Element: LockData;

    /// The value, or a slice of `len` values, in this memory.
    #[doc(hidden)]
    fn over(start: NonNull<Self::Element>, len: usize) -> NonNull<Self>;

    /// The bytes that it takes.
    #[doc(hidden)]
    fn bytes(place: NonNull<Self>) -> usize;
}

// SAFETY: the pointer itself.
unsafe impl<T: LockData> Guarded for T {
    type Element = T;

    #[inline(always)]
    fn over(start: NonNull<T>, _: usize) -> NonNull<T> {
        start
    }

    #[inline(always)]
    fn bytes(_: NonNull<T>) -> usize {
        size_of::<T>()
    }
}

// SAFETY: the pointer itself, with its length.
unsafe impl<T: LockData> Guarded for [T] {
    type Element = T;

    #[inline(always)]
    fn over(start: NonNull<T>, len: usize) -> NonNull<[T]> {
        NonNull::slice_from_raw_parts(start, len)
    }

    #[inline(always)]
    fn bytes(place: NonNull<[T]>) -> usize {
        place.len() * size_of::<T>()
    }
}

element! {
    /// A type whose values can be the elements of a loan queue's blocks: every [`NoUninit`] + [`AnyBitPattern`], so every `Pod`.
    ///
    /// Those are numbers, arrays of them, and structs that derive it. A receiver reads them in place, so that every pattern of bits
    /// has to be a value.
    BlockElement: NoUninit + AnyBitPattern,
    "`{Self}` cannot lie in the blocks of a loan queue, whose elements are read in place as plain bytes",
    "not plain bytes (bytemuck's `Pod`)",
    notes "elements are numbers, arrays of them, and `#[repr(C)]` structs that derive `Pod`",
    "for types such as `String` and `Vec`, use `region.value_queue` (feature `serde`); for bytes of any length, \
     `region.loan_queue::<u8>` or `region.byte_queue`"
}
