//! A thread that repairs after the dead at once.
//!
//! When a process ends, the kernel closes the file that its lock byte is held by, and tells all processes that watch the region's file
//! so: inotify's `IN_CLOSE_WRITE`, see inotify(7). Stores through the mapping raise no event, so a region in full use is a quiet
//! one. The news comes a moment before the byte is free (`fsnotify_close` precedes `locks_remove_file` in the kernel's `__fput`),
//! so the thread asks a few times.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::RegionError;
use crate::fork::ForkGuard;
use crate::hash::fnv;
use crate::region::Region;
use crate::sys::{self, SignalsBlocked};

/// Pauses between the checks who is dead, after a close that nothing explains. The kernel takes some 100 µs from the event to the
/// lock...
const PAUSES: [Duration; 27] = {
    let mut pauses = [Duration::from_micros(50); 27];
    // ... and more if the dying process has a tracer, or waits for a processor.
    pauses[24] = Duration::from_millis(2);
    pauses[25] = Duration::from_millis(5);
    pauses[26] = Duration::from_millis(20);
    pauses
};

/// Pauses before the checks after a close that is explained: a process has left or attached. Another may have died at that moment.
const EXPLAINED: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(20)];

/// When to check who is dead: each check is a system call or more for each attachment.
#[derive(Default)]
struct Checks {
    due: Option<Instant>,
    /// Pauses before those that come after it.
    later: std::slice::Iter<'static, Duration>,
    explained: bool,
}

impl Checks {
    /// A close was reported. `explained`: since the last report, a process has left in order, or has attached.
    fn report(&mut self, now: Instant, explained: bool) {
        // One that leaves closes several descriptors: a check is still to come.
        if self.due.is_some() && (explained || self.explained) {
            return;
        }
        self.explained = explained;
        if explained {
            self.later = EXPLAINED.iter();
            self.next(now);
        } else {
            self.later = PAUSES.iter();
            self.due = Some(now);
        }
    }

    /// Whether to check now.
    fn are_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A check is over.
    fn next(&mut self, now: Instant) {
        self.due = self.later.next().and_then(|pause| now.checked_add(*pause));
    }

    fn pause(&self, now: Instant) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(now))
    }
}

/// A number that changes when a process attaches or leaves.
fn table(region: &Region) -> u64 {
    let records = region.membership().view().records().iter().map(ipc_core::participant::Record::info);
    fnv(records.map(|info| u64::from(info.epoch) << 1 | u64::from(info.joined)))
}

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
/// A close of the region's file by anybody wakes it: every process that leaves costs it two checks of all attachments, some system
/// calls each. It blocks all signals: those that are sent to the process go to the program's own threads. After `fork`, the child has no
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
    let mut checks = Checks::default();
    let mut known = table(region);
    loop {
        let mut wanted =
            [&events, stop].map(|file| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        if let Err(error) = poll(&mut wanted, checks.pause(Instant::now()))
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
            let found = table(region);
            checks.report(Instant::now(), found != known);
            known = found;
        }
        if checks.are_due(Instant::now()) {
            match region.recover() {
                Ok(0) => {}
                // A repair frees the place: that is nobody's leaving.
                Ok(_) => known = table(region),
                Err(ipc_core::Fault::Forked) => return,
                // Where the system does not say who is dead, the waiters get the error.
                Err(_) => {}
            }
            checks.next(Instant::now());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many checks follow on these reports, each of which comes before the next check.
    fn count(reports: &[bool]) -> usize {
        let mut now = Instant::now();
        let mut checks = Checks::default();
        for explained in reports {
            checks.report(now, *explained);
        }
        let mut count = 0;
        while let Some(pause) = checks.pause(now) {
            now += pause;
            assert!(checks.are_due(now));
            checks.next(now);
            count += 1;
        }
        count
    }

    #[test]
    fn processes_that_leave_cost_two_checks() {
        assert_eq!(count(&[true]), 2);
        assert_eq!(count(&[true, false, true, false]), 2);
    }

    #[test]
    fn a_close_without_explanation_is_followed_closely() {
        assert_eq!(count(&[false]), PAUSES.len() + 1);
        assert_eq!(count(&[false, true, false]), PAUSES.len() + 1);
    }
}
