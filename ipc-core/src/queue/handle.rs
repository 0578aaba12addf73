//! The queue's handle, and what does not move messages: looking, closing, repairing.

use core::marker::PhantomData;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::words::{self, Stats, View, Words};
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, Host, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::participant::{Findings, ParticipantId};
use crate::platform::{Located, Platform};
use crate::ring::{Blocker, Geometry, Hints, Position, Ring};
use crate::sync::Ordering;
use crate::time::Timestamp;
use crate::wait::{Attempt, SpinBudget};

/// What a queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many messages fit; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    /// The first message's position: for tests of the wrap at 2^52.
    #[doc(hidden)]
    pub start: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, start: 0, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many messages fit: any number from 1. An opener that sets it gets an error if it differs. Default, also for 0: 1024, or
    /// fewer large ones, some 64 KiB in all, but 16 at least.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.wanted.capacity = messages as u64;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::Queue;
    type Object = Words;
    type Handle<'m, P: Platform> = Queue<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Queue, self.capacity, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let shape = self.shape().with_default_capacity();
        words::geometry_of(&shape).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, Position::new(self.start)) }
    }

    of_view!(Queue<'m, T, P>: |_, view, _, platform| Queue::over(view, platform, view.ring.hints()));
}

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
///   copy, the messages behind it wait and `try_recv` says `Busy`. Behind a dead one nobody waits.)
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
/// jobs.close()?;
/// assert_eq!(jobs.send(3).unwrap_err().into_inner(), 3);
/// assert_eq!(jobs.iter().collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Several messages at a time, and the newest instead of the oldest where there is no room:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.queue::<u32>("jobs").capacity(4).create()?;
/// jobs.send_slice(&[1, 2, 3, 4])?;
/// assert_eq!((jobs.peek(), jobs.force_send(5)?), (Some(1), Some(1)));
/// let mut batch = Vec::new();
/// assert_eq!(jobs.recv_many(&mut batch, 3)?, 3);
/// assert_eq!(batch, [2, 3, 4]);
/// let mut room = [std::mem::MaybeUninit::uninit(); 10];
/// assert_eq!(jobs.recv_uninit(&mut room)?, [5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each call that blocks has forms with a time limit, and one that never waits:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// use std::time::{Duration, Instant};
/// use ipc_posix::{RecvTimeoutError, TryRecvError, TrySendError};
///
/// let jobs = region.queue::<u32>("jobs").capacity(1).create()?;
/// assert_eq!(jobs.try_send(1), Ok(()));
/// assert_eq!(jobs.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(jobs.send_timeout(2, Duration::from_millis(1)).unwrap_err().into_inner(), 2);
/// assert_eq!(jobs.recv_deadline(Instant::now() + Duration::from_secs(1)), Ok(1));
/// assert_eq!(jobs.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
/// assert_eq!(jobs.try_recv(), Err(TryRecvError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "bounded")]
#[doc(alias = "ArrayQueue")]
#[doc(alias = "channel")]
pub struct Queue<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    pub(super) me: ParticipantId,
    /// What a producer remembers: while it holds, neither `head` nor the slot before need be read.
    pub(super) hints: Hints,
    pub(super) recv_budget: SpinBudget,
    pub(super) send_budget: SpinBudget,
    element: PhantomData<fn(T) -> T>,
}

handle!(Queue<T>, "queue", self => self.recv_budget, self.send_budget);

impl<T, P> Queue<'_, T, P> {
    /// The bytes that a queue of `T` with this capacity takes in a region: for `RegionOptions::fit`.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        match words::geometry(capacity as u64, size_of::<T>()) {
            Some(geometry) => Footprint(words::bytes(&geometry)),
            None => panic!("a queue's capacity is at least 1 and fits the address space"),
        }
    }

    /// How many messages fit.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.view.ring.geometry().capacity() as usize
    }

    pub(super) fn ring(&self) -> &Ring<'_> {
        &self.view.ring
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Located> Queue<'static, T, P>
where
    P::Region: Host<Platform = P>,
{
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
    /// Those of [`RegionOptions::open_or_create`](Host::open_or_create_alone) and
    /// [`QueueOptions::open_or_create`](Builder::open_or_create).
    pub fn open_or_create(name: &str, capacity: usize) -> Result<Self, <P::Region as Host>::AloneError> {
        P::Region::open_or_create_alone(name, &Options::new(capacity as u64))
    }
}

impl<'m, T, P: Platform> Queue<'m, T, P> {
    fn over(view: View<'m>, platform: P, hints: Hints) -> Self {
        let recv_budget = SpinBudget::new(&platform);
        let send_budget = SpinBudget::new(&platform);
        let me = platform.me();
        Queue { view, platform, me, hints, recv_budget, send_budget, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        Queue::over(self.view, platform, self.hints.for_another())
    }

    /// Messages in the queue, counting those that are being written. A snapshot; two loads.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.ring.len() as usize
    }

    /// Whether there is no message. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// The queue's figures.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes the queue for everybody, for good. Sends fail from now on and give their value back; receivers drain what
    /// is there and then get [`Closed`](crate::error::RecvError::Closed); iterators end. `true` if this call began the closing, `false` if
    /// another one did.
    ///
    /// The closing is one step: when it returned, no later message can get in. A closer that is killed on the way
    /// has closed the queue or not; a process that notices a half-done closing completes it.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        // Release: who sees `closing` and completes it does so after everything that we did. The closing itself
        // is the flag in `tail`; it is ours even if somebody else completes it.
        let first = self.view.words.gates.closing.swap(1, Ordering::AcqRel) == 0;
        self.view.ring.close();
        self.view.words.gates.items.notify_all(&self.platform);
        self.view.words.gates.space.notify_all(&self.platform);
        Ok(first)
    }

    /// Whether the queue is closed. Messages may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.ring.is_closed() || self.complete_closing()
    }

    /// If a closing has begun: completes it, for its author may be dead. Says whether one had begun. One load of a
    /// line that is hardly ever written.
    #[inline]
    pub(super) fn complete_closing(&self) -> bool {
        let begun = self.view.words.gates.closing.load(Ordering::Acquire) != 0;
        if begun && !self.view.ring.is_closed() {
            self.view.ring.close();
            self.view.words.gates.items.notify_all(&self.platform);
            self.view.words.gates.space.notify_all(&self.platform);
        }
        begun
    }

    /// For a producer that finds the queue full: gives up and passes over what dead producers have left at the head, so
    /// that it does not take a consumer to see that there is room. Whether that made any.
    ///
    /// # Errors
    ///
    /// [`Fault::DeathsUnknown`].
    #[cold]
    pub(super) fn make_room(&self) -> Result<bool, Fault> {
        let unknown =
            matches!(self.view.ring.blocker(), Blocker::Owner(_)) && matches!(self.unblock(), Attempt::Unknown);
        let freed = self.view.ring.skip_voids();
        if freed != 0 {
            self.view.words.gates.space.notify(&self.platform, move || freed);
        }
        if unknown && freed == 0 { Err(Fault::DeathsUnknown) } else { Ok(freed != 0) }
    }

    /// Checks who holds up the head, and repairs after it if it is dead.
    pub(super) fn unblock(&self) -> Attempt<Fault> {
        match self.view.ring.blocker() {
            Blocker::Nobody => Attempt::NotYet,
            Blocker::Moved => Attempt::Again,
            Blocker::Corrupted => Attempt::Done(Fault::Corrupted),
            Blocker::Owner(owner) => {
                let mut found = Findings::default();
                found.ask(&self.platform, owner, |dead| self.view.sweep(dead, &self.platform));
                match found.found() {
                    Ok(true) => Attempt::Again,
                    Ok(false) => Attempt::Suspect,
                    Err(_) => Attempt::Unknown,
                }
            }
        }
    }
}
