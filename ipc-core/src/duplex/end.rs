//! A claimed end: what it sends and receives.

use core::fmt;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::ends::Side;
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

/// Gives up both halves of an end in one step: who finds the end of what is sent cannot send any more. After that, the halves find nothing
/// to give up.
struct Whole<'m, P: Platform> {
    words: &'m Words,
    side: Side,
    start: u64,
    platform: P,
    split: bool,
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

    fn platform(&self) -> &P {
        self.rx.platform()
    }

    /// The name of the duplex in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.platform().name()
    }

    /// The region that the duplex lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.platform().region()
    }

    /// Which end this is.
    pub fn side(&self) -> Side {
        self.whole.side
    }

    /// How many elements fit into each direction.
    pub fn capacity(&self) -> usize {
        self.tx.capacity()
    }

    /// Returns how blocking calls of this end wait.
    pub fn wait_strategy(&self) -> WaitStrategy {
        self.rx.wait_strategy()
    }

    /// Sets how blocking calls of this end wait that begin from now on.
    pub fn set_wait_strategy(&self, strategy: WaitStrategy) {
        self.rx.set_wait_strategy(strategy);
        self.tx.set_wait_strategy(strategy);
    }

    /// The half that sends, with its further operations.
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
        let DuplexEnd { mut whole, tx, rx, .. } = self;
        whole.split = true;
        (tx, rx)
    }

    /// Whether there was a holder of the other end and none is left alive. Elements may still be there. A system call if there is one.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.rx.is_disconnected()
    }

    /// The process that holds the other end, as it knows its own id. It may be dead, until a process notices.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peer_pid(&self) -> Option<u32> {
        self.platform().assert_here();
        self.whole.words.ends().holder(self.side().other()).map(|holder| self.platform().process_id(holder))
    }

    /// Whether the process that held the other end was killed, as far as anybody has noticed. `false` if it left.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peer_died(&self) -> bool {
        self.platform().assert_here();
        self.whole.words.ends().died(self.side().other())
    }

    /// Blocks until somebody has come to the other end. It may have left since: what it has sent is there.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn wait_for_peer(&self) -> Result<(), Fault> {
        self.wait_for_peer_within(&Limit::Forever).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_for_peer_timeout, wait_for_peer_deadline, wait_for_peer, "Waits for somebody to come",
        [&self] limit [] -> Result<(), WaitTimeoutError> { self.wait_for_peer_within(limit) }
    }

    fn wait_for_peer_within(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
        self.platform().here()?;
        let mut waits = limit.over_all_waits();
        wait_for(self.side().other(), self.whole.words, self.platform(), self.wait_strategy(), &mut waits)
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

// Shared memory is not touched: after a fork it is not there.
impl<S, R, P: Platform + fmt::Debug> fmt::Debug for DuplexEnd<'_, S, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("DuplexEnd");
        it.field("name", self.platform()).field("side", &self.side()).field("capacity", &self.capacity());
        it.finish_non_exhaustive()
    }
}
