//! A clock that two processes can read and compare.

/// Nanoseconds on the clock that all processes of the machine share (`CLOCK_MONOTONIC`).
#[must_use]
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // int clock_gettime(clockid_t clockid, struct timespec *tp)
    // SAFETY: the kernel writes to `time`, which outlives the call. It does not fail: every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
