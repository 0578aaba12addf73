//! Contracts of the one-to-one queue.

use ipc_core::Platform;
use ipc_core::error::{RecvError, TryRecvError, TrySendError};
use ipc_core::spsc::{ClaimErrorKind, Spsc};

use super::Role;

/// An end has one holder; who drops it lets another claim it, who goes on where the former one stopped.
pub fn claims<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    let producer = role.one(|| {
        let mut producer = queue.producer().expect("nobody has it");
        assert_eq!(producer.send(1), Ok(()));
        producer
    });
    role.two(|| {
        let Err(error) = queue.producer() else { panic!("the other one has it") };
        assert!(matches!(error.kind(), ClaimErrorKind::Held { .. }), "{error}");
        assert_eq!(queue.consumer().expect("nobody has it").recv(), Ok(1));
    });
    role.one(|| {
        producer.expect("it is here").send(2).expect("there is room");
        assert_eq!(queue.consumer().expect("it was dropped").recv(), Ok(2));
    });
    role.two(|| queue.producer().expect("it was dropped").send(3).expect("there is room"));
    role.one(|| assert_eq!(queue.consumer().expect("it was dropped").recv(), Ok(3)));
}

/// A closed queue takes nothing more and gives out all that it has.
pub fn close_then_drain<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let mut producer = queue.producer().expect("nobody has it");
        assert_eq!(producer.try_send_slice(&[1, 2, 3, 4, 5]), Ok(4));
        assert_eq!(producer.try_send(5), Err(TrySendError::Full(5)));
        assert!(queue.close().unwrap());
        assert_eq!(producer.try_send(5), Err(TrySendError::Closed(5)));
    });
    role.two(|| {
        let mut consumer = queue.consumer().expect("nobody has it");
        assert!(consumer.is_closed());
        assert_eq!((consumer.recv(), consumer.try_recv()), (Ok(1), Ok(2)));
        assert_eq!(consumer.iter().collect::<Vec<_>>(), [3, 4]);
        assert_eq!((consumer.try_recv(), consumer.recv()), (Err(TryRecvError::Closed), Err(RecvError::Closed)));
    });
}

/// A written chunk is sent as far as it is committed, and a read one taken as far; the rest stays as it was.
pub fn chunks<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    let mut producer = role.one(|| queue.producer().expect("nobody has it"));
    let mut consumer = role.two(|| queue.consumer().expect("nobody has it"));
    role.one(|| {
        let producer = producer.as_mut().expect("it is here");
        let mut chunk = producer.try_write_chunk(3).expect("room");
        (0..3).for_each(|index| chunk.set(index, index as u64));
        chunk.commit(2).unwrap();
        drop(producer.try_write_chunk(2).expect("room"));
        assert_eq!(queue.len(), 2, "what is not committed is not sent");
    });
    role.two(|| {
        let consumer = consumer.as_mut().expect("it is here");
        assert_eq!(consumer.try_read_chunk(0).map(|chunk| chunk.len()), Ok(0));
        let chunk = consumer.try_read_chunk(8).expect("elements");
        assert_eq!(chunk.iter().collect::<Vec<_>>(), [0, 1]);
        chunk.commit(1).unwrap();
        assert_eq!((consumer.recv(), consumer.try_recv()), (Ok(1), Err(TryRecvError::Empty)));
        assert_eq!(consumer.try_read_chunk(0).map(|chunk| chunk.len()), Ok(0), "none of none");
        assert_eq!(consumer.read_chunk(0).map(|chunk| chunk.len()), Ok(0));
    });
    role.one(|| {
        let producer = producer.as_mut().expect("it is here");
        assert_eq!(producer.try_send_slice(&[1; 9]), Ok(4));
        assert_eq!(producer.try_write_chunk(0).map(|chunk| chunk.len()), Ok(0), "no place of no free ones");
        assert_eq!(producer.write_chunk(0).map(|chunk| chunk.len()), Ok(0));
    });
    role.two(|| assert_eq!(consumer.as_mut().expect("it is here").try_iter().count(), 4));
    role.at_once(
        || producer.as_mut().expect("it is here").send_slice(&[1; 50]).expect("nobody closes"),
        || (0..50).for_each(|_| assert_eq!(consumer.as_mut().expect("it is here").recv(), Ok(1))),
    );
}

/// Each element of an iterator is sent before the next one is asked for, so what it has yielded is there even if it panics.
pub fn send_iter<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let mut producer = queue.producer().expect("nobody has it");
        let slow = |from: u64| (from..from + 2).inspect(move |value| assert_eq!(queue.len() as u64, value - 1));
        assert_eq!((producer.send_iter(slow(1)), producer.try_send_iter(slow(3))), (Ok(2), Ok(2)));
        let broken = || (7..).inspect(|value| assert!(value % 2 == 1, "an element that cannot be made"));
        for tries in [false, true] {
            queue.consumer().expect("nobody has it").try_iter().take(2).for_each(drop);
            let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match tries {
                true => producer.try_send_iter(broken()).is_ok(),
                false => producer.send_iter(broken()).is_ok(),
            }));
            assert!(panics.is_err());
        }
    });
    role.two(|| assert_eq!(queue.consumer().expect("nobody has it").try_iter().collect::<Vec<_>>(), [7, 7]));
}

/// When the producer is dropped, the consumer gets what is there and is told; a producer is told that its consumer is gone.
pub fn abandoned<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    let producer = role.one(|| queue.producer().expect("nobody has it"));
    let consumer = role.two(|| queue.consumer().expect("nobody has it"));
    role.one(|| producer.expect("it is here").send(1).expect("there is room"));
    role.two(|| {
        let mut consumer = consumer.expect("it is here");
        assert!(consumer.is_disconnected());
        assert_eq!((consumer.recv(), consumer.recv()), (Ok(1), Err(RecvError::Disconnected)));
    });
    role.one(|| {
        let mut producer = queue.producer().expect("it was dropped");
        assert!(producer.is_disconnected());
        while queue.len() < queue.capacity() && producer.try_send(2) == Ok(()) {}
        assert_eq!(producer.try_send(2), Err(TrySendError::Disconnected(2)));
    });
}
