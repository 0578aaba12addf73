//! The monotonic clock.

use std::time::Duration;

use ipc_core::Instant;

/// Now, see clock_gettime(2): some 25 ns, without a system call where the kernel offers a vDSO.
pub(crate) fn now() -> Instant {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the result; CLOCK_MONOTONIC always exists, so the call does not fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    Instant::from_nanos((time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64))
}

/// The core's instant for a deadline of std's clock (the same clock, without an official conversion).
pub(crate) fn at(deadline: std::time::Instant) -> Instant {
    after(deadline.saturating_duration_since(std::time::Instant::now()))
}

/// The instant that is `timeout` from now; the end of time if that overflows.
pub(crate) fn after(timeout: Duration) -> Instant {
    now().saturating_add(timeout)
}
