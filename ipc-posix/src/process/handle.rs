//! A process that runs a task, as its parent has it.

use std::fmt;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use ipc_core::Fault;
use ipc_core::error::{TryRecvError, TryRecvValueError, WaitTimeoutError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::descriptors::{self, Luggage};
use super::error::{SignalError, SpawnError, TaskError};
use super::failure::{self, Failure};
use super::pid::{ChildPid, Ended};
use super::start::{self, ARGS, FAILURE, ORDER, OURS, Order, QUEUES, RESULT};
use super::task::{self, Entry, Task};
use crate::fork::ForkGuard;
use crate::objects::{ByteQueue, ValueQueue};
use crate::region::{MemoryBarrier, Region};

/// Parent and child.
const PARTICIPANTS: u32 = 2;
/// How many bytes arguments and result may have, as they are written, unless something else is said.
const ROOM: usize = 64 << 10;

/// How a process is started for a task. Made by [`options`](super::options).
///
/// ```standalone_crate
/// use ipc_posix::process;
///
/// fn zeroes(count: usize) -> Vec<u8> {
///     vec![0; count]
/// }
/// ipc_posix::task!(zeroes);
///
/// fn main() -> Result<(), ipc_posix::Error> {
///     process::init();
///     let process = process::options().name("zeroes").max_result(200_000).spawn(zeroes, 100_000)?;
///     assert_eq!(process.name(), "zeroes");
///     assert_eq!(process.join()?.len(), 100_000);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until spawn"]
pub struct ProcessOptions {
    name: Option<String>,
    max_args: usize,
    max_result: usize,
    daemon: bool,
    backtrace: bool,
    program: Option<PathBuf>,
}

impl ProcessOptions {
    pub(super) fn new() -> Self {
        let (name, program) = (None, None);
        ProcessOptions { name, max_args: ROOM, max_result: ROOM, daemon: false, backtrace: false, program }
    }

    /// Sets a name, for people: [`Process::name`] and [`task_name`](super::task_name) return it. Default: the task's.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets how many bytes the arguments may have as they are written. Default: 64 KiB. They are reserved for each process.
    pub fn max_args(mut self, bytes: usize) -> Self {
        self.max_args = bytes;
        self
    }

    /// Sets how many bytes the result may have as it is written. Default: 64 KiB. They are reserved for each process.
    pub fn max_result(mut self, bytes: usize) -> Self {
        self.max_result = bytes;
        self
    }

    /// Lets the process end with this one, whichever way this one ends: it returns from `main`, it is killed, it calls `exec`.
    ///
    /// The new process checks for that by a thread of its own, which sees it within half a second, and kills the whole process group by
    /// SIGKILL. A process that is stopped ends when it goes on. The first such process costs this one a descriptor and a mapping until it ends.
    pub fn daemon(mut self) -> Self {
        self.daemon = true;
        self
    }

    /// Tells a panic with its [backtrace](super::TaskPanic::backtrace). Without this, the environment decides (`RUST_BACKTRACE`).
    pub fn backtrace(mut self) -> Self {
        self.backtrace = true;
        self
    }

    /// Starts another program than this one. It has to know the task by the same name and schema, and to call [`init`](super::init).
    ///
    /// A path without a `/` is searched for in `PATH`. A relative one begins at the working directory.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Starts a process that calls the function with these arguments: one argument, or `()`, or a tuple of several.
    ///
    /// Costs the start of a program, a millisecond or more, and a region in memory with room for arguments and result. Until the [`Process`] is
    /// dropped, it takes two descriptors and a mapping here. Waits for nothing but the start.
    ///
    /// # Errors
    ///
    /// [`NotATask`](SpawnError::NotATask) and [`TwoTasks`](SpawnError::TwoTasks), [`Args`](SpawnError::Args) with the limit,
    /// [`Descriptors`](SpawnError::Descriptors), [`Region`](SpawnError::Region) and [`Object`](SpawnError::Object),
    /// [`Start`](SpawnError::Start) with the program. Then nothing is left. The arguments are dropped.
    pub fn spawn<Form, F: Task<Form>>(&self, function: F, args: F::Args) -> Result<Process<F::Output>, SpawnError> {
        self.spawn_printing_to(None, function, args)
    }

    /// Starts a process with this standard output and standard error.
    pub(crate) fn spawn_printing_to<Form, F: Task<Form>>(
        &self,
        output: Option<[OwnedFd; 2]>,
        function: F,
        args: F::Args,
    ) -> Result<Process<F::Output>, SpawnError> {
        let entry = task::entry_of(&function)?;
        let name = self.name.clone().unwrap_or_else(|| entry.name.to_owned());
        let order: Order = (entry.name.to_owned(), entry.schema, name.clone(), self.backtrace);
        // Numbers and lengths take less than these 64 bytes.
        let order_bytes = entry.name.len() + name.len() + 64;

        let rooms = [order_bytes, self.max_args.max(1), self.max_result.max(1), failure::BYTES];
        // Nobody waits in it, and a process under a strict seccomp filter may have no `membarrier`.
        let options = Region::options().participants(PARTICIPANTS).objects(QUEUES).memory_barrier(MemoryBarrier::Fence);
        let options = options.fit(&rooms.map(ByteQueue::footprint));
        let region = options.anonymous().map_err(SpawnError::Region)?;
        let orders = queue(&region, ORDER, rooms[0])?;
        orders.try_send(&order).map_err(SpawnError::Args)?;
        let arguments = queue::<F::Args>(&region, ARGS, rooms[1])?;
        let (result, failure) = (queue(&region, RESULT, rooms[2])?, queue(&region, FAILURE, rooms[3])?);
        let home = ForkGuard::new().map_err(SpawnError::Descriptors)?;

        let mut luggage = Luggage::default();
        if let Err(error) = descriptors::written(&mut luggage, || arguments.try_send(&args)) {
            return Err(luggage.trouble.take().map_or(SpawnError::Args(error), SpawnError::Descriptors));
        }
        let variable = format!("{} (schema {})", entry.name, entry.schema);
        let pid = start::start(self.program.as_deref(), &variable, &region, self.daemon, &luggage, output)?;
        Ok(Process { pid, home, name, entry, program: self.program.clone(), orders, result, failure })
    }
}

fn queue<T: Serialize + DeserializeOwned>(
    region: &Region,
    name: &str,
    room: usize,
) -> Result<ValueQueue<T>, SpawnError> {
    region.value_queue(name).capacity(room).create().map_err(SpawnError::Object)
}

/// A process that runs a task: Python's `Process`, with a result. Made by [`spawn`](super::spawn) and [`ProcessOptions::spawn`].
///
/// When it is dropped, nothing happens to the process: it goes on, and its result is lost. As with [`std::process::Child`], it stays a zombie after its
/// end until this program ends or waits for all of its children. A program that ends does not wait for its
/// processes; Python does. Those that are to end with it are started as [`daemon`](ProcessOptions::daemon).
///
/// Nothing here depends on being the only one that waits for children, or on SIGCHLD: only how a process has ended is unknown then, and
/// results arrive all the same. In a child after `fork`, the handle is the parent's: what returns a `Result` returns
/// [`Fault::Forked`], and the rest panics, except for the name and the number.
pub struct Process<R> {
    pid: ChildPid,
    home: ForkGuard,
    name: String,
    entry: &'static Entry,
    program: Option<PathBuf>,
    /// Empty once the process has begun.
    orders: ValueQueue<Order>,
    result: ValueQueue<R>,
    failure: ValueQueue<Failure>,
}

impl<R> Process<R> {
    /// Returns the process's number. It may become another process's once this one has been waited for.
    pub fn pid(&self) -> u32 {
        self.pid.get()
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it has not ended yet. Never waits. A system call.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn is_alive(&mut self) -> bool {
        self.home.assert_here();
        self.pid.wait(false).is_none()
    }

    /// Returns how it ended; `None` while it lives, and if nobody knows ([`TaskError::Lost`]). Never waits. A system call.
    ///
    /// ```standalone_crate
    /// use ipc_posix::process;
    ///
    /// fn leave() {
    ///     std::process::exit(7);
    /// }
    /// ipc_posix::task!(leave);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let mut process = process::spawn(leave, ())?;
    ///     process.join_timeout(std::time::Duration::from_secs(60))?;
    ///     assert_eq!(process.exit_status().and_then(|status| status.code()), Some(7));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "exitcode")]
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.home.assert_here();
        match self.pid.wait(false) {
            Some(Ended::As(status)) => Some(status),
            Some(Ended::Unknown) | None => None,
        }
    }

    /// Waits until it has ended, for at most `timeout`. Then [`join`](Self::join) returns its result at once.
    ///
    /// ```standalone_crate
    /// use std::time::Duration;
    ///
    /// use ipc_posix::process;
    ///
    /// fn for_ever() {
    ///     loop {
    ///         std::thread::park();
    ///     }
    /// }
    /// ipc_posix::task!(for_ever);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let mut process = process::spawn(for_ever, ())?;
    ///     if process.join_timeout(Duration::from_millis(10)).is_err() {
    ///         process.kill()?;
    ///     }
    ///     assert!(process.join().unwrap_err().is_killed());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout); [`Fault::Forked`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<(), WaitTimeoutError> {
        self.join_until(Instant::now().checked_add(timeout))
    }

    /// Waits until it has ended, until `deadline` at most. See [`join_timeout`](Self::join_timeout).
    ///
    /// # Errors
    ///
    /// [`Timeout`](WaitTimeoutError::Timeout); [`Fault::Forked`].
    pub fn join_deadline(&mut self, deadline: Instant) -> Result<(), WaitTimeoutError> {
        self.join_until(Some(deadline))
    }

    fn join_until(&mut self, deadline: Option<Instant>) -> Result<(), WaitTimeoutError> {
        if !self.home.is_here() {
            return Err(Fault::Forked.into());
        }
        if self.pid.wait_until(deadline) { Ok(()) } else { Err(WaitTimeoutError::Timeout) }
    }

    /// Asks the process to end, and the programs of its group: SIGTERM. Nothing happens if it has ended.
    ///
    /// ```standalone_crate
    /// use ipc_posix::process::{self, TaskError};
    ///
    /// fn serve(_: ()) {
    ///     loop {
    ///         std::thread::park();
    ///     }
    /// }
    /// ipc_posix::task!(serve);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let mut server = process::spawn(serve, ())?;
    ///     server.terminate()?;
    ///     let error: TaskError = server.join().unwrap_err();
    ///     assert!(error.is_killed());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SignalError::Forked`]; the system [refuses](SignalError::Refused) it.
    pub fn terminate(&mut self) -> Result<(), SignalError> {
        self.signal(libc::SIGTERM)
    }

    /// Kills the process, and the programs of its group: SIGKILL. Nothing happens if it has ended.
    ///
    /// The group are the programs that it has started, except for processes of tasks, which have groups of their own: start these as
    /// [`daemon`](ProcessOptions::daemon), and they end with it. No object in shared memory is corrupted, and the locks that it held go to the next locker.
    ///
    /// # Errors
    ///
    /// [`SignalError::Forked`]; the system [refuses](SignalError::Refused) it.
    pub fn kill(&mut self) -> Result<(), SignalError> {
        self.signal(libc::SIGKILL)
    }

    fn signal(&mut self, signal: libc::c_int) -> Result<(), SignalError> {
        if !self.home.is_here() {
            return Err(SignalError::Forked);
        }
        let pid = self.pid.get();
        self.pid.signal(signal).map_err(|error| SignalError::Refused { pid, signal, error })
    }
}

impl<R: Serialize + DeserializeOwned> Process<R> {
    /// Waits for the end of the process, and returns the result of the task. Blocks as long as the process lives, and not longer:
    /// a process that was killed at any moment has ended. What the task returned before that counts.
    ///
    /// # Errors
    ///
    /// Why there is no result. [`Fault::Forked`].
    pub fn join(mut self) -> Result<R, TaskError> {
        if !self.home.is_here() {
            return Err(Fault::Forked.into());
        }
        let Some(ended) = self.pid.wait(true) else { return Err(TaskError::Lost { pid: self.pid() }) };
        match self.result.try_recv() {
            Ok(result) => return Ok(result),
            Err(TryRecvValueError::Queue(TryRecvError::Fault(fault))) => return Err(fault.into()),
            Err(TryRecvValueError::Value(error)) => return Err(TaskError::Result { reason: error.to_string() }),
            Err(_) => {}
        }
        if let Ok(found) = self.failure.try_recv() {
            return Err(failure::told(found, |known| self.unknown(known)));
        }
        Err(self.without_result(ended))
    }

    /// A descriptor of the process, which can be waited for; `None` where the system has none to give.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.pid.descriptor()
    }

    fn program(&self) -> PathBuf {
        self.program.as_deref().unwrap_or(Path::new(OURS)).to_owned()
    }

    fn unknown(&self, known: String) -> TaskError {
        TaskError::Unknown { task: self.entry.name, schema: self.entry.schema, program: self.program(), known }
    }

    fn without_result(&self, ended: Ended) -> TaskError {
        use std::os::unix::process::ExitStatusExt;
        let pid = self.pid();
        let Ended::As(status) = ended else { return TaskError::Lost { pid } };
        match (status.code(), status.signal()) {
            (Some(code), _) if !self.orders.is_empty() => TaskError::NotBegun { pid, program: self.program(), code },
            (Some(code), _) => TaskError::Exited { pid, code },
            (None, signal) => TaskError::Killed { pid, signal: signal.unwrap_or_default() },
        }
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("name", &self.name).field("pid", &self.pid()).finish_non_exhaustive()
    }
}
