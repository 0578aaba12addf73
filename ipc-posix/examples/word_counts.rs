//! A host sends twenty lists of words to a guest, who answers with a map of how often each word is there: Python's `Pipe`, which sends any
//! object.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features serde --example word_counts
//! ```
//!
//! It prints the process id of the guest. Kill it with `kill -9`: the host comes to the end of what it sends, and asks another guest for what
//! was not answered.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::{Region, ValueDuplex, ValueDuplexEnd};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// A number and words; the number and how often each word is there.
type Question = (u32, Vec<String>);
type Answer = (u32, BTreeMap<String, u32>);

const QUESTIONS: u32 = 20;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => host(),
        [_, region, role] if role == "guest" => answer(region),
        _ => Err("this program takes no arguments".into()),
    }
}

/// Starts a guest, and waits until it has come.
fn invite(region: &str, talk: &ValueDuplex<Question, Answer>) -> Result<(Child, ValueDuplexEnd<Question, Answer>)> {
    let mut guest = Command::new(std::env::current_exe()?).arg(region).arg("guest").spawn()?;
    loop {
        match talk.connect_timeout(Duration::from_millis(100)) {
            Ok(end) => {
                println!("the guest is process {0}: kill -9 {0}", guest.id());
                return Ok((guest, end));
            }
            Err(error) if error.is_timeout() => {
                if let Some(status) = guest.try_wait()? {
                    return Err(format!("the guest has not come: {status}").into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn host() -> Result<()> {
    let name = format!("word-counts-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let talk = region.value_duplex("talk").create()?;
    let (mut guest, mut end) = invite(&name, &talk)?;
    let mut answered = 0;
    while answered < QUESTIONS {
        // How many words of each.
        let words = ["tea", "rice"].map(|word| vec![word.to_owned(); answered as usize + 1]).concat();
        // The guest may be dead, and then there is no answer.
        let asked = end.send(&(answered, words));
        match end.recv() {
            Ok((number, counts)) if number == answered => {
                println!("{number}: {counts:?}");
                answered += 1;
            }
            Ok((number, _)) => return Err(format!("an answer to question {number}").into()),
            Err(error) if error.is_disconnected() || error.is_cut_off() => {
                let unsent = if asked.is_err() { ", which was not sent" } else { "" };
                println!("the guest was killed before it answered question {answered}{unsent}");
                guest.wait()?;
                // An end is free for the next session once it is dropped.
                drop(end);
                (guest, end) = invite(&name, &talk)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Python's `conn.close()`. The guest comes to the end.
    drop(end);
    if !guest.wait()?.success() {
        return Err("the guest has failed".into());
    }
    println!("the guest went home; {answered} questions were answered");
    Ok(())
}

/// The guest, who knows only names.
fn answer(region: &str) -> Result<()> {
    let talk: ValueDuplex<Question, Answer> = Region::open(region)?.value_duplex("talk").open()?;
    let (mut answers, questions) = talk.accept()?.split();
    for (number, words) in questions {
        std::thread::sleep(Duration::from_millis(15));
        let mut counts = BTreeMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        answers.send(&(number, counts))?;
    }
    Ok(())
}
