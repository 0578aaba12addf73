//! Broadcasts between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{
    Broadcast, Fault, PublishError, PublishTimeoutError, RecvBroadcastError, RecvBroadcastTimeoutError, Region,
    SubscribeError, TryPublishError, TryRecvBroadcastError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);
const COUNT: u64 = 20_000;

const ROLES: &[Role] =
    &[("follow", follow), ("publish", publish), ("publish_on", publish_on), ("dawdle", dawdle), ("tell", tell)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Publisher and number, and words that follow from them.
type Record = [u64; 4];

fn record(publisher: u64, number: u64) -> Record {
    [publisher, number, !number, publisher ^ number]
}

fn check(record_: Record) -> (u64, u64) {
    assert_eq!(record_, record(record_[0], record_[1]), "a torn message");
    (record_[0], record_[1])
}

fn open(args: &Args) -> Broadcast<Record> {
    Region::open(&args.get("name")).unwrap().broadcast("news").open().unwrap()
}

fn create(name: &TempName, capacity: usize, subscribers: Option<u32>) -> Broadcast<Record> {
    let region = Region::create(name.as_str()).unwrap();
    let options = region.broadcast("news").capacity(capacity);
    subscribers
        .map_or(options, |most| region.broadcast("news").capacity(capacity).wait_for_subscribers(most))
        .create()
        .unwrap()
}

/// Reads to the end, and says how many it got and how many it missed.
fn follow(args: &Args) {
    let mut subscriber = open(args).subscribe().unwrap();
    children::say("following");
    let (mut got, mut missed, mut last) = (0_u64, 0, [None::<u64>; 2]);
    loop {
        match subscriber.recv() {
            Ok(record) => {
                let (publisher, number) = check(record);
                let before = last[publisher as usize].replace(number);
                assert!(before.is_none_or(|before| before < number), "{before:?}, then {number}");
                got += 1;
            }
            Err(RecvBroadcastError::Lagged(count)) => missed += count,
            Err(end) => {
                assert_eq!(end, RecvBroadcastError::Closed);
                break;
            }
        }
    }
    children::say(&format!("{got} {missed}"));
}

fn publish(args: &Args) {
    let (broadcast, me) = (open(args), args.number("me"));
    for number in 0..COUNT {
        broadcast.publish(record(me, number)).unwrap();
    }
}

/// A subscriber that reads one message and no more makes room for one, and the publisher that sleeps for it finds that.
#[test]
fn room_for_one_is_enough() {
    const CAPACITY: u64 = 64;
    let _watchdog = Watchdog::new(LIMIT, "room_for_one_is_enough");
    let name = TempName::new("one");
    let broadcast = create(&name, CAPACITY as usize, Some(1));
    let mut subscriber = broadcast.subscribe().unwrap();
    let mut publisher = children::spawn("publish", &[("name", name.as_str()), ("me", "0")]);
    for read in 0..40 {
        while subscriber.len() < CAPACITY {
            std::thread::yield_now();
        }
        assert_eq!(subscriber.recv().map(check), Ok((0, read)));
    }
    publisher.sigkill();
}

/// Two publishers and three subscribers, with either policy: all see everything, or are told what they missed.
#[test]
fn everybody_sees_everything() {
    let _watchdog = Watchdog::new(LIMIT, "everybody_sees_everything");
    for (capacity, subscribers) in [(3, Some(3)), (64, Some(3)), (4, None), (500, None)] {
        let name = TempName::new("news");
        let broadcast = create(&name, capacity, subscribers);
        let mut followers = [(); 3].map(|()| children::spawn("follow", &[("name", name.as_str())]));
        followers.iter_mut().for_each(|follower| follower.expect("following"));
        let mut publishers = ["0", "1"].map(|me| children::spawn("publish", &[("name", name.as_str()), ("me", me)]));
        assert!(publishers.iter_mut().all(|publisher| publisher.wait().success()));
        broadcast.close().unwrap();
        for mut follower in followers {
            let said = follower.hear();
            let (got, missed) = said.split_once(' ').unwrap();
            let (got, missed): (u64, u64) = (got.parse().unwrap(), missed.parse().unwrap());
            assert_eq!(got + missed, 2 * COUNT, "{subscribers:?}");
            assert!(subscribers.is_none() || missed == 0);
        }
    }
}

fn publish_on(args: &Args) {
    let broadcast = open(args);
    children::say("going");
    let mut next = args.number("next");
    loop {
        broadcast.publish(record(0, next)).unwrap();
        next += 1;
    }
}

/// Publishers are killed thirty times in full swing: a subscriber that is waited for sees no gap and nothing twice.
#[test]
fn publishers_die() {
    let _watchdog = Watchdog::new(LIMIT, "publishers_die");
    let name = TempName::new("publishers");
    let broadcast = create(&name, 16, Some(1));
    let mut subscriber = broadcast.subscribe().unwrap();
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("publish_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let enough = next + 500;
        while next < enough {
            assert_eq!(check(subscriber.recv_timeout(PATIENCE).unwrap()), (0, next));
            next += 1;
        }
        child.sigkill();
        while let Ok(record) = subscriber.try_recv() {
            assert_eq!(check(record), (0, next));
            next += 1;
        }
    }
    assert_eq!(broadcast.published(), next);
}

/// Subscribes and reads nothing.
fn dawdle(args: &Args) {
    let _subscriber = open(args).subscribe().unwrap();
    children::say("dawdling");
    let _ = children::hear();
}

/// A subscriber that is stopped is waited for; one that is dead is not, and its place comes free.
#[test]
fn a_slow_subscriber() {
    let _watchdog = Watchdog::new(LIMIT, "a_slow_subscriber");
    let name = TempName::new("slow");
    let broadcast = create(&name, 2, Some(1));
    let mut child = children::spawn("dawdle", &[("name", name.as_str())]);
    child.expect("dawdling");
    child.sigstop();
    assert_eq!((broadcast.try_publish(record(0, 0)), broadcast.publish(record(0, 1))), (Ok(0), Ok(1)));
    assert_eq!(broadcast.try_publish(record(0, 2)), Err(TryPublishError::Full(record(0, 2))));
    let late = broadcast.publish_timeout(record(0, 2), Duration::from_millis(2));
    assert_eq!(late, Err(PublishTimeoutError::Timeout(record(0, 2))));
    assert_eq!(broadcast.subscribe().unwrap_err(), SubscribeError::Full { max: 1 });
    let waiting = {
        let broadcast = broadcast.clone();
        std::thread::spawn(move || broadcast.publish(record(0, 2)))
    };
    child.sigkill();
    assert_eq!(waiting.join().unwrap(), Ok(2));
    let mut subscriber = broadcast.subscribe_last(9).unwrap();
    assert_eq!(subscriber.try_iter().map(|record| check(record).1).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(broadcast.subscribers(), 1);
}

/// Publishes what it hears, as a counted publisher.
fn tell(args: &Args) {
    let publisher = open(args).publisher().unwrap();
    publisher.publish(record(0, args.number("number"))).unwrap();
    children::say("told");
    let _ = children::hear();
}

/// A subscriber waits as long as a counted publisher lives; when the last one has left or was killed, it reads the rest and ends.
#[test]
fn the_last_publisher_goes() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_publisher_goes");
    let name = TempName::new("last");
    let broadcast = create(&name, 8, None);
    let mut subscriber = broadcast.subscribe().unwrap();
    assert_eq!(subscriber.try_recv(), Err(TryRecvBroadcastError::Empty), "nobody has been there yet");
    let mut children = ["0", "1"].map(|number| {
        let mut child = children::spawn("tell", &[("name", name.as_str()), ("number", number)]);
        child.expect("told");
        child
    });
    children[0].sigkill();
    let got: Vec<u64> = subscriber.try_iter().map(|record| check(record).1).collect();
    assert_eq!(got, [0, 1]);
    assert!(!subscriber.is_disconnected(), "one is left");
    let short = Duration::from_millis(2);
    assert_eq!(subscriber.recv_timeout(short), Err(RecvBroadcastTimeoutError::Timeout));
    let waiting = std::thread::spawn(move || (subscriber.recv(), subscriber));
    children[1].sigkill();
    let (end, mut subscriber) = waiting.join().unwrap();
    assert_eq!(end, Err(RecvBroadcastError::Disconnected));
    assert!(subscriber.is_disconnected());
    // A successor is waited for again, and a last one that leaves by itself is noticed at once.
    let publisher = broadcast.publisher().unwrap();
    assert_eq!(subscriber.try_recv(), Err(TryRecvBroadcastError::Empty));
    publisher.publish(record(0, 2)).unwrap();
    drop(publisher);
    let mut rest = subscriber.iter();
    assert_eq!(rest.by_ref().map(|record| check(record).1).collect::<Vec<_>>(), [2]);
    assert_eq!(rest.end(), Some(RecvBroadcastError::Disconnected));
}

/// Ends, time limits, differences and forks.
#[test]
fn what_is_said() {
    let region = Region::options().anonymous().unwrap();
    let broadcast = region.broadcast::<u64>("news").capacity(3).create().unwrap();
    let mut subscriber = broadcast.subscribe().unwrap();
    assert_eq!(subscriber.try_recv(), Err(TryRecvBroadcastError::Empty));
    assert_eq!(subscriber.recv_timeout(Duration::from_millis(2)), Err(RecvBroadcastTimeoutError::Timeout));
    for number in 0..10 {
        assert_eq!(broadcast.publish(number), Ok(number));
    }
    assert_eq!((subscriber.len(), subscriber.next_number()), (10, 0));
    assert_eq!(subscriber.recv(), Err(RecvBroadcastError::Lagged(7)));
    assert_eq!(subscriber.recv(), Ok(7));
    broadcast.close().unwrap();
    assert_eq!(broadcast.publish(11), Err(PublishError::Closed(11)));
    assert_eq!((subscriber.recv(), subscriber.recv()), (Ok(8), Ok(9)));
    assert_eq!(subscriber.recv(), Err(RecvBroadcastError::Closed));
    let error = region.broadcast::<u64>("news").wait_for_subscribers(4).open().unwrap_err();
    assert_eq!(error.to_string(), "broadcast \"news\": subscribers 4 here, 0 in the region");
    let error = region.broadcast::<u8>("news").open().unwrap_err();
    assert_eq!(error.to_string(), "broadcast \"news\": type u8 here, u64 in the region");
    assert!(children::holds_after_fork(|| {
        broadcast.try_publish(1) == Err(TryPublishError::Fault(1, Fault::Forked))
            && broadcast.subscribe().is_err_and(|error| error == SubscribeError::Fault(Fault::Forked))
            && subscriber.try_recv() == Err(TryRecvBroadcastError::Fault(Fault::Forked))
    }));
}

/// A peer that writes nonsense into the words does no harm beyond the broadcast: no panic, no endless loop, no access outside.
#[test]
fn words_that_make_no_sense() {
    use std::os::unix::fs::FileExt;
    let _watchdog = Watchdog::new(LIMIT, "words_that_make_no_sense");
    for subscribers in [None, Some(2)] {
        let name = TempName::new("nonsense");
        let broadcast = create(&name, 4, subscribers);
        let info = broadcast.region().list().remove(0);
        let file = std::fs::OpenOptions::new().read(true).write(true).open(broadcast.region().path().unwrap()).unwrap();
        let mut good = vec![0; 768];
        file.read_exact_at(&mut good, info.offset + 128).unwrap();
        // The lock's word has its own tests, and one that names a living process is waited for.
        for at in (0..768).step_by(8).filter(|at| *at != 16) {
            for nonsense in [1, 7 << 20, u64::MAX] {
                file.write_all_at(&good, info.offset + 128).unwrap();
                let mut subscriber = broadcast.subscribe().unwrap();
                let _ = broadcast.try_publish(record(0, 1));
                file.write_all_at(&u64::to_ne_bytes(nonsense), info.offset + 128 + at).unwrap();
                for _ in 0..3 {
                    let _ = subscriber.try_recv();
                    let _ = broadcast.try_publish(record(0, 2));
                }
            }
        }
        file.write_all_at(&good, info.offset + 128).unwrap();
        let mut subscriber = broadcast.subscribe().unwrap();
        broadcast.try_publish(record(0, 3)).unwrap();
        assert_eq!(subscriber.try_recv(), Ok(record(0, 3)));
    }
}
