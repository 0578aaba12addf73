//! How long does a message take there and back?
//!
//! Between two processes. Asleep on two cores, asleep on one core, and spinning on two cores, each against
//! the floor of the machine: a bare shared futex, or the cache lines alone. In a virtual machine a wake-up across
//! cores is the hypervisor's time; on one core libraries can be told apart.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::error::Error;
use std::fs::File;
use std::hint;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::floor::{self, Court, Shared};
use benches::pin;
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use benches::start::Start;
use crossbeam_queue::ArrayQueue;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages that a queue holds. One is under way at a time.
const CAPACITY: usize = 16;

/// Round trips that take some ten milliseconds.
const ACROSS: u64 = 200;
const ONE_CORE: u64 = 4_000;
const SPINNING: u64 = 30_000;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    for (question, cpus, at_least) in
        [("blocking, two cores", cpus, ACROSS), ("blocking, one core", [cpus[0]; 2], ONE_CORE)]
    {
        contest::contest(
            &mut criterion,
            &mut samples,
            question,
            &mut [
                Contender::new("futex", at_least, futex(cpus)?),
                Contender::new("ours", at_least, ours::blocking(cpus)?),
                Contender::new("pipe", at_least, pipe(cpus)?),
            ],
        );
    }
    contest::contest(
        &mut criterion,
        &mut samples,
        "spinning",
        &mut [
            Contender::new("cache line", SPINNING, line(cpus, Court::ONE_LINE)?),
            Contender::new("cache line each way", SPINNING, line(cpus, Court::LINE_EACH_WAY)?),
            Contender::new("ours", SPINNING, ours::spinning(cpus)?),
            Contender::new("ArrayQueue, threads", SPINNING, array_queues(cpus)),
        ],
    );
    criterion.final_summary();
    samples.save("pingpong")?;
    let time = |name, ours, others, bar| Ratio { name, of: Of::Time, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            time(
                "blocking round trip on two cores ours/futex",
                "blocking, two cores/ours",
                &["blocking, two cores/futex"],
                Bar::AtMost(1.2),
            ),
            time(
                "blocking round trip on one core ours/futex",
                "blocking, one core/ours",
                &["blocking, one core/futex"],
                Bar::AtMost(1.2),
            ),
            time(
                "blocking round trip on one core ours/pipe",
                "blocking, one core/ours",
                &["blocking, one core/pipe"],
                Bar::None,
            ),
            time(
                "spinning round trip ours/cache line each way",
                "spinning/ours",
                &["spinning/cache line each way"],
                Bar::AtMost(1.5),
            ),
            time(
                "spinning round trip ours/ArrayQueue",
                "spinning/ours",
                &["spinning/ArrayQueue, threads"],
                Bar::AtMost(1.0),
            ),
        ])
    );
    Ok(())
}

/// The second process.
fn play(role: Role) -> Result<()> {
    match role.name() {
        "futex" => play_futex(role),
        "line" => play_line(role),
        "pipe" => play_pipe(role),
        "ours blocking" => ours::play_blocking(role),
        "ours spinning" => ours::play_spinning(role),
        other => Err(format!("no such role: {other}").into()),
    }
}

/// `n` round trips with a second process that sleeps until the ball comes: no need for a common start.
fn asleep(here: usize, second: &mut Second, n: u64, mut round_trip: impl FnMut()) -> Duration {
    let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
    second.run(n).expect("the second process is alive");
    let begun = Instant::now();
    for _ in 0..n {
        round_trip();
    }
    begun.elapsed()
}

/// `n` round trips with a second process that spins.
fn awake(here: usize, second: &mut Second, start: &Start, n: u64, mut round_trip: impl FnMut()) -> Duration {
    let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
    second.run(n).expect("the second process is alive");
    let begun = start.release();
    for _ in 0..n {
        round_trip();
    }
    begun.elapsed()
}

fn futex([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
    let court = Shared::<Court>::create()?;
    let mut second = Second::start("futex", there, &[&court.fd()])?;
    let mut ball = 0_u32;
    Ok(move |n| {
        asleep(here, &mut second, n, || {
            ball = ball.wrapping_add(1);
            court.serve_sleeping(ball);
        })
    })
}

fn play_futex(role: Role) -> Result<()> {
    let court = Shared::<Court>::inherit(role.arg(0)?)?;
    let mut ball = 0_u32;
    role.play(|n| {
        for _ in 0..n {
            ball = ball.wrapping_add(1);
            court.answer_sleeping(ball);
        }
    })?;
    Ok(())
}

fn line([here, there]: [usize; 2], lines: usize) -> Result<impl FnMut(u64) -> Duration> {
    let court = Shared::<Court>::create()?;
    let start = Shared::<Start>::create()?;
    let mut second = Second::start("line", there, &[&court.fd(), &start.fd(), &lines])?;
    let mut ball = 0_u32;
    Ok(move |n| {
        awake(here, &mut second, &start, n, || {
            ball = ball.wrapping_add(1);
            court.serve_spinning(lines, ball);
        })
    })
}

fn play_line(role: Role) -> Result<()> {
    let court = Shared::<Court>::inherit(role.arg(0)?)?;
    let start = Shared::<Start>::inherit(role.arg(1)?)?;
    let lines = role.arg(2)?;
    let mut ball = 0_u32;
    role.play(|n| {
        start.arrive();
        for _ in 0..n {
            ball = ball.wrapping_add(1);
            court.answer_spinning(lines, ball);
        }
    })?;
    Ok(())
}

/// A pipe each way.
fn pipe([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
    let (from_first, mut to_second): (PipeReader, PipeWriter) = io::pipe()?;
    let (mut from_second, to_first): (PipeReader, PipeWriter) = io::pipe()?;
    floor::bequeath(&from_first)?;
    floor::bequeath(&to_first)?;
    let mut second = Second::start("pipe", there, &[&from_first.as_raw_fd(), &to_first.as_raw_fd()])?;
    Ok(move |n| {
        asleep(here, &mut second, n, || {
            let mut ball = 7_u64.to_ne_bytes();
            to_second.write_all(&ball).expect("the second process is alive");
            from_second.read_exact(&mut ball).expect("the second process is alive");
        })
    })
}

fn play_pipe(role: Role) -> Result<()> {
    let mut from_first: File = floor::inherited(role.arg(0)?)?;
    let mut to_first: File = floor::inherited(role.arg(1)?)?;
    role.play(|n| {
        for _ in 0..n {
            let mut ball = [0; 8];
            from_first.read_exact(&mut ball).expect("the first process is alive");
            to_first.write_all(&ball).expect("the first process is alive");
        }
    })?;
    Ok(())
}

/// An `ArrayQueue` each way, between two threads.
fn array_queues([here, there]: [usize; 2]) -> impl FnMut(u64) -> Duration {
    let [forth, back] = [(); 2].map(|()| ArrayQueue::new(CAPACITY));
    move |n| {
        let start = Start::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                pin::to(there).expect("the cores were allowed when the benchmark began");
                start.arrive();
                for _ in 0..n {
                    let ball = spin_for(|| forth.pop());
                    back.push(ball).expect("one ball, so there is room");
                }
            });
            let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
            let begun = start.release();
            for ball in 0..n {
                forth.push(ball).expect("one ball, so there is room");
                assert_eq!(spin_for(|| back.pop()), ball, "the ball that was sent comes back");
            }
            begun.elapsed()
        })
    }
}

/// Looks again and again, a pause between: what counts here is the time until a ball is seen.
#[inline]
fn spin_for(mut pop: impl FnMut() -> Option<u64>) -> u64 {
    loop {
        match pop() {
            Some(ball) => return ball,
            None => hint::spin_loop(),
        }
    }
}

/// A queue each way, between two processes, by name.
mod ours {
    use super::*;
    use benches::ours::Lanes;

    pub fn blocking([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
        let lanes = Lanes::create(CAPACITY)?;
        let mut second = Second::start("ours blocking", there, &[&lanes.name()])?;
        lanes.unlink();
        let mut ball = 0;
        Ok(move |n| {
            asleep(here, &mut second, n, || {
                ball += 1;
                lanes.there.send(ball);
                assert_eq!(lanes.back.recv(), ball, "the ball that was sent comes back");
            })
        })
    }

    pub fn play_blocking(role: Role) -> Result<()> {
        let lanes = Lanes::attach(role.arg(0)?, CAPACITY)?;
        role.play(|n| {
            for _ in 0..n {
                lanes.back.send(lanes.there.recv());
            }
        })?;
        Ok(())
    }

    pub fn spinning([here, there]: [usize; 2]) -> Result<impl FnMut(u64) -> Duration> {
        let lanes = Lanes::create(CAPACITY)?;
        let start = Shared::<Start>::create()?;
        let mut second = Second::start("ours spinning", there, &[&lanes.name(), &start.fd()])?;
        lanes.unlink();
        let mut ball = 0;
        Ok(move |n| {
            awake(here, &mut second, &start, n, || {
                ball += 1;
                assert!(lanes.there.try_send(ball), "one ball, so there is room");
                assert_eq!(spin_for(|| lanes.back.try_recv()), ball, "the ball that was sent comes back");
            })
        })
    }

    pub fn play_spinning(role: Role) -> Result<()> {
        let lanes = Lanes::attach(role.arg(0)?, CAPACITY)?;
        let start = Shared::<Start>::inherit(role.arg(1)?)?;
        role.play(|n| {
            start.arrive();
            for _ in 0..n {
                let ball = spin_for(|| lanes.there.try_recv());
                assert!(lanes.back.try_send(ball), "one ball, so there is room");
            }
        })?;
        Ok(())
    }
}
