//! The list of all kinds: what each is called, and which words lie in a region under it.

use core::fmt;

use super::{Fact, Field, Object, ObjectHeader, ShapeError, sizes};
use crate::memory::Memory;
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::sync::AtomicU32;
use crate::{
    array, atomic, barrier, broadcast, bytes, condvar, duplex, event, level, loan, map, mutex, once, priority, queue,
    rwlock, semaphore, spsc, stack, vector, watch, work,
};

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
        pub(crate) const LAYOUTS: &[(Kind, &[Fact])] = &[$((Kind::$kind, <$object as Object>::LAYOUT)),*];

        impl Field {
            /// What the capacity means in an object of this kind.
            pub(super) const fn of_capacity(kind: Kind) -> Self {
                match kind {
                    $(Kind::$kind => <$object as Object>::CAPACITY,)*
                }
            }
        }

        /// Repairs the object in `memory`, whatever its kind, after a dead participant. Idempotent.
        ///
        /// # Errors
        ///
        /// If there is no complete object whose header makes sense.
        pub fn sweep<P: Platform + ?Sized>(
            memory: Memory<'_>,
            dead: &Dead,
            platform: &P,
        ) -> Result<(), ShapeError> {
            let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
            match shape.kind {
                $(Kind::$kind => <$object>::sweep(words::<$object>(memory, Kind::$kind)?, dead, platform),)*
            }
            Ok(())
        }

        /// Whether `who` holds a part of the object in `memory`, whatever its kind. See [`Object::holds`].
        ///
        /// # Errors
        ///
        /// If there is no complete object whose header makes sense.
        pub fn holds(memory: Memory<'_>, who: ParticipantId) -> Result<bool, ShapeError> {
            let (shape, _) = ObjectHeader::at(memory).ok_or(ShapeError::Missing)?.read()?;
            match shape.kind {
                $(Kind::$kind => words::<$object>(memory, Kind::$kind).map(|view| <$object>::holds(view, who)),)*
            }
        }
    };
}

/// The words of the object in `memory`. Every caller names those of `kind`.
fn words<O: Object>(memory: Memory<'_>, kind: Kind) -> Result<O::View<'_>, ShapeError> {
    let (_, geometry) = sizes::<O>(memory, kind)?;
    // SAFETY: the header names the kind, and these are its sizes.
    unsafe { O::view(memory, &geometry) }
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
    Atomic = 5, "atomic cell", atomic::Cell;
    /// 32 event flags ([`EventGroup`](crate::event::EventGroup)).
    EventGroup = 6, "event group", atomic::Words<AtomicU32>;
    /// A condition variable ([`Condvar`](crate::Condvar)).
    Condvar = 7, "condition variable", condvar::Words;
    /// A lock with data that its holder may take again ([`ReentrantMutex`](crate::mutex::ReentrantMutex)).
    ReentrantMutex = 8, "reentrant mutex", mutex::Words;
    /// A cell that is set once ([`OnceCell`](crate::OnceCell)).
    OnceCell = 9, "once cell", once::Words;
    /// A cell that holds the latest value ([`Watch`](crate::Watch)).
    Watch = 10, "watch", watch::Words;
    /// A lock with data for one writer or many readers ([`RwLock`](crate::RwLock)).
    RwLock = 11, "reader-writer lock", rwlock::Words;
    /// Parties that wait for each other ([`Barrier`](crate::Barrier)).
    Barrier = 12, "barrier", barrier::Words;
    /// A queue from one producer to one consumer ([`Spsc`](crate::Spsc)).
    Spsc = 13, "one-to-one queue", spsc::Words;
    /// A queue of messages of any length ([`ByteQueue`](crate::ByteQueue)).
    ByteQueue = 14, "byte queue", bytes::Words;
    /// A queue of blocks that are written and read in place ([`LoanQueue`](crate::LoanQueue)).
    LoanQueue = 15, "loan queue", loan::Words;
    /// Messages that every subscriber sees ([`Broadcast`](crate::Broadcast)).
    Broadcast = 16, "broadcast", broadcast::Words;
    /// A stack: last in, first out ([`Stack`](crate::Stack)).
    Stack = 17, "stack", stack::Words;
    /// Numbers or flags, each atomic by itself ([`Array`](crate::Array)).
    Array = 18, "array", array::Words;
    /// A queue that gives the lowest key out first ([`PriorityQueue`](crate::PriorityQueue)).
    PriorityQueue = 19, "priority queue", priority::Words;
    /// A queue of jobs that are leased until they are done ([`WorkQueue`](crate::WorkQueue)).
    WorkQueue = 20, "work queue", work::Words;
    /// Values by key ([`Map`](crate::Map)).
    Map = 21, "map", map::Words;
    /// A queue of jobs of bytes that are leased until they are done ([`ByteWorkQueue`](crate::work::ByteWorkQueue)).
    ByteWorkQueue = 22, "byte work queue", work::Words;
    /// A pipe in both directions ([`Duplex`](crate::Duplex)).
    Duplex = 23, "duplex", duplex::Words;
    /// Elements one behind the other ([`Vector`](crate::Vector)).
    Vector = 24, "vector", vector::Words;
    /// A queue with a few levels, the highest first ([`LevelQueue`](crate::LevelQueue)).
    LevelQueue = 25, "level queue", level::Words;
    /// Bytes by bytes ([`ByteMap`](crate::map::ByteMap)).
    ByteMap = 26, "byte map", map::Words;
    /// A cell that holds the latest value, of a type of serde's (`watch::ValueWatch`).
    ValueWatch = 27, "value watch", watch::Words;
}
