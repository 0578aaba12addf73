//! Thin wrappers of the system calls that the crate needs and that no dependency offers.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fmt, io};

/// Turns a `-1` into the error of this thread.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Takes over a descriptor that was just made. It gets a number above those of the standard streams: where one of these is
/// closed, whatever the program prints or reads would go to the file.
pub(crate) fn own(fd: RawFd) -> io::Result<File> {
    // SAFETY: the caller made it and gave it to nobody else.
    let file = unsafe { File::from_raw_fd(fd) };
    if fd > libc::STDERR_FILENO {
        return Ok(file);
    }
    // SAFETY: an open descriptor and plain numbers.
    let high = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) })?;
    // SAFETY: a descriptor that was just made and belongs to nobody else.
    Ok(unsafe { File::from_raw_fd(high) })
}

/// `open(path, flags, mode)`, see open(2). Interrupted calls are repeated.
pub(crate) fn open(path: &Path, flags: libc::c_int, mode: libc::mode_t) -> io::Result<File> {
    open_c(&c_path(path)?, flags, mode)
}

/// [`open`] without an allocation, for what may run in a signal handler.
pub(crate) fn open_c(path: &CStr, flags: libc::c_int, mode: libc::mode_t) -> io::Result<File> {
    loop {
        // SAFETY: a NUL-terminated path and plain numbers.
        match check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode as libc::c_uint) }) {
            Ok(fd) => return own(fd),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// `linkat`, see linkat(2): gives the open, nameless `file` the name `to`.
pub(crate) fn link_file(file: &File, to: &Path) -> io::Result<()> {
    let to = c_path(to)?;
    // SAFETY: an open descriptor and NUL-terminated strings.
    let by_descriptor = check(unsafe {
        libc::linkat(file.as_raw_fd(), c"".as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_EMPTY_PATH)
    });
    match by_descriptor {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Err(error),
        // Kernels before 6.10 want a capability for the form above; this one needs /proc.
        Err(_) => {
            let from = c_path(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))?;
            // SAFETY: NUL-terminated strings.
            let linked = unsafe {
                libc::linkat(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_SYMLINK_FOLLOW)
            };
            check(linked).map(drop)
        }
    }
}

/// `posix_fallocate`, see posix_fallocate(3): after it, no write to the file's first `len` bytes finds the
/// filesystem full.
pub(crate) fn allocate(file: &File, len: u64) -> io::Result<()> {
    let len = libc::off_t::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    loop {
        // SAFETY: an open descriptor and plain numbers.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
            0 => return Ok(()),
            libc::EINTR => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Bytes that an unprivileged user can still allocate in the filesystem of `file`, see fstatvfs(3).
pub(crate) fn free_bytes(file: &File) -> u64 {
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: an open descriptor and room for the result.
    if unsafe { libc::fstatvfs(file.as_raw_fd(), stat.as_mut_ptr()) } != 0 {
        return 0;
    }
    // SAFETY: filled in by the successful call (and zeroed before).
    let stat = unsafe { stat.assume_init() };
    stat.f_bavail.saturating_mul(stat.f_frsize)
}

/// [`file_system`] of overlayfs.
pub(crate) const OVERLAYFS: u64 = 0x794c_7630;

/// [`file_system`] of FUSE.
pub(crate) const FUSE: u64 = 0x6573_5546;

/// The kind of the file system of an open file, see statfs(2); 0 if it is unknown.
pub(crate) fn file_system(fd: RawFd) -> u64 {
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: room for the result; a bad descriptor is an error.
    if unsafe { libc::fstatfs(fd, stat.as_mut_ptr()) } != 0 {
        return 0;
    }
    // SAFETY: filled in by the successful call (and zeroed before).
    let kind = unsafe { stat.assume_init() }.f_type;
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "of another type on other targets")]
    let kind = kind as u64 & 0xffff_ffff;
    kind
}

/// Files that can still be made in the filesystem of `directory`, see statvfs(3). `None` if it does not count them.
pub(crate) fn free_inodes(directory: &Path) -> Option<u64> {
    let directory = c_path(directory).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: a NUL-terminated path and room for the result.
    check(unsafe { libc::statvfs(directory.as_ptr(), stat.as_mut_ptr()) }).ok()?;
    // SAFETY: filled in by the successful call.
    let stat = unsafe { stat.assume_init() };
    (stat.f_files != 0).then_some(stat.f_favail)
}

/// A nameless file in memory that can be sealed, see memfd_create(2).
pub(crate) fn memfd(name: &CStr) -> io::Result<File> {
    // SAFETY: a NUL-terminated string and plain flags.
    let fd = check(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) })?;
    own(fd)
}

/// Forbids for good that the memfd changes its size, and that the seals change. See fcntl(2), "File Sealing".
pub(crate) fn seal_size(file: &File) -> io::Result<()> {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: an open descriptor and plain flags.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) }).map(drop)
}

/// Whether the file can never shrink.
pub(crate) fn is_sealed(fd: RawFd) -> bool {
    // SAFETY: fcntl with a plain command; a bad descriptor is an error.
    let seals = unsafe { libc::fcntl(fd, libc::F_GET_SEALS) };
    seals != -1 && seals & libc::F_SEAL_SHRINK != 0
}

/// Whether /proc shows this process's descriptors.
pub(crate) fn has_proc() -> bool {
    Path::new("/proc/self/fd").is_dir()
}

/// Another open file description of the same file. Needs /proc.
pub(crate) fn reopen(fd: RawFd, access: libc::c_int) -> io::Result<File> {
    open_in_proc(format_args!("/proc/self/fd/{fd}\0"), access)
}

/// Opens what a short link in /proc leads to. Does not allocate. The link ends with a NUL.
pub(crate) fn open_in_proc(link: fmt::Arguments<'_>, access: libc::c_int) -> io::Result<File> {
    let mut buffer = [0; 64];
    (&mut buffer[..]).write_fmt(link)?;
    let link = CStr::from_bytes_until_nul(&buffer).map_err(|_| io::Error::from_raw_os_error(libc::ENAMETOOLONG))?;
    open_c(link, access | libc::O_NONBLOCK, 0)
}

/// `N` random bytes, see getrandom(2).
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    loop {
        // SAFETY: room for N bytes.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
        if got == N as isize {
            return Ok(bytes);
        }
        let error = io::Error::last_os_error();
        if got < 0 && error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The effective user of this process.
pub(crate) fn user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// The kernel's number of this thread, see gettid(2).
pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments, and it always succeeds.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// Whether no thread of this process has the number, see tgkill(2). In doubt, one has.
pub(crate) fn is_gone(thread: u32) -> bool {
    // SAFETY: plain numbers; signal 0 is none.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// All signals are blocked in this thread while it lives, see pthread_sigmask(3).
#[cfg(any(feature = "process", feature = "recovery_thread"))]
pub(crate) struct SignalsBlocked(libc::sigset_t);

#[cfg(any(feature = "process", feature = "recovery_thread"))]
impl SignalsBlocked {
    pub(crate) fn new() -> Self {
        // SAFETY: all zeroes is a valid set.
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
        // SAFETY: two sets that are alive for the calls, which cannot fail.
        unsafe {
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        }
        SignalsBlocked(before)
    }
}

#[cfg(any(feature = "process", feature = "recovery_thread"))]
impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set that the thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}
