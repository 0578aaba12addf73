//! Work queues between separately started programs.

#![cfg(not(loom))]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ipc_posix::{Fault, LeaseError, RecvError, RecvTimeoutError, Region, TryRecvError, WaitTimeoutError, WorkQueue};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(2);

const ROLES: &[Role] = &[
    ("hold", hold),
    ("work", work),
    ("panic_once", panic_once),
    ("work_through", work_through),
    ("wait_idle", wait_idle),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> WorkQueue<u64> {
    Region::open(&args.get("name")).unwrap().work_queue("jobs").open().unwrap()
}

fn create(name: &TempName, attempts: u32) -> WorkQueue<u64> {
    let region = Region::create(name.as_str()).unwrap();
    region.work_queue("jobs").capacity(128).leases(16).attempts(attempts).create().unwrap()
}

fn start(role: &str, name: &TempName) -> Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// Leases a job and keeps it.
fn hold(args: &Args) {
    let queue = open(args);
    let lease = queue.recv().unwrap();
    children::say(&format!("{} {}", *lease, lease.attempt()));
    let _ = children::hear();
    lease.done().unwrap();
    children::say("done");
    let _ = children::hear();
}

/// A killed worker's job comes again at once, to a receiver that waits, with the attempt counted.
#[test]
fn a_worker_is_killed_with_its_job() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_is_killed_with_its_job");
    let name = TempName::new("killed");
    let queue = create(&name, 0);
    queue.send(7).unwrap();
    for attempt in 1..=5 {
        let mut worker = start("hold", &name);
        worker.expect(&format!("7 {attempt}"));
        let waiting = {
            let queue = queue.clone();
            // It waits for the job of a process that lives.
            std::thread::spawn(move || queue.recv().map(|lease| lease.attempt()))
        };
        assert!(!queue.is_idle());
        worker.sigkill();
        // The thread drops it, so that is an attempt, too.
        assert_eq!(waiting.join().unwrap(), Ok(attempt + 1));
        let lease = queue.recv().unwrap();
        assert_eq!(lease.attempt(), attempt + 2);
        lease.done().unwrap();
        queue.wait_idle().unwrap();
        queue.send(7).unwrap();
        // The next round begins with as many attempts.
        (0..attempt).for_each(|_| drop(queue.recv().unwrap()));
    }
}

/// A stopped worker keeps its job: nobody else gets it, however long they wait, and it is done when the worker goes on.
#[test]
fn a_stopped_worker_keeps_its_job() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_worker_keeps_its_job");
    let name = TempName::new("stopped");
    let queue = create(&name, 3);
    queue.send(1).unwrap();
    let mut worker = start("hold", &name);
    worker.expect("1 1");
    worker.sigstop();
    assert_eq!(queue.recv_timeout(Duration::from_millis(100)).map(drop), Err(RecvTimeoutError::Timeout));
    assert_eq!(queue.wait_idle_timeout(Duration::from_millis(50)), Err(WaitTimeoutError::Timeout));
    // Others go on.
    for number in 0..200 {
        queue.send(number).unwrap();
        let lease = queue.recv().unwrap();
        assert_eq!((*lease, lease.attempt()), (number, 1));
        lease.done().unwrap();
    }
    assert_eq!(queue.stats().leased, 1);
    worker.sigcont();
    worker.say("go on");
    worker.expect("done");
    queue.wait_idle().unwrap();
    worker.sigkill();
    assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Empty));
}

/// Panics with a job in hand, catches that, and then does the job.
fn panic_once(args: &Args) {
    let queue = open(args);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let lease = queue.recv().unwrap();
        assert_eq!(lease.attempt(), 1);
        std::panic::resume_unwind(Box::new("on the way"));
    }));
    assert!(panicked.is_err());
    fn early(queue: &WorkQueue<u64>) -> Result<(), Box<dyn std::error::Error>> {
        let lease = queue.recv()?;
        assert_eq!(lease.attempt(), 2);
        "not a number".parse::<u64>()?;
        Ok(lease.done()?)
    }
    assert!(early(&queue).is_err());
    let lease = queue.recv().unwrap();
    assert_eq!((*lease, lease.attempt()), (5, 3));
    lease.done().unwrap();
}

/// A panic and an early return with `?` give the job back at once.
#[test]
fn panics_and_early_returns_give_back() {
    let _watchdog = Watchdog::new(LIMIT, "panics_and_early_returns_give_back");
    let name = TempName::new("panics");
    let queue = create(&name, 4);
    queue.send(5).unwrap();
    assert!(start("panic_once", &name).wait().success());
    queue.wait_idle_timeout(SHORT).unwrap();
    assert_eq!(queue.stats().dead, 0);
}

/// A job that kills each of its workers becomes a dead letter after three of them, and then all is done.
#[test]
fn attempts_are_used_up() {
    let _watchdog = Watchdog::new(LIMIT, "attempts_are_used_up");
    let name = TempName::new("poison");
    let queue = create(&name, 3);
    queue.send(13).unwrap();
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || queue.wait_idle())
    };
    for attempt in 1..=3 {
        let mut worker = start("hold", &name);
        worker.expect(&format!("13 {attempt}"));
        worker.sigkill();
    }
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Empty));
    assert_eq!(queue.stats().dead, 1);
    let letter = queue.try_recv_dead().unwrap();
    assert_eq!((*letter, letter.attempt(), letter.is_dead_letter()), (13, 3, true));
    letter.done().unwrap();
    assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Empty));
    assert_eq!(queue.stats().dead, 0);
}

/// Does jobs until the end, and counts each.
fn work(args: &Args) {
    let queue = open(args);
    let counts: Vec<_> = (0..100).map(|job| queue.region().counter(&format!("done {job}")).open().unwrap()).collect();
    children::say("going");
    for lease in &queue {
        // A count that is followed by a death before `done` is one too many: at least once.
        counts[*lease as usize].fetch_add(1).unwrap();
        std::thread::sleep(Duration::from_micros(300));
        lease.done().unwrap();
    }
    children::say("end");
}

/// A hundred jobs, and four workers that are killed at random and replaced: each job is done, none more often than workers died with it, and
/// nothing is left.
#[test]
fn a_hundred_jobs_and_workers_that_die() {
    let _watchdog = Watchdog::new(LIMIT, "a_hundred_jobs_and_workers_that_die");
    let name = TempName::new("hundred");
    let region = Region::options().objects(128).size(1 << 20).create(name.as_str()).unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(16).leases(8).attempts(0).create().unwrap();
    let counts: Vec<_> = (0..100).map(|job| region.counter(&format!("done {job}")).create().unwrap()).collect();
    let mut dice = Dice::new(7);
    let going = || {
        let mut worker = start("work", &name);
        worker.expect("going");
        worker
    };
    let mut workers: Vec<Child> = (0..4).map(|_| going()).collect();
    let mut killed = 0;
    for job in 0..100 {
        queue.send(job).unwrap();
        if job % 4 == 3 {
            let victim = dice.below(4) as usize;
            workers[victim].sigkill();
            workers[victim] = going();
            killed += 1;
        }
    }
    queue.wait_idle().unwrap();
    let mut more = 0;
    for (job, count) in counts.iter().enumerate() {
        let count = count.load().unwrap();
        assert!(count >= 1, "job {job} was not done");
        more += count - 1;
    }
    assert!(more <= killed, "{more} jobs were begun again after {killed} deaths");
    let stats = queue.stats();
    assert_eq!((stats.len, stats.leased, stats.dead, stats.sent), (0, 0, 0, 100));
    queue.close().unwrap();
    for worker in &mut workers {
        worker.expect("end");
    }
}

/// Leases a job, sends two more of half its size, and is done; until the end.
fn work_through(args: &Args) {
    let queue = open(args);
    children::say("going");
    for lease in &queue {
        let half = *lease / 2;
        if half > 0 {
            queue.try_send(half).unwrap();
            queue.try_send(half).unwrap();
        }
        lease.done().unwrap();
    }
}

/// The end comes when the jobs are done that were made of jobs, and not before.
#[test]
fn jobs_that_make_jobs() {
    let _watchdog = Watchdog::new(LIMIT, "jobs_that_make_jobs");
    let name = TempName::new("tree");
    let queue = create(&name, 3);
    let mut workers = [(); 3].map(|()| start("work_through", &name));
    workers.iter_mut().for_each(|worker| worker.expect("going"));
    for round in 1..=20 {
        queue.send(32).unwrap();
        queue.wait_idle().unwrap();
        // 1 + 2 + 4 + ... + 32.
        assert_eq!((queue.stats().sent, queue.is_empty()), (63 * round, true));
    }
    queue.close().unwrap();
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
}

fn wait_idle(args: &Args) {
    let queue = open(args);
    children::say("waiting");
    queue.wait_idle().unwrap();
    children::say("idle");
    let _ = children::hear();
}

/// Workers die beside a process that waits for the end: it returns when the survivors have done the last job, and not before.
#[test]
fn waiting_for_the_end_with_deaths() {
    let _watchdog = Watchdog::new(LIMIT, "waiting_for_the_end_with_deaths");
    let name = TempName::new("end");
    let queue = create(&name, 0);
    for number in 0..4 {
        queue.send(number).unwrap();
    }
    let mut holders = [0, 1, 2, 3].map(|number| {
        let mut holder = start("hold", &name);
        holder.expect(&format!("{number} 1"));
        holder
    });
    let mut waiter = start("wait_idle", &name);
    waiter.expect("waiting");
    holders[0].say("go on");
    holders[0].expect("done");
    holders[1].sigkill();
    holders[2].sigkill();
    let mut again = BTreeMap::new();
    for _ in 0..2 {
        let lease = queue.recv().unwrap();
        again.insert(*lease, lease.attempt());
        lease.done().unwrap();
    }
    assert_eq!(again, BTreeMap::from([(1, 2), (2, 2)]));
    assert_eq!(queue.wait_idle_timeout(SHORT), Err(WaitTimeoutError::Timeout));
    holders[3].say("go on");
    holders[3].expect("done");
    waiter.expect("idle");
}

/// A closed queue ends for its receivers only when a colleague's job cannot come back any more.
#[test]
fn closed_while_a_worker_has_a_job() {
    let _watchdog = Watchdog::new(LIMIT, "closed_while_a_worker_has_a_job");
    let name = TempName::new("closed");
    let queue = create(&name, 3);
    queue.send(1).unwrap();
    let mut worker = start("hold", &name);
    worker.expect("1 1");
    queue.close().unwrap();
    assert!(queue.send(2).unwrap_err().is_closed());
    assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Empty));
    assert_eq!(queue.recv_timeout(SHORT).map(drop), Err(RecvTimeoutError::Timeout));
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let lease = queue.recv().unwrap();
            assert_eq!((*lease, lease.attempt()), (1, 2));
            lease.done().unwrap();
            queue.recv().map(drop)
        })
    };
    worker.sigkill();
    assert_eq!(waiting.join().unwrap(), Err(RecvError::Closed));
    assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Closed));
}

/// A backlog keeps receivers from sleeping; a dead worker's job comes back all the same.
#[test]
fn a_death_is_noticed_though_jobs_never_end() {
    let _watchdog = Watchdog::new(LIMIT, "a_death_is_noticed_though_jobs_never_end");
    let name = TempName::new("busy");
    let queue = create(&name, 3);
    queue.send(u64::MAX).unwrap();
    let mut worker = start("hold", &name);
    worker.expect(&format!("{} 1", u64::MAX));
    (0..100).for_each(|number| queue.send(number).unwrap());
    worker.sigkill();
    let mut number = 100;
    loop {
        let lease = queue.recv().unwrap();
        if *lease == u64::MAX {
            assert_eq!(lease.attempt(), 2);
            return lease.done().unwrap();
        }
        lease.done().unwrap();
        // So there are always a hundred.
        queue.send(number).unwrap();
        number += 1;
    }
}

/// In a forked child a lease does nothing, and its drop does not give the job back.
#[test]
fn a_lease_that_came_through_a_fork() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(2).create().unwrap();
    queue.send(1).unwrap();
    let lease = queue.recv().unwrap();
    assert!(children::holds_after_fork(|| {
        // SAFETY: the child is a copy of its own, and this one ends without a drop of the first.
        let theirs = unsafe { std::ptr::read(&lease) };
        let refused = theirs.done() == Err(LeaseError::Fault(Fault::Forked));
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&lease) });
        refused && queue.try_recv().map(drop) == Err(TryRecvError::Fault(Fault::Forked))
    }));
    assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Empty));
    assert_eq!(queue.stats().leased, 1);
    // Another thread can be done with it.
    std::thread::scope(|scope| scope.spawn(|| lease.done().unwrap()).join().unwrap());
    queue.wait_idle().unwrap();
}

/// What is not possible is told with its numbers.
#[test]
fn what_is_not_possible() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(2).leases(1).attempts(1).create().unwrap();
    assert_eq!((queue.capacity(), queue.leases(), queue.attempts()), (2, 1, 1));
    let message = |error: ipc_posix::ObjectError| error.to_string();
    let again = || region.work_queue::<u64>("jobs");
    assert_eq!(message(again().leases(2).open().unwrap_err()), "work queue \"jobs\": leases 2 here, 1 in the region");
    assert_eq!(
        message(again().attempts(2).open().unwrap_err()),
        "work queue \"jobs\": attempts 2 here, 1 in the region"
    );
    assert_eq!(
        message(again().capacity(3).open().unwrap_err()),
        "work queue \"jobs\": capacity 3 here, 2 in the region"
    );
    let new = || region.work_queue::<u64>("new").capacity(1);
    assert_eq!(
        message(new().attempts(64).create().unwrap_err()),
        "work queue \"new\": attempts: 64 is not possible, only 1 to 63"
    );
    assert!(new().leases(0).create().is_err() && new().leases(1 << 20).create().is_err());
    // Dead letters take up the room of leases, and then that of new jobs.
    for number in 0..3 {
        queue.send(number).unwrap();
        drop(queue.recv().unwrap());
    }
    assert!(queue.is_full() && queue.is_empty() && queue.is_idle());
    assert!(queue.try_send(3).unwrap_err().is_full());
    assert!(queue.send_timeout(3, SHORT).unwrap_err().is_timeout());
    for number in 0..3 {
        let letter = queue.try_recv_dead().unwrap();
        assert_eq!(*letter, number);
        letter.done().unwrap();
    }
    assert!(!queue.is_full());
    queue.send(3).unwrap();
    // A lease that is forgotten is held until the process ends.
    std::mem::forget(queue.recv().unwrap());
    assert_eq!(queue.wait_idle_timeout(SHORT), Err(WaitTimeoutError::Timeout));
}

/// A peer that writes nonsense into the words does no harm beyond the queue: no panic, no endless loop, no access outside.
#[test]
fn words_that_make_no_sense() {
    let _watchdog = Watchdog::new(LIMIT, "words_that_make_no_sense");
    let name = TempName::new("nonsense");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(3).leases(2).create().unwrap();
    let info = queue.region().list().remove(0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(queue.region().path().unwrap()).unwrap();
    use std::os::unix::fs::FileExt;
    let mut good = vec![0; info.length as usize - 128];
    file.read_exact_at(&mut good, info.offset + 128).unwrap();
    for at in (0..good.len() as u64).step_by(8) {
        for nonsense in [1, 0b11, 1 << 20, u64::MAX] {
            file.write_all_at(&good, info.offset + 128).unwrap();
            let _ = queue.try_send(1);
            file.write_all_at(&u64::to_ne_bytes(nonsense), info.offset + 128 + at).unwrap();
            for _ in 0..3 {
                drop(queue.try_recv());
                let _ = queue.try_send(2);
                let _ = queue.try_recv().map(|lease| lease.done());
                let _ = (queue.stats(), queue.is_idle(), queue.is_full(), queue.is_closed());
                drop(queue.try_recv_dead());
            }
        }
    }
    file.write_all_at(&good, info.offset + 128).unwrap();
    queue.try_send(4).unwrap();
    assert_eq!(queue.try_recv().map(|lease| *lease), Ok(4));
}

/// The ends of the rings say where to begin to look, and no more: a process that is late moves them back by a store, by laps even.
#[test]
fn ends_that_were_moved_back() {
    use std::os::unix::fs::FileExt;
    let _watchdog = Watchdog::new(LIMIT, "ends_that_were_moved_back");
    let name = TempName::new("back");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.work_queue::<u64>("jobs").capacity(3).leases(2).attempts(0).create().unwrap();
    let info = queue.region().list().remove(0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(queue.region().path().unwrap()).unwrap();
    // The tail and the head of the jobs that were sent, and of those that came back.
    let ends = [128, 256, 384, 392].map(|at| info.offset + at);
    let read = || {
        ends.map(|end| {
            let mut word = [0; 8];
            file.read_exact_at(&mut word, end).unwrap();
            word
        })
    };
    let (mut were, mut dice) = (vec![read()], Dice::new(4));
    let (mut sent, mut returned, mut held) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    for job in 0..20_000 {
        match dice.below(5) {
            0 | 1 => {
                let room = sent.len() < 3 && sent.len() + returned.len() + held.len() < 5;
                assert_eq!(queue.try_send(job).is_ok(), room, "{job}");
                sent.extend(room.then_some(job));
            }
            2 | 3 => match (queue.try_recv(), returned.pop_front().or_else(|| sent.pop_front())) {
                (Ok(lease), Some(next)) => {
                    assert_eq!(*lease, next);
                    held.push_back(lease);
                }
                (got, next) => assert_eq!((got.err(), next), (Some(TryRecvError::Empty), None)),
            },
            _ => {
                if let Some(lease) = held.pop_front() {
                    if dice.below(4) == 0 { returned.push_back(*lease) } else { lease.done().unwrap() }
                }
            }
        }
        assert_eq!(queue.len(), sent.len() + returned.len());
        assert_eq!(queue.is_full(), sent.len() == 3 || sent.len() + returned.len() + held.len() == 5);
        were.push(read());
        let past = were[were.len() - 1 - dice.below(were.len().min(64) as u64) as usize];
        let which = dice.below(4) as usize;
        file.write_all_at(&past[which], ends[which]).unwrap();
    }
}
