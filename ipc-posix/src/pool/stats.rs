//! What a pool does just now.

use std::time::Duration;

use super::desk::Shared;
use super::supervisor::activity;
use crate::clock;

/// What a [`Pool`](super::Pool) and its workers do. Made by [`Pool::stats`](super::Pool::stats).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolStats {
    /// Calls that have no outcome yet.
    pub calls: usize,
    /// Calls that have one, errors included.
    pub finished: u64,
    /// Those of them that were cancelled, took too long, lost their workers, or were left at the end of the pool. (A panic is an answer.)
    pub failed: u64,
    /// The workers: the pool's own, then those that were [started by hand](super::worker()).
    pub workers: Vec<WorkerStats>,
}

/// What one worker of a [`Pool`](super::Pool) does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its process id, as it knows itself; `None` while there is none.
    pub pid: Option<u32>,
    /// Whether it was [started by hand](super::worker()).
    pub guest: bool,
    /// What it does.
    pub activity: Activity,
    /// For how long it has done that.
    pub since: Duration,
    /// How many calls it and those before it in its place have answered.
    pub answered: u64,
    /// How often a worker in its place was followed by another one.
    pub replaced: u64,
}

/// What a worker of a [`Pool`](super::Pool) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It was started, or runs the initializer.
    Starting,
    /// It waits for a call.
    Idle,
    /// It runs a task.
    Running {
        /// The task's name; empty if nobody waits for it any more.
        task: &'static str,
    },
    /// It has ended, or is being killed.
    Gone,
}

/// What is known of a worker beside its words.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) pid: Option<u32>,
    pub(super) starts: u64,
}

pub(super) fn of(shared: &Shared) -> PoolStats {
    let desk = shared.desk();
    let now = clock::now();
    let workers = desk.workers.iter().enumerate().filter_map(|(index, seen)| {
        let row = shared.row(index);
        let guest = index.checked_sub(shared.own);
        let pid = match (guest, &shared.guests) {
            (Some(guest), Some(guests)) => guests.holder(guest).map(|_| guests.pid(guest)).filter(|pid| *pid != 0),
            _ => seen.pid,
        };
        let stats = WorkerStats {
            pid,
            guest: guest.is_some(),
            activity: activity(&row, &desk, pid.is_some()),
            since: now.saturating_since(ipc_core::Instant::from_nanos(row.since())),
            answered: row.answered(),
            replaced: seen.starts.saturating_sub(1),
        };
        (index < desk.wanted || pid.is_some()).then_some(stats)
    });
    PoolStats { calls: desk.open(), finished: desk.finished, failed: desk.failed, workers: workers.collect() }
}
