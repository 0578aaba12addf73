//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is
//! gone.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};

#[cfg(feature = "alloc")]
use super::batch::SendIterError;
use super::handle::Queue;
use super::iter::Iter;
use super::presence::Role;
use crate::error::{
    RecvError, RecvTimeoutError, SendError, SendSliceError, SendTimeoutError, TryRecvError, TrySendError,
};
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::time::Limit;

/// Empty (or full) answers of a `try_` operation between two looks at whether the other end's holders live: the look
/// takes system calls.
const TRIES_PER_LOOK: u32 = 1024;

/// A counted handle.
pub(super) struct Half<'m, T, P: Platform> {
    queue: Queue<'m, T, P>,
    role: Role,
    tries: AtomicU32,
}

impl<'m, T, P: Platform> Half<'m, T, P> {
    pub(super) fn new(queue: Queue<'m, T, P>, role: Role) -> Self {
        if queue.platform.enter(role.purpose()) {
            queue.join(role);
        }
        Half { queue, role, tries: AtomicU32::new(0) }
    }

    /// Whether the other end is deserted, as far as a `try_` operation can tell: always from the set of holders, and
    /// every so often by asking whether they live.
    fn is_deserted(&self) -> bool {
        // Relaxed: a private counter.
        let tries = self.tries.fetch_add(1, Ordering::Relaxed);
        if tries % TRIES_PER_LOOK == TRIES_PER_LOOK - 1 {
            self.queue.is_deserted(self.role.other())
        } else {
            self.queue.is_left(self.role.other())
        }
    }
}

impl<T, P: Platform + Clone> Clone for Half<'_, T, P> {
    fn clone(&self) -> Self {
        if self.queue.platform.is_here() {
            Half::new(self.queue.clone(), self.role)
        } else {
            Half { queue: self.queue.clone(), role: self.role, tries: AtomicU32::new(0) }
        }
    }
}

impl<T, P: Platform> Drop for Half<'_, T, P> {
    fn drop(&mut self) {
        if self.queue.platform.is_here() && self.queue.platform.leave(self.role.purpose()) {
            self.queue.leave(self.role);
        }
    }
}

/// A handle that only sends, and that counts as a sender. Made by [`Queue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// `Disconnected` once the queue is drained. Plain [`Queue`] handles do not count.
///
/// ```
/// # use ipc_posix::{Region, RecvError};
/// # let region = Region::options().anonymous()?;
/// let queue = region.queue::<u32>("jobs").capacity(4).create()?;
/// let (sender, receiver) = (queue.sender()?, queue.receiver()?);
/// sender.send(1)?;
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok(1));
/// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<'m, T, P: Platform> {
    half: Half<'m, T, P>,
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for Sender<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("queue", &self.half.queue).finish_non_exhaustive()
    }
}

impl<T, P: Platform + Clone> Clone for Sender<'_, T, P> {
    fn clone(&self) -> Self {
        Sender { half: self.half.clone() }
    }
}

impl<'m, T, P: Platform> Sender<'m, T, P> {
    pub(super) fn new(half: Half<'m, T, P>) -> Self {
        Sender { half }
    }

    /// The queue, as a handle that does everything and is not counted.
    pub fn queue(&self) -> &Queue<'m, T, P> {
        &self.half.queue
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Sender<'m, T, P> {
    /// See [`Queue::try_send`]; a full queue whose last receiver has left is
    /// [`Disconnected`](TrySendError::Disconnected). That the last one was killed is noticed within a thousand tries.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.half.queue.try_send(value) {
            Err(TrySendError::Full(value)) if self.half.is_deserted() => Err(TrySendError::Disconnected(value)),
            result => result,
        }
    }

    /// See [`Queue::send`]; waiting for room ends with [`Disconnected`](SendError::Disconnected) when the last living
    /// receiver is gone: at once if it left, within a slice of sleep (a tenth of a second) if it was killed.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.half.queue.send_within(value, &Limit::Forever, true).map_err(SendTimeoutError::endless)
    }

    /// See [`Queue::send_timeout`] and [`send`](Self::send).
    #[inline]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.half.queue.send_within(value, &Limit::For(timeout), true)
    }

    /// See [`Queue::send_deadline`] and [`send`](Self::send).
    #[inline]
    pub fn send_deadline(&self, value: T, deadline: P::Deadline) -> Result<(), SendTimeoutError<T>> {
        self.half.queue.send_within(value, &Limit::Until(deadline), true)
    }

    /// See [`Queue::try_send_slice`] and [`try_send`](Self::try_send).
    pub fn try_send_slice(&self, values: &[T]) -> Result<usize, TrySendError<()>> {
        match self.half.queue.try_send_slice(values) {
            Err(TrySendError::Full(())) if self.half.is_deserted() => Err(TrySendError::Disconnected(())),
            result => result,
        }
    }

    /// See [`Queue::send_slice`] and [`send`](Self::send).
    pub fn send_slice(&self, values: &[T]) -> Result<(), SendSliceError> {
        self.half.queue.send_slice_within(values, &Limit::Forever, true)
    }

    /// See [`Queue::send_slice_timeout`] and [`send`](Self::send).
    pub fn send_slice_timeout(&self, values: &[T], timeout: Duration) -> Result<(), SendSliceError> {
        self.half.queue.send_slice_within(values, &Limit::For(timeout), true)
    }

    /// See [`Queue::send_iter`] and [`send`](Self::send).
    #[cfg(feature = "alloc")]
    pub fn send_iter(&self, values: impl IntoIterator<Item = T>) -> Result<usize, SendIterError<T>> {
        super::batch::send_iter(values, |batch| self.send_slice(batch))
    }

    /// Whether receiver halves existed and no living process has one any more. A system call or more.
    pub fn is_disconnected(&self) -> bool {
        self.half.queue.platform.is_here() && self.half.queue.is_deserted(Role::Receiver)
    }
}

/// A handle that only receives, and that counts as a receiver. Made by [`Queue::receiver`]. See [`Sender`].
pub struct Receiver<'m, T, P: Platform> {
    half: Half<'m, T, P>,
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for Receiver<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("queue", &self.half.queue).finish_non_exhaustive()
    }
}

impl<T, P: Platform + Clone> Clone for Receiver<'_, T, P> {
    fn clone(&self) -> Self {
        Receiver { half: self.half.clone() }
    }
}

impl<'m, T, P: Platform> Receiver<'m, T, P> {
    pub(super) fn new(half: Half<'m, T, P>) -> Self {
        Receiver { half }
    }

    /// The queue, as a handle that does everything and is not counted.
    pub fn queue(&self) -> &Queue<'m, T, P> {
        &self.half.queue
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Receiver<'m, T, P> {
    /// See [`Queue::try_recv`]; an empty queue whose last sender has left is
    /// [`Disconnected`](TryRecvError::Disconnected). That the last one was killed is noticed within a thousand tries.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.half.queue.try_recv() {
            Err(TryRecvError::Empty) if self.half.is_deserted() => match self.half.queue.try_recv() {
                // Its last message came before its leaving: this second look would have found it.
                Err(TryRecvError::Empty) if self.half.queue.is_empty() => Err(TryRecvError::Disconnected),
                result => result,
            },
            result => result,
        }
    }

    /// See [`Queue::recv`]; waiting ends with [`Disconnected`](RecvError::Disconnected) when the queue is empty and the
    /// last living sender is gone: at once if it left, within a slice of sleep (a tenth of a second) if it was killed.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_within(&Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    /// See [`Queue::recv_timeout`] and [`recv`](Self::recv).
    #[inline]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_within(&Limit::For(timeout))
    }

    /// See [`Queue::recv_deadline`] and [`recv`](Self::recv).
    #[inline]
    pub fn recv_deadline(&self, deadline: P::Deadline) -> Result<T, RecvTimeoutError> {
        self.recv_within(&Limit::Until(deadline))
    }

    #[inline]
    fn recv_within(&self, limit: &Limit<P::Deadline>) -> Result<T, RecvTimeoutError> {
        self.half.queue.recv_within(limit, true)
    }

    /// See [`Queue::try_recv_slice`] and [`try_recv`](Self::try_recv).
    pub fn try_recv_slice(&self, out: &mut [T]) -> Result<usize, TryRecvError> {
        match self.half.queue.try_recv_slice(out) {
            Err(TryRecvError::Empty) if self.half.is_deserted() => match self.half.queue.try_recv_slice(out) {
                // Its last message came before its leaving: this second look would have found it.
                Err(TryRecvError::Empty) if self.half.queue.is_empty() => Err(TryRecvError::Disconnected),
                result => result,
            },
            result => result,
        }
    }

    /// See [`Queue::recv_slice`] and [`recv`](Self::recv).
    pub fn recv_slice(&self, out: &mut [T]) -> Result<usize, RecvError> {
        self.half.queue.recv_slice_within(out, &Limit::Forever, true).map_err(RecvTimeoutError::endless)
    }

    /// See [`Queue::recv_slice_timeout`] and [`recv`](Self::recv).
    pub fn recv_slice_timeout(&self, out: &mut [T], timeout: Duration) -> Result<usize, RecvTimeoutError> {
        self.half.queue.recv_slice_within(out, &Limit::For(timeout), true)
    }

    /// See [`Queue::recv_many`] and [`recv`](Self::recv).
    #[cfg(feature = "alloc")]
    pub fn recv_many(&self, buffer: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
        self.half.queue.recv_many_watching(buffer, most, true)
    }

    /// Messages until the queue is closed and drained, or empty and deserted by its senders; waits for each.
    /// `for message in &receiver` does the same.
    pub fn iter(&self) -> Iter<'_, 'm, T, P> {
        Iter::new(&self.half.queue, true)
    }

    /// Whether sender halves existed and no living process has one any more; messages may still be there. A system
    /// call or more.
    pub fn is_disconnected(&self) -> bool {
        self.half.queue.platform.is_here() && self.half.queue.is_deserted(Role::Sender)
    }
}

impl<'q, 'm, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for &'q Receiver<'m, T, P> {
    type Item = T;
    type IntoIter = Iter<'q, 'm, T, P>;

    fn into_iter(self) -> Iter<'q, 'm, T, P> {
        self.iter()
    }
}

/// Bytes, for what `std` reads from: an end that waits for some, and the end of the queue as the end of the file.
#[cfg(feature = "std")]
impl<P: Platform> std::io::Read for Receiver<'_, u8, P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.recv_slice(buffer) {
            Ok(count) => Ok(count),
            Err(RecvError::Closed | RecvError::Disconnected) => Ok(0),
            Err(RecvError::Fault(fault)) => Err(std::io::Error::other(fault)),
        }
    }
}
