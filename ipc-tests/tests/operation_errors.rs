//! Errors of operations with the name of their object.

#![cfg(all(not(loom), unix))]

use std::error::Error as _;
use std::time::Duration;

use ipc_posix::{
    Error, Fault, Named, OfObject, OperationError, RecvTimeoutError, Region, SendError, ValueQueue, ValueWorkQueue,
};

fn region() -> Region {
    Region::options().size(1 << 21).anonymous().unwrap()
}

fn text(handle: &impl Named) -> String {
    OperationError::new(Fault::Corrupted, handle).to_string()
}

/// Each handle, and each end of one, says what it is a handle of: as the error of an open does.
#[test]
fn handles_say_their_kind_and_name() {
    let region = region();
    let queue = region.queue::<u64>("q").capacity(4).create().unwrap();
    let levels = region.level_queue::<u64>("q1").levels(2).capacity(4).create().unwrap();
    let priorities = region.priority_queue::<i64, u64>("q2").capacity(4).create().unwrap();
    let stack = region.stack::<u64>("s").capacity(4).create().unwrap();
    let bytes = region.byte_queue("b").capacity(256).create().unwrap();
    let values = ValueQueue::<String>::new(bytes.clone());
    let loans = region.loan_queue::<u64>("l").blocks(4).block_len(8).create().unwrap();
    let one = region.spsc::<u64>("o").capacity(4).create().unwrap();
    let duplex = region.duplex::<u8, u64>("d").capacity(4).create().unwrap();
    let talk = region.value_duplex::<String, u64>("d1").capacity(256).create().unwrap();
    let news = region.broadcast::<u64>("n").capacity(4).create().unwrap();
    let work = region.work_queue::<u64>("w").capacity(4).create().unwrap();
    let byte_work = region.byte_work_queue("w1").capacity(4).max_len(64).create().unwrap();
    let watch = region.watch::<u64>("v").initial(0).create().unwrap();
    let written = region.value_watch("v1").initial(&0_u64).create().unwrap();
    let texts = [
        ("queue \"q\"", text(&queue)),
        ("queue \"q\"", text(&queue.sender().unwrap())),
        ("queue \"q\"", text(&queue.receiver().unwrap())),
        ("level queue \"q1\"", text(&levels)),
        ("level queue \"q1\"", text(&levels.sender().unwrap())),
        ("priority queue \"q2\"", text(&priorities)),
        ("priority queue \"q2\"", text(&priorities.receiver().unwrap())),
        ("stack \"s\"", text(&stack)),
        ("byte queue \"b\"", text(&bytes)),
        ("byte queue \"b\"", text(&values)),
        ("byte queue \"b\"", text(&values.sender().unwrap())),
        ("loan queue \"l\"", text(&loans)),
        ("one-to-one queue \"o\"", text(&one)),
        ("one-to-one queue \"o\"", text(&one.producer().unwrap())),
        ("one-to-one queue \"o\"", text(&one.consumer().unwrap())),
        ("duplex \"d\"", text(&duplex)),
        ("duplex \"d\"", text(&duplex.client().unwrap())),
        ("duplex \"d1\"", text(&talk)),
        ("duplex \"d1\"", text(&talk.client().unwrap())),
        ("broadcast \"n\"", text(&news)),
        ("broadcast \"n\"", text(&news.publisher().unwrap())),
        ("broadcast \"n\"", text(&news.subscribe().unwrap())),
        ("work queue \"w\"", text(&work)),
        ("byte work queue \"w1\"", text(&byte_work)),
        ("byte work queue \"w1\"", text(&ValueWorkQueue::<String>::new(byte_work))),
        ("watch \"v\"", text(&watch)),
        ("watch \"v\"", text(&watch.writer().unwrap())),
        ("watch \"v\"", text(&watch.subscribe().unwrap())),
        ("value watch \"v1\"", text(&written)),
        ("value watch \"v1\"", text(&written.writer().unwrap())),
        ("value watch \"v1\"", text(&written.subscribe().unwrap())),
        ("mutex \"m\"", text(&region.mutex::<u64>("m").create().unwrap())),
        ("mutex \"m2\"", text(&region.value_mutex::<String>("m2").create().unwrap())),
        ("reentrant mutex \"m1\"", text(&region.reentrant_mutex::<u64>("m1").create().unwrap())),
        ("reader-writer lock \"r\"", text(&region.rwlock::<u64>("r").create().unwrap())),
        ("semaphore \"p\"", text(&region.semaphore("p").permits(1).create().unwrap())),
        ("event \"e\"", text(&region.event("e").create().unwrap())),
        ("event group \"g\"", text(&region.event_group("g").create().unwrap())),
        ("condition variable \"c\"", text(&region.condvar("c").create().unwrap())),
        ("once cell \"i\"", text(&region.once_cell::<u64>("i").create().unwrap())),
        ("barrier \"k\"", text(&region.barrier("k").parties(2).create().unwrap())),
        ("atomic cell \"a\"", text(&region.atomic::<u64>("a").create().unwrap())),
        ("array \"a1\"", text(&region.array::<u64>("a1").len(2).create().unwrap())),
        ("map \"f\"", text(&region.map::<u64, u64>("f").capacity(2).create().unwrap())),
        ("byte map \"f1\"", text(&region.byte_map("f1").capacity(2).create().unwrap())),
        ("vector \"x\"", text(&region.vector::<u64>("x").capacity(2).create().unwrap())),
    ];
    for (wanted, found) in texts {
        assert_eq!(found, format!("{wanted}: {}", Fault::Corrupted));
    }
}

/// The value comes back, and the crate's error knows the name as well as what happened.
#[test]
fn what_the_operation_says_stays() {
    let region = region();
    let jobs = region.queue::<[u8; 8]>("jobs").capacity(1).create().unwrap();
    jobs.close().unwrap();
    let error = jobs.send(*b"to send!").of(&jobs).unwrap_err();
    assert_eq!((error.name(), error.object()), ("jobs", ipc_posix::ObjectKind::Queue));
    assert!(error.error().is_closed());
    assert_eq!(error.into_error(), SendError::Closed(*b"to send!"));

    let open = region.queue::<u8>("open").capacity(1).create().unwrap();
    let wait = || -> Result<u8, Error> { Ok(open.recv_timeout(Duration::from_nanos(1)).of(&open)?) };
    let error = wait().unwrap_err();
    assert_eq!(error.to_string(), format!("queue \"open\": {}", RecvTimeoutError::Timeout));
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(error.is_timeout() && error.fault().is_none() && error.source().is_none());
    let fault = Error::from(OperationError::new(Fault::Corrupted, &open));
    assert_eq!(fault.fault(), Some(Fault::Corrupted));
    assert_eq!(open.try_send(1).of(&open), Ok(()));
}
