//! The places of a model: loom's cells, which see who touches what when.

extern crate std;

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::prefetch::Intent;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::payload;
use crate::sync::AtomicU64;

/// A power of two of places for a `T`. A view: copied freely.
pub struct Slots<'m, T> {
    all: &'m [Place],
    mask: usize,
    lifetime: PhantomData<&'m ()>,
    places: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Slots<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slots<'_, T> {}

/// A place in a model: its cells, and who touches them. Loom complains when it is read or written by one who could not know that the
/// last one was done.
#[derive(Debug)]
pub struct Place {
    cells: std::boxed::Box<[AtomicU64]>,
    turn: loom::cell::UnsafeCell<()>,
}

impl Place {
    /// A place for a `T`.
    pub fn new<T>() -> Self {
        let cells = (0..payload::cells::<T>()).map(|_| AtomicU64::new(0)).collect();
        Place { cells, turn: loom::cell::UnsafeCell::new(()) }
    }
}

// SAFETY: nothing is behind the cell that watches the turns.
unsafe impl Sync for Place {}

impl<'m, T> Slots<'m, T> {
    pub(super) const fn stride(_: usize) -> usize {
        size_of::<Place>()
    }

    /// Makes this many places in new memory.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(crate) unsafe fn lay(memory: Memory<'m>, offset: usize, places: usize) {
        // SAFETY: the caller's promise.
        unsafe { memory.place(offset, places, |_| Place::new::<T>()) }.expect("room");
    }

    /// As the shipped one.
    pub(crate) fn new(memory: Memory<'m>, offset: usize, places: usize) -> Option<Self> {
        assert!(places.is_power_of_two() && align_of::<T>() <= OBJECT_ALIGN);
        // SAFETY: made by `lay`.
        unsafe { memory.atomics(offset, places) }.map(Slots::over)
    }

    /// A power of two of places.
    pub fn over(all: &'m [Place]) -> Self {
        Slots { all, mask: all.len() - 1, lifetime: PhantomData, places: PhantomData }
    }

    fn at(&self, at: u64) -> &'m Place {
        &self.all[at as usize & self.mask]
    }

    /// Writes an element that a model has to itself.
    pub fn put(&self, at: u64, value: T)
    where
        T: bytemuck::NoUninit,
    {
        self.write(at, &value);
    }

    /// A copy of an element that a model has to itself.
    pub fn get(&self, at: u64) -> T
    where
        T: bytemuck::AnyBitPattern,
    {
        // SAFETY: initialised by the load; any bits are a T.
        unsafe { self.copied(at).assume_init() }
    }

    pub(crate) fn write(&self, at: u64, value: &T)
    where
        T: bytemuck::NoUninit,
    {
        let place = self.at(at);
        place.turn.with_mut(|_| payload::store(value, &place.cells));
    }

    pub(crate) fn read(&self, at: u64, value: &mut MaybeUninit<T>) {
        let place = self.at(at);
        place.turn.with(|_| payload::load_into(&place.cells, value));
    }

    pub(crate) fn copied(&self, at: u64) -> MaybeUninit<T> {
        let mut value = MaybeUninit::uninit();
        self.read(at, &mut value);
        value
    }

    pub(crate) fn write_slice(&self, at: u64, values: &[T])
    where
        T: bytemuck::NoUninit,
    {
        for (i, value) in values.iter().enumerate() {
            self.write(at.wrapping_add(i as u64), value);
        }
    }

    pub(crate) fn read_slice(&self, at: u64, out: &mut [MaybeUninit<T>]) {
        for (i, place) in out.iter_mut().enumerate() {
            self.read(at.wrapping_add(i as u64), place);
        }
    }

    pub(crate) fn prefetch_expected(&self, _at: u64) {}

    pub(crate) fn prefetch(&self, _at: u64, _have: u64, _intent: Intent) {}
}

impl Slots<'_, u64> {
    pub(crate) fn write_bytes(&self, at: u64, offset: usize, bytes: &[u8]) {
        assert!(offset == 0, "messages of one part");
        for (i, word) in bytes.chunks(8).enumerate() {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.write(at.wrapping_add(i as u64), &u64::from_ne_bytes(padded));
        }
    }

    pub(crate) fn read_bytes(&self, at: u64, out: &mut [MaybeUninit<u8>]) {
        for (i, bytes) in out.chunks_mut(8).enumerate() {
            // SAFETY: initialised by the load.
            let word = unsafe { self.copied(at.wrapping_add(i as u64)).assume_init() };
            for (byte, loaded) in bytes.iter_mut().zip(word.to_ne_bytes()) {
                *byte = MaybeUninit::new(loaded);
            }
        }
    }
}
