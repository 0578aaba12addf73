//! Queues of values in a format that describes itself: what the default format cannot carry arrives, and no message does harm.

#![cfg(not(loom))]

use std::collections::BTreeMap;
use std::fmt::Debug;

use ipc_posix::{Region, ValueQueue};
use ipc_tests::dice::Dice;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u8>,
    number: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tip: Option<u8>,
    table: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Step {
    First,
    #[serde(skip)]
    #[allow(dead_code, reason = "it is the point")]
    Private,
    Second,
    Third,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u32),
    Text(String),
    Pair { left: Box<Either>, right: Box<Either> },
    List(Vec<Either>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f32 },
    Square { side: f32, inner: Option<Box<Shape>> },
    Nothing,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Number(i64),
    Names(Vec<String>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    shape: Shape,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    id: u32,
    #[serde(flatten)]
    more: BTreeMap<String, Either>,
}

fn queue<T: ipc_posix::QueuedValue>() -> (Region, ValueQueue<T>) {
    let region = Region::options().anonymous().expect("a region");
    let queue = region.value_queue("values").capacity(4096).self_describing().create().expect("a queue");
    (region, queue)
}

/// All of these arrive as they were sent.
fn arrive<T: Serialize + DeserializeOwned + PartialEq + Debug>(values: impl IntoIterator<Item = T>) {
    let (_region, queue) = queue::<T>();
    for value in values {
        queue.send(&value).expect("it is written");
        assert_eq!(queue.try_recv().expect("it is read"), value);
    }
    assert!(queue.is_empty());
}

#[test]
fn what_the_default_format_cannot_carry_arrives() {
    let some = |digit: u8| (digit > 0).then(|| digit - 1);
    arrive((0..81).map(|code| Order {
        limit: some(code % 3),
        number: code / 3 % 3,
        tip: some(code / 9 % 3),
        table: code / 27,
    }));
    arrive([Step::First, Step::Second, Step::Third]);
    let text = || Either::Text("a".into());
    let pair = Either::Pair { left: Box::new(Either::Number(7)), right: Box::new(Either::List(vec![text(), text()])) };
    arrive([Either::Number(1), text(), pair]);
    let circle = || Shape::Circle { radius: 0.1 };
    let square = || Shape::Square { side: 2.5, inner: Some(Box::new(circle())) };
    arrive([Shape::Nothing, circle(), square()]);
    arrive([Adjacent::Number(-1), Adjacent::Names(vec!["a".into(), String::new()])]);
    let more = || BTreeMap::from([("x".to_owned(), Either::Number(1)), ("y".to_owned(), text())]);
    arrive([Flat { id: 1, shape: square() }, Flat { id: 2, shape: Shape::Nothing }]);
    arrive([Open { id: 1, more: more() }, Open { id: 2, more: BTreeMap::new() }]);
}

/// What both formats carry.
#[test]
fn what_the_default_format_carries_arrives() {
    arrive([i8::MIN, 0, i8::MAX]);
    arrive([u64::MAX, 1 << 40, 0]);
    arrive([i128::MIN, i128::MAX, -1]);
    arrive([f64::MAX, f64::MIN_POSITIVE, 0.1, f64::INFINITY]);
    arrive([f32::MAX, 0.1]);
    arrive(['a', 'ß', '\u{10ffff}']);
    arrive([None, Some("text".to_owned())]);
    arrive([((), true, [1_u8, 2], "x".to_owned()), ((), false, [0, 0], String::new())]);
    arrive([BTreeMap::from([((1, 2), vec![3_u16; 300]), ((4, 5), vec![])])]);
    arrive([vec![(); 100_000 / 50]]);
    arrive(["10.0.0.1", "::1"].map(|address| address.parse::<std::net::IpAddr>().expect("an address")));
    arrive([std::time::Duration::new(1, 2)]);
}

/// The format belongs to the queue. Who opens it in another one gets an error; bytes are bytes.
#[test]
fn the_format_is_compared() {
    let (region, values) = queue::<Order>();
    let error = region.value_queue::<Order>("values").open().expect_err("the other format");
    assert_eq!(error.to_string(), "byte queue \"values\": format postcard here, CBOR in the region");
    assert!(region.value_queue::<Order>("values").capacity(4096).open_or_create().is_err());
    let again = region.value_queue::<Order>("values").self_describing().open().expect("the same format");
    let order = Order { limit: None, number: 1, tip: Some(2), table: 3 };
    values.send(&order).expect("there is room");
    assert_eq!(again.recv().expect("it is there"), order);
    // A handle of the bytes knows the format, too, and halves and clones do.
    let bytes = region.byte_queue("values").open().expect("a queue of bytes to the region");
    let by_bytes = ValueQueue::<Order>::new(bytes.clone());
    by_bytes.sender().expect("a half").clone().send(&order).expect("there is room");
    assert_eq!(values.receiver().expect("a half").clone().recv().expect("it is there"), order);
    bytes.send(b"\xa1").expect("there is room");
    let error = values.try_recv().expect_err("no value");
    assert_eq!(error.to_string(), "the message is not a value of the type: the message ends in the middle of a value");

    region.value_queue::<Order>("compact").capacity(100).create().expect("a queue");
    let error = region.value_queue::<Order>("compact").self_describing().open().expect_err("the other format");
    assert_eq!(error.to_string(), "byte queue \"compact\": format CBOR here, postcard in the region");
}

#[derive(Serialize, Deserialize)]
struct Link(Vec<Link>);

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Maybe(Option<Box<Maybe>>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Tree {
    Leaf(bool),
    Node(Vec<Tree>),
    Named(BTreeMap<String, Tree>),
}

/// What comes of a message to a reader with the stack of a thread.
fn told<T: ipc_posix::QueuedValue>(message: &[u8]) -> String {
    let read = || {
        let region = Region::options().anonymous().expect("a region");
        let values = region.value_queue::<T>("values").capacity(1 << 17).self_describing().create().expect("a queue");
        values.bytes().send(message).expect("there is room");
        values.try_recv().map_or_else(|error| error.to_string(), |_| "a value".to_owned())
    };
    std::thread::scope(|scope| scope.spawn(read).join().expect("it ends"))
}

/// No message overflows the stack of its reader, keeps it busy without end, or is allocated for before it is there.
#[test]
fn hostile_messages_end() {
    const TOO_DEEP: &str = "the message is not a value of the type: values are nested more than 128 deep";
    // A list of a list of a list...
    for depth in [129, 300, 100_000] {
        let lists = [vec![0x81; depth], vec![0x80]].concat();
        assert_eq!(told::<Link>(&lists), TOO_DEEP);
        assert_eq!(told::<Tree>(&lists), TOO_DEEP);
        assert!(told::<Flat>(&lists).contains("not a value"));
    }
    assert_eq!(told::<Link>(&[vec![0x81; 60], vec![0x80]].concat()), "a value");
    assert_eq!(told::<Tree>(&[vec![0x81; 60], vec![0x80]].concat()), "a value");
    // Any byte but that of `None` is a value inside of a value inside of a value...
    assert_eq!(told::<Maybe>(&[0]), TOO_DEEP);
    assert_eq!(told::<Maybe>(&[0xf6]), "a value");
    // 2^60 elements, bytes of text, bytes; tags without end; text that is none.
    let length = [0x10, 0, 0, 0, 0, 0, 0, 0];
    for head in [0x9b, 0x7b, 0x5b, 0xbb] {
        let message = [&[head][..], &length, &[0; 64]].concat();
        assert!(told::<Vec<u64>>(&message).starts_with("the message is not"));
        assert!(told::<String>(&message).starts_with("the message is not"));
        assert!(told::<Tree>(&message).starts_with("the message is not"));
    }
    assert!(told::<Tree>(&[0xc1; 100_000]).starts_with("the message is not"));
    assert!(told::<u32>(&[0xc1; 100_000]).starts_with("the message is not"));
    assert!(told::<String>(&[0x61, 0xff]).starts_with("the message is not"));
    assert_eq!(told::<u8>(&[1, 2]), "the message is not a value of the type: 1 bytes are left behind the value");
    // Whatever there is.
    let (_region, values) = queue::<Tree>();
    let mut dice = Dice::new(8949);
    for _ in 0..20_000 {
        let message: Vec<u8> = (0..dice.below(40)).map(|_| dice.roll() as u8).collect();
        values.bytes().send(&message).expect("there is room");
        let _ = values.try_recv();
    }
}
