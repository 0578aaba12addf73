//! Batches on a queue between separately started programs.

#![cfg(not(loom))]

use std::mem::MaybeUninit;
use std::time::Duration;

use ipc_posix::{Queue, RecvError, Region, SendError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const COUNT: u64 = 20_000;

const ROLES: &[Role] = &[("send", send), ("send_on", send_on), ("receive", receive)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Producer and number, and words that follow from them.
type Record = [u64; 3];

fn record(producer: u64, number: u64) -> Record {
    [producer, number, producer ^ !number]
}

fn open(args: &Args) -> Queue<Record> {
    Region::open(&args.get("name")).unwrap().queue("jobs").open().unwrap()
}

/// Sends the numbers up to the count in batches of all sizes, by every verb.
fn send(args: &Args) {
    let (sender, me) = (open(args).sender().unwrap(), args.number("me"));
    let mut dice = Dice::new(me);
    let mut next = 0;
    while next < COUNT {
        let many = (dice.roll() % 30 + 1).min(COUNT - next);
        let batch: Vec<Record> = (next..next + many).map(|number| record(me, number)).collect();
        next += match dice.roll() % 4 {
            0 => sender.try_send_slice(&batch).unwrap_or(0) as u64,
            1 => sender.send_slice(&batch).map(|()| many).unwrap(),
            2 => sender.send_iter(batch).unwrap() as u64,
            _ => sender.send(batch[0]).map(|()| 1).unwrap(),
        };
    }
}

/// Receives to the end, in batches; says how many of each producer, whose numbers have to ascend.
fn receive(args: &Args) {
    let receiver = open(args).receiver().unwrap();
    children::say("ready");
    let (mut last, mut count) = ([None::<u64>; 2], 0);
    let mut dice = Dice::new(args.number("me"));
    let (mut batch, mut many) = ([record(0, 0); 20], Vec::new());
    let end = loop {
        let most = dice.roll() as usize % 20 + 1;
        let got = match dice.roll() % 3 {
            0 => receiver.recv_slice(&mut batch[..most]).map(|count| many.extend(&batch[..count])),
            1 => receiver.recv_many(&mut many, most).map(drop),
            _ => receiver.recv().map(|record| many.push(record)),
        };
        if let Err(end) = got {
            break end;
        }
        for record_ in many.drain(..) {
            let [producer, number, _] = record_;
            assert_eq!(record_, record(producer, number), "a torn message");
            let before = last[producer as usize].replace(number);
            assert!(before.is_none_or(|before| before < number), "{before:?}, then {number}");
            count += 1;
        }
    };
    assert_eq!(end, RecvError::Disconnected);
    children::say(&count.to_string());
}

/// Two producers and two consumers: as many arrive as were sent, and at each consumer every producer's ascend.
#[test]
fn many_to_many() {
    let _watchdog = Watchdog::new(LIMIT, "many_to_many");
    for capacity in ["1", "10", "100"] {
        let name = TempName::new("batches");
        let region = Region::create(name.as_str()).unwrap();
        let queue: Queue<Record> = region.queue("jobs").capacity(capacity.parse().unwrap()).create().unwrap();
        // Until all are there.
        let sender = queue.sender().unwrap();
        let role = |role: &str, me: &str| children::spawn(role, &[("name", name.as_str()), ("me", me)]);
        let mut receivers = ["0", "1"].map(|me| role("receive", me));
        receivers.iter_mut().for_each(|receiver| receiver.expect("ready"));
        let mut senders = ["0", "1"].map(|me| role("send", me));
        assert!(senders.iter_mut().all(|sender| sender.wait().success()));
        drop(sender);
        let counts = receivers.map(|mut receiver| receiver.hear().parse::<u64>().unwrap());
        assert_eq!(counts[0] + counts[1], 2 * COUNT, "{counts:?}");
    }
}

/// Sends batches until it is killed.
fn send_on(args: &Args) {
    let queue = open(args);
    let mut next = args.number("next");
    children::say("going");
    loop {
        let batch: Vec<Record> = (next..next + 7).map(|number| record(0, number)).collect();
        queue.send_slice(&batch).unwrap();
        next += 7;
    }
}

/// Senders are killed thirty times in the middle of their batches: what arrives has no gap but at a death, and the next one has all
/// the room again.
#[test]
fn senders_die() {
    let _watchdog = Watchdog::new(LIMIT, "senders_die");
    let name = TempName::new("dying");
    let region = Region::create(name.as_str()).unwrap();
    let queue: Queue<Record> = region.queue("jobs").capacity(16).create().unwrap();
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let mut out = [record(0, 0); 5];
        let mut take = |next: &mut u64| {
            let got = queue.try_recv_slice(&mut out);
            for record_ in &out[..got.unwrap_or(0)] {
                assert_eq!(*record_, record(0, *next));
                *next += 1;
            }
            got
        };
        let enough = next + 2000;
        while next < enough {
            let _ = take(&mut next);
        }
        child.sigkill();
        while take(&mut next) != Err(TryRecvError::Empty) {}
        let all = [record(9, 9); 17];
        assert_eq!(queue.try_send_slice(&all), Ok(16));
        let mut room = [MaybeUninit::uninit(); 17];
        assert_eq!(queue.try_recv_uninit(&mut room).unwrap(), &all[..16]);
    }
}

/// What was not sent is told, and comes back where it came from an iterator.
#[test]
fn what_was_not_sent() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.queue::<u32>("jobs").capacity(4).create().unwrap();
    assert_eq!((queue.try_send_slice(&[]), queue.try_recv_slice(&mut [])), (Ok(0), Ok(0)));
    assert_eq!(queue.try_recv_slice(&mut [0]), Err(TryRecvError::Empty));
    let error = queue.send_slice_timeout(&[1, 2, 3, 4, 5, 6], Duration::from_millis(2)).unwrap_err();
    assert_eq!((error.sent, error.cause), (4, SendTimeoutError::Timeout(())));
    assert_eq!(error.to_string(), "after 4 values: no room in the queue in time");
    assert_eq!(queue.try_send_slice(&[7]), Err(TrySendError::Full(())));
    let mut out = [0; 3];
    assert_eq!((queue.recv_slice(&mut out), out), (Ok(3), [1, 2, 3]));
    queue.close().unwrap();
    assert_eq!(queue.try_send_slice(&[7]), Err(TrySendError::Closed(())));
    let error = queue.send_iter(10..13).unwrap_err();
    assert_eq!((error.sent, error.unsent, error.cause), (0, vec![10], SendError::Closed(())));
    let mut rest = vec![0];
    assert_eq!((queue.recv_many(&mut rest, 9), rest), (Ok(1), vec![0, 4]));
    assert_eq!(queue.recv_slice(&mut out), Err(RecvError::Closed));
}

/// A vector grows by what is there, not by what may come at most.
#[test]
fn a_vector_gets_room_for_what_is_there() {
    const MOST: usize = 1000;
    let region = Region::options().size(4 << 20).anonymous().unwrap();
    let queue = region.queue::<u64>("many").capacity(1 << 16).create().unwrap();
    let pair = region.spsc::<u64>("pair").capacity(1 << 16).create().unwrap();
    let (mut producer, mut consumer) = (pair.producer().unwrap(), pair.consumer().unwrap());
    for _ in 0..2 {
        queue.send(1).unwrap();
        producer.send(1).unwrap();
    }
    let mut got = Vec::new();
    assert_eq!((queue.try_recv_many(&mut got, usize::MAX), queue.send(1)), (Ok(2), Ok(())));
    assert_eq!(queue.recv_many(&mut got, usize::MAX), Ok(1));
    assert_eq!((consumer.try_recv_many(&mut got, usize::MAX), producer.send(1)), (Ok(2), Ok(())));
    assert_eq!(consumer.recv_many(&mut got, usize::MAX), Ok(1));
    assert!(got == [1; 6] && got.capacity() < MOST, "room for {}", got.capacity());
    queue.send_slice(&[1; 5000]).unwrap();
    assert_eq!(queue.recv_many(&mut got, usize::MAX), Ok(5000));
}

/// Batches of a handle are woken for at once: a sleeper for each message goes.
#[test]
fn a_batch_wakes_all() {
    let _watchdog = Watchdog::new(LIMIT, "a_batch_wakes_all");
    let region = Region::options().anonymous().unwrap();
    let queue = region.queue::<u32>("jobs").capacity(4).create().unwrap();
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || queue.recv().unwrap())
        })
        .collect();
    queue.send_slice(&[1, 2, 3]).unwrap();
    let mut got: Vec<u32> = receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3]);
}

#[test]
fn a_half_receives_batches_until_the_last_sender_is_gone() {
    let queue = Region::options().anonymous().unwrap().queue::<u64>("batches").capacity(8).create().unwrap();
    let (sender, receiver) = (queue.sender().unwrap(), queue.receiver().unwrap());
    let mut room = [MaybeUninit::uninit(); 2];
    sender.send_slice(&[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(receiver.peek(), Some(1));
    assert_eq!(receiver.try_recv_uninit(&mut room), Ok(&mut [1, 2][..]));
    assert_eq!(receiver.recv_uninit(&mut room), Ok(&mut [3, 4][..]));
    drop(sender);
    assert_eq!(receiver.recv_uninit_timeout(&mut room, Duration::ZERO), Ok(&mut [5][..]));
    assert_eq!((receiver.peek(), receiver.try_recv_uninit(&mut room)), (None, Err(TryRecvError::Disconnected)));
    assert_eq!(receiver.recv_uninit(&mut room), Err(RecvError::Disconnected));
}
