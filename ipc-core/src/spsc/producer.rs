//! The producing end.

use bytemuck::NoUninit;

use crate::error::{Fault, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError, TrySendError};
use crate::platform::Platform;
use crate::slots::Intent;
use crate::sync::Ordering;
use crate::time::{Instant, Limit, Waits};
use crate::timed::timed;
use crate::wait::{Attempt, WaitStrategy, block_for_room};

use super::chunk::WriteChunk;
use super::claim::ClaimError;
use super::held::{Held, end};
use super::lane::Lane;
use super::words::{End, View, Words};

/// The producing end of a one-to-one queue, held until it is dropped. Claimed by [`Spsc::producer`](super::Spsc::producer).
///
/// Waiting for room ends with `Disconnected` when there was a consumer and none is left alive: at once if it left, within a tenth
/// of a second if it was killed. To go on with a successor, [wait for it](Self::wait_for_consumer).
///
/// With the feature `std`, a `Producer<u8>` is also an `io::Write`: together with the consumer, a pipe with a name.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u8>("ticks").capacity(4).create()?;
/// let (mut producer, mut consumer) = (ticks.producer()?, ticks.consumer()?);
/// producer.wait_for_consumer()?; // it is there
/// producer.send_iter([1, 2, 3])?;
/// ticks.close()?;
/// assert_eq!(consumer.iter().collect::<Vec<_>>(), [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Producer<'m, T, P: Platform, W: Lane = &'m Words> {
    pub(super) held: Held<'m, T, P, W>,
    /// The next position: ours to count, `tail` in shared memory follows it.
    pub(super) tail: u64,
    /// The first position for which the `head` that was last seen leaves no room.
    limit: u64,
    /// Whether a write that would wait says so.
    #[cfg(feature = "std")]
    pub(super) nonblocking: bool,
}

end!(Producer, "consumer", has_consumer, wait_for_consumer, wait_for_consumer_timeout, wait_for_consumer_deadline);

impl<'m, T, P: Platform> Producer<'m, T, P> {
    /// Claims the producing end: it goes on where its last holder stopped.
    pub(super) fn claim(view: View<'m, T>, platform: P, strategy: WaitStrategy) -> Result<Self, ClaimError> {
        let (held, tail, head) = Held::claim(view, End::Producer, platform)?;
        held.budget.set_wait_strategy(strategy);
        Ok(Self::of(held, tail, head))
    }

    /// Closes the queue for good. Returns `true` if this call closed it, `false` if it was closed.
    ///
    /// The consumer can still receive what was sent before, and nothing comes after it.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.held.close()
    }
}

impl<'m, T, P: Platform, W: Lane> Producer<'m, T, P, W> {
    /// The producing end of an empty ring, at this position.
    pub(crate) fn at(held: Held<'m, T, P, W>, start: u64) -> Self {
        Self::of(held, start, start)
    }

    fn of(held: Held<'m, T, P, W>, tail: u64, head: u64) -> Self {
        Producer {
            limit: head.wrapping_add(held.view.capacity),
            held,
            tail,
            #[cfg(feature = "std")]
            nonblocking: false,
        }
    }

    /// How many elements have room. The consumer may make more at any time.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.capacity() - self.len()
    }

    /// Room, as far as this end knows.
    #[inline(always)]
    pub(super) fn room(&self) -> u64 {
        self.limit.wrapping_sub(self.tail)
    }

    /// Loads the consumer's index. Returns whether there is room.
    #[inline]
    fn look(&mut self) -> Result<bool, Refused> {
        let View { words, capacity, .. } = self.held.view;
        // Acquire, "free".
        let head = words.position(words.head().0.load(Ordering::Acquire));
        if self.tail.wrapping_sub(head) > capacity {
            return Err(Refused::Fault(Fault::Corrupted));
        }
        self.limit = head.wrapping_add(capacity);
        Ok(self.limit != self.tail)
    }

    /// Whether this is the process that claimed the end, the queue is open, and there is room as far as this end knows.
    #[inline(always)]
    fn is_ready(&self) -> bool {
        self.held.platform.is_here() && self.limit != self.tail && self.held.view.words.is_open()
    }

    /// Reserves room for an element, or says why there is none. Never waits.
    #[inline(always)]
    fn reserve(&mut self) -> Result<(), Refused> {
        if self.is_ready() { Ok(()) } else { self.reserve_contended() }
    }

    #[cold]
    #[inline(never)]
    fn reserve_contended(&mut self) -> Result<(), Refused> {
        self.held.here()?;
        let words = self.held.view.words;
        if let Some(over) = words.over(End::Producer) {
            Err(over)
        } else if self.look()? {
            Ok(())
        } else if words.is_left(End::Consumer) {
            Err(Refused::Disconnected)
        } else {
            Err(Refused::NotNow)
        }
    }

    /// Reserves room for an element, and for as many more as there is room for, up to `count`.
    #[inline(always)]
    pub(super) fn reserve_many(&mut self, count: usize) -> Result<(), Refused> {
        self.reserve()?;
        if self.room() < count as u64 {
            self.look()?;
        }
        Ok(())
    }

    /// [`reserve_many`](Self::reserve_many); waits for room for the first element.
    #[inline(always)]
    pub(crate) fn reserve_many_within(
        &mut self,
        count: usize,
        waits: &mut Waits<'_, P::Deadline>,
    ) -> Result<(), Refused> {
        match self.reserve_many(count) {
            Err(Refused::NotNow | Refused::Disconnected) => self.wait_for_room(1, waits.deadline(&self.held.platform)),
            reserved => reserved,
        }
    }

    /// Waits for room for this many elements.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_room(&mut self, needed: u64, deadline: Option<Instant>) -> Result<(), Refused> {
        let (View { words, capacity, .. }, tail) = (self.held.view, self.tail);
        let Held { platform, budget, .. } = &self.held;
        let look = || {
            let head = words.position(words.head().0.load(Ordering::Acquire));
            match tail.wrapping_sub(head) {
                used if used > capacity => Attempt::Done(Err(Refused::Fault(Fault::Corrupted))),
                used if capacity - used >= needed => Attempt::Done(Ok(head.wrapping_add(capacity))),
                _ => Attempt::NotYet,
            }
        };
        let room = || {
            let head = words.position(words.head().0.load(Ordering::Relaxed));
            capacity.saturating_sub(tail.wrapping_sub(head))
        };
        let attempt = |thorough: bool| {
            if let Some(over) = words.over(End::Producer) {
                return Attempt::Done(Err(over));
            }
            match look() {
                Attempt::NotYet if thorough => Attempt::after(self.held.find_deserted(), || match look() {
                    Attempt::NotYet => Attempt::Done(Err(Refused::Disconnected)),
                    found => found,
                }),
                found => found,
            }
        };
        self.limit = block_for_room(platform, words.space(), budget, deadline, capacity, room, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))?;
        Ok(())
    }
}

impl<'m, T: NoUninit, P: Platform, W: Lane> Producer<'m, T, P, W> {
    /// Sends the element that there is room for.
    #[inline(always)]
    fn push(&mut self, value: &T) {
        let View { words, slots, .. } = self.held.view;
        slots.write(self.tail, value);
        words.front().copy(self.tail, value);
        self.publish(1);
    }

    /// Sends as many of these as this end knows to have room.
    #[inline(always)]
    pub(super) fn push_some(&mut self, values: &[T]) -> usize {
        let count = values.len().min(self.room() as usize);
        self.held.view.slots.write_slice(self.tail, &values[..count]);
        self.publish(count as u64);
        count
    }

    /// Makes `count` more elements visible.
    #[inline(always)]
    pub(super) fn publish(&mut self, count: u64) {
        self.tail = self.tail.wrapping_add(count);
        let View { words, slots, .. } = self.held.view;
        // Release, "message".
        words.front().tail.store(self.tail, Ordering::Release);
        // Only what is free: the consumer may still have to read the rest.
        slots.prefetch(self.tail, self.room(), Intent::Write);
        words.items().notify(&self.held.platform, || 1);
    }

    /// Sends an element if there is room. Never waits.
    ///
    /// Wait-free. A system call only if the consumer sleeps.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Closed`](TrySendError::Closed), [`Disconnected`](TrySendError::Disconnected) if the queue is
    /// full and the consumer has left. The error holds the value.
    #[doc(alias = "push")]
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), TrySendError<T>> {
        if self.is_ready() {
            self.push(&value);
            return Ok(());
        }
        self.try_send_contended(value)
    }

    /// A call of its own with the value: where both ways met again, the value would be kept in memory for both.
    #[cold]
    #[inline(never)]
    fn try_send_contended(&mut self, value: T) -> Result<(), TrySendError<T>> {
        match self.reserve_contended() {
            Ok(()) => {
                self.push(&value);
                Ok(())
            }
            Err(refused) => Err(TrySendError::of(refused, value)),
        }
    }

    /// Sends an element; blocks while the queue is full. A blocked call polls for some microseconds, yields, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed), [`Disconnected`](SendError::Disconnected). The error holds the value.
    #[inline]
    pub fn send(&mut self, value: T) -> Result<(), SendError<T>> {
        self.send_within(value, &Limit::Forever).map_err(SendTimeoutError::endless)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends an element",
        [&mut self, value: T] limit [] -> Result<(), SendTimeoutError<T>> { self.send_within(value, limit) }
    }

    #[inline(always)]
    pub(crate) fn send_within(&mut self, value: T, limit: &Limit<P::Deadline>) -> Result<(), SendTimeoutError<T>> {
        if self.is_ready() {
            self.push(&value);
            return Ok(());
        }
        self.send_waiting(value, limit)
    }

    #[cold]
    #[inline(never)]
    fn send_waiting(&mut self, value: T, limit: &Limit<P::Deadline>) -> Result<(), SendTimeoutError<T>> {
        let reserved = match self.reserve_contended() {
            Err(Refused::NotNow | Refused::Disconnected) => self.wait_for_room(1, limit.deadline(&self.held.platform)),
            reserved => reserved,
        };
        match reserved {
            Ok(()) => {
                self.push(&value);
                Ok(())
            }
            Err(refused) => Err(SendTimeoutError::of(refused, value)),
        }
    }

    /// Sends as many of these as there is room for, from the first on, and returns how many: at least one, unless `values` is empty.
    ///
    /// They become visible all at once, and the consumer is woken once. Wait-free.
    ///
    /// # Errors
    ///
    /// Those of [`try_send`](Self::try_send). After an error none was sent.
    #[doc(alias = "push_partial_slice")]
    #[inline]
    pub fn try_send_slice(&mut self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if values.is_empty() {
            return self.held.here().map(|()| 0).map_err(|fault| TrySendError::Fault((), fault));
        }
        self.reserve_many(values.len()).map_err(|refused| TrySendError::of(refused, ()))?;
        Ok(self.push_some(values))
    }

    /// Sends all of these; blocks while the queue is full. It uses as few batches as there is room for.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send). The error says how many were sent: the first ones.
    #[inline]
    pub fn send_slice(&mut self, values: &[T]) -> Result<(), SendSliceError> {
        self.send_slice_within(values, &Limit::Forever).map_err(SendSliceTimeoutError::endless)
    }

    timed! {
        send_slice_timeout, send_slice_deadline, send_slice, "Sends all of these"
        "`timeout` is for all of them together, and counts from the first wait. The error says how many were sent.",
        [&mut self, values: &[T]] limit [] -> Result<(), SendSliceTimeoutError> { self.send_slice_within(values, limit) }
    }

    fn send_slice_within(&mut self, values: &[T], limit: &Limit<P::Deadline>) -> Result<(), SendSliceTimeoutError> {
        let mut sent = 0;
        let mut waits = limit.over_all_waits();
        let mut reserved = self.here();
        while sent < values.len() {
            reserved = self.reserve_many_within(values.len() - sent, &mut waits);
            if reserved.is_err() {
                break;
            }
            sent += self.push_some(&values[sent..]);
        }
        reserved.map_err(|refused| SendSliceError { sent, cause: SendTimeoutError::of(refused, ()) })
    }

    /// Sends as many of the iterator's elements as there is room for, and returns how many. Never waits.
    ///
    /// An element is asked for only when there is room for it, so none is lost: pass `by_ref()` and go on later. Each one is sent
    /// before the next one is asked for.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let squares = region.spsc::<u64>("squares").capacity(4).create()?;
    /// let mut producer = squares.producer()?;
    /// let mut numbers = (1..).map(|n| n * n);
    /// assert_eq!(producer.try_send_iter(numbers.by_ref()), Ok(4));
    /// assert_eq!(squares.consumer()?.recv(), Ok(1));
    /// assert_eq!(numbers.next(), Some(25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`try_send`](Self::try_send).
    pub fn try_send_iter(&mut self, values: impl IntoIterator<Item = T>) -> Result<usize, TrySendError<()>> {
        self.reserve_many(usize::MAX).map_err(|refused| TrySendError::of(refused, ()))?;
        let room = self.room();
        self.push_iter(values.into_iter().take(room as usize)).map_err(|(_, _, fault)| TrySendError::Fault((), fault))
    }

    /// Sends the elements, for which there is room, each before it asks for the next one, which may take long, panic, or call `fork`. The
    /// error, in the child: how many were sent before, and the element that was not, if there is one.
    pub(super) fn push_iter(&mut self, values: impl Iterator<Item = T>) -> Result<usize, (usize, Option<T>, Fault)> {
        let mut count = 0;
        for value in values {
            if let Err(fault) = self.held.here() {
                return Err((count, Some(value), fault));
            }
            self.push(&value);
            count += 1;
        }
        // Also in the call that finds the end.
        self.held.here().map(|()| count).map_err(|fault| (count, None, fault))
    }

    /// Reserves room for at least one and at most `most` elements (none if that is 0), to be written in place. Never waits.
    ///
    /// Nothing is sent until the chunk is [committed](WriteChunk::commit). It saves a copy.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let samples = region.spsc::<f32>("samples").capacity(256).create()?;
    /// let mut producer = samples.producer()?;
    /// let mut chunk = producer.try_write_chunk(2)?;
    /// chunk.set(0, 0.5);
    /// chunk.set(1, 0.25);
    /// chunk.commit(2)?;
    /// # let mut consumer = samples.consumer()?;
    /// let chunk = consumer.try_read_chunk(100)?;
    /// assert_eq!(chunk.iter().sum::<f32>(), 0.75);
    /// chunk.commit(2)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`try_send`](Self::try_send).
    pub fn try_write_chunk(&mut self, most: usize) -> Result<WriteChunk<'_, 'm, T, P, W>, TrySendError<()>> {
        let reserved = if most == 0 { self.here() } else { self.reserve_many(most) };
        reserved.map_err(|refused| TrySendError::of(refused, ()))?;
        Ok(self.chunk(most))
    }

    /// Reserves room for at least one and at most `most` elements (none if that is 0). Blocks while the queue is full.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn write_chunk(&mut self, most: usize) -> Result<WriteChunk<'_, 'm, T, P, W>, SendError<()>> {
        self.write_chunk_within(most, &Limit::Forever).map_err(SendTimeoutError::endless)
    }

    timed! {
        write_chunk_timeout, write_chunk_deadline, write_chunk, "Reserves room",
        [&mut self, most: usize] limit [] -> Result<WriteChunk<'_, 'm, T, P, W>, SendTimeoutError<()>> {
            self.write_chunk_within(most, limit)
        }
    }

    fn write_chunk_within(
        &mut self,
        most: usize,
        limit: &Limit<P::Deadline>,
    ) -> Result<WriteChunk<'_, 'm, T, P, W>, SendTimeoutError<()>> {
        let reserved = match most {
            0 => self.here(),
            _ => self.reserve_many_within(most, &mut limit.over_all_waits()),
        };
        reserved.map_err(|refused| SendTimeoutError::of(refused, ()))?;
        Ok(self.chunk(most))
    }

    fn here(&self) -> Result<(), Refused> {
        self.held.here().map_err(Refused::Fault)
    }

    fn chunk(&mut self, most: usize) -> WriteChunk<'_, 'm, T, P, W> {
        let count = most.min(self.room() as usize);
        WriteChunk::new(self, count)
    }
}
