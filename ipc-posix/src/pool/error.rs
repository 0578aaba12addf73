//! Why there is no pool, and why a call has no result.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::Fault;

use crate::error::{ObjectError, RegionError, debug_as_display};
use crate::process::{SpawnError, TaskError, TaskPanic};

/// Why a pool was not started. Nothing is left of it.
#[non_exhaustive]
pub enum PoolError {
    /// An option has a value that is not possible.
    Option {
        /// The option.
        option: &'static str,
        /// What it may be.
        reason: &'static str,
    },
    /// The initializer is no task, or its arguments cannot be written.
    Initializer(CallError),
    /// A pool of this name runs already.
    InUse {
        /// The name.
        name: String,
        /// The pool's process id, as it knows itself, if it is known.
        pid: Option<u32>,
    },
    /// The region cannot be made.
    Region(RegionError),
    /// An object in the region cannot be made.
    Object(ObjectError),
    /// A worker cannot be started.
    Spawn(SpawnError),
    /// A thread of the pool, or what wakes it, cannot be had.
    Thread(std::io::Error),
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::Option { option, reason } => write!(f, "a pool's `{option}` {reason}"),
            PoolError::Initializer(error) => write!(f, "the initializer of a pool: {error}"),
            PoolError::InUse { name, pid } => {
                write!(f, "a pool of the name {name:?} runs already")?;
                pid.map_or(Ok(()), |pid| write!(f, " (process {pid})"))
            }
            PoolError::Region(error) => write!(f, "the memory of a pool: {error}"),
            PoolError::Object(error) => write!(f, "the memory of a pool: {error}"),
            PoolError::Spawn(error) => write!(f, "a worker of a pool: {error}"),
            PoolError::Thread(error) => write!(f, "a thread of a pool: {error}"),
        }
    }
}

impl Error for PoolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PoolError::Option { .. } | PoolError::InUse { .. } => None,
            PoolError::Initializer(error) => Some(error),
            PoolError::Region(error) => Some(error),
            PoolError::Object(error) => Some(error),
            PoolError::Spawn(error) => Some(error),
            PoolError::Thread(error) => Some(error),
        }
    }
}

/// Why a call of a pool has no result.
///
/// ```standalone_crate
/// use ipc_posix::pool::{self, CallError};
/// use ipc_posix::{process, task};
///
/// fn leave() {
///     std::process::exit(7);
/// }
/// task!(leave);
///
/// fn main() -> Result<(), ipc_posix::Error> {
///     process::init();
///     let pool = pool::options().workers(1).attempts(2).start()?;
///     let error = pool.apply(leave, ()).unwrap_err();
///     let CallError::WorkerDied { attempts, ended: Some(status), .. } = &error else { panic!("{error}") };
///     assert_eq!((*attempts, status.code()), (2, Some(7)));
///     Ok(())
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum CallError {
    /// The function was not registered with [`task!`](crate::task), or not as the only one of its name.
    NotATask {
        /// Its type, which has its name.
        function: &'static str,
    },
    /// The arguments cannot be written or read.
    Args {
        /// The task.
        task: &'static str,
        /// Why not.
        reason: String,
    },
    /// The arguments are longer than [`max_args`](super::PoolOptions::max_args).
    ArgsTooLong {
        /// The task.
        task: &'static str,
        /// How long they are.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The result cannot be written or read, or is longer than [`max_result`](super::PoolOptions::max_result).
    Result {
        /// The task.
        task: &'static str,
        /// Why not.
        reason: String,
    },
    /// The task panicked. Its worker goes on.
    Panicked(TaskPanic),
    /// As many workers as the pool's [`attempts`](super::PoolOptions::attempts) died with the task.
    WorkerDied {
        /// The task.
        task: &'static str,
        /// How many.
        attempts: u32,
        /// The process id of the last one, if it had said by then what it was working on.
        pid: Option<u32>,
        /// How that one ended, if the system says so.
        ended: Option<ExitStatus>,
    },
    /// The task took longer than [`time_limit`](super::PoolOptions::time_limit).
    TimeLimit {
        /// The task.
        task: &'static str,
        /// The limit.
        limit: Duration,
        /// The worker's process id.
        pid: u32,
        /// Whether the worker was killed: not if it was [started by hand](super::worker()).
        killed: bool,
    },
    /// It was [cancelled](super::Call::cancel).
    Cancelled,
    /// The worker's program knows no task of this name and schema.
    Unknown {
        /// The task.
        task: &'static str,
        /// The schema that this program has for it.
        schema: u64,
        /// The worker's program.
        program: PathBuf,
        /// The tasks that it knows, with their schemas.
        known: String,
    },
    /// The result is not there yet.
    NotReady,
    /// The result was taken before.
    Taken,
    /// The pool is closed.
    Closed,
    /// The pool was [terminated](super::Pool::terminate), or dropped.
    Terminated,
    /// The pool has stopped: too many workers in a row could not be started, or ended in the initializer.
    Stopped {
        /// How many.
        failures: u32,
        /// What became of the last one.
        last: Arc<dyn Error + Send + Sync>,
    },
    /// The pool came through `fork`, or its memory is damaged.
    Fault(Fault),
}

impl CallError {
    /// Returns whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, CallError::Panicked(_))
    }

    /// What a worker has said instead of a result.
    pub(super) fn told(error: TaskError, task: &'static str) -> CallError {
        match error {
            TaskError::Panicked(panic) => CallError::Panicked(panic),
            TaskError::Unknown { task, schema, program, known } => CallError::Unknown { task, schema, program, known },
            TaskError::Args { reason } => CallError::Args { task, reason },
            other => CallError::Result { task, reason: other.to_string() },
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NotATask { function } => {
                write!(f, "{function} is no task, or not the only one of its name: write `ipc_posix::task!` behind it")
            }
            CallError::Args { task, reason } => write!(f, "the arguments of {task}: {reason}"),
            CallError::ArgsTooLong { task, len, max } => {
                write!(f, "the arguments of {task} take {len} bytes, and the pool's `max_args` is {max}")
            }
            CallError::Result { task, reason } => write!(f, "the result of {task}: {reason}"),
            CallError::Panicked(panic) => panic.fmt(f),
            CallError::WorkerDied { task, attempts, pid, ended } => {
                let workers = if *attempts == 1 { "a worker" } else { "workers" };
                write!(f, "{task}: {workers} died with it in {attempts} of {attempts} attempts")?;
                pid.map_or(Ok(()), |pid| write!(f, ", the last one was process {pid}"))?;
                ended.map_or(Ok(()), |ended| write!(f, ", {ended}"))
            }
            CallError::TimeLimit { task, limit, pid, killed } => {
                let what = if *killed { "and its worker was killed" } else { "in a worker that was started by hand" };
                write!(f, "{task} took longer than {limit:?}, {what} (process {pid})")
            }
            CallError::Cancelled => f.write_str("the call was cancelled"),
            CallError::Unknown { task, schema, program, known } => {
                let known = if known.is_empty() { "none" } else { known };
                let program = if program == Path::new("") { Path::new("/proc/self/exe") } else { program };
                write!(f, "{} knows no task {task} of schema {schema}, but: {known}", program.display())
            }
            CallError::NotReady => f.write_str("the result is not there yet"),
            CallError::Taken => f.write_str("the result was taken before"),
            CallError::Closed => f.write_str("the pool is closed"),
            CallError::Terminated => f.write_str("the pool was terminated"),
            CallError::Stopped { failures, last } => {
                write!(f, "the pool has stopped, because {failures} workers in a row could not start: {last}")
            }
            CallError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Fault(fault) => Some(fault),
            CallError::Stopped { last, .. } => Some(&**last),
            _ => None,
        }
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        CallError::Fault(fault)
    }
}

/// Why a worker that was started by hand takes no calls. See [`WorkerOptions::run`](super::WorkerOptions::run).
#[non_exhaustive]
pub enum WorkerError {
    /// There is no pool of this name, or its process is gone.
    NoPool {
        /// The name.
        pool: String,
        /// Where it was searched for, if not in the default directory.
        directory: Option<PathBuf>,
    },
    /// The region of this name is no pool's, or it is damaged.
    NotAPool {
        /// The name.
        name: String,
    },
    /// This program lacks tasks that the pool's program has, or has them with another schema.
    Tasks {
        /// The pool.
        pool: String,
        /// These tasks, with the schemas there and here.
        differences: String,
    },
    /// The pool has as many guests as its [`guests`](super::PoolOptions::guests) allow.
    Full {
        /// The pool.
        pool: String,
        /// How many.
        guests: usize,
    },
    /// The pool's initializer has failed here.
    Initializer {
        /// The pool.
        pool: String,
        /// What has happened.
        reason: String,
    },
    /// The pool's region cannot be opened.
    Region(RegionError),
    /// An object in it cannot be opened.
    Object(ObjectError),
    /// The pool's memory is damaged, or the system does not say who is dead.
    Fault(Fault),
}

impl Error for WorkerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WorkerError::Region(error) => Some(error),
            WorkerError::Object(error) => Some(error),
            WorkerError::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

debug_as_display!(PoolError, CallError, WorkerError);
