//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is gone.

use super::handle::ByteQueue;
use crate::ends::{Half, halves};
use crate::platform::Platform;

/// The half on whose behalf an operation runs, if it notices that the other end is gone.
pub(super) type Watch<'w, 'm, P> = Option<&'w Half<ByteQueue<'m, P>>>;

/// A handle that only sends messages of any length, and that counts as a sender. Made by [`ByteQueue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// [`Disconnected`](crate::error::RecvError::Disconnected) once the queue is drained. When the last half of the last living receiver
/// process is dropped, sends are refused. Plain [`ByteQueue`] handles do not count.
///
/// ```
/// # use ipc_posix::{RecvError, Region, SendBytesError};
/// # let region = Region::options().anonymous()?;
/// let log = region.byte_queue("log").capacity(80).create()?;
/// let (sender, receiver) = (log.sender()?, log.receiver()?);
/// sender.send(b"a line")?;
/// drop(sender);
/// assert_eq!(receiver.recv_vec()?, b"a line");
/// assert_eq!(receiver.recv_vec(), Err(RecvError::Disconnected));
/// drop(receiver);
/// assert_eq!(log.sender()?.send(b"to nobody"), Err(SendBytesError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, P: Platform> {
    half: Half<ByteQueue<'m, P>>,
}

/// A handle that only receives messages of any length, and that counts as a receiver. Made by [`ByteQueue::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, P: Platform> {
    half: Half<ByteQueue<'m, P>>,
}

halves!(ByteQueue, Sender, Receiver);
