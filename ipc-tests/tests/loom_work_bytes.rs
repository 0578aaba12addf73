//! Work queues of bytes: a job's bytes are read in place, and written only while nobody reads them.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{TryRecvError, TrySendBytesError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_core::work::{ByteLease, ByteOptions, ByteWorkQueue};
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths, id};
use loom::thread;

type Queue<'m> = ByteWorkQueue<'m, Actor>;
type Words = Arc<Shared<ByteOptions>>;

fn made(capacity: u64, leases: u32) -> Words {
    let mut wanted = ByteOptions::new(capacity, 16);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(leases), Some(0));
    wanted.jobs.start = (1 << 44) - 1;
    Shared::new(wanted)
}

/// As many bytes as the number says, all of them the number.
fn job(number: u8) -> Vec<u8> {
    vec![number; number.into()]
}

fn number(job: &[u8]) -> u8 {
    assert!(job.iter().all(|byte| usize::from(*byte) == job.len()), "{job:?}");
    job.len() as u8
}

fn send(queue: &Queue<'_>, number: u8) {
    loop {
        match queue.try_send(&job(number)) {
            Ok(()) => return,
            Err(TrySendBytesError::Full) => spin_hint(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn try_lease<'q, 'm>(queue: &'q Queue<'m>) -> Option<ByteLease<'q, 'm, Actor>> {
    match queue.try_recv() {
        Ok(lease) => Some(lease),
        Err(TryRecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

fn lease<'q, 'm>(queue: &'q Queue<'m>) -> ByteLease<'q, 'm, Actor> {
    loop {
        match try_lease(queue) {
            Some(lease) => return lease,
            None => spin_hint(),
        }
    }
}

/// What is left, with the attempts.
fn drain(queue: &Queue<'_>) -> Vec<(u8, u32)> {
    std::iter::from_fn(|| {
        let lease = try_lease(queue)?;
        let got = (number(&lease), lease.attempt());
        lease.done().unwrap();
        Some(got)
    })
    .collect()
}

/// Proves that jobs of differing length go through whole, and that nobody writes a block while its holder reads it.
#[test]
fn blocks_are_written_alone() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let queue = other.handle(&one);
            [3, 1, 9].into_iter().for_each(|number| send(&queue, number));
        });
        let queue = shared.handle(&two);
        // With both blocks in hand, it is `done` alone that says that a job was read.
        let [first, second] = [(); 2].map(|()| lease(&queue));
        assert_eq!((number(&first), number(&second)), (3, 1));
        first.done().unwrap();
        second.done().unwrap();
        let third = lease(&queue);
        assert_eq!((number(&third), third.attempt()), (9, 1));
        third.done().unwrap();
        sender.join().unwrap();
    });
}

/// Proves that of two senders beside each other neither writes the other's block.
#[test]
fn two_senders_write_apart() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || send(&shared.handle(&actor), number as u8 * 3))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let mut got = drain(&shared.handle(&machine.actor(3)));
        got.sort_unstable();
        assert_eq!(got, [(3, 1), (6, 1)]);
    });
}

/// Proves that wherever a holder dies that reads its job and gives it back, the next one reads it whole, beside a sender.
#[test]
fn a_reader_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        send(&shared.handle(&three), 5);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            let read = one.live(at, || try_lease(&first.handle(&one)).map(|lease| number(&lease)));
            read.is_none()
        });
        let sender = thread::spawn(move || second.handle(&two).try_send(&job(7)).is_ok());
        let (died, sent) = (mortal.join().unwrap(), sender.join().unwrap());
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        let got: Vec<u8> = drain(&shared.handle(&three)).into_iter().map(|(number, _)| number).collect();
        assert_eq!(got, if sent { vec![5, 7] } else { vec![5] });
        died
    });
}
