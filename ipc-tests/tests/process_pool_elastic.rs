//! A pool that gets more workers and fewer while it runs: each call is answered once, and no worker is killed for it.

#![cfg(all(not(loom), target_os = "linux"))]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc_posix::pool::{self, Activity, Pool};
use ipc_posix::task;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

ipc_posix::task_entry!();

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

fn doze(milliseconds: u64) -> u32 {
    std::thread::sleep(Duration::from_millis(milliseconds));
    std::process::id()
}
task!(doze);

/// Waits until this many workers have a process, and each of them waits for a call.
fn until_idle(pool: &Pool, count: usize) {
    loop {
        let workers = pool.stats().workers;
        let idle = workers.iter().filter(|worker| worker.pid.is_some() && worker.activity == Activity::Idle).count();
        if (workers.len(), idle) == (count, count) {
            return;
        }
        std::thread::yield_now();
    }
}

/// A worker that is killed would take its call with it, for that has one attempt.
#[test]
fn each_call_is_answered_while_the_number_changes() {
    let _watchdog = Watchdog::new(LIMIT, "each_call_is_answered_while_the_number_changes");
    let pool = pool::options().workers(1).most_workers(4).attempts(1).start().unwrap();
    assert_eq!(pool.workers(), 1);
    let done = AtomicBool::new(false);
    let changes = std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut changes = 0;
            while !done.load(Ordering::Relaxed) || changes < 20 {
                pool.set_workers(1 + changes * 7 % 4).unwrap();
                std::thread::sleep(Duration::from_millis(changes as u64 * 11 % 30));
                changes += 1;
            }
            changes
        });
        for number in 0..40 {
            let squares: Vec<_> = (0..100).map(square).collect();
            assert_eq!(pool.map_with(1, square, 0..100).unwrap(), squares);
            pool.map_with(1, doze, [number % 5; 8]).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        changes.join().unwrap()
    });
    println!("{changes} changes");
    pool.set_workers(4).unwrap();
    until_idle(&pool, 4);
    pool.set_workers(2).unwrap();
    until_idle(&pool, 2);
    let stats = pool.stats();
    assert_eq!((stats.finished, stats.failed), (40 * 108, 0));
    pool.join().unwrap();
}

#[test]
fn a_worker_that_is_too_many_ends_behind_its_task() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_that_is_too_many_ends_behind_its_task");
    let pool = pool::options().workers(3).attempts(1).start().unwrap();
    until_idle(&pool, 3);
    let calls: Vec<_> = (0..3).map(|_| pool.submit(doze, 2000).unwrap()).collect();
    while pool.stats().workers.iter().any(|worker| worker.activity == Activity::Idle) {
        std::thread::yield_now();
    }
    pool.set_workers(1).unwrap();
    let mut pids: Vec<_> = calls.into_iter().map(|call| call.get().unwrap()).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3);
    until_idle(&pool, 1);
    let [left] = &pool.stats().workers[..] else { panic!("{:?}", pool.stats()) };
    assert!(pids.contains(&left.pid.unwrap()));
    assert_eq!(left.replaced, 0);
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

#[test]
fn numbers_that_are_not_possible() {
    let text = |count| {
        let pool = pool::options().workers(1).most_workers(2).start().unwrap();
        pool.set_workers(count).unwrap_err().to_string()
    };
    assert_eq!(text(0), "a pool's `workers` is 1 at least");
    assert_eq!(text(3), "a pool's `workers` is `most_workers` at most");
    let error = pool::options().workers(1).most_workers(401).start().unwrap_err();
    assert_eq!(error.to_string(), "a pool's `most_workers` is at most 400");
}
