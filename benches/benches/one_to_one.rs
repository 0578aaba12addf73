//! How many messages of 8 bytes does one producer get to one consumer, one by one and in batches?
//!
//! Ours between two processes, rtrb between two threads, and as the floor a copy by one core alone through the cache that both share.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::hint;

use benches::contest::{self, Contender};
use benches::link::{self, Link, Result, Side};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::spin::Spin;
use benches::{ours, pin, second, stream};

/// Messages that a queue holds.
const CAPACITY: usize = 1024;
/// As many as take a megabyte, for who wants to move much: with room to run ahead, the sides seldom meet at a line.
const LARGE: usize = (1 << 20) / 8;
const MANY: u64 = 1 << 22;
const SPIN: Spin = Spin::BRISK;
/// A batch is done in a moment, so a side that finds nothing checks again soon.
const BATCH_SPIN: Spin = Spin::EAGER;

const SINGLE: Link = Link {
    name: "ours",
    create: || {
        let (address, mut consumer) = ours::consumer(CAPACITY)?;
        Ok((address, Box::new(move |n| stream::consume(n, SPIN, || consumer.try_recv().ok()))))
    },
    attach: |address| {
        let mut producer = ours::producer(address, "queue")?;
        Ok(Box::new(move |n| stream::produce(n, SPIN, |value| producer.try_send(value).is_ok())))
    },
};

fn batches<const BATCH: usize>(name: &'static str) -> Link {
    Link { name, create: receive_batches::<BATCH>, attach: send_batches::<BATCH> }
}

fn receive_batches<const BATCH: usize>() -> Result<(String, Side)> {
    let (address, mut consumer) = ours::consumer(CAPACITY)?;
    let mut batch = [0; BATCH];
    let receive =
        move |n| stream::consume_batches(n, BATCH_SPIN, &mut batch, |out| consumer.try_recv_slice(out).unwrap_or(0));
    Ok((address, Box::new(receive)))
}

fn send_batches<const BATCH: usize>(address: &str) -> Result<Side> {
    let mut producer = ours::producer(address, "queue")?;
    let mut batch = [0; BATCH];
    Ok(Box::new(move |n| {
        stream::produce_batches(n, BATCH_SPIN, &mut batch, |values| producer.try_send_slice(values).unwrap_or(0));
    }))
}

/// The library does the waiting. What a batch carries is made once, but for its number at its begin: this is about moving it.
fn receive_blocking<const BATCH: usize>() -> Result<(String, Side)> {
    let (address, mut consumer) = ours::consumer(LARGE)?;
    let mut batch = [0; BATCH];
    let receive = move |n| {
        let mut begun = 0_u64;
        while begun < n {
            let count = consumer.recv_slice(&mut batch).expect("the producer is alive") as u64;
            // Part of a batch may come first.
            let begin = begun.next_multiple_of(BATCH as u64);
            if let Some(number) = batch[..count as usize].get((begin - begun) as usize) {
                assert_eq!(*number, begin, "messages must arrive in order");
            }
            begun += count;
        }
    };
    Ok((address, Box::new(receive)))
}

fn send_blocking<const BATCH: usize>(address: &str) -> Result<Side> {
    let mut producer = ours::producer(address, "queue")?;
    let mut batch = [7; BATCH];
    Ok(Box::new(move |n| {
        for number in (0..n).step_by(BATCH) {
            batch[0] = number;
            let count = BATCH.min((n - number) as usize);
            producer.send_slice(&batch[..count]).expect("the consumer is alive");
        }
    }))
}

fn links() -> [Link; 5] {
    [
        SINGLE,
        batches::<16>("ours, 16"),
        batches::<128>("ours, 128"),
        batches::<256>("ours, 256"),
        Link { name: "ours, 128, blocking", create: receive_blocking::<128>, attach: send_blocking::<128> },
    ]
}

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return link::play(role, &links());
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    let mut contenders = Vec::new();
    for link in links() {
        contenders.push(Contender::new(link.name, MANY, link::between_processes(cpus, &link)?));
    }
    contenders.push(Contender::new("rtrb, threads", MANY, link::between_threads(cpus, rtrb_single)));
    contenders.push(Contender::new("rtrb, threads, 256", MANY, link::between_threads(cpus, rtrb_batches::<256>)));
    contenders.push(Contender::new("memcpy, 1 MiB", MANY, memcpy(cpus)));
    contest::contest(&mut criterion, &mut samples, "one to one", &mut contenders);
    criterion.final_summary();
    samples.save("one_to_one")?;
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            speed("one to one ours/rtrb", "one to one/ours", &["one to one/rtrb, threads"], Bar::AtLeast(2.0)),
            speed(
                "one to one, batches of 256, ours/rtrb one by one",
                "one to one/ours, 256",
                &["one to one/rtrb, threads"],
                Bar::AtLeast(6.0),
            ),
            speed(
                "one to one, batches of 256, ours/rtrb",
                "one to one/ours, 256",
                &["one to one/rtrb, threads, 256"],
                Bar::None,
            ),
            speed(
                "one to one, batches of 1 KiB, ring and buffers of 1 MiB, ours/memcpy",
                "one to one/ours, 128, blocking",
                &["one to one/memcpy, 1 MiB"],
                Bar::AtLeast(0.6),
            ),
        ])
    );
    Ok(())
}

fn rtrb_single() -> (impl FnMut(u64) + Send, impl FnMut(u64)) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(CAPACITY);
    (
        move |n| stream::produce(n, SPIN, |value| producer.push(value).is_ok()),
        move |n| stream::consume(n, SPIN, || consumer.pop().ok()),
    )
}

fn rtrb_batches<const BATCH: usize>() -> (impl FnMut(u64) + Send, impl FnMut(u64)) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u64>::new(CAPACITY);
    let (mut sent, mut received) = ([0; BATCH], [0; BATCH]);
    (
        move |n| {
            stream::produce_batches(n, BATCH_SPIN, &mut sent, |values| {
                let count = values.len().min(producer.slots());
                let Ok(mut chunk) = producer.write_chunk(count) else { return 0 };
                let (first, second) = chunk.as_mut_slices();
                let (before_end, behind) = values[..count].split_at(first.len());
                first.copy_from_slice(before_end);
                second.copy_from_slice(behind);
                chunk.commit_all();
                count
            });
        },
        move |n| {
            stream::consume_batches(n, BATCH_SPIN, &mut received, |out| {
                let count = out.len().min(consumer.slots());
                let Ok(chunk) = consumer.read_chunk(count) else { return 0 };
                let (first, second) = chunk.as_slices();
                out[..first.len()].copy_from_slice(first);
                out[first.len()..][..second.len()].copy_from_slice(second);
                chunk.commit_all();
                count
            });
        },
    )
}

/// One core alone, between buffers that fit the last cache that both cores share: the way that the messages of a queue take.
fn memcpy([here, _]: [usize; 2]) -> impl FnMut(u64) -> std::time::Duration {
    const WORDS: usize = (1 << 20) / 8;
    let (from, mut to) = (vec![7_u64; WORDS], vec![0_u64; WORDS]);
    move |n| {
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        let begun = std::time::Instant::now();
        for _ in 0..n as usize / WORDS {
            hint::black_box(&mut to).copy_from_slice(hint::black_box(&from));
        }
        begun.elapsed()
    }
}
