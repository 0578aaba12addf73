//! Calls beside a thread that is stopped in the middle of its own, on a platform that stops it there, and has no time-outs.

#![cfg(not(loom))]

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::Duration;

use ipc_core::error::JoinError;
use ipc_core::memory::{Memory, OBJECT_ALIGN};
use ipc_core::object::Blueprint;
use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, Use, WaitOutcome};
use ipc_core::sync::AtomicU32 as Word;
use ipc_core::{Instant, barrier, broadcast, bytes, mutex};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);
/// The use of a handle that counts here.
const COUNTED: [Use; 2] = [Use::Party, Use::Sender];

/// Where threads sleep and stop.
#[derive(Default)]
struct Stage {
    /// The sleepers, in the order in which they came, and what is to become of the one that stops.
    sleepers: Mutex<VecDeque<u16>>,
    changed: Condvar,
    stopped: AtomicBool,
    goes_on: AtomicBool,
    finished: AtomicBool,
    /// The handles of each participant.
    handles: Mutex<[u32; 8]>,
}

impl Stage {
    /// Stops the calling thread until another one lets it finish.
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        until(|| self.goes_on.load(Ordering::SeqCst));
    }

    /// Lets the thread that has stopped finish its call.
    fn let_finish(&self) {
        self.goes_on.store(true, Ordering::SeqCst);
        until(|| self.finished.load(Ordering::SeqCst));
    }

    fn sleeping(&self) -> usize {
        self.sleepers.lock().unwrap().len()
    }
}

fn until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::yield_now();
    }
}

/// What is special about a player.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Ordinary,
    /// Stops when it has been asked this number of times whether the memory is there.
    StopsAt(u32),
    /// Stops after a wake-up that found no sleeper.
    StopsAfterWake,
    /// Lets the one that has stopped finish when it lets others run.
    Yields,
    /// Lets the one that has stopped finish before it wakes a sleeper.
    Wakes,
    /// Stops when its last handle has left, outside of the lock under which handles are counted.
    StopsAfterLeaving,
    /// Never sleeps: its time is over.
    GivesUp,
}

/// A participant's platform.
struct Player {
    number: u16,
    part: Part,
    asked: AtomicU32,
    slept: AtomicU32,
    stage: &'static Stage,
}

impl Player {
    fn new(number: u16, part: Part, stage: &'static Stage) -> Self {
        Player { number, part, asked: AtomicU32::new(0), slept: AtomicU32::new(0), stage }
    }
}

impl Clone for Player {
    fn clone(&self) -> Self {
        Player::new(self.number, self.part, self.stage)
    }
}

// SAFETY: each participant is one thread at a time, and none is ever seized; the memory stays; barriers are fences.
unsafe impl Platform for Player {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, word: &Word, expected: u32, _: Duration) -> WaitOutcome {
        if self.part == Part::GivesUp {
            self.slept.fetch_add(1, Ordering::SeqCst);
            return WaitOutcome::TimedOut;
        }
        let mut sleepers = self.stage.sleepers.lock().unwrap();
        if word.load(Ordering::SeqCst) != expected {
            return WaitOutcome::Changed;
        }
        sleepers.push_back(self.number);
        while sleepers.contains(&self.number) {
            sleepers = self.stage.changed.wait(sleepers).unwrap();
        }
        WaitOutcome::Woken
    }

    fn wake(&self, _: &Word, count: u32) -> u32 {
        if self.part == Part::Wakes {
            self.stage.let_finish();
        }
        let woken = {
            let mut sleepers = self.stage.sleepers.lock().unwrap();
            let woken = sleepers.len().min(count as usize);
            sleepers.drain(..woken).count() as u32
        };
        self.stage.changed.notify_all();
        if woken == 0 && self.part == Part::StopsAfterWake {
            self.stage.stop();
        }
        woken
    }

    fn now(&self) -> Instant {
        // A second each time.
        Instant::from_nanos(u64::from(self.slept.load(Ordering::SeqCst)) * 1_000_000_000)
    }

    fn me(&self) -> ParticipantId {
        ParticipantId::new(self.number).unwrap()
    }

    fn seize(&self, _: ParticipantId) -> Result<(), NotSeized> {
        Err(NotSeized::NotNow)
    }

    fn unseize(&self, _: ParticipantId) {}

    fn enter(&self, purpose: Use, join: &dyn Fn()) {
        if COUNTED.contains(&purpose) {
            let handles = &mut self.stage.handles.lock().unwrap()[usize::from(self.number)];
            *handles += 1;
            if *handles == 1 {
                join();
            }
        }
    }

    fn leave(&self, purpose: Use, part: &dyn Fn()) -> bool {
        if !COUNTED.contains(&purpose) {
            return false;
        }
        let is_last = {
            let handles = &mut self.stage.handles.lock().unwrap()[usize::from(self.number)];
            *handles -= 1;
            if *handles == 0 {
                part();
            }
            *handles == 0
        };
        if is_last && self.part == Part::StopsAfterLeaving {
            self.stage.stop();
        }
        is_last
    }

    fn light_barrier(&self) {
        ipc_core::sync::fence(Ordering::SeqCst);
    }

    fn heavy_barrier(&self) {
        ipc_core::sync::fence(Ordering::SeqCst);
    }

    fn is_here(&self) -> bool {
        if self.part == Part::StopsAt(self.asked.fetch_add(1, Ordering::SeqCst) + 1) {
            self.stage.stop();
        }
        true
    }

    fn spinning_helps(&self) -> bool {
        false
    }

    fn yield_now(&self) {
        if self.part == Part::Yields && self.stage.stopped.load(Ordering::SeqCst) {
            self.stage.let_finish();
        }
    }
}

#[repr(align(128))]
#[derive(Clone, Copy)]
struct Line(#[allow(dead_code, reason = "room")] [u8; OBJECT_ALIGN]);

/// A new object, and what makes handles of it.
fn object<B: Blueprint>(wanted: B) -> (&'static Stage, impl Fn(u16, Part) -> B::Handle<'static, Player>) {
    let bytes = wanted.bytes().expect("a possible object") as usize;
    let room = vec![Line([0; OBJECT_ALIGN]); bytes.div_ceil(OBJECT_ALIGN)].leak();
    let start = NonNull::from(&mut room[0]).cast();
    // SAFETY: aligned, initialised, there for ever, and nobody else knows it.
    let memory = unsafe { Memory::from_raw(start, bytes) };
    let stage: &Stage = Box::leak(Box::default());
    // SAFETY: as above.
    drop(unsafe { wanted.create(memory, Player::new(1, Part::Ordinary, stage)) }.expect("it fits"));
    (stage, move |number, part| wanted.attach(memory, Player::new(number, part, stage)).expect("it was created"))
}

/// Runs `call` in a thread of its own until it stops. The stage is told when it has returned.
fn stopped(stage: &'static Stage, call: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        call();
        stage.finished.store(true, Ordering::SeqCst);
    });
    until(|| stage.stopped.load(Ordering::SeqCst));
}

/// A call that does not wait lets a living one that is in its way finish its copy first, if that goes on as soon as others may run.
#[test]
fn a_copy_is_finished() {
    let _watchdog = Watchdog::new(LIMIT, "a_copy_is_finished");
    // The second time that it is asked, its copy is done and its lock not given back.
    let (stage, handle) = object(bytes::Options::new(64));
    let (sender, mine) = (handle(2, Part::StopsAt(2)), handle(3, Part::Yields));
    stopped(stage, move || sender.try_send(b"theirs").unwrap());
    assert_eq!(mine.try_send(b"mine"), Ok(()));
    assert_eq!(mine.len(), 2);

    let (stage, handle) = object(bytes::Options::new(64));
    let (receiver, mine) = (handle(2, Part::StopsAt(2)), handle(3, Part::Yields));
    for message in [&b"theirs"[..], b"mine"] {
        mine.try_send(message).unwrap();
    }
    stopped(stage, move || assert_eq!(receiver.try_recv(&mut [0; 8]), Ok(6)));
    assert_eq!(mine.try_recv(&mut [0; 8]), Ok(4));

    let (stage, handle) = object(broadcast::Options::<u64>::new(4));
    let (publisher, mine) = (handle(2, Part::StopsAt(2)), handle(3, Part::Yields));
    stopped(stage, move || assert_eq!(publisher.try_publish(1), Ok(0)));
    assert_eq!(mine.try_publish(2), Ok(1));
}

/// A late unlock takes the mark of sleepers out of the word, which is that of a later owner's unlock by now. All sleepers get the lock:
/// here, no sleep ends by itself.
#[test]
fn a_late_wake_up_hides_no_sleeper() {
    let _watchdog = Watchdog::new(LIMIT, "a_late_wake_up_hides_no_sleeper");
    let (stage, handle) = object(mutex::Options { initial: 0_u64, schema: 0.into() });
    let (late, gives_up) = (handle(2, Part::StopsAfterWake), handle(3, Part::GivesUp));
    let (locked, is_locked) = mpsc::channel();
    let (announced, is_announced) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let guard = late.lock().unwrap();
            locked.send(()).unwrap();
            is_announced.recv().unwrap();
            drop(guard);
            stage.finished.store(true, Ordering::SeqCst);
        });
        is_locked.recv().unwrap();
        assert!(gives_up.lock_timeout(Duration::from_millis(1)).is_err(), "it has announced itself, and given up");
        announced.send(()).unwrap();
        until(|| stage.stopped.load(Ordering::SeqCst));
        let mine = handle(4, Part::Wakes);
        let guard = mine.lock().unwrap();
        let (got, gets) = mpsc::channel();
        for (before, number) in [(0, 5), (1, 6)] {
            let (sleeper, got) = (handle(number, Part::Ordinary), got.clone());
            scope.spawn(move || {
                *sleeper.lock().unwrap() += 1;
                got.send(number)
            });
            until(|| stage.sleeping() == before + 1);
        }
        drop(guard);
        for _ in 0..2 {
            gets.recv_timeout(LIMIT / 2).expect("both get the lock");
        }
    });
}

/// The last handle of a process leaves, and stops there; meanwhile another one comes. It is counted when the first one goes on.
#[test]
fn a_late_leaver_takes_nobody_along() {
    let _watchdog = Watchdog::new(LIMIT, "a_late_leaver_takes_nobody_along");
    let (stage, handle) = object(barrier::Options { parties: Some(1) });
    let (theirs, last) = (handle(2, Part::Ordinary), handle(3, Part::StopsAfterLeaving));
    stopped(stage, move || drop(last));
    let mine = handle(3, Part::Ordinary);
    assert_eq!(mine.join(), Ok(()));
    stage.let_finish();
    assert_eq!(theirs.join(), Err(JoinError::Full), "the seat is taken");
    drop(mine);
    assert_eq!(theirs.join(), Ok(()));

    let (stage, handle) = object(bytes::Options::new(64));
    let (theirs, last, mine) =
        (handle(2, Part::Ordinary), handle(3, Part::StopsAfterLeaving), handle(3, Part::Ordinary));
    let receiver = theirs.receiver().unwrap();
    stopped(stage, move || drop(last.sender().unwrap()));
    let sender = mine.sender().unwrap();
    stage.let_finish();
    assert!(!receiver.is_disconnected(), "a sender lives");
    drop(sender);
    assert!(receiver.is_disconnected());
}
