//! The handle of a work queue whose jobs are bytes.

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

/// The most bytes of a job, unless the creator says otherwise.
const DEFAULT: u64 = 1024;

/// What a work queue of bytes should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteOptions {
    /// How many jobs there are, and how often each is leased.
    pub jobs: Settings,
    /// The most bytes of a job; 0: not said.
    pub max_len: u64,
    /// The most bytes of an answer, if it was said.
    pub max_reply: Option<u64>,
    /// The users' own number for the meaning of the bytes.
    pub schema: Schema,
}

impl ByteOptions {
    /// A queue of this many jobs of up to `max_len` bytes.
    pub const fn new(capacity: u64, max_len: u64) -> Self {
        ByteOptions { jobs: Settings::new(capacity), max_len, max_reply: None, schema: Schema::NONE }
    }
}

setters!(ByteOptions.jobs, ByteLease);

impl<H> Builder<'_, ByteOptions, H> {
    /// Sets how many bytes a job may have at most. An opener that sets it gets an error if it differs. Default, also for 0: 1024.
    ///
    /// Each job takes up that much memory, rounded up to 64 bytes, whatever its length.
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.wanted.max_len = bytes as u64;
        self
    }
}

impl<H> Builder<'_, ByteOptions, H> {
    /// Sets how many bytes an [answer](super::ByteLease::reply) may have at most. Default for creators: 0, so that a
    /// [call](ByteWorkQueue::call) learns that its job is done, and no more. An opener that sets it gets an error if it differs.
    ///
    /// Each job takes up that much more memory, rounded up to 64 bytes.
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.wanted.max_reply = Some(bytes as u64);
        self
    }
}

has_schema!(ByteOptions.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for ByteOptions {
    const KIND: Kind = Kind::ByteWorkQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = ByteWorkQueue<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<u8>(Kind::ByteWorkQueue, self.jobs.capacity, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        self.jobs.accept(found)?;
        let max_len = if self.max_len == 0 { None } else { Some(self.max_len) };
        let fields = [(Field::MaxLength, max_len, found.most), (Field::MaxReply, self.max_reply, found.most_reply)];
        for (field, wanted, found) in fields {
            let found = found as u64;
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                return Err(ShapeError::Differs { field, wanted, found });
            }
        }
        Ok(())
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let max_len = if self.max_len == 0 { DEFAULT } else { self.max_len };
        // By the length of a job: the elements of the shape are bytes.
        let sized = Shape { element_size: max_len.min(u32::MAX.into()) as u32, ..self.shape() };
        self.jobs.complete(
            Shape { capacity: sized.with_default_capacity().capacity, ..self.shape() },
            [max_len, self.max_reply.unwrap_or(0)],
        )
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.jobs.start) }
    }

    of_view!(ByteWorkQueue<'m, P>: |_, view, _, platform| ByteWorkQueue::over(view, platform));
}

/// A [`WorkQueue`](super::WorkQueue) whose jobs are bytes: text, serialised data, frames, each of its own length up to a limit.
///
/// All that is said there holds here, too: a job is leased to one process at a time, and comes again if its holder dies. A job is copied
/// into a block of its own when it is sent. Its holder reads it there, without another copy.
///
/// # A faulty peer
///
/// A leased job is read in place, as plain bytes. That is sound as long as every process that writes to the region goes through this library:
/// nobody writes a job that is leased. (The guards of [`Mutex`](crate::Mutex) need the same.)
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.byte_work_queue("jobs").capacity(100).max_len(4096).open_or_create()?;
/// jobs.send(b"resize cat.png")?;
/// jobs.send_parts(&[b"resize ", b"dog.png"])?;
/// drop(jobs.recv()?); // or its process is killed
///
/// let job = jobs.recv()?;
/// assert_eq!((&*job, job.attempt()), (&b"resize cat.png"[..], 2));
/// job.done()?;
/// assert_eq!(jobs.recv()?.strip_prefix(b"resize "), Some(&b"dog.png"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Until all is done, with the jobs that failed at the end:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.byte_work_queue("jobs").attempts(1).create()?;
/// jobs.send(b"good")?;
/// jobs.send(b"bad")?;
/// jobs.close()?;
/// for job in jobs.iter() {
///     if job.to_vec() == b"good" {
///         job.done()?;
///     } // or it failed
/// }
/// jobs.wait_idle()?;
/// let letter = jobs.recv_dead()?;
/// assert_eq!(&*letter, b"bad");
/// letter.done()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "JoinableQueue")]
#[doc(alias = "message_queue")]
pub struct ByteWorkQueue<'m, P> {
    pub(super) engine: Engine<'m>,
    pub(super) platform: P,
}

handle!(ByteWorkQueue, "queue", self => self.engine.recv_budget, self.engine.send_budget,
    self.engine.idle_budget, self.engine.call_budget, self.engine.letter_budget);
queries!(ByteWorkQueue);

impl<P> ByteWorkQueue<'_, P> {
    /// Returns the bytes that a queue of this many jobs of up to `max_len` bytes, with answers of up to `max_reply` bytes, and this many leases,
    /// takes in a region.
    ///
    /// # Panics
    ///
    /// If one of them but `max_reply` is 0, if capacity and leases are more than 2^20 - 2 together, or if all is larger than an address space.
    pub const fn footprint(capacity: usize, max_len: usize, max_reply: usize, leases: u32) -> Footprint {
        match Geometry::of_bytes(capacity as u64, leases, 0, [max_len as u64, max_reply as u64]) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a work queue's capacity and leases are at least 1, and 2^20 - 2 together at most"),
        }
    }

    /// Returns the bytes of the longest answer that is possible.
    pub fn max_reply(&self) -> usize {
        self.engine.view.geometry.most_reply
    }

    /// Returns the bytes of the longest job that is possible.
    pub fn max_len(&self) -> usize {
        self.engine.view.geometry.most
    }
}

impl<'m, P: Platform> ByteWorkQueue<'m, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        ByteWorkQueue { engine: Engine::new(view, &platform), platform }
    }

    fn another(&self, platform: P) -> Self {
        ByteWorkQueue { engine: self.engine.another(&platform), platform }
    }
}
