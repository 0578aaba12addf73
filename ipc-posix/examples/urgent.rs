//! Two processes give tasks that are urgent, normal or can wait; a third one does the urgent ones first: a queue with levels, in place of
//! Python's `PriorityQueue` with three numbers.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example urgent
//! ```
//!
//! It prints the process ids of the two. Kill one of them with `kill -9`: the other one goes on, what the dead one has given is done in
//! its order, and the end comes when no process is left that gives tasks.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::{LevelQueue, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Tasks that each of the two gives.
const TASKS: u64 = 100;

/// The levels, the most urgent first.
const URGENT: usize = 0;
const NORMAL: usize = 1;
const CAN_WAIT: usize = 2;
const NAMES: [&str; 3] = ["urgent", "normal", "can wait"];

/// How urgent they are, in turn.
const TURNS: [usize; 3] = [NORMAL, CAN_WAIT, URGENT];

/// How urgent it is, who has given it, and how many it had given before.
type Task = [u64; 3];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => office(),
        [_, region, desk] => give(region, desk.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn office() -> Result<()> {
    let name = format!("urgent-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let tasks = region.level_queue::<Task>("tasks").levels(NAMES.len()).capacity(8).create()?;
    let mut desks = (0..2)
        .map(|desk| Ok(Command::new(std::env::current_exe()?).arg(&name).arg(desk.to_string()).spawn()?))
        .collect::<Result<Vec<Child>>>()?;
    for (desk, child) in desks.iter().enumerate() {
        println!("desk {desk} is process {0}: kill -9 {0}", child.id());
    }

    // Strict: what can wait waits for as long as there is something urgent. Fair: of each three, one is of another level.
    let strict = region.level_queue::<usize>("strict").levels(NAMES.len()).capacity(6).create()?;
    let fair = region.level_queue::<usize>("fair").levels(NAMES.len()).capacity(6).fair(3).create()?;
    println!("strict: {}", six_of_each(&strict)?);
    println!("fair:   {}", six_of_each(&fair)?);

    // The end of both, however they end, is the end of the queue.
    let closing = tasks.clone();
    let ends = std::thread::spawn(move || {
        let ends: Vec<_> = desks.iter_mut().map(|child| child.wait().is_ok_and(|status| status.success())).collect();
        closing.close().map(|_| ends)
    });
    let mut done = [vec![], vec![]];
    for [level, desk, number] in &tasks {
        done[desk as usize].push((level, number));
    }
    let ends = ends.join().map_err(|_| "the thread has failed")??;
    for (desk, (finished, mut done)) in ends.into_iter().zip(done).enumerate() {
        // Within a level, the one that came first is done first: this keeps such in their order.
        done.sort_by_key(|(level, _)| *level);
        if !done.is_sorted() {
            return Err(format!("the tasks of desk {desk} were not done in their order: {done:?}").into());
        }
        done.sort_by_key(|(_, number)| *number);
        let given = TURNS.into_iter().cycle().map(|level| level as u64).zip(0..done.len() as u64);
        if !done.iter().copied().eq(given) {
            return Err(format!("the tasks of desk {desk} are not right: {done:?}").into());
        }
        let end = if finished { "has closed" } else { "was killed" };
        println!("desk {desk} {end}: {} tasks done, each once", done.len());
    }
    Ok(())
}

/// What comes out of a queue that has six of each level.
fn six_of_each(queue: &LevelQueue<usize>) -> Result<String> {
    for level in [CAN_WAIT, NORMAL, URGENT] {
        queue.send_slice(level, &[level; 6])?;
    }
    Ok(queue.try_iter().take(6).map(|level| NAMES[level]).collect::<Vec<_>>().join(", "))
}

/// One of the two, which knows only names.
fn give(region: &str, desk: u64) -> Result<()> {
    let tasks = Region::open(region)?.level_queue::<Task>("tasks").open()?;
    for (level, number) in TURNS.into_iter().cycle().zip(0..TASKS) {
        std::thread::sleep(Duration::from_millis(3));
        // Blocks while eight of this level wait.
        tasks.send(level, [level as u64, desk, number]).map_err(|error| error.without_value())?;
    }
    Ok(())
}
