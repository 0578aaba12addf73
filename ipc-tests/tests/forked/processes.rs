//! The calls of a process of a task.

use std::time::{Duration, Instant};

use ipc_posix::process;

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

ipc_posix::task_entry!();

fn wait() {
    loop {
        std::thread::park();
    }
}
ipc_posix::task!(wait);

fn one() -> u64 {
    1
}
ipc_posix::task!(one);

/// Calls every method of a process that lives.
pub fn processes(calls: &mut Calls) {
    let mut process = process::options().daemon().spawn(wait, ()).expect("it starts");
    refuses!(calls, "process::Process", process: join() join_timeout(Duration::from_millis(1))
        join_deadline(Instant::now()) terminate() kill());
    panics!(calls, "process::Process", process: is_alive() exit_status());
    answers!(calls, "process::Process", process: pid() name());
    // A child has processes of its own.
    calls.answers("process::spawn", || {
        let one = process::options().daemon().spawn(one, ()).expect("it starts");
        assert_eq!(one.join().expect("it returns"), 1);
    });
    assert!(process.is_alive());
    process.kill().expect("ours");
    assert!(process.join().is_err());
}
