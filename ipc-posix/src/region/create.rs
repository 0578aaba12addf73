//! Creating a region: a nameless file is filled in and then linked, complete, under its name.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ipc_core::region::RegionView;
use memmap2::Advice;

use super::handle::Region;
use super::options::RegionOptions;
use crate::attachment::{self, Attachment, Candidate, Membership};
use crate::error::{RegionError, RegionErrorKind};
use crate::fork::NoFork;
use crate::liveness::{self, LockByte};
use crate::probe::Status;
use crate::sys;

/// Random names to try for a temporary file before giving up.
const DRAFT_NAMES: u32 = 16;

/// Creates the region at `path`.
pub(super) fn named(options: &RegionOptions, name: &str, path: &Path) -> Result<Region, RegionError> {
    let directory = &options.directory;
    // Before any work: the common loser of a race should not allocate a region first. `linkat` decides.
    if path.symlink_metadata().is_ok() {
        return Err(exists(name, directory));
    }
    let no_fork = NoFork::new();
    let draft = if options.drafts { None } else { nameless(directory, name)? };
    let (file, temporary) = match draft {
        Some(file) => (file, None),
        None => {
            remove_dead_drafts(directory, name);
            let (file, draft) = draft_file(directory, name)?;
            (file, Some(draft))
        }
    };
    let (membership, file) = fill(options, name, Some(path), file)?;
    let linked = match &temporary {
        None => sys::link_file(&file, path),
        Some(draft) => std::fs::hard_link(&draft.0, path),
    };
    // Now, for the mapping holds the gate as well: a `membership` that goes on an error below would wait for itself.
    liveness::unlock(file.as_raw_fd(), LockByte::GATE);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(name, directory)),
        Err(error) => return Err(RegionError::io(name, "give the new region its name", error)),
    }
    drop(temporary);
    liveness::unlock(file.as_raw_fd(), LockByte::DRAFT);
    drop(file);
    drop(no_fork);
    if let Err(error) = membership.check_lock().and_then(|()| membership.check_name(path)) {
        // Nobody could use it.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(Region::new(membership))
}

/// Creates a region in a sealed memory file.
pub(super) fn anonymous(options: &RegionOptions) -> Result<Region, RegionError> {
    let name = "(anonymous)";
    let no_fork = NoFork::new();
    let file = sys::memfd(c"ipc-region").map_err(|error| RegionError::io(name, "create a memory file", error))?;
    let (membership, file) = fill(options, name, None, file)?;
    sys::seal_size(&file).map_err(|error| RegionError::io(name, "seal the memory file", error))?;
    liveness::unlock(file.as_raw_fd(), LockByte::GATE);
    drop(file);
    drop(no_fork);
    membership.check_lock()?;
    Ok(Region::new(membership))
}

fn exists(name: &str, directory: &Path) -> RegionError {
    RegionError::new(name, RegionErrorKind::AlreadyExists { directory: directory.to_owned() })
}

/// A file without a name in `directory`; `None` where the filesystem cannot do that.
fn nameless(directory: &Path, name: &str) -> Result<Option<File>, RegionError> {
    match sys::open(directory, libc::O_TMPFILE | libc::O_RDWR, 0o600) {
        Ok(file) => Ok(Some(file)),
        Err(error) => match error.raw_os_error() {
            // Old kernels take O_TMPFILE for O_DIRECTORY, filesystems without it refuse.
            Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL) => Ok(None),
            _ => Err(directory_error(directory, name, error)),
        },
    }
}

fn directory_error(directory: &Path, name: &str, error: io::Error) -> RegionError {
    let kind = match error.raw_os_error() {
        Some(libc::ENOENT) => RegionErrorKind::NotFound { directory: directory.to_owned() },
        Some(libc::EACCES | libc::EPERM | libc::EROFS) => RegionErrorKind::PermissionDenied { owner: None, mode: None },
        Some(libc::ENOSPC | libc::EDQUOT) => {
            RegionErrorKind::NoSpace { wanted: 0, free: 0, directory: directory.to_owned() }
        }
        _ => RegionErrorKind::Io { action: "create a file in the directory", error },
    };
    RegionError::new(name, kind)
}

/// Allocates, maps and initialises the file, and takes the first place in it.
fn fill(
    options: &RegionOptions,
    name: &str,
    path: Option<&Path>,
    file: File,
) -> Result<(Membership, File), RegionError> {
    let geometry = options.geometry(name)?;
    file.set_permissions(std::fs::Permissions::from_mode(options.mode))
        .map_err(|error| RegionError::io(name, "set the file's mode", error))?;
    sys::allocate(&file, geometry.total()).map_err(|error| match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
            let directory = options.directory.clone();
            RegionError::new(
                name,
                RegionErrorKind::NoSpace { wanted: geometry.total(), free: sys::free_bytes(&file), directory },
            )
        }
        _ => RegionError::io(name, "allocate the file", error),
    })?;
    let status =
        Status::of_descriptor(file.as_raw_fd()).map_err(|error| RegionError::io(name, "look at the file", error))?;
    let map = attachment::map(&file, geometry.total()).map_err(|error| RegionError::io(name, "map the file", error))?;
    advise(options, &map);
    let identity = sys::random::<16>().map_err(|error| RegionError::io(name, "get random bytes", error))?;
    let view =
        RegionView::initialise(attachment::memory(&map), geometry, u128::from_le_bytes(identity), options.flags())
            .map_err(|error| RegionError::new(name, RegionErrorKind::Header(error)))?;
    let path = path.map(Path::to_owned);
    Attachment::establish(Candidate { file, map, view, id: status.id, name: name.to_owned(), path })
}

/// The options that concern the mapping alone. They are wishes: the kernel may refuse.
pub(super) fn advise(options: &RegionOptions, map: &memmap2::MmapRaw) {
    if options.huge_pages {
        let _ = map.advise(Advice::HugePage);
    }
    if options.prefault {
        let _ = map.advise(Advice::PopulateWrite);
    }
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
fn draft_file(directory: &Path, name: &str) -> Result<(File, RemoveOnDrop), RegionError> {
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
            Err(error) => return Err(directory_error(directory, name, error)),
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
