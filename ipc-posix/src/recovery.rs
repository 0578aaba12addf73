//! A thread that repairs after the dead at once.
//!
//! When a process ends, the kernel closes the file that its lock byte is held by, and tells whoever watches the region's file
//! so: inotify's `IN_CLOSE_WRITE`, see inotify(7). Stores through the mapping raise no event, so a region in full use is a quiet
//! one. The news comes a moment before the byte is free (`fsnotify_close` precedes `locks_remove_file` in the kernel's `__fput`),
//! so the thread asks a few times.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::RegionError;
use crate::fork::ForkGuard;
use crate::region::Region;
use crate::sys;

/// Pauses before the looks at who is dead, after a close was reported. The kernel takes some 100 µs from the news to the lock...
const PAUSES: [Duration; 27] = {
    let mut pauses = [Duration::from_micros(50); 27];
    // ... and more if the dying process has a tracer, or waits for a processor.
    pauses[24] = Duration::from_millis(2);
    pauses[25] = Duration::from_millis(5);
    pauses[26] = Duration::from_millis(20);
    pauses
};

/// A thread of this process that repairs a region as soon as one of its participants is dead (feature `recovery_thread`).
///
/// Nobody needs it: a waiter behind a dead process finds out within some 12 ms after the kernel has released that
/// process's memory, a later caller at once. The thread brings those 12 ms down to about one, for all processes that have the region open; one such thread
/// anywhere is enough. It sleeps in the kernel, and uses two descriptors and an attachment of its region until it is dropped.
///
/// ```
/// # use ipc_posix::{RecoveryThread, Region};
/// # let region = Region::options().anonymous()?;
/// let recovery = RecoveryThread::spawn(&region)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A close of the region's file by anybody wakes it: every open of the region costs it one look at the participants, a system call
/// each. It blocks all signals: those that are sent to the process go to the program's own threads. After `fork`, the child has no
/// such thread, and to drop its copy does nothing.
#[derive(Debug)]
#[must_use = "the thread ends when this is dropped"]
pub struct RecoveryThread {
    stop: File,
    thread: Option<JoinHandle<()>>,
    home: ForkGuard,
}

impl RecoveryThread {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// No descriptor, no inotify instance (see `/proc/sys/fs/inotify/max_user_instances`) or no thread is to be had; the handle
    /// came through `fork`.
    pub fn spawn(region: &Region) -> Result<Self, RegionError> {
        let failed = |action| move |error| RegionError::io(region.name(), action, error);
        let watched = region.try_clone_fd()?;
        let events = watch(&format!("/proc/self/fd/{}", watched.as_raw_fd())).map_err(failed("watch the file of"))?;
        // The watch is on the file, and to close this would be an event.
        drop(watched);
        let stop = event_descriptor().map_err(failed("make a descriptor to stop the recovery of"))?;
        let stopped = stop.try_clone().map_err(failed("make a descriptor to stop the recovery of"))?;
        let home = ForkGuard::new().map_err(failed("prepare for forks in the recovery of"))?;
        let theirs = region.clone();
        // A thread begins with the mask of the one that starts it.
        let _blocked = SignalsBlocked::new();
        let thread = std::thread::Builder::new()
            .name("ipc-recovery".to_owned())
            .spawn(move || run(&theirs, events, &stopped))
            .map_err(failed("start a thread for the recovery of"))?;
        Ok(RecoveryThread { stop, thread: Some(thread), home })
    }
}

impl Drop for RecoveryThread {
    fn drop(&mut self) {
        use std::io::Write;
        if !self.home.is_here() {
            // A child after fork: the eventfd is the parent's as well, and the thread is the parent's alone.
            std::mem::forget(self.thread.take());
            return;
        }
        // The eventfd cannot be full: nobody else writes. If it fails all the same, the thread is left to itself.
        if self.stop.write_all(&1_u64.to_ne_bytes()).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// All signals are blocked in this thread while it lives, see pthread_sigmask(3).
struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    fn new() -> Self {
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

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set that the thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}

/// An inotify instance that hears of closes of this file, without waiting.
fn watch(path: &str) -> io::Result<File> {
    // SAFETY: plain flags.
    let fd = sys::check(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
    let events = sys::own(fd)?;
    let path = sys::c_path(Path::new(path))?;
    // SAFETY: an open descriptor and a NUL-terminated path.
    sys::check(unsafe { libc::inotify_add_watch(events.as_raw_fd(), path.as_ptr(), libc::IN_CLOSE_WRITE) })?;
    Ok(events)
}

fn event_descriptor() -> io::Result<File> {
    // SAFETY: plain flags.
    let fd = sys::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
    sys::own(fd)
}

fn run(region: &Region, mut events: File, stop: &File) {
    let mut buffer = [0; 4096];
    // The looks that are still to come.
    let mut looks = [].iter();
    loop {
        let mut wanted =
            [&events, stop].map(|file| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        if let Err(error) = poll(&mut wanted, looks.next().copied())
            && error.kind() != io::ErrorKind::Interrupted
        {
            return;
        }
        if wanted[1].revents != 0 {
            return;
        }
        if wanted[0].revents != 0 {
            // What it says does not matter, only that there was something.
            while events.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
            looks = PAUSES.iter();
        }
        if region.recover().is_err() {
            return;
        }
    }
}

/// Waits until one of the descriptors has something, or the pause is over (`None`: for ever). See ppoll(2).
fn poll(wanted: &mut [libc::pollfd], pause: Option<Duration>) -> io::Result<()> {
    let pause = pause.map(|pause| libc::timespec { tv_sec: 0, tv_nsec: pause.subsec_nanos() as libc::c_long });
    let timeout = pause.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the entries and the time are alive for the call, and no signal mask is given.
    let ready = unsafe { libc::ppoll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, timeout, std::ptr::null()) };
    sys::check(ready).map(drop)
}
