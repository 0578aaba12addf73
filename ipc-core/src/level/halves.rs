//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is gone.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::LevelQueue;
use crate::ends::{Half, Moves, halves, recv_verbs, send_verbs};
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::payload::fill_slice;
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A handle of a [`LevelQueue`] that only sends, and that counts as a sender. Made by [`LevelQueue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// `Disconnected` once the queue is drained. When the last half of the last living receiver process is dropped, sends are refused with
/// `Disconnected`. Plain [`LevelQueue`] handles do not count.
///
/// ```
/// # use ipc_posix::{Region, RecvError};
/// # let region = Region::options().anonymous()?;
/// let queue = region.level_queue::<u32>("jobs").levels(2).capacity(4).create()?;
/// let (sender, receiver) = (queue.sender()?, queue.receiver()?);
/// sender.send(1, 20)?;
/// sender.send(0, 10)?;
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [10, 20]);
/// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, T, P: Platform> {
    half: Half<LevelQueue<'m, T, P>>,
}

/// A handle of a [`LevelQueue`] that only receives, and that counts as a receiver. Made by [`LevelQueue::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, T, P: Platform> {
    half: Half<LevelQueue<'m, T, P>>,
}

halves!(LevelQueue<T>, Sender, Receiver, tell);

impl<T: NoUninit + CheckedBitPattern, P: Platform> Receiver<'_, T, P> {
    /// Returns a copy of the message that comes next, which stays: see [`LevelQueue::peek`].
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peek(&self) -> Option<T> {
        self.queue().peek()
    }
}

send_verbs!(
    Sender<T: NoUninit, CheckedBitPattern>, T, [level: usize], (value: T) => value,
    ("level_queue::<u64>(\"squares\").levels(2).capacity(4)", "1, ", "|n| n * n", "25"),
    ". That the last receiver was killed is noticed where there is no room: within half a second by a call that waits, within a \
     thousand calls otherwise.",
    " once the last receiver half has left, room or not"
);
recv_verbs!(
    Receiver<T: NoUninit, CheckedBitPattern>, T,
    "highest",
    ". That the last sender was killed is noticed within half a second by a call that waits, within a thousand calls otherwise.",
    " once it is empty and the last sender half has left"
);
