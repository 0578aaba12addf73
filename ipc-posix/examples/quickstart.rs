//! Two unrelated processes that know only a name exchange messages through queues in shared memory, and one of the
//! senders is killed on the way.
//!
//! ```text
//! quickstart [FILE]       the whole tour; FILE is the text of its second part (default: this source)
//! quickstart recv NAME    writes each line that arrives to its standard output   } in two terminals, in any order,
//! quickstart send NAME    sends each line of its standard input                  } several of each if you like
//! ```
//!
//! The interesting functions are [`tour`], what its second process does ([`receiver`]), and [`send`] and [`recv`].

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ipc_posix::bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{ByteQueue, Receiver, RecvError, RecvTimeoutError, Region, SendBytesTimeoutError};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
quickstart [FILE]       the whole tour; FILE is the text of its second part (default: the program's source)
quickstart recv NAME    writes each line that arrives to its standard output   } in two terminals, in any order,
quickstart send NAME    sends each line of its standard input                  } several of each if you like

NAME is a file name. Lines may hold any bytes, at most 1 MiB each. `send` ends with its input; `recv` runs until it is
stopped with Ctrl-C or kill. Lines that nobody has received stay in the region /dev/shm/NAME until it is removed:

    rm /dev/shm/NAME";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => tour(include_bytes!("quickstart.rs")),
        ["send", name] => send(name),
        ["recv", name] => recv(name),
        // The tour's other processes.
        ["(receiver)", name] => as_child(name, receiver),
        ["(victim)", name] => as_child(name, victim),
        ["(survivor)", name] => as_child(name, survivor),
        ["send" | "recv"] => Err(format!("`{}` needs a NAME\n\n{USAGE}", args[0]).into()),
        ["send" | "recv", _, ..] => {
            Err(format!("too many arguments for `{}`: {:?}\n\n{USAGE}", args[0], &args[2..]).into())
        }
        [option] if option.starts_with('-') => Err(format!("there is no option {option:?}\n\n{USAGE}").into()),
        [file] => match std::fs::read(file) {
            Ok(text) => tour(&text),
            Err(error) => Err(format!("{file:?} is not a command, and not a file to read: {error}\n\n{USAGE}").into()),
        },
        _ => Err(format!("{:?} is not a command\n\n{USAGE}", args[0]).into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the receiver found in a part of the tour: messages, their checksum, messages of the victim and of the survivor.
/// Messages are plain data, any type that is `bytemuck::Pod`. (A struct derives it: see the example `jobs`.)
type Report = [u64; 4];

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
/// How many messages the victim of the third part has told of when it is killed.
const BEFORE_THE_KILL: u64 = 200_000;
/// How many messages the survivor sends after that.
const AFTER_THE_KILL: u64 = 500_000;
/// Marks the survivor's messages.
const SURVIVOR: u64 = 1 << 63;

fn tour(text: &[u8]) -> Result<()> {
    let count = match std::env::var("QUICKSTART_MESSAGES") {
        Ok(number) => number.parse()?,
        Err(_) => NUMBERS,
    };
    let name = format!("quickstart-{}", std::process::id());

    // Created in one atomic step: no process ever sees a half-made region. The last process to leave removes it.
    let region = Region::options().remove_with_last(true).create(&name)?;
    let numbers = region.queue::<u64>("numbers").capacity(1024).create()?.sender()?;
    let lines = region.byte_queue("lines").capacity(text.len().max(1)).create()?;
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
    let [received, sum_received, ..] = other.answer(&reports)?;
    check("numbers received", received, count)?;
    check("checksum of the numbers", sum_received, sum)?;
    println!("   {received:>9} received in order, {}", rate(received, started));

    let rounds = LINES.div_ceil(lines_of(text).count().max(1));
    println!("\n2. the lines of a text, {rounds} times");
    let started = Instant::now();
    let (mut sent, mut sum) = (0, 0);
    for line in (0..rounds).flat_map(|_| lines_of(text)) {
        lines.send(line)?;
        sum = fold(sum, checksum(line));
        sent += 1;
    }
    // The receiver gets what was sent, and then the end.
    lines.close()?;
    let [received, sum_received, ..] = other.answer(&reports)?;
    check("lines received", received, sent)?;
    check("checksum of the lines", sum_received, sum)?;
    println!("   {received:>9} lines received whole and in order, {}", rate(received, started));

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
    confirmed.queue().close()?;
    let sent_by_survivor = survivor.answer(&totals)?;
    survivor.wait()?;
    drop(numbers);
    let [received, _, from_victim, from_survivor] = other.answer(&reports)?;
    other.wait()?;
    println!("   {from_victim:>9} received from it, without a gap");
    println!("   {from_survivor:>9} received from the other one, {}", rate(received, started));
    if from_victim < sent_by_victim {
        return Err(format!("{} messages of the killed sender are lost", sent_by_victim - from_victim).into());
    }
    check("messages of the survivor", from_survivor, sent_by_survivor)?;

    // The books of the queue itself: every message that was ever begun has arrived, or was its dead sender's last.
    let stats = region.queue_stats("numbers")?;
    check("messages begun", stats.sent, count + 1 + received + stats.given_up)?;
    check("messages still there", stats.len as u64, 0)?;
    if stats.given_up > 0 {
        println!("   {:>9} message that it had begun and never finished was given up", stats.given_up);
    }

    println!("\nnothing lost, nothing duplicated");
    Ok(())
}

/// The lines of a text, without their ends.
fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

/// The other process: receives all three parts, checks them, and reports.
fn receiver(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let numbers = region.queue::<u64>("numbers").open()?.receiver()?;
    let lines = region.byte_queue("lines").open()?;
    let reports = region.queue::<Report>("reports").open()?.sender()?;
    // "Here I am."
    reports.send(Report::default())?;

    let (mut received, mut sum) = (0, 0);
    for number in numbers.iter().take_while(|number| *number != END) {
        check("next number", number, received)?;
        received += 1;
        sum = fold(sum, number);
    }
    reports.send([received, sum, 0, 0])?;

    let (mut received, mut sum) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.recv_into(&mut line) {
            Ok(_) => {}
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
        received += 1;
        sum = fold(sum, checksum(&line));
    }
    reports.send([received, sum, 0, 0])?;

    let (mut from_victim, mut from_survivor) = (0, 0);
    for number in numbers.iter() {
        let next = if number & SURVIVOR == 0 { &mut from_victim } else { &mut from_survivor };
        check("next number of a sender", number & !SURVIVOR, *next)?;
        *next += 1;
    }
    reports.send([from_victim + from_survivor, 0, from_victim, from_survivor])?;
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

/// Bytes of a line, at most.
const LONGEST: usize = 1 << 20;

/// How long a process waits before it says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// The queue of lines in the region `name`, which the first process creates.
fn lines(name: &str) -> Result<ByteQueue> {
    let region = Region::options().fit(&[ByteQueue::footprint(LONGEST)]).open_or_create(name)?;
    Ok(region.byte_queue("lines").capacity(LONGEST).open_or_create()?)
}

fn send(name: &str) -> Result<()> {
    let queue = lines(name)?;
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        // Room for a line feed, and for one byte that is too many.
        input.by_ref().take(LONGEST as u64 + 2).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if line.len() > LONGEST {
            return Err(format!(
                "line {number} is longer than {LONGEST} bytes: it was not sent, the {} before it were",
                number - 1
            )
            .into());
        }
        let mut told = false;
        while let Err(error) = queue.send_timeout(line, PATIENCE) {
            match error {
                SendBytesTimeoutError::Timeout if told => {}
                SendBytesTimeoutError::Timeout => {
                    eprintln!("quickstart: full after {} lines; waiting for `quickstart recv {name}`", number - 1);
                    told = true;
                }
                error => return Err(error.into()),
            }
        }
    }
    if !queue.is_empty() {
        eprintln!("quickstart: all sent; lines are waiting in /dev/shm/{name} for `quickstart recv {name}`");
    }
    Ok(())
}

fn recv(name: &str) -> Result<()> {
    let queue = lines(name)?;
    let mut output = std::io::stdout().lock();
    let mut line = Vec::new();
    let mut told = false;
    loop {
        line.clear();
        match queue.recv_into_timeout(&mut line, PATIENCE) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) if told => continue,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("quickstart: waiting for `quickstart send {name}`");
                told = true;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        told = true;
        line.push(b'\n');
        // One write a line, so that lines of several receivers do not mix in one output, and a killed receiver takes at
        // most this line with it.
        output
            .write_all(&line)
            .and_then(|()| output.flush())
            .map_err(|e| format!("a line was received but not written: {e}"))?;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Starting other processes, and stopping everything.

/// How often the tour checks whether the process that it waits for is still there.
const GLANCE: Duration = Duration::from_millis(100);

/// Another run of this program. It is killed when this value goes, and ends by itself if this process is killed.
struct Process {
    child: Child,
}

impl Process {
    fn start(role: &str, name: &str) -> Result<Self> {
        // The pipe carries nothing. When this process ends, however it does, the other one reads the end of the pipe.
        // Ctrl-C reaches only this process, for the other one is in a process group of its own.
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.args([role, name]).stdin(Stdio::piped()).process_group(0).spawn()?;
        Ok(Process { child })
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// Receives what this process sends. That it is dead is an error, even if it died before it opened the queue.
    fn answer<T: NoUninit + CheckedBitPattern>(&mut self, queue: &Receiver<T>) -> Result<T> {
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
