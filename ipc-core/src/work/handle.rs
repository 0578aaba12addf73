//! The work queue's handle, and what moves no jobs.

use core::marker::PhantomData;

use super::engine::Engine;
use super::geometry::Geometry;
use super::queries::queries;
use super::settings::{Settings, setters};
use super::words::{View, Words};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Shape, ShapeError, handle, has_schema, of_view};
use crate::platform::Platform;
use crate::time::Timestamp;

/// What a work queue should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many jobs there are, and how often each is leased.
    pub jobs: Settings,
    /// The users' own number for the meaning of `T`.
    pub schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { jobs: Settings::new(capacity), schema: 0, element: PhantomData }
    }
}

setters!(Options<T>.jobs, Lease);
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
        self.jobs.accept(found)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        self.jobs.complete(self.shape().with_default_capacity(), [0; 2])
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

impl<'m, T, P: Platform> WorkQueue<'m, T, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        WorkQueue { engine: Engine::new(view, &platform), platform, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        WorkQueue { engine: self.engine.another(&platform), platform, element: PhantomData }
    }
}
