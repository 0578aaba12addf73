//! The priority queue's words, where its parts lie, and how messages go in and out.

use core::mem::MaybeUninit;

use super::entry::{Entry, cells};
use crate::ends::{Around, Counts, Inbox, Presence, Role, Sides, Taken, places};
use crate::error::Refused;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Key, Message, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::wait::Gate;

/// The most messages that a queue may hold: their numbers have 32 bits.
const MOST: u64 = 1 << 31;

/// The words besides the ring, the heap and the entries.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    inbox: Inbox,
    order: Order,
    sides: Sides,
}

/// What receivers say about the heap, and what none changes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Order {
    /// Not 0 while the holder of the receivers' lock changes the heap, and if it has died or panicked meanwhile.
    changing: AtomicU32,
    /// Size and alignment of a key. Written once.
    key_size: AtomicU32,
    key_align: AtomicU32,
}

/// Bytes from the start of the object to the heap.
const HEAP_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(HEAP_OFFSET == 1152);

/// A queue's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// Size and alignment of a key.
    pub(super) key: [u32; 2],
    /// Places of the ring.
    places: usize,
    /// Bytes from the start of the object to the entries, and to the ring.
    entries: usize,
    ring: usize,
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
        let places = places(capacity) as usize;
        let all = match (capacity as usize).checked_mul(stride) {
            Some(cells) if cells <= LIMIT => cells,
            _ => return None,
        };
        match places.checked_mul(stride - Entry::KEY) {
            Some(cells) if cells <= LIMIT => {}
            _ => return None,
        }
        let ring = entries + (all * size_of::<AtomicU64>()).next_multiple_of(OBJECT_ALIGN);
        Some(Geometry { capacity, key, places, entries, ring, stride })
    }

    const fn cells(&self) -> usize {
        self.capacity as usize * self.stride
    }

    /// The 64-bit cells of the ring, whose messages have no numbers.
    const fn ring_cells(&self) -> usize {
        self.places * (self.stride - Entry::KEY)
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        ((self.ring + self.ring_cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }
}

pub(super) fn geometry_of(shape: &Shape, key: [u32; 2]) -> Result<Geometry, ShapeError> {
    let impossible = ShapeError::Capacity { wanted: shape.capacity };
    Geometry::new(shape.capacity, key, shape.element_size as usize).ok_or(impossible)
}

/// The words, the heap, the entries and the ring.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    /// The numbers of entries: first those of the messages, as a heap, then the free ones.
    pub(super) numbers: &'m [AtomicU32],
    pub(super) cells: &'m [AtomicU64],
    /// What senders have sent: a key and a value at each place.
    pub(super) ring: &'m [AtomicU64],
    geometry: Geometry,
}

// SAFETY: atomics behind the header of every priority queue.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { inbox, order, sides }),
        Inbox::LAYOUT[0],
        Inbox::LAYOUT[1],
        Inbox::LAYOUT[2],
        layout!(Order { changing, key_size, key_align }),
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
        let Order { key_size, key_align, .. } = &words[0].order;
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
        // SAFETY: see above.
        let ring = unsafe { memory.atomics(geometry.ring, geometry.ring_cells()) }.ok_or(too_small)?;
        Ok(View { words: &words[0], numbers, cells, ring, geometry: *geometry })
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
        let [key_size, key_align] = geometry.key;
        let order = || Order {
            changing: AtomicU32::new(0),
            key_size: AtomicU32::new(key_size),
            key_align: AtomicU32::new(key_align),
        };
        let words = || Words { inbox: Inbox::new(), order: order(), sides: Sides::new() };
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| words()) }.ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEAP_OFFSET, geometry.capacity as usize, |number| AtomicU32::new(number as u32)) }
            .ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { memory.place(geometry.entries, geometry.cells(), |_| AtomicU64::new(0)) }
            .ok_or(ShapeError::Missing)?;
        if cfg!(loom) {
            // No place is read before it is written; a model's cells are made.
            // SAFETY: the caller's promise.
            unsafe { memory.place(geometry.ring, geometry.ring_cells(), |_| AtomicU64::new(0)) };
        }
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
        self.sides().sweep(&self.words.inbox, dead, platform);
    }

    /// How many messages fit.
    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }

    /// How many messages there are. A snapshot: 0 only if there was none at an instant of the call.
    pub(super) fn len(&self) -> u64 {
        self.words.inbox.len(self.geometry.capacity)
    }

    /// Whether there is no room: only if there was none at an instant of the call.
    pub(super) fn is_full(&self) -> bool {
        self.words.inbox.is_full(self.geometry.capacity)
    }

    /// The place in the ring of the message with this position.
    #[inline(always)]
    fn place<K, T>(&self, position: u64) -> Result<(&'m [AtomicU64], &'m [AtomicU64]), Refused> {
        // The types' own, not the object's, which is the same: so the copies' lengths are known.
        let stride = const { cells(size_of::<K>(), size_of::<T>()) - Entry::KEY };
        let start = (position as usize & (self.geometry.places - 1)) * stride;
        let place = self.ring.get(start..).and_then(|rest| rest.get(..stride)).ok_or(Refused::CORRUPTED)?;
        Ok(place.split_at(const { payload::cells::<K>() }))
    }

    /// Begins a change of the heap: from here to [`settle`](Self::settle) it is not valid. Rebuilds it first if it is not valid now, and
    /// then puts in what was sent.
    #[inline(always)]
    fn unsettle<K: Key, T>(&self, counts: Counts) -> Result<(), Refused> {
        let changing = &self.words.order.changing;
        if changing.load(Ordering::Relaxed) != 0 {
            self.rebuild::<K, T>(counts)?;
        } else {
            changing.store(1, Ordering::Relaxed);
        }
        // Release: a kill that comes behind any change finds `changing` set.
        fence(Ordering::Release);
        if counts.merged == counts.next {
            return Ok(());
        }
        for at in counts.moved()..counts.len() {
            let sent = counts.taken.wrapping_add(at);
            let number = self.number(at)?;
            let entry = self.entry::<K, T>(number)?;
            if entry.is_there(counts) {
                return Err(Refused::CORRUPTED);
            }
            let (key, value) = self.place::<K, T>(sent)?;
            entry.write(sent, key, value);
            self.rise::<K, T>(at, number, entry.rank())?;
        }
        self.words.inbox.moved(counts.next);
        Ok(())
    }

    /// Ends a change of the heap.
    #[inline(always)]
    fn settle(&self) {
        // Release: a kill that comes behind it leaves a valid heap.
        self.words.order.changing.store(0, Ordering::Release);
    }

    /// Puts as many of these in as there is room for, in this order among equal keys.
    #[inline]
    pub(super) fn put<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        messages: &[(K, T)],
    ) -> Result<usize, Refused> {
        let (inbox, capacity) = (&self.words.inbox, self.geometry.capacity);
        self.sides().send(inbox, around, capacity, || {
            inbox.put(capacity, messages.len() as u64, |next, count| {
                for (ahead, (key, value)) in (0..count).zip(messages) {
                    let (key_cells, value_cells) = self.place::<K, T>(next.wrapping_add(ahead))?;
                    payload::store(key, key_cells);
                    payload::store(value, value_cells);
                }
                Ok(())
            })
        })
    }

    /// Copies the message with the lowest key, which stays.
    pub(super) fn peek<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        place: &mut MaybeUninit<(K, T)>,
    ) -> Result<(), Refused> {
        let inbox = &self.words.inbox;
        self.sides().peek(inbox, around, || {
            let counts = inbox.counts(self.geometry.capacity)?;
            self.unsettle::<K, T>(counts)?;
            self.settle();
            let entry = self.entry::<K, T>(self.number(0)?)?;
            if entry.is_there(counts.merged()) { Ok(entry.read(place)) } else { Err(Refused::CORRUPTED) }
        })
    }

    /// Takes as many messages out as there are and as fit, the one with the lowest key first.
    #[inline]
    pub(super) fn take<K: Key, T: Message, P: Platform>(
        &self,
        around: Around<'_, '_, '_, '_, P>,
        out: &mut [MaybeUninit<(K, T)>],
    ) -> Result<usize, Refused> {
        let inbox = &self.words.inbox;
        self.sides().receive(inbox, around, |result| {
            let counts = inbox.counts(self.geometry.capacity)?;
            self.unsettle::<K, T>(counts)?;
            let counts = counts.merged();
            *result = Taken { good: 0, count: 0 };
            for (place, len) in out.iter_mut().zip((1..=counts.len()).rev()) {
                let number = self.number(0)?;
                let entry = self.entry::<K, T>(number)?;
                if !entry.is_there(counts) {
                    return Err(Refused::CORRUPTED);
                }
                let is_good = entry.read(place);
                // A message whose bits are no value ends the batch before it; as the first one it is dropped.
                if !is_good && result.good != 0 {
                    break;
                }
                entry.mark(counts.taken.wrapping_add(result.count));
                self.remove_first::<K, T>(len, number)?;
                result.count += 1;
                result.good += usize::from(is_good);
                if !is_good {
                    break;
                }
            }
            inbox.took(counts.taken.wrapping_add(result.count));
            self.settle();
            Ok(())
        })
    }
}
