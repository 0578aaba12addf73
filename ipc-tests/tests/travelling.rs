//! Handles that travel: sent as values and written as text, opened again in the receiver, once for each process.

#![cfg(not(loom))]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use ipc_core::object::Kind;
use ipc_posix::*;
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("worker", worker), ("crowd", crowd), ("mortal", mortal), ("stranger", stranger)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// What a worker gets with its order.
#[derive(Serialize, Deserialize)]
struct Tools {
    orders: Queue<u64>,
    total: Mutex<u64>,
    /// With a handle inside.
    reply: Option<(String, Event)>,
    shop: Region,
}

/// Knows one queue by name. All else comes through it.
fn worker(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mail: ValueQueue<Tools> = region.value_queue("mail").open().unwrap();
    let tools = mail.recv().unwrap();
    while let Ok(order) = tools.orders.try_recv() {
        *tools.total.lock().unwrap() += order;
    }
    let mine = tools.shop.participant_number();
    assert_eq!([tools.orders.region(), tools.total.region()].map(|region| region.participant_number()), [mine; 2]);
    let (text, event) = tools.reply.unwrap();
    assert_eq!(event.region().participant_number(), mine);
    assert_eq!(text, "done?");
    event.set().unwrap();
    children::say(&tools.shop.participants().len().to_string());
}

#[test]
fn a_worker_gets_its_objects_in_a_message() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_gets_its_objects_in_a_message");
    let (name, shop) = (TempName::new("mail"), TempName::new("shop"));
    let region = Region::create(name.as_str()).unwrap();
    let mail: ValueQueue<Tools> = region.value_queue("mail").create().unwrap();
    let mut child = children::spawn("worker", &[("name", name.as_str())]);
    let shop = Region::create(shop.as_str()).unwrap();
    let orders = shop.queue("orders").capacity(8).create().unwrap();
    [10, 20, 30].into_iter().for_each(|order| orders.send(order).unwrap());
    let total = shop.mutex("total").create().unwrap();
    let done = shop.event("done").create().unwrap();
    let reply = Some(("done?".to_owned(), done.clone()));
    mail.send(&Tools { orders, total: total.clone(), reply, shop: shop.clone() }).unwrap();
    done.wait().unwrap();
    assert_eq!(*total.lock().unwrap(), 60);
    // Four handles and one attachment.
    child.expect("2");
    assert!(child.wait().success());
}

/// Reads the same address in many threads at once.
fn crowd(args: &Args) {
    let text = args.get("handle");
    let barrier = std::sync::Barrier::new(16);
    let handles: Vec<Queue<u64>> = std::thread::scope(|scope| {
        let read = || {
            barrier.wait();
            serde_json::from_str(&text).unwrap()
        };
        let threads = [(); 16].map(|()| scope.spawn(read));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut places: Vec<u16> = handles.iter().map(|queue| queue.region().participant_number()).collect();
    places.dedup();
    children::say(&format!("{} {}", places.len(), handles[0].region().participants().len()));
    // Given up and taken again.
    drop(handles);
    let again: Queue<u64> = serde_json::from_str(&text).unwrap();
    again.send(again.region().participants().len() as u64).unwrap();
}

#[test]
fn threads_that_read_at_once_share_an_attachment() {
    let _watchdog = Watchdog::new(LIMIT, "threads_that_read_at_once_share_an_attachment");
    let name = TempName::new("crowd");
    let region = Region::create(name.as_str()).unwrap();
    let queue: Queue<u64> = region.queue("jobs").capacity(8).create().unwrap();
    let text = serde_json::to_string(&queue).unwrap();
    for _ in 0..20 {
        let mut child = children::spawn("crowd", &[("handle", &text)]);
        child.expect("1 2");
        assert_eq!(queue.recv(), Ok(2));
        assert!(child.wait().success());
    }
}

/// Opens and leaves the region for ever.
fn mortal(args: &Args) {
    let text = args.get("handle");
    for number in 0.. {
        let queue: Queue<u64> = serde_json::from_str(&text).unwrap();
        let _ = queue.force_send(number);
        if number == 10 {
            children::say("alive");
        }
    }
}

#[test]
fn readers_that_are_killed_leave_the_object_usable() {
    let _watchdog = Watchdog::new(LIMIT, "readers_that_are_killed_leave_the_object_usable");
    let name = TempName::new("mortal");
    let region = Region::options().participants(4).create(name.as_str()).unwrap();
    let queue: Queue<u64> = region.queue("jobs").capacity(8).create().unwrap();
    let text = serde_json::to_string(&queue).unwrap();
    for _ in 0..20 {
        let mut child = children::spawn("mortal", &[("handle", &text)]);
        child.expect("alive");
        child.sigkill();
        while queue.try_recv().is_ok() {}
        queue.send(7).unwrap();
        assert_eq!(queue.recv(), Ok(7));
    }
}

/// Writes a handle and reads it again.
fn there_and_back<H: Serialize + DeserializeOwned>(handle: &H) -> H {
    serde_json::from_str(&serde_json::to_string(handle).unwrap()).unwrap()
}

#[test]
fn every_kind_travels() {
    let region = Region::options().size(8 << 20).anonymous().unwrap();
    macro_rules! travel {
        ($($made:expr;)+) => {$(
            let handle = $made.unwrap();
            let arrived = there_and_back(&handle);
            assert_eq!(arrived.name(), handle.name());
            assert_eq!(arrived.region().participant_number(), region.participant_number());
        )+};
    }
    travel! {
        region.array::<u16>("array").len(4).schema(1).create();
        region.atomic::<bool>("flag").schema(2).create();
        region.barrier("barrier").parties(2).create();
        region.broadcast::<u64>("news").capacity(4).schema(3).create();
        region.byte_queue("bytes").capacity(64).schema(4).create();
        region.value_queue::<String>("values").capacity(64).schema(5).create();
        region.value_queue::<String>("described").capacity(64).self_describing().create();
        region.condvar("changed").create();
        region.duplex::<u64, u8>("duplex").capacity(4).schema(6).create();
        region.pipe("pipe").capacity(64).create();
        region.value_duplex::<String, u8>("duplex of values").schema(26).create();
        region.value_duplex::<String, u8>("described duplex").self_describing().create();
        region.event("event").create();
        region.event_group("group").schema(7).create();
        region.loan_queue::<u8>("blocks").blocks(4).block_len(64).schema(8).create();
        region.map::<u64, u64>("map").capacity(4).schema(9).create();
        region.byte_map("byte map").capacity(4).max_key(10).schema(25).create();
        region.mutex::<u64>("mutex").schema(10).create();
        region.mutex_array::<u64>("mutex of a slice").len(3).schema(11).create();
        region.value_mutex::<String>("mutex of a value").schema(27).create();
        region.reentrant_mutex::<u64>("reentrant").schema(12).create();
        region.once_cell::<u64>("once").schema(13).create();
        region.priority_queue::<i8, u64>("by priority").capacity(4).schema(14).create();
        region.queue::<u64>("queue").capacity(4).schema(15).create();
        region.rwlock::<u64>("rwlock").schema(16).create();
        region.rwlock_array::<u64>("rwlock of a slice").len(3).schema(17).create();
        region.semaphore("semaphore").permits(2).create();
        region.level_queue::<u64>("levels").levels(3).capacity(4).schema(25).create();
        region.spsc::<u64>("spsc").capacity(4).schema(18).create();
        region.stack::<u64>("stack").capacity(4).schema(19).create();
        region.vector::<u64>("vector").capacity(4).schema(24).create();
        region.watch::<u64>("watch").initial(1).schema(20).create();
        region.value_watch::<String>("watch of a value").initial(&String::new()).schema(28).create();
        region.byte_work_queue("byte jobs").capacity(4).schema(21).create();
        region.value_work_queue::<String>("value jobs").capacity(4).schema(22).create();
        region.work_queue::<u64>("jobs").capacity(4).schema(23).create();
    }
    let created = region.list();
    for kind in (1..).map_while(Kind::from_number) {
        assert!(created.iter().any(|object| object.shape.unwrap().kind == kind), "no {kind} has travelled");
    }
}

/// Values keep their format.
#[test]
fn a_queue_of_values_arrives_with_its_format() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.value_queue::<Option<u32>>("described").self_describing().create().unwrap();
    let arrived = there_and_back(&queue);
    arrived.send(&Some(7)).unwrap();
    assert_eq!(queue.recv().unwrap(), Some(7));
}

/// A handle, and what it is written as.
fn written(name: &str) -> (Region, Queue<u64>, String) {
    let region = Region::create(name).unwrap();
    let queue = region.queue("jobs").capacity(4).schema(7).create().unwrap();
    let text = serde_json::to_string(&queue).unwrap();
    (region, queue, text)
}

fn refusal<H: DeserializeOwned>(text: &str) -> String {
    serde_json::from_str::<H>(text).map(drop).unwrap_err().to_string()
}

#[test]
fn a_region_that_is_gone_is_an_error() {
    let name = TempName::new("gone");
    let (region, queue, text) = written(name.as_str());
    Region::unlink(name.as_str()).unwrap();
    // Still open here.
    let orphan: Queue<u64> = serde_json::from_str(&text).unwrap();
    assert!(orphan.same_object(&queue));
    drop((region, queue, orphan));
    assert_eq!(refusal::<Queue<u64>>(&text), format!("region \"{}\": not found in /dev/shm", name.as_str()));
    let (_region, _queue, _) = written(name.as_str());
    let refused = refusal::<Queue<u64>>(&text);
    assert!(refused.contains("another one has its name (identity"), "{refused}");
}

/// Reads what it is given, in a process that has no region open.
fn stranger(args: &Args) {
    children::say(&refusal::<Queue<u64>>(&args.get("handle")));
}

#[test]
fn a_region_without_a_name_has_to_be_open() {
    let _watchdog = Watchdog::new(LIMIT, "a_region_without_a_name_has_to_be_open");
    let region = Region::options().anonymous().unwrap();
    let queue: Queue<u64> = region.queue("jobs").capacity(4).create().unwrap();
    let text = serde_json::to_string(&queue).unwrap();
    let mut child = children::spawn("stranger", &[("handle", &text)]);
    let refused = child.hear();
    assert!(refused.contains("its handles have no path to it") && refused.contains("Region::from_fd"), "{refused}");
    // By its descriptor, which may come from anywhere.
    let fd = region.try_clone_fd().unwrap();
    drop((region, queue));
    let arrived = Region::from_fd(&fd).unwrap();
    let queue: Queue<u64> = serde_json::from_str(&text).unwrap();
    assert_eq!(queue.region().participant_number(), arrived.participant_number());
}

#[test]
fn what_differs_is_said() {
    let name = TempName::new("differs");
    let (_region, _queue, text) = written(name.as_str());
    assert_eq!(refusal::<Queue<u32>>(&text), "queue \"jobs\": type u32 here, u64 in the region");
    assert_eq!(refusal::<Stack<u64>>(&text), "stack \"jobs\": stack here, queue in the region");
    let other = text.replace("7]", "8]");
    assert_eq!(refusal::<Queue<u64>>(&other), "queue \"jobs\": schema 8 here, 7 in the region");
    let missing = text.replace("jobs", "job");
    assert_eq!(refusal::<Queue<u64>>(&missing), "queue \"job\": not found in the region");
}

#[test]
fn nonsense_is_refused() {
    for text in ["[]", "7", "[\"\",null,\"jobs\",0]", "[\"+0000000000000000000000000000000\",null,\"jobs\",0]"] {
        assert!(serde_json::from_str::<Queue<u64>>(text).is_err(), "{text}");
    }
    let zeroes = "0".repeat(32);
    for path in ["", "/", "relative", "/dev/shm", "/dev/shm/..", "/proc/self/mem", "/dev/null", "a\0b"] {
        let text = serde_json::to_string(&(&zeroes, path, "jobs", 0)).unwrap();
        assert!(serde_json::from_str::<Queue<u64>>(&text).is_err(), "{path:?}");
    }
}

#[test]
fn a_path_that_is_no_text_is_an_error() {
    let base = TempName::new("no-text");
    let directory =
        std::path::Path::new("/dev/shm").join(OsStr::from_bytes(&[base.as_str().as_bytes(), b"\xff"].concat()));
    std::fs::create_dir(&directory).unwrap();
    let region = Region::options().dir(&directory).create("inside").unwrap();
    let error = serde_json::to_string(&region).unwrap_err().to_string();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(error.ends_with("is not UTF-8"), "{error}");
}

/// A child after `fork` cannot write the handles that it inherits, and reads its own ones.
#[test]
fn a_forked_child_opens_anew() {
    let _watchdog = Watchdog::new(LIMIT, "a_forked_child_opens_anew");
    let name = TempName::new("forked");
    let (region, queue, text) = written(name.as_str());
    let me = region.participant_number();
    assert!(children::holds_after_fork(|| serde_json::to_string(&queue).is_err()));
    assert!(children::holds_after_fork(|| {
        let mine: Queue<u64> = serde_json::from_str(&text).unwrap();
        let again: Queue<u64> = serde_json::from_str(&text).unwrap();
        mine.send(5).unwrap();
        let places = [&mine, &again].map(|queue| queue.region().participant_number());
        places[0] == places[1] && places[0] != me
    }));
    assert_eq!(queue.recv(), Ok(5));
}
