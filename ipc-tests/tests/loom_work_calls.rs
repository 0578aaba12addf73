//! Calls: an answer reaches a caller that waits, and a block comes back, whichever of the two goes or dies first.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::error::{AnswerError, ReplyError, TryAnswerError, TryRecvError, TrySendBytesError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_core::work::{ByteLease, ByteOptions, ByteWorkQueue};
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths, id};
use loom::thread;

type Queue<'m> = ByteWorkQueue<'m, Actor>;
type Words = Arc<Shared<ByteOptions>>;

/// A queue for one job, and one more that is leased or answered.
fn made(attempts: u32) -> Words {
    let mut wanted = ByteOptions::new(1, 8);
    (wanted.jobs.leases, wanted.jobs.attempts, wanted.max_reply) = (Some(1), Some(attempts), Some(8));
    wanted.jobs.start = (1 << 44) - 1;
    Shared::new(wanted)
}

fn try_lease<'q, 'm>(queue: &'q Queue<'m>) -> Option<ByteLease<'q, 'm, Actor>> {
    match queue.try_recv() {
        Ok(lease) => Some(lease),
        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        Err(error) => panic!("{error}"),
    }
}

/// No job is left, and both blocks can be used again.
fn go_on(queue: &Queue<'_>) {
    assert!(try_lease(queue).is_none());
    assert!(queue.is_idle());
    assert_eq!(queue.try_send(b"a"), Ok(()), "a block is missing");
    let lease = try_lease(queue).expect("a job");
    assert_eq!(queue.try_send(b"b"), Ok(()), "a block is missing");
    assert_eq!(queue.try_send(b"c"), Err(TrySendBytesError::Full));
    lease.done().unwrap();
    assert_eq!(try_lease(queue).expect("a job").reply(b"nobody asked"), Err(ReplyError::TooLong { len: 12, max: 8 }));
    assert_eq!(try_lease(queue).expect("it came back").reply(b""), Ok(false));
}

/// Proves that a caller reads the whole answer, and that the next answer in its block is not written before it goes.
#[test]
fn an_answer_arrives() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let server = thread::spawn(move || {
            let queue = other.handle(&one);
            for _ in 0..2 {
                let lease = loop {
                    match try_lease(&queue) {
                        Some(lease) => break lease,
                        None => spin_hint(),
                    }
                };
                let answer = [lease[0] + 1; 3];
                assert_eq!(lease.reply(&answer), Ok(true));
            }
        });
        let queue = shared.handle(&two);
        for job in [1, 5] {
            let ticket = queue.try_call(&[job]).unwrap();
            let answer = loop {
                match ticket.try_wait() {
                    Ok(answer) => break answer,
                    Err(TryAnswerError::Pending) => spin_hint(),
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(answer, [job + 1; 3]);
        }
        server.join().unwrap();
        go_on(&queue);
    });
}

/// Proves that a caller that sleeps is woken by the answer.
#[test]
fn an_answer_wakes() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1), machine.actor(2));
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        let other = shared.clone();
        let server = thread::spawn(move || assert_eq!(try_lease(&other.handle(&one)).unwrap().reply(&[2]), Ok(true)));
        assert_eq!(ticket.wait(), Ok(&[2][..]));
        server.join().unwrap();
    });
}

/// Proves that a job is withdrawn or begun, never both, and that its block comes back, whichever of caller and server goes first.
#[test]
fn a_caller_goes() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        let other = shared.clone();
        let server = thread::spawn(move || {
            let queue = other.handle(&one);
            try_lease(&queue).map(|lease| lease.reply(&[2]).unwrap()).is_some()
        });
        let withdrawn = ticket.cancel().unwrap();
        let began = server.join().unwrap();
        assert_eq!(withdrawn, !began);
        assert_eq!(queue.stats().answered, 0, "a block is nobody's, and not free");
        go_on(&queue);
    });
}

/// Proves that a job whose caller goes while its holder gives it back is not lost with its block.
#[test]
fn a_caller_goes_beside_one_who_gives_back() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        let other = shared.clone();
        let server = thread::spawn(move || drop(try_lease(&other.handle(&one))));
        ticket.cancel().unwrap();
        server.join().unwrap();
        go_on(&queue);
    });
}

/// Proves that a holder whose job the caller brings home for it does not take it from another thread of its process.
#[test]
fn a_caller_helps() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let server = Arc::new(one);
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let same = server.clone();
        let giver = thread::spawn(move || drop(try_lease(&first.handle(&server))));
        let taker = thread::spawn(move || {
            let queue = second.handle(&same);
            if let Some(lease) = try_lease(&queue) {
                assert!(!queue.is_idle(), "the job was taken away");
                lease.reply(&[2]).unwrap();
            }
        });
        ticket.cancel().unwrap();
        giver.join().unwrap();
        taker.join().unwrap();
        go_on(&queue);
    });
}

/// Proves that a sender that sleeps for room, and one that waits for the end of all work, are woken by a job that is withdrawn.
#[test]
fn a_withdrawal_wakes() {
    for idle in [false, true] {
        explore(2, move || {
            let (machine, shared) = (Machine::new(), made(0));
            let (one, two) = (machine.actor(1), machine.actor(2));
            let queue = shared.handle(&two);
            let ticket = queue.try_call(&[1]).unwrap();
            let other = shared.clone();
            let sleeper = thread::spawn(move || {
                let queue = other.handle(&one);
                if idle { queue.wait_idle().unwrap() } else { queue.send(b"a").unwrap() }
            });
            assert_eq!(ticket.cancel(), Ok(true));
            sleeper.join().unwrap();
        });
    }
}

/// Proves that a sender that sleeps for a block is woken by a caller that has its answer and goes, and by a holder that gives back a job
/// that nobody waits for.
#[test]
fn blocks_of_calls_make_room() {
    for given_back in [false, true] {
        explore(2, move || {
            let (machine, shared) = (Machine::new(), made(0));
            let (one, two) = (machine.actor(1), machine.actor(2));
            let queue = shared.handle(&two);
            let kept = queue.try_call(&[1]).unwrap();
            assert_eq!(try_lease(&queue).unwrap().reply(&[1]), Ok(true));
            let ticket = queue.try_call(&[2]).unwrap();
            let lease = try_lease(&queue).unwrap();
            let (lease, ticket) = if given_back {
                drop(ticket);
                (Some(lease), None)
            } else {
                lease.reply(&[2]).unwrap();
                (None, Some(ticket))
            };
            let other = shared.clone();
            let sleeper = thread::spawn(move || other.handle(&one).send(b"a").unwrap());
            drop((lease, ticket));
            sleeper.join().unwrap();
            assert_eq!(kept.try_wait(), Ok(&[1][..]));
        });
    }
}

/// Proves that one who waits for the end of all work is woken by an answer, and by a holder that gives back a job that nobody waits for.
#[test]
fn the_end_of_a_call_is_the_end() {
    for given_back in [false, true] {
        explore(2, move || {
            let (machine, shared) = (Machine::new(), made(0));
            let (one, two) = (machine.actor(1), machine.actor(2));
            let queue = shared.handle(&two);
            let mut ticket = Some(queue.try_call(&[2]).unwrap());
            let lease = try_lease(&queue).unwrap();
            if given_back {
                ticket = None;
            }
            let other = shared.clone();
            let waiter = thread::spawn(move || other.handle(&one).wait_idle().unwrap());
            if given_back {
                drop(lease)
            } else {
                assert_eq!(lease.reply(&[]), Ok(true))
            }
            waiter.join().unwrap();
            assert!(ticket.is_none_or(|ticket| ticket.try_wait() == Ok(&[])));
        });
    }
}

/// Proves that a sender that finds no room finds the blocks of a caller that died.
#[test]
fn a_sender_finds_a_caller_dead() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made(0));
        let (one, two) = (machine.actor(1), machine.actor(2));
        {
            let queue = shared.handle(&one);
            for job in [1, 2] {
                std::mem::forget(queue.try_call(&[job]).unwrap());
                assert_eq!(try_lease(&queue).unwrap().reply(&[job]), Ok(true));
            }
        }
        let sender = thread::spawn(move || shared.handle(&two).send(b"a").unwrap());
        one.die();
        sender.join().unwrap();
    });
}

/// Proves that a sweep wakes a caller whose server died before it did.
#[test]
fn a_sweep_wakes_a_caller() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), made(1));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let queue = shared.handle(&two.without_seizing());
        let ticket = queue.try_call(&[1]).unwrap();
        let mortal = thread::spawn(move || {
            let queue = first.handle(&one);
            let lease = try_lease(&queue).unwrap();
            one.live(at, || lease.reply(&[2]).unwrap()).is_none()
        });
        let repair = thread::spawn(move || {
            let died = mortal.join().unwrap();
            if died {
                second.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            }
            died
        });
        let answer = ticket.wait().map(<[u8]>::to_vec);
        assert!(answer == Ok(vec![2]) || answer == Err(AnswerError::Failed { attempts: 1 }));
        repair.join().unwrap()
    });
}

/// Proves that wherever a server dies in its answer, a caller that sleeps finds it dead, and gets the answer of it or of another server.
#[test]
fn a_server_dies_in_its_answer() {
    explore_deaths(1, |at| {
        let (machine, shared) = (Machine::new(), made(0));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        queue.close().unwrap();
        let mortal = thread::spawn(move || {
            let queue = first.handle(&one);
            let Some(lease) = try_lease(&queue) else { return false };
            one.live(at, || lease.reply(&[2]).unwrap()).is_none()
        });
        let other = thread::spawn(move || {
            for lease in &second.handle(&three) {
                assert_eq!(lease.reply(&[3; 4]), Ok(true));
            }
        });
        let answer = ticket.wait().unwrap();
        assert!(answer == [2] || answer == [3; 4]);
        other.join().unwrap();
        mortal.join().unwrap()
    });
}

/// Proves that a caller that sleeps finds by itself that its server is dead, and learns that the job is given up.
#[test]
fn a_caller_finds_its_server_dead() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1));
        let [one, two] = [1, 2].map(|number| machine.actor(number));
        let first = shared.clone();
        let queue = shared.handle(&two);
        let ticket = queue.try_call(&[1]).unwrap();
        let server = thread::spawn(move || {
            let queue = first.handle(&one);
            let lease = try_lease(&queue).unwrap();
            one.live(at, || lease.reply(&[2]).unwrap()).is_none()
        });
        let answer = ticket.wait().map(<[u8]>::to_vec);
        let died = server.join().unwrap();
        assert!(answer == Ok(vec![2]) || (died && answer == Err(AnswerError::Failed { attempts: 1 })));
        died
    });
}

/// Proves that wherever a server dies, while it answers or gives back, beside a caller that goes, the block comes back.
#[test]
fn a_server_dies() {
    for gives_back in [false, true] {
        explore_deaths(2, move |at| {
            let (machine, shared) = (Machine::new(), made(0));
            let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
            let first = shared.clone();
            let queue = shared.handle(&two);
            let ticket = queue.try_call(&[1]).unwrap();
            let mortal = thread::spawn(move || {
                let serve = |lease: ByteLease<'_, '_, Actor>| {
                    if gives_back { drop(lease) } else { _ = lease.reply(&[2]) }
                };
                one.live(at, || try_lease(&first.handle(&one)).map(serve)).is_none()
            });
            drop(ticket);
            let died = mortal.join().unwrap();
            if died {
                shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
            }
            go_on(&queue);
            died
        });
    }
}

/// Proves that wherever a caller dies, in its call or on its way out, beside a server, the block comes back.
#[test]
fn a_caller_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(0));
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            let queue = first.handle(&one);
            one.live(at, || drop(queue.try_call(&[1]).unwrap())).is_none()
        });
        let server = thread::spawn(move || _ = try_lease(&second.handle(&two)).map(|lease| lease.reply(&[2])));
        let died = mortal.join().unwrap();
        if died {
            shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        }
        server.join().unwrap();
        let queue = shared.handle(&three);
        // It was sent before the death, and nobody wants it.
        assert!(try_lease(&queue).is_none());
        go_on(&queue);
        died
    });
}

/// Proves that a caller learns that its job is given up, wherever the sweeper dies beside another one, and that no dead letter is left.
#[test]
fn a_job_is_given_up() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made(1));
        let [one, two, three, four] = [1, 2, 3, 4].map(|number| machine.actor(number));
        let queue = shared.handle(&four);
        let ticket = queue.try_call(&[1]).unwrap();
        std::mem::forget(try_lease(&shared.handle(&one)).unwrap());
        one.die();
        let first = shared.clone();
        let mortal = thread::spawn(move || {
            let sweep = || first.sweep(Seized::try_new(&two, id(1)).unwrap().dead(), &two);
            two.live(at, sweep).is_none()
        });
        shared.sweep(Seized::try_new(&three, id(1)).unwrap().dead(), &three);
        let died = mortal.join().unwrap();
        assert_eq!(ticket.wait(), Err(AnswerError::Failed { attempts: 1 }));
        assert!(queue.try_recv_dead().is_err_and(|error| error.is_empty()));
        drop(ticket);
        assert_eq!(queue.stats().answered, 0);
        assert!(queue.is_idle());
        died
    });
}
