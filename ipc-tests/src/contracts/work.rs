//! Contracts of the work queue.

use ipc_core::Platform;
use ipc_core::error::{RecvError, RecvValueError, TryRecvError, TrySendBytesError};
use ipc_core::work::{ByteOptions, ByteWorkQueue, Options, ValueWorkQueue, WorkQueue};

use super::{Role, SHORT, rounds};

/// A queue for two jobs, and two leases; a job has two attempts.
#[must_use]
pub fn two_attempts() -> Options<u64> {
    let mut wanted = Options::new(2);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(2), Some(2));
    wanted
}

/// The same of bytes.
#[must_use]
pub fn of_bytes() -> ByteOptions {
    let mut wanted = ByteOptions::new(2, 20);
    (wanted.jobs.leases, wanted.jobs.attempts) = (Some(2), Some(2));
    wanted
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
