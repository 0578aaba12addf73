//! A duplex without a name: one end is kept, the other goes to another process as a descriptor.

#![cfg(all(not(loom), target_os = "linux"))]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use ipc_posix::{
    DuplexClaimErrorKind, Error, RecvError, Region, duplex_from_fd, duplex_pair, value_duplex_from_fd,
    value_duplex_pair,
};
use ipc_tests::children::{self, Args, Child, Role};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("shouts", shouts), ("squares", squares), ("splits", splits)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Starts a child that inherits the descriptor.
fn spawn(role: &str, fd: &OwnedFd) -> Child {
    // SAFETY: an open descriptor, whose only flag is close-on-exec.
    assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }, 0);
    children::spawn(role, &[("fd", &fd.as_raw_fd().to_string())])
}

fn own(args: &Args) -> OwnedFd {
    // SAFETY: the process that started us left this descriptor open for us, and nobody else here owns it.
    unsafe { OwnedFd::from_raw_fd(args.number("fd") as RawFd) }
}

/// Answers each line in capitals.
fn shouts(args: &Args) {
    let (mut answers, lines) = duplex_from_fd::<u8, u8>(own(args)).unwrap().split();
    for line in BufReader::new(lines).lines() {
        writeln!(answers, "{}", line.unwrap().to_uppercase()).unwrap();
    }
    children::say("end of file");
}

#[test]
fn lines_go_both_ways_without_a_name() {
    let _watchdog = Watchdog::new(LIMIT, "lines_go_both_ways_without_a_name");
    let (stream, fd) = duplex_pair::<u8, u8>(64).unwrap();
    let mut child = spawn("shouts", &fd);
    drop(fd);
    let (mut lines, answers) = stream.split();
    let mut answers = BufReader::new(answers).lines();
    for number in 0..100 {
        writeln!(lines, "line {number}").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), format!("LINE {number}"));
    }
    drop(lines);
    child.expect("end of file");
    assert!(answers.next().is_none());
    assert!(child.wait().success());
}

/// Answers numbers with their squares, for ever.
fn squares(args: &Args) {
    let mut end = duplex_from_fd::<u32, u64>(own(args)).unwrap();
    children::say("here");
    while let Ok(number) = end.recv() {
        end.send(u64::from(number).pow(2)).unwrap();
    }
}

/// A killed child is the end of the stream behind all that it sent, and nobody takes its place in the session.
#[test]
fn a_killed_child_is_the_end_of_the_stream() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_child_is_the_end_of_the_stream");
    for round in 0..10 {
        let (mut end, fd) = duplex_pair::<u32, u64>(8).unwrap();
        let mut child = spawn("squares", &fd);
        child.expect("here");
        for number in 0..round {
            end.send(number).unwrap();
            assert_eq!(end.recv(), Ok(u64::from(number).pow(2)));
        }
        child.sigkill();
        assert_eq!(end.recv(), Err(RecvError::Disconnected));
        assert!(end.send(1).is_err() && end.peer_died());
        let Err(Error::ClaimDuplex(late)) = duplex_from_fd::<u32, u64>(&fd) else { panic!("a second holder") };
        assert!(matches!(late.kind(), DuplexClaimErrorKind::Unfinished { .. }), "{late}");
    }
}

#[test]
fn the_other_end_is_one() {
    let (mut end, fd) = duplex_pair::<u8, u8>(16).unwrap();
    end.write_all(b"before you came").unwrap();
    let mut other = duplex_from_fd::<u8, u8>(&fd).unwrap();
    let Err(Error::ClaimDuplex(second)) = duplex_from_fd::<u8, u8>(&fd) else { panic!("one end, two holders") };
    assert!(matches!(second.kind(), DuplexClaimErrorKind::Held { .. }), "{second}");
    drop(end);
    let mut text = String::new();
    other.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before you came");
    assert_eq!(other.write(b"too late").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn other_descriptors_are_refused() {
    let (_end, fd) = duplex_pair::<u32, u64>(16).unwrap();
    let swapped = duplex_from_fd::<u64, u32>(&fd).unwrap_err().to_string();
    assert!(swapped.contains("\"pair\": type (u64, u32) here, (u32, u64) in the region"), "{swapped}");
    let region = Region::options().anonymous().unwrap();
    let empty = duplex_from_fd::<u32, u64>(region.try_clone_fd().unwrap()).unwrap_err().to_string();
    assert!(empty.contains("\"pair\": not found in the region"), "{empty}");
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(matches!(duplex_from_fd::<u32, u64>(&null), Err(Error::Region(_))));
    assert!(duplex_pair::<u64, u64>(usize::MAX).is_err());
}

/// Answers each line with its words.
fn splits(args: &Args) {
    let mut end = value_duplex_from_fd::<String, Vec<String>>(own(args)).unwrap();
    while let Ok(line) = end.recv() {
        end.send(&line.split(' ').map(str::to_owned).collect()).unwrap();
    }
    children::say("end of file");
}

#[test]
fn values_go_both_ways_without_a_name() {
    let _watchdog = Watchdog::new(LIMIT, "values_go_both_ways_without_a_name");
    let (mut end, fd) = value_duplex_pair::<String, Vec<String>>(32).unwrap();
    let mut child = spawn("splits", &fd);
    drop(fd);
    for number in 0..100 {
        let words = vec![format!("word{number}"); number % 20 + 1];
        end.send(&words.join(" ")).unwrap();
        assert_eq!(end.recv().unwrap(), words);
    }
    drop(end);
    child.expect("end of file");
    assert!(child.wait().success());
    assert!(value_duplex_pair::<u8, u8>(usize::MAX).is_err());
}
