//! One-to-one queues: an end is killed at every instruction; its successor goes on exactly where it stopped.

use std::time::Duration;

use ipc_posix::{RecvTimeoutError, Region, Spsc, SpscConsumer, SpscProducer};

use super::books::{Message, VICTIM, message, serial_of};
use super::patience;
use super::play::{self, Finding, Play, counted, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "stream";
const CAPACITY: usize = 4;
/// A wait that is not expected to be long enough.
const SOON: Duration = Duration::from_millis(2);

type Objects = (Region, Spsc<Message>);

/// What the victim does; it holds its end before, except where it claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    TrySend,
    /// Three at once, around the end of the array.
    SendBatch,
    /// Written in place.
    SendChunk,
    /// Waits for room in vain.
    SendInVain,
    TryRecv,
    /// As many as there are.
    RecvBatch,
    RecvChunk,
    /// Waits for a message in vain.
    RecvInVain,
    /// Claims the producing end, sends, and gives it up.
    ProducerComes,
    ConsumerComes,
    /// After an earlier producer that was killed.
    ProducerComesAfterDeath,
    Close,
    /// Sends while the consumer sleeps.
    SendWakes,
    /// Receives from a full queue while the producer sleeps.
    RecvWakes,
    /// Leaves while the consumer sleeps.
    LeaveWakes,
    CloseWakes,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::TrySend, Deed::SendBatch, Deed::SendChunk, Deed::SendInVain])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::TryRecv, Deed::RecvBatch, Deed::RecvChunk, Deed::RecvInVain])
}

pub(super) fn ends() -> Scenes {
    play::scenes(&[Deed::ProducerComes, Deed::ConsumerComes, Deed::ProducerComesAfterDeath, Deed::Close])
}

pub(super) fn wakes() -> Scenes {
    play::scenes(&[Deed::SendWakes, Deed::RecvWakes, Deed::LeaveWakes, Deed::CloseWakes])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.spsc(NAME).open().expect("the queue opens");
    (region, queue)
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let queue = region.spsc(NAME).capacity(CAPACITY).create().expect("the queue is created");
    (region, queue)
}

/// A producer that died, unknown to anybody yet.
fn die_as_producer(folder: &Folder) {
    let helper = super::stage::Helper::fork(|| {
        let (_region, queue) = open(folder);
        let _producer = queue.producer().expect("nobody is the producer");
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) }
    });
    assert!(helper.join(), "the earlier producer dies as planned");
}

fn messages(serials: impl IntoIterator<Item = u64>) -> Vec<Message> {
    serials.into_iter().map(message).collect()
}

/// The end, which nobody alive holds.
fn producer(queue: &Spsc<Message>) -> Result<SpscProducer<Message>, Finding> {
    granted("a new producer", queue.producer())
}

fn consumer(queue: &Spsc<Message>) -> Result<SpscConsumer<Message>, Finding> {
    granted("a new consumer", queue.consumer())
}

/// What is there, oldest first; a torn message is 0.
fn drain(consumer: &mut SpscConsumer<Message>) -> Vec<u64> {
    consumer.try_iter().map(|message| serial_of(&message).unwrap_or(0)).collect()
}

/// The messages, of which there are as many as the queue says.
fn count_and_drain(queue: &Spsc<Message>) -> Result<Vec<u64>, Finding> {
    let mut consumer = consumer(queue)?;
    counted(|| (queue.len(), queue.is_empty()), || drain(&mut consumer))
}

/// Both ends of survivors, for a lap and more.
fn work(queue: &Spsc<Message>) -> Result<(), Finding> {
    let (mut producer, mut consumer) = (producer(queue)?, consumer(queue)?);
    for serial in 1..=2 * CAPACITY as u64 + 1 {
        granted("a survivor sends", producer.send_timeout(message(serial), patience()))?;
        let got = granted("a survivor receives", consumer.recv_timeout(patience()))?;
        demand(got == message(serial), Verdict::TORN, || format!("sent {serial}, got {:?}", serial_of(&got)))?;
    }
    let full = messages(1..=CAPACITY as u64 + 1);
    let sent = granted("a survivor sends", producer.try_send_slice(&full))?;
    demand(sent == CAPACITY && queue.is_full(), Verdict::TORN, || format!("room for {sent}"))?;
    let got = drain(&mut consumer);
    demand(got == (1..=CAPACITY as u64).collect::<Vec<_>>(), Verdict::TORN, || format!("{got:?}"))
}

impl Deed {
    /// Messages that are there when the operation begins, the first two places behind the array's begin.
    fn filled(self) -> u64 {
        match self {
            Deed::SendBatch | Deed::SendChunk | Deed::ProducerComes | Deed::ProducerComesAfterDeath => 1,
            Deed::TrySend | Deed::TryRecv | Deed::ConsumerComes | Deed::Close => 2,
            Deed::RecvBatch | Deed::RecvChunk => 3,
            Deed::SendInVain | Deed::RecvWakes => CAPACITY as u64,
            Deed::RecvInVain | Deed::SendWakes | Deed::LeaveWakes | Deed::CloseWakes => 0,
        }
    }

    /// What it adds behind and takes from the front, when it is done.
    fn effect(self) -> (u64, u64) {
        match self {
            Deed::TrySend | Deed::ProducerComes | Deed::ProducerComesAfterDeath | Deed::Close | Deed::SendWakes => {
                (1, 0)
            }
            Deed::SendBatch | Deed::SendChunk => (3, 0),
            Deed::TryRecv | Deed::ConsumerComes | Deed::RecvWakes => (0, 1),
            Deed::RecvBatch | Deed::RecvChunk => (0, 3),
            Deed::SendInVain | Deed::RecvInVain | Deed::LeaveWakes | Deed::CloseWakes => (0, 0),
        }
    }
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let (region, queue) = create(folder);
        let (mut producer, mut consumer) = (queue.producer().expect("free"), queue.consumer().expect("free"));
        producer.send_slice(&messages([7, 7])).expect("there is room");
        assert_eq!(drain(&mut consumer).len(), 2);
        producer.send_slice(&messages(1..=self.filled())).expect("there is room");
        drop((producer, consumer));
        if self == Deed::ProducerComesAfterDeath {
            die_as_producer(folder);
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let batch = messages(VICTIM..VICTIM + 3);
        match self {
            Deed::ProducerComes | Deed::ProducerComesAfterDeath => {
                begin();
                let mut producer = queue.producer().expect("nobody alive is the producer");
                let _ = std::hint::black_box(producer.try_send(batch[0]));
            }
            Deed::ConsumerComes => {
                begin();
                let mut consumer = queue.consumer().expect("nobody is the consumer");
                let _ = std::hint::black_box(consumer.try_recv());
            }
            Deed::TrySend
            | Deed::SendBatch
            | Deed::SendChunk
            | Deed::SendInVain
            | Deed::Close
            | Deed::SendWakes
            | Deed::LeaveWakes
            | Deed::CloseWakes => {
                let mut producer = queue.producer().expect("nobody is the producer");
                begin();
                match self {
                    Deed::SendBatch => drop(std::hint::black_box(producer.try_send_slice(&batch))),
                    Deed::SendChunk => {
                        let mut chunk = producer.try_write_chunk(3).expect("there is room");
                        for (index, message) in batch.iter().enumerate() {
                            chunk.set(index, *message);
                        }
                        chunk.commit(3).unwrap();
                    }
                    Deed::SendInVain => drop(std::hint::black_box(producer.send_timeout(batch[0], SOON))),
                    Deed::Close => {
                        let _ = std::hint::black_box(producer.try_send(batch[0]));
                        producer.close().unwrap();
                    }
                    Deed::LeaveWakes => drop(producer),
                    Deed::CloseWakes => drop(std::hint::black_box(producer.close().unwrap())),
                    _ => drop(std::hint::black_box(producer.try_send(batch[0]))),
                }
            }
            Deed::TryRecv | Deed::RecvBatch | Deed::RecvChunk | Deed::RecvInVain | Deed::RecvWakes => {
                let mut consumer = queue.consumer().expect("nobody is the consumer");
                let mut out = [message(0); 3];
                begin();
                match self {
                    Deed::RecvBatch => drop(std::hint::black_box(consumer.try_recv_slice(&mut out))),
                    Deed::RecvChunk => {
                        let chunk = consumer.try_read_chunk(3).expect("messages are there");
                        let _ = std::hint::black_box(chunk.iter().count());
                        chunk.commit(3).unwrap();
                    }
                    Deed::RecvInVain => drop(std::hint::black_box(consumer.recv_timeout(SOON))),
                    _ => drop(std::hint::black_box(consumer.try_recv())),
                }
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        /// The next message, whichever process sends it; the end of the queue is the largest number.
        fn next((_region, queue): Objects) -> u64 {
            let mut consumer = queue.consumer().expect("nobody is the consumer");
            loop {
                match consumer.recv_timeout(patience()) {
                    Ok(message) => return serial_of(&message).unwrap_or(1),
                    Err(RecvTimeoutError::Disconnected) => {
                        if consumer.wait_for_producer_timeout(patience()).is_err() {
                            return 2;
                        }
                    }
                    Err(RecvTimeoutError::Closed) => return u64::MAX,
                    Err(_) => return 3,
                }
            }
        }
        /// Whether the producer is seen to leave.
        fn end((_region, queue): Objects) -> u64 {
            let mut consumer = queue.consumer().expect("nobody is the consumer");
            if consumer.recv_timeout(patience()) == Err(RecvTimeoutError::Disconnected) { u64::MAX } else { 1 }
        }
        fn send((_region, queue): Objects) -> u64 {
            let mut producer = queue.producer().expect("nobody is the producer");
            loop {
                match producer.send_timeout(message(VICTIM), patience()) {
                    Ok(()) => return VICTIM,
                    Err(error) if error.is_disconnected() => {
                        if producer.wait_for_consumer_timeout(patience()).is_err() {
                            return 2;
                        }
                    }
                    Err(_) => return 3,
                }
            }
        }
        match self {
            Deed::SendWakes | Deed::CloseWakes => Some(next),
            Deed::LeaveWakes => Some(end),
            Deed::RecvWakes => Some(send),
            _ => None,
        }
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        match self {
            Deed::SendWakes => granted("a survivor sends", producer(queue)?.try_send(message(VICTIM + 1))),
            Deed::CloseWakes => {
                queue.close().unwrap();
                Ok(())
            }
            Deed::RecvWakes => {
                // The victim may have made room already; then there may be none to take.
                let _ = consumer(queue)?.try_recv();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = queue.is_closed();
        let got = count_and_drain(&queue)?;
        match self {
            Deed::SendWakes => {
                let all: Vec<u64> = [result].into_iter().chain(got).collect();
                // The victim's, if it sent it; and the survivor's, in any case.
                let right = all == [VICTIM, VICTIM + 1] || (all == [VICTIM + 1] && !finished);
                demand(right, Verdict::LOST, || format!("{all:?}"))?;
            }
            Deed::LeaveWakes | Deed::CloseWakes => {
                demand(result == u64::MAX && got.is_empty(), Verdict::TORN, || format!("{result}, {got:?}"))?;
            }
            Deed::RecvWakes => {
                let expected: Vec<u64> = (1..=self.filled()).chain([VICTIM]).collect();
                let right = [1, 2].iter().any(|taken| got == expected[*taken..]);
                demand(right && result == VICTIM, Verdict::LOST, || format!("{result}, {got:?}"))?;
            }
            _ => {
                let (adds, takes) = self.effect();
                let before: Vec<u64> = (1..=self.filled()).collect();
                let after: Vec<u64> = (1..=self.filled()).skip(takes as usize).chain(VICTIM..VICTIM + adds).collect();
                let right = got == after || (got == before && !finished);
                demand(right, Verdict::LOST, || format!("{got:?}, finished: {finished}"))?;
            }
        }
        let right = match self {
            Deed::CloseWakes => closed,
            Deed::Close => closed || !finished,
            _ => !closed,
        };
        demand(right, Verdict::TORN, || format!("closed: {closed}"))?;
        if closed {
            let refused = producer(&queue)?.try_send(message(1));
            return demand(refused.is_err(), Verdict::TORN, || "sent into a closed queue".to_owned());
        }
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&queue)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    SendRecv,
    RecvSend,
    /// Both claim the producing end, and send if they get it.
    ClaimClaim,
}

impl Couple {
    fn sends(self, first: bool) -> bool {
        match self {
            Couple::SendRecv => first,
            Couple::RecvSend => !first,
            Couple::ClaimClaim => true,
        }
    }
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if !new {
            return open(folder);
        }
        let (region, queue) = create(folder);
        queue.producer().expect("free").send_slice(&messages(1..=2)).expect("there is room");
        (region, queue)
    }

    /// The serial number that it sent or received; 1000 if it was refused.
    fn act(self, first: bool, (_region, queue): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let mine = VICTIM + u64::from(first);
        if self == Couple::ClaimClaim {
            begin();
            return match queue.producer() {
                Ok(mut producer) => producer.try_send(message(mine)).map_or(1000, |()| mine),
                Err(_) => 1000,
            };
        }
        if self.sends(first) {
            let mut producer = queue.producer().expect("nobody is the producer");
            begin();
            producer.try_send(message(mine)).map_or(1000, |()| mine)
        } else {
            let mut consumer = queue.consumer().expect("nobody is the consumer");
            begin();
            consumer.try_recv().map_or(1000, |message| serial_of(&message).unwrap_or(0))
        }
    }

    fn meanwhile(self, (_region, queue): &Objects) -> Result<(), Finding> {
        let (len, empty, full) = (queue.len(), queue.is_empty(), queue.is_full());
        let right = len <= CAPACITY && empty == (len == 0) && full == (len == CAPACITY);
        demand(right, Verdict::TORN, || format!("{len} messages, empty: {empty}, full: {full}"))
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
            Couple::SendRecv => {
                result == VICTIM + 1 && (got == [2, VICTIM + 1] || (got == [1, 2, VICTIM + 1] && !done))
            }
            Couple::RecvSend => result == 1 && (got == [2, VICTIM] || (got == [2] && !done)),
            // Who came while the other one held the end was refused; the dead one may have been.
            Couple::ClaimClaim => {
                let first = result == VICTIM + 1;
                (first || result == 1000)
                    && (got == [1, 2]
                        || got == [1, 2, VICTIM]
                        || got == [1, 2, VICTIM + 1]
                        || got == [1, 2, VICTIM, VICTIM + 1]
                        || got == [1, 2, VICTIM + 1, VICTIM])
                    && first == got.contains(&(VICTIM + 1))
            }
        };
        demand(right, Verdict::LOST, || format!("result {result}, left {got:?}, the second one finished: {done}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
