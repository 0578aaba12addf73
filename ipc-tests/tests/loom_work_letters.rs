//! Dead letters: nobody sleeps on beside one, or beside the end.
#![cfg(loom)]

mod work;

use ipc_core::error::{RecvError, TryRecvError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Machine, explore, explore_deaths, id};
use loom::thread;
use work::{Queue, lease, number, send, try_lease, with_attempts};

/// Removes the next dead letter.
fn letter(queue: &Queue<'_>) -> Result<u64, RecvError> {
    queue.recv_dead().map(|letter| {
        let job = number(&letter);
        letter.done().unwrap();
        job
    })
}

/// Proves that a job that becomes a dead letter wakes a thread that waits for one.
#[test]
fn a_letter_wakes() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || letter(&shared.handle(&actor)))
        };
        drop(held);
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
}

/// Proves that the end comes to a thread that waits for dead letters, whether the last job is done before or after closing.
#[test]
fn the_end_wakes_who_waits_for_letters() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || letter(&shared.handle(&actor)))
        };
        held.done().unwrap();
        assert!(queue.close().unwrap());
        assert_eq!(waiter.join().unwrap(), Err(RecvError::Closed));
    });
}

/// Proves that the end comes to a thread that waits for dead letters when the last job is done, or the last letter removed, of a queue that
/// is closed.
#[test]
fn the_last_letter_wakes() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        drop(lease(&queue));
        send(&queue, 2);
        let (held, other) = (queue.try_recv_dead().unwrap(), lease(&queue));
        queue.close().unwrap();
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || letter(&shared.handle(&actor)))
        };
        other.done().unwrap();
        held.done().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(RecvError::Closed));
    });
}

/// Proves that a closed queue has no end for dead letters before one that a colleague has is removed: it may be given back.
#[test]
fn closed_but_a_letter_comes_back() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        drop(lease(&queue));
        let held = queue.try_recv_dead().unwrap();
        queue.close().unwrap();
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                (letter(&queue), letter(&queue))
            })
        };
        drop(held);
        assert_eq!(waiter.join().unwrap(), (Ok(1), Err(RecvError::Closed)));
    });
}

/// Proves that a closed queue has no end for dead letters before its last job, which a colleague has, is done: it may fail.
#[test]
fn the_last_job_fails() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2).without_barriers());
        send(&queue, 1);
        let held = lease(&queue);
        queue.close().unwrap();
        let waiter = {
            let (actor, shared) = (machine.actor(1).without_barriers(), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                loop {
                    match queue.try_recv_dead() {
                        Ok(letter) => return letter.done().unwrap(),
                        Err(TryRecvError::Empty) => spin_hint(),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        };
        drop(held);
        waiter.join().unwrap();
    });
}

/// Proves that a thread that sleeps for a dead letter finds that of a holder that dies.
#[test]
fn who_waits_for_letters_looks_for_the_dead() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let one = machine.actor(1);
        {
            let queue = shared.handle(&one);
            send(&queue, 1);
            std::mem::forget(try_lease(&queue).unwrap());
        }
        let waiter = {
            let (actor, shared) = (machine.actor(2), shared.clone());
            thread::spawn(move || letter(&shared.handle(&actor)))
        };
        one.die();
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
}

/// Proves that a sweep wakes a thread that waits for a dead letter, for a holder that died before it woke anybody.
#[test]
fn a_sweep_wakes_who_waits_for_letters() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), with_attempts(1, 1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        send(&shared.handle(&three), 1);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || drop(try_lease(&first.handle(&one)))).is_none());
        let waiter = thread::spawn(move || letter(&second.handle(&two.without_seizing())));
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            let queue = shared.handle(&three);
            if !queue.is_empty() {
                // It died before it had leased the job.
                drop(lease(&queue));
            }
        }
        assert_eq!(waiter.join().unwrap(), Ok(1));
        died
    });
}

/// Proves that two threads that wait for two letters get one each.
#[test]
fn two_wait_for_letters() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(2, 1, 1));
        let queue = shared.handle(&machine.actor(3));
        send(&queue, 1);
        send(&queue, 2);
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || letter(&shared.handle(&actor)).unwrap())
        };
        drop(lease(&queue));
        drop(lease(&queue));
        let mut got = [letter(&queue).unwrap(), waiter.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}
