//! A limit for tests that could hang.
//!
//! A test has no upper bound on its time, but a hang must become a failure that names its place. The
//! watchdog ends the whole process, because a thread that waits on a futex cannot be ended alone.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Aborts the process unless it is dropped in time.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use ipc_tests::watchdog::Watchdog;
/// let _watchdog = Watchdog::new(Duration::from_secs(60), "two senders, one receiver");
/// // ... what could hang ...
/// ```
#[derive(Debug)]
#[must_use = "a watchdog that is dropped at once guards nothing"]
pub struct Watchdog {
    cancel: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts a thread that aborts the process after `limit`, with a message on stderr that names
    /// `what`, unless the watchdog is dropped before.
    ///
    /// # Panics
    ///
    /// When no thread can be started.
    pub fn new(limit: Duration, what: &str) -> Self {
        let (cancel, cancelled) = mpsc::channel::<()>();
        let what = what.to_owned();
        let thread = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || {
                if cancelled.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    // One write, past the capture of the test runner: the process ends right after.
                    let line = format!("\nwatchdog: '{what}' is not done after {limit:?}, abort\n");
                    let _ = std::io::stderr().write_all(line.as_bytes());
                    std::process::abort();
                }
            })
            .expect("a watchdog thread");
        Self { cancel: Some(cancel), thread: Some(thread) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The closed channel is the message.
        drop(self.cancel.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
