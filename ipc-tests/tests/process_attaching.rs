//! Attaching and leaving: what they cost those who are there, and what is repaired after whom.

#![cfg(all(not(loom), target_os = "linux"))]

use std::time::Duration;

use ipc_posix::{LockError, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("attach", attach), ("forget", forget), ("hold", hold), ("wait", wait)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn region(args: &Args) -> Region {
    Region::open(&args.get("region")).unwrap()
}

/// Opens the region and leaves it when told to.
fn attach(args: &Args) {
    let region = region(args);
    children::say("attached");
    let _ = children::hear();
    drop(region);
}

/// The bytes of all objects, as other processes see them.
fn objects(region: &Region) -> Vec<u8> {
    let bytes = std::fs::read(region.path().unwrap()).unwrap();
    let first = bytes.windows(5).position(|name| name == b"first").expect("the name of the first object");
    bytes[first..].to_vec()
}

/// A process that attaches and leaves touches no object, so it wakes nobody; after one that died, the next one repairs.
#[test]
fn attaching_touches_objects_after_a_death_only() {
    let _watchdog = Watchdog::new(LIMIT, "attaching_touches_objects_after_a_death_only");
    let name = TempName::new("attaching");
    let region = Region::options().size(1 << 20).create(name.as_str()).unwrap();
    let _objects = (
        region.condvar("first").create().unwrap(),
        region.queue::<u64>("q").capacity(8).create().unwrap(),
        region.mutex::<u64>("m").create().unwrap(),
        region.semaphore("s").permits(2).create().unwrap(),
        region.loan_queue::<u64>("l").blocks(2).block_len(2).create().unwrap(),
        region.watch::<u64>("w").initial(1).create().unwrap(),
    );
    let before = objects(&region);
    let visitor = || children::spawn("attach", &[("region", name.as_str())]);
    for _ in 0..2 {
        let mut polite = visitor();
        polite.expect("attached");
        polite.say("go");
        assert!(polite.wait().success());
        assert!(before == objects(&region), "an attach or a leave has touched an object");
    }
    let mut killed = visitor();
    killed.expect("attached");
    killed.sigkill();
    visitor().expect("attached");
    assert!(before != objects(&region), "nobody has repaired after a death");
}

/// Keeps what it is told to, and leaves: a guard that is forgotten is no reason to stay.
fn forget(args: &Args) {
    let region = region(args);
    match args.get("what").as_str() {
        "mutex" => std::mem::forget(region.mutex::<u64>("mutex").open().unwrap().lock().unwrap()),
        "reentrant" => std::mem::forget(region.reentrant_mutex::<u64>("reentrant").open().unwrap().lock().unwrap()),
        "write" => std::mem::forget(region.rwlock::<u64>("write").open().unwrap().write().unwrap()),
        "read" => std::mem::forget(region.rwlock::<u64>("read").open().unwrap().read().unwrap()),
        "permit" => std::mem::forget(region.semaphore("permit").open().unwrap().acquire().unwrap()),
        "loan" => std::mem::forget(region.loan_queue::<u64>("loan").open().unwrap().loan(1).unwrap()),
        what => panic!("no object '{what}'"),
    }
    children::say("forgotten");
    let _ = children::hear();
    drop(region);
    children::say("left");
    let _ = children::hear();
}

/// What a process leaves behind by forgetting a guard is repaired by the next one that takes its place, as after a death.
#[test]
fn a_forgotten_guard_is_repaired_after_its_process_has_left() {
    let _watchdog = Watchdog::new(LIMIT, "a_forgotten_guard_is_repaired_after_its_process_has_left");
    let name = TempName::new("forgotten");
    let region = Region::options().size(1 << 20).create(name.as_str()).unwrap();
    let mutex = region.mutex::<u64>("mutex").create().unwrap();
    let reentrant = region.reentrant_mutex::<u64>("reentrant").create().unwrap();
    let write = region.rwlock::<u64>("write").create().unwrap();
    let read = region.rwlock::<u64>("read").create().unwrap();
    let permit = region.semaphore("permit").permits(1).create().unwrap();
    let loan = region.loan_queue::<u64>("loan").blocks(1).block_len(1).create().unwrap();
    for what in ["mutex", "reentrant", "write", "read", "permit", "loan"] {
        let mut child = children::spawn("forget", &[("region", name.as_str()), ("what", what)]);
        child.expect("forgotten");
        child.say("leave");
        child.expect("left");
        // It still runs. Its place is the lowest free one, so this process takes it.
        let mut next = children::spawn("attach", &[("region", name.as_str())]);
        next.expect("attached");
        match what {
            "mutex" => assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_)))),
            "reentrant" => assert!(matches!(reentrant.lock(), Err(LockError::OwnerDied(_)))),
            "write" => assert!(matches!(write.write(), Err(LockError::OwnerDied(_)))),
            "read" => assert!(read.try_write().is_ok()),
            "permit" => assert!(permit.try_acquire().is_ok()),
            _ => assert!(loan.try_loan(1).is_ok()),
        }
    }
}

/// Locks the mutex and keeps it.
fn hold(args: &Args) {
    let mutex = region(args).mutex::<u64>("m").open().unwrap();
    let _guard = mutex.lock().unwrap();
    children::say("held");
    let _ = children::hear();
}

/// Locks the mutex after the death of its holder.
fn wait(args: &Args) {
    let mutex = region(args).mutex::<u64>("m").open().unwrap();
    children::say("waiting");
    let died = matches!(mutex.lock(), Err(LockError::OwnerDied(_)));
    children::say(if died { "owner died" } else { "no death" });
}

/// A waiter that others wake all the time, for they die and are repaired after, notices the death of the holder.
#[test]
fn other_deaths_do_not_hide_that_of_the_holder() {
    let _watchdog = Watchdog::new(LIMIT, "other_deaths_do_not_hide_that_of_the_holder");
    let name = TempName::new("hidden");
    let region = Region::options().size(1 << 20).create(name.as_str()).unwrap();
    region.mutex::<u64>("m").create().unwrap();
    // A low place stays free, which the visitors take, so that none of them takes the holder's.
    let mut low = children::spawn("attach", &[("region", name.as_str())]);
    low.expect("attached");
    let mut holder = children::spawn("hold", &[("region", name.as_str())]);
    holder.expect("held");
    let mut waiter = children::spawn("wait", &[("region", name.as_str())]);
    waiter.expect("waiting");
    low.sigkill();
    holder.sigkill();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                // SAFETY: the child attaches and dies without a word: what it calls allocates, which this C library allows after
                // a fork.
                let visitor = unsafe { libc::fork() };
                if visitor == 0 {
                    std::mem::forget(Region::open(name.as_str()));
                    // SAFETY: its own death.
                    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
                }
                // SAFETY: no status is wanted; our own child.
                unsafe { libc::waitpid(visitor, std::ptr::null_mut(), 0) };
            }
        });
        waiter.expect("owner died");
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
