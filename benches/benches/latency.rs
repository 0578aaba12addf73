//! How long does a message take there and back, in the middle and at the worst?
//!
//! Every round trip is timed by itself. Both sides spin, or both sleep on one core, each against the floor of the machine.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::hint;
use std::time::Instant;

use benches::floor::{Court, Shared};
use benches::ours::{Result, consumer_of, fresh_name, producer};
use benches::ratios::Bar;
use benches::second::{self, Role, Second};
use benches::{pin, report};
use ipc_posix::{Region, Spsc, SpscConsumer, SpscProducer};

const CAPACITY: usize = 16;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let quick = std::env::args().any(|arg| arg == "--quick");
    let rounds = if quick { 50_000 } else { 400_000 };
    let [here, there] = pin::pair()?;
    let mut table = report::Percentiles::new("round trip");
    // In turns, so that what slows the machine slows all.
    for _ in 0..5 {
        table.add("spinning, floor", &line(here, there, rounds / 5)?);
        table.add("spinning, ours", &ours(here, there, "spin", rounds / 5)?);
        table.add("asleep on one core, floor", &futex(here, here, rounds / 50)?);
        table.add("asleep on one core, ours", &ours(here, here, "sleep", rounds / 50)?);
        table.add("asleep on two cores, floor", &futex(here, there, rounds / 500)?);
        table.add("asleep on two cores, ours", &ours(here, there, "sleep", rounds / 500)?);
    }
    table.save("latency")?;
    print!("{}", table.table());
    for (name, ours, floor, bar, bar99) in [
        ("spinning round trip", "spinning, ours", "spinning, floor", 1.15, 1.5),
        ("round trip asleep on one core", "asleep on one core, ours", "asleep on one core, floor", 1.1, 1.5),
        ("round trip asleep on two cores", "asleep on two cores, ours", "asleep on two cores, floor", 1.05, 1.5),
    ] {
        let name = format!("{name} ours/floor");
        print!("{}", table.ratio(&name, ours, floor, 0.5, Bar::AtMost(bar)));
        print!("{}", table.ratio(&name, ours, floor, 0.99, Bar::AtMost(bar99)));
    }
    Ok(())
}

/// The time of each of `rounds` round trips, in nanoseconds.
fn timed(here: usize, second: &mut Second, rounds: u64, mut round_trip: impl FnMut()) -> Result<Vec<u64>> {
    let _pinned = pin::here(here)?;
    second.run(rounds)?;
    let mut times = Vec::with_capacity(rounds as usize);
    for _ in 0..rounds {
        let begun = Instant::now();
        round_trip();
        times.push(begun.elapsed().as_nanos() as u64);
    }
    // The second process may still have been on its way.
    Ok(times.split_off(rounds as usize / 10))
}

fn line(here: usize, there: usize, rounds: u64) -> Result<Vec<u64>> {
    let court = Shared::<Court>::create()?;
    let mut second = Second::start("line", there, &[&court.fd()])?;
    let mut ball = 0_u32;
    timed(here, &mut second, rounds, || {
        ball += 1;
        court.serve_spinning(Court::LINE_EACH_WAY, ball);
    })
}

fn futex(here: usize, there: usize, rounds: u64) -> Result<Vec<u64>> {
    let court = Shared::<Court>::create()?;
    let mut second = Second::start("futex", there, &[&court.fd()])?;
    let mut ball = 0_u32;
    timed(here, &mut second, rounds, || {
        ball += 1;
        court.serve_sleeping(ball);
    })
}

/// A one-to-one queue each way.
fn ours(here: usize, there: usize, how: &str, rounds: u64) -> Result<Vec<u64>> {
    let name = fresh_name("latency");
    let region = Region::options().remove_with_last(true).create(&name)?;
    let forth: Spsc<u64> = region.spsc("forth").capacity(CAPACITY).create()?;
    let mut back: SpscConsumer<u64> = consumer_of(&region, "back", CAPACITY)?;
    let mut forth = forth.producer()?;
    let mut second = Second::start(how, there, &[&name])?;
    let mut ball = 0;
    let spins = how == "spin";
    timed(here, &mut second, rounds, || {
        ball += 1;
        forth.send(ball).expect("one ball, so there is room");
        assert_eq!(receive(&mut back, spins), ball);
    })
}

fn receive(consumer: &mut SpscConsumer<u64>, spins: bool) -> u64 {
    if !spins {
        return consumer.recv().expect("the other side is alive");
    }
    loop {
        match consumer.try_recv() {
            Ok(ball) => return ball,
            Err(_) => hint::spin_loop(),
        }
    }
}

/// The second process.
fn play(role: Role) -> Result<()> {
    match role.name() {
        "line" | "futex" => {
            let court = Shared::<Court>::inherit(role.arg(0)?)?;
            let sleeps = role.name() == "futex";
            let mut ball = 0_u32;
            role.play(|n| {
                for _ in 0..n {
                    ball += 1;
                    if sleeps { court.answer_sleeping(ball) } else { court.answer_spinning(Court::LINE_EACH_WAY, ball) }
                }
            })?;
        }
        how => {
            let spins = how == "spin";
            let name = role.arg::<String>(0)?;
            let region = Region::open(&name)?;
            let mut forth: SpscConsumer<u64> = region.spsc("forth").open()?.consumer()?;
            let mut back: SpscProducer<u64> = producer(&name, "back")?;
            role.play(|n| {
                for _ in 0..n {
                    let ball = receive(&mut forth, spins);
                    back.send(ball).expect("one ball, so there is room");
                }
            })?;
        }
    }
    Ok(())
}
