//! A block that is being written, and one that is being read.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::mem::ManuallyDrop;

use bytemuck::{AnyBitPattern, NoUninit, Pod};

use super::handle::LoanQueue;
use crate::ends::Role;
use crate::error::SendError;
use crate::here::Here;
use crate::place::Lent;
use crate::platform::Platform;
use crate::shared_slice::{SharedSlice, SharedSliceMut};

/// A block in this process's hands. Dropped, it goes back.
struct Held<'q, 'm, T, P: Platform> {
    queue: &'q LoanQueue<'m, T, P>,
    index: usize,
    len: usize,
    /// Whether a send is refused once the last receiver has left.
    watch: bool,
    /// Given back before the block is.
    lent: ManuallyDrop<Lent<()>>,
}

// SAFETY: `lent` is a pointer to a part of the shared memory, which is not bound to a thread; the others may be sent.
unsafe impl<T: Send, P: Platform + Sync> Send for Held<'_, '_, T, P> {}
// SAFETY: a shared one gives no access to `lent`; the others may be shared.
unsafe impl<T: Sync, P: Platform + Sync> Sync for Held<'_, '_, T, P> {}

impl<'q, 'm, T, P: Platform> Held<'q, 'm, T, P> {
    #[inline(always)]
    fn new(queue: &'q LoanQueue<'m, T, P>, index: usize, len: usize, watch: bool) -> Self {
        Held { queue, index, len, watch, lent: ManuallyDrop::new(queue.view.hold(index)) }
    }

    #[inline(always)]
    fn start(&self) -> *mut T {
        self.queue.view.elements(self.index)
    }

    #[inline(always)]
    fn platform(&self) -> &P {
        &self.queue.platform
    }

    /// Sends the block; on an error it stays here.
    #[inline]
    fn send(self) -> Result<(), SendError<Self>> {
        let queue = self.queue;
        if let Err(fault) = queue.here() {
            return Err(SendError::Fault(self, fault));
        }
        if queue.view.is_closed() {
            return Err(SendError::Closed(self));
        }
        if self.watch && queue.view.presence(Role::Receiver).is_left() {
            return Err(SendError::Disconnected(self));
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: once: it is replaced, or `this` is not dropped.
        unsafe { ManuallyDrop::drop(&mut this.lent) };
        match queue.view.send(&queue.platform, this.index, this.len) {
            Ok(()) => Ok(()),
            Err(fault) => Err(SendError::Fault(Held::new(queue, this.index, this.len, this.watch), fault)),
        }
    }
}

impl<T, P: Platform> Drop for Held<'_, '_, T, P> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: once, here.
        unsafe { ManuallyDrop::drop(&mut self.lent) };
        let LoanQueue { view, platform, .. } = self.queue;
        if platform.is_here() {
            view.give_back(platform, self.index);
        }
    }
}

/// A block that is lent to this process: a message to be written in place and then [sent](Self::send). Dropped unsent, it goes back.
///
/// Its elements are reached through [`elements`](Self::elements), which copies single elements or whole slices in; or as a plain
/// `&mut [T]` through `unsafe` [`as_mut_slice`](Self::as_mut_slice), where the caller vouches that no faulty peer scribbles over
/// the region.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let squares = region.loan_queue::<u64>("squares").blocks(4).block_len(16).create()?;
/// let mut loan = squares.loan(3)?;
/// loan.set(0, 1);
/// // SAFETY: all processes with this region use the library, which writes to no block that is lent.
/// unsafe { loan.as_mut_slice()[1..].copy_from_slice(&[4, 9]) };
/// loan.send().map_err(|error| error.without_value())?;
/// assert_eq!(squares.recv()?.to_vec(), [1, 4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the block goes back unsent when this is dropped"]
pub struct Loan<'q, 'm, T, P: Platform>(Held<'q, 'm, T, P>);

impl<T, P: Platform> fmt::Debug for Loan<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("len", &self.0.len).finish_non_exhaustive()
    }
}

impl<'q, 'm, T, P: Platform> Loan<'q, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(queue: &'q LoanQueue<'m, T, P>, index: usize, len: usize, watch: bool) -> Self {
        Loan(Held::new(queue, index, len, watch))
    }

    /// Returns how many elements the message has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Returns whether the message has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Makes the message shorter: the elements from `len` on are not sent.
    pub fn truncate(&mut self, len: usize) {
        self.0.len = self.0.len.min(len);
    }

    /// Returns the elements, to be written.
    pub fn elements(&mut self) -> SharedSliceMut<'_, T, P> {
        // SAFETY: `len` elements, which are this process's until it gives the block away; the loan is borrowed for that time.
        unsafe { SharedSliceMut::new(self.0.start(), self.0.len, self.0.platform()) }
    }

    /// Sends the message. One step, whatever its length. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed); [`Disconnected`](SendError::Disconnected), if a sender half has lent the block, once the last
    /// receiver half has left. The loan comes back with it. Where the error is passed on with `?`, the loan has to go first:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let frames = region.loan_queue::<u8>("frames").blocks(2).block_len(1024).create()?;
    /// let mut frame = frames.loan(3)?;
    /// frame.copy_from_slice(&[1, 2, 3]);
    /// frame.send().map_err(|error| error.without_value())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn send(self) -> Result<(), SendError<Self>> {
        self.0.send().map_err(|error| match error {
            SendError::Closed(held) => SendError::Closed(Loan(held)),
            SendError::Disconnected(held) => SendError::Disconnected(Loan(held)),
            SendError::Fault(held, fault) => SendError::Fault(Loan(held), fault),
        })
    }
}

impl<T: Pod, P: Platform> Loan<'_, '_, T, P> {
    /// Returns the elements themselves.
    ///
    /// # Safety
    ///
    /// No other process reads or writes them while the reference is in use. Every peer that goes through this library keeps to
    /// that, dead, stopped or alive; the caller vouches that there is no other one with write access to the region. The reference is
    /// not used in a child after `fork`.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T] {
        self.0.platform().assert_here();
        // SAFETY: `len` elements, here, aligned, initialised (by any process), any bits are a T; the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.0.start(), self.0.len) }
    }
}

impl<T: NoUninit, P: Platform> Loan<'_, '_, T, P> {
    /// Writes one element.
    ///
    /// # Panics
    ///
    /// If the message has no element of this index; in a child after `fork`.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) {
        self.elements().set(index, value);
    }

    /// Writes all elements.
    ///
    /// # Panics
    ///
    /// If `values` has another length; in a child after `fork`.
    #[inline]
    pub fn copy_from_slice(&mut self, values: &[T]) {
        self.elements().copy_from_slice(values);
    }
}

/// A message that was received and is read in place. Dropped, its block goes back.
///
/// Its elements are copied out one by one or all at once; or reached as a plain `&[T]` through `unsafe`
/// [`as_slice`](Self::as_slice), where the caller vouches that no faulty peer scribbles over the region.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let squares = region.loan_queue::<u64>("squares").blocks(4).block_len(16).create()?;
/// squares.send_copy(&[1, 4, 9])?;
/// let received = squares.recv()?;
/// assert_eq!((received.len(), received.get(1), received.iter().sum::<u64>()), (3, Some(4), 14));
/// let mut copy = [0; 3];
/// received.copy_to_slice(&mut copy);
/// assert_eq!(received.elements().part(1, 3).get(1), Some(9));
/// // SAFETY: all processes with this region use the library, which writes to no block that is lent.
/// assert_eq!(unsafe { received.as_slice() }, copy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the message is dropped and its block goes back when this is dropped"]
pub struct Received<'q, 'm, T, P: Platform>(Held<'q, 'm, T, P>);

impl<T, P: Platform> fmt::Debug for Received<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("len", &self.0.len).finish_non_exhaustive()
    }
}

impl<'q, 'm, T, P: Platform> Received<'q, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(queue: &'q LoanQueue<'m, T, P>, index: usize, len: usize) -> Self {
        Received(Held::new(queue, index, len, false))
    }

    /// The number of its block.
    pub(super) fn block(&self) -> usize {
        self.0.index
    }

    /// Returns how many elements the message has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Returns whether the message has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Returns the elements, to be read.
    pub fn elements(&self) -> SharedSlice<'_, T, P> {
        // SAFETY: `len` elements, which are this process's until it gives the block back; `self` is borrowed for that time.
        unsafe { SharedSlice::new(self.0.start(), self.0.len, self.0.platform()) }
    }

    /// Turns the block into a loan with the same elements: to change them and send it on (or back) without a copy.
    pub fn into_loan(self) -> Loan<'q, 'm, T, P> {
        Loan(self.0)
    }
}

impl<T: AnyBitPattern, P: Platform> Received<'_, '_, T, P> {
    /// Copies one element out; `None` past the end.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        self.elements().get(index)
    }

    /// Returns copies of the elements, one after the other.
    ///
    /// # Panics
    ///
    /// Each step of the iterator, in a child after `fork`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> {
        self.elements().iter()
    }

    /// Copies all elements.
    ///
    /// # Panics
    ///
    /// If `out` has another length; in a child after `fork`.
    #[inline]
    pub fn copy_to_slice(&self, out: &mut [T]) {
        self.elements().copy_to_slice(out);
    }

    /// Copies the elements into memory of their own.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        let mut all = Vec::new();
        let copied: Result<_, core::convert::Infallible> =
            crate::queue::append(&mut all, self.0.len, |room| Ok(self.elements().copy_to_uninit(room).len()));
        let Ok(_) = copied;
        all
    }

    /// Returns the elements themselves.
    ///
    /// # Safety
    ///
    /// No process writes to them while the reference is in use. Every peer that goes through this library keeps to that, dead,
    /// stopped or alive; the caller vouches that there is no other one with write access to the region. The reference is not used in
    /// a child after `fork`.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: the caller's promise.
        unsafe { self.elements().as_slice() }
    }
}
