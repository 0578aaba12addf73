//! Condition variables between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{Condvar, Fault, LockError, Mutex, MutexGuard, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("consume", consume), ("produce", produce), ("die", die)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// How much there is, how much was ever put in, and whether more comes.
type Stock = [u64; 3];
const LEFT: usize = 0;
const MADE: usize = 1;
const CLOSED: usize = 2;

fn open(args: &Args) -> (Mutex<Stock>, Condvar) {
    let region = Region::open(&args.get("name")).unwrap();
    (region.mutex("stock").open().unwrap(), region.condvar("changed").open().unwrap())
}

fn create(name: &TempName) -> (Mutex<Stock>, Condvar) {
    let region = Region::create(name.as_str()).unwrap();
    (region.mutex("stock").create().unwrap(), region.condvar("changed").create().unwrap())
}

/// The lock, whatever became of its last holder: one who is killed here leaves nothing half-done.
fn anyway<'a>(locked: Result<MutexGuard<'a, Stock>, LockError<MutexGuard<'a, Stock>>>) -> MutexGuard<'a, Stock> {
    locked.unwrap_or_else(|error| {
        let guard = error.into_guard().unwrap();
        guard.mark_consistent().unwrap();
        guard
    })
}

/// Takes pieces until there are no more, and says how many.
fn consume(args: &Args) {
    let (stock, changed) = open(args);
    children::say("ready");
    let mut taken = 0_u64;
    loop {
        let waited = changed.wait_while(anyway(stock.lock()), |stock| stock[LEFT] == 0 && stock[CLOSED] == 0);
        let died = waited.is_err();
        let mut stock = anyway(waited);
        if died {
            // Not because of what was waited for.
            continue;
        }
        if stock[LEFT] == 0 {
            break;
        }
        stock[LEFT] -= 1;
        taken += 1;
        if taken == 1 {
            children::say("took one");
        }
    }
    children::say(&taken.to_string());
}

fn produce(args: &Args) {
    let (stock, changed) = open(args);
    for _ in 0..args.number("pieces") {
        let mut stock = stock.lock().unwrap();
        stock[LEFT] += 1;
        stock[MADE] += 1;
        drop(stock);
        changed.notify_one().unwrap();
    }
}

/// Two producers, three consumers: each piece is taken once, and at the end everybody goes.
#[test]
fn producers_and_consumers() {
    let _watchdog = Watchdog::new(LIMIT, "producers_and_consumers");
    let name = TempName::new("condvar");
    let (stock, changed) = create(&name);
    let mut consumers = [(); 3].map(|()| children::spawn("consume", &[("name", name.as_str())]));
    consumers.iter_mut().for_each(|consumer| consumer.expect("ready"));
    let args = [("name", name.as_str()), ("pieces", "5000")];
    let mut producers = [(); 2].map(|()| children::spawn("produce", &args));
    assert!(producers.iter_mut().all(|producer| producer.wait().success()));
    stock.lock().unwrap()[CLOSED] = 1;
    changed.notify_all().unwrap();
    let taken = consumers.each_mut().map(|consumer| {
        loop {
            let line = consumer.hear();
            if line != "took one" {
                break line.parse::<u64>().unwrap();
            }
        }
    });
    assert!(consumers.iter_mut().all(|consumer| consumer.wait().success()));
    assert_eq!((taken.iter().sum::<u64>(), *stock.lock().unwrap()), (10_000, [0, 10_000, 1]));
}

/// One of those who wait is killed. One notification of one is enough for the other one in the end, whichever of them got it.
#[test]
fn a_waiter_is_killed() {
    let _watchdog = Watchdog::new(LIMIT, "a_waiter_is_killed");
    for round in 0..20 {
        let name = TempName::new("killed-waiter");
        let (stock, changed) = create(&name);
        let mut consumers = [(); 2].map(|()| children::spawn("consume", &[("name", name.as_str())]));
        consumers.iter_mut().for_each(|consumer| consumer.expect("ready"));
        if round % 2 == 0 {
            consumers[0].sigkill();
        }
        anyway(stock.lock())[LEFT] = 1;
        changed.notify_one().unwrap();
        // In the odd rounds it may be the one who was woken.
        if round % 2 == 1 {
            consumers[0].sigkill();
        }
        let in_time =
            changed.wait_timeout_while(anyway(stock.lock()), Duration::from_secs(30), |stock| stock[LEFT] == 1);
        assert!(!in_time.unwrap().1.timed_out(), "round {round}: nobody took it");
    }
}

/// Changes something under the lock, and is killed there: without unlocking, without notifying.
fn die(args: &Args) {
    let (stock, _) = open(args);
    let mut stock = stock.lock().unwrap();
    stock[LEFT] = 1;
    children::say("locked");
    let _ = children::hear();
}

/// A waiter finds out that a holder of the lock has died, though nobody notifies.
#[test]
fn a_holder_dies_without_a_word() {
    let _watchdog = Watchdog::new(LIMIT, "a_holder_dies_without_a_word");
    let name = TempName::new("silent");
    let (stock, changed) = create(&name);
    let waiter = std::thread::spawn(move || {
        let guard = stock.lock().unwrap();
        let died = matches!(changed.wait_while(guard, |stock| stock[LEFT] == 0), Err(LockError::OwnerDied(_)));
        died
    });
    let mut child = children::spawn("die", &[("name", name.as_str())]);
    child.expect("locked");
    child.sigkill();
    assert!(waiter.join().unwrap());
}

/// The forms with a time limit say whether it was over.
#[test]
fn time_limits() {
    let region = Region::options().anonymous().unwrap();
    let (mutex, changed) = (region.mutex::<u64>("m").create().unwrap(), region.condvar("c").create().unwrap());
    let soon = Duration::from_millis(5);
    let (guard, result) = changed.wait_timeout_while(mutex.lock().unwrap(), soon, |value| *value == 0).unwrap();
    assert!(result.timed_out());
    let (guard, result) = changed.wait_timeout_while(guard, soon, |value| *value != 0).unwrap();
    assert!(!result.timed_out(), "nothing to wait for");
    let (guard, result) = changed.wait_deadline(guard, Instant::now()).unwrap();
    assert!(result.timed_out());
    let (guard, result) = changed.wait_deadline_while(guard, Instant::now() + soon, |value| *value == 0).unwrap();
    assert!(result.timed_out());
    // A notification is not a time-out.
    let (guard, result): (MutexGuard<'_, u64>, _) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = mutex.lock().unwrap();
            changed.notify_one().unwrap();
        });
        changed.wait_timeout(guard, Duration::from_secs(3600)).unwrap()
    });
    assert!(!result.timed_out());
    drop(guard);
    assert!(!mutex.is_locked());
}

/// After fork, the child's handle answers with an error.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let changed = region.condvar("c").create().unwrap();
    assert!(children::holds_after_fork(
        || changed.notify_all() == Err(Fault::Forked) && changed.notify_one() == Err(Fault::Forked)
    ));
}
