//! Opening what is not there yet, and creating what is only named.

#![cfg(not(loom))]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ipc_posix::{ObjectErrorKind, Queue, Region, RegionErrorKind};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("early", early), ("creator", creator)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Waits for a region, then for a queue in it, then for a message.
fn early(args: &Args) {
    children::say("waiting");
    let region = Region::options().wait_open(&args.get("name")).unwrap();
    children::say("region");
    let queue: Queue<u64> = region.queue("jobs").wait_open().unwrap();
    children::say("queue");
    children::say(&queue.recv().unwrap().to_string());
}

/// Whether a thread of this process sleeps in this system call, as the kernel says.
fn sleeps_in(pid: u32, call: libc::c_long) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| match std::fs::read_to_string(task.path().join("syscall")) {
        Ok(line) => line.split(' ').next() == Some(call.to_string().as_str()),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{error}"),
    })
}

/// Processes that were started first wait for the region and for the queue, and all of them get on.
#[test]
fn early_processes_wait_for_both() {
    let _watchdog = Watchdog::new(LIMIT, "early_processes_wait_for_both");
    let name = TempName::new("early");
    let mut waiting = [(); 4].map(|()| children::spawn("early", &[("name", name.as_str())]));
    waiting.iter_mut().for_each(|child| child.expect("waiting"));
    let region = Region::create(name.as_str()).unwrap();
    for child in &mut waiting {
        child.expect("region");
        while !sleeps_in(child.pid(), libc::SYS_futex) {
            std::thread::yield_now();
        }
    }
    let queue: Queue<u64> = region.queue("jobs").capacity(8).create().unwrap();
    waiting.iter_mut().for_each(|child| child.expect("queue"));
    for number in 0..4 {
        queue.send(number).unwrap();
    }
    let mut got: Vec<u64> = waiting.iter_mut().map(|child| child.hear().parse().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3]);
    assert!(waiting.iter_mut().all(|child| child.wait().success()));
}

/// Creates queues one after the other, until it is killed. The region has room for those of all rounds, however late the kills come.
fn creator(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let first = args.number("first");
    for number in first..first + 400 {
        region.queue::<u64>(&format!("queue {number}")).capacity(1).create().unwrap();
        children::say(&number.to_string());
    }
    loop {
        std::thread::park();
    }
}

/// A creator is killed at some moment: who waits for the next object gets the one that a successor creates.
#[test]
fn a_killed_creator_keeps_nobody_waiting() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_creator_keeps_nobody_waiting");
    let name = TempName::new("killed");
    let region = Region::options().objects(8192).size(16 << 20).create(name.as_str()).unwrap();
    let mut first = 0;
    for round in 1..=20 {
        let mut child = children::spawn("creator", &[("name", name.as_str()), ("first", &first.to_string())]);
        for number in first..first + round {
            child.expect(&number.to_string());
        }
        child.sigkill();
        let missing = |number: &u64| region.queue::<u64>(&format!("queue {number}")).open().is_err();
        first = (first + round..).find(missing).unwrap();
        let wanted = format!("queue {first}");
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| region.queue::<u64>(&wanted).wait_open().unwrap().recv().unwrap());
            region.queue(&wanted).capacity(1).create().unwrap().send(round).unwrap();
            assert_eq!(waiter.join().unwrap(), round);
        });
        first += 1;
    }
}

/// What does not come in time is not found, and what differs is said at once.
#[test]
fn the_wait_ends() {
    let _watchdog = Watchdog::new(LIMIT, "the_wait_ends");
    let name = TempName::new("never");
    let short = Duration::from_millis(20);
    let begun = Instant::now();
    let error = Region::options().wait_open_timeout(name.as_str(), short).unwrap_err();
    assert!(error.is_not_found() && begun.elapsed() >= short, "{error}");
    let error = Region::options().wait_open_deadline(name.as_str(), Instant::now()).unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let error = Region::options().wait_open("no/name").unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::NameInvalid { .. }), "{error}");

    let region = Region::options().anonymous().unwrap();
    let begun = Instant::now();
    let error = region.mutex::<u64>("total").wait_open_timeout(short).unwrap_err();
    assert!(begun.elapsed() >= short);
    assert_eq!(error.to_string(), "mutex \"total\": not found in the region");
    let error = region.mutex::<u64>("total").wait_open_deadline(Instant::now()).unwrap_err();
    assert!(error.is_not_found(), "{error}");
    region.event("total").create().unwrap();
    let error = region.mutex::<u64>("total").wait_open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"total\": mutex here, event in the region");
    let error = region.mutex::<u64>("").wait_open().unwrap_err();
    assert!(matches!(error.kind(), ObjectErrorKind::Directory(_)), "{error}");
}

/// Without a capacity a queue has room for 1024 small messages or some 64 KiB, and an opener takes what it finds.
#[test]
fn a_queue_has_a_default_capacity() {
    let region = Region::options().size(16 << 20).anonymous().unwrap();
    assert_eq!(region.queue::<u64>("small").create().unwrap().capacity(), 1024);
    assert_eq!(region.queue::<()>("empty").create().unwrap().capacity(), 1024);
    assert_eq!(region.queue::<[u8; 1000]>("large").create().unwrap().capacity(), 65);
    assert_eq!(region.queue::<[u8; 100_000]>("huge").create().unwrap().capacity(), 16);
    assert_eq!(region.queue::<u64>("small").open().unwrap().capacity(), 1024);
    assert_eq!(region.queue::<u64>("small").open_or_create().unwrap().capacity(), 1024);
    let error = region.queue::<u64>("small").capacity(10).open().unwrap_err();
    assert_eq!(error.to_string(), "queue \"small\": capacity 10 here, 1024 in the region");
    assert_eq!(region.spsc::<u64>("spsc").create().unwrap().capacity(), 1024);
    assert_eq!(region.stack::<u64>("stack").create().unwrap().capacity(), 1024);
    assert_eq!(region.priority_queue::<i64, u64>("priority").create().unwrap().capacity(), 1024);
    assert_eq!(region.level_queue::<u64>("levels").levels(3).create().unwrap().capacity(), 1024);
    assert_eq!(region.work_queue::<u64>("work").create().unwrap().capacity(), 1024);
    assert_eq!(region.broadcast::<u64>("broadcast").create().unwrap().capacity(), 1024);
    assert_eq!(region.byte_queue("bytes").create().unwrap().capacity(), (64 << 10) - 8);
}

/// A byte queue for *n* messages of a length has room for them, and for one that is as long as all of them.
#[test]
fn a_byte_queue_has_room_for_its_messages() {
    let region = Region::options().size(16 << 20).anonymous().unwrap();
    for (count, len) in [(1, 1), (1, 8), (100, 0), (100, 80), (1000, 1000), (3, 12_345)] {
        let queue = region.byte_queue(&format!("{count} of {len}")).messages(count, len).create().unwrap();
        for _ in 0..count {
            queue.try_send(&vec![7; len]).unwrap();
        }
        for _ in 0..count {
            assert_eq!(queue.try_recv_vec().unwrap().len(), len);
        }
        queue.try_send(&vec![7; (count * len).min(queue.max_len())]).unwrap();
    }
}
