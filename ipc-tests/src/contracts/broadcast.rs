//! Contracts of the broadcast.

use ipc_core::Platform;
use ipc_core::broadcast::{Broadcast, Options, Policy};
use ipc_core::error::{PublishError, RecvBroadcastError, TryPublishError, TryRecvBroadcastError};

use super::{Role, rounds};

/// Four messages, and publishers that wait for nobody.
#[must_use]
pub fn overwriting() -> Options<u64> {
    let mut wanted = Options::new(4);
    wanted.policy = Some(Policy::Overwrite);
    wanted
}

/// Four messages, and publishers that wait for two subscribers.
#[must_use]
pub fn waiting() -> Options<u64> {
    let mut wanted = Options::new(4);
    wanted.policy = Some(Policy::Wait { subscribers: 2 });
    wanted
}

/// Each subscriber gets every message; one that is too slow is told how many it has missed, and goes on with the oldest that is
/// left.
pub fn lag<P: Platform + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    let mut slow = role.two(|| broadcast.subscribe().expect("a subscriber"));
    role.one(|| {
        let mut quick = broadcast.subscribe().expect("a subscriber");
        for number in 0..6 {
            assert!(broadcast.try_publish(number).is_ok());
            assert_eq!(quick.recv(), Ok(number));
        }
        assert_eq!(quick.try_recv(), Err(TryRecvBroadcastError::Empty));
    });
    role.two(|| {
        let slow = slow.as_mut().expect("it is here");
        assert_eq!(slow.recv(), Err(RecvBroadcastError::Lagged(2)));
        (2..6).for_each(|number| assert_eq!(slow.recv(), Ok(number)));
        assert_eq!(slow.try_recv(), Err(TryRecvBroadcastError::Empty));
    });
}

/// Publishers wait for the slowest subscriber where they are to, and nothing is missed.
pub fn waits<P: Platform + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    const MESSAGES: u64 = rounds(100);
    let mut subscriber = role.two(|| broadcast.subscribe().expect("a subscriber"));
    role.one(|| {
        (0..4).for_each(|number| assert!(broadcast.try_publish(number).is_ok()));
        assert_eq!(broadcast.try_publish(4), Err(TryPublishError::Full(4)));
    });
    role.at_once(
        || (4..MESSAGES).for_each(|number| assert!(broadcast.publish(number).is_ok())),
        || (0..MESSAGES).for_each(|number| assert_eq!(subscriber.as_mut().expect("it is here").recv(), Ok(number))),
    );
}

/// A closed broadcast takes nothing more, and each subscriber reads it to its end.
pub fn close_then_drain<P: Platform + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    let subscriber = role.two(|| broadcast.subscribe().expect("a subscriber"));
    role.one(|| {
        assert!(broadcast.publish(1).is_ok() && broadcast.close().unwrap());
        assert_eq!(broadcast.publish(2), Err(PublishError::Closed(2)));
    });
    role.two(|| {
        let mut subscriber = subscriber.expect("it is here");
        assert_eq!((broadcast.close().unwrap(), broadcast.is_closed()), (false, true));
        assert_eq!((subscriber.recv(), subscriber.recv()), (Ok(1), Err(RecvBroadcastError::Closed)));
    });
}

/// When the last counted publisher is gone, subscribers get what is there and are told.
pub fn abandoned<P: Platform + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    let publisher = role.one(|| broadcast.publisher().expect("a publisher"));
    let subscriber = role.two(|| broadcast.subscribe().expect("a subscriber"));
    role.one(|| assert!(publisher.expect("it is here").publish(1).is_ok()));
    role.two(|| {
        let mut subscriber = subscriber.expect("it is here");
        assert_eq!((subscriber.recv(), subscriber.recv()), (Ok(1), Err(RecvBroadcastError::Disconnected)));
    });
}
