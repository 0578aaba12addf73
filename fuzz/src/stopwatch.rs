//! Nothing may take longer than a second.

use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(1);

/// Runs one operation and panics if it took too long. What never returns is libFuzzer's `-timeout` to find.
pub fn timed<R>(what: &str, operation: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = operation();
    let took = start.elapsed();
    assert!(took < LIMIT, "{what} took {took:?}");
    result
}
