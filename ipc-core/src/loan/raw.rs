//! The ring of block numbers, and whose each block is.

use crate::participant::{Dead, ParticipantId, Seized};
use crate::platform::Platform;
use crate::queue::Lone;
use crate::sync::{self, AtomicU32, AtomicU64, Ordering, spin_hint};
use crate::wait::EventCount;

/// Steps of one operation that others may spoil in a row before the words are declared corrupted.
const ATTEMPTS: u32 = 1 << 16;

const BLOCK_BITS: u32 = 20;
const BLOCK: u64 = (1 << BLOCK_BITS) - 1;
const STATE: u64 = 0b11;
const FREE: u64 = 0;
const OWNED: u64 = 1;
const QUEUED: u64 = 2;
const OWNER_SHIFT: u32 = 2;
const OWNER: u64 = 0x3ff;

/// The most blocks.
pub(super) const MOST_BLOCKS: u64 = BLOCK;

/// Why nothing was lent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No free block; or no message.
    NotNow,
    /// A word makes no sense.
    Corrupted,
}

/// The words besides the slots and the blocks'.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct RawLoans {
    tail: Lone,
    head: Lone,
    gates: Gates,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    items: EventCount,
    blocks: EventCount,
    closed: AtomicU32,
    _reserved: AtomicU32,
    /// Elements of a block; written once.
    block_len: AtomicU64,
}

/// What belongs to a block, on a line of its own: whoever has the block has the line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Block {
    state: AtomicU64,
    /// Elements of the message in it.
    len: AtomicU64,
}

impl Block {
    /// A free block, in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Block { state: AtomicU64::new(FREE), len: AtomicU64::new(0) }
    }
}

/// The words of a queue as one participant sees them.
#[derive(Clone, Copy, Debug)]
pub struct Words<'m> {
    pub(super) raw: &'m RawLoans,
    slots: &'m [AtomicU64],
    blocks: &'m [Block],
}

/// A position, of which the words hold the low 44 bits.
fn in_word(position: u64) -> u64 {
    position << BLOCK_BITS
}

/// How far the position in a word is ahead of another, signed, modulo 2^44.
fn ahead(word: u64, position: u64) -> i64 {
    ((word & !BLOCK).wrapping_sub(in_word(position)) as i64) >> BLOCK_BITS
}

fn owned(me: ParticipantId) -> u64 {
    OWNED | u64::from(me.get()) << OWNER_SHIFT
}

fn queued(me: ParticipantId, position: u64) -> u64 {
    QUEUED | u64::from(me.get()) << OWNER_SHIFT | in_word(position)
}

fn owner(block: u64) -> Option<ParticipantId> {
    ParticipantId::new((block >> OWNER_SHIFT & OWNER) as u16)
}

impl RawLoans {
    /// The words of an empty queue in a model, whose first message gets position `start`.
    #[cfg(loom)]
    pub fn new(start: u64) -> Self {
        RawLoans {
            tail: Lone(AtomicU64::new(start)),
            head: Lone(AtomicU64::new(start)),
            gates: Gates {
                items: EventCount::new(),
                blocks: EventCount::new(),
                closed: AtomicU32::new(0),
                _reserved: AtomicU32::new(0),
                block_len: AtomicU64::new(1),
            },
        }
    }

    /// Where receivers sleep.
    pub fn items(&self) -> &EventCount {
        &self.gates.items
    }

    /// Where those sleep who want a block.
    pub fn free_blocks(&self) -> &EventCount {
        &self.gates.blocks
    }

    /// Elements of a block.
    #[cfg(not(loom))]
    pub(super) fn block_len(&self) -> u64 {
        self.gates.block_len.load(Ordering::Relaxed)
    }

    /// Whether the queue is closed.
    pub fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`: who finds it closed finds all that was sent before.
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes the queue: `true` if it was open. Wakes everybody.
    pub fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.wake_all(platform);
        first
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.blocks.notify_all(platform);
    }
}

impl<'m> Words<'m> {
    /// A queue over these words. `None` unless the slots are a power of two and at least as many as the blocks (L1).
    pub fn new(raw: &'m RawLoans, slots: &'m [AtomicU64], blocks: &'m [Block]) -> Option<Self> {
        let fits = slots.len().is_power_of_two() && slots.len() >= blocks.len() && blocks.len() as u64 <= MOST_BLOCKS;
        (fits && !blocks.is_empty()).then_some(Words { raw, slots, blocks })
    }

    /// Writes the words of an empty queue whose first message gets position `start`. The caller has them to itself.
    pub fn initialise(&self, start: u64, block_len: u64) {
        // Relaxed: the words become visible with the publication of the whole object.
        let slots = self.slots.len() as u64;
        for before in 1..=slots {
            let position = start.wrapping_sub(before);
            self.slot(position).store(in_word(position), Ordering::Relaxed);
        }
        for block in self.blocks {
            block.state.store(FREE, Ordering::Relaxed);
            block.len.store(0, Ordering::Relaxed);
        }
        self.raw.tail.0.store(start, Ordering::Relaxed);
        self.raw.head.0.store(start, Ordering::Relaxed);
        self.raw.gates.block_len.store(block_len, Ordering::Relaxed);
        #[cfg(not(loom))]
        {
            self.raw.gates.items.initialise();
            self.raw.gates.blocks.initialise();
            self.raw.gates.closed.store(0, Ordering::Relaxed);
        }
    }

    fn slot(&self, position: u64) -> &'m AtomicU64 {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// A free block for the caller; the search begins at `hint`. Lock-free.
    #[inline]
    pub fn lend(&self, me: ParticipantId, hint: usize) -> Result<usize, Refused> {
        let count = self.blocks.len();
        let mut index = if hint < count { hint } else { 0 };
        for _ in 0..count {
            let block = &self.blocks[index].state;
            let word = block.load(Ordering::Relaxed);
            // Success Acquire, "free".
            if word & STATE == FREE
                && block.compare_exchange(word, owned(me), Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Ok(index);
            }
            index = if index + 1 < count { index + 1 } else { 0 };
        }
        Err(Refused::NotNow)
    }

    /// Notes how many elements the message has in a block that the caller owns.
    #[inline]
    pub fn set_len(&self, index: usize, len: u64) {
        // Relaxed: "sent" makes it visible.
        self.blocks[index].len.store(len, Ordering::Relaxed);
    }

    /// How many elements the message has in a block that the caller owns.
    #[inline]
    pub fn message_len(&self, index: usize) -> u64 {
        self.blocks[index].len.load(Ordering::Relaxed)
    }

    /// Sends a block that the caller owns. Lock-free.
    #[inline]
    pub fn send<P: Platform + ?Sized>(&self, platform: &P, index: usize) -> Result<(), Refused> {
        let me = platform.me();
        for attempt in 0..ATTEMPTS {
            let tail = self.raw.tail.0.load(Ordering::Acquire);
            let slot = self.slot(tail);
            let word = slot.load(Ordering::Acquire);
            match ahead(word, tail) {
                ..0 => {
                    // Nobody else changes a block that we own: a store.
                    sync::publish(&self.blocks[index].state, queued(me, tail));
                    // Success Release, "sent"; Acquire for the next lap's owner of nothing, so that all are alike.
                    let sent = in_word(tail) | index as u64;
                    if slot.compare_exchange(word, sent, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        self.help(&self.raw.tail.0, tail);
                        self.raw.gates.items.notify(platform, || 1);
                        return Ok(());
                    }
                }
                0 => self.help(&self.raw.tail.0, tail),
                // `tail` was stale.
                1.. => back_off(attempt),
            }
        }
        // Ours again, to be given back.
        sync::publish(&self.blocks[index].state, owned(me));
        Err(Refused::Corrupted)
    }

    /// Takes the oldest message: its block, which is the caller's from then on. Lock-free.
    #[inline]
    pub fn receive(&self, me: ParticipantId) -> Result<usize, Refused> {
        for _ in 0..ATTEMPTS {
            let head = self.raw.head.0.load(Ordering::Acquire);
            // Acquire, "sent".
            let word = self.slot(head).load(Ordering::Acquire);
            let lag = ahead(word, head);
            if lag < 0 {
                return Err(Refused::NotNow);
            }
            if lag == 0 {
                let index = (word & BLOCK) as usize;
                let Some(Block { state: block, .. }) = self.blocks.get(index) else { return Err(Refused::Corrupted) };
                let state = block.load(Ordering::Relaxed);
                if state & STATE == QUEUED
                    && ahead(state, head) == 0
                    // AcqRel: the last reader's "free" is carried on by whoever has it now.
                    && block.compare_exchange(state, owned(me), Ordering::AcqRel, Ordering::Relaxed).is_ok()
                {
                    self.help(&self.raw.head.0, head);
                    return Ok(index);
                }
            }
            // Received by somebody else (L3).
            self.help(&self.raw.head.0, head);
        }
        Err(Refused::Corrupted)
    }

    /// Moves `tail` or `head` past a position whose message was sent or received, unless somebody has.
    #[inline]
    fn help(&self, end: &AtomicU64, position: u64) {
        // Release: who reads the new position finds the slot at least as we did.
        let _ = end.compare_exchange(position, position.wrapping_add(1), Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Gives back a block that the caller owns. One store, and a look at the sleepers.
    #[inline]
    pub fn give_back<P: Platform + ?Sized>(&self, platform: &P, index: usize) {
        // Release, "free".
        sync::publish(&self.blocks[index].state, FREE);
        self.raw.gates.blocks.notify(platform, || 1);
    }

    /// Messages that were sent and not received. A snapshot.
    pub fn len(&self) -> u64 {
        let head = self.raw.head.0.load(Ordering::Acquire);
        self.raw.tail.0.load(Ordering::Acquire).wrapping_sub(head).min(self.blocks.len() as u64)
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Blocks that nobody has. A snapshot; looks at all of them.
    pub fn free(&self) -> usize {
        self.blocks.iter().filter(|block| block.state.load(Ordering::Relaxed) & STATE == FREE).count()
    }

    /// Looks for dead owners of blocks that they do not need any more, and repairs after those that it finds: whether there was one.
    /// A system call for each owner.
    #[cold]
    pub fn find_dead<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let mut found = false;
        let mut last = None;
        for (index, Block { state, .. }) in self.blocks.iter().enumerate() {
            let word = state.load(Ordering::Acquire);
            if word & STATE == FREE || self.is_sent(index, word) {
                continue;
            }
            let Some(who) = owner(word).filter(|who| last != Some(*who)) else { continue };
            last = Some(who);
            if let Some(seized) = Seized::try_new(platform, who) {
                self.sweep(seized.dead(), platform);
                found = true;
            }
        }
        found
    }

    /// Whether a block is a message in the queue: its owner's part in it is over.
    fn is_sent(&self, index: usize, word: u64) -> bool {
        // Acquire: if the slot names another block, it is because this one was not sent, or was received; then it has changed.
        word & STATE == QUEUED
            && self.slot(word >> BLOCK_BITS).load(Ordering::Acquire) == (word & !BLOCK) | index as u64
    }

    /// Frees the blocks that a dead participant had borrowed, was about to send, or was reading; what it had sent stays. Idempotent.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        for (index, Block { state: block, .. }) in self.blocks.iter().enumerate() {
            let word = block.load(Ordering::Acquire);
            if word & STATE != FREE && owner(word) == Some(dead.who()) && !self.is_sent(index, word) {
                // Release, "swept".
                let _ = block.compare_exchange(word, FREE, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        // It may have owed a wake-up, too.
        self.raw.wake_all(platform);
    }
}

#[cold]
fn back_off(attempt: u32) {
    for _ in 0..(1u32 << attempt.min(6)) {
        spin_hint();
        if cfg!(loom) {
            break;
        }
    }
}
