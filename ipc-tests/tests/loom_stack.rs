//! The stack: each message once and whole, the last one first, also where senders and receivers die; and no thread sleeps on beside
//! what it waits for.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::Stack;
use ipc_core::error::{RecvError, SendError, TryRecvError, TrySendError};
use ipc_core::participant::Seized;
use ipc_core::stack::Options;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

type Words = Shared<Options<[u64; 2]>>;

fn made(capacity: u64) -> Arc<Words> {
    Shared::new(Options::new(capacity))
}

/// A message that shows when it is torn.
const fn message(number: u64) -> [u64; 2] {
    [number, !number]
}

#[track_caller]
fn number(message: [u64; 2]) -> u64 {
    assert_eq!(message[0], !message[1], "torn");
    message[0]
}

/// Sends once there is room, without blocking.
fn send(stack: &Stack<'_, [u64; 2], Actor>, value: u64) {
    while let Err(error) = stack.try_send(message(value)) {
        assert_eq!(error, TrySendError::Full(message(value)));
        spin_hint();
    }
}

fn try_receive(stack: &Stack<'_, [u64; 2], Actor>) -> Option<u64> {
    match stack.try_recv() {
        Ok(message) => Some(number(message)),
        Err(TryRecvError::Empty | TryRecvError::Busy) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// Receives once a message is there, without blocking.
fn receive(stack: &Stack<'_, [u64; 2], Actor>) -> u64 {
    loop {
        match try_receive(stack) {
            Some(number) => return number,
            None => spin_hint(),
        }
    }
}

/// Proves that what is received is whole, also where an entry is used again, and that each message comes once.
#[test]
fn messages_arrive_whole() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || (1..=2).for_each(|number| send(&other.handle(&one), number)));
        let receiver = thread::spawn(move || {
            let stack = shared.handle(&two);
            assert_eq!([receive(&stack), receive(&stack)], [1, 2], "one at a time fits");
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that a batch is put in and taken out in one step, and that the last one comes first.
#[test]
fn batches_are_one_step() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(3);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        shared.handle(&machine.actor(3)).try_send(message(1)).unwrap();
        let other = shared.clone();
        let sender = thread::spawn(move || {
            while other.handle(&one).try_send_slice(&[message(2), message(3)]) == Err(TrySendError::Full(())) {
                spin_hint();
            }
        });
        let mut out = [message(0); 3];
        let stack = shared.handle(&two);
        let got = match stack.try_recv_slice(&mut out) {
            Ok(count) => out[..count].iter().map(|message| number(*message)).collect::<Vec<_>>(),
            Err(error) => panic!("{error:?}"),
        };
        sender.join().unwrap();
        let rest: Vec<u64> = std::iter::from_fn(|| try_receive(&stack)).collect();
        let right = (got == [1] && rest == [3, 2]) || (got == [3, 2, 1] && rest.is_empty());
        assert!(right, "{got:?}, {rest:?}");
    });
}

/// Proves that two senders put their messages into two entries.
#[test]
fn two_senders() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(2);
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || send(&shared.handle(&actor), number.into()))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let stack = shared.handle(&machine.actor(3));
        let mut got = [receive(&stack), receive(&stack)];
        got.sort_unstable();
        assert_eq!((got, try_receive(&stack)), ([1, 2], None));
    });
}

/// Proves that of two receivers each message goes to one, and that neither is told that there is none.
#[test]
fn two_receivers() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(2);
        let stack = shared.handle(&machine.actor(3));
        stack.try_send_slice(&[message(1), message(2)]).unwrap();
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || {
                let stack = shared.handle(&actor);
                loop {
                    match stack.try_recv() {
                        Ok(message) => return self::number(message),
                        Err(error) => assert_eq!(error, TryRecvError::Busy),
                    }
                    spin_hint();
                }
            })
        });
        let mut got = receivers.map(|receiver| receiver.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Proves that a stack with a message is never found empty, while others send and receive: neither by a question nor by a receiver.
#[test]
fn no_message_is_overlooked() {
    for asks in [true, false] {
        explore(2, move || {
            let machine = Machine::new();
            let shared = made(2);
            let stack = shared.handle(&machine.actor(3));
            stack.try_send(message(1)).unwrap();
            // Receivers have put it on top.
            assert_eq!(stack.peek(), Ok(message(1)));
            let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
            let other = shared.clone();
            let busy = thread::spawn(move || {
                let stack = other.handle(&one);
                send(&stack, 2);
                assert_eq!(receive(&stack), 2);
            });
            let looks = thread::spawn(move || {
                let stack = shared.handle(&two);
                if asks {
                    assert!(!stack.is_empty());
                } else {
                    assert_ne!(stack.peek(), Err(TryRecvError::Empty));
                }
            });
            busy.join().unwrap();
            looks.join().unwrap();
        });
    }
}

/// Proves that a stack with room is never found full, while others receive and send.
#[test]
fn no_place_is_overlooked() {
    explore(2, || {
        let machine = Machine::new();
        let shared = made(2);
        shared.handle(&machine.actor(3)).try_send(message(1)).unwrap();
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let busy = thread::spawn(move || {
            let stack = other.handle(&one);
            for number in 1..=2 {
                assert_eq!(receive(&stack), number);
                send(&stack, number + 1);
            }
        });
        let looks = thread::spawn(move || assert!(!shared.handle(&two).is_full()));
        busy.join().unwrap();
        looks.join().unwrap();
    });
}

/// Proves that a closing beside a send lets its message in, to be received, or tells the sender; then comes the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(3, || {
        let machine = Machine::new();
        let shared = made(1);
        let (one, two, three) = (machine.actor(1), machine.actor(2), machine.actor(3));
        let (first, second) = (shared.clone(), shared.clone());
        let sender = thread::spawn(move || first.handle(&one).try_send(message(1)).is_ok());
        let closer = thread::spawn(move || second.handle(&two).close().unwrap());
        let receiver = thread::spawn(move || {
            let stack = shared.handle(&three);
            let mut got = 0;
            loop {
                match stack.try_recv() {
                    Ok(_) => got += 1,
                    Err(TryRecvError::Closed) => return got,
                    Err(_) => spin_hint(),
                }
            }
        });
        let sent = sender.join().unwrap();
        closer.join().unwrap();
        assert_eq!(receiver.join().unwrap(), usize::from(sent));
    });
}

/// Proves that wherever a sender dies, others go on, and its message arrives whole or not at all.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || send(&first.handle(&one), 1)).is_none());
        let other = thread::spawn(move || send(&second.handle(&two), 2));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        let stack = shared.handle(&three);
        let len = stack.len();
        let mut got: Vec<u64> = std::iter::from_fn(|| try_receive(&stack)).collect();
        assert_eq!((len, stack.len()), (got.len(), 0));
        got.sort_unstable();
        assert!(got == [1, 2] || (died && got == [2]), "{got:?}");
        died
    });
}

/// Proves that wherever a receiver dies, others go on; nothing comes twice, and at most what it took is missing.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let stack = shared.handle(&three);
        stack.try_send_slice(&[message(1), message(2)]).unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || try_receive(&first.handle(&one))));
        let other = thread::spawn(move || try_receive(&second.handle(&two)));
        let taken = mortal.join().unwrap();
        let mut got: Vec<u64> = other.join().unwrap().into_iter().collect();
        // A later process finds it dead.
        drop(Seized::try_new(&three, id(1)));
        let (len, before) = (stack.len(), got.len());
        got.extend(std::iter::from_fn(|| try_receive(&stack)));
        assert_eq!((len, stack.len()), (got.len() - before, 0));
        got.extend(taken.flatten());
        got.sort_unstable();
        let right = got == [1, 2] || (taken.is_none() && (got == [1] || got == [2]));
        assert!(right, "{got:?}");
        taken.is_none()
    });
}

/// Proves that a sender that writes where a dead receiver read, and a receiver that reads what a dead sender wrote, see what the
/// dead did: the lock that they take over was never unlocked.
#[test]
fn the_dead_have_been_heard() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = made(1);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number).without_barriers());
        let other = shared.clone();
        let mortal = thread::spawn(move || one.live(at, || other.handle(&one).try_send(message(1))).is_none());
        let stack = shared.handle(&two);
        let receiver = thread::spawn(move || try_receive(&stack));
        let (died, early) = (mortal.join().unwrap(), receiver.join().unwrap());
        let late = try_receive(&shared.handle(&three));
        assert!(early.or(late) == Some(1) || (died && early.or(late).is_none()), "{early:?}, {late:?}");
        died
    });
}

/// Proves that one message fills the stack, both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || {
                let stack = shared.handle(&actor);
                stack.send(message(1)).unwrap();
                stack.send(message(2)).unwrap();
            })
        };
        let stack = shared.handle(&machine.actor(2));
        assert_eq!([stack.recv().unwrap(), stack.recv().unwrap()].map(number), [1, 2]);
        sender.join().unwrap();
    });
}

/// Proves that one send of two messages wakes two receivers that sleep.
#[test]
fn a_batch_wakes_two_receivers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2));
        let receivers = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number), shared.clone());
            thread::spawn(move || self::number(shared.handle(&actor).recv().unwrap()))
        });
        assert_eq!(shared.handle(&machine.actor(3)).try_send_slice(&[message(1), message(2)]), Ok(2));
        let mut got = receivers.map(|receiver| receiver.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Proves that one receive of two messages wakes two senders that sleep.
#[test]
fn a_batch_makes_room_for_two_senders() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(2));
        let stack = shared.handle(&machine.actor(3));
        stack.try_send_slice(&[message(1), message(2)]).unwrap();
        let senders = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number), shared.clone());
            thread::spawn(move || shared.handle(&actor).send(message(number.into())).unwrap())
        });
        assert_eq!(stack.try_recv_slice(&mut [message(0); 2]), Ok(2));
        for sender in senders {
            sender.join().unwrap();
        }
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
        assert_eq!(shared.handle(&machine.actor(2)).recv(), Err(RecvError::Closed));
        assert!(closer.join().unwrap());
    });
}

/// Proves that closing wakes a sleeping sender.
#[test]
fn closing_ends_a_sender() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let stack = shared.handle(&machine.actor(2));
        stack.try_send(message(1)).unwrap();
        let closer = {
            let (actor, shared) = (machine.actor(1), shared.clone());
            thread::spawn(move || shared.handle(&actor).close().unwrap())
        };
        assert_eq!(stack.send(message(2)), Err(SendError::Closed(message(2))));
        assert!(closer.join().unwrap());
    });
}

/// Proves that a receiver that sleeps learns that the last sender has left, after its last message.
#[test]
fn the_last_sender_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let leaving = thread::spawn(move || sender.send(message(1)).unwrap());
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        assert_eq!(receiver.recv(), Ok(message(1)));
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
        leaving.join().unwrap();
    });
}

/// Proves that what a sender did happens-before a receiver learns that it left.
#[test]
fn what_was_before_the_end_is_seen() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        let data = Arc::new(UnsafeCell::new(0_u64));
        let written = data.clone();
        let leaving = thread::spawn(move || {
            // SAFETY: the reader waits for the end; loom reports a race if the end does not order the two.
            written.with_mut(|data| unsafe { *data = 1 });
            drop(sender);
        });
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
        // SAFETY: as above.
        assert_eq!(data.with(|data| unsafe { *data }), 1);
        leaving.join().unwrap();
    });
}

/// Proves that a sender that sleeps for room learns that the last receiver has left, and that it is refused at once from then on.
#[test]
fn the_last_receiver_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(1));
        let sender = shared.handle(&machine.actor(1)).sender().unwrap();
        sender.send(message(1)).unwrap();
        let receiver = shared.handle(&machine.actor(2)).receiver().unwrap();
        let leaving = thread::spawn(move || drop(receiver));
        assert_eq!(sender.send(message(2)), Err(SendError::Disconnected(message(2))));
        leaving.join().unwrap();
        assert_eq!(receive(sender.queue()), 1);
        assert_eq!(sender.try_send(message(3)), Err(TrySendError::Disconnected(message(3))));
    });
}

/// Proves that a sweep wakes a receiver for the message of a sender that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_receiver() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_send(message(1))).is_none());
        let receiver = thread::spawn(move || number(second.handle(&two.without_seizing()).recv().unwrap()));
        let died = mortal.join().unwrap();
        if died {
            let stack = shared.handle(&three);
            let sent = !stack.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !sent {
                // It died before that, or the receiver has its message already.
                stack.try_send(message(2)).unwrap();
            }
        }
        assert!([1, 2].contains(&receiver.join().unwrap()));
        died
    });
}

/// Proves that a sweep wakes a sender for the room of a receiver that died before it woke anybody.
#[test]
fn a_sweep_wakes_a_sender() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let stack = shared.handle(&three);
        stack.try_send(message(1)).unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.handle(&one).try_recv()).is_none());
        let sender = thread::spawn(move || second.handle(&two.without_seizing()).send(message(2)).unwrap());
        let died = mortal.join().unwrap();
        if died {
            let freed = stack.is_empty();
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            if !freed {
                // It died before that, or the sender has used the room already.
                try_receive(&stack).unwrap();
            }
        }
        sender.join().unwrap();
        died
    });
}
