//! Stacks, and priority queues whose highest number comes first, which give the same answers here: the victim is killed while it sends,
//! receives or closes. Each message is there whole or not at all, and the survivors go on.

use std::fmt::{Debug, Display};
use std::hint::black_box;
use std::time::Duration;

use ipc_posix::{PriorityQueue, Region, Stack, TryRecvError};

use super::play::{self, Finding, Play, counted, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "pile";

/// A message that shows when it is torn.
type Message = [u64; 3];

const fn message(number: u64) -> Message {
    [number, !number, number]
}

/// The number of a message; 0 if it is torn.
fn number(message: Message) -> u64 {
    if message == self::message(message[0]) { message[0] } else { 0 }
}

/// An answer, or why there is none.
type Answer<R> = Result<R, String>;

fn answer<R>(result: Result<R, impl Display>) -> Answer<R> {
    result.map_err(|error| error.to_string())
}

/// What gives out the last and highest number first.
pub(super) trait Pile: Copy + Debug + 'static {
    type Object: 'static;
    const CAPACITY: usize;

    fn create(region: &Region) -> Self::Object;
    fn open(region: &Region) -> Self::Object;
    /// How many there are, and whether it is empty, full, closed.
    fn figures(pile: &Self::Object) -> (usize, [bool; 3]);
    fn close(pile: &Self::Object) -> bool;
    fn try_send(pile: &Self::Object, number: u64) -> Answer<()>;
    /// Sends with a limit, or for as long as it takes.
    fn send(pile: &Self::Object, number: u64, limit: Option<Duration>) -> Answer<()>;
    fn try_send_slice<const N: usize>(pile: &Self::Object, numbers: [u64; N]) -> Answer<usize>;
    fn try_recv(pile: &Self::Object) -> Result<u64, TryRecvError>;
    fn recv(pile: &Self::Object, limit: Option<Duration>) -> Answer<u64>;
    fn try_recv_two(pile: &Self::Object) -> Answer<usize>;
}

/// A stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct AStack;

/// A priority queue, with more than two levels in its heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct APriorityQueue;

macro_rules! pile {
    (
        $name:ident, $object:ty, $capacity:literal, $builder:ident,
        $to:ident => ($($part:expr),+), $message:expr, $got:ident => $number:expr
    ) => {
        impl Pile for $name {
            type Object = $object;
            const CAPACITY: usize = $capacity;

            fn create(region: &Region) -> $object {
                region.$builder(NAME).capacity($capacity).create().expect("it is created")
            }
            fn open(region: &Region) -> $object {
                region.$builder(NAME).open().expect("it opens")
            }
            fn figures(pile: &$object) -> (usize, [bool; 3]) {
                (pile.len(), [pile.is_empty(), pile.is_full(), pile.is_closed()])
            }
            fn close(pile: &$object) -> bool {
                pile.close().unwrap()
            }
            fn try_send(pile: &$object, $to: u64) -> Answer<()> {
                answer(pile.try_send($($part),+))
            }
            fn send(pile: &$object, $to: u64, limit: Option<Duration>) -> Answer<()> {
                match limit {
                    Some(limit) => answer(pile.send_timeout($($part),+, limit)),
                    None => answer(pile.send($($part),+)),
                }
            }
            fn try_send_slice<const N: usize>(pile: &$object, numbers: [u64; N]) -> Answer<usize> {
                answer(pile.try_send_slice(&numbers.map(|$to| $message)))
            }
            fn try_recv(pile: &$object) -> Result<u64, TryRecvError> {
                pile.try_recv().map(|$got| $number)
            }
            fn recv(pile: &$object, limit: Option<Duration>) -> Answer<u64> {
                match limit {
                    Some(limit) => answer(pile.recv_timeout(limit).map(|$got| $number)),
                    None => answer(pile.recv().map(|$got| $number)),
                }
            }
            fn try_recv_two(pile: &$object) -> Answer<usize> {
                let $to = 0;
                answer(pile.try_recv_slice(&mut [$message; 2]))
            }
        }
    };
}
pile!(AStack, Stack<Message>, 4, stack, to => (message(to)), message(to), got => number(got));
pile!(
    APriorityQueue, PriorityQueue<u64, Message>, 7, priority_queue,
    to => (!to, message(to)), (!to, message(to)), got => if got.0 == !got.1[0] { number(got.1) } else { 0 }
);

type Objects<P> = (Region, <P as Pile>::Object);

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

/// What it does it at.
#[derive(Debug, Clone, Copy)]
struct At<P>(Deed, P);

fn send<P: Pile>(pile: P) -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendSlice, Deed::SendWakes].map(|deed| At(deed, pile)))
}

fn recv<P: Pile>(pile: P) -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvSlice, Deed::RecvWakes, Deed::Close].map(|deed| At(deed, pile)))
}

pub(super) fn stack_send() -> Scenes {
    send(AStack)
}

pub(super) fn stack_recv() -> Scenes {
    recv(AStack)
}

pub(super) fn priority_send() -> Scenes {
    send(APriorityQueue)
}

pub(super) fn priority_recv() -> Scenes {
    recv(APriorityQueue)
}

const VICTIM: u64 = 61;
const OTHER: u64 = 47;

fn open<P: Pile>(folder: &Folder) -> Objects<P> {
    let region = folder.open();
    let pile = P::open(&region);
    (region, pile)
}

/// The messages, of which there are as many as the pile says.
fn count_and_drain<P: Pile>(pile: &P::Object) -> Result<Vec<u64>, Finding> {
    let mut trouble = Ok(());
    let drain = || {
        let mut got = Vec::new();
        loop {
            match P::try_recv(pile) {
                Ok(number) => got.push(number),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return got,
                Err(error) => {
                    trouble = Err((Verdict::WEDGED, format!("a survivor: {error}")));
                    return got;
                }
            }
        }
    };
    let got = counted(
        || {
            let (len, [empty, ..]) = P::figures(pile);
            (len, empty)
        },
        drain,
    );
    trouble?;
    got
}

/// This many numbers, the highest first.
fn down_from(number: usize) -> Vec<u64> {
    (1..=number as u64).rev().collect()
}

/// Survivors fill the pile and empty it.
fn work<P: Pile>(pile: &P::Object) -> Result<(), Finding> {
    for number in 1..=P::CAPACITY as u64 {
        granted("a survivor sends", P::send(pile, number, Some(patience())))?;
    }
    let (_, [_, full, _]) = P::figures(pile);
    demand(full && P::try_send(pile, 9).is_err(), Verdict::TORN, || "room for more".to_owned())?;
    let got = count_and_drain::<P>(pile)?;
    demand(got == down_from(P::CAPACITY), Verdict::TORN, || format!("sent 1 to {}, got {got:?}", P::CAPACITY))
}

impl<P: Pile> Play for At<P> {
    type Objects = Objects<P>;

    fn create(self, folder: &Folder) -> Objects<P> {
        let region = folder.create();
        let pile = P::create(&region);
        match self.0 {
            Deed::Recv | Deed::RecvSlice | Deed::Close => _ = P::try_send_slice(&pile, [5, 6]),
            Deed::RecvWakes => (1..=P::CAPACITY as u64).for_each(|number| P::try_send(&pile, number).expect("room")),
            _ => {}
        }
        (region, pile)
    }

    fn open(self, folder: &Folder) -> Objects<P> {
        open::<P>(folder)
    }

    fn act(self, (_region, pile): &Objects<P>, begin: &mut dyn FnMut()) {
        begin();
        match self.0 {
            Deed::Send | Deed::SendWakes => _ = black_box(P::try_send(pile, VICTIM)),
            Deed::SendSlice => _ = black_box(P::try_send_slice(pile, [VICTIM, VICTIM + 1])),
            Deed::Recv | Deed::RecvWakes => _ = black_box(P::try_recv(pile)),
            Deed::RecvSlice => _ = black_box(P::try_recv_two(pile)),
            Deed::Close => _ = black_box(P::close(pile)),
        }
    }

    fn sleeper(self) -> Option<fn(Objects<P>) -> u64> {
        match self.0 {
            Deed::SendWakes => Some(|(_region, pile)| P::recv(&pile, Some(patience())).unwrap_or(u64::MAX)),
            Deed::RecvWakes => {
                Some(|(_region, pile)| P::send(&pile, OTHER, Some(patience())).map_or(u64::MAX, |()| OTHER))
            }
            _ => None,
        }
    }

    fn rouse(self, (_region, pile): &Objects<P>) -> Result<(), Finding> {
        if self.0 == Deed::SendWakes {
            return granted("a survivor sends", P::send(pile, OTHER, Some(patience())));
        }
        // The victim may have made room.
        let _ = P::try_recv(pile);
        Ok(())
    }

    fn look(self, (_region, pile): Objects<P>, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let (_, [_, _, closed]) = P::figures(&pile);
        let got = count_and_drain::<P>(&pile)?;
        let right = match self.0 {
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
                let [one, two] = [1, 2].map(|less| down_from(P::CAPACITY - less));
                result == OTHER && (below == one || (below == two && below != got))
            }
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}"))?;
        if closed {
            let refused = P::try_send(&pile, 1).is_err();
            return demand(self.0 == Deed::Close && refused, Verdict::TORN, || "closed".to_owned());
        }
        let (_region, newcomer) = open::<P>(folder);
        work::<P>(&newcomer)?;
        work::<P>(&pile)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    SendSend,
    SendRecv,
    RecvRecv,
}

/// What they do it at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both<P>(pub(super) Couple, pub(super) P);

impl<P: Pile> couple::Couple for Both<P> {
    type Objects = Objects<P>;

    fn make(self, folder: &Folder, new: bool) -> Objects<P> {
        if !new {
            return open::<P>(folder);
        }
        let region = folder.create();
        let pile = P::create(&region);
        P::try_send_slice(&pile, [1, 2]).expect("there is room");
        (region, pile)
    }

    fn act(self, first: bool, (_region, pile): &Objects<P>, begin: &mut dyn FnMut()) -> u64 {
        let sends = match self.0 {
            Couple::SendSend => true,
            Couple::SendRecv => first,
            Couple::RecvRecv => false,
        };
        let sent = if first { 20 } else { 30 };
        begin();
        if sends { P::send(pile, sent, None).map_or(1000, |()| sent) } else { P::recv(pile, None).unwrap_or(1000) }
    }

    fn meanwhile(self, (_region, pile): &Objects<P>) -> Result<(), Finding> {
        let (len, [empty, ..]) = P::figures(pile);
        demand(len <= 4 && empty == (len == 0), Verdict::TORN, || format!("{len} messages, empty: {empty}"))
    }

    fn afterwards(
        self,
        (_region, pile): &Objects<P>,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let got = count_and_drain::<P>(pile)?;
        let done = point.killed_finished;
        let right = match self.0 {
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
        let (_region, newcomer) = open::<P>(folder);
        work::<P>(&newcomer)
    }
}
