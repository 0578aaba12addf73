//! Time limits of leases: the victim is killed while it takes a job over from a holder that lives, or prolongs its own lease. The job is there
//! once or was done.

use std::time::{Duration, Instant};

use ipc_posix::{Region, WorkLease, WorkQueue};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, patience};
use crate::stepper::Verdict;

const NAME: &str = "work";
const LIMIT: Duration = Duration::from_millis(2);
const SHORT: Duration = Duration::from_millis(1);

type Objects = (Region, WorkQueue<u64>);
/// A job, and which lease of it this is.
type Got = (u64, u32);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Takes a job over, and is done.
    TakeOver,
    /// Waits for the end behind a holder that is late with its last attempt.
    Bury,
    /// Prolongs its lease, and is done.
    Renew,
}

pub(super) fn take_over() -> Scenes {
    play::scenes(&[Deed::TakeOver, Deed::Bury, Deed::Renew])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.work_queue(NAME).open().expect("the queue opens");
    (region, queue)
}

fn finish(lease: WorkLease<'_, u64>) -> Got {
    let got = (*lease, lease.attempt());
    lease.done().expect("nobody else takes it over");
    got
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let attempts = u32::from(self == Deed::Bury);
        let wanted = region.work_queue(NAME).capacity(2).leases(1).attempts(attempts).lease_limit(LIMIT);
        let queue = wanted.create().expect("the queue is created");
        queue.try_send(1).expect("there is room");
        if self != Deed::Renew {
            // This process lives, and is late.
            std::mem::forget(queue.try_recv().expect("a job"));
            let leased = Instant::now();
            while leased.elapsed() < LIMIT * 2 {
                std::hint::spin_loop();
            }
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let held = (self == Deed::Renew).then(|| queue.try_recv().expect("a job"));
        begin();
        match (self, held) {
            (Deed::TakeOver, _) => _ = std::hint::black_box(queue.recv_timeout(patience()).map(WorkLease::done)),
            (Deed::Renew, Some(lease)) => _ = std::hint::black_box((lease.renew(), lease.done())),
            _ => _ = std::hint::black_box(queue.wait_idle_timeout(patience())),
        }
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let got: Vec<Got> = std::iter::from_fn(|| queue.recv_timeout(SHORT).ok()).map(finish).collect();
        granted("a survivor waits for the end", queue.wait_idle_timeout(patience()))?;
        let letters: Vec<Got> = std::iter::from_fn(|| queue.try_recv_dead().ok()).map(finish).collect();
        let right = match self {
            Deed::TakeOver => got.is_empty() || (!finished && (got == [(1, 2)] || got == [(1, 3)])),
            Deed::Bury => got.is_empty() && letters == [(1, 1)],
            Deed::Renew => got.is_empty() || (!finished && got == [(1, 2)]),
        };
        demand(right, Verdict::LOST, || format!("{got:?}, letters {letters:?}, finished {finished}"))?;
        // All blocks go round.
        let (_region, newcomer) = open(folder);
        for queue in [&newcomer, &queue] {
            for round in 0..4 {
                let stats = queue.stats();
                demand((stats.len, stats.leased, stats.dead) == (0, 0, 0), Verdict::TORN, || format!("{stats:?}"))?;
                for number in [round, 10 + round] {
                    granted("a survivor sends", queue.try_send(number).map_err(|error| error.without_value()))?;
                }
                let got: Vec<u64> = std::iter::from_fn(|| queue.try_recv().ok()).map(|lease| finish(lease).0).collect();
                demand(got == [round, 10 + round], Verdict::LOST, || format!("{got:?}"))?;
            }
        }
        Ok(())
    }
}
