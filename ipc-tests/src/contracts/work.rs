//! Contracts of the work queue.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::error::{
    AnswerError, AnswerTimeoutError, AnswerValueError, LeaseError, RecvError, RecvValueError, ReplyError,
    TryAnswerError, TryRecvError, TrySendBytesError,
};
use ipc_core::work::{ByteOptions, ByteWorkQueue, Options, ValueWorkQueue, WorkQueue};

use super::deadlines::Clocked;
use super::{Role, SHORT, rounds};

/// A queue for two jobs, and two leases; a job has two attempts.
#[must_use]
pub fn two_attempts() -> Options<u64> {
    let mut wanted = Options::new(2);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(2), Some(2));
    wanted
}

/// What the queues of bytes of these contracts are like.
#[must_use]
pub fn of_bytes() -> ByteOptions {
    let mut wanted = ByteOptions::new(2, 20);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(2), Some(2));
    wanted
}

/// Two jobs of up to 20 bytes, with answers of up to 5.
#[must_use]
pub fn of_calls() -> ByteOptions {
    ByteOptions { max_reply: Some(5), ..of_bytes() }
}

/// A job that is given back comes again before new ones, with the attempt counted; after the last one it is a dead letter.
pub fn comes_back<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.send(1), queue.send(2)), (Ok(()), Ok(())));
        assert!(queue.is_full() && queue.try_send(3).is_err_and(|error| error.is_full()));
    });
    let lease = role.two(|| {
        let lease = queue.recv().expect("a job");
        assert_eq!((*lease, lease.attempt()), (1, 1));
        lease
    });
    role.one(|| {
        // A job that is leased does not count.
        assert_eq!((queue.len(), queue.send(3)), (1, Ok(())));
    });
    role.two(|| drop(lease));
    role.one(|| {
        let lease = queue.try_recv().expect("a job");
        assert_eq!((*lease, lease.attempt(), queue.len()), (1, 2, 2));
    });
    role.two(|| {
        let got: Vec<u64> = queue.try_iter().map(|lease| (*lease, lease.done()).0).collect();
        assert_eq!(got, [2, 3]);
        let letter = queue.try_recv_dead().expect("a dead letter");
        assert_eq!((*letter, letter.attempt(), letter.is_dead_letter()), (1, 2, true));
        assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Empty));
        drop(letter);
    });
    role.one(|| {
        assert_eq!(queue.stats().dead, 1);
        assert_eq!(queue.try_recv_dead().expect("the dead letter").done(), Ok(()));
        assert_eq!((queue.stats().dead, queue.is_idle()), (0, true));
    });
}

/// A receiver of dead letters blocks until one comes, and gets the end when the queue is closed and no job can fail any more.
pub fn letters<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.at_once(
        || {
            for number in 0..rounds(50) {
                assert_eq!(queue.send(number), Ok(()));
                (0..2).for_each(|_| drop(queue.recv().expect("a job")));
            }
            assert_eq!(queue.close(), Ok(true));
        },
        || {
            for number in 0..rounds(50) {
                let letter = queue.recv_dead().expect("a dead letter");
                assert_eq!((*letter, letter.is_dead_letter(), letter.done()), (number, true, Ok(())));
            }
            assert_eq!(queue.recv_dead().map(drop), Err(RecvError::Closed));
            assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Closed));
        },
    );
}

/// Two jobs, and leases of ten milliseconds.
#[must_use]
pub fn with_limit() -> Options<u64> {
    let mut wanted = Options::new(2);
    wanted.lease_limit = Some(Duration::from_millis(10));
    wanted
}

/// A job whose holder keeps it for too long goes to another one, and the old holder is told.
pub fn time_limit<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(queue.send(1), Ok(())));
    let stuck = role.two(|| queue.recv().expect("a job"));
    let lease = role.one(|| {
        let lease = queue.recv().expect("it is taken over");
        assert_eq!((*lease, lease.attempt()), (1, 2));
        lease.done()
    });
    assert!(lease.is_none_or(|done| done == Ok(())));
    role.two(|| {
        let stuck = stuck.expect("it has one");
        assert_eq!((stuck.renew(), stuck.done()), (Err(LeaseError::Expired), Err(LeaseError::Expired)));
        assert_eq!(queue.wait_idle(), Ok(()));
    });
}

/// Jobs of bytes come again whole, whatever their length.
pub fn bytes<P: Platform>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.max_len(), queue.send(b"one"), queue.send_parts(&[b"tw", b"", b"o!"])), (20, Ok(()), Ok(())));
        assert_eq!(queue.try_send(b""), Err(TrySendBytesError::Full));
        assert_eq!(queue.try_send(&[0; 21]), Err(TrySendBytesError::TooLong { len: 21, max: 20 }));
    });
    let lease = role.two(|| {
        let lease = queue.recv().expect("a job");
        assert_eq!((&*lease, lease.attempt()), (&b"one"[..], 1));
        lease
    });
    role.one(|| assert_eq!(queue.send(b""), Ok(())));
    role.two(|| {
        assert_eq!(lease.as_deref(), Some(&b"one"[..]));
        drop(lease);
    });
    role.one(|| {
        let lease = queue.try_recv().expect("a job");
        assert_eq!((&*lease, lease.attempt(), lease.to_vec().len()), (&b"one"[..], 2, 3));
        assert_eq!(lease.done(), Ok(()));
        let got: Vec<Vec<u8>> = queue.try_iter().map(|lease| (lease.to_vec(), lease.done()).0).collect();
        assert_eq!((got, queue.wait_idle()), (vec![b"two!".to_vec(), Vec::new()], Ok(())));
    });
    let all = || (0..rounds(60)).map(|number| vec![number as u8; number as usize % 20]);
    role.at_once(
        || all().for_each(|job| assert_eq!(queue.send(&job), Ok(()))),
        || {
            for job in all() {
                let lease = queue.recv().expect("a job");
                assert_eq!(*lease, *job);
                assert_eq!(lease.done(), Ok(()));
            }
        },
    );
}

/// Jobs that are values come again; what is no value is dropped with an error of its own.
pub fn values<P: Platform + Clone>(bytes: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let queue = ValueWorkQueue::<'_, (String, bool), P>::new(bytes.clone());
    let job = ("a".to_owned(), true);
    role.one(|| assert_eq!((queue.send(&job), bytes.send(&[1, 97, 7])), (Ok(()), Ok(()))));
    role.two(|| drop(queue.recv().expect("a job")));
    role.one(|| {
        let lease = queue.try_recv().expect("a job");
        assert_eq!((&*lease, lease.attempt()), (&job, 2));
        assert_eq!(lease.done(), Ok(()));
        assert!(matches!(queue.recv().map(drop), Err(RecvValueError::Value(_))));
        assert_eq!((queue.len(), queue.wait_idle()), (0, Ok(())));
    });
}

/// Jobs come in the order in which they were sent, and senders wait for room.
pub fn in_order<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.at_once(
        || (0..rounds(100)).for_each(|number| assert_eq!(queue.send(number), Ok(()))),
        || {
            for number in 0..rounds(100) {
                let lease = queue.recv().expect("a job");
                assert_eq!((*lease, lease.done()), (number, Ok(())));
            }
        },
    );
    role.one(|| assert_eq!(queue.wait_idle(), Ok(())));
}

/// Waiting for the end waits for a job that is leased, and for one that waits.
pub fn wait_idle<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    let lease = role.two(|| {
        assert_eq!(queue.wait_idle(), Ok(()));
        assert_eq!(queue.send(1), Ok(()));
        assert!(queue.wait_idle_timeout(SHORT).is_err_and(|error| error.is_timeout()));
        queue.recv().expect("a job")
    });
    role.one(|| assert!(queue.wait_idle_timeout(SHORT).is_err_and(|error| error.is_timeout())));
    role.at_once(
        || assert_eq!(queue.wait_idle(), Ok(())),
        || {
            if let Some(lease) = lease {
                assert_eq!(lease.done(), Ok(()));
            }
        },
    );
}

/// A closed queue takes nothing more, and ends for receivers when all is done: a job that is leased may come back.
pub fn close_then_drain<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    let lease = role.one(|| {
        assert_eq!(queue.send(7), Ok(()));
        queue.recv().expect("a job")
    });
    role.two(|| {
        assert_eq!(queue.close(), Ok(true));
        assert!(queue.send(8).is_err_and(|error| error.is_closed() && error.into_inner() == 8));
        assert_eq!(queue.try_recv().map(drop), Err(TryRecvError::Empty));
        assert!(queue.recv_timeout(SHORT).is_err_and(|error| error.is_timeout()));
    });
    role.one(|| drop(lease));
    role.two(|| {
        for lease in queue {
            assert_eq!((*lease, lease.attempt(), lease.done()), (7, 2, Ok(())));
        }
        assert_eq!(queue.recv().map(drop), Err(RecvError::Closed));
        assert_eq!(queue.close(), Ok(false));
    });
}

/// Calls are answered, whichever of the two goes first, and what is sent goes on beside them.
pub fn calls<P: Platform>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let tickets = role.one(|| {
        assert_eq!(queue.max_reply(), 5);
        let ticket = queue.call(b"a").expect("room");
        assert_eq!(ticket.try_wait(), Err(TryAnswerError::Pending));
        assert!(ticket.wait_timeout(SHORT).is_err_and(|error| error.is_timeout()));
        [ticket, queue.try_call(b"b").expect("room")]
    });
    role.two(|| {
        let lease = queue.recv().expect("a job");
        assert!(*lease == *b"a" && lease.is_wanted());
        drop(lease);
        let lease = queue.recv().expect("it came back");
        assert_eq!((lease.to_vec(), lease.attempt(), lease.reply(b"12345")), (b"a".to_vec(), 2, Ok(true)));
        let lease = queue.recv().expect("a job");
        assert_eq!((lease.to_vec(), lease.done()), (b"b".to_vec(), Ok(())));
        assert!(queue.is_idle() && queue.stats().answered == 2);
    });
    role.one(|| {
        let [first, second] = tickets.expect("it called");
        assert_eq!((first.wait(), first.try_wait()), (Ok(&b"12345"[..]), Ok(&b"12345"[..])));
        assert_eq!(second.wait(), Err(AnswerError::Unanswered));
        assert_eq!(first.cancel(), Ok(false));
    });
    role.one(|| assert_eq!(queue.stats().answered, 0));
    // Longer than an answer can be: the job goes back, until it has no attempts left.
    let ticket = role.one(|| queue.call(b"c").expect("room"));
    role.two(|| {
        for _ in 0..2 {
            let lease = queue.recv().expect("a job");
            assert_eq!(lease.reply(b"123456"), Err(ReplyError::TooLong { len: 6, max: 5 }));
        }
        assert_eq!(queue.try_recv_dead().map(drop), Err(TryRecvError::Empty));
    });
    role.one(|| {
        assert_eq!(ticket.expect("it called").wait(), Err(AnswerError::Failed { attempts: 2 }));
    });
    withdrawn(queue, role);
    role.at_once(
        || {
            for number in 0..rounds(40) {
                let ticket = queue.call(&[number as u8]).expect("room");
                assert_eq!(ticket.wait(), Ok(&[number as u8; 3][..]));
            }
        },
        || {
            for _ in 0..rounds(40) {
                let lease = queue.recv().expect("a job");
                let answer = [lease[0]; 3];
                assert_eq!(lease.reply(&answer), Ok(true));
            }
        },
    );
    role.one(|| assert!(queue.is_idle() && queue.stats().answered == 0));
}

/// Calls that are given up before and after somebody begins with them, and jobs that were sent between them.
fn withdrawn<P: Platform>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let ticket = role.one(|| {
        assert_eq!(queue.call(b"a").expect("room").cancel(), Ok(true));
        assert_eq!((queue.len(), queue.wait_idle()), (0, Ok(())));
        assert_eq!(queue.send(b"b"), Ok(()));
        let ticket = queue.call(b"c").expect("room");
        // Behind a job: it keeps its place until that is received.
        assert_eq!((ticket.cancel(), queue.len()), (Ok(true), 2));
        assert!(queue.try_send(b"d").is_err_and(|error| error.is_full()));
        let lease = queue.recv().expect("a job");
        assert_eq!(
            (lease.to_vec(), lease.reply(b"nobody"), queue.len()),
            (b"b".to_vec(), Err(ReplyError::TooLong { len: 6, max: 5 }), 2)
        );
        let lease = queue.recv().expect("it came back");
        assert_eq!((lease.to_vec(), lease.is_wanted(), lease.reply(b"no")), (b"b".to_vec(), true, Ok(false)));
        assert_eq!((queue.try_recv().map(drop), queue.len(), queue.wait_idle()), (Err(TryRecvError::Empty), 0, Ok(())));
        queue.call(b"e").expect("room")
    });
    let lease = role.two(|| queue.recv().expect("a job"));
    role.one(|| {
        assert_eq!(ticket.expect("it called").cancel(), Ok(false));
        assert!(!queue.is_idle());
    });
    role.two(|| {
        let lease = lease.expect("it has one");
        assert_eq!((lease.is_wanted(), lease.reply(b"late")), (false, Ok(false)));
        assert!(queue.is_idle());
    });
    let ticket = role.one(|| queue.call(b"f").expect("room"));
    let lease = role.two(|| queue.recv().expect("a job"));
    role.one(|| drop(ticket));
    // Given back, it does not come again.
    role.two(|| {
        drop(lease);
        assert_eq!((queue.try_recv().map(drop), queue.is_idle()), (Err(TryRecvError::Empty), true));
    });
}

/// Calls of values are answered with values.
pub fn value_calls<P: Platform + Clone>(bytes: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let queue = ValueWorkQueue::<'_, u8, P>::new(bytes.clone());
    role.one(|| {
        let ticket = queue.call::<(bool, u8)>(&3).expect("room");
        assert!(ticket.try_wait().is_err_and(|error| error.is_pending()));
        let lease = queue.recv().expect("a job");
        assert_eq!((*lease, lease.is_wanted(), lease.reply(&(true, 4_u8))), (3, true, Ok(true)));
        assert_eq!((ticket.wait(), ticket.wait_timeout(SHORT)), (Ok((true, 4)), Ok((true, 4))));
        let ticket = queue.try_call::<bool>(&3).expect("room");
        assert_eq!(queue.recv().expect("a job").reply(&7_u8), Ok(true));
        assert!(matches!(ticket.wait(), Err(AnswerValueError::Value(_))));
        let ticket = queue.call_timeout::<bool>(&3, SHORT).expect("room");
        assert!(queue.recv().expect("a job").reply(&[7_u64; 5].to_vec()).is_err_and(|error| error.is_too_long()));
        assert_eq!(ticket.cancel(), Ok(false));
        assert!(queue.bytes().is_idle());
    });
}

/// Calls and waits for answers with deadlines.
pub fn call_deadlines<P: Clocked>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        let ticket = queue.call_deadline(b"a", P::past()).expect("room");
        assert_eq!(ticket.wait_deadline(P::past()), Err(AnswerTimeoutError::Timeout));
        assert_eq!(queue.recv().expect("a job").reply(b"yes"), Ok(true));
        assert_eq!(ticket.wait_deadline(P::past()), Ok(&b"yes"[..]));
    });
    role.at_once(
        || {
            for _ in 0..rounds(50) {
                let ticket = queue.call_deadline(b"a", P::far()).expect("room");
                assert_eq!(ticket.wait_deadline(P::far()), Ok(&b"yes"[..]));
            }
        },
        || (0..rounds(50)).for_each(|_| assert_eq!(queue.recv().expect("a job").reply(b"yes"), Ok(true))),
    );
}
