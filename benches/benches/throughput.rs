//! How many 8-byte messages go from one core to another in a second?
//!
//! One producer, one consumer, capacity 1024. Ours and the pipe between two processes; ArrayQueue, crossbeam-channel and the standard
//! library's sync_channel, which cannot do that, between two threads. Every spinning side backs off with the same
//! code; under "as used" every contender waits as its users have it wait: the blocking calls of ours, of crossbeam-channel and of
//! sync_channel, crossbeam's own back-off for ArrayQueue, which has none. The consumer checks every message.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use benches::contest::{self, Contender};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use benches::spin::Spin;
use benches::start::Start;
use benches::{floor, pin, stream};
use crossbeam_channel::{TryRecvError, TrySendError};
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::Backoff;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages that a queue holds. (A pipe holds what the kernel gives it: 8192 of 8 bytes.)
const CAPACITY: usize = 1024;

/// The question is asked twice, because the answer depends on how long a side looks away: see [`Spin`].
const BACK_OFFS: [(&str, Spin); 2] = [("throughput", Spin::PATIENT), ("throughput, eager", Spin::EAGER)];

/// And a third time, with each contender's own way of waiting.
const AS_USED: &str = "throughput, as used";

/// The back-off of the question that a second process was started for.
fn back_off(question: &str) -> Result<Spin> {
    let found = BACK_OFFS.iter().find(|(name, _)| *name == question);
    Ok(found.ok_or("no such question")?.1)
}

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    for (question, spin) in BACK_OFFS {
        contest::contest(
            &mut criterion,
            &mut samples,
            question,
            &mut [
                Contender::new("ours", 1 << 20, ours::contender(cpus, question, spin)?),
                Contender::new("ArrayQueue", 1 << 20, array_queue(cpus, spin)),
                Contender::new("crossbeam-channel", 1 << 20, channel(cpus, spin)),
                Contender::new("sync_channel", 1 << 20, sync_channel(cpus, spin)),
                Contender::new("pipe", 1 << 16, pipe(cpus)?),
            ],
        );
    }
    contest::contest(
        &mut criterion,
        &mut samples,
        AS_USED,
        &mut [
            Contender::new("ours", 1 << 20, ours::blocking(cpus)?),
            Contender::new("ArrayQueue", 1 << 20, array_queue_as_used(cpus)),
            Contender::new("crossbeam-channel", 1 << 20, channel_as_used(cpus)),
            Contender::new("sync_channel", 1 << 20, sync_channel_as_used(cpus)),
            Contender::new("pipe", 1 << 16, pipe(cpus)?),
        ],
    );
    criterion.final_summary();
    samples.save("throughput")?;
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            speed(
                "throughput ours/best between threads",
                "throughput/ours",
                &["throughput/ArrayQueue", "throughput/crossbeam-channel", "throughput/sync_channel"],
                Bar::AtLeast(1.0),
            ),
            speed(
                "throughput as used ours/best between threads",
                "throughput, as used/ours",
                &[
                    "throughput, as used/ArrayQueue",
                    "throughput, as used/crossbeam-channel",
                    "throughput, as used/sync_channel",
                ],
                Bar::AtLeast(1.5),
            ),
            speed("throughput ours/pipe", "throughput/ours", &["throughput/pipe"], Bar::AtLeast(10.0)),
            speed(
                "eager throughput ours/best between threads",
                "throughput, eager/ours",
                &[
                    "throughput, eager/ArrayQueue",
                    "throughput, eager/crossbeam-channel",
                    "throughput, eager/sync_channel"
                ],
                Bar::AtLeast(1.0),
            ),
        ])
    );
    Ok(())
}

/// The second process.
fn play(role: Role) -> Result<()> {
    match role.name() {
        "pipe" => play_pipe(role),
        "ours" => ours::play(role),
        "ours, blocking" => ours::play_blocking(role),
        other => Err(format!("no such role: {other}").into()),
    }
}

/// `n` messages from a second thread to this one.
fn between_threads(
    [here, there]: [usize; 2],
    n: u64,
    spin: Spin,
    push: impl FnMut(u64) -> bool + Send,
    pop: impl FnMut() -> Option<u64>,
) -> Duration {
    let start = Start::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            pin::to(there).expect("the cores were allowed when the benchmark began");
            start.arrive();
            stream::produce(n, spin, push);
        });
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        let begun = start.release();
        stream::consume(n, spin, pop);
        begun.elapsed()
    })
}

fn array_queue(cpus: [usize; 2], spin: Spin) -> impl FnMut(u64) -> Duration {
    let queue = ArrayQueue::new(CAPACITY);
    move |n| between_threads(cpus, n, spin, |value| queue.push(value).is_ok(), || queue.pop())
}

fn channel(cpus: [usize; 2], spin: Spin) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    move |n| {
        let push = |value| match sender.try_send(value) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => unreachable!("this function holds the receiver"),
        };
        let pop = || match receiver.try_recv() {
            Ok(value) => Some(value),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => unreachable!("this function holds the sender"),
        };
        between_threads(cpus, n, spin, push, pop)
    }
}

/// The standard library's bounded channel.
fn sync_channel(cpus: [usize; 2], spin: Spin) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = mpsc::sync_channel(CAPACITY);
    move |n| between_threads(cpus, n, spin, |value| sender.try_send(value).is_ok(), || receiver.try_recv().ok())
}

/// With the back-off of its authors, who give it none of its own.
fn array_queue_as_used(cpus: [usize; 2]) -> impl FnMut(u64) -> Duration {
    let queue = ArrayQueue::new(CAPACITY);
    move |n| {
        let push = |value| {
            let back_off = Backoff::new();
            while queue.push(value).is_err() {
                back_off.snooze();
            }
            true
        };
        let pop = || {
            let back_off = Backoff::new();
            loop {
                match queue.pop() {
                    Some(value) => break Some(value),
                    None => back_off.snooze(),
                }
            }
        };
        between_threads(cpus, n, Spin::EAGER, push, pop)
    }
}

fn channel_as_used(cpus: [usize; 2]) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    move |n| between_threads(cpus, n, Spin::EAGER, |value| sender.send(value).is_ok(), || receiver.recv().ok())
}

fn sync_channel_as_used(cpus: [usize; 2]) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = mpsc::sync_channel(CAPACITY);
    move |n| between_threads(cpus, n, Spin::EAGER, |value| sender.send(value).is_ok(), || receiver.recv().ok())
}

/// One system call for each message on each side; the kernel does the waiting.
fn pipe([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
    let (mut reader, writer) = io::pipe()?;
    floor::bequeath(&writer)?;
    let start = floor::Shared::<Start>::create()?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&writer);
    let mut second = Second::start("pipe", there, &[&start.fd(), &fd])?;
    Ok(move |n| {
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        second.run(n).expect("the second process is alive");
        let begun = start.release();
        stream::consume(n, Spin::EAGER, || {
            let mut message = [0; 8];
            reader.read_exact(&mut message).expect("the writer is alive");
            Some(u64::from_ne_bytes(message))
        });
        begun.elapsed()
    })
}

fn play_pipe(role: Role) -> Result<()> {
    let start = floor::Shared::<Start>::inherit(role.arg(0)?)?;
    let mut writer = floor::inherited(role.arg(1)?)?;
    role.play(|n| {
        start.arrive();
        stream::produce(n, Spin::EAGER, |value| {
            writer.write_all(&value.to_ne_bytes()).expect("the reader is alive");
            true
        });
    })?;
    Ok(())
}

/// Between two processes, by name.
mod ours {
    use super::*;
    use benches::ours::Lanes;

    pub fn contender([here, there]: [usize; 2], question: &str, spin: Spin) -> Result<impl FnMut(u64) -> Duration> {
        let lanes = Lanes::create(CAPACITY)?;
        let start = floor::Shared::<Start>::create()?;
        let mut second = Second::start("ours", there, &[&start.fd(), &lanes.name(), &question])?;
        lanes.unlink();
        Ok(move |n| {
            let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
            second.run(n).expect("the second process is alive");
            let begun = start.release();
            stream::consume(n, spin, || lanes.back.try_recv());
            begun.elapsed()
        })
    }

    /// The library does the waiting.
    pub fn blocking([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
        let lanes = Lanes::create(CAPACITY)?;
        let start = floor::Shared::<Start>::create()?;
        let mut second = Second::start("ours, blocking", there, &[&start.fd(), &lanes.name()])?;
        lanes.unlink();
        Ok(move |n| {
            let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
            second.run(n).expect("the second process is alive");
            let begun = start.release();
            stream::consume(n, Spin::EAGER, || Some(lanes.back.recv()));
            begun.elapsed()
        })
    }

    pub fn play_blocking(role: Role) -> Result<()> {
        let start = floor::Shared::<Start>::inherit(role.arg(0)?)?;
        let lanes = Lanes::attach(role.arg(1)?, CAPACITY)?;
        role.play(|n| {
            start.arrive();
            stream::produce(n, Spin::EAGER, |value| {
                lanes.back.send(value);
                true
            });
        })?;
        Ok(())
    }

    pub fn play(role: Role) -> Result<()> {
        let start = floor::Shared::<Start>::inherit(role.arg(0)?)?;
        let lanes = Lanes::attach(role.arg(1)?, CAPACITY)?;
        let spin = back_off(&role.arg::<String>(2)?)?;
        role.play(|n| {
            start.arrive();
            stream::produce(n, spin, |value| lanes.back.try_send(value));
        })?;
        Ok(())
    }
}
