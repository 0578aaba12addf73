//! The work queue's handle, and what moves no jobs.

use core::marker::PhantomData;
use core::time::Duration;

use super::engine::Engine;
use super::geometry::Geometry;
use super::queries::queries;
use super::settings::{Settings, setters};
use super::words::{View, Words};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a work queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many jobs there are, and how often each is leased.
    pub jobs: Settings,
    /// How long a holder that lives may keep a job; zero: as long as it likes.
    pub lease_limit: Option<Duration>,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { jobs: Settings::new(capacity), lease_limit: None, schema: Schema::NONE, element: PhantomData }
    }
}

impl<T> Options<T> {
    /// The time limit in milliseconds, rounded up, if it was said.
    fn limit(&self) -> Option<u64> {
        let milliseconds = |limit: Duration| u64::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.lease_limit.map(milliseconds)
    }
}

setters!(Options<T>.jobs, Lease);

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets for how long a holder that lives may keep a job: then the job goes to another receiver, with the attempt counted, and the old
    /// holder's [`done`](super::Lease::done) says that it came too late. [`renew`](super::Lease::renew) begins the time anew. For holders that
    /// are stuck: stopped, waiting for what does not come, or in an endless loop. (The job of a dead one comes back at once in any case.)
    ///
    /// Default for creators: no limit, as with a zero duration. An opener that sets it gets an error if it differs. It is rounded up to whole
    /// milliseconds; at most 49 days.
    ///
    /// A job has one lease that counts at any time. But the library cannot stop the old holder: it may go on, and what it does outside the
    /// queue (a file, a request) may come beside the new holder's work, or behind it. It finds out with `renew` or `done`. So choose a limit far
    /// above the time that a job takes, and let what the job does bear being done twice.
    ///
    /// The time is taken by receivers, and by callers of [`wait_idle`](super::WorkQueue::wait_idle): they look every 12 ms. If none comes, the
    /// holder keeps the job. Time while the machine sleeps does not count. For a receiver whose clock is another one than the holder's (it is in
    /// another time namespace), the time begins when it first sees the lease; between receivers with different clocks a lease may last as long
    /// as its holder likes.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # use std::time::Duration;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.work_queue::<u32>("jobs").lease_limit(Duration::from_millis(20)).open_or_create()?;
    /// jobs.send(7)?;
    /// let stuck = jobs.recv()?;
    ///
    /// // Elsewhere: it blocks until the time is over.
    /// let job = jobs.recv()?;
    /// assert_eq!((*job, job.attempt()), (7, 2));
    /// job.done()?;
    ///
    /// assert!(stuck.done().unwrap_err().is_expired());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "visibility_timeout")]
    pub fn lease_limit(mut self, limit: Duration) -> Self {
        self.wanted.lease_limit = Some(limit);
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
        Shape::of::<T>(Kind::WorkQueue, self.jobs.capacity, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        self.jobs.accept(found)?;
        let (wanted, found) = (self.limit(), found.limit.into());
        match wanted {
            Some(wanted) if wanted != found => Err(ShapeError::Differs { field: Field::LeaseLimit, wanted, found }),
            _ => Ok(()),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let (shape, geometry) = self.jobs.complete(self.shape().with_default_capacity(), [0; 2])?;
        let (wanted, most) = (self.limit().unwrap_or(0), u32::MAX);
        match u32::try_from(wanted) {
            Ok(limit) => Ok((shape, Geometry { limit, ..geometry })),
            Err(_) => Err(ShapeError::Impossible { field: Field::LeaseLimit, wanted, most: most.into() }),
        }
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.jobs.start) }
    }

    of_view!(WorkQueue<'m, T, P>: |_, view, _, platform| WorkQueue::over(view, platform));
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
///   process is not given to another one, unless the creator has set a [time limit](Builder::lease_limit).
/// - While no thread sleeps, no operation makes a system call, but for a search for dead holders that a receiver makes every 12 ms.
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
///
/// Until all is done:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.work_queue::<u32>("jobs").capacity(100).create()?;
/// jobs.send(7)?;
/// jobs.close()?;
/// for job in jobs.iter() {
///     job.done()?;
/// }
/// assert!(jobs.is_idle());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "JoinableQueue")]
#[doc(alias = "acknowledge")]
pub struct WorkQueue<'m, T, P> {
    pub(super) engine: Engine<'m>,
    pub(super) platform: P,
    element: PhantomData<fn(T) -> T>,
}

handle!(WorkQueue<T>, "queue", self => self.engine.recv_budget, self.engine.send_budget, self.engine.idle_budget,
    self.engine.letter_budget);
queries!(WorkQueue<T>);

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
}

impl<T, P> WorkQueue<'_, T, P> {
    /// Returns for how long a holder that lives may keep a job, if there is a [limit](Builder::lease_limit).
    pub fn lease_limit(&self) -> Option<Duration> {
        match self.engine.view.geometry.limit {
            0 => None,
            milliseconds => Some(Duration::from_millis(milliseconds.into())),
        }
    }
}

impl<'m, T, P: Platform> WorkQueue<'m, T, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        WorkQueue { engine: Engine::new(view, &platform), platform, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        WorkQueue { engine: self.engine.another(&platform), platform, element: PhantomData }
    }
}
