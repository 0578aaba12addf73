//! Stacks: the victim is killed while it sends, receives or closes. Each message is there whole or not at all, and the survivors go on.

use ipc_posix::{Region, Stack, TryRecvError};

use super::play::{self, Finding, Play, counted, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "stack";
const CAPACITY: usize = 4;

type Objects = (Region, Stack<Message>);

/// A message that shows when it is torn.
type Message = [u64; 3];

const fn message(number: u64) -> Message {
    [number, !number, number]
}

/// The number of a message; 0 if it is torn.
fn number(message: Message) -> u64 {
    if message == self::message(message[0]) { message[0] } else { 0 }
}

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Send,
    SendSlice,
    SendWakes,
    Recv,
    RecvSlice,
    RecvWakes,
    Close,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendSlice, Deed::SendWakes])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvSlice, Deed::RecvWakes, Deed::Close])
}

const VICTIM: u64 = 61;
const OTHER: u64 = 47;

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let stack = region.stack(NAME).open().expect("the stack opens");
    (region, stack)
}

fn drain(stack: &Stack<Message>) -> Result<Vec<u64>, Finding> {
    let mut got = Vec::new();
    loop {
        match stack.try_recv() {
            Ok(message) => got.push(number(message)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(got),
            Err(error) => return Err((Verdict::WEDGED, format!("a survivor: {error}"))),
        }
    }
}

/// The messages, of which there are as many as the stack says.
fn count_and_drain(stack: &Stack<Message>) -> Result<Vec<u64>, Finding> {
    let mut trouble = Ok(());
    let got = counted(
        || (stack.len(), stack.is_empty()),
        || {
            drain(stack).unwrap_or_else(|finding| {
                trouble = Err(finding);
                Vec::new()
            })
        },
    );
    trouble?;
    got
}

/// Survivors fill the stack and empty it.
fn work(stack: &Stack<Message>) -> Result<(), Finding> {
    for number in 1..=CAPACITY as u64 {
        granted("a survivor sends", stack.send_timeout(message(number), patience()))?;
    }
    demand(stack.is_full() && stack.try_send(message(9)).is_err(), Verdict::TORN, || "room for more".to_owned())?;
    let got = drain(stack)?;
    demand(got == [4, 3, 2, 1], Verdict::TORN, || format!("sent 1 to 4, got {got:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let stack = region.stack(NAME).capacity(CAPACITY).create().expect("the stack is created");
        match self {
            Deed::Recv | Deed::RecvSlice | Deed::Close => _ = stack.try_send_slice(&[5, 6].map(message)),
            Deed::RecvWakes => _ = stack.try_send_slice(&[1, 2, 3, 4].map(message)),
            _ => {}
        }
        (region, stack)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, stack): &Objects, begin: &mut dyn FnMut()) {
        let batch = [VICTIM, VICTIM + 1].map(message);
        let mut out = [message(0); 2];
        begin();
        match self {
            Deed::Send | Deed::SendWakes => _ = std::hint::black_box(stack.try_send(batch[0])),
            Deed::SendSlice => _ = std::hint::black_box(stack.try_send_slice(&batch)),
            Deed::Recv | Deed::RecvWakes => _ = std::hint::black_box(stack.try_recv()),
            Deed::RecvSlice => _ = std::hint::black_box(stack.try_recv_slice(&mut out)),
            Deed::Close => _ = std::hint::black_box(stack.close().unwrap()),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SendWakes => Some(|(_region, stack)| stack.recv_timeout(patience()).map_or(u64::MAX, number)),
            Deed::RecvWakes => {
                Some(|(_region, stack)| stack.send_timeout(message(OTHER), patience()).map_or(u64::MAX, |()| OTHER))
            }
            _ => None,
        }
    }

    fn rouse(self, (_region, stack): &Objects) -> Result<(), Finding> {
        if self == Deed::SendWakes {
            return granted("a survivor sends", stack.send_timeout(message(OTHER), patience()));
        }
        // The victim may have made room.
        let _ = stack.try_recv();
        Ok(())
    }

    fn look(self, (_region, stack): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = stack.is_closed();
        let got = count_and_drain(&stack)?;
        let right = match self {
            Deed::Send => got == [VICTIM] || (got.is_empty() && !finished),
            Deed::SendSlice => got == [VICTIM + 1, VICTIM] || (got.is_empty() && !finished),
            Deed::Recv => got == [5] || (got == [6, 5] && !finished),
            Deed::RecvSlice => got.is_empty() || (got == [6, 5] && !finished),
            Deed::Close => got == [6, 5] && (closed || !finished),
            Deed::SendWakes => {
                let mut all: Vec<u64> = [result].into_iter().chain(got.clone()).collect();
                all.sort_unstable();
                all == [OTHER, VICTIM] || (all == [OTHER] && !finished)
            }
            // The sleeper's message is on top, or the survivor that makes room has taken it.
            Deed::RecvWakes => {
                let below = got.strip_prefix(&[OTHER]).unwrap_or(&got);
                result == OTHER && (below == [3, 2, 1] || (below == [2, 1] && below != got))
            }
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}"))?;
        if closed {
            let refused = stack.try_send(message(1)).is_err();
            return demand(self == Deed::Close && refused, Verdict::TORN, || "closed".to_owned());
        }
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&stack)
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
        let region = folder.create();
        let stack = region.stack(NAME).capacity(CAPACITY).create().expect("the stack is created");
        stack.try_send_slice(&[1, 2].map(message)).expect("there is room");
        (region, stack)
    }

    fn act(self, first: bool, (_region, stack): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let sends = match self {
            Couple::SendSend => true,
            Couple::SendRecv => first,
            Couple::RecvRecv => false,
        };
        let sent = if first { 20 } else { 30 };
        begin();
        if sends { stack.send(message(sent)).map_or(1000, |()| sent) } else { stack.recv().map_or(1000, number) }
    }

    fn meanwhile(self, (_region, stack): &Objects) -> Result<(), Finding> {
        let (len, empty) = (stack.len(), stack.is_empty());
        demand(len <= 4 && empty == (len == 0), Verdict::TORN, || format!("{len} messages, empty: {empty}"))
    }

    fn afterwards(
        self,
        (_region, stack): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = count_and_drain(stack)?;
        let done = point.killed_finished;
        let right = match self {
            Couple::SendSend => {
                result == 20 && (got == [30, 20, 2, 1] || got == [20, 30, 2, 1] || (got == [20, 2, 1] && !done))
            }
            // The receiver took what was on top before or after the sending, or died before it took anything.
            Couple::SendRecv => result == 20 && (got == [20, 1] || got == [2, 1] || (got == [20, 2, 1] && !done)),
            Couple::RecvRecv => match result {
                2 => got.is_empty() || (got == [1] && !done),
                1 => got.is_empty(),
                _ => false,
            },
        };
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
