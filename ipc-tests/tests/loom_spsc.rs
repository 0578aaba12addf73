//! The one-to-one queue: every message once, whole and in order; ends that change hands; sleepers that are woken. The ring has two
//! places, so that the third message is written where the first one was.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{RecvError, SendError, TryRecvError, TrySendError};
use ipc_core::participant::Seized;
use ipc_core::spsc::{ClaimError, ClaimErrorKind, Consumer, Options, Producer};
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

type Words = Shared<Options<Twin>>;

/// A queue of this many places, whose positions wrap on the way.
fn queue(capacity: u64) -> Arc<Words> {
    let mut options = Options::new(capacity);
    options.start = u64::MAX;
    Shared::new(options)
}

fn claim_producer<'s>(shared: &'s Words, actor: &Actor) -> Result<Producer<'s, Twin, Actor>, ClaimError> {
    shared.handle(actor).producer()
}

fn claim_consumer<'s>(shared: &'s Words, actor: &Actor) -> Result<Consumer<'s, Twin, Actor>, ClaimError> {
    shared.handle(actor).consumer()
}

fn producer<'s>(shared: &'s Words, actor: &Actor) -> Producer<'s, Twin, Actor> {
    claim_producer(shared, actor).expect("no living producer")
}

fn consumer<'s>(shared: &'s Words, actor: &Actor) -> Consumer<'s, Twin, Actor> {
    claim_consumer(shared, actor).expect("no living consumer")
}

/// Claims an end that somebody may be about to give up.
fn persist<E>(mut claim: impl FnMut() -> Result<E, ClaimError>) -> E {
    loop {
        match claim() {
            Ok(end) => return end,
            Err(_) => spin_hint(),
        }
    }
}

/// Receives until number `last` has come: all from `first` on, in order.
fn drain(consumer: &mut Consumer<'_, Twin, Actor>, first: u64, last: u64) {
    let mut next = first;
    while next <= last {
        match consumer.try_recv() {
            Ok(message) => {
                assert_eq!(whole(message), next);
                next += 1;
            }
            Err(TryRecvError::Empty) => spin_hint(),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn fill(producer: &mut Producer<'_, Twin, Actor>, first: u64, last: u64) {
    for number in first..=last {
        while let Err(error) = producer.try_send(twin(number)) {
            assert!(error.is_full(), "{error:?}");
            spin_hint();
        }
    }
}

/// Proves "message" and "free": what is received is whole and in order, also where a place is used again.
#[test]
fn messages_arrive_whole_and_in_order() {
    explore(3, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || fill(&mut producer(&other, &one), 1, 3));
        let receiver = thread::spawn(move || drain(&mut consumer(&shared, &two), 1, 3));
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves the same of batches: a batch becomes visible as a whole.
#[test]
fn batches_arrive_whole_and_in_order() {
    explore(3, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let mut producer = producer(&other, &one);
            let messages = [twin(1), twin(2), twin(3)];
            let mut sent = 0;
            while sent < messages.len() {
                match producer.try_send_slice(&messages[sent..]) {
                    Ok(count) => sent += count,
                    Err(_) => spin_hint(),
                }
            }
        });
        let receiver = thread::spawn(move || {
            let mut consumer = consumer(&shared, &two);
            let mut next = 1;
            while next <= 3 {
                let mut out = [twin(0); 2];
                match consumer.try_recv_slice(&mut out) {
                    Ok(count) => {
                        // The first two were sent as one.
                        assert!(next != 1 || count == 2);
                        for message in &out[..count] {
                            assert_eq!(whole(*message), next);
                            next += 1;
                        }
                    }
                    Err(TryRecvError::Empty) => spin_hint(),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves "role": the next producer goes on exactly where the last one stopped.
#[test]
fn producers_change() {
    explore(2, || {
        let machine = Machine::new();
        let shared = queue(2);
        let senders = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number).without_barriers(), shared.clone());
            thread::spawn(move || {
                let mut producer = persist(|| claim_producer(&shared, &actor));
                producer.try_send(twin(number.into())).unwrap();
            })
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let mut consumer = consumer(&shared, &machine.actor(3));
        let got = [(); 2].map(|()| whole(consumer.try_recv().unwrap()));
        assert_eq!(got[0] + got[1], 3, "{got:?}");
    });
}

/// Proves "role": the next consumer goes on exactly where the last one stopped.
#[test]
fn consumers_change() {
    explore(2, || {
        let machine = Machine::new();
        let shared = queue(2);
        let mut producer = producer(&shared, &machine.actor(3).without_barriers());
        assert_eq!(producer.try_send_slice(&[twin(1), twin(2)]), Ok(2));
        let receivers = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number).without_barriers(), shared.clone());
            thread::spawn(move || {
                let mut consumer = persist(|| claim_consumer(&shared, &actor));
                whole(consumer.try_recv().unwrap())
            })
        });
        let got = receivers.map(|receiver| receiver.join().unwrap());
        assert_eq!(got[0] + got[1], 3, "{got:?}");
    });
}

/// Proves that a living holder keeps its end, and that a second claim says who it is.
#[test]
fn an_end_has_one_holder() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(2);
        let claims = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number), shared.clone());
            thread::spawn(move || {
                let claimed = claim_consumer(&shared, &actor).map(std::mem::forget);
                if let Err(error) = claimed {
                    assert_eq!(error.kind(), ClaimErrorKind::Held { pid: (3 - number).into() });
                }
                claimed.is_ok()
            })
        });
        let held = claims.map(|claim| claim.join().unwrap());
        assert!(held[0] != held[1], "{held:?}");
    });
}

/// Proves that sleepers are woken: a full and an empty queue, and the end of the producer.
#[test]
fn sleepers_are_woken() {
    explore(2, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let mut producer = producer(&other, &one);
            for number in 1..=3 {
                producer.send(twin(number)).unwrap();
            }
        });
        let receiver = thread::spawn(move || {
            let mut consumer = consumer(&shared, &two);
            for number in 1..=3 {
                assert_eq!(whole(consumer.recv().unwrap()), number);
            }
            assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that chunks are the holder's until they are committed, and that waiting for one ends.
#[test]
fn chunks_are_waited_for() {
    explore(2, || {
        let machine = Machine::new();
        let shared = queue(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let mut producer = producer(&other, &one);
            for number in 1..=2 {
                let mut chunk = producer.write_chunk(5).unwrap();
                chunk.set(0, twin(number));
                chunk.commit(1).unwrap();
            }
        });
        let receiver = thread::spawn(move || {
            let mut consumer = consumer(&shared, &two);
            for number in 1..=2 {
                let chunk = consumer.read_chunk(5).unwrap();
                assert_eq!(chunk.iter().map(whole).collect::<Vec<_>>(), [number]);
                chunk.commit(1).unwrap();
            }
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that closing wakes a sleeping consumer.
#[test]
fn closing_ends_a_receiver() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let closer = thread::spawn(move || assert!(other.handle(&one).close().unwrap()));
        assert_eq!(consumer(&shared, &two).recv(), Err(RecvError::Closed));
        closer.join().unwrap();
    });
}

/// Proves that closing wakes a sleeping producer, whose value comes back.
#[test]
fn closing_ends_a_sender() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut producer = producer(&shared, &two);
        producer.try_send(twin(1)).unwrap();
        let other = shared.clone();
        let closer = thread::spawn(move || assert!(other.handle(&one).close().unwrap()));
        assert_eq!(producer.send(twin(2)), Err(SendError::Closed(twin(2))));
        closer.join().unwrap();
    });
}

/// Proves that a claim wakes the other end, which waits for somebody to come.
#[test]
fn a_claim_wakes_the_other_end() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let comer = thread::spawn(move || std::mem::forget(producer(&other, &one)));
        consumer(&shared, &two).wait_for_producer().unwrap();
        comer.join().unwrap();
    });
}

/// Leaves an end that a dead actor holds, which `sleeper` cannot find out by itself; another actor sweeps.
fn a_sweep_wakes(hold: fn(&Words, &Actor), sleep: fn(&Words, &Actor)) {
    explore(2, move || {
        let machine = Machine::new();
        let shared = queue(1);
        let (one, two, three) = (machine.actor(1), machine.actor(2).without_seizing(), machine.actor(3));
        hold(&shared, &one);
        one.die();
        let other = shared.clone();
        let sweeper = thread::spawn(move || {
            let seized = Seized::try_new(&three, id(1)).expect("dead, and nobody else seizes it");
            other.sweep(seized.dead(), &three);
        });
        sleep(&shared, &two);
        sweeper.join().unwrap();
    });
}

/// Proves that the repair after a dead producer wakes a sleeping consumer.
#[test]
fn a_sweep_wakes_the_consumer() {
    a_sweep_wakes(
        |shared, actor| std::mem::forget(producer(shared, actor)),
        |shared, actor| assert_eq!(consumer(shared, actor).recv(), Err(RecvError::Disconnected)),
    );
}

/// Proves that the repair after a dead consumer wakes a sleeping producer.
#[test]
fn a_sweep_wakes_the_producer() {
    a_sweep_wakes(
        |shared, actor| std::mem::forget(consumer(shared, actor)),
        |shared, actor| {
            let mut producer = producer(shared, actor);
            producer.try_send(twin(1)).unwrap();
            assert_eq!(producer.send(twin(2)), Err(SendError::Disconnected(twin(2))));
        },
    );
}

/// Proves "closed": what the producer sent before it closed is received before the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let mut producer = producer(&other, &one);
            producer.try_send(twin(1)).unwrap();
            producer.close().unwrap();
            assert_eq!(producer.try_send(twin(2)), Err(TrySendError::Closed(twin(2))));
            // The end of the role shall not be what tells.
            std::mem::forget(producer);
        });
        let receiver = thread::spawn(move || {
            let mut consumer = consumer(&shared, &two);
            let mut got = 0;
            loop {
                match consumer.try_recv() {
                    Ok(message) => got = whole(message),
                    Err(TryRecvError::Empty) => spin_hint(),
                    Err(TryRecvError::Closed) => break,
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert_eq!(got, 1);
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that the last message of a producer that leaves is received before the end.
#[test]
fn nothing_is_behind_a_producer_that_left() {
    explore(None, || {
        let machine = Machine::new();
        let shared = queue(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || producer(&other, &one).try_send(twin(1)).unwrap());
        let receiver = thread::spawn(move || {
            let mut consumer = consumer(&shared, &two);
            let mut got = 0;
            loop {
                match consumer.try_recv() {
                    Ok(message) => got = whole(message),
                    Err(TryRecvError::Empty) => spin_hint(),
                    Err(TryRecvError::Disconnected) => break,
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert_eq!(got, 1);
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves: wherever a producer dies, its successor goes on; what it had sent arrives once, and what it had not, never.
#[test]
fn a_producer_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = queue(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            let sent = one.live(at, || {
                let Ok(mut producer) = claim_producer(&first, &one) else { return };
                producer.try_send(twin(1)).unwrap();
            });
            sent.is_none()
        });
        let successor = thread::spawn(move || {
            let mut producer = persist(|| claim_producer(&second, &two));
            // A batch, of which there is no copy beside the index. There may be a part of the dead one's.
            assert_eq!(producer.try_send_slice(&[twin(9)]), Ok(1));
            std::mem::forget(producer);
        });
        let died = mortal.join().unwrap();
        successor.join().unwrap();
        let mut consumer = consumer(&shared, &three);
        let mut got = Vec::new();
        while let Ok(message) = consumer.try_recv() {
            got.push(whole(message));
        }
        // The successor may have come before the mortal one, which then was refused; or after it.
        assert!([&[9][..], &[1, 9]].contains(&&got[..]), "{got:?}");
        died
    });
}

/// Proves that what a dead producer did reaches its successor also through somebody else who found it dead.
#[test]
fn a_dead_producer_is_found_by_somebody_else() {
    explore(2, || {
        let machine = Machine::new();
        let shared = queue(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number).without_barriers());
        let other = shared.clone();
        let mortal_and_finder = thread::spawn(move || {
            let Ok(mut producer) = claim_producer(&other, &one) else { return false };
            producer.try_send(twin(1)).unwrap();
            std::mem::forget(producer);
            one.die();
            let consumer = consumer(&other, &two);
            // Takes the role from the dead producer. Its successor may have it already.
            let _ = consumer.is_disconnected();
            true
        });
        let (three, other) = (three.without_seizing(), shared.clone());
        let successor = thread::spawn(move || {
            let mut producer = persist(|| claim_producer(&other, &three));
            producer.try_send(twin(2)).unwrap();
            std::mem::forget(producer);
        });
        let came_first = mortal_and_finder.join().unwrap();
        successor.join().unwrap();
        let mut consumer = consumer(&shared, &machine.actor(4));
        let first = whole(consumer.try_recv().unwrap());
        assert_eq!(first, if came_first { 1 } else { 2 });
        assert!(!came_first || whole(consumer.try_recv().unwrap()) == 2);
    });
}

/// Proves: wherever a consumer dies, its successor goes on; nothing comes twice, and at most what the dead one took is missing.
#[test]
fn a_consumer_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = queue(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let mut producer = producer(&shared, &three);
        assert_eq!(producer.try_send_slice(&[twin(1), twin(2)]), Ok(2));
        std::mem::forget(producer);
        let taken = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (first, noted) = (shared.clone(), taken.clone());
        let mortal = thread::spawn(move || {
            let lived = one.live(at, || {
                let Ok(mut consumer) = claim_consumer(&first, &one) else { return };
                let Ok(message) = consumer.try_recv() else { return };
                let number = whole(message);
                noted.store(number, std::sync::atomic::Ordering::Relaxed);
            });
            lived.is_none()
        });
        let successor = thread::spawn(move || {
            let mut consumer = persist(|| claim_consumer(&shared, &two));
            let mut got = Vec::new();
            while let Ok(message) = consumer.try_recv() {
                got.push(whole(message));
            }
            got
        });
        let died = mortal.join().unwrap();
        let got = successor.join().unwrap();
        // Between its taking effect and the note, the message is the dead one's.
        let noted = taken.load(std::sync::atomic::Ordering::Relaxed);
        assert!(got == [1, 2] && noted == 0 || got == [2] && (noted == 1 || died), "{got:?}, {noted}");
        died
    });
}
