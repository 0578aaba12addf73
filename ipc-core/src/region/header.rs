//! Page 0, and the view of a whole region.

use core::fmt;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{self, Fact, Kind, ObjectHeader, layout};
use crate::participant::{Dead, ParticipantId, Record};
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Gate;

use super::created::Created;
use super::directory::{Directory, Entry};
use super::lock::RegionLock;

/// The version of the binary layout. Programs with different versions cannot share a region; it is independent of
/// the crate's version.
pub const ABI_VERSION: u32 = 2;

/// "IPCREGN" and a byte that no text holds.
const MAGIC: u64 = u64::from_le_bytes(*b"IPCREGN\x91");

/// Bytes of the header.
const PAGE: usize = 4096;

/// Properties of a region, fixed at creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// Sleepers use `membarrier`, so that notifiers need no fence: every participant must be able to.
    pub const ASYMMETRIC_BARRIER: Flags = Flags(1);
    /// The last living participant that leaves removes the region's name.
    pub const REMOVE_WITH_LAST: Flags = Flags(2);

    /// No property.
    pub const fn empty() -> Self {
        Flags(0)
    }

    /// Both sets of properties.
    pub const fn with(self, other: Flags) -> Self {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The sizes of a region, kept in private memory after validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    total: u64,
    participants: u32,
    objects: u32,
}

impl Geometry {
    /// The most entries that a directory may have.
    pub const MAX_OBJECTS: u32 = 1 << 16;

    /// A region of `total` bytes for this many participants and objects. `None` if that is impossible.
    pub const fn new(total: u64, participants: u32, objects: u32) -> Option<Self> {
        let geometry = Geometry { total, participants, objects };
        let fits = participants >= 1
            && participants <= ParticipantId::MAX as u32
            && objects >= 1
            && objects <= Self::MAX_OBJECTS
            && total >= geometry.objects_offset()
            && total <= isize::MAX as u64;
        if fits { Some(geometry) } else { None }
    }

    /// Bytes of the region.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many can take part at once.
    pub const fn participants(&self) -> u32 {
        self.participants
    }

    /// How many objects the directory can name.
    pub const fn objects(&self) -> u32 {
        self.objects
    }

    const fn directory_offset(&self) -> u64 {
        (PAGE as u64 + self.participants as u64 * size_of::<Record>() as u64).next_multiple_of(OBJECT_ALIGN as u64)
    }

    /// Where the first object starts.
    pub const fn objects_offset(&self) -> u64 {
        (self.directory_offset() + self.objects as u64 * size_of::<Entry>() as u64)
            .next_multiple_of(OBJECT_ALIGN as u64)
    }
}

/// The header in shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    magic: AtomicU64,
    abi: AtomicU32,
    flags: AtomicU32,
    layout: AtomicU64,
    total: AtomicU64,
    participants: AtomicU32,
    objects: AtomicU32,
    identity: [AtomicU64; 2],
    lock: RegionLock,
    /// Entries of the directory that are in their chains.
    chained: AtomicU32,
    /// Where those sleep who wait for an object.
    created: Created,
}

crate::sync::assert_layout!(size_of::<Header>() == 80 && size_of::<Header>() <= PAGE);

/// What lies in a region besides the objects.
const REGION: &[Fact] = &[
    Fact::number("page", PAGE),
    Fact::number("object alignment", OBJECT_ALIGN),
    Fact::number("participants", ParticipantId::MAX as usize),
    layout!(Header { magic, abi, flags, layout, total, participants, objects, identity, lock, chained, created }),
    Record::LAYOUT,
    Entry::LAYOUT,
    ObjectHeader::LAYOUT,
    Gate::LAYOUT[0],
    Gate::LAYOUT[1],
];

/// A fingerprint of every struct that lies in a region.
const LAYOUT_HASH: u64 = {
    let little_endian = Fact::number("little endian", cfg!(target_endian = "little") as usize);
    let mut hash = fingerprint(little_endian.fingerprint(0xcbf2_9ce4_8422_2325), REGION);
    let mut kind = 0;
    while kind < object::LAYOUTS.len() {
        hash = fingerprint(hash, object::LAYOUTS[kind].1);
        kind += 1;
    }
    hash
};

const fn fingerprint(mut hash: u64, layouts: &[Fact]) -> u64 {
    let mut i = 0;
    while i < layouts.len() {
        hash = layouts[i].fingerprint(hash);
        i += 1;
    }
    hash
}

/// The layout of all that lies in a region: of the region itself (`None`), then of each kind.
pub fn layouts() -> impl Iterator<Item = (Option<Kind>, &'static [Fact])> {
    let objects = object::LAYOUTS.iter().map(|(kind, layouts)| (Some(*kind), *layouts));
    core::iter::once((None, REGION)).chain(objects)
}

/// Why bytes are not a region that this program can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// Too short for a header.
    TooShort {
        /// Bytes that there are.
        len: u64,
        /// Bytes of a header.
        needed: u64,
    },
    /// Not a region at all.
    Magic {
        /// The first eight bytes.
        found: u64,
    },
    /// Made by a program with another layout version.
    Abi {
        /// The region's version.
        found: u32,
        /// This program's version.
        supported: u32,
    },
    /// This version, but other struct sizes: another architecture or build.
    Layout {
        /// The region's fingerprint.
        found: u64,
        /// This program's fingerprint.
        expected: u64,
    },
    /// Counts in the header make no sense.
    Geometry {
        /// Bytes of the region, as the header says.
        total: u64,
        /// Participants, as the header says.
        participants: u32,
        /// Objects, as the header says.
        objects: u32,
    },
    /// The memory is not as long as the header says.
    Truncated {
        /// Bytes that the header says.
        wanted: u64,
        /// Bytes that there are.
        len: u64,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            HeaderError::TooShort { len: 0, .. } => f.write_str("the file is empty"),
            HeaderError::TooShort { len, needed } => write!(f, "{len} bytes, a region's header takes {needed}"),
            HeaderError::Magic { found } => write!(f, "not a region: it starts with {found:#018x}"),
            HeaderError::Abi { found, supported } => write!(f, "ABI version {supported} here, {found} in the region"),
            HeaderError::Layout { found, expected } => {
                write!(f, "layout {expected:#018x} here, {found:#018x} in the region")
            }
            HeaderError::Geometry { total, participants, objects } => {
                write!(f, "impossible sizes: {total} bytes for {participants} participants and {objects} objects")
            }
            HeaderError::Truncated { wanted, len } => {
                write!(f, "{wanted} bytes according to the header, {len} in the file")
            }
        }
    }
}

impl core::error::Error for HeaderError {}

/// A view of a whole region. Its geometry is private; its words are shared.
#[derive(Clone, Copy)]
pub struct RegionView<'m> {
    memory: Memory<'m>,
    geometry: Geometry,
    flags: Flags,
    identity: u128,
    header: &'m Header,
    records: &'m [Record],
    directory: Directory<'m>,
}

// Shared memory is not touched.
impl fmt::Debug for RegionView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionView").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}

impl<'m> RegionView<'m> {
    /// Lays an empty region into zeroed `memory`. The caller publishes it afterwards.
    ///
    /// # Errors
    ///
    /// [`Truncated`](HeaderError::Truncated), [`TooShort`](HeaderError::TooShort).
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet, it is zeroed, and no handle of what lay in it before is used again.
    pub unsafe fn initialise(
        memory: Memory<'m>,
        geometry: Geometry,
        identity: u128,
        flags: Flags,
    ) -> Result<Self, HeaderError> {
        let view = Self::with(memory, geometry, flags, identity)?;
        let header = view.header;
        // Relaxed: publication makes everything visible (the file gets its name).
        header.abi.store(ABI_VERSION, Ordering::Relaxed);
        header.flags.store(flags.0, Ordering::Relaxed);
        header.layout.store(LAYOUT_HASH, Ordering::Relaxed);
        header.total.store(geometry.total, Ordering::Relaxed);
        header.participants.store(geometry.participants, Ordering::Relaxed);
        header.objects.store(geometry.objects, Ordering::Relaxed);
        header.identity[0].store(identity as u64, Ordering::Relaxed);
        header.identity[1].store((identity >> 64) as u64, Ordering::Relaxed);
        header.magic.store(MAGIC, Ordering::Release);
        Ok(view)
    }

    /// The region in `memory`, after its header has been checked against the memory's length. Only loads.
    ///
    /// # Errors
    ///
    /// [`HeaderError`]: what is in this memory is no region, or one of another version or length.
    pub fn attach(memory: Memory<'m>) -> Result<Self, HeaderError> {
        let len = memory.len() as u64;
        if len < PAGE as u64 {
            return Err(HeaderError::TooShort { len, needed: PAGE as u64 });
        }
        let header = Self::header_of(memory)?;
        let found = header.magic.load(Ordering::Acquire);
        if found != MAGIC {
            return Err(HeaderError::Magic { found });
        }
        let found = header.abi.load(Ordering::Relaxed);
        if found != ABI_VERSION {
            return Err(HeaderError::Abi { found, supported: ABI_VERSION });
        }
        let found = header.layout.load(Ordering::Relaxed);
        if found != LAYOUT_HASH {
            return Err(HeaderError::Layout { found, expected: LAYOUT_HASH });
        }
        let total = header.total.load(Ordering::Relaxed);
        let participants = header.participants.load(Ordering::Relaxed);
        let objects = header.objects.load(Ordering::Relaxed);
        let geometry = Geometry::new(total, participants, objects).ok_or(HeaderError::Geometry {
            total,
            participants,
            objects,
        })?;
        if total != len {
            return Err(HeaderError::Truncated { wanted: total, len });
        }
        let flags = Flags(header.flags.load(Ordering::Relaxed));
        let identity = u128::from(header.identity[0].load(Ordering::Relaxed))
            | u128::from(header.identity[1].load(Ordering::Relaxed)) << 64;
        Self::with(memory, geometry, flags, identity)
    }

    fn header_of(memory: Memory<'m>) -> Result<&'m Header, HeaderError> {
        // SAFETY: Header is made of atomics, and these bytes are never viewed as anything else.
        let header = unsafe { memory.atomics::<Header>(0, 1) };
        header.map(|headers| &headers[0]).ok_or(HeaderError::TooShort { len: memory.len() as u64, needed: PAGE as u64 })
    }

    fn with(memory: Memory<'m>, geometry: Geometry, flags: Flags, identity: u128) -> Result<Self, HeaderError> {
        let truncated = HeaderError::Truncated { wanted: geometry.total, len: memory.len() as u64 };
        if memory.len() as u64 != geometry.total {
            return Err(truncated);
        }
        let header = Self::header_of(memory)?;
        // SAFETY: Record is made of atomics, and these bytes are never viewed as anything else.
        let records = unsafe { memory.atomics::<Record>(PAGE, geometry.participants as usize) }.ok_or(truncated)?;
        // SAFETY: as above, for Entry.
        let entries =
            unsafe { memory.atomics::<Entry>(geometry.directory_offset() as usize, geometry.objects as usize) }
                .ok_or(truncated)?;
        let directory = Directory::new(memory, entries, &header.chained, &header.created, geometry.objects_offset());
        Ok(RegionView { memory, geometry, flags, identity, header, records, directory })
    }

    /// The sizes.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The properties.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The region's random identity.
    pub fn identity(&self) -> u128 {
        self.identity
    }

    /// The whole memory.
    pub fn memory(&self) -> Memory<'m> {
        self.memory
    }

    /// The lock under which objects are created.
    pub fn lock(&self) -> &'m RegionLock {
        &self.header.lock
    }

    /// The directory of objects.
    pub fn directory(&self) -> &Directory<'m> {
        &self.directory
    }

    /// The participant table: the record of participant n is at index n - 1.
    pub fn records(&self) -> &'m [Record] {
        self.records
    }

    /// Repairs the whole region after a dead participant: the lock, and every object. Idempotent, and harmless beside others that do
    /// it at the same time. Objects whose headers make no sense are passed over.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.header.lock.sweep(dead, platform);
        self.header.created.sweep(platform);
        for (_, memory) in self.directory.objects() {
            let _ = object::sweep(memory, dead, platform);
        }
    }

    /// Whether the participant holds anything in the region that only a guard gives back, see
    /// [`Object::holds`](crate::object::Object::holds). Loads each object's header, the permits in use of a semaphore, and the
    /// blocks of a loan queue.
    pub fn holds(&self, who: ParticipantId) -> bool {
        self.directory.objects().any(|(_, memory)| object::holds(memory, who).unwrap_or(true))
    }
}
