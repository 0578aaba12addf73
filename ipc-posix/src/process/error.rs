//! Why no process was started, and why a task has no result.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use ipc_core::Fault;
use ipc_core::error::{TrySendBytesError, TrySendValueError};

use super::start::OURS;
use crate::error::{ObjectError, RegionError, debug_as_display};

/// Why no process was started. Nothing is left of it: no process, no descriptor, no memory.
///
/// ```
/// use ipc_posix::process;
///
/// fn unknown() {}
/// let error = process::spawn(unknown, ()).unwrap_err();
/// assert!(error.to_string().ends_with("unknown is no task: write `ipc_posix::task!` behind it"), "{error}");
/// ```
#[non_exhaustive]
pub enum SpawnError {
    /// The function was not registered with [`task!`](crate::task).
    NotATask {
        /// Its type, which has its name.
        function: &'static str,
    },
    /// Two functions were registered under this name.
    TwoTasks {
        /// The name.
        name: &'static str,
    },
    /// The arguments cannot be written, or are longer than [`ProcessOptions::max_args`](super::ProcessOptions::max_args).
    Args(TrySendValueError),
    /// A descriptor among the arguments cannot be passed on, or is one too many; or there is no socket to pass them over.
    Descriptors(io::Error),
    /// The region for arguments and result cannot be made.
    Region(RegionError),
    /// An object in that region cannot be made.
    Object(ObjectError),
    /// The program cannot be started.
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::NotATask { function } => {
                write!(f, "{function} is no task: write `ipc_posix::task!` behind it")
            }
            SpawnError::TwoTasks { name } => write!(f, "two functions are tasks of the name {name}"),
            SpawnError::Args(TrySendValueError::Queue(TrySendBytesError::TooLong { len, max })) => {
                write!(f, "the arguments of a task take {len} bytes, and its `max_args` is {max}")
            }
            SpawnError::Args(error) => write!(f, "the arguments of a task: {error}"),
            SpawnError::Descriptors(error) => write!(f, "the descriptors for a task: {error}"),
            SpawnError::Region(error) => write!(f, "the memory for a task: {error}"),
            SpawnError::Object(error) => write!(f, "the memory for a task: {error}"),
            SpawnError::Start { program, error } => {
                write!(f, "{} cannot be started: {error}", program.display())?;
                let lost = program == Path::new(OURS) && error.kind() == io::ErrorKind::NotFound;
                if lost { f.write_str(" (is /proc mounted?)") } else { Ok(()) }
            }
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpawnError::NotATask { .. } | SpawnError::TwoTasks { .. } => None,
            SpawnError::Args(error) => Some(error),
            SpawnError::Descriptors(error) | SpawnError::Start { error, .. } => Some(error),
            SpawnError::Region(error) => Some(error),
            SpawnError::Object(error) => Some(error),
        }
    }
}

/// Why a task has no result.
///
/// ```standalone_crate
/// use ipc_posix::process::{self, TaskError};
///
/// fn leave() {
///     std::process::exit(7);
/// }
/// ipc_posix::task!(leave);
///
/// fn main() {
///     process::init();
///     let error = process::spawn(leave, ()).unwrap().join().unwrap_err();
///     assert!(matches!(error, TaskError::Exited { code: 7, .. }), "{error}");
/// }
/// ```
#[non_exhaustive]
pub enum TaskError {
    /// It panicked.
    Panicked(TaskPanic),
    /// It ended its process.
    Exited {
        /// The process.
        pid: u32,
        /// Its exit code.
        code: i32,
    },
    /// Its process was killed by a signal. It, or the system for it: a segmentation fault, say, or too little memory.
    Killed {
        /// The process.
        pid: u32,
        /// The signal's number, see signal(7).
        signal: i32,
    },
    /// Its process has ended, and nobody knows how: this program ignores SIGCHLD, or waits for all of its children somewhere else.
    Lost {
        /// The process.
        pid: u32,
    },
    /// The program has ended without beginning with the task. It does not call [`init`](super::init), say.
    NotBegun {
        /// The process.
        pid: u32,
        /// The program.
        program: PathBuf,
        /// Its exit code.
        code: i32,
    },
    /// The program knows no task of this name and schema.
    Unknown {
        /// The task's name.
        task: &'static str,
        /// The schema that this program has for it.
        schema: u64,
        /// The program.
        program: PathBuf,
        /// The tasks that it knows, with their schemas.
        known: String,
    },
    /// The arguments could not be read.
    Args {
        /// Why not.
        reason: String,
    },
    /// The result could not be written, or is longer than [`ProcessOptions::max_result`](super::ProcessOptions::max_result); or it could
    /// not be read.
    Result {
        /// Why not.
        reason: String,
    },
    /// The handle came through `fork`, or the memory of the result is damaged.
    Fault(Fault),
}

impl TaskError {
    /// Returns whether the process was killed by a signal.
    pub fn is_killed(&self) -> bool {
        matches!(self, TaskError::Killed { .. })
    }

    /// Returns whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, TaskError::Panicked(_))
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked(panic) => panic.fmt(f),
            TaskError::Exited { pid, code } => write!(f, "process {pid} ended without a result: exit code {code}"),
            TaskError::Killed { pid, signal } => {
                write!(f, "process {pid} ended without a result: {}", ExitStatus::from_raw(*signal))
            }
            TaskError::Lost { pid } => {
                write!(f, "process {pid} ended without a result, and something else has waited for it")
            }
            TaskError::NotBegun { pid, program, code } => {
                let program = program.display();
                write!(f, "{program} (process {pid}) ended without beginning with its task: exit code {code}. ")?;
                f.write_str("Its `main` should begin with `ipc_posix::process::init()`")
            }
            TaskError::Unknown { task, schema, program, known } => {
                let known = if known.is_empty() { "none" } else { known };
                write!(f, "{} knows no task {task} of schema {schema}, but: {known}", program.display())
            }
            TaskError::Args { reason } => write!(f, "the arguments could not be read: {reason}"),
            TaskError::Result { reason } => write!(f, "the result did not arrive: {reason}"),
            TaskError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TaskError::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

impl From<Fault> for TaskError {
    fn from(fault: Fault) -> Self {
        TaskError::Fault(fault)
    }
}

/// What is known of a task's panic.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskPanic {
    pub(super) message: String,
    pub(super) place: String,
    pub(super) backtrace: String,
}

impl TaskPanic {
    /// Returns its message. One of more than 4 KiB is cut.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns where it was: file, line and column.
    pub fn location(&self) -> Option<&str> {
        Some(self.place.as_str()).filter(|place| !place.is_empty())
    }

    /// Returns the calls that led to it, if they were [asked for](super::ProcessOptions::backtrace). What is beyond 24 KiB is cut.
    pub fn backtrace(&self) -> Option<&str> {
        Some(self.backtrace.as_str()).filter(|trace| !trace.is_empty())
    }
}

/// One line; with `{:#}`, the backtrace below it.
impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task panicked")?;
        self.location().map_or(Ok(()), |place| write!(f, " at {place}"))?;
        write!(f, ": {}", self.message)?;
        self.backtrace().filter(|_| f.alternate()).map_or(Ok(()), |trace| write!(f, "\n{trace}"))
    }
}

/// Why a signal was not sent.
#[non_exhaustive]
pub enum SignalError {
    /// The handle came through `fork`.
    Forked,
    /// The system refuses it: the process acts for another user by now, say.
    Refused {
        /// The process.
        pid: u32,
        /// The signal's number, see signal(7).
        signal: i32,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignalError::Forked => Fault::Forked.fmt(f),
            SignalError::Refused { pid, signal, error } => write!(f, "signal {signal} to process {pid}: {error}"),
        }
    }
}

impl Error for SignalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SignalError::Forked => None,
            SignalError::Refused { error, .. } => Some(error),
        }
    }
}

debug_as_display!(SpawnError, TaskError, TaskPanic, SignalError);
