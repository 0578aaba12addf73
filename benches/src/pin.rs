//! Which core a thread runs on.
//!
//! Pinning is per thread and inherited by the threads and processes that it starts. [`here`] therefore
//! undoes itself on drop: criterion's own threads shall not inherit the core of a measurement.

use std::{env, io, mem};

/// The name of the environment variable that chooses the two cores, as in `BENCH_CPUS=2,3`.
pub const CPUS: &str = "BENCH_CPUS";

/// The two cores of a run: `BENCH_CPUS`, or the first two that this process may use.
///
/// # Errors
///
/// If the variable is malformed, or fewer than two cores are allowed.
pub fn pair() -> io::Result<[usize; 2]> {
    let cpus = match env::var(CPUS) {
        Ok(list) => list
            .split(',')
            .map(|cpu| cpu.trim().parse())
            .collect::<Result<Vec<usize>, _>>()
            .map_err(|_| io::Error::other(format!("{CPUS}={list} is not a list of core numbers")))?,
        Err(_) => allowed()?,
    };
    match cpus[..] {
        [one, other, ..] => Ok([one, other]),
        _ => Err(io::Error::other("these benchmarks need two cores")),
    }
}

/// Pins the calling thread to `cpu` for good.
///
/// # Errors
///
/// If the system refuses, most likely because there is no such core.
pub fn to(cpu: usize) -> io::Result<()> {
    to_any(&[cpu])
}

/// Lets the calling thread run on any of these cores, and no other.
///
/// # Errors
///
/// As [`to`].
pub fn to_any(cpus: &[usize]) -> io::Result<()> {
    let mut set = empty();
    for cpu in cpus {
        if *cpu >= libc::CPU_SETSIZE as usize {
            return Err(io::Error::other(format!("no core {cpu}")));
        }
        // SAFETY: `set` is initialised, and `cpu` is within its bits as checked above.
        unsafe { libc::CPU_SET(*cpu, &mut set) };
    }
    apply(&set)
}

/// Pins the calling thread to `cpu` until the guard is dropped.
///
/// # Errors
///
/// As [`to`].
pub fn here(cpu: usize) -> io::Result<Pinned> {
    let before = current()?;
    to(cpu)?;
    Ok(Pinned { before })
}

/// Gives the thread its former cores back on drop. From [`here`].
#[must_use = "the thread is pinned only while the guard lives"]
pub struct Pinned {
    before: libc::cpu_set_t,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The cores were allowed a moment ago; if they are gone, a benchmark is not what matters.
        let _ = apply(&self.before);
    }
}

fn allowed() -> io::Result<Vec<usize>> {
    let set = current()?;
    // SAFETY: `set` is initialised, and the range stays within its bits.
    let is_set = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_set).collect())
}

fn empty() -> libc::cpu_set_t {
    // SAFETY: `cpu_set_t` is an array of integers, for which all zeros is a value.
    unsafe { mem::zeroed() }
}

/// `int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *mask)`, of the calling thread.
fn current() -> io::Result<libc::cpu_set_t> {
    let mut set = empty();
    // SAFETY: the kernel writes at most the given size into `set`.
    match unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) } {
        0 => Ok(set),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *mask)`, of the calling thread.
fn apply(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the kernel reads the given size from `set`.
    match unsafe { libc::sched_setaffinity(0, size_of_val(set), set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
