//! The handle, and what does not move messages: creating, attaching, looking, closing, repairing.

use core::marker::PhantomData;

use crate::error::Fault;
use crate::participant::{Dead, ParticipantId, Seized};
use crate::platform::Platform;
use crate::ring::{Blocker, Hints, Ring};
use crate::sync::Ordering;
use crate::wait::SpinBudget;

#[cfg(not(loom))]
use crate::memory::Memory;
#[cfg(not(loom))]
use crate::object::{Kind, ObjectHeader, Shape, ShapeError};

#[cfg(not(loom))]
use super::layout;
use super::layout::Parts;
use super::presence::{Presence, Role};

/// A handle of a queue in shared memory. See the [module](super) for what it promises.
///
/// Handles are private and cheap: each process (or thread) has its own, or shares one by reference.
pub struct Queue<'m, T, P> {
    pub(super) parts: Parts<'m>,
    pub(super) platform: P,
    pub(super) me: ParticipantId,
    /// What a producer remembers: while it holds, neither `head` nor the slot before need be read.
    pub(super) hints: Hints,
    pub(super) recv_budget: SpinBudget,
    pub(super) send_budget: SpinBudget,
    element: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched.
impl<T, P> core::fmt::Debug for Queue<'_, T, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Queue").field("capacity", &self.parts.ring.geometry().capacity()).finish_non_exhaustive()
    }
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages in the queue, counting those that are being written.
    pub len: u64,
    /// How many fit.
    pub capacity: u64,
    /// Tickets given to senders since the creation, modulo 2^52.
    pub sent: u64,
    /// Positions that were taken out (or passed over) since the creation, modulo 2^52.
    pub received: u64,
    /// Tickets that were given up because their sender died before it published.
    pub given_up: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

#[cfg(not(loom))]
impl<'m, T, P: Platform> Queue<'m, T, P> {
    /// Bytes of memory that a queue of `T` with this capacity takes.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space (at compile time in a `const`).
    pub const fn required_bytes(capacity: u64) -> u64 {
        match layout::geometry::<T>(capacity) {
            Some(geometry) => layout::bytes(&geometry),
            None => panic!("a queue's capacity is at least 1 and fits the address space"),
        }
    }

    /// Lays an empty queue into `memory`, which the caller has to itself, and declares it complete.
    ///
    /// `schema` is the users' own number for the meaning of `T`; 0 for none.
    pub fn create(memory: Memory<'m>, capacity: u64, schema: u64, platform: P) -> Result<Self, ShapeError> {
        Self::create_at(memory, capacity, schema, platform, 0)
    }

    /// [`create`](Self::create) with a first position other than 0: for tests of the wrap at 2^52.
    #[doc(hidden)]
    pub fn create_at(
        memory: Memory<'m>,
        capacity: u64,
        schema: u64,
        platform: P,
        start: u64,
    ) -> Result<Self, ShapeError> {
        let geometry = layout::geometry::<T>(capacity).ok_or(ShapeError::Capacity { wanted: capacity })?;
        let parts = Parts::of(memory, geometry)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Shape::of::<T>(Kind::Queue, capacity, schema), layout::bytes(&geometry));
        parts.initialise(start);
        header.publish();
        Ok(Self::over(parts, platform))
    }

    /// A handle of the queue that somebody else has laid into `memory`. Element size, alignment and schema are
    /// compared with `T` and `schema`.
    pub fn attach(memory: Memory<'m>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let inspector = Inspector::attach(memory)?;
        inspector.shape.check(&Shape::of::<T>(Kind::Queue, 0, schema))?;
        Ok(Self::over(inspector.parts, platform))
    }
}

impl<'m, T, P: Platform> Queue<'m, T, P> {
    /// A handle over parts that exist already: of a model, or of another handle.
    pub fn over(parts: Parts<'m>, platform: P) -> Self {
        Self::with_hints(parts, platform, parts.ring.hints())
    }

    fn with_hints(parts: Parts<'m>, platform: P, hints: Hints) -> Self {
        let recv_budget = SpinBudget::new(&platform);
        let send_budget = SpinBudget::new(&platform);
        let me = platform.me();
        Queue { parts, platform, me, hints, recv_budget, send_budget, element: PhantomData }
    }

    /// Another handle of the same queue. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Queue<'m, T, Q> {
        Queue::with_hints(self.parts, platform, self.hints.for_another())
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Messages in the queue, counting those that are being written. A snapshot: others may send and receive
    /// meanwhile. Two loads.
    pub fn len(&self) -> usize {
        self.parts.ring.len() as usize
    }

    /// Whether there is no message, not even one that is being written. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.parts.ring.is_empty()
    }

    /// Whether there is no room. A snapshot.
    pub fn is_full(&self) -> bool {
        self.parts.ring.len() >= self.parts.ring.geometry().capacity()
    }

    /// How many messages fit.
    pub fn capacity(&self) -> usize {
        self.parts.ring.geometry().capacity() as usize
    }

    /// The queue's figures.
    pub fn stats(&self) -> Stats {
        stats(&self.parts)
    }

    /// Closes the queue for everybody, for good. Senders fail from now on and get their value back; receivers
    /// drain what is there and then end; all sleepers are woken. `true` if this call began it (it may be somebody else who completes
    /// a closing whose author was killed).
    ///
    /// The closing is one step: when it returned, no later message can get in. A closer that is killed on the way
    /// has closed the queue or not; whoever notices a half-done closing completes it.
    pub fn close(&self) -> bool {
        // Release: who sees `closing` and completes it does so after everything that we did. The closing itself
        // is the flag in `tail`; it is ours even if somebody else completes it.
        let first = self.parts.control.gates.closing.swap(1, Ordering::AcqRel) == 0;
        self.parts.ring.close();
        self.parts.control.gates.items.notify_all(&self.platform);
        self.parts.control.gates.space.notify_all(&self.platform);
        first
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        if self.parts.ring.is_closed() {
            return true;
        }
        self.complete_closing()
    }

    /// If a closing has begun: completes it, for its author may be dead. Says whether one had begun. One load of a
    /// line that is hardly ever written.
    #[inline]
    pub(super) fn complete_closing(&self) -> bool {
        let begun = self.parts.control.gates.closing.load(Ordering::Acquire) != 0;
        if begun && !self.parts.ring.is_closed() {
            self.parts.ring.close();
            self.parts.control.gates.items.notify_all(&self.platform);
            self.parts.control.gates.space.notify_all(&self.platform);
        }
        begun
    }

    /// Adds the caller to the participants that hold a half of this kind. Call once a participant, on its first.
    pub fn join(&self, role: Role) {
        self.presence(role).join(self.platform.me());
    }

    /// Removes the caller again, and wakes the other side so that it can notice.
    pub fn leave(&self, role: Role) {
        self.presence(role).leave(self.platform.me());
        let gates = &self.parts.control.gates;
        match role {
            Role::Sender => gates.items.notify_all(&self.platform),
            Role::Receiver => gates.space.notify_all(&self.platform),
        }
    }

    fn presence(&self, role: Role) -> &'m Presence {
        match role {
            Role::Sender => &self.parts.control.senders,
            Role::Receiver => &self.parts.control.receivers,
        }
    }

    /// Whether somebody has held a half of this kind, and nobody alive does any more. Dead holders are removed on
    /// the way: a system call or two for each, and one for the first that lives.
    pub fn is_deserted(&self, role: Role) -> bool {
        self.presence(role).was_seen() && !self.has_living(role)
    }

    /// Whether the set of this role is empty although somebody was there, without asking who lives: no system call.
    pub fn is_left(&self, role: Role) -> bool {
        let presence = self.presence(role);
        presence.was_seen() && presence.members().next().is_none()
    }

    fn has_living(&self, role: Role) -> bool {
        self.presence(role).members().any(|who| {
            if who == self.platform.me() {
                return true;
            }
            match Seized::try_new(&self.platform, who) {
                None => true,
                Some(seized) => {
                    self.sweep(seized.dead());
                    false
                }
            }
        })
    }

    /// Repairs what a dead participant has left in this queue: its unpublished tickets are given up, its halves
    /// removed, and whoever waited for it is woken. Idempotent.
    pub fn sweep(&self, dead: &Dead) {
        sweep(&self.parts, dead, &self.platform);
    }

    /// For a producer that finds the queue full: gives up and passes over what dead producers have left at the head, so
    /// that it does not take a consumer to see that there is room. Whether that made any.
    #[cold]
    pub(super) fn make_room(&self) -> bool {
        if let Blocker::Owner(_) = self.parts.ring.blocker() {
            self.unblock();
        }
        let freed = self.parts.ring.skip_voids();
        if freed != 0 {
            self.parts.control.gates.space.notify(&self.platform, move || freed);
        }
        freed != 0
    }

    /// Looks at who holds up the head, and repairs after it if it is dead.
    pub(super) fn unblock(&self) -> Unblocked {
        match self.parts.ring.blocker() {
            Blocker::Nobody => Unblocked::Empty,
            Blocker::Moved => Unblocked::Again,
            Blocker::Corrupted => Unblocked::Corrupted,
            Blocker::Owner(owner) => match Seized::try_new(&self.platform, owner) {
                Some(seized) => {
                    self.sweep(seized.dead());
                    Unblocked::Again
                }
                None => Unblocked::Suspect,
            },
        }
    }
}

/// What [`Queue::unblock`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unblocked {
    Empty,
    Again,
    Suspect,
    Corrupted,
}

fn stats(parts: &Parts<'_>) -> Stats {
    let (received, sent) = parts.ring.counts();
    Stats {
        len: parts.ring.len(),
        capacity: parts.ring.geometry().capacity(),
        sent,
        received,
        given_up: parts.control.gates.given_up.load(Ordering::Relaxed),
        closed: parts.ring.is_closed(),
    }
}

fn sweep<P: Platform + ?Sized>(parts: &Parts<'_>, dead: &Dead, platform: &P) {
    let given_up = parts.ring.sweep(dead);
    parts.count_given_up(given_up);
    parts.control.senders.sweep(dead);
    parts.control.receivers.sweep(dead);
    // The dead one may also have owed a wake-up.
    parts.control.gates.items.notify_all(platform);
    parts.control.gates.space.notify_all(platform);
}

/// A queue of any element type, for looking at and for repair: no message moves.
#[derive(Clone, Copy, Debug)]
pub struct Inspector<'m> {
    pub(super) parts: Parts<'m>,
    #[cfg(not(loom))]
    shape: Shape,
}

impl<'m> Inspector<'m> {
    /// The queue in `memory`, after its header has been checked against the memory's length. Only loads, so
    /// read-only memory will do.
    #[cfg(not(loom))]
    pub fn attach(memory: Memory<'m>) -> Result<Self, ShapeError> {
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        let (shape, length) = header.read()?;
        if shape.kind != Kind::Queue {
            return Err(ShapeError::Kind { wanted: Kind::Queue, found: shape.kind as u32 });
        }
        let stride = 1 + (shape.element_size as usize).div_ceil(8);
        let geometry = crate::ring::Geometry::new(shape.capacity, stride)
            .ok_or(ShapeError::Capacity { wanted: shape.capacity })?;
        let wanted = layout::bytes(&geometry);
        if length != wanted {
            return Err(ShapeError::Differs { field: crate::object::Field::Length, wanted, found: length });
        }
        Ok(Inspector { parts: Parts::of(memory, geometry)?, shape })
    }

    /// What the header says.
    #[cfg(not(loom))]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The queue's figures.
    pub fn stats(&self) -> Stats {
        stats(&self.parts)
    }

    /// The participants that hold a half of this kind, dead ones not yet swept included.
    pub fn members(&self, role: Role) -> impl Iterator<Item = ParticipantId> {
        match role {
            Role::Sender => self.parts.control.senders.members(),
            Role::Receiver => self.parts.control.receivers.members(),
        }
    }

    /// See [`Queue::sweep`].
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        sweep(&self.parts, dead, platform);
    }
}

impl<T, P> Queue<'_, T, P> {
    pub(super) fn ring(&self) -> &Ring<'_> {
        &self.parts.ring
    }

    pub(super) const CORRUPTED: Fault = Fault::Corrupted;
}
