//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is gone.

use super::handle::LoanQueue;
use crate::ends::{Half, halves};
use crate::platform::Platform;

/// The half on whose behalf an operation runs, if it notices that the other end is gone.
pub(super) type Watch<'w, 'm, T, P> = Option<&'w Half<LoanQueue<'m, T, P>>>;

/// A handle that only borrows blocks and sends, and that counts as a sender. Made by [`LoanQueue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// [`Disconnected`](crate::error::RecvError::Disconnected) once the queue is drained. When the last half of the last living receiver
/// process is dropped, loans and sends are refused. Plain [`LoanQueue`] handles do not count.
///
/// ```
/// # use ipc_posix::{LoanError, RecvError, Region};
/// # let region = Region::options().anonymous()?;
/// let frames = region.loan_queue::<u8>("frames").blocks(2).block_len(1024).create()?;
/// let (sender, receiver) = (frames.sender()?, frames.receiver()?);
/// sender.send_copy(&[1, 2, 3])?;
/// drop(sender);
/// assert_eq!(receiver.recv()?.to_vec(), [1, 2, 3]);
/// assert_eq!(receiver.recv().unwrap_err(), RecvError::Disconnected);
/// drop(receiver);
/// assert_eq!(frames.sender()?.send_copy(b"to nobody"), Err(LoanError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, T, P: Platform> {
    half: Half<LoanQueue<'m, T, P>>,
}

/// A handle that only receives messages in their blocks, and that counts as a receiver. Made by [`LoanQueue::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, T, P: Platform> {
    half: Half<LoanQueue<'m, T, P>>,
}

halves!(LoanQueue<T>, Sender, Receiver);

impl<T, P: Platform> Sender<'_, T, P> {
    /// Returns how many elements a block has: the most of one message.
    pub fn block_len(&self) -> usize {
        self.queue().block_len()
    }
}
