//! The queue in the memory of a region.

use core::fmt;
use core::mem::MaybeUninit;

use super::raw::{Patience, RawBytes, Refusal, Ring, words, words_for};
use crate::error::{Fault, RecvBytesError, SendBytesError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::slots::Slots;
use crate::time::Instant;
use crate::wait::{Attempt, Reserve, SpinBudget, block_until};

const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<RawBytes>();
const _: () = assert!(cfg!(loom) || SLOTS_OFFSET == 512);

/// Bytes of a queue for messages of up to so many bytes, a multiple of the object alignment; `None` if there can be none.
pub const fn footprint(most: u64) -> Option<u64> {
    match words(most) {
        Some(words) => {
            Some((SLOTS_OFFSET as u64 + words * Slots::<u64>::STRIDE as u64).next_multiple_of(OBJECT_ALIGN as u64))
        }
        None => None,
    }
}

/// Repairs a queue after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    raw(memory)?.sweep(dead, platform);
    Ok(())
}

fn raw(memory: Memory<'_>) -> Result<&RawBytes, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: SLOTS_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawBytes>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes in use, with each message's length and padding.
    pub used: u64,
    /// Bytes of the ring.
    pub size: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

/// A handle of a queue of messages of any length in shared memory. See the [module](super) for what it promises.
pub struct ByteQueue<'m, P> {
    ring: Ring<'m>,
    /// The longest message that the creator asked for.
    most: usize,
    send_budget: SpinBudget,
    recv_budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<P> fmt::Debug for ByteQueue<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteQueue").field("most", &self.most).finish_non_exhaustive()
    }
}

/// What two programs must agree on.
const fn shape(most: u64, schema: u64) -> Shape {
    Shape { kind: Kind::ByteQueue, element_size: 1, element_align: 1, schema, capacity: most }
}

impl<'m, P: Platform> ByteQueue<'m, P> {
    /// What a queue is compared with; a capacity of 0 means any.
    pub const fn shape(most: u64, schema: u64) -> Shape {
        shape(most, schema)
    }

    fn over(memory: Memory<'m>, most: u64, platform: P) -> Result<Self, ShapeError> {
        let impossible = ShapeError::Capacity { wanted: most };
        let (words, wanted) = words(most).zip(footprint(most)).ok_or(impossible)?;
        let too_small = ShapeError::TooSmall { wanted, found: memory.len() as u64 };
        let slots = Slots::new(memory, SLOTS_OFFSET, words as usize).ok_or(too_small)?;
        let ring = Ring { raw: raw(memory)?, slots, words };
        Ok(Self::with(ring, most as usize, platform))
    }

    fn with(ring: Ring<'m>, most: usize, platform: P) -> Self {
        let [send_budget, recv_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        ByteQueue { ring, most, send_budget, recv_budget, platform }
    }

    /// Lays an empty queue for messages of up to `most` bytes into `memory`, which the caller has to itself, and declares it
    /// complete.
    pub fn create(memory: Memory<'m>, most: u64, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let length = footprint(most).ok_or(ShapeError::Capacity { wanted: most })?;
        let impossible = ShapeError::Capacity { wanted: most };
        let words = words(most).ok_or(impossible)?;
        // SAFETY: nobody else uses this memory yet.
        let header = unsafe {
            memory.place(HEADER_BYTES, 1, |_| RawBytes::new(0)).ok_or(impossible)?;
            Slots::<u64>::lay(memory, SLOTS_OFFSET, words as usize);
            memory.place(0, 1, |_| ObjectHeader::new(&shape(most, schema), length)).ok_or(impossible)?
        };
        header[0].publish();
        Self::over(memory, most, platform)
    }

    /// A handle of the queue that somebody else has laid into `memory`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let (found, length) = object::checked(memory, &shape(0, schema))?;
        match footprint(found.capacity) {
            Some(wanted) if wanted == length => Self::over(memory, found.capacity, platform),
            wanted => Err(ShapeError::Differs { field: Field::Length, wanted: wanted.unwrap_or(0), found: length }),
        }
    }

    /// Another handle of the same queue. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> ByteQueue<'m, Q> {
        ByteQueue::with(self.ring, self.most, platform)
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The longest message.
    pub fn max_len(&self) -> usize {
        self.most
    }

    /// The longest message that may come, whoever sends it.
    pub fn ring_bytes(&self) -> usize {
        self.ring.most_bytes()
    }

    /// Whether no message is there. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The queue's figures.
    pub fn stats(&self) -> Stats {
        let (tail, head) = self.ring.raw.counts();
        let words = self.ring.words;
        Stats { used: tail.wrapping_sub(head).min(words) * 8, size: words * 8, closed: self.is_closed() }
    }

    /// Closes the queue for good; `true` if this call did. Senders fail from now on (one that is in the middle of a send gets its
    /// message in); receivers drain what is there and then end. Never waits.
    pub fn close(&self) -> bool {
        self.ring.raw.close(&self.platform)
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.ring.raw.is_closed()
    }

    fn measured(&self, parts: &[&[u8]]) -> Result<usize, SendBytesError> {
        let len = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len())).unwrap_or(usize::MAX);
        let max = self.most.min(self.ring_bytes());
        if len > max { Err(SendBytesError::TooLong { len, max }) } else { Ok(len) }
    }

    /// Sends one message that consists of these parts, one behind the other, if there is room. Does not wait, but for a moment
    /// where another sender is in the middle of its copy.
    pub fn try_send(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        self.measured(parts)?;
        self.ring.send(&self.platform, parts, None).map_err(|refusal| match refusal {
            Refusal::NotNow | Refusal::Busy => SendBytesError::Full,
            refusal => not_sent(refusal),
        })
    }

    /// The same; waits for room, until `deadline` at most (`None`: for ever).
    pub fn send(&self, parts: &[&[u8]], deadline: Option<Instant>) -> Result<(), SendBytesError> {
        let len = self.measured(parts)?;
        let budget = &self.send_budget;
        let mut reserve = Reserve::new();
        let sent = self.ring.send(&self.platform, parts, Some(Patience { budget, deadline }));
        let Err(Refusal::NotNow) = sent else { return sent.map_err(not_sent) };
        let sent = block_until(&self.platform, self.ring.raw.space(), budget, deadline, |thorough| {
            if reserve.waits_for_more(&self.platform, thorough, self.ring.words, || self.ring.free_words()) {
                return Attempt::NotYet;
            }
            attempted(self.ring.send(&self.platform, parts, Some(Patience { budget, deadline })))
        });
        budget.learn_found(|| self.ring.free_words() / words_for(len as u64));
        sent.unwrap_or(Err(Refusal::NotNow)).map_err(not_sent)
    }

    /// Receives the oldest message into the front of `out`, if there is one: that part of `out`. Does not wait, but for a moment
    /// where another receiver is in the middle of its copy. A message that is longer than `out` stays.
    pub fn try_recv<'b>(&self, out: &'b mut [MaybeUninit<u8>]) -> Result<&'b mut [u8], RecvBytesError> {
        let room = out.len();
        let received = self.ring.receive(&self.platform, out, None).map_err(|refusal| match refusal {
            Refusal::NotNow | Refusal::Busy => RecvBytesError::Empty,
            refusal => not_received(refusal, room),
        });
        received.map(|len| written(out, len))
    }

    /// The same; waits for a message, until `deadline` at most (`None`: for ever).
    pub fn recv<'b>(
        &self,
        out: &'b mut [MaybeUninit<u8>],
        deadline: Option<Instant>,
    ) -> Result<&'b mut [u8], RecvBytesError> {
        let (budget, room) = (&self.recv_budget, out.len());
        let mut received = self.ring.receive(&self.platform, out, Some(Patience { budget, deadline }));
        if received == Err(Refusal::NotNow) {
            received = block_until(&self.platform, self.ring.raw.items(), budget, deadline, |_| {
                attempted(self.ring.receive(&self.platform, out, Some(Patience { budget, deadline })))
            })
            .unwrap_or(Err(Refusal::NotNow));
            if let Ok(len) = received {
                // If the others are as long as this one.
                let words = words_for(len as u64);
                let messages = || (self.ring.words - self.ring.free_words()) / words;
                budget.learn_found(messages);
                budget.gather(self.ring.words / words / 2, messages);
            }
        }
        let len = received.map_err(|refusal| not_received(refusal, room))?;
        Ok(written(out, len))
    }
}

/// What an attempt of a blocking call has come to. (`Busy`: the time was over while somebody had the lock.)
fn attempted<R>(result: Result<R, Refusal>) -> Attempt<Result<R, Refusal>> {
    match result {
        Err(Refusal::NotNow) => Attempt::NotYet,
        result => Attempt::Done(result),
    }
}

fn not_sent(refusal: Refusal) -> SendBytesError {
    match refusal {
        Refusal::NotNow | Refusal::Busy => SendBytesError::Timeout,
        Refusal::Closed => SendBytesError::Closed,
        // A send has nothing to be too long for: it was measured.
        Refusal::Corrupted | Refusal::TooLong { .. } => SendBytesError::Fault(Fault::Corrupted),
    }
}

fn not_received(refusal: Refusal, room: usize) -> RecvBytesError {
    match refusal {
        Refusal::NotNow | Refusal::Busy => RecvBytesError::Timeout,
        Refusal::Closed => RecvBytesError::Closed,
        Refusal::TooLong { len } => RecvBytesError::TooLong { len, room },
        Refusal::Corrupted => RecvBytesError::Fault(Fault::Corrupted),
    }
}

/// The front of `out`, which was just written.
fn written(out: &mut [MaybeUninit<u8>], len: usize) -> &mut [u8] {
    let out = &mut out[..len];
    // SAFETY: the caller has just received so many bytes into it.
    unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), len) }
}
