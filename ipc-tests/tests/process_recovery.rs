//! The recovery thread beside a program's signals and forks.

#![cfg(not(loom))]

use std::fs;
use std::time::Duration;

use ipc_posix::{RecoveryThread, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("signals", signals), ("drop_in_a_child", drop_in_a_child), ("hold", hold)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// The signals that a thread of this process blocks, by its name; bit 0 is signal 1.
fn blocked_by(name: &str) -> Option<u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("status"));
    let statuses = tasks.filter_map(|status| fs::read_to_string(status).ok());
    let status = statuses.filter(|status| status.lines().next() == Some(&format!("Name:\t{name}"))).last()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).expect("a mask");
    Some(u64::from_str_radix(mask, 16).expect("a number"))
}

/// What this thread blocks.
fn blocked_here() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).expect("a mask");
    u64::from_str_radix(mask, 16).expect("a number")
}

fn signals(_: &Args) {
    let region = Region::options().anonymous().unwrap();
    let before = blocked_here();
    let _recovery = RecoveryThread::spawn(&region).unwrap();
    assert_eq!(blocked_here(), before, "the caller's own mask");
    let blocked = loop {
        // It has its name a moment after it was started.
        if let Some(blocked) = blocked_by("ipc-recovery") {
            break blocked;
        }
        std::thread::yield_now();
    };
    for signal in
        [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGCHLD, libc::SIGALRM, libc::SIGRTMIN()]
    {
        assert_ne!(blocked & 1 << (signal - 1), 0, "signal {signal}");
    }
}

/// A signal that the program keeps for `signalfd` is not delivered to the library's thread.
#[test]
fn it_blocks_signals() {
    let _watchdog = Watchdog::new(LIMIT, "it_blocks_signals");
    assert!(children::spawn("signals", &[]).wait().success());
}

fn drop_in_a_child(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.mutex::<u64>("m").open().unwrap();
    let recovery = RecoveryThread::spawn(&region).unwrap();
    // SAFETY: the child drops one value and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(recovery)));
        // SAFETY: ends the child without the test's own endings.
        unsafe { libc::_exit(if dropped.is_ok() { 7 } else { 8 }) };
    }
    let mut status = 0;
    // SAFETY: room for the status of our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 7), "the drop in the child");
    children::say("dropped");
    let _ = children::hear();
    // Nobody asks for the lock, so nobody but the thread can free it.
    while mutex.is_locked() {
        std::thread::yield_now();
    }
    drop(recovery);
}

fn hold(args: &Args) {
    let mutex = Region::open(&args.get("name")).unwrap().mutex::<u64>("m").open().unwrap();
    let _guard = mutex.lock().unwrap();
    children::say("held");
    let _ = children::hear();
}

/// A forked child that drops its copy of the handle does not end the parent's thread.
#[test]
fn a_child_does_not_end_it() {
    let _watchdog = Watchdog::new(LIMIT, "a_child_does_not_end_it");
    let name = TempName::new("recovery-fork");
    let region = Region::create(name.as_str()).unwrap();
    region.mutex::<u64>("m").create().unwrap();
    let arguments = [("name", name.as_str())];
    let mut parent = children::spawn("drop_in_a_child", &arguments);
    parent.expect("dropped");
    let mut holder = children::spawn("hold", &arguments);
    holder.expect("held");
    holder.sigkill();
    parent.say("look");
    assert!(parent.wait().success());
}
