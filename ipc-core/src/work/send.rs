//! Sending.

use core::cell::Cell;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::deaths::After;
use super::handle::{WorkQueue, after_look};
use crate::error::{Refused, SendError, SendTimeoutError, TrySendError};
use crate::participant::Findings;
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_room};

impl<T: NoUninit + CheckedBitPattern, P: Platform> WorkQueue<'_, T, P> {
    /// Sends a job if there is room. Never waits; lock-free. If there seems to be no room, blocks of dead processes are looked for: that
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
    fn put(&self, value: &T) -> Result<(), Refused> {
        self.view.put(&self.platform, value, &self.hints)
    }

    #[inline(always)]
    fn send_now(&self, value: &T) -> Result<(), Refused> {
        self.here()?;
        match self.put(value) {
            Err(Refused::NotNow) => self.put_thoroughly(value),
            put => put,
        }
    }

    #[inline(always)]
    fn send_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<(), Refused> {
        self.here()?;
        match self.put(value) {
            Err(Refused::NotNow) => self.wait_to_put(value, limit),
            put => put,
        }
    }

    /// For a sender that has found no room: looks for blocks of the dead.
    #[cold]
    #[inline(never)]
    fn put_thoroughly(&self, value: &T) -> Result<(), Refused> {
        if self.view.find_dead(&self.platform, After::All).dead { self.put(value) } else { Err(Refused::NotNow) }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_put(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<(), Refused> {
        let (deadline, deaths) = (limit.deadline(&self.platform), Cell::new(0));
        let attempt = |thorough: bool| match self.put(value) {
            Err(Refused::NotNow) if thorough => {
                let found = self.view.find_dead(&self.platform, After::All);
                // Nobody in particular is in the way.
                after_look(Findings { alive: false, ..found }, &deaths)
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            put => Attempt::Done(put),
        };
        let (gate, capacity) = (&self.view.words.gates.space, self.view.geometry.capacity);
        let room = || capacity.saturating_sub(self.view.len());
        let put = block_for_room(&self.platform, gate, &self.send_budget, deadline, capacity, room, attempt);
        // The time may have been over before anybody looked for the dead, or just when one was found.
        put.unwrap_or_else(|unmet| match self.put(value) {
            Err(Refused::NotNow) => match self.put_thoroughly(value) {
                Err(Refused::NotNow) => Err(unmet.or_fault(Refused::NotNow)),
                put => put,
            },
            put => put,
        })
    }
}
