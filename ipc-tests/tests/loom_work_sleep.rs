//! Work queues: nobody sleeps on beside a job, beside room for one, or beside the end.
#![cfg(loom)]

mod work;

use ipc_core::error::{RecvError, SendError, TryRecvError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Machine, explore, explore_deaths, id, twin};
use loom::thread;
use work::{lease, made, number, send, try_do, try_lease, with_attempts};

/// Proves that the last of two holders that are done wakes a thread that waits until all is done.
#[test]
fn the_last_one_wakes_who_waits_for_the_end() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let queue = shared.handle(&machine.actor(3));
        send(&queue, 1);
        send(&queue, 2);
        let workers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number));
            thread::spawn(move || try_do(&shared.handle(&actor)).unwrap())
        });
        queue.wait_idle().unwrap();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Proves that with one place both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                (1..=3).for_each(|job| queue.send(twin(job)).unwrap());
            })
        };
        let queue = shared.handle(&machine.actor(2));
        for job in 1..=3 {
            let lease = queue.recv().unwrap();
            assert_eq!(number(&lease), job);
            lease.done().unwrap();
        }
        sender.join().unwrap();
    });
}

/// Proves that `done` wakes a sender that sleeps for a block.
#[test]
fn done_wakes_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        send(&queue, 2);
        let other = lease(&queue);
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).send(twin(3)).unwrap())
        };
        held.done().unwrap();
        sender.join().unwrap();
        drop(other);
    });
}

/// Proves that a receive wakes a sender that sleeps for room, though the job is not done.
#[test]
fn a_receive_wakes_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).send(twin(2)).unwrap())
        };
        let held = lease(&queue);
        sender.join().unwrap();
        held.done().unwrap();
    });
}

/// Proves that a job whose last attempt is over wakes a thread that waits for the end.
#[test]
fn a_dead_letter_wakes_one_who_waits_for_the_end() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), with_attempts(1, 1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        let waiter = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).wait_idle().unwrap())
        };
        drop(held);
        waiter.join().unwrap();
    });
}

/// Proves that a job that is given back wakes a receiver that sleeps.
#[test]
fn a_job_that_comes_back_wakes() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        let receiver = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).recv().map(|lease| lease.attempt()).unwrap())
        };
        drop(held);
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

/// Proves that a receiver of a closed queue waits for a job that a colleague has, and gets it.
#[test]
fn closed_but_a_job_comes_back() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        queue.close().unwrap();
        let receiver = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                let lease = queue.recv().unwrap();
                lease.done().unwrap();
                assert_eq!(queue.recv().map(drop), Err(RecvError::Closed));
            })
        };
        drop(held);
        receiver.join().unwrap();
    });
}

/// Proves that the end comes to a receiver that sleeps when the last job is done, and the queue was closed before or meanwhile.
#[test]
fn the_end_wakes_a_receiver() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let held = lease(&queue);
        let receiver = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || assert_eq!(shared.handle(&actor).recv().map(drop), Err(RecvError::Closed)))
        };
        assert!(queue.close().unwrap());
        held.done().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that closing wakes a sender that sleeps for room.
#[test]
fn closing_ends_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let queue = shared.handle(&machine.actor(2));
        send(&queue, 1);
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(queue.send(twin(2)), Err(SendError::Closed(twin(2))));
        assert!(closer.join().unwrap());
    });
}

/// Proves that of a send and a closing beside each other either the job is received or its sender is told; nothing comes behind the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(2, 1));
        let (one, two, three) = (machine.actor(1), machine.actor(2), machine.actor(3));
        let (other, third) = (shared.clone(), shared.clone());
        let sender = thread::spawn(move || other.handle(&one).try_send(twin(1)).is_ok());
        let closer = thread::spawn(move || third.handle(&three).close().unwrap());
        let queue = shared.handle(&two);
        let mut got = 0;
        let end = loop {
            match queue.try_recv() {
                Ok(lease) => {
                    got += 1;
                    lease.done().unwrap();
                }
                Err(TryRecvError::Empty) => spin_hint(),
                Err(error) => break error,
            }
        };
        assert_eq!(end, TryRecvError::Closed);
        assert!(closer.join().unwrap());
        assert_eq!(sender.join().unwrap(), got == 1);
    });
}

/// Proves that wherever a closer dies, the queue is closed or not, and a receiver that sleeps learns of it by its own look.
#[test]
fn a_closer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let other = shared.clone();
        let receiver = thread::spawn(move || other.handle(&two).recv().map(drop));
        let closed = one.live(at, || shared.handle(&one).close().unwrap());
        if closed.is_none() {
            let queue = shared.handle(&three);
            if !queue.is_closed() {
                assert_eq!(queue.close(), Ok(true));
            }
        }
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
        closed.is_none()
    });
}

/// Proves that a receiver that sleeps finds the job of a holder that dies.
#[test]
fn a_receiver_looks_for_the_dead() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1, 1);
        let one = machine.actor(1);
        {
            let queue = shared.handle(&one);
            send(&queue, 1);
            std::mem::forget(try_lease(&queue).unwrap());
        }
        let receiver = {
            let (actor, shared) = (machine.actor(2), shared.clone());
            thread::spawn(move || shared.handle(&actor).recv().map(|lease| lease.attempt()).unwrap())
        };
        one.die();
        assert_eq!(receiver.join().unwrap(), 2);
    });
}

/// Proves that a thread that waits for the end finds the dead letter of a holder that dies.
#[test]
fn one_who_waits_for_the_end_looks_for_the_dead() {
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
            thread::spawn(move || shared.handle(&actor).wait_idle().unwrap())
        };
        one.die();
        waiter.join().unwrap();
    });
}

/// Proves that a sweep wakes a receiver for the job of a dead holder, or of a sender that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || send(&first.handle(&one), 1)).is_none());
        let receiver = thread::spawn(move || {
            let queue = second.handle(&two.without_seizing());
            let lease = queue.recv().unwrap();
            let job = number(&lease);
            lease.done().unwrap();
            job
        });
        let died = mortal.join().unwrap();
        if died {
            let queue = shared.handle(&three);
            let sent = !queue.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !sent {
                // It died before that, or the receiver has its job already.
                queue.send(twin(2)).unwrap();
            }
        }
        assert!([1, 2].contains(&receiver.join().unwrap()));
        died
    });
}

/// Proves that a sweep wakes a thread that waits for the end, for a holder that died before it woke anybody.
#[test]
fn a_sweep_wakes_one_who_waits_for_the_end() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), with_attempts(1, 1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        send(&shared.handle(&three), 1);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_do(&first.handle(&one))).is_none());
        let waiter = thread::spawn(move || second.handle(&two.without_seizing()).wait_idle().unwrap());
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            try_do(&shared.handle(&three));
        }
        waiter.join().unwrap();
        died
    });
}

/// Proves that a sweep wakes a sender for the block of a process that died with it, or before it woke anybody.
#[test]
fn a_sweep_wakes_a_sender() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1, 1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        send(&shared.handle(&three), 1);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_do(&first.handle(&one))).is_none());
        let sender = thread::spawn(move || second.handle(&two.without_seizing()).send(twin(2)).unwrap());
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            let queue = shared.handle(&three);
            let stats = queue.stats();
            if (stats.len, stats.returned) == (1, 0) {
                // It died before it had leased the job, or the sender has sent its own already.
                try_do(&queue);
            }
        }
        sender.join().unwrap();
        died
    });
}
