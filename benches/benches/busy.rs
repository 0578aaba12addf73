//! How many round trips are left beside processes that only compute?
//!
//! Two processes answer each other while four others compute, all six at one priority on two cores, none of them pinned to one. The floor
//! is a bare futex between the same.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::hint;
use std::time::{Duration, Instant};

use benches::ours::Result;
use benches::pin;
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::rounds::{self, FUTEX, SPIN, Side, WAYS, Way};
use benches::second::{self, Second};

/// The role of a process that computes.
const COMPUTE: &str = "compute";
const COMPUTING: usize = 4;
const TURNS: usize = 5;

fn main() -> Result<()> {
    let cpus = pin::pair()?;
    if let Some(role) = second::role()? {
        pin::to_any(&cpus)?;
        if role.name() != COMPUTE {
            return rounds::play(role);
        }
        role.play(|_| {
            loop {
                hint::spin_loop();
            }
        })?;
        return Ok(());
    }
    pin::to_any(&cpus)?;
    let quick = std::env::args().any(|arg| arg == "--quick");
    let time = Duration::from_millis(if quick { 150 } else { 1000 });
    let mut computing = Vec::new();
    for _ in 0..COMPUTING {
        let mut second = Second::start(COMPUTE, cpus[0], &[])?;
        second.run(1)?;
        computing.push(second);
    }
    // Two sides that poll would keep each other from the processors.
    let ways = || WAYS.iter().filter(|way| way.name != SPIN);
    let mut samples = Samples::new();
    for _ in 0..TURNS {
        for way in ways() {
            samples.note(&format!("round trips/{}", way.name), nanos(way, cpus[1], time)?);
        }
    }
    drop(computing);
    samples.save("busy")?;
    let key = |name: &str| format!("round trips/{name}");
    let futex = key(FUTEX);
    let names: Vec<_> = ways().filter(|way| way.name != FUTEX).map(|way| (way.name, key(way.name))).collect();
    let others = [futex.as_str()];
    let lines: Vec<_> =
        names.iter().map(|(name, _)| format!("beside four computing processes, {name}, to a bare futex")).collect();
    let ratios: Vec<_> = names
        .iter()
        .zip(&lines)
        .map(|((name, ours), line)| {
            let asked = !["broadcast", "watch", "condition variable"].contains(name);
            let bar = if asked { Bar::AtLeast(0.8) } else { Bar::None };
            Ratio { name: line, of: Of::Speed, ours, others: &others, bar }
        })
        .collect();
    print!("{}", samples.table(&ratios));
    Ok(())
}

/// What a round trip takes, over as many as go into this time.
fn nanos(way: &Way, there: usize, time: Duration) -> Result<f64> {
    let (mut step, mut second) = rounds::begin(way, there)?;
    // More than it will do: it is killed.
    second.run(u64::MAX)?;
    rounds::warm_up(&mut step, Side::First);
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < time {
        step();
        count += 1;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / f64::from(count))
}
