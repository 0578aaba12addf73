//! The work queue's handle, and what moves no jobs.

use core::cell::Cell;
use core::marker::PhantomData;

use super::deaths::After;
use super::geometry::Geometry;
use super::idle::{Idle, Stats};
use super::jobs::Hints;
use super::pulse::Pulse;
use super::words::{View, Words};
use crate::error::{Fault, WaitTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Footprint, Kind, Shape, ShapeError, handle, has_schema, of_view};
use crate::participant::Findings;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::{Attempt, SpinBudget, block_until};

/// How many jobs may be leased beside the capacity, unless the creator says otherwise.
const LEASES: u32 = 64;
/// After how many leases a job is a dead letter, unless the creator says otherwise.
const ATTEMPTS: u32 = 3;

/// What a work queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many jobs wait at most; 0: not said.
    pub capacity: u64,
    /// How many jobs may be leased beside them.
    pub leases: Option<u32>,
    /// After how many leases a job is a dead letter; 0: after none.
    pub attempts: Option<u32>,
    /// The users' own number for the meaning of `T`.
    pub schema: u64,
    /// The first job's position: for tests of the wrap at 2^44.
    #[doc(hidden)]
    pub start: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, leases: None, attempts: None, schema: 0, start: 0, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many jobs wait at most: any number from 1. Jobs that a process works on do not count. An opener that sets it gets
    /// an error if it differs. Default, also for 0: 1024, or fewer large ones, some 64 KiB in all, but 16 at least.
    #[doc(alias = "maxsize")]
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.wanted.capacity = jobs as u64;
        self
    }

    /// Sets how many jobs may be leased, or be dead letters, before they take up room for new ones. Default for creators: 64. An opener
    /// that sets it gets an error if it differs.
    pub fn leases(mut self, jobs: u32) -> Self {
        self.wanted.leases = Some(jobs);
        self
    }

    /// Sets after how many leases that end without [`done`](super::Lease::done) a job becomes a dead letter: 1 to 63, or 0 for never.
    /// Default for creators: 3. An opener that sets it gets an error if it differs.
    ///
    /// Without a limit, a job that kills its worker kills one worker after the other.
    pub fn attempts(mut self, most: u32) -> Self {
        self.wanted.attempts = Some(most);
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::WorkQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = WorkQueue<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::WorkQueue, self.capacity, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [(Field::Leases, self.leases, found.leases), (Field::Attempts, self.attempts, found.attempts)];
        match fields.into_iter().find(|(_, wanted, found)| wanted.is_some_and(|wanted| wanted != *found)) {
            None => Ok(()),
            Some((field, wanted, found)) => {
                let wanted = wanted.unwrap_or_default().into();
                Err(ShapeError::Differs { field, wanted, found: found.into() })
            }
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let (leases, attempts) = (self.leases.unwrap_or(LEASES), self.attempts.unwrap_or(ATTEMPTS));
        let shape = self.shape().with_default_capacity();
        Geometry::of(&shape, leases, attempts).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.start) }
    }

    of_view!(WorkQueue<'m, T, P>: |_, view, _, platform| WorkQueue::over(view, platform, Hints::new(&view)));
}

/// A bounded queue of jobs between processes, each of which is worked on until it is done: what Python calls a `JoinableQueue`, and a job
/// that its worker did not finish comes again. Any number of senders and receivers.
///
/// A receive gives a [`Lease`](super::Lease) of the job. [`done`](super::Lease::done) finishes it. A lease that is dropped, or whose
/// process dies, gives the job back to the queue, and the next receiver gets it, before all new jobs. A job whose leases ended so
/// [three times](Builder::attempts) is a *dead letter*: receivers do not get it any more, and [`try_recv_dead`](Self::try_recv_dead)
/// does. [`wait_idle`](Self::wait_idle) blocks until every job that was sent is done.
///
/// `T` is plain data: everything that is [`bytemuck::Pod`], and also `bool`, `char` and fieldless enums (derive
/// [`NoUninit`](bytemuck::NoUninit) and [`CheckedBitPattern`](bytemuck::CheckedBitPattern)).
///
/// # Guarantees
///
/// - A job whose send returned is done, or a dead letter, or in the queue, or leased to one living process: whichever process is killed
///   at whichever instruction. Never is it lost, and never do two living processes have it.
/// - It may be *worked on* more than once: a worker that is killed just before [`done`](super::Lease::done) has done its work, and
///   another one does it again.
/// - New jobs come in one global order; a job that came back comes before them.
/// - `try_` operations never wait. No operation waits for a process that is stopped, except for the jobs that it has. A job of a stopped
///   process is not given to another one.
/// - While no thread sleeps, no operation makes a system call, but for a look for dead holders that a receiver makes every 12 ms.
///
/// A dead holder is noticed by a receiver or by a caller of [`wait_idle`](Self::wait_idle), within 12 ms as a rule. Where nobody receives,
/// the next receive notices it.
///
/// A process that sends to its own queue while it has a job must not wait for room: if all receivers do, nobody makes room.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.work_queue::<u32>("jobs").capacity(100).open_or_create()?;
/// jobs.send(7)?;
/// let job = jobs.recv()?;
/// assert_eq!((*job, job.attempt()), (7, 1));
/// drop(job); // or its process is killed
///
/// let job = jobs.recv()?;
/// assert_eq!((*job, job.attempt()), (7, 2));
/// job.done()?;
/// jobs.wait_idle()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "JoinableQueue")]
#[doc(alias = "acknowledge")]
pub struct WorkQueue<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    pub(super) hints: Hints,
    pub(super) pulse: Pulse,
    pub(super) send_budget: SpinBudget,
    pub(super) recv_budget: SpinBudget,
    pub(super) idle_budget: SpinBudget,
    element: PhantomData<fn(T) -> T>,
}

handle!(WorkQueue<T>, "queue", self => self.recv_budget, self.send_budget, self.idle_budget);

impl<T, P> WorkQueue<'_, T, P> {
    /// Returns the bytes that a queue of `T` with this capacity and this many leases takes in a region.
    ///
    /// # Panics
    ///
    /// If one of them is 0, or if they are more than 2^20 - 2 together, or larger than an address space.
    pub const fn footprint(capacity: usize, leases: u32) -> Footprint {
        match Geometry::new(capacity as u64, leases, 0, size_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a work queue's capacity and leases are at least 1, and 2^20 - 2 together at most"),
        }
    }

    /// Returns how many jobs wait at most.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.view.geometry.capacity as usize
    }

    /// Returns how many jobs may be leased, or be dead letters, before they take up room for new ones.
    pub fn leases(&self) -> u32 {
        self.view.geometry.leases
    }

    /// Returns after how many leases a job becomes a dead letter; 0: after none.
    pub fn attempts(&self) -> u32 {
        self.view.geometry.attempts
    }
}

impl<'m, T, P: Platform> WorkQueue<'m, T, P> {
    fn over(view: View<'m>, platform: P, hints: Hints) -> Self {
        let [send_budget, recv_budget, idle_budget] = [(); 3].map(|()| SpinBudget::new(&platform));
        let pulse = Pulse::default();
        WorkQueue { view, platform, hints, pulse, send_budget, recv_budget, idle_budget, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        WorkQueue::over(self.view, platform, self.hints.for_another())
    }

    /// Returns how many jobs wait for a receiver. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.len() as usize
    }

    /// Returns whether no job waits. Processes may have some. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is no room for a job: as many wait as the capacity, or leases and dead letters have all that is left. A
    /// snapshot that loads a word of each block.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.platform.assert_here();
        self.view.is_full()
    }

    /// Returns whether every job that was sent is done, or a dead letter. It was so, or not, at one instant of the call. Loads a word of
    /// each block.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.platform.assert_here();
        self.view.is_idle()
    }

    /// Returns the queue's figures. A snapshot that loads a word of each block.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes the queue for everybody, for good. Returns `true` if this call did. Never waits; one step, in order with all sends.
    ///
    /// Sends fail from now on and give their value back. Receivers go on until all that was sent is done: a job that a process has may
    /// come back. Then they get [`Closed`](crate::error::RecvError::Closed), and iterators end.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`].
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        self.view.close(&self.platform)
    }

    /// Returns whether the queue is closed. Jobs may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed()
    }

    /// Blocks until every job that was sent is done, or a dead letter: jobs that wait, that a process has, and that come back. This is so
    /// at one instant of the call; others may send meanwhile.
    ///
    /// Takes no part in the work: if no process receives, it does not return. A thread that has a job waits for itself.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`], [`Fault::Corrupted`], [`Fault::DeathsUnknown`].
    #[doc(alias = "join")]
    pub fn wait_idle(&self) -> Result<(), Fault> {
        self.wait_idle_within(&Limit::Forever).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_idle_timeout, wait_idle_deadline, wait_idle, "Waits until all is done",
        [&self] limit [] -> Result<(), WaitTimeoutError> { self.wait_idle_within(limit) }
    }

    fn wait_idle_within(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
        self.here()?;
        if self.view.idle()? == Idle::Yes {
            return Ok(());
        }
        let deadline = limit.deadline(&self.platform);
        // The block that was found busy last: it alone is polled.
        let (busy, deaths) = (Cell::new(usize::MAX), Cell::new(0));
        let attempt = |thorough: bool| {
            if !thorough && self.view.is_still_busy(busy.get()) {
                return Attempt::NotYet;
            }
            match self.view.idle() {
                Ok(Idle::Yes) => Attempt::Done(Ok(())),
                Ok(Idle::Busy(index)) => {
                    busy.set(index);
                    if thorough { self.look(&deaths) } else { Attempt::NotYet }
                }
                Ok(Idle::Changed) => Attempt::Again,
                Err(fault) => Attempt::Done(Err(fault.into())),
            }
        };
        let idle = block_until(&self.platform, &self.view.words.gates.idle, &self.idle_budget, deadline, attempt);
        // The time may have been over just when a dead holder was found.
        idle.unwrap_or_else(|unmet| match self.view.idle()? {
            Idle::Yes => Ok(()),
            _ => Err(unmet.or_fault(WaitTimeoutError::Timeout)),
        })
    }

    /// Looks for dead holders, before a sleep for what they might have to give back.
    pub(super) fn look<R, E: From<Fault>>(&self, deaths: &Cell<u32>) -> Attempt<Result<R, E>> {
        let found = self.view.find_dead(&self.platform, After::Holders);
        after_look(found, deaths)
    }
}

/// Looks in a row that find somebody dead: one finds all that are. In words that make no sense a repair may change nothing.
const MOST_DEATHS: u32 = 16;

/// What a wait does after a look for the dead. `deaths` counts those in a row that found one.
pub(super) fn after_look<R, E: From<Fault>>(found: Findings, deaths: &Cell<u32>) -> Attempt<Result<R, E>> {
    match found.found() {
        Ok(true) if deaths.get() >= MOST_DEATHS => Attempt::Done(Err(Fault::Corrupted.into())),
        Ok(true) => {
            deaths.set(deaths.get() + 1);
            Attempt::Again
        }
        Err(_) => Attempt::Unknown,
        Ok(false) => {
            deaths.set(0);
            if found.alive { Attempt::Suspect } else { Attempt::NotYet }
        }
    }
}
