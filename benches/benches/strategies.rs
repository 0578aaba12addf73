//! What does each wait strategy cost?
//!
//! A queue whose two sides wait as one strategy says: how long a message takes there and back on two cores and on one, how long it takes
//! to a receiver that has waited for 10 ms, and what part of its core that receiver uses, without messages and with one every 10 ms. The
//! output is the table of `docs/progress.md`.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::thread;
use std::time::{Duration, Instant};

use benches::ours::{Result, fresh_name};
use benches::second::{self, Role, Second};
use benches::{clock, pin};
use ipc_posix::{Queue, Region, WaitStrategy};

const STRATEGIES: [(&str, WaitStrategy); 4] = [
    ("Adaptive", WaitStrategy::Adaptive),
    ("BusySpin", WaitStrategy::BusySpin),
    ("Block", WaitStrategy::Block),
    ("SpinFor(50 us)", WaitStrategy::SpinFor(Duration::from_micros(50))),
];
const REPEATS: usize = 5;
const SELDOM: Duration = Duration::from_millis(10);

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return answer(role);
    }
    let quick = std::env::args().any(|arg| arg == "--quick");
    let [here, there] = pin::pair()?;
    let time = Duration::from_millis(if quick { 200 } else { 1000 });
    println!(
        "\n| `WaitStrategy` | round trip, two cores | on one core | message after 10 ms | core, idle | core, a message each 10 ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (index, (name, strategy)) in STRATEGIES.into_iter().enumerate() {
        let mut figures = [const { Vec::new() }; 5];
        for _ in 0..REPEATS {
            for (figure, cores) in [(0, [here, there]), (1, [here, here])] {
                figures[figure].push(Pair::start(index, strategy, cores)?.round_trip(time));
            }
            let mut pair = Pair::start(index, strategy, [here, there])?;
            figures[2].push(pair.after_a_pause(time));
            figures[3].push(pair.core(time, |_| thread::sleep(time))?);
            figures[4].push(pair.core(time, |pair| {
                pair.after_a_pause(time);
            })?);
        }
        let [across, beside, late, idle, seldom] = figures.map(median);
        println!(
            "| `{name}` | {:.2} us | {:.1} us | {:.0} us | {idle:.2} % | {seldom:.2} % |",
            across / 1e3,
            beside / 1e3,
            late / 1e3
        );
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A queue each way, and a second process that answers.
struct Pair {
    forth: Queue<u64>,
    back: Queue<u64>,
    second: Second,
    _pinned: pin::Pinned,
}

impl Pair {
    fn start(index: usize, strategy: WaitStrategy, [here, there]: [usize; 2]) -> Result<Self> {
        let pinned = pin::here(here)?;
        let name = fresh_name("strategies");
        let region = Region::options().size(1 << 20).create(&name)?;
        let [forth, back] =
            ["forth", "back"].map(|name| region.queue::<u64>(name).capacity(16).wait_strategy(strategy).create());
        let mut second = Second::start("answer", there, &[&name, &index])?;
        // Everybody is in.
        Region::unlink(&name)?;
        second.run(1)?;
        Ok(Pair { forth: forth?, back: back?, second, _pinned: pinned })
    }

    /// How long the receiver says that a message took to it.
    fn send(&self) -> u64 {
        self.forth.send(clock::now()).expect("the receiver is there");
        self.back.recv().expect("it answers")
    }

    /// The time of a round trip in nanoseconds, in the middle.
    fn round_trip(self, time: Duration) -> f64 {
        let (begun, mut times) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let before = Instant::now();
            self.send();
            times.push(before.elapsed().as_nanos() as f64);
        }
        // It has learned by then.
        median(times.split_off(times.len() / 4))
    }

    /// How long a message takes to a receiver that has waited, in the middle.
    fn after_a_pause(&self, time: Duration) -> f64 {
        let (begun, mut times) = (Instant::now(), Vec::new());
        while times.is_empty() || begun.elapsed() < time {
            thread::sleep(SELDOM);
            times.push(self.send() as f64);
        }
        median(times)
    }

    /// The percentage of its core that the receiver takes meanwhile.
    fn core(&mut self, time: Duration, meanwhile: impl FnOnce(&Pair)) -> Result<f64> {
        self.after_a_pause(time / 4);
        let (begun, before) = (Instant::now(), self.second.ran()?.0);
        meanwhile(self);
        Ok((self.second.ran()?.0 - before).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0)
    }
}

/// The second process: answers with the time that each message took.
fn answer(role: Role) -> Result<()> {
    let region = Region::open(&role.arg::<String>(0)?)?;
    let (_, strategy) = STRATEGIES[role.arg::<usize>(1)?];
    let [forth, back] = ["forth", "back"].map(|name| region.queue::<u64>(name).wait_strategy(strategy).open());
    let (forth, back) = (forth?, back?);
    role.play(|_| {
        while let Ok(sent) = forth.recv() {
            if back.send(clock::now().saturating_sub(sent)).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}
