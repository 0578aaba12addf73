//! The counted ends of byte, value and loan queues between separately started programs, and the verbs that all queues have.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{
    ByteQueue, Fault, LoanError, LoanQueue, LoanTimeoutError, RecvBytesTimeoutError, RecvError, RecvTimeoutError,
    RecvValueError, Region, SendBytesError, SendBytesTimeoutError, TryLoanError, TryRecvError, TrySendBytesError,
    TrySendValueError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_millis(30);

const ROLES: &[Role] = &[
    ("send_bytes", send_bytes),
    ("receive_bytes", receive_bytes),
    ("send_block", send_block),
    ("receive_blocks", receive_blocks),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn bytes(args: &Args) -> ByteQueue {
    Region::open(&args.get("name")).unwrap().byte_queue("bytes").open().unwrap()
}

/// Says that it holds its half; then waits to be killed, stopped or told to leave.
fn hold(half: impl Sized) {
    children::say("held");
    assert_eq!(children::hear(), "leave");
    drop(half);
}

fn send_bytes(args: &Args) {
    let sender = bytes(args).sender().unwrap();
    sender.send(b"last words").unwrap();
    hold(sender);
}

fn receive_bytes(args: &Args) {
    hold(bytes(args).receiver().unwrap());
}

fn blocks(args: &Args) -> LoanQueue<u32> {
    Region::open(&args.get("name")).unwrap().loan_queue("blocks").open().unwrap()
}

fn send_block(args: &Args) {
    let queue = blocks(args);
    let sender = queue.sender().unwrap();
    sender.send_copy(&[1, 2, 3]).unwrap();
    hold(sender);
}

fn receive_blocks(args: &Args) {
    let queue = blocks(args);
    hold(queue.receiver().unwrap());
}

/// Starts a child that holds the other end; calls `stopped` while it is stopped, and `gone` after it has left or was killed.
fn other_end(role: &str, name: &TempName, stopped: impl Fn(), gone: impl Fn()) {
    for kill in [false, true] {
        let mut holder = children::spawn(role, &[("name", name.as_str())]);
        holder.expect("held");
        holder.sigstop();
        stopped();
        if kill {
            holder.sigkill_unreaped();
        } else {
            holder.sigcont();
            holder.say("leave");
        }
        gone();
    }
}

/// A receiver of bytes learns that the last living sender is gone, after its last message; a stopped one is alive.
#[test]
fn the_last_sender_of_bytes_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_sender_of_bytes_is_gone");
    let name = TempName::new("ends-senders");
    let queue = Region::create(name.as_str()).unwrap().byte_queue("bytes").capacity(100).create().unwrap();
    let receiver = queue.receiver().unwrap();
    let stopped = || {
        assert!(!receiver.is_disconnected(), "a stopped process lives");
        assert_eq!(receiver.recv_vec().unwrap(), b"last words");
        assert_eq!(receiver.recv_vec_timeout(SOON), Err(RecvTimeoutError::Timeout));
    };
    other_end("send_bytes", &name, stopped, || {
        assert_eq!(receiver.recv_vec(), Err(RecvError::Disconnected));
        assert!(receiver.is_disconnected());
        assert_eq!(receiver.try_recv_vec(), Err(TryRecvError::Disconnected));
    });
    assert_eq!(queue.try_recv_vec(), Err(TryRecvError::Empty), "a plain handle does not count");
}

/// A sender of bytes learns that the last living receiver is gone; from then on it is refused, room or not.
#[test]
fn the_last_receiver_of_bytes_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_receiver_of_bytes_is_gone");
    let name = TempName::new("ends-receivers");
    let queue = Region::create(name.as_str()).unwrap().byte_queue("bytes").capacity(100).create().unwrap();
    let sender = queue.sender().unwrap();
    let message = [7; 100];
    sender.send(&message).unwrap();
    let stopped = || {
        assert!(!sender.is_disconnected(), "a stopped process lives");
        assert_eq!(sender.send_timeout(&message, SOON), Err(SendBytesTimeoutError::Timeout));
        assert_eq!(sender.try_send(&message), Err(TrySendBytesError::Full));
    };
    other_end("receive_bytes", &name, stopped, || {
        assert_eq!(sender.send(&message), Err(SendBytesError::Disconnected));
        assert!(sender.is_disconnected());
    });
    assert_eq!(queue.recv_vec().unwrap(), message);
    assert_eq!(sender.try_send(b"to nobody"), Err(TrySendBytesError::Disconnected));
    let late = Instant::now() + SOON;
    assert_eq!(sender.send_parts_deadline(&[b"to ", b"nobody"], late), Err(SendBytesTimeoutError::Disconnected));
    assert!(queue.is_empty());
    queue.send(b"to the queue").unwrap();
    let _receiver = queue.receiver().unwrap();
    sender.send(b"to somebody").unwrap();
    assert_eq!(queue.len(), 2);
}

/// What a byte queue says about itself.
#[test]
fn bytes_that_are_there() {
    let region = Region::options().anonymous().unwrap();
    // A ring of 16 words: a message of 100 bytes takes 14.
    let queue = region.byte_queue("bytes").capacity(100).create().unwrap();
    assert_eq!((queue.capacity(), queue.len(), queue.is_empty(), queue.is_full()), (100, 0, true, false));
    for len in 1..=3 {
        queue.send(b"x").unwrap();
        assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (len, false, len > 1));
    }
    let sender = queue.sender().unwrap();
    assert_eq!((sender.len(), sender.is_full(), sender.capacity(), sender.is_closed()), (3, true, 100, false));
    assert_eq!(queue.try_iter().count(), 3);
    // Many laps.
    for number in 0..1000_usize {
        queue.send(&number.to_ne_bytes()).unwrap();
        queue.send(b"").unwrap();
        assert_eq!(queue.len(), 2);
        queue.recv(&mut [0; 8]).unwrap();
        assert_eq!((queue.len(), queue.recv(&mut []), queue.len()), (1, Ok(0), 0));
    }
    assert!(sender.close().unwrap() && queue.is_closed());
    assert!(children::holds_after_fork(|| {
        sender.close() == Err(Fault::Forked)
            && sender.try_send(b"x") == Err(TrySendBytesError::Fault(Fault::Forked))
            && queue.sender().unwrap_err() == Fault::Forked
            && queue.iter().end().is_none()
    }));
}

/// Iterators end with the queue, with the last sender, and say why.
#[test]
fn bytes_one_after_the_other() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.byte_queue("bytes").capacity(100).create().unwrap();
    let (sender, receiver) = (queue.sender().unwrap(), queue.receiver().unwrap());
    for line in ["one", "two"] {
        sender.send(line.as_bytes()).unwrap();
    }
    drop(sender);
    let mut lines = receiver.iter();
    assert_eq!(lines.by_ref().collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(lines.end(), Some(RecvError::Disconnected));
    assert_eq!(receiver.into_iter().count(), 0);
    queue.send(b"three").unwrap();
    queue.close().unwrap();
    let mut count = 0;
    for line in &queue {
        assert_eq!(line, b"three");
        count += 1;
    }
    assert_eq!(count, 1);
    let mut lines = queue.iter();
    assert_eq!((lines.next(), lines.end()), (None, Some(RecvError::Closed)));
    assert_eq!(queue.into_iter().next(), None);
}

/// Each way to wait.
#[test]
fn bytes_with_a_deadline() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.byte_queue("bytes").capacity(100).create().unwrap();
    let (past, mut buffer) = (Instant::now(), Vec::new());
    assert_eq!(queue.recv_deadline(&mut [0; 8], past + SOON), Err(RecvBytesTimeoutError::Timeout));
    assert_eq!(queue.recv_into_deadline(&mut buffer, past + SOON), Err(RecvTimeoutError::Timeout));
    assert_eq!(queue.recv_vec_deadline(past), Err(RecvTimeoutError::Timeout));
    assert_eq!(queue.send_parts_timeout(&[b"together", b" now"], SOON), Ok(()));
    assert_eq!(
        queue.send_deadline(&[1; 100], past),
        Err(SendBytesTimeoutError::Timeout),
        "no room in a ring of 16 words"
    );
    assert_eq!(queue.recv_vec_deadline(past).unwrap(), b"together now", "a message that is there wins");
    queue.send(b"again").unwrap();
    assert_eq!((queue.recv_into_deadline(&mut buffer, past), &buffer[..]), (Ok(5), &b"again"[..]));
}

/// Values have the same verbs.
#[test]
fn values_have_ends() {
    let region = Region::options().anonymous().unwrap();
    let values = region.value_queue::<(String, u32)>("values").capacity(100).create().unwrap();
    let (sender, receiver) = (values.sender().unwrap(), values.receiver().unwrap());
    let value = |number| ("value".to_owned(), number);
    sender.send(&value(1)).unwrap();
    sender.send_deadline(&value(2), Instant::now()).unwrap();
    assert_eq!((values.len(), receiver.len(), sender.capacity(), values.is_empty()), (2, 2, 100, false));
    assert_eq!(receiver.recv_deadline(Instant::now()).unwrap(), value(1));
    drop(sender);
    let mut left = receiver.iter();
    assert_eq!(left.by_ref().collect::<Vec<_>>(), [value(2)]);
    assert_eq!(left.end(), Some(RecvValueError::Queue(RecvError::Disconnected)));
    assert!(receiver.is_disconnected());
    drop(receiver);
    let sender = values.sender().unwrap();
    assert_eq!(sender.try_send(&value(3)), Err(TrySendValueError::Queue(TrySendBytesError::Disconnected)));
    values.send(&value(3)).unwrap();
    assert_eq!(values.try_iter().collect::<Vec<_>>(), [value(3)]);
    values.bytes().send(&[77]).unwrap();
    let Err(RecvValueError::Value(error)) = values.recv() else { panic!("not a value") };
    assert!(!error.to_string().is_empty());
    assert!(values.close().unwrap() && values.is_closed());
}

/// A receiver of blocks learns that the last living sender is gone, after its last message; a stopped one is alive.
#[test]
fn the_last_sender_of_blocks_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_sender_of_blocks_is_gone");
    let name = TempName::new("ends-lenders");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.loan_queue::<u32>("blocks").blocks(2).block_len(4).create().unwrap();
    let receiver = queue.receiver().unwrap();
    let stopped = || {
        assert!(!receiver.is_disconnected(), "a stopped process lives");
        assert_eq!(receiver.recv().unwrap().to_vec(), [1, 2, 3]);
        assert_eq!(receiver.recv_timeout(SOON).unwrap_err(), RecvTimeoutError::Timeout);
    };
    other_end("send_block", &name, stopped, || {
        assert_eq!(receiver.recv().unwrap_err(), RecvError::Disconnected);
        assert!(receiver.is_disconnected());
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Disconnected);
    });
    assert_eq!(queue.try_recv().unwrap_err(), TryRecvError::Empty, "a plain handle does not count");
}

/// A sender of blocks learns that the last living receiver is gone; from then on it is refused, whether a block is free or not.
#[test]
fn the_last_receiver_of_blocks_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_receiver_of_blocks_is_gone");
    let name = TempName::new("ends-readers");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.loan_queue::<u32>("blocks").blocks(1).block_len(4).create().unwrap();
    let sender = queue.sender().unwrap();
    let loan = sender.loan(4).unwrap();
    let stopped = || {
        assert!(!sender.is_disconnected(), "a stopped process lives");
        assert_eq!(sender.loan_timeout(1, SOON).unwrap_err(), LoanTimeoutError::Timeout);
        assert_eq!(sender.try_send_copy(&[1]), Err(TryLoanError::Exhausted));
    };
    other_end("receive_blocks", &name, stopped, || {
        assert_eq!(sender.send_copy(&[1]), Err(LoanError::Disconnected));
        assert!(sender.is_disconnected());
    });
    let error = loan.send().unwrap_err();
    assert_eq!((error.is_disconnected(), error.to_string().as_str()), (true, "the last living receiver is gone"));
    drop(error);
    assert_eq!(sender.try_loan(1).unwrap_err(), TryLoanError::Disconnected);
    assert!(queue.is_empty());
    queue.send_copy(&[1]).unwrap();
    let receiver = queue.receiver().unwrap();
    assert_eq!(receiver.recv().unwrap().into_loan().send().map_err(|error| error.without_value()), Ok(()));
    assert_eq!((sender.len(), sender.is_full()), (1, true));
}

/// What a loan queue says about itself, its iterators, and each way to wait.
#[test]
fn blocks_have_the_same_verbs() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.loan_queue::<u32>("blocks").blocks(2).block_len(4).create().unwrap();
    let past = Instant::now();
    assert_eq!((queue.capacity(), queue.len(), queue.is_empty(), queue.is_full()), (2, 0, true, false));
    assert_eq!(queue.recv_deadline(past + SOON).unwrap_err(), RecvTimeoutError::Timeout);
    queue.send_copy_deadline(&[1], past).unwrap();
    let loan = queue.loan_uninit_deadline(1, past).unwrap();
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (1, false, true));
    assert_eq!(queue.loan_deadline(1, past).unwrap_err(), LoanTimeoutError::Timeout);
    assert_eq!(queue.send_copy_timeout(&[2], SOON), Err(LoanTimeoutError::Timeout));
    drop(loan);
    queue.send_copy(&[2]).unwrap();
    assert_eq!(queue.try_iter().map(|received| received.get(0).unwrap()).collect::<Vec<_>>(), [1, 2]);
    queue.send_copy(&[3]).unwrap();
    assert!(queue.sender().unwrap().close().unwrap() && queue.is_closed());
    let mut messages = queue.iter();
    assert_eq!(messages.by_ref().map(|received| received.to_vec()).collect::<Vec<_>>(), [[3]]);
    assert_eq!(messages.end(), Some(RecvError::Closed));
    assert_eq!(queue.receiver().unwrap().iter().count(), 0);
    assert_eq!((&queue).into_iter().count(), 0);
    assert!(children::holds_after_fork(|| {
        queue.close() == Err(Fault::Forked)
            && queue.receiver().unwrap_err() == Fault::Forked
            && queue.iter().end().is_none()
    }));
}
