//! What becomes of a victim.

use std::fmt;
use std::io;

/// Exit code of a victim that could not be traced.
pub(super) const TRACE_CODE: libc::c_int = 102;

/// Where a victim is after it was told to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// Stopped where it was sent to, inside the operation.
    Stepped,
    /// Stopped at [`Gate::end`](super::Gate::end): the operation is done.
    ReachedEnd,
    /// The process exited with this code, and is reaped.
    Exited(i32),
    /// Asleep in a syscall for longer than the limit; it still runs. Kill it, or let somebody wake it and
    /// call [`Victim::settle`](super::Victim::settle).
    Blocked,
}

/// Why a victim did not do what it should.
#[derive(Debug)]
#[non_exhaustive]
pub enum VictimError {
    /// A system call of the tracer failed.
    Tracer(&'static str, io::Error),
    /// The closure panicked, with this message.
    Panicked(String),
    /// A signal ended the process.
    Signaled(i32),
    /// The process exited where it should not.
    Exited(i32),
    /// The closure ended, or went on, without [`Gate::begin`](super::Gate::begin) and [`Gate::end`](super::Gate::end) in this order.
    Marks,
    /// Asleep in a syscall where it should not be.
    Blocked,
    /// Runs and runs without coming to a stop.
    Hung,
    /// The request needs a victim that is stopped, and this one runs, is detached or is gone.
    NotStopped,
}

impl fmt::Display for VictimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracer(call, error) => write!(f, "{call} failed: {error}"),
            Self::Panicked(message) => write!(f, "the victim panicked: {message}"),
            Self::Signaled(signal) => write!(f, "signal {signal} ended the victim"),
            Self::Exited(TRACE_CODE) => f.write_str("the victim could not be traced"),
            Self::Exited(code) => write!(f, "the victim exited with {code}"),
            Self::Marks => f.write_str("the victim did not pass begin and end in this order"),
            Self::Blocked => f.write_str("the victim is blocked"),
            Self::Hung => f.write_str("the victim runs without end"),
            Self::NotStopped => f.write_str("the victim is not stopped"),
        }
    }
}

impl std::error::Error for VictimError {}
