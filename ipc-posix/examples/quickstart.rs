//! Two unrelated processes that know only a name exchange messages through queues in shared memory, and one of the
//! senders is killed on the way.
//!
//! ```text
//! quickstart [FILE]             the whole tour; FILE is the text of its second part (default: this source)
//! quickstart recv NAME          prints what comes        } in two terminals, in any order; several of each if you
//! quickstart send NAME [COUNT]  sends the lines it reads } like; kill -9 and restart them as you please
//! ```
//!
//! The interesting functions are [`tour`], what its second process does ([`receiver`]), and [`send`] and [`recv`].

use std::error::Error;
use std::io::Write;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, Receiver, RecvTimeoutError, Region, SendTimeoutError};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
quickstart [FILE]             the whole tour; FILE is the text of its second part (default: the program's source)
quickstart recv NAME          prints what comes        } in two terminals, in any order; several of each if you
quickstart send NAME [COUNT]  sends the lines it reads } like; kill -9 and restart them as you please

NAME is any file name. `send` ends with its input (or after COUNT lines of its own, if that is given), as soon as
there is somebody to take over what it has sent; `recv` ends with Ctrl-C. The last one to leave removes the region.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => tour(include_str!("quickstart.rs")),
        ["send", name] => send(name, read_lines()),
        ["send", name, count] => count.parse().map_err(Into::into).and_then(|count| send(name, make_lines(count))),
        ["recv", name] => recv(name),
        // The tour's other processes.
        ["(receiver)", name] => as_child(name, receiver),
        ["(victim)", name] => as_child(name, victim),
        ["(survivor)", name] => as_child(name, survivor),
        ["send" | "recv"] => Err(format!("a name is missing\n\n{USAGE}").into()),
        [file] => std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}").into()).and_then(|text| tour(&text)),
        _ => Err(format!("too many arguments\n\n{USAGE}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What the processes say to each other. Plain data: any type that is `bytemuck::Pod` will do.

/// A piece of a line of text: 256 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Line {
    number: u64,
    checksum: u64,
    piece: u32,
    pieces: u32,
    bytes: u32,
    text: [u8; 228],
}

impl Line {
    /// Cuts a line into pieces.
    fn pieces(number: u64, line: &str) -> impl Iterator<Item = Line> {
        let size = size_of_val(&Line::zeroed().text);
        let pieces = line.len().div_ceil(size).max(1) as u32;
        (0..pieces).map(move |piece| {
            let start = piece as usize * size;
            let bytes = &line.as_bytes()[start..line.len().min(start + size)];
            let mut text = [0; 228];
            text[..bytes.len()].copy_from_slice(bytes);
            Line { number, checksum: checksum(bytes), piece, pieces, bytes: bytes.len() as u32, text }
        })
    }

    /// The text, after its checksum has been compared.
    fn bytes(&self) -> Result<&[u8]> {
        let bytes = self.text.get(..self.bytes as usize).ok_or("a line's length is wrong")?;
        if checksum(bytes) == self.checksum { Ok(bytes) } else { Err("a line's checksum is wrong".into()) }
    }

    fn is_last_piece(&self) -> bool {
        self.piece + 1 == self.pieces
    }
}

/// What the receiver found, part by part.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Report {
    received: u64,
    checksum: u64,
    from_victim: u64,
    from_survivor: u64,
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

/// Messages of the first part. `QUICKSTART_MESSAGES` in the environment changes it, for tests.
const NUMBERS: u64 = 12_000_000;
/// Ends the first part.
const END: u64 = u64::MAX;
/// Lines of the second part, at least: a short text is sent several times.
const LINES: usize = 5_000;
/// The victim of the third part has told that it sent so many messages when it is killed.
const BEFORE_THE_KILL: u64 = 200_000;
/// The survivor sends so many messages after that.
const AFTER_THE_KILL: u64 = 500_000;
/// Marks the survivor's messages.
const SURVIVOR: u64 = 1 << 63;

fn tour(text: &str) -> Result<()> {
    let count = match std::env::var("QUICKSTART_MESSAGES") {
        Ok(number) => number.parse()?,
        Err(_) => NUMBERS,
    };
    let name = format!("quickstart-{}", std::process::id());
    remove_on_interrupt(&name)?;

    // Made in one atomic step: nobody ever sees a half-made region. Whoever leaves it last removes it.
    let region = Region::options().remove_with_last(true).create(&name)?;
    let numbers = region.queue::<u64>("numbers").capacity(1024).create()?.sender()?;
    let lines = region.queue::<Line>("lines").capacity(256).create()?.sender()?;
    let reports = region.queue::<Report>("reports").capacity(4).create()?.receiver()?;

    // Another process: a program start of its own, which gets the name and nothing else.
    let mut other = Process::start("(receiver)", &name)?;
    other.answer(&reports)?;
    println!("process {} made the region {name:?}, process {} found it", std::process::id(), other.id());

    println!("\n1. {count} numbers to the other process");
    let started = Instant::now();
    let mut sum = 0;
    for number in 0..count {
        numbers.send(number)?;
        sum = fold(sum, number);
        if (number + 1) % (count / 5).max(1) == 0 {
            println!("   {:>9} sent, {}", number + 1, rate(number + 1, started));
        }
    }
    numbers.send(END)?;
    let report = other.answer(&reports)?;
    check("numbers received", report.received, count)?;
    check("checksum of the numbers", report.checksum, sum)?;
    println!("   {:>9} received in order, {}", report.received, rate(report.received, started));

    let rounds = LINES.div_ceil(text.lines().count().max(1));
    println!("\n2. the lines of a text, {rounds} times, in structs of {} bytes", size_of::<Line>());
    let started = Instant::now();
    let (mut sent, mut pieces, mut sum) = (0, 0, 0);
    for line in (0..rounds).flat_map(|_| text.lines()) {
        for piece in Line::pieces(sent, line) {
            lines.send(piece)?;
            pieces += 1;
        }
        sum = fold(sum, checksum(line.as_bytes()));
        sent += 1;
    }
    // The receiver's iteration ends when the last sender of this queue is gone.
    drop(lines);
    let report = other.answer(&reports)?;
    check("lines received", report.received, sent)?;
    check("checksum of the lines", report.checksum, sum)?;
    println!("   {:>9} lines received whole and in order, {}", report.received, rate(pieces, started));

    println!("\n3. two senders, and one of them is killed in mid-stream");
    let confirmed = region.queue::<u64>("confirmed").capacity(1).create()?.receiver()?;
    let totals = region.queue::<u64>("totals").capacity(1).create()?.receiver()?;
    let started = Instant::now();
    let mut survivor = Process::start("(survivor)", &name)?;
    survivor.answer(&totals)?;
    let mut victim = Process::start("(victim)", &name)?;
    let mut sent_by_victim = 0;
    while sent_by_victim < BEFORE_THE_KILL {
        sent_by_victim = victim.answer(&confirmed)?;
    }
    victim.kill()?;
    sent_by_victim = confirmed.try_recv().unwrap_or(sent_by_victim);
    println!("   kill -9 for the first sender, which had told us of {sent_by_victim} messages");
    // Tells the survivor.
    confirmed.queue().close();
    let sent_by_survivor = survivor.answer(&totals)?;
    survivor.wait()?;
    drop(numbers);
    let report = other.answer(&reports)?;
    other.wait()?;
    println!("   {:>9} received from it, without a gap", report.from_victim);
    println!("   {:>9} received from the other one, {}", report.from_survivor, rate(report.received, started));
    if report.from_victim < sent_by_victim {
        return Err(format!("{} messages of the killed sender are lost", sent_by_victim - report.from_victim).into());
    }
    check("messages of the survivor", report.from_survivor, sent_by_survivor)?;

    // The books of the queue itself: every message that was ever begun has arrived, or was its dead sender's last.
    let stats = region.queue_stats("numbers")?;
    check("messages begun", stats.sent, count + 1 + report.received + stats.given_up)?;
    check("messages still there", stats.len as u64, 0)?;
    if stats.given_up > 0 {
        println!("   {:>9} message that it had begun and never finished was given up", stats.given_up);
    }

    println!("\nnothing lost, nothing duplicated");
    Ok(())
}

/// The other process: receives all three parts, checks them, and reports.
fn receiver(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.receiver()?;
    let lines = region.queue::<Line>("lines").open()?.receiver()?;
    let reports = region.queue::<Report>("reports").open()?.sender()?;
    // "Here I am."
    reports.send(Report::default())?;

    let mut report = Report::default();
    for number in numbers.iter().take_while(|number| *number != END) {
        check("next number", number, report.received)?;
        report.received += 1;
        report.checksum = fold(report.checksum, number);
    }
    reports.send(report)?;

    report = Report::default();
    let mut line = Vec::new();
    for piece in lines.iter() {
        check("next line", piece.number, report.received)?;
        line.extend_from_slice(piece.bytes()?);
        if piece.is_last_piece() {
            report.received += 1;
            report.checksum = fold(report.checksum, checksum(&line));
            line.clear();
        }
    }
    reports.send(report)?;

    report = Report::default();
    for number in numbers.iter() {
        let next = if number & SURVIVOR == 0 { &mut report.from_victim } else { &mut report.from_survivor };
        check("next number of a sender", number & !SURVIVOR, *next)?;
        *next += 1;
        report.received += 1;
    }
    reports.send(report)?;
    Ok(())
}

/// Sends, and tells now and then how far it is, until it is killed.
fn victim(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.sender()?;
    let confirmed = region.queue::<u64>("confirmed").open()?;
    for number in 0..SURVIVOR {
        numbers.send(number)?;
        if number % 1000 == 0 {
            // Replaces a figure that nobody has read yet: only the newest counts.
            confirmed.force_send(number + 1)?;
        }
    }
    Ok(())
}

/// Sends until the victim is dead, and then goes on for a while.
fn survivor(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.sender()?;
    let confirmed = region.queue::<u64>("confirmed").open()?;
    let totals = region.queue::<u64>("totals").open()?.sender()?;
    // "Here I am."
    totals.send(0)?;

    let mut number = 0;
    let mut end = u64::MAX;
    while number < end {
        numbers.send(SURVIVOR | number)?;
        number += 1;
        if end == u64::MAX && confirmed.is_closed() {
            end = number + AFTER_THE_KILL;
        }
    }
    totals.send(number)?;
    Ok(())
}

fn check(what: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found}, expected {expected}").into()) }
}

fn rate(messages: u64, since: Instant) -> String {
    format!("{:.1} M/s", messages as f64 / since.elapsed().as_secs_f64() / 1e6)
}

// ---------------------------------------------------------------------------------------------------------------------
// For two terminals. The region outlives each of them, with what was not received.

fn lines_of(name: &str) -> Result<Queue<Line>> {
    stop_on_interrupt()?;
    let region = Region::options().remove_with_last(true).open_or_create(name)?;
    Ok(region.queue::<Line>("lines").capacity(256).open_or_create()?)
}

fn send(name: &str, input: mpsc::Receiver<String>) -> Result<()> {
    let queue = lines_of(name)?;
    let mut number = 0;
    while !stopped() {
        let line = match input.recv_timeout(GLANCE) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => continue,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        };
        for mut piece in Line::pieces(number, &line) {
            // Waits as long as the queue is full, but looks for Ctrl-C now and then.
            while let Err(error) = queue.send_timeout(piece, GLANCE) {
                match error {
                    SendTimeoutError::Timeout(back) if !stopped() => piece = back,
                    SendTimeoutError::Timeout(_) => return Ok(()),
                    error => return Err(error.into()),
                }
            }
        }
        number += 1;
    }
    // The last one to leave removes the region, and the lines with it: stay until somebody takes over.
    let is_alone = || !queue.region().participants().iter().any(|other| other.is_alive() && !other.is_me);
    while !stopped() && !queue.is_empty() && is_alone() {
        std::thread::sleep(GLANCE);
    }
    Ok(())
}

fn recv(name: &str) -> Result<()> {
    let queue = lines_of(name)?;
    let mut output = std::io::stdout().lock();
    let mut line = Vec::new();
    let mut next = (0, 0);
    while !stopped() {
        let piece = match queue.recv_timeout(GLANCE) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(error) => return Err(error.into()),
        };
        if piece.piece == 0 {
            line.clear();
        } else if next != (piece.number, piece.piece) {
            // Somebody else got (or never sent) the beginning of this line.
            continue;
        }
        next = (piece.number, piece.piece + 1);
        line.extend_from_slice(piece.bytes()?);
        if piece.is_last_piece() {
            line.push(b'\n');
            output.write_all(&line)?;
            output.flush()?;
        }
    }
    Ok(())
}

/// The lines of the standard input, read by a thread so that Ctrl-C need not wait for the next one.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(|line| line.ok()) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// So many lines, ten a second.
fn make_lines(count: u64) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(16);
    std::thread::spawn(move || {
        let pid = std::process::id();
        for number in 1..=count {
            if sender.send(format!("line {number} of {count} from process {pid}")).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    receiver
}

// ---------------------------------------------------------------------------------------------------------------------
// Starting other processes, and stopping everything.

/// How often those who wait look whether they still should.
const GLANCE: Duration = Duration::from_millis(100);

/// Another run of this program. It is killed when this value goes, and ends by itself if this process is killed.
struct Process {
    child: Child,
}

impl Process {
    fn start(role: &str, name: &str) -> Result<Self> {
        // The pipe carries nothing. When this process ends, however it does, the other one sees its end.
        let child = Command::new(std::env::current_exe()?).args([role, name]).stdin(Stdio::piped()).spawn()?;
        Ok(Process { child })
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// Receives what this process sends. That it is dead is an error, even if it died before it opened the queue.
    fn answer<T: Pod>(&mut self, queue: &Receiver<T>) -> Result<T> {
        loop {
            match queue.recv_timeout(GLANCE) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.wait()?;
                    return Err("a process ended too early".into());
                }
                Err(error) => return Err(error.into()),
            }
            if let Some(status) = self.child.try_wait()? {
                // Its last words may have come in between.
                return queue.try_recv().map_err(|_| format!("a process ended too early: {status}").into());
            }
        }
    }

    /// `kill -9`.
    fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        // `Child::wait` would close the pipe, which means "the tour has ended".
        let pipe = self.child.stdin.take();
        let status = self.child.wait()?;
        drop(pipe);
        if status.success() { Ok(()) } else { Err(format!("a process ended with {status}").into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Runs one of the tour's other processes. It ends when the tour does, and then removes what may be left.
fn as_child(name: &str, role: fn(&str) -> Result<()>) -> Result<()> {
    let region = name.to_owned();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = Region::unlink(&region);
        std::process::exit(1);
    });
    role(name)
}

/// At Ctrl-C (or SIGTERM): removes the region and ends. The other processes see the end of their pipe.
fn remove_on_interrupt(name: &str) -> Result<()> {
    let name = name.to_owned();
    ctrlc::set_handler(move || {
        let _ = Region::unlink(&name);
        std::process::exit(130);
    })?;
    Ok(())
}

static STOPPED: AtomicBool = AtomicBool::new(false);

/// At Ctrl-C (or SIGTERM): says so in [`stopped`]. Whoever then returns drops its handles.
fn stop_on_interrupt() -> Result<()> {
    Ok(ctrlc::set_handler(|| STOPPED.store(true, Ordering::Relaxed))?)
}

fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}
