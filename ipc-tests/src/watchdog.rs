//! A limit for tests that could hang.
//!
//! A test has no upper bound on its time, but a hang must become a failure that names its place. The
//! watchdog ends the whole process, because a thread that waits on a futex cannot be ended alone. Before that it tells where each
//! thread is, and what the kernel says of the children.

use std::backtrace::Backtrace;
use std::fs;
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
                    // Past the capture of the test runner: the process ends right after.
                    say(&format!("\nwatchdog: '{what}' is not done after {limit:?}, abort\n"));
                    tell_where();
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

/// To stderr.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// How many functions of a thread are told, from the innermost.
const MOST_FRAMES: usize = 16;

/// Says where each thread of this process is, and each of its children. Few lines: some keep only the last ones of an output.
fn tell_where() {
    extern "C" fn trace(_signal: libc::c_int) {
        // Allocates and locks, which no handler should: the process ends anyway, and the watchdog does not wait for it.
        own_frames(&Backtrace::force_capture().to_string()).for_each(|frame| say(&format!("    {frame}\n")));
    }
    // SAFETY: a handler of the right type, for a signal that the tests leave alone; the process has nothing to do after this.
    unsafe { libc::signal(libc::SIGUSR2, trace as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    for thread in numbers_in("/proc/self/task") {
        say(&format!("thread {}\n", state(&format!("/proc/self/task/{thread}"))));
        let children = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            say(&format!("  child {}\n", state(&format!("/proc/{child}"))));
        }
        // SAFETY: plain numbers; a thread that is gone is an error.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR2) };
        // Not for ever: it may have interrupted the allocator. That a trace is torn by the next one is all that can happen.
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// The functions of a backtrace with their places, but for those of the standard and the C library.
fn own_frames(trace: &str) -> impl Iterator<Item = String> {
    let lines = trace.lines().map(str::trim).zip(trace.lines().skip(1).map(str::trim));
    let foreign = |place: &str| ["/rustc/", "/sysdeps/", "/nptl/"].iter().any(|part| place.contains(part));
    let own = lines.filter(move |(_, place)| place.starts_with("at ") && !foreign(place));
    own.map(|(function, place)| format!("{function} {place}")).take(MOST_FRAMES)
}

fn numbers_in(directory: &str) -> impl Iterator<Item = libc::pid_t> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What the kernel says of a thread or process: number, name, state letter, the function that it sleeps in, its system call with
/// arguments, stack and instruction.
fn state(directory: &str) -> String {
    let read = |file| fs::read_to_string(format!("{directory}/{file}")).unwrap_or_else(|error| error.to_string());
    let stat = read("stat");
    let short = stat.rfind(')').and_then(|end| stat.get(..end + 3)).unwrap_or(&stat);
    format!("{short}, in {}, system call {}", read("wchan"), read("syscall").trim_end())
}
