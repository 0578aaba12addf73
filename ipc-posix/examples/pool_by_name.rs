//! A pool that workers join by its name: started by hand, in another terminal, or in another container that shares the directory.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features process --example pool_by_name
//! ```
//!
//! It counts primes, by one worker of its own and two that it starts as you would by hand. One of these is killed: its task is done by
//! another one. More of them may join from other terminals while it runs, and leave with Ctrl-C:
//!
//! ```text
//! cargo run --release -p ipc-posix --features process --example pool_by_name work
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::pool::{self, Pool};
use ipc_posix::{process, task};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const NAME: &str = "prime-numbers";
const TASKS: u32 = 100;
const NUMBERS: u32 = 20_000;

/// In a worker: how many primes there are from one number up to another. Returns also which process it was.
fn primes(from: u32, to: u32) -> (u32, u32) {
    let is_prime = |number: &u32| {
        *number > 1 && (2..).take_while(|other| other * other <= *number).all(|other| !number.is_multiple_of(other))
    };
    ((from..to).filter(is_prime).count() as u32, std::process::id())
}
task!(primes);

fn main() -> Result<()> {
    process::init();
    if std::env::args().nth(1).as_deref() == Some("work") {
        let served = pool::worker(NAME).wait(Duration::from_secs(60)).run()?;
        println!("process {} has done {served} tasks", std::process::id());
        return Ok(());
    }
    let pool = pool::options().workers(1).shared_as(NAME).start()?;
    let mut by_hand = [start()?, start()?];
    wait_for_guests(&pool, by_hand.len())?;
    let ranges = (0..TASKS).map(|task| (task * NUMBERS, (task + 1) * NUMBERS));
    let (mut found, mut processes) = (0, BTreeSet::new());
    for (done, (_, result)) in pool.stream(primes, ranges).window(10).as_completed().enumerate() {
        let (count, process) = result?;
        found += count;
        processes.insert(process);
        if done == 30 {
            by_hand[0].kill()?;
            println!("process {} is killed", by_hand[0].id());
        }
    }
    // Those that are left end with the pool.
    pool.join()?;
    for worker in &mut by_hand {
        worker.wait()?;
    }
    println!("{found} primes below {}, found by {} processes", TASKS * NUMBERS, processes.len());
    Ok(())
}

/// Starts this program as a worker, as somebody does in another terminal.
fn start() -> Result<Child> {
    let worker = Command::new(std::env::current_exe()?).arg("work").spawn()?;
    println!("process {} was started by hand", worker.id());
    Ok(worker)
}

fn wait_for_guests(pool: &Pool, count: usize) -> Result<()> {
    for _ in 0..6000 {
        if pool.stats().workers.iter().filter(|worker| worker.guest).count() >= count {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("a worker does not come".into())
}
