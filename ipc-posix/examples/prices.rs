//! Two customers ask two clerks what things cost, and each gets the answers to its own questions: request and response.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example prices
//! ```
//!
//! It prints the process ids of the clerks. Kill one of them with `kill -9`: the question that it had is answered by the other one. Kill a
//! customer: the clerks go on with the other one's questions.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::{ByteWorkQueue, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Questions of each customer.
const QUESTIONS: u32 = 20;
const THINGS: [(&str, u32); 3] = [("tea", 3), ("rice", 2), ("an umbrella", 15)];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => shop(),
        [_, region, role, name] if role == "clerk" => answer(region, name),
        [_, region, _, name] => ask(region, name),
        _ => Err("this program takes no arguments".into()),
    }
}

fn spawn(region: &str, role: &str, name: &str) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).args([region, role, name]).spawn()?)
}

fn shop() -> Result<()> {
    let name = format!("prices-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let counter = region.byte_work_queue("counter").capacity(8).max_len(100).max_reply(100).create()?;
    let mut clerks = [("wang", spawn(&name, "clerk", "wang")?), ("li", spawn(&name, "clerk", "li")?)];
    for (clerk, process) in &clerks {
        println!("{clerk} is process {0}: kill -9 {0}", process.id());
    }
    let customers = [("ada", spawn(&name, "customer", "ada")?), ("tim", spawn(&name, "customer", "tim")?)];
    for (customer, mut process) in customers {
        if process.wait()?.success() {
            println!("{customer} went home: {QUESTIONS} questions were answered");
        } else {
            println!("{customer} was killed");
        }
    }
    // No question waits, and no clerk has one.
    counter.wait_idle()?;
    counter.close()?;
    for (clerk, process) in &mut clerks {
        println!("{clerk} {}", if process.wait()?.success() { "went home" } else { "was killed" });
    }
    Ok(())
}

fn open(region: &str) -> Result<ByteWorkQueue> {
    Ok(Region::open(region)?.byte_work_queue("counter").open()?)
}

/// A customer, who knows only names.
fn ask(region: &str, me: &str) -> Result<()> {
    let counter = open(region)?;
    for number in 0..QUESTIONS {
        let (thing, price) = THINGS[number as usize % 3];
        let question = format!("{me} asks: what does {thing} cost?");
        let ticket = counter.call(question.as_bytes())?;
        let answer = ticket.wait_timeout(Duration::from_secs(20))?;
        if answer != format!("{me}, {thing} costs {price} yuan").as_bytes() {
            return Err(format!("{question} {}", String::from_utf8_lossy(answer)).into());
        }
    }
    Ok(())
}

/// A clerk, who answers until the counter is closed.
fn answer(region: &str, me: &str) -> Result<()> {
    for question in &open(region)? {
        std::thread::sleep(Duration::from_millis(10));
        let text = String::from_utf8(question.to_vec())?;
        let (customer, rest) = text.split_once(" asks: what does ").ok_or("this is no question")?;
        let thing = rest.trim_end_matches(" cost?");
        let price = THINGS.iter().find(|(name, _)| *name == thing).map_or(0, |(_, price)| *price);
        if question.attempt() > 1 {
            println!("{me} answers {customer}, whose clerk was killed");
        }
        // Returns `false` if the customer has gone.
        question.reply(format!("{customer}, {thing} costs {price} yuan").as_bytes())?;
    }
    Ok(())
}
