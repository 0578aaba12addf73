//! Receiving.

use core::cell::Cell;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::deaths::After;
use super::handle::WorkQueue;
use super::jobs::Taken;
use super::lease::Lease;
use crate::ends::iterators;
use crate::error::{RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_message, block_until};

iterators!(lent WorkQueue<T: NoUninit, CheckedBitPattern>, Lease, RecvError, TryRecvError, recv, try_recv);

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> WorkQueue<'m, T, P> {
    /// Leases the next job, if one waits: one that came back before one that is new. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty): at one instant of the call no job waited. [`Closed`](TryRecvError::Closed) once the queue is
    /// closed and all that was sent is done. A job whose bits are no value of `T` is dropped, with
    /// [`Fault::InvalidValue`](crate::Fault::InvalidValue).
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<Lease<'_, 'm, T, P>, TryRecvError> {
        self.here()?;
        let taken = match self.take() {
            Err(Refused::Busy) => Err(Refused::NotNow),
            taken => taken,
        };
        Ok(self.lease(taken?)?)
    }

    /// Leases the next job. Blocks while none waits: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed and all that was sent is done. Those of [`try_recv`](Self::try_recv),
    /// except `Empty`.
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<Lease<'_, 'm, T, P>, RecvError> {
        Ok(self.recv_within(&Limit::Forever)?)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Leases the next job",
        [&self] limit [] -> Result<Lease<'_, 'm, T, P>, RecvTimeoutError> { Ok(self.recv_within(limit)?) }
    }

    /// Leases the oldest dead letter, if there is one. Never waits; lock-free. [`done`](Lease::done) removes it. Dropped, it is a dead letter
    /// again.
    ///
    /// A dead letter keeps its memory until then. If as many as [`leases`](super::Options::leases) and the capacity together are never
    /// removed, the queue is full for good.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.work_queue::<u32>("jobs").capacity(4).attempts(2).create()?;
    /// jobs.send(7)?;
    /// for attempt in 1..=2 {
    ///     assert_eq!(jobs.recv()?.attempt(), attempt); // and gives it back
    /// }
    /// jobs.wait_idle()?;
    /// let letter = jobs.try_recv_dead()?;
    /// assert_eq!((*letter, letter.attempt()), (7, 2));
    /// letter.done()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty). A letter whose bits are no value of `T` is dropped, with
    /// [`Fault::InvalidValue`](crate::Fault::InvalidValue).
    pub fn try_recv_dead(&self) -> Result<Lease<'_, 'm, T, P>, TryRecvError> {
        self.here()?;
        Ok(self.lease(self.view.take_dead(self.platform.me())?)?)
    }

    #[inline(always)]
    fn lease(&self, taken: Taken) -> Result<Lease<'_, 'm, T, P>, Refused> {
        match self.view.read(taken) {
            Ok(value) => Ok(Lease::new(self, taken, value)),
            Err(fault) => {
                self.view.finish(&self.platform, taken);
                Err(fault.into())
            }
        }
    }

    /// Takes the next job, and looks for dead holders from time to time.
    #[inline(always)]
    fn take(&self) -> Result<Taken, Refused> {
        let taken = self.view.take(&self.platform);
        if self.pulse.is_due(&self.platform, &self.view.words.gates.looked) {
            return self.after_look(taken);
        }
        taken
    }

    #[cold]
    #[inline(never)]
    fn after_look(&self, taken: Result<Taken, Refused>) -> Result<Taken, Refused> {
        let found = self.view.find_dead(&self.platform, After::Holders);
        match taken {
            Err(Refused::NotNow | Refused::Busy) if found.dead => self.view.take(&self.platform),
            taken => taken,
        }
    }

    #[inline(always)]
    fn recv_within(&self, limit: &Limit<P::Deadline>) -> Result<Lease<'_, 'm, T, P>, Refused> {
        self.here()?;
        match self.take() {
            Err(Refused::NotNow | Refused::Busy) => self.lease(self.wait_to_take(limit)?),
            taken => self.lease(taken?),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_take(&self, limit: &Limit<P::Deadline>) -> Result<Taken, Refused> {
        let (platform, gates) = (&self.platform, &self.view.words.gates);
        let (deadline, deaths) = (limit.deadline(platform), Cell::new(0));
        let attempt = |thorough: bool| match self.view.take(platform) {
            Err(Refused::NotNow) if thorough => self.look(&deaths),
            Err(Refused::NotNow) => Attempt::NotYet,
            taken => Attempt::Done(taken),
        };
        let (capacity, more) = (|| self.view.geometry.capacity, || self.view.len());
        let mut taken = block_for_message(platform, &gates.items, &self.recv_budget, deadline, capacity, more, attempt);
        if taken == Ok(Err(Refused::Busy)) {
            // Closed: what is left are jobs that may come back, and the end.
            let attempt = |thorough: bool| match self.view.take(platform) {
                Err(Refused::NotNow | Refused::Busy) if thorough => self.look(&deaths),
                Err(Refused::NotNow | Refused::Busy) => Attempt::NotYet,
                taken => Attempt::Done(taken),
            };
            taken = block_until(platform, &gates.idle, &self.recv_budget, deadline, attempt);
        }
        // The time may have been over before anybody looked for the dead, or just when one was found.
        taken.unwrap_or_else(|unmet| match self.after_look(self.view.take(platform)) {
            Err(Refused::NotNow | Refused::Busy) => Err(unmet.or_fault(Refused::NotNow)),
            taken => taken,
        })
    }
}
