//! Functions that run in processes of their own: what goes there, what comes back, and what each trouble is called.

#![cfg(not(loom))]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use ipc_posix::process::{self, Descriptor, Process, SpawnError, TaskError};
use ipc_posix::{Counter, Error, Queue, Region, ValueQueue, task};
use ipc_tests::children::TempName;
use ipc_tests::watchdog::Watchdog;
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(120);

ipc_posix::task_entry!();

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

#[test]
fn a_result_comes_back() {
    let _watchdog = Watchdog::new(LIMIT, "a_result_comes_back");
    let nine = process::spawn(square, 3).unwrap();
    assert_ne!(nine.pid(), std::process::id());
    assert_eq!(nine.name(), "process_tasks::square");
    assert_eq!(nine.join().unwrap(), 9);
    assert_eq!(square(3), 9);
}

fn join_words(first: String, second: Vec<String>, times: usize) -> String {
    [vec![first], second].concat().join(" ").repeat(times)
}
task!(join_words, schema = 3);

fn sum(a: u8, b: u16, c: u32, d: u64, e: i128, f: BTreeMap<String, i32>) -> i128 {
    i128::from(a) + i128::from(b) + i128::from(c) + i128::from(d) + e + i128::from(f["six"])
}
task!(sum);

#[test]
fn several_arguments() {
    let _watchdog = Watchdog::new(LIMIT, "several_arguments");
    let words = process::spawn(join_words, ("a".into(), vec!["b".into(), "c".into()], 2)).unwrap();
    assert_eq!(words.join().unwrap(), "a b ca b c");
    let six = process::spawn(sum, (1, 2, 3, 4, -5, BTreeMap::from([("six".into(), 6)]))).unwrap();
    assert_eq!(six.join().unwrap(), 11);
}

/// What a process knows about itself.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Myself {
    pid: u32,
    group: i32,
    name: Option<String>,
    directory: String,
    input: Vec<u8>,
    first_argument: Option<String>,
}

fn myself() -> Myself {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).unwrap();
    Myself {
        pid: std::process::id(),
        // SAFETY: takes nothing.
        group: unsafe { libc::getpgrp() },
        name: process::task_name().map(str::to_owned),
        directory: std::env::current_dir().unwrap().display().to_string(),
        input,
        first_argument: std::env::args().next(),
    }
}
task!(myself);

#[test]
fn a_process_is_the_same_program() {
    let _watchdog = Watchdog::new(LIMIT, "a_process_is_the_same_program");
    assert_eq!(process::task_name(), None);
    let process = process::options().name("its name").spawn(myself, ()).unwrap();
    let (pid, name) = (process.pid(), process.name().to_owned());
    let there = process.join().unwrap();
    assert_eq!((there.pid, there.group), (pid, pid as i32));
    assert_eq!((name.as_str(), there.name.as_deref()), ("its name", Some("its name")));
    assert_eq!(there.directory, std::env::current_dir().unwrap().display().to_string());
    assert_eq!((there.input.len(), there.first_argument), (0, std::env::args().next()));
}

/// Starts a program that knows tasks, but for none.
fn start_a_program(path: String) -> String {
    String::from_utf8(Command::new(path).output().unwrap().stdout).unwrap()
}
task!(start_a_program);

#[test]
fn the_programs_of_a_task_are_started_for_none() {
    let _watchdog = Watchdog::new(LIMIT, "the_programs_of_a_task_are_started_for_none");
    let text = process::spawn(start_a_program, env!("CARGO_BIN_EXE_other_program").into()).unwrap().join().unwrap();
    assert_eq!(text, "42 is not started for a task\n");
}

/// Goes somewhere else, and spawns a task there.
fn elsewhere(number: u64) -> (String, u64) {
    std::env::set_current_dir("/").unwrap();
    let inner = process::spawn(myself, ()).unwrap().join().unwrap();
    (inner.directory, process::spawn(square, number).unwrap().join().unwrap())
}
task!(elsewhere);

#[test]
fn a_process_spawns_processes() {
    let _watchdog = Watchdog::new(LIMIT, "a_process_spawns_processes");
    let nested = process::spawn(elsewhere, 5).unwrap();
    assert_eq!(nested.join().unwrap(), ("/".to_owned(), 25));
}

fn trouble(kind: u8) -> Vec<u8> {
    match kind {
        0 => panic!("as {}", "planned"),
        1 => std::process::exit(7),
        2 => std::process::abort(),
        // SAFETY: no memory is passed.
        3 => unsafe {
            libc::raise(libc::SIGKILL);
        },
        5 => std::panic::resume_unwind(Box::new(3)),
        6 => panic!("{}", "ä".repeat(3_000)),
        7 => std::process::exit(0),
        _ => {}
    }
    vec![1; 100_000]
}
task!(trouble);

#[test]
fn each_trouble_has_its_error() {
    let _watchdog = Watchdog::new(LIMIT, "each_trouble_has_its_error");
    let told = |kind| process::spawn(trouble, kind).unwrap().join().unwrap_err();
    let TaskError::Panicked(panic) = told(0) else { panic!("it panics") };
    assert_eq!(panic.message(), "as planned");
    let place = panic.location().expect("a place");
    assert!(place.starts_with("ipc-tests/tests/process_tasks.rs:"), "{place}");
    assert_eq!(panic.to_string(), format!("the task panicked at {place}: as planned"));
    assert!(matches!(told(1), TaskError::Exited { code: 7, .. }));
    assert!(matches!(told(2), TaskError::Killed { signal: libc::SIGABRT, .. }));
    let killed = told(3);
    assert!(killed.is_killed() && killed.to_string().ends_with("signal: 9 (SIGKILL)"), "{killed}");
    let long = told(4).to_string();
    assert_eq!(long, "the result did not arrive: it takes 100003 bytes, and the task's `max_result` is 65536");
    assert!(told(5).to_string().contains("a panic without a message"));
    let TaskError::Panicked(panic) = told(6) else { panic!("it panics") };
    assert!(panic.message().len() <= 4096 && panic.message().ends_with("ä..."), "{}", panic.message().len());
    assert!(matches!(told(7), TaskError::Exited { code: 0, .. }));
    let long = process::options().max_result(200_000).spawn(trouble, 4).unwrap();
    assert_eq!(long.join().unwrap().len(), 100_000);
}

#[test]
fn a_backtrace_comes_if_it_is_asked_for() {
    let _watchdog = Watchdog::new(LIMIT, "a_backtrace_comes_if_it_is_asked_for");
    let process = process::options().backtrace().spawn(trouble, 0).unwrap();
    let TaskError::Panicked(panic) = process.join().unwrap_err() else { panic!("it panics") };
    let trace = panic.backtrace().expect("a backtrace");
    assert!(trace.contains("process_tasks"), "{trace}");
    assert!(format!("{panic:#}").contains(trace) && !format!("{panic}").contains(trace));
}

fn inside() {
    fn same_name() -> u64 {
        1
    }
    task!(same_name);
    assert!(matches!(process::spawn(same_name, ()), Err(SpawnError::TwoTasks { name: "process_tasks::same_name" })));
}

#[test]
fn what_cannot_be_spawned_is_told() {
    let _watchdog = Watchdog::new(LIMIT, "what_cannot_be_spawned_is_told");
    let long = process::options().max_args(10).spawn(join_words, ("123456789".into(), vec![], 1)).unwrap_err();
    assert_eq!(long.to_string(), "the arguments of a task take 12 bytes, and its `max_args` is 10");
    let unregistered = process::spawn(|| (), ()).unwrap_err();
    assert!(unregistered.to_string().ends_with("is no task: write `ipc_posix::task!` behind it"), "{unregistered}");
    let lost = process::options().program("/no/such/program").spawn(square, 3).unwrap_err();
    assert!(lost.to_string().starts_with("/no/such/program cannot be started: "), "{lost}");
    fn same_name() -> u64 {
        2
    }
    task!(same_name);
    assert!(matches!(process::spawn(same_name, ()), Err(SpawnError::TwoTasks { .. })));
    inside();
}

fn twice(_: u64) -> u64 {
    unreachable!("it runs in the other program")
}
task!(twice, name = "twice", schema = 2);

#[test]
fn another_program_runs_what_it_knows() {
    let _watchdog = Watchdog::new(LIMIT, "another_program_runs_what_it_knows");
    let other = process::options().program(env!("CARGO_BIN_EXE_other_program"));
    assert_eq!(other.spawn(twice, 21).unwrap().join().unwrap(), 42);
    let unknown = other.spawn(square, 3).unwrap().join().unwrap_err().to_string();
    let known = "other_program knows no task process_tasks::square of schema 0, but: twice (schema 2)";
    assert!(unknown.ends_with(known), "{unknown}");
    // It ends well, without a word about tasks.
    let never = process::options().program("true").spawn(square, 3).unwrap().join().unwrap_err();
    assert!(matches!(never, TaskError::NotBegun { code: 0, .. }), "{never}");
    assert!(never.to_string().contains("`ipc_posix::process::init()`"), "{never}");
    // A wrapper that hands its input on is no obstacle.
    let script = format!("#!/bin/sh\nexec {}\n", env!("CARGO_BIN_EXE_other_program"));
    let wrapper = std::env::temp_dir().join(TempName::new("wrapper").as_str());
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let wrapped = process::options().program(&wrapper).spawn(twice, 4).map(Process::join);
    std::fs::remove_file(&wrapper).unwrap();
    assert_eq!(wrapped.unwrap().unwrap(), 8);
}

#[test]
fn a_program_whose_input_is_another_one_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_other_program")).env("IPC_POSIX_TASK", "twice").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(101), 0));
    assert!(text.contains("this process was started for a task (IPC_POSIX_TASK is set), which cannot begin"), "{text}");
}

/// Ends by itself once the test has failed long ago.
fn wait() {
    std::thread::sleep(2 * LIMIT);
}
task!(wait);

#[test]
fn what_runs_is_ended() {
    let _watchdog = Watchdog::new(LIMIT, "what_runs_is_ended");
    for (signal, end) in [(15, Process::<()>::terminate as fn(&mut _) -> _), (9, Process::<()>::kill)] {
        let mut process = process::spawn(wait, ()).unwrap();
        assert!(process.is_alive());
        assert!(process.join_timeout(Duration::from_millis(20)).unwrap_err().is_timeout());
        assert!(process.join_deadline(Instant::now()).unwrap_err().is_timeout());
        assert_eq!(process.exit_status(), None);
        end(&mut process).unwrap();
        process.join_timeout(Duration::MAX).expect("it ends");
        assert_eq!(process.exit_status().and_then(|status| status.signal()), Some(signal));
        assert!(!process.is_alive());
        end(&mut process).unwrap();
        process.join_deadline(Instant::now()).expect("it has ended");
        let ended = process.join().unwrap_err();
        assert!(matches!(ended, TaskError::Killed { signal: told, .. } if told == signal), "{ended}");
    }
}

#[test]
fn a_process_goes_on_without_its_handle() {
    let _watchdog = Watchdog::new(LIMIT, "a_process_goes_on_without_its_handle");
    let region = Region::options().anonymous().unwrap();
    let numbers = region.queue("numbers").capacity(4).create().unwrap();
    drop(process::spawn(send_all, (numbers.clone(), 7..8)).unwrap());
    assert_eq!(numbers.recv().unwrap(), 7);
}

fn upper_case(connection: Descriptor) -> String {
    let mut connection = TcpStream::from(connection.into_inner());
    let mut text = [0; 5];
    connection.read_exact(&mut text).unwrap();
    connection.write_all(&text.to_ascii_uppercase()).unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}
task!(upper_case);

#[test]
fn a_connection_goes_to_a_process() {
    let _watchdog = Watchdog::new(LIMIT, "a_connection_goes_to_a_process");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let served = process::spawn(upper_case, listener.accept().unwrap().0.into()).unwrap();
    client.write_all(b"hello").unwrap();
    let mut text = String::new();
    // The end of the file comes when the process has ended: this one has no copy any more.
    client.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), served.join().unwrap().as_str()), ("HELLO", "hello"));
}

fn read_all(files: Vec<Descriptor>) -> Vec<String> {
    let read = |file: Descriptor| std::io::read_to_string(std::fs::File::from(file.into_inner())).unwrap();
    files.into_iter().map(read).collect()
}
task!(read_all);

#[test]
fn many_descriptors_keep_their_order() {
    let _watchdog = Watchdog::new(LIMIT, "many_descriptors_keep_their_order");
    let files = |count: usize| -> Vec<Descriptor> {
        let file = |number: usize| {
            let (reader, mut writer) = std::io::pipe().unwrap();
            write!(writer, "{number}").unwrap();
            Descriptor::from(reader)
        };
        (0..count).map(file).collect()
    };
    let texts = process::spawn(read_all, files(251)).unwrap().join().unwrap();
    assert!(texts.iter().enumerate().all(|(number, text)| *text == number.to_string()), "{texts:?}");
    let many = process::spawn(read_all, files(252)).unwrap_err();
    assert_eq!(many.to_string(), "the descriptors for a task: at most 251 go with arguments");
}

fn give_back(descriptor: Descriptor) -> Descriptor {
    descriptor
}
task!(give_back);

#[test]
fn descriptors_go_nowhere_else() {
    let _watchdog = Watchdog::new(LIMIT, "descriptors_go_nowhere_else");
    let input = || Descriptor::from(std::fs::File::open("/dev/null").unwrap());
    let region = Region::options().anonymous().unwrap();
    let queue: ValueQueue<Descriptor> = region.value_queue("queue").create().unwrap();
    assert!(queue.try_send(&input()).is_err());
    let back = process::spawn(give_back, input()).unwrap().join().unwrap_err();
    assert!(matches!(back, TaskError::Result { .. }), "{back}");
}

fn send_all(queue: Queue<u64>, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| queue.send(number).unwrap());
}
task!(send_all);

#[test]
fn a_queue_is_an_argument() {
    let _watchdog = Watchdog::new(LIMIT, "a_queue_is_an_argument");
    let name = TempName::new("argument");
    let (named, nameless) = (Region::create(name.as_str()).unwrap(), Region::options().anonymous().unwrap());
    for region in [&named, &nameless] {
        let queue = region.queue("numbers").capacity(4).create().unwrap();
        let senders = [0..50, 50..100].map(|numbers| process::spawn(send_all, (queue.clone(), numbers)).unwrap());
        let sum: u64 = (0..100).map(|_| queue.recv().unwrap()).sum();
        assert_eq!(sum, 4950);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
}

/// Counts in a region, and in a process of its own in another one.
fn count(first: Counter, second: Region, third: Option<Counter>) -> usize {
    first.fetch_add(1).unwrap();
    let inner = second.counter("second").open().unwrap();
    inner.fetch_add(10).unwrap();
    let Some(third) = third else { return second.participants().len() };
    process::spawn(count, (third, second, None)).unwrap().join().unwrap()
}
task!(count);

#[test]
fn regions_without_a_name_go_along() {
    let _watchdog = Watchdog::new(LIMIT, "regions_without_a_name_go_along");
    let [one, two] = [(); 2].map(|()| Region::options().anonymous().unwrap());
    let [first, third] = ["first", "third"].map(|name| one.counter(name).create().unwrap());
    let second = two.counter("second").create().unwrap();
    let seen = process::spawn(count, (first.clone(), two.clone(), Some(third.clone()))).unwrap().join().unwrap();
    // Grandchild, child and this process.
    assert_eq!(seen, 3);
    assert_eq!([&first, &second, &third].map(|counter| counter.load().unwrap()), [1, 20, 1]);
}

#[test]
fn an_argument_that_cannot_be_opened_is_named() {
    let _watchdog = Watchdog::new(LIMIT, "an_argument_that_cannot_be_opened_is_named");
    let name = TempName::new("removed");
    let queue = Region::create(name.as_str()).unwrap().queue("numbers").capacity(4).create().unwrap();
    Region::unlink(name.as_str()).unwrap();
    let removed = process::spawn(send_all, (queue, 0..1)).unwrap().join().unwrap_err().to_string();
    assert_eq!(
        removed,
        format!("the arguments could not be read: region \"{}\": not found in /dev/shm", name.as_str())
    );
}

thread_local! {
    static READS: Cell<u32> = const { Cell::new(0) };
}

/// Panics where it is read by another process, or written there.
#[derive(Debug)]
struct Trap;

impl Serialize for Trap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(process::task_name() != Some("trap in the result"), "written");
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READS.set(READS.get() + 1);
        assert!(process::task_name() != Some("trap in the arguments"), "read");
        <()>::deserialize(deserializer).map(|()| Trap)
    }
}

fn hand_on(trap: Trap) -> Trap {
    trap
}
task!(hand_on);

#[test]
fn panics_of_values_are_told() {
    let _watchdog = Watchdog::new(LIMIT, "panics_of_values_are_told");
    assert!(process::spawn(hand_on, Trap).unwrap().join().is_ok());
    assert!(READS.get() > 0);
    for (name, text) in [("trap in the arguments", ": read"), ("trap in the result", ": written")] {
        let error = process::options().name(name).spawn(hand_on, Trap).unwrap().join().unwrap_err();
        assert!(error.is_panic() && error.to_string().ends_with(text), "{error}");
    }
}

#[test]
fn errors_go_through_the_question_mark() {
    let _watchdog = Watchdog::new(LIMIT, "errors_go_through_the_question_mark");
    let run = |kind| -> Result<Vec<u8>, Error> {
        let mut process = process::options().max_result(200_000).spawn(trouble, kind)?;
        process.join_timeout(LIMIT)?;
        process.terminate()?;
        Ok(process.join()?)
    };
    assert_eq!(run(4).unwrap().len(), 100_000);
    assert!(matches!(run(1), Err(Error::Task(TaskError::Exited { code: 7, .. }))));
    assert!(matches!(process::spawn(|| (), ()).map_err(Error::from), Err(Error::Spawn(_))));
}
