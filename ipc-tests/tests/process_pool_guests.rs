//! Workers that were started by hand: they join a pool by its name, and come, go and die at any moment, as the pool does.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ipc_posix::pool::{self, CallError, Pool, PoolError, PoolOptions, WorkerError};
use ipc_posix::{Region, task};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

/// Generous: a busy machine is no failure.
const LIMIT: Duration = Duration::from_secs(300);

const ROLES: &[Role] =
    &[("guest", guest), ("mother", mother), ("another_namespace", another_namespace), ("first_process", first_process)];

ipc_posix::task_entry!();

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

/// Takes some time, so that deaths hit it.
fn slow_square(number: u64) -> u64 {
    spin(number % 300);
    square(number)
}
task!(slow_square);

fn pid() -> u32 {
    std::process::id()
}
task!(pid);

fn doze(milliseconds: u64) -> u32 {
    std::thread::sleep(Duration::from_millis(milliseconds));
    pid()
}
task!(doze);

fn abort() {
    std::process::abort();
}
task!(abort);

fn stop_myself() {
    // SAFETY: no memory is passed.
    unsafe { libc::raise(libc::SIGSTOP) };
}
task!(stop_myself);

thread_local! {
    static FACTOR: Cell<u64> = const { Cell::new(1) };
}

fn prepare(factor: u64) {
    assert!(factor > 0, "no factor");
    FACTOR.set(factor);
}
task!(prepare);

fn scale(number: u64) -> u64 {
    number * FACTOR.get()
}
task!(scale);

/// The other program has it with another schema.
fn twice(number: u64) -> u64 {
    2 * number
}
task!(twice, name = "twice", schema = 3);

fn spin(microseconds: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(microseconds) {
        std::hint::spin_loop();
    }
}

fn kill(pid: u32) {
    // SAFETY: no memory is passed. It is a child of this process, or has been one a moment ago: numbers come again after thousands of others.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
}

/// Joins the pool, and says what has become of that.
fn guest(args: &Args) {
    let wait = Duration::from_millis(args.try_get("wait").map_or(0, |text| text.parse().unwrap()));
    let result = pool::worker(&args.get("name")).wait(wait).run();
    children::say(&result.map_or_else(|error| error.to_string(), |_| "ended".to_owned()));
}

fn start_guest(name: &TempName) -> Child {
    children::spawn("guest", &[("name", name.as_str())])
}

fn shared(name: &TempName) -> PoolOptions {
    pool::options().workers(0).shared_as(name.as_str())
}

fn guests_of(pool: &Pool) -> Vec<Option<u32>> {
    pool.stats().workers.iter().filter(|worker| worker.guest).map(|worker| worker.pid).collect()
}

fn until_guests(pool: &Pool, count: usize) {
    while guests_of(pool).len() != count {
        std::thread::yield_now();
    }
}

#[test]
fn guests_take_calls() {
    let _watchdog = Watchdog::new(LIMIT, "guests_take_calls");
    let name = TempName::new("guests");
    let pool = shared(&name).start().unwrap();
    assert_eq!((pool.workers(), pool.stats().workers.len()), (0, 0));
    let early = pool.submit(square, 7).unwrap();
    let mut guests = [start_guest(&name), start_guest(&name)];
    assert_eq!(early.get().unwrap(), 49);
    until_guests(&pool, 2);
    let mut pids = guests_of(&pool);
    pids.sort_unstable();
    let mut expected = guests.each_ref().map(|guest| Some(guest.pid()));
    expected.sort_unstable();
    assert_eq!(pids, expected);
    assert_eq!(pool.map(square, 0..1000).unwrap(), (0..1000).map(square).collect::<Vec<_>>());
    // One of its own, too.
    assert!(pool.set_workers(1).is_err());
    pool.join().unwrap();
    guests.iter_mut().for_each(|guest| guest.expect("ended"));
    assert!(guests.iter_mut().all(|guest| guest.wait().success()));
    assert!(name.files().is_empty());
}

/// In a directory of its own, as containers would share one. Some leave before the pool ends.
#[test]
fn a_worker_of_this_process_leaves_when_it_is_told() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_of_this_process_leaves_when_it_is_told");
    let name = TempName::new("told");
    let directory = name.path();
    std::fs::create_dir(&directory).unwrap();
    let pool = pool::options().workers(0).most_workers(1).shared_as("pool").dir(&directory).start().unwrap();
    let worker = || pool::worker("pool").dir(&directory);
    assert_eq!(worker().run_while(|| false).unwrap(), 0);
    let go_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let counted = scope.spawn(|| worker().calls(5).run());
        assert_eq!(pool.map_with(1, pid, [(); 5]).unwrap(), [std::process::id(); 5]);
        assert_eq!(counted.join().unwrap().unwrap(), 5);
        let told = scope.spawn(|| worker().run_while(|| go_on.load(Ordering::Relaxed)));
        assert_eq!(pool.apply(pid, ()).unwrap(), std::process::id());
        go_on.store(false, Ordering::Relaxed);
        assert_eq!(told.join().unwrap().unwrap(), 1);
    });
    pool.set_workers(1).unwrap();
    assert_ne!(pool.apply(pid, ()).unwrap(), std::process::id());
    drop(pool);
    // Nothing is left in it.
    std::fs::remove_dir(&directory).unwrap();
}

/// Guests join, and are killed or not, while `work` goes on, and so are the pool's own workers.
fn coming_and_going<R>(pool: &Pool, name: &TempName, work: impl FnOnce() -> R) -> (R, u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let guests = scope.spawn(|| {
            let (mut rounds, mut guests) = (0_u64, Vec::new());
            while !done.load(Ordering::Relaxed) {
                guests.push(start_guest(name));
                spin(rounds * 137 % 3000);
                std::thread::sleep(Duration::from_millis(rounds * 7 % 20));
                if guests.len() > 3 {
                    guests.swap_remove(rounds as usize % 4).sigkill();
                }
                let own: Vec<_> =
                    pool.stats().workers.iter().filter(|worker| !worker.guest).map(|worker| worker.pid).collect();
                if let Some(Some(pid)) = own.get(rounds as usize % 5) {
                    kill(*pid);
                }
                rounds += 1;
            }
            (rounds, guests.iter().map(Child::pid).collect::<Vec<_>>())
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let (rounds, _) = guests.join().unwrap();
        (result, rounds)
    })
}

#[test]
fn each_call_is_answered_once_while_guests_come_and_go() {
    let _watchdog = Watchdog::new(LIMIT, "each_call_is_answered_once_while_guests_come_and_go");
    let name = TempName::new("storm");
    let options = pool::options().workers(2).most_workers(3).attempts(63).failed_starts(1_000_000);
    let pool = options.shared_as(name.as_str()).start().unwrap();
    let (count, rounds) = coming_and_going(&pool, &name, || {
        let (sender, receiver) = mpsc::channel();
        let begun = Instant::now();
        let mut count = 0;
        while count < 2000 || begun.elapsed() < Duration::from_secs(2) {
            let sender = sender.clone();
            pool.submit_with(slow_square, count, move |result| sender.send((count, result.unwrap())).unwrap()).unwrap();
            count += 1;
            if count % 500 == 0 {
                pool.set_workers(1 + count as usize / 500 % 3).unwrap();
                assert_eq!(pool.map_with(1, square, 0..300).unwrap(), (0..300).map(square).collect::<Vec<_>>());
            }
        }
        drop(sender);
        let mut answers = BTreeMap::new();
        for (number, result) in receiver {
            assert_eq!(result, square(number));
            assert_eq!(answers.insert(number, ()), None, "{number} is answered twice");
        }
        assert_eq!(answers.len() as u64, count);
        count
    });
    println!("{count} calls, {rounds} guests");
    assert!(rounds > 5);
    assert_eq!(pool.stats().failed, 0);
    pool.join().unwrap();
    assert!(name.files().is_empty());
}

fn mother(args: &Args) {
    let workers = args.number("workers") as usize;
    let pool = pool::options().workers(workers).shared_as(args.get("name")).start().unwrap();
    children::say("a pool");
    for number in 0.. {
        std::mem::forget(pool.submit(square, number).unwrap());
        if number == 20 {
            children::say("calls");
        }
    }
}

/// Everybody of the pool has this pipe as the standard output, which ends when all of them are gone.
fn until_all_are_gone(mut parent: Child) {
    parent.sigkill();
    while parent.try_hear().is_some() {}
}

#[test]
fn guests_end_with_a_killed_parent() {
    let _watchdog = Watchdog::new(LIMIT, "guests_end_with_a_killed_parent");
    let mut joined = 0;
    for round in 0..40 {
        let name = TempName::new("orphans");
        let args = [("name", name.as_str()), ("wait", "500")];
        let mut guests = [children::spawn("guest", &args), children::spawn("guest", &args)];
        let workers = (round % 3).to_string();
        let mut parent = children::spawn("mother", &[("name", name.as_str()), ("workers", &workers)]);
        for _ in 0..round % 2 + 1 {
            parent.hear();
        }
        spin(round * 197 % 6000);
        until_all_are_gone(parent);
        // Each ends, whether it has joined or not.
        let told = guests.each_mut().map(Child::hear);
        assert!(guests.iter_mut().all(|guest| guest.wait().success()));
        let ended = told.iter().filter(|told| *told == "ended").count();
        assert!(told.iter().all(|told| told == "ended" || told.starts_with("there is no pool ")), "{told:?}");
        joined += ended;
        assert!(ended == 0 || name.files().is_empty(), "{:?}", name.files());
        // Whatever is left, a new pool has the name.
        drop(shared(&name).start().unwrap());
        assert!(name.files().is_empty());
    }
    println!("{joined} guests had joined");
}

/// At once: the workers of the killed one may not have seen it yet.
#[test]
fn a_pool_starts_again_behind_a_killed_one() {
    let _watchdog = Watchdog::new(LIMIT, "a_pool_starts_again_behind_a_killed_one");
    for round in 0..40 {
        let name = TempName::new("again");
        let mut parent = children::spawn("mother", &[("name", name.as_str()), ("workers", "2")]);
        if round % 4 > 0 {
            parent.hear();
        }
        spin(round * 197 % 6000);
        parent.sigkill();
        let pool = pool::options().workers(1).shared_as(name.as_str()).start().unwrap();
        assert_eq!(pool.apply(square, 3).unwrap(), 9);
        drop(parent);
        // Those of the killed one have left this pool's name alone.
        std::thread::scope(|scope| {
            let joined = scope.spawn(|| pool::worker(name.as_str()).calls(1).run());
            while !joined.is_finished() {
                assert_eq!(pool.apply(square, 3).unwrap(), 9);
            }
            assert_eq!(joined.join().unwrap().unwrap(), 1);
        });
        drop(pool);
        assert!(name.files().is_empty());
    }
}

#[test]
fn a_name_is_one_pools() {
    let _watchdog = Watchdog::new(LIMIT, "a_name_is_one_pools");
    let name = TempName::new("one");
    let pool = shared(&name).start().unwrap();
    let error = shared(&name).start().unwrap_err();
    assert!(matches!(&error, PoolError::InUse { pid: Some(pid), .. } if *pid == std::process::id()), "{error}");
    let text = format!("a pool of the name {:?} runs already (process {})", name.as_str(), std::process::id());
    assert_eq!(error.to_string(), text);
    let call = pool.submit(square, 3).unwrap();
    pool.terminate();
    // A call that is still held keeps the memory, and no name.
    assert!(name.files().is_empty());
    drop(shared(&name).start().unwrap());
    assert!(matches!(call.get(), Err(CallError::Terminated)));

    let region = Region::create(name.as_str()).unwrap();
    region.queue::<u64>("queue").capacity(4).create().unwrap();
    assert!(matches!(shared(&name).start(), Err(PoolError::Region(error)) if error.is_already_exists()));
    let error = pool::worker(name.as_str()).run().unwrap_err();
    assert!(matches!(error, WorkerError::NotAPool { .. }), "{error}");
    drop(region);
    assert!(matches!(shared(&name).start(), Err(PoolError::Region(error)) if error.is_already_exists()));
    assert!(Region::open(name.as_str()).is_ok());
}

#[test]
fn guests_that_are_refused() {
    let _watchdog = Watchdog::new(LIMIT, "guests_that_are_refused");
    let name = TempName::new("refused");
    let error = pool::worker(name.as_str()).run().unwrap_err();
    assert_eq!(error.to_string(), format!("there is no pool {:?}", name.as_str()));
    let pool = shared(&name).guests(1).start().unwrap();
    let other = Command::new(env!("CARGO_BIN_EXE_other_program")).arg(name.as_str()).output().unwrap();
    let text = String::from_utf8(other.stdout).unwrap();
    assert!(text.contains("this program does not know all tasks of the pool "), "{text}");
    assert!(text.contains("process_pool_guests::square (schema 0 there, no such task here), "), "{text}");
    assert!(text.contains("twice (schema 3 there, schema 2 here)"), "{text}");
    let mut first = start_guest(&name);
    until_guests(&pool, 1);
    let error = pool::worker(name.as_str()).run().unwrap_err();
    assert!(matches!(error, WorkerError::Full { guests: 1, .. }), "{error}");
    // Its place is had again behind its death.
    first.sigkill();
    until_guests(&pool, 0);
    let mut second = start_guest(&name);
    assert_eq!(pool.apply(pid, ()).unwrap(), second.pid());
    pool.terminate();
    second.expect("ended");
}

#[test]
fn guests_run_the_initializer() {
    let _watchdog = Watchdog::new(LIMIT, "guests_run_the_initializer");
    let name = TempName::new("prepared");
    let pool = shared(&name).initializer(prepare, 10).start().unwrap();
    let guest = start_guest(&name);
    assert_eq!(pool.map_with(1, scale, 0..10).unwrap(), (0..10).map(|number| number * 10).collect::<Vec<_>>());
    drop((pool, guest));
    let pool = shared(&name).initializer(prepare, 0).start().unwrap();
    let text = start_guest(&name).hear();
    assert!(text.contains("the initializer process_pool_guests::prepare failed at ipc-tests/tests/"), "{text}");
    assert!(text.ends_with(": no factor"), "{text}");
    drop(pool);
}

#[test]
fn a_guest_that_dies_is_named() {
    let _watchdog = Watchdog::new(LIMIT, "a_guest_that_dies_is_named");
    let name = TempName::new("named");
    let pool = shared(&name).attempts(1).start().unwrap();
    let guest = start_guest(&name);
    let error = pool.apply(abort, ()).unwrap_err();
    let CallError::WorkerDied { attempts: 1, pid, ended: None, .. } = error else { panic!("{error}") };
    // Its death may be found before the pool has checked what it did.
    assert!(pid.is_none_or(|pid| pid == guest.pid()), "{pid:?}");
    let second = start_guest(&name);
    assert_eq!(pool.apply(pid_of, ()).unwrap(), second.pid());
}

fn pid_of() -> u32 {
    pid()
}
task!(pid_of);

#[test]
fn a_guest_that_is_stopped_loses_its_call_by_the_time_limit() {
    let _watchdog = Watchdog::new(LIMIT, "a_guest_that_is_stopped_loses_its_call_by_the_time_limit");
    let name = TempName::new("stopped");
    let pool = shared(&name).time_limit(Duration::from_secs(1)).start().unwrap();
    let mut first = start_guest(&name);
    let error = pool.apply(stop_myself, ()).unwrap_err();
    let CallError::TimeLimit { pid: stopped, killed: false, .. } = error else { panic!("{error}") };
    assert_eq!(stopped, first.pid());
    let mut second = start_guest(&name);
    while pool.apply(pid, ()).is_ok_and(|pid| pid != second.pid()) {}
    second.sigkill();
    first.sigcont();
    // It goes on with the next call. On a busy machine one may take too long.
    while !pool.apply(pid, ()).is_ok_and(|pid| pid == first.pid()) {}
    pool.terminate();
    first.expect("ended");
}

#[test]
fn a_guest_goes_on_behind_a_cancelled_call() {
    let _watchdog = Watchdog::new(LIMIT, "a_guest_goes_on_behind_a_cancelled_call");
    let name = TempName::new("cancelled");
    let pool = shared(&name).start().unwrap();
    let guest = start_guest(&name);
    for round in 0..20 {
        let mut call = pool.submit(doze, 30).unwrap();
        std::thread::sleep(Duration::from_millis(round * 3));
        if call.cancel() {
            assert!(matches!(call.get(), Err(CallError::Cancelled)));
        } else {
            assert_eq!(call.get().unwrap(), guest.pid());
        }
        assert_eq!(pool.apply(pid, ()).unwrap(), guest.pid());
    }
}

fn another_namespace(args: &Args) {
    // SAFETY: no memory is passed. Root needs no user namespace; others do.
    let unshared = unsafe {
        libc::unshare(libc::CLONE_NEWPID) == 0 || libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID) == 0
    };
    assert!(unshared, "this test needs a PID namespace: {}", std::io::Error::last_os_error());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([children::ENTRY, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(children::ROLE_VARIABLE, "first_process").stdin(Stdio::null());
    let _ = args.get("name");
    assert!(command.status().unwrap().success());
}

fn first_process(args: &Args) {
    assert_eq!(std::process::id(), 1, "the first of its namespace");
    guest(args);
}

/// As in another container.
#[test]
fn a_guest_of_another_pid_namespace() {
    let _watchdog = Watchdog::new(LIMIT, "a_guest_of_another_pid_namespace");
    let name = TempName::new("container");
    let args = [("name", name.as_str())];
    let pool = shared(&name).time_limit(Duration::from_secs(1)).start().unwrap();
    let mut there = children::spawn("another_namespace", &args);
    assert_eq!(pool.submit(square, 3).unwrap().get().unwrap(), 9);
    assert_eq!(guests_of(&pool), [Some(1)]);
    // Process 1 here is another one, which nobody kills.
    let error = pool.apply(doze, 3000).unwrap_err();
    assert!(matches!(error, CallError::TimeLimit { pid: 1, killed: false, .. }), "{error}");
    while !pool.apply(pid, ()).is_ok_and(|pid| pid == 1) {}
    drop(pool);
    there.expect("ended");
    assert!(there.wait().success());

    // And with a parent that is killed.
    let mut parent = children::spawn("mother", &[("name", name.as_str()), ("workers", "0")]);
    parent.expect("a pool");
    let mut there = children::spawn("another_namespace", &args);
    parent.expect("calls");
    parent.sigkill();
    assert!(["ended".to_owned(), format!("there is no pool {:?}", name.as_str())].contains(&there.hear()));
}

#[test]
fn options_that_are_not_possible() {
    let text = |options: PoolOptions| options.start().unwrap_err().to_string();
    let name = TempName::new("options");
    assert_eq!(text(pool::options().guests(3)), "a pool's `guests` needs `shared_as`");
    assert_eq!(text(shared(&name).guests(0)), "a pool's `guests` is 1 to 400");
    assert_eq!(text(pool::options().workers(0)), "a pool's `workers` is 1 to 400");
    assert!(matches!(shared(&name).dir("/no/such/directory").start(), Err(PoolError::Region(_))));
    assert!(matches!(pool::options().shared_as("a/b").start(), Err(PoolError::Region(_))));
    // Nothing is left of a pool that cannot start.
    let unstarted = pool::options().workers(1).shared_as(name.as_str()).program("/no/such/program");
    assert!(matches!(unstarted.start(), Err(PoolError::Spawn(_))));
    assert!(name.files().is_empty());
}
