//! Loan queues: the victim is killed while it borrows, sends, receives or gives back. Blocks come back exactly, and survivors go on. In
//! pairs, one process is stopped at each of its instructions besides, and the survivors go on at once, without waiting for anything.

use ipc_posix::{LoanQueue, Region};

use super::play::{self, Finding, Play, counted, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "blocks";
const BLOCKS: usize = 4;
const LEN: usize = 5;
const VICTIM: u64 = 1_000_000;
const OTHER: u64 = 2_000_000;

type Objects = (Region, LoanQueue<u64>);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Send,
    /// Borrows and gives back.
    Borrow,
    /// When all blocks are a dead process's.
    SendAfterDeath,
    SendWakes,
    Recv,
    /// Receives, and sends the same block on.
    Forward,
    RecvWakes,
    Close,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::Borrow, Deed::SendAfterDeath, Deed::SendWakes])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::Forward, Deed::RecvWakes, Deed::Close])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let queue = region.loan_queue(NAME).open().expect("the queue opens");
    (region, queue)
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let queue = region.loan_queue(NAME).blocks(BLOCKS).block_len(LEN).create().expect("the queue is created");
    (region, queue)
}

/// A message that shows when it is torn.
fn message(number: u64) -> [u64; LEN] {
    std::array::from_fn(|i| number.wrapping_mul(i as u64 + 1))
}

fn number(elements: &[u64]) -> u64 {
    if elements == message(elements[0]) { elements[0] } else { 0 }
}

fn drain(queue: &LoanQueue<u64>) -> Vec<u64> {
    std::iter::from_fn(|| queue.try_recv().ok()).map(|received| number(&received.to_vec())).collect()
}

/// The messages, of which there are as many as the queue says.
fn count_and_drain(queue: &LoanQueue<u64>) -> Result<Vec<u64>, Finding> {
    counted(|| (queue.len(), queue.is_empty()), || drain(queue))
}

/// All blocks are there again, and go round.
fn work(queue: &LoanQueue<u64>) -> Result<(), Finding> {
    for _ in 0..2 {
        for number in 1..=BLOCKS as u64 {
            granted("a survivor sends", queue.try_send_copy(&message(number)))?;
        }
        demand(queue.try_loan(1).is_err(), Verdict::TORN, || "more blocks than there are".to_owned())?;
        demand(queue.is_full() && queue.free_blocks() == 0, Verdict::TORN, || "blocks are left".to_owned())?;
        let got = count_and_drain(queue)?;
        demand(got == (1..=BLOCKS as u64).collect::<Vec<_>>(), Verdict::LOST, || format!("{got:?}"))?;
    }
    let free = queue.free_blocks();
    demand(free == BLOCKS && !queue.is_full(), Verdict::LOST, || format!("{free} blocks are free"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let (region, queue) = create(folder);
        let filled = match self {
            Deed::Recv | Deed::Forward | Deed::Close => 2,
            Deed::RecvWakes => BLOCKS as u64,
            _ => 0,
        };
        for number in 1..=filled {
            queue.try_send_copy(&message(number)).expect("a block is free");
        }
        if self == Deed::SendAfterDeath {
            let helper = super::stage::Helper::fork(|| {
                let (_region, queue) = open(folder);
                let _loans: Vec<_> = (0..BLOCKS).map(|_| queue.try_loan(1).expect("a block is free")).collect();
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(0) }
            });
            assert!(helper.join(), "the earlier borrower dies as planned");
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let mine = message(VICTIM);
        let mut out = [0; LEN];
        begin();
        match self {
            Deed::Send | Deed::SendAfterDeath | Deed::SendWakes => {
                let _ = std::hint::black_box(queue.try_send_copy(&mine));
            }
            Deed::Borrow => drop(std::hint::black_box(queue.try_loan(LEN))),
            Deed::Recv | Deed::RecvWakes => {
                if let Ok(received) = queue.try_recv() {
                    received.copy_to_slice(&mut out);
                    std::hint::black_box(&out);
                }
            }
            Deed::Forward => {
                if let Ok(received) = queue.try_recv() {
                    let _ = std::hint::black_box(received.into_loan().send().is_ok());
                }
            }
            Deed::Close => {
                let _ = std::hint::black_box(queue.close().unwrap());
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SendWakes => Some(|(_region, queue)| {
                queue.recv_timeout(patience()).map_or(u64::MAX, |received| number(&received.to_vec()))
            }),
            Deed::RecvWakes => Some(|(_region, queue)| {
                let loan = queue.loan_uninit_timeout(LEN, patience()).map(|mut loan| {
                    loan.copy_from_slice(&message(OTHER));
                    loan.send().is_ok()
                });
                if loan == Ok(true) { OTHER } else { u64::MAX }
            }),
            _ => None,
        }
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        if self == Deed::SendWakes {
            let mut loan = granted("a survivor borrows", queue.loan_uninit_timeout(LEN, patience()))?;
            loan.copy_from_slice(&message(OTHER));
            return loan.send().map_err(|error| (Verdict::WEDGED, format!("a survivor sends: {error}")));
        }
        // The victim may have given a block back.
        drop(queue.try_recv());
        Ok(())
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = queue.is_closed();
        let got = count_and_drain(&queue)?;
        let right = match self {
            Deed::Send | Deed::SendAfterDeath => got == [VICTIM] || (got.is_empty() && !finished),
            Deed::Borrow => got.is_empty(),
            Deed::Recv => got == [2] || (got == [1, 2] && !finished),
            Deed::Forward => got == [2, 1] || (!finished && (got == [1, 2] || got == [2])),
            Deed::Close => got == [1, 2] && (closed || !finished),
            Deed::SendWakes => {
                let all: Vec<u64> = [result].into_iter().chain(got.clone()).collect();
                all == [VICTIM, OTHER] || (all == [OTHER] && !finished)
            }
            Deed::RecvWakes => result == OTHER && (got == [2, 3, 4, OTHER] || got == [3, 4, OTHER]),
        };
        demand(right, Verdict::LOST, || format!("{got:?}, result {result}, finished {finished}"))?;
        if closed {
            return demand(self == Deed::Close && queue.try_send_copy(&message(1)).is_err(), Verdict::TORN, || {
                "closed".to_owned()
            });
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
    RecvSend,
    RecvRecv,
}

impl Couple {
    fn sends(self, first: bool) -> bool {
        match self {
            Couple::SendSend => true,
            Couple::SendRecv => first,
            Couple::RecvSend => !first,
            Couple::RecvRecv => false,
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
        queue.try_send_copy(&message(1)).expect("a block is free");
        if self == Couple::RecvRecv {
            queue.try_send_copy(&message(2)).expect("a block is free");
        }
        (region, queue)
    }

    /// The number that it sent or received; 0 if it found nothing.
    fn act(self, first: bool, (_region, queue): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let mine = VICTIM + u64::from(first);
        let elements = message(mine);
        let mut out = [0; LEN];
        begin();
        if self.sends(first) {
            return queue.try_send_copy(&elements).map_or(1, |()| mine);
        }
        match queue.try_recv() {
            Ok(received) => {
                received.copy_to_slice(&mut out);
                drop(received);
                number(&out)
            }
            Err(_) => 0,
        }
    }

    /// The survivors send and receive at once, whatever the stopped one is in the middle of, and whatever the dead one was: there are
    /// blocks enough.
    fn meanwhile(self, (_region, queue): &Objects) -> Result<(), Finding> {
        granted("a survivor sends at once", queue.try_send_copy(&message(OTHER)))?;
        Ok(())
    }

    fn afterwards(
        self,
        (_region, queue): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let mut got = count_and_drain(queue)?;
        let done = point.killed_finished;
        // The survivor's come whenever they were sent: what counts is that each is there once.
        let survivors = got.iter().filter(|number| **number == OTHER).count();
        got.retain(|number| *number != OTHER);
        let mine = VICTIM + 1;
        let right = match self {
            Couple::SendSend => {
                result == mine && (got == [1, mine, VICTIM] || got == [1, VICTIM, mine] || (got == [1, mine] && !done))
            }
            // The second one may have received a survivor's, or the first one's; or have died with it.
            Couple::SendRecv => {
                result == mine && [&[1, mine][..], &[mine], &[1]].contains(&&got[..]) && (got != [1, mine] || !done)
            }
            Couple::RecvSend => {
                let left: Vec<u64> = got.iter().copied().filter(|number| *number != VICTIM).collect();
                (result == 1 && left.is_empty() || result == OTHER || result == VICTIM)
                    && (got.contains(&VICTIM) || result == VICTIM || !done)
            }
            Couple::RecvRecv => result != 0 && (result == 1 || result == 2) && !got.contains(&result),
        };
        let whole = !got.contains(&0) && survivors <= 2;
        demand(right && whole, Verdict::LOST, || {
            format!("result {result}, left {got:?} and {survivors}, the second one finished: {done}")
        })?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
