//! What a pool should be like.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipc_core::bytes::append;

use super::error::CallError;
use super::worker::Initializer;
use crate::process::Task;
use crate::process::descriptors::{self, Luggage};

/// How many bytes arguments and results may have, unless something else is said.
const ROOM: usize = 16 << 10;

/// What a [`Pool`](super::Pool) should be like. Made by [`options`](super::options).
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use ipc_posix::{pool, process, task};
///
/// fn shout(text: String) -> String {
///     text.to_uppercase()
/// }
/// task!(shout);
///
/// fn main() -> Result<(), ipc_posix::Error> {
///     process::init();
///     let pool = pool::options()
///         .workers(2)
///         .attempts(2)
///         .time_limit(Duration::from_secs(60))
///         .calls_per_worker(10_000)
///         .start()?;
///     assert_eq!(pool.apply(shout, "hello".into())?, "HELLO");
///     Ok(())
/// }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until start"]
pub struct PoolOptions {
    pub(super) workers: Option<usize>,
    pub(super) most_workers: usize,
    pub(super) shared_as: Option<String>,
    pub(super) directory: Option<PathBuf>,
    pub(super) guests: Option<usize>,
    pub(super) name: String,
    pub(super) attempts: u32,
    pub(super) time_limit: Option<Duration>,
    pub(super) calls_per_worker: u64,
    pub(super) memory_per_worker: u64,
    pub(super) initializer: Option<Result<(Initializer, Arc<Luggage>), CallError>>,
    pub(super) init_limit: Duration,
    pub(super) failed_starts: u32,
    pub(super) max_args: usize,
    pub(super) max_result: usize,
    pub(super) capacity: Option<usize>,
    pub(super) backtrace: bool,
    pub(super) program: Option<PathBuf>,
    pub(super) whole_lines: bool,
}

impl PoolOptions {
    pub(super) fn new() -> Self {
        PoolOptions {
            workers: None,
            most_workers: 0,
            shared_as: None,
            directory: None,
            guests: None,
            name: "pool".to_owned(),
            attempts: 3,
            time_limit: None,
            calls_per_worker: 0,
            memory_per_worker: 0,
            initializer: None,
            init_limit: Duration::from_secs(60),
            failed_starts: 5,
            max_args: ROOM,
            max_result: ROOM,
            capacity: None,
            backtrace: false,
            program: None,
            whole_lines: false,
        }
    }

    /// Sets how many worker processes there are, 1 to 400. Default: as many as
    /// [`available_parallelism`](std::thread::available_parallelism) says, which knows affinity and the quota of cgroups.
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count);
        self
    }

    /// Sets how many workers there may be later on: see [`Pool::set_workers`](super::Pool::set_workers). Default: as many as there are at the
    /// beginning. Memory is reserved for that many.
    pub fn most_workers(mut self, count: usize) -> Self {
        self.most_workers = count;
        self
    }

    /// Gives the pool's memory this name, so that workers of other programs can join: see [workers by
    /// hand](super#workers-by-hand). What a dead pool of this name has left is replaced; the error
    /// that another one runs takes a second. Then [`workers`](Self::workers) may be 0, which
    /// leaves all calls to such workers. They have to be of the same user, or of the superuser.
    pub fn shared_as(mut self, name: impl Into<String>) -> Self {
        self.shared_as = Some(name.into());
        self
    }

    /// Sets the directory of that name, as [`RegionOptions::dir`](crate::RegionOptions::dir). Default: `/dev/shm`. Containers that mount
    /// the same directory share the pool.
    pub fn dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets how many workers of other programs may join at once. Default: 16 if the pool has a name to share. Memory is reserved for that
    /// many.
    pub fn guests(mut self, most: usize) -> Self {
        self.guests = Some(most);
        self
    }

    /// Sets a name, for people: [`task_name`](crate::process::task_name) in a worker returns it, with the worker's number. Default: "pool".
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how many workers may die with a call before it fails as [`WorkerDied`](CallError::WorkerDied): 1 to 63. Default: 3.
    ///
    /// A task that must not run twice, not even in part, wants 1.
    pub fn attempts(mut self, most: u32) -> Self {
        self.attempts = most;
        self
    }

    /// Sets how long a task may run. Then its worker is killed and replaced, and the call fails as
    /// [`TimeLimit`](CallError::TimeLimit): an eighth of the limit later at most. Default: for ever.
    ///
    /// The arguments of a chunk of [`map`](super::Pool::map) are one task here.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Replaces a worker by a new one after this number of calls. Default, also for 0: never.
    #[doc(alias = "maxtasksperchild")]
    pub fn calls_per_worker(mut self, most: u64) -> Self {
        self.calls_per_worker = most;
        self
    }

    /// Replaces a worker by a new one when it has more than this many bytes of memory for itself behind a call. Default, also for 0:
    /// never. Costs each call the read of a small file in /proc.
    pub fn memory_per_worker(mut self, bytes: u64) -> Self {
        self.memory_per_worker = bytes;
        self
    }

    /// Lets each worker call this task with these arguments before it begins, as those that replace others do. What it leaves in a
    /// `static` or a thread-local, each later task in that worker finds: tasks run on the same thread.
    ///
    /// If it panics or ends its process, the start of the worker has failed: see [`failed_starts`](Self::failed_starts).
    ///
    /// ```standalone_crate
    /// use std::cell::Cell;
    ///
    /// use ipc_posix::{pool, process, task};
    ///
    /// thread_local! {
    ///     static FACTOR: Cell<u64> = const { Cell::new(1) };
    /// }
    ///
    /// fn prepare(factor: u64) {
    ///     FACTOR.set(factor);
    /// }
    /// task!(prepare);
    ///
    /// fn scale(number: u64) -> u64 {
    ///     number * FACTOR.get()
    /// }
    /// task!(scale);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(2).initializer(prepare, 10).start()?;
    ///     assert_eq!(pool.map(scale, 1..4)?, [10, 20, 30]);
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "initargs")]
    pub fn initializer<Form, F: Task<Form>>(mut self, function: F, args: F::Args) -> Self {
        self.initializer = Some(initializer(function, &args));
        self
    }

    /// Sets how long the start of a worker may take, its initializer included. Then it is killed, and its start has failed. Default:
    /// 60 s.
    pub fn init_limit(mut self, limit: Duration) -> Self {
        self.init_limit = limit;
        self
    }

    /// Sets how many starts of workers in a row may fail, in the initializer say. Then the pool stops, and all of its calls fail as
    /// [`Stopped`](CallError::Stopped) with the last error. Default: 5.
    pub fn failed_starts(mut self, most: u32) -> Self {
        self.failed_starts = most;
        self
    }

    /// Sets how many bytes the arguments of a call may have as they are written. Default: 16 KiB.
    ///
    /// Each of the calls that wait, or run, has that much memory reserved, and twice [`max_result`](Self::max_result). That takes time
    /// at the start, half a millisecond a MiB.
    pub fn max_args(mut self, bytes: usize) -> Self {
        self.max_args = bytes;
        self
    }

    /// Sets how many bytes the result of a call may have as it is written. Default: 16 KiB. See [`max_args`](Self::max_args).
    pub fn max_result(mut self, bytes: usize) -> Self {
        self.max_result = bytes;
        self
    }

    /// Sets how many calls wait for a worker at most; then [`submit`](super::Pool::submit) blocks. Default: 8 for each worker that there may be. More spare
    /// tiny tasks, each in a message of its own, some sleeps.
    pub fn capacity(mut self, calls: usize) -> Self {
        self.capacity = Some(calls);
        self
    }

    /// Tells panics with their [backtrace](crate::process::TaskPanic::backtrace). Without this, the environment decides.
    pub fn backtrace(mut self) -> Self {
        self.backtrace = true;
        self
    }

    /// Keeps lines whole that workers print. Without this, workers write to the streams of this program by themselves, and parts of their lines
    /// may mix, on the standard error above all.
    ///
    /// With this, each worker prints to pipes, and a thread here passes whole lines on to this program's standard output and standard error,
    /// in pieces if they are longer than 64 KiB. To a worker its streams are no terminal. [`join`](super::Pool::join) waits until all is passed
    /// on; the other ways to end do not. The thread takes the locks of the two streams: who holds one, and calls `join`, waits for ever.
    pub fn whole_lines(mut self) -> Self {
        self.whole_lines = true;
        self
    }

    /// Starts another program than this one for the workers, as [`ProcessOptions::program`](crate::process::ProcessOptions::program).
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }
}

fn initializer<Form, F: Task<Form>>(function: F, args: &F::Args) -> Result<(Initializer, Arc<Luggage>), CallError> {
    let entry = super::entry_of(&function)?;
    let (mut bytes, mut luggage) = (Vec::new(), Luggage::default());
    let written = descriptors::written(&mut luggage, || append(&mut bytes, args));
    let trouble = luggage.trouble.take().map(|error| error.to_string());
    if let Some(reason) = trouble.or(written.err().map(|error| error.to_string())) {
        return Err(CallError::Args { task: entry.name, reason });
    }
    Ok(((entry.name.to_owned(), entry.schema, bytes, !luggage.is_empty()), Arc::new(luggage)))
}

impl std::fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolOptions").field("name", &self.name).field("workers", &self.workers).finish_non_exhaustive()
    }
}
