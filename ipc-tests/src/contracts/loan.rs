//! Contracts of the loan queue.

use ipc_core::Platform;
use ipc_core::error::{LoanError, RecvError, SendError, TryLoanError};
use ipc_core::loan::LoanQueue;

use super::{Role, rounds};

/// A block comes back when its loan is dropped unsent, and when the message in it is dropped by who received it.
pub fn given_back<P: Platform>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let mut loan = queue.try_loan(3).expect("a block");
        loan.copy_from_slice(&[1, 2, 3]);
        assert_eq!(queue.free_blocks(), 1);
        loan.send().expect("it is open");
        drop(queue.try_loan(4).expect("the other block"));
        assert_eq!((queue.free_blocks(), queue.len()), (1, 1), "the loan that was not sent came back");
        let error = Some(TryLoanError::TooLong { len: 5, max: 4 });
        assert_eq!(queue.try_loan(5).err(), error);
    });
    let received = role.two(|| {
        let received = queue.recv().expect("a message");
        assert_eq!(received.to_vec(), [1, 2, 3]);
        received
    });
    role.one(|| {
        let _held = queue.try_loan(1).expect("the other block");
        assert_eq!((queue.free_blocks(), queue.is_empty()), (0, true));
        assert_eq!(queue.try_loan(1).err(), Some(TryLoanError::Exhausted), "the reader has a block");
    });
    role.two(|| drop(received));
    role.one(|| assert_eq!(queue.free_blocks(), 2));
    // Both blocks go round: a loan waits for one.
    role.at_once(
        || (0..rounds(100)).for_each(|number| assert_eq!(queue.send_copy(&[number]), Ok(()))),
        || (0..rounds(100)).for_each(|number| assert_eq!(queue.recv().expect("a message").to_vec(), [number])),
    );
}

/// A closed queue takes nothing more and gives out all that it has.
pub fn close_then_drain<P: Platform>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    let loan = role.one(|| {
        assert_eq!(queue.send_copy(&[7]), Ok(()));
        queue.try_loan(1).expect("a block")
    });
    role.two(|| assert!(queue.close().unwrap()));
    role.one(|| {
        let Err(SendError::Closed(loan)) = loan.expect("it is here").send() else { panic!("it is closed") };
        assert_eq!(loan.len(), 1, "the loan comes back");
    });
    role.two(|| {
        assert_eq!(queue.send_copy(&[8]), Err(LoanError::Closed));
        assert_eq!(queue.recv().expect("the last message").to_vec(), [7]);
        assert_eq!(queue.recv().err(), Some(RecvError::Closed));
        assert_eq!(queue.free_blocks(), 2);
    });
}

/// A received block can be written again and sent on, without a free one; a shortened message is received as short.
pub fn forwarded<P: Platform>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(queue.send_copy(&[1, 2, 3]), Ok(())));
    role.two(|| {
        let mut loan = queue.recv().expect("a message").into_loan();
        loan.set(0, 9);
        loan.truncate(2);
        loan.send().expect("it is open");
        assert_eq!(queue.free_blocks(), 0);
    });
    role.one(|| assert_eq!(queue.try_recv().expect("a message").to_vec(), [9, 2]));
}

/// When the last sender is gone, receivers get what is there and are told; when the last receiver is gone, senders are told.
pub fn halves<P: Platform + Clone>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    let sender = role.one(|| queue.sender().expect("a half"));
    let receiver = role.two(|| queue.receiver().expect("a half"));
    role.one(|| assert_eq!(sender.expect("it is here").send_copy(&[1]), Ok(())));
    role.two(|| {
        let receiver = receiver.expect("it is here");
        assert_eq!(receiver.recv().expect("a message").to_vec(), [1]);
        assert_eq!(receiver.recv().err(), Some(RecvError::Disconnected));
    });
    role.one(|| assert_eq!(queue.sender().expect("a half").send_copy(&[2]), Err(LoanError::Disconnected)));
}
