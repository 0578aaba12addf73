//! A living process that is stopped while it repairs after a dead one, or that only reads the file and locks it, keeps nobody.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use ipc_posix::{
    Barrier, BarrierTimeoutError, Broadcast, ByteQueue, LoanQueue, LockTimeoutError, Mutex, OnceCell, Queue,
    RecvBroadcastTimeoutError, RecvBytesTimeoutError, RecvTimeoutError, Region, RegionErrorKind, RwLock, Semaphore,
    Spsc, Watch, WriteError, WriteTimeoutError,
};
use ipc_tests::children::TempName;
use ipc_tests::stepper::{self, StepOutcome, Victim};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(300);
/// Instructions between two points at which a repair is stopped: coprime to the lengths of its loops.
const STRIDE: usize = 31;
/// Far longer than a survivor needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a dead process can leave in its survivors' way.
struct Objects {
    region: Region,
    mutex: Mutex<u64>,
    permit: Semaphore,
    rwlock: RwLock<u64>,
    barrier: Barrier,
    queue: Queue<u64>,
    blocks: LoanQueue<u64>,
    spsc: Spsc<u64>,
}

impl Objects {
    fn create(name: &str, participants: u32) -> Self {
        Self::of(Region::options().participants(participants).create(name).expect("a region"))
    }

    fn open(name: &str) -> Self {
        Self::of(Region::open(name).expect("the region is there"))
    }

    fn of(region: Region) -> Self {
        Objects {
            mutex: region.mutex("mutex").open_or_create().expect("a mutex"),
            permit: region.semaphore("permit").permits(1).open_or_create().expect("a semaphore"),
            rwlock: region.rwlock("rwlock").open_or_create().expect("a lock"),
            barrier: region.barrier("barrier").parties(2).open_or_create().expect("a barrier"),
            queue: region.queue("queue").capacity(2).open_or_create().expect("a queue"),
            blocks: region.loan_queue("blocks").blocks(1).block_len(1).open_or_create().expect("a loan queue"),
            spsc: region.spsc("spsc").capacity(2).open_or_create().expect("an spsc queue"),
            region,
        }
    }

    /// Takes something of each.
    fn take(&self) {
        std::mem::forget(self.mutex.lock().expect("it is free"));
        std::mem::forget(self.permit.try_acquire().expect("it is free"));
        std::mem::forget(self.rwlock.read().expect("it is free"));
        self.barrier.join().expect("a seat is free");
        std::mem::forget(self.blocks.try_loan(1).expect("it is free"));
        std::mem::forget(self.spsc.producer().expect("it is free"));
        std::mem::forget(self.queue.sender().expect("our own handle"));
    }
}

/// A process takes something of each object and dies. If `send` says after how many instructions: in the middle of a send besides.
fn leave_a_dead_one(name: &str, send: Option<u64>) {
    let mut dead = Victim::fork(|gate| {
        let objects = Objects::open(name);
        objects.take();
        gate.begin();
        let _ = std::hint::black_box(objects.queue.try_send(0));
        gate.end();
        std::mem::forget(objects);
    });
    dead.run_to_begin().expect("it takes all");
    if let Some(instructions) = send {
        assert_eq!(dead.step(instructions).expect("it goes on"), StepOutcome::Stepped);
    }
    dead.kill();
}

/// After how many instructions a sender has a ticket and no message: in the middle of those.
fn instructions_to_a_ticket() -> u64 {
    let name = TempName::new("ticket");
    let queue = Objects::create(name.as_str(), 8).queue;
    let busy: Vec<u64> = (1..)
        .map_while(|instructions| {
            let mut sender = Victim::fork(|gate| {
                let queue = Objects::open(name.as_str()).queue;
                gate.begin();
                let _ = std::hint::black_box(queue.try_send(0));
                gate.end();
            });
            sender.run_to_begin().expect("it begins");
            let stepped = matches!(sender.step(instructions).expect("it goes on"), StepOutcome::Stepped);
            let busy = queue.len() == 1 && queue.try_recv().is_err();
            sender.kill();
            while !queue.is_empty() {
                let _ = queue.recv_timeout(Duration::from_millis(1));
            }
            stepped.then_some((instructions, busy))
        })
        .filter_map(|(instructions, busy)| busy.then_some(instructions))
        .collect();
    busy[busy.len() / 2]
}

/// A survivor gets all that the dead one had, and calls `meanwhile` while it has it.
fn use_all(objects: &Objects, meanwhile: impl FnOnce()) {
    let Objects { mutex, permit, rwlock, barrier, queue, blocks, spsc, .. } = objects;
    let mut guard = match mutex.lock_timeout(PATIENCE) {
        Err(LockTimeoutError::OwnerDied(guard)) => guard,
        other => panic!("of a dead holder: {:?}", other.map(drop).map_err(|error| error.to_string())),
    };
    guard.mark_consistent().expect("we hold it");
    let held = permit.acquire_timeout(PATIENCE).expect("the permit comes back");
    let written = rwlock.write_timeout(PATIENCE).expect("the dead reader is gone");
    assert!(matches!(barrier.wait_timeout(PATIENCE), Err(BarrierTimeoutError::Broken)));
    barrier.reset().expect("our own handle");
    let block = blocks.loan_timeout(1, PATIENCE).expect("the block comes back");
    let producer = spsc.producer().expect("the role comes back");
    // Laps of the ring.
    for n in 1..=6 {
        queue.send_timeout(n, PATIENCE).expect("there is room");
        while queue.recv_timeout(PATIENCE).expect("our message comes") != n {}
    }
    queue.send_timeout(7, PATIENCE).expect("there is room");
    *guard = 1;
    meanwhile();
    assert_eq!(*guard, 1);
    assert_eq!(queue.recv_timeout(PATIENCE), Ok(7));
    assert!(queue.is_empty());
    assert!(permit.try_acquire().is_err(), "we have the permit");
    assert!(rwlock.try_read().is_err(), "we have the lock");
    assert!(mutex.try_lock().is_err(), "we have the mutex");
    assert!(blocks.try_loan(1).is_err(), "we have the block");
    assert!(!barrier.is_broken(), "it was reset");
    // The dead one was the only counted sender.
    let receiver = queue.receiver().expect("our own handle");
    assert_eq!(receiver.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    *guard = 0;
    drop((guard, held, written, block, producer));
    assert_eq!(permit.available(), 1);
    assert_eq!(blocks.free_blocks(), 1);
}

/// What a process can be killed in the middle of: a message of bytes, in the making of a once cell's value, in a change of a
/// watch, with a subscription that publishers wait for.
struct Writings {
    region: Region,
    watch: Watch<u64>,
    once: OnceCell<u64>,
    bytes: ByteQueue,
    broadcast: Broadcast<u64>,
}

/// Why a once cell got no value.
#[derive(Debug)]
struct Unset;

impl From<WriteError> for Unset {
    fn from(error: WriteError) -> Self {
        panic!("{error}")
    }
}

impl From<WriteTimeoutError> for Unset {
    fn from(error: WriteTimeoutError) -> Self {
        panic!("{error}")
    }
}

impl Writings {
    fn of(region: Region) -> Self {
        Writings {
            watch: region.watch("watch").initial(0).open_or_create().expect("a watch"),
            once: region.once_cell("once").open_or_create().expect("a cell"),
            bytes: region.byte_queue("bytes").capacity(64).open_or_create().expect("a byte queue"),
            broadcast: region
                .broadcast("broadcast")
                .capacity(2)
                .wait_for_subscribers(2)
                .open_or_create()
                .expect("a broadcast"),
            region,
        }
    }

    fn open(name: &str) -> Self {
        Self::of(Region::open(name).expect("the region is there"))
    }

    /// A process is in the middle of all of it and dies, after `instructions` of the sending of bytes. Returns whether it was
    /// still sending.
    fn leave_a_dead_one(name: &str, instructions: u64) -> bool {
        let mut dead = Victim::fork(|gate| {
            let Writings { watch, once, bytes, broadcast, region: _region } = Self::open(name);
            std::mem::forget(bytes.sender().expect("our own handle"));
            std::mem::forget(broadcast.publisher().expect("our own handle"));
            std::mem::forget(broadcast.subscribe().expect("a cursor is free"));
            let _ = watch.update(|value| {
                let _: Result<u64, Unset> = once.get_or_try_init(|| {
                    gate.begin();
                    let _ = std::hint::black_box(bytes.try_send(b"of the dead"));
                    gate.end();
                    Err(Unset)
                });
                value
            });
        });
        dead.run_to_begin().expect("it takes all");
        let sends = dead.step(instructions).expect("it goes on") == StepOutcome::Stepped;
        dead.kill();
        sends
    }

    /// After how many instructions a sender of bytes has the senders' lock and no message: in the middle of those.
    fn instructions_to_the_lock() -> u64 {
        let name = TempName::new("senders-lock");
        let ours = Self::of(Region::create(name.as_str()).expect("a region"));
        let locked: Vec<u64> = (1..)
            .step_by(3)
            .map_while(|instructions| {
                let mut sender = Victim::fork(|gate| {
                    let bytes = Self::open(name.as_str()).bytes;
                    gate.begin();
                    let _ = std::hint::black_box(bytes.try_send(b"of the dead"));
                    gate.end();
                });
                sender.run_to_begin().expect("it begins");
                let stepped = sender.step(instructions).expect("it goes on") == StepOutcome::Stepped;
                let locked = ours.bytes.is_empty() && ours.bytes.send_timeout(b"", Duration::ZERO).is_err();
                sender.kill();
                while ours.bytes.recv_timeout(&mut [0; 64], Duration::from_millis(1)).is_ok() {}
                stepped.then_some((instructions, locked))
            })
            .filter_map(|(instructions, locked)| locked.then_some(instructions))
            .collect();
        locked[locked.len() / 2]
    }

    /// A survivor does all that the dead one was doing, and calls `meanwhile` in the middle of it.
    fn use_all(&self, meanwhile: impl FnOnce()) {
        let Writings { watch, once, bytes, broadcast, .. } = self;
        let mut subscribers = [(); 2].map(|()| {
            let until = std::time::Instant::now() + PATIENCE;
            loop {
                match broadcast.subscribe() {
                    Ok(subscriber) => break subscriber,
                    Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
                }
                self.region.recover().expect("the system says who is dead");
            }
        });
        let published = broadcast.published();
        let mut out = [0; 64];
        // Laps of both rings.
        for n in 0..8_u64 {
            broadcast.publish_timeout(n, PATIENCE).expect("only the living are waited for");
            for subscriber in &mut subscribers {
                assert_eq!(subscriber.recv_timeout(PATIENCE), Ok(n));
            }
            bytes.send_timeout(&n.to_le_bytes(), PATIENCE).expect("there is room");
            while bytes.recv_timeout(&mut out, PATIENCE).expect("our message comes") != 8 {}
            assert_eq!(out[..8], n.to_le_bytes());
        }
        broadcast.publish_timeout(8, PATIENCE).expect("there is room");
        bytes.send_timeout(b"ours", PATIENCE).expect("there is room");
        let old = watch.get().expect("it has a value");
        let changed = watch.update_timeout(PATIENCE, |value| {
            let made: Result<u64, Unset> = once.get_or_try_init_timeout(PATIENCE, || {
                meanwhile();
                Err(Unset)
            });
            assert!(made.is_err(), "nobody has set it");
            value + 1
        });
        assert_eq!(changed, Ok(old), "nobody has changed it");
        assert_eq!(watch.get(), Ok(old + 1));
        assert!(!once.is_set());
        assert_eq!(bytes.recv_timeout(&mut out, PATIENCE), Ok(4));
        assert!(bytes.is_empty());
        for subscriber in &mut subscribers {
            assert_eq!(subscriber.recv_timeout(PATIENCE), Ok(8));
        }
        assert_eq!(broadcast.published(), published + 9);
        assert_eq!(broadcast.subscribers(), 2);
        // The dead one was the only counted sender and publisher.
        let receiver = bytes.receiver().expect("our own handle");
        assert!(matches!(receiver.recv_timeout(&mut out, PATIENCE), Err(RecvBytesTimeoutError::Disconnected)));
        assert!(matches!(subscribers[0].recv_timeout(PATIENCE), Err(RecvBroadcastTimeoutError::Disconnected)));
    }
}

/// Stops a process after each of these many instructions of a repair, lets others repair and use all, and lets it go on in
/// the middle of that.
fn stop_repairs(name: &str, ours: &Region, leave_a_dead_one: impl Fn(), use_all: impl Fn(&mut dyn FnMut())) {
    let mut points = 0;
    for point in (0..).step_by(STRIDE) {
        let mut undertaker = Victim::fork(|gate| {
            let region = Region::open(name).expect("the region is there");
            gate.begin();
            let found = region.recover();
            gate.end();
            assert!(matches!(found, Ok(0 | 1)), "{found:?}");
        });
        undertaker.run_to_begin().expect("it begins");
        leave_a_dead_one();
        let finished = matches!(undertaker.step(point).expect("it goes on"), StepOutcome::ReachedEnd);
        // Calls leave the repair to another one for a while, which would make this test long. Some of the rounds will do.
        if points % 16 != 0 {
            ours.recover().expect("the system says who is dead");
        }
        let mut stopped = Some(undertaker);
        use_all(&mut || stopped.take().expect("once").finish().expect("it ends"));
        if finished {
            break;
        }
        points += 1;
    }
    assert!(points > 100, "{points} points");
}

#[test]
fn a_repair_that_was_stopped_changes_nothing_later() {
    stepper::pin_to_one().expect("a processor of our own");
    let _guard = Watchdog::new(LIMIT, "a stopped repair");
    let ticket = instructions_to_a_ticket();
    let name = TempName::new("stopped-repair");
    let ours = Objects::create(name.as_str(), 8);
    stop_repairs(
        name.as_str(),
        &ours.region,
        || leave_a_dead_one(name.as_str(), Some(ticket)),
        |meanwhile| use_all(&ours, meanwhile),
    );
}

#[test]
fn a_repair_of_writings_that_was_stopped_changes_nothing_later() {
    stepper::pin_to_one().expect("a processor of our own");
    let _guard = Watchdog::new(LIMIT, "a stopped repair of writings");
    let lock = Writings::instructions_to_the_lock();
    let name = TempName::new("stopped-writings");
    let ours = Writings::of(Region::options().participants(8).create(name.as_str()).expect("a region"));
    stop_repairs(
        name.as_str(),
        &ours.region,
        || assert!(Writings::leave_a_dead_one(name.as_str(), lock), "it was sending"),
        |meanwhile| ours.use_all(meanwhile),
    );
}

/// A process that attaches is stopped before and after each system call, when the place that it takes is a dead one's.
#[test]
fn a_newcomer_that_is_stopped_keeps_nobody() {
    stepper::pin_to_one().expect("a processor of our own");
    let _guard = Watchdog::new(LIMIT, "a stopped newcomer");
    let name = TempName::new("stopped-newcomer");
    let ours = Objects::create(name.as_str(), 8);
    for stop in 0.. {
        leave_a_dead_one(name.as_str(), None);
        let mut newcomer = Victim::fork(|gate| {
            gate.begin();
            let region = Region::open(name.as_str());
            gate.end();
            assert_eq!(region.expect("there are places").participant_number(), 2);
        });
        newcomer.run_to_begin().expect("it begins");
        let finished = newcomer.run_to_syscall_stop(stop).expect("it goes on") == StepOutcome::ReachedEnd;
        use_all(&ours, || newcomer.finish().expect("it ends"));
        if finished {
            assert!(stop > 20, "{stop} stops");
            break;
        }
    }
}

/// A place that a stopped process has pinned is nobody's, and can be had when that process goes on.
#[test]
fn a_place_is_free_when_the_repair_is_over() {
    let _guard = Watchdog::new(LIMIT, "a pinned place");
    let name = TempName::new("pinned-place");
    let ours = Objects::create(name.as_str(), 3);
    for stop in 0.. {
        let mut undertaker = Victim::fork(|gate| {
            let region = Region::open(name.as_str()).expect("the region is there");
            gate.begin();
            let found = region.recover();
            gate.end();
            assert_eq!(found, Ok(1), "nobody has taken the place");
        });
        undertaker.run_to_begin().expect("it begins");
        leave_a_dead_one(name.as_str(), None);
        let outcome = undertaker.run_to_syscall_stop(stop).expect("it goes on");
        assert_eq!(outcome, StepOutcome::Stepped, "it pins the place");
        let alive: Vec<bool> = ours.region.participants().iter().map(|participant| participant.alive).collect();
        assert_eq!(alive, [true, true, false]);
        match Region::open(name.as_str()) {
            Ok(_) => undertaker.kill(),
            Err(error) => {
                assert!(matches!(error.kind(), RegionErrorKind::PlacesLocked { max: 3, locked: 1 }), "{error}");
                use_all(&ours, || undertaker.finish().expect("it ends"));
                assert_eq!(Region::open(name.as_str()).expect("the pin is gone").participant_number(), 2);
                break;
            }
        }
        use_all(&ours, || ());
        ours.region.recover().expect("the system says who is dead");
    }
}

/// Locks all bytes that it can through a descriptor that is good for reading only, as a process may that has no other right.
fn lock_all_for_reading(path: &Path) -> File {
    let file = File::open(path).expect("the region's file");
    for byte in 0x4000_0000..0x4000_0000 + 2100 {
        // SAFETY: all zeroes is a valid value.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        (lock.l_type, lock.l_start, lock.l_len) = (libc::F_RDLCK as libc::c_short, byte, 1);
        // SAFETY: fcntl reads the struct; our own descriptor. It fails for the bytes of the living.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    }
    file
}

/// What a process with read locks keeps from others is a place, and no repair.
#[test]
fn a_reader_that_locks_the_file_stops_no_repair() {
    let _guard = Watchdog::new(LIMIT, "a reader with locks");
    let name = TempName::new("reading-locker");
    let ours = Objects::create(name.as_str(), 8);
    leave_a_dead_one(name.as_str(), None);
    let reader = lock_all_for_reading(ours.region.path().expect("it has a name"));
    assert_eq!(ours.region.participants().iter().filter(|participant| participant.alive).count(), 1);
    use_all(&ours, || ());
    assert_eq!(ours.region.recover(), Ok(1));
    let refused = Region::open(name.as_str()).expect_err("no byte can be locked");
    assert_eq!(
        refused.to_string(),
        format!(
            "region \"{}\": none of the 8 participants' places can be had: 7 of them are nobody's, but other processes hold read \
             locks on their bytes of the file (a repair that is stopped, or a reader that locks the file)",
            name.as_str()
        )
    );
    drop(reader);
    assert_eq!(Region::open(name.as_str()).expect("a free place").participant_number(), 2);
}
