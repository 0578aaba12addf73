//! A hundred processes that each take one from a shared stock of a hundred.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example take_one
//! ```
//!
//! Under a lock, nothing is left. Without it each reads the stock, and writes one less than it has read: what others took
//! in between comes back. In one atomic step, no lock is needed.

use std::error::Error;
use std::process::{Child, Command};

use ipc_posix::{LockError, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PROCESSES: u64 = 100;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => shop(),
        [_, region, how] => take_one(region, how),
        _ => Err("this program takes no arguments".into()),
    }
}

fn shop() -> Result<()> {
    let name = format!("take-one-{}", std::process::id());
    let region = Region::options().participants(PROCESSES as u32 + 1).remove_with_last(true).create(&name)?;
    let guarded = region.mutex::<u64>("guarded stock").create()?;
    let stock = region.counter("stock").create()?;
    // How many processes have checked the stock, or are through.
    let looked = region.counter("looked").create()?;

    let mut left = [0; 3];
    for (left, how) in left.iter_mut().zip(["under a lock", "without a lock", "in one step"]) {
        *guarded.lock().map_err(LockError::without_guard)? = PROCESSES;
        stock.store(PROCESSES)?;
        looked.store(0)?;
        let children = (0..PROCESSES)
            .map(|_| Ok(Command::new(std::env::current_exe()?).arg(&name).arg(how).spawn()?))
            .collect::<Result<Vec<Child>>>()?;
        for mut child in children {
            if !child.wait()?.success() {
                return Err("a process has failed".into());
            }
        }
        *left = match how {
            "under a lock" => *guarded.lock().map_err(LockError::without_guard)?,
            _ => stock.load()?,
        };
        println!("{PROCESSES} processes take one of {PROCESSES} each, {how}: {left} left");
    }
    match left {
        [0, lost, 0] if lost > 0 => {
            println!("that is what locks and atomic steps are for");
            Ok(())
        }
        _ => Err("the books are wrong".into()),
    }
}

/// One of the hundred, which knows only names.
fn take_one(region: &str, how: &str) -> Result<()> {
    let region = Region::open(region)?;
    match how {
        "under a lock" => {
            let stock = region.mutex::<u64>("guarded stock").open()?;
            *stock.lock().map_err(LockError::without_guard)? -= 1;
        }
        "without a lock" => {
            let (stock, looked) = (region.counter("stock").open()?, region.counter("looked").open()?);
            let seen = stock.load()?;
            // The worst that can happen does: everybody has looked before anybody writes.
            looked.fetch_add(1)?;
            looked.wait_until(|looked| looked >= PROCESSES)?;
            stock.store(seen - 1)?;
        }
        _ => {
            region.counter("stock").open()?.fetch_sub(1)?;
        }
    }
    Ok(())
}
