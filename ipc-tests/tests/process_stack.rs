//! Stacks between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{RecvError, RecvTimeoutError, Region, SendTimeoutError, Stack, TryRecvError, TrySendError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);
const CAPACITY: usize = 16;
const EACH: u64 = 5000;

/// Large enough that a copy takes a while: the sender, the number, and words that follow from both.
type Message = [u64; 32];

const ROLES: &[Role] =
    &[("send", send), ("send_on", send_on), ("receive_on", receive_on), ("last_sender", last_sender)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn message(sender: u64, number: u64) -> Message {
    std::array::from_fn(|at| match at {
        0 => sender,
        1 => number,
        at => number.wrapping_mul(at as u64) ^ sender,
    })
}

#[track_caller]
fn sender_and_number(got: &Message) -> (u64, u64) {
    assert_eq!(*got, message(got[0], got[1]), "a torn message");
    (got[0], got[1])
}

fn open(args: &Args) -> Stack<Message> {
    Region::open(&args.get("name")).unwrap().stack("stack").open().unwrap()
}

fn create(name: &TempName) -> Stack<Message> {
    Region::create(name.as_str()).unwrap().stack("stack").capacity(CAPACITY).create().unwrap()
}

fn send(args: &Args) {
    let (stack, me) = (open(args), args.number("me"));
    let mut next = 0;
    while next < EACH {
        let batch = [0, 1, 2].map(|ahead| message(me, next + ahead));
        next += match next % 3 {
            0 => stack.try_send_slice(&batch).unwrap_or(0) as u64,
            1 => stack.send(batch[0]).map_or(0, |()| 1),
            _ => stack.send_slice(&batch[..1]).map_or(0, |()| 1),
        };
    }
}

/// Three senders and two receiving threads: every message arrives once, whole.
#[test]
fn many_to_many() {
    let _watchdog = Watchdog::new(LIMIT, "many_to_many");
    let name = TempName::new("stack");
    let stack = create(&name);
    let receivers = [(); 2].map(|()| {
        let stack = stack.clone();
        std::thread::spawn(move || {
            let (mut got, mut room) = (Vec::new(), Vec::new());
            loop {
                room.clear();
                match stack.recv_many(&mut room, 1 + got.len() % 4) {
                    Ok(count) => assert_eq!(count, room.len()),
                    Err(end) => {
                        assert_eq!(end, RecvError::Closed);
                        return got;
                    }
                }
                got.extend(room.iter().map(sender_and_number));
            }
        })
    });
    let mut senders = ["0", "1", "2"].map(|me| children::spawn("send", &[("name", name.as_str()), ("me", me)]));
    assert!(senders.iter_mut().all(|sender| sender.wait().success()));
    assert!(stack.close().unwrap() && !stack.close().unwrap());
    let mut got: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
    got.sort_unstable();
    for sender in 0..3 {
        let numbers = got.iter().filter(|(from, _)| *from == sender).map(|(_, number)| *number);
        // The last batch may reach beyond.
        let count = numbers.clone().count() as u64;
        assert!((EACH..EACH + 3).contains(&count) && numbers.eq(0..count), "sender {sender}: {count}");
    }
}

fn send_on(args: &Args) {
    let stack = open(args);
    let mut next = args.number("next");
    children::say("going");
    loop {
        stack.send(message(0, next)).unwrap();
        next += 1;
    }
}

/// Senders are killed thirty times in full swing: no gap, nothing torn or twice, and the next one goes on at once.
#[test]
fn senders_die() {
    let _watchdog = Watchdog::new(LIMIT, "senders_die");
    let name = TempName::new("senders");
    let stack = create(&name);
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let mut got = Vec::new();
        while got.len() < 300 {
            got.push(sender_and_number(&stack.recv().unwrap()));
        }
        child.sigkill();
        // The lock may have died with it.
        got.extend(std::iter::from_fn(|| stack.recv_timeout(Duration::ZERO).ok()).map(|got| sender_and_number(&got)));
        got.sort_unstable();
        let end = next + got.len() as u64;
        assert!(got.iter().map(|(_, number)| *number).eq(next..end), "{next}: {got:?}");
        next = end;
        stack.send_timeout(message(1, 1), PATIENCE).unwrap();
        assert_eq!(sender_and_number(&stack.recv_timeout(PATIENCE).unwrap()), (1, 1));
    }
}

fn receive_on(args: &Args) {
    let stack = open(args);
    let got = stack.region().counter("got").open().unwrap();
    children::say("going");
    loop {
        sender_and_number(&stack.recv().unwrap());
        got.fetch_add(1).unwrap();
    }
}

/// Receivers are killed thirty times in full swing: each takes at most the one message with it that it had received.
#[test]
fn receivers_die() {
    let _watchdog = Watchdog::new(LIMIT, "receivers_die");
    let name = TempName::new("receivers");
    let stack = create(&name);
    let got = stack.region().counter("got").create().unwrap();
    let mut sent = 0;
    let mut lost = 0;
    for _ in 0..30 {
        let mut child = children::spawn("receive_on", &[("name", name.as_str())]);
        child.expect("going");
        for _ in 0..300 {
            stack.send(message(0, sent)).unwrap();
            sent += 1;
        }
        child.sigkill();
        loop {
            match stack.recv_timeout(Duration::ZERO) {
                Ok(message) => {
                    sender_and_number(&message);
                    got.fetch_add(1).unwrap();
                }
                Err(RecvTimeoutError::Timeout) if stack.is_empty() => break,
                Err(error) => assert_eq!(error, RecvTimeoutError::Timeout),
            }
        }
        let missing = sent - got.load().unwrap() - lost;
        assert!(missing <= 1, "{missing} messages went with one receiver");
        lost += missing;
    }
}

/// While a sender is stopped, receivers go on, and so do other senders, unless it has their lock: then they wait for it in vain, and get it
/// when it is killed.
#[test]
fn a_stopped_process_is_alive() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_process_is_alive");
    let name = TempName::new("stopped");
    let stack = create(&name);
    let (mut went_on, mut waited) = (0, 0);
    for round in 0..200 {
        if went_on > 0 && waited > 0 {
            break;
        }
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", "0")]);
        child.expect("going");
        for _ in 0..round % 40 {
            sender_and_number(&stack.recv().unwrap());
        }
        child.sigstop();
        match stack.try_recv() {
            Ok(got) => _ = sender_and_number(&got),
            Err(error) => assert_eq!(error, TryRecvError::Empty),
        }
        // There is room now.
        let ours = message(1, 1);
        match stack.try_send(ours) {
            Ok(()) => went_on += 1,
            Err(error) => {
                assert_eq!((error, stack.is_full()), (TrySendError::Full(ours), false));
                let short = Duration::from_millis(30);
                let timeout = Err(SendTimeoutError::Timeout(ours));
                assert_eq!(stack.send_timeout(ours, short), timeout, "not taken from the living");
                waited += 1;
            }
        }
        child.sigkill();
        while let Ok(got) = stack.recv_timeout(Duration::from_millis(1)) {
            sender_and_number(&got);
        }
        stack.send_timeout(message(1, 1), PATIENCE).unwrap();
        assert_eq!(sender_and_number(&stack.recv_timeout(PATIENCE).unwrap()), (1, 1));
    }
    println!("went on {went_on} times, waited {waited} times");
    assert!(went_on > 0);
}

fn last_sender(args: &Args) {
    let sender = open(args).sender().unwrap();
    sender.send(message(0, 1)).unwrap();
    children::say("sent");
    loop {
        std::thread::park();
    }
}

/// A receiver learns that the last living sender was killed, after its last message; a sender is refused once no receiver lives.
#[test]
fn the_other_end_dies() {
    let _watchdog = Watchdog::new(LIMIT, "the_other_end_dies");
    let name = TempName::new("ends");
    let receiver = create(&name).receiver().unwrap();
    let mut child = children::spawn("last_sender", &[("name", name.as_str())]);
    child.expect("sent");
    child.sigkill();
    assert_eq!(receiver.recv().map(|got| sender_and_number(&got)), Ok((0, 1)));
    assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    let sender = receiver.queue().sender().unwrap();
    drop(receiver);
    assert_eq!(sender.try_send(message(0, 2)), Err(TrySendError::Disconnected(message(0, 2))));
}

/// An opener with another capacity or type is told what differs.
#[test]
fn another_shape() {
    let region = Region::options().anonymous().unwrap();
    let stack = region.stack::<u64>("stack").capacity(3).create().unwrap();
    assert_eq!(stack.try_send_slice(&[1, 2, 3, 4]), Ok(3));
    assert_eq!(stack.send_timeout(5, Duration::ZERO), Err(SendTimeoutError::Timeout(5)));
    assert!(region.stack::<u64>("stack").capacity(4).open().unwrap_err().to_string().contains("capacity 4 here, 3 in"));
    assert!(
        region.stack::<u32>("stack").any_type().open().unwrap_err().to_string().contains("element size 4 here, 8 in")
    );
    assert!(region.queue::<u64>("stack").open().unwrap_err().to_string().contains("queue here, stack in"));
    assert!(region.list()[0].to_string().starts_with("stack \"stack\" of 3 x 8 bytes"));
}
