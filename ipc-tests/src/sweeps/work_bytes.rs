//! Work queues of bytes: the victim is killed while it sends, leases and reads, is done, or gives back. Each job is there once and whole, or
//! was done.

use std::time::Duration;

use ipc_posix::{ByteWorkLease, ByteWorkQueue, Region};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, patience};
use crate::stepper::Verdict;

const NAME: &str = "bytes";
const MOST: usize = 100;
const SHORT: Duration = Duration::from_millis(1);

type Objects = (Region, ByteWorkQueue);
/// A job's length, and which lease of it this is. Of one that is torn the length is 0.
type Got = (usize, u32);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Send,
    Do,
    GiveBack,
    /// Leases a job whose holder is dead, and is done.
    DoAfterDeath,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send])
}

pub(super) fn done() -> Scenes {
    play::scenes(&[Deed::Do, Deed::GiveBack, Deed::DoAfterDeath])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.byte_work_queue(NAME).open().expect("the queue opens");
    (region, queue)
}

fn job(len: usize) -> Vec<u8> {
    vec![len as u8; len]
}

fn finish(lease: ByteWorkLease<'_>) -> Got {
    let whole = *lease == *job(lease.len());
    let got = (if whole { lease.len() } else { 0 }, lease.attempt());
    lease.done().expect("it is here");
    got
}

fn drain(queue: &ByteWorkQueue) -> Vec<Got> {
    std::iter::from_fn(|| queue.recv_timeout(SHORT).ok()).map(finish).collect()
}

/// All is done, and all blocks are there again and go round.
fn work(queue: &ByteWorkQueue) -> Result<(), Finding> {
    for _ in 0..2 {
        granted("a survivor waits for the end", queue.wait_idle_timeout(patience()))?;
        granted("a survivor sends", queue.try_send(&job(MOST)))?;
        granted("a survivor sends a second one", queue.try_send_parts(&[&[2], &[2]]))?;
        demand(queue.try_send(b"").is_err(), Verdict::TORN, || "more jobs than there is room for".to_owned())?;
        let lease = granted("a survivor leases", queue.try_recv())?;
        granted("a survivor sends a third one", queue.try_send(&job(3)))?;
        let first = finish(lease);
        let rest = drain(queue);
        demand(first == (MOST, 1) && rest == [(2, 1), (3, 1)], Verdict::LOST, || format!("{first:?}, {rest:?}"))?;
    }
    Ok(())
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let wanted = region.byte_work_queue(NAME).capacity(2).max_len(MOST).leases(1).attempts(0);
        let queue = wanted.create().expect("the queue is created");
        if self != Deed::Send {
            queue.try_send(&job(7)).expect("there is room");
        }
        if self == Deed::DoAfterDeath {
            let helper = Helper::fork(|| {
                let (_region, queue) = open(folder);
                let _lease = queue.try_recv().expect("a job");
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(0) }
            });
            assert!(helper.join(), "the earlier holder dies as planned");
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let mine = job(9);
        begin();
        let read = |lease: ByteWorkLease<'_>| {
            std::hint::black_box(lease.iter().map(|byte| u32::from(*byte)).sum::<u32>());
            lease.done()
        };
        match self {
            Deed::Send => _ = std::hint::black_box(queue.try_send(&mine)),
            Deed::Do => _ = std::hint::black_box(queue.try_recv().map(read)),
            Deed::GiveBack => drop(std::hint::black_box(queue.try_recv())),
            Deed::DoAfterDeath => _ = std::hint::black_box(queue.recv_timeout(patience()).map(read)),
        }
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let got = drain(&queue);
        let right = match self {
            Deed::Send => got == [(9, 1)] || (got.is_empty() && !finished),
            Deed::Do => got.is_empty() || (!finished && (got == [(7, 1)] || got == [(7, 2)])),
            Deed::GiveBack => got == [(7, 2)] || (!finished && got == [(7, 1)]),
            Deed::DoAfterDeath => got.is_empty() || (!finished && (got == [(7, 2)] || got == [(7, 3)])),
        };
        demand(right, Verdict::LOST, || format!("{got:?}, finished {finished}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&queue)
    }
}
