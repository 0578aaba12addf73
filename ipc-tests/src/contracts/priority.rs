//! Contracts of the priority queue.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::error::{RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_core::priority::PriorityQueue;

use super::{Role, SHORT, rounds};

/// The queue of the contracts.
type Queue<'m, P> = PriorityQueue<'m, i64, u64, P>;

/// The lowest key comes first, and among equal keys what was sent first; a full queue refuses and gives key and value back, an empty one
/// says so.
pub fn lowest_first<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.capacity(), queue.len(), queue.is_empty(), queue.is_full()), (5, 0, true, false));
        for (number, key) in [10, -30, i64::MAX, 10, i64::MIN].into_iter().enumerate() {
            assert_eq!(queue.try_send(key, number as u64), Ok(()));
        }
        assert_eq!(queue.try_send(20, 9), Err(TrySendError::Full((20, 9))));
    });
    role.two(|| {
        assert_eq!((queue.len(), queue.is_full()), (5, true));
        assert_eq!((queue.peek(), queue.peek()), (Ok((i64::MIN, 4)), Ok((i64::MIN, 4))));
        assert_eq!((queue.try_recv(), queue.recv()), (Ok((i64::MIN, 4)), Ok((-30, 1))));
        assert_eq!((queue.try_recv(), queue.recv()), (Ok((10, 0)), Ok((10, 3))));
        assert_eq!((queue.recv(), queue.try_recv()), (Ok((i64::MAX, 2)), Err(TryRecvError::Empty)));
        assert_eq!(queue.peek(), Err(TryRecvError::Empty));
    });
    role.one(|| assert!(queue.is_empty() && queue.stats().capacity == 5));
}

/// Through sends and receives in turn, what comes out is what a sorted list would give.
pub fn order<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    const CAPACITY: u64 = 64;
    role.two(|| {
        let (mut there, mut state) = (Vec::new(), 1_u64);
        for number in 0..rounds(4000) {
            // A linear congruential generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let grows = if (number / 100).is_multiple_of(2) { 3 } else { 1 };
            if state >> 62 < grows && (there.len() as u64) < CAPACITY {
                let message = ((state >> 40) as i64 % 16 - 8, number);
                assert_eq!(queue.try_send(message.0, message.1), Ok(()));
                there.push(message);
                // The number is the order of sending.
                there.sort_unstable_by(|one, other| other.cmp(one));
            } else {
                assert_eq!(queue.try_recv().ok(), there.pop());
            }
            assert_eq!(queue.len(), there.len());
        }
    });
}

/// A closed queue takes nothing more and gives out all that it has, and a call that waits is told.
pub fn close_then_drain<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.try_send_slice(&[(3, 3), (1, 1), (2, 2)]), Ok(3));
        assert!(queue.close().unwrap() && queue.is_closed());
    });
    role.two(|| {
        assert_eq!((queue.close().unwrap(), queue.is_closed()), (false, true));
        assert_eq!(queue.try_send(4, 4), Err(TrySendError::Closed((4, 4))));
        assert_eq!((queue.recv(), queue.iter().collect::<Vec<_>>()), (Ok((1, 1)), vec![(2, 2), (3, 3)]));
        assert_eq!((queue.try_recv(), queue.recv()), (Err(TryRecvError::Closed), Err(RecvError::Closed)));
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Closed));
    });
}

/// Sends wait for room and receives for messages; nothing is lost or doubled.
pub fn waits_for_room<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    const MESSAGES: u64 = rounds(300);
    role.at_once(
        || (0..MESSAGES).for_each(|number| queue.send(number as i64 % 3, number).expect("open")),
        || {
            let mut got: Vec<u64> = (0..MESSAGES).map(|_| queue.recv().expect("open").1).collect();
            got.sort_unstable();
            assert!(got.into_iter().eq(0..MESSAGES));
        },
    );
    role.one(|| assert!(queue.is_empty()));
}

/// A batch that does not wait sends what fits, in its order among equal keys; one that waits sends all; receiving takes the lowest ones.
pub fn batches<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.try_send_slice(&[]), Ok(0));
        assert_eq!(queue.try_send_slice(&[(7, 1), (5, 2), (7, 3), (1, 4)]), Ok(3));
        assert_eq!(queue.try_send_slice(&[(1, 4)]), Err(TrySendError::Full(())));
    });
    role.two(|| {
        let mut two = [(0, 0); 2];
        assert_eq!((queue.recv_slice(&mut two), two), (Ok(2), [(5, 2), (7, 1)]));
        let mut more = [(0, 0); 4];
        assert_eq!((queue.try_recv_slice(&mut more), more[0]), (Ok(1), (7, 3)));
        assert_eq!(queue.try_recv_slice(&mut more), Err(TryRecvError::Empty));
        assert_eq!((queue.try_recv_slice(&mut []), queue.recv_slice(&mut [])), (Ok(0), Ok(0)));
    });
    role.one(|| {
        let mut messages = (1..).map(|number| (-(number as i64), number));
        assert_eq!((queue.try_send_iter(messages.by_ref()), messages.next()), (Ok(3), Some((-4, 4))));
        assert_eq!(queue.try_iter().collect::<Vec<_>>(), [(-3, 3), (-2, 2), (-1, 1)]);
    });
    role.at_once(
        || {
            let five = [1, 2, 3, 4, 5].map(|number| (0, number));
            assert_eq!((queue.send_slice(&five), queue.send_iter([(0, 6), (0, 7)])), (Ok(()), Ok(2)));
        },
        || {
            let mut got = Vec::new();
            while got.len() < 7 {
                queue.recv_many(&mut got, 7).expect("open");
            }
            assert!(got.into_iter().map(|(_, number)| number).eq(1..=7), "equal keys: first in, first out");
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
        assert_eq!((receiver.recv(), receiver.recv()), (Ok((1, 1)), Err(RecvError::Disconnected)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
    role.one(|| {
        let sender = queue.sender().expect("a half");
        assert!(sender.is_disconnected());
        assert_eq!(sender.try_send(2, 2), Err(TrySendError::Disconnected((2, 2))), "though there is room");
    });
}

/// Time runs out where nothing happens, key and value come back, and what is possible at once is done whatever the limit.
pub fn time_limits<P: Platform>(queue: &Queue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(queue.send_timeout(1, 1, Duration::ZERO), Ok(()));
    });
    role.two(|| {
        assert_eq!(queue.send_timeout(2, 2, SHORT), Err(SendTimeoutError::Timeout((2, 2))));
        assert_eq!(queue.recv_timeout(Duration::ZERO), Ok((1, 1)));
    });
}
