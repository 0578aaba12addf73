//! The map's words, where buckets and entries lie, and its books.

use super::field;
use super::hash::{self, Seed};
use crate::error::Fault;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::RawMutex;
use crate::object::{Fact, HEADER_BYTES, Kind, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The most entries that a map may have.
const MOST: u64 = (1 << 30) - 1;

/// The words besides buckets and entries.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    top: Top,
    key_size: AtomicU32,
    key_align: AtomicU32,
    seed: [AtomicU64; 2],
    /// The most bytes of a value of a byte map, as `key_size` is of a key; 0 in other maps.
    most_value: AtomicU32,
}

/// What writers change.
#[repr(C, align(128))]
#[derive(Debug)]
struct Top {
    /// The [`Books`]. Only the holder of the lock changes it.
    books: AtomicU64,
    lock: RawMutex,
    /// The first free entry, see [`Link::next`]. Under the lock only.
    free: AtomicU32,
}

/// A chain of entries whose keys have the lower bits of their hash in common.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Bucket {
    /// How many entries were taken out of the chain.
    pub(super) removals: AtomicU64,
    /// The first entry, see [`Link::next`].
    pub(super) first: AtomicU32,
    spare: AtomicU32,
}

/// Bytes from the start of the object to the first bucket.
const BUCKETS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(BUCKETS_OFFSET == 384);
crate::sync::assert_layout!(size_of::<Bucket>() == 16);

/// The 64-bit cells of an entry in front of its key: its state and its link.
pub(super) const KEY: usize = 2;
/// An entry that is longer than half a cache line begins on a line: cells of a line.
const LINE: usize = 8;

/// A map's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: u64,
    /// Size and alignment of a key; in a byte map, the most bytes of one, and 1.
    pub(super) key: [u32; 2],
    /// The most bytes of a value of a byte map; 0 in other maps.
    pub(super) most_value: u32,
    /// Bytes from the start of the object to the entries.
    entries: usize,
    /// The 64-bit cells of a key, of a value, and of an entry.
    pub(super) key_cells: usize,
    pub(super) value_cells: usize,
    pub(super) stride: usize,
    /// The cells of an entry that are not padding.
    used: usize,
}

impl Geometry {
    /// For this many entries with keys and values of these sizes; `None` if there can be none.
    pub(super) const fn new(capacity: u64, key: [u32; 2], value_size: usize) -> Option<Self> {
        let [key_cells, value_cells] = [key[0] as usize, value_size];
        Self::of_cells(capacity, [key_cells.div_ceil(size_of::<u64>()), value_cells.div_ceil(size_of::<u64>())], key, 0)
    }

    /// For this many entries with keys and values of at most these bytes, each with its length in front.
    pub(super) const fn of_bytes(capacity: u64, most_key: u32, most_value: u32) -> Option<Self> {
        let cells = [field::cells(most_key), field::cells(most_value)];
        Self::of_cells(capacity, cells, [most_key, 1], most_value)
    }

    /// For keys and values of this many cells.
    const fn of_cells(capacity: u64, cells: [usize; 2], key: [u32; 2], most_value: u32) -> Option<Self> {
        const LIMIT: usize = isize::MAX as usize / 16;
        if capacity == 0 || capacity > MOST {
            return None;
        }
        let buckets = (capacity as usize).next_power_of_two() * size_of::<Bucket>();
        let entries = BUCKETS_OFFSET + buckets.next_multiple_of(OBJECT_ALIGN);
        let [key_cells, value_cells] = cells;
        let used = KEY + key_cells + 2 * value_cells;
        let stride = used.next_multiple_of(if used > LINE / 2 { LINE } else { LINE / 2 });
        match (capacity as usize).checked_mul(stride) {
            Some(all) if all <= LIMIT => {
                Some(Geometry { capacity, key, most_value, entries, key_cells, value_cells, stride, used })
            }
            _ => None,
        }
    }

    const fn buckets(&self) -> usize {
        (self.capacity as usize).next_power_of_two()
    }

    const fn cells(&self) -> usize {
        self.capacity as usize * self.stride
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        ((self.entries + self.cells() * size_of::<AtomicU64>()) as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }
}

/// The sizes of a map of this shape. `most_value` is for byte maps.
pub(super) fn geometry_of(shape: &Shape, key: [u32; 2], most_value: u32) -> Result<Geometry, ShapeError> {
    let geometry = match shape.kind {
        Kind::ByteMap => Geometry::of_bytes(shape.capacity, key[0], most_value),
        _ => Geometry::new(shape.capacity, key, shape.element_size as usize),
    };
    geometry.ok_or(match shape.capacity {
        0 => ShapeError::Unsaid,
        wanted => ShapeError::Capacity { wanted },
    })
}

/// The words, the buckets and the entries.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    buckets: &'m [Bucket],
    pub(super) cells: &'m [AtomicU64],
    pub(super) geometry: Geometry,
    pub(super) seed: Seed,
}

// SAFETY: atomics behind the header of every map.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { top, key_size, key_align, seed, most_value }),
        layout!(Top { books, lock, free }),
        layout!(Bucket { removals, first, spare }),
        Fact::number("buckets", BUCKETS_OFFSET),
        Fact::number("an entry's key", KEY * size_of::<u64>()),
        Fact::number("cells of an entry are a multiple of", LINE),
    ];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // SAFETY: the caller's promise.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        let Words { key_size, key_align, most_value, .. } = &words[0];
        // Relaxed: written before the object was declared complete.
        let [key_size, key_align, most_value] =
            [key_size, key_align, most_value].map(|word| word.load(Ordering::Relaxed));
        geometry_of(shape, [key_size, key_align], most_value)
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        // SAFETY: see above.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let buckets = unsafe { memory.atomics(BUCKETS_OFFSET, geometry.buckets()) }.ok_or(too_small)?;
        // SAFETY: see above.
        let cells = unsafe { memory.atomics(geometry.entries, geometry.cells()) }.ok_or(too_small)?;
        let words = &words[0];
        Ok(View { words, buckets, cells, geometry: *geometry, seed: hash::seed(&words.seed) })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        // The change that the dead one may have begun is left to the next holder of the lock.
        view.words.top.lock.sweep(dead, platform);
    }
}

/// What `books` says: how many entries there are, and which one is being put in or taken out.
///
/// ```text
/// bits 63..32 entries that are in | 31..30 what is done | 29..0 the entry's number
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Books(u64);

/// What is being done to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is put in.
    Insert = 1,
    /// It is taken out.
    Remove = 2,
}

impl Books {
    const CHANGE_SHIFT: u32 = 30;

    /// Nothing is being done.
    pub(super) fn settled(len: u64) -> Self {
        Books(len << 32)
    }

    /// Something is being done to this entry.
    pub(super) fn changing(len: u64, change: Change, number: u32) -> Self {
        Books(len << 32 | (change as u64) << Self::CHANGE_SHIFT | u64::from(number))
    }

    /// How many entries were in before what is being done.
    pub(super) fn len(self) -> u64 {
        self.0 >> 32
    }

    /// What is being done, and to which entry.
    pub(super) fn change(self) -> Option<(Change, u32)> {
        let number = self.0 as u32 & ((1 << Self::CHANGE_SHIFT) - 1);
        match self.0 as u32 >> Self::CHANGE_SHIFT {
            0 => None,
            1 => Some((Change::Insert, number)),
            // 3 is what no correct peer writes: as good as any other.
            _ => Some((Change::Remove, number)),
        }
    }

    /// How many entries are in, if that one is, or not.
    pub(super) fn len_with(self, change: Change, is_in: bool) -> u64 {
        match (change, is_in) {
            (Change::Insert, true) => self.len().saturating_add(1),
            (Change::Remove, false) => self.len().saturating_sub(1),
            _ => self.len(),
        }
    }
}

impl<'m> View<'m> {
    /// Writes the words of an empty map.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, geometry: &Geometry, seed: Seed) -> Result<(), ShapeError> {
        let [key_size, key_align] = geometry.key;
        let words = |_| Words {
            top: Top {
                books: AtomicU64::new(Books::settled(0).0),
                lock: RawMutex::new(),
                free: AtomicU32::new(Link::name(Some(0))),
            },
            key_size: AtomicU32::new(key_size),
            key_align: AtomicU32::new(key_align),
            seed: seed.map(AtomicU64::new),
            most_value: AtomicU32::new(geometry.most_value),
        };
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, words) }.ok_or(ShapeError::Missing)?;
        let bucket = |_| Bucket { removals: AtomicU64::new(0), first: AtomicU32::new(0), spare: AtomicU32::new(0) };
        // SAFETY: the caller's promise.
        unsafe { memory.place(BUCKETS_OFFSET, geometry.buckets(), bucket) }.ok_or(ShapeError::Missing)?;
        let (stride, last) = (geometry.stride, geometry.cells() - geometry.stride);
        // Every entry is free, and in the list of free ones, in ascending order.
        let cell = |index| {
            let next = (index != last + 1).then_some((index / stride + 1) as u32);
            AtomicU64::new(if index % stride == 1 { Link::new(0, Link::name(next)).0 } else { 0 })
        };
        // SAFETY: the caller's promise.
        unsafe { memory.place(geometry.entries, geometry.cells(), cell) }.ok_or(ShapeError::Missing)?;
        Ok(())
    }

    /// The lock of those that want to write.
    #[inline(always)]
    pub(super) fn writers(&self) -> &'m RawMutex {
        &self.words.top.lock
    }

    /// What the books say.
    #[inline(always)]
    pub(super) fn books(&self, ordering: Ordering) -> Books {
        Books(self.words.top.books.load(ordering))
    }

    /// Changes the books, for the holder of the lock.
    #[inline(always)]
    pub(super) fn write_books(&self, books: Books, ordering: Ordering) {
        self.words.top.books.store(books.0, ordering);
    }

    /// The first free entry, for the holder of the lock.
    #[inline(always)]
    pub(super) fn free(&self) -> &'m AtomicU32 {
        &self.words.top.free
    }

    /// The bucket of keys with this hash.
    #[inline(always)]
    pub(super) fn bucket(&self, hash: u32) -> &'m Bucket {
        // A power of two, and at least one.
        &self.buckets[hash as usize & (self.buckets.len() - 1)]
    }

    /// The entry with this number.
    #[inline(always)]
    pub(super) fn entry(&self, number: u32) -> Result<Entry<'m>, Fault> {
        let Geometry { stride, used, key_cells, value_cells, .. } = self.geometry;
        let start = (number as usize).checked_mul(stride).ok_or(Fault::Corrupted)?;
        // Without the padding: a length that counts it is a damaged one.
        let cells = self.cells.get(start..).and_then(|rest| rest.get(..used)).ok_or(Fault::Corrupted)?;
        let (key, values) = cells[KEY..].split_at(key_cells);
        Ok(Entry { state: &cells[0], link: &cells[1], key, values: values.split_at(value_cells) })
    }

    /// How many entries fit.
    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }
}

/// An entry in place.
#[derive(Clone, Copy)]
pub(super) struct Entry<'m> {
    state: &'m AtomicU64,
    link: &'m AtomicU64,
    /// The key's cells.
    pub(super) key: &'m [AtomicU64],
    values: (&'m [AtomicU64], &'m [AtomicU64]),
}

impl<'m> Entry<'m> {
    #[inline(always)]
    pub(super) fn state(&self, ordering: Ordering) -> State {
        State(self.state.load(ordering))
    }

    #[inline(always)]
    pub(super) fn set_state(&self, state: State) {
        // Release: who sees it sees key and value.
        self.state.store(state.0, Ordering::Release);
    }

    #[inline(always)]
    pub(super) fn link(&self, ordering: Ordering) -> Link {
        Link(self.link.load(ordering))
    }

    #[inline(always)]
    pub(super) fn set_link(&self, link: Link) {
        // Release: who follows it has what was done before, a removal's count included.
        self.link.store(link.0, Ordering::Release);
    }

    /// The copy of the value that counts in this state.
    #[inline(always)]
    pub(super) fn value(&self, state: State) -> &'m [AtomicU64] {
        if state.second() { self.values.1 } else { self.values.0 }
    }
}

/// An entry's existence, which of its two copies counts, and a number that grows with each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    const IN: u64 = 1;
    const SECOND: u64 = 2;
    const VERSION: u64 = 4;

    /// Whether the entry is in the map.
    #[inline(always)]
    pub(super) fn is_in(self) -> bool {
        self.0 & Self::IN != 0
    }

    fn second(self) -> bool {
        self.0 & Self::SECOND != 0
    }

    fn next(self) -> u64 {
        self.0.wrapping_add(Self::VERSION)
    }

    /// In the map, and the first copy counts.
    pub(super) fn inserted(self) -> State {
        State(self.next() & !Self::SECOND | Self::IN)
    }

    /// The other copy counts.
    pub(super) fn updated(self) -> State {
        State(self.next() ^ Self::SECOND)
    }

    /// Out of the map.
    pub(super) fn removed(self) -> State {
        State(self.next() & !Self::IN)
    }
}

/// What follows an entry in its chain, or in the list of free ones, and the hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(u64);

impl Link {
    #[inline(always)]
    pub(super) fn new(hash: u32, next: u32) -> Self {
        Link(u64::from(hash) << 32 | u64::from(next))
    }

    /// The number of an entry as a link has it: 0 is none.
    #[inline(always)]
    pub(super) fn name(number: Option<u32>) -> u32 {
        number.map_or(0, |number| number + 1)
    }

    /// The entry of such a number.
    #[inline(always)]
    pub(super) fn number(name: u32) -> Option<u32> {
        name.checked_sub(1)
    }

    #[inline(always)]
    pub(super) fn hash(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// What follows, as [`name`](Self::name) has it.
    #[inline(always)]
    pub(super) fn next(self) -> u32 {
        self.0 as u32
    }
}
