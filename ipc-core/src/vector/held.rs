//! What the holder of the lock does: single changes, each in one step, and the end of what a dead holder began.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::handle::Vector;
use super::words::{Copying, State};
use crate::error::Fault;
use crate::mutex::Turn;
use crate::object::VectorElement;
use crate::place::Place;
use crate::platform::Platform;
use crate::sync::{Ordering, fence};

/// A vector whose lock the caller has, and whose last change is done. The lock is given back when this is dropped.
pub(super) struct Held<'a, 'm, T, P: Platform> {
    pub(super) vector: &'a Vector<'m, T, P>,
    turn: Turn<'a, P>,
    /// Which area has the elements, and how many there are.
    pub(super) area: usize,
    pub(super) len: usize,
}

impl<'a, 'm, T: VectorElement, P: Platform> Held<'a, 'm, T, P> {
    /// Finishes what a dead holder had begun.
    #[inline(always)]
    pub(super) fn new(vector: &'a Vector<'m, T, P>, turn: Turn<'a, P>) -> Result<Self, Fault> {
        // Relaxed: the last holder's store came with the lock, by its unlock or by its seizure.
        let state = vector.words.state(Ordering::Relaxed);
        let len = usize::try_from(state.len()).map_err(|_| Fault::Corrupted)?;
        if len > vector.capacity() {
            return Err(Fault::Corrupted);
        }
        let held = Held { vector, turn, area: state.area(), len };
        if let Some(what) = state.what() {
            held.repair(what)?;
        }
        Ok(held)
    }

    #[cold]
    #[inline(never)]
    fn repair(&self, what: Copying) -> Result<(), Fault> {
        let span = self.vector.words.span().ok_or(Fault::Corrupted)?;
        self.finish(what, span).ok_or(Fault::Corrupted)?;
        // Release: what is written into the other area from now on comes behind the state that does not name it.
        fence(Ordering::Release);
        Ok(())
    }

    /// Copies what the state says, and says that it is done. `None` if there are no such elements.
    #[inline(always)]
    fn finish(&self, what: Copying, [begin, end]: [usize; 2]) -> Option<()> {
        let (to, from) = (self.elements(), self.other());
        match what {
            Copying::Range => to.copy_from(from, [begin, begin], end.checked_sub(begin)?)?,
            Copying::Two => {
                to.copy_from(from, [begin, begin], 1)?;
                to.copy_from(from, [end, end], 1)?;
            }
        }
        self.vector.words.set_state(State::settled(self.area, self.len));
        Some(())
    }

    /// The area that has the elements.
    #[inline(always)]
    pub(super) fn elements(&self) -> &'a Place<[T]> {
        &self.vector.areas[self.area]
    }

    /// The other area: what is in it counts for nothing until a state says so.
    #[inline(always)]
    pub(super) fn other(&self) -> &'a Place<[T]> {
        &self.vector.areas[1 - self.area]
    }

    /// A change of some elements takes effect, and perhaps of the length: the elements are in the other area.
    #[inline(always)]
    fn change(&mut self, what: Copying, span: [usize; 2], len: usize) -> Option<()> {
        self.len = len;
        self.vector.words.set_span(span);
        self.vector.words.set_state(State::copying(self.area, len, what));
        // Release: a kill that comes behind the first copied element finds the state.
        fence(Ordering::Release);
        self.finish(what, span)
    }

    /// A change of the length alone, or of what lies behind the end, too.
    #[inline(always)]
    pub(super) fn resize(&mut self, len: usize) {
        self.len = len;
        self.vector.words.set_state(State::settled(self.area, len));
    }

    /// The element with this index.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<T> {
        if index < self.len { self.elements().element(index) } else { None }
    }

    /// Puts these behind the end; `None` if there is no room for all of them.
    #[inline(always)]
    pub(super) fn extend(&mut self, values: &[T]) -> Option<()> {
        self.elements().write(self.len, values)?;
        self.resize(self.len + values.len());
        Some(())
    }

    /// Takes the last one off.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = self.elements().element(last)?;
        self.resize(last);
        Some(value)
    }

    /// Replaces an element, and returns the one before.
    #[inline(always)]
    pub(super) fn set(&mut self, index: usize, value: &T) -> Option<T> {
        let old = self.get(index)?;
        self.other().write(index, core::slice::from_ref(value))?;
        self.change(Copying::Range, [index, index + 1], self.len)?;
        Some(old)
    }

    /// A copy of all elements in memory of this process's own.
    #[cfg(feature = "alloc")]
    pub(super) fn copied(&self) -> Vec<T> {
        // SAFETY: in range and aligned (`over`); any bits are a T (Pod); this has the lock, so that nobody writes.
        unsafe { self.elements().lend().get()[..self.len].to_vec() }
    }

    /// Replaces all elements, in one step. `None` if there is no room.
    #[cfg(feature = "alloc")]
    pub(super) fn replace(&mut self, values: &[T]) -> Option<()> {
        self.other().write(0, values)?;
        self.area = 1 - self.area;
        self.resize(values.len());
        Some(())
    }

    /// Gives the lock back, of a holder that has asked before whether it is a forked child's.
    #[inline(always)]
    pub(super) fn give_back(self) {
        self.turn.give_back();
    }

    /// Exchanges two elements.
    #[inline(always)]
    pub(super) fn swap(&mut self, a: usize, b: usize) -> Option<()> {
        if a.max(b) >= self.len {
            return None;
        }
        let (from, to) = (self.elements(), self.other());
        to.copy_from(from, [a, b], 1)?;
        to.copy_from(from, [b, a], 1)?;
        self.change(Copying::Two, [a, b], self.len)
    }

    /// Puts an element in front of the one with this index, which is not beyond the end. `None` if there is no room.
    #[inline(always)]
    pub(super) fn insert(&mut self, index: usize, value: &T) -> Option<()> {
        if index == self.len {
            return self.extend(core::slice::from_ref(value));
        }
        let len = self.len + 1;
        let (from, to) = (self.elements(), self.other());
        to.copy_from(from, [index, index + 1], self.len.checked_sub(index)?)?;
        to.write(index, core::slice::from_ref(value))?;
        self.change(Copying::Range, [index, len], len)
    }

    /// Takes an element out. Those behind it move up.
    #[inline(always)]
    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        let value = self.get(index)?;
        let len = self.len - 1;
        self.other().copy_from(self.elements(), [index + 1, index], len - index)?;
        self.change(Copying::Range, [index, len], len)?;
        Some(value)
    }

    /// Takes an element out, and puts the last one in its place.
    #[inline(always)]
    pub(super) fn swap_remove(&mut self, index: usize) -> Option<T> {
        let value = self.get(index)?;
        let last = self.len - 1;
        if index == last {
            self.resize(last);
        } else {
            self.other().copy_from(self.elements(), [last, index], 1)?;
            self.change(Copying::Range, [index, index + 1], last)?;
        }
        Some(value)
    }
}
