//! Mutexes between separately started programs: exclusion, death, panic, fork, and that nobody starves.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{Fault, LockError, LockTimeoutError, Mutex, RecoveryThread, Region, TryLockError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[
    ("add", add),
    ("hold", hold),
    ("hold_transaction", hold_transaction),
    ("panic", panic_with_guard),
    ("add_for_ever", add_for_ever),
    ("turns", turns),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A number and its complement: a change in two steps.
type Pair = [u64; 2];

fn pair(n: u64) -> Pair {
    [n, !n]
}

fn mutex(args: &Args) -> Mutex<Pair> {
    Region::open(&args.get("name")).unwrap().mutex("m").open().unwrap()
}

fn create(name: &TempName) -> Mutex<Pair> {
    Region::create(name.as_str()).unwrap().mutex("m").initial(pair(0)).create().unwrap()
}

fn add_one(pair: &mut Pair) {
    assert_eq!(pair[1], !pair[0], "whole");
    pair[0] += 1;
    pair[1] = !pair[0];
}

fn add(args: &Args) {
    let mutex = mutex(args);
    for _ in 0..args.number("count") {
        add_one(&mut mutex.lock().unwrap());
    }
}

/// With a recovery thread, a dead holder's lock is free although nobody asks for it. It ends when it is dropped.
#[test]
fn a_recovery_thread_frees_the_lock() {
    let _watchdog = Watchdog::new(LIMIT, "a_recovery_thread_frees_the_lock");
    let name = TempName::new("recovery");
    let mutex = create(&name);
    let recovery = RecoveryThread::spawn(&mutex.region()).unwrap();
    for _ in 0..20 {
        let mut child = children::spawn("hold", &[("name", name.as_str())]);
        child.expect("held");
        assert!(mutex.is_locked());
        child.sigkill();
        while mutex.is_locked() {
            std::thread::yield_now();
        }
        mutex.lock().unwrap_err().into_guard().unwrap().mark_consistent().unwrap();
    }
    drop(recovery);
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("comm"));
    let names: Vec<String> = threads.filter_map(|comm| std::fs::read_to_string(comm).ok()).collect();
    assert!(!names.iter().any(|name| name.starts_with("ipc-recovery")), "{names:?}");
}

/// More processes than processors add to one number, each step in two stores: nothing is lost, and nobody sees a half.
#[test]
fn one_at_a_time() {
    let _watchdog = Watchdog::new(LIMIT, "one_at_a_time");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let adders = [(); 5].map(|()| children::spawn("add", &[("name", name.as_str()), ("count", "20000")]));
    for mut adder in adders {
        assert!(adder.wait().success());
    }
    assert_eq!(*mutex.lock().unwrap(), pair(100_000));
}

fn hold(args: &Args) {
    let mutex = mutex(args);
    let mut guard = mutex.lock().unwrap();
    guard[0] = 7;
    children::say("held");
    let _ = children::hear();
    guard[0] = !guard[1];
}

fn hold_transaction(args: &Args) {
    let mutex = mutex(args);
    let mut change = mutex.lock_transaction().unwrap();
    *change = pair(7);
    change.store().unwrap();
    change[0] = 8;
    children::say("held");
    let _ = children::hear();
}

/// A killed holder: the next one is told, sees what was left, repairs it; then all is as before.
#[test]
fn a_killed_holder_is_told_of() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_holder_is_told_of");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("held");
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(mutex.lock_timeout(Duration::from_millis(1)), Err(LockTimeoutError::Timeout)));
    // A stopped holder is alive.
    holder.sigstop();
    assert!(matches!(mutex.lock_timeout(Duration::from_millis(50)), Err(LockTimeoutError::Timeout)));
    // Nobody has waited for it with wait(2), so it is a zombie: dead all the same.
    holder.sigkill_unreaped();
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("the holder died") };
    assert_eq!(guard[0], 7, "half-changed");
    // Left as it is, the mark stays.
    drop(guard);
    assert!(mutex.is_poisoned());
    let Err(TryLockError::OwnerDied(mut guard)) = mutex.try_lock() else { panic!("the mark stays") };
    *guard = pair(1);
    guard.mark_consistent().unwrap();
    drop(guard);
    assert_eq!(*mutex.lock().unwrap(), pair(1));
}

/// A holder that is killed in a transaction leaves the last committed value, and nobody has to repair anything.
#[test]
fn a_killed_transaction_never_was() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_transaction_never_was");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let mut holder = children::spawn("hold_transaction", &[("name", name.as_str())]);
    holder.expect("held");
    holder.sigkill();
    assert_eq!(*mutex.lock().unwrap(), pair(7), "what it had committed");
    drop(mutex.lock_transaction().unwrap());
    assert_eq!(*mutex.lock().unwrap(), pair(7), "dropped without a commit");
}

fn panic_with_guard(args: &Args) {
    let mutex = mutex(args);
    let _guard = mutex.lock().unwrap();
    std::panic::set_hook(Box::new(|_| ()));
    panic!("as planned");
}

/// A holder that panics poisons the lock, as in std; one that locks while it panics already does not.
#[test]
fn a_panic_poisons() {
    let _watchdog = Watchdog::new(LIMIT, "a_panic_poisons");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let mut holder = children::spawn("panic", &[("name", name.as_str())]);
    assert!(!holder.wait().success());
    let Err(LockError::Poisoned(guard)) = mutex.lock() else { panic!("poisoned") };
    guard.mark_consistent().unwrap();
    drop(guard);
    struct LocksInDrop<'m>(&'m Mutex<Pair>);
    impl Drop for LocksInDrop<'_> {
        fn drop(&mut self) {
            drop(self.0.lock().unwrap());
        }
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _later = LocksInDrop(&mutex);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    assert!(!mutex.is_poisoned());
}

/// A thread that locks twice is told; another thread of the same process waits.
#[test]
fn locking_twice_is_reported() {
    let _watchdog = Watchdog::new(LIMIT, "locking_twice_is_reported");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let guard = mutex.lock().unwrap();
    assert!(matches!(mutex.lock(), Err(LockError::Deadlock)));
    let another_handle = Region::open(name.as_str()).unwrap().mutex::<Pair>("m").open().unwrap();
    assert!(matches!(mutex.clone().lock_timeout(LIMIT), Err(LockTimeoutError::Deadlock)));
    // Another attachment is another participant: it cannot be told for certain there.
    assert!(matches!(another_handle.try_lock(), Err(TryLockError::WouldBlock)));
    let short = Duration::from_millis(5);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| mutex.lock_timeout(short).map(drop).map_err(LockTimeoutError::without_guard));
        assert_eq!(other.join().unwrap(), Err(LockTimeoutError::Timeout));
    });
    drop(guard);
    assert!(mutex.lock().is_ok());
}

/// After fork, the child's handles answer with an error, its guard does nothing, and the parent keeps the lock.
#[test]
fn fork_gives_nothing_away() {
    let _watchdog = Watchdog::new(LIMIT, "fork_gives_nothing_away");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let mut guard = mutex.lock().unwrap();
    // SAFETY: the child runs nothing but this library and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = matches!(mutex.try_lock(), Err(TryLockError::Fault(Fault::Forked)))
            && matches!(mutex.lock(), Err(LockError::Fault(Fault::Forked)));
        drop(guard);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!forked)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    let other = Region::open(name.as_str()).unwrap().mutex::<Pair>("m").open().unwrap();
    assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)), "the parent still has it");
    *guard = pair(3);
    drop(guard);
    assert_eq!(*other.lock().unwrap(), pair(3));
}

/// A transaction that came through fork cannot be committed, and says so; the parent's can.
#[test]
fn a_forked_transaction_is_an_error() {
    let mutex: Mutex<Pair> = Region::options().anonymous().unwrap().mutex("m").initial(pair(0)).create().unwrap();
    let mut change = mutex.lock_transaction().unwrap();
    *change = pair(5);
    // SAFETY: the child runs nothing but this library and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let stored = change.store();
        let told = stored == Err(Fault::Forked) && change.commit() == Err(Fault::Forked);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    change.commit().unwrap();
    assert_eq!(*mutex.lock().unwrap(), pair(5));
}

/// Adds in place, repairing after each death, until it is killed.
fn add_for_ever(args: &Args) {
    let mutex = mutex(args);
    children::say("go");
    loop {
        match mutex.lock() {
            Ok(mut guard) => add_one(&mut guard),
            Err(LockError::OwnerDied(mut guard)) => {
                guard[1] = !guard[0];
                guard.mark_consistent().unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Holders are killed at random, again and again: the others always get the lock, and are told when it matters.
#[test]
fn a_storm_of_killed_holders() {
    let _watchdog = Watchdog::new(LIMIT, "a_storm_of_killed_holders");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let start = || {
        let mut child = children::spawn("add_for_ever", &[("name", name.as_str())]);
        child.expect("go");
        child
    };
    let mut adders = [start(), start(), start()];
    let mut told = 0;
    for round in 0..60 {
        let before = adders[round % 3].pid();
        adders[round % 3].sigkill();
        adders[round % 3] = start();
        assert_ne!(before, adders[round % 3].pid());
        match mutex.lock_timeout(Duration::from_secs(10)) {
            Ok(guard) => assert_eq!(guard[1], !guard[0], "whole without a mark"),
            Err(LockTimeoutError::OwnerDied(mut guard)) => {
                told += 1;
                guard[1] = !guard[0];
                guard.mark_consistent().unwrap();
            }
            Err(error) => panic!("round {round}: {error}"),
        }
    }
    println!("{told} of 60 deaths were this process's to repair");
}

/// Takes the lock as often as it can, and counts for how often it had it.
fn turns(args: &Args) {
    let mutex = mutex(args);
    children::say("ready");
    assert_eq!(children::hear(), "go");
    let mut turns = 0_u64;
    loop {
        let mut guard = mutex.lock().unwrap();
        if guard[0] == u64::MAX {
            break;
        }
        turns += 1;
        // Long enough that the others wait.
        for _ in 0..2000 {
            std::hint::spin_loop();
        }
        guard[1] = turns;
    }
    children::say(&turns.to_string());
}

/// With three times as many processes as processors in a tight loop, each gets its turns.
#[test]
fn nobody_starves() {
    let _watchdog = Watchdog::new(LIMIT, "nobody_starves");
    let name = TempName::new("mutex");
    let mutex = create(&name);
    let mut players = [(); 6].map(|()| children::spawn("turns", &[("name", name.as_str())]));
    players.iter_mut().for_each(|player| player.expect("ready"));
    players.iter_mut().for_each(|player| player.say("go"));
    std::thread::sleep(Duration::from_millis(1500));
    let asked = Instant::now();
    mutex.lock().unwrap()[0] = u64::MAX;
    println!("the seventh got it after {:?}", asked.elapsed());
    let turns = players.map(|mut player| player.hear().parse::<u64>().unwrap());
    let (least, most) = (turns.iter().min().unwrap(), turns.iter().max().unwrap());
    println!("turns: {turns:?}");
    assert!(*least > 0, "{turns:?}");
    // Not a promise of equal shares: that nobody is far behind.
    assert!(most / least < 100, "{turns:?}");
}
