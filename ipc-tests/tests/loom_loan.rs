//! Loans: each block is one participant's at a time, each message is received once, the blocks of the dead come back, and nobody sleeps
//! on beside what it waits for. Loom complains when a participant takes a block in its hands that another one may still have.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::LoanQueue;
use ipc_core::error::{LoanError, RecvError, TryLoanError, TryRecvError};
use ipc_core::loan::{Options, Received};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

type Queue<'m> = LoanQueue<'m, Twin, Actor>;

fn made(blocks: u64) -> Arc<Shared<Options<Twin>>> {
    let mut wanted = Options::new(blocks, 1);
    // The positions wrap on the way.
    wanted.start = (1 << 44) - 1;
    Shared::new(wanted)
}

fn read(received: Received<'_, '_, Twin, Actor>) -> u64 {
    whole(received.get(0).expect("one element"))
}

/// Borrows, writes and sends, if a block is free.
fn try_send(queue: &Queue<'_>, number: u64) -> bool {
    match queue.try_send_copy(&[twin(number)]) {
        Ok(()) => true,
        Err(TryLoanError::Exhausted) => false,
        Err(error) => panic!("{error:?}"),
    }
}

fn send(queue: &Queue<'_>, number: u64) {
    while !try_send(queue, number) {
        spin_hint();
    }
}

/// Receives, reads and gives back, if a message is there.
fn try_receive(queue: &Queue<'_>) -> Option<u64> {
    match queue.try_recv() {
        Ok(received) => Some(read(received)),
        Err(TryRecvError::Empty) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn receive(queue: &Queue<'_>) -> u64 {
    loop {
        match try_receive(queue) {
            Some(number) => return number,
            None => spin_hint(),
        }
    }
}

/// All that is left; then every block can be used again.
fn drain_and_go_on(queue: &Queue<'_>) -> Vec<u64> {
    let got: Vec<u64> = std::iter::from_fn(|| try_receive(queue)).collect();
    let blocks = queue.blocks() as u64;
    for number in 100..100 + blocks {
        assert!(try_send(queue, number), "a block is missing");
    }
    assert!(!try_send(queue, 0));
    for number in 100..100 + blocks {
        assert_eq!(try_receive(queue), Some(number));
    }
    got
}

/// Proves that one block goes from hand to hand: its writer and its reader never have it together, and all arrives in order.
#[test]
fn a_block_goes_from_hand_to_hand() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let queue = other.handle(&one);
            (1..=3).for_each(|number| send(&queue, number));
        });
        let receiver = thread::spawn(move || {
            let queue = shared.handle(&two);
            (1..=3).for_each(|number| assert_eq!(receive(&queue), number));
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that the messages of two senders beside each other both arrive, once.
#[test]
fn two_senders() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(2));
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || send(&shared.handle(&actor), number.into()))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let mut got = drain_and_go_on(&shared.handle(&machine.actor(3)));
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Proves that of two receivers beside each other, and a sender that needs their blocks, each message is taken once.
#[test]
fn two_receivers_and_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2));
        let queue = shared.handle(&machine.actor(3).without_barriers());
        send(&queue, 1);
        send(&queue, 2);
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || try_receive(&shared.handle(&actor)))
        });
        let sent = try_send(&queue, 3);
        let mut got: Vec<u64> = receivers.into_iter().filter_map(|receiver| receiver.join().unwrap()).collect();
        got.extend(drain_and_go_on(&queue));
        got.sort_unstable();
        assert_eq!(got, if sent { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

/// Proves that wherever a sender dies beside a living one, what it sent arrives once and whole, and its block comes back.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(2));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_send(&first.handle(&one), 1)).is_none());
        let other = thread::spawn(move || try_send(&second.handle(&two), 2));
        let (died, sent) = (mortal.join().unwrap(), other.join().unwrap());
        assert!(sent, "there are two blocks");
        let got = drain_and_go_on(&shared.handle(&three));
        let count = |number| got.iter().filter(|&&message| message == number).count();
        assert!(count(2) == 1 && count(1) <= 1 && (died || count(1) == 1), "{got:?}");
        died
    });
}

/// Proves that wherever a receiver dies beside a living one, at most its message is gone, and its block comes back.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(2));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let queue = shared.handle(&three);
        send(&queue, 1);
        send(&queue, 2);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_receive(&first.handle(&one))));
        let other = thread::spawn(move || try_receive(&second.handle(&two)));
        let (taken, other) = (mortal.join().unwrap(), other.join().unwrap());
        let mut got = drain_and_go_on(&queue);
        got.extend(taken.flatten());
        got.extend(other);
        got.sort_unstable();
        let all: &[&[u64]] = if taken.is_none() { &[&[1, 2], &[1], &[2]] } else { &[&[1, 2]] };
        assert!(all.contains(&&got[..]), "{got:?}");
        taken.is_none()
    });
}

/// Proves that a sweep after a dead sender frees nothing that is alive, while the message that it had sent is received, its block is
/// used again and the position comes round.
#[test]
fn sweeping_beside_the_living() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number).without_barriers());
        send(&shared.handle(&one), 1);
        one.die();
        let other = shared.clone();
        let sweeper = thread::spawn(move || {
            if let Ok(seized) = Seized::try_new(&two, id(1)) {
                other.sweep(seized.dead(), &two);
            }
        });
        let living = thread::spawn(move || {
            let queue = shared.handle(&three);
            assert_eq!(receive(&queue), 1);
            assert!(try_send(&queue, 2), "the only block is free");
            assert_eq!(try_receive(&queue), Some(2));
        });
        sweeper.join().unwrap();
        living.join().unwrap();
    });
}

/// Proves that with one block both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let queue = shared.handle(&actor);
                queue.send_copy(&[twin(1)]).unwrap();
                queue.send_copy(&[twin(2)]).unwrap();
            })
        };
        let queue = shared.handle(&machine.actor(2));
        assert_eq!(read(queue.recv().unwrap()), 1);
        assert_eq!(read(queue.recv().unwrap()), 2);
        sender.join().unwrap();
    });
}

/// Proves that closing wakes a sleeping receiver.
#[test]
fn closing_ends_a_receiver() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(shared.handle(&machine.actor(2)).recv().unwrap_err(), RecvError::Closed);
        assert!(closer.join().unwrap());
    });
}

/// Proves that closing wakes a sender that sleeps for a block.
#[test]
fn closing_ends_a_borrower() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let queue = shared.handle(&machine.actor(2));
        let _taken = queue.try_loan_uninit(1).unwrap();
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(queue.loan_uninit(1).unwrap_err(), LoanError::Closed);
        assert!(closer.join().unwrap());
    });
}

/// Proves that a closing beside a send lets its message in, to be received, or tells the sender; then comes the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let sender = thread::spawn(move || {
            let queue = other.handle(&one);
            let sent = queue.try_send_copy(&[twin(1)]).is_ok();
            queue.close().unwrap();
            sent
        });
        let queue = shared.handle(&two);
        let mut got = 0;
        while queue.recv().map(read).is_ok() {
            got += 1;
        }
        assert!(sender.join().unwrap());
        assert_eq!(got, 1);
    });
}

/// Proves that a receiver that sleeps learns that the last sender has left, after its last message.
#[test]
fn the_last_sender_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let leaving = thread::spawn(move || sender.send_copy(&[twin(1)]).unwrap());
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        assert_eq!(read(receiver.recv().unwrap()), 1);
        assert_eq!(receiver.recv().unwrap_err(), RecvError::Disconnected);
        leaving.join().unwrap();
    });
}

/// Proves that a sender that sleeps for a block learns that the last receiver has left, and that its loans are refused at once from
/// then on.
#[test]
fn the_last_receiver_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let loan = sender.try_loan_uninit(1).unwrap();
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        let leaving = thread::spawn(move || drop(receiver));
        assert_eq!(sender.loan_uninit(1).unwrap_err(), LoanError::Disconnected);
        leaving.join().unwrap();
        assert!(loan.send().unwrap_err().is_disconnected());
        assert_eq!(sender.try_send_copy(&[twin(1)]), Err(TryLoanError::Disconnected));
        assert_eq!(sender.queue().free_blocks(), 1);
    });
}

/// Proves that a sweep wakes a receiver for the message of a sender that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_send(&first.handle(&one), 1)).is_none());
        let receiver = thread::spawn(move || read(second.handle(&two.without_seizing()).recv().unwrap()));
        let died = mortal.join().unwrap();
        if died {
            let queue = shared.handle(&three);
            let sent = !queue.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !sent {
                // It died before that, or the receiver has its message already.
                queue.send_copy(&[twin(2)]).unwrap();
            }
        }
        assert!([1, 2].contains(&receiver.join().unwrap()));
        died
    });
}

/// Proves that a sweep wakes a sender for the block of a process that died with it, or before it woke anybody.
#[test]
fn a_sweep_wakes_a_borrower() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_loan_uninit(1).is_ok()).is_none());
        let sender = thread::spawn(move || second.handle(&two.without_seizing()).send_copy(&[twin(1)]).unwrap());
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        sender.join().unwrap();
        died
    });
}
