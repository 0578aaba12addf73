//! A hundred processes take 1 from a number in a shared map: Python's `dict['count'] -= 1` over `Manager().dict()`, where some are lost.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example decrements
//! ```
//!
//! It prints the process id of the first one. Kill it with `kill -9`: it has taken 1 or not, and nobody else is held up.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::Region;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many processes there are.
const PROCESSES: u32 = 100;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => count(),
        [_, region, number] => take_one(region, number.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn count() -> Result<()> {
    let name = format!("decrements-{}", std::process::id());
    let region = Region::options().participants(PROCESSES + 1).remove_with_last(true).create(&name)?;
    let map = region.map::<[u8; 5], i64>("map").capacity(10).create()?;
    map.insert(*b"count", PROCESSES.into())?;

    let start = |number: u32| -> Result<Child> {
        Ok(Command::new(std::env::current_exe()?).arg(&name).arg(number.to_string()).spawn()?)
    };
    let mut children = vec![start(0)?];
    println!("the first process is {0}: kill -9 {0}", children[0].id());
    for number in 1..PROCESSES {
        children.push(start(number)?);
    }

    let mut killed = 0;
    for child in &mut children {
        killed += i64::from(!child.wait()?.success());
    }
    let count = map.get(b"count")?.ok_or("the count is gone")?;
    println!("{PROCESSES} processes, {killed} of them killed: count is {count}");
    // One that was killed has taken 1 or not.
    if (0..=killed).contains(&count) { Ok(()) } else { Err("some were lost".into()) }
}

/// One of the hundred, which knows only names.
fn take_one(region: &str, number: u32) -> Result<()> {
    let map = Region::open(region)?.map::<[u8; 5], i64>("map").open()?;
    if number == 0 {
        // Time for `kill -9`.
        std::thread::sleep(Duration::from_secs(1));
    }
    map.update(b"count", |count| *count -= 1)?;
    Ok(())
}
