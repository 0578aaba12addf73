//! The one descriptor that an attachment keeps: to ask who is dead.
//!
//! It must be another open file description than the one that holds our own byte, for locks of one description never
//! conflict with each other. It is asked only and holds no lock, because children inherit it (see [`Pin`](crate::pin)).
//!
//! Programs close descriptors that they do not know (daemons, `closefrom`), and the number may then mean another file, on
//! which every byte is free: a false verdict of death. It may also mean the same file, opened by another attachment of
//! this process. So each use makes sure that the descriptor is still this probe's, and Drop closes it only then.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::liveness::{self, Held, LockByte};
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
    /// Bytes that the file system has reserved.
    pub(crate) allocated: u64,
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
            allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
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
    /// The file offset of our descriptions, which nothing else uses: no other probe of this process has the same.
    mark: libc::off_t,
    access: libc::c_int,
    path: Option<CString>,
    /// First and last address of the region's mapping.
    mapping: Option<(usize, usize)>,
}

/// The mark of the newest probe. Children go on counting where their parent was.
static NEWEST: AtomicI32 = AtomicI32::new(0);

impl Probe {
    /// Takes over `file`, which is open on the region's file `id` and holds no locks.
    pub(crate) fn new(file: File, id: FileId, access: libc::c_int, path: Option<CString>) -> Self {
        // Relaxed: a counter.
        let mark = NEWEST.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let probe = Probe { fd: AtomicI32::new(-1), id, mark: mark.into(), access, path, mapping: None };
        probe.fd.store(probe.marked(file).into_raw_fd(), Ordering::Release);
        probe
    }

    /// Opens a second description of `file`, which is the file `id`, can be found at a path (if not through /proc), and is
    /// mapped at these addresses.
    ///
    /// # Errors
    ///
    /// `None`: the path means another file by now.
    pub(crate) fn of(
        file: &File,
        id: FileId,
        path: Option<PathBuf>,
        found_at: Option<&std::path::Path>,
        mapping: std::ops::Range<usize>,
    ) -> Result<Self, Option<io::Error>> {
        let second = sys::reopen(file.as_raw_fd(), libc::O_RDWR).or_else(|error| match found_at {
            Some(path) => sys::open(path, libc::O_RDWR | REOPEN, 0),
            None => Err(error),
        })?;
        if !Status::of_descriptor(second.as_raw_fd()).is_ok_and(|status| status.id == id) {
            return Err(None);
        }
        let path = path.map(|path| sys::c_path(&path)).transpose()?;
        let mut probe = Self::new(second, id, libc::O_RDWR, path);
        probe.mapping = Some((mapping.start, mapping.end));
        Ok(probe)
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    fn marked(&self, file: File) -> File {
        // SAFETY: an open descriptor and plain numbers. Where it fails, the descriptor is not told from another probe's.
        unsafe { libc::lseek(file.as_raw_fd(), self.mark, libc::SEEK_SET) };
        file
    }

    /// Whether the descriptor is a description of this probe.
    pub(crate) fn is_ours(&self, fd: RawFd) -> io::Result<bool> {
        match Status::of_descriptor(fd) {
            Ok(status) if status.id == self.id => {}
            Ok(_) => return Ok(false),
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => return Ok(false),
            Err(error) => return Err(error),
        }
        // SAFETY: plain numbers; a bad descriptor is an error. A refusal says nothing against it.
        let offset = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
        Ok(offset == self.mark || offset == -1)
    }

    /// The descriptor, after it was found to be the probe's; opened again if somebody has closed it.
    pub(crate) fn descriptor(&self) -> io::Result<RawFd> {
        let fd = self.fd.load(Ordering::Acquire);
        if self.is_ours(fd)? {
            return Ok(fd);
        }
        let file = self.by_name().or_else(|error| self.by_mapping().map_err(|_| error))?;
        let file = self.marked(file);
        if self.fd.compare_exchange(fd, file.as_raw_fd(), Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Ok(file.into_raw_fd());
        }
        // Another thread was faster.
        Ok(self.fd.load(Ordering::Acquire))
    }

    /// A description of the file that is nobody else's. Does not allocate: a signal handler may search for the dead.
    pub(crate) fn another(&self) -> io::Result<File> {
        let fd = self.descriptor()?;
        let file = sys::reopen(fd, self.access).and_then(|file| self.if_same(file));
        file.or_else(|_| self.by_name())
    }

    fn by_name(&self) -> io::Result<File> {
        let path = self.path.as_ref().ok_or_else(lost)?;
        self.if_same(sys::open_c(path, self.access | REOPEN, 0)?)
    }

    /// By a link to what is mapped. Needs the right of a superuser, see proc_pid_map_files(5).
    fn by_mapping(&self) -> io::Result<File> {
        let (start, end) = self.mapping.ok_or_else(lost)?;
        self.if_same(sys::open_in_proc(format_args!("/proc/self/map_files/{start:x}-{end:x}\0"), self.access)?)
    }

    fn if_same(&self, file: File) -> io::Result<File> {
        if Status::of_descriptor(file.as_raw_fd())?.id == self.id { Ok(file) } else { Err(lost()) }
    }

    /// Who else holds the byte.
    ///
    /// # Errors
    ///
    /// `EBADF`: the descriptor was closed and the file cannot be opened again. Otherwise what the system says.
    pub(crate) fn ask(&self, byte: LockByte) -> io::Result<Held> {
        // The descriptor may change hands between the two: once more.
        for _ in 0..2 {
            let fd = self.descriptor()?;
            let held = liveness::held(fd, byte)?;
            if self.is_ours(fd)? {
                return Ok(held);
            }
        }
        Err(lost())
    }

    /// How many names the file has.
    pub(crate) fn links(&self) -> Option<u64> {
        let fd = self.descriptor().ok()?;
        Status::of_descriptor(fd).ok().map(|status| status.links)
    }
}

/// A name is never followed through a link, and a FIFO in its place must not hold us up.
const REOPEN: libc::c_int = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// The descriptor was closed, and the file cannot be had again.
fn lost() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

impl Drop for Probe {
    fn drop(&mut self) {
        let fd = *self.fd.get_mut();
        if self.is_ours(fd).unwrap_or(false) {
            // SAFETY: it is open on our file, and nobody else was given it.
            unsafe { libc::close(fd) };
        }
    }
}
