//! The queue in the memory of a region.

use core::fmt;
use core::marker::PhantomData;

use super::raw::{Block, MOST_BLOCKS, RawLoans, Refused, Words};
use crate::error::{Fault, LoanError, RecvLoanError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Instant;
use crate::wait::{Attempt, SpinBudget, block_until};

const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<RawLoans>();
const _: () = assert!(SLOTS_OFFSET == 512);

/// Bytes of payload that stay in a processor's own caches.
const CACHED: usize = 256 << 10;

/// Where the parts of a queue lie.
#[derive(Clone, Copy)]
struct Plan {
    slots: usize,
    blocks: usize,
    /// Of the blocks' words.
    words: usize,
    payload: usize,
    /// Bytes from one block's begin to the next one's.
    stride: usize,
    bytes: u64,
}

impl Plan {
    const fn new<T>(blocks: u64, block_len: u64) -> Option<Plan> {
        if blocks == 0 || blocks > MOST_BLOCKS || block_len == 0 || align_of::<T>() > OBJECT_ALIGN {
            return None;
        }
        let slots = blocks.next_power_of_two() as usize;
        let blocks = blocks as usize;
        let align = OBJECT_ALIGN;
        let words = SLOTS_OFFSET + (slots * 8).next_multiple_of(align);
        let payload = words + (blocks * size_of::<Block>()).next_multiple_of(align);
        if block_len > isize::MAX as u64 / 2 {
            return None;
        }
        let stride = match (block_len as usize).checked_mul(size_of::<T>()) {
            Some(stride) if stride < isize::MAX as usize / 2 => stride.next_multiple_of(align),
            _ => return None,
        };
        match stride.checked_mul(blocks) {
            Some(bytes) if bytes < isize::MAX as usize / 2 => {
                Some(Plan { slots, blocks, words, payload, stride, bytes: (payload + bytes) as u64 })
            }
            _ => None,
        }
    }
}

/// Bytes of a queue with so many blocks of so many `T`s, a multiple of the object alignment; `None` if there can be none.
pub const fn footprint<T>(blocks: u64, block_len: u64) -> Option<u64> {
    match Plan::new::<T>(blocks, block_len) {
        Some(plan) => Some(plan.bytes),
        None => None,
    }
}

fn raw(memory: Memory<'_>) -> Result<&RawLoans, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: SLOTS_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawLoans>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// The words of a queue of whatever type.
fn words(memory: Memory<'_>, blocks: u64) -> Result<Words<'_>, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: blocks };
    let plan = Plan::new::<u8>(blocks, 1).ok_or(impossible)?;
    let too_small = ShapeError::TooSmall { wanted: plan.payload as u64, found: memory.len() as u64 };
    // SAFETY: as in `raw`.
    let slots = unsafe { memory.atomics::<AtomicU64>(SLOTS_OFFSET, plan.slots) }.ok_or(too_small)?;
    // SAFETY: as in `raw`.
    let words = unsafe { memory.atomics::<Block>(plan.words, plan.blocks) }.ok_or(too_small)?;
    Words::new(raw(memory)?, slots, words).ok_or(impossible)
}

/// Repairs a queue of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    words(memory, shape.capacity)?.sweep(dead, platform);
    Ok(())
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that were sent and not received.
    pub len: u64,
    /// Blocks that nobody has.
    pub free: u64,
    /// Blocks.
    pub blocks: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

/// A handle of a queue of blocks in shared memory. See the [module](super) for what it promises.
///
/// It deals in block numbers; that each is given back or sent once is the caller's business.
pub struct LoanQueue<'m, T, P> {
    words: Words<'m>,
    payload: *mut u8,
    stride: usize,
    block_len: usize,
    /// Where the next search for a free block begins: behind the last one found.
    hint: AtomicU64,
    loan_budget: SpinBudget,
    recv_budget: SpinBudget,
    platform: P,
    element: PhantomData<fn(T) -> T>,
}

// SAFETY: the pointer is to memory that any number of processes use; which block is whose is the protocol's business.
unsafe impl<T, P: Send> Send for LoanQueue<'_, T, P> {}
// SAFETY: as above.
unsafe impl<T, P: Sync> Sync for LoanQueue<'_, T, P> {}

// Shared memory is not touched.
impl<T, P> fmt::Debug for LoanQueue<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoanQueue").field("block_len", &self.block_len).finish_non_exhaustive()
    }
}

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    fn over(memory: Memory<'m>, blocks: u64, block_len: u64, platform: P) -> Result<Self, ShapeError> {
        let plan = Plan::new::<T>(blocks, block_len).ok_or(ShapeError::Capacity { wanted: blocks })?;
        let too_small = ShapeError::TooSmall { wanted: plan.bytes, found: memory.len() as u64 };
        let payload = memory.pointer(plan.payload, plan.stride * plan.blocks).ok_or(too_small)?;
        let [loan_budget, recv_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        Ok(LoanQueue {
            words: words(memory, blocks)?,
            payload: payload.as_ptr(),
            stride: plan.stride,
            block_len: block_len as usize,
            hint: AtomicU64::new(0),
            loan_budget,
            recv_budget,
            platform,
            element: PhantomData,
        })
    }

    /// Lays an empty queue into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(
        memory: Memory<'m>,
        blocks: u64,
        block_len: u64,
        schema: u64,
        platform: P,
    ) -> Result<Self, ShapeError> {
        let this = Self::over(memory, blocks, block_len, platform)?;
        let length = footprint::<T>(blocks, block_len).ok_or(ShapeError::Capacity { wanted: blocks })?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Shape::of::<T>(Kind::LoanQueue, blocks, schema), length);
        this.words.initialise(0, block_len);
        header.publish();
        Ok(this)
    }

    /// A handle of the queue that somebody else has laid into `memory`. A `block_len` of 0 means any.
    pub fn attach(memory: Memory<'m>, block_len: u64, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let (shape, length) = object::checked(memory, &Shape::of::<T>(Kind::LoanQueue, 0, schema))?;
        let found = raw(memory)?.block_len();
        if block_len != 0 && block_len != found {
            return Err(ShapeError::Differs { field: Field::BlockLength, wanted: block_len, found });
        }
        match footprint::<T>(shape.capacity, found) {
            Some(wanted) if wanted == length => Self::over(memory, shape.capacity, found, platform),
            wanted => Err(ShapeError::Differs { field: Field::Length, wanted: wanted.unwrap_or(0), found: length }),
        }
    }

    /// Another handle of the same queue. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> LoanQueue<'m, T, Q> {
        let [loan_budget, recv_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        LoanQueue {
            words: self.words,
            payload: self.payload,
            stride: self.stride,
            block_len: self.block_len,
            hint: AtomicU64::new(0),
            loan_budget,
            recv_budget,
            platform,
            element: PhantomData,
        }
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Elements of a block.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.words.blocks()
    }

    /// The queue's figures. Looks at all blocks.
    pub fn stats(&self) -> Stats {
        Stats {
            len: self.words.len(),
            free: self.words.free() as u64,
            blocks: self.words.blocks() as u64,
            closed: self.is_closed(),
        }
    }

    /// Closes the queue for good; `true` if this call did. Nothing can be sent from now on (but for a message that is being sent at
    /// this instant, which can be received like any other); what is there can still be received.
    pub fn close(&self) -> bool {
        self.words.raw.close(&self.platform)
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.words.raw.is_closed()
    }

    /// Where the elements of a block lie. `index` is one that this queue has given out.
    #[inline]
    pub fn block(&self, index: usize) -> *mut T {
        assert!(index < self.words.blocks());
        // SAFETY: inside the payload, of which `over` has checked the bounds; a block starts at a multiple of OBJECT_ALIGN.
        unsafe { self.payload.add(index * self.stride).cast() }
    }

    /// A free block, whose number the caller sends or gives back. Never waits; lock-free. If there seems to be none, blocks of dead
    /// processes are looked for: that takes system calls.
    #[inline]
    pub fn try_lend(&self) -> Result<usize, LoanError> {
        self.lend_now().or_else(|refused| self.lend_thoroughly(refused))
    }

    #[inline]
    fn lend_now(&self) -> Result<usize, LoanError> {
        // Relaxed: a hint in private memory. Of large blocks, those that were used last are still in the caches: the first ones.
        let hint = if self.stride * self.blocks() > CACHED { 0 } else { self.hint.load(Ordering::Relaxed) as usize };
        let index = self.words.lend(self.platform.me(), hint).map_err(|refused| match refused {
            Refused::NotNow => LoanError::Exhausted,
            Refused::Corrupted => LoanError::Fault(Fault::Corrupted),
        })?;
        self.hint.store(index as u64 + 1, Ordering::Relaxed);
        Ok(index)
    }

    #[cold]
    fn lend_thoroughly(&self, refused: LoanError) -> Result<usize, LoanError> {
        if self.is_closed() {
            return Err(LoanError::Closed);
        }
        if refused == LoanError::Exhausted && self.words.find_dead(&self.platform) {
            self.lend_now()
        } else {
            Err(refused)
        }
    }

    /// The same; waits for a free block, until `deadline` at most (`None`: for ever).
    #[inline]
    pub fn lend(&self, deadline: Option<Instant>) -> Result<usize, LoanError> {
        match self.lend_now() {
            Err(LoanError::Exhausted) => self.lend_waiting(deadline),
            lent => lent,
        }
    }

    #[cold]
    fn lend_waiting(&self, deadline: Option<Instant>) -> Result<usize, LoanError> {
        let attempt = |thorough: bool| match if thorough { self.try_lend() } else { self.lend_now() } {
            Err(LoanError::Exhausted) if self.is_closed() => Attempt::Done(Err(LoanError::Closed)),
            Err(LoanError::Exhausted) => Attempt::NotYet,
            result => Attempt::Done(result),
        };
        let gate = self.words.raw.free_blocks();
        block_until(&self.platform, gate, &self.loan_budget, deadline, attempt).unwrap_or_else(|| {
            self.try_lend().map_err(|error| if error == LoanError::Exhausted { LoanError::Timeout } else { error })
        })
    }

    /// Sends a block that the caller has, with so many elements. On an error it still has it.
    #[inline]
    pub fn send(&self, index: usize, len: usize) -> Result<(), LoanError> {
        if self.is_closed() {
            return Err(LoanError::Closed);
        }
        self.words.set_len(index, len as u64);
        self.words.send(&self.platform, index).map_err(|_| LoanError::Fault(Fault::Corrupted))
    }

    /// Gives a block back that the caller has.
    #[inline]
    pub fn give_back(&self, index: usize) {
        self.words.give_back(&self.platform, index);
    }

    /// Takes the oldest message, if there is one: its block, which is the caller's from then on, and how many elements it has. Never
    /// waits; lock-free.
    #[inline]
    pub fn try_recv(&self) -> Result<(usize, usize), RecvLoanError> {
        match self.words.receive(self.platform.me()) {
            Ok(index) => self.measured(index),
            Err(refused) => self.why_empty(refused),
        }
    }

    #[cold]
    fn why_empty(&self, refused: Refused) -> Result<(usize, usize), RecvLoanError> {
        match refused {
            Refused::Corrupted => Err(RecvLoanError::Fault(Fault::Corrupted)),
            Refused::NotNow if !self.is_closed() => Err(RecvLoanError::Empty),
            // What was sent before the closing is visible now.
            Refused::NotNow => match self.words.receive(self.platform.me()) {
                Ok(index) => self.measured(index),
                Err(Refused::NotNow) => Err(RecvLoanError::Closed),
                Err(Refused::Corrupted) => Err(RecvLoanError::Fault(Fault::Corrupted)),
            },
        }
    }

    #[inline]
    fn measured(&self, index: usize) -> Result<(usize, usize), RecvLoanError> {
        let len = self.words.message_len(index);
        if len > self.block_len as u64 {
            self.give_back(index);
            return Err(RecvLoanError::Fault(Fault::Corrupted));
        }
        Ok((index, len as usize))
    }

    /// The same; waits for a message, until `deadline` at most (`None`: for ever).
    #[inline]
    pub fn recv(&self, deadline: Option<Instant>) -> Result<(usize, usize), RecvLoanError> {
        match self.try_recv() {
            Err(RecvLoanError::Empty) => self.recv_waiting(deadline),
            received => received,
        }
    }

    #[cold]
    fn recv_waiting(&self, deadline: Option<Instant>) -> Result<(usize, usize), RecvLoanError> {
        let attempt = |_| match self.try_recv() {
            Err(RecvLoanError::Empty) => Attempt::NotYet,
            result => Attempt::Done(result),
        };
        let received = block_until(&self.platform, self.words.raw.items(), &self.recv_budget, deadline, attempt);
        self.recv_budget.learn_found(|| self.words.len());
        self.recv_budget.gather(self.blocks() as u64 / 2, || self.words.len());
        received.unwrap_or(Err(RecvLoanError::Timeout))
    }
}
