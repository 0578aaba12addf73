//! Bytes beside a cell of loom.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use bytemuck::{Pod, Zeroable};
use loom::cell::{ConstPtr, MutPtr, UnsafeCell};

use crate::object::Guarded;
use crate::sync::crash;

/// What watches over the value lies before it.
type Watch = UnsafeCell<u64>;

pub(crate) const OVERHEAD: usize = size_of::<Watch>();

#[derive(Debug)]
pub(crate) struct Place<T: ?Sized> {
    watch: NonNull<Watch>,
    value: NonNull<T>,
}
#[derive(Debug)]
pub(crate) struct Lent<T: ?Sized> {
    _watch: MutPtr<u64>,
    value: NonNull<T>,
}
#[derive(Debug)]
pub(crate) struct Shown<T: ?Sized> {
    _watch: ConstPtr<u64>,
    value: NonNull<T>,
}

impl<T: ?Sized> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for Place<T> {}

impl<T: ?Sized + Guarded> Place<T> {
    pub(crate) unsafe fn at(start: NonNull<u8>, len: usize) -> Self {
        // SAFETY: the caller's promise: the value lies behind.
        let value = unsafe { start.add(OVERHEAD) };
        Place { watch: start.cast(), value: T::over(value.cast(), len) }
    }

    fn watch(&self) -> &Watch {
        // SAFETY: the promise of `at`.
        unsafe { self.watch.as_ref() }
    }

    pub(crate) unsafe fn create(start: NonNull<u8>, len: usize, value: Option<&T::Element>) {
        // SAFETY: the caller's promise.
        unsafe { start.cast().write(Watch::new(0)) };
        for index in 0..len {
            // SAFETY: the caller's promise: the values lie behind.
            unsafe {
                start
                    .add(OVERHEAD)
                    .cast::<T::Element>()
                    .add(index)
                    .write(value.copied().unwrap_or(T::Element::zeroed()))
            };
        }
    }

    pub(crate) fn lend(&self) -> Lent<T> {
        Lent { _watch: self.watch().get_mut(), value: self.value }
    }

    pub(crate) fn show(&self) -> Shown<T> {
        Shown { _watch: self.watch().get(), value: self.value }
    }
}

impl<T> Place<[T]> {
    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.value.len()
    }
}

impl<T: Pod> Place<[T]> {
    fn part(&self, start: usize, count: usize) -> Option<NonNull<T>> {
        let is_inside = start <= self.value.len() && count <= self.value.len() - start;
        // SAFETY: inside.
        is_inside.then(|| unsafe { self.value.cast::<T>().add(start) })
    }

    pub(crate) fn element(&self, index: usize) -> Option<T> {
        let from = self.part(index, 1)?;
        // SAFETY: loom checks.
        Some(self.watch().with(|_| unsafe { from.read() }))
    }

    pub(crate) fn read(&self, start: usize, out: &mut [T]) -> Option<()> {
        let from = self.part(start, out.len())?;
        // SAFETY: loom checks.
        self.watch().with(|_| unsafe { from.copy_to_nonoverlapping(NonNull::from(&mut *out).cast(), out.len()) });
        Some(())
    }

    /// Each element is a step before which an actor may die.
    pub(crate) fn write(&self, start: usize, values: &[T]) -> Option<()> {
        let to = self.part(start, values.len())?;
        for (index, value) in values.iter().enumerate() {
            if crash::step() {
                // SAFETY: loom checks.
                self.watch().with_mut(|_| unsafe { to.add(index).write(*value) });
            }
        }
        Some(())
    }

    /// As `write`.
    pub(crate) fn copy_from(&self, other: &Self, [from, to]: [usize; 2], count: usize) -> Option<()> {
        let (from, to) = (other.part(from, count)?, self.part(to, count)?);
        for index in 0..count {
            if crash::step() {
                // SAFETY: loom checks.
                let value = other.watch().with(|_| unsafe { from.add(index).read() });
                // SAFETY: loom checks.
                self.watch().with_mut(|_| unsafe { to.add(index).write(value) });
            }
        }
        Some(())
    }
}

impl<T: Pod> Place<T> {
    pub(crate) fn load(&self) -> MaybeUninit<T> {
        // SAFETY: loom checks.
        self.watch().with(|_| MaybeUninit::new(unsafe { self.value.read() }))
    }

    pub(crate) fn load_into(&self, value: &mut MaybeUninit<T>) {
        *value = self.load();
    }

    pub(crate) fn store(&self, value: &T) {
        if crash::step() {
            // SAFETY: loom checks.
            self.watch().with_mut(|_| unsafe { self.value.write(*value) });
        }
    }
}

impl<T: ?Sized> Shown<T> {
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: loom checks.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized + Guarded> Lent<T> {
    pub(crate) unsafe fn copy_from(&mut self, other: &Self) {
        if crash::step() {
            // SAFETY: loom checks.
            unsafe { self.value.cast::<u8>().copy_from_nonoverlapping(other.value.cast(), T::bytes(self.value)) };
        }
    }
}

impl<T: ?Sized> Lent<T> {
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: loom checks.
        unsafe { self.value.as_ref() }
    }

    pub(crate) unsafe fn get_mut(&mut self) -> &mut T {
        // SAFETY: loom checks.
        unsafe { self.value.as_mut() }
    }
}
