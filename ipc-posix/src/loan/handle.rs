//! The handle of a loan queue.

use std::sync::Arc;
use std::time::Duration;

use bytemuck::{NoUninit, Zeroable};
use ipc_core::error::{Fault, LoanError, RecvLoanError};

use super::message::{Loan, Received};
use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};

/// A queue of messages that are written and read in place: large ones, or ones whose length varies up to a block's. Any number of
/// senders and receivers; each message goes to one receiver.
///
/// A sender borrows a free block, writes its message there, and sends it; a receiver reads it there and drops it, which gives the block
/// back. Nothing is copied on the way, and a message costs the same whatever its size.
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction; a receiver that dies takes the
///   messages with it that it had received.
/// - The blocks of a dead process come back, exactly: those that it had borrowed, was about to send, or was reading. What it had sent
///   stays in the queue. Whoever finds no free block looks for them.
/// - Lock-free in the strict sense: a process that is stopped, wherever, holds up nobody (but for the blocks that it has).
/// - One global order.
///
/// # A faulty peer
///
/// A block is one process's at a time, and every peer that goes through this library keeps to that. A faulty or hostile peer with write
/// access to the region can write into a message while it is being read. The methods of [`Received`] and [`Loan`] that copy elements
/// are sound even then (what they copy may be nonsense); references to the elements are `unsafe` for this reason. Who decides
/// something by a message from an untrusted peer copies it first, then looks.
///
/// ```
/// use ipc_posix::{LoanQueue, Region};
///
/// const FRAME: usize = 1 << 20;
/// let region = Region::options().fit(&[LoanQueue::<u8>::footprint(8, FRAME)]).anonymous()?;
/// let frames = region.loan_queue::<u8>("frames").blocks(8).block_len(FRAME).open_or_create()?;
/// let mut frame = frames.loan_uninit(5)?;
/// frame.copy_from_slice(b"hello");
/// frame.send().map_err(|(_, error)| error)?;
///
/// let frame = frames.recv()?;
/// assert_eq!(frame.to_vec(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "zero_copy")]
#[doc(alias = "publish_subscribe")]
pub struct LoanQueue<T> {
    core: ipc_core::LoanQueue<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for LoanQueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("LoanQueue");
        it.field("name", &self.name).field("blocks", &self.blocks()).field("block_len", &self.block_len());
        it.finish_non_exhaustive()
    }
}

impl<T> Clone for LoanQueue<T> {
    fn clone(&self) -> Self {
        LoanQueue { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T> LoanQueue<T> {
    pub(super) fn new(core: ipc_core::LoanQueue<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        LoanQueue { core, name: name.into() }
    }

    pub(super) fn core(&self) -> &ipc_core::LoanQueue<'static, T, Membership> {
        &self.core
    }

    #[inline(always)]
    pub(super) fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The bytes that a queue of so many blocks of so many `T`s takes in a region: for
    /// [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If either is 0, if there are more than a million blocks, or if they do not fit the address space.
    pub const fn footprint(blocks: usize, block_len: usize) -> Footprint {
        match ipc_core::loan::footprint::<T>(blocks as u64, block_len as u64) {
            Some(bytes) => Footprint(bytes),
            None => {
                panic!("a loan queue has from 1 to 2^20 - 1 blocks of at least 1 element, and fits the address space")
            }
        }
    }

    /// The queue's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the queue lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.core.blocks()
    }

    /// How many elements a block has: the most of one message.
    pub fn block_len(&self) -> usize {
        self.core.block_len()
    }

    /// Messages in the queue. A snapshot; 0 after a fork.
    pub fn len(&self) -> usize {
        if self.is_here() { self.core.stats().len as usize } else { 0 }
    }

    /// Whether there is no message. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Blocks that nobody has. A snapshot that looks at all of them; 0 after a fork. Those of a dead process count as taken until
    /// somebody notices.
    pub fn free_blocks(&self) -> usize {
        if self.is_here() { self.core.stats().free as usize } else { 0 }
    }

    /// Closes the queue for everybody, for good; `true` if this call did. Nothing can be sent from now on (but for a message that is
    /// being sent at this very instant: it can be received like any other); what is there can still be received.
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// A block for a message of `len` elements, if one is free. Never waits; lock-free. Its elements are what somebody left there.
    ///
    /// # Errors
    ///
    /// [`Exhausted`](LoanError::Exhausted), [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed) if the queue is closed and no
    /// block is free.
    pub fn try_loan_uninit(&self, len: usize) -> Result<Loan<'_, T>, LoanError> {
        self.ready(len)?;
        self.core.try_lend().map(|index| Loan::new(self, index, len))
    }

    /// The same; waits for a free block if there is none.
    pub fn loan_uninit(&self, len: usize) -> Result<Loan<'_, T>, LoanError> {
        self.ready(len)?;
        self.core.lend(None).map(|index| Loan::new(self, index, len))
    }

    /// The same; waits for a free block at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](LoanError::Timeout), and those of [`try_loan_uninit`](Self::try_loan_uninit) but `Exhausted`.
    pub fn loan_uninit_timeout(&self, len: usize, timeout: Duration) -> Result<Loan<'_, T>, LoanError> {
        self.ready(len)?;
        self.core.lend(Some(clock::after(timeout))).map(|index| Loan::new(self, index, len))
    }

    fn ready(&self, len: usize) -> Result<(), LoanError> {
        let max = self.block_len();
        if !self.is_here() {
            Err(LoanError::Fault(Fault::Forked))
        } else if len > max {
            Err(LoanError::TooLong { len, max })
        } else {
            Ok(())
        }
    }

    /// Takes the oldest message, if there is one. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvLoanError::Empty); [`Closed`](RecvLoanError::Closed) once the queue is closed and drained.
    pub fn try_recv(&self) -> Result<Received<'_, T>, RecvLoanError> {
        if !self.is_here() {
            return Err(RecvLoanError::Fault(Fault::Forked));
        }
        self.core.try_recv().map(|(index, len)| Received::new(self, index, len))
    }

    /// Takes the oldest message, and waits for one if there is none.
    pub fn recv(&self) -> Result<Received<'_, T>, RecvLoanError> {
        self.recv_until(None)
    }

    /// Takes the oldest message, and waits for one at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](RecvLoanError::Timeout), [`Closed`](RecvLoanError::Closed).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received<'_, T>, RecvLoanError> {
        self.recv_until(Some(clock::after(timeout)))
    }

    fn recv_until(&self, deadline: Option<ipc_core::Instant>) -> Result<Received<'_, T>, RecvLoanError> {
        if !self.is_here() {
            return Err(RecvLoanError::Fault(Fault::Forked));
        }
        self.core.recv(deadline).map(|(index, len)| Received::new(self, index, len))
    }
}

impl<T: NoUninit + Zeroable> LoanQueue<T> {
    /// A block for a message of `len` elements, all zeroes; waits for a free one if there is none.
    ///
    /// # Errors
    ///
    /// As for [`loan_uninit`](Self::loan_uninit).
    pub fn loan(&self, len: usize) -> Result<Loan<'_, T>, LoanError> {
        self.loan_uninit(len).map(zeroed)
    }

    /// The same; never waits.
    ///
    /// # Errors
    ///
    /// As for [`try_loan_uninit`](Self::try_loan_uninit).
    pub fn try_loan(&self, len: usize) -> Result<Loan<'_, T>, LoanError> {
        self.try_loan_uninit(len).map(zeroed)
    }
}

fn zeroed<T: NoUninit + Zeroable>(mut loan: Loan<'_, T>) -> Loan<'_, T> {
    loan.elements().fill(T::zeroed());
    loan
}

impl<T: NoUninit> LoanQueue<T> {
    /// Sends a copy of these elements, and waits for a free block if there is none: for messages that are somewhere else already.
    ///
    /// # Errors
    ///
    /// [`TooLong`](LoanError::TooLong), [`Closed`](LoanError::Closed).
    pub fn send_copy(&self, values: &[T]) -> Result<(), LoanError> {
        let mut loan = self.loan_uninit(values.len())?;
        loan.copy_from_slice(values);
        loan.send().map_err(|(_, error)| error)
    }

    /// The same; never waits.
    ///
    /// # Errors
    ///
    /// [`Exhausted`](LoanError::Exhausted), and those of [`send_copy`](Self::send_copy).
    pub fn try_send_copy(&self, values: &[T]) -> Result<(), LoanError> {
        let mut loan = self.try_loan_uninit(values.len())?;
        loan.copy_from_slice(values);
        loan.send().map_err(|(_, error)| error)
    }
}
