//! A process to which the system does not say who is dead says so itself, and does not wait for ever.

#![cfg(all(not(loom), target_arch = "x86_64"))]

use std::fmt::Display;
use std::time::Duration;

use ipc_posix::{Fault, LockTimeoutError, Region, SpscClaimErrorKind, TryLockError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);
/// Below the second that a call waits for an answer.
const SHORT: Duration = Duration::from_millis(50);

const ROLES: &[Role] =
    &[("holder", holder), ("sandboxed", sandboxed), ("served", served), ("serves", serves), ("closes_all", closes_all)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// The system calls that a filter refuses: all commands of one, or these.
struct Refused {
    calls: &'static [libc::c_long],
    commands: &'static [libc::c_int],
}

fn refused(what: &str) -> Refused {
    match what {
        "locks" => {
            Refused { calls: &[libc::SYS_fcntl], commands: &[libc::F_OFD_GETLK, libc::F_OFD_SETLK, libc::F_OFD_SETLKW] }
        }
        "fstat" => Refused { calls: &[libc::SYS_fstat, libc::SYS_newfstatat], commands: &[] },
        what => panic!("{what}"),
    }
}

/// From now on, the kernel answers these calls of this thread, and of those that it starts, with EPERM. See seccomp(2).
fn enter_sandbox(Refused { calls, commands }: &Refused) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const NUMBER: u32 = 0;
    const SECOND_ARGUMENT: u32 = 24;
    let op = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let deny = op(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    let allow = op(RETURN, libc::SECCOMP_RET_ALLOW);
    let mut filter = vec![];
    for &call in *calls {
        filter.push(op(LOAD, NUMBER));
        let inner: Vec<_> = match commands {
            [] => vec![deny],
            commands => std::iter::once(op(LOAD, SECOND_ARGUMENT))
                .chain(
                    commands
                        .iter()
                        .flat_map(|&command| [libc::sock_filter { jf: 1, ..op(IF_EQUAL, command as u32) }, deny]),
                )
                .collect(),
        };
        filter.push(libc::sock_filter { jf: inner.len() as u8, ..op(IF_EQUAL, call as u32) });
        filter.extend(inner);
    }
    filter.push(allow);
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a program that is alive for the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// Has all that others can wait for.
fn holder(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    std::mem::forget(region.mutex::<u64>("mutex").open_or_create().unwrap().lock().unwrap());
    std::mem::forget(region.rwlock::<u64>("rwlock").open_or_create().unwrap().read().unwrap());
    std::mem::forget(region.reentrant_mutex::<u64>("reentrant").open_or_create().unwrap().lock().unwrap());
    std::mem::forget(region.semaphore("semaphore").permits(1).open_or_create().unwrap().acquire().unwrap());
    let queue = region.queue::<u64>("queue").capacity(2).open_or_create().unwrap();
    std::mem::forget((queue.sender().unwrap(), queue.receiver().unwrap()));
    let bytes = region.byte_queue("bytes").capacity(256).open_or_create().unwrap();
    std::mem::forget((bytes.sender().unwrap(), bytes.receiver().unwrap()));
    let loans = region.loan_queue::<u64>("loans").blocks(1).open_or_create().unwrap();
    std::mem::forget((loans.loan(1).unwrap(), loans.sender().unwrap()));
    let spsc = region.spsc::<u64>("spsc").capacity(2).open_or_create().unwrap();
    std::mem::forget(spsc.producer().unwrap());
    let watch = region.watch::<u64>("watch").initial(0).open_or_create().unwrap();
    std::mem::forget(watch.writer().unwrap());
    let barrier = region.barrier("barrier").parties(2).open_or_create().unwrap();
    barrier.join().unwrap();
    let broadcast = region.broadcast::<u64>("broadcast").capacity(2).wait_for_subscribers(2).open_or_create().unwrap();
    std::mem::forget(broadcast.subscribe().unwrap());
    children::say("holds");
    let _ = children::hear();
}

/// A call that has to end with the fault.
fn fails<T, E: Display>(what: &str, result: Result<T, E>) {
    let text = result.map(drop).map_err(|error| error.to_string());
    assert_eq!(text, Err(Fault::DeathsUnknown.to_string()), "{what}");
}

fn sandboxed(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.mutex::<u64>("mutex").open().unwrap();
    let rwlock = region.rwlock::<u64>("rwlock").open().unwrap();
    let reentrant = region.reentrant_mutex::<u64>("reentrant").open().unwrap();
    let semaphore = region.semaphore("semaphore").open().unwrap();
    let queue = region.queue::<u64>("queue").open().unwrap();
    let receiver = queue.receiver().unwrap();
    let bytes = region.byte_queue("bytes").open().unwrap().receiver().unwrap();
    let loans = region.loan_queue::<u64>("loans").open().unwrap();
    let spsc = region.spsc::<u64>("spsc").open().unwrap();
    let mut consumer = spsc.consumer().unwrap();
    let mut changes = region.watch::<u64>("watch").open().unwrap().subscribe().unwrap();
    let barrier = region.barrier("barrier").open().unwrap();
    barrier.join().unwrap();
    let broadcast = region.broadcast::<u64>("broadcast").open().unwrap();
    children::say("ready");
    let _ = children::hear();
    enter_sandbox(&refused(&args.get("refused")));
    std::thread::scope(|scope| {
        scope.spawn(|| fails("mutex", mutex.lock()));
        scope.spawn(|| fails("rwlock", rwlock.write()));
        scope.spawn(|| fails("reentrant mutex", reentrant.lock()));
        scope.spawn(|| fails("semaphore", semaphore.acquire()));
        scope.spawn(|| fails("queue", receiver.recv()));
        scope.spawn(|| fails("byte queue", bytes.recv(&mut [0; 8])));
        scope.spawn(|| fails("loan", loans.loan(1)));
        scope.spawn(|| fails("loan queue", loans.receiver().unwrap().recv()));
        scope.spawn(move || fails("one to one", consumer.recv()));
        scope.spawn(move || fails("watch", changes.changed()));
        scope.spawn(|| fails("barrier", barrier.wait()));
        scope.spawn(|| fails("broadcast", (0..).try_for_each(|value| broadcast.publish(value).map(drop))));
    });
    // In time, and at once.
    let late = mutex.lock_timeout(SHORT).map(drop).map_err(LockTimeoutError::without_guard);
    assert_eq!(late, Err(LockTimeoutError::Fault(Fault::DeathsUnknown)));
    fails("semaphore", semaphore.acquire_timeout(SHORT));
    fails("queue", receiver.recv_timeout(SHORT));
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    let claimed = spsc.producer().map(drop).map_err(|error| error.kind());
    assert_eq!(claimed, Err(SpscClaimErrorKind::Fault(Fault::DeathsUnknown)));
    assert_eq!(region.recover(), Err(Fault::DeathsUnknown));
}

/// The system does not say to a process who is dead, and one that has all that it waits for is killed: each blocking call
/// ends with an error that says so.
fn says_that_deaths_are_unknown(what: &str) {
    let name = TempName::new("unknown");
    let _region = Region::create(name.as_str()).unwrap();
    let mut holder = children::spawn("holder", &[("name", name.as_str())]);
    holder.expect("holds");
    let mut sandboxed = children::spawn("sandboxed", &[("name", name.as_str()), ("refused", what)]);
    sandboxed.expect("ready");
    holder.sigkill();
    sandboxed.say("go");
    assert!(sandboxed.wait().success(), "{what}");
}

#[test]
fn a_sandbox_that_refuses_lock_commands_is_an_error_of_blocking_calls() {
    let _watchdog = Watchdog::new(LIMIT, "a_sandbox_that_refuses_lock_commands_is_an_error_of_blocking_calls");
    says_that_deaths_are_unknown("locks");
}

#[test]
fn a_sandbox_that_refuses_fstat_is_an_error_of_blocking_calls() {
    let _watchdog = Watchdog::new(LIMIT, "a_sandbox_that_refuses_fstat_is_an_error_of_blocking_calls");
    says_that_deaths_are_unknown("fstat");
}

/// Takes turns with a sandboxed process, which has to wait each time.
fn serves(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.mutex::<u64>("mutex").open_or_create().unwrap();
    let there = region.queue::<u64>("there").capacity(2).open_or_create().unwrap();
    let back = region.queue::<u64>("back").capacity(2).open_or_create().unwrap();
    children::say("ready");
    for value in &there {
        let mut guard = mutex.lock().unwrap();
        *guard += value;
        // Long enough for the other one to come, and to ask whether we live.
        std::thread::sleep(Duration::from_millis(5));
        drop(guard);
        back.send(value).unwrap();
    }
}

fn served(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.mutex::<u64>("mutex").open().unwrap();
    let there = region.queue::<u64>("there").open().unwrap();
    let back = region.queue::<u64>("back").open().unwrap();
    let receiver = back.receiver().unwrap();
    enter_sandbox(&refused("locks"));
    for round in 0..20 {
        there.send(round).unwrap();
        *mutex.lock().unwrap() += 1;
        assert_eq!(receiver.recv().unwrap(), round);
    }
    there.close().unwrap();
}

/// Calls that a living process serves before long do not fail, although the system would not say that it lives.
#[test]
fn a_sandboxed_process_is_served_by_living_ones() {
    let _watchdog = Watchdog::new(LIMIT, "a_sandboxed_process_is_served_by_living_ones");
    let name = TempName::new("served");
    let _region = Region::create(name.as_str()).unwrap();
    let mut server = children::spawn("serves", &[("name", name.as_str())]);
    server.expect("ready");
    assert!(children::spawn("served", &[("name", name.as_str())]).wait().success());
    assert!(server.wait().success());
}

const NOBODY: u32 = 65534;

/// Closes all descriptors, as daemons do, and has no right to open an anonymous region again.
fn closes_all(_: &Args) {
    let region = Region::options().anonymous().unwrap();
    let mutex = region.mutex::<u64>("mutex").create().unwrap();
    let passed = region.try_clone_fd().unwrap();
    // SAFETY: the child is a copy of this thread alone, and ends by a signal or by exiting.
    match unsafe { libc::fork() } {
        0 => {
            let region = Region::from_fd(&passed).unwrap();
            let mutex = region.mutex::<u64>("mutex").open().unwrap();
            let _guard = mutex.lock().unwrap();
            // SAFETY: this very process.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
        // SAFETY: our own child; no memory is passed.
        child => assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child),
    }
    // To drop it later would be to close it twice.
    drop(passed);
    // SAFETY: plain numbers. What this program has open is not used again, but for the standard streams.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(NOBODY) | libc::setuid(NOBODY), 0);
        }
        assert_eq!(libc::close_range(3, u32::MAX, 0), 0);
    }
    fails("mutex", mutex.lock());
    assert_eq!(region.recover(), Err(Fault::DeathsUnknown));
}

#[test]
fn a_descriptor_that_cannot_be_opened_again_is_an_error_of_blocking_calls() {
    let _watchdog = Watchdog::new(LIMIT, "a_descriptor_that_cannot_be_opened_again_is_an_error_of_blocking_calls");
    assert!(children::spawn("closes_all", &[]).wait().success());
}
