//! What does a permit cost when nobody else is there, and what does an event's wake-up?
//!
//! One thread acquires a permit and gives it back; the rival is the process-shared POSIX semaphore, which cannot return what a
//! dead process held. Then two processes wake each other through a pair of events that reset themselves, on one core, where the
//! library's own cost shows; the floor is a pair of bare futexes.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::cell::UnsafeCell;
use std::error::Error;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::ours::{Bells, Permits};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use benches::{floor, pin};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Pairs that take some ten milliseconds.
const PAIRS: u64 = 1 << 20;
const ROUND_TRIPS: u64 = 1 << 11;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    let (ours, posix) = (Permits::create()?, Posix::new()?);
    contest::contest(
        &mut criterion,
        &mut samples,
        "uncontended permit",
        &mut [
            Contender::new("ours", PAIRS, |n| alone(cpus[0], n, || ours.once())),
            Contender::new("sem_t", PAIRS, |n| alone(cpus[0], n, || posix.once())),
        ],
    );
    contest::contest(
        &mut criterion,
        &mut samples,
        "event",
        &mut [
            Contender::new("ours", ROUND_TRIPS, bells(cpus[0])?),
            Contender::new("futex", ROUND_TRIPS, futexes(cpus[0])?),
        ],
    );
    criterion.final_summary();
    samples.save("semaphore")?;
    let time = |name, ours, others, bar| Ratio { name, of: Of::Time, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            time(
                "uncontended permit ours/sem_t",
                "uncontended permit/ours",
                &["uncontended permit/sem_t"],
                Bar::AtMost(1.5)
            ),
            time("event round trip on one core ours/futex", "event/ours", &["event/futex"], Bar::AtMost(1.2)),
        ])
    );
    Ok(())
}

fn alone(cpu: usize, n: u64, once: impl Fn()) -> Duration {
    let _pinned = pin::here(cpu).expect("the core was allowed when the benchmark began");
    let begun = Instant::now();
    for _ in 0..n {
        once();
    }
    begun.elapsed()
}

/// A process-shared POSIX semaphore with four permits.
struct Posix(Box<UnsafeCell<libc::sem_t>>);

impl Posix {
    fn new() -> Result<Self> {
        let mut semaphore = Box::new(MaybeUninit::<libc::sem_t>::uninit());
        // SAFETY: room for a semaphore that nobody uses yet.
        if unsafe { libc::sem_init(semaphore.as_mut_ptr(), 1, 4) } != 0 {
            return Err("no semaphore".into());
        }
        // SAFETY: initialised by the call above; it stays where it is.
        Ok(Posix(unsafe { Box::from_raw(Box::into_raw(semaphore).cast()) }))
    }

    #[inline(always)]
    fn once(&self) {
        // SAFETY: initialised by `new`, and alive.
        let failed = unsafe { libc::sem_wait(self.0.get()) | libc::sem_post(self.0.get()) };
        assert_eq!(failed, 0);
    }
}

fn round_trips(cpu: usize, second: &mut Second, n: u64, mut once: impl FnMut()) -> Duration {
    let _pinned = pin::here(cpu).expect("the core was allowed when the benchmark began");
    second.run(n).expect("the second process is alive");
    let begun = Instant::now();
    for _ in 0..n {
        once();
    }
    begun.elapsed()
}

fn bells(cpu: usize) -> Result<impl FnMut(u64) -> Duration> {
    let bells = Bells::create()?;
    let mut second = Second::start("bells", cpu, &[&bells.name()])?;
    Ok(move |n| round_trips(cpu, &mut second, n, || bells.serve()))
}

fn futexes(cpu: usize) -> Result<impl FnMut(u64) -> Duration> {
    let court = floor::Shared::<floor::Court>::create()?;
    let mut second = Second::start("futex", cpu, &[&court.fd()])?;
    let mut ball = 0_u32;
    Ok(move |n| {
        round_trips(cpu, &mut second, n, || {
            ball = ball.wrapping_add(1);
            court.serve_sleeping(ball);
        })
    })
}

/// The second process.
fn play(role: Role) -> Result<()> {
    match role.name() {
        "bells" => {
            let bells = Bells::attach(role.arg(0)?)?;
            role.play(|n| (0..n).for_each(|_| bells.answer()))?;
        }
        "futex" => {
            let court = floor::Shared::<floor::Court>::inherit(role.arg(0)?)?;
            let mut ball = 0_u32;
            role.play(|n| {
                for _ in 0..n {
                    ball = ball.wrapping_add(1);
                    court.answer_sleeping(ball);
                }
            })?;
        }
        other => return Err(format!("no such role: {other}").into()),
    }
    Ok(())
}
