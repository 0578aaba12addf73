//! Workers of a pool that are killed at any moment, parents that end at any moment, and pools that end while calls are under way: each
//! call has one outcome, no wait goes on for ever, and no process is left.

#![cfg(all(not(loom), target_os = "linux"))]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ipc_posix::pool::{self, CallError, Pool};
use ipc_posix::{process, task};
use ipc_tests::children::{self, Args, Role};
use ipc_tests::watchdog::Watchdog;

/// Generous: a busy machine is no failure.
const LIMIT: Duration = Duration::from_secs(300);

const ROLES: &[Role] = &[("mother", mother), ("leaves", leaves), ("execs", execs), ("at a terminal", at_a_terminal)];

ipc_posix::task_entry!();

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

/// Ends by itself once the test has failed long ago.
fn wait() {
    std::thread::sleep(2 * LIMIT);
}
task!(wait);

fn spin(microseconds: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(microseconds) {
        std::hint::spin_loop();
    }
}

fn kill(pid: u32) {
    // SAFETY: no memory is passed. It is a child of this process, or has been one a moment ago: numbers come again after thousands of others.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
}

fn has_children() -> bool {
    // SAFETY: all zeroes is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: room for the answer.
    unsafe { libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) == 0 }
}

/// Kills one worker after the other while `work` goes on. Returns how many.
fn killing<R>(pool: &Pool, work: impl FnOnce() -> R) -> (R, u64) {
    let (done, mut killed) = (AtomicBool::new(false), 0);
    let result = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let victim = killed as usize % pool.workers();
                if let Some(pid) = pool.stats().workers[victim].pid {
                    kill(pid);
                    killed += 1;
                }
                spin(killed * 137 % 3000);
                std::thread::sleep(Duration::from_millis(killed * 7 % 20));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        killer.join().unwrap();
        result
    });
    (result, killed)
}

/// In a process of its own, which has no other children.
fn each_call_is_answered_once_there() -> u64 {
    let pool = pool::options().workers(3).attempts(63).failed_starts(1_000_000).start().unwrap();
    let (answers, killed) = killing(&pool, || {
        let (sender, receiver) = mpsc::channel();
        let begun = Instant::now();
        let mut count = 0;
        while count < 3000 || begun.elapsed() < Duration::from_secs(1) {
            let sender = sender.clone();
            pool.submit_with(square, count, move |result| sender.send((count, result.unwrap())).unwrap()).unwrap();
            count += 1;
            if count % 500 == 0 {
                let squares: Vec<_> = (0..300).map(square).collect();
                assert_eq!(pool.map(square, 0..300).unwrap(), squares);
                assert_eq!(pool.map_with(1, square, 0..300).unwrap(), squares);
                let stream = pool.stream(square, 0..300).map(Result::unwrap);
                assert_eq!(stream.collect::<Vec<_>>(), squares);
                assert_eq!(pool.apply(square, count).unwrap(), square(count));
                assert_eq!(pool.submit(square, count).unwrap().get().unwrap(), square(count));
            }
        }
        drop(sender);
        let mut answers = BTreeMap::new();
        for (number, result) in receiver {
            assert_eq!(result, square(number));
            assert_eq!(answers.insert(number, ()), None, "{number} is answered twice");
        }
        assert_eq!(answers.len() as u64, count);
        count
    });
    assert!(answers >= 3000);
    pool.join().unwrap();
    assert!(!has_children());
    killed
}
task!(each_call_is_answered_once_there);

#[test]
fn each_call_is_answered_once_while_workers_are_killed() {
    let _watchdog = Watchdog::new(LIMIT, "each_call_is_answered_once_while_workers_are_killed");
    let killed = process::options().daemon().spawn(each_call_is_answered_once_there, ()).unwrap().join().unwrap();
    println!("{killed} workers were killed");
    assert!(killed > 10);
}

/// A task that kills its worker, among others.
fn poison(number: u64) -> u64 {
    if number % 10 == 3 {
        std::process::abort();
    }
    square(number)
}
task!(poison);

#[test]
fn a_task_that_kills_its_workers_touches_no_other() {
    let _watchdog = Watchdog::new(LIMIT, "a_task_that_kills_its_workers_touches_no_other");
    let pool = pool::options().workers(2).attempts(2).start().unwrap();
    for (number, result) in pool.stream(poison, 0..50).as_completed() {
        match result {
            Ok(result) => assert!(number % 10 != 3 && result == square(number as u64)),
            Err(CallError::WorkerDied { attempts: 2, ended: Some(status), pid: Some(_), .. }) => {
                assert_eq!((number % 10, status.signal()), (3, Some(libc::SIGABRT)));
            }
            Err(error) => panic!("{number}: {error}"),
        }
    }
    pool.join().unwrap();
}

fn busy_pool() -> Pool {
    let pool = pool::options().workers(2).start().unwrap();
    children::say("a pool");
    for _ in 0..4 {
        std::mem::forget(pool.submit(wait, ()).unwrap());
    }
    children::say("calls");
    pool
}

fn mother(_: &Args) {
    let pool = busy_pool();
    let _ = pool.apply(square, 3);
    wait();
}

fn leaves(_: &Args) {
    std::mem::forget(busy_pool());
}

fn execs(_: &Args) {
    std::mem::forget(busy_pool());
    let error = Command::new("sleep").arg("1000").stdout(std::process::Stdio::null()).exec();
    panic!("{error}");
}

/// Everybody below has this pipe as the standard output. It ends when all of them are gone, wherever they were.
#[test]
fn no_worker_of_a_killed_parent_is_left() {
    let _watchdog = Watchdog::new(LIMIT, "no_worker_of_a_killed_parent_is_left");
    for round in 0..200 {
        let mut parent = children::spawn("mother", &[]);
        for _ in 0..round % 3 {
            parent.hear();
        }
        spin(round * 97 % 6000);
        parent.sigkill();
        while parent.try_hear().is_some() {}
    }
}

#[test]
fn no_worker_outlives_a_parent_that_leaves() {
    let _watchdog = Watchdog::new(LIMIT, "no_worker_outlives_a_parent_that_leaves");
    for role in ["leaves", "execs"] {
        let mut parent = children::spawn(role, &[]);
        while parent.try_hear().is_some() {}
    }
}

fn at_a_terminal(_: &Args) {
    let _pool = busy_pool();
    let regions = regions(Path::new("/proc/self"));
    assert!(!regions.is_empty());
    children::say(&regions.join("; "));
    wait();
}

/// The regions without a name that this process has in its memory: the numbers of their files.
fn regions(process: &Path) -> Vec<String> {
    let maps = std::fs::read_to_string(process.join("maps")).unwrap_or_default();
    let of_regions = maps.lines().filter(|map| map.contains("/memfd:ipc-region"));
    of_regions.filter_map(|map| map.split_ascii_whitespace().nth(4)).map(str::to_owned).collect()
}

/// Only the process in front of the terminal gets the signal, for workers have groups of their own. No process keeps the region.
#[test]
fn ctrl_c_ends_the_parent_and_with_it_the_workers() {
    let _watchdog = Watchdog::new(LIMIT, "ctrl_c_ends_the_parent_and_with_it_the_workers");
    let mut longest = Duration::ZERO;
    for round in 0..40_u64 {
        let (mut parent, mut keyboard) = children::spawn_at_terminal("at a terminal", &[]);
        let mut heard = String::new();
        for _ in 0..round % 4 {
            heard = parent.hear();
        }
        spin(round * 97 % 6000);
        keyboard.write_all(b"\x03").unwrap();
        assert_eq!(parent.wait().signal(), Some(libc::SIGINT));
        let ended = Instant::now();
        while parent.try_hear().is_some() {}
        longest = longest.max(ended.elapsed());
        if round % 4 == 3 {
            for process in std::fs::read_dir("/proc").unwrap() {
                for region in regions(&process.unwrap().path()) {
                    assert!(heard.split("; ").all(|of_parent| of_parent != region));
                }
            }
        }
    }
    println!("the last worker ended {longest:?} after its parent at most");
}

/// In a process of its own, which has no other children: pools that end at any moment.
fn pools_end() -> u64 {
    let mut terminated = 0;
    for round in 0..40 {
        let pool = pool::options().workers(2).start().unwrap();
        let calls: Vec<_> = (0..50).map(|number| pool.submit(square, number).unwrap()).collect();
        let slow = pool.submit(wait, ()).unwrap();
        std::thread::scope(|scope| {
            let asks = scope.spawn(|| pool.map_with(1, square, 0..100_000_000));
            let waits = scope.spawn(|| slow.get());
            spin(round * 211 % 8000);
            if round % 2 == 0 {
                pool.terminate();
            } else {
                // Nobody waits for the slow one: it is ended with the others.
                scope.spawn(|| pool.join());
                spin(round * 97 % 1000);
                pool.terminate();
            }
            let error = asks.join().unwrap().unwrap_err();
            assert!(matches!(error, CallError::Terminated | CallError::Closed), "{error}");
            assert!(matches!(waits.join().unwrap(), Err(CallError::Terminated)));
        });
        for (number, call) in calls.into_iter().enumerate() {
            match call.get() {
                Ok(result) => assert_eq!(result, square(number as u64)),
                Err(CallError::Terminated) => terminated += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(matches!(pool.submit(square, 1), Err(CallError::Terminated)));
        assert!(matches!(pool.apply(square, 1), Err(CallError::Terminated)));
        drop(pool);
        assert!(!has_children());
    }
    terminated
}
task!(pools_end);

#[test]
fn a_pool_ends_at_any_moment() {
    let _watchdog = Watchdog::new(LIMIT, "a_pool_ends_at_any_moment");
    let terminated = process::options().daemon().spawn(pools_end, ()).unwrap().join().unwrap();
    println!("{terminated} calls were not answered before");
}

fn stop_myself() {
    // SAFETY: no memory is passed.
    unsafe { libc::raise(libc::SIGSTOP) };
}
task!(stop_myself);

#[test]
fn a_worker_that_is_stopped_is_ended_by_the_time_limit() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_that_is_stopped_is_ended_by_the_time_limit");
    let pool = pool::options().workers(1).time_limit(Duration::from_secs(1)).start().unwrap();
    let error = pool.apply(stop_myself, ()).unwrap_err();
    assert!(matches!(error, CallError::TimeLimit { .. }), "{error}");
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

fn pid_with(bytes: usize) -> u32 {
    // Never given back.
    std::mem::forget(vec![1_u8; bytes]);
    std::process::id()
}
task!(pid_with);

#[test]
fn workers_are_replaced_after_calls_and_above_a_limit() {
    let _watchdog = Watchdog::new(LIMIT, "workers_are_replaced_after_calls_and_above_a_limit");
    let pool = pool::options().workers(1).calls_per_worker(5).start().unwrap();
    let pids = pool.map_with(1, pid_with, [0; 20]).unwrap();
    let groups: Vec<_> = pids.chunk_by(|a, b| a == b).map(<[u32]>::len).collect();
    assert_eq!(groups, [5; 4]);
    let pool = pool::options().workers(1).memory_per_worker(64 << 20).start().unwrap();
    let pids = pool.map_with(1, pid_with, [16 << 20; 12]).unwrap();
    let groups: Vec<_> = pids.chunk_by(|a, b| a == b).map(<[u32]>::len).collect();
    assert!(groups.len() >= 3 && groups[0] == 4, "{groups:?}");
}

/// In a process of its own: the system does not keep how its children end.
fn ignores_children() -> String {
    // SAFETY: no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let pool = pool::options().workers(2).attempts(1).start().unwrap();
    assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
    let error = pool.apply(poison, 3).unwrap_err();
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
    pool.join().unwrap();
    format!("{error}")
}
task!(ignores_children);

#[test]
fn a_parent_may_leave_no_exit_status() {
    let _watchdog = Watchdog::new(LIMIT, "a_parent_may_leave_no_exit_status");
    let text = process::options().daemon().spawn(ignores_children, ()).unwrap().join().unwrap();
    assert!(
        text.starts_with(
            "process_pool_ends::poison: a worker died with it in 1 of 1 attempts, the last one was process "
        )
    );
    assert!(!text.contains("signal"), "{text}");
}

/// In a process of its own, with one thread but those of the pool: a child has the pool's handle, and may drop it.
fn forks() -> i32 {
    let pool = pool::options().workers(2).start().unwrap();
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
    let call = pool.submit(square, 4).unwrap();
    // SAFETY: the child calls functions of the pool, which touch nothing there, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = |result: Result<u64, CallError>| matches!(result, Err(CallError::Fault(_)));
        let mut right = forked(pool.apply(square, 3));
        right &= pool.map(square, 0..3).is_err() && pool.join().is_err();
        right &= pool.workers() == 0 && format!("{pool:?}").starts_with("Pool");
        pool.close();
        drop(call);
        drop(pool);
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(right)) };
    }
    let mut status = 0;
    // SAFETY: room for the status.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(call.get().unwrap(), 16);
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
    pool.join().unwrap();
    libc::WEXITSTATUS(status)
}
task!(forks);

#[test]
fn a_child_after_fork_leaves_the_pool_alone() {
    let _watchdog = Watchdog::new(LIMIT, "a_child_after_fork_leaves_the_pool_alone");
    assert_eq!(process::options().daemon().spawn(forks, ()).unwrap().join().unwrap(), 1);
}

fn leave(code: i32) {
    std::process::exit(code);
}
task!(leave);

#[test]
fn workers_that_end_at_once_are_told_apart() {
    let _watchdog = Watchdog::new(LIMIT, "workers_that_end_at_once_are_told_apart");
    let pool = pool::options().workers(4).attempts(1).start().unwrap();
    for round in 0..40 {
        let calls: Vec<_> = (1..5).map(|code| pool.submit(leave, code).unwrap()).collect();
        for (code, call) in (1..5).zip(calls) {
            let CallError::WorkerDied { pid, ended, .. } = call.get().unwrap_err() else { panic!("{round}: {code}") };
            let ended = ended.unwrap_or_else(|| panic!("{round}: {pid:?} has no status"));
            assert_eq!((ended.code(), pid.is_some()), (Some(code), true), "{round}");
        }
    }
}
