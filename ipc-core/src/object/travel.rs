//! Handles that travel: one is written as the address of its object, and opens the object again where it is read.
//!
//! All of it is the feature `serde`. The platform knows where objects are ([`Addressed`]); the list below says which handles travel, and
//! what each wants of the object that it finds. Counted ends, guards, leases and claimed ends do not travel: what they hold is their
//! process's.

use alloc::format;
use alloc::string::String;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use super::{
    BlockElement, Blueprint, CellValue, HasSchema, LockData, MapKey, MapValue, Message, Schema, Unsaid, VectorElement,
    Zeroes,
};
use crate::atomic::Value;
use crate::bytes::QueuedValue;
use crate::object::Key;
use crate::platform::Addressed;
use crate::{
    array, atomic, barrier, broadcast, bytes, condvar, duplex, event, level, loan, map, mutex, once, priority, queue,
    rwlock, semaphore, spsc, stack, vector, watch, work,
};

/// Where a region is, for another process.
///
/// It is written as a sequence of the identity's hexadecimal digits and the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionAddress {
    /// The random number that tells it from all others.
    pub identity: u128,
    /// The path of its file; `None` if it has no name.
    pub path: Option<String>,
}

/// Where an object is, for another process.
///
/// It is written as a sequence of the region's identity and path, the object's name and its schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The region that it lies in.
    pub region: RegionAddress,
    /// Its name there.
    pub object: String,
    /// The users' number for the meaning of its content.
    pub schema: u64,
}

impl RegionAddress {
    fn digits(&self) -> String {
        format!("{:032x}", self.identity)
    }

    fn read<E: serde::de::Error>(digits: &str, path: Option<String>) -> Result<Self, E> {
        let all = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u128::from_str_radix(digits, 16) {
            Ok(identity) if all => Ok(RegionAddress { identity, path }),
            _ => Err(E::custom(format!("{digits:?} is no region's identity, which has 32 hexadecimal digits"))),
        }
    }
}

impl Serialize for RegionAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.digits(), &self.path).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RegionAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (digits, path) = <(String, Option<String>)>::deserialize(deserializer)?;
        RegionAddress::read(&digits, path)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.region.digits(), &self.region.path, &self.object, self.schema).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (digits, path, object, schema) = <(String, Option<String>, String, u64)>::deserialize(deserializer)?;
        Ok(Address { region: RegionAddress::read(&digits, path)?, object, schema })
    }
}

/// Writes the address of the object that the platform was made for.
fn write<P: Addressed, S: Serializer>(platform: &P, serializer: S) -> Result<S::Ok, S::Error> {
    platform.address().map_err(S::Error::custom)?.serialize(serializer)
}

/// Reads an address, and opens the object there.
fn read<'de, P: Addressed, B: Blueprint, D: Deserializer<'de>>(
    deserializer: D,
    wanted: impl FnOnce(u64) -> B,
) -> Result<B::Handle<'static, P>, D::Error> {
    let address = Address::deserialize(deserializer)?;
    P::open(&address, &wanted(address.schema)).map_err(D::Error::custom)
}

/// These options, with this schema.
fn with<B: HasSchema>(mut wanted: B, schema: u64) -> B {
    *wanted.schema_mut() = Schema::of_a_traveller(schema);
    wanted
}

macro_rules! travels {
    ($($handle:ty, $(<$($T:ident: $bound:path),+>)? by |$schema:pat_param| $wanted:expr;)+) => {$(
        /// Writes where the object is. Fails in a child after `fork`, and if the region's path is no text.
        impl<$($($T,)+)? P: Addressed> Serialize for $handle
        where
            $($($T: $bound,)+)?
        {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                write(self.platform(), serializer)
            }
        }

        /// Opens the object that was written, in the process's first attachment of its region, or in a new one.
        impl<'de, $($($T,)+)? P: Addressed + 'static> Deserialize<'de> for $handle
        where
            $($($T: $bound,)+)?
        {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer, |$schema| $wanted)
            }
        }
    )+};
}

travels! {
    array::Array<'static, T, P>, <T: Value> by |schema| with(array::Options::<T>::default(), schema);
    atomic::Atomic<'static, T, P>, <T: Value> by |schema| with(atomic::Options::<T>::default(), schema);
    barrier::Barrier<'static, P>, by |_| barrier::Options::default();
    broadcast::Broadcast<'static, T, P>, <T: Message> by |schema| with(broadcast::Options::<T>::new(0), schema);
    bytes::ByteQueue<'static, P>, by |schema| with(bytes::Options::default(), schema);
    bytes::ValueQueue<'static, T, P>, <T: QueuedValue> by |schema| with(bytes::ValueOptions::<T>::of_any_format(), schema);
    condvar::Condvar<'static, P>, by |_| condvar::Options;
    duplex::Duplex<'static, A, B, P>, <A: Message, B: Message> by |schema| with(duplex::Options::<A, B>::new(0), schema);
    duplex::ValueDuplex<'static, A, B, P>, <A: QueuedValue, B: QueuedValue> by |schema| with(duplex::ValueOptions::<A, B>::of_any_format(), schema);
    event::Event<'static, P>, by |_| event::Options::default();
    event::EventGroup<'static, P>, by |schema| with(event::GroupOptions::default(), schema);
    level::LevelQueue<'static, T, P>, <T: Message> by |schema| with(level::Options::<T>::new(0, 0), schema);
    loan::LoanQueue<'static, T, P>, <T: BlockElement> by |schema| with(loan::Options::<T>::new(0, 0), schema);
    map::Map<'static, K, V, P>, <K: MapKey, V: MapValue> by |schema| with(map::Options::<K, V>::new(0, [0; 2]), schema);
    map::ByteMap<'static, P>, by |schema| with(map::ByteOptions::default(), schema);
    mutex::Mutex<'static, T, P>, <T: LockData> by |schema| with(mutex::Options::<Zeroes<T>>::default(), schema);
    mutex::Mutex<'static, [T], P>, <T: LockData> by |schema| with(mutex::SliceOptions::<Zeroes<T>>::default(), schema);
    mutex::ValueMutex<'static, T, P>, <T: mutex::LockedValue> by |schema| with(mutex::ValueOptions::<T>::default(), schema);
    mutex::ReentrantMutex<'static, T, P>, <T: LockData> by |schema| with(mutex::ReentrantOptions::<Zeroes<T>>::default(), schema);
    once::OnceCell<'static, T, P>, <T: CellValue> by |schema| with(once::Options::<T>::default(), schema);
    priority::PriorityQueue<'static, K, T, P>, <K: Key, T: Message> by |schema| with(priority::Options::<K, T>::new(0), schema);
    queue::Queue<'static, T, P>, <T: Message> by |schema| with(queue::Options::<T>::new(0), schema);
    rwlock::RwLock<'static, T, P>, <T: LockData> by |schema| with(rwlock::Options::<Zeroes<T>>::new(0), schema);
    rwlock::RwLock<'static, [T], P>, <T: LockData> by |schema| with(rwlock::SliceOptions::<Zeroes<T>>::new(0), schema);
    semaphore::Semaphore<'static, P>, by |_| semaphore::Options::default();
    spsc::Spsc<'static, T, P>, <T: Message> by |schema| with(spsc::Options::<T>::new(0), schema);
    stack::Stack<'static, T, P>, <T: Message> by |schema| with(stack::Options::<T>::new(0), schema);
    vector::Vector<'static, T, P>, <T: VectorElement> by |schema| with(vector::Options::<T>::new(0), schema);
    watch::Watch<'static, T, P>, <T: CellValue> by |schema| with(watch::Options::<Unsaid<T>>::default(), schema);
    watch::ValueWatch<'static, T, P>, <T: watch::WatchedValue> by |schema| with(watch::ValueOptions::<T>::default(), schema);
    work::ByteWorkQueue<'static, P>, by |schema| with(work::ByteOptions::default(), schema);
    work::ValueWorkQueue<'static, T, P>, <T: QueuedValue> by |schema| with(work::ValueOptions::<T>::of_any_format(), schema);
    work::WorkQueue<'static, T, P>, <T: Message> by |schema| with(work::Options::<T>::new(0), schema);
}
