//! Sending and receiving jobs of bytes.

use super::byte_handle::ByteWorkQueue;
use super::byte_lease::ByteLease;
use super::content::Parts;
use super::jobs::Taken;
use super::lease::Held;
use super::ticket::Ticket;
use crate::ends::iterators;
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendBytesError, SendBytesTimeoutError, TryRecvError, TrySendBytesError,
};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

iterators!(lent ByteWorkQueue, ByteLease, RecvError, TryRecvError, recv, try_recv);

impl<P: Platform> ByteWorkQueue<'_, P> {
    /// Sends a job if there is room. Never waits; lock-free. If there seems to be no room, blocks of dead processes are searched for: that
    /// takes system calls.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendBytesError::Full), [`TooLong`](TrySendBytesError::TooLong), [`Closed`](TrySendBytesError::Closed).
    #[doc(alias = "put_nowait")]
    #[inline]
    pub fn try_send(&self, job: &[u8]) -> Result<(), TrySendBytesError> {
        self.try_send_parts(&[job])
    }

    /// Sends a job. Blocks while there is no room: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`TooLong`](SendBytesError::TooLong), [`Closed`](SendBytesError::Closed).
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, job: &[u8]) -> Result<(), SendBytesError> {
        self.send_parts(&[job])
    }

    timed! {
        send_timeout, send_deadline, send, "Sends a job",
        [&self, job: &[u8]] limit [] -> Result<(), SendBytesTimeoutError> { self.send_within(&[job], limit) }
    }

    /// Sends a job that consists of these parts, one behind the other, if there is room. Spares the caller to put them together first.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    #[doc(alias = "try_send_vectored")]
    #[inline]
    pub fn try_send_parts(&self, parts: &[&[u8]]) -> Result<(), TrySendBytesError> {
        let job = self.measured(parts, false)?;
        self.engine.put_now(&self.platform, &job)?;
        Ok(())
    }

    /// Sends a job that consists of these parts, one behind the other. Blocks while there is no room.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[doc(alias = "send_vectored")]
    #[inline]
    pub fn send_parts(&self, parts: &[&[u8]]) -> Result<(), SendBytesError> {
        self.send_within(parts, &Limit::Forever)
    }

    timed! {
        send_parts_timeout, send_parts_deadline, send_parts, "Sends a job of these parts",
        [&self, parts: &[&[u8]]] limit [] -> Result<(), SendBytesTimeoutError> { self.send_within(parts, limit) }
    }

    /// The job, if this process can send it.
    #[inline]
    fn measured<'a>(&self, parts: &'a [&'a [u8]], waits: bool) -> Result<Parts<'a>, SendBytesError> {
        self.here()?;
        let (job, max) = (Parts::new(parts, waits), self.max_len());
        if job.len() > max { Err(SendBytesError::TooLong { len: job.len(), max }) } else { Ok(job) }
    }

    #[inline]
    pub(super) fn send_within<E: From<SendBytesError> + From<Refused>>(
        &self,
        parts: &[&[u8]],
        limit: &Limit<P::Deadline>,
    ) -> Result<(), E> {
        let job = self.measured(parts, false)?;
        self.engine.put_within(&self.platform, &job, limit)?;
        Ok(())
    }
}

impl<'m, P: Platform> ByteWorkQueue<'m, P> {
    /// Sends a job and asks for its answer, if there is room: a [`Ticket`] to wait for it. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send).
    #[inline]
    pub fn try_call(&self, job: &[u8]) -> Result<Ticket<'_, 'm, P>, TrySendBytesError> {
        let parts = [job];
        let job = self.measured(&parts, true)?;
        Ok(self.ticket(self.engine.put_now(&self.platform, &job)?))
    }

    /// Sends a job and asks for its answer: a [`Ticket`] to wait for it. Blocks while there is no room, but not for the answer.
    ///
    /// The holder of the job answers with [`reply`](ByteLease::reply). It may know nothing of calls: a job that is
    /// [`done`](ByteLease::done) ends the wait, too.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.byte_work_queue("jobs").max_reply(100).open_or_create()?;
    /// let ticket = jobs.call(b"shout")?;
    ///
    /// // Elsewhere:
    /// let job = jobs.recv()?;
    /// let answer = job.to_ascii_uppercase();
    /// assert!(job.reply(&answer)?); // it is still wanted
    ///
    /// assert_eq!(ticket.wait()?, b"SHOUT");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[doc(alias = "request")]
    #[doc(alias = "submit")]
    #[inline]
    pub fn call(&self, job: &[u8]) -> Result<Ticket<'_, 'm, P>, SendBytesError> {
        self.call_within(job, &Limit::Forever)
    }

    timed! {
        call_timeout, call_deadline, call, "Sends a job and asks for its answer,",
        [&self, job: &[u8]] limit [] -> Result<Ticket<'_, 'm, P>, SendBytesTimeoutError> { self.call_within(job, limit) }
    }

    #[inline]
    pub(super) fn call_within<E: From<SendBytesError> + From<Refused>>(
        &self,
        job: &[u8],
        limit: &Limit<P::Deadline>,
    ) -> Result<Ticket<'_, 'm, P>, E> {
        let parts = [job];
        let job = self.measured(&parts, true)?;
        Ok(self.ticket(self.engine.put_within(&self.platform, &job, limit)?))
    }

    #[inline]
    fn ticket(&self, index: usize) -> Ticket<'_, 'm, P> {
        Ticket::new(&self.engine, &self.platform, index)
    }
}

impl<'m, P: Platform> ByteWorkQueue<'m, P> {
    /// Leases the next job, if one waits: one that came back before one that is new. Never waits; lock-free.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty): at one instant of the call no job waited. [`Closed`](TryRecvError::Closed) once the queue is
    /// closed and all that was sent is done.
    #[doc(alias = "get_nowait")]
    #[inline]
    pub fn try_recv(&self) -> Result<ByteLease<'_, 'm, P>, TryRecvError> {
        self.here()?;
        Ok(self.lease(self.engine.take_now(&self.platform)?))
    }

    /// Leases the next job. Blocks while none waits: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed and all that was sent is done.
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<ByteLease<'_, 'm, P>, RecvError> {
        Ok(self.recv_within(&Limit::Forever)?)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Leases the next job",
        [&self] limit [] -> Result<ByteLease<'_, 'm, P>, RecvTimeoutError> { Ok(self.recv_within(limit)?) }
    }

    /// Leases the oldest dead letter, if there is one. Never waits; lock-free. [`done`](ByteLease::done) removes it. Dropped, it is a
    /// dead letter again.
    ///
    /// A dead letter keeps its memory until then. If as many as [`leases`](Self::leases) and the capacity together are never removed, the
    /// queue is full for good.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty); [`Closed`](TryRecvError::Closed) once the queue is closed, all that was sent is done, and no
    /// dead letter is left, which a process that has one may give back.
    pub fn try_recv_dead(&self) -> Result<ByteLease<'_, 'm, P>, TryRecvError> {
        self.here()?;
        Ok(self.lease(self.engine.take_dead_now(&self.platform)?))
    }

    /// Leases the oldest dead letter. Blocks while there is none, as [`WorkQueue::recv_dead`](super::WorkQueue::recv_dead).
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed, all that was sent is done, and no dead letter is left.
    pub fn recv_dead(&self) -> Result<ByteLease<'_, 'm, P>, RecvError> {
        Ok(self.recv_dead_within(&Limit::Forever)?)
    }

    timed! {
        recv_dead_timeout, recv_dead_deadline, recv_dead, "Leases the oldest dead letter",
        [&self] limit [] -> Result<ByteLease<'_, 'm, P>, RecvTimeoutError> { Ok(self.recv_dead_within(limit)?) }
    }

    pub(super) fn recv_dead_within(&self, limit: &Limit<P::Deadline>) -> Result<ByteLease<'_, 'm, P>, Refused> {
        self.here()?;
        Ok(self.lease(self.engine.take_dead_within(&self.platform, limit)?))
    }

    #[inline]
    pub(super) fn recv_within(&self, limit: &Limit<P::Deadline>) -> Result<ByteLease<'_, 'm, P>, Refused> {
        self.here()?;
        Ok(self.lease(self.engine.take_within(&self.platform, limit)?))
    }

    #[inline(always)]
    fn lease(&self, taken: Taken) -> ByteLease<'_, 'm, P> {
        ByteLease::new(Held { engine: &self.engine, platform: &self.platform, taken })
    }
}
