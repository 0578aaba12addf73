//! Time limits of leases: a job that is taken over from a holder that lives has one holder that counts, and is done once.
#![cfg(loom)]

mod work;

use ipc_core::Instant;
use ipc_core::Platform;
use ipc_core::error::LeaseError;
use ipc_core::participant::Seized;
use ipc_core::work::{Lease, Options};
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, id};
use loom::thread;
use work::{Queue, drain_and_go_on, late, lease, number, send, take_over, try_lease, with_limit};

/// Takes over what one that prolongs its lease at the same time does so with a clock that stands still.
fn take_over_soon<'q, 'm>(queue: &'q Queue<'m>) -> Lease<'q, 'm, Twin, Actor> {
    (0..2).find_map(|_| take_over(queue)).expect("the time is over")
}

/// Proves that of a holder that is done and one that takes the job over beside it, one succeeds, and the other learns it.
#[test]
fn done_beside_a_takeover() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1).without_barriers());
        send(&queue, 1);
        let held = lease(&queue);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 2).without_barriers());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                take_over(&queue).map(|lease| {
                    let got = (number(&lease), lease.attempt());
                    assert_eq!(lease.done(), Ok(()));
                    got
                })
            })
        };
        let done = held.done();
        match other.join().unwrap() {
            Some(got) => assert_eq!((got, done), ((1, 2), Err(LeaseError::Expired))),
            None => assert_eq!(done, Ok(())),
        }
        assert_eq!(drain_and_go_on(&queue), []);
    });
}

/// Proves that a job that is given back and taken over at the same time comes again once, and its lease is counted once.
#[test]
fn given_back_beside_a_takeover() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1).without_barriers());
        send(&queue, 1);
        let held = lease(&queue);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 2).without_barriers());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                take_over(&queue).map(|lease| {
                    let got = (number(&lease), lease.attempt());
                    assert_eq!(lease.done(), Ok(()));
                    got
                })
            })
        };
        drop(held);
        let taken = other.join().unwrap();
        let mut got = drain_and_go_on(&queue);
        got.extend(taken);
        assert_eq!(got, [(1, 2)]);
    });
}

/// Proves that a holder that has prolonged its lease has it until the new end, and that one that could not learns it.
#[test]
fn a_renewed_lease_is_kept() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let one = machine.actor(1).without_barriers().with_clock();
        let queue = shared.handle(&one);
        send(&queue, 1);
        let held = lease(&queue);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 2).without_barriers());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                take_over(&queue).map(|lease| lease.done().unwrap()).is_some()
            })
        };
        // Later than the other one's clock will be.
        (0..1000).for_each(|_| _ = one.now());
        let renewed = held.renew();
        let done = held.done();
        let taken = other.join().unwrap();
        // One that was about to take it over may find that it is done.
        assert!(!taken || (renewed, done) == (Err(LeaseError::Expired), Err(LeaseError::Expired)));
        assert!(renewed.is_err() || done.is_ok());
        drain_and_go_on(&queue);
    });
}

/// Proves that a holder whose job was taken over, and leased to another one, cannot prolong its lease, nor spoil the other's time.
#[test]
fn a_lease_that_is_over_is_not_renewed() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1).without_barriers());
        send(&queue, 1);
        let held = lease(&queue);
        let (two, three) = (late(&machine, 2).without_barriers(), machine.actor(3).without_barriers());
        let others = {
            let (shared, words) = (shared.clone(), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&two);
                // In the name of a process that only looks.
                drop(take_over(&queue));
                let queue = words.handle(&three);
                try_lease(&queue).map(|lease| (lease.renew(), lease.done()))
            })
        };
        let _ = held.renew();
        let done = held.done();
        match others.join().unwrap() {
            Some(other) => {
                assert_eq!(other, (Ok(()), Ok(())));
                assert_eq!(done, Err(LeaseError::Expired));
            }
            None => assert_eq!(done, Ok(())),
        }
        drain_and_go_on(&queue);
    });
}

/// Proves that of two that take a job over beside each other, it is done once.
#[test]
fn two_take_over() {
    explore(1, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1).without_barriers());
        send(&queue, 1);
        let held = lease(&queue);
        let others = [2, 3].map(|number| {
            let (shared, actor) = (shared.clone(), late(&machine, number).without_barriers());
            thread::spawn(move || take_over(&shared.handle(&actor)).map(|lease| lease.done()) == Some(Ok(())))
        });
        let done = others.into_iter().map(|other| u32::from(other.join().unwrap())).sum::<u32>();
        assert_eq!(done, 1);
        assert_eq!(held.done(), Err(LeaseError::Expired));
        assert_eq!(drain_and_go_on(&queue), []);
    });
}

/// Proves that wherever one dies that takes a job over, and is done with it or gives it back, the job is done once or comes again, with
/// each lease counted.
#[test]
fn who_takes_over_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1));
        send(&queue, 1);
        let held = lease(&queue);
        let (two, first) = (late(&machine, 2), shared.clone());
        let mortal = thread::spawn(move || two.live(at, || drop(take_over_soon(&first.handle(&two)))));
        let _ = held.renew();
        let taken = mortal.join().unwrap();
        let three = machine.actor(3);
        if taken.is_none() {
            shared.sweep(Seized::try_new(&three, id(2)).unwrap().dead(), &three);
        }
        let done = held.done();
        let got = drain_and_go_on(&shared.handle(&three));
        match (taken, done) {
            (Some(()), Err(LeaseError::Expired)) => assert_eq!(got, [(1, 3)]),
            (None, Err(LeaseError::Expired)) => assert!(got == [(1, 2)] || got == [(1, 3)], "{got:?}"),
            (None, Ok(())) => assert_eq!(got, []),
            other => panic!("{other:?}"),
        }
        taken.is_none()
    });
}

/// Proves that a job is taken over wherever another one died that took it over: also between its mark and its step.
#[test]
fn a_marked_lease_is_taken_over() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1));
        send(&queue, 1);
        let held = lease(&queue);
        let [two, four] = [2, 4].map(|number| late(&machine, number));
        let first = shared.clone();
        let mortal = thread::spawn(move || two.live(at, || drop(take_over_soon(&first.handle(&two)))).is_none());
        let _ = held.renew();
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&four, id(2)).unwrap().dead(), &four);
        }
        let other = shared.handle(&four);
        let taken = take_over(&other).expect("the time is over");
        assert_eq!((number(&taken), taken.done()), (1, Ok(())));
        assert_eq!(held.done(), Err(LeaseError::Expired));
        assert_eq!(drain_and_go_on(&queue), []);
        died
    });
}

/// Proves that wherever one dies that takes a job over beside its holder and a second one that takes it over, the job is done once or comes
/// again.
#[test]
fn who_takes_over_dies_beside_another() {
    explore_deaths(1, |at| {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1));
        send(&queue, 1);
        let held = lease(&queue);
        let (two, four) = (late(&machine, 2), late(&machine, 4));
        let first = shared.clone();
        let mortal = thread::spawn(move || two.live(at, || drop(take_over(&first.handle(&two)))).is_none());
        let second = take_over(&shared.handle(&four)).map(|lease| (lease.attempt(), lease.done()));
        let died = mortal.join().unwrap();
        let three = machine.actor(3);
        if died {
            shared.sweep(Seized::try_new(&three, id(2)).unwrap().dead(), &three);
        }
        let done = u32::from(held.done().is_ok()) + u32::from(second.is_some_and(|(_, done)| done.is_ok()));
        let got = drain_and_go_on(&shared.handle(&three));
        assert!(done + got.len() as u32 == 1, "{done} {second:?} {got:?}");
        died
    });
}

/// Proves that a holder that is late before it has copied its job does not take another job's bits for it.
#[test]
fn a_late_copy_is_whole() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1).without_barriers());
        send(&queue, 1);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 2).without_barriers());
            thread::spawn(move || {
                // It reads the first half only. (The last access to a word is all that loom keeps, and the one by the late holder matters.)
                let halves = shared.handle_as(&Options::<[u64; 1]>::new(1), &actor);
                // The first look may begin the time.
                let taken = (0..2).find_map(|_| halves.recv_deadline(Instant::from_nanos(0)).ok());
                if let Some(lease) = taken {
                    assert_eq!(lease[0], 1);
                    let _ = lease.done();
                    send(&shared.handle(&actor), 2);
                }
            })
        };
        // Twins show what is torn. It may get the second job instead, but not as the first one.
        let first = try_lease(&queue).map(|lease| (number(&lease), lease.attempt(), lease.done()));
        other.join().unwrap();
        if let Some((job, attempt, done)) = first {
            assert!(done.is_err() || (job, attempt) == (2, 1) || job == 1, "{job} {attempt}");
            assert!(job == 1 || done == Ok(()), "{job} {attempt}");
        }
        drain_and_go_on(&queue);
    });
}

/// Proves that a receiver that sleeps takes a job over from a holder that is stuck.
#[test]
fn a_receiver_takes_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1));
        send(&queue, 1);
        let stuck = lease(&queue);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 2));
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                let mut got = [(); 2].map(|()| {
                    let taken = queue.recv().unwrap();
                    let got = (number(&taken), taken.attempt());
                    assert_eq!(taken.done(), Ok(()));
                    got
                });
                got.sort_unstable();
                assert_eq!(got, [(1, 2), (2, 1)]);
            })
        };
        send(&queue, 2);
        other.join().unwrap();
        assert_eq!(stuck.renew(), Err(LeaseError::Expired));
        drop(stuck);
        assert_eq!(drain_and_go_on(&queue), []);
    });
}

/// Proves that a lease that is over does nothing when it is dropped, though the job is another thread's of the same process now.
#[test]
fn a_lease_that_is_over_gives_nothing_back() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_limit(1, 1, 0));
        let queue = shared.handle(&machine.actor(1));
        send(&queue, 1);
        let stuck = lease(&queue);
        let other = {
            let (shared, actor) = (shared.clone(), late(&machine, 1));
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                let taken = queue.recv().unwrap();
                assert_eq!((taken.attempt(), taken.done()), (2, Ok(())));
            })
        };
        drop(stuck);
        other.join().unwrap();
        assert_eq!(drain_and_go_on(&queue), []);
    });
}
