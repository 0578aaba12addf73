//! Dead letters between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{RecvError, RecvTimeoutError, Region, TryRecvError, ValueWorkQueue, WorkQueue};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(2);

const ROLES: &[Role] = &[("hold", hold), ("hold_letter", hold_letter), ("report", report)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> WorkQueue<u64> {
    Region::open(&args.get("name")).unwrap().work_queue("jobs").open().unwrap()
}

fn create(name: &TempName, attempts: u32) -> WorkQueue<u64> {
    let region = Region::create(name.as_str()).unwrap();
    region.work_queue("jobs").capacity(16).leases(16).attempts(attempts).create().unwrap()
}

fn start(role: &str, name: &TempName) -> Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// Leases a job and keeps it.
fn hold(args: &Args) {
    let queue = open(args);
    let lease = queue.recv().unwrap();
    children::say(&lease.to_string());
    let _ = children::hear();
    lease.done().unwrap();
    children::say("done");
    let _ = children::hear();
}

/// Leases a dead letter and keeps it.
fn hold_letter(args: &Args) {
    let queue = open(args);
    let letter = queue.recv_dead().unwrap();
    children::say(&letter.to_string());
    let _ = children::hear();
}

/// Reports dead letters until the end.
fn report(args: &Args) {
    let queue = open(args);
    children::say("going");
    let end = loop {
        match queue.recv_dead() {
            Ok(letter) => {
                children::say(&letter.to_string());
                letter.done().unwrap();
            }
            Err(error) => break error,
        }
    };
    assert_eq!(end, RecvError::Closed);
    children::say("end");
}

/// A process that waits for dead letters gets those of workers that are killed, and the end when no worker can fail any more.
#[test]
fn workers_are_killed_beside_one_who_waits_for_letters() {
    let _watchdog = Watchdog::new(LIMIT, "workers_are_killed_beside_one_who_waits_for_letters");
    let name = TempName::new("reported");
    let queue = create(&name, 1);
    let mut reporter = start("report", &name);
    reporter.expect("going");
    for number in 1..=3 {
        queue.send(number).unwrap();
        let mut worker = start("hold", &name);
        worker.expect(&number.to_string());
        worker.sigkill();
        reporter.expect(&number.to_string());
    }
    // Two have the last jobs: one is done, and the other fails behind the end of sends.
    queue.send(4).unwrap();
    queue.send(5).unwrap();
    let mut workers = [4, 5].map(|number| {
        let mut worker = start("hold", &name);
        worker.expect(&number.to_string());
        worker
    });
    queue.close().unwrap();
    workers[0].say("go on");
    workers[0].expect("done");
    workers[1].sigkill();
    reporter.expect("5");
    reporter.expect("end");
    assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Closed));
}

/// A killed process's dead letter comes again to one who waits, and waiting neither takes part in the work nor ends before it.
#[test]
fn a_letter_comes_back_from_the_dead() {
    let _watchdog = Watchdog::new(LIMIT, "a_letter_comes_back_from_the_dead");
    let name = TempName::new("letters");
    let queue = create(&name, 1);
    assert_eq!(queue.recv_dead_timeout(SHORT).map(drop), Err(RecvTimeoutError::Timeout));
    queue.send(7).unwrap();
    assert_eq!(queue.recv_dead_timeout(SHORT).map(drop), Err(RecvTimeoutError::Timeout));
    drop(queue.recv().unwrap());
    let mut holder = start("hold_letter", &name);
    holder.expect("7");
    queue.close().unwrap();
    // It may be given back.
    assert_eq!(queue.recv_dead_timeout(SHORT).map(drop), Err(RecvTimeoutError::Timeout));
    assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Empty));
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let letter = queue.recv_dead().unwrap();
            let got = (*letter, letter.attempt());
            letter.done().unwrap();
            (got, queue.recv_dead().map(drop))
        })
    };
    holder.sigkill();
    assert_eq!(waiting.join().unwrap(), ((7, 1), Err(RecvError::Closed)));
    assert_eq!(queue.recv_dead_timeout(SHORT).map(drop), Err(RecvTimeoutError::Closed));
}

/// Jobs of bytes, and of values, are received as dead letters in the same way.
#[test]
fn letters_of_bytes_and_values() {
    let region = Region::options().anonymous().unwrap();
    let bytes = region.byte_work_queue("bytes").capacity(2).max_len(8).attempts(1).create().unwrap();
    assert!(bytes.recv_dead_timeout(SHORT).unwrap_err().is_timeout());
    bytes.send(b"a").unwrap();
    drop(bytes.recv().unwrap());
    let letter = bytes.recv_dead().unwrap();
    assert_eq!((&*letter, letter.is_dead_letter()), (&b"a"[..], true));
    letter.done().unwrap();
    bytes.close().unwrap();
    assert!(bytes.recv_dead().unwrap_err().is_closed() && bytes.try_recv_dead().unwrap_err().is_closed());

    let values: ValueWorkQueue<String> =
        region.value_work_queue("values").capacity(2).max_len(20).attempts(1).create().unwrap();
    assert!(values.recv_dead_timeout(SHORT).unwrap_err().is_timeout());
    values.send(&"b".to_owned()).unwrap();
    drop(values.recv().unwrap());
    let letter = values.recv_dead().unwrap();
    assert_eq!((&**letter, letter.is_dead_letter()), ("b", true));
    letter.done().unwrap();
    values.close().unwrap();
    assert!(values.recv_dead().unwrap_err().is_closed() && values.try_recv_dead().unwrap_err().is_closed());
}
