//! Messages whose bits are no value of the receiver's type: iterators pass over them and count them.

#![cfg(not(loom))]

use ipc_posix::{RecvError, Region};

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
    let peer = region.queue::<u8>("q").open().expect("bytes of the same size");
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
    let mut producer = region.spsc::<u8>("s").open().expect("bytes of the same size").producer().expect("free");
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
    let peer = region.broadcast::<u8>("b").open().expect("bytes of the same size");
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
