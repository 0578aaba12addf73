//! What does waiting cost?
//!
//! The processor time of a receiver that gets a message seldom or never, and the wake-ups of a crowd that waits for one object, both as
//! the kernel accounts for them.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use benches::ours::{Result, fresh_name};
use benches::ratios::Bar;
use benches::second::{self, Role, Second};
use benches::{pin, report};
use ipc_posix::Region;

/// Threads that wait for one object.
const CROWD: usize = 100;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let [here, there] = pin::pair()?;
    let _pinned = pin::here(here)?;
    let quick = std::env::args().any(|arg| arg == "--quick");
    let time = Duration::from_secs(if quick { 1 } else { 10 });
    println!("\n{:<52}{:>12}{:>14}", "while waiting", "% of a core", "wake-ups/s");
    let (mut lines, mut saved) = (String::new(), String::new());
    let mut tell = |what: &str, part: f64, wake_ups: f64| {
        println!("{what:<52}{part:>12.3}{wake_ups:>14.1}");
        saved += &format!("% of a core\t{what}\t{part}\nwake-ups a second\t{what}\t{wake_ups}\n");
    };
    for object in ["queue", "one to one", "bytes", "loans"] {
        for (often, period, most) in [
            ("no message", None, 0.01),
            ("a message every 10 ms", Some(Duration::from_millis(10)), 0.5),
            ("a message every millisecond", Some(Duration::from_millis(1)), 5.0),
        ] {
            let (part, wake_ups) = receiver(object, there, period, time)?;
            tell(&format!("{object}, {often}"), part, wake_ups);
            lines += &line(&format!("processor time, {object}, {often}"), part, most);
        }
    }
    for (object, most) in [("lock", 100.0), ("recv", 2.0), ("acquire", 2.0)] {
        let (part, wake_ups) = crowd(object, there, time)?;
        tell(&format!("{CROWD} threads in {object}"), part, wake_ups);
        lines += &line(&format!("wake-ups a second, {CROWD} threads in {object}"), wake_ups, most);
    }
    report::write("waiters", &saved)?;
    print!("\n{lines}");
    Ok(())
}

/// What was measured as a part of the most that it shall be.
fn line(name: &str, value: f64, most: f64) -> String {
    let (ratio, bar) = (value / most, Bar::AtMost(1.0));
    let missed = if bar.is_met(ratio) { "" } else { " MISSED" };
    format!("ratio {name}, to {most}: {ratio:.2} ({bar}){missed}\n")
}

/// The percentage of a core that the second process takes meanwhile, and how often it is woken a second.
fn accounted(second: &Second, meanwhile: impl FnOnce()) -> Result<(f64, f64)> {
    let (begun, before) = (Instant::now(), second.ran()?);
    meanwhile();
    let (seconds, after) = (begun.elapsed().as_secs_f64(), second.ran()?);
    Ok(((after.0 - before.0).as_secs_f64() / seconds * 100.0, (after.1 - before.1) as f64 / seconds))
}

fn receiver(object: &str, there: usize, period: Option<Duration>, time: Duration) -> Result<(f64, f64)> {
    let name = fresh_name("waiters");
    let region = Region::options().size(1 << 20).create(&name)?;
    let mut send: Box<dyn FnMut() -> bool> = match object {
        "queue" => {
            let queue = region.queue::<u64>("messages").capacity(16).create()?;
            Box::new(move || queue.send(7).is_ok())
        }
        "one to one" => {
            let mut producer = region.spsc::<u64>("messages").capacity(16).create()?.producer()?;
            Box::new(move || producer.send(7).is_ok())
        }
        "bytes" => {
            let queue = region.byte_queue("messages").capacity(256).create()?;
            Box::new(move || queue.send(&[7; 8]).is_ok())
        }
        _ => {
            let queue = region.loan_queue::<u64>("messages").blocks(4).block_len(1).create()?;
            Box::new(move || queue.send_copy(&[7]).is_ok())
        }
    };
    let mut second = Second::start(object, there, &[&name])?;
    // Everybody is in.
    Region::unlink(&name)?;
    second.run(1)?;
    let mut during = |time: Duration| match period {
        None => thread::sleep(time),
        Some(period) => {
            let begun = Instant::now();
            let mut next = period;
            while begun.elapsed() < time {
                thread::sleep(next.saturating_sub(begun.elapsed()));
                assert!(send(), "the receiver is there");
                next += period;
            }
        }
    };
    // It has learned by then how seldom they come.
    during(time / 5);
    accounted(&second, || during(time))
}

fn crowd(object: &str, there: usize, time: Duration) -> Result<(f64, f64)> {
    let name = fresh_name("waiters");
    let region = Region::options().size(1 << 20).create(&name)?;
    let mutex = region.mutex::<u64>("mutex").create()?;
    let _queue = region.queue::<u64>("messages").capacity(16).create()?;
    let _semaphore = region.semaphore("permits").permits(0).max(1).create()?;
    let _held = mutex.lock().map_err(|error| error.without_guard())?;
    let mut second = Second::start(object, there, &[&name])?;
    // Everybody is in.
    Region::unlink(&name)?;
    second.run(1)?;
    thread::sleep(time / 2);
    accounted(&second, || thread::sleep(time))
}

/// The second process: waits until it is killed.
fn play(role: Role) -> Result<()> {
    let region = Region::open(&role.arg::<String>(0)?)?;
    let mut receive: Box<dyn FnMut() -> bool> = match role.name() {
        "queue" => {
            let queue = region.queue::<u64>("messages").open()?;
            Box::new(move || black_box(queue.recv()).is_ok())
        }
        "one to one" => {
            let mut consumer = region.spsc::<u64>("messages").open()?.consumer()?;
            Box::new(move || black_box(consumer.recv()).is_ok())
        }
        "bytes" => {
            let queue = region.byte_queue("messages").open()?;
            Box::new(move || black_box(queue.recv(&mut [0; 8])).is_ok())
        }
        "loans" => {
            let queue = region.loan_queue::<u64>("messages").open()?;
            Box::new(move || black_box(queue.recv()).is_ok())
        }
        object => {
            let (object, region) = (object.to_owned(), region);
            Box::new(move || wait_in_a_crowd(&object, &region).is_ok())
        }
    };
    role.play(|_| while receive() {})?;
    Ok(())
}

fn wait_in_a_crowd(object: &str, region: &Region) -> Result<()> {
    let mutex = region.mutex::<u64>("mutex").open()?;
    let queue = region.queue::<u64>("messages").open()?;
    let semaphore = region.semaphore("permits").open()?;
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| match object {
                "lock" => drop(black_box(mutex.lock())),
                "recv" => drop(black_box(queue.recv())),
                _ => drop(black_box(semaphore.acquire())),
            });
        }
    });
    Ok(())
}
