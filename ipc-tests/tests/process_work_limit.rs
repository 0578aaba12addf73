//! Time limits of leases between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{LeaseError, RecvTimeoutError, Region, WorkQueue};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
/// Of a lease.
const SHORT: Duration = Duration::from_millis(30);

const ROLES: &[Role] = &[("hold", hold), ("work", work)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> WorkQueue<u64> {
    Region::open(&args.get("name")).unwrap().work_queue("jobs").open().unwrap()
}

fn create(name: &TempName, attempts: u32, limit: Duration) -> WorkQueue<u64> {
    let region = Region::create(name.as_str()).unwrap();
    let wanted = region.work_queue("jobs").capacity(128).leases(16).attempts(attempts).lease_limit(limit);
    wanted.create().unwrap()
}

fn start(role: &str, name: &TempName) -> Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// Leases a job, and tells what becomes of it.
fn hold(args: &Args) {
    let queue = open(args);
    let lease = queue.recv().unwrap();
    children::say(&format!("{} {}", *lease, lease.attempt()));
    match &*children::hear() {
        "done" => {
            let told = lease.done().map_or_else(|error| error.to_string(), |()| "it is done".to_owned());
            children::say(&told);
        }
        _ => {
            drop(lease);
            children::say("dropped");
        }
    }
    let _ = children::hear();
}

const LATE: &str = "the time of the lease is over, and the job was taken over";

/// A stopped worker's job goes to another one when its time is over. When it goes on, it learns that it is late.
#[test]
fn a_stopped_worker_loses_its_job() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_worker_loses_its_job");
    for word in ["done", "drop"] {
        let name = TempName::new("stopped");
        let queue = create(&name, 0, SHORT);
        queue.send(7).unwrap();
        let mut worker = start("hold", &name);
        worker.expect("7 1");
        worker.sigstop();
        let lease = queue.recv().unwrap();
        assert_eq!((*lease, lease.attempt()), (7, 2));
        assert_eq!(lease.done(), Ok(()));
        queue.wait_idle().unwrap();
        worker.sigcont();
        worker.say(word);
        worker.expect(if word == "done" { LATE } else { "dropped" });
        // Nothing came of that.
        let stats = queue.stats();
        assert_eq!((stats.len, stats.leased, stats.dead, stats.sent), (0, 0, 0, 1));
    }
}

/// The last attempt of a worker that is stuck becomes a dead letter.
#[test]
fn a_stopped_worker_uses_an_attempt_up() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_worker_uses_an_attempt_up");
    let name = TempName::new("letter");
    let queue = create(&name, 1, SHORT);
    queue.send(7).unwrap();
    let mut worker = start("hold", &name);
    worker.expect("7 1");
    worker.sigstop();
    queue.wait_idle().unwrap();
    let letter = queue.recv_dead().unwrap();
    assert_eq!((*letter, letter.attempt()), (7, 1));
    letter.done().unwrap();
    worker.sigcont();
    worker.say("done");
    worker.expect(LATE);
}

/// A holder that is killed gives its job back at once, whatever the limit, and one that says that it is not stuck keeps it.
#[test]
fn deaths_and_renewals() {
    let _watchdog = Watchdog::new(LIMIT, "deaths_and_renewals");
    let name = TempName::new("killed");
    let queue = create(&name, 0, Duration::from_secs(3600));
    queue.send(7).unwrap();
    let mut worker = start("hold", &name);
    worker.expect("7 1");
    worker.sigkill();
    let lease = queue.recv().unwrap();
    assert_eq!((lease.attempt(), lease.renew(), lease.done()), (2, Ok(()), Ok(())));

    let region = Region::options().anonymous().unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(4).lease_limit(SHORT).create().unwrap();
    queue.send(8).unwrap();
    let lease = queue.recv().unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| queue.recv_timeout(SHORT * 10).map(|lease| lease.attempt()));
        while !other.is_finished() {
            // A slow machine may be late.
            if lease.renew().is_err() {
                break;
            }
        }
        match other.join().unwrap() {
            Err(error) => assert_eq!((error, lease.done()), (RecvTimeoutError::Timeout, Ok(()))),
            Ok(attempt) => assert_eq!((attempt, lease.done()), (2, Err(LeaseError::Expired))),
        }
    });
}

/// Does jobs until the end, and counts those that were its own to the end.
fn work(args: &Args) {
    let queue = open(args);
    let done = queue.region().counter("done").open().unwrap();
    children::say("going");
    for lease in &queue {
        match lease.done() {
            Ok(()) => _ = done.fetch_add(1).unwrap(),
            Err(error) => assert_eq!(error, LeaseError::Expired),
        }
    }
    children::say("end");
}

/// Workers that are stopped again and again, with a limit that they often miss: each job is done once, and none is left.
#[test]
fn each_job_is_done_once() {
    let _watchdog = Watchdog::new(LIMIT, "each_job_is_done_once");
    let name = TempName::new("once");
    let region = Region::options().size(1 << 20).create(name.as_str()).unwrap();
    let wanted = region.work_queue::<u64>("jobs").capacity(64).leases(8).attempts(0);
    let queue = wanted.lease_limit(Duration::from_millis(1)).create().unwrap();
    let done = region.counter("done").create().unwrap();
    let mut workers = [(); 3].map(|()| {
        let mut worker = start("work", &name);
        worker.expect("going");
        worker
    });
    for round in 0..60_u64 {
        let worker = &mut workers[round as usize % 3];
        (0..50).for_each(|job| queue.send(round * 50 + job).unwrap());
        worker.sigstop();
        (0..50).for_each(|job| queue.send(round * 50 + job).unwrap());
        queue.wait_idle().unwrap();
        worker.sigcont();
    }
    queue.close().unwrap();
    for worker in &mut workers {
        worker.expect("end");
    }
    assert_eq!(done.load().unwrap(), 6000);
    let stats = queue.stats();
    assert_eq!((stats.len, stats.leased, stats.dead, stats.sent), (0, 0, 0, 6000));
}

/// What is not possible is told with its numbers.
#[test]
fn what_is_not_possible() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.work_queue::<u64>("jobs").lease_limit(Duration::from_micros(1500)).create().unwrap();
    assert_eq!(queue.lease_limit(), Some(Duration::from_millis(2)));
    let message = |error: ipc_posix::ObjectError| error.to_string();
    let again = |limit| region.work_queue::<u64>("jobs").lease_limit(limit).open();
    assert!(again(Duration::from_millis(2)).is_ok() && region.work_queue::<u64>("jobs").open().is_ok());
    assert_eq!(
        message(again(Duration::ZERO).unwrap_err()),
        "work queue \"jobs\": lease limit in milliseconds 0 here, 2 in the region"
    );
    let most = Duration::from_millis(u32::MAX.into());
    let new = |limit| region.work_queue::<u64>("new").lease_limit(limit).create();
    assert_eq!(
        message(new(most + Duration::from_nanos(1)).unwrap_err()),
        "work queue \"new\": lease limit in milliseconds: 4294967296 is not possible, only 1 to 4294967295"
    );
    assert!(message(new(Duration::MAX).unwrap_err()).contains("is not possible"));
    assert_eq!(new(most).unwrap().lease_limit(), Some(most));
}
