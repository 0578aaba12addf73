//! The loan queue's handle, and what moves no messages.

use core::marker::PhantomData;

use super::geometry::Geometry;
use super::words::{View, Words};
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::sync::private::AtomicU32;
use crate::time::Timestamp;
use crate::wait::SpinBudget;

/// Bytes of payload that stay in a processor's own caches.
const CACHED: usize = 256 << 10;

/// What a loan queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many blocks there are; 0: not said.
    pub blocks: u64,
    /// How many elements a block has; 0: not said.
    pub block_len: u64,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    /// The first message's position: for tests of the wrap at 2^44.
    #[doc(hidden)]
    pub start: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of this many blocks of this many elements.
    pub const fn new(blocks: u64, block_len: u64) -> Self {
        Options { blocks, block_len, schema: Schema::NONE, start: 0, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many blocks there are: for all messages that are being written, wait in the queue, or are being read, together. A
    /// creator must set it. An opener that sets it gets an error if it differs.
    #[doc(alias = "capacity")]
    pub fn blocks(mut self, blocks: usize) -> Self {
        self.wanted.blocks = blocks as u64;
        self
    }

    /// Sets how many elements a block has: the most of one message. Default for creators: 1. An opener that sets it gets an error if
    /// it differs.
    pub fn block_len(mut self, elements: usize) -> Self {
        self.wanted.block_len = elements as u64;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::LoanQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = LoanQueue<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::LoanQueue, self.blocks, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let (wanted, found) = (self.block_len, found.block_len as u64);
        if wanted == 0 || wanted == found {
            Ok(())
        } else {
            Err(ShapeError::Differs { field: Field::BlockLength, wanted, found })
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        self.shape().check_align()?;
        match Geometry::new(self.blocks, self.block_len.max(1), size_of::<T>(), align_of::<T>()) {
            Some(geometry) => Ok((self.shape(), geometry)),
            None if self.blocks == 0 => Err(ShapeError::Unsaid),
            None => Err(ShapeError::Capacity { wanted: self.blocks }),
        }
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.start) }
    }

    of_view!(LoanQueue<'m, T, P>: |_, view, geometry, platform| LoanQueue::over(view, *geometry, platform));
}

/// A queue of messages that are written and read in place: large ones, or ones whose length varies up to a block's. Any number of
/// senders and receivers; each message goes to one receiver.
///
/// A sender borrows a free block, writes its message there, and sends it. A receiver reads it there and drops it, which gives the block
/// back. Nothing is copied on the way, and a message costs the same whatever its size.
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction. A receiver that dies takes the
///   messages with it that it had received.
/// - The blocks of a dead process come back, exactly: those that it had borrowed, was about to send, or was reading. What it had sent
///   stays in the queue. A call that finds no free block searches for them.
/// - Lock-free in the strict sense: a process that is stopped, wherever, holds up nobody (except for the blocks that it has).
/// - One global order.
/// - While no thread sleeps, no operation makes a system call.
///
/// # A faulty peer
///
/// A block is one process's at a time, and every peer that goes through this library keeps to that. A faulty or hostile peer with write
/// access to the region can write into a message while it is being read. The methods of [`Received`](super::Received) and
/// [`Loan`](super::Loan) that copy elements are sound even then (what they copy may be nonsense). References to the elements are
/// `unsafe` for this reason. Copy a message from an untrusted peer before validating it (time of check, time of use).
///
/// ```
/// use ipc_posix::{LoanQueue, Region};
///
/// const FRAME: usize = 1 << 20;
/// let region = Region::options().fit(&[LoanQueue::<u8>::footprint(8, FRAME)]).anonymous()?;
/// let frames = region.loan_queue::<u8>("frames").blocks(8).block_len(FRAME).open_or_create()?;
/// let mut frame = frames.loan_uninit(5)?;
/// frame.copy_from_slice(b"hello");
/// frame.send().map_err(|error| error.without_value())?;
///
/// let frame = frames.recv()?;
/// assert_eq!(frame.to_vec(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A message may be changed and sent on in its block; a queue that is closed ends the iteration:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let texts = region.loan_queue::<u8>("texts").blocks(4).block_len(16).create()?;
/// texts.send_copy(b"hello")?;
/// let mut text = texts.recv()?.into_loan();
/// text.elements().set(0, b'H');
/// text.truncate(4);
/// text.send().map_err(|error| error.without_value())?;
/// texts.close()?;
/// assert_eq!(texts.iter().map(|text| text.to_vec()).collect::<Vec<_>>(), [b"Hell"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "zero_copy")]
#[doc(alias = "publish_subscribe")]
pub struct LoanQueue<'m, T, P> {
    pub(super) view: View<'m>,
    geometry: Geometry,
    /// Where the next search for a free block begins: behind the last one found.
    pub(super) hint: AtomicU32,
    /// The block whose message is received next, if the sender takes them in turn.
    pub(super) expected: AtomicU32,
    pub(super) loan_budget: SpinBudget,
    pub(super) recv_budget: SpinBudget,
    pub(super) platform: P,
    element: PhantomData<fn(T) -> T>,
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages in the queue.
    pub len: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// Blocks that nobody has. The others are messages in the queue, or are being written or read. Those of a dead process count as
    /// taken until a call searches for them.
    pub free_blocks: u64,
    /// Messages sent since the creation, modulo 2^64.
    pub sent: u64,
    /// Messages received since the creation, modulo 2^64.
    pub received: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

handle!(LoanQueue<T>, "queue", self => self.recv_budget, self.loan_budget);

impl<T, P> LoanQueue<'_, T, P> {
    /// Returns the bytes that a queue of this many blocks of this many `T`s takes in a region.
    ///
    /// # Panics
    ///
    /// If either is 0, if there are more than a million blocks, or if they do not fit the address space.
    pub const fn footprint(blocks: usize, block_len: usize) -> Footprint {
        match Geometry::new(blocks as u64, block_len as u64, size_of::<T>(), align_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => {
                panic!("a loan queue has from 1 to 2^20 - 1 blocks of at least 1 element, and fits the address space")
            }
        }
    }

    /// Returns how many blocks there are.
    pub fn blocks(&self) -> usize {
        self.view.blocks()
    }

    /// Returns how many messages there can be at once, written, sent and read together: the number of blocks.
    pub fn capacity(&self) -> usize {
        self.blocks()
    }

    /// Returns how many elements a block has: the most of one message.
    pub fn block_len(&self) -> usize {
        self.geometry.block_len
    }

    /// Whether all blocks together are larger than a cache.
    pub(super) fn is_large(&self) -> bool {
        self.geometry.payload_bytes() > CACHED
    }
}

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    fn over(view: View<'m>, geometry: Geometry, platform: P) -> Self {
        let [loan_budget, recv_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        let (hint, expected) = (AtomicU32::new(0), AtomicU32::new(0));
        LoanQueue { view, geometry, hint, expected, loan_budget, recv_budget, platform, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        LoanQueue::over(self.view, self.geometry, platform)
    }

    /// Returns how many messages are in the queue. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.counts().2 as usize
    }

    /// Returns whether there is no message. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether no block is free. A snapshot that loads a word of each block.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.platform.assert_here();
        self.view.free() == 0
    }

    /// Returns how many blocks nobody has. A snapshot that loads a word of each block. Those of a dead process count as taken until a
    /// call searches for them.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn free_blocks(&self) -> usize {
        self.platform.assert_here();
        self.view.free()
    }

    /// Returns the queue's figures: messages that were sent and received, and free blocks. A snapshot that loads a word of each block.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let frames = region.loan_queue::<u8>("frames").blocks(4).block_len(64).create()?;
    /// frames.send_copy(&[1, 2, 3])?;
    /// let frame = frames.loan(64)?;
    /// let stats = frames.stats();
    /// assert_eq!((stats.sent, stats.received, stats.len), (1, 0, 1));
    /// assert_eq!((stats.free_blocks, stats.blocks), (2, 4));
    /// # drop(frame);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        let (sent, received, len) = self.view.counts();
        let (blocks, free_blocks) = (self.blocks() as u64, self.view.free() as u64);
        Stats { len, blocks, free_blocks, sent, received, closed: self.view.is_closed() }
    }

    /// Closes the queue for everybody, for good. Returns `true` if this call did. Never waits.
    ///
    /// Nothing can be sent from now on, except for a message that is being sent at this instant, which can be received like any other.
    /// Receivers drain what is there and then get [`Closed`](crate::error::RecvError::Closed).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.close(&self.platform))
    }

    /// Returns whether the queue is closed. Messages may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed()
    }
}
