//! How long does a message take there and back, in the middle and at the worst?
//!
//! Over each object that blocks, by its blocking calls, between two processes on two cores and on one, after some rounds in which both
//! sides slept. Every round trip is timed by itself. The floors are two sides that poll two words for as long as it takes, and a bare
//! futex. Four objects are also there with sides that poll them: the difference is what the waiting alone costs.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::time::Instant;

use benches::ours::Result;
use benches::ratios::Bar;
use benches::rounds::{self, FUTEX, POLLED, SPIN, Side, WARM, WAYS, Way};
use benches::{pin, report, second};

const TURNS: u64 = 5;

/// What is asked of the round trips on two cores: the most that the middle may be of "spin", and that p99 may be.
const BARS: [(&str, Bar, Bar); 4] = [
    ("queue", Bar::AtMost(1.3), Bar::AtMost(2.0)),
    ("one to one", Bar::AtMost(1.3), Bar::AtMost(2.0)),
    ("bytes", Bar::AtMost(2.2), Bar::None),
    ("loans", Bar::AtMost(2.2), Bar::None),
];

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return rounds::play(role);
    }
    let quick = std::env::args().any(|arg| arg == "--quick");
    let many = if quick { 4_000 } else { 40_000 };
    let [here, there] = pin::pair()?;
    let mut table = report::Percentiles::new("round trip");
    // In turns, so that what slows the machine slows all.
    for _ in 0..TURNS {
        for way in &WAYS {
            let rounds = if way.name == FUTEX { many / 4 } else { many };
            table.add(&format!("two cores, {}", way.name), &timed(way, [here, there], rounds)?);
            if way.name != SPIN {
                table.add(&format!("one core, {}", way.name), &timed(way, [here, here], many)?);
            }
        }
        for way in &POLLED {
            table.add(&format!("two cores, {}", way.name), &timed(way, [here, there], many)?);
        }
    }
    table.save("latency")?;
    print!("{}", table.table());
    for way in WAYS.iter().filter(|way| ![SPIN, FUTEX].contains(&way.name)) {
        let asked = BARS.iter().find(|(name, ..)| *name == way.name);
        let (middle, high) = asked.map_or((Bar::None, Bar::None), |(_, middle, high)| (*middle, *high));
        let alone = asked.map_or(Bar::None, |_| Bar::AtMost(0.9));
        let (across, beside) = (format!("two cores, {}", way.name), format!("one core, {}", way.name));
        for (part, bar) in [(0.5, middle), (0.99, high)] {
            let name = format!("blocking round trip on two cores, {}, to polling for as long as it takes", way.name);
            print!("{}", table.ratio(&name, &across, &format!("two cores, {SPIN}"), part, bar));
        }
        let polled = format!("{across}, polled");
        if asked.is_some() {
            for part in [0.5, 0.99] {
                let name = format!("blocking round trip on two cores, {}, to polling it", way.name);
                print!("{}", table.ratio(&name, &across, &polled, part, Bar::AtMost(1.3)));
            }
        }
        let name = format!("blocking round trip on one core, {}, to a bare futex", way.name);
        print!("{}", table.ratio(&name, &beside, &format!("one core, {FUTEX}"), 0.5, alone));
    }
    Ok(())
}

/// The time of each of `many` round trips, in nanoseconds.
fn timed(way: &Way, [here, there]: [usize; 2], many: u64) -> Result<Vec<u64>> {
    let _pinned = pin::here(here)?;
    let (mut step, mut second) = rounds::begin(way, there)?;
    second.run(WARM + many)?;
    rounds::warm_up(&mut step, Side::First);
    let time = |_| {
        let begun = Instant::now();
        step();
        begun.elapsed().as_nanos() as u64
    };
    Ok((0..many).map(time).collect())
}
