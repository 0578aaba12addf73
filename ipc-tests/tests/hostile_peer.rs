//! Hostile processes among honest ones: one that writes through a mapping of its own over everything that a region holds, and
//! ones that send bits which are no value. The honest ones are several programs, which attach, create, lock and repair in the
//! middle of it, and go on unharmed elsewhere.

#![cfg(not(loom))]

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{
    Fault, ForceSendError, LockTimeoutError, Queue, RecvError, RecvTimeoutError, Region, SendTimeoutError,
    TryLockError, TryRecvError, TrySendError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(240);

const ROLES: &[Role] = &[
    ("scribble", scribble),
    ("work", work),
    ("give", give),
    ("take", take),
    ("spoil", spoil),
    ("subscribe", subscribe),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// The words of a file, mapped as any program could.
fn map(name: &str) -> &'static [AtomicU64] {
    let file = OpenOptions::new().read(true).write(true).open(Path::new("/dev/shm").join(name)).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, shared, file.as_raw_fd(), 0) };
    assert_ne!(start, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    // SAFETY: whole pages that are never unmapped, and that every process reaches by atomics.
    unsafe { std::slice::from_raw_parts(start.cast(), len / 8) }
}

/// Writes words to places that look random until it is told to stop; says how many. Now and then it puts everything back as
/// it was in the beginning, so that there is something to be spoilt again.
fn scribble(args: &Args) {
    static STOP: AtomicBool = AtomicBool::new(false);
    let words = &map(&args.get("name"))[args.number("first") as usize / 8..args.number("end") as usize / 8];
    let before: Vec<u64> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    let mut dice = Dice::new(args.number("seed"));
    children::say("scribbling");
    std::thread::spawn(|| {
        assert_eq!(children::hear(), "stop");
        STOP.store(true, Ordering::Relaxed);
    });
    let mut written = 0_u64;
    while !STOP.load(Ordering::Relaxed) {
        for (word, &before) in words.iter().zip(&before) {
            if word.load(Ordering::Relaxed) != before {
                word.store(before, Ordering::Relaxed);
            }
        }
        for _ in 0..dice.roll() % 64 {
            let place = &words[dice.roll() as usize % words.len()];
            let word = match dice.roll() % 5 {
                0 => 0,
                1 => u64::MAX,
                2 => dice.roll(),
                // What is there, but for one bit.
                3 => place.load(Ordering::Relaxed) ^ 1 << (dice.roll() % 64),
                // Something plausible: a small position, some participant, some state.
                _ => ((dice.roll() % 64) << 12) | (dice.roll() % 16),
            };
            place.store(word, Ordering::Relaxed);
            written += 1;
            // The honest ones get on between two lies as well.
            for _ in 0..dice.roll() % 128 {
                std::hint::spin_loop();
            }
        }
    }
    children::say(&written.to_string());
}

type Message = [u64; 3];

/// What became of the calls.
#[derive(Default)]
struct Tally {
    done: u64,
    refused: u64,
    corrupted: u64,
}

impl Tally {
    /// Any result will do. A fault is one that the library found out.
    fn count<T, E>(&mut self, result: Result<T, E>, is_fault: impl Fn(&E) -> bool) {
        match result {
            Ok(_) => self.done += 1,
            Err(error) if is_fault(&error) => self.corrupted += 1,
            Err(_) => self.refused += 1,
        }
    }
}

const SOON: Duration = Duration::from_micros(300);
const PATIENCE: Duration = Duration::from_secs(5);

fn send_and_receive(queue: &Queue<Message>, round: u64, tally: &mut Tally) {
    tally.count(queue.try_send([round; 3]), |error| matches!(error, TrySendError::Fault(..)));
    tally.count(queue.try_recv(), |error| matches!(error, TryRecvError::Fault(_)));
    tally.count(queue.send_timeout([round; 3], SOON), |error| matches!(error, SendTimeoutError::Fault(..)));
    tally.count(queue.recv_timeout(SOON), |error| matches!(error, RecvTimeoutError::Fault(_)));
    tally.count(queue.force_send([round; 3]), |error| matches!(error, ForceSendError::Fault(..)));
    tally.count(queue.peek().ok_or(()), |()| false);
    assert!(queue.len() <= queue.capacity() && queue.capacity() == 16, "sizes are private");
    let _ = (queue.is_closed(), queue.stats());
}

/// Halves check who lives before they sleep.
fn with_halves(queue: &Queue<Message>, round: u64, tally: &mut Tally) {
    let (sender, receiver) = (queue.sender().unwrap(), queue.receiver().unwrap());
    tally.count(sender.send_timeout([round; 3], SOON), |error| matches!(error, SendTimeoutError::Fault(..)));
    tally.count(receiver.recv_timeout(SOON), |error| matches!(error, RecvTimeoutError::Fault(_)));
    let _ = (sender.is_disconnected(), receiver.is_disconnected());
}

fn lock(region: &Region, tally: &mut Tally) {
    let Ok(mutex) = region.mutex::<[u64; 4]>("m").open() else { return };
    // Nobody looks through a guard here: that is what asks for peers that keep to the lock.
    tally.count(mutex.try_lock().map(drop), |error| matches!(error, TryLockError::Fault(_)));
    tally.count(mutex.lock_timeout(SOON).map(drop), |error| matches!(error, LockTimeoutError::Fault(_)));
    if let Ok(mut change) = mutex.lock_transaction_timeout(SOON) {
        change[0] = change[0].wrapping_add(1);
        change.commit().unwrap();
    };
}

fn look_and_repair(region: &Region, round: u64, tally: &mut Tally) {
    let _ = (region.participants(), region.free(), region.list(), region.recover().unwrap());
    tally.count(region.queue_stats("q"), |_| true);
    tally.count(region.queue::<Message>("q").open(), |_| true);
    tally.count(region.queue::<u64>("q").open(), |_| false);
    // Names come to an end as the room does: mostly an error.
    tally.count(region.queue::<u64>(&format!("new-{round}")).capacity(2).create(), |_| false);
}

/// Does everything that the library can do, in a region that is written over meanwhile.
fn work(args: &Args) {
    let (name, rounds) = (args.get("name"), args.number("rounds"));
    let region = Region::open(&name).unwrap();
    let queue = region.queue::<Message>("q").open().unwrap();
    children::say("working");
    assert_eq!(children::hear(), "go");
    let mut tally = Tally::default();
    for round in 0..rounds {
        send_and_receive(&queue, round, &mut tally);
        if round.is_multiple_of(16) {
            with_halves(&queue, round, &mut tally);
            lock(&region, &mut tally);
        }
        // Not each time: a creator of an object may have to wait for a lock whose word is a lie.
        if round.is_multiple_of(64) {
            look_and_repair(&region, round, &mut tally);
            // And as a newcomer, which has not read the header yet.
            tally.count(Region::open(&name), |_| true);
        }
    }
    drop((queue, region));
    children::say(&format!("{} {} {}", tally.done, tally.refused, tally.corrupted));
    // Somewhere else everything is as it should be.
    let elsewhere = Region::open(&args.get("elsewhere")).unwrap();
    let (there, back) =
        (elsewhere.queue::<u64>("there").open().unwrap(), elsewhere.queue::<u64>("back").open().unwrap());
    while let Ok(number) = there.recv() {
        back.send(number + 1).unwrap();
    }
}

/// Two honest processes work while a third one writes over these bytes of the region. They get through all their calls, and are
/// as well afterwards as before.
fn endure(bytes: impl Fn(&Region) -> Range<u64>, seed: u64, rounds: u64) {
    let (name, elsewhere) = (TempName::new("hostile"), TempName::new("elsewhere"));
    let region = Region::options().size(1 << 16).participants(8).objects(16).create(name.as_str()).unwrap();
    region.queue::<Message>("q").capacity(16).create().unwrap();
    region.mutex::<[u64; 4]>("m").create().unwrap();
    let sane = Region::create(elsewhere.as_str()).unwrap();
    let (there, back) = (
        sane.queue::<u64>("there").capacity(4).create().unwrap(),
        sane.queue::<u64>("back").capacity(4).create().unwrap(),
    );

    let rounds = rounds.to_string();
    let args = [("name", name.as_str()), ("elsewhere", elsewhere.as_str()), ("rounds", &rounds)];
    let mut workers = [(); 2].map(|()| children::spawn("work", &args));
    workers.iter_mut().for_each(|worker| worker.expect("working"));
    let (bytes, seed) = (bytes(&region), seed.to_string());
    let (first, end) = (bytes.start.to_string(), bytes.end.to_string());
    let args = [("name", name.as_str()), ("first", &first), ("end", &end), ("seed", &seed)];
    let mut scribbler = children::spawn("scribble", &args);
    scribbler.expect("scribbling");
    workers.iter_mut().for_each(|worker| worker.say("go"));
    let tallies = workers.each_mut().map(|worker| worker.hear());
    scribbler.say("stop");
    let written: u64 = scribbler.hear().parse().unwrap();
    println!("seed {seed}: {written} words; done, refused, corrupted: {tallies:?}");
    assert!(written > 1000, "the scribbler scribbled: {written}");
    let corrupted = tallies.iter().map(|tally| tally.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>();
    assert!(corrupted > 0, "and was noticed: {tallies:?}");

    for number in 0..100 {
        there.send(number).unwrap();
        assert_eq!(back.recv(), Ok(number + 1));
    }
    there.close().unwrap();
    for mut worker in workers {
        assert!(worker.wait().success(), "no panic, no signal");
    }
}

/// From the first object to the end of the last one.
fn objects(region: &Region) -> Range<u64> {
    let objects = region.list();
    objects[0].offset..objects.last().map(|last| last.offset + last.length).unwrap()
}

/// Everything in the region's objects is written over, their headers too. Every call of the honest ones comes back.
#[test]
fn objects_under_a_scribbler() {
    let _watchdog = Watchdog::new(LIMIT, "objects_under_a_scribbler");
    for seed in [0x2545_f491_4f6c_dd1d, 0x9e37_79b9_7f4a_7c15, 0xdead_beef] {
        endure(objects, seed, 40_000);
    }
}

/// All of it is written over: the header with the region's lock, the participants, the directory.
#[test]
fn a_whole_region_under_a_scribbler() {
    let _watchdog = Watchdog::new(LIMIT, "a_whole_region_under_a_scribbler");
    for seed in [1, 0x1234_5678_9abc_def1] {
        endure(|region| 0..region.size(), seed, 40_000);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, NoUninit, CheckedBitPattern)]
#[repr(u8)]
enum Colour {
    Red = 1,
    Green = 2,
    Blue = 4,
}

/// A kind of message with bits that are none.
trait Picky: NoUninit + CheckedBitPattern + PartialEq + Debug {
    /// The whole numbers of the same size: to the region they look alike.
    type Number: NoUninit + CheckedBitPattern;
    const GOOD: [Self; 3];
    const BAD: &'static [Self::Number];
    fn word(number: Self::Number) -> u64;
}

macro_rules! picky {
    ($picky:ty, $number:ty, $good:expr, $bad:expr) => {
        impl Picky for $picky {
            type Number = $number;
            const GOOD: [Self; 3] = $good;
            const BAD: &'static [$number] = &$bad;
            fn word(number: $number) -> u64 {
                number.into()
            }
        }
    };
}

picky!(bool, u8, [true, false, true], [2, 0x80, 0xff]);
picky!(char, u32, ['\0', 'ä', '\u{10ffff}'], [0xd800, 0xdfff, 0x11_0000, u32::MAX]);
picky!(Colour, u8, [Colour::Red, Colour::Blue, Colour::Green], [0, 3, 0xff]);

/// Calls the generic function for the kind of message that the argument `kind` names.
macro_rules! for_kind {
    ($args:ident, $function:ident) => {
        match $args.get("kind").as_str() {
            "bool" => $function::<bool>($args),
            "char" => $function::<char>($args),
            "colour" => $function::<Colour>($args),
            kind => panic!("{kind}"),
        }
    };
}

fn open<T: bytemuck::NoUninit + bytemuck::CheckedBitPattern>(args: &Args) -> Queue<T> {
    Region::open(&args.get("name")).unwrap().queue("q").any_type().open().unwrap()
}

fn give(args: &Args) {
    for_kind!(args, give_all);
}

/// An honest sender of three messages.
fn give_all<T: Picky>(args: &Args) {
    let queue = open::<T>(args);
    T::GOOD.into_iter().for_each(|message| queue.send(message).unwrap());
}

fn spoil(args: &Args) {
    for_kind!(args, spoil_one);
}

/// Puts bits that are no message after three that are: as a peer that takes the queue for one of numbers, or through a mapping
/// of its own over the second of the three.
fn spoil_one<T: Picky>(args: &Args) {
    let bad = T::BAD[args.number("bad") as usize];
    match args.get("way").as_str() {
        "as numbers" => open::<T::Number>(args).send(bad).unwrap(),
        // See ipc-core's layout of a queue: the slots start at 768, a stamp and one word each.
        "in place" => map(&args.get("name"))[(args.number("object") as usize + 768 + 16 + 8) / 8]
            .store(T::word(bad), Ordering::Relaxed),
        way => panic!("{way}"),
    }
    children::say("spoilt");
}

fn take(args: &Args) {
    for_kind!(args, take_all);
}

/// Says what it receives until the queue is drained, each message by another kind of call.
fn take_all<T: Picky>(args: &Args) {
    let queue = open::<T>(args);
    for call in args.number("call").. {
        let received = match call % 4 {
            0 => queue.recv(),
            1 => queue.recv_timeout(Duration::from_secs(60)).map_err(|error| match error {
                RecvTimeoutError::Fault(fault) => RecvError::Fault(fault),
                error => panic!("{error}"),
            }),
            2 => queue.try_recv().map_err(|error| match error {
                TryRecvError::Fault(fault) => RecvError::Fault(fault),
                error => panic!("{error}"),
            }),
            _ => {
                let mut one = Vec::new();
                queue.recv_many(&mut one, 1).map(|_| one[0])
            }
        };
        children::say(&format!("{received:?}"));
        if queue.is_empty() {
            return;
        }
    }
}

fn said<T: Debug>(message: T) -> String {
    format!("{:?}", Ok::<_, RecvError>(message))
}

/// Three programs: one sends, one spoils, one receives.
fn spoilt_between_processes<T: Picky>(kind: &str) {
    let fault = format!("{:?}", Err::<(), _>(RecvError::Fault(Fault::InvalidValue)));
    for bad in 0..T::BAD.len() {
        for way in ["as numbers", "in place"] {
            let name = TempName::new("picky");
            let region = Region::create(name.as_str()).unwrap();
            let queue = region.queue::<T>("q").capacity(4).create().unwrap();
            let (number, object) = (bad.to_string(), region.list()[0].offset.to_string());
            let args = [
                ("name", name.as_str()),
                ("kind", kind),
                ("way", way),
                ("bad", &number),
                ("object", &object),
                ("call", &number),
            ];
            assert!(children::spawn("give", &args).wait().success());
            children::spawn("spoil", &args).expect("spoilt");
            let mut expected = T::GOOD.map(said).to_vec();
            match way {
                "as numbers" => {
                    // What comes behind the bad one is well.
                    expected.push(fault.clone());
                    assert!(queue.is_full());
                }
                _ => expected[1] = fault.clone(),
            }
            let mut taker = children::spawn("take", &args);
            for line in &expected {
                taker.expect(line);
            }
            assert!(taker.wait().success());
            // And it goes on.
            assert!(children::spawn("give", &args).wait().success());
            assert_eq!(T::GOOD.map(|_| queue.recv()), T::GOOD.map(Ok));
            assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
        }
    }
}

/// A bool of 2 costs its receiver one error, whichever process put it there and whichever call receives it.
#[test]
fn bits_that_are_no_value_between_processes() {
    let _watchdog = Watchdog::new(LIMIT, "bits_that_are_no_value_between_processes");
    spoilt_between_processes::<bool>("bool");
    spoilt_between_processes::<char>("char");
    spoilt_between_processes::<Colour>("colour");
}

/// Numbers instead of bools are refused, by the name of the type, and without it by a schema number.
#[test]
fn a_schema_tells_bools_from_numbers() {
    let region = Region::options().anonymous().unwrap();
    region.queue::<bool>("q").capacity(4).schema(7).create().unwrap();
    let error = region.queue::<u8>("q").schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "queue \"q\": type u8 here, bool in the region");
    let error = region.queue::<u8>("q").any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "queue \"q\": schema 0 here, 7 in the region");
    assert!(region.queue::<bool>("q").schema(7).open().is_ok());
}

fn subscribe(args: &Args) {
    let broadcast = Region::open(&args.get("name")).unwrap().broadcast::<u64>("b").open().unwrap();
    let _subscriber = broadcast.subscribe().unwrap();
    children::say("subscribed");
    let _ = children::hear();
}

/// A subscriber is killed, and the word that says whose its cursor is has a bit more than that. Its publisher gets past it.
#[test]
fn a_damaged_cursor_of_a_killed_subscriber_keeps_nobody_waiting() {
    let _watchdog = Watchdog::new(LIMIT, "a_damaged_cursor_of_a_killed_subscriber_keeps_nobody_waiting");
    let name = TempName::new("cursor");
    let region = Region::create(name.as_str()).unwrap();
    let broadcast = region.broadcast::<u64>("b").capacity(2).wait_for_subscribers(1).create().unwrap();
    let mut subscriber = children::spawn("subscribe", &[("name", name.as_str())]);
    subscriber.expect("subscribed");
    for number in 0..2 {
        broadcast.try_publish(number).unwrap();
    }
    subscriber.sigkill();
    // See ipc-core's layout of a broadcast: the cursors start at 512, a position and its owner.
    let owner = &map(name.as_str())[(region.list()[0].offset as usize + 512 + 8) / 8];
    assert_eq!(owner.fetch_or(1 << 20, Ordering::Relaxed) as u32, 2, "the second participant");
    assert_eq!(broadcast.publish_timeout(2, PATIENCE), Ok(2));
}

/// A length that is longer than the room for a value is an error, in either of an entry's two places for it.
#[test]
fn damaged_lengths_of_values_are_errors() {
    const DAMAGED: u64 = 25;
    let name = TempName::new("lengths");
    let region = Region::create(name.as_str()).unwrap();
    let byte_map = region.byte_map("m").capacity(1).max_key(3).max_value(20).create().unwrap();
    byte_map.insert("key", [1; 17]).unwrap();
    for len in [17, 19] {
        byte_map.update("key", |value| *value = vec![2; len]).unwrap();
        assert_eq!(byte_map.get_vec("key").unwrap(), Some(vec![2; len]));
        let object = region.list()[0];
        let cells = &map(name.as_str())[object.offset as usize / 8..(object.offset + object.length) as usize / 8];
        let places: Vec<_> = cells.iter().filter(|cell| cell.load(Ordering::Relaxed) == len as u64).collect();
        assert!((1..=2).contains(&places.len()));
        places.iter().for_each(|cell| cell.store(DAMAGED, Ordering::Relaxed));
        assert_eq!(byte_map.get_vec("key"), Err(Fault::Corrupted));
        assert_eq!(byte_map.iter().count(), 0);
        places.iter().for_each(|cell| cell.store(len as u64, Ordering::Relaxed));
    }
}
