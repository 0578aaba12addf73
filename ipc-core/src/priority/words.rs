//! The priority queue's words, where its parts lie, and how messages go in and out.

use core::mem::MaybeUninit;

use super::entry::{Entry, cells};
use crate::ends::{Around, Presence, Role, Sides};
use crate::error::Refused;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::RawMutex;
use crate::object::{Fact, HEADER_BYTES, Key, Message, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::wait::Gate;

/// The most messages that a queue may hold: their numbers have 32 bits.
const MOST: u64 = 1 << 31;

/// The words besides the heap and the entries.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    top: Top,
    sides: Sides,
}

/// What every operation changes, and what none does.
#[repr(C, align(128))]
#[derive(Debug)]
struct Top {
    /// The number that the next send gives. What has a lower one was sent.
    next: AtomicU64,
    /// The number that the next receive gives. What has a lower one was taken.
    taken: AtomicU64,
    lock: RawMutex,
    /// Not 0 while the holder of the lock changes the heap, and if it has died or panicked meanwhile.
    changing: AtomicU32,
    /// Size and alignment of a key. Written once.
    key_size: AtomicU32,
    key_align: AtomicU32,
}

/// Bytes from the start of the object to the heap.
const HEAP_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(HEAP_OFFSET == 640);

/// What the numbers of sends and receives begin with: 0 is none.
const FIRST: u64 = 1;

/// A queue's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// Size and alignment of a key.
    pub(super) key: [u32; 2],
    /// Bytes from the start of the object to the entries.
    entries: usize,
    /// The 64-bit cells of an entry.
    stride: usize,
}

impl Geometry {
    /// For this many messages with keys and values of these sizes; `None` if there can be none.
    pub(super) const fn new(capacity: u64, key: [u32; 2], value_size: usize) -> Option<Self> {
        const LIMIT: usize = isize::MAX as usize / 16;
        if capacity == 0 || capacity > MOST {
            return None;
        }
        let numbers = capacity as usize * size_of::<AtomicU32>();
        let entries = HEAP_OFFSET + numbers.next_multiple_of(OBJECT_ALIGN);
        let stride = cells(key[0] as usize, value_size);
        match (capacity as usize).checked_mul(stride) {
            Some(all) if all <= LIMIT => Some(Geometry { capacity, key, entries, stride }),
            _ => None,
        }
    }

    const fn cells(&self) -> usize {
        self.capacity as usize * self.stride
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        ((self.entries + self.cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }
}

pub(super) fn geometry_of(shape: &Shape, key: [u32; 2]) -> Result<Geometry, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    Geometry::new(shape.capacity, key, shape.element_size as usize).ok_or(impossible)
}

/// The words, the heap and the entries.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    /// The numbers of entries: first those of the messages, as a heap, then the free ones.
    pub(super) numbers: &'m [AtomicU32],
    pub(super) cells: &'m [AtomicU64],
    geometry: Geometry,
}

// SAFETY: atomics behind the header of every priority queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { top, sides }),
        layout!(Top { next, taken, lock, changing, key_size, key_align }),
        Sides::LAYOUT[0],
        Sides::LAYOUT[1],
        Fact::number("heap", HEAP_OFFSET),
        Fact::number("an entry's key", Entry::KEY * size_of::<u64>()),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // SAFETY: the caller's promise.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        let Top { key_size, key_align, .. } = &words[0].top;
        // Relaxed: written before the object was declared complete.
        geometry_of(shape, [key_size, key_align].map(|word| word.load(Ordering::Relaxed)))
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let numbers = unsafe { memory.atomics(HEAP_OFFSET, geometry.capacity as usize) }.ok_or(too_small)?;
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(geometry.entries, geometry.cells()) }.ok_or(too_small)?;
        Ok(View { words: &words[0], numbers, cells, geometry: *geometry })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

/// What has been sent and taken, for the holder of the lock.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) next: u64,
    pub(super) taken: u64,
}

impl Counts {
    pub(super) fn len(self) -> u64 {
        self.next.wrapping_sub(self.taken)
    }

    /// Whether an entry with these numbers is a message that is there.
    pub(super) fn holds(self, sent: u64, received: u64) -> bool {
        (FIRST..self.next).contains(&sent) && !(FIRST..self.taken).contains(&received)
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty queue.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry) -> Result<(), ShapeError> {
        let [key_size, key_align] = geometry.key;
        let top = || Top {
            next: AtomicU64::new(FIRST),
            taken: AtomicU64::new(FIRST),
            lock: RawMutex::new(),
            changing: AtomicU32::new(0),
            key_size: AtomicU32::new(key_size),
            key_align: AtomicU32::new(key_align),
        };
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words { top: top(), sides: Sides::new() }) }
            .ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEAP_OFFSET, geometry.capacity as usize, |number| AtomicU32::new(number as u32)) }
            .ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { memory.place(geometry.entries, geometry.cells(), |_| AtomicU64::new(0)) }
            .ok_or(ShapeError::Missing)?;
        Ok(())
    }

    /// The words of senders and receivers.
    #[inline(always)]
    pub(super) fn sides(&self) -> &'m Sides {
        &self.words.sides
    }

    /// Who holds a half of this kind.
    #[inline(always)]
    pub(super) fn presence(&self, role: Role) -> &'m Presence {
        self.sides().presence(role)
    }

    /// Where senders sleep, and where receivers do.
    pub(super) fn gate(&self, role: Role) -> &'m Gate {
        self.sides().gate(role)
    }

    /// Repairs after a dead participant. The heap is left to the next holder of the lock, who knows how to compare.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.sides().sweep(&self.words.top.lock, dead, platform);
    }

    /// How many messages fit.
    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }

    /// How many messages there are. A snapshot: 0 only if there was none at an instant of the call.
    pub(super) fn len(&self) -> u64 {
        // Acquire, with the fence in `unsettle`: `next` comes behind it. As `next` only grows, no message is overlooked.
        let taken = self.words.top.taken.load(Ordering::Acquire);
        self.words.top.next.load(Ordering::Relaxed).wrapping_sub(taken).min(self.geometry.capacity)
    }

    /// Whether there is no room: only if there was none at an instant of the call.
    pub(super) fn is_full(&self) -> bool {
        // Acquire, with the same fence: `taken` comes behind it. As `taken` only grows, no place is overlooked.
        let next = self.words.top.next.load(Ordering::Acquire);
        let len = next.wrapping_sub(self.words.top.taken.load(Ordering::Relaxed));
        // Below 0 if more has been sent and taken meanwhile.
        (self.geometry.capacity..=u64::MAX / 2).contains(&len)
    }

    /// The counts, for the holder of the lock. More messages than fit make no sense.
    #[inline(always)]
    fn counts(&self) -> Result<Counts, Refused> {
        let Top { next, taken, .. } = &self.words.top;
        // Relaxed: the last holder's stores came with the lock, by its unlock or by its seizure.
        let counts = Counts { next: next.load(Ordering::Relaxed), taken: taken.load(Ordering::Relaxed) };
        if counts.len() > self.geometry.capacity { Err(Refused::CORRUPTED) } else { Ok(counts) }
    }

    /// Begins a change of the heap: from here to [`settle`](Self::settle) it is not valid. Rebuilds it first if it is not valid now.
    #[inline(always)]
    fn unsettle<K: Key, T>(&self, counts: Counts) -> Result<(), Refused> {
        if self.words.top.changing.load(Ordering::Relaxed) != 0 {
            self.rebuild::<K, T>(counts)?;
        } else {
            self.words.top.changing.store(1, Ordering::Relaxed);
        }
        // Release: a kill that comes behind any change finds `changing` set; and who loads one count finds the other at least as new.
        fence(Ordering::Release);
        Ok(())
    }

    /// Ends a change of the heap.
    #[inline(always)]
    fn settle(&self) {
        // Release: a kill that comes behind it leaves a valid heap.
        self.words.top.changing.store(0, Ordering::Release);
    }

    /// Puts as many of these in as there is room for, in this order among equal keys.
    #[inline]
    pub(super) fn put<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        messages: &[(K, T)],
    ) -> Result<usize, Refused> {
        self.sides().send(&self.words.top.lock, around, self.is_full(), || {
            let counts = self.counts()?;
            let room = self.geometry.capacity - counts.len();
            if room == 0 {
                return Err(Refused::NotNow);
            }
            let count = room.min(messages.len() as u64);
            self.unsettle::<K, T>(counts)?;
            for (ahead, (key, value)) in (0..count).zip(messages) {
                let sent = counts.next.wrapping_add(ahead);
                let number = self.number(counts.len() + ahead)?;
                let entry = self.entry::<K, T>(number)?;
                if entry.is_there(counts) {
                    return Err(Refused::CORRUPTED);
                }
                entry.write(sent, key, value);
                self.rise::<K, T>(counts.len() + ahead, number, (Some(*key), sent))?;
            }
            // Release: a kill that comes behind it leaves whole messages.
            self.words.top.next.store(counts.next.wrapping_add(count), Ordering::Release);
            self.settle();
            Ok(count)
        })
    }

    /// Copies the message with the lowest key, which stays.
    pub(super) fn peek<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        place: &mut MaybeUninit<(K, T)>,
    ) -> Result<(), Refused> {
        self.sides().peek(&self.words.top.lock, around, self.len() == 0, || {
            let counts = self.counts()?;
            if counts.len() == 0 {
                return Err(Refused::NotNow);
            }
            if self.words.top.changing.load(Ordering::Relaxed) != 0 {
                self.rebuild::<K, T>(counts)?;
                self.settle();
            }
            let entry = self.entry::<K, T>(self.number(0)?)?;
            if entry.is_there(counts) { Ok(entry.read(place)) } else { Err(Refused::CORRUPTED) }
        })
    }

    /// Takes as many messages out as there are and as fit, the one with the lowest key first.
    #[inline]
    pub(super) fn take<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        out: &mut [MaybeUninit<(K, T)>],
    ) -> Result<usize, Refused> {
        self.sides().receive(&self.words.top.lock, around, self.len() == 0, || {
            let counts = self.counts()?;
            if counts.len() == 0 {
                return Err(Refused::NotNow);
            }
            self.unsettle::<K, T>(counts)?;
            let (mut good, mut taken) = (0, 0);
            for (place, len) in out.iter_mut().zip((1..=counts.len()).rev()) {
                let number = self.number(0)?;
                let entry = self.entry::<K, T>(number)?;
                if !entry.is_there(counts) {
                    return Err(Refused::CORRUPTED);
                }
                let is_good = entry.read(place);
                // A message whose bits are no value ends the batch before it; as the first one it is dropped.
                if !is_good && good != 0 {
                    break;
                }
                entry.mark(counts.taken.wrapping_add(taken));
                self.remove_first::<K, T>(len, number)?;
                taken += 1;
                good += usize::from(is_good);
                if !is_good {
                    break;
                }
            }
            // Release: as in `put`, of the copies and of the marks.
            self.words.top.taken.store(counts.taken.wrapping_add(taken), Ordering::Release);
            self.settle();
            Ok((good, taken))
        })
    }
}
