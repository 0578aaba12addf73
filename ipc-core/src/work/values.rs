//! Values of serde's types as jobs, through a work queue of bytes.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::byte_handle::ByteWorkQueue;
use super::byte_lease::ByteLease;
use super::idle::Stats;
use super::value_ticket::ValueTicket;
use crate::bytes::{FormatError, read, write};
use crate::ends::iterators;
use crate::error::{
    Fault, RecvValueError, RecvValueTimeoutError, ReplyValueError, SendBytesTimeoutError, SendValueError,
    SendValueTimeoutError, TryRecvError, TryRecvValueError, TrySendValueError, WaitTimeoutError,
};
use crate::object::{has_wait_strategy, named};
use crate::platform::{Located, Platform};
use crate::timed::timed;

/// A [`ByteWorkQueue`] of values: jobs that are enums with data, strings, vectors, maps, whatever [serde](https://serde.rs) can write and
/// read back. They are written as in a [`ValueQueue`](crate::bytes::ValueQueue), with its two formats and its limits.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.value_work_queue::<(String, u32)>("jobs").capacity(100).max_len(256).open_or_create()?;
/// jobs.send(&("resize".to_owned(), 640))?;
/// drop(jobs.recv()?); // or its process is killed
///
/// let job = jobs.recv()?;
/// assert_eq!((job.0.as_str(), job.1, job.attempt()), ("resize", 640, 2));
/// job.done()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Until all is done, with the jobs that failed at the end:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.value_work_queue::<String>("jobs").attempts(1).create()?;
/// jobs.send(&"bad".to_owned())?;
/// drop(jobs.recv()?); // its only attempt
/// let call = jobs.call::<u32>(&"slow".to_owned())?;
/// assert!(call.cancel()?); // no process had begun with it
/// jobs.close()?;
/// jobs.wait_idle()?;
/// let letter = jobs.recv_dead()?;
/// assert_eq!(*letter, "bad");
/// letter.done()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ValueWorkQueue<'m, T, P> {
    bytes: ByteWorkQueue<'m, P>,
    values: PhantomData<fn(T) -> T>,
}

/// A job that this process works on, and nobody else. Made by the receives of a [`ValueWorkQueue`].
///
/// It ends as any other [`Lease`](super::Lease) does: [`done`](Self::done) ends it for good; dropped, or with the death of its process,
/// the job goes back to the queue. The value is this process's own, reached by dereference.
#[must_use = "the job goes back to the queue when this is dropped"]
pub struct ValueLease<'q, 'm, T, P: Platform> {
    bytes: ByteLease<'q, 'm, P>,
    value: T,
}

impl<T, P: Platform> ValueLease<'_, '_, T, P> {
    /// Says that the job is done: it leaves the queue for good, as [`Lease::done`](super::Lease::done).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "task_done")]
    #[doc(alias = "ack")]
    pub fn done(self) -> Result<(), Fault> {
        self.bytes.done()
    }

    /// Says that the job is done, with an answer for its caller, as [`ByteLease::reply`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the answer cannot be written. The job goes back to the queue.
    pub fn reply<R: Serialize + DeserializeOwned>(self, answer: &R) -> Result<bool, ReplyValueError> {
        let answer = write(self.bytes.format(), answer)?;
        Ok(self.bytes.reply(&answer)?)
    }

    /// Returns whether somebody waits for the answer, as [`ByteLease::is_wanted`].
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.bytes.is_wanted()
    }

    /// Returns which lease of the job this is: 1 for the first. Of a dead letter, how many leases it has had.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.bytes.attempt()
    }

    /// Returns whether the job is a dead letter.
    #[must_use]
    pub fn is_dead_letter(&self) -> bool {
        self.bytes.is_dead_letter()
    }
}

impl<T, P: Platform> Deref for ValueLease<'_, '_, T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for ValueLease<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempt = self.attempt();
        f.debug_struct("ValueLease").field("value", &self.value).field("attempt", &attempt).finish_non_exhaustive()
    }
}

impl<'m, T, P: Platform> ValueWorkQueue<'m, T, P> {
    /// Makes a queue of values of a queue of bytes.
    pub fn new(bytes: ByteWorkQueue<'m, P>) -> Self {
        ValueWorkQueue { bytes, values: PhantomData }
    }

    /// Returns the same handle of the jobs' bytes, with all that does not depend on the type.
    pub fn bytes(&self) -> &ByteWorkQueue<'m, P> {
        &self.bytes
    }

    /// The queue's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.bytes.name()
    }

    /// The region that the queue lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.bytes.region()
    }

    crate::object::waits!(self => self.bytes);

    pub(crate) fn platform(&self) -> &P {
        self.bytes.platform()
    }

    /// Returns how many jobs wait at most.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns how many jobs wait for a receiver. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether no job waits, as [`ByteWorkQueue::is_empty`]. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns whether there is no room for a job, as [`ByteWorkQueue::is_full`]. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.is_full()
    }

    /// Returns the queue's figures, as [`ByteWorkQueue::stats`]. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.bytes.stats()
    }

    /// Closes the queue for everybody, for good, as [`ByteWorkQueue::close`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.bytes.close()
    }

    /// Returns whether the queue is closed. Jobs may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.bytes.is_closed()
    }

    /// Blocks until every job that was sent is done, or a dead letter, as [`ByteWorkQueue::wait_idle`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`], [`Fault::DeathsUnknown`].
    #[doc(alias = "join")]
    pub fn wait_idle(&self) -> Result<(), Fault> {
        self.bytes.wait_idle()
    }

    timed! {
        wait_idle_timeout, wait_idle_deadline, wait_idle, "Waits until all is done",
        [&self] limit [] -> Result<(), WaitTimeoutError> { self.bytes.wait_idle_within(limit) }
    }

    fn format(&self) -> u32 {
        self.bytes.engine.view.geometry.format
    }
}

impl<T: Serialize + DeserializeOwned, P: Platform> ValueWorkQueue<'_, T, P> {
    fn write(&self, value: &T) -> Result<Vec<u8>, FormatError> {
        write(self.format(), value)
    }

    /// Sends a job if there is room, as [`ByteWorkQueue::try_send`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the value cannot be written.
    pub fn try_send(&self, value: &T) -> Result<(), TrySendValueError> {
        Ok(self.bytes.try_send(&self.write(value)?)?)
    }

    /// Sends a job. Blocks while there is no room, as [`ByteWorkQueue::send`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the value cannot be written.
    pub fn send(&self, value: &T) -> Result<(), SendValueError> {
        Ok(self.bytes.send(&self.write(value)?)?)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends a job",
        [&self, value: &T] limit [] -> Result<(), SendValueTimeoutError> {
            let sent: Result<(), SendBytesTimeoutError> = self.bytes.send_within(&[&self.write(value)?], limit);
            Ok(sent?)
        }
    }
}

impl<'m, T: Serialize + DeserializeOwned, P: Platform> ValueWorkQueue<'m, T, P> {
    /// Sends a job and asks for its answer, if there is room, as [`ByteWorkQueue::try_call`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the value cannot be written.
    pub fn try_call<R: DeserializeOwned>(&self, value: &T) -> Result<ValueTicket<'_, 'm, R, P>, TrySendValueError> {
        Ok(ValueTicket::new(self.format(), self.bytes.try_call(&self.write(value)?)?))
    }

    /// Sends a job and asks for its answer, a value of `R`. Blocks while there is no room, but not for the answer, as
    /// [`ByteWorkQueue::call`].
    ///
    /// All who call and all who [answer](ValueLease::reply) must mean the same types.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let sums = region.value_work_queue::<Vec<u32>>("sums").max_reply(100).open_or_create()?;
    /// let ticket = sums.call::<u64>(&vec![1, 2, 3])?;
    ///
    /// // Elsewhere:
    /// let job = sums.recv()?;
    /// let sum: u64 = job.iter().copied().map(u64::from).sum();
    /// job.reply(&sum)?;
    ///
    /// assert_eq!(ticket.wait()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the value cannot be written.
    #[doc(alias = "request")]
    #[doc(alias = "submit")]
    pub fn call<R: DeserializeOwned>(&self, value: &T) -> Result<ValueTicket<'_, 'm, R, P>, SendValueError> {
        Ok(ValueTicket::new(self.format(), self.bytes.call(&self.write(value)?)?))
    }

    timed! {
        call_timeout, call_deadline, call, "Sends a job and asks for its answer,",
        { R: DeserializeOwned } [&self, value: &T] limit [] -> Result<ValueTicket<'_, 'm, R, P>, SendValueTimeoutError> {
            let ticket: Result<_, SendBytesTimeoutError> = self.bytes.call_within(&self.write(value)?, limit);
            Ok(ValueTicket::new(self.format(), ticket?))
        }
    }
}

impl<'m, T: DeserializeOwned, P: Platform> ValueWorkQueue<'m, T, P> {
    /// The job's value. One that is none is dropped. It is read from a copy: what a faulty peer writes meanwhile does not matter.
    fn lease<'q>(&'q self, bytes: ByteLease<'q, 'm, P>) -> Result<ValueLease<'q, 'm, T, P>, ReadError> {
        match read(self.format(), &bytes.to_vec()) {
            Ok(value) => Ok(ValueLease { bytes, value }),
            Err(error) => {
                bytes.done().map_err(ReadError::Fault)?;
                Err(ReadError::Format(error))
            }
        }
    }

    /// Leases the next job, if one waits, as [`ByteWorkQueue::try_recv`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the job is not a value of the type: it is dropped.
    pub fn try_recv(&self) -> Result<ValueLease<'_, 'm, T, P>, TryRecvValueError> {
        Ok(self.lease(self.bytes.try_recv()?)?)
    }

    /// Leases the next job. Blocks while none waits, as [`ByteWorkQueue::recv`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the job is not a value of the type: it is dropped.
    pub fn recv(&self) -> Result<ValueLease<'_, 'm, T, P>, RecvValueError> {
        Ok(self.lease(self.bytes.recv()?)?)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Leases the next job",
        [&self] limit [] -> Result<ValueLease<'_, 'm, T, P>, RecvValueTimeoutError> {
            let bytes = self.bytes.recv_within(limit).map_err(crate::error::RecvTimeoutError::from)?;
            Ok(self.lease(bytes)?)
        }
    }

    /// Leases the oldest dead letter, if there is one, as [`ByteWorkQueue::try_recv_dead`].
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the letter is not a value of the type: it is dropped.
    pub fn try_recv_dead(&self) -> Result<ValueLease<'_, 'm, T, P>, TryRecvValueError> {
        let letter: Result<_, TryRecvError> = self.bytes.try_recv_dead();
        Ok(self.lease(letter?)?)
    }

    /// Leases the oldest dead letter. Blocks while there is none, as [`WorkQueue::recv_dead`](super::WorkQueue::recv_dead).
    ///
    /// # Errors
    ///
    /// Those of the queue of bytes; or that the letter is not a value of the type: it is dropped.
    pub fn recv_dead(&self) -> Result<ValueLease<'_, 'm, T, P>, RecvValueError> {
        Ok(self.lease(self.bytes.recv_dead()?)?)
    }

    timed! {
        recv_dead_timeout, recv_dead_deadline, recv_dead, "Leases the oldest dead letter",
        [&self] limit [] -> Result<ValueLease<'_, 'm, T, P>, RecvValueTimeoutError> {
            let bytes = self.bytes.recv_dead_within(limit).map_err(crate::error::RecvTimeoutError::from)?;
            Ok(self.lease(bytes)?)
        }
    }
}

/// Why a job is no value.
enum ReadError {
    Fault(Fault),
    Format(FormatError),
}

macro_rules! of_read_error {
    ($($name:ident),*) => {$(
        impl From<ReadError> for $name {
            fn from(error: ReadError) -> Self {
                match error {
                    ReadError::Fault(fault) => fault.into(),
                    ReadError::Format(error) => error.into(),
                }
            }
        }
    )*};
}
of_read_error!(RecvValueError, TryRecvValueError, RecvValueTimeoutError);

iterators!(lent ValueWorkQueue<T: DeserializeOwned>, ValueLease, RecvValueError, TryRecvValueError, recv, try_recv);
has_wait_strategy!(ValueWorkQueue<T>);
named!([T, P: Platform] ValueWorkQueue<'_, T, P>, ByteWorkQueue, self => self.bytes);

impl<T, P: Platform + Clone> Clone for ValueWorkQueue<'_, T, P> {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueWorkQueue<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueWorkQueue").field(&self.bytes).finish()
    }
}
