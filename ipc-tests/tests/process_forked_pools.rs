//! Iterators, conditions and tasks that call `fork` while they work with a pool, and return in the child, too: the child leaves the pool alone.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
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
            std::panic::set_hook(Box::new(|_| {}));
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

/// A task that forks for 0, and tells for 9 what the child did. The child works on nothing else.
fn forks(number: u64) -> String {
    match number {
        _ if CHILD.get() == 0 => {
            // SAFETY: as above.
            unsafe { libc::_exit(9) };
        }
        0 => drop(fork()),
        9 => return child_did(true),
        _ => {}
    }
    String::new()
}
task!(forks);

/// A guest for such tasks. A child comes back to it, and says so.
fn guest_that_forks(name: String) -> u64 {
    let served = pool::worker(&name).wait(LIMIT).run();
    if CHILD.get() == 0 {
        child_did(matches!(served, Err(WorkerError::Fault(Fault::Forked))));
    }
    served.unwrap()
}
task!(guest_that_forks);

#[test]
fn a_task_forks() {
    let _watchdog = Watchdog::new(LIMIT, "a_task_forks");
    for own in [true, false] {
        let name = TempName::new("forked-task");
        let pool = pool::options().workers(own.into()).shared_as(name.as_str()).start().unwrap();
        let guest = process::options().daemon();
        let guest = (!own).then(|| guest.spawn(guest_that_forks, name.as_str().to_owned()).unwrap());
        // One of the pool's own ends without a word, for there is nothing that it could return to.
        let ended = if own { "ended with 1" } else { "well" };
        // In the middle of a chunk, and at its end.
        for chunk in [10, 1] {
            let told = pool.map_with(chunk, forks, 0..10).unwrap();
            assert_eq!(told.concat(), ended, "a chunk of {chunk}");
        }
        pool.join().unwrap();
        assert!(guest.is_none_or(|guest| guest.join().unwrap() >= 11));
    }
}

/// Items that make their child when they are asked for their iterator (0), for their number (1), or for what comes behind the last (2).
struct Asked {
    at: u32,
    items: std::ops::Range<u64>,
}

struct Items(Asked);

impl IntoIterator for Asked {
    type Item = u64;
    type IntoIter = Items;

    fn into_iter(self) -> Items {
        if self.at == 0 {
            fork();
        }
        Items(self)
    }
}

impl Iterator for Items {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let next = self.0.items.next();
        if self.0.at == 2 && next.is_none() {
            fork();
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.0.at == 1 {
            fork();
        }
        self.0.items.size_hint()
    }
}

/// In a process of its own, with a thread that has the pool's lock again and again.
fn iterators_that_fork_when_asked() -> Vec<String> {
    let pool = pool::options().workers(2).start().unwrap();
    let over = AtomicBool::new(false);
    let mut children = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pool.workers();
            }
        });
        for round in 0..60 {
            let items = || Asked { at: round % 3, items: 0..u64::from(round % 2) };
            let squares: Vec<u64> = (0..u64::from(round % 2)).collect();
            let mapped = pool.map(square, items());
            children.push(child_did(matches!(mapped, Err(CallError::Fault(Fault::Forked)))));
            assert_eq!(mapped.unwrap(), squares);
            let stream = catch_unwind(AssertUnwindSafe(|| pool.stream(square, items())));
            // In the child, also a panic with that text.
            let mut streamed: Vec<_> = match stream {
                Ok(stream) => stream.collect(),
                Err(_) => vec![Err(CallError::Fault(Fault::Forked))],
            };
            let last = matches!(streamed.pop(), Some(Err(CallError::Fault(Fault::Forked))));
            children.push(child_did(last && streamed.is_empty()));
            if children.iter().any(|child| child != "well") {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    children.retain(|child| child != "well");
    children
}
task!(iterators_that_fork_when_asked);

#[test]
fn an_iterator_forks_when_it_is_asked() {
    let _watchdog = Watchdog::new(LIMIT, "an_iterator_forks_when_it_is_asked");
    let none: Vec<String> = Vec::new();
    let children = process::options().daemon().spawn(iterators_that_fork_when_asked, ()).unwrap();
    assert_eq!(children.join().unwrap(), none);
}
