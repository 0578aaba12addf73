//! Work queues of bytes and of values between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{ByteWorkQueue, RecvValueError, Region, SendBytesError, TryRecvValueError, ValueWorkQueue};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(2);
/// Jobs of the long test.
const JOBS: u32 = 2000;

const ROLES: &[Role] = &[("hold", hold), ("hold_value", hold_value), ("work_through", work_through)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A job that is a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Task {
    Resize { name: String, sizes: Vec<u32> },
    Stop,
}

fn resize(name: &str) -> Task {
    Task::Resize { name: name.to_owned(), sizes: vec![640, 320] }
}

fn open(args: &Args) -> ByteWorkQueue {
    Region::open(&args.get("name")).unwrap().byte_work_queue("jobs").open().unwrap()
}

fn create(name: &TempName) -> ByteWorkQueue {
    let region = Region::create(name.as_str()).unwrap();
    region.byte_work_queue("jobs").capacity(16).max_len(1000).leases(8).attempts(0).create().unwrap()
}

fn start(role: &str, name: &TempName) -> Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// Leases a job, reads it, and keeps it.
fn hold(args: &Args) {
    let queue = open(args);
    let lease = queue.recv().unwrap();
    children::say(&format!("{} {}", lease.len(), lease.attempt()));
    let _ = children::hear();
    children::say(&String::from_utf8(lease.to_vec()).unwrap());
    let _ = children::hear();
}

/// A killed worker's job comes again whole, and while it is held its block is not written, however many jobs go by.
#[test]
fn a_worker_is_killed_with_its_bytes() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_is_killed_with_its_bytes");
    let name = TempName::new("bytes-killed");
    let queue = create(&name);
    queue.send_parts(&[b"resize ", b"cat.png"]).unwrap();
    let mut worker = start("hold", &name);
    worker.expect("14 1");
    for round in 0..200_u8 {
        queue.send(&vec![round; usize::from(round) * 5]).unwrap();
        let lease = queue.recv().unwrap();
        assert!(*lease == *vec![round; usize::from(round) * 5] && lease.attempt() == 1);
        lease.done().unwrap();
    }
    worker.say("read");
    worker.expect("resize cat.png");
    worker.sigkill();
    let lease = queue.recv().unwrap();
    assert_eq!((&*lease, lease.attempt()), (&b"resize cat.png"[..], 2));
    lease.done().unwrap();
    queue.wait_idle().unwrap();
}

/// Lengths from nothing to the limit go through; more is refused, and openers must agree on the limit.
#[test]
fn lengths_have_a_limit() {
    let name = TempName::new("bytes-lengths");
    let queue = create(&name);
    for len in [0, 1, 63, 64, 65, 1000] {
        let job: Vec<u8> = (0..len).map(|at| at as u8).collect();
        queue.send(&job).unwrap();
        let lease = queue.recv().unwrap();
        assert_eq!((&*lease, lease.to_vec()), (&job[..], job.clone()));
        lease.done().unwrap();
    }
    assert_eq!(queue.send(&[0; 1001]), Err(SendBytesError::TooLong { len: 1001, max: 1000 }));
    assert!(queue.try_send_parts(&[&[0; 500], &[0; 501]]).is_err_and(|error| error.is_too_long()));
    let again = |len| queue.region().byte_work_queue("jobs").max_len(len).open();
    assert!(again(1000).is_ok());
    let text = again(999).unwrap_err().to_string();
    assert_eq!(text, "byte work queue \"jobs\": maximum length 999 here, 1000 in the region");
    let by_default = queue.region().byte_work_queue("other").create().unwrap();
    assert_eq!((by_default.max_len(), by_default.capacity()), (1024, 64));
    let as_values = queue.region().value_work_queue::<Task>("jobs").self_describing().open().unwrap_err();
    assert_eq!(as_values.to_string(), "byte work queue \"jobs\": format CBOR here, postcard in the region");
}

fn hold_value(args: &Args) {
    let queue = Region::open(&args.get("name")).unwrap().value_work_queue::<Task>("tasks").open().unwrap();
    let lease = queue.recv().unwrap();
    assert_eq!((&*lease, lease.attempt()), (&resize("cat"), 1));
    children::say("held");
    let _ = children::hear();
}

/// A killed worker's value comes again; what is no value of the type is dropped with an error of its own.
#[test]
fn a_worker_is_killed_with_its_value() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_is_killed_with_its_value");
    let name = TempName::new("values-killed");
    let region = Region::create(name.as_str()).unwrap();
    let queue: ValueWorkQueue<Task> = region.value_work_queue("tasks").capacity(4).max_len(100).create().unwrap();
    queue.send(&resize("cat")).unwrap();
    let mut worker = start("hold_value", &name);
    worker.expect("held");
    worker.sigkill();
    let lease = queue.recv().unwrap();
    assert_eq!((&*lease, lease.attempt(), lease.is_dead_letter()), (&resize("cat"), 2, false));
    drop(lease);
    drop(queue.recv().unwrap());
    assert!(queue.try_recv().is_err_and(|error| error.is_empty()));
    let letter = queue.try_recv_dead().unwrap();
    assert_eq!((&*letter, letter.attempt(), letter.is_dead_letter()), (&resize("cat"), 3, true));
    letter.done().unwrap();
    assert!(queue.send(&resize(&"x".repeat(100))).is_err_and(|error| error.is_too_long()));
    // No variant has this number.
    queue.bytes().send(&[9]).unwrap();
    queue.bytes().send(&[9]).unwrap();
    queue.send(&Task::Stop).unwrap();
    assert!(matches!(queue.recv().map(drop), Err(RecvValueError::Value(_))));
    assert!(matches!(queue.try_recv().map(drop), Err(TryRecvValueError::Value(_))));
    queue.recv_timeout(SHORT).unwrap().done().unwrap();
    assert_eq!(queue.wait_idle_timeout(SHORT), Ok(()));
    queue.close().unwrap();
    let mut left = queue.iter();
    assert!(left.next().is_none() && left.end().is_some_and(|error| error.is_closed()));
}

/// Does jobs until the queue is closed, and says which.
fn work_through(args: &Args) {
    let queue = open(args);
    for lease in &queue {
        let number = u32::from_ne_bytes(lease[..4].try_into().unwrap());
        assert!(lease[4..].iter().all(|byte| *byte == number as u8));
        children::say(&number.to_string());
        lease.done().unwrap();
    }
}

/// All that a process has said, until its end.
fn numbers(child: &mut Child) -> Vec<u32> {
    std::iter::from_fn(|| child.try_hear()).map(|line| line.parse().unwrap()).collect()
}

/// Workers that are killed at random lose no job, and what they read is whole.
#[test]
fn workers_are_killed_at_random() {
    let _watchdog = Watchdog::new(LIMIT, "workers_are_killed_at_random");
    let name = TempName::new("bytes-random");
    let queue = create(&name);
    let mut workers: Vec<Child> = (0..3).map(|_| start("work_through", &name)).collect();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..JOBS {
        let rest = vec![number as u8; number as usize % 900];
        queue.send_parts(&[&number.to_ne_bytes(), &rest]).unwrap();
        if number % 200 == 100 {
            let place = number as usize / 200 % 3;
            let mut victim = std::mem::replace(&mut workers[place], start("work_through", &name));
            victim.sigkill();
            seen.extend(numbers(&mut victim));
        }
    }
    queue.close().unwrap();
    queue.wait_idle().unwrap();
    for mut worker in workers {
        seen.extend(numbers(&mut worker));
        assert!(worker.wait().success());
    }
    // A victim says a number before it is done with the job, so all of them were said.
    assert_eq!(seen.len(), JOBS as usize);
}
