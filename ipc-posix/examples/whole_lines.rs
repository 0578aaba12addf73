//! Several workers print to one terminal: with a lock, whole lines; without it, a mixture.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example whole_lines
//! ```
//!
//! Each worker is a process of its own, and prints its line in pieces, straight to the file that they all have inherited.

use std::error::Error;
use std::io::Write;
use std::process::{Child, Command};

use ipc_posix::{LockError, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WORKERS: u64 = 4;
const LINES: u32 = 3;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => office(),
        [_, region, worker, how] => work(region, worker, how),
        _ => Err("this program takes no arguments".into()),
    }
}

fn office() -> Result<()> {
    let name = format!("whole-lines-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    region.mutex::<()>("terminal").create()?;
    let begun = region.counter("begun").create()?;
    for how in ["with the lock", "without the lock"] {
        println!("{how}:");
        begun.store(0)?;
        let workers = (1..=WORKERS)
            .map(|worker| {
                Ok(Command::new(std::env::current_exe()?).arg(&name).arg(worker.to_string()).arg(how).spawn()?)
            })
            .collect::<Result<Vec<Child>>>()?;
        for mut worker in workers {
            if !worker.wait()?.success() {
                return Err("a worker has failed".into());
            }
        }
    }
    println!("one terminal, one lock");
    Ok(())
}

/// A worker, which knows only names.
fn work(region: &str, worker: &str, how: &str) -> Result<()> {
    let region = Region::open(region)?;
    let terminal = region.mutex::<()>("terminal").open()?;
    let begun = region.counter("begun").open()?;
    let print = |piece: &str| {
        let mut out = std::io::stdout();
        out.write_all(piece.as_bytes()).and_then(|()| out.flush())
    };
    for line in 1..=LINES {
        let guard = match how {
            "with the lock" => Some(terminal.lock().map_err(LockError::without_guard)?),
            _ => None,
        };
        print(&format!("  worker {worker}"))?;
        if guard.is_none() {
            // The worst that can happen does: everybody has begun this line before anybody ends it.
            begun.fetch_add(1)?;
            begun.wait_until(|begun| begun >= u64::from(line) * WORKERS)?;
        }
        print(&format!(", line {line}"))?;
        print(", and that was it\n")?;
    }
    Ok(())
}
