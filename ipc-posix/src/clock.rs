//! The monotonic clock, and which one it is.
//!
//! It counts from the boot, and a time namespace moves its origin. Every clock of Linux that cannot be set is like that.
//! A time in shared memory therefore has the [identity](identity) of its clock beside it.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use ipc_core::Instant;
use ipc_core::time::Timestamp;

use crate::hash::fnv;
use crate::sys;

/// Now, see clock_gettime(2): some 25 ns, without a system call where the kernel offers a vDSO.
pub(crate) fn now() -> Instant {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the result; CLOCK_MONOTONIC always exists, so the call does not fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    Instant::from_nanos((time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64))
}

/// Now, for shared memory, on the clock of this identity.
pub(crate) fn timestamp(clock: u64) -> Timestamp {
    Timestamp { at: now(), clock }
}

/// The inode of the first time namespace, whose offsets are zero: the kernel's `TIME_NS_INIT_INO`.
const FIRST_NAMESPACE: u64 = 0xefff_fffa;

/// A number that two processes share only if their clocks count alike: of the same boot, in the same time namespace. Some
/// system calls. Never 0.
///
/// Without /proc it is a random number, so that the caller can tell no age but those of what it writes itself.
pub(crate) fn identity() -> u64 {
    let known = of_proc().or_else(|| sys::random::<8>().ok().map(u64::from_ne_bytes));
    known.unwrap_or_else(|| u64::from(std::process::id())).max(1)
}

fn of_proc() -> Option<u64> {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = match std::fs::metadata("/proc/self/ns/time") {
        Ok(namespace) => namespace.ino(),
        // A kernel without time namespaces.
        Err(error) if error.kind() == ErrorKind::NotFound && Path::new("/proc/self/ns").is_dir() => FIRST_NAMESPACE,
        Err(_) => return None,
    };
    // Numbers of namespaces are given out again. The offsets are those of the namespace for children, which is our own unless
    // we have asked for another: then nobody else has this identity.
    let offsets = match namespace {
        FIRST_NAMESPACE => Vec::new(),
        _ => std::fs::read("/proc/self/timens_offsets").ok()?,
    };
    let bytes = boot.into_iter().chain(offsets).map(u64::from);
    Some(fnv(bytes.chain([namespace])))
}

/// The core's instant for a deadline of std's clock (the same clock, without an official conversion).
pub(crate) fn at(deadline: std::time::Instant) -> Instant {
    after(deadline.saturating_duration_since(std::time::Instant::now()))
}

/// The instant that is `timeout` from now; the end of time if that overflows.
pub(crate) fn after(timeout: Duration) -> Instant {
    now().saturating_add(timeout)
}
