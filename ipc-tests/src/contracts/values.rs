//! Contracts of the queue of values in serde's formats.

use ipc_core::Platform;
use ipc_core::bytes::{ByteQueue, ValueQueue};
use ipc_core::error::{
    RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, SendBytesError, SendBytesTimeoutError,
    SendValueError, SendValueTimeoutError, TryRecvError, TryRecvValueError, TrySendBytesError, TrySendValueError,
};
use serde::{Deserialize, Serialize};

use super::deadlines::Clocked;
use super::{Role, rounds};

/// A value whose length the type does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Order {
    Stop,
    Print { title: String, pages: Vec<u16> },
}

fn orders() -> [Order; 3] {
    let print = |title: &str, pages: &[u16]| Order::Print { title: title.to_owned(), pages: pages.to_vec() };
    [print("long", &[1, 2, 300]), Order::Stop, print("", &[])]
}

/// Values are received as they were sent, in their order; what is no value of the type is dropped with an error of its own.
pub fn round_trip<P: Platform + Clone>(bytes: &ByteQueue<'_, P>, role: &Role<'_>) {
    let queue = ValueQueue::<'_, Order, P>::new(bytes.clone());
    role.one(|| {
        assert_eq!(
            (queue.is_empty(), queue.try_recv().err() == Some(TryRecvValueError::Queue(TryRecvError::Empty))),
            (true, true)
        );
        orders().iter().for_each(|order| assert_eq!(queue.try_send(order), Ok(())));
        assert_eq!(bytes.try_send(&[9, 9]), Ok(()), "there is no ninth variant");
        assert_eq!(queue.send(&Order::Stop), Ok(()));
        let long = Order::Print { title: "x".repeat(bytes.max_len() + 1), pages: Vec::new() };
        assert!(matches!(queue.try_send(&long), Err(TrySendValueError::Queue(_))), "it never fits");
    });
    role.two(|| {
        assert_eq!(queue.try_iter().take(3).collect::<Vec<_>>(), orders());
        assert!(matches!(queue.recv(), Err(RecvValueError::Value(_))));
        assert_eq!((queue.recv(), queue.len()), (Ok(Order::Stop), 0));
    });
    let all = || (0..rounds(60)).map(|number| orders()[number as usize % 3].clone());
    role.at_once(
        || all().for_each(|order| assert_eq!(queue.send(&order), Ok(()))),
        || all().for_each(|order| assert_eq!(queue.recv(), Ok(order))),
    );
}

/// The halves are counted, and a closed queue gives out what it has.
pub fn ends<P: Platform + Clone>(bytes: &ByteQueue<'_, P>, role: &Role<'_>) {
    let queue = ValueQueue::<'_, Order, P>::new(bytes.clone());
    let sender = role.one(|| queue.sender().expect("a half"));
    let receiver = role.two(|| queue.receiver().expect("a half"));
    role.one(|| assert_eq!(sender.expect("it is here").send(&Order::Stop), Ok(())));
    role.two(|| {
        let mut values = receiver.expect("it is here").into_iter();
        assert_eq!(values.by_ref().collect::<Vec<_>>(), [Order::Stop]);
        assert_eq!(values.end(), Some(RecvValueError::Queue(RecvError::Disconnected)));
        assert_eq!(values.size_hint(), (0, Some(0)));
    });
    role.one(|| {
        let sender = queue.sender().expect("a half");
        assert_eq!(sender.try_send(&Order::Stop), Err(TrySendValueError::Queue(TrySendBytesError::Disconnected)));
        assert_eq!(queue.send(&Order::Stop), Ok(()), "a plain handle does not care");
        assert!(queue.close().unwrap());
    });
    role.two(|| {
        assert_eq!(queue.send(&Order::Stop), Err(SendValueError::Queue(SendBytesError::Closed)));
        assert_eq!(queue.iter().collect::<Vec<_>>(), [Order::Stop]);
        assert_eq!(queue.recv(), Err(RecvValueError::Queue(RecvError::Closed)));
    });
}

/// A limit ends a wait, and what is possible at once is done whatever the limit.
pub fn deadlines<P: Clocked + Clone>(bytes: &ByteQueue<'_, P>, role: &Role<'_>) {
    let queue = ValueQueue::<'_, Vec<u8>, P>::new(bytes.clone());
    // With its length, most of the queue.
    let long = vec![7; bytes.max_len() - 2];
    role.one(|| {
        assert_eq!(queue.recv_deadline(P::past()), Err(RecvValueTimeoutError::Queue(RecvTimeoutError::Timeout)));
        assert_eq!(queue.send_deadline(&long, P::past()), Ok(()));
        assert_eq!(
            queue.send_deadline(&long, P::past()),
            Err(SendValueTimeoutError::Queue(SendBytesTimeoutError::Timeout))
        );
    });
    role.two(|| assert_eq!(queue.recv_deadline(P::past()), Ok(long.clone())));
    role.at_once(
        || (0..rounds(50)).for_each(|_| assert_eq!(queue.send_deadline(&long, P::far()), Ok(()))),
        || (0..rounds(50)).for_each(|_| assert_eq!(queue.recv_deadline(P::far()), Ok(long.clone()))),
    );
}
