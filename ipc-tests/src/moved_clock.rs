//! A clock that the test moves: it stands still while the participants run, and goes on while one of them sleeps.

use std::cell::Cell;
use std::ptr::NonNull;
use std::time::Duration;

use ipc_core::Instant;
use ipc_core::memory::{Memory, OBJECT_ALIGN};
use ipc_core::object::Blueprint;
use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, WaitOutcome};
use ipc_core::sync::AtomicU32;

/// A sleeper that has not noticed a death after this number of sleeps does not notice it.
const PATIENCE: u32 = 300;

/// What the participants share. One thread plays all of them.
#[derive(Default)]
pub struct World {
    /// The time.
    pub now: Cell<Duration>,
    /// How often the clock was read.
    pub reads: Cell<u32>,
    /// How often a participant slept.
    pub sleeps: Cell<u32>,
    /// How far participant 2's clock is ahead, which is another one then.
    ahead: Option<Duration>,
    death: Option<Death>,
    seized: Cell<bool>,
}

/// Participant 2 dies.
struct Death {
    /// In this sleep of another one.
    sleep: u32,
    /// A wake-up comes after this time of each sleep.
    every: Duration,
}

impl World {
    /// A world in which a wake-up comes after the time `every` of each sleep, and participant 2 dies in the sleep with this number.
    #[must_use]
    pub fn with_a_death(sleep: u32, every: Duration) -> Self {
        World { death: Some(Death { sleep, every }), ..World::default() }
    }

    /// A world in which participant 2 has another clock, which is ahead by this time.
    #[must_use]
    pub fn with_two_clocks(ahead: Duration) -> Self {
        World { ahead: Some(ahead), ..World::default() }
    }

    /// Whether participant 2 is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.death.as_ref().is_some_and(|death| self.sleeps.get() >= death.sleep)
    }
}

/// A participant.
#[derive(Clone, Copy)]
pub struct Person<'w> {
    number: u16,
    world: &'w World,
}

// SAFETY: one thread, whichever participant it plays, so that barriers are not needed. Participant 2 makes no step after its death: the
// tests call nothing of it then. The others are never seized.
unsafe impl Platform for Person<'_> {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, _: &AtomicU32, _: u32, timeout: Duration) -> WaitOutcome {
        let World { now, sleeps, death, .. } = self.world;
        sleeps.set(sleeps.get() + 1);
        let mut asleep = timeout;
        if let Some(Death { sleep, every }) = death {
            assert!(sleeps.get() < sleep + PATIENCE, "the death is not noticed");
            asleep = timeout.min(*every);
        }
        now.set(now.get() + asleep);
        if asleep == timeout { WaitOutcome::TimedOut } else { WaitOutcome::Woken }
    }

    fn wake(&self, _: &AtomicU32, _: u32) -> u32 {
        0
    }

    fn now(&self) -> Instant {
        self.world.reads.set(self.world.reads.get() + 1);
        let ahead = self.world.ahead.filter(|_| self.number == 2).unwrap_or_default();
        Instant::from_nanos((self.world.now.get() + ahead).as_nanos() as u64)
    }

    fn clock(&self) -> u64 {
        if self.world.ahead.is_some() { self.number.into() } else { 0 }
    }

    fn me(&self) -> ParticipantId {
        ParticipantId::new(self.number).expect("a participant's number")
    }

    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        let seized = who.get() == 2 && self.world.is_dead() && !self.world.seized.replace(true);
        seized.then_some(()).ok_or(NotSeized::NotNow)
    }

    fn unseize(&self, _: ParticipantId) {
        self.world.seized.set(false);
    }

    fn light_barrier(&self) {}

    fn heavy_barrier(&self) {}

    fn thread(&self) -> u16 {
        1
    }

    fn spinning_helps(&self) -> bool {
        false
    }
}

#[repr(align(128))]
#[derive(Clone, Copy)]
struct Line(#[allow(dead_code, reason = "room")] [u8; OBJECT_ALIGN]);

/// A new object like this in memory of its own, which stays: participant 1's handle, and that of participant 2.
pub fn pair<'w, B: Blueprint>(
    wanted: &B,
    world: &'w World,
) -> (B::Handle<'static, Person<'w>>, B::Handle<'static, Person<'w>>) {
    let bytes = wanted.bytes().expect("a possible object") as usize;
    let room = vec![Line([0; OBJECT_ALIGN]); bytes.div_ceil(OBJECT_ALIGN)].leak();
    let start = NonNull::from(&mut room[0]).cast();
    // SAFETY: aligned, initialised, there for ever, and nobody else knows it.
    let memory = unsafe { Memory::from_raw(start, bytes) };
    // SAFETY: as above.
    let one = unsafe { wanted.create(memory, Person { number: 1, world }) }.expect("it fits");
    (one, wanted.attach(memory, Person { number: 2, world }).expect("it was created"))
}

/// A new object like this, of participant 1.
pub fn object<'w, B: Blueprint>(wanted: &B, world: &'w World) -> B::Handle<'static, Person<'w>> {
    pair(wanted, world).0
}
