//! Three worker processes and ten tasks: the tutorials' pool. Once one task after the other, once all at once, and with a function that is
//! called for each result.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features process --example pool_of_three
//! ```
//!
//! It prints the workers' process ids. Kill one of them with `kill -9`: its task is done by another one, and there are ten results all the
//! same. In Python the pool would wait for ever.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipc_posix::pool::{self, Pool};
use ipc_posix::{process, task};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TASKS: u64 = 10;

/// In a worker: takes some time, which differs. Returns which process it was.
fn work(number: u64) -> u32 {
    std::thread::sleep(Duration::from_millis(60 + number * 37 % 80));
    std::process::id()
}
task!(work);

fn main() -> Result<()> {
    process::init();
    let pool = pool::options().workers(3).start()?;
    for worker in pool.stats().workers {
        let pid = worker.pid.ok_or("a worker has ended")?;
        println!("a worker is process {pid}: kill -9 {pid}");
    }
    one_after_the_other(&pool)?;
    all_at_once(&pool)?;
    with_a_function(&pool)?;
    let replaced: u64 = pool.stats().workers.iter().map(|worker| worker.replaced).sum();
    pool.join()?;
    println!("each task has its result, workers that were replaced: {replaced}");
    Ok(())
}

/// Python's `apply`.
fn one_after_the_other(pool: &Pool) -> Result<()> {
    let begun = Instant::now();
    for number in 0..TASKS {
        let worker = pool.apply(work, number)?;
        println!("task {number} was done by process {worker}");
    }
    println!("one after the other: {TASKS} results in {} ms", begun.elapsed().as_millis());
    Ok(())
}

/// Python's `apply_async` and `get`.
fn all_at_once(pool: &Pool) -> Result<()> {
    let begun = Instant::now();
    let calls: Vec<_> = (0..TASKS).map(|number| pool.submit(work, number)).collect::<std::result::Result<_, _>>()?;
    for (number, call) in calls.into_iter().enumerate() {
        println!("task {number} was done by process {}", call.get()?);
    }
    println!("all at once: {TASKS} results in {} ms", begun.elapsed().as_millis());
    Ok(())
}

/// Python's `callback`.
fn with_a_function(pool: &Pool) -> Result<()> {
    let (begun, done) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    for number in 0..TASKS {
        let done = Arc::clone(&done);
        pool.submit_with(work, number, move |result| match (result, done.lock()) {
            (Ok(worker), Ok(mut done)) => {
                println!("task {number} was done by process {worker}");
                done.push(number);
            }
            (Err(error), _) => println!("task {number} has failed: {error}"),
            (_, Err(_)) => {}
        })?;
    }
    // All are done, and their functions were called.
    pool.join()?;
    let done = done.lock().map_err(|_| "a function has failed")?.len();
    println!("with a function: {done} results in {} ms", begun.elapsed().as_millis());
    if done == TASKS as usize { Ok(()) } else { Err("a result is missing".into()) }
}
