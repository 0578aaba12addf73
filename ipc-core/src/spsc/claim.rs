//! Why an end cannot be had.

use core::fmt;

use crate::error::Fault;
use crate::object::Kind;
use crate::platform::Platform;
use crate::region::Name;

use super::words::End;

/// The error of a claim: an end of a queue cannot be had.
///
/// ```
/// # use ipc_posix::{SpscClaimErrorKind, Region};
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u64>("ticks").capacity(4).create()?;
/// let _producer = ticks.producer()?;
/// let error = ticks.producer().unwrap_err();
/// assert_eq!(error.kind(), SpscClaimErrorKind::Held { pid: std::process::id() });
/// assert_eq!(
///     error.to_string(),
///     format!("one-to-one queue \"ticks\": process {} holds its producing end", std::process::id()),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimError {
    name: Option<Name>,
    end: End,
    kind: ClaimErrorKind,
}

/// Why an end of a queue cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimErrorKind {
    /// A living process has it.
    Held {
        /// Its process id, as it knows itself (see [`Platform::process_id`]).
        pid: u32,
    },
    /// Other processes claimed it and lost it at each attempt.
    Contended,
    /// The queue cannot be used.
    Fault(Fault),
}

impl ClaimError {
    pub(super) fn new<P: Platform + ?Sized>(platform: &P, end: End, kind: ClaimErrorKind) -> Self {
        ClaimError { name: Name::new(platform.label()).ok(), end, kind }
    }

    /// The queue's name. Empty if it has none.
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or("", Name::as_str)
    }

    /// The end that was claimed.
    pub fn end(&self) -> End {
        self.end
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
        let end = match self.end {
            End::Producer => "producing",
            End::Consumer => "consuming",
        };
        Kind::Spsc.fmt(f)?;
        if self.name.is_some() {
            write!(f, " {:?}", self.name())?;
        }
        match self.kind {
            ClaimErrorKind::Held { pid } => write!(f, ": process {pid} holds its {end} end"),
            ClaimErrorKind::Contended => write!(f, ": others claim its {end} end and lose it all the time"),
            ClaimErrorKind::Fault(fault) => write!(f, ": {fault}"),
        }
    }
}

impl core::error::Error for ClaimError {}
