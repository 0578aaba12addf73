//! Time limits of leases on a clock that the test moves.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_core::error::{LeaseError, RecvTimeoutError};
use ipc_core::work::{Options, WorkQueue};
use ipc_tests::moved_clock::{Person, World, pair};

const LIMIT: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);

type Queue<'w> = WorkQueue<'static, u64, Person<'w>>;

fn wanted(limit: Option<Duration>) -> Options<u64> {
    let mut wanted = Options::new(4);
    wanted.lease_limit = limit;
    wanted
}

fn queues(world: &World) -> (Queue<'_>, Queue<'_>) {
    pair(&wanted(Some(LIMIT)), world)
}

/// A job is taken over when the limit has passed, and not before.
#[test]
fn a_job_is_taken_over_behind_the_limit() {
    let world = World::default();
    let (theirs, mine) = queues(&world);
    theirs.send(7).unwrap();
    let stuck = theirs.recv().unwrap();
    assert_eq!(mine.recv_timeout(LIMIT - Duration::from_millis(5)).map(drop), Err(RecvTimeoutError::Timeout));
    assert!(world.now.get() < LIMIT && stuck.renew() == Ok(()));
    let renewed = world.now.get();
    let taken = mine.recv_timeout(LONG).unwrap();
    assert_eq!((*taken, taken.attempt()), (7, 2));
    let passed = world.now.get() - renewed;
    assert!(passed >= LIMIT && passed < LIMIT * 2, "{passed:?}");
    assert_eq!((stuck.renew(), stuck.done()), (Err(LeaseError::Expired), Err(LeaseError::Expired)));
    // The new holder has all of its time, and so have those behind it.
    world.now.set(world.now.get() + LIMIT - Duration::from_millis(1));
    assert_eq!((taken.renew(), taken.done()), (Ok(()), Ok(())));
    assert!(mine.is_idle());
}

/// A holder on another clock, in another time namespace say, has its time from a receiver's first look on, whichever clock is ahead.
#[test]
fn clocks_that_differ() {
    for (ahead, start) in [(HOUR, Duration::ZERO), (Duration::ZERO, HOUR)] {
        let world = World::with_two_clocks(ahead);
        world.now.set(start);
        let (theirs, mine) = queues(&world);
        theirs.send(7).unwrap();
        // From one to the other, and the other way.
        for (holder, looker) in [(&theirs, &mine), (&mine, &theirs)] {
            let stuck = holder.recv().unwrap();
            let early = looker.recv_timeout(LIMIT - Duration::from_millis(20)).map(drop);
            assert_eq!(early, Err(RecvTimeoutError::Timeout), "{ahead:?}");
            let taken = looker.recv_timeout(LONG).unwrap();
            assert_eq!(taken.attempt(), stuck.attempt() + 1);
            assert_eq!((stuck.done(), taken.done()), (Err(LeaseError::Expired), Ok(())));
            theirs.send(8).unwrap();
        }
    }
}

/// Without a limit a job stays with its holder, however long it takes, and a zero limit is none.
#[test]
fn no_limit() {
    for limit in [None, Some(Duration::ZERO)] {
        let world = World::default();
        let (theirs, mine) = pair(&wanted(limit), &world);
        theirs.send(7).unwrap();
        let held = theirs.recv().unwrap();
        assert_eq!(mine.recv_timeout(HOUR).map(drop), Err(RecvTimeoutError::Timeout));
        assert_eq!((mine.lease_limit(), held.renew(), held.done()), (None, Ok(()), Ok(())));
    }
}

/// Those who wait for the end, or for a dead letter, take over the last attempt.
#[test]
fn the_last_attempt_is_taken_over() {
    for letters in [false, true] {
        let world = World::default();
        let mut wanted = wanted(Some(LIMIT));
        wanted.jobs.attempts = Some(1);
        let (theirs, mine) = pair(&wanted, &world);
        theirs.send(7).unwrap();
        let stuck = theirs.recv().unwrap();
        let letter = if letters {
            mine.recv_dead_timeout(LONG).unwrap()
        } else {
            assert_eq!(mine.wait_idle_timeout(LONG), Ok(()));
            mine.try_recv_dead().unwrap()
        };
        let passed = world.now.get();
        assert!(passed >= LIMIT && passed < LIMIT * 2, "{passed:?}");
        assert_eq!((*letter, letter.attempt(), letter.done()), (7, 1, Ok(())));
        assert_eq!(stuck.done(), Err(LeaseError::Expired));
    }
}

/// A receiver that always finds jobs takes over, too.
#[test]
fn jobs_never_end() {
    let world = World::default();
    let (theirs, mine) = queues(&world);
    theirs.send(7).unwrap();
    let stuck = theirs.recv().unwrap();
    let taken = (0..10_000).find_map(|number| {
        mine.send(100 + number).unwrap();
        let lease = mine.try_recv().unwrap();
        world.now.set(world.now.get() + Duration::from_millis(1));
        if *lease == 7 { Some((world.now.get(), lease.done())) } else { lease.done().map(|()| None).unwrap() }
    });
    let (when, done) = taken.expect("it is taken over");
    assert!(when >= LIMIT && when < LIMIT * 2, "{when:?}");
    assert_eq!((done, stuck.done()), (Ok(()), Err(LeaseError::Expired)));
}
