//! Who gets a lock that several processes want, and how long does each wait for it?
//!
//! Processes on two cores take a lock, hold it for a while without computing, and take it again at once. In turns each would wait for all
//! others.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::thread;
use std::time::{Duration, Instant};

use benches::ours::{Result, fresh_name};
use benches::pin;
use benches::ratios::Bar;
use benches::second::{self, Role, Second};
use ipc_posix::Region;

const OBJECTS: [&str; 3] = ["mutex", "rwlock, writing", "semaphore, all permits"];

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (time, crowds, holds) = if quick { (2, &[8][..], &[13][..]) } else { (5, &[8, 16][..], &[1, 13, 25][..]) };
    for processes in crowds {
        for hold in holds {
            for object in OBJECTS {
                let (hold_time, time) = (Duration::from_millis(*hold), Duration::from_secs(time));
                let (turns, longest) = contend(object, *processes, cpus, hold_time, time)?;
                let bound = f64::from(2 * processes) * *hold as f64 + 15.0;
                let name = format!("{object}, {processes} processes that hold it for {hold} ms");
                line(&format!("longest wait, {name}, to {bound} ms"), longest / bound, Bar::AtMost(1.0));
                let (most, least) = (turns.iter().max().unwrap_or(&0), turns.iter().min().unwrap_or(&0));
                line(&format!("turns, most to least, {name}"), *most as f64 / *least as f64, Bar::AtMost(1.25));
            }
        }
    }
    Ok(())
}

fn line(name: &str, ratio: f64, bar: Bar) {
    println!("ratio {name}: {ratio:.2} ({bar}){}", if bar.is_met(ratio) { "" } else { " MISSED" });
}

/// How often each process got it, and the longest wait in milliseconds.
fn contend(object: &str, processes: u32, cpus: [usize; 2], hold: Duration, time: Duration) -> Result<(Vec<u64>, f64)> {
    let name = fresh_name("fairness");
    let region = Region::options().size(1 << 20).create(&name)?;
    region.mutex::<u64>("mutex").create()?;
    region.rwlock::<u64>("rwlock").create()?;
    region.semaphore("permits").permits(4).create()?;
    let done = region.counter("done").create()?;
    let mut longest = Vec::new();
    let (mut turns, mut seconds) = (Vec::new(), Vec::new());
    for number in 0..processes {
        turns.push(region.counter(&format!("turns {number}")).create()?);
        longest.push(region.counter(&format!("longest {number}")).create()?);
        let cpu = cpus[number as usize % 2];
        seconds.push(Second::start(object, cpu, &[&name, &number, &hold.as_micros()])?);
    }
    // Everybody is in.
    Region::unlink(&name)?;
    for second in &mut seconds {
        second.run(time.as_millis() as u64)?;
    }
    done.wait_until(|count| count == u64::from(processes))?;
    let turns = turns.iter().map(|turns| turns.load()).collect::<std::result::Result<Vec<_>, _>>()?;
    let longest = longest.iter().map(|longest| longest.load()).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok((turns, longest.into_iter().max().unwrap_or(0) as f64 / 1e6))
}

/// The second process: contends for as many milliseconds as it is told.
fn play(role: Role) -> Result<()> {
    let region = Region::open(&role.arg::<String>(0)?)?;
    let number = role.arg::<u32>(1)?;
    let hold = Duration::from_micros(role.arg(2)?);
    let (mutex, rwlock) = (region.mutex::<u64>("mutex").open()?, region.rwlock::<u64>("rwlock").open()?);
    let permits = region.semaphore("permits").open()?;
    let turns = region.counter(&format!("turns {number}")).open()?;
    let (longest, done) = (region.counter(&format!("longest {number}")).open()?, region.counter("done").open()?);
    let object = role.name().to_owned();
    role.play(|time| {
        let begun = Instant::now();
        let (mut count, mut most) = (0, Duration::ZERO);
        while begun.elapsed() < Duration::from_millis(time) {
            let wanted = Instant::now();
            let got = || {
                let waited = wanted.elapsed();
                thread::sleep(hold);
                waited
            };
            let waited = match object.as_str() {
                "mutex" => mutex.lock().map(|_guard| got()).expect("nobody dies"),
                "rwlock, writing" => rwlock.write().map(|_guard| got()).expect("nobody dies"),
                _ => permits.acquire_many(4).map(|_permits| got()).expect("nobody dies"),
            };
            most = most.max(waited);
            count += 1;
        }
        turns.store(count).expect("our own cell");
        longest.store(most.as_nanos() as u64).expect("our own cell");
        done.fetch_add(1).expect("our own cell");
    })?;
    Ok(())
}
