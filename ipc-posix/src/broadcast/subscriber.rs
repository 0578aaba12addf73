//! The handle of one subscription.

use std::sync::Arc;
use std::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_core::error::{Fault, RecvBroadcastError};

use crate::attachment::Membership;
use crate::clock;
use crate::region::Region;

/// One who sees every message of a broadcast from where it began. Made by [`Broadcast::subscribe`](crate::Broadcast::subscribe); ends
/// when it is dropped.
pub struct Subscriber<T> {
    core: ipc_core::broadcast::Subscriber<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> std::fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").field("name", &self.name).field("next", &self.core.next()).finish_non_exhaustive()
    }
}

impl<T> Subscriber<T> {
    pub(super) fn new(core: ipc_core::broadcast::Subscriber<'static, T, Membership>, name: Arc<str>) -> Self {
        Subscriber { core, name }
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The broadcast's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that it lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// The number of the next message that it wants, as [`publish`](crate::Broadcast::publish) tells it.
    pub fn next_number(&self) -> u64 {
        self.core.next()
    }

    /// How many messages it has still to read, with those that it has missed already. A snapshot; 0 after a fork.
    pub fn len(&self) -> u64 {
        if self.is_here() { self.core.len() } else { 0 }
    }

    /// Whether it has read all. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: NoUninit + CheckedBitPattern> Subscriber<T> {
    /// The next message, if there is one. Never waits; no system call unless a publisher sleeps.
    ///
    /// # Errors
    ///
    /// [`Empty`](RecvBroadcastError::Empty); [`Lagged`](RecvBroadcastError::Lagged) with the number of messages that were
    /// overwritten before this subscriber came to them, after which it goes on with the oldest;
    /// [`Closed`](RecvBroadcastError::Closed) once it is closed and read to its end.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, RecvBroadcastError> {
        if !self.is_here() {
            return Err(RecvBroadcastError::Fault(Fault::Forked));
        }
        self.core.try_recv()
    }

    /// The next message; waits for it.
    ///
    /// # Errors
    ///
    /// As for [`try_recv`](Self::try_recv), but `Empty`.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvBroadcastError> {
        if !self.is_here() {
            return Err(RecvBroadcastError::Fault(Fault::Forked));
        }
        self.core.recv(None)
    }

    /// The next message; waits for it at most so long.
    ///
    /// # Errors
    ///
    /// [`Timeout`](RecvBroadcastError::Timeout), and those of [`recv`](Self::recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvBroadcastError> {
        if !self.is_here() {
            return Err(RecvBroadcastError::Fault(Fault::Forked));
        }
        self.core.recv(Some(clock::after(timeout)))
    }

    /// The messages that are there, without waiting, up to the newest one or to the first that was missed.
    pub fn try_iter(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.try_recv().ok())
    }
}
