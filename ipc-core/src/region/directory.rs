//! The directory: which objects there are, and where.
//!
//! Entries are filled in order and never removed, so the first that is not `READY` ends the list. An entry and its
//! object count from the one Release store of `READY`; what a dead creator wrote before it is overwritten by the next.
//!
//! The entries are also a hash table with chaining, so that to find or create an object takes the same time whatever the number of
//! objects: entry `b` has the head of bucket `b`, and each entry the next one of its bucket. The header counts the entries that are in
//! their chains. A creator that dies between `READY` and the count leaves one entry that may not be chained: `find` checks it by
//! itself, and the next creator finishes the work.
//!
//! A process that waits for an object sleeps at a gate of the header. A creator wakes all that do, once the entry is published; one that is killed
//! before is made up for as any lost wake-up is, see [`rota`](crate::wait).

use core::fmt;

use super::created::Created;
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Kind, ObjectHeader, Shape, ShapeError, layout};
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Limit;

const READY: u32 = u32::from_le_bytes(*b"ENT1");

/// The longest object name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
const NAME_WORDS: usize = MAX_NAME_BYTES / 8;

/// A directory entry in shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    state: AtomicU32,
    name_bytes: AtomicU32,
    offset: AtomicU64,
    length: AtomicU64,
    name: [AtomicU64; NAME_WORDS],
    /// The first entry of the bucket with this entry's number: its number from 1, or 0.
    bucket: AtomicU32,
    /// The next entry of the bucket that this entry is in: its number from 1, or 0.
    next: AtomicU32,
    _room: [AtomicU64; 4],
}

crate::sync::assert_layout!(size_of::<Entry>() == 128);

/// An object's name: 1 to [`MAX_NAME_BYTES`] bytes of text, no control characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    len: usize,
}

impl Name {
    /// The name with this text.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`]: the text is no name.
    pub fn new(text: &str) -> Result<Self, DirectoryError> {
        let len = text.len();
        if len == 0 || text.chars().any(char::is_control) {
            return Err(DirectoryError::NameInvalid);
        }
        if len > MAX_NAME_BYTES {
            return Err(DirectoryError::NameTooLong { len, max: MAX_NAME_BYTES });
        }
        let mut bytes = [0; MAX_NAME_BYTES];
        bytes[..len].copy_from_slice(text.as_bytes());
        Ok(Name { bytes, len })
    }

    /// FNV-1a, see <http://www.isthe.com/chongo/tech/comp/fnv/>.
    fn hash(&self) -> u32 {
        self.bytes[..self.len]
            .iter()
            .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Why an object could not be found or created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The name is empty or has control characters.
    NameInvalid,
    /// The name is too long.
    NameTooLong {
        /// Its bytes.
        len: usize,
        /// The most bytes.
        max: usize,
    },
    /// The directory has no free entry.
    Full {
        /// How many it has.
        entries: usize,
    },
    /// The region has no room for the object.
    NoRoom {
        /// Bytes that the object takes.
        wanted: u64,
        /// Bytes that are left.
        free: u64,
    },
    /// The object is there, but is not what the caller wants, or is damaged.
    Shape(ShapeError),
}

impl From<ShapeError> for DirectoryError {
    fn from(error: ShapeError) -> Self {
        DirectoryError::Shape(error)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DirectoryError::NameInvalid => f.write_str("an object's name must be text without control characters"),
            DirectoryError::NameTooLong { len, max } => write!(f, "the name has {len} bytes, at most {max} fit"),
            DirectoryError::Full { entries } => write!(f, "all {entries} directory entries are taken"),
            DirectoryError::NoRoom { wanted, free } => write!(f, "{wanted} bytes wanted, {free} free in the region"),
            DirectoryError::Shape(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DirectoryError {}

/// What the directory says about one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name.
    pub name: Name,
    /// Its shape, or why its header cannot be read.
    pub shape: Result<Shape, ShapeError>,
    /// Where it starts in the region.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
}

/// One line: what it is, its name, its elements, their type, its size.
impl fmt::Display for ObjectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = (self.name.as_str(), self.length);
        let Shape { kind, element_size: size, capacity, type_name, .. } = match &self.shape {
            Ok(shape) => shape,
            Err(error) => return write!(f, "{name:?}: {error}"),
        };
        write!(f, "{kind} {name:?}")?;
        match kind {
            Kind::Queue
            | Kind::Spsc
            | Kind::Duplex
            | Kind::Broadcast
            | Kind::Stack
            | Kind::PriorityQueue
            | Kind::Vector
            | Kind::WorkQueue => write!(f, " of {capacity} x {size} bytes")?,
            Kind::ByteWorkQueue => write!(f, " of {capacity} jobs of bytes")?,
            Kind::LevelQueue => write!(f, " with {capacity} x {size} bytes in each level")?,
            Kind::Array => write!(f, " of {capacity} elements")?,
            Kind::Mutex if *capacity > 1 => write!(f, " of {capacity} x {size} bytes")?,
            Kind::Map => write!(f, " of {capacity} entries with values of {size} bytes")?,
            Kind::ByteMap => write!(f, " of {capacity} entries of bytes")?,
            Kind::ValueWatch => write!(f, " of a value of up to {capacity} bytes")?,
            Kind::ByteQueue => write!(f, " of messages of up to {capacity} bytes")?,
            Kind::LoanQueue => write!(f, " of {capacity} blocks for elements of {size} bytes")?,
            Kind::Semaphore => write!(f, " of {capacity} permits at most")?,
            Kind::Barrier => write!(f, " for {capacity} parties")?,
            _ if *size != 0 => write!(f, " of {size} bytes")?,
            _ => {}
        }
        if !type_name.is_none() {
            write!(f, ", type {type_name}")?;
        }
        write!(f, ", {length} bytes in all")
    }
}

/// A view of the directory.
#[derive(Clone, Copy)]
pub struct Directory<'m> {
    memory: Memory<'m>,
    entries: &'m [Entry],
    /// How many entries are in their chains.
    chained: &'m AtomicU32,
    /// Where those sleep who wait for an object.
    created: &'m Created,
    objects_offset: u64,
}

struct Found {
    name: Name,
    offset: u64,
    length: u64,
}

impl Entry {
    /// Where what lies.
    pub(crate) const LAYOUT: Fact = layout!(Entry { state, name_bytes, offset, length, name, bucket, next, _room });

    /// The entry's fields, each read once. `None` if it is not ready; an unreadable name is empty.
    fn read(&self) -> Option<Found> {
        // Acquire, with the Release in `insert`: the fields and the object.
        if self.state.load(Ordering::Acquire) != READY {
            return None;
        }
        let mut bytes = [0; MAX_NAME_BYTES];
        for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&self.name) {
            *chunk = word.load(Ordering::Relaxed).to_le_bytes();
        }
        let len = self.name_bytes.load(Ordering::Relaxed) as usize;
        let name =
            bytes.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok()).and_then(|text| Name::new(text).ok());
        Some(Found {
            name: name.unwrap_or(Name { bytes: [0; MAX_NAME_BYTES], len: 0 }),
            offset: self.offset.load(Ordering::Relaxed),
            length: self.length.load(Ordering::Relaxed),
        })
    }

    fn write(&self, name: &Name, offset: u64, length: u64) {
        // Relaxed: the Release of READY makes them visible.
        for (chunk, word) in name.bytes.as_chunks::<8>().0.iter().zip(&self.name) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
        self.name_bytes.store(name.len as u32, Ordering::Relaxed);
        self.offset.store(offset, Ordering::Relaxed);
        self.length.store(length, Ordering::Relaxed);
        self.state.store(READY, Ordering::Release);
    }
}

impl<'m> Directory<'m> {
    pub(super) fn new(
        memory: Memory<'m>,
        entries: &'m [Entry],
        chained: &'m AtomicU32,
        created: &'m Created,
        objects_offset: u64,
    ) -> Self {
        Directory { memory, entries, chained, created, objects_offset }
    }

    fn ready(&self) -> impl Iterator<Item = Found> {
        self.entries.iter().map_while(Entry::read)
    }

    fn memory_of(&self, found: &Found) -> Option<Memory<'m>> {
        if found.offset < self.objects_offset {
            return None;
        }
        // SAFETY: `insert` gave this part to one object. What a faulty peer makes of the entry, see the crate's docs.
        unsafe { self.memory.part(found.offset, found.length) }
    }

    fn bucket(&self, name: &Name) -> &AtomicU32 {
        &self.entries[name.hash() as usize % self.entries.len()].bucket
    }

    /// The entries of a bucket, each with its index. A chain that a faulty peer has bent ends after as many steps as there are entries.
    fn chain(&self, bucket: &AtomicU32) -> impl Iterator<Item = (usize, &Entry)> {
        // Acquire, with the Release in `link`: the entry's own link.
        let mut next = bucket.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            let index = (next as usize).checked_sub(1)?;
            let entry = self.entries.get(index)?;
            next = entry.next.load(Ordering::Relaxed);
            Some((index, entry))
        })
        .take(self.entries.len())
    }

    /// The index of the first entry that may not be in its chain.
    fn chained(&self) -> usize {
        // Acquire, with the Release in `link`: the chains of the entries before.
        (self.chained.load(Ordering::Acquire) as usize).min(self.entries.len())
    }

    /// Puts the entry into its chain, unless a creator that died had done so already. Under the region's lock.
    fn link(&self, index: usize, name: &Name) {
        let (entry, bucket) = (&self.entries[index], self.bucket(name));
        if !self.chain(bucket).any(|(other, _)| other == index) {
            entry.next.store(bucket.load(Ordering::Relaxed), Ordering::Relaxed);
            // Release, with the Acquire in `chain`.
            bucket.store(index as u32 + 1, Ordering::Release);
        }
        // Release, with the Acquire in `chained`.
        self.chained.store(index as u32 + 1, Ordering::Release);
    }

    /// The memory of the object with this name, if there is one. Lock-free; on average a step or two.
    pub fn find(&self, name: &Name) -> Result<Option<Memory<'m>>, DirectoryError> {
        // The count comes first: an entry that is chained later is checked by itself, one that was chained before is in its chain.
        let chained = self.chained();
        let last = self.entries.get(chained).into_iter();
        let mut candidates = self.chain(self.bucket(name)).map(|(_, entry)| entry).chain(last);
        match candidates.find_map(|entry| entry.read().filter(|found| found.name == *name)) {
            None => Ok(None),
            Some(found) => match self.memory_of(&found) {
                Some(memory) => Ok(Some(memory)),
                None => Err(ShapeError::TooSmall {
                    wanted: found.offset.saturating_add(found.length),
                    found: self.memory.len() as u64,
                }
                .into()),
            },
        }
    }

    /// Blocks until there is an object with this name, and returns its memory; `None` if there is none when the limit is over.
    ///
    /// # Errors
    ///
    /// Those of [`find`](Self::find).
    pub fn wait<P: Platform>(
        &self,
        name: &Name,
        platform: &P,
        limit: &Limit<P::Deadline>,
    ) -> Result<Option<Memory<'m>>, DirectoryError> {
        self.created.wait(platform, limit, || self.find(name).transpose()).transpose()
    }

    /// Reserves `length` bytes for a new object, has it laid out by `create`, publishes both, and wakes those who wait for it. `create`
    /// has these bytes to itself.
    ///
    /// # Errors
    ///
    /// [`Full`](DirectoryError::Full), [`NoRoom`](DirectoryError::NoRoom), and those of `create`.
    ///
    /// # Safety
    ///
    /// The caller holds the [region's lock](super::RegionView::lock) and has not found the name.
    pub unsafe fn insert<R, P: Platform + ?Sized>(
        &self,
        name: &Name,
        length: u64,
        platform: &P,
        create: impl FnOnce(Memory<'m>) -> Result<R, ShapeError>,
    ) -> Result<R, DirectoryError> {
        // What a creator that died here has left: at most one entry, unless a peer has damaged the count.
        let mut index = self.chained();
        while let Some(found) = self.entries.get(index).and_then(Entry::read) {
            self.link(index, &found.name);
            index += 1;
        }
        let end = self.end(index);
        let entry = self.entries.get(index).ok_or(DirectoryError::Full { entries: self.entries.len() })?;
        let no_room = DirectoryError::NoRoom { wanted: length, free: (self.memory.len() as u64).saturating_sub(end) };
        let offset = end.checked_next_multiple_of(OBJECT_ALIGN as u64).ok_or(no_room)?;
        // SAFETY: it begins behind the last object, and the lock keeps others from giving it away, too.
        let memory = unsafe { self.memory.part(offset, length) }.ok_or(no_room)?;
        let object = create(memory)?;
        entry.write(name, offset, length);
        self.link(index, name);
        self.created.announce(platform);
        Ok(object)
    }

    /// Where the first `count` objects end: they lie in the order of their entries.
    fn end(&self, count: usize) -> u64 {
        let last = count.checked_sub(1).and_then(|last| self.entries[last].read());
        last.map_or(0, |found| found.offset.saturating_add(found.length)).max(self.objects_offset)
    }

    /// The objects' names and memory. Entries that point nowhere are passed over.
    pub fn objects(&self) -> impl Iterator<Item = (Name, Memory<'m>)> {
        self.ready().filter_map(|found| self.memory_of(&found).map(|memory| (found.name, memory)))
    }

    /// What the directory says about each object, in the order of their creation.
    pub fn list(&self) -> impl Iterator<Item = ObjectInfo> {
        self.ready().map(|found| {
            let shape = match self.memory_of(&found).and_then(ObjectHeader::at) {
                Some(header) => header.read().map(|(shape, _)| shape),
                None => Err(ShapeError::TooSmall { wanted: found.length, found: 0 }),
            };
            ObjectInfo { name: found.name, shape, offset: found.offset, length: found.length }
        })
    }

    /// Bytes that are left for further objects.
    pub fn free(&self) -> u64 {
        let chained = self.chained();
        let count = chained + usize::from(self.entries.get(chained).is_some_and(|entry| entry.read().is_some()));
        (self.memory.len() as u64).saturating_sub(self.end(count))
    }
}
