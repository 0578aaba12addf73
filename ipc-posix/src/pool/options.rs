//! What a pool should be like.

use std::num::NonZero;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_core::bytes::append;

use super::Pool;
use super::desk::{Parts, Shared};
use super::error::{CallError, PoolError};
use super::job::{FAILURE, FAILURE_WITH_BACKTRACE, HEAD, REPLY_HEAD};
use super::output::Output;
use super::rows::{self, Guests, Stage};
use super::supervisor::{Plan, Supervisor};
use super::worker::{self, Initializer};
use crate::fork::ForkGuard;
use crate::objects::{Array, ByteWorkQueue, Queue};
use crate::process::descriptors::{self, Luggage};
use crate::process::task::{self, Task};
use crate::region::{MemoryBarrier, Region};
use crate::sys::SignalsBlocked;

/// How many bytes arguments and results may have, unless something else is said.
const ROOM: usize = 16 << 10;
/// How many calls wait for each worker, unless something else is said.
const CALLS: usize = 8;
/// How many workers of other programs may join, unless something else is said.
const GUESTS: usize = 16;

/// What a [`Pool`] should be like. Made by [`options`](super::options).
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
    workers: Option<usize>,
    most_workers: usize,
    shared_as: Option<String>,
    directory: Option<PathBuf>,
    guests: Option<usize>,
    name: String,
    attempts: u32,
    time_limit: Option<Duration>,
    calls_per_worker: u64,
    memory_per_worker: u64,
    initializer: Option<Result<(Initializer, Arc<Luggage>), CallError>>,
    init_limit: Duration,
    failed_starts: u32,
    max_args: usize,
    max_result: usize,
    capacity: Option<usize>,
    backtrace: bool,
    program: Option<PathBuf>,
    whole_lines: bool,
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

    /// Starts the pool: its workers, and two threads in this process. Does not wait until the workers have begun.
    ///
    /// # Errors
    ///
    /// Why there is no pool. Then nothing is left of it.
    pub fn start(&self) -> Result<Pool, PoolError> {
        let workers = self.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
        let own = workers.max(self.most_workers);
        let guests = match (&self.shared_as, self.guests) {
            (Some(_), guests @ (None | Some(1..=400))) => Ok(guests.unwrap_or(GUESTS)),
            (None, None) => Ok(0),
            (None, _) => Err(("guests", "needs `shared_as`")),
            _ => Err(("guests", "is 1 to 400")),
        };
        let most = match own {
            _ if workers == 0 && self.shared_as.is_none() || workers > 400 => Err(("workers", "is 1 to 400")),
            ..=400 => Ok(()),
            _ => Err(("most_workers", "is at most 400")),
        };
        let room = match self.capacity {
            Some(capacity) if capacity == 0 || capacity > 1 << 19 => Err(("capacity", "is 1 to 2^19")),
            _ => Ok(()),
        };
        let attempts = if (1..64).contains(&self.attempts) { Ok(()) } else { Err(("attempts", "is 1 to 63")) };
        let lens = if self.max_args > 1 << 30 || self.max_result > 1 << 30 {
            Err(("max_args` and `max_result", "are at most 1 GiB"))
        } else {
            Ok(())
        };
        let refused = |(option, reason)| PoolError::Option { option, reason };
        most.and(room).and(attempts).and(lens).map_err(refused)?;
        let guests = guests.map_err(refused)?;
        let initializer = self.initializer.clone().transpose().map_err(PoolError::Initializer)?.unzip();
        if self.shared_as.is_some() && initializer.1.as_ref().is_some_and(|luggage| !luggage.is_empty()) {
            return Err(refused(("initializer", "has open files, which cannot go to workers of other programs")));
        }
        let home = ForkGuard::new().map_err(PoolError::Thread)?;

        let max_len = HEAD + task::longest_name() + self.max_args;
        // A chunk goes on until its results are as long as one may be, so there may be as much again.
        let max_failure = if self.backtrace { FAILURE_WITH_BACKTRACE } else { FAILURE };
        let max_reply = REPLY_HEAD + self.max_result + self.max_result.max(max_failure);
        let rows = own + guests;
        let capacity = self.capacity.unwrap_or(CALLS * rows);
        let leases = rows as u32 + 4;
        // A note for each block, and for those who nudge a leader.
        let notes = capacity + leases as usize + 64;
        let words = worker::board_words(rows);
        let mut sizes = vec![
            ByteWorkQueue::footprint(capacity, max_len, max_reply, leases),
            Queue::<u64>::footprint(notes),
            Array::<u64>::footprint(words),
        ];
        let tasks = if self.shared_as.is_some() { rows::tasks() } else { Vec::new() };
        let about = (self.max_result as u64, max_failure as u64, self.backtrace, initializer.0.clone(), tasks);
        let about = rows::written(&about);
        if self.shared_as.is_some() {
            sizes.extend(Guests::footprints(guests, &about));
        }
        // A worker that was killed keeps its place until its death is noticed.
        let options = Region::options().participants(2 * rows as u32 + 8).objects(3 + rows::OBJECTS).fit(&sizes);
        // The kernel registers a process with several threads for `membarrier` in some ten milliseconds, which is longer than all the rest
        // of a worker's start.
        let options = options.memory_barrier(MemoryBarrier::Fence);
        let (region, guests) = match &self.shared_as {
            None => (options.anonymous().map_err(PoolError::Region)?, None),
            Some(name) => {
                let options = self.directory.iter().fold(options, |options, directory| options.dir(directory));
                let region = rows::region(&options.remove_with_last(true), name)?;
                let guests = Guests::create(&region, guests, &about)?;
                (region, Some(guests))
            }
        };
        let jobs = region.byte_work_queue("jobs").capacity(capacity).max_len(max_len).max_reply(max_reply);
        let jobs = jobs.leases(leases).attempts(self.attempts).create().map_err(PoolError::Object)?;
        let notes = region.queue("notes").capacity(notes).create().map_err(PoolError::Object)?;
        let board = region.array("board").len(words).create().map_err(PoolError::Object)?;

        let (bell, heard) = UnixStream::pair().map_err(PoolError::Thread)?;
        bell.set_nonblocking(true).and(heard.set_nonblocking(true)).map_err(PoolError::Thread)?;
        let printing = if self.whole_lines { Some(Output::start().map_err(PoolError::Thread)?) } else { None };
        let (output, passing) = printing.unzip();
        let (max_args, program) = (self.max_args, self.program.clone());
        let parts = Parts { jobs, notes, board, region, bell, max_args, program, own, guests };
        worker::want(&parts.board, workers);
        let shared = Arc::new(Shared::new(home, parts));
        shared.desk().wanted = workers;
        if let Some(guests) = &shared.guests {
            guests.set_stage(Stage::Open);
        }
        let plan = Plan {
            name: self.name.clone(),
            initializer: initializer.0,
            luggage: initializer.1.unwrap_or_default(),
            init_limit: self.init_limit,
            time_limit: self.time_limit,
            max_result: self.max_result,
            max_failure,
            most_calls: self.calls_per_worker,
            most_memory: self.memory_per_worker,
            most_failures: self.failed_starts.max(1),
            backtrace: self.backtrace,
            program: self.program.clone(),
            output,
        };
        let supervisor = Supervisor::start(Arc::clone(&shared), plan, heard).map_err(PoolError::Spawn)?;
        // Signals are for the program's own threads.
        let _blocked = SignalsBlocked::new();
        // If this one fails, the workers end with the pool's drop, which needs the other thread; so that comes second.
        let collecting = Arc::clone(&shared);
        let collector = thread::Builder::new().name("ipc-pool-collect".to_owned());
        let collector = collector.spawn(move || collecting.collect()).map_err(PoolError::Thread);
        let supervising = thread::Builder::new().name("ipc-pool".to_owned());
        let (hand, handed) = std::sync::mpsc::sync_channel::<Supervisor>(1);
        let supervising =
            supervising.spawn(move || handed.recv().map_or((), Supervisor::run)).map_err(PoolError::Thread);
        match (collector, supervising) {
            (Ok(collector), Ok(supervising)) => {
                let _ = hand.send(supervisor);
                let threads = Mutex::new(Some([supervising, collector]));
                Ok(Pool { shared, threads, callbacks: Mutex::new(None), output: Mutex::new(passing) })
            }
            (collector, supervising) => {
                shared.end(&mut shared.desk(), CallError::Terminated, false);
                supervisor.run();
                Err(collector.and(supervising).err().unwrap_or(PoolError::Thread(std::io::ErrorKind::Other.into())))
            }
        }
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
