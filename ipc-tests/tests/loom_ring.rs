//! The ring alone: what its orderings promise, with every schedule tried.
#![cfg(loom)]

use std::mem::MaybeUninit;
use std::sync::Arc;

use ipc_core::error::Refused;
use ipc_core::ring::{Blocker, Ring};
use ipc_core::sync::crash;
use ipc_tests::model::{RingWords, Twin, explore, id, twin, whole};
use loom::sync::atomic::{AtomicBool, Ordering, fence};
use loom::thread;

/// Pops one message if there is one.
fn pop(ring: &Ring<'_>) -> Option<u64> {
    let mut message = MaybeUninit::<Twin>::uninit();
    match ring.try_pop(&mut message).1 {
        // SAFETY: `try_pop` has written initialised bytes, and any bits are a Twin.
        Ok(()) => Some(whole(unsafe { message.assume_init() })),
        Err(Refused::NotNow | Refused::Busy) => None,
        Err(_) => panic!("corrupted"),
    }
}

/// Pops until `count` messages came, yielding in between.
fn pop_many(ring: &Ring<'_>, count: usize) -> Vec<u64> {
    let mut got = Vec::new();
    while got.len() < count {
        match pop(ring) {
            Some(n) => got.push(n),
            None => thread::yield_now(),
        }
    }
    got
}

/// Pushes in order, yielding while the ring is full.
fn push_many(ring: &Ring<'_>, number: u16, messages: &[u64]) {
    let hints = ring.hints();
    for &n in messages {
        while let Err(refused) = ring.try_push(id(number), &twin(n), &hints) {
            assert_eq!(refused, Refused::NotNow);
            thread::yield_now();
        }
    }
}

/// Pops everything that is left when all others are gone.
fn drain(ring: &Ring<'_>) -> Vec<u64> {
    std::iter::from_fn(|| pop(ring)).collect()
}

fn sorted(mut all: Vec<u64>) -> Vec<u64> {
    all.sort_unstable();
    all
}

/// Two messages through one slot: the consumer's reads come before the producer's next lap, no message is torn.
#[test]
fn one_producer_one_consumer_one_slot() {
    explore(None, || {
        let words = RingWords::new::<Twin>(1, 0);
        let producer = thread::spawn({
            let words = words.clone();
            move || push_many(&words.ring(), 1, &[1, 2, 3])
        });
        assert_eq!(pop_many(&words.ring(), 3), [1, 2, 3]);
        producer.join().unwrap();
        assert!(words.ring().is_empty());
    });
}

/// Two producers and a consumer: all arrive once, each producer's in its order.
#[test]
fn two_producers_one_consumer() {
    explore(2, || {
        let words = RingWords::new::<Twin>(2, 0);
        let producers = [(1, vec![10, 11]), (2, vec![20])].map(|(number, messages)| {
            let words = words.clone();
            thread::spawn(move || push_many(&words.ring(), number, &messages))
        });
        let got = pop_many(&words.ring(), 3);
        let of = |first| got.iter().copied().filter(|n| n / 10 == first).collect::<Vec<_>>();
        assert_eq!((of(1), of(2)), (vec![10, 11], vec![20]));
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// A producer of three messages over two slots and two consumers: none lost, none doubled, none torn, each consumer's in
/// order.
#[test]
fn one_producer_two_consumers_wrap_around() {
    explore(3, || {
        let words = RingWords::new::<Twin>(2, 0);
        let consumers = [(); 2].map(|()| {
            let words = words.clone();
            thread::spawn(move || [pop(&words.ring()), pop(&words.ring())])
        });
        push_many_or_drop(&words.ring(), 1, &[1, 2, 3]);
        let mut all = Vec::new();
        for consumer in consumers {
            let got: Vec<_> = consumer.join().unwrap().into_iter().flatten().collect();
            assert!(got.is_sorted());
            all.extend(got);
        }
        all.extend(drain(&words.ring()));
        let all = sorted(all);
        assert!(all == [1, 2, 3] || all == [1, 2], "{all:?}");
    });
}

/// Pushes in order, without waiting: a full ring refuses the last one only.
fn push_many_or_drop(ring: &Ring<'_>, number: u16, messages: &[u64]) {
    let hints = ring.hints();
    for &n in messages {
        if let Err(refused) = ring.try_push(id(number), &twin(n), &hints) {
            assert_eq!((refused, n), (Refused::NotNow, messages[messages.len() - 1]));
        }
    }
}

/// The positions wrap at 2^52 in the middle of the run, and nobody notices.
#[test]
fn positions_wrap() {
    explore(2, || {
        let words = RingWords::new::<Twin>(2, (1 << 52) - 1);
        let producers = [(1, [10]), (2, [20])].map(|(number, messages)| {
            let words = words.clone();
            thread::spawn(move || push_many(&words.ring(), number, &messages))
        });
        let got = pop_many(&words.ring(), 2);
        assert_eq!(sorted(got), [10, 20]);
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// A capacity of three over four slots: "full" is the capacity's, and a refused push was refused for a reason.
#[test]
fn full_is_full() {
    explore(3, || {
        let words = RingWords::new::<Twin>(1, 0);
        let producers = [1, 2].map(|number| {
            let words = words.clone();
            thread::spawn(move || {
                let ring = words.ring();
                match ring.try_push(id(number), &twin(u64::from(number)), &ring.hints()) {
                    Ok(_) => 1,
                    Err(refused) => {
                        assert_eq!(refused, Refused::NotNow);
                        0
                    }
                }
            })
        });
        let early = usize::from(pop(&words.ring()).is_some());
        let sent: usize = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
        let late = drain(&words.ring()).len();
        assert_eq!(sent, early + late);
        assert!(sent == 1 + early || (sent == 1 && early == 1), "room that was there was not given");
    });
}

/// Two threads that share one handle: what one of them learned about room (and about its last ticket) is safe for the
/// other to build upon.
#[test]
fn two_threads_of_one_handle() {
    explore(2, || {
        let words = RingWords::new::<Twin>(1, 0);
        let ring: &'static Ring<'static> = {
            // The model's words outlive its threads, which are joined below.
            let words: &'static RingWords = Box::leak(Box::new(words));
            Box::leak(Box::new(words.ring()))
        };
        let hints: &'static _ = Box::leak(Box::new(ring.hints()));
        let other = thread::spawn(move || ring.try_push(id(1), &twin(1), hints).is_ok());
        let consumer = thread::spawn(move || [pop(ring), pop(ring)]);
        let mine = ring.try_push(id(1), &twin(2), hints).is_ok();
        let sent = usize::from(other.join().unwrap()) + usize::from(mine);
        let got = consumer.join().unwrap().into_iter().flatten().count() + drain(ring).len();
        assert_eq!(sent, got);
    });
}

/// A push by a handle that another thread has just pushed with: once it has returned, a thread that knows that finds a message,
/// or an older one that is still being written. Never an empty ring: what the handle remembers brings the older one along.
#[test]
fn a_push_after_another_threads_is_visible() {
    explore(2, || {
        let words = RingWords::new::<Twin>(2, 0);
        let ring: &'static Ring<'static> = {
            let words: &'static RingWords = Box::leak(Box::new(words));
            Box::leak(Box::new(words.ring()))
        };
        let hints: &'static _ = Box::leak(Box::new(ring.hints()));
        let returned: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let first = thread::spawn(move || ring.try_push(id(1), &twin(1), hints).is_ok());
        let second = thread::spawn(move || {
            assert!(ring.try_push(id(1), &twin(2), hints).is_ok());
            returned.store(true, Ordering::Release);
        });
        let consumer = thread::spawn(move || {
            if returned.load(Ordering::Acquire) {
                assert_ne!(ring.try_pop(&mut MaybeUninit::<Twin>::uninit()).1, Err(Refused::NotNow));
            }
        });
        assert!(first.join().unwrap());
        second.join().unwrap();
        consumer.join().unwrap();
    });
}

/// A peek is whole, and of a message that was at the head, while others pop it and overwrite its slot.
#[test]
fn peek_is_whole() {
    explore(3, || {
        let words = RingWords::new::<Twin>(1, 0);
        push_many(&words.ring(), 1, &[1]);
        let consumer = thread::spawn({
            let words = words.clone();
            move || pop(&words.ring())
        });
        let producer = thread::spawn({
            let words = words.clone();
            move || {
                let ring = words.ring();
                ring.try_push(id(2), &twin(2), &ring.hints()).is_ok()
            }
        });
        // A thread of its own: loom lets too little happen between two loads of the main one.
        let peeker = thread::spawn({
            let words = words.clone();
            move || {
                // SAFETY: `peek` returns initialised bytes, and any bits are a Twin.
                words.ring().peek::<Twin>().map(|message| whole(unsafe { message.assume_init() }))
            }
        });
        assert!(peeker.join().unwrap().is_none_or(|number| (1..=2).contains(&number)));
        assert_eq!(consumer.join().unwrap(), Some(1));
        producer.join().unwrap();
    });
}

/// When a push has returned and another thread knows it (by a Release store and an Acquire load), that thread's pop
/// gets the message or an older one.
#[test]
fn a_returned_push_is_visible() {
    explore(None, || {
        let words = RingWords::new::<Twin>(2, 0);
        let sent = Arc::new(AtomicBool::new(false));
        let producer = thread::spawn({
            let (words, sent) = (words.clone(), sent.clone());
            move || {
                push_many(&words.ring(), 1, &[1, 2]);
                sent.store(true, Ordering::Release);
            }
        });
        let rival = thread::spawn({
            let words = words.clone();
            move || pop(&words.ring())
        });
        if sent.load(Ordering::Acquire) {
            let (first, second) = (pop(&words.ring()), pop(&words.ring()));
            let stolen = rival.join().unwrap();
            assert_eq!(sorted([first, second, stolen].into_iter().flatten().collect()), [1, 2]);
            assert!(stolen.is_none() || first.is_some());
        }
        producer.join().unwrap();
    });
}

/// As above, when the news travels by relaxed accesses: the sender's own barrier (of its notify) and a fence of the
/// receiver are enough.
#[test]
fn a_returned_push_is_visible_after_fences() {
    explore(None, || {
        let words = RingWords::new::<Twin>(1, 0);
        let sent = Arc::new(AtomicBool::new(false));
        let producer = thread::spawn({
            let (words, sent) = (words.clone(), sent.clone());
            move || {
                push_many(&words.ring(), 1, &[1]);
                fence(Ordering::SeqCst);
                sent.store(true, Ordering::Relaxed);
            }
        });
        if sent.load(Ordering::Relaxed) {
            fence(Ordering::SeqCst);
            assert_eq!(pop(&words.ring()), Some(1));
        }
        producer.join().unwrap();
    });
}

/// Who saw the ring closed finds all its messages in it, and no ticket is taken after the closing.
#[test]
fn closing_is_one_step() {
    explore(3, || {
        let words = RingWords::new::<Twin>(2, 0);
        let producer = thread::spawn({
            let words = words.clone();
            move || {
                let ring = words.ring();
                let hints = ring.hints();
                [1, 2].map(|n| ring.try_push(id(1), &twin(n), &hints).is_ok())
            }
        });
        let ring = words.ring();
        assert!(ring.close());
        let tickets = ring.counts().1;
        let sent = producer.join().unwrap();
        assert_eq!(ring.counts().1, tickets);
        assert!(sent[0] || !sent[1]);
        assert_eq!(drain(&ring).len(), sent.into_iter().filter(|&sent| sent).count());
        assert!(ring.is_drained());
    });
}

/// Pushes all in batches, yielding while the ring is full.
fn push_batch(ring: &Ring<'_>, number: u16, messages: &[u64]) {
    let hints = ring.hints();
    let messages: Vec<Twin> = messages.iter().copied().map(twin).collect();
    let mut sent = 0;
    while sent < messages.len() {
        match ring.try_push_slice(id(number), &messages[sent..], &hints) {
            Ok((_, count)) => sent += count,
            Err(refused) => {
                assert_eq!(refused, Refused::NotNow);
                thread::yield_now();
            }
        }
    }
}

/// Pops up to two at once.
fn pop_batch(ring: &Ring<'_>) -> Vec<u64> {
    let mut out = [MaybeUninit::<Twin>::uninit(); 2];
    let count = ring.try_pop_slice(&mut out, |copied| copied.len()).unwrap_or(0);
    // SAFETY: this many were copied, and any bits are a Twin.
    out[..count].iter().map(|message| whole(unsafe { message.assume_init() })).collect()
}

/// A batch through a ring of two slots: all arrive once, whole and in order.
#[test]
fn batches_wrap_around() {
    explore(3, || {
        let words = RingWords::new::<Twin>(2, 0);
        let producer = thread::spawn({
            let words = words.clone();
            move || push_batch(&words.ring(), 1, &[1, 2, 3, 4])
        });
        let mut got = Vec::new();
        while got.len() < 4 {
            let batch = pop_batch(&words.ring());
            if batch.is_empty() {
                thread::yield_now();
            }
            got.extend(batch);
        }
        assert_eq!(got, [1, 2, 3, 4]);
        producer.join().unwrap();
    });
}

/// Two producers of batches: each one's messages stay together where there was room for all of them.
#[test]
fn batches_of_two_producers() {
    explore(3, || {
        let words = RingWords::new::<Twin>(4, 0);
        let producers = [(1, [10, 11]), (2, [20, 21])].map(|(number, messages)| {
            let words = words.clone();
            thread::spawn(move || push_batch(&words.ring(), number, &messages))
        });
        for producer in producers {
            producer.join().unwrap();
        }
        let got = drain(&words.ring());
        assert!(got == [10, 11, 20, 21] || got == [20, 21, 10, 11], "{got:?}");
    });
}

/// Two consumers of batches: nothing is taken twice, and nothing is lost.
#[test]
fn batches_of_two_consumers() {
    explore(3, || {
        let words = RingWords::new::<Twin>(4, 0);
        push_batch(&words.ring(), 1, &[1, 2, 3]);
        let consumers = [(); 2].map(|()| {
            let words = words.clone();
            thread::spawn(move || pop_batch(&words.ring()))
        });
        let mut all: Vec<u64> = consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect();
        all.extend(drain(&words.ring()));
        assert_eq!(sorted(all), [1, 2, 3]);
    });
}

/// Who holds up the head is named, however many tickets were taken behind: never another one.
#[test]
fn the_blocker_is_named() {
    explore(None, || {
        let words = RingWords::new::<Twin>(2, 0);
        // Dies with the first ticket.
        let claimed = crash::run(Some(2), || {
            let ring = words.ring();
            ring.try_push(id(1), &twin(1), &ring.hints())
        });
        assert!(claimed.is_err());
        let other = thread::spawn({
            let words = words.clone();
            move || push_many(&words.ring(), 2, &[2])
        });
        let looker = thread::spawn({
            let words = words.clone();
            move || match words.ring().blocker() {
                Blocker::Owner(owner) => assert_eq!(owner, id(1)),
                found => assert_eq!(found, Blocker::Moved),
            }
        });
        other.join().unwrap();
        looker.join().unwrap();
    });
}
