//! The consuming end.

use core::fmt;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{Fault, RecvError, RecvTimeoutError, TryRecvError, WaitTimeoutError};
use crate::payload::{check, fill_slice, valid_prefix};
use crate::platform::Platform;
use crate::slots::Intent;
use crate::sync::Ordering;
use crate::time::Instant;
use crate::wait::{Attempt, SpinBudget, block_until};

#[cfg(not(loom))]
use super::chunk::ReadChunk;
use super::layout::{End, Words};
use super::role::ClaimError;

/// The consuming end of a queue, held until it is dropped. See the [module](super).
pub struct Consumer<'m, T, P: Platform> {
    words: Words<'m, T>,
    /// The next position: ours to count, `head` in shared memory follows it.
    head: u64,
    /// The `tail` that was last seen.
    known: u64,
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<T, P: Platform> fmt::Debug for Consumer<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("capacity", &self.words.capacity).finish_non_exhaustive()
    }
}

/// Why there is no element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nothing {
    Empty,
    Closed,
    Disconnected,
    Corrupted,
    Timeout,
}

impl Nothing {
    fn recv(self) -> RecvError {
        match self {
            Nothing::Disconnected => RecvError::Disconnected,
            Nothing::Corrupted => RecvError::Fault(Fault::Corrupted),
            // Without a deadline there is no time-out.
            Nothing::Closed | Nothing::Empty | Nothing::Timeout => RecvError::Closed,
        }
    }

    fn timeout(self) -> RecvTimeoutError {
        match self {
            Nothing::Empty | Nothing::Timeout => RecvTimeoutError::Timeout,
            Nothing::Closed => RecvTimeoutError::Closed,
            Nothing::Disconnected => RecvTimeoutError::Disconnected,
            Nothing::Corrupted => RecvTimeoutError::Fault(Fault::Corrupted),
        }
    }

    fn try_recv(self) -> TryRecvError {
        match self {
            Nothing::Empty | Nothing::Timeout => TryRecvError::Empty,
            Nothing::Closed => TryRecvError::Closed,
            Nothing::Disconnected => TryRecvError::Disconnected,
            Nothing::Corrupted => TryRecvError::Fault(Fault::Corrupted),
        }
    }
}

impl<'m, T, P: Platform> Consumer<'m, T, P> {
    /// Claims the consuming end: it goes on where its last holder ended.
    pub fn claim(words: Words<'m, T>, platform: P) -> Result<Self, ClaimError> {
        let (head, known) = words.take_over(End::Consumer, &platform)?;
        Ok(Consumer { words, head, known, budget: SpinBudget::new(&platform), platform })
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.words.capacity as usize
    }

    /// How many elements there are now, at least: the producer may send more. One load.
    pub fn slots(&mut self) -> usize {
        let _ = self.look();
        self.there() as usize
    }

    /// Closes the queue for good; `true` if this call did it. A message that the producer is sending at this instant may still
    /// get in; it can be received.
    pub fn close(&mut self) -> bool {
        self.words.control.close(&self.platform)
    }

    /// Whether somebody has closed the queue. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.words.control.is_closed()
    }

    /// Whether there was a producer and none is left alive; messages may still be there. A system call if there is one.
    pub fn is_disconnected(&self) -> bool {
        self.words.control.gates.producer.is_deserted(&self.platform)
    }

    /// Waits until somebody holds the other end, until `deadline` at most.
    pub fn wait_for_producer(&self, deadline: Option<Instant>) -> Result<(), WaitTimeoutError> {
        self.words.wait_for_other(End::Consumer, &self.platform, &self.budget, deadline)
    }

    /// As far as this end knows.
    #[inline(always)]
    fn there(&self) -> u64 {
        self.known.wrapping_sub(self.head)
    }

    /// Looks at the producer's index. Whether there is an element.
    #[inline(always)]
    fn look(&mut self) -> Result<bool, Nothing> {
        // Acquire, "message".
        let tail = self.words.control.tail.0.load(Ordering::Acquire);
        if tail.wrapping_sub(self.head) > self.words.capacity {
            return Err(Nothing::Corrupted);
        }
        self.known = tail;
        Ok(tail != self.head)
    }

    /// Makes sure of an element, or says why there is none. Never waits.
    #[inline(always)]
    fn find(&mut self) -> Result<(), Nothing> {
        if self.known != self.head || self.look()? { Ok(()) } else { self.why_empty() }
    }

    /// For one who has found nothing.
    #[cold]
    #[inline(never)]
    fn why_empty(&mut self) -> Result<(), Nothing> {
        let why = if self.words.control.is_closed() {
            Nothing::Closed
        } else if self.words.control.gates.producer.is_left() {
            Nothing::Disconnected
        } else {
            return Err(Nothing::Empty);
        };
        // Its last message came before its end: look once more.
        if self.look()? { Ok(()) } else { Err(why) }
    }

    /// Waits for an element.
    #[cold]
    #[inline(never)]
    fn wait_for_item(&mut self, deadline: Option<Instant>) -> Result<(), Nothing> {
        let (words, head) = (self.words, self.head);
        let platform = &self.platform;
        let look = || match words.control.tail.0.load(Ordering::Acquire) {
            tail if tail.wrapping_sub(head) > words.capacity => Attempt::Done(Err(Nothing::Corrupted)),
            tail if tail != head => Attempt::Done(Ok(tail)),
            _ => Attempt::NotYet,
        };
        let look_again = |why| match look() {
            Attempt::NotYet => Attempt::Done(Err(why)),
            found => found,
        };
        let attempt = |thorough: bool| match look() {
            Attempt::NotYet if words.control.is_closed() => look_again(Nothing::Closed),
            Attempt::NotYet if thorough && words.control.gates.producer.is_deserted(platform) => {
                look_again(Nothing::Disconnected)
            }
            found => found,
        };
        let there = || words.control.tail.0.load(Ordering::Relaxed).wrapping_sub(head);
        block_until(platform, &words.control.gates.items, &self.budget, deadline, attempt)
            .unwrap_or(Err(Nothing::Timeout))?;
        self.budget.learn_found(there);
        self.budget.gather(words.capacity / 2, there);
        // There are more by now, perhaps. There are not fewer.
        if self.look()? { Ok(()) } else { Err(Nothing::Corrupted) }
    }

    /// Gives so many elements' places to the producer.
    #[inline(always)]
    pub(super) fn free(&mut self, count: u64) {
        self.head = self.head.wrapping_add(count);
        // Release, "free".
        self.words.control.head.0.store(self.head, Ordering::Release);
        self.words.control.gates.space.notify(&self.platform, || 1);
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Consumer<'_, T, P> {
    /// Takes the element that is there.
    #[inline(always)]
    fn pop(&mut self) -> Result<T, Fault> {
        let value = self.words.slots.read(self.head);
        // Not what is not published yet: the producer is about to write it.
        self.words.slots.prefetch(self.head, self.there(), Intent::Read);
        self.free(1);
        check(value)
    }

    /// Receives the oldest element if there is one. Wait-free. No system call unless the producer sleeps.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.find() {
            Ok(()) => self.pop().map_err(TryRecvError::Fault),
            Err(nothing) => Err(nothing.try_recv()),
        }
    }

    /// Receives the oldest element, and waits for one if there is none.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        if self.known == self.head && !self.look().map_err(Nothing::recv)? {
            self.wait_for_item(None).map_err(Nothing::recv)?;
        }
        self.pop().map_err(RecvError::Fault)
    }

    /// Receives, and waits at most until `deadline`. An element that is there wins over a deadline that has passed.
    #[inline]
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        if self.known == self.head && !self.look().map_err(Nothing::timeout)? {
            self.wait_for_item(Some(deadline)).map_err(Nothing::timeout)?;
        }
        self.pop().map_err(RecvTimeoutError::Fault)
    }

    /// A copy of the oldest element, which stays.
    pub fn peek(&mut self) -> Result<T, TryRecvError> {
        self.find().map_err(Nothing::try_recv)?;
        check(self.words.slots.read(self.head)).map_err(TryRecvError::Fault)
    }

    /// Receives as many elements as there are and as `out` holds, and says how many: at least one, unless `out` is empty.
    /// Their places are given back all at once, and the producer is woken once. Wait-free.
    ///
    /// An element whose bits are no value of the type ends a batch; it is dropped with [`Fault::InvalidValue`] when it is the
    /// first.
    pub fn try_recv_slice(&mut self, out: &mut [T]) -> Result<usize, TryRecvError> {
        if out.is_empty() {
            return Ok(0);
        }
        self.find_many(out.len()).map_err(Nothing::try_recv)?;
        fill_slice(out, |out| self.pop_into(out).map(|values| values.len())).map_err(TryRecvError::Fault)
    }

    /// The same; waits for one element, until `deadline` at most (`None`: for ever).
    pub fn recv_slice(&mut self, out: &mut [T], deadline: Option<Instant>) -> Result<usize, RecvTimeoutError> {
        if out.is_empty() {
            return Ok(0);
        }
        self.find_or_wait(out.len(), deadline)?;
        fill_slice(out, |out| self.pop_into(out).map(|values| values.len())).map_err(RecvTimeoutError::Fault)
    }

    /// [`try_recv_slice`](Self::try_recv_slice) into memory that need not be initialised: the received elements.
    pub fn try_recv_uninit<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], TryRecvError> {
        if out.is_empty() {
            return Ok(&mut []);
        }
        self.find_many(out.len()).map_err(Nothing::try_recv)?;
        self.pop_into(out).map_err(TryRecvError::Fault)
    }

    /// [`recv_slice`](Self::recv_slice) into memory that need not be initialised: the received elements.
    pub fn recv_uninit<'b>(
        &mut self,
        out: &'b mut [MaybeUninit<T>],
        deadline: Option<Instant>,
    ) -> Result<&'b mut [T], RecvTimeoutError> {
        if out.is_empty() {
            return Ok(&mut []);
        }
        self.find_or_wait(out.len(), deadline)?;
        self.pop_into(out).map_err(RecvTimeoutError::Fault)
    }

    /// Makes sure of an element, and knows of as many more as there are, up to `count`.
    fn find_many(&mut self, count: usize) -> Result<(), Nothing> {
        if self.there() < count as u64 && !self.look()? {
            return self.why_empty();
        }
        Ok(())
    }

    fn find_or_wait(&mut self, count: usize, deadline: Option<Instant>) -> Result<(), RecvTimeoutError> {
        match self.find_many(count) {
            Err(Nothing::Empty | Nothing::Disconnected) => self.wait_for_item(deadline),
            found => found,
        }
        .map_err(Nothing::timeout)
    }

    /// Takes as many elements as this end knows of and as fit.
    fn pop_into<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], Fault> {
        let count = out.len().min(self.there() as usize);
        let out = &mut out[..count];
        self.words.slots.read_slice(self.head, out);
        let valid = valid_prefix(out);
        if valid == 0 {
            self.free(1);
            return Err(Fault::InvalidValue);
        }
        self.free(valid as u64);
        // SAFETY: copied, and found to be values.
        Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), valid) })
    }

    /// At least one and at most `most` elements, to be read in place. Never waits.
    #[cfg(not(loom))]
    pub fn try_read_chunk(&mut self, most: usize) -> Result<ReadChunk<'_, T>, TryRecvError> {
        self.find_many(most).map_err(Nothing::try_recv)?;
        Ok(self.chunk(most))
    }

    /// The same; waits for one element, until `deadline` at most.
    #[cfg(not(loom))]
    pub fn read_chunk(&mut self, most: usize, deadline: Option<Instant>) -> Result<ReadChunk<'_, T>, RecvTimeoutError> {
        self.find_or_wait(most, deadline)?;
        Ok(self.chunk(most))
    }

    #[cfg(not(loom))]
    fn chunk(&mut self, most: usize) -> ReadChunk<'_, T> {
        let (slots, at) = (self.words.slots, self.head);
        let count = most.min(self.there() as usize);
        ReadChunk::new(self, slots, at, count)
    }
}

impl<T, P: Platform> Drop for Consumer<'_, T, P> {
    fn drop(&mut self) {
        self.words.control.leave(End::Consumer, &self.platform);
    }
}
