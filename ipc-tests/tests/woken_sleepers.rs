//! Sleepers that are woken before any of their sleeps is over, by signals or by the wake-ups of others: they notice all the same
//! that the participant they wait for is dead, and none of them returns early. On a clock that the test moves.

#![cfg(not(loom))]

use std::cell::Cell;
use std::mem::forget;
use std::time::Duration;

use ipc_core::error::{BarrierError, LockError, RecvBytesError, RecvError, SendError};
use ipc_core::memory::{Memory, OBJECT_ALIGN};
use ipc_core::object::Blueprint;
use ipc_core::participant::{NotSeized, ParticipantId};
use ipc_core::platform::{Platform, WaitOutcome};
use ipc_core::sync::AtomicU32;
use ipc_core::{Instant, barrier, bytes, loan, mutex, queue, rwlock, semaphore, spsc};

/// A wake-up comes after this time of each sleep: less than any slice.
const EVERY: Duration = Duration::from_millis(1);
/// The sleep in which the other participant dies.
const DEATH: u32 = 40;
/// A sleeper that has not noticed the death after this number of sleeps does not notice it.
const PATIENCE: u32 = 300;

/// What both participants share.
#[derive(Default)]
struct World {
    now: Cell<Duration>,
    sleeps: Cell<u32>,
    seized: Cell<bool>,
}

impl World {
    fn is_dead(&self) -> bool {
        self.sleeps.get() >= DEATH
    }
}

/// One of the two participants: 1 waits, 2 dies.
#[derive(Clone, Copy)]
struct Person {
    number: u16,
    world: &'static World,
}

// SAFETY: one thread. The second participant makes no step after its death: the test calls nothing of it then.
unsafe impl Platform for Person {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, _: &AtomicU32, _: u32, timeout: Duration) -> WaitOutcome {
        let world = self.world;
        world.sleeps.set(world.sleeps.get() + 1);
        assert!(world.sleeps.get() < DEATH + PATIENCE, "the death is not noticed");
        world.now.set(world.now.get() + EVERY.min(timeout));
        if timeout <= EVERY { WaitOutcome::TimedOut } else { WaitOutcome::Woken }
    }

    fn wake(&self, _: &AtomicU32, _: u32) -> u32 {
        0
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.world.now.get().as_nanos() as u64)
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

/// Plays one kind: the handle of the one that waits, and that of the one that dies. The wait must end by the death, and not before.
fn play<B: Blueprint>(wanted: B, wait: impl FnOnce(&B::Handle<'static, Person>, &B::Handle<'static, Person>)) {
    let bytes = wanted.bytes().expect("a possible object") as usize;
    let room = vec![Line([0; OBJECT_ALIGN]); bytes.div_ceil(OBJECT_ALIGN)].leak();
    let start = std::ptr::NonNull::from(&mut room[0]).cast();
    // SAFETY: aligned, initialised, there for ever, and nobody else knows it.
    let memory = unsafe { Memory::from_raw(start, bytes) };
    let world: &World = Box::leak(Box::default());
    // SAFETY: as above.
    let waiter = unsafe { wanted.create(memory, Person { number: 1, world }) }.expect("it fits");
    let mortal = wanted.attach(memory, Person { number: 2, world }).expect("it was created");
    wait(&waiter, &mortal);
    // What the dead one has, nobody gives back.
    forget(mortal);
    assert!(world.is_dead(), "it returned before the death");
}

#[test]
fn locks() {
    play(mutex::Options { initial: 0_u64, schema: 0 }, |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock(), Err(LockError::OwnerDied(_))));
    });
    play(mutex::Options { initial: 0_u64, schema: 0 }, |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock_timeout(Duration::from_secs(1)).err(), Some(error) if error.is_owner_died()));
    });
    play(mutex::Options { initial: 0_u64, schema: 0 }, |waiter, mortal| {
        forget(mortal.lock_transaction().unwrap());
        assert!(waiter.lock_transaction().is_ok());
    });
    play(mutex::ReentrantOptions::<u64>::default(), |waiter, mortal| {
        forget(mortal.lock().unwrap());
        assert!(matches!(waiter.lock(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options { initial: 0_u64, ..rwlock::Options::new(4) }, |waiter, mortal| {
        forget(mortal.write().unwrap());
        assert!(matches!(waiter.read(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options { initial: 0_u64, ..rwlock::Options::new(4) }, |waiter, mortal| {
        forget(mortal.write().unwrap());
        assert!(matches!(waiter.write(), Err(LockError::OwnerDied(_))));
    });
    play(rwlock::Options { initial: 0_u64, ..rwlock::Options::new(4) }, |waiter, mortal| {
        forget(mortal.read().unwrap());
        assert!(waiter.write().is_ok());
    });
}

#[test]
fn permits_blocks_and_barriers() {
    play(semaphore::Options { permits: Some(2), ..semaphore::Options::default() }, |waiter, mortal| {
        forget(mortal.acquire().unwrap());
        assert!(waiter.acquire_many(2).is_ok());
    });
    play(loan::Options::<u64>::new(1, 4), |waiter, mortal| {
        forget(mortal.loan(4).unwrap());
        assert!(waiter.loan(4).is_ok());
    });
    play(barrier::Options { parties: Some(2) }, |waiter, mortal| {
        mortal.join().unwrap();
        assert_eq!(waiter.wait().err(), Some(BarrierError::Broken));
    });
}

#[test]
fn the_other_end_of_a_queue() {
    play(queue::Options::<u64>::new(1), |waiter, mortal| {
        let receiver = waiter.receiver().unwrap();
        forget(mortal.sender().unwrap());
        assert_eq!(receiver.recv(), Err(RecvError::Disconnected));
    });
    play(queue::Options::<u64>::new(1), |waiter, mortal| {
        let sender = waiter.sender().unwrap();
        forget(mortal.receiver().unwrap());
        sender.send(1).unwrap();
        assert_eq!(sender.send(2), Err(SendError::Disconnected(2)));
    });
    play(bytes::Options::new(64), |waiter, mortal| {
        let receiver = waiter.receiver().unwrap();
        forget(mortal.sender().unwrap());
        assert_eq!(receiver.recv(&mut [0; 8]), Err(RecvBytesError::Disconnected));
    });
    play(spsc::Options::<u64>::new(4), |waiter, mortal| {
        let mut consumer = waiter.consumer().unwrap();
        forget(mortal.producer().unwrap());
        assert_eq!(consumer.recv(), Err(RecvError::Disconnected));
    });
}
