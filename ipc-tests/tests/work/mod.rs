//! What the models of work queues share.
#![allow(dead_code, reason = "each of the two files uses a part")]

use std::sync::Arc;
use std::time::Duration;

use ipc_core::error::{RecvTimeoutError, TryRecvError, TrySendError};
use ipc_core::sync::spin_hint;
use ipc_core::work::{Lease, Options};
use ipc_core::{Instant, Platform, WorkQueue};
use ipc_tests::model::{Actor, Machine, Shared, Twin, twin, whole};

pub type Queue<'m> = WorkQueue<'m, Twin, Actor>;
pub type Words = Arc<Shared<Options<Twin>>>;

/// A queue for this many jobs, and as many leases, without a limit of attempts.
pub fn made(capacity: u64, leases: u32) -> Words {
    with_attempts(capacity, leases, 0)
}

pub fn with_attempts(capacity: u64, leases: u32, attempts: u32) -> Words {
    let mut wanted = Options::new(capacity);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(leases), Some(attempts));
    // The positions wrap on the way.
    wanted.jobs.start = (1 << 44) - 1;
    Shared::new(wanted)
}

/// A queue whose leases have a time limit.
pub fn with_limit(capacity: u64, leases: u32, attempts: u32) -> Words {
    let mut wanted = Options::new(capacity);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(leases), Some(attempts));
    wanted.lease_limit = Some(Duration::from_millis(1));
    Shared::new(wanted)
}

/// An actor whose clock goes on, and that begins when a lease that was given at the start is over. The clocks of the others stand still.
pub fn late(machine: &Arc<Machine>, number: u16) -> Actor {
    let actor = machine.actor(number).with_clock();
    (0..4).for_each(|_| _ = actor.now());
    actor
}

/// What a receiver gets that finds nothing but a job whose time may be over.
pub fn take_over<'q, 'm>(queue: &'q Queue<'m>) -> Option<Lease<'q, 'm, Twin, Actor>> {
    match queue.recv_deadline(Instant::from_nanos(0)) {
        Ok(lease) => Some(lease),
        Err(RecvTimeoutError::Timeout) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn number(lease: &Lease<'_, '_, Twin, Actor>) -> u64 {
    whole(**lease)
}

pub fn send(queue: &Queue<'_>, job: u64) {
    loop {
        match queue.try_send(twin(job)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => spin_hint(),
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn try_lease<'q, 'm>(queue: &'q Queue<'m>) -> Option<Lease<'q, 'm, Twin, Actor>> {
    match queue.try_recv() {
        Ok(lease) => Some(lease),
        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn lease<'q, 'm>(queue: &'q Queue<'m>) -> Lease<'q, 'm, Twin, Actor> {
    loop {
        match try_lease(queue) {
            Some(lease) => return lease,
            None => spin_hint(),
        }
    }
}

/// Does a job, if there is one.
pub fn try_do(queue: &Queue<'_>) -> Option<u64> {
    try_lease(queue).map(|lease| {
        let job = number(&lease);
        lease.done().unwrap();
        job
    })
}

/// All that is left, with the attempts before; then every block can be used again.
pub fn drain_and_go_on(queue: &Queue<'_>) -> Vec<(u64, u32)> {
    let mut got = Vec::new();
    while let Some(lease) = try_lease(queue) {
        got.push((number(&lease), lease.attempt()));
        lease.done().unwrap();
    }
    assert!(queue.is_idle());
    let (capacity, leases) = (queue.capacity() as u64, u64::from(queue.leases()));
    for job in 100..100 + capacity {
        assert_eq!(queue.try_send(twin(job)), Ok(()), "a block is missing");
    }
    let held: Vec<_> = (0..leases).map(|_| try_lease(queue).expect("a job")).collect();
    for job in 200..200 + leases {
        assert_eq!(queue.try_send(twin(job)), Ok(()), "a block is missing");
    }
    assert!(queue.try_send(twin(0)).is_err());
    held.into_iter().for_each(|lease| lease.done().unwrap());
    for job in (100 + leases..100 + capacity).chain(200..200 + leases) {
        assert_eq!(try_do(queue), Some(job));
    }
    assert_eq!(queue.stats().leased, 0);
    got.sort_unstable();
    got
}
