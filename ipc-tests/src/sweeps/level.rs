//! Queues with levels: the victim is killed while it sends, receives or closes. Each message is there whole or not at all, no level holds up
//! another one, and the survivors go on.

use std::hint::black_box;

use ipc_posix::{LevelQueue, RecvTimeoutError, Region, TryRecvError};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "levels";
const LEVELS: usize = 4;
const CAPACITY: usize = 4;

/// A message that shows when it is torn.
type Message = [u64; 3];
type Objects = (Region, LevelQueue<Message>);

const fn message(number: u64) -> Message {
    [number, !number, number]
}

/// The number of a message; 0 if it is torn.
fn number(message: Message) -> u64 {
    if message == self::message(message[0]) { message[0] } else { 0 }
}

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Send,
    SendSlice,
    SendWakes,
    Recv,
    RecvSlice,
    RecvWakes,
    Close,
    CloseWakes,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendSlice, Deed::SendWakes])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvSlice, Deed::RecvWakes])
}

pub(super) fn close() -> Scenes {
    play::scenes(&[Deed::Close, Deed::CloseWakes])
}

const VICTIM: u64 = 61;
const OTHER: u64 = 47;
/// What a sleeper says that was told of the end.
const TOLD: u64 = 1000;

fn create(folder: &Folder, messages: &[(usize, u64)]) -> Objects {
    let region = folder.create();
    let queue = region.level_queue(NAME).levels(LEVELS).capacity(CAPACITY).create().expect("the queue");
    for (level, number) in messages {
        queue.try_send(*level, message(*number)).expect("there is room");
    }
    (region, queue)
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.level_queue(NAME).open().expect("it opens");
    (region, queue)
}

/// The messages, in the order in which a survivor gets them.
fn drain(queue: &LevelQueue<Message>) -> Result<Vec<u64>, Finding> {
    let mut got = Vec::new();
    loop {
        match queue.try_recv() {
            Ok(message) => got.push(number(message)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(got),
            Err(error) => return Err((Verdict::WEDGED, format!("a survivor: {error}"))),
        }
    }
}

/// Survivors fill all levels, from the lowest on, and empty them.
fn work(queue: &LevelQueue<Message>) -> Result<(), Finding> {
    for level in (0..LEVELS).rev() {
        for number in 1..=CAPACITY {
            let sent = queue.send_timeout(level, message((level * 10 + number) as u64), patience());
            granted("a survivor sends", sent.map_err(|error| error.without_value()))?;
        }
        demand(queue.try_send(level, message(9)).is_err(), Verdict::TORN, || "room for more".to_owned())?;
    }
    let got = drain(queue)?;
    let wanted = (0..LEVELS).flat_map(|level| (1..=CAPACITY).map(move |number| (level * 10 + number) as u64));
    demand(got.iter().copied().eq(wanted), Verdict::TORN, || format!("filled, and got {got:?}"))?;
    let left = (queue.len(), queue.is_empty());
    demand(left == (0, true), Verdict::TORN, || format!("drained, and {left:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        match self {
            Deed::Send | Deed::SendSlice => create(folder, &[(0, 1), (2, 3)]),
            Deed::SendWakes | Deed::CloseWakes => create(folder, &[]),
            Deed::Recv | Deed::RecvSlice | Deed::Close => create(folder, &[(2, 7), (1, 5), (1, 6)]),
            Deed::RecvWakes => create(folder, &[(1, 5), (1, 6), (1, 7), (1, 8)]),
        }
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let (one, two) = (message(VICTIM), [message(VICTIM), message(VICTIM + 1)]);
        begin();
        match self {
            Deed::Send | Deed::SendWakes => _ = black_box(queue.try_send(1, one)),
            Deed::SendSlice => _ = black_box(queue.try_send_slice(1, &two)),
            Deed::Recv | Deed::RecvWakes => _ = black_box(queue.try_recv()),
            Deed::RecvSlice => _ = black_box(queue.try_recv_slice(&mut [one; 3])),
            Deed::Close | Deed::CloseWakes => _ = black_box(queue.close()),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SendWakes => Some(|(_region, queue)| queue.recv_timeout(patience()).map_or(u64::MAX, number)),
            Deed::RecvWakes => {
                Some(|(_region, queue)| queue.send_timeout(1, message(OTHER), patience()).map_or(u64::MAX, |()| OTHER))
            }
            Deed::CloseWakes => Some(|(_region, queue)| match queue.recv_timeout(patience()) {
                Err(RecvTimeoutError::Closed) => TOLD,
                _ => u64::MAX,
            }),
            _ => None,
        }
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        match self {
            Deed::SendWakes => {
                let sent = queue.send_timeout(2, message(OTHER), patience());
                return granted("a survivor sends", sent.map_err(|error| error.without_value()));
            }
            Deed::CloseWakes => _ = granted("a survivor closes", queue.close())?,
            // The victim may have made room.
            _ => _ = queue.try_recv(),
        }
        Ok(())
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = queue.is_closed();
        let got = drain(&queue)?;
        let right = match self {
            Deed::Send => got == [1, VICTIM, 3] || (got == [1, 3] && !finished),
            Deed::SendSlice => {
                got == [1, VICTIM, VICTIM + 1, 3] || (!finished && (got == [1, VICTIM, 3] || got == [1, 3]))
            }
            Deed::SendWakes => {
                let mut all: Vec<u64> = [result].into_iter().chain(got.clone()).collect();
                all.sort_unstable();
                all == [OTHER, VICTIM] || (all == [OTHER] && !finished)
            }
            Deed::Recv => got == [6, 7] || (got == [5, 6, 7] && !finished),
            Deed::RecvSlice => got == [7] || (got == [5, 6, 7] && !finished),
            // The survivor that made room has taken one, too.
            Deed::RecvWakes => result == OTHER && (got == [7, 8, OTHER] || (got == [6, 7, 8, OTHER] && !finished)),
            Deed::Close => got == [5, 6, 7] && (closed || !finished),
            Deed::CloseWakes => got.is_empty() && closed && result == TOLD,
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}, closed {closed}"))?;
        let (_region, newcomer) = open(folder);
        if closed {
            let refused = (0..LEVELS).all(|level| newcomer.try_send(level, message(1)).is_err());
            let closes = matches!(self, Deed::Close | Deed::CloseWakes);
            return demand(closes && refused, Verdict::TORN, || "closed".to_owned());
        }
        work(&newcomer)?;
        work(&queue)
    }
}

/// What one of two does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Into this level.
    Send(usize),
    Recv,
}

/// What two do at once. The first one is stopped, the second one killed. Level 0 is the survivors'.
#[derive(Debug, Clone, Copy)]
pub(super) struct Couple(pub(super) Part, pub(super) Part);

const FIRST: u64 = 20;
const SECOND: u64 = 30;

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { create(folder, &[(2, 1), (3, 2)]) } else { open(folder) }
    }

    /// The number that it sent or received; 0 if it failed.
    fn act(self, first: bool, (_region, queue): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let (part, mine) = if first { (self.0, FIRST) } else { (self.1, SECOND) };
        let value = message(mine);
        begin();
        match part {
            Part::Send(level) => queue.try_send(level, value).map_or(0, |()| mine),
            Part::Recv => queue.try_recv().map_or(0, number),
        }
    }

    /// The level above goes on, whatever the stopped one is in the middle of, and whatever the dead one was.
    fn meanwhile(self, (_region, queue): &Objects) -> Result<(), Finding> {
        for number in [5, 6] {
            let sent = queue.try_send(0, message(number));
            granted("a survivor sends at once", sent.map_err(|error| error.without_value()))?;
            let got = granted("a survivor receives at once", queue.try_recv())?;
            demand(got == message(number), Verdict::TORN, || format!("{got:?}, but {number} is the highest"))?;
        }
        Ok(())
    }

    fn afterwards(
        self,
        (_region, queue): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = drain(queue)?;
        let done = point.killed_finished;
        let right = match (self.0, self.1) {
            (Part::Send(2), Part::Send(2)) => {
                let both = got == [1, FIRST, SECOND, 2] || got == [1, SECOND, FIRST, 2];
                result == FIRST && (both || (got == [1, FIRST, 2] && !done))
            }
            (Part::Send(_), Part::Send(_)) => {
                result == FIRST && (got == [SECOND, 1, FIRST, 2] || (got == [1, FIRST, 2] && !done))
            }
            (Part::Send(_), Part::Recv) => result == FIRST && (got == [FIRST, 2] || (got == [1, FIRST, 2] && !done)),
            // It began before the other one sent or after it.
            (Part::Recv, Part::Send(_)) => match result {
                1 => got == [SECOND, 2] || (got == [2] && !done),
                SECOND => got == [1, 2],
                _ => false,
            },
            (Part::Recv, Part::Recv) => match result {
                1 => got.is_empty() || (got == [2] && !done),
                2 => got.is_empty(),
                _ => false,
            },
        };
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
