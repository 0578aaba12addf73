//! Pipes of values in both directions between separately started programs.

#![cfg(not(loom))]

use std::io::Write;
use std::time::{Duration, Instant};

use ipc_posix::{
    Fault, RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, Region, SendBytesError,
    SendBytesTimeoutError, SendValueError, SendValueTimeoutError, TryRecvError, TryRecvValueError, TrySendBytesError,
    TrySendValueError, ValueDuplex, ValueDuplexEnd,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;
use serde::{Deserialize, Serialize};

const LIMIT: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_millis(2);

const ROLES: &[Role] = &[("answer", answer), ("send_on", send_on), ("receive_on", receive_on)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Question {
    Nothing,
    Text { number: u64, words: Vec<String> },
}

/// Of some bytes to some thousands.
fn question(number: u64) -> Question {
    let words = (0..number * 7 % 60).map(|word| format!("{word}").repeat((number % 40) as usize)).collect();
    if number % 11 == 3 { Question::Nothing } else { Question::Text { number, words } }
}

type Talk = ValueDuplex<Question, Option<String>>;

fn open(args: &Args) -> Talk {
    Region::open(&args.get("name")).unwrap().value_duplex("talk").open().unwrap()
}

fn create(name: &TempName, capacity: usize) -> Talk {
    Region::create(name.as_str()).unwrap().value_duplex("talk").capacity(capacity).create().unwrap()
}

fn spawn(role: &str, name: &TempName) -> children::Child {
    children::spawn(role, &[("name", name.as_str())])
}

fn is_gone(error: &RecvValueError) -> bool {
    *error == RecvValueError::Queue(RecvError::Disconnected)
}

/// Answers each question until the client is gone.
fn answer(args: &Args) {
    let mut server = open(args).accept().unwrap();
    let end = loop {
        match server.recv() {
            Ok(Question::Nothing) => server.send(&None).unwrap(),
            Ok(Question::Text { words, .. }) => server.send(&Some(words.concat())).unwrap(),
            Err(end) => break end,
        }
    };
    assert!(is_gone(&end), "{end}");
}

/// Values of two types go both ways, short ones and ones that are many times longer than the ring.
#[test]
fn questions_and_answers() {
    let _watchdog = Watchdog::new(LIMIT, "questions_and_answers");
    for capacity in [8, 100, 65_536] {
        let name = TempName::new("questions");
        let talk = create(&name, capacity);
        let mut child = spawn("answer", &name);
        let mut client = talk.connect().unwrap();
        assert_eq!((client.peer_pid(), client.capacity()), (Some(child.pid()), capacity));
        for number in 0..300 {
            client.send(&question(number)).unwrap();
            let answer = client.recv().unwrap();
            match question(number) {
                Question::Nothing => assert_eq!(answer, None),
                Question::Text { words, .. } => assert_eq!(answer, Some(words.concat())),
            }
        }
        drop(client);
        assert!(child.wait().success(), "capacity {capacity}");
    }
}

/// Sends questions for as long as somebody receives them.
fn send_on(args: &Args) {
    let mut client = open(args).connect().unwrap();
    let end = (0..).find_map(|number| client.send(&question(number)).err());
    assert_eq!(end, Some(SendValueError::Queue(SendBytesError::Disconnected)));
}

/// Senders are killed in full swing. Each time the receiver gets whole values in order, at most one error that a value was cut off, and
/// the end, which stays; and the next session begins at its own first value. In a ring for all values, none is cut off.
#[test]
fn a_killed_sender_leaves_no_part_of_a_value() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_sender_leaves_no_part_of_a_value");
    for capacity in [50, 1 << 18] {
        let name = TempName::new("killed");
        let talk = create(&name, capacity);
        let mut cut_off = 0;
        for round in 0..30 {
            let mut child = spawn("send_on", &name);
            let mut server = talk.accept().unwrap();
            let enough = 20 + round;
            for number in 0..enough {
                assert_eq!(server.recv().unwrap(), question(number));
            }
            child.sigkill();
            let end = (enough..).find_map(|number| match server.recv() {
                Ok(value) => {
                    assert_eq!(value, question(number));
                    None
                }
                Err(error) => Some(error),
            });
            let mut end = end.unwrap();
            if end.is_cut_off() {
                cut_off += 1;
                assert!(!end.is_disconnected(), "{end}");
                assert!(end.to_string().contains("cut off "), "{end}");
                end = server.recv().unwrap_err();
            }
            assert!(is_gone(&end) && server.peer_died() && is_gone(&server.recv().unwrap_err()), "{end}");
        }
        assert_eq!(cut_off > 0, capacity == 50, "{cut_off} values were cut off");
    }
}

/// A sender that is stopped in the middle of a value is waited for; a receive that runs out of time keeps what has come.
#[test]
fn a_stopped_sender_loses_nothing() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_sender_loses_nothing");
    let name = TempName::new("stopped");
    let talk = create(&name, 50);
    let mut child = spawn("send_on", &name);
    let mut server = talk.accept().unwrap();
    let mut number = 0;
    for _ in 0..30 {
        child.sigstop();
        loop {
            match server.recv_timeout(SOON) {
                Ok(value) => assert_eq!(value, question(number)),
                Err(error) => {
                    assert!(error.is_timeout(), "{error}");
                    break;
                }
            }
            number += 1;
        }
        assert!(server.wait_readable_timeout(SOON).unwrap_err().is_timeout());
        assert!(server.try_recv().unwrap_err().is_empty());
        child.sigcont();
        for _ in 0..7 {
            assert_eq!(server.recv().unwrap(), question(number));
            number += 1;
        }
    }
    drop(server);
    assert!(child.wait().success());
}

fn receive_on(args: &Args) {
    let mut client = open(args).connect().unwrap();
    while client.recv().is_ok() {}
}

/// A sender whose receiver is killed in the middle of a long value is told, and again at each further send.
#[test]
fn a_killed_receiver_ends_a_long_value() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_receiver_ends_a_long_value");
    let name = TempName::new("receiver");
    let talk = create(&name, 50);
    for round in 0..10 {
        let mut child = spawn("receive_on", &name);
        let mut server = talk.accept().unwrap();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(round));
            child.sigkill();
        });
        let gone = Err(SendValueError::Queue(SendBytesError::Disconnected));
        while server.send(&Some("many words ".repeat(1000))) != gone {}
        assert_eq!(server.send(&None), gone);
        assert!(server.try_send(&None).unwrap_err().is_disconnected());
        killer.join().unwrap();
    }
}

/// A pipe whose server's end is of values and whose client's end writes bytes.
fn raw(capacity: usize) -> (ipc_posix::PipeStream, ValueDuplexEnd<u8, String>) {
    let region = Region::options().anonymous().unwrap();
    let pipe = region.pipe("raw").capacity(capacity).create().unwrap();
    let client = pipe.client().unwrap();
    (client, ValueDuplex::<String, u8>::new(pipe).server().unwrap())
}

/// The bytes of a text as a message.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = (text.len() as u32 + 1).to_le_bytes().to_vec();
    frame.push(text.len() as u8);
    frame.extend(text.as_bytes());
    frame
}

/// Wherever a message is interrupted, nothing of it is lost, and nothing comes before it is whole. What is left at the end is cut off.
#[test]
fn parts_are_kept_until_the_value_is_whole() {
    let _watchdog = Watchdog::new(LIMIT, "parts_are_kept_until_the_value_is_whole");
    let bytes = frame("in parts");
    for cut in 1..bytes.len() {
        for capacity in [2, 8, 100] {
            let (mut client, mut server) = raw(capacity);
            for part in bytes[..cut].chunks(capacity) {
                client.write_all(part).unwrap();
                assert_eq!(server.try_recv(), Err(TryRecvValueError::Queue(TryRecvError::Empty)));
            }
            let timeout = RecvValueTimeoutError::Queue(RecvTimeoutError::Timeout);
            assert_eq!(server.recv_timeout(Duration::from_micros(1)), Err(timeout.clone()));
            assert_eq!(server.recv_deadline(Instant::now()), Err(timeout.clone()));
            assert_eq!(server.wait_readable_timeout(Duration::ZERO), Err(timeout));
            for part in bytes[cut..].chunks(capacity) {
                client.write_all(part).unwrap();
                let _ = server.wait_readable_timeout(Duration::ZERO);
            }
            assert_eq!(server.wait_readable_deadline(Instant::now()), Ok(()));
            assert_eq!(server.recv().unwrap(), "in parts", "cut at {cut}");
            for part in bytes[..cut].chunks(capacity) {
                client.write_all(part).unwrap();
                let _ = server.wait_readable_timeout(Duration::ZERO);
            }
            drop(client);
            assert!(server.wait_readable().unwrap_err().is_cut_off());
            let error = server.try_recv().unwrap_err();
            assert!(error.is_cut_off(), "cut at {cut}: {error}");
            let of = if cut < 4 { "in its length" } else { &format!("after {} of 9 bytes", cut - 4) };
            assert!(error.to_string().contains(&format!("cut off {of}: its sender is gone")), "{error}");
            assert!(is_gone(&server.recv().unwrap_err()) && is_gone(&server.recv().unwrap_err()));
        }
    }
}

/// A length that cannot be is an error that stays, and takes no memory.
#[test]
fn lengths_that_lie() {
    let _watchdog = Watchdog::new(LIMIT, "lengths_that_lie");
    for lie in [u32::MAX, 1 << 31, (16 << 20) + 1] {
        let (mut client, mut server) = raw(100);
        client.write_all(&frame("before")).unwrap();
        client.write_all(&lie.to_le_bytes()).unwrap();
        client.write_all(&frame("behind")).unwrap();
        assert_eq!(server.recv().unwrap(), "before");
        let corrupted = RecvValueError::Queue(RecvError::Fault(Fault::Corrupted));
        assert_eq!(server.recv().unwrap_err(), corrupted);
        assert_eq!(server.try_recv().unwrap_err().to_string(), Fault::Corrupted.to_string());
        drop(client);
        assert_eq!(server.recv().unwrap_err(), corrupted, "no message can be told from another one");
    }
    // One that may be true, and takes no more memory than has come.
    let (mut client, mut server) = raw(100);
    client.write_all(&(16_u32 << 20).to_le_bytes()).unwrap();
    client.write_all(b"not so much").unwrap();
    assert!(server.try_recv().unwrap_err().is_empty());
    drop(client);
    let error = server.recv().unwrap_err();
    assert!(error.to_string().ends_with("cut off after 11 of 16777216 bytes: its sender is gone"), "{error}");
}

/// What is no value of the type is dropped, and the next one is received. Iterators pass over it, and end with a value that was cut off.
#[test]
fn messages_that_are_no_values() {
    let _watchdog = Watchdog::new(LIMIT, "messages_that_are_no_values");
    let (mut client, mut server) = raw(1000);
    for message in [&frame("one")[..], b"\x02\0\0\0\x01\xff", &frame("two"), b"\0\0\0\0", &frame("three")] {
        client.write_all(message).unwrap();
    }
    assert_eq!(server.recv().unwrap(), "one");
    assert!(matches!(server.recv(), Err(RecvValueError::Value(error)) if !error.is_cut_off()));
    client.write_all(b"\x09\0\0\0\x08cut").unwrap();
    drop(client);
    let mut values = server.receiver_mut().iter();
    assert_eq!(values.by_ref().collect::<Vec<_>>(), ["two", "three"]);
    assert_eq!((values.skipped(), values.end().map(|end| end.is_cut_off())), (1, Some(true)));
    let (_, receiver) = server.split();
    let mut values = receiver.into_iter();
    assert_eq!(values.next(), None);
    assert!(is_gone(&values.end().unwrap()));
}

/// A send that is refused, or whose time is over, has sent nothing.
#[test]
fn refused_sends_leave_nothing() {
    let _watchdog = Watchdog::new(LIMIT, "refused_sends_leave_nothing");
    let region = Region::options().anonymous().unwrap();
    let talk = region.value_duplex::<String, ()>("talk").capacity(24).create().unwrap();
    let (mut client, mut server) = (talk.client().unwrap(), talk.server().unwrap());
    let word = |len: usize| "x".repeat(len);
    // With their own length, and that of the message, 10 and 14 bytes.
    client.try_send(&word(5)).unwrap();
    for len in [10, 15, 19] {
        assert_eq!(client.try_send(&word(len)), Err(TrySendValueError::Queue(TrySendBytesError::Full)));
        let timeout = Err(SendValueTimeoutError::Queue(SendBytesTimeoutError::Timeout));
        assert_eq!(client.send_timeout(&word(len), SOON), timeout);
        assert_eq!(client.send_deadline(&word(len), Instant::now()), timeout);
    }
    let too_long = TrySendBytesError::TooLong { len: 21, max: 20 };
    assert_eq!(client.try_send(&word(20)), Err(TrySendValueError::Queue(too_long)));
    assert!(client.send_timeout(&word(20), SOON).unwrap_err().is_too_long());
    client.try_send(&word(9)).unwrap();
    assert!(client.try_send(&word(0)).unwrap_err().is_full());
    assert_eq!((server.recv().unwrap(), server.recv().unwrap()), (word(5), word(9)));
    assert!(server.try_recv().unwrap_err().is_empty());
    // The longest one, around the end of the array.
    client.try_send(&word(19)).unwrap();
    assert!(client.try_send(&word(0)).unwrap_err().is_full());
    assert_eq!(server.recv().unwrap(), word(19));
    // Values without bytes.
    for _ in 0..6 {
        server.try_send(&()).unwrap();
    }
    assert!(server.try_send(&()).unwrap_err().is_full());
    assert_eq!(client.receiver_mut().try_iter().count(), 6);
}

/// A sender that waits for room for a whole value gets it from several receives.
#[test]
fn room_for_a_whole_value_is_waited_for() {
    let _watchdog = Watchdog::new(LIMIT, "room_for_a_whole_value_is_waited_for");
    let region = Region::options().anonymous().unwrap();
    let talk = region.value_duplex::<Vec<u8>, ()>("talk").messages(4, 10).create().unwrap();
    assert_eq!(talk.capacity(), 56);
    let (client, server) = (talk.client().unwrap(), talk.server().unwrap());
    let (mut tx, _) = client.split();
    let (_, rx) = server.split();
    let values = |number: u8| vec![number; usize::from(number) * 37 % 90];
    let sender = std::thread::spawn(move || {
        for number in 0..=255 {
            tx.send(&values(number)).unwrap();
        }
    });
    for (number, value) in (0..=255).zip(rx) {
        assert_eq!(value, values(number));
    }
    sender.join().unwrap();
}

/// The most bytes of a value are those of the duplex, and are compared, as the format is.
#[test]
fn limits_are_the_duplexes() {
    let _watchdog = Watchdog::new(LIMIT, "limits_are_the_duplexes");
    let region = Region::options().anonymous().unwrap();
    let made = region.value_duplex::<Vec<u8>, u8>("small").max_len(100).create().unwrap();
    let found = region.value_duplex::<Vec<u8>, u8>("small").open().unwrap();
    assert_eq!((made.max_len(), found.max_len(), made.capacity()), (100, 100, 65_536));
    let mut client = found.client().unwrap();
    client.send(&vec![1; 99]).unwrap();
    let error = client.send(&vec![1; 100]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a message of 101 bytes, at most 100 are possible (`max_len` or `capacity` sets this)"
    );
    assert!(client.try_send(&vec![1; 100]).unwrap_err().is_too_long());
    assert_eq!(made.server().unwrap().recv().unwrap().len(), 99);

    let differs = region.value_duplex::<Vec<u8>, u8>("small").max_len(99).open().unwrap_err().to_string();
    assert!(differs.ends_with("maximum length 99 here, 100 in the region"), "{differs}");
    let differs = region.value_duplex::<Vec<u8>, u8>("small").self_describing().open().unwrap_err().to_string();
    assert!(differs.ends_with("format CBOR here, postcard in the region"), "{differs}");
    let differs = region.value_duplex::<Vec<u8>, u8>("small").schema(1).open().unwrap_err().to_string();
    assert!(differs.contains("schema 1 here, 0 in the region"), "{differs}");
    assert!(region.value_duplex::<u8, u8>("tiny").capacity(7).create().is_err());
    assert!(region.value_duplex::<u8, u8>("endless").max_len(1 << 32).create().is_err());
    // A pipe is a duplex of values, and the other way round.
    let region = Region::options().size(80 << 20).anonymous().unwrap();
    region.value_duplex::<u8, u8>("small").create().unwrap();
    let pipe = region.pipe("pipe").capacity(32 << 20).create().unwrap();
    assert_eq!(region.value_duplex::<u8, u8>("pipe").open().unwrap().max_len(), 32 << 20);
    assert_eq!(ValueDuplex::<u8, u8>::new(pipe).max_len(), 32 << 20);
    assert_eq!(region.pipe("small").open().unwrap().capacity(), 65_536);
}

/// In the format that describes itself, enums arrive that ask what is there.
#[test]
fn values_that_describe_themselves() {
    let _watchdog = Watchdog::new(LIMIT, "values_that_describe_themselves");
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Reading {
        Number(f64),
        Text(String),
    }
    let region = Region::options().anonymous().unwrap();
    let talk = region.value_duplex::<Reading, Reading>("talk").self_describing().create().unwrap();
    let (mut client, mut server) = (talk.client().unwrap(), talk.server().unwrap());
    client.send(&Reading::Text("none".to_owned())).unwrap();
    server.send(&Reading::Number(0.5)).unwrap();
    assert_eq!(server.recv().unwrap(), Reading::Text("none".to_owned()));
    assert_eq!(client.recv().unwrap(), Reading::Number(0.5));
}
