//! Contracts of the stack.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::error::{RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_core::stack::Stack;

use super::{Role, SHORT, rounds};

/// The last message comes first; a full stack refuses and gives the value back, an empty one says so.
pub fn last_in_first_out<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((stack.capacity(), stack.len(), stack.is_empty(), stack.is_full()), (2, 0, true, false));
        assert_eq!((stack.try_send(1), stack.try_send(2)), (Ok(()), Ok(())));
        assert_eq!(stack.try_send(3), Err(TrySendError::Full(3)));
    });
    role.two(|| {
        assert_eq!((stack.len(), stack.is_full()), (2, true));
        assert_eq!((stack.peek(), stack.peek()), (Ok(2), Ok(2)));
        assert_eq!((stack.try_recv(), stack.recv()), (Ok(2), Ok(1)));
        assert_eq!((stack.try_recv(), stack.peek()), (Err(TryRecvError::Empty), Err(TryRecvError::Empty)));
    });
    role.one(|| assert!(stack.is_empty() && stack.stats().capacity == 2));
}

/// A closed stack takes nothing more and gives out all that it has, and a call that waits is told.
pub fn close_then_drain<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(stack.try_send_slice(&[1, 2, 3]), Ok(3));
        assert!(stack.close().unwrap() && stack.is_closed());
    });
    role.two(|| {
        assert_eq!((stack.close().unwrap(), stack.is_closed()), (false, true));
        assert_eq!(stack.try_send(4), Err(TrySendError::Closed(4)));
        assert_eq!((stack.recv(), stack.iter().collect::<Vec<_>>()), (Ok(3), vec![2, 1]));
        assert_eq!((stack.try_recv(), stack.recv()), (Err(TryRecvError::Closed), Err(RecvError::Closed)));
        assert_eq!(stack.peek(), Err(TryRecvError::Closed));
        assert_eq!(stack.recv_timeout(SHORT), Err(RecvTimeoutError::Closed));
    });
}

/// Who waits when the stack is closed is told.
pub fn close_wakes<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.at_once(|| assert!(stack.close().unwrap()), || assert_eq!(stack.recv(), Err(RecvError::Closed)));
}

/// Sends wait for room and receives for messages; nothing is lost or doubled.
pub fn waits_for_room<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    const MESSAGES: u64 = rounds(300);
    role.at_once(
        || (0..MESSAGES).for_each(|number| stack.send(number).expect("open")),
        || {
            let mut got: Vec<u64> = (0..MESSAGES).map(|_| stack.recv().expect("open")).collect();
            got.sort_unstable();
            assert!(got.into_iter().eq(0..MESSAGES));
        },
    );
    role.one(|| assert!(stack.is_empty()));
}

/// A batch that does not wait sends what fits; one that waits sends all; receiving takes from the top what is there.
pub fn batches<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((stack.try_send_slice(&[]), stack.try_send_slice(&[1, 2, 3, 4])), (Ok(0), Ok(3)));
        assert_eq!(stack.try_send_slice(&[4]), Err(TrySendError::Full(())));
    });
    role.two(|| {
        let mut two = [0; 2];
        assert_eq!((stack.recv_slice(&mut two), two), (Ok(2), [3, 2]));
        let mut more = [0; 4];
        assert_eq!((stack.try_recv_slice(&mut more), more[0]), (Ok(1), 1));
        assert_eq!(stack.try_recv_slice(&mut more), Err(TryRecvError::Empty));
        assert_eq!((stack.try_recv_slice(&mut []), stack.recv_slice(&mut [])), (Ok(0), Ok(0)));
    });
    role.one(|| {
        let mut numbers = 1..;
        assert_eq!((stack.try_send_iter(numbers.by_ref()), numbers.next()), (Ok(3), Some(4)));
        assert_eq!(stack.try_iter().collect::<Vec<_>>(), [3, 2, 1]);
    });
    role.at_once(
        || assert_eq!((stack.send_slice(&[1, 2, 3, 4, 5]), stack.send_iter([6, 7])), (Ok(()), Ok(2))),
        || {
            let mut got = Vec::new();
            while got.len() < 7 {
                stack.recv_many(&mut got, 7).expect("open");
            }
            got.sort_unstable();
            assert_eq!(got, [1, 2, 3, 4, 5, 6, 7]);
        },
    );
}

/// When the last sender is gone, receivers get what is there and are told; when the last receiver is gone, senders are told.
pub fn halves<P: Platform + Clone>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    let sender = role.one(|| stack.sender().expect("a half"));
    let receiver = role.two(|| stack.receiver().expect("a half"));
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
        let sender = stack.sender().expect("a half");
        assert!(sender.is_disconnected());
        assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)), "though there is room");
    });
}

/// Time runs out where nothing happens, the value comes back, and what is possible at once is done whatever the limit.
pub fn time_limits<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(stack.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(stack.send_timeout(1, Duration::ZERO), Ok(()));
    });
    role.two(|| {
        assert_eq!(stack.send_timeout(2, SHORT), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(stack.recv_timeout(Duration::ZERO), Ok(1));
    });
}
