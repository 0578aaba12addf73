//! Byte queues: the victim is killed while it sends, receives or closes. Each message is there whole or not at all, and the survivors go
//! on.

use ipc_posix::{ByteQueue, Region, TryRecvError};

use super::play::{self, Finding, Play, counted, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "bytes";
const CAPACITY: usize = 100;

type Objects = (Region, ByteQueue);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Around the end of the ring.
    Send,
    SendParts,
    SendWakes,
    Recv,
    RecvWakes,
    Close,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendParts, Deed::SendWakes])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvWakes, Deed::Close])
}

/// A message that shows when it is torn: its length is its content.
fn text(number: usize) -> Vec<u8> {
    (0..number).map(|i| (number * 7 + i) as u8).collect()
}

/// The number of a message; 0 if it is torn.
fn number(message: &[u8]) -> usize {
    if message == text(message.len()) { message.len() } else { 0 }
}

const VICTIM: usize = 61;
const OTHER: usize = 47;

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.byte_queue(NAME).open().expect("the queue opens");
    (region, queue)
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let queue = region.byte_queue(NAME).capacity(CAPACITY).create().expect("the queue is created");
    // Most of a lap, so that the next ones go around the end.
    for _ in 0..3 {
        queue.send(&text(24)).expect("there is room");
        assert_eq!(queue.recv_vec().map(|message| number(&message)), Ok(24));
    }
    (region, queue)
}

fn drain(queue: &ByteQueue) -> Result<Vec<usize>, Finding> {
    let mut got = Vec::new();
    loop {
        match queue.try_recv_vec() {
            Ok(message) => got.push(number(&message)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(got),
            Err(error) => return Err((Verdict::WEDGED, format!("a survivor: {error}"))),
        }
    }
}

/// The messages, of which there are as many as the queue says.
fn count_and_drain(queue: &ByteQueue) -> Result<Vec<usize>, Finding> {
    let mut trouble = Ok(());
    let got = counted(
        || (queue.len(), queue.is_empty()),
        || {
            drain(queue).unwrap_or_else(|finding| {
                trouble = Err(finding);
                Vec::new()
            })
        },
    );
    trouble?;
    let used = queue.stats().used;
    demand(used == 0 && !queue.is_full(), Verdict::TORN, || format!("a drained queue uses {used} bytes"))?;
    got
}

/// Survivors use the queue for more than a lap.
fn work(queue: &ByteQueue) -> Result<(), Finding> {
    for len in [1, CAPACITY, 33, 0, 8, CAPACITY] {
        granted("a survivor sends", queue.send_timeout(&text(len), patience()))?;
        let mut got = Vec::new();
        granted("a survivor receives", queue.recv_into_timeout(&mut got, patience()))?;
        demand(got == text(len), Verdict::TORN, || format!("sent {len}, got {got:?}"))?;
    }
    Ok(())
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let (region, queue) = create(folder);
        if matches!(self, Deed::Recv | Deed::Close) {
            queue.send(&text(5)).expect("there is room");
            queue.send(&text(6)).expect("there is room");
        }
        if self == Deed::RecvWakes {
            queue.send(&text(CAPACITY)).expect("there is room");
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let message = text(VICTIM);
        let mut out = [0; CAPACITY];
        begin();
        match self {
            Deed::Send | Deed::SendWakes => _ = std::hint::black_box(queue.try_send(&message)),
            Deed::SendParts => {
                let (head, tail) = message.split_at(13);
                let _ = std::hint::black_box(queue.try_send_parts(&[head, tail]));
            }
            Deed::Recv | Deed::RecvWakes => _ = std::hint::black_box(queue.try_recv(&mut out)),
            Deed::Close => _ = std::hint::black_box(queue.close().unwrap()),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SendWakes => Some(|(_region, queue)| {
                let mut got = Vec::new();
                queue.recv_into_timeout(&mut got, patience()).map_or(u64::MAX, |_| number(&got) as u64)
            }),
            Deed::RecvWakes => Some(|(_region, queue)| {
                queue.send_timeout(&text(OTHER), patience()).map_or(u64::MAX, |()| OTHER as u64)
            }),
            _ => None,
        }
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        if self == Deed::SendWakes {
            return granted("a survivor sends", queue.send_timeout(&text(OTHER), patience()));
        }
        // The victim may have made room.
        let _ = queue.try_recv_vec();
        Ok(())
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = queue.is_closed();
        let got = count_and_drain(&queue)?;
        let right = match self {
            Deed::Send | Deed::SendParts => got == [VICTIM] || (got.is_empty() && !finished),
            Deed::Recv => got == [6] || (got == [5, 6] && !finished),
            Deed::Close => got == [5, 6] && (closed || !finished),
            Deed::SendWakes => {
                let all: Vec<usize> = [result as usize].into_iter().chain(got.clone()).collect();
                all == [VICTIM, OTHER] || (all == [OTHER] && !finished)
            }
            Deed::RecvWakes => result == OTHER as u64 && (got == [OTHER] || got.is_empty()),
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}"))?;
        if closed {
            return demand(self == Deed::Close && queue.try_send(b"x").is_err(), Verdict::TORN, || "closed".to_owned());
        }
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&queue)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    SendSend,
    SendRecv,
    RecvRecv,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if !new {
            return open(folder);
        }
        let (region, queue) = create(folder);
        queue.send(&text(1)).expect("there is room");
        queue.send(&text(2)).expect("there is room");
        (region, queue)
    }

    fn act(self, first: bool, (_region, queue): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let sends = match self {
            Couple::SendSend => true,
            Couple::SendRecv => first,
            Couple::RecvRecv => false,
        };
        let message = text(if first { 20 } else { 30 });
        let mut out = [0; CAPACITY];
        begin();
        if sends {
            queue.send(&message).map_or(1000, |()| message.len() as u64)
        } else {
            queue.recv(&mut out).map_or(1000, |len| number(&out[..len]) as u64)
        }
    }

    fn meanwhile(self, (_region, queue): &Objects) -> Result<(), Finding> {
        let stats = queue.stats();
        demand(stats.used <= stats.ring, Verdict::TORN, || format!("{stats:?}"))?;
        let (len, empty) = (queue.len(), queue.is_empty());
        demand(len <= 4 && empty == (len == 0), Verdict::TORN, || format!("{len} messages, empty: {empty}"))
    }

    fn afterwards(
        self,
        (_region, queue): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = count_and_drain(queue)?;
        let done = point.killed_finished;
        let right = match self {
            Couple::SendSend => {
                result == 20 && (got == [1, 2, 20, 30] || got == [1, 2, 30, 20] || (got == [1, 2, 20] && !done))
            }
            Couple::SendRecv => result == 20 && (got == [2, 20] || (got == [1, 2, 20] && !done)),
            Couple::RecvRecv => {
                (result == 1 && (got.is_empty() || (got == [2] && !done))) || (result == 2 && got.is_empty())
            }
        };
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
