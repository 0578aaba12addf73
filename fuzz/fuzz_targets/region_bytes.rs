//! Arbitrary bytes as a region's file. Whatever they are: no panic, no fault, nothing that takes longer than a second.
//!
//! Raw inputs are the file. Structured ones are a list of changes to a valid region, some before it is opened and some
//! between the operations, as a faulty peer would make them. The file is never truncated while it is mapped.
#![no_main]

use std::fs::File;
use std::hint::black_box;
use std::os::fd::FromRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use ipc_fuzz::element::{Colour, Element};
use ipc_fuzz::ground::ground;
use ipc_fuzz::input::Input;
use ipc_fuzz::seeds;
use ipc_fuzz::stopwatch::timed;
use ipc_posix::{Queue, Region, RegionOptions};
use libfuzzer_sys::fuzz_target;

const BYTES: usize = 16 * 1024;
const PARTICIPANTS: usize = 4;
const OBJECTS: usize = 4;
const RECORDS: usize = 4096;
const DIRECTORY: usize = RECORDS + PARTICIPANTS * 64;
const FIRST_OBJECT: usize = DIRECTORY + OBJECTS * 128;
const LOCK: u64 = 56;
const OWNER: u32 = 0x3ff;
const NO_OWNER: u32 = 0x3ff;

const MOST_CHANGES: usize = 40;
const MOST_STEPS: usize = 60;
const MOST_MESSAGES: usize = 100;

const NAMED: u8 = 1;
const RAW: u8 = 2;
const FLAGS: u8 = 4;

fuzz_target!(
    init: seeds::plant(seeds()),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let mode = input.byte();
        let mut image = image().clone();
        if mode & RAW != 0 {
            // The operations are at the end of the file too, so that the file can be any.
            let file = input.rest();
            image.clear();
            image.extend_from_slice(file);
            input = Input::new(&file[file.len().saturating_sub(64)..]);
        } else {
            if mode & FLAGS != 0 {
                image[12] = input.byte();
            }
            for _ in 0..input.below(MOST_CHANGES) {
                let (offset, bytes) = change(&mut input, |offset| {
                    u64::from_le_bytes(image[offset..offset + 8].try_into().expect("8 bytes"))
                });
                image[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
        }
        let place = Place::new(mode & NAMED != 0, &image);
        examine(&mut input, &place, mode & RAW == 0);
    }
);

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::modes(&[0, NAMED, FLAGS, FLAGS | NAMED]);
    for mode in [RAW, RAW | NAMED] {
        let mut whole = vec![mode];
        whole.extend_from_slice(image());
        seeds.push(whole.clone());
        seeds.push(whole[..5000].to_vec());
        // The least region that there can be: a header, one record, one entry.
        let mut least = vec![0u8; 4096 + 64 + 64 + 128];
        least[..64].copy_from_slice(&image()[..64]);
        let total = least.len() as u64;
        least[24..32].copy_from_slice(&total.to_le_bytes());
        least[32..36].copy_from_slice(&1u32.to_le_bytes());
        least[36..40].copy_from_slice(&1u32.to_le_bytes());
        least.insert(0, mode);
        seeds.push(least);
    }
    seeds
}

fn options() -> RegionOptions {
    Region::options().size(BYTES as u64).participants(PARTICIPANTS as u32).objects(OBJECTS as u32)
}

/// A valid region with three queues and room for one, whose participants were all killed.
fn image() -> &'static Vec<u8> {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let region = options().anonymous().expect("a region in memory");
        let numbers = region.queue::<u64>("numbers").capacity(8).create().expect("room");
        for n in 0..5 {
            numbers.try_send(n).expect("room");
        }
        numbers.try_recv().expect("a message");
        let bytes = region.queue::<[u8; 27]>("bytes").capacity(3).create().expect("room");
        bytes.try_send([1; 27]).expect("room");
        let colours = region.queue::<Colour>("colours").capacity(16).create().expect("room");
        colours.try_send(Colour::Green).expect("room");
        let halves = (numbers.sender(), bytes.receiver(), colours.receiver());
        let file = File::from(region.try_clone_fd().expect("a descriptor"));
        let mut image = vec![0; BYTES];
        file.read_exact_at(&mut image, 0).expect("the whole file");
        for participant in 0..PARTICIPANTS {
            image[RECORDS + 64 * participant] = 1;
        }
        drop(halves);
        image
    })
}

/// One change: where, and what.
fn change(input: &mut Input<'_>, old: impl Fn(usize) -> u64) -> (usize, Vec<u8>) {
    // Where the objects are in the valid region: each has a header, words at 128, 256, 384, sets at 512 and 640, slots.
    const QUEUES: [(usize, usize); 3] = [(0, 16), (768 + 128, 40), (768 + 128 + 768 + 256, 16)];
    let (queue, slot) = input.pick(&QUEUES);
    let queue = FIRST_OBJECT + queue;
    let offset = match input.below(12) {
        0 => 8 * input.below(8),
        1 => RECORDS + 64 * input.below(PARTICIPANTS) + 8 * input.below(4),
        2 | 3 => DIRECTORY + 128 * input.below(OBJECTS) + 8 * input.below(11),
        4 => queue + 8 * input.below(6),
        5 => queue + 128,
        6 => queue + 256,
        7 => queue + 384 + 8 * input.below(3),
        8 => queue + 512 + 8 * input.below(32),
        9 => queue + 768 + slot * input.below(16),
        10 => queue + 768 + 8 * input.below(64),
        _ => usize::from(input.u16()) % (BYTES - 8),
    };
    let offset = offset.min(BYTES - 8);
    if input.below(8) == 0 {
        let bytes = input.take(8).to_vec();
        return (offset, bytes);
    }
    (offset, input.corrupt(old(offset)).to_le_bytes().to_vec())
}

/// The file: with a name in a directory of its own, or a nameless one in memory.
enum Place {
    Named { directory: &'static Path, file: File },
    Memory { file: File },
}

const NAME: &str = "region";

impl Place {
    fn new(named: bool, image: &[u8]) -> Place {
        let place = if named {
            let directory = ground();
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(directory.join(NAME))
                .expect("a file");
            Place::Named { directory, file }
        } else {
            // SAFETY: a NUL-terminated name and a plain flag.
            let fd = unsafe { libc::memfd_create(c"ipc-fuzz".as_ptr(), libc::MFD_CLOEXEC) };
            assert!(fd >= 0, "memfd_create");
            // SAFETY: just made, and nobody else's.
            Place::Memory { file: unsafe { File::from_raw_fd(fd) } }
        };
        place.file().write_all_at(image, 0).expect("room");
        place
    }

    fn file(&self) -> &File {
        match self {
            Place::Named { file, .. } | Place::Memory { file } => file,
        }
    }

    fn word(&self, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        // A short file has no such word.
        let _ = self.file().read_at(&mut bytes, offset as u64);
        u64::from_le_bytes(bytes)
    }

    fn open(&self) -> Option<Region> {
        let result = match self {
            Place::Named { directory, .. } => timed("open", || options().dir(directory).open(NAME)),
            Place::Memory { file } => timed("from_fd", || options().from_fd(file)),
        };
        match result {
            Ok(region) => Some(region),
            Err(error) => {
                black_box((error.to_string(), format!("{error:?}")));
                None
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Named { directory, .. } = self {
            // The region may have been made to remove itself.
            let _ = std::fs::remove_file(directory.join(NAME));
            assert!(std::fs::read_dir(directory).expect("a directory").next().is_none(), "a file was left");
        }
    }
}

fn examine(input: &mut Input<'_>, place: &Place, changes: bool) {
    if let Place::Named { directory, .. } = place {
        match timed("open_read_only", || options().dir(directory).open_read_only(NAME)) {
            Ok(region) => {
                for object in region.list() {
                    black_box((format!("{object:?}"), region.queue_stats(object.name.as_str()).ok()));
                }
                assert!(region.participants().len() <= 1022);
                black_box((region.size(), region.identity(), region.is_orphaned()));
            }
            Err(error) => _ = black_box(error.to_string()),
        }
    }
    let Some(region) = place.open() else { return };
    let second = if input.bit() { place.open() } else { None };
    look(&region);
    let mut queues = Handles::default();
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let region = match &second {
            Some(second) if input.bit() => second,
            _ => &region,
        };
        if changes && input.below(3) == 0 {
            let (offset, bytes) = change(input, |offset| place.word(offset));
            if offset + bytes.len() <= BYTES {
                place.file().write_all_at(&bytes, offset as u64).expect("room");
            }
        }
        match input.below(8) {
            0 => look(region),
            1 => {
                let dead = timed("recover", || region.recover().unwrap());
                assert!(dead < 1022);
            }
            2 => {
                // A lock that the word says a living one holds (ourselves, or the second one) is waited for, for ten
                // seconds: that is meant to be. A number that is nobody's waits too: see the README.
                let word = place.word(LOCK as usize) as u32;
                let owner = word & OWNER;
                let lives = [Some(region), second.as_ref()]
                    .iter()
                    .flatten()
                    .chain([&region])
                    .any(|region| u32::from(region.participant_number()) == owner);
                let taken = lives || owner == NO_OWNER || second.is_some() && owner != 0 && owner <= 4;
                if taken {
                    place.file().write_all_at(&[0; 4], LOCK).expect("room");
                }
                let capacity = 1 + usize::from(input.u16() % 700);
                let made = timed("create", || region.queue::<u32>("new").capacity(capacity).open_or_create());
                match made {
                    Ok(queue) => assert!(queue.len() <= queue.capacity()),
                    Err(error) => _ = black_box(error.to_string()),
                }
            }
            3 | 4 => queues.open(region, input),
            _ => queues.operate(input),
        }
    }
    if input.bit() {
        drop((region, second));
        queues.operate(input);
    }
}

fn look(region: &Region) {
    for object in timed("list", || region.list()) {
        black_box(format!("{object:?}"));
        match region.queue_stats(object.name.as_str()) {
            Ok(stats) => {
                assert!(stats.len <= stats.capacity);
                black_box(format!("{stats:?}"));
            }
            Err(error) => _ = black_box(error.to_string()),
        }
    }
    let participants = timed("participants", || region.participants());
    assert!(participants.len() <= 1022);
    black_box(format!("{participants:?}"));
    assert!(region.free() <= region.size());
    black_box((region.is_orphaned(), region.name().len(), region.path().is_some()));
}

#[derive(Default)]
struct Handles {
    numbers: Vec<Queue<u64>>,
    bytes: Vec<Queue<[u8; 27]>>,
    colours: Vec<Queue<Colour>>,
    flags: Vec<Queue<bool>>,
    nothing: Vec<Queue<()>>,
}

fn open<T: Element>(region: &Region, input: &mut Input<'_>, into: &mut Vec<Queue<T>>) {
    let name = match input.below(8) {
        0..2 => "numbers".to_owned(),
        2..4 => "bytes".to_owned(),
        4..6 => "colours".to_owned(),
        6 => "new".to_owned(),
        which => region.list().get(which % OBJECTS).map_or(String::new(), |info| info.name.to_string()),
    };
    match timed("open", || region.queue::<T>(&name).open()) {
        Ok(queue) => {
            into.truncate(3);
            into.push(queue);
        }
        Err(error) => _ = black_box(error.to_string()),
    }
}

impl Handles {
    fn open(&mut self, region: &Region, input: &mut Input<'_>) {
        match input.below(8) {
            0..3 => open(region, input, &mut self.numbers),
            3 | 4 => open(region, input, &mut self.bytes),
            5 => open(region, input, &mut self.colours),
            6 => open(region, input, &mut self.flags),
            _ => open(region, input, &mut self.nothing),
        }
    }

    fn operate(&self, input: &mut Input<'_>) {
        match input.below(8) {
            0..3 => operate(&self.numbers, input),
            3 | 4 => operate(&self.bytes, input),
            5 => operate(&self.colours, input),
            6 => operate(&self.flags, input),
            _ => operate(&self.nothing, input),
        }
    }
}

fn operate<T: Element>(queues: &[Queue<T>], input: &mut Input<'_>) {
    if queues.is_empty() {
        return;
    }
    let queue = &queues[input.below(queues.len())];
    let value = T::number(input.byte().into());
    let short = if input.bit() { Duration::ZERO } else { Duration::from_micros(200) };
    match input.below(14) {
        0 => _ = black_box(timed("try_send", || queue.try_send(value)).map_err(|error| error.to_string())),
        1 => _ = black_box(timed("try_recv", || queue.try_recv()).map_err(|error| error.to_string())),
        2 => _ = black_box(queue.peek()),
        3 => {
            assert!(queue.len() <= queue.capacity());
            black_box((queue.is_empty(), queue.is_full(), queue.stats()));
        }
        4 => _ = black_box(timed("force_send", || queue.force_send(value)).map_err(|error| error.to_string())),
        5 => _ = black_box((timed("close", || queue.close().unwrap()), queue.is_closed())),
        6 => _ = black_box(timed("recv_timeout", || queue.recv_timeout(short)).map_err(|error| error.to_string())),
        7 => {
            let result = timed("send_timeout", || queue.send_timeout(value, short));
            black_box(result.map_err(|error| error.to_string()).ok());
        }
        8 => _ = black_box(timed("try_iter", || queue.try_iter().take(MOST_MESSAGES).count())),
        9 => {
            let half = queue.sender().expect("no fork");
            black_box(half.clone().is_disconnected());
            black_box(timed("try_send", || half.try_send(value)).ok());
            black_box(timed("send_timeout", || half.send_timeout(value, short)).ok());
        }
        10 => {
            let half = queue.receiver().expect("no fork");
            black_box(half.clone().is_disconnected());
            black_box(timed("try_recv", || half.try_recv()).ok());
            black_box(timed("recv_timeout", || half.recv_timeout(short)).ok());
        }
        11 => {
            for _ in 0..MOST_MESSAGES {
                if queue.try_send(value).is_err() {
                    break;
                }
            }
        }
        12 => {
            let other = queue.clone();
            assert_eq!(other.capacity(), queue.capacity());
            black_box(other.try_recv().ok());
        }
        _ => {
            if queue.is_closed() {
                // Ends without waiting; but a word may say that somebody living is in the way.
                let until = std::time::Instant::now() + short;
                black_box((0..MOST_MESSAGES).take_while(|_| queue.recv_deadline(until).is_ok()).count());
            }
        }
    }
}
