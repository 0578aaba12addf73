//! The consuming end.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{Fault, RecvError, RecvTimeoutError, TryRecvError, WaitTimeoutError};
use ipc_core::spsc::ReadChunk;

use super::iter::{SpscIter, SpscTryIter};
use crate::attachment::Membership;
use crate::clock;
use crate::region::Region;
use ipc_core::queue::append;

/// The consuming end of a one-to-one queue, held until it is dropped. Claimed by [`Spsc::consumer`](crate::Spsc::consumer).
///
/// Waiting ends with `Disconnected` when the queue is empty, there was a producer and none is left alive: at once if it left,
/// within a slice of sleep (a tenth of a second) if it was killed. To go on with a successor,
/// [wait for it](Self::wait_for_producer).
///
/// A `Consumer<u8>` is also an [`io::Read`]: together with the producer, a pipe with a name.
pub struct Consumer<T> {
    core: ipc_core::spsc::Consumer<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("name", &self.name).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl<T> Consumer<T> {
    pub(super) fn new(core: ipc_core::spsc::Consumer<'static, T, Membership>, name: Arc<str>) -> Self {
        Consumer { core, name }
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

    /// How many elements there are now, at least: the producer may send more at any time. 0 after a fork.
    pub fn slots(&mut self) -> usize {
        if self.is_here() { self.core.slots() } else { 0 }
    }

    /// Whether there is no element. A snapshot.
    pub fn is_empty(&mut self) -> bool {
        self.slots() == 0
    }

    /// Closes the queue for good; `true` if this call did. A message that the producer is sending at this very instant may still
    /// get in, and can be received like any other.
    pub fn close(&mut self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether somebody has closed the queue. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// Whether there was a producer and none is left alive; messages may still be there. A system call if there is one.
    #[doc(alias = "is_abandoned")]
    pub fn is_disconnected(&self) -> bool {
        self.is_here() && self.core.is_disconnected()
    }

    /// Waits until somebody holds the producing end, at most so long. Whoever held it last may have died a moment ago: that is
    /// noticed.
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout); [`Fault::Forked`].
    pub fn wait_for_producer(&self, timeout: Duration) -> Result<(), WaitTimeoutError> {
        if !self.is_here() {
            return Err(WaitTimeoutError::Fault(Fault::Forked));
        }
        self.core.wait_for_producer(Some(clock::after(timeout)))
    }
}

impl<T: NoUninit + CheckedBitPattern> Consumer<T> {
    /// Receives the oldest element if there is one. Wait-free; a system call only if the producer sleeps.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty); [`Closed`](TryRecvError::Closed) or [`Disconnected`](TryRecvError::Disconnected) if nothing
    /// is left and the queue is closed or the producer has left.
    #[doc(alias = "pop")]
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv()
    }

    /// Receives the oldest element, and waits for one if there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed), [`Disconnected`](RecvError::Disconnected), once nothing is left.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        self.core.recv()
    }

    /// Receives, and waits at most so long. An element that is there at once is received whatever the time limit.
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(clock::after(timeout))
    }

    /// Receives, and waits at most until then.
    #[inline]
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(clock::at(deadline))
    }

    #[inline]
    fn recv_until(&mut self, deadline: ipc_core::Instant) -> Result<T, RecvTimeoutError> {
        if !self.is_here() {
            return Err(RecvTimeoutError::Fault(Fault::Forked));
        }
        self.core.recv_deadline(deadline)
    }

    /// A copy of the oldest element, which stays. Nobody else can take it.
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv).
    pub fn peek(&mut self) -> Result<T, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.peek()
    }

    /// Receives as many elements as there are and as `out` holds, and says how many: at least one, unless `out` is empty. The
    /// producer is woken once. Wait-free. What lies in `out` behind the received ones may have changed.
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv). An element whose bits are no value of `T` (a `bool` of 2, say) ends the batch before it;
    /// as the first one it is dropped, with [`Fault::InvalidValue`].
    #[doc(alias = "pop_partial_slice")]
    #[inline]
    pub fn try_recv_slice(&mut self, out: &mut [T]) -> Result<usize, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv_slice(out)
    }

    /// The same; waits for one element if there is none.
    #[inline]
    pub fn recv_slice(&mut self, out: &mut [T]) -> Result<usize, RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        self.core.recv_slice(out, None).map_err(RecvTimeoutError::endless)
    }

    /// The same; waits for one element at most so long.
    pub fn recv_slice_timeout(&mut self, out: &mut [T], timeout: Duration) -> Result<usize, RecvTimeoutError> {
        if !self.is_here() {
            return Err(RecvTimeoutError::Fault(Fault::Forked));
        }
        self.core.recv_slice(out, Some(clock::after(timeout)))
    }

    /// [`try_recv_slice`](Self::try_recv_slice) into memory that need not be initialised: the received elements.
    #[inline]
    pub fn try_recv_uninit<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv_uninit(out)
    }

    /// [`recv_slice`](Self::recv_slice) into memory that need not be initialised: the received elements.
    #[inline]
    pub fn recv_uninit<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        self.core.recv_uninit(out, None).map_err(RecvTimeoutError::endless)
    }

    /// Waits for an element and appends as many as there are to `buffer`, at most `most`; how many. 0 only if `most` is 0.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv).
    pub fn recv_many(&mut self, buffer: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        let most = most.min(self.capacity());
        append(buffer, most, |room| {
            self.core.recv_uninit(room, None).map(|values| values.len()).map_err(RecvTimeoutError::endless)
        })
    }

    /// At least one and at most `most` elements (none if that is 0), to be read in place and then [committed](ReadChunk::commit): no
    /// copy besides. Never waits. See [`Producer::try_write_chunk`](crate::Producer::try_write_chunk).
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv).
    pub fn try_read_chunk(&mut self, most: usize) -> Result<ReadChunk<'_, T>, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_read_chunk(most)
    }

    /// The same; waits for one element, at most so long.
    pub fn read_chunk_timeout(&mut self, most: usize, timeout: Duration) -> Result<ReadChunk<'_, T>, RecvTimeoutError> {
        if !self.is_here() {
            return Err(RecvTimeoutError::Fault(Fault::Forked));
        }
        self.core.read_chunk(most, Some(clock::after(timeout)))
    }

    /// Elements until the queue is empty and closed or left by its producer, waiting for each. `for element in &mut consumer` does
    /// the same.
    pub fn iter(&mut self) -> SpscIter<'_, T> {
        SpscIter::new(self)
    }

    /// The elements that are there, without waiting.
    pub fn try_iter(&mut self) -> SpscTryIter<'_, T> {
        SpscTryIter::new(self)
    }
}

impl<'q, T: NoUninit + CheckedBitPattern> IntoIterator for &'q mut Consumer<T> {
    type Item = T;
    type IntoIter = SpscIter<'q, T>;

    fn into_iter(self) -> SpscIter<'q, T> {
        self.iter()
    }
}

/// Waits for bytes and reads as many as there are. The end of the file is a queue that is empty and closed or left by its writer.
impl io::Read for Consumer<u8> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.recv_slice(out) {
            Ok(count) => Ok(count),
            Err(RecvError::Fault(fault)) => Err(io::Error::other(fault)),
            Err(_) => Ok(0),
        }
    }
}
