//! Nothing may take longer than a second.

use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(1);

/// What this thread has used so far, see getrusage(2): processor time, and how often it gave the processor away.
fn usage() -> (Duration, i64) {
    // SAFETY: all zeroes is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: room for the result.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    (time(usage.ru_utime) + time(usage.ru_stime), usage.ru_nvcsw)
}

/// Runs one operation and panics if it took too long. What never returns is libFuzzer's `-timeout` to find.
///
/// On a busy machine a thread that wants to run may not get a processor for a long time. That is not the operation's
/// doing, so a second counts if the thread computed all that time, or if it slept at all.
pub fn timed<R>(what: &str, operation: impl FnOnce() -> R) -> R {
    let (computed, sleeps) = usage();
    let start = Instant::now();
    let result = operation();
    let took = start.elapsed();
    if took >= LIMIT {
        let (computed, sleeps) = (usage().0 - computed, usage().1 - sleeps);
        let figures = format!("{what} took {took:?}: {computed:?} of computing, {sleeps} sleeps");
        assert!(computed < LIMIT && sleeps == 0, "{figures}");
        eprintln!("ignored: {figures}");
    }
    result
}
