//! The queue's handle.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{
    Fault, ForceSendError, RecvError, RecvTimeoutError, SendError, SendSliceError, SendTimeoutError, TryRecvError,
    TrySendError,
};
use ipc_core::object::{Kind, ShapeError};
use ipc_core::queue::{Role, Stats};

use super::batch::SendIterError;
use super::halves::{Receiver, Sender};
use super::iter::{Iter, TryIter, endless};
use crate::attachment::Membership;
use crate::clock;
use crate::error::{Error, ObjectError, ObjectErrorKind};
use crate::region::{Footprint, Region};

/// A bounded queue of `T` between processes: any number of senders, any number of receivers; each message goes to one
/// receiver.
///
/// `T` is plain data: everything that is [`bytemuck::Pod`], and also `bool`, `char` and fieldless enums (derive
/// [`NoUninit`] and [`CheckedBitPattern`]), whose bits are checked at receipt. Messages are copied in and out.
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction; a receiver that dies
///   after its `recv` has committed takes that one message with it.
/// - One global order; messages of one sender arrive in the order in which it sent them.
/// - Once a send has returned, a `try_recv` that starts afterwards in any process gets that message or an older one.
///   (The exception that an order implies: while a *living* sender is stopped in the middle of an older message's
///   copy, the messages behind it wait and `try_recv` says `Empty`. Behind a dead one nobody waits.)
/// - `try_` operations never wait. Senders are lock-free. Nobody asleep costs nothing: then no operation makes a system
///   call.
///
/// # Handles
///
/// A handle can be cloned, sent and shared between threads. A clone keeps private hints, so threads that send a lot
/// are faster with one each. [`sender`](Self::sender) and [`receiver`](Self::receiver) make halves that also notice
/// when the last living process on the other end is gone.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.queue::<u32>("jobs").capacity(4).create()?;
/// jobs.send(1)?;
/// jobs.send(2)?;
/// jobs.close();
/// assert_eq!(jobs.send(3).unwrap_err().into_inner(), 3);
/// assert_eq!(jobs.iter().collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "bounded")]
#[doc(alias = "ArrayQueue")]
#[doc(alias = "channel")]
pub struct Queue<T> {
    core: ipc_core::Queue<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let capacity = self.capacity();
        f.debug_struct("Queue").field("name", &self.name).field("capacity", &capacity).finish_non_exhaustive()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T> Queue<T> {
    pub(super) fn new(core: ipc_core::Queue<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Queue { core, name: name.into() }
    }

    pub(super) fn core(&self) -> &ipc_core::Queue<'static, T, Membership> {
        &self.core
    }

    #[inline(always)]
    pub(super) fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The bytes that a queue of `T` with this capacity takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        Footprint(ipc_core::Queue::<'static, T, Membership>::required_bytes(capacity as u64))
    }

    /// The queue's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the queue lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// Messages in the queue, counting those that are being written. A snapshot; two loads. 0 after a fork.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        if self.is_here() { self.core.len() } else { 0 }
    }

    /// Whether there is no message. A snapshot.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room. A snapshot.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// How many messages fit.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// The queue's figures. `None` after a fork.
    pub fn stats(&self) -> Option<Stats> {
        self.is_here().then(|| self.core.stats())
    }

    /// Closes the queue for everybody, for good. Sends fail from now on and give their value back; receivers drain what
    /// is there and then get [`Closed`](RecvError::Closed); iterators end. `true` if this call began the closing, `false` if
    /// somebody else did (or after a fork).
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }
}

impl<T: NoUninit + CheckedBitPattern> Queue<T> {
    /// The short form for a single queue: a region named `name` that is just large enough, with a queue `name` in it.
    ///
    /// ```
    /// # use ipc_posix::{Queue, Region};
    /// # let name = format!("doc-short-{}", std::process::id());
    /// # let name = name.as_str();
    /// let jobs = Queue::<u64>::open_or_create(name, 1024)?;
    /// jobs.send(1)?;
    /// # Region::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::open_or_create`](crate::RegionOptions::open_or_create) and
    /// [`QueueOptions::open_or_create`](crate::QueueOptions::open_or_create).
    pub fn open_or_create(name: &str, capacity: usize) -> Result<Self, Error> {
        let impossible = ShapeError::Capacity { wanted: capacity as u64 };
        let geometry = ipc_core::queue::layout::geometry::<T>(capacity as u64)
            .ok_or_else(|| ObjectError::new(Kind::Queue, name, ObjectErrorKind::Directory(impossible.into())))?;
        let footprint = Footprint(ipc_core::queue::layout::bytes(&geometry));
        let region = Region::options().fit(&[footprint]).open_or_create(name)?;
        Ok(region.queue::<T>(name).capacity(capacity).open_or_create()?)
    }

    /// Sends if there is room; never waits, lock-free. A system call only if a receiver sleeps.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Closed`](TrySendError::Closed); the value comes back.
    #[doc(alias = "put_nowait")]
    #[doc(alias = "push")]
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if !self.is_here() {
            return Err(TrySendError::Fault(value, Fault::Forked));
        }
        self.core.try_send(value)
    }

    /// Sends, and waits for room if there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed); the value comes back.
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if !self.is_here() {
            return Err(SendError::Fault(value, Fault::Forked));
        }
        self.core.send(value)
    }

    /// Sends, and waits for room at most so long. Room that is there at once is used whatever the time limit.
    #[inline]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, clock::after(timeout), false)
    }

    /// Sends, and waits for room at most until then.
    #[inline]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(value, clock::at(deadline), false)
    }

    #[inline]
    pub(super) fn send_until(
        &self,
        value: T,
        deadline: ipc_core::Instant,
        watch: bool,
    ) -> Result<(), SendTimeoutError<T>> {
        if !self.is_here() {
            return Err(SendTimeoutError::Fault(value, Fault::Forked));
        }
        self.core.send_watching(value, Some(deadline), watch)
    }

    /// Sends even if the queue is full, by taking out the oldest message, which it returns. Never waits.
    ///
    /// # Errors
    ///
    /// [`Contended`](ForceSendError::Contended) if other senders took the room that was made: both values come back,
    /// nothing is lost. [`Closed`](ForceSendError::Closed).
    #[doc(alias = "force_push")]
    #[doc(alias = "push_overwrite")]
    pub fn force_send(&self, value: T) -> Result<Option<T>, ForceSendError<T>> {
        if !self.is_here() {
            return Err(ForceSendError::Fault(value, Fault::Forked));
        }
        self.core.force_send(value)
    }

    /// Receives the oldest message if there is one; never waits. If the oldest message's sender died while writing
    /// it, this call repairs the queue on the way.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty); [`Closed`](TryRecvError::Closed) once the queue is closed and drained.
    #[doc(alias = "get_nowait")]
    #[doc(alias = "pop")]
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv()
    }

    /// Receives the oldest message, and waits for one if there is none: polls for some microseconds, lets others run, then
    /// sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed and drained.
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        self.core.recv()
    }

    /// Receives, and waits at most so long. A message that is there at once is received whatever the time limit.
    #[inline]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(clock::after(timeout), false)
    }

    /// Receives, and waits at most until then.
    #[inline]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(clock::at(deadline), false)
    }

    #[inline]
    pub(super) fn recv_until(&self, deadline: ipc_core::Instant, watch: bool) -> Result<T, RecvTimeoutError> {
        if !self.is_here() {
            return Err(RecvTimeoutError::Fault(Fault::Forked));
        }
        self.core.recv_watching(Some(deadline), watch)
    }

    /// Sends as many of these as there is room for, from the first on, one behind the other, and says how many: at least one, unless
    /// `values` is empty. One step for all of them, and one wake-up. Never waits; lock-free.
    ///
    /// Each message becomes visible by itself, in order: of a batch whose sender is killed meanwhile, the first ones may arrive.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.queue::<u32>("jobs").capacity(4).create()?;
    /// assert_eq!(jobs.try_send_slice(&[1, 2, 3, 4, 5]), Ok(4));
    /// let mut batch = [0; 10];
    /// assert_eq!(jobs.try_recv_slice(&mut batch), Ok(4));
    /// assert_eq!(batch[..4], [1, 2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send); then none was sent.
    pub fn try_send_slice(&self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if !self.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        self.core.try_send_slice(values)
    }

    /// Sends all of these, in batches as large as there is room for, and waits for room as often as needed. Messages of other
    /// senders may come between two batches.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the error says how many were sent.
    pub fn send_slice(&self, values: &[T]) -> Result<(), SendSliceError> {
        self.send_slice_until(values, ipc_core::Instant::FAR_FUTURE, false)
    }

    /// Sends all of these, and waits for room at most so long in all.
    pub fn send_slice_timeout(&self, values: &[T], timeout: Duration) -> Result<(), SendSliceError> {
        self.send_slice_until(values, clock::after(timeout), false)
    }

    pub(super) fn send_slice_until(
        &self,
        values: &[T],
        deadline: ipc_core::Instant,
        watch: bool,
    ) -> Result<(), SendSliceError> {
        if !self.is_here() {
            return Err(SendSliceError { sent: 0, cause: SendTimeoutError::Fault((), Fault::Forked) });
        }
        self.core.send_slice_watching(values, Some(deadline), watch)
    }

    /// Sends all that the iterator yields, in batches, and says how many that were. Waits for room as often as needed.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the error holds what was taken from the iterator and not sent.
    pub fn send_iter(&self, values: impl IntoIterator<Item = T>) -> Result<usize, SendIterError<T>> {
        super::batch::send_iter(values, |batch| self.send_slice(batch))
    }

    /// Receives as many messages as there are and as `out` holds, in their order, and says how many: at least one, unless `out` is
    /// empty. One step for all of them, and one wake-up. Never waits. What lies in `out` behind them may have changed.
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv). A message whose bits are no value of `T` ends the batch before it; as the first one it is
    /// dropped, with [`Fault::InvalidValue`].
    pub fn try_recv_slice(&self, out: &mut [T]) -> Result<usize, TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv_slice(out)
    }

    /// The same; waits for one message if there is none.
    pub fn recv_slice(&self, out: &mut [T]) -> Result<usize, RecvError> {
        self.recv_slice_until(out, ipc_core::Instant::FAR_FUTURE, false).map_err(endless)
    }

    /// The same; waits for one message at most so long.
    pub fn recv_slice_timeout(&self, out: &mut [T], timeout: Duration) -> Result<usize, RecvTimeoutError> {
        self.recv_slice_until(out, clock::after(timeout), false)
    }

    pub(super) fn recv_slice_until(
        &self,
        out: &mut [T],
        deadline: ipc_core::Instant,
        watch: bool,
    ) -> Result<usize, RecvTimeoutError> {
        if !self.is_here() {
            return Err(RecvTimeoutError::Fault(Fault::Forked));
        }
        self.core.recv_slice_watching(out, Some(deadline), watch)
    }

    /// [`try_recv_slice`](Self::try_recv_slice) into memory that need not be initialised: the received messages.
    pub fn try_recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], TryRecvError> {
        if !self.is_here() {
            return Err(TryRecvError::Fault(Fault::Forked));
        }
        self.core.try_recv_uninit(out)
    }

    /// [`recv_slice`](Self::recv_slice) into memory that need not be initialised: the received messages.
    pub fn recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        self.core.recv_uninit_watching(out, None, false).map_err(endless)
    }

    /// Waits for a message and appends as many as there are to `buffer`, at most `most`; how many. 0 only if `most` is 0.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv).
    pub fn recv_many(&self, buffer: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
        self.recv_many_watching(buffer, most, false)
    }

    pub(super) fn recv_many_watching(&self, buffer: &mut Vec<T>, most: usize, watch: bool) -> Result<usize, RecvError> {
        if !self.is_here() {
            return Err(RecvError::Fault(Fault::Forked));
        }
        super::batch::append(buffer, most.min(self.capacity()), |room| {
            self.core.recv_uninit_watching(room, None, watch).map(|values| values.len()).map_err(endless)
        })
    }

    /// A copy of the oldest message, which stays. A hint: somebody may receive it meanwhile.
    pub fn peek(&self) -> Option<T> {
        if self.is_here() { self.core.peek() } else { None }
    }

    /// Messages until the queue is closed and drained, waiting for each. `for message in &queue` does the same.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, false)
    }

    /// The messages that are there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// A sender half. As long as a living process has one, receivers do not report
    /// [`Disconnected`](RecvError::Disconnected); and its own sends report it once receiver halves existed and the last
    /// living one is gone.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn sender(&self) -> Result<Sender<T>, Fault> {
        self.half(Role::Sender).map(Sender::new)
    }

    /// A receiver half: the counterpart of [`sender`](Self::sender).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn receiver(&self) -> Result<Receiver<T>, Fault> {
        self.half(Role::Receiver).map(Receiver::new)
    }

    fn half(&self, role: Role) -> Result<super::halves::Half<T>, Fault> {
        if !self.is_here() {
            return Err(Fault::Forked);
        }
        Ok(super::halves::Half::new(self.clone(), role))
    }
}

impl<'q, T: NoUninit + CheckedBitPattern> IntoIterator for &'q Queue<T> {
    type Item = T;
    type IntoIter = Iter<'q, T>;

    fn into_iter(self) -> Iter<'q, T> {
        self.iter()
    }
}
