//! The ptrace and wait calls, each with its C call, and what a wait status means.

use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::ptr;

use super::marks;

/// Why a tracee stopped or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A single step is done.
    Step,
    /// The breakpoint of [`set_breakpoint`], before its instruction.
    Breakpoint,
    /// Before or after a syscall.
    Syscall,
    /// An `int3` with one of the numbers of [`marks`] in `rax`.
    Mark(u64),
    /// A signal is about to be delivered; 0 if the tracee was stopped by one that is already delivered.
    Signal(libc::c_int),
    /// The process exited and is reaped.
    Exited(libc::c_int),
    /// A signal ended the process, and it is reaped.
    Signaled(libc::c_int),
}

/// How a tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    Step,
    ToSyscall,
    Free,
    Detach,
}

/// In the child: `ptrace(PTRACE_TRACEME)`, ptrace(2), and what ties the child to its tracer.
pub(super) fn become_tracee(tracer: libc::pid_t) -> bool {
    extern "C" fn nothing(_signal: libc::c_int) {}

    // SAFETY: sigaction is plain data for which all zeroes is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: these calls pass no memory but the action, which is valid for its call and whose handler
    // does nothing. It lets a mark pass when no tracer is there to take the signal away.
    unsafe {
        libc::sigaction(libc::SIGTRAP, &action, ptr::null_mut()) == 0
            && libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
            && libc::getppid() == tracer
            && libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0
    }
}

/// `ptrace(PTRACE_SETOPTIONS)`, ptrace(2).
pub(super) fn set_options(pid: libc::pid_t) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
    // SAFETY: the request passes no memory.
    let done = unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, libc::c_long::from(options)) };
    result(done)
}

/// `ptrace(PTRACE_SINGLESTEP | PTRACE_SYSCALL | PTRACE_CONT | PTRACE_DETACH)`, ptrace(2).
pub(super) fn resume(pid: libc::pid_t, how: Resume, signal: libc::c_int) -> io::Result<()> {
    let request = match how {
        Resume::Step => libc::PTRACE_SINGLESTEP,
        Resume::ToSyscall => libc::PTRACE_SYSCALL,
        Resume::Free => libc::PTRACE_CONT,
        Resume::Detach => libc::PTRACE_DETACH,
    };
    // SAFETY: the request passes no memory.
    let done = unsafe { libc::ptrace(request, pid, 0, libc::c_long::from(signal)) };
    result(done)
}

/// `ptrace(PTRACE_POKEUSER)`, ptrace(2): sets the one execution breakpoint in the debug registers of the
/// tracee, or clears it. Fails where the machine has no debug registers.
pub(super) fn set_breakpoint(pid: libc::pid_t, address: Option<u64>) -> io::Result<()> {
    /// L0 of DR7: breakpoint 0, on execution, of length 1.
    const ENABLE_0: u64 = 1;

    match address {
        Some(address) => {
            poke_debug_register(pid, 0, address)?;
            poke_debug_register(pid, 7, ENABLE_0)
        }
        None => poke_debug_register(pid, 7, 0),
    }
}

fn poke_debug_register(pid: libc::pid_t, number: usize, value: u64) -> io::Result<()> {
    let offset = offset_of!(libc::user, u_debugreg) + number * size_of::<u64>();
    // SAFETY: the request takes the value itself and passes no memory.
    let done = unsafe { libc::ptrace(libc::PTRACE_POKEUSER, pid, offset, value) };
    result(done)
}

/// `ptrace(PTRACE_GETREGS)`, ptrace(2).
pub(super) fn registers(pid: libc::pid_t) -> io::Result<libc::user_regs_struct> {
    let mut regs = MaybeUninit::<libc::user_regs_struct>::uninit();
    // SAFETY: the buffer has the type the request writes.
    let done = unsafe { libc::ptrace(libc::PTRACE_GETREGS, pid, 0, regs.as_mut_ptr()) };
    // SAFETY: the request succeeded, so it wrote all registers.
    result(done).map(|()| unsafe { regs.assume_init() })
}

/// `process_vm_readv`, process_vm_readv(2); false if not all of it could be read.
pub(super) fn read(pid: libc::pid_t, address: u64, into: &mut [u8]) -> bool {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: the local vector is the caller's buffer; the remote one is checked by the kernel.
    let read = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
    usize::try_from(read) == Ok(into.len())
}

/// `kill(SIGKILL)`, then `waitpid` until the process is reaped.
pub(super) fn kill_and_reap(pid: libc::pid_t) {
    // SAFETY: no memory is passed; the caller has not reaped the child, so the id is still its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    loop {
        let mut status = 0;
        // SAFETY: the status is valid for the call.
        let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
        let interrupted = || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        // A stop that was on its way can be reported before the end.
        let goes_on = if waited == pid { libc::WIFSTOPPED(status) } else { interrupted() };
        if !goes_on {
            return;
        }
    }
}

/// One `waitpid`, waitpid(2); an error of kind `Interrupted` is a tick.
pub(super) fn wait(pid: libc::pid_t) -> io::Result<Event> {
    let mut status = 0;
    // SAFETY: the status is valid for the call.
    if unsafe { libc::waitpid(pid, &mut status, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if libc::WIFEXITED(status) {
        return Ok(Event::Exited(libc::WEXITSTATUS(status)));
    }
    if libc::WIFSIGNALED(status) {
        return Ok(Event::Signaled(libc::WTERMSIG(status)));
    }
    match libc::WSTOPSIG(status) {
        // Marked so by PTRACE_O_TRACESYSGOOD.
        signal if signal == libc::SIGTRAP | 0x80 => Ok(Event::Syscall),
        libc::SIGTRAP => trap(pid),
        signal => Ok(match stop_code(pid) {
            Some(_) => Event::Signal(signal),
            None => Event::Signal(0),
        }),
    }
}

/// Tells the reasons of a SIGTRAP apart.
fn trap(pid: libc::pid_t) -> io::Result<Event> {
    match stop_code(pid) {
        // An int3, of ours or of somebody else.
        Some(libc::SI_KERNEL) => match registers(pid)?.rax {
            mark @ (marks::BEGIN | marks::END | marks::PANIC) => Ok(Event::Mark(mark)),
            _ => Ok(Event::Signal(libc::SIGTRAP)),
        },
        Some(libc::TRAP_TRACE | libc::TRAP_BRKPT) => Ok(Event::Step),
        Some(libc::TRAP_HWBKPT) => Ok(Event::Breakpoint),
        _ => Ok(Event::Signal(libc::SIGTRAP)),
    }
}

/// `ptrace(PTRACE_GETSIGINFO)`, ptrace(2): the `si_code`, or nothing in a group stop.
fn stop_code(pid: libc::pid_t) -> Option<libc::c_int> {
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    // SAFETY: the buffer has the type the request writes.
    let done = unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, pid, 0, info.as_mut_ptr()) };
    // SAFETY: the request succeeded, so it wrote the whole structure.
    (done == 0).then(|| unsafe { info.assume_init() }.si_code)
}

/// Whether the process sleeps in the kernel, by the state letter of proc_pid_stat(5).
pub(super) fn sleeps(pid: libc::pid_t) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name is in parentheses and can hold any character, so the last one counts.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    matches!(state, Some('S' | 'D'))
}

fn result(done: libc::c_long) -> io::Result<()> {
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
