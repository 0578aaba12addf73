//! The header that every object starts with: what it is, of which elements, how large.

use core::fmt;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{atomic, event};

/// "OBJ1": the object is complete.
const READY: u32 = u32::from_le_bytes(*b"OBJ1");

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal;)*) => {
        /// What an object is. The numbers are part of the binary layout.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum Kind {
            $($(#[$doc])* $kind = $number,)*
        }

        impl Kind {
            /// The kind with this number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Kind::$kind),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Kind::$kind => $name,)*
                })
            }
        }
    };
}

kinds! {
    /// A many-producer many-consumer queue ([`Queue`](crate::Queue)).
    Queue = 1, "queue";
    /// A lock with data ([`Mutex`](crate::Mutex)).
    Mutex = 2, "mutex";
    /// A counting semaphore ([`Semaphore`](crate::Semaphore)).
    Semaphore = 3, "semaphore";
    /// An event flag ([`Event`](crate::Event)).
    Event = 4, "event";
    /// An atomic number or flag ([`Atomic`](crate::Atomic)).
    Atomic = 5, "atomic cell";
    /// 32 event flags ([`EventGroup`](crate::event::EventGroup)).
    EventGroup = 6, "event group";
    /// A condition variable ([`Condvar`](crate::Condvar)).
    Condvar = 7, "condition variable";
    /// A lock with data that its holder may take again ([`ReentrantMutex`](crate::mutex::ReentrantMutex)).
    ReentrantMutex = 8, "reentrant mutex";
    /// A cell that is set once ([`OnceCell`](crate::OnceCell)).
    OnceCell = 9, "once cell";
    /// A cell that holds the latest value ([`Watch`](crate::Watch)).
    Watch = 10, "watch";
    /// A lock with data for one writer or many readers ([`RwLock`](crate::RwLock)).
    RwLock = 11, "reader-writer lock";
    /// So many parties that wait for each other ([`Barrier`](crate::Barrier)).
    Barrier = 12, "barrier";
    /// A queue from one producer to one consumer ([`Spsc`](crate::Spsc)).
    Spsc = 13, "one-to-one queue";
    /// A queue of messages of any length ([`ByteQueue`](crate::ByteQueue)).
    ByteQueue = 14, "byte queue";
    /// A queue of blocks that are written and read in place ([`LoanQueue`](crate::LoanQueue)).
    LoanQueue = 15, "loan queue";
    /// Messages that every subscriber sees ([`Broadcast`](crate::Broadcast)).
    Broadcast = 16, "broadcast";
}

/// Everything that two programs must agree on to share an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What the object is.
    pub kind: Kind,
    /// Size of an element in bytes.
    pub element_size: u32,
    /// Alignment of an element in bytes.
    pub element_align: u32,
    /// The users' own number for the meaning of an element; 0 if they gave none.
    pub schema: u64,
    /// How many elements fit.
    pub capacity: u64,
}

impl Shape {
    /// The shape of an object of this kind with `capacity` elements of type `T`.
    pub const fn of<T>(kind: Kind, capacity: u64, schema: u64) -> Self {
        Shape { kind, element_size: size_of::<T>() as u32, element_align: align_of::<T>() as u32, schema, capacity }
    }

    /// Compares with the shape that is `wanted`; a wanted capacity of 0 means any. The first difference is the error.
    pub fn check(&self, wanted: &Shape) -> Result<(), ShapeError> {
        let found = self;
        if found.kind != wanted.kind {
            return Err(ShapeError::Kind { wanted: wanted.kind, found: found.kind as u32 });
        }
        let fields = [
            (Field::ElementSize, wanted.element_size.into(), found.element_size.into()),
            (Field::ElementAlign, wanted.element_align.into(), found.element_align.into()),
            (Field::Schema, wanted.schema, found.schema),
            (
                Field::of_capacity(found.kind),
                if wanted.capacity == 0 { found.capacity } else { wanted.capacity },
                found.capacity,
            ),
        ];
        match fields.into_iter().find(|(_, wanted, found)| wanted != found) {
            None => Ok(()),
            Some((field, wanted, found)) => Err(ShapeError::Differs { field, wanted, found }),
        }
    }
}

/// A field of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Size of an element in bytes.
    ElementSize,
    /// Alignment of an element in bytes.
    ElementAlign,
    /// The users' number.
    Schema,
    /// How many elements fit.
    Capacity,
    /// How an event resets.
    Reset,
    /// The parties of a barrier.
    Parties,
    /// The type of an atomic cell.
    Type,
    /// Blocks of a loan queue.
    Blocks,
    /// Elements of a block of a loan queue.
    BlockLength,
    /// Subscribers that the publishers of a broadcast wait for; 0 if they do not.
    Subscribers,
    /// Bytes of the whole object.
    Length,
}

impl Field {
    /// What the capacity means in an object of this kind.
    const fn of_capacity(kind: Kind) -> Self {
        match kind {
            Kind::Event => Field::Reset,
            Kind::Barrier => Field::Parties,
            Kind::Atomic => Field::Type,
            Kind::LoanQueue => Field::Blocks,
            _ => Field::Capacity,
        }
    }

    /// The name of a value, if this field has names rather than numbers.
    fn name(self, value: u64) -> Option<&'static str> {
        match self {
            Field::Reset => event::name(value),
            Field::Type => atomic::name(value),
            _ => None,
        }
    }
}

/// A field's value: its name, or the number.
struct Named(Field, u64);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name(self.1) {
            Some(name) => f.write_str(name),
            None => self.1.fmt(f),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::ElementSize => "element size",
            Field::ElementAlign => "element alignment",
            Field::Schema => "schema",
            Field::Capacity => "capacity",
            Field::Reset => "reset",
            Field::Parties => "parties",
            Field::Type => "type",
            Field::Blocks => "blocks",
            Field::BlockLength => "block length",
            Field::Subscribers => "subscribers",
            Field::Length => "length",
        })
    }
}

/// Why an object in memory cannot be used as what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// There is no complete object in this memory.
    Missing,
    /// It is another kind of object.
    Kind {
        /// The kind that the caller wants.
        wanted: Kind,
        /// The number of the kind that is there.
        found: u32,
    },
    /// A field differs.
    Differs {
        /// Which one.
        field: Field,
        /// The caller's value.
        wanted: u64,
        /// The object's value.
        found: u64,
    },
    /// The wanted object is impossible: a capacity of 0, or more than an address space holds.
    Capacity {
        /// The capacity that was asked for.
        wanted: u64,
    },
    /// The memory is too small for the object.
    TooSmall {
        /// Bytes that the object takes.
        wanted: u64,
        /// Bytes that there are.
        found: u64,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ShapeError::Missing => f.write_str("no complete object in this memory"),
            ShapeError::Kind { wanted, found } => match Kind::from_number(found) {
                Some(found) => write!(f, "{wanted} here, {found} in the region"),
                None => write!(f, "{wanted} here, an object of unknown kind {found} in the region"),
            },
            ShapeError::Differs { field, wanted, found } => {
                write!(f, "{field} {} here, {} in the region", Named(field, wanted), Named(field, found))
            }
            ShapeError::Capacity { wanted: 0 } => f.write_str("a capacity of 0 is not possible"),
            ShapeError::Capacity { wanted } => write!(f, "a capacity of {wanted} is not possible"),
            ShapeError::TooSmall { wanted, found } => write!(f, "{wanted} bytes wanted, {found} there"),
        }
    }
}

impl core::error::Error for ShapeError {}

/// The header in shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct ObjectHeader {
    state: AtomicU32,
    kind: AtomicU32,
    element_size: AtomicU32,
    element_align: AtomicU32,
    schema: AtomicU64,
    capacity: AtomicU64,
    length: AtomicU64,
    _room: [AtomicU64; 11],
}

/// Bytes of the header; the object's own words follow.
pub const HEADER_BYTES: usize = 128;
const _: () = assert!(size_of::<ObjectHeader>() == HEADER_BYTES && HEADER_BYTES.is_multiple_of(OBJECT_ALIGN));

/// The shape and the length of the object in `memory`, which has to be what is wanted: what every `attach` checks first.
pub(crate) fn checked(memory: Memory<'_>, wanted: &Shape) -> Result<(Shape, u64), ShapeError> {
    let (shape, length) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    shape.check(wanted)?;
    Ok((shape, length))
}

impl ObjectHeader {
    /// The header at the start of `memory`; `None` if it does not fit.
    pub fn at(memory: Memory<'_>) -> Option<&ObjectHeader> {
        // SAFETY: the header is made of atomics; the same bytes are viewed in no other way.
        unsafe { memory.atomics::<ObjectHeader>(0, 1) }.map(|headers| &headers[0])
    }

    /// Writes the fields. The object is not complete until [`publish`](Self::publish).
    pub(crate) fn write(&self, shape: &Shape, length: u64) {
        // Relaxed: `publish` makes them visible.
        self.kind.store(shape.kind as u32, Ordering::Relaxed);
        self.element_size.store(shape.element_size, Ordering::Relaxed);
        self.element_align.store(shape.element_align, Ordering::Relaxed);
        self.schema.store(shape.schema, Ordering::Relaxed);
        self.capacity.store(shape.capacity, Ordering::Relaxed);
        self.length.store(length, Ordering::Relaxed);
    }

    /// Declares the object complete: one Release store, the partner of the Acquire in [`read`](Self::read).
    pub(crate) fn publish(&self) {
        self.state.store(READY, Ordering::Release);
    }

    /// The shape and the length in bytes, each word read once.
    pub fn read(&self) -> Result<(Shape, u64), ShapeError> {
        if self.state.load(Ordering::Acquire) != READY {
            return Err(ShapeError::Missing);
        }
        let kind = self.kind.load(Ordering::Relaxed);
        let shape = Shape {
            kind: Kind::from_number(kind).ok_or(ShapeError::Kind { wanted: Kind::Queue, found: kind })?,
            element_size: self.element_size.load(Ordering::Relaxed),
            element_align: self.element_align.load(Ordering::Relaxed),
            schema: self.schema.load(Ordering::Relaxed),
            capacity: self.capacity.load(Ordering::Relaxed),
        };
        Ok((shape, self.length.load(Ordering::Relaxed)))
    }
}
