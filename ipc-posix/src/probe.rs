//! The one descriptor that an attachment keeps: to ask and to pin who is dead.
//!
//! It must be another open file description than the one that holds our own byte, for locks of one description never
//! conflict with each other. Programs close descriptors that they do not know (daemons, `closefrom`), and the number
//! may then mean another file, on which every byte is free: a false verdict of death. So each use makes sure that the
//! descriptor is still the region's file, and Drop closes it only then.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{IntoRawFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::liveness::{self, LockByte};
use crate::sys;

/// Which file a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: libc::dev_t,
    inode: libc::ino_t,
}

/// What fstat(2) says, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) id: FileId,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) user: u32,
}

impl Status {
    fn of(stat: &libc::stat) -> Self {
        Status {
            id: FileId { device: stat.st_dev, inode: stat.st_ino },
            #[allow(clippy::unnecessary_cast, reason = "narrower on other targets")]
            links: stat.st_nlink as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode,
            user: stat.st_uid,
        }
    }

    pub(crate) fn of_descriptor(fd: RawFd) -> io::Result<Self> {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: room for the result; a bad descriptor is an error.
        sys::check(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
        // SAFETY: filled in by the successful call.
        Ok(Self::of(unsafe { stat.assume_init_ref() }))
    }

    pub(crate) fn of_path(path: &std::path::Path) -> io::Result<Self> {
        let path = sys::c_path(path)?;
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: a NUL-terminated path and room for the result.
        sys::check(unsafe { libc::lstat(path.as_ptr(), stat.as_mut_ptr()) })?;
        // SAFETY: filled in by the successful call.
        Ok(Self::of(unsafe { stat.assume_init_ref() }))
    }
}

/// The descriptor.
#[derive(Debug)]
pub(crate) struct Probe {
    fd: AtomicI32,
    id: FileId,
    path: Option<PathBuf>,
}

impl Probe {
    /// Takes over `file`, which is open on the region's file `id` and holds no locks.
    pub(crate) fn new(file: File, id: FileId, path: Option<PathBuf>) -> Self {
        Probe { fd: AtomicI32::new(file.into_raw_fd()), id, path }
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    fn is_ours(&self, fd: RawFd) -> bool {
        Status::of_descriptor(fd).is_ok_and(|status| status.id == self.id)
    }

    /// The descriptor, after it was found to be the region's; opened again if somebody has closed it.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        let fd = self.fd.load(Ordering::Acquire);
        if self.is_ours(fd) {
            return Some(fd);
        }
        let file = sys::open(self.path.as_ref()?, libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK, 0).ok()?;
        let new = file.into_raw_fd();
        if self.is_ours(new) && self.fd.compare_exchange(fd, new, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Some(new);
        }
        // SAFETY: `new` was made above and was not handed on.
        unsafe { libc::close(new) };
        None
    }

    /// Whether somebody else holds the byte. When in doubt, yes.
    pub(crate) fn is_locked(&self, byte: LockByte) -> bool {
        self.descriptor().is_none_or(|fd| liveness::is_locked(fd, byte).unwrap_or(true) || !self.is_ours(fd))
    }

    /// Takes the byte if nobody else holds it. When in doubt, no.
    pub(crate) fn try_lock(&self, byte: LockByte) -> bool {
        let Some(fd) = self.descriptor() else { return false };
        if !liveness::try_lock(fd, byte).unwrap_or(false) {
            return false;
        }
        // The descriptor may have changed hands between the look and the lock.
        if self.is_ours(fd) {
            return true;
        }
        liveness::unlock(fd, byte);
        false
    }

    /// Gives the byte free.
    pub(crate) fn unlock(&self, byte: LockByte) {
        let fd = self.fd.load(Ordering::Acquire);
        if self.is_ours(fd) {
            liveness::unlock(fd, byte);
        }
    }

    /// How many names the file has.
    pub(crate) fn links(&self) -> Option<u64> {
        self.descriptor().and_then(|fd| Status::of_descriptor(fd).ok()).map(|status| status.links)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let fd = *self.fd.get_mut();
        if self.is_ours(fd) {
            // SAFETY: it is open on our file, and nobody else was given it.
            unsafe { libc::close(fd) };
        }
    }
}
