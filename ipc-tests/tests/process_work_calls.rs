//! Calls over a work queue between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{AnswerError, AnswerTimeoutError, ByteWorkQueue, Region, SendBytesTimeoutError, TryAnswerError};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(2);
/// Calls of each caller in the long test.
const CALLS: u32 = 1500;

const ROLES: &[Role] = &[
    ("serve", serve),
    ("serve_when_told", serve_when_told),
    ("call_and_stay", call_and_stay),
    ("call_through", call_through),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> ByteWorkQueue {
    Region::open(&args.get("name")).unwrap().byte_work_queue("calls").open().unwrap()
}

fn create(name: &TempName, attempts: u32) -> ByteWorkQueue {
    let region = Region::create(name.as_str()).unwrap();
    let wanted = region.byte_work_queue("calls").capacity(8).max_len(100).max_reply(200).leases(8);
    wanted.attempts(attempts).create().unwrap()
}

fn start(role: &str, name: &TempName) -> Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// The answer to a job: twice its bytes.
fn answer(job: &[u8]) -> Vec<u8> {
    [job, job].concat()
}

/// Answers calls until the queue is closed.
fn serve(args: &Args) {
    let queue = open(args);
    for lease in &queue {
        let answer = answer(&lease);
        lease.reply(&answer).unwrap();
    }
}

/// Leases a job, and answers it when it is told to; says whether somebody waited.
fn serve_when_told(args: &Args) {
    let queue = open(args);
    let lease = queue.recv().unwrap();
    children::say(&format!("has {} {}", lease.len(), lease.attempt()));
    let _ = children::hear();
    let wanted = lease.is_wanted();
    let answer = answer(&lease);
    children::say(&format!("{wanted} {}", lease.reply(&answer).unwrap()));
}

/// Calls three times, and keeps the tickets.
fn call_and_stay(args: &Args) {
    let queue = open(args);
    let _tickets = [b"one", b"two", b"six"].map(|job| queue.call(job).unwrap());
    children::say("called");
    let _ = children::hear();
}

/// Calls many times, with jobs of its own, and checks each answer.
fn call_through(args: &Args) {
    let queue = open(args);
    let me = std::process::id();
    for number in 0..CALLS {
        let job: Vec<u8> = [me.to_le_bytes(), number.to_le_bytes()].concat();
        let ticket = queue.call(&job).unwrap();
        match number % 5 {
            // Gives it up, whatever it is in.
            0 => drop(ticket.cancel().unwrap()),
            1 => drop(ticket),
            _ => assert_eq!(ticket.wait().unwrap(), answer(&job)),
        }
    }
    children::say("all answered");
}

/// A stopped server keeps its caller waiting, and a killed one's job is answered by another one, with the attempt counted.
#[test]
fn a_server_is_killed_while_its_caller_waits() {
    let _watchdog = Watchdog::new(LIMIT, "a_server_is_killed_while_its_caller_waits");
    let name = TempName::new("calls-server");
    let queue = create(&name, 0);
    let ticket = queue.call(b"job").unwrap();
    let mut server = start("serve_when_told", &name);
    server.expect("has 3 1");
    server.sigstop();
    assert_eq!(ticket.wait_timeout(SHORT), Err(AnswerTimeoutError::Timeout));
    let mut other = start("serve_when_told", &name);
    server.sigkill();
    // The caller itself, or the other server, finds the dead one.
    let found = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ticket.wait().map(<[u8]>::to_vec));
        other.expect("has 3 2");
        other.say("answer");
        other.expect("true true");
        waiting.join().unwrap()
    });
    assert_eq!(found, Ok(b"jobjob".to_vec()));
    drop(ticket);
    queue.wait_idle().unwrap();
    assert_eq!((queue.stats().answered, queue.stats().leased), (0, 0));
}

/// When as many servers have died as the queue allows, the caller learns it, though nobody else is there.
#[test]
fn every_server_is_killed() {
    let _watchdog = Watchdog::new(LIMIT, "every_server_is_killed");
    let name = TempName::new("calls-servers");
    let queue = create(&name, 2);
    let ticket = queue.call(b"bad").unwrap();
    for attempt in 1..=2 {
        let mut server = start("serve_when_told", &name);
        server.expect(&format!("has 3 {attempt}"));
        server.sigkill();
    }
    assert_eq!(ticket.wait(), Err(AnswerError::Failed { attempts: 2 }));
    assert_eq!(ticket.try_wait(), Err(TryAnswerError::Failed { attempts: 2 }));
    assert!(queue.try_recv_dead().is_err_and(|error| error.is_empty()), "its caller knows");
    drop(ticket);
    assert_eq!((queue.is_idle(), queue.stats().answered), (true, 0));
}

/// A killed caller's jobs are no burden: one that waits is not begun once it is known, and an answer that comes too late is dropped.
#[test]
fn a_caller_is_killed() {
    let _watchdog = Watchdog::new(LIMIT, "a_caller_is_killed");
    let name = TempName::new("calls-caller");
    let queue = create(&name, 0);
    let mut caller = start("call_and_stay", &name);
    caller.expect("called");
    let lease = queue.recv().unwrap();
    assert_eq!((&*lease, lease.is_wanted()), (&b"one"[..], true));
    let mut server = start("serve_when_told", &name);
    server.expect("has 3 1");
    caller.sigkill();
    queue.region().recover().unwrap();
    assert!(!lease.is_wanted());
    assert_eq!(lease.reply(b"late"), Ok(false));
    server.say("answer");
    server.expect("false false");
    assert!(queue.try_recv().is_err_and(|error| error.is_empty()), "nobody wants it");
    queue.wait_idle().unwrap();
    assert_eq!((queue.stats().answered, queue.len()), (0, 0));
}

/// Senders that find no room free the blocks of a caller that was killed.
#[test]
fn a_dead_callers_answers_make_room() {
    let _watchdog = Watchdog::new(LIMIT, "a_dead_callers_answers_make_room");
    let name = TempName::new("calls-room");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.byte_work_queue("calls").capacity(2).max_len(100).max_reply(200).leases(1).create().unwrap();
    let mut caller = start("call_and_stay", &name);
    for _ in 0..3 {
        assert_eq!(queue.recv().unwrap().reply(b"here"), Ok(true));
    }
    caller.expect("called");
    assert_eq!(queue.stats().answered, 3);
    // It lives, and might read them.
    assert_eq!(queue.send_timeout(b"job", SHORT), Err(SendBytesTimeoutError::Timeout));
    caller.sigkill();
    queue.send(b"job").unwrap();
    assert_eq!((queue.stats().answered, queue.len()), (0, 1));
}

/// Openers agree on the length of answers; without it an answer has none.
#[test]
fn answers_have_a_limit() {
    let name = TempName::new("calls-limit");
    let queue = create(&name, 3);
    assert_eq!((queue.max_len(), queue.max_reply()), (100, 200));
    let again = |len| queue.region().byte_work_queue("calls").max_reply(len).open();
    assert!(again(200).is_ok());
    let text = again(100).unwrap_err().to_string();
    assert_eq!(text, "byte work queue \"calls\": maximum length of an answer 100 here, 200 in the region");
    let short = queue.region().byte_work_queue("short").create().unwrap();
    let ticket = short.call(b"job").unwrap();
    assert_eq!((short.max_reply(), short.recv().unwrap().reply(b"")), (0, Ok(true)));
    assert_eq!(ticket.wait(), Ok(&b""[..]));
}

/// Several callers and servers, some of them killed on the way, and jobs that nobody waits for: every caller that lives gets its own answers,
/// and in the end all blocks are there.
#[test]
fn callers_and_servers_are_killed() {
    let _watchdog = Watchdog::new(LIMIT, "callers_and_servers_are_killed");
    let name = TempName::new("calls-all");
    let queue = create(&name, 0);
    let callers: Vec<Child> = (0..3).map(|_| start("call_through", &name)).collect();
    let mut mortal: Vec<(&str, Child)> =
        ["serve", "serve", "call_through", "serve"].map(|role| (role, start(role, &name))).into();
    let end = Instant::now() + Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
    let mut round = 0;
    while Instant::now() < end {
        queue.send(&[round as u8; 7]).unwrap();
        if round % 40 == 39 {
            let (role, mut child) = mortal.remove(0);
            child.sigkill();
            mortal.push((role, start(role, &name)));
        }
        round += 1;
    }
    for mut caller in callers {
        caller.expect("all answered");
    }
    for (role, child) in &mut mortal {
        if *role == "call_through" {
            child.sigkill();
        }
    }
    queue.wait_idle().unwrap();
    queue.region().recover().unwrap();
    let stats = queue.stats();
    assert_eq!((stats.len, stats.leased, stats.answered, stats.dead), (0, 0, 0, 0), "{stats:?}");
    queue.close().unwrap();
    // The blocks: the capacity and the leases.
    assert!(queue.try_recv().is_err_and(|error| error.is_closed()));
}
