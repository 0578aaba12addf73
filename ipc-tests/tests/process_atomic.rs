//! Atomic cells and event groups between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Counter, EventGroup, Fault, Region, WaitTimeoutError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("count", count), ("take", take), ("wait", wait), ("pilot", pilot)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn region(args: &Args) -> Region {
    Region::open(&args.get("name")).unwrap()
}

fn counter(args: &Args) -> Counter {
    region(args).counter("c").open().unwrap()
}

fn count(args: &Args) {
    let counter = counter(args);
    children::say("ready");
    assert_eq!(children::hear(), "go");
    for _ in 0..args.number("times") {
        counter.fetch_add(1).unwrap();
    }
}

/// Four processes add at once: nothing is lost. A waiter for the sum goes on when it is there.
#[test]
fn the_sum_is_right() {
    let _watchdog = Watchdog::new(LIMIT, "the_sum_is_right");
    let name = TempName::new("sum");
    let counter = Region::create(name.as_str()).unwrap().counter("c").initial(5).create().unwrap();
    let mut workers = [(); 4].map(|()| children::spawn("count", &[("name", name.as_str()), ("times", "100000")]));
    workers.iter_mut().for_each(|worker| worker.expect("ready"));
    workers.iter_mut().for_each(|worker| worker.say("go"));
    assert_eq!(counter.wait_until(|sum| sum >= 400_005), Ok(400_005));
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    assert_eq!(counter.load(), Ok(400_005));
}

fn take(args: &Args) {
    let counter = counter(args);
    children::say("ready");
    loop {
        counter.wait_update(|left| left.checked_sub(1)).unwrap();
        children::say("took one");
        let _ = children::hear();
    }
}

/// Each number that is put in is taken by one of those who wait for it; one that was killed takes nothing.
#[test]
fn each_is_taken_once() {
    let _watchdog = Watchdog::new(LIMIT, "each_is_taken_once");
    let name = TempName::new("taken");
    let counter = Region::create(name.as_str()).unwrap().counter("c").create().unwrap();
    let mut takers = [(); 3].map(|()| children::spawn("take", &[("name", name.as_str())]));
    takers.iter_mut().for_each(|taker| taker.expect("ready"));
    takers[1].sigkill();
    counter.fetch_add(2).unwrap();
    takers[0].expect("took one");
    takers[2].expect("took one");
    assert_eq!(counter.load(), Ok(0));
    let soon = Duration::from_millis(2);
    let nothing = counter.wait_update_timeout(soon, |left| left.checked_sub(1));
    assert_eq!(nothing, Err(WaitTimeoutError::Timeout));
    assert_eq!(counter.wait_until_timeout(soon, |left| left > 0), Err(WaitTimeoutError::Timeout));
    assert_eq!(counter.wait_until_deadline(std::time::Instant::now(), |left| left == 0), Ok(0));
}

/// All the operations of std's atomics, on all the types.
#[test]
fn operations() {
    let region = Region::options().anonymous().unwrap();
    let signed = region.atomic::<i32>("i32").initial(-1).create().unwrap();
    assert_eq!((signed.fetch_add(i32::MIN), signed.load()), (Ok(-1), Ok(i32::MAX)));
    assert_eq!((signed.fetch_max(7), signed.fetch_min(7), signed.load()), (Ok(i32::MAX), Ok(i32::MAX), Ok(7)));
    assert_eq!((signed.fetch_sub(8), signed.swap(-9), signed.load()), (Ok(7), Ok(-1), Ok(-9)));
    let wide = region.atomic::<i64>("i64").initial(i64::MIN).create().unwrap();
    assert_eq!((wide.fetch_sub(1), wide.load()), (Ok(i64::MIN), Ok(i64::MAX)));
    let unsigned = region.atomic::<u32>("u32").create().unwrap();
    assert_eq!((unsigned.fetch_sub(1), unsigned.load()), (Ok(0), Ok(u32::MAX)));
    assert_eq!(
        (unsigned.fetch_and(0xf0), unsigned.fetch_or(0x0f), unsigned.fetch_xor(0x3c)),
        (Ok(u32::MAX), Ok(0xf0), Ok(0xff))
    );
    assert_eq!(unsigned.compare_exchange(0xc3, 1), Ok(Ok(0xc3)));
    assert_eq!(unsigned.compare_exchange(0xc3, 2), Ok(Err(1)));
    assert_eq!((unsigned.update(|value| value + 4), unsigned.load()), (Ok(1), Ok(5)));
    let flag = region.atomic::<bool>("bool").create().unwrap();
    assert_eq!(
        (flag.fetch_not(), flag.fetch_and(true), flag.fetch_xor(true), flag.load()),
        (Ok(false), Ok(true), Ok(true), Ok(false))
    );
    assert_eq!((flag.fetch_or(true), flag.store(false), flag.wait_until(|flag| !flag)), (Ok(false), Ok(()), Ok(false)));
}

/// The type and the schema are checked: each difference is told in words.
#[test]
fn types_are_checked() {
    let region = Region::options().anonymous().unwrap();
    region.counter("c").schema(7).create().unwrap();
    let error = region.atomic::<i64>("c").schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "atomic cell \"c\": type i64 here, u64 in the region");
    let error = region.counter("c").open().unwrap_err();
    assert_eq!(error.to_string(), "atomic cell \"c\": schema 0 here, 7 in the region");
    let error = region.event_group("c").open().unwrap_err();
    assert_eq!(error.to_string(), "event group \"c\": event group here, atomic cell in the region");
    region.event("e").auto_reset().create().unwrap();
    let error = region.event("e").open().unwrap_err();
    assert_eq!(error.to_string(), "event \"e\": reset manual here, automatic in the region");
}

const LEFT: u32 = 1;
const RIGHT: u32 = 2;
const STOP: u32 = 1 << 31;

fn group(args: &Args) -> EventGroup {
    region(args).event_group("g").open().unwrap()
}

fn wait(args: &Args) {
    let group = group(args);
    children::say("waits");
    let flags = if args.try_get("any").is_some() { group.wait_any(LEFT | RIGHT) } else { group.wait_all(LEFT | RIGHT) };
    children::say(&format!("{:b}", flags.unwrap()));
}

fn pilot(args: &Args) {
    let group = group(args);
    children::say("waits");
    while group.take_any(LEFT | STOP).unwrap() & STOP == 0 {
        children::say("turns");
    }
    children::say("lands");
}

/// Those who wait for any go with the first flag, those who wait for all with the last, and a taker takes.
#[test]
fn any_and_all() {
    let _watchdog = Watchdog::new(LIMIT, "any_and_all");
    let name = TempName::new("group");
    let group = Region::create(name.as_str()).unwrap().event_group("g").create().unwrap();
    let mut any = [(); 2].map(|()| children::spawn("wait", &[("name", name.as_str()), ("any", "yes")]));
    let mut all = children::spawn("wait", &[("name", name.as_str())]);
    any.iter_mut().for_each(|any| any.expect("waits"));
    all.expect("waits");
    assert_eq!(group.set(RIGHT), Ok(0));
    any.iter_mut().for_each(|any| any.expect("10"));
    assert_eq!(group.set(LEFT), Ok(RIGHT));
    all.expect("11");

    assert_eq!((group.try_take_all(LEFT | STOP), group.try_wait_any(LEFT | STOP)), (Ok(None), Ok(Some(LEFT | RIGHT))));
    assert_eq!(
        (group.try_take_any(LEFT), group.flags(), group.clear(!0)),
        (Ok(Some(LEFT | RIGHT)), Ok(RIGHT), Ok(RIGHT))
    );
    let mut pilot = children::spawn("pilot", &[("name", name.as_str())]);
    pilot.expect("waits");
    for _ in 0..3 {
        group.set(LEFT).unwrap();
        pilot.expect("turns");
        assert_eq!(group.flags(), Ok(0), "taken");
    }
    group.set(STOP).unwrap();
    pilot.expect("lands");
    let soon = Duration::from_millis(2);
    assert_eq!(group.wait_all_timeout(LEFT, soon), Err(WaitTimeoutError::Timeout));
    assert_eq!(group.wait_all_timeout(0, soon), Ok(0));
    assert_eq!(group.take_any_deadline(0, std::time::Instant::now()), Err(WaitTimeoutError::Timeout));
}

/// After fork, the child's handles answer with an error.
#[test]
fn forked_handles_say_so() {
    let region = Region::options().anonymous().unwrap();
    let (counter, group) = (region.counter("c").create().unwrap(), region.event_group("g").create().unwrap());
    assert!(children::holds_after_fork(|| counter.fetch_add(1) == Err(Fault::Forked)
        && counter.wait_until(|_| true) == Err(Fault::Forked)
        && group.set(1) == Err(Fault::Forked)
        && group.flags() == Err(Fault::Forked)));
    assert_eq!(counter.load(), Ok(0));
}
