//! The handle of a queue of messages of any length.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::error::{Fault, RecvBytesError, SendBytesError};

use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};
use ipc_core::queue::append;

/// A bounded queue of messages of any length between processes: text, serialised data, frames. Any number of senders and receivers;
/// each message goes to one receiver, whole.
///
/// # Guarantees
///
/// - A message is sent whole or not at all, and received once, whichever process is killed at whichever instruction; a receiver that
///   dies after its receive has committed takes that one message with it.
/// - One global order.
/// - Senders exclude each other for the time of a copy, and so do receivers (a robust lock for each side; senders and receivers do
///   not meet). Behind a dead process nobody waits; behind one that is *stopped* in the middle of its copy, the others of its side
///   wait. `try_` operations then report [`Full`](SendBytesError::Full) or [`Empty`](RecvBytesError::Empty).
///
/// A waiting sender of a long message can be overtaken by senders of shorter ones for which there is room already.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let log = region.byte_queue("log").capacity(64 << 10).open_or_create()?;
/// log.send(b"first line")?;
/// log.send_parts(&[b"head", b" and ", b"tail"])?;
/// assert_eq!(log.recv_vec()?, b"first line");
/// let mut line = Vec::with_capacity(80);
/// log.recv_into(&mut line)?;
/// assert_eq!(line, b"head and tail");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "message_queue")]
#[doc(alias = "bbqueue")]
pub struct ByteQueue {
    core: ipc_core::ByteQueue<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl std::fmt::Debug for ByteQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByteQueue").field("name", &self.name).field("max_len", &self.max_len()).finish_non_exhaustive()
    }
}

impl Clone for ByteQueue {
    fn clone(&self) -> Self {
        ByteQueue { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl ByteQueue {
    pub(super) fn new(core: ipc_core::ByteQueue<'static, Membership>, _region: &Region, name: &str) -> Self {
        ByteQueue { core, name: name.into() }
    }

    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The bytes that a queue of this capacity takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or above 2^40.
    pub const fn footprint(capacity: usize) -> Footprint {
        match ipc_core::bytes::footprint(capacity as u64) {
            Some(bytes) => Footprint(bytes),
            None => panic!("a byte queue's capacity is at least 1 and at most 2^40"),
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

    /// The bytes of the longest message that is possible: the capacity.
    pub fn max_len(&self) -> usize {
        self.core.max_len()
    }

    /// Whether there is no message. A snapshot.
    pub fn is_empty(&self) -> bool {
        !self.is_here() || self.core.is_empty()
    }

    /// Bytes of the ring that are in use, and bytes of the ring: each message takes its length, rounded up to 8, and 8 more. A
    /// snapshot; zeroes after a fork.
    pub fn usage(&self) -> (u64, u64) {
        if !self.is_here() {
            return (0, 0);
        }
        let stats = self.core.stats();
        (stats.used, stats.size)
    }

    /// Closes the queue for everybody, for good; `true` if this call did. Senders fail from now on, but for one that is in the middle
    /// of its send; receivers drain what is there and then end. Never waits.
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// Sends one message if there is room. Does not wait, but for a moment where another sender is in the middle of its copy.
    ///
    /// # Errors
    ///
    /// [`Full`](SendBytesError::Full), [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed).
    pub fn try_send(&self, message: &[u8]) -> Result<(), SendBytesError> {
        self.try_send_parts(&[message])
    }

    /// [`try_send`](Self::try_send) of one message that consists of these parts, one behind the other: no need to put them together
    /// before.
    pub fn try_send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        if !self.is_here() {
            return Err(SendBytesError::Fault(Fault::Forked));
        }
        self.core.try_send(parts)
    }

    /// Sends one message, and waits for room if there is none.
    ///
    /// # Errors
    ///
    /// [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed).
    pub fn send(&self, message: &[u8]) -> Result<(), SendBytesError> {
        self.send_until(&[message], None)
    }

    /// [`send`](Self::send) of one message that consists of these parts, one behind the other.
    #[doc(alias = "send_vectored")]
    pub fn send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        self.send_until(parts, None)
    }

    /// Sends one message, and waits for room at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](SendBytesError::Timeout), and those of [`send`](Self::send).
    pub fn send_timeout(&self, message: &[u8], timeout: Duration) -> Result<(), SendBytesError> {
        self.send_until(&[message], Some(clock::after(timeout)))
    }

    /// Sends one message, and waits for room at most until then.
    pub fn send_deadline(&self, message: &[u8], deadline: Instant) -> Result<(), SendBytesError> {
        self.send_until(&[message], Some(clock::at(deadline)))
    }

    fn send_until(&self, parts: &[&[u8]], deadline: Option<ipc_core::Instant>) -> Result<(), SendBytesError> {
        if !self.is_here() {
            return Err(SendBytesError::Fault(Fault::Forked));
        }
        self.core.send(parts, deadline)
    }

    /// Receives the oldest message into the front of `out`, if there is one: its length. Does not wait, but for a moment where
    /// another receiver is in the middle of its copy.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvBytesError::Empty); [`TooLong`](RecvBytesError::TooLong) with the length that is needed (the message stays);
    /// [`Closed`](RecvBytesError::Closed) once the queue is closed and drained.
    pub fn try_recv(&self, out: &mut [u8]) -> Result<usize, RecvBytesError> {
        self.receive(out, |core, out| core.try_recv(out).map(|message| message.len()))
    }

    /// Receives the oldest message into the front of `out`, and waits for one if there is none: its length.
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv), but `Empty`.
    pub fn recv(&self, out: &mut [u8]) -> Result<usize, RecvBytesError> {
        self.receive(out, |core, out| core.recv(out, None).map(|message| message.len()))
    }

    /// Receives, and waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](RecvBytesError::Timeout), and those of [`recv`](Self::recv).
    pub fn recv_timeout(&self, out: &mut [u8], timeout: Duration) -> Result<usize, RecvBytesError> {
        self.receive(out, |core, out| core.recv(out, Some(clock::after(timeout))).map(|message| message.len()))
    }

    fn receive(
        &self,
        out: &mut [u8],
        act: impl FnOnce(&ipc_core::ByteQueue<'static, Membership>, &mut [MaybeUninit<u8>]) -> Result<usize, RecvBytesError>,
    ) -> Result<usize, RecvBytesError> {
        if !self.is_here() {
            return Err(RecvBytesError::Fault(Fault::Forked));
        }
        let start: *mut MaybeUninit<u8> = out.as_mut_ptr().cast();
        // SAFETY: the same memory, borrowed exclusively, into which only bytes are written.
        act(&self.core, unsafe { std::slice::from_raw_parts_mut(start, out.len()) })
    }

    /// Appends the oldest message to `buffer`, which grows as needed, and waits for one if there is none: its length.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvBytesError::Closed) once the queue is closed and drained.
    pub fn recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, RecvBytesError> {
        self.append(buffer, |core, out| core.recv(out, None).map(|message| message.len()))
    }

    /// [`recv_into`](Self::recv_into) that does not wait.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvBytesError::Empty), [`Closed`](RecvBytesError::Closed).
    pub fn try_recv_into(&self, buffer: &mut Vec<u8>) -> Result<usize, RecvBytesError> {
        self.append(buffer, |core, out| core.try_recv(out).map(|message| message.len()))
    }

    /// [`recv_into`](Self::recv_into) that waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](RecvBytesError::Timeout), [`Closed`](RecvBytesError::Closed).
    pub fn recv_into_timeout(&self, buffer: &mut Vec<u8>, timeout: Duration) -> Result<usize, RecvBytesError> {
        let deadline = clock::after(timeout);
        self.append(buffer, |core, out| core.recv(out, Some(deadline)).map(|message| message.len()))
    }

    /// The oldest message in memory of its own; waits for one if there is none.
    ///
    /// # Errors
    ///
    /// As for [`recv_into`](Self::recv_into).
    pub fn recv_vec(&self) -> Result<Vec<u8>, RecvBytesError> {
        let mut message = Vec::new();
        self.recv_into(&mut message).map(|_| message)
    }

    /// [`recv_vec`](Self::recv_vec) that does not wait.
    ///
    /// # Errors
    ///
    /// As for [`try_recv_into`](Self::try_recv_into).
    pub fn try_recv_vec(&self) -> Result<Vec<u8>, RecvBytesError> {
        let mut message = Vec::new();
        self.try_recv_into(&mut message).map(|_| message)
    }

    /// Asks with the memory that there is, and then with as much as the message needs. Another receiver may take that one meanwhile,
    /// and the next may be longer still.
    fn append(
        &self,
        buffer: &mut Vec<u8>,
        act: impl Fn(&ipc_core::ByteQueue<'static, Membership>, &mut [MaybeUninit<u8>]) -> Result<usize, RecvBytesError>,
    ) -> Result<usize, RecvBytesError> {
        if !self.is_here() {
            return Err(RecvBytesError::Fault(Fault::Forked));
        }
        let mut room = buffer.capacity() - buffer.len();
        loop {
            match append(buffer, room, |out| act(&self.core, out)) {
                Err(RecvBytesError::TooLong { len, .. }) if len <= self.core.ring_bytes() => room = room.max(len),
                result => return result,
            }
        }
    }
}
