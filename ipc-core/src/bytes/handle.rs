//! The byte queue's handle, and what moves no messages.

use super::words::{Geometry, View, Words, words_for};
use crate::ends::Budgets;
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a byte queue should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many bytes a single message may have at most; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of the bytes.
    pub schema: Schema,
    /// The first record's position: for tests of the wrap at 2^64.
    #[doc(hidden)]
    pub start: u64,
}

impl Options {
    /// A queue of messages of up to this many bytes.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, start: 0 }
    }
}

/// The capacity of a new queue whose creator has not said one: that of a ring of 64 KiB.
const DEFAULT: u64 = (64 << 10) - 8;

/// The capacity of a queue that holds this number of messages of this length at once.
pub(super) const fn capacity_for(messages: usize, len: usize) -> u64 {
    let words = words_for(len as u64).saturating_mul(messages as u64);
    // As a single message, whose own head does not count.
    words.saturating_mul(8).saturating_sub(8)
}

impl<H> Builder<'_, Options, H> {
    /// Sets how many bytes a single message may have at most. An opener that sets it gets an error if it differs. Default, also for 0:
    /// some 64 KiB.
    ///
    /// Of shorter messages more fit: each takes 8 bytes more than its length, rounded up to 8. The memory is that of the next power
    /// of two.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.wanted.capacity = bytes as u64;
        self
    }

    /// Sets the [capacity](Self::capacity) so that at least `count` messages of `len` bytes each fit at once. A longer one fits too,
    /// up to all of it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let log = region.byte_queue("log").messages(100, 80).create()?;
    /// for _ in 0..100 {
    ///     log.try_send(&[b'.'; 80])?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn messages(mut self, count: usize, len: usize) -> Self {
        self.wanted.capacity = capacity_for(count, len);
        self
    }
}

has_schema!(Options.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for Options {
    const KIND: Kind = Kind::ByteQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = ByteQueue<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<u8>(Kind::ByteQueue, self.capacity, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let capacity = if self.capacity == 0 { DEFAULT } else { self.capacity };
        let geometry = Geometry::new(capacity).ok_or(ShapeError::Capacity { wanted: capacity })?;
        Ok((Shape { capacity, ..self.shape() }, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.start) }
    }

    of_view!(ByteQueue<'m, P>: |_, view, geometry, platform| ByteQueue::over(view, *geometry, platform));
}

/// A bounded queue of messages of any length between processes: text, serialised data, frames. Any number of senders and receivers;
/// each message goes to one receiver, whole.
///
/// # Guarantees
///
/// - A message is sent whole or not at all, and received once, whichever process is killed at whichever instruction. A receiver that
///   dies after its receive has committed takes that one message with it.
/// - One global order.
/// - Senders exclude each other for the time of a copy, and so do receivers: each side has a robust lock. Senders and receivers do
///   not exclude each other. Nobody waits for a dead process. While a process is *stopped* in the middle of its copy, the others of
///   its side wait. `try_` operations let it run for up to a millisecond, and then report
///   [`Full`](crate::error::TrySendBytesError::Full) or [`Busy`](crate::error::TryRecvBytesError::Busy).
/// - While no thread sleeps, no operation makes a system call.
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
///
/// Into a buffer of a fixed size, until the queue is closed:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// use ipc_posix::RecvBytesError;
///
/// let log = region.byte_queue("log").capacity(4096).create()?;
/// log.send(b"one")?;
/// log.send(b"two")?;
/// let mut line = [0; 80];
/// let len = log.recv(&mut line)?;
/// assert_eq!(&line[..len], b"one");
/// log.close()?;
/// assert_eq!(log.iter().collect::<Vec<_>>(), [b"two"]);
/// assert_eq!(log.recv(&mut line), Err(RecvBytesError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "message_queue")]
#[doc(alias = "bbqueue")]
pub struct ByteQueue<'m, P> {
    pub(super) view: View<'m>,
    pub(super) geometry: Geometry,
    pub(super) send_budgets: Budgets,
    pub(super) recv_budgets: Budgets,
    pub(super) platform: P,
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages in the queue.
    pub len: u64,
    /// Messages sent since the creation, modulo 2^32.
    pub sent: u32,
    /// Messages received since the creation, modulo 2^32.
    pub received: u32,
    /// Bytes of the ring that are in use. Each message takes its length, rounded up to 8, and 8 more.
    pub used: u64,
    /// Bytes of the ring.
    pub ring: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

handle!(ByteQueue, "queue", self => self.recv_budgets, self.send_budgets);

impl<P> ByteQueue<'_, P> {
    /// Returns the bytes that a queue of this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or above 2^40.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a byte queue's capacity is at least 1 and at most 2^40"),
        }
    }

    /// Returns the bytes of the longest message that is possible: the capacity.
    pub fn max_len(&self) -> usize {
        self.geometry.most
    }

    /// Returns the capacity: the bytes of the longest message that is possible.
    pub fn capacity(&self) -> usize {
        self.geometry.most
    }
}

impl<'m, P: Platform> ByteQueue<'m, P> {
    fn over(view: View<'m>, geometry: Geometry, platform: P) -> Self {
        let [send_budgets, recv_budgets] = [(); 2].map(|()| Budgets::new(&platform));
        ByteQueue { view, geometry, send_budgets, recv_budgets, platform }
    }

    fn another(&self, platform: P) -> Self {
        ByteQueue::over(self.view, self.geometry, platform)
    }

    /// Returns how many messages are in the queue. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.counts().2 as usize
    }

    /// Returns whether a message of [`max_len`](Self::max_len) bytes has no room; shorter ones may still fit. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.platform.assert_here();
        self.view.free_words() < words_for(self.geometry.most as u64)
    }

    /// Returns whether there is no message. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.platform.assert_here();
        self.view.used_words() == 0
    }

    /// Returns the queue's figures: messages that were sent and received, and bytes in use. A snapshot.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let log = region.byte_queue("log").capacity(100).create()?;
    /// log.send(b"one line")?;
    /// let stats = log.stats();
    /// assert_eq!((stats.sent, stats.received, stats.len), (1, 0, 1));
    /// assert_eq!((stats.used, stats.ring), (16, 128));
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
        let (used, ring) = (self.view.used_words() * 8, self.geometry.ring * 8);
        Stats { len, sent, received, used, ring, closed: self.view.is_closed() }
    }

    /// Closes the queue for everybody, for good. Returns `true` if this call did. Never waits.
    ///
    /// Sends fail from now on, except that of a sender that is in the middle of its copy. Receivers drain what is there and then get
    /// [`Closed`](crate::error::RecvBytesError::Closed).
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
