//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is gone.

use core::mem::MaybeUninit;

use super::handle::PriorityQueue;
use super::pairs::fill_slice;
use crate::ends::{Half, Moves, halves, peek_verb, recv_verbs, send_verbs};
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::object::{Key, Message};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A handle of a [`PriorityQueue`] that only sends, and that counts as a sender. Made by [`PriorityQueue::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// `Disconnected` once the queue is drained. When the last half of the last living receiver process is dropped, sends are refused with
/// `Disconnected`. Plain [`PriorityQueue`] handles do not count.
///
/// ```
/// # use ipc_posix::{Region, RecvError};
/// # let region = Region::options().anonymous()?;
/// let queue = region.priority_queue::<i32, u32>("jobs").capacity(4).create()?;
/// let (sender, receiver) = (queue.sender()?, queue.receiver()?);
/// sender.send_slice(&[(7, 1), (-7, 2)])?;
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [(-7, 2), (7, 1)]);
/// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, K, T, P: Platform> {
    half: Half<PriorityQueue<'m, K, T, P>>,
}

/// A handle of a [`PriorityQueue`] that only receives, and that counts as a receiver. Made by [`PriorityQueue::receiver`]. See
/// [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, K, T, P: Platform> {
    half: Half<PriorityQueue<'m, K, T, P>>,
}

halves!(PriorityQueue<K; T>, Sender, Receiver);

send_verbs!(
    Sender<K: Key; T: Message>, (K, T), [], (key: K, value: T) => (key, value),
    ("priority_queue::<u8, u64>(\"squares\").capacity(4)", "", "|n| (0, n * n)", "(0, 25)"),
    ". That the last receiver was killed is noticed where there is no room: within half a second by a call that waits, within a \
     thousand calls otherwise.",
    " once the last receiver half has left, room or not"
);
recv_verbs!(
    Receiver<K: Key; T: Message>, (K, T), "lowest",
    ". That the last sender was killed is noticed within half a second by a call that waits, within a thousand calls otherwise.",
    " once it is empty and the last sender half has left"
);
peek_verb!(half Receiver<K: Key; T: Message>, (K, T), "lowest", "let jobs = region.priority_queue(\"jobs\").create()?;\njobs.send_slice(&[(30, 1), (10, 2)])?;\nassert_eq!((jobs.receiver()?.peek(), jobs.len()), (Ok((10, 2)), 2));");
