//! The tutorials' programs as users run them: they say what they should, and succeed.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An example's program, which Cargo puts beside this test's.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    let program = profile.join("examples").join(name);
    // `cargo test` has built the examples; `cargo test --test tutorials` has not.
    let mut cargo = Command::new(env!("CARGO"));
    // The whole workspace's features, as in `cargo test --workspace`: nothing is built twice. Some examples derive, send types
    // of serde, or start processes.
    cargo.args([
        "build",
        "-q",
        "--workspace",
        "--features",
        "ipc-posix/derive ipc-posix/process ipc-posix/progress",
        "--example",
        name,
        "--manifest-path",
    ]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
    cargo.args(profile.ends_with("release").then_some("--release"));
    assert!(cargo.status().expect("cargo starts").success(), "{name} is built");
    program
}

/// What the example prints. It has to succeed.
fn run(name: &str) -> String {
    run_with(name, &[])
}

/// What the example prints with these arguments. It has to succeed.
fn run_with(name: &str, args: &[PathBuf]) -> String {
    let output = Command::new(example(name)).args(args).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The lines of a part of the output, which begins with this heading.
fn part<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
}

/// The number between these words, in each line that has them.
fn numbers(text: &str, before: &str, after: &str) -> Vec<u32> {
    let between = |line: &str| line.split_once(before)?.1.strip_suffix(after)?.parse().ok();
    text.lines().filter_map(between).collect()
}

#[test]
fn ticket_clerks() {
    let text = run("ticket_clerks");
    let sales = |lines: &[&str]| lines.iter().filter(|line| line.ends_with(": sold it")).count();
    assert_eq!(sales(&part(&text, "with the lock:")), 1, "{text}");
    assert_eq!(sales(&part(&text, "without the lock:")), 5, "{text}");
    let after = part(&text, "with the lock, and a clerk that is killed at the counter:");
    assert_eq!(sales(&after), 1, "{text}");
    assert_eq!(after.iter().filter(|line| line.contains("somebody died")).count(), 1, "{text}");
}

#[test]
fn traffic_light() {
    let text = run("traffic_light");
    let light = part(&text, "a light:");
    let at = |line: &str| light.iter().rposition(|other| *other == line).expect(line);
    assert!(at("car 4 waits") < at("the light is green") && at("the light is green") < at("car 4 drives"), "{text}");
    let gate = part(&text, "a gate that lets one through at a time:");
    assert_eq!(gate.iter().filter(|line| line.ends_with("drives")).count(), 2, "{text}");
    assert!(text.ends_with("everybody has passed who could\n"), "{text}");
}

#[test]
fn take_one() {
    let text = run("take_one");
    let left = |how: &str| {
        let line = text.lines().find(|line| line.contains(how)).expect("a line");
        line.rsplit(' ').nth(1).expect("a number").parse::<u32>().expect("a number")
    };
    assert_eq!((left("under a lock"), left("without a lock"), left("in one step")), (0, 99, 0), "{text}");
}

#[test]
fn end_mark() {
    let text = run("end_mark");
    for heading in ["with an end mark for each waiter:", "with a counter that is closed:"] {
        let lines = part(&text, heading);
        assert_eq!(lines.iter().filter(|line| line.contains("serves dish")).count(), 8, "{text}");
        assert_eq!(lines.iter().filter(|line| line.ends_with("goes home")).count(), 2, "{text}");
    }
    assert!(text.ends_with("every dish was served once\n"), "{text}");
}

#[test]
fn whole_lines() {
    let text = run("whole_lines");
    let is_whole = |line: &&&str| line.matches("worker").count() == 1 && line.ends_with(", and that was it");
    let whole = |heading| part(&text, heading).iter().filter(is_whole).count();
    assert_eq!(whole("with the lock:"), 12, "{text}");
    assert!(whole("without the lock:") < 12, "{text}");
}

#[test]
fn the_karaoke_room() {
    let text = run("karaoke");
    let mut inside = 0_u32;
    let mut killed = false;
    for line in text.lines().filter(|line| line.starts_with("singer ")) {
        let change: i32 = match line {
            _ if line.contains("comes in") => 1,
            _ if line.contains("leaves") || line.contains("is killed") => -1,
            _ => 0,
        };
        killed |= line.contains("singer 3 is killed");
        inside = inside.checked_add_signed(change).expect("nobody leaves who was not inside");
        assert!(inside <= 4 && line.contains(&format!("inside: {inside} of 4")), "{line}");
    }
    assert!(killed && inside == 0);
    assert_eq!(text.matches("leaves").count(), 10);
    let last = text.lines().last().expect("a last line");
    assert!(last.starts_with("10 songs, never more than ") && last.ends_with("all 4 places free again"), "{last}");
}

/// Starts the example, kills the first process whose id it prints, and returns all that it prints. It has to succeed.
fn run_and_kill(name: &str) -> String {
    run_and_kill_with(name, &[])
}

fn run_and_kill_with(name: &str, args: &[PathBuf]) -> String {
    // Some examples run for a few milliseconds: on a busy machine the process may have ended before it is killed.
    for _ in 0..50 {
        let mut program = Command::new(example(name));
        let mut child = program.args(args).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut text = String::new();
        output.read_line(&mut text).expect("text");
        let victim = text.trim().rsplit_once("kill -9 ").expect("an invitation").1.parse().expect("a process id");
        // SAFETY: a system call without memory.
        let in_time = unsafe { libc::kill(victim, libc::SIGKILL) } == 0;
        output.read_to_string(&mut text).expect("text");
        assert!(child.wait().expect("it ends").success(), "{text}");
        if in_time {
            return text;
        }
    }
    panic!("{name}: no process was killed in time");
}

#[test]
fn plates() {
    let text = run("plates");
    assert_eq!(text.matches(" went home: 100 plates taken, each once").count(), 2, "{text}");
    let text = run_and_kill("plates");
    assert!(text.contains("washer 0 was killed: "), "{text}");
    assert!(text.contains("washer 1 went home: 100 plates taken, each once"), "{text}");
}

#[test]
fn patients() {
    let text = run("patients");
    assert!(text.contains("three in a row: (10, 'Q'), (20, 'A'), (30, 'Z')\n"), "{text}");
    assert_eq!(text.matches(" has closed: 100 patients treated, each once").count(), 2, "{text}");
    let text = run_and_kill("patients");
    assert!(text.contains("desk 0 was killed: "), "{text}");
    assert!(text.contains("desk 1 has closed: 100 patients treated, each once"), "{text}");
}

#[test]
fn urgent() {
    let text = run("urgent");
    assert!(text.contains("strict: urgent, urgent, urgent, urgent, urgent, urgent\n"), "{text}");
    assert!(text.contains("fair:   urgent, urgent, can wait, urgent, urgent, normal\n"), "{text}");
    assert_eq!(text.matches(" has closed: 100 tasks done, each once").count(), 2, "{text}");
    let text = run_and_kill("urgent");
    assert!(text.contains("desk 0 was killed: "), "{text}");
    assert!(text.contains("desk 1 has closed: 100 tasks done, each once"), "{text}");
}

#[test]
fn dumplings() {
    let all = |text: &str| {
        let at = |line: &str| text.find(line).unwrap_or_else(|| panic!("no {line:?} in:\n{text}"));
        let home = [at("alex went home: all is eaten"), at("egon went home: all is eaten"), at("\nkuraki went home")];
        assert!(home.is_sorted(), "{text}");
        for piece in
            ["dumpling", "bread"].into_iter().flat_map(|food| (0..10).map(move |number| format!("ate {food} {number}")))
        {
            at(&piece);
        }
        assert!(text.ends_with("all 20 pieces were eaten\n"), "{text}");
    };
    let text = run("dumplings");
    all(&text);
    assert!(text.contains("\naoa went home") && text.matches(" ate ").count() == 20, "{text}");
    let text = run_and_kill("dumplings");
    all(&text);
    assert!(text.contains("\naoa was killed"), "{text}");
}

#[test]
fn decrements() {
    let text = run("decrements");
    assert!(text.ends_with("100 processes, 0 of them killed: count is 0\n"), "{text}");
    let text = run_and_kill("decrements");
    // It sleeps before it takes one.
    assert!(text.ends_with("100 processes, 1 of them killed: count is 1\n"), "{text}");
}

#[test]
fn greetings() {
    let all = |text: &str| {
        for number in 0..20 {
            assert_eq!(text.matches(&format!("have you eaten? ({number}) yes, thank you\n")).count(), 1, "{text}");
        }
        assert!(text.ends_with("the guest went home; 20 questions were answered\n"), "{text}");
    };
    let text = run("greetings");
    all(&text);
    assert!(!text.contains("killed after"), "{text}");
    let text = run_and_kill("greetings");
    all(&text);
    assert!(text.contains("the guest was killed after "), "{text}");
}

#[test]
fn word_counts() {
    let all = |text: &str| {
        for number in 0..20 {
            let line = format!("\n{number}: {{\"rice\": {0}, \"tea\": {0}}}\n", number + 1);
            assert_eq!(text.matches(&line).count(), 1, "{text}");
        }
        assert!(text.ends_with("the guest went home; 20 questions were answered\n"), "{text}");
    };
    let text = run("word_counts");
    all(&text);
    assert!(!text.contains("was killed"), "{text}");
    let text = run_and_kill("word_counts");
    all(&text);
    assert!(text.contains("the guest was killed before it answered question "), "{text}");
}

#[test]
fn chat_history() {
    let text = run("chat_history");
    assert!(text.contains("\nann: 100 lines of 100, in order\nbob: 100 lines of 100, in order\n"), "{text}");
    assert!(text.ends_with("the history has 200 lines\n"), "{text}");
    let text = run_and_kill("chat_history");
    assert!(text.contains("another one goes on"), "{text}");
    // It may have received one that it had not appended.
    let ends = ["the history has 200 lines\n", "the history has 199 lines\n"];
    assert!(ends.into_iter().any(|end| text.ends_with(end)), "{text}");
}

#[test]
fn prices() {
    let all = |text: &str| {
        assert_eq!(text.matches(" went home: 20 questions were answered\n").count(), 2, "{text}");
        assert!(text.ends_with("\nli went home\n"), "{text}");
    };
    let text = run("prices");
    all(&text);
    assert!(text.contains("\nwang went home\n"), "{text}");
    let text = run_and_kill("prices");
    all(&text);
    assert!(text.contains("\nwang was killed\n"), "{text}");
}

#[test]
fn upper_case() {
    let all = |text: &str| {
        for client in 0..3 {
            assert!(text.contains(&format!("client {client}: 200 answers, each right\n")), "{text}");
        }
    };
    let text = run("upper_case");
    all(&text);
    assert_eq!(text.matches(" has answered 200 lines\n").count(), 3, "{text}");
    let text = run_and_kill("upper_case");
    all(&text);
    assert_eq!(text.matches(" was killed\n").count(), 1, "{text}");
    // It may be killed before its first answer: another process then gives all of them.
    let [given] = numbers(&text, " has lost its process after ", " answers, and connects again")[..] else {
        panic!("{text}")
    };
    let mut answered = numbers(&text, " has answered ", " lines");
    answered.sort_unstable();
    assert_eq!(answered, [200 - given, 200, 200], "{text}");
}

#[test]
fn pool_of_three() {
    let all = |text: &str| {
        for way in ["one after the other", "all at once", "with a function"] {
            assert!(text.contains(&format!("\n{way}: 10 results in ")), "{text}");
        }
        assert_eq!(text.matches("\ntask ").count(), 30, "{text}");
        assert_eq!(text.matches(" was done by process ").count(), 30, "{text}");
    };
    let text = run("pool_of_three");
    all(&text);
    assert!(text.ends_with("\neach task has its result, workers that were replaced: 0\n"), "{text}");
    let text = run_and_kill("pool_of_three");
    all(&text);
    // A worker that is killed behind the last task need not be replaced.
    assert!(text.contains("\neach task has its result, workers that were replaced: "), "{text}");
}

#[test]
fn pool_or_processes() {
    let all = |text: &str| {
        assert_eq!(text.matches("\na pool of four: 100 tasks in ").count(), 1, "{text}");
        assert_eq!(text.matches("\na process for each: 100 tasks in ").count(), 1, "{text}");
        assert!(text.ends_with("\nboth sums are 328350\n"), "{text}");
    };
    all(&run("pool_or_processes"));
    all(&run_and_kill("pool_or_processes"));
}

#[test]
fn upper_case_pool() {
    let all = |text: &str| {
        for client in 0..8 {
            assert!(text.contains(&format!("\nclient {client}: 200 answers, each right\n")), "{text}");
        }
        assert!(text.contains("\nno client has lost its connection, workers that were replaced: "), "{text}");
    };
    let text = run("upper_case_pool");
    all(&text);
    assert!(text.ends_with(": 0\n"), "{text}");
    all(&run_and_kill("upper_case_pool"));
}

#[test]
fn word_count_map() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = ["src", "examples", "no such file"].map(|name| here.join(name));
    let all = |text: &str| {
        assert_eq!(text.matches("not counted: ").count(), 1, "{text}");
        assert!(text.contains("no such file: No such file or directory"), "{text}");
        assert!(text.ends_with(" files, and 1 files that cannot be read\none process counts the same\n"), "{text}");
    };
    let text = run_with("word_count_map", &paths);
    all(&text);
    assert!(text.contains("\nworkers that were replaced: 0\n"), "{text}");
    let text = run_and_kill_with("word_count_map", &paths);
    all(&text);
}

#[test]
fn pool_by_name() {
    let text = run("pool_by_name");
    assert_eq!(text.matches(" was started by hand\n").count(), 2, "{text}");
    assert_eq!(text.matches(" is killed\n").count(), 1, "{text}");
    // One of three may have been slow.
    let processes = numbers(&text, "148933 primes below 2000000, found by ", " processes");
    assert!(matches!(processes[..], [1..=3]), "{text}");
    assert!(!Path::new("/dev/shm/prime-numbers").exists());
}

/// The examples leave no region behind.
#[test]
fn nothing_is_left() {
    let mut cargo = Command::new(example("take_one"));
    let child = cargo.stdout(std::process::Stdio::null()).spawn().expect("it starts");
    let region = Path::new("/dev/shm").join(format!("take-one-{}", child.id()));
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert!(!region.exists(), "no file is left");
}
