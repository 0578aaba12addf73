//! What a receiver is told while a living sender is in the middle of a send.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use ipc_posix::{Queue, Region, TryRecvError};
use ipc_tests::children::TempName;
use ipc_tests::stepper::{self, StepOutcome, Victim};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const THEIRS: u64 = 1;
const OURS: u64 = 2;

/// Takes what comes until our own message: how often the sender ahead was in the way.
fn take_ours(queue: &Queue<u64>, ours: u64, mut while_busy: impl FnMut()) {
    loop {
        match queue.try_recv() {
            Ok(message) if message == ours => return,
            Ok(_) => {}
            Err(TryRecvError::Busy) => while_busy(),
            Err(other) => panic!("after a send of one's own: {other}"),
        }
    }
}

/// A process is stopped after each instruction of its send. Who sends and receives meanwhile gets its own message, or is told that an
/// older one is on its way; and gets both when the process goes on.
#[test]
fn a_message_behind_a_stopped_sender_is_not_denied() {
    stepper::pin_to_one().expect("a processor of our own");
    let _guard = Watchdog::new(LIMIT, "a stopped sender");
    let name = TempName::new("stopped-sender");
    let region = Region::create(name.as_str()).expect("a region");
    let queue = region.queue::<u64>("q").capacity(4).create().expect("a queue");
    let mut busy = 0_u32;
    for point in 0.. {
        let mut sender = Victim::fork(|gate| {
            let region = Region::open(name.as_str()).expect("the region is there");
            let queue = region.queue::<u64>("q").open().expect("the queue is there");
            gate.begin();
            let sent = queue.try_send(THEIRS);
            gate.end();
            sent.expect("there is room");
        });
        sender.run_to_begin().expect("it begins");
        let finished = matches!(sender.step(point).expect("it goes on"), StepOutcome::ReachedEnd);
        queue.try_send(OURS).expect("there is room");
        let mut sender = Some(sender);
        take_ours(&queue, OURS, || {
            busy += 1;
            assert_eq!(queue.len(), 2, "the message that is being written counts");
            sender.take().expect("it is in the way once").finish().expect("it ends");
        });
        if let Some(mut sender) = sender {
            sender.finish().expect("it ends");
        }
        while queue.try_recv().is_ok() {}
        if finished {
            break;
        }
    }
    assert!(busy > 3, "the sender was in the way at {busy} points only");
}
