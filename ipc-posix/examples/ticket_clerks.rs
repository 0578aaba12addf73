//! Five clerks and one ticket: each clerk is a process, the stock is a JSON file on disk, and a mutex in shared memory
//! guards it. Then the same without the mutex, and then with a clerk that is killed at the counter.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example ticket_clerks
//! ```
//!
//! A clerk checks whether there is a ticket, takes the money, and writes down that there is one ticket less. Without the lock
//! all of them look before anybody has written: the ticket is sold five times.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use bytemuck::{Pod, Zeroable};
use ipc_posix::{LockError, Queue, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CLERKS: u32 = 5;

/// What a clerk tells the manager, who prints it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Report {
    clerk: u32,
    what: u32,
}

const SEES_TICKET: u32 = 0;
const SEES_NONE: u32 = 1;
const SOLD: u32 = 2;
const TOLD_OF_DEATH: u32 = 3;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => manager(),
        [_, region, stock, clerk, how] => work(region, Path::new(stock), clerk.parse()?, how),
        _ => Err("this program takes no arguments".into()),
    }
}

/// The stock: `{"tickets": 1}`.
fn read_stock(path: &Path) -> Result<u32> {
    let text = fs::read_to_string(path)?;
    let number = text.trim().strip_prefix("{\"tickets\":").and_then(|rest| rest.strip_suffix('}'));
    Ok(number.ok_or("the stock is not what it should be")?.trim().parse()?)
}

fn write_stock(path: &Path, tickets: u32) -> Result<()> {
    Ok(fs::write(path, format!("{{\"tickets\": {tickets}}}\n"))?)
}

struct Office {
    name: String,
    stock: PathBuf,
    reports: Queue<Report>,
    /// A token for each clerk that may go on from the look to the sale.
    turns: Queue<u32>,
}

impl Office {
    fn open() -> Result<Self> {
        let name = format!("clerks-{}", std::process::id());
        let region = Region::options().remove_with_last(true).create(&name)?;
        region.mutex::<()>("counter").create()?;
        let reports = region.queue("reports").capacity(64).create()?;
        let turns = region.queue("turns").capacity(8).create()?;
        let stock = std::env::temp_dir().join(format!("{name}.json"));
        Ok(Office { name, stock, reports, turns })
    }

    fn clerk(&self, number: u32, how: &str) -> Result<Child> {
        let stock = self.stock.as_os_str();
        let mut command = Command::new(std::env::current_exe()?);
        Ok(command.arg(&self.name).arg(stock).arg(number.to_string()).arg(how).spawn()?)
    }

    /// One day: the clerks come, and leave when there is nothing left to do. How many tickets were sold?
    fn day(&self, how: &str) -> Result<u32> {
        write_stock(&self.stock, 1)?;
        let clerks = (1..=CLERKS).map(|number| self.clerk(number, how)).collect::<Result<Vec<_>>>()?;
        let (mut looked, mut ended, mut sold) = (0, 0, 0);
        while ended < CLERKS {
            let Report { clerk, what } = self.reports.recv()?;
            match what {
                SEES_TICKET => println!("  clerk {clerk}: there is a ticket"),
                SEES_NONE => println!("  clerk {clerk}: sold out"),
                SOLD => println!("  clerk {clerk}: sold it"),
                _ => println!("  clerk {clerk}: somebody died at the counter, I have checked the stock"),
            }
            sold += u32::from(what == SOLD);
            ended += u32::from(what == SOLD || what == SEES_NONE);
            looked += u32::from(what == SEES_TICKET);
            // Without a lock, the worst that can happen does: they all look, and then they all sell.
            if how == "without" && looked == CLERKS {
                (1..=CLERKS).try_for_each(|clerk| self.turns.send(clerk))?;
                looked = 0;
            }
        }
        for mut clerk in clerks {
            clerk.wait()?;
        }
        Ok(sold)
    }
}

fn manager() -> Result<()> {
    let office = Office::open()?;
    println!("with the lock:");
    let sold = office.day("with")?;
    println!("  sold {sold} of 1, and {} left in the file", read_stock(&office.stock)?);
    let honest = sold == 1;

    println!("without the lock:");
    let sold = office.day("without")?;
    println!("  sold {sold} of 1: that is why there is a lock");
    let oversold = sold > 1;

    println!("with the lock, and a clerk that is killed at the counter:");
    write_stock(&office.stock, 1)?;
    let mut victim = office.clerk(0, "dies")?;
    let Report { clerk, .. } = office.reports.recv()?;
    println!("  clerk {clerk}: there is a ticket");
    victim.kill()?;
    victim.wait()?;
    println!("  clerk {clerk}: (killed, with the lock in its hands)");
    let sold = office.day("with")?;
    println!("  sold {sold} of 1");

    fs::remove_file(&office.stock)?;
    if honest && oversold && sold == 1 {
        println!("one ticket, one sale");
        Ok(())
    } else {
        Err("the books are wrong".into())
    }
}

/// A clerk, a process of its own, who knows only names.
fn work(region: &str, stock: &Path, clerk: u32, how: &str) -> Result<()> {
    let region = Region::open(region)?;
    let counter = region.mutex::<()>("counter").open()?;
    let reports = region.queue::<Report>("reports").open()?;
    let turns = region.queue::<u32>("turns").open()?;
    let tell = |what| reports.send(Report { clerk, what });

    let guard = match how {
        "without" => None,
        _ => Some(match counter.lock() {
            Ok(guard) => guard,
            Err(LockError::OwnerDied(guard)) => {
                // The file is written in one go, so there is nothing to repair but the mark.
                tell(TOLD_OF_DEATH)?;
                guard.mark_consistent()?;
                guard
            }
            Err(error) => return Err(error.without_guard().into()),
        }),
    };
    let tickets = read_stock(stock)?;
    if tickets == 0 {
        return Ok(tell(SEES_NONE)?);
    }
    tell(SEES_TICKET)?;
    match how {
        "without" => {
            turns.recv()?;
        }
        // The manager kills it here.
        "dies" => loop {
            std::thread::park();
        },
        _ => {}
    }
    write_stock(stock, tickets - 1)?;
    tell(SOLD)?;
    drop(guard);
    Ok(())
}
