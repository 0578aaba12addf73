//! A queue, or a whole region, in memory whose words a faulty peer changes between (not during) operations.
//!
//! No operation may panic, loop without end, touch memory outside, or leave a participant seized. Whatever it answers
//! is right, as long as the figures stay within the private geometry.
#![no_main]

use std::hint::black_box;
use std::time::Duration;

use ipc_core::Instant;
use ipc_core::error::Fault;
use ipc_core::memory::Memory;
use ipc_core::object::{self, Blueprint};
use ipc_core::participant::{Dead, ParticipantId};
use ipc_core::platform::{Platform, SpinPlatform};
use ipc_core::queue::{self, Options, Queue};
use ipc_core::region::{Flags, Geometry, Name, RegionView};
use ipc_core::ring::stride;
use ipc_core::time::Timestamp;
use ipc_fuzz::element::{Colour, Element};
use ipc_fuzz::input::Input;
use ipc_fuzz::memory::OwnMemory;
use ipc_fuzz::seeds;
use ipc_fuzz::stopwatch::timed;
use ipc_fuzz::world::{Seat, Spinning, World};
use libfuzzer_sys::fuzz_target;

const MOST_STEPS: usize = 300;
/// Where the queue's words are, besides header and slots: see `ipc_core::queue::layout`.
const TAIL: usize = 128;
const HEAD: usize = 256;
const GATES: usize = 384;
const SETS: usize = 512;
const SLOTS: usize = 768;

fuzz_target!(
    init: seeds::plant(seeds::modes(&(0..16).collect::<Vec<u8>>())),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let mode = input.byte();
        match mode & 7 {
            0 => one_queue::<u64>(&mut input),
            1 => one_queue::<u8>(&mut input),
            2 => one_queue::<bool>(&mut input),
            3 => one_queue::<[u8; 27]>(&mut input),
            4 => one_queue::<Colour>(&mut input),
            5 => one_queue::<()>(&mut input),
            _ => region(&mut input),
        }
    }
);

fn id(number: u16) -> ParticipantId {
    ParticipantId::new(number).expect("a participant's number")
}

fn one_queue<T: Element>(input: &mut Input<'_>) {
    let capacity = input.pick(&[1u64, 2, 3, 4, 5, 8, 16, 33]);
    let start = start(input);
    let memory = OwnMemory::new(Queue::<T, Seat<'_>>::footprint(capacity as usize).bytes());
    let world = World::default();
    world.spins.set(input.bit());
    world.wakes.set(input.bit());
    let mut wanted = Options::<T>::new(capacity);
    (wanted.schema, wanted.start) = (7.into(), start);
    // SAFETY: new memory.
    let first = unsafe { wanted.create(memory.memory(), Seat { world: &world, me: id(1) }) }.expect("large enough");
    let second = wanted.attach(memory.memory(), Seat { world: &world, me: id(2) }).expect("complete");
    let spinning = Spinning { world: &world, inner: SpinPlatform::new(3) };
    let spinning = wanted.attach(memory.memory(), &spinning).expect("complete");
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        match input.below(4) {
            0 => corrupt_queue::<T>(input, &memory, 0),
            1 => step(input, &world, &first, &memory, capacity),
            2 => step(input, &world, &second, &memory, capacity),
            _ => step(input, &world, &spinning, &memory, capacity),
        }
        if input.below(16) == 0 {
            attach::<T>(memory.memory(), &world);
        }
    }
}

/// Any position, preferably at one of the two seams.
fn start(input: &mut Input<'_>) -> u64 {
    match input.below(4) {
        0 => 0,
        1 => (1 << 52) - 1 - input.below(40) as u64,
        2 => (1 << 51) - 20 + input.below(40) as u64,
        _ => input.u64() >> 12,
    }
}

/// Changes one word of the queue at `base`.
fn corrupt_queue<T>(input: &mut Input<'_>, memory: &OwnMemory, base: usize) {
    let slot = stride::<T>() * 8;
    let offset = match input.below(8) {
        0 => TAIL,
        1 => HEAD,
        2 => GATES + 8 * input.below(5),
        3 => SETS + 8 * input.below(32),
        4 | 5 => SLOTS + slot * input.below(64),
        6 => SLOTS + 8 * input.below(256),
        _ => 8 * input.below(64),
    };
    let offset = base + offset;
    if offset + 8 <= memory.len() {
        memory.change(offset, |old| input.corrupt(old));
    }
}

fn attach<T: Element>(memory: Memory<'_>, world: &World) {
    world.begin();
    let mut wanted = Options::<T>::new(0);
    wanted.schema = 7.into();
    if let Ok(queue) = wanted.attach(memory, Seat { world, me: id(4) }) {
        check(&queue);
        black_box(timed("try_recv", || queue.try_recv()).ok());
    }
    black_box(queue::stats(memory).map_err(|error| error.to_string()).ok());
    sweep(memory, world, 9);
}

/// Repairs after this participant, which is dead from now on.
fn sweep(memory: Memory<'_>, world: &World, who: u16) {
    world.set_dead(id(who), true);
    // SAFETY: nobody makes a step as this participant any more.
    black_box(object::sweep(memory, &unsafe { Dead::on_evidence(id(who)) }, &Seat { world, me: id(4) }).is_ok());
}

fn check<T: Element, P: Platform>(queue: &Queue<'_, T, P>) {
    let capacity = queue.capacity();
    assert!(queue.len() <= capacity);
    assert_eq!(queue.is_empty(), queue.len() == 0);
    assert_eq!(queue.is_full(), queue.len() == capacity);
    let stats = queue.stats();
    assert!(stats.len <= stats.capacity && stats.sent < 1 << 52 && stats.received < 1 << 52);
    black_box(format!("{stats:?}"));
}

/// One operation on one handle.
fn step<T: Element, P>(input: &mut Input<'_>, world: &World, queue: &Queue<'_, T, P>, memory: &OwnMemory, capacity: u64)
where
    P: Platform<Deadline = Instant> + Clone,
{
    world.begin();
    assert_eq!(queue.capacity() as u64, capacity, "the geometry is private");
    let now = world.now();
    let soon = now.saturating_add(Duration::from_micros(300));
    let deadline = if input.bit() { now } else { soon };
    let watch = input.bit();
    let value = T::number(input.byte().into());
    let is_known = |fault: Fault| matches!(fault, Fault::Corrupted | Fault::InvalidValue);
    match input.below(16) {
        0 | 1 => {
            if let Err(error) = timed("try_send", || queue.try_send(value)) {
                black_box(error.to_string());
                assert_eq!(error.into_inner(), value);
            }
        }
        2 | 3 => {
            if let Err(error) = timed("try_recv", || queue.try_recv()) {
                black_box(error.to_string());
                if let ipc_core::error::TryRecvError::Fault(fault) = error {
                    assert!(is_known(fault));
                }
            }
        }
        4 => {
            if let Err(error) = timed("force_send", || queue.force_send(value)) {
                black_box(error.to_string());
                assert_eq!(error.into_inner(), value);
            }
        }
        5 => _ = black_box(queue.peek()),
        6 | 7 => {
            let result = timed("recv", || {
                if watch {
                    queue.receiver().expect("no fork").recv_deadline(deadline)
                } else {
                    queue.recv_deadline(deadline)
                }
            });
            black_box(result.map_err(|error| error.to_string()).ok());
        }
        8 | 9 => {
            let result = timed("send", || {
                if watch {
                    queue.sender().expect("no fork").send_deadline(value, deadline)
                } else {
                    queue.send_deadline(value, deadline)
                }
            });
            if let Err(error) = result {
                black_box(error.to_string());
                assert_eq!(error.into_inner(), value);
            }
        }
        10 => {
            if input.below(4) == 0 {
                timed("close", || queue.close().unwrap());
            }
        }
        11 => _ = black_box(queue.is_closed()),
        12 => {
            let (sender, receiver) = (queue.sender().expect("no fork"), queue.receiver().expect("no fork"));
            black_box((sender.is_disconnected(), receiver.is_disconnected(), sender.try_send(value).is_ok()));
            if watch {
                std::mem::forget(sender);
            }
        }
        13 => {
            let (sender, receiver) = (queue.sender().expect("no fork"), queue.receiver().expect("no fork"));
            drop(sender);
            black_box(receiver.try_recv().is_ok());
        }
        14 => {
            let who = input.pick(&[1u16, 2, 3, 5, 63, 64, 127, 1022]);
            // A participant that is dead for some and swept by others, or comes back: also what a liar does.
            world.set_dead(id(who), input.bit());
        }
        _ => {
            let who = input.pick(&[5u16, 63, 64, 127, 1022]);
            timed("sweep", || sweep(memory.memory(), world, who));
        }
    }
    check(queue);
    world.begin();
}

/// A region with a few queues, all of whose words may change.
fn region(input: &mut Input<'_>) {
    const BYTES: u64 = 12 * 1024;
    let geometry = Geometry::new(BYTES, 4, 4).expect("a possible region");
    let memory = OwnMemory::new(BYTES);
    let world = World::default();
    let me = Seat { world: &world, me: id(1) };
    // SAFETY: new, zeroed memory.
    let view = unsafe { RegionView::initialise(memory.memory(), geometry, 1, Flags::empty()) }.expect("fits");
    for (name, number) in [("a", 0u64), ("b", 1)] {
        make::<u64>(&view, &me, name, 8).expect("fits").try_send(number).expect("empty");
    }
    make::<bool>(&view, &me, "c", 3).expect("fits");
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        world.begin();
        let name = input.pick(&["a", "b", "c", "d", "e"]);
        match input.below(10) {
            0..4 => corrupt_region(input, &memory, &geometry),
            4 => _ = black_box(RegionView::attach(memory.memory()).map_err(|error| error.to_string())),
            5 => {
                let infos: Vec<_> = view.directory().list().collect();
                assert!(infos.len() <= 4);
                black_box(format!("{infos:?}"));
                assert!(view.directory().free() <= BYTES - geometry.objects_offset());
            }
            6 => {
                let who = input.pick(&[2u16, 3, 4, 1022]);
                world.set_dead(id(who), true);
                // SAFETY: nobody makes a step as this participant any more.
                timed("sweep", || view.sweep(&unsafe { Dead::on_evidence(id(who)) }, &me));
            }
            7 => {
                if input.bit() {
                    _ = black_box(make::<u64>(&view, &me, name, 1 + input.below(9) as u64).map(|queue| queue.len()));
                } else {
                    _ = black_box(make::<[u8; 9]>(&view, &me, name, input.u64() >> input.below(64)).map(|q| q.len()));
                }
            }
            8 => {
                for record in view.records() {
                    black_box(record.info());
                }
                view.records()[0].join(1, 2, Timestamp::now(&me));
            }
            _ => {
                let name = Name::new(name).expect("a name");
                if let Ok(Some(memory)) = view.directory().find(&name) {
                    attach::<u64>(memory, &world);
                    attach::<bool>(memory, &world);
                }
            }
        }
    }
    world.begin();
}

fn make<'m, 'w, T: Element>(
    view: &RegionView<'m>,
    me: &Seat<'w>,
    name: &str,
    capacity: u64,
) -> Result<Queue<'m, T, Seat<'w>>, String> {
    let deadline = me.world.after(Duration::from_millis(50));
    let lock = timed("lock", || view.lock().lock_until(me, deadline)).map_err(|error| error.to_string())?;
    let name = Name::new(name).expect("a name");
    let found = view.directory().find(&name).map_err(|error| error.to_string())?;
    if found.is_some() {
        return Err("there".into());
    }
    let mut wanted = Options::<T>::new(capacity);
    wanted.schema = 7.into();
    let bytes = wanted.bytes().map_err(|error| error.to_string())?;
    // SAFETY: under the region's lock, and not in the directory yet.
    let made = unsafe { view.directory().insert(&name, bytes, me, |memory| wanted.create(memory, *me)) }
        .map_err(|error| error.to_string());
    drop(lock);
    made
}

fn corrupt_region(input: &mut Input<'_>, memory: &OwnMemory, geometry: &Geometry) {
    let objects = geometry.objects_offset() as usize;
    let directory = objects - 4 * 128;
    let offset = match input.below(5) {
        0 => 8 * input.below(8),
        1 => directory + 8 * input.below(64),
        // State and length of the name, offset, length.
        2 => directory + 128 * input.below(4) + 8 * input.below(3),
        3 => {
            // Where the first queues are.
            let base = objects + input.pick(&[0, 1024, 2048, 896, 1792]);
            return corrupt_queue::<u64>(input, memory, base);
        }
        _ => usize::from(input.u16()) / 8 * 8,
    };
    if offset + 8 <= memory.len() {
        memory.change(offset, |old| input.corrupt(old));
    }
}
