//! Sending.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::content::Plain;
use super::handle::WorkQueue;
use crate::error::{Refused, SendError, SendTimeoutError, TrySendError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

impl<T: NoUninit + CheckedBitPattern, P: Platform> WorkQueue<'_, T, P> {
    /// Sends a job if there is room. Never waits; lock-free. If there seems to be no room, blocks of dead processes are searched for: that
    /// takes system calls.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Closed`](TrySendError::Closed). The value comes back.
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.send_now(&value) {
            Ok(()) => Ok(()),
            Err(refused) => Err(TrySendError::of(refused, value)),
        }
    }

    /// Sends a job. Blocks while there is no room: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed). The value comes back.
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_limited(value, &Limit::Forever).map_err(SendTimeoutError::endless)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends a job",
        [&self, value: T] limit [] -> Result<(), SendTimeoutError<T>> { self.send_limited(value, limit) }
    }

    #[inline]
    fn send_limited(&self, value: T, limit: &Limit<P::Deadline>) -> Result<(), SendTimeoutError<T>> {
        match self.send_within(&value, limit) {
            Ok(()) => Ok(()),
            Err(refused) => Err(SendTimeoutError::of(refused, value)),
        }
    }

    #[inline(always)]
    fn send_now(&self, value: &T) -> Result<(), Refused> {
        self.here()?;
        self.engine.put_now(&self.platform, &Plain(value)).map(drop)
    }

    #[inline(always)]
    fn send_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<(), Refused> {
        self.here()?;
        self.engine.put_within(&self.platform, &Plain(value), limit).map(drop)
    }
}
