//! Separately started programs, for tests that need more than a fork.
//!
//! A role is an ordinary function. The test file lists its roles in one slice and has one test that
//! dispatches them; [`spawn`] starts the test binary again, with only that test selected and the role in
//! the environment. Without the variable the test returns at once, so a plain `cargo test` passes it.
//!
//! ```no_run
//! use ipc_tests::children::{self, Args, Role};
//!
//! const ROLES: &[Role] = &[("echo", echo)];
//!
//! fn echo(args: &Args) {
//!     children::say(&format!("hello {}", args.get("name")));
//!     assert_eq!(children::hear(), "go");
//! }
//!
//! # const _: &str = stringify!(
//! #[test]
//! # );
//! fn child_entry() {
//!     children::dispatch(ROLES);
//! }
//!
//! # const _: &str = stringify!(
//! #[test]
//! # );
//! fn two_processes_meet() {
//!     let mut child = children::spawn("echo", &[("name", "you")]);
//!     assert_eq!(child.hear(), "hello you");
//!     child.say("go");
//!     assert!(child.wait().success());
//! }
//! ```
//!
//! Lines are the only synchronisation: no sleeps. The test runner of the child writes to the same stdout,
//! so a line of a role carries a prefix and the parent passes over all others.
//!
//! A child is killed by the kernel when the *thread* that spawned it ends (`PR_SET_PDEATHSIG`), so spawn
//! from the thread of the test and not from a short helper.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

mod temp_name;
#[cfg(target_os = "linux")]
mod terminal;

pub use temp_name::TempName;

/// The environment variable that names the role of a child.
pub const ROLE_VARIABLE: &str = "IPC_TESTS_ROLE";

/// The name of the test that calls [`dispatch`]; it has to be at the root of the test file.
pub const ENTRY: &str = "child_entry";

const ARGUMENT_PREFIX: &str = "IPC_TESTS_ARG_";
const LINE_PREFIX: &str = "@ipc-tests ";

/// A name and the function that plays it.
pub type Role = (&'static str, fn(&Args));

/// The arguments given to [`spawn`], as the child sees them.
#[derive(Debug)]
pub struct Args(());

impl Args {
    /// The argument `key`.
    ///
    /// # Panics
    ///
    /// When the parent did not give it.
    #[must_use]
    pub fn get(&self, key: &str) -> String {
        self.try_get(key).unwrap_or_else(|| panic!("the role needs an argument '{key}'"))
    }

    /// The argument `key`, if the parent gave it.
    #[must_use]
    pub fn try_get(&self, key: &str) -> Option<String> {
        std::env::var(format!("{ARGUMENT_PREFIX}{key}")).ok()
    }

    /// The argument `key` as a number.
    ///
    /// # Panics
    ///
    /// When it is missing or no number.
    #[must_use]
    pub fn number(&self, key: &str) -> u64 {
        let text = self.get(key);
        text.parse().unwrap_or_else(|_| panic!("argument '{key}' is no number: '{text}'"))
    }
}

/// Plays the role this process was started for, and ends the process; returns at once in a process that
/// was not started by [`spawn`].
///
/// # Panics
///
/// When the role is not in `roles`. A panic of the role is an ordinary failure of the child's test, which
/// the parent sees as exit code 101.
pub fn dispatch(roles: &[Role]) {
    let Ok(wanted) = std::env::var(ROLE_VARIABLE) else {
        return;
    };
    let (_, play) = roles
        .iter()
        .find(|(name, _)| *name == wanted)
        .unwrap_or_else(|| panic!("no role '{wanted}' in this test file"));
    play(&Args(()));
    std::process::exit(0);
}

/// Sends a line to the parent; only for roles.
///
/// # Panics
///
/// When the parent is gone.
pub fn say(line: &str) {
    // One write, so that it cannot be torn by other writers, and with a newline first, because the test
    // runner leaves its own line open.
    let text = format!("\n{LINE_PREFIX}{line}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).expect("the parent reads our lines");
}

/// Waits for a line of the parent; only for roles.
///
/// # Panics
///
/// When the parent closed the pipe.
#[must_use]
pub fn hear() -> String {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).expect("stdin is a pipe of the parent");
    assert!(read > 0, "the parent said nothing more");
    line.trim_end_matches('\n').to_owned()
}

/// Starts this test binary again as `role`, with `args` in its environment.
///
/// # Panics
///
/// When the program cannot be started.
#[must_use]
pub fn spawn(role: &str, args: &[(&str, &str)]) -> Child {
    let mut command = command(role, args);
    command.stdin(Stdio::piped());
    Child::start(role, command)
}

/// Starts this test binary again as `role`, in front of a terminal of its own. What is written to the file is typed there: the
/// byte 3 is Ctrl-C. It has no lines of the parent.
///
/// # Panics
///
/// When the program cannot be started, or there is no terminal.
#[cfg(target_os = "linux")]
#[must_use]
pub fn spawn_at_terminal(role: &str, args: &[(&str, &str)]) -> (Child, std::fs::File) {
    let mut command = command(role, args);
    let (keyboard, terminal) = terminal::open();
    command.stdin(terminal);
    terminal::lead_session(&mut command);
    (Child::start(role, command), keyboard)
}

fn command(role: &str, args: &[(&str, &str)]) -> Command {
    let program = std::env::current_exe().expect("the path of the test binary");
    let mut command = Command::new(program);
    command
        .args([ENTRY, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE_VARIABLE, role)
        .envs(args.iter().map(|(key, value)| (format!("{ARGUMENT_PREFIX}{key}"), *value)))
        .stdout(Stdio::piped());
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        // SAFETY: between fork and exec the hook makes one system call and touches no memory.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
    }
    command
}

/// Whether `check` holds in a child after `fork`, without an `exec`: for handles and guards that come through it.
///
/// # Panics
///
/// When there can be no child.
#[must_use]
pub fn holds_after_fork(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child is a copy of this thread alone; it runs the closure, which is to call nothing but the library, and ends
    // with _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        let holds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_or(false);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!holds)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status == 0
}

/// A started role; killed and reaped when dropped.
#[derive(Debug)]
pub struct Child {
    role: String,
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    fn start(role: &str, mut command: Command) -> Child {
        let mut child = command.spawn().expect("the test binary starts again");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Child { role: role.to_owned(), process: child, stdin, stdout }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the next line the role [`say`]s; `None` once it can say no more.
    ///
    /// Hangs when the child hangs: hold a [`Watchdog`](crate::watchdog::Watchdog).
    ///
    /// # Panics
    ///
    /// When the pipe cannot be read.
    pub fn try_hear(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line).expect("stdout of the child") == 0 {
                return None;
            }
            if let Some(said) = line.strip_prefix(LINE_PREFIX) {
                return Some(said.trim_end_matches('\n').to_owned());
            }
        }
    }

    /// Waits for the next line the role [`say`]s.
    ///
    /// # Panics
    ///
    /// When the child ended or closed its stdout.
    pub fn hear(&mut self) -> String {
        self.try_hear().unwrap_or_else(|| panic!("role '{}' ended without a word", self.role))
    }

    /// Waits for the next line and compares it.
    ///
    /// # Panics
    ///
    /// When it is another line, or none.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        let said = self.try_hear();
        assert_eq!(said.as_deref(), Some(line), "role '{}'", self.role);
    }

    /// Sends a line to the role, which waits for it with [`hear`].
    ///
    /// # Panics
    ///
    /// When the child no longer reads.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open until the child is reaped");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the child reads our lines");
    }

    /// Kills the child and reaps it: the process is gone when this returns.
    pub fn sigkill(&mut self) {
        // Both fail only for a child that is already reaped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Kills the child but leaves it as a zombie, as a parent does that has not noticed yet.
    ///
    /// # Panics
    ///
    /// When the child was reaped before.
    pub fn sigkill_unreaped(&mut self) {
        self.process.kill().expect("the child is not reaped");
        self.wait_for(libc::WEXITED);
    }

    /// Stops the child; it is stopped when this returns, or it has ended before.
    ///
    /// # Panics
    ///
    /// When the child was reaped before.
    pub fn sigstop(&mut self) {
        self.signal(libc::SIGSTOP);
        self.wait_for(libc::WSTOPPED | libc::WEXITED);
    }

    /// Lets a stopped child go on.
    ///
    /// # Panics
    ///
    /// When the child was reaped before.
    pub fn sigcont(&mut self) {
        self.signal(libc::SIGCONT);
    }

    /// How the child has ended, if it has.
    ///
    /// # Panics
    ///
    /// When the child cannot be asked about.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the child is ours")
    }

    /// Waits until the child ends by itself, and reaps it. Its stdin is closed first.
    ///
    /// # Panics
    ///
    /// When the child cannot be waited for.
    pub fn wait(&mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.process.wait().expect("the child is ours")
    }

    fn raw_pid(&self) -> libc::pid_t {
        libc::pid_t::try_from(self.process.id()).expect("a process id fits pid_t")
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: no memory is passed. The process is our child and not reaped, so the id is still its own.
        let sent = unsafe { libc::kill(self.raw_pid(), signal) };
        assert_eq!(sent, 0, "signal {signal}: {}", std::io::Error::last_os_error());
    }

    /// Waits for one of the `states`, and leaves the report in place for `std::process::Child`.
    fn wait_for(&self, states: libc::c_int) {
        let id = libc::id_t::from(self.process.id());
        loop {
            // SAFETY: siginfo_t is plain data for which all zeroes is a value.
            let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
            // SAFETY: `info` is valid for the whole call.
            let done = unsafe { libc::waitid(libc::P_PID, id, &mut info, states | libc::WNOWAIT) };
            if done == 0 {
                return;
            }
            let error = std::io::Error::last_os_error();
            assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "waitid: {error}");
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.sigkill();
    }
}
