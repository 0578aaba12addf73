//! Separately started programs in a semaphore's line: served in order, and nobody is kept out by one that is stopped or killed.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Region, Semaphore};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("greedy", greedy), ("want", want)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> (Region, Semaphore) {
    let region = Region::open(&args.get("name")).unwrap();
    let semaphore = region.semaphore("s").open().unwrap();
    (region, semaphore)
}

/// Has a permit; when told, gives it back and wants it again at once; says which turn of all that was.
fn greedy(args: &Args) {
    let (region, semaphore) = open(args);
    let turns = region.counter("turns").open().unwrap();
    let permit = semaphore.acquire().unwrap();
    children::say("has");
    assert_eq!(children::hear(), "again");
    drop(permit);
    let permit = semaphore.acquire().unwrap();
    children::say(&turns.fetch_add(1).unwrap().to_string());
    drop(permit);
}

/// Wants a number of permits at once; says which of all turns that was.
fn want(args: &Args) {
    let (region, semaphore) = open(args);
    let turns = region.counter("turns").open().unwrap();
    let permits = semaphore.acquire_many(args.number("count") as u32).unwrap();
    children::say(&turns.fetch_add(1).unwrap().to_string());
    drop(permits);
}

fn spawn_want(name: &TempName, count: u32) -> Child {
    children::spawn("want", &[("name", name.as_str()), ("count", &count.to_string())])
}

fn in_line(semaphore: &Semaphore, count: u32) {
    while semaphore.stats().in_line != count {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn create(name: &TempName, permits: u32) -> (Region, Semaphore) {
    let region = Region::create(name.as_str()).unwrap();
    let semaphore = region.semaphore("s").permits(permits).bounded().create().unwrap();
    region.counter("turns").create().unwrap();
    (region, semaphore)
}

/// One waits in line for all four permits, which four others have. They give them back one by one and want one again at once: none
/// of them gets it before that one.
#[test]
fn one_that_wants_all_is_overtaken_by_nobody() {
    let _watchdog = Watchdog::new(LIMIT, "one_that_wants_all_is_overtaken_by_nobody");
    let name = TempName::new("overtaken");
    let (_region, semaphore) = create(&name, 4);
    let mut others: Vec<Child> = (0..4).map(|_| children::spawn("greedy", &[("name", name.as_str())])).collect();
    others.iter_mut().for_each(|other| other.expect("has"));
    let mut big = spawn_want(&name, 4);
    in_line(&semaphore, 1);
    others.iter_mut().for_each(|other| other.say("again"));
    big.expect("0");
    assert!(big.wait().success());
    for other in &mut others {
        assert!(other.wait().success());
    }
    assert_eq!((semaphore.available(), semaphore.stats().in_line), (4, 0));
}

/// Three wait in line for one permit: they get it in the order in which they came.
#[test]
fn the_line_is_served_in_order() {
    let _watchdog = Watchdog::new(LIMIT, "the_line_is_served_in_order");
    let name = TempName::new("order");
    let (_region, semaphore) = create(&name, 1);
    let permit = semaphore.acquire().unwrap();
    let mut line: Vec<Child> = Vec::new();
    for number in 1..=3 {
        line.push(spawn_want(&name, 1));
        in_line(&semaphore, number);
    }
    drop(permit);
    for (number, one) in line.iter_mut().enumerate() {
        one.expect(&number.to_string());
        assert!(one.wait().success());
    }
}

/// The first two in line are stopped: the one behind them, and one that comes later, get permits. When the stopped ones go on, they
/// get theirs.
#[test]
fn stopped_ones_in_line_keep_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "stopped_ones_in_line_keep_nobody_out");
    let name = TempName::new("stopped");
    let (_region, semaphore) = create(&name, 2);
    let both = semaphore.acquire_many(2).unwrap();
    let (mut first, mut second) = {
        let first = spawn_want(&name, 2);
        in_line(&semaphore, 1);
        let second = spawn_want(&name, 1);
        in_line(&semaphore, 2);
        (first, second)
    };
    let mut third = spawn_want(&name, 1);
    in_line(&semaphore, 3);
    first.sigstop();
    second.sigstop();
    drop(both);
    third.expect("0");
    assert!(third.wait().success());
    let permit = semaphore.acquire().unwrap();
    assert_eq!(semaphore.stats().in_line, 2);
    first.sigcont();
    second.sigcont();
    drop(permit);
    assert!(first.wait().success());
    assert!(second.wait().success());
    assert_eq!((semaphore.available(), semaphore.stats().in_line), (2, 0));
}

/// The first two in line are killed: the one behind them gets the permit, and nothing of them stays.
#[test]
fn killed_ones_in_line_keep_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "killed_ones_in_line_keep_nobody_out");
    let name = TempName::new("killed");
    let (_region, semaphore) = create(&name, 1);
    let permit = semaphore.acquire().unwrap();
    let mut dead = [1, 2].map(|number| {
        let one = spawn_want(&name, 1);
        in_line(&semaphore, number);
        one
    });
    let mut third = spawn_want(&name, 1);
    in_line(&semaphore, 3);
    dead.iter_mut().for_each(Child::sigkill_unreaped);
    drop(permit);
    third.expect("0");
    assert!(third.wait().success());
    drop(semaphore.acquire().unwrap());
    assert_eq!((semaphore.available(), semaphore.stats().in_line), (1, 0));
}

/// More threads than there are seats wait for long: signals wake all of them.
#[test]
fn more_than_there_are_seats() {
    let _watchdog = Watchdog::new(LIMIT, "more_than_there_are_seats");
    const SEATS: u32 = 31;
    let name = TempName::new("seats");
    let region = Region::create(name.as_str()).unwrap();
    let semaphore = region.semaphore("s").permits(0).max(64).create().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..SEATS + 9 {
            scope.spawn(|| semaphore.acquire().unwrap().forget().unwrap());
        }
        in_line(&semaphore, SEATS);
        semaphore.release(9).unwrap();
        semaphore.release(SEATS).unwrap();
    });
    assert_eq!((semaphore.available(), semaphore.stats().in_line), (0, 0));
}
