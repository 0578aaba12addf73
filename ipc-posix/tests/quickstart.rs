//! The quickstart as users run it: its result, its exit code, and that nothing of it is left, however it ends.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Far longer than anything here takes: a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// An example's program, which Cargo puts beside this test's.
fn example(name: &str) -> PathBuf {
    static BUILD: Mutex<()> = Mutex::new(());
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    let program = profile.join("examples").join(name);
    let _one_at_a_time = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    // `cargo test` has built the examples; `cargo test --test quickstart` has not.
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--example", name, "--manifest-path"]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
        cargo.args(profile.ends_with("release").then_some("--release"));
        assert!(cargo.status().expect("cargo starts").success(), "the example is built");
    }
    program
}

/// A running quickstart; killed if the test fails on the way.
struct Run {
    child: Child,
}

impl Run {
    fn start(args: &[&str], messages: &str) -> Run {
        let mut command = Command::new(example("quickstart"));
        command.args(args).env("QUICKSTART_MESSAGES", messages);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
    std::thread::sleep(Duration::from_millis(50));
    assert!(file_of(&run.region()).exists());
    let receiver = processes("(receiver)", &run.region());
    assert_eq!(receiver.len(), 1);
    (run, receiver[0])
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
    for number in [libc::SIGINT, libc::SIGTERM] {
        let (mut run, _) = endless_tour();
        signal(run.pid(), number);
        assert_eq!(run.end().code(), Some(130));
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
fn a_wrong_use_is_told() {
    for args in [&["send"][..], &["recv"], &["recv", "a", "b", "c"], &["no/such/file"], &["recv", "no/name"]] {
        let mut run = Run::start(args, "1");
        assert_eq!(run.end().code(), Some(1), "{args:?}");
        assert!(run.errors().starts_with("quickstart: "), "{args:?}");
    }
    let mut run = Run::start(&["--help"], "1");
    // All of it: the program would fail if nobody read its last line.
    let lines: Vec<String> = run.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("quickstart send NAME")));
    assert!(run.end().success());
}

/// Reads whole lines until there are `most`, or until the pipe ends.
fn numbers(pipe: &mut BufReader<ChildStdout>, most: usize) -> Vec<u64> {
    let mut all = Vec::new();
    let mut line = String::new();
    while all.len() < most && pipe.read_line(&mut line).expect("text") > 0 {
        // A process that is killed may leave half a line.
        let Some(number) = line.strip_suffix('\n') else { break };
        let (number, filling) = number.split_once(' ').expect("as it was sent");
        assert!(filling.bytes().all(|byte| byte == b'.') && filling.len() == 300, "whole: {line:?}");
        all.push(number.parse().expect("a number"));
        line.clear();
    }
    all
}

#[test]
fn two_terminals_and_the_receiver_is_killed_and_restarted() {
    const LINES: u64 = 20_000;
    let name = format!("quickstart-test-{}", std::process::id());
    // The sender comes first; nobody has made the region.
    let mut send = Run::start(&["send", &name], "");
    let mut input = send.child.stdin.take().expect("taken once");
    let writer = std::thread::spawn(move || {
        let filling = ".".repeat(300);
        (0..LINES).for_each(|number| writeln!(input, "{number} {filling}").expect("the sender reads"));
    });

    let mut first = Run::start(&["recv", &name], "");
    let mut pipe = BufReader::new(first.child.stdout.take().expect("taken once"));
    let mut got = numbers(&mut pipe, 500);
    signal(first.pid(), libc::SIGKILL);
    first.end();
    got.extend(numbers(&mut pipe, usize::MAX));
    let cut = got.len() as u64;
    assert_eq!(got, (0..cut).collect::<Vec<_>>(), "in order, none lost, none doubled");
    assert!((500..LINES).contains(&cut), "it was killed in mid-stream");

    let mut second = Run::start(&["recv", &name], "");
    let mut pipe = BufReader::new(second.child.stdout.take().expect("taken once"));
    let rest = numbers(&mut pipe, 1);
    // The killed one takes with it what it had received and not written: the line in its hands.
    assert!((cut..=cut + 1).contains(&rest[0]), "{} after {cut}", rest[0]);
    let rest = numbers(&mut pipe, (LINES - 1 - rest[0]) as usize);
    assert_eq!(rest.last(), Some(&(LINES - 1)));
    assert!(rest.windows(2).all(|two| two[0] + 1 == two[1]), "in order, none lost, none doubled");
    writer.join().expect("the sender reads all");
    assert!(send.end().success(), "the sender ends with its input");

    assert!(file_of(&name).exists(), "the receiver still has the region");
    signal(second.pid(), libc::SIGINT);
    assert!(second.end().success());
    assert!(!file_of(&name).exists(), "the last one to leave removes it");
}

#[test]
fn two_terminals_and_the_sender_is_killed_and_restarted() {
    let name = format!("quickstart-test-s-{}", std::process::id());
    // The receiver comes first this time.
    let mut recv = Run::start(&["recv", &name], "");
    let mut lines = recv.lines();
    for _ in 0..3 {
        let mut send = Run::start(&["send", &name, "1000000"], "");
        let expected = format!("line 1 of 1000000 from process {}", send.pid());
        assert!(lines.any(|line| line == expected));
        signal(send.pid(), libc::SIGKILL);
        send.end();
    }
    signal(recv.pid(), libc::SIGINT);
    assert!(recv.end().success());
    assert!(!file_of(&name).exists(), "the last one to leave removes it");
}

/// The README shows the example `jobs`, word by word.
#[test]
fn the_readme_shows_a_program_that_runs() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("README");
    let source = include_str!("../examples/jobs.rs");
    let shown = source.split_once("// In the README from here").and_then(|(_, shown)| shown.split_once('\n'));
    let shown = shown.and_then(|(_, shown)| shown.split_once("// to here.")).expect("the marks are there").0;
    assert!(readme.contains(shown.trim()), "examples/jobs.rs and the README differ");

    let output = Command::new(example("jobs")).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "job 1: 640 x 480\njob 2: 1920 x 1080\n");
}
