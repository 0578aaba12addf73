//! A pool of processes: what comes back, in what order, and what each trouble is called.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ipc_posix::pool::{self, Activity, CallError, Pool, PoolError, PoolOptions};
use ipc_posix::{Error, Region, ValueQueue, task};
use ipc_tests::children::TempName;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

ipc_posix::task_entry!();

fn two() -> PoolOptions {
    pool::options().workers(2)
}

fn square(number: u64) -> u64 {
    number * number
}
task!(square);

fn add(first: u64, second: String, third: Option<u64>) -> String {
    format!("{first} {second} {third:?}")
}
task!(add);

fn pid() -> u32 {
    std::process::id()
}
task!(pid);

#[test]
fn results_come_back() {
    let _watchdog = Watchdog::new(LIMIT, "results_come_back");
    let pool = two().start().unwrap();
    assert_eq!(pool.workers(), 2);
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
    assert_eq!(pool.apply(add, (1, "two".into(), None)).unwrap(), "1 two None");
    let calls: Vec<_> = (0..1000).map(|number| pool.submit(square, number).unwrap()).collect();
    for (number, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(call.get().unwrap(), (number * number) as u64);
    }
    assert_ne!(pool.apply(pid, ()).unwrap(), std::process::id());
    let last = pool.submit(square, 5).unwrap();
    pool.close();
    assert!(matches!(pool.submit(square, 1), Err(CallError::Closed)));
    assert_eq!(last.get().unwrap(), 25);
    pool.join().unwrap();
    assert!(matches!(pool.submit(square, 1), Err(CallError::Closed)));
}

#[test]
fn maps_keep_the_order() {
    let _watchdog = Watchdog::new(LIMIT, "maps_keep_the_order");
    let pool = two().start().unwrap();
    let squares: Vec<u64> = (0..5000).map(square).collect();
    assert_eq!(pool.map(square, 0..5000).unwrap(), squares);
    for chunk in [0, 1, 7, 600, 100_000] {
        assert_eq!(pool.map_with(chunk, square, 0..5000).unwrap(), squares, "{chunk}");
    }
    // Of unknown length.
    assert_eq!(pool.map(square, (0..10_000).filter(|number| *number < 5000)).unwrap(), squares);
    assert_eq!(pool.map(square, 0..0).unwrap(), Vec::<u64>::new());
    let texts = pool.map(add, [(1, "a".into(), Some(2)), (2, "b".into(), None)]).unwrap();
    assert_eq!(texts, ["1 a Some(2)", "2 b None"]);
    let later = pool.map_async(square, 0..5000).unwrap();
    assert_eq!(later.get().unwrap(), squares);
}

/// Every fifth one comes behind those after it.
fn late(number: u64) -> u64 {
    if number.is_multiple_of(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    number
}
task!(late);

#[test]
fn streams_are_endless_and_keep_a_window() {
    let _watchdog = Watchdog::new(LIMIT, "streams_are_endless_and_keep_a_window");
    let pool = two().start().unwrap();
    let asked = Cell::new(0);
    let endless = (0..).inspect(|_| asked.set(asked.get() + 1));
    let mut stream = pool.stream(square, endless).window(10);
    assert_eq!(asked.get(), 0);
    for number in 0..1000 {
        assert_eq!(stream.next().unwrap().unwrap(), number * number);
        assert!(asked.get() <= number + 10);
    }
    drop(stream);
    let stream = pool.stream(late, 0..20).map(Result::unwrap);
    assert_eq!(stream.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    let found = pool.stream(square, 0..500).as_completed().map(|(index, result)| {
        assert_eq!(result.unwrap(), square(index as u64));
        index
    });
    let found: BTreeSet<_> = found.collect();
    assert_eq!(found.len(), 500);
    // The pool goes on.
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

fn trouble(kind: u8) -> Vec<u8> {
    match kind {
        0 => panic!("as {}", "planned"),
        1 => std::process::exit(7),
        2 => std::process::abort(),
        // SAFETY: no memory is passed.
        3 => unsafe {
            libc::raise(libc::SIGKILL);
        },
        _ => {}
    }
    vec![1; usize::from(kind) * 2_000]
}
task!(trouble);

#[test]
fn each_trouble_has_its_error() {
    let _watchdog = Watchdog::new(LIMIT, "each_trouble_has_its_error");
    let pool = two().attempts(2).start().unwrap();
    let told = |kind| pool.apply(trouble, kind).unwrap_err();
    let CallError::Panicked(panic) = told(0) else { panic!("it panics") };
    assert_eq!(panic.message(), "as planned");
    assert!(panic.location().unwrap().starts_with("ipc-tests/tests/process_pool.rs:"));
    let text = told(1).to_string();
    assert!(
        text.starts_with("process_pool::trouble: workers died with it in 2 of 2 attempts, the last one was process ")
    );
    assert!(text.ends_with(", exit status: 7"), "{text}");
    assert!(told(2).to_string().contains("signal: 6 (SIGABRT)"));
    assert!(told(3).to_string().ends_with("signal: 9 (SIGKILL)"));
    assert_eq!(pool.apply(trouble, 6).unwrap().len(), 12_000);
    let text = told(9).to_string();
    assert_eq!(
        text,
        "the result of process_pool::trouble: the result did not arrive: it takes 18003 bytes, and the pool's `max_result` is 16384"
    );
    assert!(pool.map(trouble, [4, 5, 0, 4]).unwrap_err().is_panic());
    // The others are untouched.
    let calls: Vec<_> = (0..20).map(|kind| pool.submit(trouble, kind % 5).unwrap()).collect();
    for (kind, call) in calls.into_iter().enumerate() {
        assert_eq!(call.get().is_ok(), kind % 5 == 4);
    }
    assert!(pool.stats().workers.iter().map(|worker| worker.replaced).sum::<u64>() >= 6);
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}
task!(echo);

fn grow(len: usize) -> Vec<u8> {
    vec![7; len]
}
task!(grow);

fn no_task(number: u64) -> u64 {
    number
}

#[test]
fn what_cannot_be_sent_is_an_error_of_the_call() {
    let _watchdog = Watchdog::new(LIMIT, "what_cannot_be_sent_is_an_error_of_the_call");
    let pool = two().max_args(1000).max_result(500).start().unwrap();
    let text = pool.submit(echo, vec![1; 1000]).unwrap_err().to_string();
    assert_eq!(text, "the arguments of process_pool::echo take 1002 bytes, and the pool's `max_args` is 1000");
    assert!(matches!(pool.apply(echo, vec![1; 998]), Err(CallError::Result { .. })));
    assert_eq!(pool.apply(echo, vec![1; 498]).unwrap().len(), 498);
    // Chunks are cut where arguments or results become too long together.
    let items: Vec<_> = (0..200).map(|len| vec![7; len * 2]).collect();
    assert_eq!(pool.map_with(50, echo, items.clone()).unwrap(), items);
    assert_eq!(pool.map_with(50, grow, (0..200).map(|len| len * 2)).unwrap(), items);
    let text = pool.apply(no_task, 1).unwrap_err().to_string();
    assert!(text.contains("no_task is no task"), "{text}");
    let results: Vec<_> = pool.stream(echo, [vec![1], vec![1; 2000], vec![2]]).map(|result| result.is_ok()).collect();
    assert_eq!(results, [true, false, true]);
}

#[test]
fn a_program_that_knows_other_tasks_says_so() {
    let _watchdog = Watchdog::new(LIMIT, "a_program_that_knows_other_tasks_says_so");
    let pool = two().program(env!("CARGO_BIN_EXE_other_program")).start().unwrap();
    let error = pool.apply(square, 3).unwrap_err();
    let CallError::Unknown { task: "process_pool::square", schema: 0, program, known } = error else {
        panic!("{error}")
    };
    assert!(program.ends_with("other_program") && known.contains("(schema "), "{known}");
    // One that is no program for tasks.
    let pool = two().program("/bin/true").failed_starts(3).start().unwrap();
    let error = pool.apply(square, 3).unwrap_err();
    let CallError::Stopped { failures: 3, last } = error else { panic!("{error}") };
    assert!(last.to_string().contains("ended without beginning with its task: exit code 0"), "{last}");
    assert!(matches!(pool.submit(square, 3), Err(CallError::Stopped { .. })));
    assert!(matches!(pool.join(), Err(CallError::Stopped { .. })));
    let error = two().program("/no/such/program").start().unwrap_err();
    assert!(matches!(error, PoolError::Spawn(_)), "{error}");
}

thread_local! {
    static FACTOR: Cell<u64> = const { Cell::new(1) };
}

fn prepare(factor: u64) {
    assert!(factor > 0, "no factor");
    if factor == 99 {
        std::thread::sleep(2 * LIMIT);
    }
    if factor == 98 {
        std::process::exit(5);
    }
    FACTOR.set(factor);
}
task!(prepare);

fn scale(number: u64) -> u64 {
    number * FACTOR.get()
}
task!(scale);

#[test]
fn initializers() {
    let _watchdog = Watchdog::new(LIMIT, "initializers");
    let pool = two().initializer(prepare, 10).calls_per_worker(3).start().unwrap();
    assert_eq!(pool.map_with(1, scale, 0..20).unwrap(), (0..20).map(|number| number * 10).collect::<Vec<_>>());
    let error = |factor| {
        // The others may take long to start on a busy machine.
        let limit = if factor == 99 { Duration::from_millis(300) } else { LIMIT };
        let pool = two().initializer(prepare, factor).init_limit(limit).failed_starts(4);
        pool.start().unwrap().apply(scale, 1).unwrap_err().to_string()
    };
    let text = error(0);
    assert!(text.starts_with("the pool has stopped, because 4 workers in a row could not start: "), "{text}");
    assert!(
        text.contains("the initializer process_pool::prepare failed at ipc-tests/tests/process_pool.rs:"),
        "{text}"
    );
    assert!(text.ends_with(": no factor"), "{text}");
    assert!(error(98).ends_with("exit code 5"));
    assert!(error(99).ends_with("its start and its initializer took longer than 300ms"));
}

fn wait() {
    std::thread::sleep(2 * LIMIT);
}
task!(wait);

#[test]
fn a_task_that_takes_too_long_is_ended() {
    let _watchdog = Watchdog::new(LIMIT, "a_task_that_takes_too_long_is_ended");
    let pool = two().time_limit(Duration::from_secs(2)).start().unwrap();
    let slow = pool.submit(wait, ()).unwrap();
    assert_eq!(pool.map_with(1, square, 0..1000).unwrap().len(), 1000);
    let error = slow.get().unwrap_err();
    let CallError::TimeLimit { task: "process_pool::wait", limit, .. } = error else { panic!("{error}") };
    assert_eq!(limit, Duration::from_secs(2));
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

#[test]
fn calls_are_cancelled() {
    let _watchdog = Watchdog::new(LIMIT, "calls_are_cancelled");
    let pool = two().start().unwrap();
    let mut calls: Vec<_> = (0..10).map(|_| pool.submit(wait, ()).unwrap()).collect();
    assert!(matches!(calls[0].get_timeout(Duration::from_millis(50)), Err(CallError::NotReady)));
    assert!(matches!(calls[9].is_successful(), Err(CallError::NotReady)));
    for call in calls.iter_mut().rev() {
        assert!(call.cancel());
        assert!(!call.cancel());
    }
    for call in calls {
        assert!(matches!(call.get(), Err(CallError::Cancelled)));
    }
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
    let mut nine = pool.submit(square, 3).unwrap();
    assert!(nine.wait_timeout(LIMIT).unwrap());
    assert!(!nine.cancel());
    assert!(nine.is_successful().unwrap());
    assert_eq!(nine.try_get().unwrap(), 9);
    assert!(matches!(nine.try_get(), Err(CallError::Taken)));
    pool.join().unwrap();
}

#[test]
fn callbacks_run_on_their_own_thread() {
    let _watchdog = Watchdog::new(LIMIT, "callbacks_run_on_their_own_thread");
    let pool = two().start().unwrap();
    let (go, wait_for) = mpsc::channel::<()>();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for number in 0..100 {
        let seen = Arc::clone(&seen);
        pool.submit_with(square, number, move |result| {
            assert_eq!(std::thread::current().name(), Some("ipc-pool-then"));
            seen.lock().unwrap().push(result.unwrap());
        })
        .unwrap();
    }
    // One that blocks holds up no result.
    pool.submit_with(square, 0, move |_| _ = wait_for.recv()).unwrap();
    assert_eq!(pool.apply(square, 5).unwrap(), 25);
    assert_eq!(pool.submit(square, 6).unwrap().get().unwrap(), 36);
    go.send(()).unwrap();
    pool.join().unwrap();
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (0..100).map(square).collect::<Vec<_>>());
}

fn nested(number: u64) -> Vec<u64> {
    let pool = two().start().unwrap();
    let results = pool.map(square, 0..number).unwrap();
    pool.join().unwrap();
    results
}
task!(nested);

#[test]
fn a_worker_has_a_pool_of_its_own() {
    let _watchdog = Watchdog::new(LIMIT, "a_worker_has_a_pool_of_its_own");
    let pool = two().start().unwrap();
    let results = pool.map_with(1, nested, [3, 4]).unwrap();
    assert_eq!(results, [vec![0, 1, 4], vec![0, 1, 4, 9]]);
}

fn tell(queue: ValueQueue<u64>, number: u64) {
    queue.send(&number).unwrap();
}
task!(tell);

#[test]
fn handles_of_a_region_with_a_name_are_arguments() {
    let _watchdog = Watchdog::new(LIMIT, "handles_of_a_region_with_a_name_are_arguments");
    let name = TempName::new("pool-handles");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.value_queue::<u64>("told").create().unwrap();
    let pool = two().start().unwrap();
    pool.map_with(1, tell, (0..10).map(|number| (queue.clone(), number))).unwrap();
    let told: BTreeSet<_> = (0..10).map(|_| queue.try_recv().unwrap()).collect();
    assert_eq!(told, (0..10).collect());
}

#[test]
fn figures() {
    let _watchdog = Watchdog::new(LIMIT, "figures");
    let pool = two().start().unwrap();
    pool.map_with(1, square, 0..10).unwrap();
    let _slow = pool.submit(wait, ()).unwrap();
    while !pool.stats().workers.iter().any(|worker| worker.activity == Activity::Running { task: "process_pool::wait" })
    {
        std::thread::yield_now();
    }
    let stats = pool.stats();
    assert_eq!((stats.calls, stats.finished, stats.failed, stats.workers.len()), (1, 10, 0, 2));
    assert!(stats.workers.iter().map(|worker| worker.answered).sum::<u64>() <= 10);
}

#[test]
fn options_that_are_not_possible() {
    let text = |options: PoolOptions| options.start().unwrap_err().to_string();
    assert_eq!(text(pool::options().workers(0)), "a pool's `workers` is 1 to 400");
    assert_eq!(text(two().capacity(0)), "a pool's `capacity` is 1 to 2^19");
    assert_eq!(text(two().attempts(0)), "a pool's `attempts` is 1 to 63");
    assert!(text(two().initializer(no_task, 1)).contains("no_task is no task"));
    let pool: Result<Pool, Error> = Pool::new().map_err(Error::from);
    assert_eq!(pool.unwrap().workers(), std::thread::available_parallelism().unwrap().get());
}

/// Prints lines in pieces, so that others come in between.
fn print_in_pieces(task: u32) {
    for line in 0..20 {
        for part in 0..10 {
            eprint!("<{task} {line} {part}>");
            std::thread::yield_now();
        }
        eprintln!(".");
        println!("<{task} {line}>");
    }
    // Without an end; a killed worker leaves as much.
    eprint!("<{task}>");
    std::process::abort();
}
task!(print_in_pieces);

/// What the program prints below.
#[test]
fn printing_parent() {
    if std::env::var_os("IPC_TESTS_PRINTS").is_some() {
        let pool = pool::options().workers(4).attempts(1).whole_lines().start().unwrap();
        let calls: Vec<_> = (0..8).map(|task| pool.submit(print_in_pieces, task).unwrap()).collect();
        calls.into_iter().for_each(|call| assert!(matches!(call.get(), Err(CallError::WorkerDied { .. }))));
        pool.join().unwrap();
    }
}

#[test]
fn lines_of_workers_are_whole_if_asked() {
    let _watchdog = Watchdog::new(LIMIT, "lines_of_workers_are_whole_if_asked");
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    program.args(["printing_parent", "--exact", "--nocapture"]).env("IPC_TESTS_PRINTS", "1");
    let printed = program.output().unwrap();
    let lines = |bytes: Vec<u8>| -> BTreeSet<String> {
        let text = String::from_utf8(bytes).unwrap();
        // The test runner writes to the first of the lines.
        text.lines().filter_map(|line| line.find('<').map(|begin| line[begin..].to_owned())).collect()
    };
    assert!(printed.status.success());
    let (output, errors) = (lines(printed.stdout), lines(printed.stderr));
    let pieces = |task, line| (0..10).map(|part| format!("<{task} {line} {part}>")).collect::<String>() + ".";
    let all = (0..8).flat_map(|task| (0..20).map(move |line| (task, line)));
    assert_eq!(output, all.clone().map(|(task, line)| format!("<{task} {line}>")).collect());
    let last = (0..8).map(|task| format!("<{task}>"));
    assert_eq!(errors, all.map(|(task, line)| pieces(task, line)).chain(last).collect());
}
