//! Threads on one CPU. For tracer and tracee, a step then is a context switch, not a message to another CPU.

use std::io;

/// Pins the calling thread, and what it forks later, to `cpu`.
///
/// # Errors
///
/// When the CPU does not exist or is not allowed for this process.
pub fn pin_to(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: cpu_set_t is plain data for which all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `cpu` is below CPU_SETSIZE, checked above.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set is valid for the call and its size is passed along; 0 is the calling thread.
    let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Pins the calling thread to the CPU it runs on, and returns that.
///
/// # Errors
///
/// When the kernel does not say which it is, or refuses.
pub fn pin_to_one() -> io::Result<usize> {
    // SAFETY: no arguments, no memory.
    let cpu = unsafe { libc::sched_getcpu() };
    let cpu = usize::try_from(cpu).map_err(|_| io::Error::last_os_error())?;
    pin_to(cpu).map(|()| cpu)
}
