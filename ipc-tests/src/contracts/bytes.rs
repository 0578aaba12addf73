//! Contracts of the byte queue.

use ipc_core::Platform;
use ipc_core::bytes::ByteQueue;
use ipc_core::error::{RecvError, SendBytesError, TryRecvBytesError, TryRecvError, TrySendBytesError};

use super::{Role, rounds};

/// A message is received as it was sent, whole, empty ones too; what is too long for the reader stays where it is.
pub fn borders<P: Platform>(queue: &ByteQueue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((queue.try_send(b"first"), queue.try_send(b"")), (Ok(()), Ok(())));
        assert_eq!(queue.send_parts(&[b"in ", b"parts"]), Ok(()));
        let max = queue.max_len();
        let error = Err(TrySendBytesError::TooLong { len: max + 1, max });
        assert_eq!(queue.try_send(&vec![0; max + 1]), error);
    });
    role.two(|| {
        let mut short = [0; 4];
        assert_eq!(queue.try_recv(&mut short), Err(TryRecvBytesError::TooLong { len: 5, room: 4 }));
        assert_eq!((queue.recv_vec().as_deref(), queue.recv_vec().as_deref()), (Ok(&b"first"[..]), Ok(&b""[..])));
        assert_eq!(queue.try_recv_vec().as_deref(), Ok(&b"in parts"[..]));
        assert_eq!(queue.try_recv_vec(), Err(TryRecvError::Empty));
    });
    // Round the end of the ring, many times.
    let message = |number: u64| vec![number as u8; number as usize % 50];
    role.at_once(
        || (0..rounds(200)).for_each(|number| assert_eq!(queue.send(&message(number)), Ok(()))),
        || (0..rounds(200)).for_each(|number| assert_eq!(queue.recv_vec(), Ok(message(number)))),
    );
}

/// A closed queue takes nothing more and gives out all that it has; waiters are told.
pub fn close_then_drain<P: Platform>(queue: &ByteQueue<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.send(b"last"), Ok(()));
        assert!(queue.close().unwrap());
    });
    role.two(|| {
        assert_eq!((queue.close().unwrap(), queue.is_closed()), (false, true));
        assert_eq!(queue.send(b"late"), Err(SendBytesError::Closed));
        assert_eq!(queue.recv_vec().as_deref(), Ok(&b"last"[..]));
        assert_eq!(queue.recv_vec(), Err(RecvError::Closed));
    });
}

/// When the last sender is gone, receivers get what is there and are told; when the last receiver is gone, senders are told.
pub fn halves<P: Platform + Clone>(queue: &ByteQueue<'_, P>, role: &Role<'_>) {
    let sender = role.one(|| queue.sender().expect("a half"));
    let receiver = role.two(|| queue.receiver().expect("a half"));
    role.one(|| assert_eq!(sender.expect("it is here").send(b"last"), Ok(())));
    role.two(|| {
        let receiver = receiver.expect("it is here");
        assert_eq!(receiver.recv_vec().as_deref(), Ok(&b"last"[..]));
        assert_eq!(receiver.recv_vec(), Err(RecvError::Disconnected));
    });
    role.one(|| {
        let sender = queue.sender().expect("a half");
        assert_eq!(sender.try_send(b"nobody"), Err(TrySendBytesError::Disconnected), "though there is room");
    });
}
