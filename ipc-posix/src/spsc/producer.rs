//! The producing end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{Fault, SendError, SendSliceError, SendTimeoutError, TrySendError, WaitTimeoutError};
use ipc_core::spsc::WriteChunk;

use crate::attachment::Membership;
use crate::clock;
use crate::region::Region;

/// The producing end of a one-to-one queue, held until it is dropped. Claimed by [`Spsc::producer`](crate::Spsc::producer).
///
/// Waiting for room ends with `Disconnected` when there was a consumer and none is left alive: at once if it left, within a slice
/// of sleep (a tenth of a second) if it was killed. To go on with a successor, [wait for it](Self::wait_for_consumer).
///
/// A `Producer<u8>` is also an [`io::Write`]: together with the consumer, a pipe with a name.
pub struct Producer<T> {
    core: ipc_core::spsc::Producer<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("name", &self.name).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl<T> Producer<T> {
    pub(super) fn new(core: ipc_core::spsc::Producer<'static, T, Membership>, name: Arc<str>) -> Self {
        Producer { core, name }
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The queue's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the queue lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// How many elements have room now, at least: the consumer may make more at any time. 0 after a fork.
    pub fn slots(&mut self) -> usize {
        if self.is_here() { self.core.slots() } else { 0 }
    }

    /// Whether there is no room. A snapshot.
    pub fn is_full(&mut self) -> bool {
        self.slots() == 0
    }

    /// Closes the queue for good; `true` if this call did. What is there can still be received, and is all that will be.
    pub fn close(&mut self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether somebody has closed the queue.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// Whether there was a consumer and none is left alive. A system call if there is one.
    #[doc(alias = "is_abandoned")]
    pub fn is_disconnected(&self) -> bool {
        self.is_here() && self.core.is_disconnected()
    }

    /// Waits until somebody holds the consuming end, at most so long. Whoever held it last may have died a moment ago: that is
    /// noticed.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout); [`Fault::Forked`].
    pub fn wait_for_consumer(&self, timeout: Duration) -> Result<(), WaitTimeoutError> {
        if !self.is_here() {
            return Err(WaitTimeoutError::Fault(Fault::Forked));
        }
        self.core.wait_for_consumer(Some(clock::after(timeout)))
    }
}

impl<T: NoUninit + CheckedBitPattern> Producer<T> {
    /// Sends if there is room. Wait-free; a system call only if the consumer sleeps.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Closed`](TrySendError::Closed), [`Disconnected`](TrySendError::Disconnected) if it is full
    /// and the consumer has left; the value comes back.
    #[doc(alias = "push")]
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), TrySendError<T>> {
        if !self.is_here() {
            return Err(TrySendError::Fault(value, Fault::Forked));
        }
        self.core.try_send(value)
    }

    /// Sends, and waits for room if there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed), [`Disconnected`](SendError::Disconnected); the value comes back.
    #[inline]
    pub fn send(&mut self, value: T) -> Result<(), SendError<T>> {
        if !self.is_here() {
            return Err(SendError::Fault(value, Fault::Forked));
        }
        self.core.send(value)
    }

    /// Sends, and waits for room at most so long. Room that is there at once is used whatever the time limit.
    #[inline]
    pub fn send_timeout(&mut self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, clock::after(timeout))
    }

    /// Sends, and waits for room at most until then.
    #[inline]
    pub fn send_deadline(&mut self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, clock::at(deadline))
    }

    #[inline]
    fn send_until(&mut self, value: T, deadline: ipc_core::Instant) -> Result<(), SendTimeoutError<T>> {
        if !self.is_here() {
            return Err(SendTimeoutError::Fault(value, Fault::Forked));
        }
        self.core.send_deadline(value, deadline)
    }

    /// Sends as many of these as there is room for, from the first on, and says how many: at least one, unless `values` is empty.
    /// They become visible all at once, and the consumer is woken once. Wait-free.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send); then none was sent.
    #[doc(alias = "push_partial_slice")]
    #[inline]
    pub fn try_send_slice(&mut self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if !self.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        self.core.try_send_slice(values)
    }

    /// Sends all of these, in as few batches as there is room for, and waits for room as often as needed.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the error says how many were sent.
    #[inline]
    pub fn send_slice(&mut self, values: &[T]) -> Result<(), SendSliceError> {
        self.send_slice_until(values, None)
    }

    /// Sends all of these, and waits for room at most so long in all.
    pub fn send_slice_timeout(&mut self, values: &[T], timeout: Duration) -> Result<(), SendSliceError> {
        self.send_slice_until(values, Some(clock::after(timeout)))
    }

    #[inline]
    fn send_slice_until(&mut self, values: &[T], deadline: Option<ipc_core::Instant>) -> Result<(), SendSliceError> {
        if !self.is_here() {
            return Err(SendSliceError { sent: 0, cause: SendTimeoutError::Fault((), Fault::Forked) });
        }
        self.core.send_slice(values, deadline)
    }

    /// Sends as many of the iterator's elements as there is room for, all at once, and says how many. An element is asked for only
    /// when there is room for it, so none is lost: pass `by_ref()` and go on later. If the iterator panics, nothing is sent.
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
    /// As for [`try_send`](Self::try_send).
    pub fn try_send_iter(&mut self, values: impl IntoIterator<Item = T>) -> Result<usize, TrySendError<()>> {
        if !self.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        self.core.try_send_iter(values)
    }

    /// Room for at least one and at most `most` elements (for none if that is 0), to be written in place and then
    /// [committed](WriteChunk::commit): no copy besides. Never waits.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let samples = region.spsc::<f32>("samples").capacity(256).create()?;
    /// let mut producer = samples.producer()?;
    /// let mut chunk = producer.try_write_chunk(2)?;
    /// chunk.set(0, 0.5);
    /// chunk.set(1, 0.25);
    /// chunk.commit(2);
    /// # let mut consumer = samples.consumer()?;
    /// let chunk = consumer.try_read_chunk(100)?;
    /// assert_eq!(chunk.iter().sum::<f32>(), 0.75);
    /// chunk.commit(2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    pub fn try_write_chunk(&mut self, most: usize) -> Result<WriteChunk<'_, T>, TrySendError<()>> {
        if !self.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        self.core.try_write_chunk(most)
    }

    /// The same; waits for room for one element, at most so long.
    pub fn write_chunk_timeout(
        &mut self,
        most: usize,
        timeout: Duration,
    ) -> Result<WriteChunk<'_, T>, SendTimeoutError<()>> {
        if !self.is_here() {
            return Err(SendTimeoutError::Fault((), Fault::Forked));
        }
        self.core.write_chunk(most, Some(clock::after(timeout)))
    }
}

/// Bytes are sent as they are written, in batches as large as there is room for; there is no buffer to flush. Errors are those of a
/// pipe: [`BrokenPipe`](io::ErrorKind::BrokenPipe) once the queue is closed or its reader gone.
impl io::Write for Producer<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.is_here() {
            return Err(io::Error::other(Fault::Forked));
        }
        let mut chunk = self.core.write_chunk(bytes.len(), None).map_err(|error| match error {
            SendTimeoutError::Fault((), fault) => io::Error::other(fault),
            error => io::Error::new(io::ErrorKind::BrokenPipe, error.to_string()),
        })?;
        let (mut first, mut second) = chunk.slices();
        let count = first.len() + second.len();
        let (before_end, behind) = bytes[..count].split_at(first.len());
        first.copy_from_slice(before_end);
        second.copy_from_slice(behind);
        chunk.commit(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
