//! Separately started programs that know only a name: messages between them, and what becomes of the dead.

#![cfg(not(loom))]

use std::collections::HashMap;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Fault, Queue, RecvError, Region, RegionErrorKind, SendError, TryRecvError, TrySendError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] =
    &[("produce", produce), ("consume", consume), ("hold", hold), ("send_for_ever", send_for_ever), ("storm", storm)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A message that knows whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Message {
    producer: u64,
    number: u64,
    check: u64,
}

impl Message {
    fn new(producer: u64, number: u64) -> Self {
        Message { producer, number, check: (producer << 32 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }
}

fn queue(name: &str) -> Queue<Message> {
    Region::open(name).unwrap().queue("q").open().unwrap()
}

fn produce(args: &Args) {
    let queue = queue(&args.get("name"));
    for number in 0..args.number("count") {
        queue.send(Message::new(args.number("producer"), number)).unwrap();
    }
}

/// Receives until the queue is closed; each producer's messages must come in order. Says how many came from whom.
fn consume(args: &Args) {
    let queue = queue(&args.get("name"));
    children::say("ready");
    let mut last = HashMap::new();
    let mut counts = HashMap::<u64, (u64, u64)>::new();
    for message in &queue {
        assert_eq!(message, Message::new(message.producer, message.number), "whole");
        let before = last.insert(message.producer, message.number);
        assert!(before.is_none_or(|before| before < message.number), "in order");
        let (count, sum) = counts.entry(message.producer).or_default();
        *count += 1;
        *sum += message.number;
    }
    for (producer, (count, sum)) in counts {
        children::say(&format!("{producer} {count} {sum}"));
    }
    children::say("end");
}

#[test]
fn every_message_arrives_once() {
    let _watchdog = Watchdog::new(LIMIT, "every_message_arrives_once");
    const COUNT: u64 = 20_000;
    for (producers, consumers, capacity) in [(1, 1, 1), (2, 2, 7), (3, 2, 64), (1, 3, 1000)] {
        let name = TempName::new("mpmc");
        let queue = Region::create(name.as_str()).unwrap().queue::<Message>("q").capacity(capacity).create().unwrap();
        let mut consumers: Vec<_> =
            (0..consumers).map(|_| children::spawn("consume", &[("name", name.as_str())])).collect();
        consumers.iter_mut().for_each(|consumer| consumer.expect("ready"));
        let producers: Vec<_> = (0..producers)
            .map(|producer: u64| {
                let (producer, count) = (producer.to_string(), COUNT.to_string());
                children::spawn("produce", &[("name", name.as_str()), ("producer", &producer), ("count", &count)])
            })
            .collect();
        let expected = producers.len() as u64;
        for mut producer in producers {
            assert!(producer.wait().success());
        }
        queue.close().unwrap();
        let mut totals = HashMap::<u64, (u64, u64)>::new();
        for mut consumer in consumers {
            loop {
                let line = consumer.hear();
                if line == "end" {
                    break;
                }
                let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                let (count, sum) = totals.entry(numbers[0]).or_default();
                *count += numbers[1];
                *sum += numbers[2];
            }
            assert!(consumer.wait().success());
        }
        assert_eq!(totals.len() as u64, expected);
        assert!(totals.values().all(|&total| total == (COUNT, COUNT * (COUNT - 1) / 2)), "{totals:?}");
    }
}

/// Takes a sender half and says so; then waits to be killed, stopped or told to leave.
fn hold(args: &Args) {
    let sender = queue(&args.get("name")).sender().unwrap();
    sender.send(Message::new(1, 1)).unwrap();
    children::say("held");
    assert_eq!(children::hear(), "leave");
    drop(sender);
}

/// The receiver learns that the last living sender is gone; a stopped one is alive.
#[test]
fn halves_notice_the_end_of_the_other_side() {
    let _watchdog = Watchdog::new(LIMIT, "halves_notice_the_end_of_the_other_side");
    let name = TempName::new("halves");
    let queue = Region::create(name.as_str()).unwrap().queue::<Message>("q").capacity(4).create().unwrap();
    let receiver = queue.receiver().unwrap();
    for kill in [false, true] {
        let mut holder = children::spawn("hold", &[("name", name.as_str())]);
        holder.expect("held");
        holder.sigstop();
        assert!(!receiver.is_disconnected(), "a stopped process lives");
        assert_eq!(receiver.recv(), Ok(Message::new(1, 1)));
        assert!(receiver.recv_timeout(Duration::from_millis(30)).unwrap_err().is_timeout());
        if kill {
            holder.sigkill_unreaped();
        } else {
            holder.sigcont();
            holder.say("leave");
        }
        // Killed and not reaped by us, its parent: a zombie is dead.
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
        assert!(receiver.is_disconnected());
    }
    let region = queue.region();
    assert_eq!(region.recover().unwrap(), 1, "the killed one's place");
    assert_eq!(region.participants().len(), 1);
}

fn send_for_ever(args: &Args) {
    let queue = queue(&args.get("name"));
    let producer = args.number("producer");
    for number in 0.. {
        if queue.send(Message::new(producer, number)).is_err() {
            return;
        }
    }
}

/// Producers that are killed at any moment: of each, the messages arrive whole, in order and without a gap.
#[test]
fn killed_producers_lose_nothing_that_they_sent() {
    let _watchdog = Watchdog::new(LIMIT, "killed_producers_lose_nothing_that_they_sent");
    let name = TempName::new("soak");
    let queue = Region::create(name.as_str()).unwrap().queue::<Message>("q").capacity(8).create().unwrap();
    let mut next = HashMap::<u64, u64>::new();
    let spawn = |producer: u64| {
        children::spawn("send_for_ever", &[("name", name.as_str()), ("producer", &producer.to_string())])
    };
    let mut alive: Vec<_> = (0..2).map(|producer| (producer, spawn(producer))).collect();
    for round in 2..40 {
        // How long each may live is counted in messages, not in time.
        for _ in 0..200 + round * 37 {
            let message = queue.recv().unwrap();
            assert_eq!(message, Message::new(message.producer, message.number), "whole");
            let expected = next.entry(message.producer).or_default();
            assert_eq!(message.number, *expected, "no gap, none twice");
            *expected += 1;
        }
        let (_, mut victim) = alive.remove(0);
        victim.sigkill();
        alive.push((round, spawn(round)));
    }
    queue.close().unwrap();
    for message in &queue {
        let expected = next.entry(message.producer).or_default();
        assert_eq!(message.number, *expected);
        *expected += 1;
    }
    for (_, mut producer) in alive {
        assert!(producer.wait().success());
    }
}

/// Creates, opens, uses and removes one name at once with others.
fn storm(args: &Args) {
    let name = args.get("name");
    for round in 0..args.number("count") {
        let region = Region::options().size(64 << 10).participants(16).objects(4).open_or_create(&name).unwrap();
        let identity = region.identity();
        let queue = region.queue::<u128>("q").capacity(4).open_or_create().unwrap();
        // The receiver of a message has the same region: never a mix.
        let _ = queue.try_send(identity);
        if let Ok(other) = queue.try_recv() {
            assert_eq!(other, identity);
        }
        if round % 3 == 0 {
            let _ = Region::unlink(&name);
        }
    }
}

#[test]
fn a_storm_of_creators_and_removers() {
    let _watchdog = Watchdog::new(LIMIT, "a_storm_of_creators_and_removers");
    let name = TempName::new("storm");
    let stormers: Vec<_> =
        (0..6).map(|_| children::spawn("storm", &[("name", name.as_str()), ("count", "1500")])).collect();
    for mut stormer in stormers {
        assert!(stormer.wait().success());
    }
    let _ = Region::unlink(name.as_str());
    assert!(name.files().is_empty(), "no litter");
}

/// A child after fork gets a clear error from every handle, until it opens the region itself.
#[test]
fn forked_handles_say_so() {
    let _watchdog = Watchdog::new(LIMIT, "forked_handles_say_so");
    let name = TempName::new("fork");
    let region = Region::create(name.as_str()).unwrap();
    let queue = region.queue::<u64>("q").capacity(4).create().unwrap();
    let sender = queue.sender().unwrap();
    // SAFETY: the child only uses this thread, and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let ok = queue.try_send(1) == Err(TrySendError::Fault(1, Fault::Forked))
            && queue.send(1) == Err(SendError::Fault(1, Fault::Forked))
            && queue.try_recv() == Err(TryRecvError::Fault(Fault::Forked))
            && queue.recv() == Err(RecvError::Fault(Fault::Forked))
            && queue.close() == Err(Fault::Forked)
            && region.queue::<u64>("other").capacity(4).create().is_err()
            && region.recover() == Err(Fault::Forked)
            && !region.is_usable();
        drop((sender.clone(), sender));
        drop((queue, region));
        let anew = Region::open(name.as_str()).unwrap();
        let ok = ok && anew.queue::<u64>("q").open().unwrap().send(7).is_ok();
        // SAFETY: ends the child at once, without the parent's destructors.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let mut status = 0;
    // SAFETY: our own child, and room for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child found what it should");
    assert_eq!(queue.recv(), Ok(7));
    assert!(!queue.is_closed() && !queue.receiver().unwrap().is_disconnected());
}

/// A program that closes all descriptors, and opens others: nobody is taken for dead for that.
#[test]
fn closed_descriptors_are_no_verdict() {
    let _watchdog = Watchdog::new(LIMIT, "closed_descriptors_are_no_verdict");
    let name = TempName::new("closed");
    let region = Region::create(name.as_str()).unwrap();
    let _other = Region::open(name.as_str()).unwrap();
    // SAFETY: as above.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mine = Region::open(name.as_str()).unwrap();
        // SAFETY: closes what the library keeps, as a daemon would.
        unsafe { libc::close_range(3, u32::MAX, 0) };
        let _files: Vec<_> = (0..8).map(|_| std::fs::File::open("/dev/null")).collect();
        let ok = mine.recover() == Ok(0) && mine.participants().iter().filter(|who| who.alive).count() == 3;
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let mut status = 0;
    // SAFETY: as above.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(status, 0);
    assert_eq!(region.participants().iter().filter(|who| who.alive).count(), 2);
}

#[test]
fn the_table_of_participants_has_a_limit() {
    let name = TempName::new("limit");
    let first = Region::options().participants(2).create(name.as_str()).unwrap();
    let second = Region::open(name.as_str()).unwrap();
    let error = Region::open(name.as_str()).unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::TooManyParticipants { max: 2 }), "{error}");
    drop(second);
    assert!(Region::open(name.as_str()).is_ok());
    assert_eq!(first.participants().len(), 1);
}
