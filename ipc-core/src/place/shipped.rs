//! Plain bytes.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use bytemuck::Pod;

use crate::object::Guarded;
use crate::payload::{self, cells};
use crate::slots::copy_bytes;
use crate::sync::AtomicU64;

/// Bytes of a place besides its value's.
pub(crate) const OVERHEAD: usize = 0;

/// A place.
#[derive(Debug)]
pub(crate) struct Place<T: ?Sized>(NonNull<T>);

/// The value, lent out to one.
#[derive(Debug)]
pub(crate) struct Lent<T: ?Sized>(NonNull<T>);

/// The value, lent out to one of many who only read.
#[derive(Debug)]
pub(crate) struct Shown<T: ?Sized>(NonNull<T>);

impl<T: ?Sized> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for Place<T> {}

impl<T: ?Sized + Guarded> Place<T> {
    /// The place at `start`; of a slice, one of `len` values.
    ///
    /// # Safety
    ///
    /// Whole 64-bit cells for the value lie there, aligned for it and for them, as long as the place is used; all access is through
    /// places; and callers of its methods have it to themselves.
    pub(crate) unsafe fn at(start: NonNull<u8>, len: usize) -> Self {
        Place(T::over(start.cast(), len))
    }

    /// A new place, of `len` values of a slice, with this value in it, or `len` times this value; without a value, of zeroes.
    ///
    /// # Safety
    ///
    /// As for `at`, and nobody else uses the bytes yet.
    pub(crate) unsafe fn create(start: NonNull<u8>, len: usize, value: Option<&T::Element>) {
        let start = start.cast::<T::Element>();
        let Some(value) = value else {
            // SAFETY: the caller's promise.
            return unsafe { start.write_bytes(0, len) };
        };
        for index in 0..len {
            // No `write`, which moves the value: it may be larger than the stack.
            // SAFETY: the caller's promise, and inside of the value.
            unsafe { start.add(index).copy_from_nonoverlapping(NonNull::from(value), 1) };
        }
    }

    /// The value itself.
    #[inline(always)]
    pub(crate) fn lend(&self) -> Lent<T> {
        Lent(self.0)
    }

    /// The value itself, for reading.
    #[inline(always)]
    pub(crate) fn show(&self) -> Shown<T> {
        Shown(self.0)
    }
}

impl<T> Place<[T]> {
    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T: Pod> Place<[T]> {
    /// A pointer to `count` elements from `start` on; `None` if they do not lie inside.
    #[inline(always)]
    fn part(&self, start: usize, count: usize) -> Option<*mut T> {
        let is_inside = start <= self.0.len() && count <= self.0.len() - start;
        // SAFETY: inside.
        is_inside.then(|| unsafe { self.0.cast::<T>().as_ptr().add(start) })
    }

    /// A copy of the element with this index; `None` if there is none.
    #[inline(always)]
    pub(crate) fn element(&self, index: usize) -> Option<T> {
        let from = self.part(index, 1)?;
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: inside; afterwards all bytes are initialised, and any bits are a T (Pod).
        Some(unsafe {
            copy_bytes(from.cast(), value.as_mut_ptr().cast(), size_of::<T>());
            value.assume_init()
        })
    }

    /// Copies the elements from `start` on into `out`; `None` if there are not as many.
    #[inline(always)]
    pub(crate) fn read(&self, start: usize, out: &mut [T]) -> Option<()> {
        let from = self.part(start, out.len())?;
        // SAFETY: inside; any bits are a T (Pod).
        unsafe { copy_bytes(from.cast(), out.as_mut_ptr().cast(), size_of_val(out)) };
        Some(())
    }

    /// Writes elements from `start` on; `None` if they do not fit.
    #[inline(always)]
    pub(crate) fn write(&self, start: usize, values: &[T]) -> Option<()> {
        let to = self.part(start, values.len())?;
        // SAFETY: inside; the promise of `at`.
        unsafe { copy_bytes(values.as_ptr().cast(), to.cast(), size_of_val(values)) };
        Some(())
    }

    /// Copies `count` elements of another place, which does not overlap, from one index on to the other one; `None` if they do not lie
    /// inside.
    #[inline(always)]
    pub(crate) fn copy_from(&self, other: &Self, [from, to]: [usize; 2], count: usize) -> Option<()> {
        let (from, to) = (other.part(from, count)?, self.part(to, count)?);
        // SAFETY: inside; the promise of `at`, and the caller's.
        unsafe { copy_bytes(from.cast(), to.cast(), count * size_of::<T>()) };
        Some(())
    }
}

impl<T: Pod> Place<T> {
    fn cells(&self) -> &[AtomicU64] {
        // SAFETY: the promise of `at`.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr().cast(), cells::<T>()) }
    }

    /// A copy.
    pub(crate) fn load(&self) -> MaybeUninit<T> {
        payload::load(self.cells())
    }

    /// A copy, to a place of the caller's.
    pub(crate) fn load_into(&self, value: &mut MaybeUninit<T>) {
        payload::load_into(self.cells(), value);
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: &T) {
        payload::store(value, self.cells());
    }
}

impl<T: ?Sized> Shown<T> {
    /// # Safety
    ///
    /// Nobody writes meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: the promise of `Place::at`, and the caller's.
        unsafe { self.0.as_ref() }
    }
}

impl<T: ?Sized + Guarded> Lent<T> {
    /// Replaces the value by another one of as many bytes.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes either of them meanwhile.
    pub(crate) unsafe fn copy_from(&mut self, other: &Self) {
        // SAFETY: the promise of `Place::at`, and the caller's.
        unsafe { self.0.cast::<u8>().copy_from_nonoverlapping(other.0.cast(), T::bytes(self.0)) };
    }
}

impl<T: ?Sized> Lent<T> {
    /// # Safety
    ///
    /// Nobody writes meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: the promise of `Place::at`, and the caller's.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    ///
    /// Nobody else reads or writes meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn get_mut(&mut self) -> &mut T {
        // SAFETY: the promise of `Place::at`, and the caller's.
        unsafe { self.0.as_mut() }
    }
}
