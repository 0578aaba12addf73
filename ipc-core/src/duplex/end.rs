//! A claimed end: what it sends and receives.

use core::fmt;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::ends::Side;
use super::questions::questions;
use super::words::{Way, Words};
use crate::error::{
    Fault, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, WaitTimeoutError,
};
use crate::here::Here;
use crate::platform::{Located, Platform};
use crate::spsc::{Consumer, End, Held, Producer, View};
use crate::time::{Limit, Waits};
use crate::timed::timed;
use crate::wait::{Attempt, SpinBudget, WaitStrategy, block_until};

/// The half of a [`DuplexEnd`] that sends: a producer of the ring to the other end.
pub type Sending<'m, T, P> = Producer<'m, T, P, Way<'m>>;
/// The half of a [`DuplexEnd`] that receives: a consumer of the ring from the other end.
pub type Receiving<'m, T, P> = Consumer<'m, T, P, Way<'m>>;

/// An end of a [`Duplex`](super::Duplex), held until it is dropped. It sends `S` and receives `R`.
///
/// When this end is dropped, or its process killed, the other end receives what was sent, and then
/// [`Disconnected`](RecvError::Disconnected); its sends are refused. Both are noticed at once if this end left, and within half a second
/// by a wait if its process was killed.
///
/// With the feature `std`, an end of bytes is an `io::Read` and an `io::Write`, with the end of the file and a
/// [`BrokenPipe`](std::io::ErrorKind::BrokenPipe) in place of these errors.
///
/// [`sender_mut`](Self::sender_mut) and [`receiver_mut`](Self::receiver_mut) have all operations of a [one-to-one queue](crate::spsc): slices, chunks
/// that are written and read in place, iterators. [`split`](Self::split) gives them to two threads.
///
/// # Guarantees
///
/// - What is received was sent in this session, once, whole and in order, whichever process is killed at whichever instruction.
/// - `try_` operations are wait-free. While no thread sleeps, no operation makes a system call, takes a read-modify-write or (where the
///   region uses `membarrier`) a fence.
#[must_use = "the other end notices when this is dropped"]
pub struct DuplexEnd<'m, S, R, P: Platform> {
    /// Dropped before the halves.
    whole: Whole<'m, P>,
    tx: Sending<'m, S, P>,
    rx: Receiving<'m, R, P>,
}

questions!(DuplexEnd, "elements");

/// Gives up both halves of an end in one step: who finds the end of what is sent cannot send any more. After that, the halves find nothing
/// to give up.
pub(super) struct Whole<'m, P: Platform> {
    pub(super) words: &'m Words,
    pub(super) side: Side,
    start: u64,
    platform: P,
    split: bool,
}

impl<P: Platform> Whole<'_, P> {
    /// From now on each half gives up itself.
    pub(super) fn split(mut self) {
        self.split = true;
    }
}

impl<P: Platform> Drop for Whole<'_, P> {
    fn drop(&mut self) {
        if !self.split && self.platform.is_here() {
            self.words.release(self.side, &[End::Producer, End::Consumer], self.start, &self.platform);
        }
    }
}

impl<'m, S, R, P: Platform> DuplexEnd<'m, S, R, P> {
    /// The end that the caller has claimed, in a session that starts at this position.
    pub(super) fn new(
        (words, side): (&'m Words, Side),
        (tx, rx): (View<'m, S, Way<'m>>, View<'m, R, Way<'m>>),
        platform: &P,
        start: u64,
        strategy: WaitStrategy,
    ) -> Self
    where
        P: Clone,
    {
        let end = DuplexEnd {
            whole: Whole { words, side, start, platform: platform.clone(), split: false },
            tx: Producer::at(Held::new(tx, End::Producer, platform.clone()), start),
            rx: Consumer::at(Held::new(rx, End::Consumer, platform.clone()), start),
        };
        end.set_wait_strategy(strategy);
        end
    }

    /// The half that sends, with its further operations.
    ///
    /// Batches go by the end's halves, without splitting it:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let talk = region.duplex::<u32, u32>("talk").create()?;
    /// let (mut client, mut server) = (talk.client()?, talk.server()?);
    /// client.sender_mut().send_slice(&[1, 2, 3])?;
    /// let mut batch = Vec::new();
    /// assert_eq!(server.receiver_mut().recv_many(&mut batch, 10)?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sender_mut(&mut self) -> &mut Sending<'m, S, P> {
        &mut self.tx
    }

    /// The half that receives, with its further operations.
    pub fn receiver_mut(&mut self) -> &mut Receiving<'m, R, P> {
        &mut self.rx
    }

    /// Splits the end into its halves, for two threads. Each half leaves by itself when it is dropped: without the sender, the other end
    /// finds the end of what is sent; without the receiver, it can send nothing more.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let duplex = region.duplex::<u64, u64>("sums").capacity(4).create()?;
    /// let (mut server, client) = (duplex.server()?, duplex.client()?);
    /// let (mut numbers, mut sums) = client.split();
    /// numbers.send(2)?;
    /// numbers.send(3)?;
    /// drop(numbers); // that was all
    /// let sum = server.receiver_mut().iter().sum();
    /// server.send(sum)?;
    /// assert_eq!(sums.recv()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(self) -> (Sending<'m, S, P>, Receiving<'m, R, P>) {
        let DuplexEnd { whole, tx, rx } = self;
        whole.split();
        (tx, rx)
    }

    /// Its parts, in the order in which they are dropped.
    #[cfg(feature = "serde")]
    pub(super) fn into_parts(self) -> (Whole<'m, P>, Sending<'m, S, P>, Receiving<'m, R, P>) {
        (self.whole, self.tx, self.rx)
    }
}

/// Waits until somebody has come to this end.
pub(super) fn wait_for<P: Platform>(
    side: Side,
    words: &Words,
    platform: &P,
    strategy: WaitStrategy,
    waits: &mut Waits<'_, P::Deadline>,
) -> Result<(), WaitTimeoutError> {
    if words.ends().came(side) {
        return Ok(());
    }
    let budget = SpinBudget::new(platform);
    budget.set_wait_strategy(strategy);
    let attempt = |_| if words.ends().came(side) { Attempt::Done(()) } else { Attempt::NotYet };
    block_until(platform, words.claims(), &budget, waits.deadline(platform), attempt)
        .map_err(|unmet| unmet.or_fault(WaitTimeoutError::Timeout))
}

impl<S: NoUninit, R, P: Platform> DuplexEnd<'_, S, R, P> {
    /// Sends an element; blocks while there is no room.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](SendError::Disconnected) once the other end is gone. The error holds the value.
    #[inline]
    pub fn send(&mut self, value: S) -> Result<(), SendError<S>> {
        self.tx.send(value)
    }

    /// Sends an element if there is room. Never waits.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Disconnected`](TrySendError::Disconnected). The error holds the value.
    #[inline]
    pub fn try_send(&mut self, value: S) -> Result<(), TrySendError<S>> {
        self.tx.try_send(value)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends an element",
        [&mut self, value: S] limit [] -> Result<(), SendTimeoutError<S>> { self.tx.send_within(value, limit) }
    }
}

impl<S, R: NoUninit + CheckedBitPattern, P: Platform> DuplexEnd<'_, S, R, P> {
    /// Receives the oldest element; blocks while there is none.
    ///
    /// # Errors
    ///
    /// [`Disconnected`](RecvError::Disconnected), once nothing is left and the other end is gone.
    #[inline]
    pub fn recv(&mut self) -> Result<R, RecvError> {
        self.rx.recv()
    }

    /// Receives the oldest element if there is one. Never waits.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty), [`Disconnected`](TryRecvError::Disconnected).
    #[inline]
    pub fn try_recv(&mut self) -> Result<R, TryRecvError> {
        self.rx.try_recv()
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives the oldest element",
        [&mut self] limit [] -> Result<R, RecvTimeoutError> { self.rx.recv_within(limit) }
    }

    /// Blocks until there is something to receive, and receives nothing.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn wait_readable(&mut self) -> Result<(), RecvError> {
        self.rx.wait_within(&Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    timed! {
        wait_readable_timeout, wait_readable_deadline, wait_readable, "Waits for something to receive",
        [&mut self] limit [] -> Result<(), RecvTimeoutError> { self.rx.wait_within(limit) }
    }
}
