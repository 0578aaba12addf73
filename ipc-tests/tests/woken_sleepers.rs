//! Sleepers that are woken before any of their sleeps is over, by signals or by the wake-ups of others: they notice all the same
//! that the participant they wait for is dead, and none of them returns early. On a clock that the test moves.

#![cfg(not(loom))]

use std::mem::forget;
use std::time::Duration;

use ipc_core::error::{BarrierError, LockError, RecvBytesError, RecvError, SendError};
use ipc_core::object::{Blueprint, Zeroes};
use ipc_core::{barrier, bytes, loan, mutex, queue, rwlock, semaphore, spsc};
use ipc_tests::moved_clock::{Person, World, pair};

/// A wake-up comes after this time of each sleep: less than any slice.
const EVERY: Duration = Duration::from_millis(1);
/// The sleep in which the other participant dies.
const DEATH: u32 = 40;

type Handle<B> = <B as Blueprint>::Handle<'static, Person<'static>>;

/// Plays one kind: the handle of the one that waits, and that of the one that dies. The wait must end by the death, and not before.
fn play<B: Blueprint>(wanted: B, wait: impl FnOnce(&Handle<B>, &Handle<B>)) {
    let world: &World = Box::leak(Box::new(World::with_a_death(DEATH, EVERY)));
    let (waiter, mortal) = pair(&wanted, world);
    wait(&waiter, &mortal);
    // What the dead one has, nobody gives back.
    forget(mortal);
    assert!(world.is_dead(), "it returned before the death");
}

#[test]
fn locks() {
    play(mutex::Options { initial: 0_u64, schema: 0.into() }, |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock(), Err(LockError::OwnerDied(_))));
    });
    play(mutex::Options { initial: 0_u64, schema: 0.into() }, |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock_timeout(Duration::from_secs(1)).err(), Some(error) if error.is_owner_died()));
    });
    play(mutex::Options { initial: 0_u64, schema: 0.into() }, |waiter, mortal| {
        forget(mortal.lock_transaction().unwrap());
        assert!(waiter.lock_transaction().is_ok());
    });
    play(mutex::ReentrantOptions::<Zeroes<u64>>::default(), |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options::<Zeroes<u64>>::new(4), |waiter, mortal| {
        forget(mortal.write().unwrap());
        assert!(matches!(waiter.read(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options::<Zeroes<u64>>::new(4), |waiter, mortal| {
        forget(mortal.write().unwrap());
        assert!(matches!(waiter.write(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options::<Zeroes<u64>>::new(4), |waiter, mortal| {
        forget(mortal.read().unwrap());
        assert!(waiter.write().is_ok());
    });
}

#[test]
fn permits_blocks_and_barriers() {
    play(semaphore::Options { permits: Some(2), ..semaphore::Options::default() }, |waiter, mortal| {
        forget(mortal.acquire().unwrap());
        assert!(waiter.acquire_many(2).is_ok());
    });
    play(loan::Options::<u64>::new(1, 4), |waiter, mortal| {
        forget(mortal.loan(4).unwrap());
        assert!(waiter.loan(4).is_ok());
    });
    play(barrier::Options { parties: Some(2) }, |waiter, mortal| {
        mortal.join().unwrap();
        assert_eq!(waiter.wait().err(), Some(BarrierError::Broken));
    });
}

#[test]
fn the_other_end_of_a_queue() {
    play(queue::Options::<u64>::new(1), |waiter, mortal| {
        let receiver = waiter.receiver().unwrap();
        forget(mortal.sender().unwrap());
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    });
    play(queue::Options::<u64>::new(1), |waiter, mortal| {
        let sender = waiter.sender().unwrap();
        forget(mortal.receiver().unwrap());
        sender.send(1).unwrap();
        assert_eq!(sender.send(2), Err(SendError::Disconnected(2)));
    });
    play(bytes::Options::new(64), |waiter, mortal| {
        let receiver = waiter.receiver().unwrap();
        forget(mortal.sender().unwrap());
        assert_eq!(receiver.recv(&mut [0; 8]), Err(RecvBytesError::Disconnected));
    });
    play(spsc::Options::<u64>::new(4), |waiter, mortal| {
        let mut consumer = waiter.consumer().unwrap();
        forget(mortal.producer().unwrap());
        assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    });
}
