//! The broadcast's handle: what it should be like, questions, and subscriptions.

use core::marker::PhantomData;

use super::subscriber::Subscriber;
use super::words::{Geometry, MOST_CURSORS, Stats, View, Words};
use crate::error::{Fault, SubscribeError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::time::Timestamp;
use crate::wait::SpinBudget;

/// Whether publishers wait for subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// They do not. A message takes the place of the oldest one, and slow subscribers are told how many they missed.
    Overwrite,
    /// They wait for the slowest living subscriber.
    Wait {
        /// The most subscribers.
        subscribers: u32,
    },
}

impl Policy {
    const fn cursors(self) -> Option<u32> {
        match self {
            Policy::Overwrite => Some(0),
            Policy::Wait { subscribers: 0 } => None,
            Policy::Wait { subscribers } => Some(subscribers),
        }
    }
}

/// What a broadcast should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many messages are kept; 0: not said.
    pub capacity: u64,
    /// Whether publishers wait for subscribers; `None`: not said.
    pub policy: Option<Policy>,
    /// The users' version number of the element type.
    pub schema: Schema,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A broadcast that keeps `capacity` messages.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, policy: None, schema: Schema::NONE, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many messages are kept: any number from 1. An opener that sets it gets an error if it differs. Default, also for
    /// 0: 1024, or fewer large ones, some 64 KiB in all, but 16 at least.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.wanted.capacity = messages as u64;
        self
    }

    /// Makes publishers never wait: a subscriber that is too slow learns how many messages it missed. The default for creators. An
    /// opener that sets it gets an error if it differs.
    pub fn overwrite(mut self) -> Self {
        self.wanted.policy = Some(Policy::Overwrite);
        self
    }

    /// Makes publishers wait for the slowest living subscriber, of which there are at most `most`. An opener that sets it gets an error if it
    /// differs.
    pub fn wait_for_subscribers(mut self, most: u32) -> Self {
        self.wanted.policy = Some(Policy::Wait { subscribers: most });
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::Broadcast;
    type Object = Words;
    type Handle<'m, P: Platform> = Broadcast<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Broadcast, self.capacity, self.schema)
    }

    fn accepts(&self, geometry: &Geometry) -> Result<(), ShapeError> {
        match self.policy.and_then(Policy::cursors) {
            Some(wanted) if wanted != geometry.cursors => Err(ShapeError::Differs {
                field: Field::Subscribers,
                wanted: wanted.into(),
                found: geometry.cursors.into(),
            }),
            _ => Ok(()),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        if let Some(Policy::Wait { subscribers }) = self.policy
            && !(1..=MOST_CURSORS).contains(&subscribers)
        {
            let (field, wanted, most) = (Field::Subscribers, subscribers.into(), MOST_CURSORS.into());
            return Err(ShapeError::Impossible { field, wanted, most });
        }
        let shape = self.shape().with_default_capacity();
        let cursors = self.policy.unwrap_or(Policy::Overwrite).cursors();
        cursors
            .and_then(|cursors| Geometry::new(shape.capacity, size_of::<T>(), cursors))
            .map(|geometry| (shape, geometry))
            .ok_or(ShapeError::Capacity { wanted: shape.capacity })
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry) }
    }

    of_view!(Broadcast<'m, T, P>: |_, view, _, platform| Broadcast::over(view, platform));
}

/// Messages that every subscriber sees: any number of publishers, any number of subscribers.
///
/// The creator decides what happens when a subscriber is slow. With [`overwrite`](Builder::overwrite) publishers never wait for
/// subscribers: the oldest message makes room, and a subscriber that comes too late is told how many it missed. With
/// [`wait_for_subscribers`](Builder::wait_for_subscribers) they wait for the slowest one that is alive.
///
/// # Guarantees
///
/// - Every subscriber gets every message from where it began, whole and in one global order, except those that it is told it missed
///   (only with `overwrite`). Nothing comes twice.
/// - A publisher that is killed at whichever instruction has published its message or not. The others go on. A subscriber that is
///   killed holds up no publisher. One that is *stopped* is alive, and publishers wait for it.
/// - Publishers exclude each other for the time of a copy (a robust lock). With `overwrite`, subscribers take no lock and write nothing
///   to shared memory.
///
/// ```
/// # use ipc_posix::{RecvBroadcastError, Region};
/// # let region = Region::options().anonymous()?;
/// let prices = region.broadcast::<u64>("prices").capacity(4).open_or_create()?;
/// let mut early = prices.subscribe()?;
/// for price in 1..=6 {
///     prices.publish(price)?;
/// }
/// let mut late = prices.subscribe_last(2)?;
/// assert_eq!(late.try_iter().collect::<Vec<_>>(), [5, 6]);
/// assert_eq!(early.recv(), Err(RecvBroadcastError::Lagged(2)));
/// assert_eq!(early.recv(), Ok(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "publish_subscribe")]
#[doc(alias = "fan_out")]
pub struct Broadcast<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) budget: SpinBudget,
    /// For the publishers' lock: a wait for it may happen within one for room.
    pub(super) lock_budget: SpinBudget,
    pub(super) platform: P,
    element: PhantomData<fn(T) -> T>,
}

handle!(Broadcast<T>, "broadcast", self => self.budget, self.lock_budget);

impl<T, P> Broadcast<'_, T, P> {
    /// The bytes that a broadcast of `T` with this capacity and policy takes in a region.
    ///
    /// # Panics
    ///
    /// If there can be none: a capacity of 0 or larger than an address space, no subscriber to wait for or more than 65536.
    pub const fn footprint(capacity: usize, policy: Policy) -> Footprint {
        if let Some(cursors) = policy.cursors()
            && let Some(geometry) = Geometry::new(capacity as u64, size_of::<T>(), cursors)
        {
            return Footprint(geometry.bytes());
        }
        panic!("a broadcast's capacity is at least 1 and fits the address space")
    }

    /// How many messages are kept.
    pub fn capacity(&self) -> usize {
        self.view.capacity as usize
    }
}

impl<'m, T, P: Platform> Broadcast<'m, T, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        let [budget, lock_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        Broadcast { view, budget, lock_budget, platform, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        Broadcast::over(self.view, platform)
    }

    /// How many messages were ever published.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.platform.assert_here();
        self.view.tail()
    }

    /// How many subscribers publishers wait for, dead ones that no process has noticed included.
    ///
    /// Always 0 where publishers do not wait: there subscribers are not counted.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.platform.assert_here();
        self.view.subscribers()
    }

    /// The broadcast's figures: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes it for every process, for good. Returns `true` if this call closed it, `false` if it was closed.
    ///
    /// Subscribers read what is there and then get [`Closed`](crate::error::RecvBroadcastError::Closed). A message that is being
    /// published at this instant still gets in.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let news = region.broadcast::<u32>("news").capacity(4).create()?;
    /// let mut subscriber = news.subscribe()?;
    /// news.publish(1)?;
    /// news.close()?;
    /// assert_eq!(subscriber.iter().collect::<Vec<_>>(), [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.close(&self.platform))
    }

    /// Whether it is closed. Subscribers may still have messages to read.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed()
    }

    /// Begins a subscription at the next message.
    ///
    /// # Errors
    ///
    /// [`Full`](SubscribeError::Full) where publishers wait for subscribers and there are as many living ones as fit;
    /// [`Busy`](SubscribeError::Busy) where a living publisher is stopped in the middle of its copy (after ten seconds).
    pub fn subscribe(&self) -> Result<Subscriber<'m, T, P>, SubscribeError>
    where
        P: Clone,
    {
        self.subscribe_last(0)
    }

    /// Begins a subscription with the last `count` messages, as far as they are kept.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Self::subscribe).
    pub fn subscribe_last(&self, count: usize) -> Result<Subscriber<'m, T, P>, SubscribeError>
    where
        P: Clone,
    {
        self.here()?;
        Subscriber::begin(self.view, self.platform.clone(), count as u64, self.wait_strategy())
    }
}
