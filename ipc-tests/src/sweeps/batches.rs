//! Batches on a queue: the victim is killed while it sends or receives several messages at once. Of a batch the first ones arrive; what
//! a consumer takes, it takes as one.

use ipc_posix::{Queue, Region};

use super::books::{Books, Message, VICTIM, message};
use super::play::{self, Finding, Play, demand};
use super::stage::{Deathbed, Folder, QUEUE, queue_of};
use super::{Scenes, patience};
use crate::stepper::Verdict;

const CAPACITY: usize = 4;
const BATCH: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Send,
    /// Behind a batch whose sender died with none of it published.
    SendAfterDeath,
    Recv,
    RecvAfterDeath,
    /// Sends while somebody sleeps for the last one of the batch.
    SendWakes,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendAfterDeath, Deed::SendWakes])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvAfterDeath])
}

type Objects = (Region, Queue<Message>);

fn messages(serials: impl IntoIterator<Item = u64>) -> Vec<Message> {
    serials.into_iter().map(message).collect()
}

/// The serial numbers that a call brought.
fn receive(queue: &Queue<Message>) -> Vec<u64> {
    let mut out = [message(0); BATCH as usize];
    let count = queue.recv_slice_timeout(&mut out, patience()).unwrap_or(0);
    out[..count].iter().map(|message| super::books::serial_of(message).unwrap_or(0)).collect()
}

impl Deed {
    fn filled(self) -> u64 {
        match self {
            Deed::Send => 1,
            Deed::Recv => BATCH,
            Deed::SendAfterDeath | Deed::SendWakes => 0,
            Deed::RecvAfterDeath => 1,
        }
    }
}

/// A process that died after it had taken its tickets and before it published any.
fn die_with_tickets(folder: &Folder, queue: &Queue<Message>, count: u64) {
    let mut deathbed: Deathbed = None;
    let claimant = || {
        crate::stepper::Victim::fork(|gate| {
            let queue = queue_of(&folder.open());
            gate.begin();
            let _ = std::hint::black_box(queue.try_send_slice(&messages(0..count)));
            gate.end();
        })
    };
    super::stage::kill_when(claimant, &mut deathbed, || queue.len() == count as usize);
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let queue = region.queue(QUEUE).capacity(CAPACITY).create().expect("the queue is created");
        if matches!(self, Deed::SendAfterDeath | Deed::RecvAfterDeath) {
            die_with_tickets(folder, &queue, 2);
        }
        for serial in 1..=self.filled() {
            queue.try_send(message(serial)).expect("there is room");
        }
        (region, queue)
    }

    fn open(self, folder: &Folder) -> Objects {
        let region = folder.open();
        let queue = queue_of(&region);
        (region, queue)
    }

    fn act(self, (_region, queue): &Objects, begin: &mut dyn FnMut()) {
        let batch = messages(VICTIM..VICTIM + BATCH);
        let mut out = [message(0); BATCH as usize];
        begin();
        match self {
            Deed::Recv | Deed::RecvAfterDeath => {
                let _ = std::hint::black_box(queue.try_recv_slice(&mut out));
            }
            _ => {
                let _ = std::hint::black_box(queue.try_send_slice(&batch));
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        (self == Deed::SendWakes).then_some(|(_region, queue)| receive(&queue).first().copied().unwrap_or(u64::MAX))
    }

    fn rouse(self, (_region, queue): &Objects) -> Result<(), Finding> {
        demand(queue.send_timeout(message(9), patience()).is_ok(), Verdict::WEDGED, || "no room".to_owned())
    }

    fn look(self, (_region, queue): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let mut books = Books::new();
        books.drain(&queue, false);
        let sends = matches!(self, Deed::Send | Deed::SendAfterDeath | Deed::SendWakes);
        let before: Vec<u64> = (1..=self.filled()).collect();
        let mut allowed = Vec::new();
        if sends {
            let room = match self {
                // The dead one's two tickets still take places, until somebody passes over them.
                Deed::SendAfterDeath => [2, BATCH],
                _ => [BATCH, BATCH],
            };
            for arrived in 0..=BATCH {
                if !finished || room.contains(&arrived) {
                    let all = before.iter().copied().chain(VICTIM..VICTIM + arrived);
                    allowed.push(all.chain((self == Deed::SendWakes).then_some(9)).collect::<Vec<u64>>());
                }
            }
        } else {
            allowed.push(Vec::new());
            if !finished {
                allowed.push(before);
            }
        }
        if self == Deed::SendWakes {
            // The sleeper has taken the first one, and perhaps more with it.
            let got: Vec<u64> = books.got.iter().map(|serial| serial.unwrap_or(0)).collect();
            let right = allowed.iter().any(|way| way.first() == Some(&result) && way.ends_with(&got));
            demand(right, Verdict::LOST, || format!("the sleeper had {result}, then {got:?}"))?;
        } else {
            books.compare(&allowed);
        }
        books.got.clear();
        books.work(&queue, false);
        let newcomer = queue_of(&folder.open());
        let sent = newcomer.try_send_slice(&messages(1..=5));
        demand(sent == Ok(CAPACITY), Verdict::LOST, || format!("a newcomer sent {sent:?}"))?;
        let mut got = receive(&queue);
        got.extend(receive(&newcomer));
        demand(got == [1, 2, 3, 4], Verdict::LOST, || format!("a newcomer's batch: {got:?}"))?;
        demand(books.verdict.is_clean(), books.verdict, || "the books".to_owned())
    }
}
