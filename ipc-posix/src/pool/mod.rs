//! A pool of processes that run functions: Python's `multiprocessing.Pool`, without its hangs (feature `process`).
//!
//! ```standalone_crate
//! use ipc_posix::{pool, process, task};
//!
//! fn square(number: u64) -> u64 {
//!     number * number
//! }
//! task!(square);
//!
//! fn main() -> Result<(), ipc_posix::Error> {
//!     process::init(); // first: a worker process goes on here
//!     let pool = pool::options().workers(2).start()?;
//!     assert_eq!(pool.apply(square, 3)?, 9);
//!     let later = pool.submit(square, 4)?;
//!     assert_eq!(pool.map(square, 0..5)?, [0, 1, 4, 9, 16]);
//!     assert_eq!(later.get()?, 16);
//!     for (index, result) in pool.stream(square, 0..).as_completed().take(100) {
//!         assert_eq!(result?, (index as u64).pow(2));
//!     }
//!     pool.join()?;
//!     Ok(())
//! }
//! ```
//!
//! # Tasks
//!
//! They are functions that were registered with [`task!`](crate::task), with arguments and results of serde's types, as for
//! [`process::spawn`](crate::process::spawn). The workers are this program, started anew, and come to [`process::init`](crate::process::init). A
//! worker keeps what tasks leave in a `static`. What all tasks need is prepared by an [`initializer`](PoolOptions::initializer).
//!
//! Arguments may be handles of objects, also of regions without a name, and open files and connections, as a
//! [`Descriptor`](crate::process::Descriptor). The pool keeps copies of these until the call has its outcome: the next worker gets them if one
//! dies. What that one has read is read. A worker asks for the descriptors of a call when it begins with it, which
//! takes two wake-ups more.
//!
//! # When something goes wrong
//!
//! | what happens | what the pool does | what the call gets |
//! |---|---|---|
//! | a task panics | the worker goes on | [`Panicked`](CallError::Panicked) with message, place, and backtrace if asked |
//! | a worker is killed, crashes, exits, or runs out of memory | it is replaced; its task goes to another one first | the result; [`WorkerDied`](CallError::WorkerDied) after the last of its [`attempts`](PoolOptions::attempts) |
//! | a task takes too long | its worker is killed and replaced, unless it was started by hand | [`TimeLimit`](CallError::TimeLimit) |
//! | a call is cancelled | a worker that runs it is killed and replaced, unless it was started by hand | [`Cancelled`](CallError::Cancelled) |
//! | arguments or a result are too long | nothing | an error with both lengths |
//! | starts of workers fail, one behind the other | the pool stops | [`Stopped`](CallError::Stopped) with the last failure |
//! | this process ends, or is killed | the workers end within half a second, with the programs that they have started | – |
//! | Ctrl-C in a terminal | the same: the signal goes to this process only | – |
//!
//! Only the task of a worker that died is touched. It **may run again**, from its beginning: a task that must not takes
//! [`attempts(1)`](PoolOptions::attempts). Each call has one outcome, also if its worker is killed behind its answer.
//!
//! Memory is anonymous, unless the pool is [shared](PoolOptions::shared_as): nothing is left when all of the processes are gone, whichever
//! way.
//!
//! # More workers and fewer
//!
//! [`set_workers`](Pool::set_workers) changes their number while the pool runs. A worker that is too many ends behind its task.
//!
//! # Workers by hand
//!
//! A pool that is [`shared_as`](PoolOptions::shared_as) a name can be joined by programs that it has not started: in other terminals, of a
//! service manager, in other containers that mount the same [directory](PoolOptions::dir).
//!
//! ```text
//! let pool = pool::options().shared_as("thumbnails").start()?;   // one program
//! pool::worker("thumbnails").run()?;                             // any number of others
//! ```
//!
//! Such a *guest* takes calls as any worker does, and may be killed at any moment. It may come and go:
//!
//! | what happens | what becomes of it |
//! |---|---|
//! | the guest is killed, or crashes | its task goes to another worker, within a fraction of a second; nobody starts another guest |
//! | its task takes too long, or is cancelled | the call has its error; the guest answers nothing, and goes on with the next call behind its task |
//! | the pool is closed | the guest ends when all calls are done |
//! | the pool is terminated, or its process is gone | the guest ends behind its task; one that waits, within a quarter of a second |
//!
//! A guest is not killed by the pool: it may do other things, its process id may mean another process here, and its users may not be the pool's.
//! What limits the pool's own workers ([`calls_per_worker`](PoolOptions::calls_per_worker),
//! [`memory_per_worker`](PoolOptions::memory_per_worker), [`init_limit`](PoolOptions::init_limit)) does not hold for guests, either.
//!
//! Open files and handles of regions without a name cannot be arguments in a pool that is shared: each call may go to each worker.
//!
//! A guest's program has to know all tasks of the pool's program, each with the same schema. Otherwise it is refused, with
//! [what it lacks](WorkerError::Tasks). So each call can go to each worker, and none waits for one that is not there. The usual way is a
//! library with the tasks that both programs use, or one program with two modes.
//!
//! The region's name goes with the pool. If its process is killed, workers and guests remove it. If all of them are killed, it stays until a pool
//! of that name starts. A living pool has its name alone.
//!
//! # How it works
//!
//! A region, without a name unless it is shared, has three objects. Calls are jobs of a [`ByteWorkQueue`](crate::ByteWorkQueue), whose answers lie in the
//! jobs' own blocks; so a worker's death needs no rule of the pool. A [`Queue`](crate::Queue) has the numbers of the calls that were
//! answered, and an [`Array`](crate::Array) says what each worker does. The queue decides what becomes of a task. The array only says whom to kill, and whose
//! end was the reason.
//!
//! The other design would have a queue of answers beside that of the jobs. Then a worker that dies between the two has its task run again though
//! it was done, and a full queue of answers stops all workers.
//!
//! # Threads
//!
//! This process has two for each pool: one starts, watches and ends the workers; one takes in results that no thread waits for. Functions for
//! [`submit_with`](Pool::submit_with) are called on a third one, so that a slow one holds up no result, and one more passes on what workers
//! print if [lines are to be whole](PoolOptions::whole_lines). All of them block signals.

#[cfg(feature = "progress")]
mod bar;
mod basket;
mod call;
mod desk;
mod elastic;
mod error;
mod guest;
mod guests;
mod job;
mod lead;
mod map;
mod options;
mod output;
mod parcel;
mod progress;
mod rows;
mod start;
mod stats;
mod stepped;
mod supervisor;
mod worker;
mod writer;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};

#[cfg(feature = "progress")]
pub use bar::progress_bar;
use basket::{Basket, Owner};
pub use call::Call;
use call::Reader;
use desk::{Phase, Shared, locked};
pub use error::{CallError, PoolError, WorkerError};
pub use guest::WorkerOptions;
use map::Chunking;
pub use map::{AsCompleted, MapCall, Stream};
pub use options::PoolOptions;
use progress::Meter;
pub use progress::Progress;
pub use stats::{Activity, PoolStats, WorkerStats};
#[doc(hidden)]
pub use stepped::SteppedPool;
#[doc(hidden)]
pub use worker::{Serving, serve};

use crate::process::Task;
use crate::process::task::{self, Entry};

/// As in Python.
const CHUNKING: Chunking = Chunking::Each(4);

/// Returns the options of a pool that is to be started.
///
/// ```
/// let options = ipc_posix::pool::options().workers(3).attempts(1);
/// ```
pub fn options() -> PoolOptions {
    PoolOptions::new()
}

/// Returns the options of a worker for the pool of this name, which another program has started. See [workers by
/// hand](self#workers-by-hand).
///
/// ```
/// use ipc_posix::pool::{self, WorkerError};
///
/// let error = pool::worker("no-such-pool").run().unwrap_err();
/// assert!(matches!(error, WorkerError::NoPool { .. }));
/// assert_eq!(error.to_string(), "there is no pool \"no-such-pool\"");
/// ```
pub fn worker(pool: &str) -> WorkerOptions {
    WorkerOptions::new(pool)
}

/// Worker processes that run tasks. Made by [`PoolOptions::start`].
///
/// Any number of threads may use it at once. Dropped, it is [terminated](Self::terminate). See the [module's page](self).
///
/// In a child after `fork`, the pool is the parent's: calls return
/// [`Fault::Forked`](ipc_core::Fault::Forked), and a drop does nothing.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Option<[JoinHandle<()>; 2]>>,
    callbacks: Mutex<Option<JoinHandle<()>>>,
    /// The thread that passes on what workers print.
    output: Mutex<Option<JoinHandle<()>>>,
}

/// The entry of a function of this program.
fn entry_of<F: 'static>(function: &F) -> Result<&'static Entry, CallError> {
    task::entry_of(function).map_err(|_| CallError::NotATask { function: std::any::type_name::<F>() })
}

impl Pool {
    /// Starts a pool with the default options: a worker for each processor that this process may use.
    ///
    /// # Errors
    ///
    /// Those of [`PoolOptions::start`].
    pub fn new() -> Result<Pool, PoolError> {
        options().start()
    }

    fn reader<F: 'static>(&self, function: &F) -> Result<Reader, CallError> {
        self.shared.here()?;
        Ok(Reader { shared: Arc::clone(&self.shared), entry: entry_of(function)? })
    }

    /// Calls a task with these arguments, one or `()` or a tuple of several, and returns its result. Blocks until it is there.
    ///
    /// # Errors
    ///
    /// Why there is no result.
    pub fn apply<Form, F: Task<Form>>(&self, function: F, args: F::Args) -> Result<F::Output, CallError> {
        self.send(function, args, true)?.get()
    }

    /// Lets a worker call a task with these arguments. The result is fetched from the [`Call`]. Blocks only while
    /// [`capacity`](PoolOptions::capacity) calls wait for a worker.
    ///
    /// # Errors
    ///
    /// [`NotATask`](CallError::NotATask), [`Args`](CallError::Args), [`ArgsTooLong`](CallError::ArgsTooLong); the pool
    /// is closed, terminated, or has stopped.
    #[doc(alias = "apply_async")]
    pub fn submit<Form, F: Task<Form>>(&self, function: F, args: F::Args) -> Result<Call<F::Output>, CallError> {
        self.send(function, args, false)
    }

    fn send<Form, F: Task<Form>>(
        &self,
        function: F,
        args: F::Args,
        attended: bool,
    ) -> Result<Call<F::Output>, CallError> {
        let reader = self.reader(&function)?;
        let mut job = writer::job_of::<Form, F>(&reader, &args)?;
        let basket = Arc::new(Basket::default());
        let owner = Owner::Basket(Arc::clone(&basket), 0);
        let call = self.shared.send(reader.entry.name, &mut job, owner, attended)?;
        Ok(Call::new(reader, basket, call))
    }

    /// Lets a worker call a task with these arguments, and `then` be called with the outcome, on a thread of the pool that does nothing else.
    /// Blocks as [`submit`](Self::submit).
    ///
    /// ```standalone_crate
    /// use std::sync::mpsc;
    ///
    /// use ipc_posix::{pool, process, task};
    ///
    /// fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    /// task!(square);
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     process::init();
    ///     let pool = pool::options().workers(2).start()?;
    ///     let (sender, receiver) = mpsc::channel();
    ///     for number in 1..4 {
    ///         let sender = sender.clone();
    ///         pool.submit_with(square, number, move |result| sender.send(result).unwrap())?;
    ///     }
    ///     drop(sender);
    ///     let sum: u64 = receiver.iter().sum::<Result<_, _>>()?;
    ///     assert_eq!(sum, 14);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit). Then `then` is not called.
    #[doc(alias = "callback")]
    #[doc(alias = "error_callback")]
    pub fn submit_with<Form, F: Task<Form>>(
        &self,
        function: F,
        args: F::Args,
        then: impl FnOnce(Result<F::Output, CallError>) + Send + 'static,
    ) -> Result<(), CallError> {
        let reader = self.reader(&function)?;
        let mut job = writer::job_of::<Form, F>(&reader, &args)?;
        self.start_callbacks().map_err(|error| CallError::Args {
            task: reader.entry.name,
            reason: format!("no thread for callbacks: {error}"),
        })?;
        let name = reader.entry.name;
        let owner = Owner::Callback(Box::new(move |outcome| then(reader.one(outcome))));
        self.shared.send(name, &mut job, owner, false)?;
        Ok(())
    }

    fn start_callbacks(&self) -> io::Result<()> {
        let mut callbacks = locked(&self.callbacks);
        if callbacks.is_none() {
            let (sender, receiver) = mpsc::channel::<desk::Work>();
            let _blocked = crate::sys::SignalsBlocked::new();
            let thread = thread::Builder::new().name("ipc-pool-then".to_owned()).spawn(move || {
                for work in receiver {
                    // A panic is told by its hook, and the next one is called all the same.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                }
            })?;
            self.shared.desk().callbacks = Some(sender);
            *callbacks = Some(thread);
        }
        Ok(())
    }

    /// Calls a task with each item, and returns the results in the items' order. Blocks until all are there. The items may be many: no more
    /// messages are under way than [`capacity`](PoolOptions::capacity) says.
    ///
    /// As in Python, items are sent in chunks, four for each worker if the iterator knows how many there are; see
    /// [`map_with`](Self::map_with). A function of several arguments takes tuples (Python's `starmap`).
    ///
    /// # Errors
    ///
    /// The first error that is seen. No worker begins with what waits then; what runs runs to its end.
    #[doc(alias = "starmap")]
    pub fn map<Form, F: Task<Form>>(
        &self,
        function: F,
        items: impl IntoIterator<Item = F::Args>,
    ) -> Result<Vec<F::Output>, CallError> {
        map::map::<Form, F>(self.reader(&function)?, items, CHUNKING, Meter::default())
    }

    /// Calls a task with each item, `chunk` of them in one message, and returns the results in the items' order. With 1, a long task
    /// holds up none behind it. Larger chunks cost less.
    ///
    /// A chunk is cut where its arguments are longer than [`max_args`](PoolOptions::max_args) together, or its results longer than
    /// [`max_result`](PoolOptions::max_result).
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    #[doc(alias = "chunksize")]
    pub fn map_with<Form, F: Task<Form>>(
        &self,
        chunk: usize,
        function: F,
        items: impl IntoIterator<Item = F::Args>,
    ) -> Result<Vec<F::Output>, CallError> {
        map::map::<Form, F>(self.reader(&function)?, items, Chunking::Items(chunk), Meter::default())
    }

    /// Does what [`map`](Self::map) does, on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`NotATask`](CallError::NotATask); there is no thread. All others come with the results.
    #[doc(alias = "starmap_async")]
    pub fn map_async<Form, F, I>(&self, function: F, items: I) -> Result<MapCall<F::Output>, CallError>
    where
        F: Task<Form>,
        F::Output: Send + 'static,
        I: IntoIterator<Item = F::Args> + Send + 'static,
    {
        let reader = self.reader(&function)?;
        let task = reader.entry.name;
        let meter = Meter::default();
        let counts = Arc::clone(&meter.counts);
        let call = MapCall::new(counts, move || map::map::<Form, F>(reader, items, CHUNKING, meter));
        call.map_err(|error| CallError::Args { task, reason: format!("no thread for a map: {error}") })
    }

    /// Calls a task with the items of an iterator, which may be endless, and returns an iterator of the results. See [`Stream`].
    ///
    /// # Errors
    ///
    /// Come as results. A function that is no task: the first one, and no other.
    ///
    /// # Panics
    ///
    /// If the function is no task; in a child after `fork`.
    #[doc(alias = "imap")]
    pub fn stream<Form, F, I>(&self, function: F, items: I) -> Stream<Form, F, I::IntoIter>
    where
        F: Task<Form>,
        I: IntoIterator<Item = F::Args>,
    {
        // First: it may call `fork`.
        let items = items.into_iter();
        match self.reader(&function) {
            Ok(reader) => Stream::new(reader, items),
            Err(error) => panic!("{error}"),
        }
    }

    /// Closes the pool: it takes no more calls. Those that it has are worked on, and then the workers end.
    pub fn close(&self) {
        if !self.shared.home.is_here() {
            return;
        }
        let mut desk = self.shared.desk();
        if let Phase::Open = desk.phase {
            desk.phase = Phase::Closed;
            drop(desk);
            // An error is that of a damaged queue, which everybody finds.
            let _ = self.shared.jobs.close();
            self.shared.ring();
        }
    }

    /// Closes the pool, and waits until all calls have their outcomes, all workers have ended, and all functions of
    /// [`submit_with`](Self::submit_with) were called.
    ///
    /// # Errors
    ///
    /// [`Terminated`](CallError::Terminated) or [`Stopped`](CallError::Stopped) if the pool ended otherwise;
    /// [`Fault::Forked`](ipc_core::Fault::Forked).
    pub fn join(&self) -> Result<(), CallError> {
        self.shared.here()?;
        self.close();
        self.wait_for_threads();
        if let Some(output) = locked(&self.output).take() {
            let _ = output.join();
        }
        let mut desk = self.shared.desk();
        desk.callbacks = None;
        let phase = desk.phase.clone();
        drop(desk);
        let callbacks = locked(&self.callbacks).take();
        if let Some(callbacks) = callbacks.filter(|callbacks| callbacks.thread().id() != thread::current().id()) {
            let _ = callbacks.join();
        }
        match phase {
            Phase::Over(CallError::Closed) => Ok(()),
            Phase::Over(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Kills all workers and waits for their ends. All calls that have no outcome yet get [`Terminated`](CallError::Terminated).
    ///
    /// Does not wait for functions of [`submit_with`](Self::submit_with).
    pub fn terminate(&self) {
        if !self.shared.home.is_here() {
            return;
        }
        let mut desk = self.shared.desk();
        self.shared.end(&mut desk, CallError::Terminated, false);
        desk.callbacks = None;
        drop(desk);
        self.wait_for_threads();
    }

    fn wait_for_threads(&self) {
        // Held: another thread that waits here returns when they have ended, too.
        let mut threads = locked(&self.threads);
        for thread in threads.take().into_iter().flatten() {
            let _ = thread.join();
        }
    }

    /// Returns what the pool and its workers do. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn stats(&self) -> PoolStats {
        self.shared.home.assert_here();
        stats::of(&self.shared)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("workers", &self.workers()).finish_non_exhaustive()
    }
}
