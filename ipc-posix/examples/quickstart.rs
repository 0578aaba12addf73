//! Two unrelated processes that know only a name exchange messages through a queue in shared memory, and one of the
//! senders is killed on the way.
//!
//! ```text
//! quickstart [FILE]      the whole tour; FILE is the text of its second part (default: this program's source)
//! quickstart recv NAME   prints what comes  } in two terminals, started in any order;
//! quickstart send NAME   sends its input    } kill and restart either of them as you like
//! ```

use std::error::Error;
use std::io::{BufRead, Write};
use std::process::{Child, Command, ExitCode};
use std::time::Instant;

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, Region, SendError};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages of the first part. `QUICKSTART_MESSAGES` in the environment changes it, for tests.
const NUMBERS: u64 = 12_000_000;
/// Lines of the second part, at least: a short text is sent several times.
const LINES: usize = 5_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        [] => tour(include_str!("quickstart.rs")),
        ["send", name] => send(name),
        ["recv", name] => recv(name),
        ["(receiver)", name] => receiver(name),
        ["(sender)", name, number] => sender(name, number),
        ["-h" | "--help"] => {
            print!("{}", USAGE);
            Ok(())
        }
        [file] => std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}").into()).and_then(|text| tour(&text)),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
quickstart [FILE]      the whole tour; FILE is the text of its second part (default: this program's source)
quickstart recv NAME   prints what comes  } in two terminals, started in any order;
quickstart send NAME   sends its input    } kill and restart either of them as you like
";

// ---------------------------------------------------------------------------------------------------------------------
// What the processes say to each other. Plain data: any type that is `bytemuck::Pod` will do.

/// A piece of a line of text: 256 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Line {
    number: u64,
    checksum: u64,
    bytes: u32,
    is_last_piece: u32,
    text: [u8; 232],
}

impl Line {
    /// The pieces of a line.
    fn pieces(number: u64, line: &str) -> impl Iterator<Item = Line> {
        let size = size_of_val(&Line::zeroed().text);
        let count = line.len().div_ceil(size).max(1);
        (0..count).map(move |piece| {
            let bytes = &line.as_bytes()[piece * size..line.len().min((piece + 1) * size)];
            let mut text = [0; 232];
            text[..bytes.len()].copy_from_slice(bytes);
            let is_last_piece = u32::from(piece + 1 == count);
            Line { number, checksum: checksum(bytes), bytes: bytes.len() as u32, is_last_piece, text }
        })
    }

    fn bytes(&self) -> Result<&[u8]> {
        let bytes = self.text.get(..self.bytes as usize).ok_or("a line's length is wrong")?;
        if checksum(bytes) != self.checksum { Err("a line's checksum is wrong".into()) } else { Ok(bytes) }
    }
}

/// What the receiver found, part by part.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Report {
    received: u64,
    checksum: u64,
    from_first_sender: u64,
    from_second_sender: u64,
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Folds one number into a checksum that depends on the order.
fn fold(sum: u64, number: u64) -> u64 {
    (sum.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

// ---------------------------------------------------------------------------------------------------------------------
// The tour.

fn tour(text: &str) -> Result<()> {
    let numbers_to_send = match std::env::var("QUICKSTART_MESSAGES") {
        Ok(number) => number.parse()?,
        Err(_) => NUMBERS,
    };
    let name = format!("quickstart-{}", std::process::id());

    // Made in one atomic step; and whoever leaves last removes it, even if this process is killed.
    let region = Region::options().remove_with_last(true).create(&name)?;
    let numbers = region.queue::<u64>("numbers").capacity(1024).create()?;
    let lines = region.queue::<Line>("lines").capacity(256).create()?;
    let reports = region.queue::<Report>("reports").capacity(4).create()?;
    let on_interrupt = name.clone();
    ctrlc::set_handler(move || {
        let _ = Region::unlink(&on_interrupt);
        std::process::exit(130);
    })?;
    println!("region {name:?}: {} KiB, {} objects", region.size() / 1024, region.list().len());

    // A second process: its own program start. It gets the name, and nothing else.
    let to_receiver = (numbers.sender()?, lines.sender()?);
    let _receiver = Process::start(&["(receiver)", &name])?;
    let reports = reports.receiver()?;

    println!("\n1. {numbers_to_send} numbers to another process");
    let started = Instant::now();
    let mut sum = 0;
    for number in 0..numbers_to_send {
        to_receiver.0.send(number)?;
        sum = fold(sum, number);
        if (number + 1) % (numbers_to_send / 5).max(1) == 0 {
            println!("   {:>9} sent, {}", number + 1, rate(number + 1, started));
        }
    }
    to_receiver.0.send(u64::MAX)?;
    let report = reports.recv()?;
    check("numbers received", report.received, numbers_to_send)?;
    check("checksum of the numbers", report.checksum, sum)?;
    println!("   {:>9} received in order, {}", report.received, rate(report.received, started));

    let rounds = LINES.div_ceil(text.lines().count().max(1));
    println!("\n2. the lines of a text, {rounds} times, in structs of {} bytes", size_of::<Line>());
    let started = Instant::now();
    let (mut sent, mut sum) = (0, 0);
    for line in (0..rounds).flat_map(|_| text.lines()) {
        for piece in Line::pieces(sent, line) {
            to_receiver.1.send(piece)?;
        }
        sum = fold(sum, checksum(line.as_bytes()));
        sent += 1;
    }
    drop(to_receiver);
    let report = reports.recv()?;
    check("lines received", report.received, sent)?;
    check("checksum of the lines", report.checksum, sum)?;
    println!("   {:>9} lines received whole and in order, {}", report.received, rate(report.received, started));

    println!("\n3. two senders, and one of them is killed in mid-stream");
    let progress = region.queue::<u64>("progress").capacity(1).create()?;
    let started = Instant::now();
    let mut first = Process::start(&["(sender)", &name, "1"])?;
    let mut second = Process::start(&["(sender)", &name, "2"])?;
    // The first sender says now and then how far it is. It is killed while it goes on.
    let mut confirmed = 0;
    while confirmed < 200_000 {
        confirmed = progress.recv()?;
    }
    first.kill()?;
    confirmed = progress.try_recv().unwrap_or(confirmed).max(confirmed);
    println!("   the first sender was killed; it had confirmed {confirmed} messages");
    second.wait()?;
    let report = reports.recv()?;
    println!("   {:>9} received from it, without a gap", report.from_first_sender);
    println!("   {:>9} received from the other, {}", report.from_second_sender, rate(report.received, started));
    if report.from_first_sender < confirmed {
        return Err(format!("{} messages of the killed sender are lost", confirmed - report.from_first_sender).into());
    }
    check("messages of the second sender", report.from_second_sender, SECOND_SENDER)?;
    if let Some(stats) = numbers.stats() {
        if stats.given_up > 0 {
            println!("   {:>9} message that it had begun and not finished was given up", stats.given_up);
        }
    }

    println!("\nnothing lost, nothing duplicated");
    Ok(())
}

/// Messages that the second sender of the third part sends. The first one sends until it is killed.
const SECOND_SENDER: u64 = 1_000_000;

/// The second process: receives all three parts, checks, and reports.
fn receiver(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.receiver()?;
    let lines = region.queue::<Line>("lines").open()?.receiver()?;
    let reports = region.queue::<Report>("reports").open()?.sender()?;

    let mut report = Report::default();
    loop {
        let number = numbers.recv()?;
        if number == u64::MAX {
            break;
        }
        check("next number", number, report.received)?;
        report.received += 1;
        report.checksum = fold(report.checksum, number);
    }
    reports.send(report)?;

    report = Report::default();
    let mut line = Vec::new();
    // Ends when the last living sender half is gone.
    for piece in lines.iter() {
        check("next line", piece.number, report.received)?;
        line.extend_from_slice(piece.bytes()?);
        if piece.is_last_piece == 1 {
            report.received += 1;
            report.checksum = fold(report.checksum, checksum(&line));
            line.clear();
        }
    }
    reports.send(report)?;

    report = Report::default();
    // The senders of this part are yet to come: the first message says that they are there.
    let first = numbers.queue().recv()?;
    for message in std::iter::once(first).chain(numbers.iter()) {
        let (sender, number) = (message >> 48, message & ((1 << 48) - 1));
        let seen = if sender == 1 { &mut report.from_first_sender } else { &mut report.from_second_sender };
        check("next number of a sender", number, *seen)?;
        *seen += 1;
        report.received += 1;
    }
    reports.send(report)?;
    Ok(())
}

/// A sender of the third part.
fn sender(name: &str, number: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.sender()?;
    let progress = region.queue::<u64>("progress").open()?;
    let me: u64 = number.parse()?;
    for count in 0.. {
        match numbers.send(me << 48 | count) {
            Ok(()) => {}
            // The receiver is gone, and with it whoever started us.
            Err(SendError::Disconnected(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if me == 1 && count % 1000 == 0 {
            // Overwrites what nobody has read: only the newest figure counts.
            progress.force_send(count + 1)?;
        }
        if me == 2 && count + 1 == SECOND_SENDER {
            break;
        }
    }
    Ok(())
}

fn check(what: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found}, expected {expected}").into()) }
}

fn rate(messages: u64, since: Instant) -> String {
    format!("{:.1} M/s", messages as f64 / since.elapsed().as_secs_f64() / 1e6)
}

/// Another run of this program. It is killed when this value goes.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Result<Self> {
        Ok(Process(Command::new(std::env::current_exe()?).args(args).spawn()?))
    }

    /// `kill -9`.
    fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a process ended with {status}").into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// For two terminals. The region stays when both have ended, with whatever was not received: remove it with
// `rm /dev/shm/NAME`, or let the last one that leaves in peace remove it, as here.

fn chat(name: &str) -> Result<Queue<Line>> {
    let region = Region::options().remove_with_last(true).open_or_create(name)?;
    Ok(region.queue::<Line>("lines").capacity(256).open_or_create()?)
}

fn send(name: &str) -> Result<()> {
    let lines = chat(name)?;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        for piece in Line::pieces(number as u64, &line?) {
            lines.send(piece)?;
        }
    }
    // Stay until somebody has received them: the last one to leave removes the region.
    while !lines.is_empty() && lines.region().participants().iter().filter(|other| other.is_alive()).count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

fn recv(name: &str) -> Result<()> {
    let lines = chat(name)?;
    let mut output = std::io::stdout().lock();
    for piece in &lines {
        output.write_all(piece.bytes()?)?;
        if piece.is_last_piece == 1 {
            writeln!(output)?;
        }
        output.flush()?;
    }
    Ok(())
}
