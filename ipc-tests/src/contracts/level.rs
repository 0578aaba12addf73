//! Contracts of the queue with levels.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::error::{RecvError, RecvTimeoutError, SendSliceError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_core::level::{LevelQueue, Options};
use ipc_core::queue::SendIterError;

use super::deadlines::Clocked;
use super::{Role, SHORT, rounds};

/// The queue of the contracts.
type Queue<'m, P> = LevelQueue<'m, u64, P>;

/// Four levels, with every third receive at another one.
#[must_use]
pub fn fair() -> Options<u64> {
    let mut wanted = Options::new(4, 16);
    wanted.fair = 3;
    wanted
}

/// The highest level comes first, and in a level what was sent first; a full level refuses and gives the value back though others have room;
/// an empty queue says so.
pub fn highest_first<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.levels(), queue.capacity(), queue.len(), queue.is_empty()), (3, 2, 0, true));
        for (number, level) in [2, 1, 2, 0].into_iter().enumerate() {
            assert_eq!(queue.try_send(level, number as u64), Ok(()));
        }
        assert_eq!((queue.try_send(2, 9), queue.is_full()), (Err(TrySendError::Full(9)), false));
        assert_eq!((queue.try_send(1, 4), queue.try_send(0, 5), queue.is_full()), (Ok(()), Ok(()), true));
    });
    role.two(|| {
        assert_eq!((queue.len(), [0, 1, 2].map(|level| queue.level_len(level))), (6, [2; 3]));
        assert_eq!((queue.peek(), queue.peek(), queue.try_recv()), (Some(3), Some(3), Ok(3)));
        assert_eq!((queue.recv(), queue.recv(), queue.try_recv()), (Ok(5), Ok(1), Ok(4)));
        assert_eq!((queue.recv(), queue.recv(), queue.try_recv()), (Ok(0), Ok(2), Err(TryRecvError::Empty)));
        assert_eq!(queue.peek(), None);
    });
    role.one(|| assert!(queue.is_empty() && queue.stats().received == 6));
}

/// A strict queue gives out nothing of a lower level while a higher one has something. See [`all_have_turns`] for a fair one.
pub fn strict<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.two(|| {
        assert_eq!((queue.try_send(1, 7), queue.try_send(2, 8)), (Ok(()), Ok(())));
        for number in 0..rounds(200) {
            assert_eq!((queue.try_send(0, number), queue.recv()), (Ok(()), Ok(number)));
        }
        assert_eq!((queue.recv(), queue.recv()), (Ok(7), Ok(8)));
    });
}

/// Of three times three receives, each level that has messages all the time gives out one at least, those in the middle, too.
pub fn all_have_turns<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.two(|| {
        for _ in 0..rounds(100) {
            let mut got = [0; 4];
            for _ in 0..9 {
                // All levels have some, whatever was taken.
                for level in 0..4 {
                    while queue.level_len(level) < 2 {
                        queue.try_send(level, level as u64).expect("there is room");
                    }
                }
                got[queue.recv().expect("it is open") as usize] += 1;
            }
            assert_eq!(got, [6, 1, 1, 1]);
        }
    });
}

/// A closed queue takes nothing more and gives out all that it has, the highest first, and a call that waits is told.
pub fn close_then_drain<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.try_send_slice(2, &[3]), queue.try_send_slice(0, &[1, 2])), (Ok(1), Ok(2)));
        assert!(queue.close().unwrap() && queue.is_closed());
    });
    role.two(|| {
        assert_eq!((queue.close().unwrap(), queue.is_closed()), (false, true));
        assert!((0..3).all(|level| queue.try_send(level, 4) == Err(TrySendError::Closed(4))));
        assert_eq!((queue.recv(), queue.iter().collect::<Vec<_>>()), (Ok(1), vec![2, 3]));
        assert_eq!((queue.try_recv(), queue.recv()), (Err(TryRecvError::Closed), Err(RecvError::Closed)));
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Closed));
    });
}

/// A call that waits is woken when the queue is closed.
pub fn close_wakes<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.at_once(|| assert!(queue.close().is_ok()), || assert_eq!(queue.recv(), Err(RecvError::Closed)));
}

/// Sends wait for room in their level and receives for messages; nothing is lost or doubled, and each level keeps its order.
pub fn waits_for_room<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    const MESSAGES: u64 = rounds(300);
    role.at_once(
        || (0..MESSAGES).for_each(|number| queue.send(number as usize % 3, number).expect("open")),
        || {
            let mut next = [0, 1, 2];
            for _ in 0..MESSAGES {
                let number = queue.recv().expect("open");
                let next = &mut next[number as usize % 3];
                assert_eq!(number, *next);
                *next += 3;
            }
        },
    );
    role.one(|| assert!(queue.is_empty()));
}

/// A batch that does not wait sends what fits into its level; one that waits sends all; one receive takes messages of one level.
pub fn batches<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.try_send_slice(1, &[]), Ok(0));
        assert_eq!(queue.try_send_slice(1, &[1, 2, 3]), Ok(2));
        assert_eq!(
            (queue.try_send_slice(1, &[3]), queue.try_send_slice(0, &[4])),
            (Err(TrySendError::Full(())), Ok(1))
        );
    });
    role.two(|| {
        let mut four = [0; 4];
        assert_eq!((queue.recv_slice(&mut four), four[0]), (Ok(1), 4));
        assert_eq!((queue.try_recv_slice(&mut four), four[..2].to_vec()), (Ok(2), vec![1, 2]));
        assert_eq!(queue.try_recv_slice(&mut four), Err(TryRecvError::Empty));
        assert_eq!((queue.try_recv_slice(&mut []), queue.recv_slice(&mut [])), (Ok(0), Ok(0)));
    });
    role.one(|| {
        let mut messages = 1..;
        assert_eq!((queue.try_send_iter(2, messages.by_ref()), messages.next()), (Ok(2), Some(3)));
        assert_eq!(queue.try_iter().collect::<Vec<_>>(), [1, 2]);
    });
    role.at_once(
        || assert_eq!((queue.send_slice(1, &[1, 2, 3, 4, 5]), queue.send_iter(1, [6, 7])), (Ok(()), Ok(2))),
        || {
            let mut got = Vec::new();
            while got.len() < 7 {
                queue.recv_many(&mut got, 7).expect("open");
            }
            assert!(got.into_iter().eq(1..=7));
        },
    );
}

/// When the last sender is gone, receivers get what is there and are told; when the last receiver is gone, senders are told.
pub fn halves<P: Platform + Clone>(queue: &Queue<'_, P>, role: &Role<'_>) {
    let sender = role.one(|| queue.sender().expect("a half"));
    let receiver = role.two(|| queue.receiver().expect("a half"));
    role.one(|| {
        let sender = sender.expect("it is here");
        assert_eq!((sender.try_send(1, 1), sender.is_disconnected()), (Ok(()), false));
    });
    role.two(|| {
        let receiver = receiver.expect("it is here");
        assert_eq!((receiver.peek(), receiver.recv()), (Some(1), Ok(1)));
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
    role.one(|| {
        let sender = queue.sender().expect("a half");
        assert!(sender.is_disconnected());
        assert_eq!(sender.try_send(2, 2), Err(TrySendError::Disconnected(2)), "though there is room");
    });
}

/// Time runs out where nothing happens in the level, the value comes back, and what is possible at once is done whatever the limit.
pub fn time_limits<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(queue.send_timeout(1, 1, Duration::ZERO), Ok(()));
    });
    role.two(|| {
        assert_eq!(queue.send_timeout(1, 2, SHORT), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(queue.send_timeout(2, 3, Duration::ZERO), Ok(()));
        assert_eq!(queue.recv_timeout(Duration::ZERO), Ok(1));
    });
}

/// The forms with a deadline: one that has passed lets a call do what is possible at once, one that is far off lets it wait.
pub fn deadlines<P: Clocked + Clone>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        let (sender, receiver) = (queue.sender().expect("a half"), queue.receiver().expect("a half"));
        assert_eq!(queue.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!((queue.send_deadline(1, 2, P::past()), sender.send_deadline(1, 3, P::past())), (Ok(()), Ok(())));
        assert_eq!(sender.send_deadline(1, 4, P::past()), Err(SendTimeoutError::Timeout(4)));
        let none = SendSliceError { sent: 0, cause: SendTimeoutError::Timeout(()) };
        assert_eq!(sender.send_slice_deadline(1, &[4, 5], P::past()), Err(none));
        assert_eq!(sender.send_deadline(0, 1, P::past()), Ok(()), "the level above has room");
        assert_eq!((receiver.recv_deadline(P::past()), receiver.recv_deadline(P::past())), (Ok(1), Ok(2)));
        // A limit counts for the whole iterator: one has room, and the second waits in vain.
        let late = Err(SendIterError { sent: 1, unsent: vec![5], cause: SendTimeoutError::Timeout(()) });
        assert_eq!(queue.send_iter_timeout(1, 4..7, Duration::ZERO), late);
        let mut got = Vec::new();
        assert_eq!((receiver.recv_many_deadline(&mut got, 9, P::past()), &got[..]), (Ok(2), &[3, 4][..]));
        assert_eq!(queue.recv_many_timeout(&mut got, 9, Duration::ZERO), Err(RecvTimeoutError::Timeout));
    });
    role.at_once(
        || (0..rounds(50)).for_each(|number| assert_eq!(queue.send_deadline(1, number, P::far()), Ok(()))),
        || (0..rounds(50)).for_each(|number| assert_eq!(queue.recv_deadline(P::far()), Ok(number))),
    );
}
