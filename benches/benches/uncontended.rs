//! What does a message cost when nobody else is there?
//!
//! One thread sends to itself and receives: no cache line moves, nobody waits, so this is the price of the
//! instructions. The floor is the least that a queue for many on both sides needs: a read-modify-write of
//! each end.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::pin;
use benches::ratios::{Bar, Of, Ratio, Samples};
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages that a queue holds.
const CAPACITY: usize = 1024;

/// Pairs that take some ten milliseconds.
const PAIRS: u64 = 1 << 20;

fn main() -> Result<()> {
    let [cpu, _] = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    contest::contest(
        &mut criterion,
        &mut samples,
        "uncontended",
        &mut [
            Contender::new("two compare-exchanges", PAIRS, compare_exchanges(cpu)),
            Contender::new("ours", PAIRS, ours(cpu)?),
            Contender::new("ArrayQueue", PAIRS, array_queue(cpu)),
            Contender::new("crossbeam-channel", PAIRS, channel(cpu)),
        ],
    );
    criterion.final_summary();
    samples.save("uncontended")?;
    let time = |name, others, bar| Ratio { name, of: Of::Time, ours: "uncontended/ours", others, bar };
    print!(
        "{}",
        samples.table(&[
            time("uncontended send+recv ours/two compare-exchanges", &["uncontended/two compare-exchanges"], Bar::None),
            time(
                "uncontended send+recv ours/best(ArrayQueue, crossbeam-channel)",
                &["uncontended/ArrayQueue", "uncontended/crossbeam-channel"],
                Bar::AtMost(1.3),
            ),
        ])
    );
    Ok(())
}

/// `n` times `pair`, which is to give back the value it is given.
fn alone(cpu: usize, n: u64, mut pair: impl FnMut(u64) -> Option<u64>) -> Duration {
    let _pinned = pin::here(cpu).expect("the core was allowed when the benchmark began");
    let begun = Instant::now();
    for value in 0..n {
        assert_eq!(pair(black_box(value)), Some(value), "what was sent is received");
    }
    begun.elapsed()
}

fn compare_exchanges(cpu: usize) -> impl FnMut(u64) -> Duration {
    let [tail, head] = [(); 2].map(|()| CachePadded::new(AtomicU64::new(0)));
    move |n| {
        alone(cpu, n, |value| {
            for end in [&tail, &head] {
                // Relaxed: one thread, and only the price of the instruction matters.
                let at = end.load(Relaxed);
                end.compare_exchange(at, at.wrapping_add(1), Relaxed, Relaxed).ok()?;
            }
            Some(value)
        })
    }
}

fn array_queue(cpu: usize) -> impl FnMut(u64) -> Duration {
    let queue = ArrayQueue::new(CAPACITY);
    move |n| {
        alone(cpu, n, |value| {
            queue.push(value).ok()?;
            queue.pop()
        })
    }
}

fn channel(cpu: usize) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    move |n| {
        alone(cpu, n, |value| {
            sender.try_send(value).ok()?;
            receiver.try_recv().ok()
        })
    }
}

fn ours(cpu: usize) -> Result<impl FnMut(u64) -> Duration> {
    let lanes = benches::ours::Lanes::create(CAPACITY)?;
    lanes.unlink();
    Ok(move |n| {
        alone(cpu, n, |value| {
            if !lanes.there.try_send(value) {
                return None;
            }
            lanes.there.try_recv()
        })
    })
}
