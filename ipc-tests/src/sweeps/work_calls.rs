//! Calls over a work queue: the victim is killed while it calls, answers, waits for the answer, or gives the call up. Each call is answered
//! once or comes again, and all blocks come back. In pairs, one process is stopped at each of its instructions besides.

use std::path::PathBuf;
use std::time::Duration;

use ipc_posix::{ByteWorkLease, ByteWorkQueue, Region};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper, REGION};
use super::{Scenes, couple, in_short_waits, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "calls";
const MOST: usize = 100;
const SHORT: Duration = Duration::from_millis(1);
/// What a sleeper got from the victim, and from a survivor.
const VICTIMS: u64 = 9;
const OTHERS: u64 = 5;
/// What a sleeper says that waits for room.
const SENT: u64 = 77;

/// With the file of the region.
type Objects = (Region, ByteWorkQueue, PathBuf);
/// A job's length, and which lease of it this is. Of one that is torn the length is 0.
type Got = (usize, u32);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Call,
    /// Leases, and answers a caller that sleeps.
    Reply,
    /// Leases, and answers a caller that has gone.
    ReplyLate,
    /// Waits for the answer of a server that is dead: it is given up.
    WaitAfterDeath,
    /// Searches for its answer, which is there, and goes.
    Wait,
    /// Gives up a call that waits; a sender sleeps for room.
    CancelWakes,
    /// Gives up a call that was answered.
    CancelAnswered,
    /// Gives up a call that a process has.
    CancelBegun,
    /// Sends where all blocks are those of a caller that is dead.
    SendAfterDeath,
}

pub(super) fn call() -> Scenes {
    play::scenes(&[Deed::Call, Deed::SendAfterDeath])
}

pub(super) fn reply() -> Scenes {
    play::scenes(&[Deed::Reply, Deed::ReplyLate])
}

pub(super) fn wait() -> Scenes {
    play::scenes(&[Deed::Wait, Deed::WaitAfterDeath])
}

pub(super) fn cancel() -> Scenes {
    play::scenes(&[Deed::CancelWakes, Deed::CancelAnswered, Deed::CancelBegun])
}

fn open(folder: &Folder) -> Objects {
    open_file(folder.file())
}

fn open_file(file: PathBuf) -> Objects {
    let folder = file.parent().expect("it is in a folder");
    let region = Region::options().dir(folder).open(REGION).expect("the region opens");
    let queue = region.byte_work_queue(NAME).open().expect("the queue opens");
    (region, queue, file)
}

/// A process that opens the queue, does something and is gone.
fn dead(file: PathBuf, act: impl FnOnce(&ByteWorkQueue)) {
    let helper = Helper::fork(|| {
        let (_region, queue, _) = open_file(file);
        act(&queue);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) }
    });
    assert!(helper.join(), "the helper dies as planned");
}

fn job(len: usize) -> Vec<u8> {
    vec![len as u8; len]
}

fn got(lease: &ByteWorkLease<'_>) -> Got {
    (if **lease == *job(lease.len()) { lease.len() } else { 0 }, lease.attempt())
}

/// Answers with as many bytes as the job has.
fn serve(lease: ByteWorkLease<'_>) -> Got {
    let got = got(&lease);
    let answer = job(got.0);
    lease.reply(&answer).expect("it is here");
    got
}

fn drain(queue: &ByteWorkQueue) -> Vec<Got> {
    std::iter::from_fn(|| queue.recv_timeout(SHORT).ok()).map(serve).collect()
}

/// All is done, and all blocks are there again and go round.
fn work(queue: &ByteWorkQueue) -> Result<(), Finding> {
    for _ in 0..2 {
        granted("a survivor waits for the end", queue.wait_idle_timeout(patience()))?;
        let first = granted("a survivor calls", queue.try_call(&job(MOST)))?;
        granted("a survivor sends", queue.try_send(&job(2)))?;
        demand(queue.try_send(b"").is_err(), Verdict::TORN, || "more jobs than there is room for".to_owned())?;
        let lease = granted("a survivor leases", queue.try_recv())?;
        let second = granted("a survivor calls again", queue.try_call(&job(3)))?;
        let done = serve(lease);
        let rest = drain(queue);
        demand(done == (MOST, 1) && rest == [(2, 1), (3, 1)], Verdict::LOST, || format!("{done:?}, {rest:?}"))?;
        let answers = [first.try_wait().map(<[u8]>::len), second.try_wait().map(<[u8]>::len)];
        demand(answers == [Ok(MOST), Ok(3)], Verdict::LOST, || format!("{answers:?}"))?;
    }
    Ok(())
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let attempts = if self == Deed::WaitAfterDeath { 1 } else { 0 };
        let wanted =
            region.byte_work_queue(NAME).capacity(2).max_len(MOST).max_reply(MOST).leases(1).attempts(attempts);
        let queue = wanted.create().expect("the queue is created");
        if self == Deed::SendAfterDeath {
            dead(folder.file(), |queue| {
                for len in 1..=3 {
                    std::mem::forget(queue.try_call(&job(len)).expect("there is room"));
                    serve(queue.try_recv().expect("a job"));
                }
            });
        }
        (region, queue, folder.file())
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue, file): &Objects, begin: &mut dyn FnMut()) {
        let mine = job(VICTIMS as usize);
        match self {
            Deed::Call => {
                begin();
                std::mem::forget(std::hint::black_box(queue.try_call(&mine)));
            }
            Deed::SendAfterDeath => {
                begin();
                _ = std::hint::black_box(queue.try_send(&mine));
            }
            Deed::Reply => {
                begin();
                _ = std::hint::black_box(queue.try_recv().map(|lease| lease.reply(&mine)));
            }
            Deed::ReplyLate => {
                let ticket = queue.try_call(&mine).expect("there is room");
                let lease = queue.try_recv().expect("a job");
                drop(ticket);
                begin();
                _ = std::hint::black_box(lease.reply(&mine));
            }
            Deed::Wait | Deed::CancelAnswered => {
                let ticket = queue.try_call(&mine).expect("there is room");
                serve(queue.try_recv().expect("a job"));
                begin();
                if self == Deed::Wait {
                    _ = std::hint::black_box(ticket.wait().map(<[u8]>::len));
                }
                _ = std::hint::black_box(ticket.cancel());
            }
            Deed::WaitAfterDeath => {
                let ticket = queue.try_call(&mine).expect("there is room");
                dead(file.clone(), |queue| std::mem::forget(queue.try_recv().expect("a job")));
                begin();
                _ = std::hint::black_box(ticket.wait_timeout(patience()).map(<[u8]>::len));
            }
            Deed::CancelWakes => {
                let tickets = [1, 2].map(|len| queue.try_call(&job(len)).expect("there is room"));
                begin();
                let [first, second] = tickets;
                _ = std::hint::black_box(first.cancel());
                _ = std::hint::black_box(second.cancel());
            }
            Deed::CancelBegun => {
                let ticket = queue.try_call(&mine).expect("there is room");
                let lease = queue.try_recv().expect("a job");
                begin();
                _ = std::hint::black_box(ticket.cancel());
                drop(std::hint::black_box(lease));
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::Reply => Some(|(_region, queue, _)| {
                let ticket = queue.try_call(&job(OTHERS as usize)).expect("there is room");
                let answer = in_short_waits(|time| ticket.wait_timeout(time).ok().map(<[u8]>::to_vec));
                answer.filter(|answer| *answer == job(answer.len())).map_or(u64::MAX, |answer| answer.len() as u64)
            }),
            Deed::CancelWakes => {
                Some(
                    |(_region, queue, _)| {
                        if queue.send_timeout(&job(SENT as usize), patience()).is_ok() { SENT } else { u64::MAX }
                    },
                )
            }
            _ => None,
        }
    }

    fn rouse(self, (_region, queue, _): &Objects) -> Result<(), Finding> {
        drain(queue);
        Ok(())
    }

    fn look(self, (_region, queue, _): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let got = drain(&queue);
        let right = match self {
            // What a dead process called is done or not.
            Deed::Call => got == [(VICTIMS as usize, 1)] || got.is_empty(),
            Deed::SendAfterDeath => got == [(VICTIMS as usize, 1)] || (got.is_empty() && !finished),
            Deed::Reply => got.is_empty() && (result == VICTIMS || (result == OTHERS && !finished)),
            Deed::CancelWakes => {
                result == SENT && got.iter().all(|(len, attempt)| [1, 2, SENT as usize].contains(len) && *attempt == 1)
            }
            _ => got.is_empty(),
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}"))?;
        demand(queue.try_recv_dead().is_err(), Verdict::TORN, || "a dead letter of a call".to_owned())?;
        let (_region, newcomer, _) = open(folder);
        work(&newcomer)?;
        work(&queue)?;
        let stats = queue.stats();
        demand((stats.leased, stats.answered) == (0, 0), Verdict::TORN, || format!("{stats:?}"))
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    /// A caller that waits, and its server.
    WaitReply,
    /// A caller that gives its call up, and its server.
    CancelReply,
    /// A server whose caller is dead, and a sender that finds that.
    ReplyRepair,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if !new {
            return open(folder);
        }
        let region = folder.create();
        let wanted = region.byte_work_queue(NAME).capacity(1).max_len(MOST).max_reply(MOST).leases(2).attempts(0);
        let queue = wanted.create().expect("the queue");
        if self == Couple::ReplyRepair {
            dead(folder.file(), |queue| std::mem::forget(queue.try_call(&job(1)).expect("there is room")));
        }
        (region, queue, folder.file())
    }

    /// The length of what it got; 0 for nothing.
    fn act(self, first: bool, (_region, queue, _): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let reply = || queue.try_recv().map_or(0, |lease| serve(lease).0 as u64);
        match (self, first) {
            (Couple::WaitReply | Couple::CancelReply, true) => {
                let ticket = queue.try_call(&job(1)).expect("there is room");
                begin();
                if self == Couple::CancelReply {
                    return ticket.cancel().map_or(0, |withdrawn| if withdrawn { 1 } else { 2 });
                }
                let answer = ticket.wait_timeout(patience()).map(<[u8]>::to_vec);
                answer.map_or(0, |answer| if answer == job(1) { 1 } else { 2 })
            }
            (Couple::ReplyRepair, false) => {
                let mine = job(2);
                begin();
                queue.try_send(&mine).map_or(0, |()| 1)
            }
            _ => {
                begin();
                reply()
            }
        }
    }

    /// The survivors do what there is to do, whatever the stopped one is in the middle of, and whatever the dead one was.
    fn meanwhile(self, (_region, queue, _): &Objects) -> Result<(), Finding> {
        for got in drain(queue) {
            demand(got.0 != 0, Verdict::TORN, || format!("{got:?}"))?;
        }
        Ok(())
    }

    fn afterwards(
        self,
        (_region, queue, _): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = drain(queue);
        let done = point.killed_finished;
        let right = match self {
            // A server or a survivor has answered.
            Couple::WaitReply => result == 1 && got.is_empty(),
            Couple::CancelReply => result != 0 && got.is_empty(),
            Couple::ReplyRepair => got.iter().all(|(len, _)| *len == 2) && result <= 2,
        };
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer, _) = open(folder);
        granted("a survivor waits for the end", newcomer.wait_idle_timeout(patience()))?;
        // All three blocks are there.
        let tickets = [(); 3].map(|()| {
            let ticket = newcomer.try_call(&job(3)).ok()?;
            serve(newcomer.try_recv().ok()?);
            Some(ticket)
        });
        let whole = tickets.iter().all(Option::is_some);
        demand(whole && newcomer.try_send(b"").is_err(), Verdict::LOST, || format!("{tickets:?}"))
    }
}
