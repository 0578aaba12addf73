//! The queue with its event counts: nobody sleeps for ever, with all time-outs off.
#![cfg(loom)]

use ipc_core::error::{RecvError, SendError, TryRecvError};
use ipc_tests::model::{Machine, QueueWords, Twin, explore, explore_deaths, twin, whole};
use loom::thread;

/// One slot: both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(1));
        let producer = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let queue = words.handle(&actor);
                queue.send(twin(1)).unwrap();
                queue.send(twin(2)).unwrap();
            })
        };
        let actor = machine.actor(2);
        let queue = words.handle(&actor);
        assert_eq!(queue.recv().map(whole), Ok(1));
        assert_eq!(queue.recv().map(whole), Ok(2));
        producer.join().unwrap();
    });
}

/// Two producers, one sleeping consumer: a message that was published late, behind which others wait, wakes it.
#[test]
fn two_producers_wake_one_consumer() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let producers = [1, 2].map(|number| {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(number);
                words.handle(&actor).send(twin(u64::from(number))).unwrap();
            })
        });
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        let mut got = [queue.recv().map(whole).unwrap(), queue.recv().map(whole).unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// Two sleeping consumers, two messages: both are woken.
#[test]
fn two_consumers_are_woken() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let consumers = [1, 2].map(|number| {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(number);
                words.handle(&actor).recv().map(whole).unwrap()
            })
        });
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        queue.try_send(twin(1)).unwrap();
        queue.try_send(twin(2)).unwrap();
        let mut got = consumers.map(|consumer| consumer.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Closing wakes a sleeping consumer, and what was sent before is still received.
#[test]
fn closing_ends_a_receiver() {
    explore(3, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let closer = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let queue = words.handle(&actor);
                queue.try_send(twin(1)).unwrap();
                assert!(queue.close());
                assert!(queue.try_send(twin(2)).unwrap_err().is_closed());
            })
        };
        let actor = machine.actor(2);
        let queue = words.handle(&actor);
        assert_eq!(queue.recv().map(whole), Ok(1));
        assert_eq!(queue.recv().map(whole), Err(RecvError::Closed));
        closer.join().unwrap();
    });
}

/// Closing wakes a producer that sleeps on a full queue: its value comes back.
#[test]
fn closing_ends_a_sender() {
    explore(3, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(1));
        let actor = machine.actor(1);
        let queue = words.handle(&actor);
        queue.try_send(twin(1)).unwrap();
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                match words.handle(&actor).send(twin(2)) {
                    Err(SendError::Closed(value)) => assert_eq!(whole(value), 2),
                    other => panic!("{other:?}"),
                }
            })
        };
        queue.close();
        sender.join().unwrap();
        assert_eq!(queue.try_recv().map(whole), Ok(1));
        assert_eq!(queue.try_recv().map(whole), Err(TryRecvError::Closed));
    });
}

/// The last sender half leaves after its message: the receiver gets the message, then `Disconnected`.
#[test]
fn the_last_sender_leaves() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(1));
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let queue = words.handle(&actor);
                queue.sender().unwrap().try_send(twin(1)).unwrap();
            })
        };
        let actor = machine.actor(2);
        let queue = words.handle(&actor).receiver().unwrap();
        assert_eq!(queue.recv().map(whole), Ok(1));
        assert_eq!(queue.recv().map(whole), Err(RecvError::Disconnected));
        sender.join().unwrap();
    });
}

/// A closer that dies anywhere has closed the queue or not, and everybody agrees.
#[test]
fn a_closer_dies() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let closer = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || (words.handle(&actor).len(), words.handle(&actor).close())).is_none()
            })
        };
        let actor = machine.actor(2);
        let queue = words.handle(&actor);
        let sent = queue.try_send(twin(1)).is_ok();
        let died = closer.join().unwrap();
        assert!(died || queue.is_closed());
        if sent {
            assert_eq!(queue.try_recv().map(whole), Ok(1));
        }
        let end = if queue.is_closed() { TryRecvError::Closed } else { TryRecvError::Empty };
        assert_eq!(queue.try_recv().map(whole), Err(end));
        assert_eq!(queue.try_send(twin(2)).is_ok(), end == TryRecvError::Empty);
        died
    });
}
