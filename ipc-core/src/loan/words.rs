//! The words: the ring of block numbers, and whose each block is.

use core::ptr::NonNull;

use super::geometry::Geometry;
use crate::ends::{Presence, Role};
use crate::error::Fault;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, Findings, OwnerBits, ParticipantId};
use crate::place::{Lent, OVERHEAD, Place};
use crate::platform::Platform;
use crate::queue::Lone;
use crate::slots::{Intent, prefetch};
use crate::sync::{self, AtomicU32, AtomicU64, Ordering, spin_hint};
use crate::wait::Gate;

/// Steps of one operation that others may spoil in a row before the words are declared corrupted.
const ATTEMPTS: u32 = 1 << 16;

const BLOCK_BITS: u32 = 20;
const BLOCK: u64 = (1 << BLOCK_BITS) - 1;
const STATE: u64 = 0b11;
const FREE: u64 = 0;
const OWNED: u64 = 1;
const QUEUED: u64 = 2;
const OWNER: OwnerBits = OwnerBits::from(2);

/// The most blocks.
pub(super) const MOST_BLOCKS: u64 = BLOCK;
/// Bytes before the elements of a block: in a model, for what checks that a block has one owner.
pub(super) const BLOCK_HEAD: usize = OVERHEAD.next_multiple_of(OBJECT_ALIGN);

/// The words besides the slots and the blocks'.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    tail: Lone,
    head: Lone,
    gates: Gates,
    senders: Presence,
    receivers: Presence,
}

#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    items: Gate,
    blocks: Gate,
    closed: AtomicU32,
    _reserved: AtomicU32,
    /// Elements of a block; written once.
    block_len: AtomicU64,
}

/// What belongs to a block, on a line of its own: its owner has the line.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Block {
    state: AtomicU64,
    /// Elements of the message in it.
    len: AtomicU64,
}

/// Bytes from the start of the object to the ring of block numbers.
pub(super) const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(SLOTS_OFFSET == 768);

/// The queue as one participant sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    slots: &'m [AtomicU64],
    blocks: &'m [Block],
    payload: NonNull<u8>,
    stride: usize,
}

// SAFETY: the pointer is to memory that any number of processes use; which block is whose is the protocol's business.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

/// A position, of which the words hold the low 44 bits.
fn in_word(position: u64) -> u64 {
    position << BLOCK_BITS
}

/// How far the position in a word is ahead of another, signed, modulo 2^44.
fn ahead(word: u64, position: u64) -> i64 {
    ((word & !BLOCK).wrapping_sub(in_word(position)) as i64) >> BLOCK_BITS
}

fn owned(me: ParticipantId) -> u64 {
    OWNED | OWNER.name(me)
}

fn queued(me: ParticipantId, position: u64) -> u64 {
    QUEUED | OWNER.name(me) | in_word(position)
}

fn owner(block: u64) -> Option<ParticipantId> {
    OWNER.owner(block)
}

// SAFETY: atomics behind the header of every loan queue; the blocks are reached through pointers, by their owners.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tail, head, gates, senders, receivers }),
        layout!(Presence),
        layout!(Gates { items, blocks, closed, _reserved, block_len }),
        layout!(Block { state, len }),
        Fact::number("slots", SLOTS_OFFSET),
    ];
    const CAPACITY: Field = Field::Blocks;
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // Relaxed: written before the header was published.
        let block_len = Words::at(memory)?.gates.block_len.load(Ordering::Relaxed);
        Geometry::new(shape.capacity, block_len, shape.element_size as usize, shape.element_align as usize)
            .ok_or(ShapeError::Capacity { wanted: shape.capacity })
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        let words = Words::at(memory)?;
        // SAFETY: the caller vouches for the object.
        let slots = unsafe { memory.atomics(SLOTS_OFFSET, geometry.slots) }.ok_or(too_small)?;
        // SAFETY: as above.
        let blocks = unsafe { memory.atomics(geometry.words, geometry.blocks) }.ok_or(too_small)?;
        let payload = memory.pointer(geometry.payload, geometry.payload_bytes()).ok_or(too_small)?;
        Ok(View { words, slots, blocks, payload, stride: geometry.stride })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }

    fn holds(view: View<'_>, who: ParticipantId) -> bool {
        view.blocks
            .iter()
            .enumerate()
            .any(|(index, block)| view.is_held(index, block.state.load(Ordering::Acquire), who))
    }
}

impl Words {
    /// The words of an empty queue whose first message gets position `start`.
    fn new(start: u64, block_len: usize) -> Self {
        Words {
            tail: Lone(AtomicU64::new(start)),
            head: Lone(AtomicU64::new(start)),
            gates: Gates {
                items: Gate::new(),
                blocks: Gate::new(),
                closed: AtomicU32::new(0),
                _reserved: AtomicU32::new(0),
                block_len: AtomicU64::new(block_len as u64),
            },
            senders: Presence::new(),
            receivers: Presence::new(),
        }
    }

    fn at(memory: Memory<'_>) -> Result<&Words, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: SLOTS_OFFSET as u64, found: memory.len() as u64 };
        // SAFETY: the words are atomics, and these bytes are never viewed as anything else.
        unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }

    fn wake_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.gates.items.notify_all(platform);
        self.gates.blocks.notify_all(platform);
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue whose first message gets position `start`.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry, start: u64) -> Result<(), ShapeError> {
        let Geometry { slots, blocks, .. } = *geometry;
        // Of the last lap: slot i is of the one position in it that falls there.
        let before = start.wrapping_sub(slots as u64);
        let position = |index: usize| before.wrapping_add((index as u64).wrapping_sub(start) & (slots as u64 - 1));
        let free = || Block { state: AtomicU64::new(FREE), len: AtomicU64::new(0) };
        // SAFETY: the caller's promise.
        unsafe {
            memory.place(HEADER_BYTES, 1, |_| Words::new(start, geometry.block_len)).ok_or(ShapeError::Missing)?;
            memory.place(SLOTS_OFFSET, slots, |i| AtomicU64::new(in_word(position(i)))).ok_or(ShapeError::Missing)?;
            memory.place(geometry.words, blocks, |_| free()).ok_or(ShapeError::Missing)?;
        }
        if cfg!(loom) {
            for index in 0..blocks {
                let offset = geometry.payload + index * geometry.stride;
                let start = memory.pointer(offset, BLOCK_HEAD).ok_or(ShapeError::Missing)?;
                // SAFETY: the caller's promise.
                unsafe { Place::<()>::create(start, 1, None) };
            }
        }
        Ok(())
    }

    /// Who holds a half of this kind.
    pub(super) fn presence(&self, role: Role) -> &'m Presence {
        match role {
            Role::Sender => &self.words.senders,
            Role::Receiver => &self.words.receivers,
        }
    }

    /// Where senders sleep, and where receivers do.
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        match role {
            Role::Sender => &self.words.gates.blocks,
            Role::Receiver => &self.words.gates.items,
        }
    }

    /// Whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`: a receiver that finds the queue closed finds all that was sent before.
        self.words.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes the queue: `true` if it was open. Wakes everybody.
    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.words.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.words.wake_all(platform);
        first
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Where a block begins.
    #[inline]
    fn block(&self, index: usize) -> NonNull<u8> {
        assert!(index < self.blocks.len());
        // SAFETY: inside the payload, whose bounds `view` has checked.
        unsafe { self.payload.add(index * self.stride) }
    }

    /// Where the elements of a block lie: at a multiple of the object alignment.
    #[inline]
    pub(super) fn elements<T>(&self, index: usize) -> *mut T {
        // SAFETY: behind the block's head and inside the block.
        unsafe { self.block(index).add(BLOCK_HEAD) }.as_ptr().cast()
    }

    /// A block in its owner's hands, until this is dropped: before the block is sent or given back.
    #[inline]
    pub(super) fn hold(&self, index: usize) -> Lent<()> {
        // SAFETY: nothing of the block but what checks its ownership is reached through this.
        unsafe { Place::at(self.block(index), 1) }.lend()
    }

    fn slot(&self, position: u64) -> &'m AtomicU64 {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Makes a free block the caller's, if there is one. The search begins at `hint`. Lock-free.
    #[inline]
    pub(super) fn lend(&self, me: ParticipantId, hint: usize) -> Option<usize> {
        let count = self.blocks.len();
        let mut index = if hint < count { hint } else { 0 };
        for _ in 0..count {
            let block = &self.blocks[index].state;
            let word = block.load(Ordering::Relaxed);
            // Success Acquire, "free".
            if word & STATE == FREE
                && block.compare_exchange(word, owned(me), Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Some(index);
            }
            index = if index + 1 < count { index + 1 } else { 0 };
        }
        None
    }

    /// Asks for the first lines of the block with this number, whose message is expected: its words and the beginning of its payload.
    #[inline]
    pub(super) fn prefetch_expected(&self, index: usize) {
        // As `lend` takes them in turn.
        let index = if index < self.blocks.len() { index } else { 0 };
        prefetch(core::ptr::from_ref(&self.blocks[index]).cast(), Intent::Read);
        prefetch(self.elements(index), Intent::Read);
    }

    /// How many elements the message has in a block that the caller owns.
    #[inline]
    pub(super) fn message_len(&self, index: usize) -> u64 {
        // Relaxed: behind the "sent" of the receive.
        self.blocks[index].len.load(Ordering::Relaxed)
    }

    /// Sends a message of `len` elements in a block that the caller owns. Lock-free. On an error the caller still owns it.
    #[inline]
    pub(super) fn send<P: Platform + ?Sized>(&self, platform: &P, index: usize, len: usize) -> Result<(), Fault> {
        let me = platform.me();
        // Relaxed: "sent" makes it visible.
        self.blocks[index].len.store(len as u64, Ordering::Relaxed);
        for attempt in 0..ATTEMPTS {
            let tail = self.words.tail.0.load(Ordering::Acquire);
            let slot = self.slot(tail);
            let word = slot.load(Ordering::Acquire);
            match ahead(word, tail) {
                ..0 => {
                    // A store: nobody else changes a block that we own.
                    sync::publish(&self.blocks[index].state, queued(me, tail));
                    // Success Release, "sent"; Acquire for the next lap's owner of nothing, so that all are alike.
                    let sent = in_word(tail) | index as u64;
                    if slot.compare_exchange(word, sent, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        self.help(&self.words.tail.0, tail);
                        self.words.gates.items.notify(platform, || 1);
                        return Ok(());
                    }
                }
                0 => self.help(&self.words.tail.0, tail),
                // `tail` was stale.
                1.. => back_off(attempt),
            }
        }
        // Ours again, to be given back.
        sync::publish(&self.blocks[index].state, owned(me));
        Err(Fault::Corrupted)
    }

    /// Takes the oldest message, if there is one: its block, which is the caller's from then on. Lock-free.
    #[inline]
    pub(super) fn receive(&self, me: ParticipantId) -> Result<Option<usize>, Fault> {
        for _ in 0..ATTEMPTS {
            let head = self.words.head.0.load(Ordering::Acquire);
            // Acquire, "sent".
            let word = self.slot(head).load(Ordering::Acquire);
            let lag = ahead(word, head);
            if lag < 0 {
                return Ok(None);
            }
            if lag == 0 {
                let index = (word & BLOCK) as usize;
                let Some(Block { state: block, .. }) = self.blocks.get(index) else { return Err(Fault::Corrupted) };
                let state = block.load(Ordering::Relaxed);
                if state & STATE == QUEUED
                    && ahead(state, head) == 0
                    // AcqRel: carries the last reader's "free" on to the block's next owner.
                    && block.compare_exchange(state, owned(me), Ordering::AcqRel, Ordering::Relaxed).is_ok()
                {
                    self.help(&self.words.head.0, head);
                    return Ok(Some(index));
                }
            }
            // Another receiver has it (L3).
            self.help(&self.words.head.0, head);
        }
        Err(Fault::Corrupted)
    }

    /// Moves `tail` or `head` past a position whose message was sent or received, unless another process has.
    #[inline]
    fn help(&self, end: &AtomicU64, position: u64) {
        // Release: a process that loads the new position finds the slot at least as we did.
        let _ = end.compare_exchange(position, position.wrapping_add(1), Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Gives back a block that the caller owns. One store, and a check for sleepers.
    #[inline]
    pub(super) fn give_back<P: Platform + ?Sized>(&self, platform: &P, index: usize) {
        // Release, "free".
        sync::publish(&self.blocks[index].state, FREE);
        self.words.gates.blocks.notify(platform, || 1);
    }

    /// Messages that were sent, that were received, and that are there. A snapshot, exact while no process sends or receives.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        // The head first: every position before it was filled, and the tail lags behind a filled one by one step at most. So the tail
        // that is found then is at this head or past it.
        let received = self.head_passed();
        let sent = self.tail_passed();
        // Processes that go on meanwhile can make the difference larger than a full queue.
        (sent, received, sent.wrapping_sub(received).min(self.blocks.len() as u64))
    }

    /// The position of the oldest message, past one whose receiver has not moved `head` yet, or died before it did.
    fn head_passed(&self) -> u64 {
        let head = self.words.head.0.load(Ordering::Acquire);
        // Acquire, "sent".
        let word = self.slot(head).load(Ordering::Acquire);
        let block = (ahead(word, head) == 0).then(|| self.blocks.get((word & BLOCK) as usize)).flatten();
        // L3: a message that was sent and is queued no more was received.
        let received = block.is_some_and(|block| {
            let state = block.state.load(Ordering::Acquire);
            state & STATE != QUEUED || ahead(state, head) != 0
        });
        head.wrapping_add(u64::from(received))
    }

    /// The position of the next message, past one whose sender has not moved `tail` yet, or died before it did.
    fn tail_passed(&self) -> u64 {
        let tail = self.words.tail.0.load(Ordering::Acquire);
        // Acquire, "sent".
        let sent = ahead(self.slot(tail).load(Ordering::Acquire), tail) >= 0;
        tail.wrapping_add(u64::from(sent))
    }

    /// Blocks that nobody has. A snapshot; loads the words of all of them.
    pub(super) fn free(&self) -> usize {
        self.blocks.iter().filter(|block| block.state.load(Ordering::Relaxed) & STATE == FREE).count()
    }

    /// Searches for dead owners of blocks whose messages they had not sent, and repairs after those that it finds: whether there was
    /// one. A system call for each owner.
    #[cold]
    pub(super) fn find_dead<P: Platform + ?Sized>(&self, platform: &P) -> Result<bool, Fault> {
        let mut found = Findings::default();
        let mut last = None;
        for (index, Block { state, .. }) in self.blocks.iter().enumerate() {
            let word = state.load(Ordering::Acquire);
            if word & STATE == FREE || self.is_sent(index, word) {
                continue;
            }
            let Some(who) = owner(word).filter(|who| last != Some(*who)) else { continue };
            last = Some(who);
            found.ask(platform, who, |dead| self.sweep(dead, platform));
        }
        found.found()
    }

    /// Whether a block is a message in the queue, which does not need its sender any more.
    fn is_sent(&self, index: usize, word: u64) -> bool {
        // Acquire: if the slot names another block, this one was not sent, or was received; then it has changed.
        word & STATE == QUEUED
            && self.slot(word >> BLOCK_BITS).load(Ordering::Acquire) == (word & !BLOCK) | index as u64
    }

    /// Whether the participant has borrowed the block, was about to send it, or reads it.
    fn is_held(&self, index: usize, word: u64, who: ParticipantId) -> bool {
        word & STATE != FREE && owner(word) == Some(who) && !self.is_sent(index, word)
    }

    /// Frees the blocks that a dead participant had borrowed, was about to send, or was reading; what it had sent stays. Removes its
    /// halves, and wakes everybody. Idempotent.
    ///
    /// A second sweeper is harmless, however late: a block that was freed does not name the dead one again. One that it had sent may be
    /// received, and its slot filled again, between the two loads of `is_sent`; then the block's word has changed (L2).
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        for (index, Block { state: block, .. }) in self.blocks.iter().enumerate() {
            let word = block.load(Ordering::Acquire);
            if self.is_held(index, word, dead.who()) {
                // Release, "swept".
                let _ = block.compare_exchange(word, FREE, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        self.words.senders.sweep(dead);
        self.words.receivers.sweep(dead);
        // The dead participant may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.blocks.rouse(platform);
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
