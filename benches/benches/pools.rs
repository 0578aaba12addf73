//! What does a pool cost, beside Python's `multiprocessing.Pool`, the queue that it is made of, and processes that are started by hand?
//!
//! Tasks are the squares of numbers, workers are two. All take turns: each turn starts a Python program for its figures. Criterion
//! has no part in it: a turn measures calls by the thousand, or the start of programs.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benches::ratios::Bar;
use ipc_posix::pool::{self, Pool};
use ipc_posix::{ByteWorkQueue, Region, process, task};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WORKERS: usize = 2;
const TURNS: usize = 11;
const QUICK: usize = 3;
/// The argument of the program that is started by hand.
const BY_HAND: &str = "square-by-hand";

/// Prints nanoseconds for each: a task alone in its message, a task in Python's own chunks, a round trip of `apply`, a start.
const SCRIPT: &str = "
import sys, time, multiprocessing
def square(n):
    return n * n
def measure(n, work):
    begun = time.perf_counter()
    work()
    print(round((time.perf_counter() - begun) * 1e9 / n))
if __name__ == '__main__':
    context = multiprocessing.get_context('fork')
    with context.Pool(2) as pool:
        pool.map(square, range(1000), 1)
        measure(20000, lambda: pool.map(square, range(20000), 1))
        pool.map(square, range(1000000))
        measure(1000000, lambda: pool.map(square, range(1000000)))
        measure(2000, lambda: [pool.apply(square, (i,)) for i in range(2000)])
    def start():
        with context.Pool(2) as pool:
            pool.map(square, range(2), 1)
    measure(1, start)
";

const RATIOS: [(&str, &str, &str, Bar); 4] = [
    ("a task a message, Python to ours", "python, a task a message", "pool, a task a message", Bar::AtLeast(20.0)),
    ("tasks in chunks, Python to ours", "python, chunks", "pool, chunks", Bar::AtLeast(5.0)),
    ("apply to a round trip of the queue", "pool, apply", "queue, a round trip", Bar::AtMost(1.5)),
    ("start to two programs by hand", "pool, start", "by hand, start", Bar::AtMost(1.5)),
];

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

fn answer(jobs: ByteWorkQueue) {
    for job in jobs.iter() {
        let number = job.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let _ = job.reply(&square(number).to_le_bytes());
    }
}
task!(answer);

fn main() -> Result<()> {
    process::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, number] = &args[..]
        && first == BY_HAND
    {
        println!("{}", square(number.parse()?));
        return Ok(());
    }
    // `cargo bench -- throughput` is not for us.
    if args.iter().any(|arg| !arg.starts_with('-') && !"pools".contains(arg.as_str())) {
        return Ok(());
    }
    let turns = if args.iter().any(|arg| arg == "--quick") { QUICK } else { TURNS };
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut note = |name, nanos| times.entry(name).or_default().push(nanos);
    for _ in 0..turns {
        let pool = pool::options().workers(WORKERS).capacity(64).start()?;
        pool.map_with(1, square, 0..1000)?;
        note("pool, a task a message", of_each(200_000, |n| Ok(pool.map_with(1, square, 0..n)?))?);
        pool.map(square, 0..1_000_000)?;
        note("pool, chunks", of_each(1_000_000, |n| Ok(pool.map(square, 0..n)?))?);
        note("pool, apply", of_each(20_000, |n| applies(&pool, n))?);
        drop(pool);
        note("queue, a round trip", round_trips()?);
        note("pool, start", start()?);
        note("by hand, start", by_hand()?);
        let output = Command::new("python3").args(["-c", SCRIPT]).stderr(Stdio::inherit()).output()?;
        let figures = String::from_utf8(output.stdout)?;
        let names = ["python, a task a message", "python, chunks", "python, apply", "python, start"];
        for (name, line) in names.into_iter().zip(figures.lines()) {
            note(name, line.parse()?);
        }
    }
    println!("{:<44}{:>12}{:>12}{:>12}", "nanoseconds", "p10", "p50", "p90");
    for (name, times) in &mut times {
        times.sort_unstable_by(f64::total_cmp);
        let at = |part: usize| times[times.len() * part / 100];
        println!("{name:<44}{:>12.0}{:>12.0}{:>12.0}", at(10), at(50), at(90));
    }
    for (what, first, second, bar) in RATIOS {
        let median = |name| times.get(name).map(|times: &Vec<f64>| times[times.len() / 2]);
        let (Some(first), Some(second)) = (median(first), median(second)) else {
            println!("ratio {what}: not measured");
            continue;
        };
        let ratio = first / second;
        println!("ratio {what}: {ratio:.2} ({bar}){}", if bar.is_met(ratio) { "" } else { " MISSED" });
    }
    Ok(())
}

/// Nanoseconds for each of `n`.
fn of_each<R>(n: u64, work: impl FnOnce(u64) -> Result<R>) -> Result<f64> {
    let begun = Instant::now();
    work(n)?;
    Ok(begun.elapsed().as_nanos() as f64 / n as f64)
}

fn applies(pool: &Pool, n: u64) -> Result<()> {
    for number in 0..n {
        assert_eq!(pool.apply(square, number)?, number * number);
    }
    Ok(())
}

/// A call and its answer, with as many processes that answer as the pool has workers.
fn round_trips() -> Result<f64> {
    let region = Region::options().anonymous()?;
    let jobs = region.byte_work_queue("jobs").max_reply(8).create()?;
    let peers: Vec<_> = (0..WORKERS).map(|_| process::options().daemon().spawn(answer, jobs.clone())).collect();
    let call = |number: u64| -> Result<()> {
        assert_eq!(jobs.call(&number.to_le_bytes())?.wait()?, (number * number).to_le_bytes());
        Ok(())
    };
    (0..1000).try_for_each(call)?;
    let time = of_each(20_000, |n| (0..n).try_for_each(call))?;
    jobs.close()?;
    for peer in peers {
        peer?.join()?;
    }
    Ok(time)
}

fn median_of(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64
}

const STARTS: usize = 20;

/// From the start to a result of two tasks.
fn start() -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let pool = pool::options().workers(WORKERS).start()?;
        pool.map_with(1, square, 0..2)?;
        times.push(begun.elapsed());
    }
    Ok(median_of(times))
}

/// How long it takes until two programs that were started by hand have answered.
fn by_hand() -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let programs = ["3", "4"].map(|number| {
            let mut command = Command::new("/proc/self/exe");
            command.args([BY_HAND, number]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
        });
        for program in programs {
            let output = program?.wait_with_output()?;
            let _: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
        }
        times.push(begun.elapsed());
    }
    Ok(median_of(times))
}
