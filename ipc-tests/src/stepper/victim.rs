//! A forked child under ptrace.

use std::any::Any;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::marks::{self, Gate};
use super::outcome::{StepOutcome, TRACE_CODE, VictimError};
use super::ticks::Ticks;
use super::tracee::{self, Event, Resume};

/// Exit code of a victim whose closure panicked.
const PANIC_CODE: libc::c_int = 101;
/// How many ticks in a row a sleeping victim needs to count as blocked.
const QUIET_TICKS: u32 = 4;
/// How many ticks in a row a running victim needs to count as hung: user code that never stops.
const BUSY_TICKS: u32 = 15 * QUIET_TICKS;

/// What the tracer knows of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Runs; was resumed this way and has not reported since.
    Running(Resume),
    /// In a ptrace stop.
    Stopped,
    /// Runs or has ended, and is no longer traced.
    Detached,
    /// Ended and reaped.
    Gone,
}

/// A process that can be moved through its operation and killed anywhere in it.
///
/// Stopped whenever a method returns, unless it says otherwise; a victim that is left alone stays stopped
/// where it is. Killed and reaped on drop.
#[derive(Debug)]
pub struct Victim {
    pid: libc::pid_t,
    state: State,
    /// Between the two stops of a syscall.
    in_syscall: bool,
    begun: bool,
    steps: u64,
    blocked_after: Duration,
    ticks: Ticks,
    /// ptrace requests have to come from the thread that forked.
    _not_send: PhantomData<*const ()>,
}

impl Victim {
    /// Forks a child that runs the closure under ptrace, with all memory of the parent as it is now. It
    /// exits with 0 after the closure and runs no destructors of the parent.
    ///
    /// # Panics
    ///
    /// When the process cannot fork or has no timer left.
    pub fn fork(setup_and_op: impl FnOnce(&Gate)) -> Self {
        let ticks = Ticks::new().expect("a timer");
        // SAFETY: no arguments, no memory.
        let tracer = unsafe { libc::getpid() };
        // SAFETY: the child is a copy of this thread alone. It runs the closure and ends with _exit; what
        // it may use in between is in the rules of the module.
        match unsafe { libc::fork() } {
            0 => live(tracer, setup_and_op),
            pid if pid > 0 => Self {
                pid,
                state: State::Running(Resume::Free),
                in_syscall: false,
                begun: false,
                steps: 0,
                blocked_after: Duration::from_secs(2),
                ticks,
                _not_send: PhantomData,
            },
            _ => panic!("fork: {}", io::Error::last_os_error()),
        }
    }

    /// Sets how long a victim has to sleep in one syscall to count as blocked; 2 s at first.
    pub fn set_blocked_after(&mut self, limit: Duration) {
        self.blocked_after = limit;
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How many single steps it has made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether it is stopped between the begin and the end of a syscall, so that killing it now undoes
    /// the syscall.
    #[must_use]
    pub fn in_syscall(&self) -> bool {
        self.in_syscall
    }

    /// Runs the setup of the closure, up to [`Gate::begin`].
    ///
    /// # Errors
    ///
    /// When the closure does not get there.
    pub fn run_to_begin(&mut self) -> Result<(), VictimError> {
        if self.begun || self.state != State::Running(Resume::Free) {
            return Err(VictimError::NotStopped);
        }
        let event = self.ticking(|victim| victim.next_event(Resume::Free));
        match event? {
            Some(Event::Mark(marks::BEGIN)) => {
                tracee::set_options(self.pid).map_err(|error| VictimError::Tracer("ptrace", error))?;
                self.begun = true;
                Ok(())
            }
            Some(Event::Exited(code)) => Err(VictimError::Exited(code)),
            Some(_) => Err(VictimError::Marks),
            None => Err(VictimError::Blocked),
        }
    }

    /// Executes `n` instructions. A syscall is one of them.
    ///
    /// # Errors
    ///
    /// When the victim is not stopped inside its operation, or fails there.
    pub fn step(&mut self, n: u64) -> Result<StepOutcome, VictimError> {
        self.ticking(|victim| {
            for _ in 0..n {
                match victim.advance(Resume::Step)? {
                    StepOutcome::Stepped => {}
                    other => return Ok(other),
                }
            }
            Ok(StepOutcome::Stepped)
        })
    }

    /// Executes up to `n` instructions, but stops before a `syscall` instruction; returns how many were
    /// executed.
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn step_to_syscall(&mut self, n: u64) -> Result<(StepOutcome, u64), VictimError> {
        self.step_and_tell(n, |_, _| ())
    }

    /// [`Self::step_to_syscall`], which tells the number and the address of each instruction it comes to.
    pub(super) fn step_and_tell(
        &mut self,
        n: u64,
        mut tell: impl FnMut(u64, u64),
    ) -> Result<(StepOutcome, u64), VictimError> {
        self.ticking(|victim| {
            for done in 0..n {
                let rip = victim.rip()?;
                tell(done, rip);
                if victim.is_syscall(rip) {
                    return Ok((StepOutcome::Stepped, done));
                }
                match victim.advance(Resume::Step)? {
                    StepOutcome::Stepped => {}
                    other => return Ok((other, done + 1)),
                }
            }
            Ok((StepOutcome::Stepped, n))
        })
    }

    /// Runs at native speed to the `m`-th syscall stop from here. Each syscall has two: odd ones, counted
    /// from `begin`, are before the kernel does anything, even ones after.
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn run_to_syscall_stop(&mut self, m: u64) -> Result<StepOutcome, VictimError> {
        self.ticking(|victim| {
            for _ in 0..m {
                match victim.advance(Resume::ToSyscall)? {
                    StepOutcome::Stepped => {}
                    other => return Ok(other),
                }
            }
            Ok(StepOutcome::Stepped)
        })
    }

    /// Runs at native speed until the next syscall is done, or the one it is in.
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn next_syscall_exit(&mut self) -> Result<StepOutcome, VictimError> {
        self.run_to_syscall_stop(if self.in_syscall { 1 } else { 2 })
    }

    /// Runs at native speed to [`Gate::end`].
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn run_to_end(&mut self) -> Result<StepOutcome, VictimError> {
        self.ticking(|victim| victim.advance(Resume::Free))
    }

    /// Waits once more for a victim that was [`StepOutcome::Blocked`].
    ///
    /// # Errors
    ///
    /// As for [`Self::step`].
    pub fn settle(&mut self) -> Result<StepOutcome, VictimError> {
        let State::Running(how) = self.state else {
            return Err(VictimError::NotStopped);
        };
        self.ticking(|victim| victim.arrive(how))
    }

    /// Runs at native speed, past the end of the operation, until the closure is done and the process has
    /// exited with 0.
    ///
    /// # Errors
    ///
    /// When the closure fails, blocks or hangs.
    pub fn finish(&mut self) -> Result<(), VictimError> {
        let mut outcome = match self.state {
            State::Gone => return Err(VictimError::NotStopped),
            State::Stopped => StepOutcome::Stepped,
            State::Detached => self.ticking(|victim| victim.arrive(Resume::Detach))?,
            State::Running(_) => self.settle()?,
        };
        loop {
            outcome = match outcome {
                StepOutcome::Stepped | StepOutcome::ReachedEnd => self.run_to_end()?,
                StepOutcome::Exited(0) => return Ok(()),
                StepOutcome::Exited(code) => return Err(VictimError::Exited(code)),
                StepOutcome::Blocked => return Err(VictimError::Blocked),
            }
        }
    }

    /// Lets the victim go on without a tracer. It remains a child: [`Self::finish`] waits for its exit and
    /// [`Self::kill`] kills it.
    ///
    /// # Errors
    ///
    /// When it is not stopped.
    pub fn cont_detach(&mut self) -> Result<(), VictimError> {
        self.resume(Resume::Detach, 0)?;
        self.state = State::Detached;
        Ok(())
    }

    /// Kills the process with SIGKILL and reaps it: it is gone when this returns, with its memory, its
    /// file locks and its robust list. Does nothing for one that is gone.
    pub fn kill(&mut self) {
        if self.state != State::Gone {
            tracee::kill_and_reap(self.pid);
            self.state = State::Gone;
        }
    }

    /// The address of the next instruction.
    ///
    /// # Errors
    ///
    /// When the victim is not stopped.
    pub fn rip(&self) -> Result<u64, VictimError> {
        if self.state != State::Stopped {
            return Err(VictimError::NotStopped);
        }
        tracee::registers(self.pid).map(|registers| registers.rip).map_err(|error| VictimError::Tracer("ptrace", error))
    }

    /// Whether the next instruction is a `syscall`.
    ///
    /// # Errors
    ///
    /// When the victim is not stopped.
    pub fn at_syscall(&self) -> Result<bool, VictimError> {
        Ok(self.is_syscall(self.rip()?))
    }

    fn is_syscall(&self, address: u64) -> bool {
        let mut code = [0; 2];
        // The instruction has two bytes, so what cannot be read as two is none.
        tracee::read(self.pid, address, &mut code) && code == [0x0f, 0x05]
    }

    /// Runs at native speed until it comes to `address` for the `hits`-th time; false if it comes to
    /// anything else before, which is a syscall or an end and leaves the victim of no more use.
    pub(crate) fn run_to_address(&mut self, address: u64, hits: u64) -> Result<bool, VictimError> {
        if tracee::set_breakpoint(self.pid, Some(address)).is_err() {
            return Ok(false);
        }
        let arrived = self.ticking(|victim| {
            for _ in 0..hits {
                let outcome = victim.advance(Resume::ToSyscall)?;
                if outcome != StepOutcome::Stepped || victim.in_syscall || victim.rip()? != address {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if arrived {
            tracee::set_breakpoint(self.pid, None).map_err(|error| VictimError::Tracer("ptrace", error))?;
        }
        Ok(arrived)
    }

    /// Goes on from a stop inside the operation to the next.
    fn advance(&mut self, how: Resume) -> Result<StepOutcome, VictimError> {
        if !self.begun {
            return Err(VictimError::NotStopped);
        }
        self.resume(how, 0)?;
        self.arrive(how)
    }

    fn arrive(&mut self, how: Resume) -> Result<StepOutcome, VictimError> {
        match self.next_event(how)? {
            None => Ok(StepOutcome::Blocked),
            Some(Event::Step) => {
                self.steps += 1;
                self.in_syscall = false;
                Ok(StepOutcome::Stepped)
            }
            Some(Event::Breakpoint) => Ok(StepOutcome::Stepped),
            Some(Event::Syscall) => {
                self.in_syscall = !self.in_syscall;
                Ok(StepOutcome::Stepped)
            }
            Some(Event::Mark(marks::END)) => {
                self.in_syscall = false;
                Ok(StepOutcome::ReachedEnd)
            }
            Some(Event::Exited(code)) => Ok(StepOutcome::Exited(code)),
            Some(_) => Err(VictimError::Marks),
        }
    }

    fn resume(&mut self, how: Resume, signal: libc::c_int) -> Result<(), VictimError> {
        if self.state != State::Stopped {
            return Err(VictimError::NotStopped);
        }
        tracee::resume(self.pid, how, signal).map_err(|error| VictimError::Tracer("ptrace", error))?;
        self.state = State::Running(how);
        Ok(())
    }

    /// Waits for the next event; passes signals on to the victim. `None` is a blocked victim.
    fn next_event(&mut self, how: Resume) -> Result<Option<Event>, VictimError> {
        loop {
            let Some(event) = self.wait()? else {
                return Ok(None);
            };
            self.state = match event {
                Event::Exited(_) | Event::Signaled(_) => State::Gone,
                _ => State::Stopped,
            };
            match event {
                Event::Signal(signal) => self.resume(how, signal)?,
                Event::Signaled(signal) => return Err(VictimError::Signaled(signal)),
                Event::Exited(PANIC_CODE) => return Err(VictimError::Panicked(String::new())),
                Event::Mark(marks::PANIC) => return Err(VictimError::Panicked(self.message()?)),
                event => return Ok(Some(event)),
            }
        }
    }

    fn wait(&self) -> Result<Option<Event>, VictimError> {
        let (mut quiet, mut busy) = (0, 0);
        loop {
            match tracee::wait(self.pid) {
                Ok(event) => return Ok(Some(event)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    // Ticks, not clocks: a machine that stands still makes neither.
                    if tracee::sleeps(self.pid) {
                        (quiet, busy) = (quiet + 1, 0);
                    } else {
                        (quiet, busy) = (0, busy + 1);
                    }
                    if quiet >= QUIET_TICKS {
                        return Ok(None);
                    }
                    if busy >= BUSY_TICKS {
                        return Err(VictimError::Hung);
                    }
                }
                Err(error) => return Err(VictimError::Tracer("waitpid", error)),
            }
        }
    }

    /// The message of a victim that stopped at the mark of a panic.
    fn message(&self) -> Result<String, VictimError> {
        let registers = tracee::registers(self.pid).map_err(|error| VictimError::Tracer("ptrace", error))?;
        let length = usize::try_from(registers.rsi).unwrap_or(0).min(4096);
        let mut bytes = vec![0; length];
        tracee::read(self.pid, registers.rdi, &mut bytes);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs `drive` with the timer on. Off outside, so that the caller's own syscalls are left in peace.
    fn ticking<T>(&mut self, drive: impl FnOnce(&mut Self) -> T) -> T {
        self.ticks.arm(self.blocked_after / QUIET_TICKS);
        let result = drive(self);
        self.ticks.disarm();
        result
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The life of the child.
fn live(tracer: libc::pid_t, setup_and_op: impl FnOnce(&Gate)) -> ! {
    let code = if tracee::become_tracee(tracer) {
        match catch_unwind(AssertUnwindSafe(|| setup_and_op(&Gate::new()))) {
            Ok(()) => 0,
            Err(payload) => {
                marks::panicked(message_of(&*payload));
                PANIC_CODE
            }
        }
    } else {
        TRACE_CODE
    };
    // SAFETY: no memory is passed; ends the child without destructors and without flushing what the parent
    // has in its buffers.
    unsafe { libc::_exit(code) }
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(message) => message,
        None => payload.downcast_ref::<&str>().copied().unwrap_or("no message"),
    }
}
