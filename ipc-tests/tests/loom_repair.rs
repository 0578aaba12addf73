//! A process dies at any write of a repair, beside one that falls asleep. Nothing ends a sleep but a wake-up: the next repair wakes the
//! sleeper even if the dead process had cleared its announcement already.
#![cfg(loom)]

use ipc_core::broadcast::{self, Policy};
use ipc_core::object::{Blueprint, Zeroes};
use ipc_core::participant::Seized;
use ipc_core::{bytes, loan, queue, rwlock, semaphore, spsc};
use ipc_tests::model::{Actor, Machine, Shared, explore_deaths, id};
use loom::thread;

/// Somebody sleeps until a peer, which is `ready`, acts.
fn strands_nobody<B: Blueprint + 'static, R: 'static>(
    wanted: fn() -> B,
    ready: fn(B::Handle<'static, Actor>) -> R,
    sleep: fn(B::Handle<'static, Actor>),
    act: fn(R),
) {
    explore_deaths(2, move |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new(wanted()));
        machine.actor(1).die();
        let [mortal, sleeper, heir] = [2, 3, 4].map(|number| machine.actor(number));
        let ready = ready(shared.handle(&heir));
        let handle = shared.handle(&sleeper.without_seizing());
        let sleeper = thread::spawn(move || sleep(handle));
        let died = mortal
            .live(at, || {
                let seized = Seized::try_new(&mortal, id(1)).expect("dead, and nobody else seizes it");
                // A wake-up in vain clears the announcement, and wakes those who relied on it afterwards.
                shared.sweep(seized.dead(), &mortal);
            })
            .is_none();
        if died {
            shared.sweep(Seized::try_new(&heir, id(2)).expect("it is dead").dead(), &heir);
        }
        act(ready);
        sleeper.join().unwrap();
        died
    });
}

/// Proves it for receivers of a queue.
#[test]
fn a_receiver_sleeps() {
    strands_nobody(
        || queue::Options::<u64>::new(1),
        |queue| queue,
        |queue| assert_eq!(queue.recv(), Ok(1)),
        |queue| queue.send(1).unwrap(),
    );
}

/// Proves it for senders to a queue.
#[test]
fn a_sender_sleeps() {
    strands_nobody(
        || queue::Options::<u64>::new(1),
        |queue| {
            while queue.try_send(0).is_ok() {}
            queue
        },
        |queue| queue.send(1).unwrap(),
        |queue| assert_eq!(queue.recv(), Ok(0)),
    );
}

/// Proves it for the consumer of a one-to-one queue.
#[test]
fn a_consumer_sleeps() {
    strands_nobody(
        || spsc::Options::<u64>::new(1),
        |queue| queue.producer().unwrap(),
        |queue| assert_eq!(queue.consumer().unwrap().recv(), Ok(1)),
        |mut producer| {
            producer.send(1).unwrap();
            std::mem::forget(producer);
        },
    );
}

/// Proves it for the producer of a one-to-one queue.
#[test]
fn a_producer_sleeps() {
    strands_nobody(
        || spsc::Options::<u64>::new(1),
        |queue| {
            while queue.producer().unwrap().try_send(0).is_ok() {}
            queue.consumer().unwrap()
        },
        |queue| queue.producer().unwrap().send(1).unwrap(),
        |mut consumer| {
            assert_eq!(consumer.recv(), Ok(0));
            std::mem::forget(consumer);
        },
    );
}

/// Proves it for receivers of a byte queue.
#[test]
fn a_byte_receiver_sleeps() {
    strands_nobody(
        || bytes::Options::new(8),
        |queue| queue,
        |queue| assert_eq!(queue.recv(&mut [0; 8]), Ok(1)),
        |queue| queue.send(b"a").unwrap(),
    );
}

/// Proves it for senders to a byte queue.
#[test]
fn a_byte_sender_sleeps() {
    strands_nobody(
        || bytes::Options::new(8),
        |queue| {
            while queue.try_send(b"a").is_ok() {}
            queue
        },
        |queue| queue.send(b"b").unwrap(),
        |queue| assert_eq!(queue.recv(&mut [0; 8]), Ok(1)),
    );
}

/// Proves it for receivers of loans.
#[test]
fn a_loan_receiver_sleeps() {
    strands_nobody(
        || loan::Options::<u64>::new(1, 1),
        |queue| queue,
        |queue| assert_eq!(queue.recv().unwrap().get(0), Some(1)),
        |queue| queue.send_copy(&[1]).unwrap(),
    );
}

/// Proves it for borrowers of blocks.
#[test]
fn a_borrower_sleeps() {
    strands_nobody(
        || loan::Options::<u64>::new(1, 1),
        |queue| {
            queue.send_copy(&[0]).unwrap();
            queue
        },
        |queue| queue.send_copy(&[1]).unwrap(),
        |queue| drop(queue.recv().unwrap()),
    );
}

/// Proves it for subscribers.
#[test]
fn a_subscriber_sleeps() {
    strands_nobody(
        || broadcast::Options::<u64>::new(1),
        |broadcast| broadcast,
        |broadcast| assert_eq!(broadcast.subscribe_last(1).unwrap().recv(), Ok(1)),
        |broadcast| assert!(broadcast.publish(1).is_ok()),
    );
}

/// Proves it for publishers that wait for a subscriber.
#[test]
fn a_publisher_sleeps() {
    strands_nobody(
        || {
            let mut wanted = broadcast::Options::<u64>::new(1);
            wanted.policy = Some(Policy::Wait { subscribers: 1 });
            wanted
        },
        |broadcast| {
            let subscriber = broadcast.subscribe_last(0).unwrap();
            while broadcast.try_publish(0).is_ok() {}
            subscriber
        },
        |broadcast| assert!(broadcast.publish(1).is_ok()),
        |mut subscriber| {
            assert_eq!(subscriber.recv(), Ok(0));
            std::mem::forget(subscriber);
        },
    );
}

/// Proves it for the semaphore.
#[test]
fn an_acquirer_sleeps() {
    strands_nobody(
        || semaphore::Options { permits: Some(0), max: Some(1), bounded: false },
        |semaphore| semaphore,
        |semaphore| drop(semaphore.acquire().unwrap()),
        |semaphore| semaphore.release(1).unwrap(),
    );
}

/// Proves it for a writer that waits for the readers to leave.
#[test]
fn a_writer_sleeps() {
    strands_nobody(
        || rwlock::Options::<Zeroes<u64>>::new(4),
        |lock| Box::leak(Box::new(lock)).read().unwrap(),
        |lock| *lock.write().unwrap() += 1,
        drop,
    );
}
