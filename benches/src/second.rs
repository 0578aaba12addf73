//! A real second process, started from the benchmark's own executable.
//!
//! The benchmark's `main` asks [`role`] first: in the second process that says which part to play, and
//! criterion never starts. The two talk over the second's stdin and stdout, a line each:
//!
//! ```text
//! first                     second
//! starts it with a role     pins itself, opens what it needs, says "up"
//! "run 1000"                says "ready", does 1000 of what its role does, listens again
//! drop: kills it
//! ```
//!
//! Between two runs the second sleeps in `read` and leaves its core to the other contenders. If it dies on
//! its own, the first would spin for ever: a thread that sleeps in `waitid` ends the benchmark then. If the
//! first dies, the kernel kills the second.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, fs, mem, process, thread};

use crate::pin;

/// The name of the environment variable that holds the role.
pub const ROLE: &str = "BENCH_PEER";

/// The name of the environment variable that holds the core of the second process.
const CPU: &str = "BENCH_PEER_CPU";

/// What this process is to do, if it is a second one. To be asked before anything else in `main`.
///
/// # Errors
///
/// If this is a second process, but the core it shall run on is missing.
pub fn role() -> io::Result<Option<Role>> {
    let Ok(name) = env::var(ROLE) else {
        return Ok(None);
    };
    // int prctl(PR_SET_PDEATHSIG, unsigned long sig)
    // SAFETY: touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let cpu = env::var(CPU).ok().and_then(|cpu| cpu.parse().ok());
    pin::to(cpu.ok_or_else(|| io::Error::other("a second process without a core"))?)?;
    Ok(Some(Role { name, args: env::args().skip(1).collect() }))
}

/// The second process's side.
pub struct Role {
    name: String,
    args: Vec<String>,
}

impl Role {
    /// Which part to play.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Argument `index` of those that the first process gave.
    ///
    /// # Errors
    ///
    /// If there is none or it does not parse.
    pub fn arg<A: FromStr>(&self, index: usize) -> io::Result<A> {
        let arg = self.args.get(index).and_then(|arg| arg.parse().ok());
        arg.ok_or_else(|| io::Error::other(format!("role {}: bad argument {index}", self.name)))
    }

    /// Says that it is up, then does `run` with each count that the first process asks for, until that one
    /// closes the pipe.
    ///
    /// # Errors
    ///
    /// If the first process does not follow the protocol.
    pub fn play(self, mut run: impl FnMut(u64)) -> io::Result<()> {
        say("up")?;
        for line in io::stdin().lines() {
            let line = line?;
            let count = line.strip_prefix("run ").and_then(|count| count.parse().ok());
            let count = count.ok_or_else(|| io::Error::other(format!("unexpected: {line}")))?;
            say("ready")?;
            run(count);
        }
        Ok(())
    }
}

fn say(word: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}")?;
    out.flush()
}

/// The first process's side: a running second process. Killed on drop.
pub struct Second {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    dismissed: Arc<AtomicBool>,
    watch: Option<JoinHandle<()>>,
}

impl Second {
    /// Starts this executable again, in `role` on core `cpu`, and waits until it is up.
    ///
    /// # Errors
    ///
    /// If it cannot be started or ends before it is up.
    pub fn start(role: &str, cpu: usize, args: &[&dyn ToString]) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(args.iter().map(|arg| arg.to_string()))
            .env(ROLE, role)
            .env(CPU, cpu.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("asked for pipes and got none"));
        };
        let dismissed = Arc::new(AtomicBool::new(false));
        let watch = watch(child.id(), role.to_owned(), Arc::clone(&dismissed))?;
        let answers = BufReader::new(answers);
        let mut second = Self { child, ask, answers, dismissed, watch: Some(watch) };
        second.expect("up")?;
        Ok(second)
    }

    /// Tells it to do `count` of what its role does and waits until it is about to.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn run(&mut self, count: u64) -> io::Result<()> {
        writeln!(self.ask, "run {count}")?;
        self.expect("ready")
    }

    /// Waits until its main thread sleeps.
    ///
    /// # Errors
    ///
    /// If it has not for ten seconds, or has ended.
    pub fn wait_until_asleep(&self) -> io::Result<()> {
        let stat = format!("/proc/{}/stat", self.child.id());
        let begun = Instant::now();
        // A thread is marked as asleep a moment before it has left its core. At the second look it has.
        let mut looks = 0;
        while looks < 2 {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(io::Error::other("the second process does not go to sleep"));
            }
            // pid (name) state ..; the name may hold anything.
            let text = fs::read_to_string(&stat)?;
            let state = text.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
            looks = if state == Some('S') { looks + 1 } else { 0 };
        }
        Ok(())
    }

    /// For how long its threads have run since they were started, and how often each began to: once for each wake-up, and each time that
    /// it got back a core which others had.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell, or it has ended.
    pub fn ran(&self) -> io::Result<(Duration, u64)> {
        let (mut nanos, mut times) = (0, 0);
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // Nanoseconds on a core, nanoseconds waiting for one, how often on one.
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let mut fields = text.split_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
            nanos += fields.next().unwrap_or(0);
            times += fields.nth(1).unwrap_or(0);
        }
        Ok((Duration::from_nanos(nanos), times))
    }

    fn expect(&mut self, word: &str) -> io::Result<()> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.trim_end() == word {
            Ok(())
        } else {
            Err(io::Error::other(format!("the second process said {line:?} instead of {word}")))
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.dismissed.store(true, Release);
        // Both fail only if it has ended already, which is what we want.
        let _ = self.child.kill();
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
        let _ = self.child.wait();
    }
}

/// A thread that ends the benchmark if the second process ends before it was dismissed.
///
/// `dismissed` is stored with Release before the kill and loaded with Acquire after the death it causes.
fn watch(pid: u32, role: String, dismissed: Arc<AtomicBool>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("watch".to_owned()).spawn(move || {
        // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options)
        // WNOWAIT leaves the dead process to `Child::wait`, so its number cannot be another's meanwhile.
        // SAFETY: all zeros is a `siginfo_t`, and the kernel writes one there.
        let ended = unsafe {
            let mut info: libc::siginfo_t = mem::zeroed();
            libc::waitid(libc::P_PID, pid, &mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if ended == 0 && !dismissed.load(Acquire) {
            let _ = writeln!(io::stderr(), "the second process ({role}) ended on its own");
            process::exit(1);
        }
    })
}
