//! The queue's handle, from which the ends are claimed.

use core::marker::PhantomData;

use super::claim::ClaimError;
use super::words::{self, End, Geometry, Stats, View, Words};
use super::{Consumer, Producer};
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema};
use crate::platform::Platform;
use crate::time::Timestamp;
use crate::wait::{Chosen, WaitStrategy};

/// What a one-to-one queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many elements fit; 0: not said.
    pub capacity: u64,
    /// The users' version number of the element type.
    pub schema: Schema,
    /// The first element's position: for tests of the wrap at 2^64.
    #[doc(hidden)]
    pub start: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of `capacity` elements.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, start: 0, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many elements fit: any number from 1. An opener that sets it gets an error if it differs. Default, also for 0: 1024, or
    /// fewer large ones, some 64 KiB in all, but 16 at least.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, elements: usize) -> Self {
        self.wanted.capacity = elements as u64;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::Spsc;
    type Object = Words;
    type Handle<'m, P: Platform> = Spsc<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Spsc, self.capacity, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let shape = self.shape().with_default_capacity();
        Geometry::of(&shape).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::<T>::lay(memory, geometry, self.start) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry,
        platform: P,
    ) -> Result<Spsc<'m, T, P>, ShapeError> {
        // SAFETY: the caller's promise.
        Ok(Spsc::over(unsafe { View::over(memory, geometry)? }, platform))
    }
}

/// A bounded queue of `T` from one process to another: the fastest way between two.
///
/// This handle moves nothing. It gives out the two ends, [`producer`](Self::producer) and [`consumer`](Self::consumer). Each is
/// held by one living handle at a time, in whatever process. An end comes free when its handle is dropped or its process dies. The
/// next process that claims it goes on exactly there: everything that was sent is still there, and nothing comes twice.
///
/// `T` is plain data, as for [`Queue`](crate::Queue).
///
/// # Guarantees
///
/// - Nothing is lost, doubled or torn, whichever process is killed at whichever instruction. A consumer that dies after its receive
///   has committed takes what it received with it. A batch is sent as a whole or not at all, also by a producer that is killed.
/// - `try_` operations are wait-free. While no thread sleeps, no operation makes a system call. An operation takes no
///   read-modify-write and no fence (where the region uses `membarrier`, which is the default).
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u64>("ticks").capacity(1024).open_or_create()?;
/// let mut producer = ticks.producer()?;
/// let mut consumer = ticks.consumer()?; // in another process, usually
/// producer.send(1)?;
/// producer.send_slice(&[2, 3, 4])?;
/// drop(producer);
/// assert_eq!(consumer.iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "rtrb")]
#[doc(alias = "RingBuffer")]
#[doc(alias = "Pipe")]
pub struct Spsc<'m, T, P> {
    view: View<'m, T>,
    platform: P,
    /// Of the ends that this handle claims.
    strategy: Chosen,
}

handle!(Spsc<T>, "queue", self => self.strategy);

impl<T, P> Spsc<'_, T, P> {
    /// The bytes that a queue of `T` with this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space, or `T` is aligned to more than 128 bytes.
    pub const fn footprint(capacity: usize) -> Footprint {
        match words::geometry(capacity as u64, size_of::<T>(), align_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a queue's capacity is at least 1 and fits the address space"),
        }
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.view.capacity as usize
    }
}

impl<'m, T, P: Platform> Spsc<'m, T, P> {
    fn over(view: View<'m, T>, platform: P) -> Self {
        Spsc { view, platform, strategy: Chosen::new(WaitStrategy::Adaptive) }
    }

    fn another(&self, platform: P) -> Self {
        Spsc::over(self.view, platform)
    }

    /// The number of elements in the queue: a snapshot of two loads.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.len() as usize
    }

    /// Whether there is no element: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// The queue's figures: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Whether the queue is closed. Elements may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.words.is_closed()
    }

    /// Closes the queue for both ends, for good. What is there can still be received. Returns `true` if this call closed it, `false`
    /// if it was closed.
    ///
    /// An element that the producer is sending at this instant may still get in. It can be received like any other. The
    /// producer's own [`close`](Producer::close) has no such window.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.words.close(&self.platform))
    }

    /// The process that holds the producing end, as it knows its own id. It may be dead, until a process notices.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn producer_pid(&self) -> Option<u32> {
        self.pid(End::Producer)
    }

    /// The process that holds the consuming end, as it knows its own id. It may be dead, until a process notices.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn consumer_pid(&self) -> Option<u32> {
        self.pid(End::Consumer)
    }

    fn pid(&self, end: End) -> Option<u32> {
        self.platform.assert_here();
        self.view.words.role(end).holder().map(|holder| self.platform.process_id(holder))
    }

    /// Claims the producing end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// [`Held`](super::ClaimErrorKind::Held) if a living process (it may be this one) has it.
    pub fn producer(&self) -> Result<Producer<'m, T, P>, ClaimError>
    where
        P: Clone,
    {
        Producer::claim(self.view, self.platform.clone(), self.wait_strategy())
    }

    /// Claims the consuming end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// [`Held`](super::ClaimErrorKind::Held) if a living process (it may be this one) has it.
    pub fn consumer(&self) -> Result<Consumer<'m, T, P>, ClaimError>
    where
        P: Clone,
    {
        Consumer::claim(self.view, self.platform.clone(), self.wait_strategy())
    }
}
