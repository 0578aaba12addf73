//! A hundred tiny tasks, once with a pool of four worker processes and once with a process for each task: the tutorials' comparison.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features process --example pool_or_processes
//! ```
//!
//! It prints the workers' process ids. Kill one of them with `kill -9`: the sum is right all the same.

use std::error::Error;
use std::time::Instant;

use ipc_posix::{pool, process, task};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TASKS: u64 = 100;
const WORKERS: usize = 4;

/// In another process: something tiny.
fn square(number: u64) -> u64 {
    number * number
}
task!(square);

fn main() -> Result<()> {
    process::init();
    let expected: u64 = (0..TASKS).map(square).sum();
    for (how, sum) in [("a pool of four", with_a_pool()?), ("a process for each", with_processes()?)] {
        if sum != expected {
            return Err(format!("{how}: the sum is {sum}, and not {expected}").into());
        }
    }
    println!("both sums are {expected}");
    Ok(())
}

/// Starts four processes.
fn with_a_pool() -> Result<u64> {
    let begun = Instant::now();
    let pool = pool::options().workers(WORKERS).start()?;
    for worker in pool.stats().workers {
        let pid = worker.pid.ok_or("a worker has ended")?;
        println!("a worker is process {pid}: kill -9 {pid}");
    }
    let sum = pool.map_with(1, square, 0..TASKS)?.iter().sum();
    let first = begun.elapsed();
    // They are there now.
    let again = Instant::now();
    let same = pool.map_with(1, square, 0..TASKS)?.iter().sum();
    println!("a pool of four: {TASKS} tasks in {first:.1?} with its start, and then in {:.1?}", again.elapsed());
    pool.join()?;
    if sum == same { Ok(sum) } else { Err("the second time the sum is another one".into()) }
}

/// Starts a hundred.
fn with_processes() -> Result<u64> {
    let begun = Instant::now();
    let processes: Vec<_> =
        (0..TASKS).map(|number| process::spawn(square, number)).collect::<std::result::Result<_, _>>()?;
    let results: Vec<_> = processes.into_iter().map(|process| process.join()).collect::<std::result::Result<_, _>>()?;
    println!("a process for each: {TASKS} tasks in {:.1?}", begun.elapsed());
    Ok(results.iter().sum())
}
