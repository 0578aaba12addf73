//! Peers that do not keep to the rules: bits that are no value, and a process that scribbles over the whole region.

#![cfg(not(loom))]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{Fault, Queue, Region, TryRecvError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("scribble", scribble), ("work", work)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// From an object's start to its first slot's payload, see ipc-core's layout of a queue.
const FIRST_PAYLOAD: u64 = 768 + 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
#[repr(u32)]
enum Colour {
    Red = 1,
    Green = 2,
}

/// A message whose bits are no `T` is told of and gone; the next one arrives.
fn one_bad_message<T>(good: T, bad: &[u8])
where
    T: NoUninit + CheckedBitPattern + PartialEq + std::fmt::Debug,
{
    let name = TempName::new("bits");
    let region = Region::create(name.as_str()).unwrap();
    let queue: Queue<T> = region.queue("q").capacity(4).create().unwrap();
    queue.try_send(good).unwrap();
    queue.try_send(good).unwrap();
    let file = OpenOptions::new().write(true).open(name.path()).unwrap();
    file.write_all_at(bad, region.list()[0].offset + FIRST_PAYLOAD).unwrap();
    assert_eq!(queue.peek(), None);
    assert_eq!(queue.try_recv(), Err(TryRecvError::Fault(Fault::InvalidValue)));
    assert_eq!(queue.try_recv(), Ok(good));
    assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    queue.try_send(good).unwrap();
    assert_eq!(queue.recv(), Ok(good));
}

#[test]
fn bits_that_are_no_value() {
    one_bad_message(true, &[2]);
    one_bad_message('ä', &0xd800_u32.to_ne_bytes());
    one_bad_message(Colour::Green, &3_u32.to_ne_bytes());
    one_bad_message(Colour::Red, &0_u32.to_ne_bytes());
}

/// Writes numbers that look random to places that look random, mostly words that mean something, until it is killed.
fn scribble(args: &Args) {
    let file = OpenOptions::new().write(true).open(std::path::Path::new("/dev/shm").join(args.get("name"))).unwrap();
    let (first, end) = (args.number("first"), args.number("end"));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for written in 0_u64.. {
        if written == 100 {
            children::say("scribbling");
        }
        let at = first + next() % ((end - first) / 8) * 8;
        let word = match next() % 4 {
            0 => 0,
            1 => u64::MAX,
            2 => next(),
            // A little off something plausible.
            _ => ((next() % 64) << 12) | (next() % 16),
        };
        // Not below the region's header: that would be another kind of attack, on those who attach.
        file.write_all_at(&word.to_ne_bytes(), at).unwrap();
    }
}

/// Moves messages for as long as it is told to, whatever comes of it.
fn work(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let queue = region.queue::<[u64; 3]>("q").open().unwrap();
    children::say("working");
    let told = rounds(&queue, args.number("rounds"));
    children::say(&format!("worked {told}"));
}

/// Operations of every kind, none of which may panic or take for ever. How many told of a fault.
fn rounds(queue: &Queue<[u64; 3]>, rounds: u64) -> u64 {
    let soon = Duration::from_micros(200);
    let mut faults = 0;
    for round in 0..rounds {
        let fault = match round % 8 {
            0 => queue.try_send([round; 3]).is_err_and(|error| !error.is_full() && !error.is_closed()),
            1 | 2 => queue.try_recv().is_err_and(|error| matches!(error, TryRecvError::Fault(_))),
            3 => queue.send_timeout([round; 3], soon).is_err_and(|error| !error.is_timeout()),
            4 => queue.recv_timeout(soon).is_err_and(|error| !error.is_timeout()),
            5 => queue.force_send([round; 3]).is_err(),
            6 => queue.peek().is_some() && queue.len() > queue.capacity(),
            _ => queue.is_empty() && queue.is_full(),
        };
        faults += u64::from(fault);
    }
    faults
}

/// One process writes garbage over a queue and its region's tables; two honest ones work on it. They get errors and garbage,
/// and each call comes back.
#[test]
fn a_scribbling_peer() {
    let _watchdog = Watchdog::new(LIMIT, "a_scribbling_peer");
    const ROUNDS: u64 = 40_000;
    let mut told = 0;
    for _ in 0..3 {
        let name = TempName::new("scribble");
        let region = Region::options().size(1 << 16).participants(8).create(name.as_str()).unwrap();
        let queue = region.queue::<[u64; 3]>("q").capacity(16).create().unwrap();
        let object = region.list()[0];
        let rounds_text = ROUNDS.to_string();
        let mut worker = children::spawn("work", &[("name", name.as_str()), ("rounds", &rounds_text)]);
        worker.expect("working");
        let (first, end) = ((object.offset + 128).to_string(), (object.offset + object.length).to_string());
        let mut scribbler = children::spawn("scribble", &[("name", name.as_str()), ("first", &first), ("end", &end)]);
        scribbler.expect("scribbling");
        told += rounds(&queue, ROUNDS);
        let line = worker.hear();
        told += line.strip_prefix("worked ").unwrap().parse::<u64>().unwrap();
        assert!(worker.wait().success());
        scribbler.sigkill();
    }
    assert!(told > 0, "the scribbler was noticed");
}
