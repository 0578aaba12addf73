//! Events between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{DirectoryError, Event, Fault, ObjectErrorKind, ObjectShapeError, Region, WaitTimeoutError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("wait", wait), ("set", set)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn event(args: &Args) -> Event {
    let region = Region::open(&args.get("name")).unwrap();
    let options = region.event("e");
    let options = if args.try_get("auto").is_some() { options.auto_reset() } else { options };
    options.open().unwrap()
}

fn wait(args: &Args) {
    let event = event(args);
    children::say("waits");
    event.wait().unwrap();
    children::say("goes");
}

fn set(args: &Args) {
    let event = event(args);
    children::say("ready");
    assert_eq!(children::hear(), "go");
    event.set().unwrap();
    children::say("set");
    let _ = children::hear();
}

/// Waiters are processes; a flag that is set lets all of them go, and those who come later, until it is cleared.
#[test]
fn everybody_goes() {
    let _watchdog = Watchdog::new(LIMIT, "everybody_goes");
    let name = TempName::new("event");
    let event = Region::create(name.as_str()).unwrap().event("e").create().unwrap();
    assert_eq!(event.wait_timeout(Duration::from_millis(5)), Err(WaitTimeoutError::Timeout));
    let mut waiters = [(); 4].map(|()| children::spawn("wait", &[("name", name.as_str())]));
    waiters.iter_mut().for_each(|waiter| waiter.expect("waits"));
    let mut setter = children::spawn("set", &[("name", name.as_str())]);
    setter.expect("ready");
    setter.say("go");
    setter.expect("set");
    // What a dead process has set is set.
    setter.sigkill();
    waiters.iter_mut().for_each(|waiter| waiter.expect("goes"));
    let mut late = children::spawn("wait", &[("name", name.as_str())]);
    late.expect("waits");
    late.expect("goes");
    assert_eq!((event.clear(), event.clear(), event.set(), event.set()), (Ok(true), Ok(false), Ok(true), Ok(false)));
}

/// An event that resets itself lets one go for each set; a waiter that is killed takes nothing along.
#[test]
fn one_goes_for_each_set() {
    let _watchdog = Watchdog::new(LIMIT, "one_goes_for_each_set");
    let name = TempName::new("event");
    let region = Region::create(name.as_str()).unwrap();
    let event = region.event("e").auto_reset().create().unwrap();
    let error = region.event("e").open().unwrap_err();
    assert!(
        matches!(error.kind(), ObjectErrorKind::Directory(DirectoryError::Shape(ObjectShapeError::Differs { .. }))),
        "{error}"
    );
    let args = [("name", name.as_str()), ("auto", "yes")];
    let mut waiters = [(); 3].map(|()| children::spawn("wait", &args));
    waiters.iter_mut().for_each(|waiter| waiter.expect("waits"));
    waiters[1].sigkill();
    for _ in 0..2 {
        assert_eq!(event.set(), Ok(true));
        // Taken when it is clear again; by whom does not matter.
        while event.is_set() {
            std::thread::yield_now();
        }
    }
    waiters[0].expect("goes");
    waiters[2].expect("goes");
    assert_eq!(event.try_wait(), Ok(false));
    assert_eq!(event.set(), Ok(true));
    assert_eq!((event.try_wait(), event.try_wait()), (Ok(true), Ok(false)));
}

/// After fork, the child's handle answers with an error.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let event = region.event("e").initial(true).create().unwrap();
    assert!(children::holds_after_fork(|| event.set() == Err(Fault::Forked) && event.wait() == Err(Fault::Forked)));
    assert!(event.is_set());
}

/// A pulse of an event that resets itself releases one of two waiters or none, and the clearing says which.
#[test]
fn a_pulse_of_an_event_that_resets_itself() {
    let _watchdog = Watchdog::new(LIMIT, "a_pulse_of_an_event_that_resets_itself");
    let region = Region::options().anonymous().unwrap();
    let event = region.event("e").auto_reset().create().unwrap();
    let gone = region.counter("gone").create().unwrap();
    for round in 1..=100 {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    event.wait().unwrap();
                    gone.fetch_add(1).unwrap();
                });
            }
            while round % 2 == 0 && !event.is_awaited() {
                std::thread::yield_now();
            }
            event.set().unwrap();
            let mut released = u64::from(!event.clear().unwrap());
            let before = 2 * (round - 1);
            while released < 2 {
                event.set().unwrap();
                released += 1;
                // One goes for each setting that was not cleared, and no more.
                gone.wait_until(|gone| gone >= before + released).unwrap();
                assert!(!event.is_set());
            }
        });
        assert_eq!(gone.load(), Ok(2 * round));
    }
}
