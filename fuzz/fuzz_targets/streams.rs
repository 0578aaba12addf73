//! One-to-one queues, duplexes, stacks, priority queues, queues with levels, work queues, byte queues, loans and broadcasts in memory whose words a faulty peer changes between (not during) operations.
//!
//! No operation may panic, wait beyond its deadline, touch memory outside, or leave a participant seized.
#![no_main]

use std::cell::RefCell;
use std::hint::black_box;
use std::mem::MaybeUninit;

use ipc_core::broadcast::{Policy, Subscriber};
use ipc_core::memory::Memory;
use ipc_core::object::{self, Blueprint, Schema};
use ipc_core::participant::Dead;
use ipc_core::spsc::{Consumer, Producer};
use ipc_core::time::Instant;
use ipc_core::{Broadcast, Spsc, broadcast, bytes, level, loan, priority, spsc, stack, work};
use ipc_fuzz::element::Colour;
use ipc_fuzz::input::Input;
use ipc_fuzz::play::{HandleOf, Kind, Script, play};
use ipc_fuzz::seeds;
use ipc_fuzz::talks::{TheDuplex, TheValueDuplex};
use ipc_fuzz::world::Seat;
use libfuzzer_sys::fuzz_target;

const SCHEMA: Schema = Schema::new(7);
type Record = [u64; 3];

fuzz_target!(
    init: seeds::plant(seeds::modes(&(0..13).collect::<Vec<u8>>())),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        match input.byte() % 13 {
            0 => play::<TheSpsc<Record>>(&mut input),
            1 => play::<TheSpsc<Colour>>(&mut input),
            2 => play::<TheByteQueue>(&mut input),
            3 => play::<TheLoanQueue>(&mut input),
            4 => play::<TheBroadcast<false>>(&mut input),
            5 => play::<TheStack>(&mut input),
            6 => play::<ThePriorityQueue>(&mut input),
            7 => play::<TheWorkQueue>(&mut input),
            8 => play::<TheByteWorkQueue>(&mut input),
            9 => play::<TheDuplex>(&mut input),
            10 => play::<TheLevelQueue>(&mut input),
            11 => play::<TheValueDuplex>(&mut input),
            _ => play::<TheBroadcast<true>>(&mut input),
        }
    }
);

struct TheSpsc<T>(std::marker::PhantomData<T>);
struct TheByteQueue;
struct TheLoanQueue;
struct TheStack;
struct ThePriorityQueue;
struct TheLevelQueue;
struct TheWorkQueue;
struct TheByteWorkQueue;
struct TheBroadcast<const WAITS: bool>;

/// An element made of one number.
trait Made {
    fn made(number: u8) -> Self;
}

impl Made for Record {
    fn made(number: u8) -> Self {
        [number.into(); 3]
    }
}

impl Made for Colour {
    fn made(number: u8) -> Self {
        if number & 1 == 0 { Colour::Red } else { Colour::Green }
    }
}

fn spsc_options<T>(capacity: u64) -> spsc::Options<T> {
    let mut options = spsc::Options::new(capacity);
    options.schema = SCHEMA;
    options
}

/// A queue, and the ends that its participant holds.
struct Ends<'w, T> {
    queue: Spsc<'w, T, Seat<'w>>,
    ends: RefCell<(Option<Producer<'w, T, Seat<'w>>>, Option<Consumer<'w, T, Seat<'w>>>)>,
}

impl<T: Made + bytemuck::NoUninit + bytemuck::CheckedBitPattern> Kind for TheSpsc<T> {
    type Handle<'w> = Ends<'w, T>;

    fn bytes() -> u64 {
        spsc_options::<T>(5).bytes().expect("a capacity")
    }
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Self::Handle<'w> {
        // SAFETY: new memory.
        let queue = unsafe { spsc_options(5).create(memory, seat) }.expect("it fits");
        Ends { queue, ends: RefCell::default() }
    }
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<Self::Handle<'w>> {
        let queue = spsc_options(0).attach(memory, seat).ok()?;
        Some(Ends { queue, ends: RefCell::default() })
    }
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>) {
        let _ = object::sweep(memory, dead, seat);
    }
    fn step(input: &mut Input<'_>, handle: &Self::Handle<'_>, deadline: Instant) {
        let (producer, consumer) = &mut *handle.ends.borrow_mut();
        let value = T::made(input.byte());
        match input.below(18) {
            0 => *producer = handle.queue.producer().ok(),
            1 => *consumer = handle.queue.consumer().ok(),
            2 if input.below(8) == 0 => *producer = None,
            3 if input.below(8) == 0 => *consumer = None,
            4 if input.below(16) == 0 => _ = handle.queue.close().unwrap(),
            // The capacity may be damaged, too.
            5 => assert!(handle.queue.len() <= handle.queue.capacity()),
            number => {
                if let Some(producer) = producer {
                    match number {
                        6 => _ = black_box(producer.try_send(value)),
                        7 => _ = black_box(producer.send_deadline(value, deadline)),
                        8 => _ = black_box(producer.try_send_slice(&[value; 4])),
                        9 => _ = black_box(producer.send_slice_deadline(&[value; 7], deadline)),
                        10 => _ = black_box(producer.try_send_iter([value; 3])),
                        11 => {
                            if let Ok(mut chunk) = producer.try_write_chunk(3) {
                                chunk.set(0, value);
                                chunk.commit(1).unwrap();
                            }
                        }
                        _ => {}
                    }
                }
                if let Some(consumer) = consumer {
                    let (mut out, mut room) = ([value; 4], [MaybeUninit::uninit(); 9]);
                    match number {
                        12 => _ = black_box(consumer.try_recv()),
                        13 => _ = black_box(consumer.recv_deadline(deadline)),
                        14 => _ = black_box(consumer.try_recv_slice(&mut out)),
                        15 => _ = black_box(consumer.recv_uninit_deadline(&mut room, deadline)),
                        16 => _ = black_box(consumer.peek()),
                        17 => {
                            if let Ok(chunk) = consumer.try_read_chunk(3) {
                                let count = chunk.len();
                                assert!(count <= 3);
                                chunk.commit(count).unwrap();
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

impl Script for TheByteQueue {
    type Wanted = bytes::Options;

    fn wanted() -> bytes::Options {
        bytes::Options { schema: SCHEMA, ..bytes::Options::new(50) }
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, bytes::Options>, deadline: Instant) {
        let message = [7; 64];
        let message = &message[..input.below(60)];
        let mut room = [0; 64];
        let room = &mut room[..input.below(64)];
        match input.below(8) {
            0 => _ = black_box(queue.try_send(message)),
            1 => _ = black_box(queue.try_send_parts(&[&message[..message.len() / 2], message])),
            2 => _ = black_box(queue.send_deadline(message, deadline)),
            3 => _ = black_box(queue.try_recv(room)),
            4 => _ = black_box(queue.recv_deadline(room, deadline)),
            5 => _ = black_box(queue.try_recv_into(&mut Vec::new())),
            6 if input.below(16) == 0 => _ = queue.close().unwrap(),
            _ => {
                let stats = queue.stats();
                assert!(stats.used <= stats.ring);
            }
        }
    }
}

impl Script for TheStack {
    type Wanted = stack::Options<Colour>;

    fn wanted() -> stack::Options<Colour> {
        let mut wanted = stack::Options::new(5);
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, stack: &HandleOf<'_, stack::Options<Colour>>, deadline: Instant) {
        let value = Colour::made(input.byte());
        let mut out = [value; 4];
        match input.below(10) {
            0 => _ = black_box(stack.try_send(value)),
            1 => _ = black_box(stack.send_deadline(value, deadline)),
            2 => _ = black_box(stack.try_send_slice(&[value; 4])),
            3 => _ = black_box(stack.send_slice_deadline(&[value; 7], deadline)),
            4 => _ = black_box(stack.try_recv()),
            5 => _ = black_box(stack.recv_deadline(deadline)),
            6 => _ = black_box(stack.try_recv_slice(&mut out)),
            7 => _ = black_box(stack.recv_many_deadline(&mut Vec::new(), 3, deadline)),
            8 if input.below(16) == 0 => _ = stack.close().unwrap(),
            _ => assert!(stack.len() <= 5),
        }
    }
}

impl Script for ThePriorityQueue {
    type Wanted = priority::Options<Colour, Record>;

    fn wanted() -> Self::Wanted {
        let mut wanted = priority::Options::new(9);
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let (key, value) = (Colour::made(input.byte()), Record::made(input.byte()));
        let mut out = [(key, value); 4];
        match input.below(10) {
            0 => _ = black_box(queue.try_send(key, value)),
            1 => _ = black_box(queue.send_deadline(key, value, deadline)),
            2 => _ = black_box(queue.try_send_slice(&out)),
            3 => _ = black_box(queue.send_slice_deadline(&[(key, value); 11], deadline)),
            4 => _ = black_box(queue.try_recv()),
            5 => _ = black_box(queue.recv_deadline(deadline)),
            6 => _ = black_box(queue.try_recv_slice(&mut out)),
            7 => _ = black_box(queue.recv_many_deadline(&mut Vec::new(), 3, deadline)),
            8 if input.below(16) == 0 => _ = queue.close().unwrap(),
            _ => assert!(queue.len() <= 9),
        }
    }
}

impl Script for TheLevelQueue {
    type Wanted = level::Options<Colour>;

    fn wanted() -> Self::Wanted {
        let mut wanted = level::Options::new(3, 5);
        (wanted.fair, wanted.schema) = (4, SCHEMA);
        wanted
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let (level, value) = (input.below(3), Colour::made(input.byte()));
        let mut out = [value; 4];
        match input.below(12) {
            0 => _ = black_box(queue.try_send(level, value)),
            1 => _ = black_box(queue.send_deadline(level, value, deadline)),
            2 => _ = black_box(queue.try_send_slice(level, &out)),
            3 => _ = black_box(queue.send_slice_deadline(level, &[value; 7], deadline)),
            4 => _ = black_box(queue.try_recv()),
            5 => _ = black_box(queue.recv_deadline(deadline)),
            6 => _ = black_box(queue.try_recv_slice(&mut out)),
            7 => _ = black_box(queue.recv_many_deadline(&mut Vec::new(), 3, deadline)),
            8 => _ = black_box((queue.peek(), queue.is_full(), queue.stats())),
            9 if input.below(16) == 0 => _ = queue.close().unwrap(),
            10 => _ = black_box(queue.is_closed()),
            _ => assert!(queue.len() <= 15 && queue.level_len(level) <= 5),
        }
    }
}

impl Script for TheWorkQueue {
    type Wanted = work::Options<Colour>;

    fn wanted() -> work::Options<Colour> {
        let mut wanted = work::Options::new(4);
        (wanted.jobs.leases, wanted.jobs.attempts, wanted.schema) = (Some(2), Some(3), SCHEMA);
        wanted.lease_limit = Some(std::time::Duration::from_millis(1));
        wanted
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, work::Options<Colour>>, deadline: Instant) {
        let value = Colour::made(input.byte());
        match input.below(16) {
            13 => _ = black_box(queue.try_recv().map(|lease| (lease.renew(), lease.renew()))),
            12 => _ = black_box(queue.recv_dead_deadline(deadline).map(|lease| lease.done())),
            0 => _ = black_box(queue.try_send(value)),
            1 => _ = black_box(queue.send_deadline(value, deadline)),
            2 => _ = black_box(queue.try_recv().map(|lease| lease.done())),
            3 => _ = black_box(queue.recv_deadline(deadline).map(|lease| lease.done())),
            4 => drop(black_box(queue.try_recv())),
            5 => drop(black_box(queue.recv_deadline(deadline))),
            6 => _ = black_box(queue.try_recv().map(std::mem::forget)),
            7 => _ = black_box(queue.try_recv_dead().map(|lease| lease.done())),
            8 => drop(black_box(queue.try_recv_dead())),
            9 => _ = black_box(queue.wait_idle_deadline(deadline)),
            10 => _ = black_box((queue.is_idle(), queue.is_full(), queue.stats())),
            11 if input.below(16) == 0 => _ = black_box(queue.close()),
            _ => assert!(queue.len() <= 12),
        }
    }
}

impl Script for TheByteWorkQueue {
    type Wanted = work::ByteOptions;

    fn wanted() -> work::ByteOptions {
        let mut wanted = work::ByteOptions::new(4, 50);
        wanted.max_reply = Some(40);
        (wanted.jobs.leases, wanted.jobs.attempts, wanted.schema) = (Some(2), Some(3), SCHEMA);
        wanted
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, work::ByteOptions>, deadline: Instant) {
        let job = [7; 64];
        let job = &job[..input.below(60)];
        match input.below(16) {
            10 => _ = black_box(queue.try_call(job).map(std::mem::forget)),
            11 => _ = black_box(queue.call_deadline(job, deadline).map(|ticket| ticket.cancel())),
            12 => {
                if let Ok(ticket) = queue.try_call(job) {
                    if input.below(2) == 0 {
                        _ = black_box(queue.try_recv().map(|lease| lease.reply(job)));
                    }
                    assert!(!ticket.try_wait().is_ok_and(|answer| answer.len() > 40));
                    _ = black_box(ticket.wait_deadline(deadline).map(<[u8]>::to_vec));
                }
            }
            13 => _ = black_box(queue.try_recv().map(|lease| (lease.is_wanted(), lease.reply(job)))),
            14 => _ = black_box(queue.recv_deadline(deadline).map(|lease| lease.reply(job))),
            0 => _ = black_box(queue.try_send(job)),
            1 => _ = black_box(queue.try_send_parts(&[&job[..job.len() / 2], job])),
            2 => _ = black_box(queue.send_deadline(job, deadline)),
            3 => _ = black_box(queue.try_recv().map(|lease| (lease.to_vec(), lease.len() <= 50, lease.done()))),
            4 => drop(black_box(queue.recv_deadline(deadline))),
            5 => _ = black_box(queue.try_recv().map(std::mem::forget)),
            6 => _ = black_box(queue.try_recv_dead().map(|lease| lease.done())),
            7 => _ = black_box(queue.wait_idle_deadline(deadline)),
            8 if input.below(16) == 0 => _ = black_box(queue.close()),
            _ => _ = black_box((queue.is_idle(), queue.is_full(), queue.stats())),
        }
    }
}

impl Script for TheLoanQueue {
    type Wanted = loan::Options<u32>;

    fn wanted() -> loan::Options<u32> {
        let mut wanted = loan::Options::new(3, 5);
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, queue: &HandleOf<'_, loan::Options<u32>>, deadline: Instant) {
        let lent = match input.below(6) {
            0 => queue.try_loan_uninit(input.below(7)).ok(),
            1 => queue.loan_uninit_deadline(input.below(7), deadline).ok(),
            2 => queue.try_recv().ok().map(read),
            3 => queue.recv_deadline(deadline).ok().map(read),
            4 if input.below(16) == 0 => return assert!(queue.close().unwrap() || queue.is_closed()),
            _ => return assert!(queue.blocks() == 3 && queue.len() <= 3 && queue.free_blocks() <= 3),
        };
        let Some(mut loan) = lent else { return };
        assert!(loan.len() <= 5);
        loan.elements().fill(7);
        match input.below(3) {
            0 => drop(loan),
            // What a process does that dies.
            1 => std::mem::forget(loan),
            _ => {
                loan.truncate(input.below(6));
                drop(loan.send());
            }
        }
    }
}

/// The message, to be read, and as one to write again.
fn read<'q, 'w>(received: loan::Received<'q, 'w, u32, Seat<'w>>) -> loan::Loan<'q, 'w, u32, Seat<'w>> {
    assert_eq!(black_box(received.to_vec()).len(), received.len());
    received.into_loan()
}

/// A broadcast, and the subscription of its participant.
struct Listener<'w> {
    broadcast: Broadcast<'w, Record, Seat<'w>>,
    subscriber: RefCell<Option<Subscriber<'w, Record, Seat<'w>>>>,
}

impl<const WAITS: bool> Kind for TheBroadcast<WAITS> {
    type Handle<'w> = Listener<'w>;

    fn bytes() -> u64 {
        broadcast_options(WAITS).bytes().expect("a capacity")
    }
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Self::Handle<'w> {
        // SAFETY: new memory.
        let broadcast = unsafe { broadcast_options(WAITS).create(memory, seat) }.expect("it fits");
        Listener { broadcast, subscriber: RefCell::default() }
    }
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<Self::Handle<'w>> {
        let mut wanted = broadcast_options(WAITS);
        wanted.policy = None;
        let broadcast = wanted.attach(memory, seat).ok()?;
        Some(Listener { broadcast, subscriber: RefCell::default() })
    }
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>) {
        let _ = object::sweep(memory, dead, seat);
    }
    fn step(input: &mut Input<'_>, listener: &Self::Handle<'_>, deadline: Instant) {
        let subscriber = &mut *listener.subscriber.borrow_mut();
        let value = [u64::from(input.byte()); 3];
        match input.below(8) {
            0 => *subscriber = listener.broadcast.subscribe_last(input.below(5)).ok(),
            1 if input.below(4) == 0 => *subscriber = None,
            2 | 3 => _ = black_box(listener.broadcast.try_publish(value)),
            4 => _ = black_box(listener.broadcast.publish_deadline(value, deadline)),
            5 if input.below(16) == 0 => _ = listener.broadcast.close().unwrap(),
            number => {
                if let Some(subscriber) = subscriber {
                    _ = match number {
                        6 => black_box(subscriber.recv_deadline(deadline).ok()),
                        _ => black_box(subscriber.try_recv().ok()),
                    };
                }
            }
        }
        black_box(listener.broadcast.stats());
    }
}

fn broadcast_options(waits: bool) -> broadcast::Options<Record> {
    let mut options = broadcast::Options::new(3);
    options.schema = SCHEMA;
    options.policy = Some(if waits { Policy::Wait { subscribers: 2 } } else { Policy::Overwrite });
    options
}
