//! What a process does that was started for a task.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use ipc_core::error::{TrySendBytesError, TrySendValueError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{self, Failure};
use super::start::{ARGS, FAILURE, Greeting, ORDER, Order, RESULT, VARIABLE};
use super::task::{self, Task};
use super::{descriptors, life, panics, socket};
use crate::region::Region;

/// How a process ends whose task has panicked, as a Rust program does.
const PANICKED: i32 = 101;
/// How a process ends that could not call its task.
const NOT_CALLED: i32 = 125;

/// The name of this process, if it was started for a task. Set before there are other threads.
static NAME: OnceLock<String> = OnceLock::new();

/// What has come from the parent.
#[derive(Debug)]
pub struct Started {
    region: Region,
    /// Regions without a name, whose handles are among the arguments: open, so that these find them.
    carried: Vec<Region>,
    open: Vec<Option<OwnedFd>>,
}

/// Runs the task that this process was started for, and ends the process. Returns at once in any other process.
///
/// A program that [spawns](super::spawn) tasks, or is started for them, calls it at the beginning of `main`: what comes before it happens in each
/// process of a task, too, and there must be no other threads yet, for it changes the environment.
///
/// The process ends by [`std::process::exit`] when the task returns. Other threads of the task end with it, as they do with `main`.
///
/// # Panics
///
/// If the process was started for a task, but cannot begin with it: its standard input was replaced by a program in between, it has too
/// few descriptors or no thread. The parent is told that the task has not begun.
pub fn init() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    match begin() {
        Ok((started, order)) => {
            // The programs that the task starts were not started for it.
            // SAFETY: `spawn` has started this process. So this comes first in `main`, as the page demands, or in a test that the runner was
            // told to run alone: no other thread uses the environment. The one that watches the parent does not.
            unsafe { std::env::remove_var(VARIABLE) };
            std::process::exit(work(started, order))
        }
        Err(why) => panic!("this process was started for a task ({VARIABLE} is set), which cannot begin: {why}"),
    }
}

/// Returns the name of this process if it was started for a task: that of [`ProcessOptions::name`](super::ProcessOptions::name), or the
/// task's. Python's `current_process().name`.
#[doc(alias = "current_process")]
pub fn task_name() -> Option<&'static str> {
    NAME.get().map(String::as_str)
}

/// Takes what the parent has sent.
fn begin() -> io::Result<(Started, Order)> {
    // SAFETY: whatever the standard input is, nobody else in this process uses it yet, and it is not closed here.
    let socket = unsafe { BorrowedFd::borrow_raw(0) }.try_clone_to_owned()?;
    let mut bytes = [0; Greeting::BYTES];
    let (len, open) = socket::receive(socket.as_fd(), &mut bytes)?;
    let greeting = bytes.get(..len).and_then(Greeting::from_bytes);
    let greeting = greeting.ok_or_else(|| io::Error::other("its standard input is another one"))?;
    if open.len() != greeting.descriptors() {
        let text = format!("{} of {} descriptors have arrived (see `ulimit -n`)", open.len(), greeting.descriptors());
        return Err(io::Error::other(text));
    }
    // Without /dev/null, the standard input is the empty socket.
    if let Ok(nothing) = std::fs::File::open("/dev/null") {
        // SAFETY: plain numbers.
        unsafe { libc::dup2(nothing.as_raw_fd(), 0) };
    }
    let mut open = open.into_iter();
    let mut next = || open.next().ok_or(io::ErrorKind::UnexpectedEof);
    let region = Region::from_fd(next()?).map_err(io::Error::other)?;
    if greeting.watches {
        life::watch(next()?)?;
    }
    let carried = open.by_ref().take(greeting.regions.into()).map(Region::from_fd);
    let carried = carried.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let order: Order =
        region.value_queue(ORDER).open().map_err(io::Error::other)?.try_recv().map_err(io::Error::other)?;
    Ok((Started { region, carried, open: open.map(Some).collect() }, order))
}

/// Does the task. Returns how the process ends.
fn work(started: Started, (task, schema, name, backtrace): Order) -> i32 {
    let _ = NAME.set(name);
    panics::note_places(backtrace);
    match task::named(&task, schema) {
        Some(entry) => (entry.run)(started),
        None => {
            fail(&started.region, &failure::unknown(&task::known()));
            NOT_CALLED
        }
    }
}

/// Runs a function on the arguments that have come, and puts its result into the region. Returns how the process ends.
#[doc(hidden)]
pub fn run<Form, F: Task<Form>>(function: F, started: Started) -> i32 {
    let Started { region, carried, mut open } = started;
    // Also what users have written to read arguments and write results may panic.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let (args, reason) = descriptors::read(&mut open, || args::<F::Args>(&region));
        let args = args.map_err(|error| failure::args(&reason.unwrap_or(error)))?;
        // From now on, their handles have them open.
        drop(carried);
        answer(&region, &function.call(args)).map_err(|why| failure::result(&why))
    }));
    match ended {
        Ok(Ok(())) => 0,
        Ok(Err(failure)) => {
            fail(&region, &failure);
            NOT_CALLED
        }
        Err(payload) => {
            fail(&region, &panics::told(&*payload));
            PANICKED
        }
    }
}

fn args<T: Serialize + DeserializeOwned>(region: &Region) -> Result<T, String> {
    let queue = region.value_queue(ARGS).open().map_err(|error| error.to_string())?;
    queue.try_recv().map_err(|error| error.to_string())
}

fn answer<R: Serialize + DeserializeOwned>(region: &Region, result: &R) -> Result<(), String> {
    let queue = region.value_queue(RESULT).open().map_err(|error| error.to_string())?;
    queue.try_send(result).map_err(|error| match error {
        TrySendValueError::Queue(TrySendBytesError::TooLong { len, max }) => {
            format!("it takes {len} bytes, and the task's `max_result` is {max}")
        }
        error => error.to_string(),
    })
}

/// Tells the parent why there is no result. Without that it sees the exit code.
fn fail(region: &Region, failure: &Failure) {
    if let Ok(queue) = region.value_queue(FAILURE).open() {
        let _ = queue.try_send(failure);
    }
}
