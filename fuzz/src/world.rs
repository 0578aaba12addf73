//! A platform for one thread: a clock that only sleeping moves, and participants that die when the script says so.

use std::cell::Cell;
use std::time::Duration;

use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, SpinPlatform, WaitOutcome};
use ipc_core::sync::{AtomicU32, Ordering, fence};
use ipc_core::time::Instant;

/// Readings of the clock without a sleep in between, beyond which an operation is taken for an endless loop. A call that does not wait
/// lets others run 4096 times where the clock stands still, and reads it a few times between two of them.
const MOST_LOOKS: u32 = 50_000;
/// Sleeps of one operation.
const MOST_SLEEPS: u32 = 10_000;

/// What all participants of a script share.
#[derive(Debug, Default)]
pub struct World {
    now: Cell<u64>,
    looks: Cell<u32>,
    sleeps: Cell<u32>,
    dead: Cell<u128>,
    far_dead: Cell<bool>,
    seized: Cell<Option<ParticipantId>>,
    /// Whether blocking calls poll before they sleep.
    pub spins: Cell<bool>,
    /// Whether a wake-up reaches somebody.
    pub wakes: Cell<bool>,
}

impl World {
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.now.get())
    }

    pub fn after(&self, time: Duration) -> Instant {
        self.now().saturating_add(time)
    }

    pub fn is_dead(&self, who: ParticipantId) -> bool {
        match who.get() {
            number @ ..=127 => self.dead.get() >> number & 1 != 0,
            _ => self.far_dead.get(),
        }
    }

    /// Kills or revives `who`. All participants above 127 share one life.
    pub fn set_dead(&self, who: ParticipantId, dead: bool) {
        match who.get() {
            number @ ..=127 => {
                let bit = 1u128 << number;
                self.dead.set(if dead { self.dead.get() | bit } else { self.dead.get() & !bit });
            }
            _ => self.far_dead.set(dead),
        }
    }

    /// Before each operation: none may have left a participant seized.
    pub fn begin(&self) {
        assert_eq!(self.seized.get(), None, "left seized");
        self.looks.set(0);
        self.sleeps.set(0);
    }

    fn look(&self) {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < MOST_LOOKS, "an endless loop: polls the clock and never sleeps");
    }

    fn sleep(&self) {
        self.looks.set(0);
        self.sleeps.set(self.sleeps.get() + 1);
        assert!(self.sleeps.get() < MOST_SLEEPS, "an endless loop: sleeps beyond its deadline");
    }
}

/// One participant's platform.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'w> {
    pub world: &'w World,
    pub me: ParticipantId,
}

// SAFETY: one thread plays all participants in turn; the world says who is dead.
unsafe impl Platform for Seat<'_> {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        self.world.sleep();
        if word.load(Ordering::Acquire) != expected {
            return WaitOutcome::Changed;
        }
        self.world.now.set(self.world.now.get().saturating_add(timeout.as_nanos().max(1) as u64));
        WaitOutcome::TimedOut
    }

    fn wake(&self, _word: &AtomicU32, count: u32) -> u32 {
        if self.world.wakes.get() { count } else { 0 }
    }

    fn now(&self) -> Instant {
        self.world.look();
        self.world.now()
    }

    fn me(&self) -> ParticipantId {
        self.me
    }

    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        assert_ne!(who, self.me, "seizes itself");
        if !self.world.is_dead(who) || self.world.seized.get().is_some() {
            return Err(NotSeized::NotNow);
        }
        self.world.seized.set(Some(who));
        Ok(())
    }

    fn unseize(&self, who: ParticipantId) {
        assert_eq!(self.world.seized.take(), Some(who), "unseizes another one");
    }

    fn light_barrier(&self) {
        fence(Ordering::SeqCst);
    }

    fn heavy_barrier(&self) {
        fence(Ordering::SeqCst);
    }

    fn spinning_helps(&self) -> bool {
        self.world.spins.get()
    }
}

/// The library's own `SpinPlatform`, with the readings of its clock counted.
#[derive(Debug)]
pub struct Spinning<'w> {
    pub world: &'w World,
    pub inner: SpinPlatform,
}

// SAFETY: as the platforms that it is made of.
unsafe impl Platform for Spinning<'_> {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        self.inner.instant(deadline)
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        self.world.sleep();
        self.inner.wait(word, expected, timeout)
    }
    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        self.inner.wake(word, count)
    }
    fn now(&self) -> Instant {
        self.world.look();
        self.inner.now()
    }
    fn me(&self) -> ParticipantId {
        self.inner.me()
    }
    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        self.inner.seize(who)
    }
    fn unseize(&self, who: ParticipantId) {
        self.inner.unseize(who);
    }
    fn light_barrier(&self) {
        self.inner.light_barrier();
    }
    fn heavy_barrier(&self) {
        self.inner.heavy_barrier();
    }
    fn spinning_helps(&self) -> bool {
        self.inner.spinning_helps()
    }
    fn pause_nanos(&self) -> u32 {
        self.inner.pause_nanos()
    }
}
