//! Errors of finding or creating objects.

use std::fmt;

use ipc_core::object::Kind;
use ipc_core::region::DirectoryError;

use super::Quoted;

/// An object could not be found or created.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// region.queue::<u64>("jobs").capacity(8).create()?;
/// let error = region.queue::<u16>("jobs").open().unwrap_err();
/// assert_eq!(error.to_string(), "queue \"jobs\": type u16 here, u64 in the region");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ObjectError {
    object: Kind,
    name: String,
    kind: ObjectErrorKind,
}

/// What was wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectErrorKind {
    /// There is no object of this name.
    NotFound,
    /// There is an object of this name already.
    AlreadyExists,
    /// The object is not there, and to create it the capacity must be said.
    NoCapacity,
    /// The object is not there, and to create it the initial value must be said.
    NoInitialValue,
    /// The object differs from what is wanted, or there is no room for it.
    Directory(DirectoryError),
    /// A living process is creating an object and does not get on (it may be stopped).
    Busy {
        /// Its process id, as it knows itself, if it is known.
        pid: Option<u32>,
    },
    /// A process is creating an object, and the system does not say whether it lives: see
    /// [`Fault::DeathsUnknown`](ipc_core::Fault::DeathsUnknown).
    DeathsUnknown {
        /// Its process id, as it knows itself, if it is known.
        pid: Option<u32>,
    },
    /// The region's handle came through `fork`: open the region again.
    Forked,
}

impl ObjectError {
    pub(crate) fn new(object: Kind, name: &str, kind: ObjectErrorKind) -> Self {
        ObjectError { object, name: name.to_owned(), kind }
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was wrong.
    pub fn kind(&self) -> &ObjectErrorKind {
        &self.kind
    }

    /// Whether there is no object of this name.
    pub fn is_not_found(&self) -> bool {
        self.kind == ObjectErrorKind::NotFound
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.object, Quoted(&self.name))?;
        match &self.kind {
            ObjectErrorKind::NotFound => f.write_str("not found in the region"),
            ObjectErrorKind::AlreadyExists => f.write_str("exists already in the region"),
            ObjectErrorKind::NoCapacity => {
                let unsaid = match self.object {
                    Kind::Semaphore => "permits were",
                    Kind::Barrier => "parties were",
                    Kind::LoanQueue => "blocks were",
                    Kind::Array | Kind::Mutex | Kind::RwLock => "length was",
                    _ => "capacity was",
                };
                write!(f, "not there yet, and its {unsaid} not said")
            }
            ObjectErrorKind::NoInitialValue => f.write_str("not there yet, and its initial value was not said"),
            ObjectErrorKind::Directory(error) => {
                error.fmt(f)?;
                match error {
                    DirectoryError::Full { .. } => f.write_str(" (RegionOptions::objects sets their number)"),
                    DirectoryError::NoRoom { .. } => f.write_str(" (RegionOptions::size and fit set its size)"),
                    _ => Ok(()),
                }
            }
            ObjectErrorKind::Busy { pid: Some(pid) } => {
                write!(f, "process {pid} is creating an object and does not get on")
            }
            ObjectErrorKind::Busy { pid: None } => f.write_str("somebody is creating an object and does not get on"),
            ObjectErrorKind::DeathsUnknown { .. } => ipc_core::Fault::DeathsUnknown.fmt(f),
            ObjectErrorKind::Forked => ipc_core::Fault::Forked.fmt(f),
        }
    }
}

impl std::error::Error for ObjectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ObjectErrorKind::Directory(error) => Some(error),
            _ => None,
        }
    }
}
