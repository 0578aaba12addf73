//! Barriers: a party is killed at every instruction; the other one has met it, or is told that the barrier is broken, and after a
//! reset it goes on with a third.

use std::time::Duration;

use ipc_posix::{Barrier, BarrierError, BarrierTimeoutError, Region};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, patience};
use crate::stepper::Verdict;

const BARRIER: &str = "barrier";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Comes as the second of two: the first one sleeps.
    WaitSecond,
    /// Comes as the first, and gives up.
    WaitTimeout,
    /// Becomes a member.
    Join,
    /// Ceases to be one.
    Leave,
    /// Breaks the barrier, or resets it, while somebody sleeps at it.
    Abort,
    Reset,
    /// Resets it after the death of a member.
    ResetAfterDeath,
}

pub(super) fn wait() -> Scenes {
    play::scenes(&[Deed::WaitSecond, Deed::WaitTimeout])
}

pub(super) fn member() -> Scenes {
    play::scenes(&[Deed::Join, Deed::Leave])
}

pub(super) fn reset() -> Scenes {
    play::scenes(&[Deed::Abort, Deed::Reset, Deed::ResetAfterDeath])
}

type Objects = (Region, Barrier);

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let barrier = region.barrier(BARRIER).open().expect("the barrier opens");
    (region, barrier)
}

const MET: u64 = 1;
const BROKEN: u64 = 2;

/// The survivor meets somebody else.
fn meet_another(barrier: &Barrier, folder: &Folder) -> Result<(), Finding> {
    granted("a reset", barrier.reset())?;
    let (waiting, broken) = (barrier.waiting(), barrier.is_broken());
    demand(waiting == 0 && !broken, Verdict::TORN, || format!("after a reset {waiting} wait, broken: {broken}"))?;
    let other = Helper::fork(|| assert!(open(folder).1.wait_timeout(patience()).is_ok()));
    granted("the survivor", barrier.wait_timeout(patience()))?;
    demand(other.join(), Verdict::WEDGED, || "another one did not meet the survivor".to_owned())?;
    demand(barrier.waiting() == 0, Verdict::TORN, || "somebody waits after the meeting".to_owned())
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let barrier = region.barrier(BARRIER).parties(2).create().expect("the barrier is created");
        if self == Deed::ResetAfterDeath {
            let helper = Helper::fork(|| {
                open(folder).1.join().expect("a free seat");
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(0) };
            });
            assert!(helper.join(), "the earlier member dies as planned");
        }
        (region, barrier)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, barrier): &Objects, begin: &mut dyn FnMut()) {
        if self == Deed::Leave {
            barrier.join().expect("a free seat");
        }
        begin();
        match self {
            Deed::WaitSecond => drop(std::hint::black_box(barrier.wait())),
            Deed::WaitTimeout => drop(std::hint::black_box(barrier.wait_timeout(Duration::from_millis(3)))),
            Deed::Join => barrier.join().expect("a free seat"),
            Deed::Leave => barrier.leave().expect("our own handle"),
            Deed::Abort => drop(std::hint::black_box(barrier.abort())),
            Deed::Reset | Deed::ResetAfterDeath => barrier.reset().expect("our own handle"),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        matches!(self, Deed::WaitSecond | Deed::Abort | Deed::Reset).then_some(|(_region, barrier)| {
            match barrier.wait() {
                Ok(_) => MET,
                Err(BarrierError::Broken) => BROKEN,
                Err(_) => u64::MAX,
            }
        })
    }

    fn rouse(self, (_region, barrier): &Objects) -> Result<(), Finding> {
        match self {
            // A party that was killed before it came is nobody's: the survivor comes in its place.
            Deed::WaitSecond => {
                if barrier.waiting() == 1 {
                    granted("the survivor", barrier.wait_timeout(patience()))?;
                }
                Ok(())
            }
            _ => granted("the survivor", barrier.abort()).map(drop),
        }
    }

    fn look(self, (_region, barrier): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let results: &[u64] = match self {
            Deed::WaitSecond if finished => &[MET],
            Deed::WaitSecond => &[MET, BROKEN],
            Deed::Abort | Deed::Reset => &[BROKEN],
            _ => &[0],
        };
        demand(results.contains(&result), Verdict::TORN, || format!("the sleeper's result: {result}"))?;
        match self {
            Deed::WaitTimeout => demand(barrier.is_broken() || !finished, Verdict::LOST, || "not broken".to_owned())?,
            Deed::Join | Deed::Leave | Deed::ResetAfterDeath => {
                // As long as it takes to notice a death.
                let told = barrier.wait_timeout(Duration::from_millis(8));
                let no_member = matches!(told, Err(BarrierTimeoutError::Timeout));
                let dead_member = matches!(told, Err(BarrierTimeoutError::Broken));
                let right = match self {
                    _ if !finished => no_member || dead_member,
                    Deed::Join => dead_member,
                    _ => no_member,
                };
                demand(right, Verdict::TORN, || format!("{self:?}, finished: {finished}: {told:?}"))?;
            }
            _ => {}
        }
        meet_another(&barrier, folder)
    }
}
