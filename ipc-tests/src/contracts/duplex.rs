//! Contracts of the duplex.

use std::io::{Read, Write};

use ipc_core::Platform;
use ipc_core::duplex::{ClaimErrorKind, Duplex, Side, ValueDuplex};
use ipc_core::error::{
    RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, SendBytesTimeoutError, SendValueTimeoutError,
    TryRecvError, TryRecvValueError, TrySendBytesError, TrySendError, TrySendValueError,
};

use super::deadlines::Clocked;
use super::{Role, rounds};

/// Messages go both ways, and each end learns that the other one is gone.
pub fn talks<P: Platform + Clone>(duplex: &Duplex<'_, u64, u32, P>, role: &Role<'_>) {
    let mut client = role.one(|| duplex.client().expect("nobody has it"));
    let mut server = role.two(|| duplex.server().expect("nobody has it"));
    role.at_once(
        || {
            let client = client.as_mut().expect("it is here");
            for number in 0..20 {
                client.send(number).expect("the server is here");
                assert_eq!(client.recv(), Ok(number as u32 + 1));
            }
        },
        || {
            let server = server.as_mut().expect("it is here");
            for _ in 0..20 {
                let number = server.recv().expect("the client is here");
                server.send(number as u32 + 1).expect("the client is here");
            }
        },
    );
    role.one(|| {
        let client = client.as_mut().expect("it is here");
        assert_eq!(client.sender_mut().try_send_slice(&[1, 2, 3]), Ok(2));
        assert_eq!(client.try_send(3), Err(TrySendError::Full(3)));
    });
    role.one(|| drop(client));
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        assert_eq!(server.try_send(1), Err(TrySendError::Disconnected(1)));
        assert_eq!((server.recv(), server.try_recv()), (Ok(1), Ok(2)));
        assert_eq!((server.recv(), server.try_recv()), (Err(RecvError::Disconnected), Err(TryRecvError::Disconnected)));
        assert!(server.is_disconnected() && !server.peer_died());
    });
}

/// A session is over when both ends are; the next one begins with nothing. What was sent to nobody waits for somebody.
pub fn sessions<P: Platform + Clone>(duplex: &Duplex<'_, u64, u32, P>, role: &Role<'_>) {
    let client = role.one(|| {
        let mut client = duplex.client().expect("nobody has it");
        client.send(1).expect("there is room");
        client
    });
    let server = role.two(|| {
        let Err(error) = duplex.client() else { panic!("the other one has it") };
        assert!(matches!(error.kind(), ClaimErrorKind::Held { .. }) && error.side() == Side::Client, "{error}");
        let mut server = duplex.server().expect("nobody has it");
        server.send(7).expect("there is room");
        server
    });
    role.one(|| drop(client));
    role.one(|| {
        let Err(error) = duplex.client() else { panic!("the server is still there") };
        assert!(matches!(error.kind(), ClaimErrorKind::Unfinished { .. }), "{error}");
    });
    role.two(|| drop(server));
    role.one(|| {
        let mut client = duplex.client().expect("the session is over");
        assert_eq!(client.try_recv(), Err(TryRecvError::Empty));
        client.send(2).expect("there is room");
    });
    role.two(|| {
        let Err(error) = duplex.client() else { panic!("nobody has received it") };
        assert_eq!(error.kind(), ClaimErrorKind::Unread);
        let mut server = duplex.server().expect("nobody has it");
        assert_eq!((server.recv(), server.recv()), (Ok(2), Err(RecvError::Disconnected)));
    });
}

/// `accept` and `connect` wait for each other, and for the end of the session before.
pub fn meets<P: Platform + Clone>(duplex: &Duplex<'_, u64, u32, P>, role: &Role<'_>) {
    role.at_once(
        || {
            for number in 0..10 {
                let mut client = duplex.connect().expect("not a fork");
                client.send(number).expect("the server is here");
                assert_eq!(client.recv(), Ok(number as u32));
            }
        },
        || {
            for number in 0..10 {
                let mut server = duplex.accept().expect("not a fork");
                assert_eq!(server.recv(), Ok(number));
                server.send(number as u32).expect("the client is here");
                assert_eq!(server.recv(), Err(RecvError::Disconnected));
            }
        },
    );
}

/// Ends of bytes are streams, with the end of the file and the broken pipe.
pub fn stream<P: Platform + Clone>(duplex: &Duplex<'_, u8, u8, P>, role: &Role<'_>) {
    let mut client = role.one(|| duplex.client().expect("nobody has it"));
    let mut server = role.two(|| duplex.server().expect("nobody has it"));
    role.at_once(
        || client.take().expect("it is here").write_all(b"longer than the ring").expect("the server is here"),
        || {
            let mut text = String::new();
            let server = server.as_mut().expect("it is here");
            assert_eq!(server.read_to_string(&mut text).expect("text"), 20);
            assert_eq!(text, "longer than the ring");
            assert_eq!(server.write(b"to nobody").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
        },
    );
}

/// Values go both ways, those that are longer than the ring in parts, and each end learns that the other one is gone.
pub fn values<P: Platform + Clone>(pipe: &Duplex<'_, u8, u8, P>, role: &Role<'_>) {
    let duplex = ValueDuplex::<'_, Vec<u16>, Option<u8>, P>::new(pipe.clone());
    let mut client = role.one(|| duplex.client().expect("nobody has it"));
    let mut server = role.two(|| duplex.server().expect("nobody has it"));
    let value = |number: u16| vec![number; usize::from(number) % 9];
    role.at_once(
        || {
            let client = client.as_mut().expect("it is here");
            for number in 0..rounds(20) as u16 {
                assert_eq!(client.send(&value(number)), Ok(()));
                assert_eq!(client.recv(), Ok(Some(number as u8)));
            }
        },
        || {
            let server = server.as_mut().expect("it is here");
            for number in 0..rounds(20) as u16 {
                assert_eq!(server.recv(), Ok(value(number)));
                assert_eq!(server.send(&Some(number as u8)), Ok(()));
            }
        },
    );
    role.one(|| {
        let client = client.as_mut().expect("it is here");
        assert_eq!(client.try_send(&value(1)), Ok(()));
        assert_eq!(client.try_send(&value(2)), Err(TrySendValueError::Queue(TrySendBytesError::Full)));
        assert!(client.try_send(&value(8)).is_err_and(|error| error.is_too_long()));
    });
    role.one(|| drop(client));
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        assert_eq!(server.try_send(&None), Err(TrySendValueError::Queue(TrySendBytesError::Disconnected)));
        assert_eq!(
            (server.recv(), server.try_recv().err()),
            (Ok(value(1)), Some(TryRecvValueError::Queue(TryRecvError::Disconnected)))
        );
        assert_eq!(server.recv(), Err(RecvValueError::Queue(RecvError::Disconnected)));
        assert!(server.is_disconnected() && !server.peer_died());
    });
}

/// A limit ends a wait, and what is possible at once is done whatever the limit.
pub fn value_deadlines<P: Clocked + Clone>(pipe: &Duplex<'_, u8, u8, P>, role: &Role<'_>) {
    let duplex = ValueDuplex::<'_, u16, (), P>::new(pipe.clone());
    role.two(|| assert!(duplex.accept_deadline(P::past()).is_err() && duplex.connect_deadline(P::past()).is_err()));
    let mut client = role.one(|| {
        let client = duplex.client().expect("nobody has it");
        assert!(client.wait_for_peer_deadline(P::past()).is_err());
        client
    });
    let mut server = role.two(|| duplex.accept_deadline(P::past()).expect("a client is there"));
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        let timeout = RecvValueTimeoutError::Queue(RecvTimeoutError::Timeout);
        assert_eq!(server.recv_deadline(P::past()), Err(timeout.clone()));
        assert_eq!(server.wait_readable_deadline(P::past()), Err(timeout));
    });
    role.one(|| {
        let client = client.as_mut().expect("it is here");
        assert_eq!(client.send_deadline(&300, P::past()), Ok(()));
        let timeout = SendValueTimeoutError::Queue(SendBytesTimeoutError::Timeout);
        assert_eq!(client.send_deadline(&301, P::past()), Err(timeout));
    });
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        assert_eq!(server.wait_readable_deadline(P::past()), Ok(()));
        assert_eq!(server.recv_deadline(P::past()), Ok(300));
    });
}
