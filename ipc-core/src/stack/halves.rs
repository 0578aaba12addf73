//! Sender and receiver halves: handles that are counted, so that the other end notices when the last living one is gone.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::Stack;
use crate::ends::{Half, Moves, halves, peek_verb, recv_verbs, send_verbs};
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::payload::fill_slice;
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A handle of a [`Stack`] that only sends, and that counts as a sender. Made by [`Stack::sender`].
///
/// When the last half of the last living sender process is dropped, or that process dies, receiver halves report
/// `Disconnected` once the stack is drained. When the last half of the last living receiver process is dropped, sends are refused with
/// `Disconnected`. Plain [`Stack`] handles do not count.
///
/// ```
/// # use ipc_posix::{Region, RecvError};
/// # let region = Region::options().anonymous()?;
/// let stack = region.stack::<u32>("undo").capacity(4).create()?;
/// let (sender, receiver) = (stack.sender()?, stack.receiver()?);
/// sender.send_slice(&[1, 2])?;
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [2, 1]);
/// assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Sender<'m, T, P: Platform> {
    half: Half<Stack<'m, T, P>>,
}

/// A handle of a [`Stack`] that only receives, and that counts as a receiver. Made by [`Stack::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct Receiver<'m, T, P: Platform> {
    half: Half<Stack<'m, T, P>>,
}

halves!(Stack<T>, Sender, Receiver);

send_verbs!(
    Sender<T: NoUninit, CheckedBitPattern>, T, [], (value: T) => value,
    ("stack::<u64>(\"squares\").capacity(4)", "", "|n| n * n", "25"),
    ". That the last receiver was killed is noticed where there is no room: within half a second by a call that waits, within a \
     thousand calls otherwise.",
    " once the last receiver half has left, room or not"
);
recv_verbs!(
    Receiver<T: NoUninit, CheckedBitPattern>, T,
    "topmost",
    ". That the last sender was killed is noticed within half a second by a call that waits, within a thousand calls otherwise.",
    " once it is empty and the last sender half has left"
);
peek_verb!(half Receiver<T: NoUninit, CheckedBitPattern>, T, "topmost", "let tasks = region.stack(\"tasks\").create()?;\ntasks.send_slice(&[1, 2])?;\nassert_eq!((tasks.receiver()?.peek(), tasks.len()), (Ok(2), 2));");
