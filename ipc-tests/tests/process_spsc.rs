//! One-to-one queues between separately started programs.

#![cfg(not(loom))]

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{
    Fault, RecvError, RecvTimeoutError, Region, SendTimeoutError, Spsc, SpscClaimErrorKind, SpscConsumer, SpscProducer,
    TryRecvError, TrySendError, WaitTimeoutError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);

const ROLES: &[Role] = &[
    ("produce", produce),
    ("produce_on", produce_on),
    ("consume_on", consume_on),
    ("hold", hold),
    ("write_text", write_text),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A message that shows when it is torn.
type Record = [u64; 3];

fn record(number: u64) -> Record {
    [number, !number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

fn number(record_: Record) -> u64 {
    assert_eq!(record_, record(record_[0]), "a torn message");
    record_[0]
}

fn open<T: NoUninit + CheckedBitPattern>(args: &Args) -> Spsc<T> {
    Region::open(&args.get("name")).unwrap().spsc("stream").open().unwrap()
}

fn create<T: NoUninit + CheckedBitPattern>(name: &TempName, capacity: usize) -> Spsc<T> {
    Region::create(name.as_str()).unwrap().spsc("stream").capacity(capacity).create().unwrap()
}

/// Sends the numbers up to `count`, by every verb that there is.
fn produce(args: &Args) {
    let mut producer = open::<Record>(args).producer().unwrap();
    let (count, mut next) = (args.number("count"), 0);
    let mut dice = Dice::new(7);
    while next < count {
        let many = (dice.roll() % 40 + 1).min(count - next);
        let batch: Vec<Record> = (next..next + many).map(record).collect();
        next += match dice.roll() % 6 {
            0 => producer.send(batch[0]).map(|()| 1).unwrap(),
            1 => producer.send_slice(&batch).map(|()| many).unwrap(),
            2 => producer.try_send(batch[0]).map_or(0, |()| 1),
            3 => producer.try_send_slice(&batch).unwrap_or(0) as u64,
            4 => producer.try_send_iter(batch).unwrap_or(0) as u64,
            _ => {
                let mut chunk = producer.write_chunk_timeout(many as usize, PATIENCE).unwrap();
                let count = chunk.len();
                for (index, record) in batch[..count].iter().enumerate() {
                    chunk.set(index, *record);
                }
                chunk.commit(count).unwrap();
                count as u64
            }
        };
    }
}

/// Every verb of one side meets every verb of the other: all arrive, once, whole and in order, and then the end.
#[test]
fn all_verbs_meet() {
    let _watchdog = Watchdog::new(LIMIT, "all_verbs_meet");
    for capacity in [1, 3, 64, 1000] {
        let name = TempName::new("verbs");
        let queue = create::<Record>(&name, capacity);
        let count = 30_000;
        let mut child = children::spawn("produce", &[("name", name.as_str()), ("count", &count.to_string())]);
        let mut consumer = queue.consumer().unwrap();
        let mut dice = Dice::new(9);
        let mut got: Vec<Record> = Vec::new();
        let mut batch = [record(0); 50];
        let mut room = [MaybeUninit::<Record>::uninit(); 50];
        let end = loop {
            let most = dice.roll() as usize % 50 + 1;
            let answer = match dice.roll() % 7 {
                0 => consumer.recv().map(|record| got.push(record)),
                1 => consumer.recv_slice(&mut batch[..most]).map(|count| got.extend(&batch[..count])),
                2 => consumer.recv_uninit(&mut room[..most]).map(|records| got.extend(records.iter())),
                3 => consumer.recv_many(&mut got, most).map(drop),
                4 => match consumer.read_chunk_timeout(most, PATIENCE) {
                    Ok(chunk) => {
                        got.extend(chunk.iter());
                        let count = chunk.len();
                        chunk.commit(count).unwrap();
                        Ok(())
                    }
                    Err(RecvTimeoutError::Disconnected) => Err(RecvError::Disconnected),
                    Err(other) => panic!("{other:?}"),
                },
                5 => {
                    let _ = consumer.try_recv().map(|record| got.push(record));
                    Ok(())
                }
                _ => {
                    let _ = consumer.try_recv_slice(&mut batch[..most]).map(|count| got.extend(&batch[..count]));
                    Ok(())
                }
            };
            if let Err(end) = answer {
                break end;
            }
        };
        assert_eq!(end, RecvError::Disconnected, "nobody has sent before, so it cannot be the end already");
        assert!(got.iter().copied().map(number).eq(0..count), "capacity {capacity}");
        assert!(child.wait().success());
    }
}

/// Sends on from where the last one stopped, as the queue's figures say.
fn produce_on(args: &Args) {
    let queue = open::<Record>(args);
    let mut producer = queue.producer().unwrap();
    let mut next = args.number("next");
    children::say("going");
    loop {
        let batch: Vec<Record> = (next..next + next % 5 + 1).map(record).collect();
        producer.send_slice(&batch).unwrap();
        next += batch.len() as u64;
    }
}

/// Producers are killed thirty times in full swing. All that the consumer gets is in order and without a gap.
#[test]
fn producers_die() {
    let _watchdog = Watchdog::new(LIMIT, "producers_die");
    let name = TempName::new("producers");
    let mut consumer = create::<Record>(&name, 32).consumer().unwrap();
    let mut next = 0;
    for _ in 0..30 {
        let args = [("name", name.as_str()), ("next", &next.to_string())];
        let mut child = children::spawn("produce_on", &args);
        child.expect("going");
        let enough = next + 1000;
        while next < enough {
            assert_eq!(number(consumer.recv_timeout(PATIENCE).unwrap()), next);
            next += 1;
        }
        child.sigkill();
        // What it had sent is still there, and is all there is.
        while let Ok(record) = consumer.recv_timeout(PATIENCE) {
            assert_eq!(number(record), next);
            next += 1;
        }
        assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    }
}

/// Tells each number that it got, before it takes the next.
fn consume_on(args: &Args) {
    let mut consumer = open::<Record>(args).consumer().unwrap();
    let region = consumer.region();
    let got = region.counter("got").open().unwrap();
    children::say("going");
    loop {
        let record = consumer.recv().unwrap();
        got.store(number(record)).unwrap();
    }
}

/// Consumers are killed thirty times in full swing. Nothing comes twice, and at most the one that the dead one had taken is missing.
#[test]
fn consumers_die() {
    let _watchdog = Watchdog::new(LIMIT, "consumers_die");
    let name = TempName::new("consumers");
    let queue = create::<Record>(&name, 32);
    let got = queue.region().counter("got").create().unwrap();
    let mut producer = queue.producer().unwrap();
    let mut next = 1;
    for _ in 0..30 {
        let mut child = children::spawn("consume_on", &[("name", name.as_str())]);
        child.expect("going");
        let enough = next + 1000;
        while next < enough {
            producer.send_timeout(record(next), PATIENCE).unwrap();
            next += 1;
        }
        child.sigkill();
        let last = got.load().unwrap();
        let mut consumer = queue.consumer().unwrap();
        let left: Vec<u64> = consumer.try_iter().map(number).collect();
        let first = left.first().copied().unwrap_or(next);
        assert!(first == last + 1 || first == last + 2, "noted {last}, then {first}");
        assert!(left.iter().copied().eq(first..next));
    }
}

fn hold(args: &Args) {
    let queue = open::<u64>(args);
    let _producer = queue.producer().unwrap();
    let _consumer = queue.consumer().unwrap();
    children::say("holding");
    let _ = children::hear();
}

/// An end has one holder, alive, stopped or zombie; a process that asks for it is told who that is; the next one gets it at once after its
/// death.
#[test]
fn ends_have_one_holder() {
    let _watchdog = Watchdog::new(LIMIT, "ends_have_one_holder");
    let name = TempName::new("holder");
    let queue = create::<u64>(&name, 4);
    let mut child = children::spawn("hold", &[("name", name.as_str())]);
    child.expect("holding");
    let held = SpscClaimErrorKind::Held { pid: child.pid() };
    assert_eq!(queue.producer().unwrap_err().kind(), held);
    child.sigstop();
    assert_eq!(queue.consumer().unwrap_err().kind(), held);
    assert_eq!((queue.producer_pid(), queue.consumer_pid()), (Some(child.pid()), Some(child.pid())));
    child.sigkill_unreaped();
    let producer = queue.producer().unwrap();
    let mine = SpscClaimErrorKind::Held { pid: std::process::id() };
    assert_eq!(queue.clone().producer().unwrap_err().kind(), mine);
    drop(producer);
    assert_eq!(queue.producer_pid(), None);
    let _again = queue.producer().unwrap();
    let _consumer = queue.consumer().unwrap();
}

/// Sending and receiving end with the right word, and with the value.
#[test]
fn ends_of_a_stream() {
    let _watchdog = Watchdog::new(LIMIT, "ends_of_a_stream");
    let name = TempName::new("ends");
    let queue = create::<u64>(&name, 2);
    let mut producer = queue.producer().unwrap();
    assert_eq!(producer.wait_for_consumer_timeout(Duration::ZERO), Err(WaitTimeoutError::Timeout));
    producer.send_slice(&[1, 2]).unwrap();
    assert_eq!(producer.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(producer.send_timeout(3, Duration::from_millis(2)), Err(SendTimeoutError::Timeout(3)));
    let error = producer.send_slice_timeout(&[3, 4], Duration::from_millis(2)).unwrap_err();
    assert_eq!((error.sent, error.cause), (0, SendTimeoutError::Timeout(())));
    let mut consumer = queue.consumer().unwrap();
    producer.wait_for_consumer_timeout(Duration::ZERO).unwrap();
    let looking = &consumer;
    assert_eq!((looking.peek(), looking.peek(), consumer.recv()), (Ok(1), Ok(1), Ok(1)));
    // A chunk that is given up moves nothing.
    let _ = consumer.try_read_chunk(1).unwrap();
    let _ = producer.try_write_chunk(1).unwrap();
    drop(consumer);
    producer.try_send(3).unwrap();
    assert_eq!(producer.try_send(4), Err(TrySendError::Disconnected(4)));
    assert_eq!(producer.send(4).unwrap_err().into_inner(), 4);
    let mut consumer = queue.consumer().unwrap();
    drop(producer);
    assert_eq!(consumer.iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Disconnected));
    let mut producer = queue.producer().unwrap();
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(consumer.recv_timeout(Duration::from_millis(2)), Err(RecvTimeoutError::Timeout));
    producer.try_send(5).unwrap();
    assert!(producer.close().unwrap() && !consumer.close().unwrap());
    assert_eq!(producer.try_send(6), Err(TrySendError::Closed(6)));
    assert_eq!((consumer.try_recv(), consumer.try_recv()), (Ok(5), Err(TryRecvError::Closed)));
    assert_eq!(consumer.recv(), Err(RecvError::Closed));
}

/// A number of three, of which the bits say which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
enum Colour {
    Red = 1,
    Green = 2,
}

/// Bits that are no value of the type are dropped alone, and the values around them arrive.
#[test]
fn bits_that_are_no_value() {
    let name = TempName::new("bits");
    let region = Region::create(name.as_str()).unwrap();
    // Another program's idea of the same bytes.
    let bytes = region.spsc::<u8>("colours").capacity(16).create().unwrap();
    let colours = region.spsc::<Colour>("colours").any_type().open().unwrap();
    let mut producer = bytes.producer().unwrap();
    let mut consumer = colours.consumer().unwrap();
    producer.send_slice(&[1, 2, 9, 2, 1, 0]).unwrap();
    let mut out = [Colour::Red; 8];
    assert_eq!(consumer.recv_slice(&mut out), Ok(2));
    assert_eq!(out[..2], [Colour::Red, Colour::Green]);
    assert_eq!(consumer.try_recv_slice(&mut out), Err(TryRecvError::Fault(Fault::InvalidValue)));
    let mut got = Vec::new();
    assert_eq!(consumer.recv_many(&mut got, 8), Ok(2));
    assert_eq!(got, [Colour::Green, Colour::Red]);
    assert_eq!(consumer.recv(), Err(RecvError::Fault(Fault::InvalidValue)));
    assert_eq!(consumer.try_recv(), Err(TryRecvError::Empty));
}

fn write_text(args: &Args) {
    let mut producer = open::<u8>(args).producer().unwrap();
    for line in 0..2000 {
        writeln!(producer, "line {line}").unwrap();
    }
    producer.flush().unwrap();
}

/// Bytes make a pipe with a name: text goes through it with the usual tools, and its end is the end of a file.
#[test]
fn a_pipe_of_bytes() {
    let _watchdog = Watchdog::new(LIMIT, "a_pipe_of_bytes");
    let name = TempName::new("pipe");
    let mut consumer: SpscConsumer<u8> = create(&name, 100).consumer().unwrap();
    let mut child = children::spawn("write_text", &[("name", name.as_str())]);
    let mut text = String::new();
    consumer.read_to_string(&mut text).unwrap();
    assert!(child.wait().success());
    assert!(text.lines().enumerate().all(|(line, text)| text == format!("line {line}")));
    assert_eq!(text.lines().count(), 2000);
    let mut producer: SpscProducer<u8> =
        Region::open(name.as_str()).unwrap().spsc("stream").open().unwrap().producer().unwrap();
    consumer.close().unwrap();
    assert_eq!(producer.write(b"late").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

/// What differs is said, with both numbers.
#[test]
fn the_wrong_queue() {
    let region = Region::options().anonymous().unwrap();
    let message = |error: ipc_posix::ObjectError| error.to_string();
    region.spsc::<u64>("ticks").capacity(8).create().unwrap();
    assert_eq!(
        message(region.spsc::<u32>("ticks").any_type().open().unwrap_err()),
        "one-to-one queue \"ticks\": element size 4 here, 8 in the region"
    );
    assert_eq!(
        message(region.spsc::<u64>("ticks").capacity(9).open().unwrap_err()),
        "one-to-one queue \"ticks\": capacity 9 here, 8 in the region"
    );
    assert_eq!(
        message(region.queue::<u64>("ticks").open().unwrap_err()),
        "queue \"ticks\": queue here, one-to-one queue in the region"
    );
}

/// After a fork nothing is touched: neither by an operation nor by a drop.
#[test]
fn after_a_fork() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.spsc::<u64>("ticks").capacity(8).create().unwrap();
    let (producer, consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    let ends = std::cell::RefCell::new(Some((producer, consumer)));
    assert!(children::holds_after_fork(|| {
        let (mut producer, mut consumer) = ends.take().expect("both");
        producer.try_send(1) == Err(TrySendError::Fault(1, Fault::Forked))
            && consumer.recv() == Err(RecvError::Fault(Fault::Forked))
            && queue.producer().is_err_and(|error| error.kind() == SpscClaimErrorKind::Fault(Fault::Forked))
    }));
    let (mut producer, mut consumer) = ends.take().expect("both");
    assert!(queue.producer().is_err(), "the child gave nothing back");
    producer.try_send(2).unwrap();
    assert_eq!(consumer.recv(), Ok(2));
}

/// A peer that writes nonsense into the words is found out, and nothing is read or written outside.
#[test]
fn words_that_make_no_sense() {
    let name = TempName::new("nonsense");
    let queue = create::<u64>(&name, 4);
    let offset = queue.region().list()[0].offset;
    let file = std::fs::OpenOptions::new().write(true).open(queue.region().path().unwrap()).unwrap();
    let write = |at: u64, word: u64| std::os::unix::fs::FileExt::write_all_at(&file, &word.to_ne_bytes(), at).unwrap();
    let (tail, head) = (offset + 128, offset + 256);
    {
        let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
        for nonsense in [5, 1 << 40, u64::MAX] {
            write(tail, nonsense);
            assert_eq!(consumer.try_recv(), Err(TryRecvError::Fault(Fault::Corrupted)));
            assert_eq!(consumer.recv(), Err(RecvError::Fault(Fault::Corrupted)));
            write(tail, 0);
            write(head, nonsense);
            producer.send_slice(&[1, 2, 3, 4]).map_err(drop).unwrap_or(());
            assert_eq!(producer.try_send(9), Err(TrySendError::Fault(9, Fault::Corrupted)));
            write(head, 0);
            write(tail, 0);
        }
    }
    write(tail, 77);
    assert_eq!(queue.producer().unwrap_err().kind(), SpscClaimErrorKind::Fault(Fault::Corrupted));
    assert_eq!(queue.consumer().unwrap_err().kind(), SpscClaimErrorKind::Fault(Fault::Corrupted));
    write(tail, 0);
    drop(queue.producer().unwrap());
    drop(queue.consumer().unwrap());
}
