//! The quickstart as users run it: its result, its exit code, and that nothing of it is left, however it ends.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Far longer than anything here takes: a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The example's program, which Cargo puts beside this test's.
fn quickstart() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("the test's own path");
        let profile = test.ancestors().nth(2).expect("the profile's directory");
        // `cargo test` has built the examples; `cargo test --test quickstart` has not. The whole workspace's features, as in
        // `cargo test --workspace`: nothing is built twice.
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-q", "--workspace", "--example", "quickstart", "--manifest-path"]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
        cargo.args(profile.ends_with("release").then_some("--release"));
        assert!(cargo.status().expect("cargo starts").success(), "the example is built");
        profile.join("examples/quickstart")
    });
    &PROGRAM
}

/// A running quickstart; killed if the test fails on the way.
struct Run {
    child: Child,
}

impl Run {
    fn start(args: &[&str], messages: &str) -> Run {
        let mut command = Command::new(quickstart());
        command.args(args).env("QUICKSTART_MESSAGES", messages);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A shell's background job ignores SIGINT, and hands that down.
        // SAFETY: signal(2) may be called between fork and exec, and touches no memory.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            })
        };
        Run { child: command.spawn().expect("the example starts") }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The name of the region of this run's tour.
    fn region(&self) -> String {
        format!("quickstart-{}", self.pid())
    }

    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.child.stdout.take().expect("taken once")).lines().map_while(Result::ok)
    }

    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the example does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().expect("taken once").read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, number: libc::c_int) {
    // SAFETY: kill(2) touches no memory. The process is our child (or its), and not waited for yet.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, number) }, 0, "the signal is sent");
}

fn file_of(region: &str) -> PathBuf {
    Path::new("/dev/shm").join(region)
}

/// Processes of this role that were given this region's name.
fn processes(role: &str, region: &str) -> Vec<u32> {
    let arguments = format!("{role}\0{region}\0");
    let all = std::fs::read_dir("/proc").expect("/proc");
    all.filter_map(|entry| {
        let entry = entry.ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        line.ends_with(arguments.as_bytes()).then(|| entry.file_name().to_str()?.parse().ok())?
    })
    .collect()
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// No file, and no process.
fn assert_nothing_left(region: &str) {
    wait_for("the tour's other processes end", || {
        ["(receiver)", "(victim)", "(survivor)"].iter().all(|role| processes(role, region).is_empty())
    });
    assert!(!file_of(region).exists(), "no file is left");
}

/// Starts a tour that would last for ever and waits until it is in its first part.
fn endless_tour() -> (Run, u32) {
    let mut run = Run::start(&[], "1000000000000");
    let mut lines = run.lines();
    assert!(lines.any(|line| line.starts_with("1. ")), "the first part begins");
    // Nothing comes for a long time now; what comes later goes nowhere.
    std::thread::spawn(move || lines.for_each(drop));
    assert!(file_of(&run.region()).exists());
    wait_for("the receiver starts", || processes("(receiver)", &run.region()).len() == 1);
    let receiver = processes("(receiver)", &run.region())[0];
    (run, receiver)
}

#[test]
fn the_tour_ends_well() {
    let mut run = Run::start(&[], "100000");
    let lines: Vec<String> = run.lines().collect();
    let status = run.end();
    assert!(status.success(), "{status}: {}\n{}", run.errors(), lines.join("\n"));
    assert_eq!(lines.last().map(String::as_str), Some("nothing lost, nothing duplicated"));
    assert_nothing_left(&run.region());
}

#[test]
fn the_tour_takes_a_file_with_long_lines() {
    let file = std::env::temp_dir().join(format!("quickstart-text-{}", std::process::id()));
    let text = format!("short\n\n{}\n{}\nend without a line feed", "x".repeat(228), "long \u{e4} ".repeat(1000));
    std::fs::write(&file, text).expect("a temporary file");
    let mut run = Run::start(&[file.to_str().expect("text")], "1000");
    let last = run.lines().last();
    let status = run.end();
    std::fs::remove_file(&file).expect("it is there");
    assert!(status.success(), "{status}: {}", run.errors());
    assert_eq!(last.as_deref(), Some("nothing lost, nothing duplicated"));
    assert_nothing_left(&run.region());
}

#[test]
fn interrupted_in_the_middle_it_leaves_nothing() {
    // As from a terminal: the signal reaches the tour's own process group, which its other processes are not in.
    for number in [libc::SIGINT, libc::SIGTERM] {
        let (mut run, _) = endless_tour();
        signal(run.pid(), number);
        assert_eq!(run.end().signal(), Some(number));
        assert_nothing_left(&run.region());
    }
}

#[test]
fn killed_in_the_middle_it_leaves_nothing() {
    let (mut run, _) = endless_tour();
    signal(run.pid(), libc::SIGKILL);
    run.end();
    let region = run.region();
    wait_for("the other process removes the region", || !file_of(&region).exists());
    assert_nothing_left(&region);
}

#[test]
fn the_other_process_dies_and_the_tour_says_so() {
    let (mut run, receiver) = endless_tour();
    signal(receiver, libc::SIGKILL);
    let status = run.end();
    assert_eq!(status.code(), Some(1), "{status}");
    assert!(run.errors().contains("the last living receiver is gone"));
    assert_nothing_left(&run.region());
}

#[test]
fn a_wrong_use_is_answered_with_what_was_wrong() {
    let wrong: [(&[&str], &str); 7] = [
        (&["send"], "`send` needs a NAME"),
        (&["recv"], "`recv` needs a NAME"),
        (&["recv", "a", "b", "c"], "[\"b\", \"c\"]"),
        (&["no/such/file"], "\"no/such/file\" is not a command, and not a file to read"),
        (&["receive", "demo"], "\"receive\" is not a command"),
        (&["--fast"], "there is no option \"--fast\""),
        (&["recv", "no/name"], "region \"no/name\""),
    ];
    for (args, answer) in wrong {
        let mut run = Run::start(args, "1");
        assert_eq!(run.end().code(), Some(1), "{args:?}");
        let errors = run.errors();
        assert!(errors.starts_with("quickstart: ") && errors.contains(answer), "{args:?}: {errors}");
    }
    let mut run = Run::start(&["--help"], "1");
    // All of it: the program would fail if nobody read its last line.
    let lines: Vec<String> = run.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("quickstart send NAME")));
    assert!(run.end().success());
}

/// The name of a region for one test, which is removed in the end.
struct Demo {
    name: String,
}

impl Demo {
    fn new(what: &str) -> Demo {
        Demo { name: format!("quickstart-test-{what}-{}", std::process::id()) }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // As the usage says.
        let _ = std::fs::remove_file(file_of(&self.name));
    }
}

/// Writes these lines to a process, each with its end, and then the end.
fn feed(run: &mut Run, lines: impl Iterator<Item = Vec<u8>> + Send + 'static) -> JoinHandle<()> {
    let mut input = run.child.stdin.take().expect("taken once");
    std::thread::spawn(move || {
        for mut line in lines {
            line.push(b'\n');
            input.write_all(&line).expect("the sender reads");
        }
    })
}

/// Reads lines until there are `most`, or until the pipe ends. A process that is killed may leave a part of one.
fn take(pipe: &mut BufReader<ChildStdout>, most: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut line = Vec::new();
    while all.len() < most && pipe.read_until(b'\n', &mut line).expect("it can be read") > 0 {
        if line.pop() != Some(b'\n') {
            break;
        }
        all.push(std::mem::take(&mut line));
    }
    all
}

fn output(run: &mut Run) -> BufReader<ChildStdout> {
    BufReader::new(run.child.stdout.take().expect("taken once"))
}

/// A number and a filling.
fn numbered(number: u64) -> Vec<u8> {
    format!("{number} {}", ".".repeat(300)).into_bytes()
}

fn numbers(lines: &[Vec<u8>]) -> Vec<u64> {
    let number = |line: &Vec<u8>| {
        let text = std::str::from_utf8(line).expect("text");
        let number = text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        assert_eq!(*line, numbered(number), "whole");
        number
    };
    lines.iter().map(number).collect()
}

#[test]
fn two_terminals_and_the_receiver_is_killed_and_restarted() {
    const LINES: u64 = 20_000;
    let demo = Demo::new("r");
    // The sender comes first: no other process has created the region.
    let mut send = Run::start(&["send", &demo.name], "");
    let writer = feed(&mut send, (0..LINES).map(numbered));

    let mut first = Run::start(&["recv", &demo.name], "");
    let mut pipe = output(&mut first);
    let mut got = take(&mut pipe, 500);
    signal(first.pid(), libc::SIGKILL);
    first.end();
    got.extend(take(&mut pipe, usize::MAX));
    let cut = got.len() as u64;
    assert_eq!(numbers(&got), (0..cut).collect::<Vec<_>>(), "in order, none lost, none doubled");
    assert!((500..LINES).contains(&cut), "it was killed in mid-stream");

    let mut second = Run::start(&["recv", &demo.name], "");
    let mut pipe = output(&mut second);
    let rest = numbers(&take(&mut pipe, 1));
    // The killed process takes with it the line that it had received and not written.
    assert!((cut..=cut + 1).contains(&rest[0]), "{} after {cut}", rest[0]);
    let rest = numbers(&take(&mut pipe, (LINES - 1 - rest[0]) as usize));
    assert_eq!(rest.last(), Some(&(LINES - 1)));
    assert!(rest.windows(2).all(|two| two[0] + 1 == two[1]), "in order, none lost, none doubled");
    writer.join().expect("the sender reads all");
    assert!(send.end().success(), "the sender ends with its input");
}

#[test]
fn two_terminals_and_the_sender_is_killed_and_restarted() {
    let demo = Demo::new("s");
    // The receiver comes first this time.
    let mut recv = Run::start(&["recv", &demo.name], "");
    let mut lines = output(&mut recv);
    for round in 0..3 {
        let mut send = Run::start(&["send", &demo.name], "");
        let mut input = send.child.stdin.take().expect("taken once");
        let last = numbered(1000 * round + 99);
        for number in 0..100 {
            input.write_all(&[numbered(1000 * round + number), vec![b'\n']].concat()).expect("the sender reads");
        }
        assert!(take(&mut lines, 100).contains(&last), "all arrive, though the sender has not ended");
        signal(send.pid(), libc::SIGKILL);
        send.end();
    }
}

#[test]
fn lines_that_no_process_has_received_stay_and_the_sender_says_so() {
    let demo = Demo::new("stay");
    let mut send = Run::start(&["send", &demo.name], "");
    feed(&mut send, (0..10).map(numbered)).join().expect("the sender reads");
    assert!(send.end().success());
    let text = send.errors();
    assert!(text.contains(&format!("lines are waiting in /dev/shm/{}", demo.name)), "{text}");
    assert!(text.contains(&format!("`quickstart recv {}`", demo.name)), "{text}");
    let mut recv = Run::start(&["recv", &demo.name], "");
    assert_eq!(numbers(&take(&mut output(&mut recv), 10)), (0..10).collect::<Vec<_>>());
}

#[test]
fn each_side_says_what_it_waits_for() {
    let demo = Demo::new("wait");
    let mut recv = Run::start(&["recv", &demo.name], "");
    let first_error = |run: &mut Run| {
        let mut line = String::new();
        BufReader::new(run.child.stderr.take().expect("taken once")).read_line(&mut line).expect("text");
        line
    };
    assert_eq!(first_error(&mut recv), format!("quickstart: waiting for `quickstart send {}`\n", demo.name));
    signal(recv.pid(), libc::SIGKILL);
    recv.end();
    let mut send = Run::start(&["send", &demo.name], "");
    // Ten times what the queue holds; it is killed before it reads all.
    let mut input = send.child.stdin.take().expect("taken once");
    let writer =
        std::thread::spawn(move || (0..100).all(|_| input.write_all(&[&[b'x'; 199_999][..], b"\n"].concat()).is_ok()));
    let text = first_error(&mut send);
    assert!(text.starts_with("quickstart: full after "), "{text}");
    assert!(text.ends_with(&format!("waiting for `quickstart recv {}`\n", demo.name)), "{text}");
    signal(send.pid(), libc::SIGKILL);
    assert!(!writer.join().expect("it ends"), "the sender did not read all");
}

/// Three senders and two receivers, lines of up to 100 kB of any bytes: each line arrives once, and whole.
#[test]
fn lines_of_any_bytes_arrive_whole_from_many_to_many() {
    const LINES: u64 = 700;
    let demo = Demo::new("many");
    let line = |sender: u64, number: u64| {
        let mut state = sender << 32 | number;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state >> 33
        };
        let long = if number.is_multiple_of(7) { 100_000 } else { 1 + next() % 2_000 };
        let mut line = format!("{sender} {number} ").into_bytes();
        line.extend((0..long).map(|_| next() as u8).filter(|byte| *byte != b'\n'));
        line
    };
    let mut receivers: Vec<Run> = (0..2).map(|_| Run::start(&["recv", &demo.name], "")).collect();
    let (found, all) = std::sync::mpsc::channel();
    for receiver in &mut receivers {
        let (found, mut pipe) = (found.clone(), output(receiver));
        std::thread::spawn(move || {
            while let Some(line) = take(&mut pipe, 1).pop() {
                let _ = found.send(line);
            }
        });
    }
    let mut senders: Vec<Run> = (0..3).map(|_| Run::start(&["send", &demo.name], "")).collect();
    for (sender, run) in (0..).zip(&mut senders) {
        feed(run, (0..LINES).map(move |number| line(sender, number)));
    }
    let mut got: Vec<Vec<u8>> = (0..3 * LINES).map(|_| all.recv_timeout(PATIENCE).expect("all lines arrive")).collect();
    for sender in &mut senders {
        assert!(sender.end().success());
    }
    let mut sent: Vec<Vec<u8>> = (0..3).flat_map(|sender| (0..LINES).map(move |number| line(sender, number))).collect();
    sent.sort();
    got.sort();
    assert!(got == sent, "each line once, and whole");
}

#[test]
fn a_line_that_is_too_long_is_an_error_with_its_number() {
    let demo = Demo::new("long");
    let mut send = Run::start(&["send", &demo.name], "");
    let mut input = send.child.stdin.take().expect("taken once");
    let writer = std::thread::spawn(move || {
        input.write_all(b"short\n")?;
        input.write_all(&vec![b'x'; (1 << 20) + 1])
    });
    assert_eq!(send.end().code(), Some(1));
    let _ = writer.join().expect("it ends");
    assert_eq!(
        send.errors(),
        "quickstart: line 2 is longer than 1048576 bytes: it was not sent, the 1 before it were\n"
    );
}
