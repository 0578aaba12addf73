//! Opening a region, with everything checked before it is used; and removing names.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use super::handle::Region;
use super::options::RegionOptions;
use super::storage;
use crate::attachment::{self, Attachment, Candidate, Membership};
use crate::error::{NotAFile, RegionError, RegionErrorKind};
use crate::fork::NoFork;
use crate::probe::Status;
use crate::sys;

/// How long a process that opens waits for one that leaves, and that decides about the removal of the name: longer than
/// that one waits for its own turn.
const GATE_PATIENCE: Duration = Duration::from_secs(4);
/// How long it waits for a place that others have pinned: a repair is short.
const PIN_PATIENCE: Duration = Duration::from_secs(1);
const GATE_PAUSE: Duration = Duration::from_millis(1);

/// Repeats `attempt` while a process that leaves has closed the gate, or while the last places are pinned. Between attempts, forks go on.
fn through_gate<R>(mut attempt: impl FnMut() -> Result<R, RegionError>) -> Result<R, RegionError> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if begun.elapsed() < patience(&error) => std::thread::sleep(GATE_PAUSE),
            result => return result,
        }
    }
}

/// How long to try again after this error.
fn patience(error: &RegionError) -> Duration {
    match error.kind() {
        RegionErrorKind::Busy { .. } => GATE_PATIENCE,
        RegionErrorKind::PlacesLocked { .. } => PIN_PATIENCE,
        _ => Duration::ZERO,
    }
}

/// Opens the region at `path`. `None` if it was replaced meanwhile: try again.
pub(super) fn named(options: &RegionOptions, name: &str, path: &Path) -> Result<Option<Region>, RegionError> {
    through_gate(|| named_once(options, name, path))
}

fn named_once(options: &RegionOptions, name: &str, path: &Path) -> Result<Option<Region>, RegionError> {
    let no_fork = NoFork::new().map_err(|error| RegionError::io(name, "prepare for forks", error))?;
    let (file, status) = file(options, name, path, libc::O_RDWR)?;
    let id = status.id;
    let (membership, file) = match attach(options, name, Some(path), file, status) {
        Err(error) if matches!(error.kind(), RegionErrorKind::Contended) && !is_still(path, id) => return Ok(None),
        result => result?,
    };
    // From here on nobody takes the region for unused. But is it still the one that the name means?
    if !is_still(path, id) {
        return Ok(None);
    }
    drop(file);
    drop(no_fork);
    membership.check_lock()?;
    Ok(Some(finish(options, membership)))
}

/// What can wait until forks go on.
pub(super) fn finish(options: &RegionOptions, membership: Membership) -> Region {
    if options.prefault {
        membership.prefault();
    }
    #[cfg(feature = "serde")]
    attachment::remember(&membership);
    Region::new(membership)
}

fn is_still(path: &Path, id: crate::probe::FileId) -> bool {
    Status::of_path(path).is_ok_and(|status| status.id == id)
}

/// Opens the region behind somebody's descriptor.
pub(super) fn descriptor(options: &RegionOptions, fd: BorrowedFd<'_>) -> Result<Region, RegionError> {
    through_gate(|| descriptor_once(options, fd))
}

fn descriptor_once(options: &RegionOptions, fd: BorrowedFd<'_>) -> Result<Region, RegionError> {
    let name = "(descriptor)";
    let no_fork = NoFork::new().map_err(|error| RegionError::io(name, "prepare for forks", error))?;
    // A description of our own: the passed one is shared, and so would be its locks.
    let file = sys::reopen(fd.as_raw_fd(), libc::O_RDWR).map_err(|error| RegionError::reopening(name, error))?;
    let status = examine(options, name, &file)?;
    if options.require_seals && !sys::is_sealed(file.as_raw_fd()) {
        return Err(RegionError::new(name, RegionErrorKind::NotSealed));
    }
    let (membership, file) = attach(options, name, None, file, status)?;
    drop(file);
    drop(no_fork);
    membership.check_lock()?;
    Ok(finish(options, membership))
}

fn attach(
    options: &RegionOptions,
    name: &str,
    path: Option<&Path>,
    file: File,
    status: Status,
) -> Result<(Membership, File), RegionError> {
    check_size(name, &status)?;
    let map = attachment::map(&file, status.size).map_err(|error| RegionError::io(name, "map the file", error))?;
    let view = attachment::view(&map, name)?;
    options.advise(&map);
    let path = path.map(Path::to_owned);
    let found_at = path.clone();
    Attachment::establish(Candidate { file, map, view, id: status.id, name: name.to_owned(), path, found_at })
}

/// An empty file cannot be mapped: it gets its error first.
pub(super) fn check_size(name: &str, status: &Status) -> Result<(), RegionError> {
    if status.size == 0 {
        let error = ipc_core::region::HeaderError::TooShort { len: 0, needed: 4096 };
        return Err(RegionError::new(name, RegionErrorKind::Header(error)));
    }
    Ok(())
}

/// Opens the file and checks what it is and whose.
pub(super) fn file(
    options: &RegionOptions,
    name: &str,
    path: &Path,
    access: libc::c_int,
) -> Result<(File, Status), RegionError> {
    // Never O_CREAT: see linkat in `create`. O_NONBLOCK: a FIFO must not hold us up.
    let file = match sys::open(path, access | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY, 0) {
        Ok(file) => file,
        Err(error) => return Err(open_error(name, path, &options.directory, error)),
    };
    let status = examine(options, name, &file)?;
    Ok((file, status))
}

fn examine(options: &RegionOptions, name: &str, file: &File) -> Result<Status, RegionError> {
    let status = Status::of_descriptor(file.as_raw_fd())
        .map_err(|error| RegionError::io(name, "read the attributes of the file", error))?;
    if let Some(what) = not_a_file(status.mode) {
        return Err(RegionError::new(name, RegionErrorKind::NotAFile(what)));
    }
    let me = sys::user();
    let trusted = status.user == me || status.user == 0 || options.trusted.contains(&status.user);
    if !trusted {
        return Err(RegionError::new(name, RegionErrorKind::Owner { found: status.user, expected: me }));
    }
    let world_writable = 0o002;
    let named = status.links > 0;
    if named && status.mode & world_writable != 0 && options.mode & world_writable == 0 {
        let kind = RegionErrorKind::Mode { found: status.mode & 0o7777, wanted: options.mode };
        return Err(RegionError::new(name, kind));
    }
    storage::check(file, &status, name, &options.directory)?;
    Ok(status)
}

fn not_a_file(mode: u32) -> Option<NotAFile> {
    match mode & libc::S_IFMT {
        libc::S_IFREG => None,
        libc::S_IFDIR => Some(NotAFile::Directory),
        libc::S_IFLNK => Some(NotAFile::Symlink),
        _ => Some(NotAFile::Special),
    }
}

fn open_error(name: &str, path: &Path, directory: &Path, error: io::Error) -> RegionError {
    let status = Status::of_path(path).ok();
    let what = status.and_then(|status| not_a_file(status.mode));
    let kind = match (error.raw_os_error(), what) {
        (Some(libc::ENOENT), _) => RegionErrorKind::NotFound { directory: directory.to_owned() },
        (_, Some(what)) => RegionErrorKind::NotAFile(what),
        (Some(libc::EACCES | libc::EROFS), None) if status.is_none() || error.raw_os_error() == Some(libc::EROFS) => {
            return storage::directory_error(directory, name, 0, error);
        }
        (Some(libc::EACCES | libc::EPERM), None) => RegionErrorKind::PermissionDenied {
            owner: status.map(|status| status.user),
            mode: status.map(|status| status.mode & 0o7777),
        },
        _ => RegionErrorKind::Io { action: "open the file", error },
    };
    RegionError::new(name, kind)
}

/// Removes the name from the directory.
pub(super) fn unlink(directory: &Path, name: &str, path: &Path) -> Result<(), RegionError> {
    std::fs::remove_file(path).map_err(|error| unlink_error(name, path, directory, error))
}

/// Why the name could not be removed.
pub(crate) fn unlink_error(name: &str, path: &Path, directory: &Path, error: io::Error) -> RegionError {
    match error.raw_os_error() {
        // The directory keeps us out. (A sticky one says EPERM: there it is the file's owner who matters.)
        Some(libc::EACCES) => storage::directory_error(directory, name, 0, error),
        _ => open_error(name, path, directory, error),
    }
}
