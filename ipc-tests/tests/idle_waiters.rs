//! Crowds that wait for one object: how often the kernel wakes them, as it accounts for it.

#![cfg(not(loom))]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ipc_posix::Region;
use ipc_tests::watchdog::Watchdog;

const CROWD: usize = 50;
/// Wake-ups of a crowd in a second, with room for the threads of the test itself. If each of its sleepers looked by itself ten times a
/// second, they would be 500.
const IDLE: f64 = 40.0;
/// Behind a participant that may be dead, about which one of them asks 83 times a second. If each asked, they would do so 4,000 times.
const BEHIND_A_SUSPECT: f64 = 200.0;

/// How often the threads of this process have slept so far.
fn sleeps() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok());
    let count = status.filter_map(|status| {
        let (_, count) = status.split_once("\nvoluntary_ctxt_switches:")?;
        count.split_whitespace().next()?.parse::<u64>().ok()
    });
    count.sum()
}

/// Lets a crowd wait, until it makes no more than `most` wake-ups in a second; then `free` ends its waits.
fn settles(what: &str, most: f64, wait: impl Fn() + Sync, free: impl FnOnce()) {
    let _watchdog = Watchdog::new(Duration::from_secs(60), what);
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(&wait);
        }
        loop {
            let (begun, before) = (Instant::now(), sleeps());
            thread::sleep(Duration::from_millis(400));
            let (seconds, woken) = (begun.elapsed().as_secs_f64(), sleeps().saturating_sub(before) as f64);
            if woken / seconds <= most {
                break;
            }
        }
        free();
    });
}

#[test]
fn a_crowd_wakes_up_as_seldom_as_one() {
    let region = Region::options().anonymous().unwrap();

    let queue = region.queue::<u64>("queue").capacity(4).create().unwrap();
    settles("recv", IDLE, || assert!(queue.recv().is_err()), || assert!(queue.close().unwrap()));

    let semaphore = region.semaphore("semaphore").permits(0).max(1).create().unwrap();
    settles("acquire", IDLE, || assert!(semaphore.acquire().is_err()), || assert!(semaphore.close().unwrap()));

    let event = region.event("event").create().unwrap();
    settles("event", IDLE, || event.wait().unwrap(), || assert!(event.set().unwrap()));

    let (mutex, condvar) = (region.mutex::<u64>("m").create().unwrap(), region.condvar("condvar").create().unwrap());
    let wait_while = || drop(condvar.wait_while(mutex.lock().unwrap(), |value| *value == 0).unwrap());
    settles("condvar", IDLE, wait_while, || {
        *mutex.lock().unwrap() = 1;
        condvar.notify_all().unwrap();
    });

    let parties = u32::try_from(CROWD).unwrap() + 1;
    let barrier = region.barrier("barrier").parties(parties).create().unwrap();
    let wait = || {
        barrier.wait().unwrap();
    };
    settles("barrier", BEHIND_A_SUSPECT, wait, wait);
}
