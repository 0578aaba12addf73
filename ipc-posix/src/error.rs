//! Errors of regions and of finding or creating objects: what it was about, and what was wrong, in one line.

use std::fmt;
use std::io;
use std::path::PathBuf;

use ipc_core::region::HeaderError;

use crate::sys;

mod object;

pub use object::{ObjectError, ObjectErrorKind};

/// `Debug` of an error is its text: a `main` that returns an error prints it with `Debug`.
macro_rules! debug_as_display {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
pub(crate) use debug_as_display;
debug_as_display!(RegionError, ObjectError);

/// A region could not be created, opened or removed.
///
/// ```
/// use ipc_posix::{Region, RegionErrorKind};
/// let error = Region::open("no-such-region").unwrap_err();
/// assert!(matches!(error.kind(), RegionErrorKind::NotFound { .. }));
/// assert_eq!(error.to_string(), "region \"no-such-region\": not found in /dev/shm");
/// ```
pub struct RegionError {
    name: String,
    kind: Box<RegionErrorKind>,
}

/// What was wrong with a region.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegionErrorKind {
    /// The name cannot be a file name.
    NameInvalid {
        /// Why.
        reason: &'static str,
    },
    /// The name is too long.
    NameTooLong {
        /// Its bytes.
        len: usize,
        /// The most bytes.
        max: usize,
    },
    /// There is no region of this name.
    NotFound {
        /// Where it was searched for.
        directory: PathBuf,
    },
    /// There is a region (or another file) of this name already.
    AlreadyExists {
        /// Where.
        directory: PathBuf,
    },
    /// The name is not that of a regular file.
    NotAFile(NotAFile),
    /// The file's bytes are not a region that this program can use.
    Header(HeaderError),
    /// The file belongs to another user, who is not trusted (see [`trust_user`](crate::RegionOptions::trust_user)).
    Owner {
        /// The file's owner.
        found: u32,
        /// Who we are.
        expected: u32,
    },
    /// Everybody may write to the file, and the caller's own mode does not say that this is intended.
    Mode {
        /// The file's permission bits.
        found: u32,
        /// The caller's.
        wanted: u32,
    },
    /// The permission bits for a new region keep its own user out, who could not open it again.
    OwnerModeMissing {
        /// The caller's bits. They need 0600.
        wanted: u32,
    },
    /// The file's permissions keep us out; or the name cannot be removed, because the directory is sticky and the file
    /// another user's.
    PermissionDenied {
        /// The file's owner, if it could be found out.
        owner: Option<u32>,
        /// The file's permission bits, if they could be found out.
        mode: Option<u32>,
    },
    /// The directory for a new region does not exist, or is none.
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory's permissions forbid to create or remove files in it.
    DirectoryDenied {
        /// The directory.
        directory: PathBuf,
        /// Its owner, if it could be found out.
        owner: Option<u32>,
        /// Its permission bits, if they could be found out.
        mode: Option<u32>,
    },
    /// The directory's file system cannot keep a region.
    FileSystem {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The file system has no inode left for another file, though it may have bytes.
    NoInodes {
        /// Where.
        directory: PathBuf,
    },
    /// The region would be larger than the process's limit for files (`RLIMIT_FSIZE`, `ulimit -f`).
    FileSizeLimit {
        /// Bytes of the region.
        wanted: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The file has holes: it is a copy that left out zeroes. Its memory is not reserved, so a later access could raise
    /// `SIGBUS`. `fallocate -l SIZE FILE` fills the holes.
    Sparse {
        /// Bytes of the file.
        size: u64,
        /// Bytes that the file system has reserved for it.
        allocated: u64,
    },
    /// The filesystem has no room. Nothing was left behind.
    NoSpace {
        /// Bytes of the region.
        wanted: u64,
        /// Bytes that the filesystem has left.
        free: u64,
        /// Where.
        directory: PathBuf,
    },
    /// The file system releases a file's locks although the file is still mapped, so that the living would count as dead.
    /// Or (some FUSE file systems) a file that gets its name becomes another file for those who open it by that name.
    /// Nothing was left behind.
    LocksNotKept {
        /// Its number in statfs(2): `0x794c7630` is overlayfs, the root file system of most containers.
        file_system: u64,
        /// Where.
        directory: PathBuf,
    },
    /// The sizes that were asked for are impossible.
    Geometry {
        /// Bytes.
        size: u64,
        /// Participants.
        participants: u32,
        /// Objects.
        objects: u32,
        /// The least number of bytes for that number of participants and objects, if there is one.
        needed: Option<u64>,
    },
    /// As many processes have the region open as it has records for.
    TooManyParticipants {
        /// The records.
        max: u32,
    },
    /// No place is free, and some that no living process has cannot be had either, for other processes hold shared locks on their
    /// bytes of the file: a process that is stopped while it repairs after a dead one, or one that only reads the file and locks it.
    PlacesLocked {
        /// The region's places.
        max: u32,
        /// Those that are locked in this way.
        locked: u32,
    },
    /// The region was made for `membarrier`, which this process may not use (an old kernel, or a filter). Create it
    /// with [`MemoryBarrier::Fence`](crate::MemoryBarrier::Fence).
    BarrierMissing,
    /// The descriptor's file is not sealed against truncation, and the caller requires it.
    NotSealed,
    /// A handle came from a region without a name, which this process does not have open.
    NoPath {
        /// The region's identity.
        identity: u128,
    },
    /// A handle's region is gone: another one has its name.
    Replaced {
        /// Where the name is.
        directory: PathBuf,
        /// The identity of the handle's region.
        wanted: u128,
        /// The identity of the region that has the name.
        found: u128,
    },
    /// The region's handles cannot be written: its path is no UTF-8.
    PathNotText {
        /// The path.
        path: PathBuf,
    },
    /// Others created and removed the region all the time.
    Contended,
    /// A process is in the middle of a step that excludes others, and does not get on: it may be stopped.
    Busy {
        /// The step.
        action: &'static str,
        /// Its process id, as it knows itself, if it is known.
        pid: Option<u32>,
    },
    /// The step needs `/proc`, which is not mounted here (as in a bare `chroot`).
    ProcMissing,
    /// The operating system refused.
    Io {
        /// What was tried.
        action: &'static str,
        /// Its answer.
        error: io::Error,
    },
}

/// What a name stands for, if not for a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAFile {
    /// A directory.
    Directory,
    /// A symbolic link (never followed).
    Symlink,
    /// A device, a FIFO or a socket.
    Special,
}

impl fmt::Display for NotAFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotAFile::Directory => "a directory",
            NotAFile::Symlink => "a symbolic link",
            NotAFile::Special => "a special file",
        })
    }
}

impl RegionError {
    pub(crate) fn new(name: impl Into<String>, kind: RegionErrorKind) -> Self {
        RegionError { name: name.into(), kind: Box::new(kind) }
    }

    pub(crate) fn io(name: &str, action: &'static str, error: io::Error) -> Self {
        Self::new(name, RegionErrorKind::Io { action, error })
    }

    /// A descriptor's file could not be opened once more.
    pub(crate) fn reopening(name: &str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound && !sys::has_proc() {
            return Self::new(name, RegionErrorKind::ProcMissing);
        }
        Self::io(name, "open the file a second time", error)
    }

    /// The region's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was wrong.
    pub fn kind(&self) -> &RegionErrorKind {
        &self.kind
    }

    /// Whether there is no region of this name.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(*self.kind, RegionErrorKind::NotFound { .. })
    }

    /// Whether there is something of this name already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(*self.kind, RegionErrorKind::AlreadyExists { .. })
    }
}

/// Bytes for people: the largest unit that keeps the number at 1 or more, with one decimal where it is not whole.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        let unit = (0..UNITS.len()).rev().find(|&unit| self.0 >> (10 * unit) != 0).unwrap_or(0);
        let one = 1u64 << (10 * unit);
        if self.0.is_multiple_of(one) {
            write!(f, "{} {}", self.0 / one, UNITS[unit])
        } else {
            write!(f, "{:.1} {}", self.0 as f64 / one as f64, UNITS[unit])
        }
    }
}

/// A name as it appears in messages: quoted, and not longer than a line.
pub(crate) struct Quoted<'n>(pub(crate) &'n str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 64;
        match self.0.char_indices().nth(MOST) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
        }
    }
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "region {}: ", Quoted(&self.name))?;
        match &*self.kind {
            RegionErrorKind::NameInvalid { reason } => write!(f, "the name is not possible: {reason}"),
            RegionErrorKind::NameTooLong { len, max } => {
                write!(f, "the name has {len} bytes, at most {max} are possible")
            }
            RegionErrorKind::NotFound { directory } => write!(f, "not found in {}", directory.display()),
            RegionErrorKind::AlreadyExists { directory } => write!(f, "exists already in {}", directory.display()),
            RegionErrorKind::NotAFile(what) => write!(f, "the name is that of {what}"),
            RegionErrorKind::Header(error) => error.fmt(f),
            RegionErrorKind::Owner { found, expected } => {
                write!(f, "owned by user {found}, not by user {expected}, and not trusted")
            }
            RegionErrorKind::Mode { found, wanted } => {
                write!(f, "mode {found:04o} lets everybody write, mode {wanted:04o} wanted")
            }
            RegionErrorKind::OwnerModeMissing { wanted } => {
                write!(f, "mode {wanted:04o} keeps its owner out, who needs 0600")
            }
            RegionErrorKind::PermissionDenied { owner: Some(owner), mode: Some(mode) } => {
                write!(f, "permission denied: owned by user {owner}, mode {mode:04o}")
            }
            RegionErrorKind::PermissionDenied { .. } => f.write_str("permission denied"),
            RegionErrorKind::NoDirectory { directory } => write!(f, "there is no directory {}", directory.display()),
            RegionErrorKind::DirectoryDenied { directory, owner: Some(owner), mode: Some(mode) } => {
                let directory = directory.display();
                write!(f, "permission denied: the directory {directory} is owned by user {owner}, mode {mode:04o}")
            }
            RegionErrorKind::DirectoryDenied { directory, .. } => {
                write!(f, "permission denied in the directory {}", directory.display())
            }
            RegionErrorKind::FileSystem { directory, reason } => {
                write!(f, "the file system of {} cannot keep a region: {reason}", directory.display())
            }
            RegionErrorKind::NoInodes { directory } => {
                write!(f, "the file system of {} has no inode left for another file", directory.display())
            }
            RegionErrorKind::FileSizeLimit { wanted, limit } => {
                write!(f, "{} wanted, files may have {} (RLIMIT_FSIZE)", Size(*wanted), Size(*limit))
            }
            RegionErrorKind::Sparse { size, allocated } => {
                write!(f, "the file has holes: {allocated} of its {size} bytes are reserved (fallocate fills them)")
            }
            RegionErrorKind::NoSpace { wanted, free, directory } => {
                write!(f, "{} wanted, {} free in {}", Size(*wanted), Size(*free), directory.display())
            }
            RegionErrorKind::LocksNotKept { file_system, directory } => {
                let kind = if *file_system == sys::OVERLAYFS { "overlayfs" } else { "its file system" };
                write!(
                    f,
                    "{kind} ({file_system:#x}) in {} does not keep a mapped file's locks; \
                     use /dev/shm, or mount a tmpfs (in Kubernetes an emptyDir with medium Memory) or a volume there",
                    directory.display()
                )
            }
            RegionErrorKind::Geometry { size, participants, objects, needed } => {
                write!(f, "{size} bytes for {participants} participants and {objects} objects are not possible")?;
                match needed {
                    Some(needed) => {
                        write!(f, ", {needed} bytes are needed (RegionOptions::size and fit set their number)")
                    }
                    None => f.write_str(
                        " (RegionOptions::participants: at most 1022; RegionOptions::objects: at most 65536)",
                    ),
                }
            }
            RegionErrorKind::TooManyParticipants { max } => {
                write!(f, "all {max} participants' places are taken (RegionOptions::participants sets their number)")
            }
            RegionErrorKind::PlacesLocked { max, locked } => write!(
                f,
                "none of the {max} participants' places can be had: {locked} of them are nobody's, but other processes hold read \
                 locks on their bytes of the file (a repair that is stopped, or a reader that locks the file)"
            ),
            RegionErrorKind::BarrierMissing => f.write_str("made for membarrier, which this process may not use"),
            RegionErrorKind::NotSealed => f.write_str("not sealed against truncation"),
            RegionErrorKind::NoPath { identity } => write!(
                f,
                "its handles have no path to it, and this process does not have it open (identity {identity:032x}): pass its \
                 descriptor, and open that first (Region::try_clone_fd, Region::from_fd)"
            ),
            RegionErrorKind::Replaced { directory, wanted, found } => write!(
                f,
                "the handle's region is gone from {}: another one has its name (identity {found:032x}, not {wanted:032x})",
                directory.display()
            ),
            RegionErrorKind::PathNotText { path } => write!(f, "its path {path:?} is not UTF-8"),
            RegionErrorKind::Contended => f.write_str("others keep creating and removing it"),
            RegionErrorKind::Busy { action, pid: Some(pid) } => {
                write!(f, "process {pid} is {action} it and does not get on")
            }
            RegionErrorKind::Busy { action, pid: None } => write!(f, "a process is {action} it and does not get on"),
            RegionErrorKind::ProcMissing => f.write_str("this needs /proc, which is not mounted here"),
            RegionErrorKind::Io { action, error } => write!(f, "cannot {action}: {error}"),
        }
    }
}

impl std::error::Error for RegionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            RegionErrorKind::Header(error) => Some(error),
            RegionErrorKind::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
