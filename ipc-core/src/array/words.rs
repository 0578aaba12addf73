//! The array's words: the type, and the elements behind it.

use crate::atomic::{FORMS, Value, Word, form};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::slots::{copy_bytes, is_large};
use crate::sync::{AtomicU64, Ordering};

/// The most elements that an array may have.
const MOST: u64 = 1 << 40;

/// What lies in front of the elements.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Words {
    /// [`Value::FORM`] of the elements. Written once, before the header is published.
    form: AtomicU64,
}

/// Bytes from the start of the object to the first element.
const ELEMENTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(ELEMENTS_OFFSET == 192);

/// An array's sizes, and the type of its elements.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) form: u64,
    pub(super) len: usize,
    bytes: u64,
}

impl Geometry {
    /// For this many elements of the type with this number.
    pub(super) const fn new(number: u64, len: u64) -> Result<Self, ShapeError> {
        let Some((_, width)) = form(number) else {
            return Err(ShapeError::Impossible { field: Field::Type, wanted: number, most: FORMS });
        };
        if len == 0 || len > MOST {
            return Err(ShapeError::Impossible { field: Field::Elements, wanted: len, most: MOST });
        }
        // Far from overflow: 2^40 elements of a few bytes.
        let bytes = (ELEMENTS_OFFSET as u64 + len * width as u64).next_multiple_of(OBJECT_ALIGN as u64);
        Ok(Geometry { form: number, len: len as usize, bytes })
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn too_small(&self, memory: Memory<'_>) -> ShapeError {
        ShapeError::TooSmall { wanted: self.bytes, found: memory.len() as u64 }
    }
}

// SAFETY: an atomic behind the header of every array; the elements are reached by those who know the type.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words { form }), Fact::number("elements", ELEMENTS_OFFSET)];
    const CAPACITY: Field = Field::Elements;
    type Geometry = Geometry;
    type View<'m> = ();

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // SAFETY: the caller vouches for the object.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        // Relaxed: written before the header was published.
        Geometry::new(words[0].form.load(Ordering::Relaxed), shape.capacity)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(_: Memory<'m>, _: &Geometry) -> Result<(), ShapeError> {
        Ok(())
    }

    /// A death leaves every element as it was, or as it should be.
    fn sweep<P: Platform + ?Sized>((): (), _: &Dead, _: &P) {}
}

/// Writes the type, and the same value into each element.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay<T: Value>(memory: Memory<'_>, geometry: &Geometry, initial: T) -> Result<(), ShapeError> {
    let too_small = geometry.too_small(memory);
    // SAFETY: the caller's promise.
    unsafe {
        memory.place(HEADER_BYTES, 1, |_| Words { form: AtomicU64::new(T::FORM) }).ok_or(too_small)?;
        memory.place(ELEMENTS_OFFSET, geometry.len, |_| T::Word::new(initial.into_bits())).ok_or(too_small)?;
    }
    Ok(())
}

/// The elements in place.
///
/// # Safety
///
/// An array of these sizes lies in `memory`, whose elements are `T`s.
pub(super) unsafe fn elements<'m, T: Value>(
    memory: Memory<'m>,
    geometry: &Geometry,
) -> Result<&'m [T::Word], ShapeError> {
    // SAFETY: the caller's promise; the type decides the width for every view.
    unsafe { memory.atomics(ELEMENTS_OFFSET, geometry.len) }.ok_or(geometry.too_small(memory))
}

/// How many of the first elements are copied by the processor's copies rather than one by one: of bytes, of which any is a value,
/// all but the last seven.
///
/// That is so on x86-64 only. There these copies are in order with all other loads and stores, so that they are as good as Acquire and
/// Release, and the compiler does not see into them, nor moves anything across.
#[inline(always)]
fn at_once<T: Value>(len: usize) -> usize {
    if (T::FORM == u8::FORM || T::FORM == i8::FORM) && is_large(len) { len & !7 } else { 0 }
}

/// Stores these values in as many words, in ascending order.
#[inline]
pub(super) fn store_all<T: Value>(values: &[T], words: &[T::Word]) {
    let first = at_once::<T>(values.len().min(words.len()));
    // SAFETY: both have as many bytes, which do not overlap; atomics may be written through a shared reference.
    unsafe { copy_bytes(values.as_ptr().cast(), words.as_ptr().cast_mut().cast(), first) };
    let rest = values[first..].iter().zip(&words[first..]);
    rest.for_each(|(value, word)| word.store_release(value.into_bits()));
}

/// Loads the values of as many words, in ascending order.
#[inline]
pub(super) fn load_all<T: Value>(words: &[T::Word], values: &mut [T]) {
    let first = at_once::<T>(values.len().min(words.len()));
    // SAFETY: both have as many bytes, which do not overlap; any byte is a value.
    unsafe { copy_bytes(words.as_ptr().cast(), values.as_mut_ptr().cast(), first) };
    let rest = values[first..].iter_mut().zip(&words[first..]);
    rest.for_each(|(value, word)| *value = T::from_bits(word.load_acquire()));
}
