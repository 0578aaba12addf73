//! Creating a region: a nameless file is filled in and then linked, complete, under its name.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use ipc_core::region::{Geometry, RegionView};

use super::handle::Region;
use super::open::finish;
use super::options::RegionOptions;
use super::storage;
use crate::attachment::{self, Attachment, Candidate, Membership};
use crate::error::{RegionError, RegionErrorKind};
use crate::fork::NoFork;
use crate::liveness::{self, LockByte};
use crate::probe::Status;
use crate::sys;
use crate::turn::{Turn, Waited};

/// Random names to try for a temporary file before giving up.
const DRAFT_NAMES: u32 = 16;

/// How long a creator waits for its turn: a fixed time, and a time for the bytes that others reserve.
const PATIENCE: Duration = Duration::from_secs(2);
const BYTES_PER_SECOND: u64 = 256 << 20;

/// Creates the region at `path`.
pub(super) fn named(options: &RegionOptions, name: &str, path: &Path) -> Result<Region, RegionError> {
    let directory = &options.directory;
    let is_there = || path.symlink_metadata().is_ok();
    // Before any work: the common loser of a race should not reserve memory. `linkat` decides.
    if is_there() {
        return Err(exists(name, directory));
    }
    let size = checked(options, name)?.total();
    let mut stuck = None;
    let turn = match Turn::wait(path, PATIENCE + Duration::from_secs(size / BYTES_PER_SECOND), is_there) {
        Waited::Turn(turn) => Some(turn),
        Waited::Unavailable => None,
        Waited::Interrupted => return Err(exists(name, directory)),
        Waited::Stuck { pid } => {
            stuck = Some(RegionErrorKind::Busy { action: "creating", pid });
            None
        }
    };
    if is_there() {
        return Err(exists(name, directory));
    }
    let draft = Draft::new(options, name, size).map_err(|error| match (error.kind(), stuck) {
        // What is missing, that process may have taken.
        (RegionErrorKind::NoSpace { .. }, Some(stuck)) => RegionError::new(name, stuck),
        _ => error,
    })?;
    let no_fork = NoFork::new().map_err(|error| RegionError::io(name, "prepare for forks", error))?;
    let (membership, file) = fill(options, name, Some(path), &draft)?;
    match draft.link(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(name, directory)),
        Err(error) => return Err(RegionError::io(name, "give the new region its name", error)),
    }
    drop(file);
    drop(no_fork);
    drop(draft);
    if let Err(error) = membership.check_lock().and_then(|()| membership.check_name(path)) {
        // Nobody could use it.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    drop(turn);
    Ok(finish(options, membership))
}

/// Creates a region in a sealed memory file.
pub(super) fn anonymous(options: &RegionOptions) -> Result<Region, RegionError> {
    let name = "(anonymous)";
    let size = checked(options, name)?.total();
    let draft = Draft::in_memory(options, name, size)?;
    let no_fork = NoFork::new().map_err(|error| RegionError::io(name, "prepare for forks", error))?;
    let (membership, file) = fill(options, name, None, &draft)?;
    sys::seal_size(&file).map_err(|error| RegionError::io(name, "seal the memory file", error))?;
    drop(file);
    drop(no_fork);
    membership.check_lock()?;
    Ok(finish(options, membership))
}

/// The sizes of the new region, if the options are possible.
fn checked(options: &RegionOptions, name: &str) -> Result<Geometry, RegionError> {
    // The creator opens its file a second time, and so must every process of this user.
    if options.mode & 0o600 != 0o600 {
        return Err(RegionError::new(name, RegionErrorKind::OwnerModeMissing { wanted: options.mode }));
    }
    options.geometry(name)
}

fn exists(name: &str, directory: &Path) -> RegionError {
    RegionError::new(name, RegionErrorKind::AlreadyExists { directory: directory.to_owned() })
}

/// The file of a new region, with its memory reserved, before it has its name.
///
/// To reserve takes long, and forks need not wait for it: a child that inherits this description keeps no lock alive that
/// says who lives. The description whose lock does is a [second one](Self::reopen).
struct Draft {
    file: File,
    temporary: Option<RemoveOnDrop>,
}

impl Draft {
    fn new(options: &RegionOptions, name: &str, size: u64) -> Result<Self, RegionError> {
        let directory = &options.directory;
        // A file without a name can be opened a second time, and linked, only through /proc.
        let nameless = if options.drafts || !sys::has_proc() { None } else { nameless(directory, name, size)? };
        let draft = match nameless {
            Some(file) => Draft { file, temporary: None },
            None => {
                remove_dead_drafts(directory, name);
                let (file, path) = draft_file(directory, name, size)?;
                Draft { file, temporary: Some(path) }
            }
        };
        draft.prepare(options, name, size, directory)
    }

    fn in_memory(options: &RegionOptions, name: &str, size: u64) -> Result<Self, RegionError> {
        let file = sys::memfd(c"ipc-region").map_err(|error| RegionError::io(name, "create a memory file", error))?;
        Draft { file, temporary: None }.prepare(options, name, size, Path::new("memory"))
    }

    fn prepare(self, options: &RegionOptions, name: &str, size: u64, directory: &Path) -> Result<Self, RegionError> {
        self.file
            .set_permissions(std::fs::Permissions::from_mode(options.mode))
            .map_err(|error| RegionError::io(name, "set the file's mode", error))?;
        storage::reserve(&self.file, size, name, directory)?;
        Ok(self)
    }

    /// Another description of the file, which no child has. The caller excludes forks.
    fn reopen(&self, name: &str) -> Result<File, RegionError> {
        let reopened = match &self.temporary {
            None => sys::reopen(self.file.as_raw_fd(), libc::O_RDWR),
            Some(draft) => sys::open(&draft.0, libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK, 0),
        };
        let file = reopened.map_err(|error| RegionError::reopening(name, error))?;
        let [first, second] = [&self.file, &file].map(|file| Status::of_descriptor(file.as_raw_fd()).ok());
        if first.is_some() && first.map(|status| status.id) == second.map(|status| status.id) {
            Ok(file)
        } else {
            Err(RegionError::new(name, RegionErrorKind::Contended))
        }
    }

    /// Gives the file its name, if there is none such.
    fn link(&self, path: &Path) -> io::Result<()> {
        match &self.temporary {
            None => sys::link_file(&self.file, path),
            Some(draft) => std::fs::hard_link(&draft.0, path),
        }
    }
}

/// A file without a name in `directory`; `None` where the filesystem cannot do that.
fn nameless(directory: &Path, name: &str, size: u64) -> Result<Option<File>, RegionError> {
    match sys::open(directory, libc::O_TMPFILE | libc::O_RDWR, 0o600) {
        Ok(file) => Ok(Some(file)),
        Err(error) => match error.raw_os_error() {
            // Old kernels take O_TMPFILE for O_DIRECTORY, filesystems without it refuse.
            Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL) => Ok(None),
            _ => Err(storage::directory_error(directory, name, size, error)),
        },
    }
}

/// Maps and initialises the file, and takes the first place in it.
fn fill(
    options: &RegionOptions,
    name: &str,
    path: Option<&Path>,
    draft: &Draft,
) -> Result<(Membership, File), RegionError> {
    let file = draft.reopen(name)?;
    let geometry = options.geometry(name)?;
    let status = Status::of_descriptor(file.as_raw_fd())
        .map_err(|error| RegionError::io(name, "read the attributes of the file", error))?;
    let map = attachment::map(&file, geometry.total()).map_err(|error| RegionError::io(name, "map the file", error))?;
    options.advise(&map);
    let identity = sys::random::<16>().map_err(|error| RegionError::io(name, "get random bytes", error))?;
    let (memory, identity) = (attachment::memory(&map), u128::from_le_bytes(identity));
    // SAFETY: a new file, of zeroes, that has no name yet.
    let view = unsafe { RegionView::initialise(memory, geometry, identity, options.flags()) }
        .map_err(|error| RegionError::new(name, RegionErrorKind::Header(error)))?;
    let path = path.map(Path::to_owned);
    let found_at = draft.temporary.as_ref().map(|draft| draft.0.clone());
    Attachment::establish(Candidate { file, map, view, id: status.id, name: name.to_owned(), path, found_at })
}

/// Removes a temporary name, whatever happens.
struct RemoveOnDrop(std::path::PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn draft_prefix(name: &str) -> String {
    format!(".{name}.draft-")
}

/// Whether this is how [`draft_file`] numbers its files.
fn is_draft_number(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file with a temporary name, marked by a lock as somebody's work.
fn draft_file(directory: &Path, name: &str, size: u64) -> Result<(File, RemoveOnDrop), RegionError> {
    for _ in 0..DRAFT_NAMES {
        let random = sys::random::<8>().map_err(|error| RegionError::io(name, "get random bytes", error))?;
        let path = directory.join(format!("{}{:016x}", draft_prefix(name), u64::from_le_bytes(random)));
        match sys::open(&path, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW, 0o600) {
            Ok(file) => {
                let guard = RemoveOnDrop(path);
                // Somebody who cleans up may have been faster: then the file has lost its name, and we try another.
                if liveness::try_lock(file.as_raw_fd(), LockByte::DRAFT).unwrap_or(false)
                    && Status::of_descriptor(file.as_raw_fd()).is_ok_and(|status| status.links == 1)
                {
                    return Ok((file, guard));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(storage::directory_error(directory, name, size, error)),
        }
    }
    Err(RegionError::new(name, RegionErrorKind::Contended))
}

/// Removes the temporary files of creators of this region that died.
fn remove_dead_drafts(directory: &Path, name: &str) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let prefix = draft_prefix(name);
    for entry in entries.flatten() {
        let is_draft =
            entry.file_name().to_str().and_then(|file| file.strip_prefix(&prefix)).is_some_and(is_draft_number);
        if !is_draft {
            continue;
        }
        let path = entry.path();
        if let Ok(file) = sys::open(&path, libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK, 0)
            && liveness::try_lock(file.as_raw_fd(), LockByte::DRAFT).unwrap_or(false)
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}
