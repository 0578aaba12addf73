//! Iterators and conditions that call `fork` while a pool works for them, and return in the child, too: the child leaves the pool alone.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::Cell;
use std::time::Duration;

use ipc_posix::pool::{self, CallError, WorkerError};
use ipc_posix::{Fault, process, task};
use ipc_tests::children::TempName;
use ipc_tests::watchdog::Watchdog;

/// A child that takes longer hangs, and is killed.
const HUNG: u32 = 20;
const LIMIT: Duration = Duration::from_secs(120);

ipc_posix::task_entry!();

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

thread_local! {
    static CHILD: Cell<i32> = const { Cell::new(-1) };
}

/// Makes a child, once in each test. Returns whether this is the child.
fn fork() -> bool {
    if CHILD.get() == -1 {
        // SAFETY: the child is a copy of this thread alone; it calls the library, and ends with _exit.
        CHILD.set(unsafe { libc::fork() });
        assert!(CHILD.get() >= 0, "fork: {}", std::io::Error::last_os_error());
        if CHILD.get() == 0 {
            // SAFETY: a child that hangs is ended by a signal.
            unsafe { libc::alarm(HUNG) };
        }
    }
    CHILD.get() == 0
}

/// Ends the child, and says whether it came to what it should. Returns that in the parent.
fn child_did(well: bool) -> String {
    let child = CHILD.replace(-1);
    if child == 0 {
        // SAFETY: no memory is passed; nothing of the parent's is dropped.
        unsafe { libc::_exit(i32::from(!well)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => "well".to_owned(),
        (true, code) => format!("ended with {code}"),
        _ => format!("killed by signal {}", libc::WTERMSIG(status)),
    }
}

/// In a process of its own, without threads but those of its pools.
fn iterators_that_fork() -> Vec<String> {
    let mut children = Vec::new();
    let numbers = |at: u64| {
        (0..500).inspect(move |number| {
            if *number == at {
                fork();
            }
        })
    };
    let squares: Vec<u64> = (0..500).map(square).collect();
    for round in 0..50 {
        let pool = pool::options().workers(2).start().unwrap();
        let mapped = pool.map(square, numbers(round * 10));
        children.push(child_did(matches!(mapped, Err(CallError::Fault(Fault::Forked)))));
        assert_eq!(mapped.unwrap(), squares);
        let streamed: Result<Vec<u64>, _> = pool.stream(square, numbers(round * 10)).collect();
        children.push(child_did(matches!(streamed, Err(CallError::Fault(Fault::Forked)))));
        assert_eq!(streamed.unwrap(), squares);
        assert_eq!(pool.apply(square, 3).unwrap(), 9);
    }
    children.retain(|child| child != "well");
    children
}
task!(iterators_that_fork);

#[test]
fn an_iterator_forks() {
    let _watchdog = Watchdog::new(LIMIT, "an_iterator_forks");
    let none: Vec<String> = Vec::new();
    assert_eq!(process::options().daemon().spawn(iterators_that_fork, ()).unwrap().join().unwrap(), none);
}

/// A guest whose condition forks, and is this in the child. Returns what the child did, and how many calls were served.
fn guest(name: String, in_child: bool) -> (String, u64) {
    let served = pool::worker(&name).wait(LIMIT).run_while(|| !fork() || in_child);
    let child = child_did(matches!(served, Err(WorkerError::Fault(Fault::Forked))));
    (child, served.unwrap())
}
task!(guest);

#[test]
fn a_guests_condition_forks() {
    let _watchdog = Watchdog::new(LIMIT, "a_guests_condition_forks");
    for in_child in [false, true] {
        let name = TempName::new("forked-guest");
        let pool = pool::options().workers(0).shared_as(name.as_str()).start().unwrap();
        let guest = process::options().daemon().spawn(guest, (name.as_str().to_owned(), in_child)).unwrap();
        assert_eq!(pool.apply(square, 3).unwrap(), 9);
        pool.join().unwrap();
        assert_eq!(guest.join().unwrap(), ("well".to_owned(), 1));
    }
}
