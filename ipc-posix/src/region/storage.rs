//! The memory behind a region's file: reserved at creation, and still there when the file is opened. Without that, an
//! access to the mapping raises `SIGBUS`.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{RegionError, RegionErrorKind};
use crate::probe::Status;
use crate::sys;

/// Numbers of statfs(2) that libc does not name for every target.
const BTRFS: u64 = 0x9123_683e;
const HUGETLBFS: u64 = 0x9584_58f6;
/// File systems that never overwrite a block, whatever is reserved: bcachefs, NILFS2, ZFS.
const COPY_ON_WRITE: [u64; 3] = [0xca45_1a4e, 0x3434, 0x2fc1_2fc1];

/// The flag of ioctl_iflags(2) for a file whose blocks are overwritten in place.
const NO_COPY_ON_WRITE: libc::c_int = 0x0080_0000;

/// Reserves `size` bytes for the new file, so that no later write to it finds the file system full.
pub(super) fn reserve(file: &File, size: u64, name: &str, directory: &Path) -> Result<(), RegionError> {
    let error = |kind| RegionError::new(name, kind);
    let unsuitable = |reason| error(RegionErrorKind::FileSystem { directory: directory.to_owned(), reason });
    // The kernel would kill this process with SIGXFSZ.
    let limit = file_size_limit();
    if size > limit {
        return Err(error(RegionErrorKind::FileSizeLimit { wanted: size, limit }));
    }
    match sys::file_system(file.as_raw_fd()) {
        HUGETLBFS => return Err(unsuitable("hugetlbfs: use tmpfs and RegionOptions::huge_pages")),
        // Before any block is allocated: later the flag has no effect.
        BTRFS if !forbid_copy_on_write(file) => return Err(unsuitable(COPIES)),
        kind if COPY_ON_WRITE.contains(&kind) => return Err(unsuitable(COPIES)),
        _ => {}
    }
    sys::allocate(file, size).map_err(|cause| match cause.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => error(RegionErrorKind::NoSpace {
            wanted: size,
            free: sys::free_bytes(file),
            directory: directory.to_owned(),
        }),
        _ => RegionError::io(name, "allocate the file", cause),
    })
}

const COPIES: &str = "copy-on-write: what is reserved there can run out";

/// Refuses a file that lacks part of its memory: a copy with holes, or one on a file system that copies on write.
pub(super) fn check(file: &File, status: &Status, name: &str, directory: &Path) -> Result<(), RegionError> {
    let copies = match sys::file_system(file.as_raw_fd()) {
        BTRFS => flags(file).is_none_or(|flags| flags & NO_COPY_ON_WRITE == 0),
        kind => COPY_ON_WRITE.contains(&kind),
    };
    if copies {
        let directory = directory.to_owned();
        return Err(RegionError::new(name, RegionErrorKind::FileSystem { directory, reason: COPIES }));
    }
    // Neither alone would do: reserved blocks that were never written count as a hole, and some file systems do not
    // count blocks, or count them late.
    if status.allocated < status.size && has_hole(file, status.size) {
        let kind = RegionErrorKind::Sparse { size: status.size, allocated: status.allocated };
        return Err(RegionError::new(name, kind));
    }
    Ok(())
}

/// Whether lseek(2) finds a hole before the end. A file system without support says there is none.
fn has_hole(file: &File, size: u64) -> bool {
    // SAFETY: plain numbers; a bad descriptor is an error. Nobody uses the position of this description.
    let hole = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_HOLE) };
    u64::try_from(hole).is_ok_and(|hole| hole < size)
}

fn flags(file: &File) -> Option<libc::c_int> {
    // The kernel reads and writes an int, whatever the request's number says of a long.
    let mut flags: libc::c_int = 0;
    // SAFETY: an open descriptor and room for the result.
    sys::check(unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &mut flags) }).ok()?;
    Some(flags)
}

/// Makes the empty file one whose blocks are overwritten in place. `false` where that cannot be had.
fn forbid_copy_on_write(file: &File) -> bool {
    let Some(old) = flags(file) else { return false };
    let new = old | NO_COPY_ON_WRITE;
    // SAFETY: an open descriptor; the kernel reads an int.
    let set = sys::check(unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS, &new) });
    set.is_ok() && flags(file).is_some_and(|flags| flags & NO_COPY_ON_WRITE != 0)
}

/// The largest file that this process may write, see getrlimit(2), `RLIMIT_FSIZE`.
fn file_size_limit() -> u64 {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: room for the result.
    if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) } != 0 {
        return u64::MAX;
    }
    // SAFETY: filled in by the successful call.
    let limit = unsafe { limit.assume_init() };
    if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur }
}

/// Why no file could be made in `directory`.
pub(super) fn directory_error(directory: &Path, name: &str, wanted: u64, error: io::Error) -> RegionError {
    let status = directory.metadata().ok();
    let directory = directory.to_owned();
    let kind = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => RegionErrorKind::NoDirectory { directory },
        Some(libc::EACCES | libc::EPERM) => RegionErrorKind::DirectoryDenied {
            owner: status.as_ref().map(MetadataExt::uid),
            mode: status.as_ref().map(|status| status.mode() & 0o7777),
            directory,
        },
        Some(libc::EROFS) => RegionErrorKind::FileSystem { directory, reason: "it is mounted read-only" },
        Some(libc::ENOSPC) if sys::free_inodes(&directory) == Some(0) => RegionErrorKind::NoInodes { directory },
        Some(libc::ENOSPC | libc::EDQUOT) => {
            let free = sys::open(&directory, libc::O_RDONLY | libc::O_DIRECTORY, 0).map_or(0, |d| sys::free_bytes(&d));
            RegionErrorKind::NoSpace { wanted, free, directory }
        }
        _ => RegionErrorKind::Io { action: "create a file in the directory", error },
    };
    RegionError::new(name, kind)
}
