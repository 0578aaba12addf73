//! The directory: which objects there are, and where.
//!
//! Entries are filled in order and never removed, so the first that is not `READY` ends the list. An entry and its
//! object count from the one Release store of `READY`; whatever a dead creator wrote before it is overwritten by
//! the next.

use core::fmt;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Kind, ObjectHeader, Shape, ShapeError, layout};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

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
    _room: [AtomicU64; 5],
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

/// One line: what it is, its name, its elements, its size.
impl fmt::Display for ObjectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = (self.name.as_str(), self.length);
        let Shape { kind, element_size: size, capacity, .. } = match &self.shape {
            Ok(shape) => shape,
            Err(error) => return write!(f, "{name:?}: {error}"),
        };
        write!(f, "{kind} {name:?}")?;
        match kind {
            Kind::Queue | Kind::Spsc | Kind::Broadcast => write!(f, " of {capacity} x {size} bytes")?,
            Kind::ByteQueue => write!(f, " of messages of up to {capacity} bytes")?,
            Kind::LoanQueue => write!(f, " of {capacity} blocks for elements of {size} bytes")?,
            Kind::Semaphore => write!(f, " of {capacity} permits at most")?,
            Kind::Barrier => write!(f, " for {capacity} parties")?,
            _ if *size != 0 => write!(f, " of {size} bytes")?,
            _ => {}
        }
        write!(f, ", {length} bytes in all")
    }
}

/// A view of the directory.
#[derive(Clone, Copy)]
pub struct Directory<'m> {
    memory: Memory<'m>,
    entries: &'m [Entry],
    objects_offset: u64,
}

struct Found {
    name: Name,
    offset: u64,
    length: u64,
}

impl Entry {
    /// Where what lies.
    pub(crate) const LAYOUT: Fact = layout!(Entry { state, name_bytes, offset, length, name, _room });

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
    pub(super) fn new(memory: Memory<'m>, entries: &'m [Entry], objects_offset: u64) -> Self {
        Directory { memory, entries, objects_offset }
    }

    fn ready(&self) -> impl Iterator<Item = Found> {
        self.entries.iter().map_while(Entry::read)
    }

    fn memory_of(&self, found: &Found) -> Option<Memory<'m>> {
        if found.offset < self.objects_offset {
            return None;
        }
        self.memory.part(found.offset, found.length)
    }

    /// The memory of the object with this name, if there is one. Lock-free: a walk over the entries.
    pub fn find(&self, name: &Name) -> Result<Option<Memory<'m>>, DirectoryError> {
        match self.ready().find(|found| found.name == *name) {
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

    /// Reserves `length` bytes for a new object, has it laid out by `create`, and publishes both. The caller holds
    /// the region's lock and has not found the name.
    pub fn insert<R>(
        &self,
        name: &Name,
        length: u64,
        create: impl FnOnce(Memory<'m>) -> Result<R, ShapeError>,
    ) -> Result<R, DirectoryError> {
        let (mut index, mut end) = (0, self.objects_offset);
        for found in self.ready() {
            index += 1;
            end = end.max(found.offset.saturating_add(found.length));
        }
        let entry = self.entries.get(index).ok_or(DirectoryError::Full { entries: self.entries.len() })?;
        let no_room = DirectoryError::NoRoom { wanted: length, free: (self.memory.len() as u64).saturating_sub(end) };
        let offset = end.checked_next_multiple_of(OBJECT_ALIGN as u64).ok_or(no_room)?;
        let memory = self.memory.part(offset, length).ok_or(no_room)?;
        let object = create(memory)?;
        entry.write(name, offset, length);
        Ok(object)
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
        let end = self.ready().map(|found| found.offset.saturating_add(found.length)).max().unwrap_or(0);
        (self.memory.len() as u64).saturating_sub(end.max(self.objects_offset))
    }
}
