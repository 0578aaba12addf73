//! The handle that publishes and begins subscriptions.

use std::sync::Arc;
use std::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::broadcast::{Policy, footprint};
use ipc_core::error::{Fault, PublishError, SubscribeError};

use super::subscriber::Subscriber;
use crate::attachment::Membership;
use crate::clock;
use crate::region::{Footprint, Region};

/// Messages that every subscriber sees: any number of publishers, any number of subscribers.
///
/// What happens when a subscriber is slow is the creator's choice. With [`overwrite`](crate::BroadcastOptions::overwrite) publishers never
/// wait for subscribers: the oldest message makes room, and a subscriber that comes too late is told how many it missed. With
/// [`wait_for_subscribers`](crate::BroadcastOptions::wait_for_subscribers) they wait for the slowest one that is alive.
///
/// # Guarantees
///
/// - Every subscriber gets every message from where it began, whole and in one global order, but for those that it is told it missed
///   (only with `overwrite`). Nothing comes twice.
/// - A publisher that is killed at whichever instruction has published its message or not; the others go on. A subscriber that is
///   killed holds up nobody: publishers that wait for it notice. One that is *stopped* is alive, and is waited for.
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
pub struct Broadcast<T> {
    core: ipc_core::Broadcast<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let capacity = self.capacity();
        f.debug_struct("Broadcast").field("name", &self.name).field("capacity", &capacity).finish_non_exhaustive()
    }
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Broadcast { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T> Broadcast<T> {
    pub(super) fn new(core: ipc_core::Broadcast<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Broadcast { core, name: name.into() }
    }

    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The bytes that a broadcast of `T` with this capacity and policy takes in a region: for
    /// [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If there can be none: a capacity of 0 or larger than an address space, no subscriber to wait for or more than 65536.
    pub const fn footprint(capacity: usize, policy: Policy) -> Footprint {
        match footprint::<T>(capacity as u64, policy) {
            Some(bytes) => Footprint(bytes),
            None => panic!("a broadcast's capacity is at least 1 and fits the address space"),
        }
    }

    /// The broadcast's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that it lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// How many messages are kept.
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// How many messages were ever published. 0 after a fork.
    pub fn published(&self) -> u64 {
        if self.is_here() { self.core.stats().published } else { 0 }
    }

    /// How many subscribers publishers wait for, dead ones that nobody has noticed included. Always 0 where they do not wait, for
    /// there subscribers are not counted.
    pub fn subscribers(&self) -> usize {
        if self.is_here() { self.core.stats().subscribers as usize } else { 0 }
    }

    /// Closes it for everybody, for good; `true` if this call did. Subscribers read what is there and then end. A message that is
    /// being published at this very instant still gets in.
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// Whether it is closed. Subscribers may still have messages to read.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// A subscription from the next message on.
    ///
    /// # Errors
    ///
    /// [`Full`](SubscribeError::Full) where publishers wait for subscribers and there are as many living ones as fit;
    /// [`Busy`](SubscribeError::Busy) where a living publisher is stopped in the middle of its copy (after ten seconds).
    pub fn subscribe(&self) -> Result<Subscriber<T>, SubscribeError> {
        self.subscribe_last(0)
    }

    /// A subscription that begins with the last `count` messages, as far as they are kept.
    pub fn subscribe_last(&self, count: usize) -> Result<Subscriber<T>, SubscribeError> {
        if !self.is_here() {
            return Err(SubscribeError::Fault(Fault::Forked));
        }
        let platform = self.core.platform().clone();
        self.core.subscribe(platform, count as u64).map(|core| Subscriber::new(core, self.name.clone()))
    }
}

impl<T: NoUninit + CheckedBitPattern> Broadcast<T> {
    /// Publishes if no subscriber is in the way: the number of the message, from 0. Waits for other publishers in the middle of their
    /// copies, not for subscribers.
    ///
    /// # Errors
    ///
    /// [`Full`](PublishError::Full) (only where publishers wait for subscribers), [`Closed`](PublishError::Closed); the value comes
    /// back.
    pub fn try_publish(&self, value: T) -> Result<u64, PublishError<T>> {
        if !self.is_here() {
            return Err(PublishError::Fault(value, Fault::Forked));
        }
        self.core.try_publish(value)
    }

    /// Publishes: the number of the message, from 0. Waits for the slowest subscriber, where publishers do.
    ///
    /// One that sleeps is woken when a subscriber has read a quarter of what is kept, or all there is; what room there is otherwise
    /// (a subscriber has read one message of many and stopped there), it finds within some milliseconds.
    ///
    /// # Errors
    ///
    /// [`Closed`](PublishError::Closed); the value comes back.
    #[doc(alias = "send")]
    #[inline]
    pub fn publish(&self, value: T) -> Result<u64, PublishError<T>> {
        if !self.is_here() {
            return Err(PublishError::Fault(value, Fault::Forked));
        }
        self.core.publish(value, None)
    }

    /// The same; waits at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](PublishError::Timeout), [`Closed`](PublishError::Closed); the value comes back.
    pub fn publish_timeout(&self, value: T, timeout: Duration) -> Result<u64, PublishError<T>> {
        if !self.is_here() {
            return Err(PublishError::Fault(value, Fault::Forked));
        }
        self.core.publish(value, Some(clock::after(timeout)))
    }
}
