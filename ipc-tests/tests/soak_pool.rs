//! A pool that is called in every way at once, and whose workers are killed at random.
//!
//! ```sh
//! IPC_TESTS_SOAK=240 cargo test --release -p ipc-tests --test soak_pool -- --nocapture    # seconds; 5 if it is not set
//! ```
//!
//! Fifty workers are killed in a minute, or 25 in a shorter time. The pool's four do some hundred tasks a second. Each task is answered once, with
//! the number that it was given. In the end no process is left, and no memory of the pool.

#![cfg(all(not(loom), target_os = "linux"))]

use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use ipc_posix::pool::{self, Pool};
use ipc_posix::{Atomic, Region, process, task};
use ipc_tests::children::TempName;
use ipc_tests::dice::Dice;
use ipc_tests::storm;
use ipc_tests::watchdog::Watchdog;

const WORKERS: usize = 4;
/// Those who call, each in one way.
const CALLERS: [fn(&Pool, Tasks<'_>); 6] = [callbacks, in_order, as_they_come, maps, one_by_one, some_at_once];

ipc_posix::task_entry!();

#[test]
fn each_task_is_answered_once_under_random_kills() {
    let seconds = storm::seconds();
    let _watchdog = Watchdog::new(Duration::from_secs(seconds + 120), "each_task_is_answered_once_under_random_kills");
    // In a process of its own, which has no other children.
    println!("{}", process::options().daemon().spawn(soak, seconds).unwrap().join().unwrap());
}

/// Tasks that have begun, those that began again included.
static BEGUN: OnceLock<Atomic<u64>> = OnceLock::new();

fn prepare(begun: Atomic<u64>) {
    BEGUN.set(begun).unwrap();
}
task!(prepare);

/// What follows from a number.
fn answer_of(number: u64) -> (u64, u64) {
    (number, Dice::new(number).roll())
}

/// Takes a moment, now and then a longer one: five milliseconds in the mean.
fn work(number: u64) -> (u64, u64) {
    BEGUN.get().unwrap().fetch_add(1).unwrap();
    let mut dice = Dice::new(number);
    dice.dawdle();
    if dice.below(4) == 0 {
        std::thread::sleep(Duration::from_micros(dice.below(40_000)));
    }
    answer_of(number)
}
task!(work);

/// The numbers of one caller's tasks, and which of them were answered.
struct Tasks<'a> {
    next: u64,
    until: Instant,
    seen: Vec<bool>,
    all: &'a mpsc::Sender<u64>,
}

impl Tasks<'_> {
    /// Each has a number of its own: those of the callers differ in the remainder.
    fn next(&mut self) -> Option<u64> {
        if Instant::now() >= self.until {
            return None;
        }
        self.seen.push(false);
        self.next += CALLERS.len() as u64;
        Some(self.next)
    }

    fn some(&mut self, most: usize) -> Vec<u64> {
        (0..most).map_while(|_| self.next()).collect()
    }

    fn answered(&mut self, number: u64, answer: (u64, u64)) {
        assert_eq!(answer, answer_of(number));
        let index = number as usize / CALLERS.len() - 1;
        assert!(!std::mem::replace(&mut self.seen[index], true), "{number} is answered twice");
    }

    fn over(self) {
        assert!(self.seen.iter().all(|seen| *seen), "a task is not answered");
        self.all.send(self.seen.len() as u64).unwrap();
    }
}

fn callbacks(pool: &Pool, mut tasks: Tasks<'_>) {
    let (sender, receiver) = mpsc::channel();
    let mut under_way = 0;
    loop {
        while under_way < 50
            && let Some(number) = tasks.next()
        {
            let sender = sender.clone();
            pool.submit_with(work, number, move |answer| sender.send((number, answer.unwrap())).unwrap()).unwrap();
            under_way += 1;
        }
        if under_way == 0 {
            break;
        }
        let (number, answer) = receiver.recv().unwrap();
        tasks.answered(number, answer);
        under_way -= 1;
    }
    drop(sender);
    // None comes later.
    assert!(receiver.recv().is_err());
    tasks.over();
}

fn in_order(pool: &Pool, mut tasks: Tasks<'_>) {
    let mut sent = Vec::new();
    let mut answers = Vec::new();
    for answer in pool.stream(work, std::iter::from_fn(|| tasks.next().inspect(|number| sent.push(*number)))) {
        answers.push(answer.unwrap());
    }
    assert_eq!(answers.len(), sent.len());
    sent.into_iter().zip(answers).for_each(|(number, answer)| tasks.answered(number, answer));
    tasks.over();
}

fn as_they_come(pool: &Pool, mut tasks: Tasks<'_>) {
    let mut sent = Vec::new();
    let stream = pool.stream(work, std::iter::from_fn(|| tasks.next().inspect(|number| sent.push(*number))));
    let answers: Vec<_> = stream.as_completed().collect();
    assert_eq!(answers.len(), sent.len());
    answers.into_iter().for_each(|(index, answer)| tasks.answered(sent[index], answer.unwrap()));
    tasks.over();
}

fn maps(pool: &Pool, mut tasks: Tasks<'_>) {
    loop {
        let numbers = tasks.some(60);
        if numbers.is_empty() {
            return tasks.over();
        }
        let answers = pool.map_with(7, work, numbers.iter().copied()).unwrap();
        assert_eq!(answers.len(), numbers.len());
        numbers.into_iter().zip(answers).for_each(|(number, answer)| tasks.answered(number, answer));
    }
}

fn one_by_one(pool: &Pool, mut tasks: Tasks<'_>) {
    while let Some(number) = tasks.next() {
        tasks.answered(number, pool.apply(work, number).unwrap());
    }
    tasks.over();
}

fn some_at_once(pool: &Pool, mut tasks: Tasks<'_>) {
    loop {
        let numbers = tasks.some(20);
        if numbers.is_empty() {
            return tasks.over();
        }
        let calls: Vec<_> = numbers.iter().map(|number| pool.submit(work, *number).unwrap()).collect();
        calls.into_iter().zip(numbers).for_each(|(call, number)| tasks.answered(number, call.get().unwrap()));
    }
}

/// Kills one worker after the other, until it is time. Returns how many.
fn kill_some(pool: &Pool, seconds: u64, until: Instant) -> u64 {
    let (mut dice, mut kills) = (Dice::new(seconds), 0);
    // Two of these are 1.2 s in the mean.
    let pause = (seconds * 1_000_000 / 25).clamp(1, 1_200_000);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return kills;
        }
        std::thread::sleep(left.min(Duration::from_micros(dice.below(2 * pause))));
        let victim = dice.below(WORKERS as u64) as usize;
        if let Some(pid) = pool.stats().workers[victim].pid {
            // SAFETY: no memory is passed. It is a child of this process, or has been one a moment ago: numbers come again after thousands
            // of others.
            unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
            kills += 1;
        }
    }
}

/// How many parts of regions without a name this process has in its memory.
fn regions() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().matches("/memfd:ipc-region").count()
}

fn soak(seconds: u64) -> String {
    let name = TempName::new("soak-pool");
    let region = Region::create(name.as_str()).unwrap();
    let counter = region.counter("begun").create().unwrap();
    // What the first process of a program makes stays.
    pool::options().workers(1).start().unwrap().join().unwrap();
    let before = regions();
    let options = pool::options().workers(WORKERS).initializer(prepare, counter.clone());
    let pool = options.attempts(63).failed_starts(1_000_000).start().unwrap();
    assert!(regions() > before);
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let (all, counted) = mpsc::channel();
    let kills = std::thread::scope(|scope| {
        for (caller, call) in CALLERS.into_iter().enumerate() {
            let tasks = Tasks { next: caller as u64, until, seen: Vec::new(), all: &all };
            let pool = &pool;
            scope.spawn(move || call(pool, tasks));
        }
        kill_some(&pool, seconds, until)
    });
    let took = begun.elapsed();
    drop(all);
    let tasks: u64 = counted.iter().sum();
    let stats = pool.stats();
    assert_eq!((stats.calls, stats.failed), (0, 0));
    pool.join().unwrap();
    drop(pool);
    // Those that were replaced have begun, and no other ones.
    let replaced: u64 = stats.workers.iter().map(|worker| worker.replaced).sum();
    assert!(tasks > 0 && kills > 0 && replaced <= kills, "{tasks} tasks, {kills} kills, {replaced} replaced");
    let again = counter.load().unwrap().checked_sub(tasks).expect("each task has begun");
    // SAFETY: no memory is passed. There is no child to wait for.
    let child = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    assert!(child < 0 && regions() == before, "{child}");
    format!(
        "soak of a pool: {tasks} tasks in {took:.1?}, kills={kills} replaced={replaced} begun_again={again} failures=0"
    )
}
task!(soak);
