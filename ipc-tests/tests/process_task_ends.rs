//! Processes of tasks and their parents that end at any moment, and parents in which nothing is as usual: no orphan and no
//! zombie is left, no descriptor, and no wait goes on for ever.

#![cfg(all(not(loom), target_os = "linux"))]

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use ipc_posix::process::{self, Descriptor, Process, TaskError};
use ipc_posix::{Queue, Region, task};
use ipc_tests::children::{self, Args, Role};
use ipc_tests::watchdog::Watchdog;

/// Generous: a busy machine is no failure.
const LIMIT: Duration = Duration::from_secs(300);

const ROLES: &[Role] = &[("mother", mother), ("leaves", leaves), ("execs", execs)];

ipc_posix::task_entry!();

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

/// Ends by itself once the test has failed long ago.
fn wait() {
    std::thread::sleep(2 * LIMIT);
}
task!(wait);

/// Has a process that ends with it, and waits for it.
fn middle() {
    let inner = process::options().daemon().spawn(wait, ()).unwrap();
    let _ = inner.join();
}
task!(middle);

fn daemons() -> [Process<()>; 3] {
    let daemon = process::options().daemon();
    [daemon.spawn(wait, ()), daemon.spawn(middle, ()), daemon.spawn(wait, ())].map(|daemon| {
        children::say("another one");
        daemon.unwrap()
    })
}

fn mother(_: &Args) {
    let _daemons = daemons();
    wait();
}

fn leaves(_: &Args) {
    std::mem::forget(daemons());
}

fn execs(_: &Args) {
    std::mem::forget(daemons());
    // Longer than the test may take: its end is no part of the test.
    let error = Command::new("sleep").arg("1000").stdout(std::process::Stdio::null()).exec();
    panic!("{error}");
}

/// Everybody below has this pipe as the standard output. It ends when all of them are gone, wherever they were: before `main`, before
/// they had anything in a region.
#[test]
fn no_orphan_of_a_killed_parent_is_left() {
    let _watchdog = Watchdog::new(LIMIT, "no_orphan_of_a_killed_parent_is_left");
    for round in 0..200 {
        let mut parent = children::spawn("mother", &[]);
        // A varied moment: after a number of words, and some more time.
        (0..round % 4).for_each(|_| parent.expect("another one"));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(round * 97 % 6000) {
            std::hint::spin_loop();
        }
        parent.sigkill();
        while parent.try_hear().is_some() {}
    }
}

#[test]
fn no_daemon_outlives_a_parent_that_leaves() {
    let _watchdog = Watchdog::new(LIMIT, "no_daemon_outlives_a_parent_that_leaves");
    for role in ["leaves", "execs"] {
        let mut parent = children::spawn(role, &[]);
        while parent.try_hear().is_some() {}
    }
}

#[test]
fn a_join_returns_whenever_the_process_is_killed() {
    let _watchdog = Watchdog::new(LIMIT, "a_join_returns_whenever_the_process_is_killed");
    let (mut finished, mut killed) = (0, 0);
    for round in 0..200 {
        let mut process = process::spawn(square, round).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(round * 61 % 8000) {
            std::hint::spin_loop();
        }
        process.kill().unwrap();
        let pid = process.pid();
        match process.join() {
            Ok(result) => {
                assert_eq!(result, round * round);
                finished += 1;
            }
            Err(error) => {
                assert!(error.is_killed(), "{error}");
                killed += 1;
            }
        }
        assert!(!is_a_child(pid), "a zombie");
    }
    println!("{finished} were done before, {killed} were not");
    assert!(killed > 0);
}

/// Whether a child of this number has not been waited for.
fn is_a_child(pid: u32) -> bool {
    // SAFETY: all zeroes is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: room for the answer.
    unsafe { libc::waitid(libc::P_PID, pid, &mut info, how) == 0 }
}

/// Starts a program in its group that has this descriptor, and waits.
fn with_a_program(descriptor: Descriptor, started: Queue<u8>) {
    let output = std::process::Stdio::from(descriptor.into_inner());
    let mut program = Command::new("sleep").arg("1000").stdout(output).spawn().unwrap();
    started.send(1).unwrap();
    program.wait().unwrap();
}
task!(with_a_program);

#[test]
fn the_programs_of_a_process_end_with_it() {
    let _watchdog = Watchdog::new(LIMIT, "the_programs_of_a_process_end_with_it");
    for end in [Process::<()>::terminate as fn(&mut _) -> _, Process::<()>::kill] {
        let started = Region::options().anonymous().unwrap().queue("started").capacity(1).create().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut process = process::spawn(with_a_program, (writer.into(), started.clone())).unwrap();
        started.recv().unwrap();
        end(&mut process).unwrap();
        assert!(process.join().unwrap_err().is_killed());
        // The end of the pipe comes when the program is gone, too.
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
}

/// The numbers of this process's descriptors.
fn descriptors() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    // Without that of the directory itself.
    let open = entries.filter_map(|path| Some((path.clone(), std::fs::read_link(path).ok()?)));
    let open = open.filter(|(_, to)| !to.to_string_lossy().ends_with("/fd"));
    open.map(|(path, to)| format!("{} {}", path.display(), to.display())).collect()
}

/// Sees to it that no more descriptors than this are to be had.
fn limit_descriptors(most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: 4096 };
    // SAFETY: a valid limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Spawns with room for none, one, two and more further descriptors. Returns how often it could not be, and how often it could.
fn with_few_descriptors() -> [usize; 3] {
    let region = Region::options().anonymous().unwrap();
    let numbers = region.queue::<u8>("numbers").capacity(4).create().unwrap();
    // What is made once for each process is there already.
    process::options().daemon().spawn(hold, (numbers.clone(), None)).unwrap().join().unwrap();
    let before = descriptors();
    // The next free number.
    let next = std::fs::File::open("/dev/null").unwrap().as_raw_fd() as u64;
    let (mut refused, mut failed, mut done) = (0, 0, 0);
    for room in 0..24 {
        let file = std::fs::File::open("/dev/null").map(Descriptor::from).unwrap();
        limit_descriptors(next + room);
        let spawned = process::options().daemon().spawn(hold, (numbers.clone(), Some(file)));
        match spawned {
            // It has the same limit, and may not get along with it. It says so by its end.
            Ok(process) => match process.join() {
                Ok(()) => done += 1,
                Err(_) => failed += 1,
            },
            Err(error) => {
                assert!(error.to_string().contains("(os error "), "{error}");
                refused += 1;
            }
        }
        limit_descriptors(1024);
        assert_eq!(descriptors(), before);
        assert!(!has_children());
    }
    [refused, failed, done]
}
task!(with_few_descriptors);

fn hold(_queue: Queue<u8>, _file: Option<Descriptor>) {}
task!(hold);

fn has_children() -> bool {
    // SAFETY: all zeroes is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: room for the answer.
    unsafe { libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) == 0 }
}

#[test]
fn nothing_is_left_where_descriptors_are_few() {
    let _watchdog = Watchdog::new(LIMIT, "nothing_is_left_where_descriptors_are_few");
    let [refused, failed, done] = process::spawn(with_few_descriptors, ()).unwrap().join().unwrap();
    println!("{refused} were refused, {failed} did not begin, {done} were done");
    assert!(refused >= 5 && done >= 5, "{refused} {done}");
}

/// What a process has open beyond the standard streams.
fn open_files() -> Vec<String> {
    let standard = ["/proc/self/fd/0 ", "/proc/self/fd/1 ", "/proc/self/fd/2 "];
    descriptors().into_iter().filter(|open| !standard.iter().any(|begin| open.starts_with(begin))).collect()
}
task!(open_files);

#[test]
fn no_process_has_the_descriptors_of_another() {
    let _watchdog = Watchdog::new(LIMIT, "no_process_has_the_descriptors_of_another");
    // The region's alone. What this process was started with and has not closed on exec, every process has.
    let alone = process::spawn(open_files, ()).unwrap().join().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let (reader, _writer) = std::io::pipe().unwrap();
                    let other = process::spawn(hold_file, reader.into()).unwrap();
                    let open = process::spawn(open_files, ()).unwrap().join().unwrap();
                    assert_eq!(open.len(), alone.len(), "{open:#?}, not {alone:#?}");
                    other.join().unwrap();
                }
            });
        }
    });
}

/// What a process has open that was started by one that has got a descriptor.
fn files_below(_file: Descriptor) -> Vec<String> {
    process::spawn(open_files, ()).unwrap().join().unwrap()
}
task!(files_below);

#[test]
fn what_a_process_has_got_is_closed_in_those_that_it_starts() {
    let _watchdog = Watchdog::new(LIMIT, "what_a_process_has_got_is_closed_in_those_that_it_starts");
    let alone = process::spawn(open_files, ()).unwrap().join().unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    let below = process::options().daemon().spawn(files_below, reader.into()).unwrap().join().unwrap();
    assert_eq!(below.len(), alone.len(), "{below:#?}, not {alone:#?}");
}

fn hold_file(file: Descriptor) {
    drop(file);
}
task!(hold_file);

/// Has no standard streams, and no limit is kept for what takes their numbers.
fn without_streams() -> u64 {
    for stream in 0..3 {
        // SAFETY: nobody uses them in this process from now on.
        unsafe { libc::close(stream) };
    }
    let daemon = process::options().daemon().spawn(square, 3).unwrap();
    let files = process::spawn(open_files, ()).unwrap().join().unwrap();
    let of_ours = files.iter().filter(|file| file.contains("/memfd:") || file.contains(" socket:")).count();
    assert_eq!(of_ours, 1, "its region, of {files:?}");
    daemon.join().unwrap() + process::spawn(square, 4).unwrap().join().unwrap()
}
task!(without_streams);

#[test]
fn a_parent_may_have_no_standard_streams() {
    let _watchdog = Watchdog::new(LIMIT, "a_parent_may_have_no_standard_streams");
    let process = process::options().backtrace().spawn(without_streams, ()).unwrap();
    assert_eq!(process.join().unwrap(), 25);
}

/// Children leave nothing to wait for: the system does not keep how they end.
fn ignores_children() -> [String; 2] {
    // SAFETY: no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    without_exit_status()
}
task!(ignores_children);

/// Another thread waits for all children.
fn reaps_children() -> [String; 2] {
    std::thread::spawn(|| {
        loop {
            // SAFETY: no room is given for the status.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        }
    });
    without_exit_status()
}
task!(reaps_children);

fn without_exit_status() -> [String; 2] {
    for number in 0..20 {
        let mut process = process::spawn(square, number).unwrap();
        if number % 2 == 0 {
            process.join_timeout(LIMIT).unwrap();
            assert!(!process.is_alive());
        }
        assert_eq!(process.join().unwrap(), number * number);
    }
    let mut process = process::spawn(wait, ()).unwrap();
    assert!(process.join_timeout(Duration::from_millis(5)).is_err() && process.is_alive());
    process.kill().unwrap();
    process.join_timeout(LIMIT).unwrap();
    process.kill().unwrap();
    let status = format!("{:?}", process.exit_status());
    let error = process.join().unwrap_err();
    [status, if matches!(error, TaskError::Lost { .. }) { "lost".to_owned() } else { error.to_string() }]
}

#[test]
fn a_parent_may_leave_no_exit_status() {
    let _watchdog = Watchdog::new(LIMIT, "a_parent_may_leave_no_exit_status");
    let ignores = process::spawn(ignores_children, ()).unwrap().join().unwrap();
    assert_eq!(ignores, ["None", "lost"]);
    // The first to ask gets it.
    let [status, end] = process::spawn(reaps_children, ()).unwrap().join().unwrap();
    assert!(status == "None" && end == "lost" || end.ends_with("signal: 9 (SIGKILL)"), "{status} {end}");
}
