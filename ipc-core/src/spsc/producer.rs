//! The producing end.

use core::fmt;

use bytemuck::NoUninit;

use crate::error::{Fault, SendError, SendSliceError, SendTimeoutError, TrySendError, WaitTimeoutError};
use crate::platform::Platform;
use crate::slots::Intent;
use crate::sync::Ordering;
use crate::time::Instant;
use crate::wait::{Attempt, Reserve, SpinBudget, block_until};

#[cfg(not(loom))]
use super::chunk::WriteChunk;
use super::layout::{End, Words};
use super::role::ClaimError;

/// The producing end of a queue, held until it is dropped. See the [module](super).
pub struct Producer<'m, T, P: Platform> {
    words: Words<'m, T>,
    /// The next position: ours to count, `tail` in shared memory follows it.
    tail: u64,
    /// The first position for which the `head` that was last seen leaves no room.
    limit: u64,
    budget: SpinBudget,
    platform: P,
}

// Shared memory is not touched.
impl<T, P: Platform> fmt::Debug for Producer<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("capacity", &self.words.capacity).finish_non_exhaustive()
    }
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    Full,
    Closed,
    Disconnected,
    Corrupted,
    Timeout,
}

impl NoRoom {
    fn send<T>(self, value: T) -> SendError<T> {
        match self {
            NoRoom::Disconnected => SendError::Disconnected(value),
            NoRoom::Corrupted => SendError::Fault(value, Fault::Corrupted),
            // Without a deadline there is no time-out.
            NoRoom::Closed | NoRoom::Full | NoRoom::Timeout => SendError::Closed(value),
        }
    }

    fn timeout<T>(self, value: T) -> SendTimeoutError<T> {
        match self {
            NoRoom::Full | NoRoom::Timeout => SendTimeoutError::Timeout(value),
            NoRoom::Closed => SendTimeoutError::Closed(value),
            NoRoom::Disconnected => SendTimeoutError::Disconnected(value),
            NoRoom::Corrupted => SendTimeoutError::Fault(value, Fault::Corrupted),
        }
    }

    fn try_send<T>(self, value: T) -> TrySendError<T> {
        match self {
            NoRoom::Full | NoRoom::Timeout => TrySendError::Full(value),
            NoRoom::Closed => TrySendError::Closed(value),
            NoRoom::Disconnected => TrySendError::Disconnected(value),
            NoRoom::Corrupted => TrySendError::Fault(value, Fault::Corrupted),
        }
    }
}

impl<'m, T, P: Platform> Producer<'m, T, P> {
    /// Claims the producing end: it goes on where its last holder ended.
    pub fn claim(words: Words<'m, T>, platform: P) -> Result<Self, ClaimError> {
        let (tail, limit) = words.take_over(End::Producer, &platform)?;
        Ok(Producer { words, tail, limit, budget: SpinBudget::new(&platform), platform })
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.words.capacity as usize
    }

    /// How many elements have room now, at least: the consumer may make more. One load.
    pub fn slots(&mut self) -> usize {
        let _ = self.look();
        self.room() as usize
    }

    /// Closes the queue for good: this producer's messages before it are all there is. `true` if this call did it.
    pub fn close(&mut self) -> bool {
        self.words.control.close(&self.platform)
    }

    /// Whether somebody has closed the queue.
    pub fn is_closed(&self) -> bool {
        self.words.control.is_closed()
    }

    /// Whether there was a consumer and none is left alive. A system call if there is one.
    pub fn is_disconnected(&self) -> bool {
        self.words.control.gates.consumer.is_deserted(&self.platform)
    }

    /// Waits until somebody holds the other end, until `deadline` at most.
    pub fn wait_for_consumer(&self, deadline: Option<Instant>) -> Result<(), WaitTimeoutError> {
        self.words.wait_for_other(End::Producer, &self.platform, &self.budget, deadline)
    }

    /// As far as this end knows.
    #[inline(always)]
    fn room(&self) -> u64 {
        self.limit.wrapping_sub(self.tail)
    }

    /// Looks at the consumer's index. Whether there is room.
    #[inline]
    fn look(&mut self) -> Result<bool, NoRoom> {
        // Acquire, "free".
        let head = self.words.control.head.0.load(Ordering::Acquire);
        if self.tail.wrapping_sub(head) > self.words.capacity {
            return Err(NoRoom::Corrupted);
        }
        self.limit = head.wrapping_add(self.words.capacity);
        Ok(self.limit != self.tail)
    }

    /// Room for an element, and an open queue.
    #[inline(always)]
    fn is_ready(&self) -> bool {
        // Relaxed: closing carries nothing to the producer.
        self.limit != self.tail && self.words.control.gates.closed.load(Ordering::Relaxed) == 0
    }

    /// Makes sure of room for an element, or says why there is none. Never waits.
    #[inline(always)]
    fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.is_ready() { Ok(()) } else { self.reserve_by_looking() }
    }

    #[cold]
    #[inline(never)]
    fn reserve_by_looking(&mut self) -> Result<(), NoRoom> {
        if self.is_closed() {
            Err(NoRoom::Closed)
        } else if self.look()? {
            Ok(())
        } else if self.words.control.gates.consumer.is_left() {
            Err(NoRoom::Disconnected)
        } else {
            Err(NoRoom::Full)
        }
    }

    /// Makes sure of room for an element, by a look at the consumer's index if that is enough.
    #[cold]
    #[inline(never)]
    fn look_or_wait(&mut self, deadline: Option<Instant>) -> Result<(), NoRoom> {
        match self.reserve_by_looking() {
            Err(NoRoom::Full | NoRoom::Disconnected) => self.wait_for_room(deadline),
            looked => looked,
        }
    }

    /// Waits for room for an element.
    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self, deadline: Option<Instant>) -> Result<(), NoRoom> {
        let (words, tail, capacity) = (self.words, self.tail, self.words.capacity);
        let platform = &self.platform;
        let look = || {
            let head = words.control.head.0.load(Ordering::Acquire);
            match tail.wrapping_sub(head) {
                used if used > capacity => Attempt::Done(Err(NoRoom::Corrupted)),
                used if used < capacity => Attempt::Done(Ok(head.wrapping_add(capacity))),
                _ => Attempt::NotYet,
            }
        };
        let room = || capacity.saturating_sub(tail.wrapping_sub(words.control.head.0.load(Ordering::Relaxed)));
        let mut reserve = Reserve::new();
        let attempt = |thorough: bool| {
            if words.control.is_closed() {
                return Attempt::Done(Err(NoRoom::Closed));
            }
            if reserve.waits_for_more(platform, thorough, capacity, room) {
                return Attempt::NotYet;
            }
            match look() {
                Attempt::NotYet if thorough && words.control.gates.consumer.is_deserted(platform) => match look() {
                    Attempt::NotYet => Attempt::Done(Err(NoRoom::Disconnected)),
                    found => found,
                },
                found => found,
            }
        };
        self.limit = block_until(platform, &words.control.gates.space, &self.budget, deadline, attempt)
            .unwrap_or(Err(NoRoom::Timeout))?;
        self.budget.learn_found(room);
        Ok(())
    }
}

impl<T: NoUninit, P: Platform> Producer<'_, T, P> {
    /// Sends the element that there is room for.
    #[inline(always)]
    fn push(&mut self, value: T) {
        self.words.slots.write(self.tail, value);
        self.publish(1);
    }

    /// Makes so many more elements visible.
    #[inline(always)]
    pub(super) fn publish(&mut self, count: u64) {
        self.tail = self.tail.wrapping_add(count);
        // Release, "message".
        self.words.control.tail.0.store(self.tail, Ordering::Release);
        // Not what the consumer may still have to read.
        self.words.slots.prefetch(self.tail, self.room(), Intent::Write);
        self.words.control.gates.items.notify(&self.platform, || 1);
    }

    /// Sends if there is room. Wait-free. No system call unless the consumer sleeps.
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), TrySendError<T>> {
        match self.reserve() {
            Ok(()) => {
                self.push(value);
                Ok(())
            }
            Err(refused) => Err(refused.try_send(value)),
        }
    }

    /// Sends, and waits for room if there is none.
    #[inline]
    pub fn send(&mut self, value: T) -> Result<(), SendError<T>> {
        if !self.is_ready()
            && let Err(refused) = self.look_or_wait(None)
        {
            return Err(refused.send(value));
        }
        self.push(value);
        Ok(())
    }

    /// Sends, and waits for room at most until `deadline`. Room that is there wins over a deadline that has passed.
    #[inline]
    pub fn send_deadline(&mut self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        if !self.is_ready()
            && let Err(refused) = self.look_or_wait(Some(deadline))
        {
            return Err(refused.timeout(value));
        }
        self.push(value);
        Ok(())
    }

    /// Sends as many of these as there is room for, from the first on, and says how many: at least one. They become visible all
    /// at once, and the consumer is woken once. Wait-free.
    pub fn try_send_slice(&mut self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if values.is_empty() {
            return Ok(0);
        }
        self.reserve_many(values.len()).map_err(|refused| refused.try_send(()))?;
        Ok(self.push_some(values))
    }

    /// Sends all of these, and waits for room as often as needed, until `deadline` at most. On an error, so many were sent as it
    /// says: the first ones.
    pub fn send_slice(&mut self, values: &[T], deadline: Option<Instant>) -> Result<(), SendSliceError> {
        let mut sent = 0;
        while sent < values.len() {
            let reserved = match self.reserve_many(values.len() - sent) {
                Err(NoRoom::Full | NoRoom::Disconnected) => self.wait_for_room(deadline),
                reserved => reserved,
            };
            reserved.map_err(|refused| SendSliceError { sent, cause: refused.timeout(()) })?;
            sent += self.push_some(&values[sent..]);
        }
        Ok(())
    }

    /// Sends as many of the iterator's elements as there is room for, and says how many. An element is asked for only when there
    /// is room for it, so none is lost. All become visible at once; if the iterator panics, none.
    pub fn try_send_iter(&mut self, values: impl IntoIterator<Item = T>) -> Result<usize, TrySendError<()>> {
        self.reserve_many(usize::MAX).map_err(|refused| refused.try_send(()))?;
        let mut count = 0;
        for value in values.into_iter().take(self.room() as usize) {
            self.words.slots.write(self.tail.wrapping_add(count), value);
            count += 1;
        }
        if count != 0 {
            self.publish(count);
        }
        Ok(count as usize)
    }

    /// Makes sure of room for an element, and knows of as much more as there is, up to `count`.
    fn reserve_many(&mut self, count: usize) -> Result<(), NoRoom> {
        self.reserve()?;
        if self.room() < count as u64 {
            self.look()?;
        }
        Ok(())
    }

    /// Sends as many of these as this end knows to have room.
    fn push_some(&mut self, values: &[T]) -> usize {
        let count = values.len().min(self.room() as usize);
        self.words.slots.write_slice(self.tail, &values[..count]);
        self.publish(count as u64);
        count
    }

    /// Room for at least one and at most `most` elements, to be written in place. Never waits.
    #[cfg(not(loom))]
    pub fn try_write_chunk(&mut self, most: usize) -> Result<WriteChunk<'_, T>, TrySendError<()>> {
        self.reserve_many(most).map_err(|refused| refused.try_send(()))?;
        Ok(self.chunk(most))
    }

    /// The same; waits for room for one element, until `deadline` at most.
    #[cfg(not(loom))]
    pub fn write_chunk(
        &mut self,
        most: usize,
        deadline: Option<Instant>,
    ) -> Result<WriteChunk<'_, T>, SendTimeoutError<()>> {
        let reserved = match self.reserve_many(most) {
            Err(NoRoom::Full | NoRoom::Disconnected) => self.wait_for_room(deadline),
            reserved => reserved,
        };
        reserved.map_err(|refused| refused.timeout(()))?;
        Ok(self.chunk(most))
    }

    #[cfg(not(loom))]
    fn chunk(&mut self, most: usize) -> WriteChunk<'_, T> {
        let (slots, at) = (self.words.slots, self.tail);
        let count = most.min(self.room() as usize);
        WriteChunk::new(self, slots, at, count)
    }
}

impl<T, P: Platform> Drop for Producer<'_, T, P> {
    fn drop(&mut self) {
        self.words.control.leave(End::Producer, &self.platform);
    }
}
