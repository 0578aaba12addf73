//! Terminals whose keyboard a test has.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A new terminal: its keyboard, which is its screen, too, and its other side, which programs have.
///
/// # Panics
///
/// When the system has none.
pub fn open() -> (File, OwnedFd) {
    let (mut keyboard, mut other): (RawFd, RawFd) = (-1, -1);
    let name = std::ptr::null_mut();
    // SAFETY: room for both descriptors; the rest is not asked for.
    let opened = unsafe { libc::openpty(&mut keyboard, &mut other, name, std::ptr::null(), std::ptr::null()) };
    assert_eq!(opened, 0, "a terminal: {}", io::Error::last_os_error());
    // SAFETY: it was opened for us.
    let (keyboard, other) = unsafe { (OwnedFd::from_raw_fd(keyboard), OwnedFd::from_raw_fd(other)) };
    for descriptor in [&keyboard, &other] {
        // SAFETY: no memory is passed. Nobody is to inherit them but as the standard input.
        unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    (File::from(keyboard), other)
}

/// Lets the program lead a session of its own, whose terminal is its standard input. Signals are as in a new session.
pub fn lead_session(command: &mut Command) {
    // SAFETY: between fork and exec the hook makes system calls and touches no memory.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
}
