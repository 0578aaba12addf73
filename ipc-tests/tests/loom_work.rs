//! Work queues: each job has one holder at a time, and is done once or comes back with one attempt more. Deaths change neither.
#![cfg(loom)]

mod work;

use std::sync::Arc;

use ipc_core::participant::Seized;
use ipc_tests::model::{Machine, explore, explore_deaths, id, twin};
use loom::thread;
use work::{Words, drain_and_go_on, lease, made, number, send, try_do, try_lease, with_attempts};

/// Proves that jobs go through whole and in order, and that a block is written again only after it was read.
#[test]
fn jobs_go_through() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let queue = other.handle(&one);
            (1..=3).for_each(|job| send(&queue, job));
        });
        let queue = shared.handle(&two);
        for job in 1..=3 {
            let lease = lease(&queue);
            assert_eq!((number(&lease), lease.attempt()), (job, 1));
            lease.done().unwrap();
        }
        sender.join().unwrap();
    });
}

/// Proves that the jobs of two senders beside each other both arrive, once.
#[test]
fn two_senders() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || send(&shared.handle(&actor), number.into()))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(drain_and_go_on(&shared.handle(&machine.actor(3))), [(1, 1), (2, 1)]);
    });
}

/// Proves that of two receivers beside a sender each job is leased to one.
#[test]
fn two_receivers_and_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let queue = shared.handle(&machine.actor(3).without_barriers());
        send(&queue, 1);
        send(&queue, 2);
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || try_do(&shared.handle(&actor)))
        });
        let sent = queue.try_send(twin(3)).is_ok();
        let mut got: Vec<u64> = receivers.into_iter().filter_map(|receiver| receiver.join().unwrap()).collect();
        got.extend(drain_and_go_on(&queue).into_iter().map(|(job, _)| job));
        got.sort_unstable();
        assert_eq!(got, if sent { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

/// Proves that two jobs that are given back beside each other, and a receiver, both come again, with one attempt more and whole.
#[test]
fn two_give_back() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let queue = shared.handle(&machine.actor(3).without_barriers());
        send(&queue, 1);
        send(&queue, 2);
        let holders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || try_lease(&shared.handle(&actor)).is_some())
        });
        let taken = try_lease(&queue).map(|lease| {
            let got = (number(&lease), lease.attempt());
            lease.done().unwrap();
            got
        });
        let leases = holders.into_iter().map(|holder| u32::from(holder.join().unwrap())).sum::<u32>();
        let mut got = drain_and_go_on(&queue);
        got.extend(taken);
        got.sort_unstable();
        assert!(got.len() == 2 && got[0].0 == 1 && got[1].0 == 2, "{got:?}");
        assert_eq!(got.iter().map(|(_, attempt)| attempt - 1).sum::<u32>(), leases, "{got:?}");
    });
}

/// Proves that a receive that begins when a job has come back returns that one before one that waits in the main ring, also beside a
/// sender.
#[test]
fn what_came_back_comes_first() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(3, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        send(&queue, 2);
        drop(lease(&queue));
        let (other, actor) = (shared.clone(), machine.actor(1));
        let sender = thread::spawn(move || send(&other.handle(&actor), 3));
        let got = try_lease(&queue).map(|lease| (number(&lease), lease.attempt()));
        sender.join().unwrap();
        assert_eq!(got, Some((1, 2)));
    });
}

/// Proves that wherever a sender dies beside a living one, its job arrives once and whole or not at all, and its block comes back.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || send(&first.handle(&one), 1)).is_none());
        let other = thread::spawn(move || send(&second.handle(&two), 2));
        let (died, ()) = (mortal.join().unwrap(), other.join().unwrap());
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        let got = drain_and_go_on(&shared.handle(&three));
        assert!(got == [(1, 1), (2, 1)] || (died && got == [(2, 1)]), "{got:?}");
        died
    });
}

/// Proves that wherever a worker dies that gives its job back, beside another worker, the job is held by one, done once, and each
/// lease is counted once.
#[test]
fn a_holder_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        send(&queue, 1);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_lease(&first.handle(&one)).is_some()));
        let other = thread::spawn(move || {
            try_lease(&second.handle(&two)).map(|lease| {
                let got = (number(&lease), lease.attempt());
                lease.done().unwrap();
                got
            })
        });
        let (leased, taken) = (mortal.join().unwrap(), other.join().unwrap());
        let died = leased.is_none();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        let mut got = drain_and_go_on(&queue);
        got.extend(taken);
        let right = match leased {
            Some(false) => got == [(1, 1)],
            Some(true) => got == [(1, 2)],
            None => got == [(1, 2)] || got == [(1, 1)],
        };
        assert!(right, "{leased:?} {got:?}");
        died
    });
}

/// Proves that wherever a worker dies on its way to `done`, its job is done or comes again once.
#[test]
fn a_worker_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let [one, two] = [1, 2].map(|number| machine.actor(number));
        let queue = shared.handle(&two);
        send(&queue, 1);
        let first = shared.clone();
        let mortal = thread::spawn(move || one.live(at, || try_do(&first.handle(&one))));
        let taken = try_lease(&queue).map(|lease| {
            let got = (number(&lease), lease.attempt());
            lease.done().unwrap();
            got
        });
        let done = mortal.join().unwrap();
        let died = done.is_none();
        if died {
            shared.sweep(Seized::try_new(&two, id(1)).unwrap().dead(), &two);
        }
        let mut got = drain_and_go_on(&queue);
        got.extend(taken);
        match done {
            Some(Some(_)) => assert_eq!(got, []),
            Some(None) => assert_eq!(got, [(1, 1)]),
            // It was killed before its lease, with it, or behind `done`.
            None => assert!(got == [(1, 1)] || got == [(1, 2)] || got == [], "{got:?}"),
        }
        died
    });
}

/// A queue with a job that died with its holder, actor 1, and a second job that actor 2 has.
fn after_a_death(machine: &Arc<Machine>, attempts: u32) -> Words {
    let shared = with_attempts(2, 1, attempts);
    let one = machine.actor(1);
    let queue = shared.handle(&one);
    send(&queue, 1);
    std::mem::forget(try_lease(&queue).unwrap());
    one.die();
    shared
}

/// Proves that of two sweepers after one dead holder, beside a receiver, the job comes again once, and its lease is counted once.
#[test]
fn two_sweepers() {
    explore(3, || {
        let machine = Machine::new();
        let shared = after_a_death(&machine, 0);
        let sweepers = [2, 3].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || {
                let seized = Seized::try_new(&actor, id(1)).unwrap();
                shared.sweep(seized.dead(), &actor);
            })
        });
        let queue = shared.handle(&machine.actor(4).without_barriers());
        let taken = try_lease(&queue).map(|lease| {
            let got = (number(&lease), lease.attempt());
            lease.done().unwrap();
            got
        });
        for sweeper in sweepers {
            sweeper.join().unwrap();
        }
        let mut got = drain_and_go_on(&queue);
        got.extend(taken);
        assert_eq!(got, [(1, 2)]);
    });
}

/// Proves that a sweeper beside one who gives back, and takes its place in the ring, brings the dead one's job home all the same.
#[test]
fn a_sweeper_beside_one_who_gives_back() {
    explore(3, || {
        let machine = Machine::new();
        let shared = after_a_death(&machine, 0);
        let (two, three) = (machine.actor(2).without_barriers(), machine.actor(3).without_barriers());
        send(&shared.handle(&three), 2);
        let other = shared.clone();
        let sweeper = thread::spawn(move || {
            let seized = Seized::try_new(&two, id(1)).unwrap();
            other.sweep(seized.dead(), &two);
        });
        let queue = shared.handle(&three);
        let first = {
            let lease = lease(&queue);
            number(&lease)
        };
        sweeper.join().unwrap();
        let got = drain_and_go_on(&queue);
        let attempts = if first == 1 { [(1, 3), (2, 1)] } else { [(1, 2), (2, 2)] };
        assert_eq!(got, attempts);
    });
}

/// Proves that wherever a sweeper dies, beside another one, the job comes again once, and its lease is counted once.
#[test]
fn a_sweeper_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = after_a_death(&machine, 0);
        let [two, three] = [2, 3].map(|number| machine.actor(number).without_barriers());
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            let swept = two.live(at, || {
                let seized = Seized::try_new(&two, id(1)).unwrap();
                first.sweep(seized.dead(), &two);
            });
            swept.is_none()
        });
        let other = thread::spawn(move || {
            let seized = Seized::try_new(&three, id(1)).unwrap();
            second.sweep(seized.dead(), &three);
        });
        other.join().unwrap();
        let died = mortal.join().unwrap();
        assert_eq!(drain_and_go_on(&shared.handle(&machine.actor(4))), [(1, 2)]);
        died
    });
}

/// Proves that a job whose attempts are used up becomes one dead letter, wherever its sweeper dies, and that the queue is idle then.
#[test]
fn a_dead_letter() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = after_a_death(&machine, 1);
        let [two, three] = [2, 3].map(|number| machine.actor(number).without_barriers());
        let first = shared.clone();
        let mortal = thread::spawn(move || {
            let swept = two.live(at, || {
                let seized = Seized::try_new(&two, id(1)).unwrap();
                first.sweep(seized.dead(), &two);
            });
            swept.is_none()
        });
        shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        let died = mortal.join().unwrap();
        let queue = shared.handle(&three);
        assert!(queue.is_idle());
        assert!(try_lease(&queue).is_none());
        drop(queue.try_recv_dead().unwrap());
        let letter = queue.try_recv_dead().unwrap();
        assert_eq!((number(&letter), letter.attempt()), (1, 1));
        letter.done().unwrap();
        assert!(queue.try_recv_dead().unwrap_err().is_empty());
        drain_and_go_on(&queue);
        died
    });
}

/// Proves that a queue is not idle while a holder sends a job and then is done with its own.
#[test]
fn never_idle_too_early() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let queue = shared.handle(&two);
        send(&queue, 0);
        assert_eq!(try_do(&queue), Some(0));
        // So the next one has the last block, and the one after that has the first.
        send(&queue, 1);
        let other = shared.clone();
        let looks = thread::spawn(move || assert!(!other.handle(&one).is_idle()));
        let first = try_lease(&queue).unwrap();
        send(&queue, 2);
        first.done().unwrap();
        looks.join().unwrap();
        assert_eq!(try_do(&queue), Some(2));
        assert!(queue.is_idle());
    });
}

/// Proves that a queue is not idle while a job is given back and leased again.
#[test]
fn not_idle_on_the_way_home() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let queue = shared.handle(&two);
        send(&queue, 1);
        let other = shared.clone();
        let looks = thread::spawn(move || assert!(!other.handle(&one).is_idle()));
        drop(try_lease(&queue).unwrap());
        std::mem::forget(try_lease(&queue).unwrap());
        looks.join().unwrap();
    });
}
