//! Producers and consumers with an end mark, and without one.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example end_mark
//! ```
//!
//! Two cooks put dishes on the counter, two waiters carry them out. As in many tutorials, a special dish tells a waiter to
//! go home: one for each, and a boss who forgets one has a waiter who waits for ever. The second part does without it: the counter is closed.

use std::error::Error;
use std::process::{Child, Command};

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, RecvError, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const COOKS: u32 = 2;
const WAITERS: u32 = 2;
const DISHES_EACH: u32 = 4;
/// The number that no dish has.
const END: u32 = 0;

/// What a waiter has carried out, or that it goes home.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Report {
    waiter: u32,
    dish: u32,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => restaurant(),
        [_, region, role, number] if role == "cook" => cook(region, number.parse()?),
        [_, region, _, number] => wait_on(region, number.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn spawn(region: &str, role: &str, number: u32) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).arg(region).arg(role).arg(number.to_string()).spawn()?)
}

fn restaurant() -> Result<()> {
    let name = format!("end-mark-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let counter = region.queue::<u32>("counter").capacity(3).create()?;
    let reports = region.queue::<Report>("reports").capacity(64).create()?;

    for with_mark in [true, false] {
        println!("{}:", if with_mark { "with an end mark for each waiter" } else { "with a counter that is closed" });
        let waiters = (1..=WAITERS).map(|number| spawn(&name, "waiter", number)).collect::<Result<Vec<_>>>()?;
        let cooks = (1..=COOKS).map(|number| spawn(&name, "cook", number)).collect::<Result<Vec<_>>>()?;
        for mut cook in cooks {
            cook.wait()?;
        }
        println!("  the cooks are done");
        if with_mark {
            (0..WAITERS).try_for_each(|_| counter.send(END))?;
        } else {
            counter.close()?;
        }
        for mut waiter in waiters {
            waiter.wait()?;
        }
        let mut dishes = tell(&reports)?;
        dishes.sort_unstable();
        let cooked: Vec<u32> =
            (1..=COOKS).flat_map(|cook| (1..=DISHES_EACH).map(move |dish| cook * 10 + dish)).collect();
        if dishes != cooked {
            return Err("the books are wrong".into());
        }
    }
    println!("every dish was served once");
    Ok(())
}

/// Prints what the waiters have said, and returns the dishes.
fn tell(reports: &Queue<Report>) -> Result<Vec<u32>> {
    let mut dishes = Vec::new();
    while let Ok(Report { waiter, dish }) = reports.try_recv() {
        if dish == END {
            println!("  waiter {waiter} goes home");
        } else {
            println!("  waiter {waiter} serves dish {dish}");
            dishes.push(dish);
        }
    }
    Ok(dishes)
}

fn cook(region: &str, number: u32) -> Result<()> {
    let counter = Region::open(region)?.queue::<u32>("counter").open()?;
    // Waits while the counter is full.
    (1..=DISHES_EACH).try_for_each(|dish| counter.send(number * 10 + dish))?;
    Ok(())
}

fn wait_on(region: &str, waiter: u32) -> Result<()> {
    let region = Region::open(region)?;
    let counter = region.queue::<u32>("counter").open()?;
    let reports = region.queue::<Report>("reports").open()?;
    loop {
        let dish = match counter.recv() {
            Ok(dish) => dish,
            Err(RecvError::Closed) => END,
            Err(error) => return Err(error.into()),
        };
        reports.send(Report { waiter, dish })?;
        if dish == END {
            return Ok(());
        }
    }
}
