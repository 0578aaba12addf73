//! What does a lock cost: alone, and with a rival for a short section?
//!
//! Alone, one thread locks, adds to two words and unlocks. With a rival, two sides do so at once, each its share, until both
//! have done it. Ours and the process-shared robust POSIX mutex between two processes; std's and parking_lot's, which cannot
//! do that, between two threads.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::error::Error;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::ours::Lock;
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::robust::Robust;
use benches::second::{self, Role, Second};
use benches::start::Start;
use benches::{floor, pin};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Locks that take some ten milliseconds.
const ALONE: u64 = 1 << 20;
const TOGETHER: u64 = 1 << 17;

type Data = [u64; 2];

#[inline(always)]
fn section(data: &mut Data) {
    data[0] = data[0].wrapping_add(1);
    data[1] = !data[0];
}

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    let (lock, robust) = (Lock::create()?, Robust::create()?);
    let (std, parking) = (Mutex::new([0; 2]), parking_lot::Mutex::new([0; 2]));
    contest::contest(
        &mut criterion,
        &mut samples,
        "uncontended lock",
        &mut [
            Contender::new("ours", ALONE, |n| alone(cpus[0], n, || lock.with(section))),
            Contender::new("std", ALONE, |n| alone(cpus[0], n, || with_std(&std))),
            Contender::new("parking_lot", ALONE, |n| alone(cpus[0], n, || section(&mut parking.lock()))),
            Contender::new("pthread robust", ALONE, |n| alone(cpus[0], n, || robust.with(section))),
        ],
    );
    contest::contest(
        &mut criterion,
        &mut samples,
        "contended lock",
        &mut [
            Contender::new("ours", TOGETHER, between_processes(cpus, "ours", &[&lock.name()], || lock.with(section))?),
            Contender::new(
                "pthread robust",
                TOGETHER,
                between_processes(cpus, "robust", &[&robust.fd()], || robust.with(section))?,
            ),
            Contender::new("std, threads", TOGETHER, between_threads(cpus, || with_std(&std))),
            Contender::new("parking_lot, threads", TOGETHER, between_threads(cpus, || section(&mut parking.lock()))),
        ],
    );
    criterion.final_summary();
    samples.save("mutex")?;
    let time = |name, ours, others, bar| Ratio { name, of: Of::Time, ours, others, bar };
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            time("uncontended lock ours/std", "uncontended lock/ours", &["uncontended lock/std"], Bar::AtMost(1.1)),
            time(
                "uncontended lock ours/pthread robust",
                "uncontended lock/ours",
                &["uncontended lock/pthread robust"],
                Bar::AtMost(0.8),
            ),
            speed(
                "contended lock ours/pthread robust",
                "contended lock/ours",
                &["contended lock/pthread robust"],
                Bar::AtLeast(1.0),
            ),
            speed(
                "contended lock ours/parking_lot between threads",
                "contended lock/ours",
                &["contended lock/parking_lot, threads"],
                Bar::AtLeast(0.9),
            ),
        ])
    );
    Ok(())
}

#[inline(always)]
fn with_std(mutex: &Mutex<Data>) {
    section(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner));
}

fn alone(cpu: usize, n: u64, mut once: impl FnMut()) -> Duration {
    let _pinned = pin::here(cpu).expect("the core was allowed when the benchmark began");
    let begun = Instant::now();
    for _ in 0..n {
        once();
        black_box(());
    }
    begun.elapsed()
}

/// One side's share of `n`.
fn share(n: u64, once: impl Fn()) {
    for _ in 0..n / 2 {
        once();
    }
}

fn between_threads([here, there]: [usize; 2], once: impl Fn() + Sync) -> impl FnMut(u64) -> Duration {
    move |n| {
        let (start, end) = (Start::default(), Start::default());
        thread::scope(|scope| {
            scope.spawn(|| {
                pin::to(there).expect("the cores were allowed when the benchmark began");
                start.arrive();
                share(n, &once);
                end.arrive();
            });
            let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
            let begun = start.release();
            share(n, &once);
            end.release() - begun
        })
    }
}

fn between_processes(
    [here, there]: [usize; 2],
    role: &str,
    args: &[&dyn ToString],
    once: impl Fn(),
) -> Result<impl FnMut(u64) -> Duration> {
    let (start, end) = (floor::Shared::<Start>::create()?, floor::Shared::<Start>::create()?);
    let (start_fd, end_fd) = (start.fd(), end.fd());
    let all: Vec<&dyn ToString> =
        [&start_fd as &dyn ToString, &end_fd].into_iter().chain(args.iter().copied()).collect();
    let mut second = Second::start(role, there, &all)?;
    Ok(move |n| {
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        second.run(n).expect("the second process is alive");
        let begun = start.release();
        share(n, &once);
        end.release() - begun
    })
}

/// The second process.
fn play(role: Role) -> Result<()> {
    match role.name() {
        "ours" => {
            let lock = Lock::attach(role.arg(2)?)?;
            play_with(role, || lock.with(section))
        }
        "robust" => {
            let robust = floor::Shared::<Robust>::inherit(role.arg(2)?)?;
            play_with(role, || robust.with(section))
        }
        other => Err(format!("no such role: {other}").into()),
    }
}

fn play_with(role: Role, once: impl Fn()) -> Result<()> {
    let start = floor::Shared::<Start>::inherit(role.arg(0)?)?;
    let end = floor::Shared::<Start>::inherit(role.arg(1)?)?;
    role.play(|n| {
        start.arrive();
        share(n, &once);
        end.arrive();
    })?;
    Ok(())
}
