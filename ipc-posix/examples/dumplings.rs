//! Two cooks make dumplings and bread, two guests eat them, and the cooks go home when all is eaten: Python's `JoinableQueue`.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example dumplings
//! ```
//!
//! It prints the process ids of the guests. Kill one of them with `kill -9`: what it was eating is served again, to the other one, and the
//! cooks still go home. (In Python, `join` would wait for ever.)

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::Region;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const COOKS: [&str; 2] = ["alex", "egon"];
const FOOD: [&str; 2] = ["dumpling", "bread"];
const GUESTS: [&str; 2] = ["aoa", "kuraki"];
/// Pieces that each cook makes.
const PIECES: u64 = 10;

/// Who has made it, and its number.
type Piece = [u64; 2];
/// Who has eaten it, the piece, and how often it was served.
type Eaten = [u64; 4];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => restaurant(),
        [_, region, role, number] if role == "cook" => cook(region, number.parse()?),
        [_, region, _, number] => eat(region, number.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn spawn(region: &str, role: &str, number: usize) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).arg(region).arg(role).arg(number.to_string()).spawn()?)
}

fn restaurant() -> Result<()> {
    let name = format!("dumplings-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let table = region.work_queue::<Piece>("table").capacity(5).create()?;
    let eaten = region.queue::<Eaten>("eaten").capacity(64).create()?;
    let mut guests = (0..2).map(|number| spawn(&name, "guest", number)).collect::<Result<Vec<_>>>()?;
    for (guest, name) in guests.iter().zip(GUESTS) {
        println!("{name} is process {0}: kill -9 {0}", guest.id());
    }
    let cooks = (0..2).map(|number| spawn(&name, "cook", number)).collect::<Result<Vec<_>>>()?;

    // The endings: all is eaten, so the cooks go home; then the table is closed, so the guests go home.
    for (mut cook, name) in cooks.into_iter().zip(COOKS) {
        if !cook.wait()?.success() {
            return Err(format!("{name} has failed").into());
        }
        println!("{name} went home: all is eaten");
    }
    table.close()?;
    for (guest, name) in guests.iter_mut().zip(GUESTS) {
        println!("{name} {}", if guest.wait()?.success() { "went home" } else { "was killed" });
    }
    let mut pieces = [[0; PIECES as usize]; 2];
    for [guest, cook, number, serving] in eaten.try_iter() {
        let (guest, food) = (GUESTS[guest as usize], FOOD[cook as usize]);
        println!("{guest} ate {food} {number}{}", if serving == 1 { "" } else { ", which was served again" });
        pieces[cook as usize][number as usize] += 1;
    }
    // A guest that is killed between its last bite and `done` has eaten a piece that another one gets, too.
    if pieces.iter().flatten().any(|times| *times == 0) {
        return Err(format!("a piece was lost: {pieces:?}").into());
    }
    println!("all {} pieces were eaten", 2 * PIECES);
    Ok(())
}

/// A cook, who knows only names.
fn cook(region: &str, cook: u64) -> Result<()> {
    let table = Region::open(region)?.work_queue::<Piece>("table").open()?;
    for number in 0..PIECES {
        std::thread::sleep(Duration::from_millis(5));
        // Blocks while there are five on the table.
        table.send([cook, number]).map_err(|error| error.without_value())?;
    }
    // Python's `q.join()`.
    Ok(table.wait_idle()?)
}

/// A guest.
fn eat(region: &str, guest: u64) -> Result<()> {
    let region = Region::open(region)?;
    let table = region.work_queue::<Piece>("table").open()?;
    let eaten = region.queue::<Eaten>("eaten").open()?;
    for piece in &table {
        std::thread::sleep(Duration::from_millis(15));
        eaten.send([guest, piece[0], piece[1], piece.attempt().into()]).map_err(|error| error.without_value())?;
        // Python's `q.task_done()`. Without it the piece goes back to the table when it is dropped.
        piece.done()?;
    }
    Ok(())
}
