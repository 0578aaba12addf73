//! Broadcasts: every subscriber gets every message once, whole and in order, or is told what it missed; and nobody sleeps on beside
//! what it waits for, with all time-outs off.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::broadcast::{Options, Policy, Subscriber};
use ipc_core::error::{PublishError, RecvBroadcastError, TryPublishError, TryRecvBroadcastError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

type Words = Shared<Options<Twin>>;

/// A broadcast of this many messages, whose publishers wait for this many subscribers (0: for none).
fn made(capacity: u64, subscribers: u32) -> Arc<Words> {
    let mut wanted = Options::new(capacity);
    wanted.policy = (subscribers > 0).then_some(Policy::Wait { subscribers });
    Shared::new(wanted)
}

fn try_publish(shared: &Words, actor: &Actor, number: u64) -> Result<u64, TryPublishError<Twin>> {
    shared.handle(actor).try_publish(twin(number))
}

fn publish(shared: &Words, actor: &Actor, number: u64) {
    while let Err(error) = try_publish(shared, actor, number) {
        assert!(matches!(error, TryPublishError::Full(_)), "{error:?}");
        spin_hint();
    }
}

fn subscribe(shared: &Words, actor: &Actor, back: usize) -> Subscriber<'static, Twin, Actor> {
    shared.handle(actor).subscribe_last(back).expect("a cursor is free")
}

/// Proves "published" and "overwritten" where publishers do not wait: what arrives is whole, and what is missed is counted.
#[test]
fn who_is_slow_is_told() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(2, 0);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let mut subscriber = subscribe(&shared, &two, 0);
        let publisher = thread::spawn(move || (0..3).for_each(|number| publish(&shared, &one, number)));
        let subscriber = thread::spawn(move || {
            let mut expected = 0;
            while expected < 3 {
                match subscriber.try_recv() {
                    Ok(message) => {
                        assert_eq!(whole(message), expected);
                        expected += 1;
                    }
                    Err(TryRecvBroadcastError::Lagged(missed)) => expected += missed,
                    // Writers may have spoilt all three attempts.
                    Err(TryRecvBroadcastError::Empty | TryRecvBroadcastError::Fault(_)) => spin_hint(),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        publisher.join().unwrap();
        subscriber.join().unwrap();
    });
}

/// Proves "published" and "free" where publishers wait: nothing is missed, whichever side is slow.
#[test]
fn nobody_misses_anything() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1, 1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let mut subscriber = subscribe(&shared, &two, 0);
        let publisher = thread::spawn(move || (0..3).for_each(|number| publish(&shared, &one, number)));
        let subscriber = thread::spawn(move || {
            let mut expected = 0;
            while expected < 3 {
                match subscriber.try_recv() {
                    Ok(message) => {
                        assert_eq!(whole(message), expected);
                        expected += 1;
                    }
                    Err(TryRecvBroadcastError::Empty) => spin_hint(),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        publisher.join().unwrap();
        subscriber.join().unwrap();
    });
}

/// Proves that a subscriber that joins for the last messages while others are published gets those and all behind them.
#[test]
fn who_joins_late_misses_nothing() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(2, 2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        // A first subscriber has read everything: publishers have gone far ahead of it.
        let mut first = subscribe(&shared, &two, 0);
        for number in 0..2 {
            publish(&shared, &one, number);
            assert_eq!(first.try_recv().map(whole), Ok(number));
        }
        drop(first);
        let (other, actor) = (shared.clone(), one.clone());
        let publisher = thread::spawn(move || try_publish(&other, &actor, 2).is_ok());
        let joiner = thread::spawn(move || {
            let mut subscriber = subscribe(&shared, &two, 2);
            let first = subscriber.next_number();
            let second = try_publish(&shared, &two, 3).is_ok();
            let mut messages = subscriber.try_iter();
            let got: Vec<u64> = messages.by_ref().map(whole).collect();
            assert_eq!(messages.end(), Some(TryRecvBroadcastError::Empty));
            let in_order = got.iter().copied().eq(first..first + got.len() as u64);
            assert!(!second && got.len() >= 2 && in_order, "{first}, {second}, {got:?}");
        });
        publisher.join().unwrap();
        joiner.join().unwrap();
    });
}

/// Proves: wherever a publisher dies beside a living one, its message is there whole or not at all.
#[test]
fn a_publisher_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(4, 0);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let mut subscriber = subscribe(&shared, &three, 0);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || publish(&first, &one, 1)).is_none());
        let other = thread::spawn(move || publish(&second, &two, 2));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        publish(&shared, &three, 3);
        let got: Vec<u64> = subscriber.try_iter().map(whole).collect();
        let mut sorted = got.clone();
        sorted.sort_unstable();
        assert!(sorted == [1, 2, 3] || (sorted == [2, 3] && died), "{got:?}");
        assert_eq!(got.last(), Some(&3));
        died
    });
}

/// Proves: wherever a subscriber dies, the publishers that wait for it go on.
#[test]
fn a_subscriber_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(1, 1);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || subscribe(&first, &one, 0).try_recv().is_ok()).is_none());
        let publisher = thread::spawn(move || {
            publish(&second, &two, 0);
            publish(&second, &two, 1);
        });
        let died = mortal.join().unwrap();
        publisher.join().unwrap();
        assert_eq!(subscribe(&shared, &three, 1).try_recv().map(whole), Ok(1));
        died
    });
}

/// Proves that a message wakes a sleeping subscriber, and its receipt a sleeping publisher.
#[test]
fn sleepers_are_woken() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1, 1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut subscriber = subscribe(&shared, &two, 0);
        let publisher = thread::spawn(move || {
            let broadcast = shared.handle(&one);
            (0..2).for_each(|number| assert_eq!(broadcast.publish(twin(number)), Ok(number)));
        });
        (0..2).for_each(|number| assert_eq!(subscriber.recv().map(whole), Ok(number)));
        publisher.join().unwrap();
    });
}

/// Proves that a subscriber that leaves wakes the publisher that waits for it.
#[test]
fn a_leaver_wakes_a_publisher() {
    explore(None, || {
        let machine = Machine::new();
        let shared = made(1, 1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let subscriber = subscribe(&shared, &two, 0);
        publish(&shared, &one, 0);
        let leaver = thread::spawn(move || drop(subscriber));
        assert_eq!(shared.handle(&one).publish(twin(1)), Ok(1));
        leaver.join().unwrap();
    });
}

/// Proves that closing wakes a sleeping subscriber.
#[test]
fn closing_ends_a_subscriber() {
    explore(None, || {
        let machine = Machine::new();
        let shared = made(1, 0);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut subscriber = subscribe(&shared, &two, 0);
        let closer = thread::spawn(move || assert!(shared.handle(&one).close().unwrap()));
        assert_eq!(subscriber.recv(), Err(RecvBroadcastError::Closed));
        closer.join().unwrap();
    });
}

/// Proves that closing wakes a sleeping publisher, whose value comes back.
#[test]
fn closing_ends_a_publisher() {
    explore(None, || {
        let machine = Machine::new();
        let shared = made(1, 1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let _subscriber = subscribe(&shared, &two, 0);
        publish(&shared, &two, 0);
        let other = shared.clone();
        let closer = thread::spawn(move || assert!(other.handle(&one).close().unwrap()));
        assert_eq!(shared.handle(&two).publish(twin(1)), Err(PublishError::Closed(twin(1))));
        closer.join().unwrap();
    });
}

/// Proves that the last publisher's leaving wakes a sleeping subscriber, after its last message.
#[test]
fn the_last_publisher_leaves() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1, 0);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut subscriber = subscribe(&shared, &two, 0);
        let publisher = shared.handle(&one).publisher().unwrap();
        let leaver = thread::spawn(move || {
            publisher.try_publish(twin(1)).unwrap();
            drop(publisher);
        });
        assert_eq!(subscriber.recv().map(whole), Ok(1));
        assert_eq!(subscriber.recv(), Err(RecvBroadcastError::Disconnected));
        leaver.join().unwrap();
    });
}

/// Proves: wherever the last publisher dies, a subscriber gets its message or not, and then the end.
#[test]
fn the_last_publisher_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(1, 0);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut subscriber = subscribe(&shared, &two, 0);
        let publisher = shared.handle(&one).publisher().unwrap();
        let mortal = thread::spawn(move || {
            one.live(at, move || {
                publisher.try_publish(twin(1)).unwrap();
                drop(publisher);
            })
            .is_none()
        });
        let mut messages = subscriber.iter();
        let got: Vec<u64> = messages.by_ref().map(whole).collect();
        assert_eq!(messages.end(), Some(RecvBroadcastError::Disconnected));
        let died = mortal.join().unwrap();
        assert!(got == [1] || got.is_empty() && died, "{got:?}");
        died
    });
}

/// Proves that a sweep wakes a subscriber for the message of a publisher that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_subscriber() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(2, 0));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let mut subscriber = subscribe(&shared, &two.without_seizing(), 0);
        let first = shared.clone();
        let mortal = thread::spawn(move || one.live(at, || try_publish(&first, &one, 7)).is_none());
        let receiver = thread::spawn(move || whole(subscriber.recv().unwrap()));
        let died = mortal.join().unwrap();
        if died {
            let broadcast = shared.handle(&three);
            let published = broadcast.published() == 1;
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !published {
                broadcast.try_publish(twin(8)).unwrap();
            }
        }
        assert!([7, 8].contains(&receiver.join().unwrap()));
        died
    });
}

/// Proves that a sweep wakes a publisher that waits for a subscriber which died.
#[test]
fn a_sweep_wakes_a_publisher() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let mut subscriber = subscribe(&shared, &one, 0);
        publish(&shared, &three, 0);
        let second = shared.clone();
        let mortal = thread::spawn(move || {
            one.live(at, move || {
                assert_eq!(subscriber.try_recv().map(whole), Ok(0));
                drop(subscriber);
            })
            .is_none()
        });
        let publisher = thread::spawn(move || second.handle(&two.without_seizing()).publish(twin(1)).unwrap());
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        assert_eq!(publisher.join().unwrap(), 1);
        died
    });
}
