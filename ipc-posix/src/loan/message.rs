//! A block that is being written, and one that is being read.

use std::fmt;
use std::mem::ManuallyDrop;

use bytemuck::{AnyBitPattern, NoUninit, Pod};
use ipc_core::error::LoanError;
use ipc_core::{SharedSlice, SharedSliceMut};

use super::handle::LoanQueue;

/// A block that is lent to this process: a message to be written in place and then [sent](Self::send). Dropped unsent, it goes back.
///
/// Its elements are reached through [`elements`](Self::elements), which copies single elements or whole slices in; or as a plain
/// `&mut [T]` through `unsafe` [`as_mut_slice`](Self::as_mut_slice), where the caller vouches that no faulty peer scribbles over
/// the region.
pub struct Loan<'q, T> {
    queue: &'q LoanQueue<T>,
    index: usize,
    len: usize,
}

impl<T> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'q, T> Loan<'q, T> {
    pub(super) fn new(queue: &'q LoanQueue<T>, index: usize, len: usize) -> Self {
        Loan { queue, index, len }
    }

    /// How many elements the message has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes the message shorter: the elements from `len` on are not sent.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The elements, to be written.
    pub fn elements(&mut self) -> SharedSliceMut<'_, T> {
        // SAFETY: so many elements, which are this process's until it gives the block away; the loan is borrowed for so long.
        unsafe { SharedSliceMut::new(self.queue.core().block(self.index), self.len) }
    }

    /// Sends the message. One step, whatever its length.
    ///
    /// # Errors
    ///
    /// [`Closed`](LoanError::Closed): the loan comes back with it. Where the error is passed on with `?`, the loan has to go first:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let frames = region.loan_queue::<u8>("frames").blocks(2).block_len(1024).create()?;
    /// let mut frame = frames.loan(3)?;
    /// frame.copy_from_slice(&[1, 2, 3]);
    /// frame.send().map_err(|(_, error)| error)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send(self) -> Result<(), (Self, LoanError)> {
        if !self.queue.is_here() {
            return Err((self, LoanError::Fault(ipc_core::Fault::Forked)));
        }
        match self.queue.core().send(self.index, self.len) {
            Ok(()) => {
                let _ = ManuallyDrop::new(self);
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }
}

impl<T: Pod> Loan<'_, T> {
    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// No other process reads or writes them while the reference is in use. Every peer that goes through this library keeps to
    /// that, dead, stopped or alive; the caller vouches that there is no other one with write access to the region.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: there, aligned, initialised (by whomever), any bits are a T; the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.queue.core().block(self.index), self.len) }
    }
}

impl<T: NoUninit> Loan<'_, T> {
    /// Writes one element.
    ///
    /// # Panics
    ///
    /// If the message is not so long.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) {
        self.elements().set(index, value);
    }

    /// Writes all elements.
    ///
    /// # Panics
    ///
    /// If `values` has another length.
    #[inline]
    pub fn copy_from_slice(&mut self, values: &[T]) {
        self.elements().copy_from_slice(values);
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        if self.queue.is_here() {
            self.queue.core().give_back(self.index);
        }
    }
}

/// A message that was received and is read in place. Dropped, its block goes back.
///
/// Its elements are copied out one by one or all at once; or reached as a plain `&[T]` through `unsafe`
/// [`as_slice`](Self::as_slice), where the caller vouches that no faulty peer scribbles over the region.
pub struct Received<'q, T> {
    queue: &'q LoanQueue<T>,
    index: usize,
    len: usize,
}

impl<T> fmt::Debug for Received<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'q, T> Received<'q, T> {
    pub(super) fn new(queue: &'q LoanQueue<T>, index: usize, len: usize) -> Self {
        Received { queue, index, len }
    }

    /// How many elements the message has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements, to be read.
    pub fn elements(&self) -> SharedSlice<'_, T> {
        // SAFETY: so many elements, which are this process's until it gives the block back; `self` is borrowed for so long.
        unsafe { SharedSlice::new(self.queue.core().block(self.index), self.len) }
    }

    /// The block as a loan with the same elements: to change them and send it on (or back) without a copy.
    pub fn into_loan(self) -> Loan<'q, T> {
        let this = ManuallyDrop::new(self);
        Loan::new(this.queue, this.index, this.len)
    }
}

impl<T: AnyBitPattern> Received<'_, T> {
    /// A copy of one element; `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        self.elements().get(index)
    }

    /// Copies of the elements, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> {
        self.elements().iter()
    }

    /// Copies all elements.
    ///
    /// # Panics
    ///
    /// If `out` has another length.
    #[inline]
    pub fn copy_to_slice(&self, out: &mut [T]) {
        self.elements().copy_to_slice(out);
    }

    /// The elements in memory of their own.
    pub fn to_vec(&self) -> Vec<T> {
        let mut all = Vec::new();
        let copied: Result<_, std::convert::Infallible> =
            ipc_core::queue::append(&mut all, self.len, |room| Ok(self.elements().copy_to_uninit(room).len()));
        let Ok(_) = copied;
        all
    }

    /// The elements themselves.
    ///
    /// # Safety
    ///
    /// No process writes to them while the reference is in use. Every peer that goes through this library keeps to that, dead,
    /// stopped or alive; the caller vouches that there is no other one with write access to the region.
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: there, aligned, initialised, any bits are a T; the caller's promise.
        unsafe { std::slice::from_raw_parts(self.queue.core().block(self.index), self.len) }
    }
}

impl<T> Drop for Received<'_, T> {
    fn drop(&mut self) {
        if self.queue.is_here() {
            self.queue.core().give_back(self.index);
        }
    }
}
