//! Two processes chat, a third one appends what they say to a shared list: the chat history of the tutorials, which Python keeps in
//! `Manager().list()`.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example chat_history
//! ```
//!
//! It prints the process id of the third one. Kill it with `kill -9`: the list stays whole, with each line that it has appended, and another
//! process goes on with it. Only a line that the dead one had received and not appended yet is lost.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::Region;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SPEAKERS: [&str; 2] = ["ann", "bob"];
/// Lines that each of the two says.
const LINES: usize = 100;

/// Text, filled up with zeros.
type Line = [u8; 16];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => chat(),
        [_, region, who] if who == "history" => save(region),
        [_, region, speaker] => speak(region, speaker),
        _ => Err("this program takes no arguments".into()),
    }
}

fn chat() -> Result<()> {
    let name = format!("chat-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let said = region.queue::<Line>("said").capacity(8).create()?;
    let history = region.vector::<Line>("history").capacity(SPEAKERS.len() * LINES).create()?;
    let start = |who: &str| Command::new(std::env::current_exe()?).args([&name, who]).spawn();

    let mut saver = start("history")?;
    println!("the history is kept by process {0}: kill -9 {0}", saver.id());
    let mut speakers = SPEAKERS.into_iter().map(start).collect::<std::io::Result<Vec<Child>>>()?;
    // The end of both, however they end, is the end of the chat.
    let end = std::thread::spawn(move || {
        speakers.iter_mut().for_each(|child| drop(child.wait()));
        said.close()
    });
    let mut killed = 0;
    while !saver.wait()?.success() {
        killed += 1;
        println!("it was killed after {} lines: another one goes on", history.len());
        saver = start("history")?;
    }
    end.join().map_err(|_| "the thread has failed")??;

    let lines = history.to_vec()?;
    let mut missing = 0;
    for speaker in SPEAKERS {
        let mut numbers = Vec::new();
        for line in &lines {
            let text = std::str::from_utf8(line)?.trim_end_matches('\0');
            let (who, number) = text.split_once(' ').ok_or_else(|| format!("a torn line: {text:?}"))?;
            if who == speaker {
                numbers.push(number.parse::<usize>()?);
            }
        }
        if !numbers.is_sorted_by(|a, b| a < b) {
            return Err(format!("the lines of {speaker} are not in order: {numbers:?}").into());
        }
        missing += LINES - numbers.len();
        println!("{speaker}: {} lines of {LINES}, in order", numbers.len());
    }
    println!("the history has {} lines", lines.len());
    if missing <= killed { Ok(()) } else { Err(format!("{missing} lines are missing").into()) }
}

/// The one that keeps the history. It knows only names, as the others.
fn save(region: &str) -> Result<()> {
    let region = Region::open(region)?;
    let said = region.queue::<Line>("said").open()?;
    let history = region.vector::<Line>("history").open()?;
    for line in &said {
        history.push(line).map_err(|error| error.without_value())?;
    }
    Ok(())
}

/// One that says something now and then.
fn speak(region: &str, speaker: &str) -> Result<()> {
    let said = Region::open(region)?.queue::<Line>("said").open()?;
    for number in 0..LINES {
        std::thread::sleep(Duration::from_millis(3));
        let (mut line, text) = ([0; 16], format!("{speaker} {number}"));
        line[..text.len()].copy_from_slice(text.as_bytes());
        said.send(line).map_err(|error| error.without_value())?;
    }
    Ok(())
}
