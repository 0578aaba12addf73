//! The words of a queue with levels, and where its rings lie.

use crate::ends::{Presence, Role};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::queue::Lone;
use crate::ring::{self, Position, Ring};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Gate;

/// The most levels.
pub(super) const MOST_LEVELS: usize = 16;

/// The words besides the rings.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    pub(super) gates: Gates,
    senders: Presence,
    receivers: Presence,
}

/// The words that everybody reads and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Gates {
    /// Receivers sleep here.
    pub(super) items: Gate,
    /// Not 0 once somebody has begun to close: who sees it completes the closing, in the tails.
    pub(super) closing: AtomicU32,
    /// How many levels there are. Written once.
    levels: AtomicU32,
    /// Every how many receives of a handle begin at another level than the highest; 0: none. Written once.
    fair: AtomicU32,
    /// Tickets that were given up for dead senders: statistics.
    given_up: AtomicU64,
}

/// The words of a level besides its slots.
#[repr(C, align(128))]
#[derive(Debug)]
struct Level {
    tail: Lone,
    head: AtomicU64,
    /// Its senders sleep here. A receiver has just written the word before.
    space: Gate,
}

/// Bytes from the start of the object to the words of the first ring.
const LEVELS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(LEVELS_OFFSET == 512 && size_of::<Level>() == 256);

/// The sizes of a queue with levels.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) levels: usize,
    /// Every how many receives of a handle begin at another level than the highest; 0: none.
    pub(super) fair: u32,
    /// Of each level.
    ring: ring::Geometry,
}

impl Geometry {
    /// For this many levels, each for this many elements of this size; `None` if there can be none.
    pub(super) const fn new(capacity: u64, levels: u64, fair: u32, element_size: usize) -> Option<Self> {
        if levels == 0 || levels > MOST_LEVELS as u64 {
            return None;
        }
        match ring::Geometry::new(capacity, 1 + element_size.div_ceil(8)) {
            Some(ring) if ring.cells() <= isize::MAX as usize / 256 => {
                Some(Geometry { levels: levels as usize, fair, ring })
            }
            _ => None,
        }
    }

    /// How many messages fit into each level.
    pub(super) const fn capacity(&self) -> u64 {
        self.ring.capacity()
    }

    const fn slots(&self) -> usize {
        LEVELS_OFFSET + self.levels * size_of::<Level>()
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        let cells = self.levels * self.ring.cells();
        ((self.slots() + cells * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }
}

pub(super) fn geometry_of(shape: &Shape, levels: u64, fair: u32) -> Result<Geometry, ShapeError> {
    if !(1..=MOST_LEVELS as u64).contains(&levels) {
        return Err(ShapeError::Impossible { field: Field::Levels, wanted: levels, most: MOST_LEVELS as u64 });
    }
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    Geometry::new(shape.capacity, levels, fair, shape.element_size as usize).ok_or(impossible)
}

/// A queue in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    levels: &'m [Level],
    cells: &'m [AtomicU64],
    pub(super) geometry: Geometry,
}

// SAFETY: atomics behind the header of every queue with levels.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { gates, senders, receivers }),
        layout!(Gates { items, closing, levels, fair, given_up }),
        layout!(Level { tail, head, space }),
        Fact::number("levels", LEVELS_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // SAFETY: the caller's promise.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        // Relaxed: written before the object was declared complete.
        let [levels, fair] = [&words[0].gates.levels, &words[0].gates.fair].map(|word| word.load(Ordering::Relaxed));
        geometry_of(shape, levels.into(), fair)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let levels = unsafe { memory.atomics(LEVELS_OFFSET, geometry.levels) }.ok_or(too_small)?;
        let cells = geometry.levels * geometry.ring.cells();
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(geometry.slots(), cells) }.ok_or(too_small)?;
        Ok(View { words: &words[0], levels, cells, geometry: *geometry })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry) -> Result<(), ShapeError> {
        let start = Position::new(0);
        let gates = || Gates {
            items: Gate::new(),
            closing: AtomicU32::new(0),
            levels: AtomicU32::new(geometry.levels as u32),
            fair: AtomicU32::new(geometry.fair),
            given_up: AtomicU64::new(0),
        };
        let words = |_| Words { gates: gates(), senders: Presence::new(), receivers: Presence::new() };
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, words) }.ok_or(ShapeError::Missing)?;
        let level = |_| Level {
            tail: Lone(AtomicU64::new(Ring::first_tail(start))),
            head: AtomicU64::new(Ring::first_head(start)),
            space: Gate::new(),
        };
        // SAFETY: the caller's promise.
        unsafe { memory.place(LEVELS_OFFSET, geometry.levels, level) }.ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // As in a plain queue: a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(geometry.slots(), geometry.levels * geometry.ring.cells(), |_| AtomicU64::new(0)) };
        }
        // SAFETY: the words were made just now.
        let view = unsafe { Words::view(memory, geometry)? };
        view.rings().for_each(|ring| ring.initialise(start));
        Ok(())
    }

    /// The ring of a level.
    ///
    /// # Panics
    ///
    /// If there is no such level.
    pub(super) fn ring(&self, level: usize) -> Ring<'m> {
        let (Level { tail, head, .. }, ring) = (&self.levels[level], self.geometry.ring);
        let cells = &self.cells[level * ring.cells()..][..ring.cells()];
        Ring::new(&tail.0, head, cells, ring).expect("as many cells as the geometry says")
    }

    /// Where the senders of a level sleep.
    #[inline(always)]
    pub(super) fn space(&self, level: usize) -> &'m Gate {
        &self.levels[level].space
    }

    /// The head of a level.
    pub(super) fn head(&self, level: usize) -> u64 {
        // Relaxed: a hint.
        self.levels[level].head.load(Ordering::Relaxed)
    }

    /// The rings of all levels, the highest first.
    pub(super) fn rings(&self) -> impl Iterator<Item = Ring<'m>> + use<'m> {
        let view = *self;
        (0..view.geometry.levels).map(move |level| view.ring(level))
    }

    /// The heads of all levels.
    #[inline]
    pub(super) fn heads(&self) -> [u64; MOST_LEVELS] {
        let mut heads = [0; MOST_LEVELS];
        for (head, level) in heads.iter_mut().zip(self.levels) {
            // Acquire: the looks that follow come after it.
            *head = level.head.load(Ordering::Acquire);
        }
        heads
    }

    /// Whether no head has moved since `heads`: no message was taken in between.
    #[inline]
    pub(super) fn are_heads(&self, heads: &[u64; MOST_LEVELS]) -> bool {
        // SeqCst fence is not needed: a taken message that a look missed moved its head before that look read the slot.
        self.levels.iter().zip(heads).all(|(level, head)| level.head.load(Ordering::Acquire) == *head)
    }

    /// Who holds a half of this kind.
    #[inline(always)]
    pub(super) fn presence(&self, role: Role) -> &'m Presence {
        match role {
            Role::Sender => &self.words.senders,
            Role::Receiver => &self.words.receivers,
        }
    }

    /// Where receivers sleep; of senders, those of the highest level: see [`space`](Self::space) and [`tell`](Self::tell).
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        match role {
            Role::Sender => self.space(0),
            Role::Receiver => &self.words.gates.items,
        }
    }

    /// Wakes all receivers, or the senders of all levels.
    pub(super) fn tell<P: Platform + ?Sized>(&self, role: Role, platform: &P) {
        match role {
            Role::Sender => self.levels.iter().for_each(|level| level.space.notify_all(platform)),
            Role::Receiver => self.words.gates.items.notify_all(platform),
        }
    }

    /// Whether every level is closed, and all that was sent is taken.
    pub(super) fn is_drained(&self) -> bool {
        self.rings().all(|ring| ring.is_drained())
    }

    /// Marks the tail of every level, the highest first. Whether one was open.
    pub(super) fn close(&self) -> bool {
        // No short cut: each level is to be marked.
        self.rings().fold(false, |was_open, ring| ring.close() | was_open)
    }

    /// Gives up the unpublished tickets of a dead participant in all levels, removes its halves, and wakes those that waited for it. A second
    /// sweeper is harmless, as that of each ring is.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let given_up: u64 = self.rings().map(|ring| ring.sweep(dead)).sum();
        // Relaxed: statistics.
        self.words.gates.given_up.fetch_add(given_up, Ordering::Relaxed);
        self.words.senders.sweep(dead);
        self.words.receivers.sweep(dead);
        // The dead one may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.levels.iter().for_each(|level| level.space.rouse(platform));
    }

    /// How many messages there are in all levels. A snapshot of each.
    pub(super) fn len(&self) -> u64 {
        self.rings().map(|ring| ring.len()).sum()
    }

    /// The queue's figures.
    pub(super) fn stats(&self) -> Stats {
        let (mut received, mut sent) = (0_u64, 0_u64);
        for ring in self.rings() {
            let counts = ring.counts();
            (received, sent) = (received.wrapping_add(counts.0), sent.wrapping_add(counts.1));
        }
        Stats {
            levels: self.geometry.levels as u32,
            len: self.len(),
            capacity: self.geometry.capacity(),
            sent,
            received,
            given_up: self.words.gates.given_up.load(Ordering::Relaxed),
            closed: self.rings().all(|ring| ring.is_closed()),
        }
    }
}

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many levels there are.
    pub levels: u32,
    /// Messages in all levels, counting those that are being written.
    pub len: u64,
    /// How many fit into each level.
    pub capacity: u64,
    /// Tickets given to senders since the creation.
    pub sent: u64,
    /// Positions that were taken out, or passed over, since the creation.
    pub received: u64,
    /// Tickets that were given up because their sender died before it published.
    pub given_up: u64,
    /// Whether all levels are closed.
    pub closed: bool,
}
