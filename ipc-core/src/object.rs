//! What every object has: a header that says what it is, a layout, a way to be repaired; and the one way to make a handle of it.

use core::fmt;
use core::mem::MaybeUninit;

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Instant;
use crate::{atomic, event};
#[cfg(not(loom))]
use crate::{mutex, queue, semaphore};

/// "OBJ1": the object is complete.
const READY: u32 = u32::from_le_bytes(*b"OBJ1");

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $object:ty;)*) => {
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

        /// The facts of every object's layout, in the order of the kinds: for the region's fingerprint.
        #[cfg(not(loom))]
        pub(crate) const LAYOUTS: &[&[usize]] = &[$(<$object as Object>::LAYOUT),*];

        impl Field {
            /// What the capacity means in an object of this kind.
            #[cfg(not(loom))]
            const fn of_capacity(kind: Kind) -> Self {
                match kind {
                    $(Kind::$kind => <$object as Object>::CAPACITY,)*
                }
            }
        }

        /// Repairs the object in `memory`, of whatever kind, after a dead participant.
        #[cfg(not(loom))]
        pub(crate) fn sweep<P: Platform + ?Sized>(
            memory: Memory<'_>,
            dead: &Dead,
            platform: &P,
        ) -> Result<(), ShapeError> {
            let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
            match shape.kind {
                $(Kind::$kind => {
                    let (_, geometry) = sizes::<$object>(memory, Kind::$kind)?;
                    <$object>::sweep(<$object>::view(memory, &geometry)?, dead, platform);
                })*
            }
            Ok(())
        }
    };
}

kinds! {
    /// A many-producer many-consumer queue ([`Queue`](crate::Queue)).
    Queue = 1, "queue", queue::Words;
    /// A lock with data ([`Mutex`](crate::Mutex)).
    Mutex = 2, "mutex", mutex::Words;
    /// A counting semaphore ([`Semaphore`](crate::Semaphore)).
    Semaphore = 3, "semaphore", semaphore::Words;
    /// An event flag ([`Event`](crate::Event)).
    Event = 4, "event", event::Words;
    /// An atomic number or flag ([`Atomic`](crate::Atomic)).
    Atomic = 5, "atomic cell", former::Atomic;
    /// 32 event flags ([`EventGroup`](crate::event::EventGroup)).
    EventGroup = 6, "event group", former::EventGroup;
    /// A condition variable ([`Condvar`](crate::Condvar)).
    Condvar = 7, "condition variable", former::Condvar;
    /// A lock with data that its holder may take again ([`ReentrantMutex`](crate::mutex::ReentrantMutex)).
    ReentrantMutex = 8, "reentrant mutex", mutex::Words;
    /// A cell that is set once ([`OnceCell`](crate::OnceCell)).
    OnceCell = 9, "once cell", former::OnceCell;
    /// A cell that holds the latest value ([`Watch`](crate::Watch)).
    Watch = 10, "watch", former::Watch;
    /// A lock with data for one writer or many readers ([`RwLock`](crate::RwLock)).
    RwLock = 11, "reader-writer lock", former::RwLock;
    /// So many parties that wait for each other ([`Barrier`](crate::Barrier)).
    Barrier = 12, "barrier", former::Barrier;
    /// A queue from one producer to one consumer ([`Spsc`](crate::Spsc)).
    Spsc = 13, "one-to-one queue", former::Spsc;
    /// A queue of messages of any length ([`ByteQueue`](crate::ByteQueue)).
    ByteQueue = 14, "byte queue", former::ByteQueue;
    /// A queue of blocks that are written and read in place ([`LoanQueue`](crate::LoanQueue)).
    LoanQueue = 15, "loan queue", former::LoanQueue;
    /// Messages that every subscriber sees ([`Broadcast`](crate::Broadcast)).
    Broadcast = 16, "broadcast", former::Broadcast;
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
    #[cfg(loom)]
    const fn of_capacity(_: Kind) -> Self {
        Field::Capacity
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
    /// The object is not there yet, and a creator has to say its capacity.
    Unsaid,
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
            ShapeError::Unsaid => f.write_str("its capacity was not said"),
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
    _room: MaybeUninit<[u64; 11]>,
}

/// Bytes of the header; the object's own words follow.
pub const HEADER_BYTES: usize = size_of::<ObjectHeader>().next_multiple_of(OBJECT_ALIGN);
const _: () = assert!(cfg!(loom) || size_of::<ObjectHeader>() == 128);

/// The bytes that an object takes in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint(#[doc(hidden)] pub u64);

impl Footprint {
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// What lies in a region under one kind: its layout, and how it is repaired. Everything here is read from the shared header, so
/// no element type is known; [`Blueprint`] is for those who know it.
///
/// # Safety
///
/// `View` reaches only atomics, and raw pointers, that lie inside the memory; and every object of the kinds that name this type
/// is laid out so. That is what makes each view of these bytes the same.
pub unsafe trait Object {
    /// Sizes and offsets of all that lies in shared memory: for the region's fingerprint.
    const LAYOUT: &'static [usize];

    /// What the capacity of the shape means.
    const CAPACITY: Field = Field::Capacity;

    /// All sizes, validated: kept in private memory.
    type Geometry: Copy;

    /// The object's words, in place.
    type View<'m>: Copy;

    /// The sizes of the object in `memory`, according to its header (and, where that does not tell all, to its own words).
    fn geometry(memory: Memory<'_>, shape: &Shape, length: u64) -> Result<Self::Geometry, ShapeError>;

    /// Bytes of an object of these sizes.
    fn bytes(geometry: &Self::Geometry) -> u64;

    /// The words of the object of these sizes in `memory`, which is long enough.
    fn view<'m>(memory: Memory<'m>, geometry: &Self::Geometry) -> Result<Self::View<'m>, ShapeError>;

    /// Repairs what a dead participant has left, and wakes whom it may have owed that. Idempotent.
    fn sweep<P: Platform + ?Sized>(view: Self::View<'_>, dead: &Dead, platform: &P);
}

/// What somebody wants an object to be like: to find one, or to lay out a new one.
pub trait Blueprint {
    /// The kind that the header names.
    const KIND: Kind;

    /// What lies in the region.
    type Object: Object;

    /// What the caller gets.
    type Handle<'m, P: Platform>;

    /// What an existing object is compared with; a capacity of 0 means any.
    fn shape(&self) -> Shape;

    /// Whether an existing object of this shape and these sizes is what is wanted in all that the shape does not tell.
    fn accepts(&self, geometry: &Geometry<Self>) -> Result<(), ShapeError> {
        let _ = geometry;
        Ok(())
    }

    /// What a new object is like; a capacity of 0 in the error: it was not said.
    fn complete(&self) -> Result<(Shape, Geometry<Self>), ShapeError>;

    /// Writes the words of a new object behind its header. `now` is the time of its creation.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry<Self>, now: Instant) -> Result<(), ShapeError>;

    /// A handle of the object in this memory.
    fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry<Self>,
        platform: P,
    ) -> Result<Self::Handle<'m, P>, ShapeError>;

    /// The bytes of a new object.
    fn bytes(&self) -> Result<u64, ShapeError> {
        self.complete().map(|(_, geometry)| Self::Object::bytes(&geometry))
    }

    /// Lays a new object into `memory`, declares it complete, and makes a handle of it.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    unsafe fn create<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        platform: P,
    ) -> Result<Self::Handle<'m, P>, ShapeError> {
        let (shape, geometry) = self.complete()?;
        let length = Self::Object::bytes(&geometry);
        if (memory.len() as u64) < length {
            return Err(ShapeError::TooSmall { wanted: length, found: memory.len() as u64 });
        }
        // SAFETY: the header is made of atomics and lies first in every object; the caller has the memory to itself.
        let header = unsafe { memory.place(0, 1, |_| ObjectHeader::new(&shape, length)) }.ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { self.lay(memory, &geometry, platform.now())? };
        header[0].publish();
        self.handle(memory, &geometry, platform)
    }

    /// A handle of the object that somebody else has laid into `memory`, if it is what is wanted.
    fn attach<'m, P: Platform>(&self, memory: Memory<'m>, platform: P) -> Result<Self::Handle<'m, P>, ShapeError> {
        let (shape, geometry) = sizes::<Self::Object>(memory, Self::KIND)?;
        shape.check(&self.shape())?;
        self.accepts(&geometry)?;
        self.handle(memory, &geometry, platform)
    }
}

/// The sizes of what a blueprint is for.
pub type Geometry<B> = <<B as Blueprint>::Object as Object>::Geometry;

/// The shape and the sizes of the object in `memory`, which is of this kind, as long as its sizes say, and inside the memory.
pub(crate) fn sizes<O: Object>(memory: Memory<'_>, wanted: Kind) -> Result<(Shape, O::Geometry), ShapeError> {
    let (shape, found) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
    if shape.kind != wanted {
        return Err(ShapeError::Kind { wanted, found: shape.kind as u32 });
    }
    let geometry = O::geometry(memory, &shape, found)?;
    let wanted = O::bytes(&geometry);
    if found != wanted {
        return Err(ShapeError::Differs { field: Field::Length, wanted, found });
    }
    if (memory.len() as u64) < wanted {
        return Err(ShapeError::TooSmall { wanted, found: memory.len() as u64 });
    }
    Ok((shape, geometry))
}

/// Where named objects are: a region, as its [builders](Builder) see it.
pub trait Host {
    /// What handles of its objects run on.
    type Platform: Platform;

    /// Why an object could not be found or created.
    type Error;

    /// The object with this name, which must exist.
    fn open<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// A new object with this name, which must be free.
    fn create<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// The object with this name if it exists, a new one otherwise.
    fn open_or_create<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// Why a region for one object, or that object, could not be found or created.
    type AloneError;

    /// The object in a region of the same name that is just large enough; both are created if need be.
    fn open_or_create_alone<B: Blueprint>(
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::AloneError>;
}

/// A builder: what an object should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct Builder<'r, B, H> {
    host: &'r H,
    name: &'r str,
    pub(crate) wanted: B,
}

impl<'r, B: Blueprint, H: Host> Builder<'r, B, H> {
    /// A builder of an object in `host`.
    pub fn new(host: &'r H, name: &'r str, wanted: B) -> Self {
        Builder { host, name, wanted }
    }

    /// Opens the object, which must exist. Lock-free, no system call.
    ///
    /// # Errors
    ///
    /// That there is none, or what differs from what is wanted.
    pub fn open(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.open(self.name, &self.wanted)
    }

    /// Creates the object, which must not exist.
    ///
    /// # Errors
    ///
    /// That there is one, or why there is no room for it.
    pub fn create(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.create(self.name, &self.wanted)
    }

    /// Opens the object if it exists, creates it otherwise. Any number of processes may do so at once.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.open_or_create(self.name, &self.wanted)
    }
}

/// What every handle has: a place, a private copy, and a check that the process is still the one that made it.
///
/// The type has the fields `platform` and, in `another`, says how the same object looks on another platform.
macro_rules! handle {
    ($name:ident $(<$T:ident $(: $bound:path)?>)?, $noun:literal) => {
        impl<'m, $($T $(: $bound)?,)? P: $crate::Platform> $name<'m, $($T,)? P> {
            #[doc = concat!("The ", $noun, "'s name in its region.")]
            pub fn name(&self) -> &str
            where
                P: $crate::platform::Located,
            {
                self.platform.name()
            }

            #[doc = concat!("The region that the ", $noun, " lives in.")]
            pub fn region(&self) -> P::Region
            where
                P: $crate::platform::Located,
            {
                self.platform.region()
            }

            /// Another handle of the same object. Touches no shared memory.
            #[doc(hidden)]
            pub fn with_platform<Q: $crate::Platform>(&self, platform: Q) -> $name<'m, $($T,)? Q> {
                self.another(platform)
            }

            /// Whether the memory is here: not in a child after `fork`.
            #[inline(always)]
            #[allow(dead_code, reason = "some handles ask otherwise")]
            pub(super) fn here(&self) -> Result<(), $crate::Fault> {
                if self.platform.is_here() { Ok(()) } else { Err($crate::Fault::Forked) }
            }
        }

        /// Another handle of the same object, with hints of its own.
        impl<$($T $(: $bound)?,)? P: $crate::Platform + Clone> Clone for $name<'_, $($T,)? P> {
            fn clone(&self) -> Self {
                self.another(self.platform.clone())
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<$($T,)? P: core::fmt::Debug> core::fmt::Debug for $name<'_, $($T,)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).field("name", &self.platform).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use handle;

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

    /// A new header, of an object that is not complete until [`publish`](Self::publish).
    pub(crate) fn new(shape: &Shape, length: u64) -> Self {
        ObjectHeader {
            state: AtomicU32::new(0),
            kind: AtomicU32::new(shape.kind as u32),
            element_size: AtomicU32::new(shape.element_size),
            element_align: AtomicU32::new(shape.element_align),
            schema: AtomicU64::new(shape.schema),
            capacity: AtomicU64::new(shape.capacity),
            length: AtomicU64::new(length),
            _room: MaybeUninit::zeroed(),
        }
    }

    /// Writes the fields. The object is not complete until [`publish`](Self::publish).
    #[cfg(not(loom))]
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

/// The kinds that have not moved to [`Object`] yet.
#[cfg(not(loom))]
mod former {
    use super::{Field, Memory, Object, Shape, ShapeError};
    use crate::participant::Dead;
    use crate::platform::Platform;
    use crate::{atomic, barrier, broadcast, bytes, condvar, loan, once, rwlock, spsc, watch};

    macro_rules! former {
        ($($kind:ident, [$($fact:expr),*], $field:ident, |$memory:ident, $shape:ident, $dead:ident, $platform:ident| $sweep:expr;)*) => {$(
            pub enum $kind {}

            // SAFETY: as their modules say.
            unsafe impl Object for $kind {
                const LAYOUT: &'static [usize] = &[$($fact),*];
                const CAPACITY: Field = Field::$field;
                type Geometry = (Shape, u64);
                type View<'m> = (Memory<'m>, Shape);

                fn geometry(_: Memory<'_>, shape: &Shape, length: u64) -> Result<Self::Geometry, ShapeError> {
                    Ok((*shape, length))
                }

                fn bytes(geometry: &Self::Geometry) -> u64 {
                    geometry.1
                }

                fn view<'m>(memory: Memory<'m>, geometry: &Self::Geometry) -> Result<Self::View<'m>, ShapeError> {
                    Ok((memory, geometry.0))
                }

                fn sweep<P: Platform + ?Sized>(($memory, $shape): Self::View<'_>, $dead: &Dead, $platform: &P) {
                    let _ = (&$shape, $dead);
                    let _: Result<(), ShapeError> = $sweep;
                }
            }
        )*};
    }

    former! {
        Atomic, [atomic::FOOTPRINT as usize], Type, |memory, shape, dead, platform| atomic::sweep(memory, shape.capacity, platform);
        EventGroup, [atomic::FOOTPRINT as usize], Capacity, |memory, shape, dead, platform| atomic::sweep(memory, <u32 as atomic::Value>::FORM, platform);
        Condvar, [condvar::FOOTPRINT as usize], Capacity, |memory, shape, dead, platform| condvar::sweep(memory, platform);
        OnceCell, [once::VALUE_OFFSET], Capacity, |memory, shape, dead, platform| once::sweep(memory, dead, platform);
        Watch, [watch::SLOTS_OFFSET], Capacity, |memory, shape, dead, platform| watch::sweep(memory, dead, platform);
        RwLock, [rwlock::WORDS_END], Capacity, |memory, shape, dead, platform| rwlock::sweep(memory, dead, platform);
        Barrier, [barrier::SEATS_OFFSET], Parties, |memory, shape, dead, platform| barrier::sweep(memory, dead, platform);
        Spsc, [], Capacity, |memory, shape, dead, platform| spsc::sweep(memory, dead, platform);
        ByteQueue, [], Capacity, |memory, shape, dead, platform| bytes::sweep(memory, dead, platform);
        LoanQueue, [], Blocks, |memory, shape, dead, platform| loan::sweep(memory, dead, platform);
        Broadcast, [], Capacity, |memory, shape, dead, platform| broadcast::sweep(memory, dead, platform);
    }
}
