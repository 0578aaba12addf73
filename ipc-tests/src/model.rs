//! A world for the loom models: sleepers, deaths and shared words, around the shipped algorithms.
//!
//! *Sleeping.* A table of sleepers under one lock, as the kernel's: the comparison and the falling asleep are one step
//! with respect to a wake. There are no time-outs, so a lost wake-up shows as loom's deadlock. The exception is a death:
//! it ends each living actor's current sleep, or else its next one, once, unless that is one of more than a second. That is what the
//! slices of the real platform are for, and nothing else here may need them. ([`Machine::without_slices`] has not even that: for models in which a sweep
//! has to wake those that the dead one owed a wake-up.)
//!
//! *Dying.* [`Actor::live`] runs a body that stops before its n-th write to anything shared (the shim counts them, see
//! [`ipc_core::sync::crash`]). Then the kernel's part follows: the actor's pins of others are gone, and the actor itself can be
//! seized, by any number of others at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as Plain};
use std::time::Duration;

use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, Use, WaitOutcome};
use ipc_core::sync::{AtomicU32, Ordering, crash, fence};
use ipc_core::time::Instant;
use loom::sync::{Condvar, Mutex};

mod objects;

pub use objects::{Creator, QueueWords, RingWords, SemaphoreWords, Shared};

/// The most actors of a machine. Their numbers start at 1.
pub const MOST_ACTORS: usize = 6;

/// A longer sleep relies on a wake-up: a death does not end it.
const LONGEST_SLICE: Duration = Duration::from_secs(1);

const ALIVE: u32 = 0;
/// Dead, with as many pins as the rest of the word says.
const DEAD: u32 = 1;
const PIN: u32 = 2;

/// One that sleeps.
#[derive(Clone, Copy)]
struct Asleep {
    who: usize,
    /// Where the word lies.
    address: usize,
    lanes: u32,
    /// Whether a death ends its sleep.
    notices: bool,
}

#[derive(Default)]
struct Table {
    /// Who sleeps, in the order of their falling asleep.
    sleepers: Vec<Asleep>,
    woken: [Option<WaitOutcome>; MOST_ACTORS],
    deaths: u32,
    /// The deaths for which each actor's sleep has been ended.
    noticed: [u32; MOST_ACTORS],
}

/// What the actors of one model share besides the words: the kernel.
pub struct Machine {
    table: Mutex<Table>,
    beds: [Condvar; MOST_ACTORS],
    /// ALIVE, or DEAD and the pins. Loom's own atomics: the kernel does not die.
    life: [loom::sync::atomic::AtomicU32; MOST_ACTORS],
    /// Whom each actor has pinned. Not a point of the schedule: the kernel's own books.
    pins: [std::sync::Mutex<Vec<usize>>; MOST_ACTORS],
    /// Whether a death ends sleeps.
    slices: bool,
    /// The handles of each actor and use. Not a point of the schedule: it is its own process's.
    handles: [std::sync::Mutex<Vec<Use>>; MOST_ACTORS],
}

impl Machine {
    /// A machine on which everybody lives and nobody sleeps.
    #[allow(clippy::new_ret_no_self, reason = "it is shared from the start")]
    pub fn new() -> Arc<Self> {
        Self::with(true)
    }

    /// A machine on which a death ends nobody's sleep: only a sweep's wake-up does.
    pub fn without_slices() -> Arc<Self> {
        Self::with(false)
    }

    fn with(slices: bool) -> Arc<Self> {
        Arc::new(Machine {
            slices,
            table: Mutex::new(Table::default()),
            beds: std::array::from_fn(|_| Condvar::new()),
            life: std::array::from_fn(|_| loom::sync::atomic::AtomicU32::new(ALIVE)),
            pins: Default::default(),
            handles: Default::default(),
        })
    }

    /// Whether nobody has pinned this dead participant: its number can be given out again.
    pub fn is_unpinned(&self, who: u16) -> bool {
        self.life[id(who).index()].load(Ordering::Acquire) == DEAD
    }

    fn unpin(&self, pinned: usize) {
        // Release, with the Acquire in `is_unpinned` and `seize`.
        self.life[pinned].fetch_sub(PIN, Ordering::Release);
    }

    /// How many sleep.
    pub fn asleep(&self) -> usize {
        self.table.lock().expect("the table").sleepers.len()
    }

    /// Ends the sleep of this participant as if its time were over.
    pub fn time_out(&self, number: u16) {
        let who = id(number).index();
        let mut table = self.table.lock().expect("the table");
        table.sleepers.retain(|asleep| asleep.who != who);
        table.woken[who] = Some(WaitOutcome::TimedOut);
        self.beds[who].notify_one();
    }

    /// The participant with this number, from 1.
    pub fn actor(self: &Arc<Self>, number: u16) -> Actor {
        assert!(usize::from(number) <= MOST_ACTORS);
        Actor { machine: self.clone(), me: id(number), barriers: true, seizes: true, clock: None, doze: None }
    }
}

/// The participant with this number.
pub fn id(number: u16) -> ParticipantId {
    ParticipantId::new(number).expect("a participant's number")
}

/// One participant: the platform that its handles use.
#[derive(Clone)]
pub struct Actor {
    machine: Arc<Machine>,
    me: ParticipantId,
    barriers: bool,
    seizes: bool,
    /// How late it is for one whose [clock runs](Self::with_clock).
    clock: Option<Arc<AtomicUsize>>,
    /// How often it has slept, if it is [killed asleep](Self::killed_asleep).
    doze: Option<Arc<AtomicUsize>>,
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Actor({})", self.me.get())
    }
}

impl Actor {
    /// An actor without barriers around its notifications, for models in which nobody sleeps: with `membarrier` they order
    /// nothing else by the way, and a model must not rely on them.
    pub fn without_barriers(self) -> Self {
        Actor { barriers: false, ..self }
    }

    /// An actor that never finds out by itself that another one is dead.
    pub fn without_seizing(self) -> Self {
        Actor { seizes: false, ..self }
    }

    /// This actor with a clock that goes on by 5 ms whenever it is read: it has waited for long as soon as it waits. The clocks of the
    /// others stand still.
    pub fn with_clock(self) -> Self {
        Actor { clock: Some(Arc::default()), ..self }
    }

    /// As an actor whose first sleep times out at once, and that is killed in its second one: for a body that
    /// [lives](Self::live) no longer than that.
    pub fn killed_asleep(self) -> Self {
        Actor { doze: Some(Arc::default()), ..self }
    }

    /// Runs `body`, which dies before its write number `at` (`None`: it lives). `None` if it died.
    pub fn live<R>(&self, at: Option<u32>, body: impl FnOnce() -> R) -> Option<R> {
        let result = crash::run(at, body).ok();
        if result.is_none() {
            self.die();
        }
        result
    }

    /// The process ends, as by `kill -9`.
    pub fn die(&self) {
        let machine = &*self.machine;
        // The locks go first, then the news: as an exit in the kernel.
        for pinned in std::mem::take(&mut *machine.pins[self.me.index()].lock().expect("the books")) {
            machine.unpin(pinned);
        }
        machine.life[self.me.index()].swap(DEAD, Ordering::Release);
        if !machine.slices {
            return;
        }
        let mut table = machine.table.lock().expect("the table");
        table.deaths += 1;
        let (notice, sleep_on) = std::mem::take(&mut table.sleepers).into_iter().partition(|asleep| asleep.notices);
        table.sleepers = sleep_on;
        for Asleep { who, .. } in Vec::from(notice) {
            table.noticed[who] = table.deaths;
            table.woken[who] = Some(WaitOutcome::TimedOut);
            machine.beds[who].notify_one();
        }
    }
}

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word).addr()
}

// SAFETY: an actor is one thread of a model; the machine's `life` words say who is dead, and a number is never given out again.
unsafe impl Platform for Actor {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        self.wait_in(word, expected, timeout, u32::MAX)
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        self.wake_in(word, count, u32::MAX)
    }

    fn wait_in(&self, word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
        if let Some(doze) = &self.doze {
            if doze.fetch_add(1, Plain::Relaxed) == 0 {
                return WaitOutcome::TimedOut;
            }
            crash::die();
        }
        let me = self.me.index();
        let mut table = self.machine.table.lock().expect("the table");
        // Relaxed: a waker takes the table's lock after its change of the word, as in the kernel.
        if word.load(Ordering::Relaxed) != expected {
            return WaitOutcome::Changed;
        }
        let notices = timeout <= LONGEST_SLICE;
        if notices && table.noticed[me] != table.deaths {
            table.noticed[me] = table.deaths;
            return WaitOutcome::TimedOut;
        }
        table.sleepers.push(Asleep { who: me, address: address(word), lanes, notices });
        loop {
            table = self.machine.beds[me].wait(table).expect("the table");
            if let Some(outcome) = table.woken[me].take() {
                return outcome;
            }
        }
    }

    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        if !crash::step() {
            return 0;
        }
        let mut table = self.machine.table.lock().expect("the table");
        let mut woken = 0;
        let mut next = 0;
        while woken < count && next < table.sleepers.len() {
            let asleep = table.sleepers[next];
            if asleep.address != address(word) || asleep.lanes & lanes == 0 {
                next += 1;
                continue;
            }
            table.sleepers.remove(next);
            table.woken[asleep.who] = Some(WaitOutcome::Woken);
            self.machine.beds[asleep.who].notify_one();
            woken += 1;
        }
        woken
    }

    fn now(&self) -> Instant {
        // Relaxed: one thread's.
        Instant::from_nanos(self.clock.as_ref().map_or(0, |clock| clock.fetch_add(5_000_000, Plain::Relaxed) as u64))
    }

    fn me(&self) -> ParticipantId {
        self.me
    }

    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        if !self.seizes {
            return Err(NotSeized::NotNow);
        }
        let life = &self.machine.life[who.index()];
        // Acquire, with the Release in `die`: everything that the dead one wrote. The pins in between are read-modify-writes.
        let mut now = life.load(Ordering::Acquire);
        while now & DEAD != 0 {
            match life.compare_exchange(now, now + PIN, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => {
                    self.machine.pins[self.me.index()].lock().expect("the books").push(who.index());
                    return Ok(());
                }
                Err(other) => now = other,
            }
        }
        Err(NotSeized::NotNow)
    }

    fn unseize(&self, who: ParticipantId) {
        if crash::step() {
            let mut pins = self.machine.pins[self.me.index()].lock().expect("the books");
            let pin = pins.iter().position(|pinned| *pinned == who.index()).expect("a pin");
            pins.swap_remove(pin);
            drop(pins);
            self.machine.unpin(who.index());
        }
    }

    // An actor is one thread, so counting and joining need no lock around both.
    fn enter(&self, purpose: Use, join: &dyn Fn()) {
        let first = {
            let mut handles = self.machine.handles[self.me.index()].lock().expect("nobody panics here");
            handles.push(purpose);
            handles.iter().filter(|other| **other == purpose).count() == 1
        };
        if first {
            join();
        }
    }

    fn leave(&self, purpose: Use, part: &dyn Fn()) -> bool {
        let last = {
            let mut handles = self.machine.handles[self.me.index()].lock().expect("nobody panics here");
            let one = handles.iter().position(|other| *other == purpose).expect("a handle that was counted");
            handles.swap_remove(one);
            !handles.contains(&purpose)
        };
        if last {
            part();
        }
        last
    }

    fn light_barrier(&self) {
        if self.barriers {
            fence(Ordering::SeqCst);
        }
    }

    fn heavy_barrier(&self) {
        fence(Ordering::SeqCst);
    }

    fn spinning_helps(&self) -> bool {
        false
    }
}

/// A message of two words that tells whether it is whole.
pub type Twin = [u64; 2];

/// The message number `n`.
pub fn twin(n: u64) -> Twin {
    [n, !n]
}

/// The number of a message, which must be whole.
pub fn whole(message: Twin) -> u64 {
    assert_eq!(message[1], !message[0], "a torn message");
    message[0]
}

/// Tries every schedule of `body` with at most this many preemptions (`None`: any number; the environment variable
/// `LOOM_MAX_PREEMPTIONS` overrides it). A model that ran only one schedule fails: it tested nothing.
pub fn explore(preemptions: impl Into<Option<usize>>, body: impl Fn() + Sync + Send + 'static) {
    assert!(schedules(preemptions, body) > 1, "nothing ran beside anything");
}

/// Tries every schedule, and says how many there were.
fn schedules(preemptions: impl Into<Option<usize>>, body: impl Fn() + Sync + Send + 'static) -> usize {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = builder.preemption_bound.or(preemptions.into());
    let schedules = Arc::new(AtomicUsize::new(0));
    let count = schedules.clone();
    builder.check(move || {
        count.fetch_add(1, Plain::Relaxed);
        body();
    });
    schedules.load(Plain::Relaxed)
}

/// [`explore`]s `body` for every write before which its mortal actor can die, and once for none: `body` gets the number
/// of the write, and says by `true` that the actor died there. Ends with the first number that no schedule reaches.
pub fn explore_deaths(
    preemptions: impl Into<Option<usize>>,
    body: impl Fn(Option<u32>) -> bool + Sync + Send + 'static,
) {
    let preemptions = preemptions.into();
    let body = Arc::new(body);
    let mut tried = 0;
    for at in 1..200 {
        let died = Arc::new(AtomicUsize::new(0));
        let (seen, run) = (died.clone(), body.clone());
        tried += schedules(preemptions, move || {
            if run(Some(at)) {
                seen.fetch_add(1, Plain::Relaxed);
            }
        });
        if died.load(Plain::Relaxed) == 0 {
            assert!(at > 2, "the actor never died");
            assert!(tried > at as usize, "nothing ran beside anything");
            return;
        }
    }
    panic!("the actor's writes do not end");
}
