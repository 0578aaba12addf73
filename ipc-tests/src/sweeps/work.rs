//! Work queues: the victim is killed while it sends, leases, is done, gives back, repairs, waits for the end or closes. Each job is there
//! once or was done, with its leases counted. In pairs, one process is stopped at each of its instructions besides, and the survivors go on
//! at once.

use std::time::Duration;

use ipc_posix::{RecvTimeoutError, Region, WorkLease, WorkQueue};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, couple, in_short_waits, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "work";
const CAPACITY: usize = 3;
const LEASES: u32 = 2;
const VICTIM: u64 = 1_000_000;
const OTHER: u64 = 2_000_000;
const SHORT: Duration = Duration::from_millis(1);

type Job = [u64; 5];
type Objects = (Region, WorkQueue<Job>);
/// A job, and which lease of it this is.
type Got = (u64, u32);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Send,
    SendWakes,
    /// Leases, and is done.
    Do,
    DoWakesSender,
    DoWakesIdle,
    /// Leases, and gives back.
    GiveBack,
    GiveBackWakes,
    /// Gives back on the last attempt.
    Bury,
    BuryWakes,
    /// Removes a dead letter.
    RemoveLetter,
    /// Takes a dead letter, and puts it back.
    KeepLetter,
    /// Waits for the letter of a dead holder, and removes it.
    LetterAfterDeath,
    /// Leases a job whose holder is dead, and is done.
    DoAfterDeath,
    /// Waits for the end behind a dead holder, whose job becomes a dead letter.
    WaitIdle,
    Close,
    CloseWakes,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendWakes])
}

pub(super) fn done() -> Scenes {
    play::scenes(&[Deed::Do, Deed::DoWakesSender, Deed::DoWakesIdle])
}

pub(super) fn give_back() -> Scenes {
    play::scenes(&[Deed::GiveBack, Deed::GiveBackWakes, Deed::Bury, Deed::BuryWakes])
}

pub(super) fn letters() -> Scenes {
    play::scenes(&[Deed::RemoveLetter, Deed::KeepLetter, Deed::LetterAfterDeath])
}

pub(super) fn repair() -> Scenes {
    play::scenes(&[Deed::DoAfterDeath, Deed::WaitIdle])
}

pub(super) fn close() -> Scenes {
    play::scenes(&[Deed::Close, Deed::CloseWakes])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.work_queue(NAME).open().expect("the queue opens");
    (region, queue)
}

/// A job that shows when it is torn.
fn job(number: u64) -> Job {
    std::array::from_fn(|i| number.wrapping_mul(i as u64 + 1))
}

fn got(lease: &WorkLease<'_, Job>) -> Got {
    (if **lease == job(lease[0]) { lease[0] } else { 0 }, lease.attempt())
}

fn finish(lease: WorkLease<'_, Job>) -> Got {
    let got = got(&lease);
    lease.done().expect("it is here");
    got
}

/// Does all that is left, also the jobs of the dead.
fn drain(queue: &WorkQueue<Job>) -> Vec<Got> {
    std::iter::from_fn(|| queue.recv_timeout(SHORT).ok()).map(finish).collect()
}

/// Removes the dead letters.
fn letters_of(queue: &WorkQueue<Job>) -> Vec<Got> {
    std::iter::from_fn(|| queue.try_recv_dead().ok()).map(finish).collect()
}

/// All is done, and all blocks are there again and go round.
fn work(queue: &WorkQueue<Job>) -> Result<(), Finding> {
    for _ in 0..2 {
        granted("a survivor waits for the end", queue.wait_idle_timeout(patience()))?;
        let stats = queue.stats();
        demand((stats.len, stats.leased, stats.dead) == (0, 0, 0), Verdict::TORN, || format!("{stats:?}"))?;
        for number in 1..=CAPACITY as u64 {
            granted("a survivor sends", queue.try_send(job(number)).map_err(|error| error.without_value()))?;
        }
        demand(queue.try_send(job(9)).is_err(), Verdict::TORN, || "more jobs than there is room for".to_owned())?;
        let leases: Vec<_> = (0..LEASES).filter_map(|_| queue.try_recv().ok()).collect();
        for number in 1..=u64::from(LEASES) {
            granted("a survivor sends more", queue.try_send(job(10 + number)).map_err(|error| error.without_value()))?;
        }
        let count = queue.len();
        demand(leases.len() == LEASES as usize && count == CAPACITY && !queue.is_idle(), Verdict::LOST, || {
            format!("{} leases, {count} jobs", leases.len())
        })?;
        for lease in leases {
            finish(lease);
        }
        let got: Vec<_> = std::iter::from_fn(|| queue.try_recv().ok()).map(finish).collect();
        demand(got == [(3, 1), (11, 1), (12, 1)], Verdict::LOST, || format!("{got:?}"))?;
    }
    Ok(())
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let letters = matches!(
            self,
            Deed::Bury
                | Deed::BuryWakes
                | Deed::RemoveLetter
                | Deed::KeepLetter
                | Deed::LetterAfterDeath
                | Deed::WaitIdle
        );
        let wanted = region.work_queue(NAME).capacity(CAPACITY).leases(LEASES).attempts(if letters { 1 } else { 0 });
        let queue = wanted.create().expect("the queue is created");
        let filled = match self {
            Deed::Send | Deed::SendWakes | Deed::CloseWakes => 0,
            Deed::DoAfterDeath | Deed::WaitIdle | Deed::LetterAfterDeath => 1,
            Deed::GiveBackWakes | Deed::BuryWakes | Deed::DoWakesIdle => 1,
            Deed::DoWakesSender => CAPACITY as u64,
            _ => 2,
        };
        for number in 1..=filled {
            queue.try_send(job(number)).expect("there is room");
        }
        if matches!(self, Deed::RemoveLetter | Deed::KeepLetter) {
            drop(queue.try_recv().expect("a job"));
        }
        if matches!(self, Deed::DoAfterDeath | Deed::WaitIdle | Deed::LetterAfterDeath) {
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
        let mine = job(VICTIM);
        let held = matches!(self, Deed::GiveBackWakes | Deed::BuryWakes).then(|| queue.try_recv().expect("a job"));
        begin();
        match self {
            Deed::Send | Deed::SendWakes => _ = std::hint::black_box(queue.try_send(mine)),
            Deed::Do | Deed::DoWakesSender | Deed::DoWakesIdle => {
                if let Ok(lease) = queue.try_recv() {
                    std::hint::black_box(&*lease);
                    let _ = lease.done();
                }
            }
            Deed::GiveBack | Deed::Bury => drop(std::hint::black_box(queue.try_recv())),
            Deed::GiveBackWakes | Deed::BuryWakes => drop(held),
            Deed::RemoveLetter => _ = std::hint::black_box(queue.try_recv_dead().map(WorkLease::done)),
            Deed::KeepLetter => drop(std::hint::black_box(queue.try_recv_dead())),
            Deed::LetterAfterDeath => {
                _ = std::hint::black_box(queue.recv_dead_timeout(patience()).map(WorkLease::done));
            }
            Deed::DoAfterDeath => _ = std::hint::black_box(queue.recv_timeout(patience()).map(WorkLease::done)),
            Deed::WaitIdle => _ = std::hint::black_box(queue.wait_idle_timeout(patience())),
            Deed::Close | Deed::CloseWakes => _ = std::hint::black_box(queue.close().unwrap()),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SendWakes | Deed::GiveBackWakes => Some(|(_region, queue)| {
                in_short_waits(|time| queue.recv_timeout(time).ok().map(|lease| finish(lease).0)).unwrap_or(u64::MAX)
            }),
            Deed::BuryWakes => Some(|(_region, queue)| {
                in_short_waits(|time| queue.recv_dead_timeout(time).ok().map(|letter| finish(letter).0))
                    .unwrap_or(u64::MAX)
            }),
            Deed::DoWakesSender => {
                Some(
                    |(_region, queue)| {
                        if queue.send_timeout(job(OTHER), patience()).is_ok() { OTHER } else { u64::MAX }
                    },
                )
            }
            Deed::DoWakesIdle => Some(|(_region, queue)| {
                in_short_waits(|time| queue.wait_idle_timeout(time).ok()).map_or(u64::MAX, |()| OTHER)
            }),
            Deed::CloseWakes => Some(|(_region, queue)| match queue.recv_timeout(patience()) {
                Err(RecvTimeoutError::Closed) => OTHER,
                _ => u64::MAX,
            }),
            _ => None,
        }
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        match self {
            Deed::SendWakes => {
                granted("a survivor sends", queue.try_send(job(OTHER)).map_err(|error| error.without_value()))
            }
            Deed::DoWakesSender => granted(
                "a survivor leases",
                queue.recv_timeout(patience()).map(|lease| {
                    finish(lease);
                }),
            ),
            Deed::DoWakesIdle => {
                drain(queue);
                Ok(())
            }
            Deed::CloseWakes => granted("a survivor closes", queue.close().map(drop)),
            _ => Ok(()),
        }
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = queue.is_closed();
        // A job that came back may come behind one that was there when its holder's death was noticed.
        let mut got = drain(&queue);
        got.sort_unstable();
        let letters = letters_of(&queue);
        let right = match self {
            Deed::Send => got == [(VICTIM, 1)] || (got.is_empty() && !finished),
            Deed::SendWakes => match result {
                VICTIM => got == [(OTHER, 1)],
                OTHER => got.is_empty() && !finished,
                _ => false,
            },
            Deed::Do => got == [(2, 1)] || (!finished && (got == [(1, 1), (2, 1)] || got == [(1, 2), (2, 1)])),
            Deed::GiveBack => got == [(1, 2), (2, 1)] || (!finished && got == [(1, 1), (2, 1)]),
            Deed::GiveBackWakes | Deed::BuryWakes => result == 1 && got.is_empty() && letters.is_empty(),
            Deed::DoWakesIdle => result == OTHER && got.is_empty(),
            Deed::DoWakesSender => {
                let mut numbers: Vec<u64> = got.iter().map(|(number, _)| *number).collect();
                numbers.sort_unstable();
                numbers.dedup();
                // The survivor has done one, and the victim one or none.
                result == OTHER
                    && numbers.len() == got.len()
                    && numbers.last() == Some(&OTHER)
                    && (numbers.len() == CAPACITY - 1 || (numbers.len() == CAPACITY && !finished))
            }
            Deed::Bury => {
                (got == [(2, 1)] && letters == [(1, 1)]) || (!finished && got == [(1, 1), (2, 1)] && letters.is_empty())
            }
            Deed::RemoveLetter => got == [(2, 1)] && (letters.is_empty() || (letters == [(1, 1)] && !finished)),
            Deed::LetterAfterDeath => got.is_empty() && (letters.is_empty() || (!finished && letters == [(1, 1)])),
            Deed::KeepLetter => got == [(2, 1)] && letters == [(1, 1)],
            Deed::DoAfterDeath => got.is_empty() || (!finished && (got == [(1, 2)] || got == [(1, 3)])),
            Deed::WaitIdle => got.is_empty() && letters == [(1, 1)],
            Deed::Close => got == [(1, 1), (2, 1)] && (closed || !finished),
            Deed::CloseWakes => result == OTHER && got.is_empty() && closed,
        };
        demand(right, Verdict::LOST, || format!("{got:?}, letters {letters:?}, result {result}, finished {finished}"))?;
        if closed {
            let end = queue.recv_timeout(patience()).map(drop);
            let refused = queue.try_send(job(1)).is_err_and(|error| error.is_closed());
            return demand(end == Err(RecvTimeoutError::Closed) && refused, Verdict::TORN, || format!("{end:?}"));
        }
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&queue)
    }
}

/// What one of two does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Send,
    Do,
    GiveBack,
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Couple(pub(super) Part, pub(super) Part);

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if !new {
            return open(folder);
        }
        let region = folder.create();
        let queue = region.work_queue(NAME).capacity(8).leases(LEASES).attempts(0).create().expect("the queue");
        for number in [1, 2] {
            queue.try_send(job(number)).expect("there is room");
        }
        (region, queue)
    }

    /// The number that it sent or leased; 0 if it found nothing.
    fn act(self, first: bool, (_region, queue): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let mine = VICTIM + u64::from(first);
        let value = job(mine);
        let part = if first { self.0 } else { self.1 };
        begin();
        match part {
            Part::Send => queue.try_send(value).map_or(0, |()| mine),
            Part::Do => queue.try_recv().map_or(0, |lease| finish(lease).0),
            Part::GiveBack => queue.try_recv().map_or(0, |lease| got(&lease).0),
        }
    }

    /// The survivors send and check at once, whatever the stopped one is in the middle of, and whatever the dead one was.
    fn meanwhile(self, (_region, queue): &Objects) -> Result<(), Finding> {
        granted("a survivor sends at once", queue.try_send(job(OTHER)).map_err(|error| error.without_value()))?;
        let idle = queue.is_idle();
        demand(!idle, Verdict::TORN, || "idle, but a job was sent".to_owned())
    }

    fn afterwards(
        self,
        (_region, queue): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = drain(queue);
        let done = point.killed_finished;
        let count = |number: u64| got.iter().filter(|(other, _)| *other == number).count();
        let mut wanted = vec![1, 2];
        if self.0 == Part::Send {
            wanted.push(VICTIM + 1);
        }
        if self.1 == Part::Send && (done || count(VICTIM) != 0) {
            wanted.push(VICTIM);
        }
        let missing = wanted.iter().filter(|number| count(**number) == 0).count();
        // What the first one did is missing, and what the second one did.
        let first = usize::from(self.0 == Part::Do);
        let second = usize::from(self.1 == Part::Do);
        let leases: u32 = got.iter().map(|(_, attempt)| attempt - 1).sum();
        let given_back = u32::from(self.0 == Part::GiveBack) + u32::from(self.1 != Part::Send);
        // A survivor's is there once for each look of it.
        let others = count(OTHER);
        let right = result != 0
            && (missing == first + second || (missing == first && !done))
            && (first == 0 || count(result) == 0)
            && wanted.iter().all(|number| count(*number) <= 1)
            && got.len() == wanted.len() - missing + others
            && leases <= given_back;
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer) = open(folder);
        granted("a survivor waits for the end", newcomer.wait_idle_timeout(patience()))
    }
}
