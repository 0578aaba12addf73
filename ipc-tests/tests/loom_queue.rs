//! The queue with its event counts: nobody sleeps for ever, with all time-outs off.
#![cfg(loom)]

use ipc_core::error::{RecvError, SendError, TryRecvError};
use ipc_core::participant::Seized;
use ipc_tests::model::{Machine, QueueWords, Twin, explore, explore_deaths, id, twin, whole};
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

/// A sender that sleeps on a full queue is woken by the receive that finds a message at once.
#[test]
fn a_quick_receive_wakes_a_sender() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(1));
        let actor = machine.actor(1);
        let queue = words.handle(&actor);
        queue.try_send(twin(1)).unwrap();
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                words.handle(&actor).send(twin(2)).unwrap();
            })
        };
        assert_eq!(queue.try_recv().map(whole), Ok(1));
        sender.join().unwrap();
        assert_eq!(queue.try_recv().map(whole), Ok(2));
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
                assert!(queue.close().unwrap());
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
        queue.close().unwrap();
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
                actor.live(at, || (words.handle(&actor).len(), words.handle(&actor).close().unwrap())).is_none()
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

/// The last receiver half leaves a full queue: a sender half that sleeps for room learns it, and has its value back.
#[test]
fn the_last_receiver_leaves() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(1));
        let actor = machine.actor(2);
        let receiver = words.handle(&actor).receiver().unwrap();
        receiver.queue().try_send(twin(1)).unwrap();
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                words.handle(&actor).sender().unwrap().send(twin(2))
            })
        };
        drop(receiver);
        assert!(matches!(sender.join().unwrap(), Err(SendError::Disconnected(value)) if whole(value) == 2));
    });
}

/// A batch that is taken makes room for a sender that sleeps.
#[test]
fn a_batch_makes_room() {
    explore(2, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let actor = machine.actor(2);
        let queue = words.handle(&actor);
        assert_eq!(queue.try_send_slice(&[twin(1), twin(2)]), Ok(2));
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(1)).send(twin(3)).unwrap())
        };
        let mut out = [twin(0); 2];
        assert_eq!(queue.try_recv_slice(&mut out), Ok(2));
        assert_eq!(out.map(whole), [1, 2]);
        sender.join().unwrap();
        assert_eq!(queue.try_recv().map(whole), Ok(3));
    });
}

/// What a receiver that slept takes behind its first message makes room for a second sender that sleeps.
#[test]
fn the_rest_of_a_batch_makes_room() {
    explore(1, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(2));
        let receiver = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let queue = words.handle(&actor);
                let mut out = [twin(0); 2];
                let mut received = 0;
                while received < 2 {
                    received += queue.recv_slice(&mut out[received..]).unwrap();
                }
            })
        };
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(2)).send(twin(4)).unwrap())
        };
        let actor = machine.actor(3);
        let queue = words.handle(&actor);
        queue.send_slice(&[twin(1), twin(2)]).unwrap();
        queue.send(twin(3)).unwrap();
        receiver.join().unwrap();
        sender.join().unwrap();
        assert_eq!(queue.len(), 2);
    });
}

/// A queue of three that is full of a message and of two tickets of a dead sender: one who takes the message and sends makes
/// room for two that sleep.
#[test]
fn the_room_of_the_dead_is_for_all() {
    explore(1, || {
        let (machine, words) = (Machine::new(), QueueWords::<Twin>::new(3));
        let (dead, me) = (machine.actor(1), machine.actor(2));
        let (queue, its) = (words.handle(&me), words.handle(&dead));
        queue.try_send(twin(1)).unwrap();
        assert!(dead.live(Some(2), || its.try_send_slice(&[twin(8), twin(9)]).is_ok()).is_none());
        words.sweep(Seized::try_new(&me, id(1)).unwrap().dead(), &me);
        assert_eq!(queue.len(), 3);
        let senders = [3, 4].map(|number| {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(number)).send(twin(3)).unwrap())
        });
        while machine.asleep() < 2 {
            thread::yield_now();
        }
        assert_eq!(queue.try_recv().map(whole), Ok(1));
        queue.send(twin(2)).unwrap();
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(queue.len(), 3);
    });
}

/// A closer dies half-way. The one that notices completes the closing, and wakes a receiver that sleeps.
#[test]
fn a_half_done_closing_wakes_a_receiver() {
    explore(2, || {
        let (machine, words) = (Machine::without_slices(), QueueWords::<Twin>::new(1));
        let receiver = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(1)).recv().map(whole))
        };
        let closer = machine.actor(2);
        let queue = words.handle(&closer);
        assert!(closer.live(Some(2), || queue.close().unwrap()).is_none());
        assert!(words.handle(&machine.actor(3)).is_closed());
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
    });
}

/// A closer dies half-way. The one that notices completes the closing, and wakes a sender that sleeps.
#[test]
fn a_half_done_closing_wakes_a_sender() {
    explore(2, || {
        let (machine, words) = (Machine::without_slices(), QueueWords::<Twin>::new(1));
        let closer = machine.actor(2);
        let queue = words.handle(&closer);
        queue.try_send(twin(1)).unwrap();
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(1)).send(twin(2)).is_err())
        };
        assert!(closer.live(Some(2), || queue.close().unwrap()).is_none());
        assert!(words.handle(&machine.actor(3)).is_closed());
        assert!(sender.join().unwrap());
    });
}

/// A sender dies at any write. If its message counts, the sweep wakes the receiver that it owed a wake-up.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::without_slices(), QueueWords::<Twin>::new(1));
        let receiver = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(1).without_seizing()).recv().map(whole))
        };
        let (mortal, me) = (machine.actor(2), machine.actor(3));
        let (its, queue) = (words.handle(&mortal), words.handle(&me));
        let died = mortal.live(at, || its.try_send(twin(1)).unwrap()).is_none();
        if died {
            words.sweep(Seized::try_new(&me, id(2)).unwrap().dead(), &me);
            let stats = queue.stats();
            if stats.sent == stats.given_up {
                // Sent nothing, and owed nothing.
                queue.send(twin(1)).unwrap();
            }
        }
        assert_eq!(receiver.join().unwrap(), Ok(1));
        died
    });
}

/// A receiver dies at any write. If it has taken the message, the sweep wakes the sender that it owed a wake-up.
#[test]
fn a_sweep_wakes_a_sender() {
    explore_deaths(2, |at| {
        let (machine, words) = (Machine::without_slices(), QueueWords::<Twin>::new(1));
        let (mortal, me) = (machine.actor(2), machine.actor(3));
        let (its, queue) = (words.handle(&mortal), words.handle(&me));
        queue.try_send(twin(1)).unwrap();
        let sender = {
            let (machine, words) = (machine.clone(), words.clone());
            thread::spawn(move || words.handle(&machine.actor(1).without_seizing()).send(twin(2)).unwrap())
        };
        let died = mortal.live(at, || its.try_recv().map(whole).unwrap()).is_none();
        if died {
            words.sweep(Seized::try_new(&me, id(2)).unwrap().dead(), &me);
            if queue.stats().received == 0 {
                assert_eq!(queue.try_recv().map(whole), Ok(1));
            }
        }
        sender.join().unwrap();
        assert_eq!(queue.try_recv().map(whole), Ok(2));
        died
    });
}
