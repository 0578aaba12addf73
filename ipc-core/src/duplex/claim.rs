//! Why an end cannot be had.

use core::fmt;

use super::ends::Side;
use crate::error::Fault;
use crate::object::Kind;
use crate::platform::Platform;
use crate::region::Name;

/// The error of a claim: an end of a duplex cannot be had.
///
/// ```
/// # use ipc_posix::{DuplexClaimErrorKind, Region};
/// # let region = Region::options().anonymous()?;
/// let shell = region.pipe("shell").capacity(64).create()?;
/// let _server = shell.server()?;
/// let error = shell.server().unwrap_err();
/// assert_eq!(error.kind(), DuplexClaimErrorKind::Held { pid: std::process::id() });
/// assert_eq!(error.to_string(), format!("duplex \"shell\": process {} holds the server's end", std::process::id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimError {
    name: Option<Name>,
    side: Side,
    kind: ClaimErrorKind,
}

/// Why an end of a duplex cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimErrorKind {
    /// A living process has it.
    Held {
        /// Its process id, as it knows itself (see [`Platform::process_id`]).
        pid: u32,
    },
    /// A living process has the other end, and has not yet ended its session with the last holder of this one.
    Unfinished {
        /// Its process id, as it knows itself (see [`Platform::process_id`]).
        pid: u32,
    },
    /// The last holder of this end has sent what nobody has come to receive.
    Unread,
    /// Other processes claimed ends and left them at each attempt.
    Contended,
    /// The duplex cannot be used.
    Fault(Fault),
}

impl ClaimError {
    pub(super) fn new<P: Platform + ?Sized>(platform: &P, side: Side, kind: ClaimErrorKind) -> Self {
        ClaimError { name: Name::new(platform.label()).ok(), side, kind }
    }

    /// The name of the duplex. Empty if it has none.
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or("", Name::as_str)
    }

    /// The end that was claimed.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Why it cannot be had.
    pub fn kind(&self) -> ClaimErrorKind {
        self.kind
    }
}

// A program that returns this error from `main` prints its `Debug` form.
impl fmt::Debug for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (end, other) = match self.side {
            Side::Server => ("the server's end", "the client's end"),
            Side::Client => ("the client's end", "the server's end"),
        };
        Kind::Duplex.fmt(f)?;
        if self.name.is_some() {
            write!(f, " {:?}", self.name())?;
        }
        match self.kind {
            ClaimErrorKind::Held { pid } => write!(f, ": process {pid} holds {end}"),
            ClaimErrorKind::Unfinished { pid } => {
                write!(f, ": process {pid} holds {other} and has not ended its last session")
            }
            ClaimErrorKind::Unread => write!(f, ": nobody has received what the last holder of {end} has sent"),
            ClaimErrorKind::Contended => write!(f, ": others claim ends and leave them all the time"),
            ClaimErrorKind::Fault(fault) => write!(f, ": {fault}"),
        }
    }
}

impl core::error::Error for ClaimError {}
