//! Messages whose bits are no value of the receiver's type: iterators pass over them and count them.

#![cfg(not(loom))]

use std::cell::{Cell, RefCell};

use ipc_posix::bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{Fault, RecvError, Region, TryRecvBroadcastError, TryRecvError, TryRecvValueError};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

fn region() -> Region {
    Region::options().anonymous().expect("a region")
}

/// Bytes of a peer that has another type in mind: the third is no `bool`.
const BYTES: [u8; 5] = [1, 0, 2, 1, 1];
const GOOD: [bool; 4] = [true, false, true, true];

#[test]
fn queue_iterators_pass_over_them() {
    let region = region();
    let queue = region.queue::<bool>("q").capacity(16).create().expect("a queue");
    let peer = region.queue::<u8>("q").any_type().open().expect("bytes of the same size");
    let fill = || BYTES.iter().for_each(|byte| peer.send(*byte).expect("there is room"));

    fill();
    let mut now = queue.try_iter();
    assert_eq!(now.by_ref().collect::<Vec<_>>(), GOOD);
    assert_eq!(now.skipped(), 1);

    fill();
    fill();
    queue.close().expect("not a forked child");
    let mut all = queue.iter();
    assert_eq!(all.by_ref().take(4).collect::<Vec<_>>(), GOOD);
    assert_eq!((all.skipped(), all.end()), (1, None));
    let mut rest = queue.clone().into_iter();
    assert_eq!(rest.by_ref().collect::<Vec<_>>(), GOOD);
    assert_eq!((rest.skipped(), rest.end()), (1, Some(RecvError::Closed)));
}

#[test]
fn consumers_pass_over_them() {
    let region = region();
    let spsc = region.spsc::<bool>("s").capacity(16).create().expect("a queue");
    let mut consumer = spsc.consumer().expect("free");
    let mut producer =
        region.spsc::<u8>("s").any_type().open().expect("bytes of the same size").producer().expect("free");
    let mut fill = || BYTES.iter().for_each(|byte| producer.send(*byte).expect("there is room"));

    fill();
    let mut now = consumer.try_iter();
    assert_eq!(now.by_ref().collect::<Vec<_>>(), GOOD);
    assert_eq!(now.skipped(), 1);

    fill();
    spsc.close().expect("not a forked child");
    let mut all = consumer.into_iter();
    assert_eq!(all.by_ref().collect::<Vec<_>>(), GOOD);
    assert_eq!((all.skipped(), all.end()), (1, Some(RecvError::Closed)));
}

#[test]
fn subscribers_pass_over_them() {
    let region = region();
    let broadcast = region.broadcast::<bool>("b").capacity(8).create().expect("a broadcast");
    let mut subscriber = broadcast.subscribe().expect("there is room");
    let peer = region.broadcast::<u8>("b").any_type().open().expect("bytes of the same size");
    for byte in BYTES {
        peer.publish(byte).expect("there is room");
    }
    let mut now = subscriber.try_iter();
    assert_eq!(now.by_ref().collect::<Vec<_>>(), GOOD);
    assert_eq!(now.skipped(), 1);
}

#[test]
fn value_queues_pass_over_them() {
    let region = region();
    let bytes = region.byte_queue("v").capacity(256).create().expect("a queue");
    let values = ipc_posix::ValueQueue::<Option<u8>>::new(bytes.clone());
    values.send(&Some(1)).expect("there is room");
    bytes.send(&[9]).expect("no variant of an Option");
    values.send(&None).expect("there is room");
    bytes.close().expect("not a forked child");
    let mut all = values.iter();
    assert_eq!(all.by_ref().collect::<Vec<_>>(), [Some(1), None]);
    assert_eq!(all.skipped(), 1);
}

const CAPACITY: usize = 16;
/// What the peer sends before it tires, so that a step without a bound fails rather than hangs.
const ENOUGH: usize = 1000;

thread_local! {
    /// What the peer does while a message is checked.
    static PEER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    static SENT: Cell<usize> = const { Cell::new(0) };
}

/// Lets the peer send one more, until it has sent enough.
fn provoke() {
    if SENT.replace(SENT.get() + 1) < ENOUGH {
        PEER.with_borrow_mut(|peer| peer.as_mut().expect("a peer")());
    }
}

/// The peer sends `first` messages, and one more whenever one is checked.
fn begin(first: usize, mut send: impl FnMut() + 'static) {
    SENT.set(0);
    (0..first).for_each(|_| send());
    PEER.set(Some(Box::new(send)));
}

/// A type of which no bits are a value, with a peer that sends the next message before this one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[repr(transparent)]
struct Never(u8);

// SAFETY: one byte.
unsafe impl NoUninit for Never {}

// SAFETY: no bits are valid.
unsafe impl CheckedBitPattern for Never {
    type Bits = u8;

    fn is_valid_bit_pattern(_: &u8) -> bool {
        provoke();
        false
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        provoke();
        Err(D::Error::custom("no value"))
    }
}

/// One step of an iterator that does not wait: how many messages it passed over.
macro_rules! step {
    ($receives:ident, $end:pat) => {{
        let mut now = $receives.try_iter();
        assert_eq!(now.next(), None);
        assert!(matches!(now.end(), Some($end)), "{:?}", now.end());
        now.skipped()
    }};
}

/// More than a full queue holds: one more has come meanwhile.
const LAP: u64 = CAPACITY as u64 + 1;

#[test]
fn a_step_that_does_not_wait_ends_whatever_a_peer_sends() {
    let region = region();
    let queue = region.queue::<Never>("q").capacity(CAPACITY).create().expect("a queue");
    let peer = region.queue::<u8>("q").any_type().open().expect("bytes of the same size");
    begin(CAPACITY - 1, move || peer.try_send(2).expect("there is room"));
    assert_eq!(step!(queue, TryRecvError::Fault(Fault::InvalidValue)), LAP);
    let receiver = queue.receiver().expect("not a forked child");
    assert_eq!(step!(receiver, TryRecvError::Fault(Fault::InvalidValue)), LAP);

    let spsc = region.spsc::<Never>("s").capacity(CAPACITY).create().expect("a queue");
    let mut consumer = spsc.consumer().expect("free");
    let mut peer = region.spsc::<u8>("s").any_type().open().expect("bytes of the same size").producer().expect("free");
    begin(CAPACITY - 1, move || peer.try_send(2).expect("there is room"));
    assert_eq!(step!(consumer, TryRecvError::Fault(Fault::InvalidValue)), LAP);

    let broadcast = region.broadcast::<Never>("b").capacity(CAPACITY).create().expect("a broadcast");
    let mut subscriber = broadcast.subscribe().expect("there is room");
    let peer = region.broadcast::<u8>("b").any_type().open().expect("bytes of the same size");
    begin(1, move || _ = peer.publish(2).expect("there is room"));
    assert_eq!(step!(subscriber, TryRecvBroadcastError::Fault(Fault::InvalidValue)), LAP);

    let bytes = region.byte_queue("v").capacity(CAPACITY).create().expect("a queue");
    let values = ipc_posix::ValueQueue::<Never>::new(bytes.clone());
    begin(1, move || bytes.try_send(&[2]).expect("there is room"));
    assert_eq!(step!(values, TryRecvValueError::Value(_)), LAP);
}

#[test]
fn a_queue_full_of_them_is_empty_after_one_step() {
    let region = region();
    let queue = region.queue::<bool>("q").capacity(CAPACITY).create().expect("a queue");
    let peer = region.queue::<u8>("q").any_type().open().expect("bytes of the same size");
    peer.send_slice(&[2; CAPACITY]).expect("there is room");
    assert_eq!(step!(queue, TryRecvError::Empty), CAPACITY as u64);
}

/// One or two. Its check panics at nine.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Fussy(u8);

// SAFETY: a byte.
unsafe impl NoUninit for Fussy {}
// SAFETY: the bits are those of a byte, and those that pass are one or two.
unsafe impl CheckedBitPattern for Fussy {
    type Bits = u8;

    fn is_valid_bit_pattern(bits: &u8) -> bool {
        assert_ne!(*bits, 9, "a check that panics");
        (1..=2).contains(bits)
    }
}

/// A check of the user's that panics leaves no bits in the caller's slice that are no value.
#[test]
fn panicking_check_leaves_values_in_the_slice() {
    let region = region();
    let queue = region.queue::<Fussy>("q").capacity(16).create().expect("a queue");
    let peer = region.queue::<u8>("q").any_type().open().expect("bytes of the same size");
    let spsc = region.spsc::<Fussy>("s").capacity(16).create().expect("a queue");
    let mut consumer = spsc.consumer().expect("free");
    let mut producer =
        region.spsc::<u8>("s").any_type().open().expect("bytes of the same size").producer().expect("free");
    for byte in [2, 2, 9, 7] {
        peer.send(byte).expect("there is room");
        producer.send(byte).expect("there is room");
    }
    let leaves_values = |which: &str, receive: &mut dyn FnMut(&mut [Fussy])| {
        let mut out = [Fussy(1); 6];
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| receive(&mut out)));
        assert!(panicked.is_err(), "{which}: the check panics");
        for bits in ipc_posix::bytemuck::cast_slice::<Fussy, u8>(&out) {
            assert!((1..=2).contains(bits), "{which}: {bits} is no value");
        }
    };
    leaves_values("queue", &mut |out| _ = queue.try_recv_slice(out));
    leaves_values("one-to-one queue", &mut |out| _ = consumer.try_recv_slice(out));
}

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Not(Box<Tree>),
}

/// Bytes of another type neither overflow the stack of a receiver nor keep it busy without end.
#[test]
fn value_queues_refuse_bombs() {
    let region = region();
    let bytes = region.byte_queue("v").capacity(400_000).create().expect("a queue");
    let trees = ipc_posix::ValueQueue::<Tree>::new(bytes.clone());
    let sets = ipc_posix::ValueQueue::<std::collections::BTreeSet<()>>::new(bytes.clone());
    trees.send(&Tree::Not(Box::new(Tree::Leaf))).expect("there is room");
    assert!(matches!(trees.try_recv(), Ok(Tree::Not(_))));
    // A tag a level.
    bytes.send(&vec![1; 400_000]).expect("there is room");
    assert!(matches!(trees.try_recv(), Err(TryRecvValueError::Value(_))));
    // As many elements as a length can say, none of which takes a byte.
    bytes.send(&[&[0xff; 9][..], &[1]].concat()).expect("there is room");
    assert!(matches!(sets.try_recv(), Err(TryRecvValueError::Value(_))));
}
