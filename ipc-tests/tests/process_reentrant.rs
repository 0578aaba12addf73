//! Reentrant mutexes, and the lock alone, between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Fault, LockError, LockTimeoutError, RawMutex, ReentrantMutex, Region, TryLockError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;
use lock_api::RawMutex as _;

const LIMIT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(2);

const ROLES: &[Role] =
    &[("move_money", move_money), ("die", die), ("append", append), ("die_with_file", die_with_file)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Two accounts.
type Bank = ReentrantMutex<[i64; 2]>;

fn bank(args: &Args) -> Bank {
    Region::open(&args.get("name")).unwrap().reentrant_mutex("bank").open().unwrap()
}

fn add(bank: &Bank, account: usize, amount: i64) {
    bank.lock()
        .unwrap()
        .update(|mut accounts| {
            accounts[account] += amount;
            accounts
        })
        .unwrap();
}

fn move_money(args: &Args) {
    let bank = bank(args);
    for round in 0..args.number("rounds") {
        let _both = bank.lock().unwrap();
        let amount = round as i64 % 7 - 3;
        add(&bank, 0, -amount);
        add(&bank, 1, amount);
    }
}

/// Several processes take the lock again while they have it; nobody sees the sum change.
#[test]
fn nobody_sees_half() {
    let _watchdog = Watchdog::new(LIMIT, "nobody_sees_half");
    let name = TempName::new("bank");
    let region = Region::create(name.as_str()).unwrap();
    let bank: Bank = region.reentrant_mutex("bank").initial([500, 500]).create().unwrap();
    let args = [("name", name.as_str()), ("rounds", "3000")];
    let mut movers = [(); 3].map(|()| children::spawn("move_money", &args));
    for _ in 0..3000 {
        let accounts = bank.lock().unwrap().get().unwrap();
        assert_eq!(accounts[0] + accounts[1], 1000);
    }
    assert!(movers.iter_mut().all(|mover| mover.wait().success()));
}

/// The last guard unlocks, in whatever order they go; others wait until then.
#[test]
fn the_last_guard_unlocks() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_guard_unlocks");
    let region = Region::options().anonymous().unwrap();
    let mutex = region.reentrant_mutex::<u64>("m").initial(7).create().unwrap();
    let first = mutex.lock().unwrap();
    let second = mutex.try_lock().unwrap();
    let third = mutex.clone();
    let third = third.lock_timeout(Duration::ZERO).unwrap();
    first.set(8).unwrap();
    assert_eq!((second.get(), third.get()), (Ok(8), Ok(8)));
    drop(first);
    drop(third);
    let elsewhere = |expected: Option<u64>| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| match mutex.try_lock() {
                Ok(guard) => Some(guard.get().unwrap()),
                Err(TryLockError::WouldBlock) => None,
                Err(error) => panic!("{error}"),
            });
            assert_eq!(other.join().unwrap(), expected);
            let other = scope.spawn(|| mutex.lock_timeout(SOON).err().map(LockTimeoutError::without_guard));
            assert!(matches!(other.join().unwrap(), Some(LockTimeoutError::Timeout)) != expected.is_some());
        });
    };
    elsewhere(None);
    drop(second);
    assert!(!mutex.is_locked());
    elsewhere(Some(8));
}

/// Dies with two guards, between two changes that belong together.
fn die(args: &Args) {
    let bank = bank(args);
    let _both = bank.lock().unwrap();
    add(&bank, 0, -100);
    let _again = bank.lock().unwrap();
    children::say("between");
    let _ = children::hear();
}

/// The next holder is told, once for each time that it takes a free lock, and starts at the first guard.
#[test]
fn a_holder_dies_deep_inside() {
    let _watchdog = Watchdog::new(LIMIT, "a_holder_dies_deep_inside");
    let name = TempName::new("deep");
    let region = Region::create(name.as_str()).unwrap();
    let bank: Bank = region.reentrant_mutex("bank").initial([500, 500]).create().unwrap();
    let mut child = children::spawn("die", &[("name", name.as_str())]);
    child.expect("between");
    child.sigkill();
    let guard = match bank.lock() {
        Err(LockError::OwnerDied(guard)) => guard,
        other => panic!("{other:?}"),
    };
    assert_eq!(guard.get(), Ok([400, 500]));
    assert!(bank.lock().is_ok(), "the outermost guard has told it");
    guard.update(|[_, other]| [1000 - other, other]).unwrap();
    guard.mark_consistent().unwrap();
    drop(guard);
    assert!(!bank.is_locked() && !bank.is_poisoned());
    assert_eq!(bank.lock().unwrap().get(), Ok([500, 500]));
}

/// The data are as those of a mutex, but the kinds are told apart; after fork, a handle says so.
#[test]
fn another_kind() {
    let region = Region::options().anonymous().unwrap();
    let mutex = region.reentrant_mutex::<u64>("m").create().unwrap();
    let error = region.mutex::<u64>("m").open().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"m\": mutex here, reentrant mutex in the region");
    let guard = mutex.lock().unwrap();
    // SAFETY: the child runs nothing but this library and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = guard.get() == Err(Fault::Forked)
            && guard.set(1) == Err(Fault::Forked)
            && matches!(mutex.lock(), Err(LockError::Fault(Fault::Forked)));
        drop(guard);
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!forked)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(guard.get(), Ok(0));
}

fn journal(region: &Region, path: &str) -> lock_api::Mutex<RawMutex, std::fs::File> {
    let lock = RawMutex::new(&region.mutex::<()>("journal").open_or_create().unwrap());
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    lock_api::Mutex::from_raw(lock, file)
}

fn append(args: &Args) {
    use std::io::Write;
    let journal = journal(&Region::open(&args.get("name")).unwrap(), &args.get("path"));
    for _ in 0..args.number("entries") {
        let mut file = journal.lock();
        // An entry in three writes.
        for part in ["begin ", &std::process::id().to_string(), " end\n"] {
            file.write_all(part.as_bytes()).unwrap();
        }
    }
}

fn die_with_file(args: &Args) {
    let journal = journal(&Region::open(&args.get("name")).unwrap(), &args.get("path"));
    let _file = journal.lock();
    children::say("locked");
    let _ = children::hear();
}

/// A peer that overwrites the lock's word does not let a second thread of this process to the private data.
#[test]
fn overwritten_lock_admits_no_second_thread() {
    let _watchdog = Watchdog::new(LIMIT, "overwritten_lock_admits_no_second_thread");
    let name = TempName::new("scribble");
    let region = Region::create(name.as_str()).unwrap();
    let lock = RawMutex::new(&region.mutex::<()>("journal").create().unwrap());
    let data = lock_api::Mutex::from_raw(lock, vec!["private".to_owned()]);
    let overwrite = |word: u32| {
        // Behind the header of the object, the lock's word.
        let at = region.list()[0].offset + 128;
        let file = std::fs::OpenOptions::new().write(true).open(name.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &word.to_ne_bytes(), at).unwrap();
    };
    let second = || std::thread::scope(|scope| scope.spawn(|| data.try_lock().is_some()).join().unwrap());
    for word in [0, 1 << 29, 0x3ff] {
        let guard = data.lock();
        overwrite(word);
        assert!(!second() && data.is_locked(), "after {word:#x}");
        drop(guard);
        overwrite(0);
        assert!(second());
    }
}

/// `lock_api`'s guards, with the lock in the region and the data in each process; a holder that is killed is no obstacle.
#[test]
fn guards_of_another_crate() {
    let _watchdog = Watchdog::new(LIMIT, "guards_of_another_crate");
    let (name, path) = (TempName::new("journal"), TempName::new("journal-file"));
    let region = Region::create(name.as_str()).unwrap();
    let path_text = path.path().to_str().unwrap().to_owned();
    let mine = journal(&region, &path_text);
    let args = [("name", name.as_str()), ("path", &path_text), ("entries", "300")];
    let mut victim = children::spawn("die_with_file", &args);
    victim.expect("locked");
    assert!(mine.is_locked() && mine.try_lock().is_none());
    let mut writers = [(); 3].map(|()| children::spawn("append", &args));
    victim.sigkill();
    assert!(writers.iter_mut().all(|writer| writer.wait().success()));
    let text = std::fs::read_to_string(path.path()).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("begin ") && line.ends_with(" end")).count(), 900);
    std::fs::remove_file(path.path()).unwrap();
    // SAFETY: unlocked only after it was locked here.
    unsafe {
        assert!(mine.raw().is_poisoned());
        assert!(mine.raw().try_lock());
        mine.raw().clear_poison().unwrap();
        assert!(mine.raw().is_locked() && !mine.raw().is_poisoned());
        mine.raw().unlock();
    }
    assert!(!RawMutex::INIT.try_lock(), "nothing is behind it");
}
