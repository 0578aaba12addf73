//! The broadcast in the memory of a region.

use core::fmt;
use core::marker::PhantomData;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::raw::{Cursor, Missed, Patience, RawBroadcast, Refused, Words};
use crate::error::{Fault, PublishError, RecvBroadcastError, SubscribeError};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, Field, HEADER_BYTES, Kind, ObjectHeader, Shape, ShapeError};
use crate::participant::Dead;
use crate::payload::{check, stride};
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::Instant;
use crate::wait::{Attempt, Reserve, SpinBudget, block_until};

const CURSORS_OFFSET: usize = HEADER_BYTES + size_of::<RawBroadcast>();
const _: () = assert!(CURSORS_OFFSET == 384);

/// The most subscribers that publishers wait for.
const MOST_CURSORS: u32 = 1 << 16;
/// How long a subscriber waits for a living publisher in the middle of a copy, when it joins.
const JOIN_PATIENCE: core::time::Duration = core::time::Duration::from_secs(10);

/// Whether publishers wait for subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They do not: a message takes the place of the oldest one, and slow subscribers are told how many they missed.
    Overwrite,
    /// They wait for the slowest living one, of at most so many.
    Wait {
        /// The most subscribers.
        subscribers: u32,
    },
}

impl Policy {
    const fn cursors(self) -> Option<u32> {
        match self {
            Policy::Overwrite => Some(0),
            Policy::Wait { subscribers } if subscribers == 0 || subscribers > MOST_CURSORS => None,
            Policy::Wait { subscribers } => Some(subscribers),
        }
    }
}

/// Bytes of the slots' begin, and of all.
const fn plan(capacity: u64, stride: usize, cursors: u32) -> Option<(usize, u64)> {
    if capacity == 0 || capacity > 1 << 40 {
        return None;
    }
    let slots = CURSORS_OFFSET + cursors as usize * size_of::<Cursor>();
    match (capacity.next_power_of_two() as usize).checked_mul(stride * 8) {
        Some(bytes) if bytes < isize::MAX as usize / 2 => {
            Some((slots, ((slots + bytes) as u64).next_multiple_of(OBJECT_ALIGN as u64)))
        }
        _ => None,
    }
}

/// Bytes of a broadcast of `T`, a multiple of the object alignment; `None` if there can be none.
pub const fn footprint<T>(capacity: u64, policy: Policy) -> Option<u64> {
    match policy.cursors() {
        Some(cursors) => match plan(capacity, stride::<T>(), cursors) {
            Some((_, bytes)) => Some(bytes),
            None => None,
        },
        None => None,
    }
}

fn raw(memory: Memory<'_>) -> Result<&RawBroadcast, ShapeError> {
    let too_small = ShapeError::TooSmall { wanted: CURSORS_OFFSET as u64, found: memory.len() as u64 };
    // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
    unsafe { memory.atomics::<RawBroadcast>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
}

fn words(memory: Memory<'_>, capacity: u64, stride: usize, cursors: u32) -> Result<Words<'_>, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: capacity };
    let (slots, wanted) = plan(capacity, stride, cursors).ok_or(impossible)?;
    let too_small = ShapeError::TooSmall { wanted, found: memory.len() as u64 };
    // SAFETY: as in `raw`.
    let cursors = unsafe { memory.atomics::<Cursor>(CURSORS_OFFSET, cursors as usize) }.ok_or(too_small)?;
    let count = capacity.next_power_of_two() as usize * stride;
    // SAFETY: as in `raw`.
    let cells = unsafe { memory.atomics::<AtomicU64>(slots, count) }.ok_or(too_small)?;
    Words::new(raw(memory)?, cursors, cells, capacity, stride).ok_or(impossible)
}

/// The words of one that somebody else has made, after its header has been checked against the memory's length.
fn found<'m>(memory: Memory<'m>, shape: &Shape, length: u64) -> Result<(Words<'m>, u32), ShapeError> {
    let cursors = raw(memory)?.cursors();
    let stride = 1 + (shape.element_size as usize).div_ceil(8);
    let wanted = if cursors <= MOST_CURSORS { plan(shape.capacity, stride, cursors) } else { None };
    match wanted {
        Some((_, wanted)) if wanted == length => Ok((words(memory, shape.capacity, stride, cursors)?, cursors)),
        wanted => {
            let wanted = wanted.map_or(0, |(_, wanted)| wanted);
            Err(ShapeError::Differs { field: Field::Length, wanted, found: length })
        }
    }
}

/// Repairs a broadcast of whatever type after a dead participant.
pub fn sweep<P: Platform + ?Sized>(memory: Memory<'_>, dead: &Dead, platform: &P) -> Result<(), ShapeError> {
    let (shape, length) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    found(memory, &shape, length)?.0.sweep(dead, platform);
    Ok(())
}

/// A snapshot of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages published since the creation.
    pub published: u64,
    /// How many are kept.
    pub capacity: u64,
    /// Subscribers that publishers wait for, dead ones that nobody has noticed included.
    pub subscribers: u64,
    /// Whether it is closed.
    pub closed: bool,
}

/// A handle of a broadcast in shared memory: it publishes, and begins subscriptions. See the [module](super) for what it promises.
pub struct Broadcast<'m, T, P> {
    words: Words<'m>,
    budget: SpinBudget,
    platform: P,
    element: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched.
impl<T, P> fmt::Debug for Broadcast<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("capacity", &self.words.capacity).finish_non_exhaustive()
    }
}

impl<'m, T, P: Platform> Broadcast<'m, T, P> {
    fn with(words: Words<'m>, platform: P) -> Self {
        let budget = SpinBudget::new(&platform);
        Broadcast { words, budget, platform, element: PhantomData }
    }

    /// Lays one without messages into `memory`, which the caller has to itself, and declares it complete.
    pub fn create(
        memory: Memory<'m>,
        capacity: u64,
        policy: Policy,
        schema: u64,
        platform: P,
    ) -> Result<Self, ShapeError> {
        let impossible = ShapeError::Capacity { wanted: capacity };
        let (cursors, length) = policy.cursors().zip(footprint::<T>(capacity, policy)).ok_or(impossible)?;
        let words = words(memory, capacity, stride::<T>(), cursors)?;
        let header = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?;
        header.write(&Shape::of::<T>(Kind::Broadcast, capacity, schema), length);
        words.initialise();
        header.publish();
        Ok(Self::with(words, platform))
    }

    /// A handle of the one that somebody else has laid into `memory`. `policy` is compared if it is given.
    pub fn attach(memory: Memory<'m>, policy: Option<Policy>, schema: u64, platform: P) -> Result<Self, ShapeError> {
        let (shape, length) = object::checked(memory, &Shape::of::<T>(Kind::Broadcast, 0, schema))?;
        let (words, cursors) = found(memory, &shape, length)?;
        match policy.and_then(Policy::cursors) {
            Some(wanted) if wanted != cursors => {
                Err(ShapeError::Differs { field: Field::Subscribers, wanted: wanted.into(), found: cursors.into() })
            }
            _ => Ok(Self::with(words, platform)),
        }
    }

    /// Another handle of the same broadcast. Touches no shared memory.
    pub fn with_platform<Q: Platform>(&self, platform: Q) -> Broadcast<'m, T, Q> {
        Broadcast::with(self.words, platform)
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// How many messages are kept.
    pub fn capacity(&self) -> usize {
        self.words.capacity as usize
    }

    /// The figures.
    pub fn stats(&self) -> Stats {
        Stats {
            published: self.words.raw.tail(),
            capacity: self.words.capacity,
            subscribers: self.words.subscribers() as u64,
            closed: self.is_closed(),
        }
    }

    /// Closes it for good; `true` if this call did. A message that is being published at this instant still gets in.
    pub fn close(&self) -> bool {
        self.words.raw.close(&self.platform)
    }

    /// Whether it is closed. Subscribers may still have messages to read.
    pub fn is_closed(&self) -> bool {
        self.words.raw.is_closed()
    }

    /// Begins a subscription for the owner of `platform`, `back` messages back from the newest, as far as they are kept.
    pub fn subscribe<Q: Platform>(&self, platform: Q, back: u64) -> Result<Subscriber<'m, T, Q>, SubscribeError> {
        let deadline = platform.now().saturating_add(JOIN_PATIENCE);
        let (next, cursor) =
            self.words.subscribe(&platform, back, &self.budget, Some(deadline)).map_err(|refused| match refused {
                Refused::NotNow | Refused::Closed => SubscribeError::Full { max: self.words.raw.cursors() },
                Refused::Busy => SubscribeError::Busy,
                Refused::Corrupted => SubscribeError::Fault(Fault::Corrupted),
            })?;
        let budget = SpinBudget::new(&platform);
        Ok(Subscriber { words: self.words, next, cursor, budget, platform, element: PhantomData })
    }
}

impl<T: NoUninit, P: Platform> Broadcast<'_, T, P> {
    #[inline]
    fn publish_now(&self, value: &T, patience: Patience) -> Result<u64, Refused> {
        self.words.publish(&self.platform, value, &self.budget, patience)
    }

    /// Publishes, if there is room: the number of the message. Waits for other publishers in the middle of their copies, not for
    /// subscribers. Where publishers wait for subscribers, dead ones that are in the way are dropped (a system call or two).
    pub fn try_publish(&self, value: T) -> Result<u64, PublishError<T>> {
        let mut published = self.publish_now(&value, Patience::None);
        if published == Err(Refused::NotNow) && self.words.drop_dead(&self.platform) {
            published = self.publish_now(&value, Patience::None);
        }
        published.map_err(|refused| match refused {
            Refused::NotNow | Refused::Busy => PublishError::Full(value),
            Refused::Closed => PublishError::Closed(value),
            Refused::Corrupted => PublishError::Fault(value, Fault::Corrupted),
        })
    }

    /// The same; waits for the slowest subscriber, until `deadline` at most (`None`: for ever).
    pub fn publish(&self, value: T, deadline: Option<Instant>) -> Result<u64, PublishError<T>> {
        let first = match self.publish_now(&value, Patience::Until(deadline)) {
            Err(Refused::NotNow) => self.publish_waiting(&value, deadline),
            published => published,
        };
        first.map_err(|refused| match refused {
            Refused::NotNow | Refused::Busy => PublishError::Timeout(value),
            Refused::Closed => PublishError::Closed(value),
            Refused::Corrupted => PublishError::Fault(value, Fault::Corrupted),
        })
    }

    #[cold]
    fn publish_waiting(&self, value: &T, deadline: Option<Instant>) -> Result<u64, Refused> {
        let mut reserve = Reserve::new();
        let attempt = |thorough: bool| {
            if reserve.waits_for_more(&self.platform, thorough, self.words.capacity, || self.words.room()) {
                return Attempt::NotYet;
            }
            match self.publish_now(value, Patience::Until(deadline)) {
                Err(Refused::NotNow) if thorough && self.words.drop_dead(&self.platform) => Attempt::Again,
                // Who is in the way may die, or read no more than a few messages: neither wakes us.
                Err(Refused::NotNow) => Attempt::Suspect,
                result => Attempt::Done(result),
            }
        };
        let published = block_until(&self.platform, self.words.raw.space(), &self.budget, deadline, attempt)
            .unwrap_or(Err(Refused::NotNow));
        self.budget.learn_found(|| self.words.room());
        published
    }
}

/// One who sees every message from some position on. Ends when it is dropped.
pub struct Subscriber<'m, T, P: Platform> {
    words: Words<'m>,
    next: u64,
    cursor: Option<usize>,
    budget: SpinBudget,
    platform: P,
    element: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched.
impl<T, P: Platform> fmt::Debug for Subscriber<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("next", &self.next).finish_non_exhaustive()
    }
}

impl<T, P: Platform> Subscriber<'_, T, P> {
    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The number of the next message that it wants.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many messages it has still to read, with those that it has missed already. A snapshot.
    pub fn len(&self) -> u64 {
        self.words.raw.tail().wrapping_sub(self.next)
    }

    /// Whether it has read all. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: CheckedBitPattern, P: Platform> Subscriber<'_, T, P> {
    fn receive(&mut self) -> Result<T, RecvBroadcastError> {
        match self.words.receive::<T, P>(&self.platform, &mut self.next, self.cursor) {
            Ok(value) => check(value).map_err(RecvBroadcastError::Fault),
            Err(Missed::Nothing) => Err(RecvBroadcastError::Empty),
            Err(Missed::Lagged(missed)) => Err(RecvBroadcastError::Lagged(missed)),
            Err(Missed::Corrupted) => Err(RecvBroadcastError::Fault(Fault::Corrupted)),
        }
    }

    /// The next message, if it was published. Never waits.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, RecvBroadcastError> {
        match self.receive() {
            // What was published before the closing is visible now.
            Err(RecvBroadcastError::Empty) if self.words.raw.is_closed() => match self.receive() {
                Err(RecvBroadcastError::Empty) => Err(RecvBroadcastError::Closed),
                received => received,
            },
            received => received,
        }
    }

    /// The same; waits for it, until `deadline` at most (`None`: for ever).
    #[inline]
    pub fn recv(&mut self, deadline: Option<Instant>) -> Result<T, RecvBroadcastError> {
        match self.try_recv() {
            Err(RecvBroadcastError::Empty) => self.recv_waiting(deadline),
            received => received,
        }
    }

    #[cold]
    fn recv_waiting(&mut self, deadline: Option<Instant>) -> Result<T, RecvBroadcastError> {
        let (raw, next) = (self.words.raw, self.next);
        let attempt = |_| if raw.tail() != next || raw.is_closed() { Attempt::Done(()) } else { Attempt::NotYet };
        if block_until(&self.platform, raw.items(), &self.budget, deadline, attempt).is_none() {
            return Err(RecvBroadcastError::Timeout);
        }
        self.budget.learn_found(|| self.len());
        self.budget.gather(self.words.capacity / 2, || self.len());
        self.try_recv()
    }
}

impl<T, P: Platform> Drop for Subscriber<'_, T, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.words.unsubscribe(&self.platform, self.cursor);
        }
    }
}
