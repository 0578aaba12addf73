//! Functions that run in processes of their own: Python's `multiprocessing.Process`, with a result (feature `process`).
//!
//! A function becomes a task by one line behind it, and a program that spawns tasks begins its `main` with another one:
//!
//! ```standalone_crate
//! use ipc_posix::{process, task};
//!
//! fn square(number: u64) -> u64 {
//!     number * number
//! }
//! task!(square);
//!
//! fn main() -> Result<(), ipc_posix::Error> {
//!     process::init(); // first: a process that was started for a task runs it here, and ends
//!     let nine = process::spawn(square, 3)?;
//!     assert_eq!(nine.join()?, 9);
//!     Ok(())
//! }
//! ```
//!
//! # What is started
//!
//! This program, anew: `/proc/self/exe`, which is the same file even if its path means another one by now. Nothing is forked, so threads and
//! locks of this process are no danger to the new one. [`init`] finds the function by its name. [`ProcessOptions::program`] starts
//! another program, which has to know the same task and to call [`init`]. In unit tests nothing of ours comes before `main`: there,
//! [`task_entry!`](crate::task_entry) takes the place of [`init`].
//!
//! The process has the environment, the working directory, the standard output and the standard error of its parent. Its standard input is
//! empty. It is the leader of a process group: [`kill`](Process::kill) ends the programs that it has started, too, and Ctrl-C in a
//! terminal goes to the parent only.
//!
//! # Arguments and results
//!
//! They are values of serde's types, as in a `ValueQueue`. They lie in a region without a name, of which nothing is left when both processes are gone. How
//! long they may be is said before: [`max_args`](ProcessOptions::max_args) and [`max_result`](ProcessOptions::max_result). Among the
//! arguments may be
//!
//! - handles of objects and whole regions, also of [anonymous](crate::RegionOptions::anonymous) ones, which the process gets as descriptors;
//! - open files, sockets and pipes, as a [`Descriptor`].
//!
//! A task is a plain function. A closure with variables cannot be one: its variables lie in the memory of this process.
//!
//! # How it ends
//!
//! [`Process::join`] returns the result, or a [`TaskError`] that says what happened: a panic with its message, an exit code, a signal. It
//! returns whatever happens to the process, as soon as that has ended.
//!
//! A process goes on when its [`Process`] is dropped, and when its parent has ended. With [`daemon`](ProcessOptions::daemon) it ends with its parent, also
//! if that is killed.

mod child;
pub(crate) mod descriptors;
mod error;
pub(crate) mod failure;
mod handle;
pub(crate) mod life;
pub(crate) mod panics;
pub(crate) mod pid;
pub(crate) mod socket;
mod start;
pub(crate) mod task;

pub use child::{init, task_name};
pub use descriptors::Descriptor;
pub(crate) use descriptors::{carry, keep_reason};
pub use error::{SignalError, SpawnError, TaskError, TaskPanic};
pub(crate) use failure::Failure;
pub use handle::{Process, ProcessOptions};
pub use task::Task;

/// For the macros.
#[doc(hidden)]
pub mod private {
    pub use linkme;

    pub use super::child::{Started, run};
    pub use super::task::{ENTRIES, Entry, TASKS, id_of};
    pub use crate::pool::{Serving, serve};
}

/// Returns the options of a process that is to be started.
///
/// ```
/// let options = ipc_posix::process::options().name("worker 1").daemon();
/// ```
pub fn options() -> ProcessOptions {
    ProcessOptions::new()
}

/// Starts a process that calls the function with these arguments: one argument, or `()`, or a tuple of several. See
/// [`ProcessOptions::spawn`].
///
/// # Errors
///
/// Those of [`ProcessOptions::spawn`].
pub fn spawn<Form, F: Task<Form>>(function: F, args: F::Args) -> Result<Process<F::Output>, SpawnError> {
    options().spawn(function, args)
}
