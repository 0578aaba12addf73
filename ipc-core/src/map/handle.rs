//! The map's handle.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::entry::Entry;
use super::field;
use super::guard::MapGuard;
use super::hash::{self, Seed};
use super::iter::Iter;
use super::words::{Geometry, View, Words, geometry_of};
use crate::error::{Fault, InsertError, TryWriteError, WriteError, WriteTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, MapKey, MapValue, Schema, Shape, ShapeError, handle, has_schema,
    of_view,
};
use crate::payload;
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// It takes keys and values, and gives them out.
pub(super) type Content<K, V> = PhantomData<fn(K, V) -> (K, V)>;

/// What a map should be like.
#[derive(Debug)]
pub struct Options<K, V> {
    /// How many entries fit; 0: not said.
    pub capacity: u64,
    /// The seed of the keys' hash in a new map. It should be random where strangers choose keys: who knows it can choose keys that are all
    /// in one chain, which makes operations as slow as a search through all of them. `ipc-posix` draws one for each map.
    pub seed: [u64; 2],
    /// The users' own number for the meaning of `K` and `V`.
    pub schema: Schema,
    content: Content<K, V>,
}

impl<K, V> Options<K, V> {
    /// A map for this many entries, with this seed.
    pub const fn new(capacity: u64, seed: [u64; 2]) -> Self {
        Options { capacity, seed, schema: Schema::NONE, content: PhantomData }
    }
}

impl<K, V, H> Builder<'_, Options<K, V>, H> {
    /// Sets how many entries fit: any number from 1 to 2³⁰ - 1. A creator must set it, and writes all places once. An opener
    /// that sets it gets an error if it differs.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.wanted.capacity = entries as u64;
        self
    }

    /// Sets the seed of the keys' hash in a new map, instead of a random one, so that its chains are the same in every run: for tests, and
    /// for keys that no stranger chooses. A map that exists keeps its own.
    pub fn seed(mut self, seed: [u64; 2]) -> Self {
        self.wanted.seed = seed;
        self
    }
}

has_schema!(Options<K, V>.schema);

/// Size and alignment of a key.
const fn key<K>() -> [u32; 2] {
    [size_of::<K>() as u32, align_of::<K>() as u32]
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled. `accepts` compares the keys,
// `shape` the values.
unsafe impl<K, V> Blueprint for Options<K, V> {
    const KIND: Kind = Kind::Map;
    type Object = Words;
    type Handle<'m, P: Platform> = Map<'m, K, V, P>;

    fn shape(&self) -> Shape {
        Shape::of::<V>(Kind::Map, self.capacity, self.schema).with_type::<(K, V)>(&self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [Field::KeySize, Field::KeyAlign].into_iter().zip(key::<K>().into_iter().zip(found.key));
        match fields.into_iter().find(|(_, (wanted, found))| wanted != found) {
            None => Ok(()),
            Some((field, (wanted, found))) => {
                Err(ShapeError::Differs { field, wanted: wanted.into(), found: found.into() })
            }
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let shape = self.shape();
        geometry_of(&shape, key::<K>(), 0).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.seed) }
    }

    of_view!(Map<'m, K, V, P>: |_, view, _, platform| Map { view, budget: SpinBudget::new(&platform), platform, content: PhantomData });
}

/// A map from keys to values between processes, of a fixed capacity: what `HashMap` is in one process, and Python's `Manager().dict()`
/// without the manager.
///
/// Keys and values are plain data: numbers, `bool`, `char`, arrays of numbers, and types that derive
/// [`NoUninit`](bytemuck::NoUninit) and [`CheckedBitPattern`](bytemuck::CheckedBitPattern) (or [`Pod`](bytemuck::Pod)). They are copied in and
/// out. Keys are equal if their bytes are: `0.0` and `-0.0` are two keys.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let stock = region.map::<[u8; 4], i64>("stock").capacity(1000).open_or_create()?;
/// stock.insert(*b"nuts", 100)?;
/// stock.update(b"nuts", |count| *count -= 1)?;
/// stock.entry(*b"figs").and_modify(|count| *count += 1).or_insert(1)?;
/// assert_eq!(stock.get(b"nuts")?, Some(99));
/// assert_eq!(stock.get(b"kale")?, None);
/// assert_eq!(stock.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All entries, and fewer:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ages = region.map::<u32, u8>("ages").capacity(10).create()?;
/// for (person, age) in [(1, 30), (2, 40), (3, 50)] {
///     ages.insert(person, age)?;
/// }
/// assert!(ages.contains_key(&2)?);
/// assert_eq!(ages.remove(&2)?, Some(40));
/// let mut entries: Vec<_> = ages.iter().collect();
/// entries.sort();
/// assert_eq!(entries, [(1, 30), (3, 50)]);
/// assert_eq!((ages.keys().max(), ages.values().max()), (Some(3), Some(50)));
/// ages.clear()?;
/// assert!(ages.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Guarantees
///
/// - Each change of an entry is one step: [`insert`](Self::insert), [`remove`](Self::remove), [`update`](Self::update), and what an
///   [`entry`](Self::entry) does. Two of them at one key never lose one.
/// - Readers take no lock and write nothing: [`get`](Self::get), [`contains_key`](Self::contains_key), [`iter`](Self::iter) and
///   [`len`](Self::len). They never hold up a writer, even if they are stopped, and get a whole value. They are lock-free: a read begins
///   again only if a writer has changed that entry, or removed one of the same chain, meanwhile.
/// - Writers take turns under a robust lock, with their closures. A writer that is stopped half-way holds up other writers, never readers.
/// - A process that is killed at any instruction leaves the entry that it was changing as it was or as it should be, and all else
///   untouched. Its place is not lost, and [`len`](Self::len) is right at once. The next writer goes on: at once or, if it was waiting, within
///   some 12 ms after the kernel has released the dead process's memory.
/// - While no thread sleeps, no operation makes a system call.
///
/// Several entries that belong together are changed under a [`lock`](Self::lock), which keeps other writers out. A process that is killed
/// then leaves the changes that it had made. What must change in one step for readers, too, is one value.
///
/// The closures run under the lock: they should be short. If one panics, nothing has changed. One that writes to the same map gets
/// [`Deadlock`](WriteError::Deadlock).
///
/// The keys' hash is SipHash-1-3, as the standard library's, with a seed that the creator draws. After `fork`, the child's handle returns
/// [`Fault::Forked`].
#[doc(alias = "HashMap")]
#[doc(alias = "dict")]
pub struct Map<'m, K, V, P> {
    pub(super) view: View<'m>,
    budget: SpinBudget,
    pub(super) platform: P,
    content: Content<K, V>,
}

handle!(Map<K, V>, "map", self => self.budget);

impl<K, V, P> Map<'_, K, V, P> {
    /// Returns the bytes that a map from `K` to `V` with this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0, more than 2³⁰ - 1, or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64, key::<K>(), size_of::<V>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a map's capacity is from 1 to 2^30 - 1 and fits the address space"),
        }
    }

    /// Returns how many entries fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.view.capacity() as usize
    }
}

impl<K, V, P: Platform> Map<'_, K, V, P> {
    fn another(&self, platform: P) -> Self {
        Map { view: self.view, budget: SpinBudget::new(&platform), platform, content: PhantomData }
    }

    /// Returns how many entries there are: exact at an instant of the call, also after a process was killed in the middle of a change.
    /// Three loads at most while nobody writes.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.len() as usize
    }

    /// Returns whether there are no entries: exact at an instant of the call.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The hash of a key.
#[inline(always)]
pub(super) fn hash_of<K: NoUninit>(seed: Seed, key: &K) -> u32 {
    hash::hash(seed, bytemuck::bytes_of(key))
}

/// Whether these cells hold this key, as [`payload::store`] writes it.
#[inline(always)]
pub(super) fn is_key<K: NoUninit>(key: &K, cells: &[AtomicU64]) -> bool {
    field::hold(cells, bytemuck::bytes_of(key))
}

impl<'m, K: MapKey, V: MapValue, P: Platform> Map<'m, K, V, P> {
    /// Returns a copy of the value of a key. Takes no lock and never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`] if a peer with another idea of `V` has written it; [`Fault::Corrupted`], also where writers have changed
    /// the value during each of 65,536 copies in a row; [`Fault::Forked`].
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<V>, Fault> {
        self.here()?;
        let mut value = MaybeUninit::uninit();
        let hash = hash_of(self.view.seed, key);
        let is_there =
            self.view.find(hash, |cells| is_key(key, cells), |cells| payload::load_into(cells, &mut value))?;
        // SAFETY: if there is one, it was copied from cells, all of which are initialised.
        if is_there { unsafe { payload::check(value) }.map(Some) } else { Ok(None) }
    }

    /// Returns whether there is an entry with this key. Takes no lock and never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`]; [`Fault::Forked`].
    #[inline]
    pub fn contains_key(&self, key: &K) -> Result<bool, Fault> {
        self.here()?;
        self.view.find(hash_of(self.view.seed, key), |cells| is_key(key, cells), |_| ())
    }

    /// Puts an entry in, or replaces the value of its key, and returns the value before. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Full`](InsertError::Full) if the key is new and there is no room. [`Deadlock`](InsertError::Deadlock) from inside of a closure, or
    /// while this thread holds a [`lock`](Self::lock).
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, InsertError> {
        self.lock()?.insert(key, value)
    }

    /// Takes the entry of a key out and returns its value. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`insert`](Self::insert).
    #[inline]
    pub fn remove(&self, key: &K) -> Result<Option<V>, WriteError> {
        Ok(self.lock()?.remove(key)?)
    }

    /// Changes the value of a key and returns the value before; `None`, and `change` is not called, if there is no such entry. No other
    /// process writes meanwhile. Blocks while another thread writes. If `change` panics, nothing has happened.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let map = region.map::<u32, u64>("visits").capacity(10).create()?;
    /// map.insert(7, 1)?;
    /// assert_eq!(map.update(&7, |visits| *visits += 1)?, Some(1));
    /// assert_eq!(map.update(&8, |visits| *visits += 1)?, None);
    /// assert_eq!(map.get(&7)?, Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`insert`](Self::insert); [`Fault::InvalidValue`], as for [`get`](Self::get).
    #[doc(alias = "get_mut")]
    #[inline]
    pub fn update(&self, key: &K, change: impl FnOnce(&mut V)) -> Result<Option<V>, WriteError> {
        Ok(self.lock()?.update(key, change)?)
    }

    /// Returns the place of a key, to put a value there if there is none, or to change the one that is there: in one step, see [`Entry`].
    #[inline]
    pub fn entry(&self, key: K) -> Entry<'_, 'm, K, V, P> {
        Entry::of_map(self, key)
    }

    /// Takes all entries out, and keeps other writers out for that time. Not one step for readers; a process that is killed in it has taken
    /// some entries out.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`insert`](Self::insert).
    pub fn clear(&self) -> Result<(), WriteError> {
        Ok(self.lock()?.clear()?)
    }

    /// Returns an iterator over copies of all entries, in no particular order. Takes no lock and never waits. A check of each place:
    /// its length is the capacity's.
    ///
    /// Each entry is whole: the value is one that the key had during the iteration. An entry that is there all the time comes exactly
    /// once. One that is put in or taken out meanwhile comes or not; one that is taken out *and* put in again may come twice. For what holds
    /// for all entries at once, iterate over a [`lock`](Self::lock).
    #[inline]
    pub fn iter(&self) -> Iter<'_, 'm, K, V, P> {
        Iter::new(self)
    }

    /// Returns an iterator over the keys, as [`iter`](Self::iter) does over entries.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns an iterator over the values, as [`iter`](Self::iter) does over entries.
    pub fn values(&self) -> impl Iterator<Item = V> {
        self.iter().map(|(_, value)| value)
    }

    /// Locks the map against other writers: for changes of several entries that belong together, and to see all entries as they are at one
    /// time. Blocks while another thread writes.
    ///
    /// Readers are not kept out: they see each change at once.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let accounts = region.map::<u32, i64>("accounts").capacity(10).create()?;
    /// accounts.insert(1, 100)?;
    /// accounts.insert(2, 0)?;
    /// {
    ///     let mut accounts = accounts.lock()?;
    ///     accounts.update(&1, |money| *money -= 30)?;
    ///     accounts.update(&2, |money| *money += 30)?;
    /// }
    /// assert_eq!(accounts.lock()?.values().sum::<i64>(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) if this thread holds the lock already.
    #[inline]
    pub fn lock(&self) -> Result<MapGuard<'_, 'm, K, V, P>, WriteError> {
        self.lock_within(&Limit::Forever).map_err(WriteTimeoutError::endless)
    }

    /// Locks the map as [`lock`](Self::lock) does, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock).
    pub fn try_lock(&self) -> Result<MapGuard<'_, 'm, K, V, P>, TryWriteError> {
        self.here()?;
        let turn = self.view.writers().try_turn(&self.platform).map_err(TryWriteError::refused)?;
        Ok(MapGuard::new(self, turn)?)
    }

    timed! {
        lock_timeout, lock_deadline, lock, "Locks the map against other writers",
        [&self] limit [] -> Result<MapGuard<'_, 'm, K, V, P>, WriteTimeoutError> { self.lock_within(limit) }
    }

    #[inline(always)]
    fn lock_within(&self, limit: &Limit<P::Deadline>) -> Result<MapGuard<'_, 'm, K, V, P>, WriteTimeoutError> {
        self.here()?;
        let turn = self.view.writers().turn(&self.platform, &self.budget, limit).map_err(WriteTimeoutError::refused)?;
        Ok(MapGuard::new(self, turn)?)
    }
}

impl<'a, 'm, K: MapKey, V: MapValue, P: Platform> IntoIterator for &'a Map<'m, K, V, P> {
    type Item = (K, V);
    type IntoIter = Iter<'a, 'm, K, V, P>;

    fn into_iter(self) -> Iter<'a, 'm, K, V, P> {
        self.iter()
    }
}

/// What these cells hold as a value, if it is one.
#[inline(always)]
pub(super) fn value_of<V: CheckedBitPattern>(cells: &[AtomicU64]) -> Result<V, Fault> {
    // SAFETY: copied from cells, all of which are initialised.
    unsafe { payload::check(payload::load(cells)) }
}
