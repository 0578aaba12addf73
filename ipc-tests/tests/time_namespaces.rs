//! Ages across time namespaces. Needs root.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Region, Watch};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("moves", moves), ("looks", looks), ("looks_beside", looks_beside)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> (Region, Watch<u64>) {
    let region = Region::open(&args.get("name")).unwrap();
    let watch = region.watch("w").open().unwrap();
    (region, watch)
}

/// Starts `looks` with a clock that differs by `offset` seconds.
fn moves(args: &Args) {
    // In a process of one thread: the file in /proc is about the first one.
    assert!(children::holds_after_fork(|| {
        // SAFETY: no memory is passed.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWTIME) };
        assert_eq!(unshared, 0, "this test needs root: {}", std::io::Error::last_os_error());
        std::fs::write("/proc/self/timens_offsets", format!("monotonic {} 0\n", args.get("offset"))).unwrap();
        children::spawn("looks", &[("name", &args.get("name"))]).wait().success()
    }));
}

fn looks(args: &Args) {
    let (region, watch) = open(args);
    let first = watch.get_versioned().unwrap();
    assert_eq!((first.value, first.age), (1, None), "it was written outside");
    let reader = Region::open_read_only(&args.get("name")).unwrap();
    assert_eq!(reader.watch::<u64>("w").open().unwrap().get_versioned().unwrap().age, None);
    for list in [region.participants(), reader.participants()] {
        assert_eq!(list.iter().map(|process| process.age.is_some()).collect::<Vec<_>>(), [false, true]);
    }
    watch.set(2).unwrap();
    assert!(watch.get_versioned().unwrap().age.unwrap() < LIMIT);
    assert!(children::spawn("looks_beside", &[("name", &args.get("name"))]).wait().success());
}

/// In the same namespace.
fn looks_beside(args: &Args) {
    let (region, watch) = open(args);
    let value = watch.get_versioned().unwrap();
    assert_eq!(value.value, 2);
    assert!(value.age.unwrap() < LIMIT);
    let known: Vec<_> = region.participants().iter().map(|process| process.age.is_some()).collect();
    assert_eq!(known, [false, true, true]);
}

/// What is told inside, with a clock that is ahead by `offset` seconds, and outside.
fn nobody_tells_a_wrong_age(offset: &str) {
    let _watchdog = Watchdog::new(LIMIT, "nobody_tells_a_wrong_age");
    let name = TempName::new("namespaces");
    let region = Region::create(name.as_str()).unwrap();
    let watch = region.watch::<u64>("w").initial(1).create().unwrap();
    assert!(children::spawn("moves", &[("name", name.as_str()), ("offset", offset)]).wait().success());
    let value = watch.get_versioned().unwrap();
    assert_eq!((value.value, value.age), (2, None), "it was written inside");
    watch.set(3).unwrap();
    assert!(watch.get_versioned().unwrap().age.unwrap() < LIMIT);
}

#[test]
fn a_clock_that_is_ahead() {
    nobody_tells_a_wrong_age("1000000");
}

#[test]
fn a_clock_that_is_behind() {
    nobody_tells_a_wrong_age("-1");
}
