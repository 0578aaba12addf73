//! A host asks a guest twenty times whether it has eaten, over a pipe in both directions, until the end of the file: Python's `Pipe`.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example greetings
//! ```
//!
//! It prints the process id of the guest. Kill it with `kill -9`: the host comes to the end of the file, and asks another guest the
//! question that was not answered. (In Python, a process that has forgotten to close its copy of the guest's end waits for ever.)

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::{Pipe, PipeStream, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

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
fn invite(region: &str, pipe: &Pipe) -> Result<(Child, BufReader<PipeStream>)> {
    let mut guest = Command::new(std::env::current_exe()?).arg(region).arg("guest").spawn()?;
    loop {
        match pipe.accept_timeout(Duration::from_millis(100)) {
            Ok(talk) => {
                println!("the guest is process {0}: kill -9 {0}", guest.id());
                return Ok((guest, BufReader::new(talk)));
            }
            // The end of a pipe tells of one that came and died, not of one that never came.
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
    let name = format!("greetings-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let pipe = region.pipe("talk").capacity(4096).create()?;
    let (mut guest, mut talk) = invite(&name, &pipe)?;
    let mut answered = 0;
    while answered < QUESTIONS {
        match ask(&mut talk, answered) {
            Ok(answer) => {
                println!("{answer}");
                answered += 1;
            }
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => {
                println!("the guest was killed after {answered} answers");
                guest.wait()?;
                // The end of a pipe is free for the next session once it is dropped.
                drop(talk);
                (guest, talk) = invite(&name, &pipe)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Python's `conn.close()`. The guest comes to the end of the file.
    drop(talk);
    if !guest.wait()?.success() {
        return Err("the guest has failed".into());
    }
    println!("the guest went home; {answered} questions were answered");
    Ok(())
}

fn ask(talk: &mut BufReader<PipeStream>, number: u32) -> io::Result<String> {
    writeln!(talk.get_mut(), "have you eaten? ({number})")?;
    let mut answer = String::new();
    talk.read_line(&mut answer)?;
    if answer.ends_with('\n') { Ok(answer.trim_end().to_owned()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

/// The guest, who knows only names.
fn answer(region: &str) -> Result<()> {
    let pipe = Region::open(region)?.pipe("talk").open()?;
    let mut talk = BufReader::new(pipe.connect()?);
    let mut question = String::new();
    // In Python, `recv` raises `EOFError` at the end; here, nothing is read.
    while talk.read_line(&mut question)? != 0 {
        std::thread::sleep(Duration::from_millis(15));
        writeln!(talk.get_mut(), "{} yes, thank you", question.trim_end())?;
        question.clear();
    }
    Ok(())
}
