//! The queue between threads, for the thread sanitizer:
//!
//! ```text
//! RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
//!     cargo +nightly test -p ipc-tests --release --target x86_64-unknown-linux-gnu --test tsan_threads
//! ```
//!
//! The standard library comes without instrumentation, so the channel of the test harness itself is reported as a race
//! (`test::event::CompletedTest`): `.ci/run` has the suppression.
//!
//! The sanitizer does not model fences, so nothing here relies on them for what it checks: a value that is written
//! without synchronization before a send and read after the receive. It sees that publication orders plain memory; the
//! loom models see the rest. Without the sanitizer these are ordinary tests.

#![cfg(not(loom))]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bytemuck::{Pod, Zeroable};
use ipc_core::memory::StaticMemory;
use ipc_core::object::Blueprint;
use ipc_core::platform::SpinPlatform;
use ipc_core::queue::{Options, Queue};

const PRODUCERS: u16 = 2;
const CONSUMERS: u16 = 2;
/// From each producer. Where each message waits for the one before, few: nobody yields the processor here.
const MESSAGES: u32 = if cfg!(miri) { 50 } else { 20_000 };
const MESSAGES_WITHOUT_ROOM: u32 = MESSAGES / 20;

/// Wider than a word, so that a torn message would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Message {
    producer: u32,
    number: u32,
    check: [u64; 3],
}

impl Message {
    fn new(producer: u32, number: u32) -> Self {
        let seed = u64::from(producer) << 32 | u64::from(number);
        Message { producer, number, check: [1, 2, 3].map(|n| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(n)) }
    }
}

/// Plain memory that the messages hand over: written by the producer before its send, read by the one consumer that
/// receives the message. If the queue did not order the two, the sanitizer would call it a race.
struct HandedOver(Vec<UnsafeCell<u64>>);

// SAFETY: each cell is written by one producer before it sends the cell's message, and read by the one thread that
// receives it: that these do not overlap is what the test checks.
unsafe impl Sync for HandedOver {}

const fn required(capacity: u64) -> usize {
    Queue::<Message, SpinPlatform>::footprint(capacity as usize).bytes() as usize
}

fn many_to_many<const BYTES: usize>(shared: &'static StaticMemory<BYTES>, capacity: u64, messages: u32) {
    let owner =
        // SAFETY: new memory.
        unsafe { Options::<Message>::new(capacity).create(shared.memory(), SpinPlatform::new(1)) }.expect("enough memory");
    let total = (u32::from(PRODUCERS) * messages) as usize;
    let handed_over = HandedOver((0..total).map(|_| UnsafeCell::new(0)).collect());
    let handed_over = &handed_over;
    let index = move |message: &Message| (message.producer * messages + message.number) as usize;

    let received: Vec<Vec<Message>> = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                scope.spawn(move || {
                    let queue = Options::<Message>::new(0)
                        .attach(shared.memory(), SpinPlatform::new(2 + producer))
                        .expect("it was created before");
                    for number in 0..messages {
                        let message = Message::new(producer.into(), number);
                        // SAFETY: see `HandedOver`.
                        unsafe { *handed_over.0[index(&message)].get() = u64::from(number) + 1 };
                        queue.send(message).expect("not closed yet");
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|consumer| {
                scope.spawn(move || {
                    let platform = SpinPlatform::new(2 + PRODUCERS + consumer);
                    let queue = Options::<Message>::new(0).attach(shared.memory(), platform).expect("as above");
                    let mut all = Vec::new();
                    while let Ok(message) = queue.recv() {
                        assert_eq!(message, Message::new(message.producer, message.number), "whole");
                        // SAFETY: see `HandedOver`.
                        let value = unsafe { *handed_over.0[index(&message)].get() };
                        assert_eq!(value, u64::from(message.number) + 1, "what was written before the send is seen");
                        all.push(message);
                    }
                    all
                })
            })
            .collect();
        for producer in producers {
            producer.join().expect("a producer ends");
        }
        owner.close().unwrap();
        consumers.into_iter().map(|consumer| consumer.join().expect("a consumer ends")).collect()
    });

    for all in &received {
        for producer in 0..u32::from(PRODUCERS) {
            let numbers = all.iter().filter(|message| message.producer == producer).map(|message| message.number);
            assert!(numbers.is_sorted_by(|a, b| a < b), "in order for each consumer");
        }
    }
    let mut all: Vec<usize> = received.iter().flatten().map(index).collect();
    all.sort_unstable();
    assert_eq!(all, (0..total).collect::<Vec<_>>(), "none lost, none doubled");
}

#[test]
fn many_to_many_with_room() {
    static SHARED: StaticMemory<{ required(64) }> = StaticMemory::new();
    many_to_many(&SHARED, 64, MESSAGES);
}

/// Every position is handed from a consumer to a producer at once.
#[test]
fn many_to_many_without_room() {
    static SHARED: StaticMemory<{ required(1) }> = StaticMemory::new();
    many_to_many(&SHARED, 1, MESSAGES_WITHOUT_ROOM);
}

/// Overwriting senders and try-receivers: each message comes out once, displaced or received.
#[test]
fn overwriting() {
    static SHARED: StaticMemory<{ required(4) }> = StaticMemory::new();
    let queue =
        // SAFETY: new memory.
        unsafe { Options::<Message>::new(4).create(SHARED.memory(), SpinPlatform::new(1)) }.expect("enough memory");
    let done = AtomicBool::new(false);
    let mut out: Vec<Message> = thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let queue = Options::<Message>::new(0).attach(SHARED.memory(), SpinPlatform::new(2)).expect("as above");
            let mut out = Vec::new();
            while !done.load(Ordering::Acquire) {
                out.extend(queue.try_recv());
            }
            out
        });
        let mut out = Vec::new();
        for number in 0..MESSAGES {
            out.extend(queue.force_send(Message::new(0, number)).expect("there is one sender"));
        }
        done.store(true, Ordering::Release);
        out.extend(consumer.join().expect("the consumer ends"));
        out
    });
    out.extend(std::iter::from_fn(|| queue.try_recv().ok()));
    out.sort_unstable_by_key(|message| message.number);
    assert_eq!(out, (0..MESSAGES).map(|number| Message::new(0, number)).collect::<Vec<_>>());
}
