//! Two processes wash plates and put them on a stack, a third one takes them from the top: Python's `LifoQueue`.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example plates
//! ```
//!
//! It prints the process ids of the two. Kill one of them with `kill -9`: the other one goes on, the plates that the dead one has put
//! on the stack are taken, and the end comes when no process is left that washes.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::Region;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Plates that each of the two washes.
const PLATES: u64 = 100;

/// Who has washed it, and how many it had washed before.
type Plate = [u64; 2];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => kitchen(),
        [_, region, washer] => wash(region, washer.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn kitchen() -> Result<()> {
    let name = format!("plates-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let stack = region.stack::<Plate>("clean").capacity(8).create()?;
    let mut washers = (0..2)
        .map(|washer| Ok(Command::new(std::env::current_exe()?).arg(&name).arg(washer.to_string()).spawn()?))
        .collect::<Result<Vec<Child>>>()?;
    for (washer, child) in washers.iter().enumerate() {
        println!("washer {washer} is process {0}: kill -9 {0}", child.id());
    }

    // The end of both, however they end, is the end of the stack.
    let closing = stack.clone();
    let ends = std::thread::spawn(move || {
        let ends: Vec<_> = washers.iter_mut().map(|child| child.wait().is_ok_and(|status| status.success())).collect();
        closing.close().map(|_| ends)
    });
    let mut taken = [vec![], vec![]];
    for [washer, number] in &stack {
        taken[washer as usize].push(number);
    }
    let ends = ends.join().map_err(|_| "the thread has failed")??;
    for (washer, (finished, taken)) in ends.into_iter().zip(&mut taken).enumerate() {
        // The last one on the stack is taken first, so they do not come in order; but each comes once.
        taken.sort_unstable();
        if !taken.iter().copied().eq(0..taken.len() as u64) {
            return Err(format!("the plates of washer {washer} are not right: {taken:?}").into());
        }
        let end = if finished { "went home" } else { "was killed" };
        println!("washer {washer} {end}: {} plates taken, each once", taken.len());
    }
    Ok(())
}

/// One of the two, which knows only names.
fn wash(region: &str, washer: u64) -> Result<()> {
    let clean = Region::open(region)?.stack::<Plate>("clean").open()?;
    for number in 0..PLATES {
        std::thread::sleep(Duration::from_millis(3));
        // Blocks while there are eight on the stack.
        clean.send([washer, number]).map_err(|error| error.without_value())?;
    }
    Ok(())
}
