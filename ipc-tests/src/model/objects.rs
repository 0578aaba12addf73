//! Objects in memory of their own, without a region around them.

use std::sync::Arc;
use std::time::Duration;

use ipc_core::memory::{Memory, OBJECT_ALIGN};
use ipc_core::object::{Blueprint, Geometry, Object};
use ipc_core::participant::{Dead, NotSeized, ParticipantId};
use ipc_core::platform::{Platform, WaitOutcome};
use ipc_core::queue::{self, Queue};
use ipc_core::ring::{self, Position, Ring, stride};
use ipc_core::semaphore;
use ipc_core::sync::{AtomicU32, AtomicU64};
use ipc_core::time::Instant;

use super::{Actor, id};

/// A ring's words.
pub struct RingWords {
    tail: AtomicU64,
    head: AtomicU64,
    cells: Vec<AtomicU64>,
    geometry: ring::Geometry,
}

fn cells(geometry: &ring::Geometry) -> Vec<AtomicU64> {
    (0..geometry.cells()).map(|_| AtomicU64::new(0)).collect()
}

impl RingWords {
    /// An empty ring of `T` whose first message gets position `start`.
    pub fn new<T>(capacity: u64, start: u64) -> Arc<Self> {
        let geometry = ring::Geometry::new(capacity, stride::<T>()).expect("a geometry");
        let words = RingWords { tail: AtomicU64::new(0), head: AtomicU64::new(0), cells: cells(&geometry), geometry };
        words.ring().initialise(Position::new(start));
        Arc::new(words)
    }

    /// The view of them.
    pub fn ring(&self) -> Ring<'_> {
        Ring::new(&self.tail, &self.head, &self.cells, self.geometry).expect("the length is right")
    }
}

/// An object in memory of its own, laid there by the shipped `create`. It is the creator's handle, for looking; each actor makes
/// its [own](Self::handle).
pub struct Shared<B: Blueprint> {
    handle: B::Handle<'static, Creator>,
    wanted: B,
    memory: Memory<'static>,
    geometry: Geometry<B>,
    // Dropped after the handle. The words need no drop.
    _room: Vec<Line>,
}

#[repr(align(128))]
#[derive(Clone, Copy)]
struct Line(#[allow(dead_code, reason = "room")] [u8; OBJECT_ALIGN]);

impl<B: Blueprint> Shared<B> {
    /// A new object like this.
    pub fn new(wanted: B) -> Arc<Self> {
        let bytes = wanted.bytes().expect("a possible object") as usize;
        let mut room = vec![Line([0; OBJECT_ALIGN]); bytes.div_ceil(OBJECT_ALIGN)];
        let start = std::ptr::NonNull::new(room.as_mut_ptr()).expect("not null").cast();
        // SAFETY: aligned, initialised, ours, and alive as long as the handle; others get handles that borrow from us.
        let memory = unsafe { Memory::from_raw(start, bytes) };
        // SAFETY: nobody else knows it.
        let handle = unsafe { wanted.create(memory, Creator) }.expect("it fits");
        let (_, geometry) = wanted.complete().expect("a possible object");
        Arc::new(Shared { handle, wanted, memory, geometry, _room: room })
    }

    /// A handle for `actor`, made by the shipped code without a check of the header: in a model, that would be seven more loads.
    pub fn handle(&self, actor: &Actor) -> B::Handle<'static, Actor> {
        // SAFETY: the object was made to this blueprint.
        unsafe { self.wanted.handle(self.memory, &self.geometry, actor.clone()) }.expect("an object")
    }

    /// A handle of another type, which must lie in the same words.
    pub fn handle_as<W: Blueprint<Object = B::Object>>(&self, wanted: &W, actor: &Actor) -> W::Handle<'static, Actor> {
        // SAFETY: the words are those of the same object; what users keep in them is the test's affair.
        unsafe { wanted.handle(self.memory, &self.geometry, actor.clone()) }.expect("an object")
    }

    /// Repairs after a dead actor, as a region's sweep does.
    pub fn sweep(&self, dead: &Dead, actor: &Actor) {
        // SAFETY: the object was made to this blueprint.
        let view = unsafe { B::Object::view(self.memory, &self.geometry) }.expect("an object");
        B::Object::sweep(view, dead, actor);
    }
}

impl<B: Blueprint> std::ops::Deref for Shared<B> {
    type Target = B::Handle<'static, Creator>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

/// Who lays an object out, and does nothing else.
#[derive(Debug)]
pub struct Creator;

// SAFETY: it seizes nobody, and makes one handle, which nobody uses.
unsafe impl Platform for Creator {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, _: &AtomicU32, _: u32, _: Duration) -> WaitOutcome {
        unreachable!("the creator is gone")
    }

    fn wake(&self, _: &AtomicU32, _: u32) -> u32 {
        unreachable!("the creator is gone")
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }

    fn me(&self) -> ParticipantId {
        id(1)
    }

    fn seize(&self, _: ParticipantId) -> Result<(), NotSeized> {
        Err(NotSeized::NotNow)
    }

    fn unseize(&self, _: ParticipantId) {}

    fn light_barrier(&self) {}

    fn heavy_barrier(&self) {}

    fn spinning_helps(&self) -> bool {
        false
    }
}

/// A queue's words.
pub struct QueueWords<T>(Arc<Shared<queue::Options<T>>>);

impl<T> Clone for QueueWords<T> {
    fn clone(&self) -> Self {
        QueueWords(self.0.clone())
    }
}

impl<T> QueueWords<T> {
    /// An empty queue of `T`.
    pub fn new(capacity: u64) -> Self {
        QueueWords(Shared::new(queue::Options::new(capacity)))
    }

    /// Repairs after a dead participant, as [`Shared::sweep`] asks for.
    pub fn sweep(&self, dead: &Dead, actor: &Actor) {
        self.0.sweep(dead, actor);
    }

    /// A handle for `actor`.
    pub fn handle(&self, actor: &Actor) -> Queue<'_, T, Actor> {
        self.0.handle(actor)
    }
}

/// A semaphore's words.
pub type SemaphoreWords = Shared<semaphore::Options>;

impl SemaphoreWords {
    /// A semaphore that begins with this number of permits and has at most `max`.
    pub fn of(permits: u32, max: u32) -> Arc<Self> {
        Shared::new(semaphore::Options { permits: Some(permits), max: Some(max), bounded: false })
    }
}
