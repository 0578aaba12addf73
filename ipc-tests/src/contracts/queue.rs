//! Contracts of the queue.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::error::{ForceSendError, RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_core::queue::Queue;

use super::{Role, SHORT, rounds};

/// Messages come in the order in which they were sent; a full queue refuses and gives the value back, an empty one says so.
pub fn first_in_first_out<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.capacity(), queue.len(), queue.is_empty(), queue.is_full()), (2, 0, true, false));
        assert_eq!((queue.try_send(1), queue.try_send(2)), (Ok(()), Ok(())));
        assert_eq!(queue.try_send(3), Err(TrySendError::Full(3)));
    });
    role.two(|| {
        assert_eq!((queue.len(), queue.is_full(), queue.peek()), (2, true, Some(1)));
        assert_eq!((queue.try_recv(), queue.recv()), (Ok(1), Ok(2)));
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((queue.len(), queue.peek()), (0, None));
    });
    role.one(|| assert!(queue.is_empty()));
}

/// Each value of an iterator is sent before the next one is asked for, so what it has yielded is there even if it panics.
pub fn send_iter<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let slow = |from: u64| (from..from + 3).inspect(move |value| assert_eq!(queue.len() as u64, value - 1));
        assert_eq!((queue.send_iter(slow(1)), queue.try_send_iter(slow(4))), (Ok(3), Ok(3)));
        let broken = || (7..).inspect(|value| assert!(value % 2 == 1, "a value that cannot be made"));
        let panics = [
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.send_iter(broken()).is_ok())),
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.try_send_iter(broken()).is_ok())),
        ];
        assert!(panics.iter().all(Result::is_err));
    });
    role.two(|| assert_eq!(queue.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 7]));
}

/// A forced send into a full queue drops the oldest message and gives it back; into a closed one it gives the value back.
pub fn force_send<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.force_send(1), queue.force_send(2)), (Ok(None), Ok(None)));
        assert_eq!((queue.force_send(3), queue.force_send(4)), (Ok(Some(1)), Ok(Some(2))));
    });
    role.two(|| {
        assert_eq!((queue.recv(), queue.force_send(5), queue.len()), (Ok(3), Ok(None), 2));
        assert_eq!(queue.force_send(6), Ok(Some(4)));
        queue.close().unwrap();
    });
    role.one(|| {
        assert_eq!(queue.force_send(7), Err(ForceSendError::Closed(7)));
        assert_eq!((queue.recv(), queue.recv(), queue.recv()), (Ok(5), Ok(6), Err(RecvError::Closed)));
    });
}

/// A closed queue takes nothing more and gives out all that it has.
pub fn close_then_drain<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.try_send(1), queue.try_send(2), queue.try_send(3)), (Ok(()), Ok(()), Ok(())));
        assert!(queue.close().unwrap() && queue.is_closed());
    });
    role.two(|| {
        assert_eq!((queue.close().unwrap(), queue.is_closed()), (false, true));
        assert_eq!(queue.try_send(4), Err(TrySendError::Closed(4)));
        assert_eq!((queue.recv(), queue.try_recv()), (Ok(1), Ok(2)));
        assert_eq!(queue.iter().collect::<Vec<_>>(), [3]);
        assert_eq!((queue.try_recv(), queue.recv()), (Err(TryRecvError::Closed), Err(RecvError::Closed)));
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Closed));
    });
}

/// Waiters are told when the queue is closed.
pub fn close_wakes<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.at_once(|| assert!(queue.close().unwrap()), || assert_eq!(queue.recv(), Err(RecvError::Closed)));
}

/// Sends wait for room and receives for messages; nothing is lost or doubled, and all is in order.
pub fn waits_for_room<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    const MESSAGES: u64 = rounds(300);
    role.at_once(
        || (0..MESSAGES).for_each(|number| queue.send(number).expect("nobody closes")),
        || (0..MESSAGES).for_each(|number| assert_eq!(queue.recv(), Ok(number))),
    );
    role.one(|| assert!(queue.is_empty()));
}

/// A batch that does not wait sends what fits; one that waits sends all; receiving takes what is there.
pub fn batches<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.try_send_slice(&[1, 2, 3, 4]), Ok(3));
        assert_eq!(queue.try_send_slice(&[4]), Err(TrySendError::Full(())));
    });
    role.two(|| {
        let mut two = [0; 2];
        assert_eq!((queue.recv_slice(&mut two), two), (Ok(2), [1, 2]));
        let mut more = [0; 4];
        assert_eq!((queue.try_recv_slice(&mut more), more[0]), (Ok(1), 3));
        assert_eq!(queue.try_recv_slice(&mut more), Err(TryRecvError::Empty));
    });
    role.at_once(
        || assert_eq!(queue.send_slice(&[1, 2, 3, 4, 5, 6, 7]), Ok(())),
        || {
            let mut got = Vec::new();
            while got.len() < 7 {
                queue.recv_many(&mut got, 7).expect("nobody closes");
            }
            assert_eq!(got, [1, 2, 3, 4, 5, 6, 7]);
        },
    );
}

/// When the last sender is gone, receivers get what is there and are told; when the last receiver is gone, senders are told.
pub fn halves<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    let sender = role.one(|| queue.sender().expect("a half"));
    let receiver = role.two(|| queue.receiver().expect("a half"));
    role.one(|| {
        let sender = sender.expect("it is here");
        assert_eq!((sender.try_send(1), sender.is_disconnected()), (Ok(()), false));
    });
    role.two(|| {
        let receiver = receiver.expect("it is here");
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Err(RecvError::Disconnected)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
    role.one(|| {
        let sender = queue.sender().expect("a half");
        assert!(sender.is_disconnected());
        assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)), "though there is room");
    });
}

/// Time runs out where nothing happens, the value comes back, and what is possible at once is done whatever the limit.
pub fn time_limits<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(queue.send_timeout(1, Duration::ZERO), Ok(()));
    });
    role.two(|| {
        assert_eq!(queue.send_timeout(2, SHORT), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(queue.recv_timeout(Duration::ZERO), Ok(1));
    });
}
