//! Condition variables in programs as tutorials write them: waits without a loop around them. Each wait returns once for one
//! notification, whatever other processes attach, leave and are killed meanwhile.

#![cfg(not(loom))]

use std::thread;
use std::time::Duration;

use ipc_posix::{Condvar, LockError, Mutex, MutexGuard, Region};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("visit", visit), ("wait", wait), ("baton", baton)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// What the mutex guards.
type Counts = [u64; 4];
/// The number of notifications.
const GIVEN: usize = 0;
/// The number of waits that have returned.
const WOKEN: usize = 1;
/// The number of waits that returned too early.
const EARLY: usize = 2;
/// The number of threads that wait, or waited.
const WAITING: usize = 3;

type Objects = (Region, Mutex<Counts>, Condvar);

fn open(args: &Args) -> Objects {
    let region = Region::open(&args.get("name")).unwrap();
    let (counts, changed) = (region.mutex("counts").open().unwrap(), region.condvar("changed").open().unwrap());
    (region, counts, changed)
}

fn create(name: &TempName) -> Objects {
    let region = Region::create(name.as_str()).unwrap();
    let (counts, changed) = (region.mutex("counts").create().unwrap(), region.condvar("changed").create().unwrap());
    (region, counts, changed)
}

type Guard<'a> = MutexGuard<'a, Counts>;

/// The lock, whatever became of its last holder: one that is killed here leaves nothing half-done.
fn anyway<'a>(locked: Result<Guard<'a>, LockError<Guard<'a>>>) -> Guard<'a> {
    locked.unwrap_or_else(|error| {
        let guard = error.into_guard().unwrap();
        guard.mark_consistent().unwrap();
        guard
    })
}

/// Attaches, and leaves when told to.
fn visit(args: &Args) {
    let _objects = open(args);
    children::say("attached");
    let _ = children::hear();
}

/// Waits once, without a condition.
fn wait(args: &Args) {
    let (_region, counts, changed) = open(args);
    wait_once(&counts, &changed);
    children::say("woken");
}

fn wait_once(counts: &Mutex<Counts>, changed: &Condvar) {
    let mut guard = anyway(counts.lock());
    guard[WAITING] += 1;
    guard = anyway(changed.wait(guard));
    guard[WOKEN] += 1;
    if guard[WOKEN] > guard[GIVEN] {
        guard[EARLY] += 1;
    }
}

/// Returns once this number of threads wait, or have waited.
fn until_waiting(counts: &Mutex<Counts>, number: u64) {
    while anyway(counts.lock())[WAITING] < number {
        thread::yield_now();
    }
}

/// Processes attach; some leave, and some are killed, of which the region is told.
fn visitors(region: &Region, name: &TempName) {
    for round in 0..6 {
        let mut visitor = children::spawn("visit", &[("name", name.as_str())]);
        visitor.expect("attached");
        if round % 2 == 0 {
            visitor.sigkill();
            region.recover().unwrap();
        } else {
            visitor.say("leave");
            assert!(visitor.wait().success());
        }
    }
}

fn waiter(name: &TempName) -> Child {
    children::spawn("wait", &[("name", name.as_str())])
}

/// A bare wait does not return while processes attach, leave and are killed, but for the notification that comes after all that.
#[test]
fn a_bare_wait_outlasts_visitors() {
    let _watchdog = Watchdog::new(LIMIT, "a_bare_wait_outlasts_visitors");
    let name = TempName::new("outlasts");
    let (region, counts, changed) = create(&name);
    let mut waiter = waiter(&name);
    until_waiting(&counts, 1);
    visitors(&region, &name);
    counts.lock().unwrap()[GIVEN] = 1;
    changed.notify_one().unwrap();
    waiter.expect("woken");
    assert_eq!(*counts.lock().unwrap(), [1, 1, 0, 1]);
}

/// Five processes wait, and each notification of one ends one wait. A notification of all ends those that are left.
#[test]
fn notifications_are_counted() {
    let _watchdog = Watchdog::new(LIMIT, "notifications_are_counted");
    let name = TempName::new("counted");
    let (region, counts, changed) = create(&name);
    let mut waiters = [(); 5].map(|()| waiter(&name));
    until_waiting(&counts, 5);
    for given in 1..=3 {
        counts.lock().unwrap()[GIVEN] = given;
        changed.notify_one().unwrap();
        while counts.lock().unwrap()[WOKEN] < given {
            thread::yield_now();
        }
        visitors(&region, &name);
        assert_eq!(*counts.lock().unwrap(), [given, given, 0, 5]);
    }
    counts.lock().unwrap()[GIVEN] = 5;
    changed.notify_all().unwrap();
    waiters.iter_mut().for_each(|waiter| waiter.expect("woken"));
    assert_eq!(*counts.lock().unwrap(), [5, 5, 0, 5]);
}

/// A notification of all counts for those that wait, and not for those that come later.
#[test]
fn a_later_wait_is_not_notified() {
    let _watchdog = Watchdog::new(LIMIT, "a_later_wait_is_not_notified");
    let name = TempName::new("later");
    let (region, counts, changed) = create(&name);
    let mut first = waiter(&name);
    until_waiting(&counts, 1);
    counts.lock().unwrap()[GIVEN] = 1;
    changed.notify_all().unwrap();
    changed.notify_one().unwrap();
    first.expect("woken");
    let mut second = waiter(&name);
    until_waiting(&counts, 2);
    visitors(&region, &name);
    counts.lock().unwrap()[GIVEN] = 2;
    changed.notify_one().unwrap();
    second.expect("woken");
    assert_eq!(*counts.lock().unwrap(), [2, 2, 0, 2]);
}

const ROUNDS: u64 = 2000;

/// Passes a baton to and fro: notifies the other one and waits for it, under one lock.
fn baton(args: &Args) {
    let (_region, counts, changed) = open(args);
    let mut guard = counts.lock().unwrap();
    guard[WAITING] += 1;
    for _ in 0..ROUNDS {
        guard = changed.wait(guard).unwrap();
        guard[WOKEN] += 1;
        if guard[WOKEN] > guard[GIVEN] {
            guard[EARLY] += 1;
        }
        guard[GIVEN] += 1;
        changed.notify_one().unwrap();
    }
}

/// Two processes pass a baton by notifications alone. Two bare waits return at once for none of them.
#[test]
fn a_baton_goes_to_and_fro() {
    let _watchdog = Watchdog::new(LIMIT, "a_baton_goes_to_and_fro");
    let name = TempName::new("baton");
    let (_region, counts, changed) = create(&name);
    let mut players = [(); 2].map(|()| children::spawn("baton", &[("name", name.as_str())]));
    until_waiting(&counts, 2);
    let mut guard = counts.lock().unwrap();
    guard[GIVEN] = 1;
    changed.notify_one().unwrap();
    drop(guard);
    assert!(players.iter_mut().all(|player| player.wait().success()));
    assert_eq!(*counts.lock().unwrap(), [2 * ROUNDS + 1, 2 * ROUNDS, 0, 2]);
}

/// Of four processes that wait, two are killed: the one before it is notified, and the other one just afterwards. The notifications
/// that the dead ones got go on to the others, one to each, and to no process that began to wait later.
#[test]
fn notifications_of_the_dead_go_on() {
    let _watchdog = Watchdog::new(LIMIT, "notifications_of_the_dead_go_on");
    for _ in 0..5 {
        let name = TempName::new("go-on");
        let (region, counts, changed) = create(&name);
        // In this order: the one that waits longest is notified first.
        let mut waiters: Vec<Child> = Vec::new();
        for number in 1..=4 {
            waiters.push(waiter(&name));
            until_waiting(&counts, number);
        }
        waiters[0].sigkill();
        {
            // None of them returns while the lock is held.
            let mut guard = counts.lock().unwrap();
            guard[GIVEN] = 4;
            for _ in 0..4 {
                changed.notify_one().unwrap();
            }
            waiters[1].sigkill();
        }
        let mut late = waiter(&name);
        until_waiting(&counts, 5);
        waiters[2].expect("woken");
        waiters[3].expect("woken");
        region.recover().unwrap();
        visitors(&region, &name);
        assert_eq!(*anyway(counts.lock()), [4, 2, 0, 5]);
        changed.notify_one().unwrap();
        late.expect("woken");
    }
}

/// A waiter is killed, and the notification that it gets is not enough for two others: one of them waits on.
#[test]
fn one_notification_of_a_dead_one_wakes_one() {
    let _watchdog = Watchdog::new(LIMIT, "one_notification_of_a_dead_one_wakes_one");
    let name = TempName::new("one-heir");
    let (region, counts, changed) = create(&name);
    let mut dead = waiter(&name);
    until_waiting(&counts, 1);
    let mut others = [(); 2].map(|()| waiter(&name));
    until_waiting(&counts, 3);
    dead.sigkill();
    counts.lock().unwrap()[GIVEN] = 1;
    changed.notify_one().unwrap();
    while anyway(counts.lock())[WOKEN] == 0 {
        thread::yield_now();
    }
    visitors(&region, &name);
    let mut guard = counts.lock().unwrap();
    assert_eq!(*guard, [1, 1, 0, 3]);
    guard[GIVEN] = 2;
    drop(guard);
    changed.notify_one().unwrap();
    others.iter_mut().for_each(|other| other.expect("woken"));
    assert_eq!(*counts.lock().unwrap(), [2, 2, 0, 3]);
}
