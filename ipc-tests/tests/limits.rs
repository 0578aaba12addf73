//! An error about a limit names the option that sets it.

#![cfg(all(not(loom), target_os = "linux"))]

use std::fmt::Display;

use ipc_posix::Region;

/// What the error of this result says.
fn text<T, E: Display>(result: Result<T, E>) -> String {
    result.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn limits_of_regions_name_their_options() {
    let texts = [
        ("RegionOptions::size", text(Region::options().size(4096).anonymous())),
        ("RegionOptions::participants", text(Region::options().participants(1023).anonymous())),
        ("RegionOptions::objects", text(Region::options().objects(65_537).anonymous())),
    ];
    for (option, text) in texts {
        assert!(text.contains(option), "{option}: {text:?}");
    }

    let region = Region::options().objects(1).participants(1).anonymous().unwrap();
    let (_, other) = (region.event("only").create().unwrap(), region.event("other").create());
    assert!(text(other).contains("RegionOptions::objects"));
    let again = Region::from_fd(region.try_clone_fd().unwrap());
    assert!(text(again).contains("RegionOptions::participants"));

    let region = Region::options().anonymous().unwrap();
    let large = region.byte_queue("large").capacity(1 << 30).create();
    assert!(text(large).contains("RegionOptions::size"));
}

#[test]
fn limits_of_objects_name_their_options() {
    let region = Region::options().anonymous().unwrap();
    let bytes = region.byte_queue("bytes").capacity(10).create().unwrap();
    let jobs = region.byte_work_queue("jobs").max_len(10).max_reply(10).create().unwrap();
    let blocks = region.loan_queue::<u8>("blocks").blocks(2).block_len(10).create().unwrap();
    let map = region.map::<u8, u8>("map").capacity(1).create().unwrap();
    map.insert(1, 1).unwrap();
    let byte_map = region.byte_map("byte map").capacity(1).max_key(2).max_value(2).create().unwrap();
    byte_map.insert("a", "a").unwrap();
    let vector = region.vector::<u8>("vector").capacity(1).create().unwrap();
    vector.push(1).unwrap();
    let semaphore = region.semaphore("semaphore").permits(1).max(1).create().unwrap();
    let barrier = region.barrier("barrier").parties(1).create().unwrap();
    barrier.join().unwrap();
    let news = region.broadcast::<u8>("news").capacity(4).wait_for_subscribers(1).create().unwrap();
    let _subscriber = news.subscribe().unwrap();
    let _called = jobs.call(b"short").unwrap();
    let texts = [
        ("capacity", text(bytes.send(&[0; 1000]))),
        ("max_len", text(jobs.send(&[0; 1000]))),
        ("max_reply", text(jobs.recv().unwrap().reply(&[0; 1000]))),
        ("block_len", text(blocks.try_loan(11))),
        ("capacity", text(map.insert(2, 2))),
        ("capacity", text(byte_map.insert("b", "b"))),
        ("max_key", text(byte_map.insert("long", "b"))),
        ("max_value", text(byte_map.insert("a", "long"))),
        ("capacity", text(vector.push(2))),
        ("max", text(semaphore.try_acquire_many(2))),
        ("max", text(semaphore.release(1))),
        ("parties", text(barrier.join())),
        ("wait_for_subscribers", text(news.subscribe())),
    ];
    for (option, text) in texts {
        assert!(text.contains(option), "{option}: {text:?}");
    }
}
