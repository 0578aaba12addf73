//! Receiving.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::WorkQueue;
use super::jobs::Taken;
use super::lease::{Held, Lease};
use super::ring::ATTEMPTS;
use crate::ends::iterators;
use crate::error::{RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

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
        Ok(self.lease(|| self.engine.take_now(&self.platform))?)
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
    /// A dead letter keeps its memory until then. If as many as [`leases`](Self::leases) and the capacity together are never
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
    /// [`Empty`](TryRecvError::Empty); [`Closed`](TryRecvError::Closed) once the queue is closed, all that was sent is done, and no
    /// dead letter is left, which a process that has one may give back.
    /// A letter whose bits are no value of `T` is dropped, with [`Fault::InvalidValue`](crate::Fault::InvalidValue).
    pub fn try_recv_dead(&self) -> Result<Lease<'_, 'm, T, P>, TryRecvError> {
        self.here()?;
        Ok(self.lease(|| self.engine.take_dead_now(&self.platform))?)
    }

    /// Leases the oldest dead letter. Blocks while there is none: polls for some microseconds, lets others run, then sleeps. For a thread that
    /// reports jobs that failed, or that tries them in another way.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.work_queue::<u32>("jobs").capacity(4).attempts(1).create()?;
    /// let failed = std::thread::spawn({
    ///     let jobs = jobs.clone();
    ///     move || {
    ///         let mut failed = Vec::new();
    ///         while let Ok(letter) = jobs.recv_dead() {
    ///             failed.push(*letter);
    ///             letter.done().unwrap();
    ///         }
    ///         failed // the queue is closed, and no job can fail any more
    ///     }
    /// });
    /// jobs.send(7)?;
    /// drop(jobs.recv()?); // or its process is killed
    /// jobs.close()?;
    /// assert_eq!(failed.join().unwrap(), [7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed, all that was sent is done, and no dead letter is left. Those of
    /// [`try_recv_dead`](Self::try_recv_dead), except `Empty`.
    pub fn recv_dead(&self) -> Result<Lease<'_, 'm, T, P>, RecvError> {
        Ok(self.recv_dead_within(&Limit::Forever)?)
    }

    timed! {
        recv_dead_timeout, recv_dead_deadline, recv_dead, "Leases the oldest dead letter",
        [&self] limit [] -> Result<Lease<'_, 'm, T, P>, RecvTimeoutError> { Ok(self.recv_dead_within(limit)?) }
    }

    fn recv_dead_within(&self, limit: &Limit<P::Deadline>) -> Result<Lease<'_, 'm, T, P>, Refused> {
        self.here()?;
        self.lease(|| self.engine.take_dead_within(&self.platform, limit))
    }

    #[inline(always)]
    fn recv_within(&self, limit: &Limit<P::Deadline>) -> Result<Lease<'_, 'm, T, P>, Refused> {
        self.here()?;
        self.lease(|| self.engine.take_within(&self.platform, limit))
    }

    /// A lease of what was taken, with a copy of the job. Takes another one if that was taken over before the copy was made: its holder was
    /// stopped for longer than the queue's limit.
    #[inline(always)]
    fn lease(&self, mut take: impl FnMut() -> Result<Taken, Refused>) -> Result<Lease<'_, 'm, T, P>, Refused> {
        let WorkQueue { engine, platform, .. } = self;
        for _ in 0..ATTEMPTS {
            let held = Held { engine, platform, taken: take()? };
            if engine.view.geometry.limit != 0 && !engine.view.begin_time(platform, held.taken) {
                continue;
            }
            match engine.view.read(held.taken) {
                Ok(Some(value)) => return Ok(Lease::new(held, value)),
                Ok(None) => {}
                Err(fault) => {
                    held.done()?;
                    return Err(fault.into());
                }
            }
        }
        Err(Refused::CORRUPTED)
    }
}
