//! The byte map's handle.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::byte_guard::ByteMapGuard;
#[cfg(feature = "alloc")]
use super::byte_iter::ByteIter;
use super::field;
use super::hash;
use super::words::{Geometry, View, Words, geometry_of};
use crate::error::{Fault, GetBytesError, InsertBytesError, TryWriteError, WriteError, WriteTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// The most bytes of a key and of a value, unless the creator says otherwise.
const MOST_KEY: u64 = 64;
const MOST_VALUE: u64 = 256;

/// What a byte map should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteOptions {
    /// How many entries fit; 0: not said.
    pub capacity: u64,
    /// The most bytes of a key.
    pub max_key: Option<u64>,
    /// The most bytes of a value.
    pub max_value: Option<u64>,
    /// The seed of the keys' hash in a new map, as for a [`Map`](super::Options::seed).
    pub seed: [u64; 2],
    /// The users' own number for the meaning of the bytes.
    pub schema: Schema,
}

impl ByteOptions {
    /// A map for this many entries, with this seed.
    pub const fn new(capacity: u64, seed: [u64; 2]) -> Self {
        ByteOptions { capacity, max_key: None, max_value: None, seed, schema: Schema::NONE }
    }
}

impl<H> Builder<'_, ByteOptions, H> {
    /// Sets how many entries fit: any number from 1 to 2³⁰ - 1. A creator must set it, and writes all places once. An opener
    /// that sets it gets an error if it differs.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.wanted.capacity = entries as u64;
        self
    }

    /// Sets how many bytes a key may have at most. Each entry has room for as many. Default for creators: 64. An opener that sets it gets an
    /// error if it differs.
    pub fn max_key(mut self, bytes: usize) -> Self {
        self.wanted.max_key = Some(bytes as u64);
        self
    }

    /// Sets how many bytes a value may have at most. Each entry has room for two such values: the one that counts, and the one that replaces
    /// it. Default for creators: 256. With 0, the map is a set of keys. An opener that sets it gets an error if it differs.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.wanted.max_value = Some(bytes as u64);
        self
    }

    /// Sets the seed of the keys' hash in a new map, instead of a random one, so that its chains are the same in every run: for tests, and
    /// for keys that no stranger chooses. A map that exists keeps its own.
    pub fn seed(mut self, seed: [u64; 2]) -> Self {
        self.wanted.seed = seed;
        self
    }
}

has_schema!(ByteOptions.schema);

/// A length that fits a word.
fn word(field: Field, wanted: u64) -> Result<u32, ShapeError> {
    let most = u64::from(u32::MAX);
    u32::try_from(wanted).map_err(|_| ShapeError::Impossible { field, wanted, most })
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled. `accepts` compares the
// lengths.
unsafe impl Blueprint for ByteOptions {
    const KIND: Kind = Kind::ByteMap;
    type Object = Words;
    type Handle<'m, P: Platform> = ByteMap<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<u8>(Kind::ByteMap, self.capacity, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [(Field::MaxKey, self.max_key, found.key[0]), (Field::MaxValue, self.max_value, found.most_value)];
        for (field, wanted, found) in fields {
            let found = found.into();
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                return Err(ShapeError::Differs { field, wanted, found });
            }
        }
        Ok(())
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let most_key = word(Field::MaxKey, self.max_key.unwrap_or(MOST_KEY))?;
        let most_value = word(Field::MaxValue, self.max_value.unwrap_or(MOST_VALUE))?;
        let shape = self.shape();
        geometry_of(&shape, [most_key, 1], most_value).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry, self.seed) }
    }

    of_view!(ByteMap<'m, P>: |_, view, _, platform| ByteMap { view, budget: SpinBudget::new(&platform), platform });
}

/// A [`Map`](super::Map) whose keys and values are bytes, each of its own length up to a limit: text, serialised data.
///
/// All that is said there of changes, readers, writers and deaths holds here, too. Keys and values are whatever gives out bytes: `&str`,
/// `String`, `&[u8]`, `Vec<u8>`. They are copied in and out.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let stock = region.byte_map("stock").capacity(1000).max_key(32).max_value(100).open_or_create()?;
/// stock.insert("nuts", "100 bags")?;
/// assert_eq!(stock.get_vec("nuts")?.as_deref(), Some(&b"100 bags"[..]));
/// stock.update("nuts", |bags| bags.extend(b", 1 open"))?;
/// let mut text = [0; 100];
/// let len = stock.get("nuts", &mut text)?.expect("nuts are there");
/// assert_eq!(&text[..len], b"100 bags, 1 open");
/// assert_eq!(stock.get_vec("figs")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All entries, and fewer:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let capitals = region.byte_map("capitals").capacity(10).create()?;
/// capitals.insert("France", "Paris")?;
/// capitals.insert("Peru", "Lima")?;
/// assert!(capitals.contains_key("Peru")?);
/// assert_eq!(capitals.get_or_insert_with("Chad", || "N'Djamena".into())?, b"N'Djamena");
/// let mut name = Vec::new();
/// assert!(capitals.get_into("Peru", &mut name)? && name == b"Lima");
/// assert!(capitals.remove("Chad")?);
/// assert_eq!(capitals.remove_vec("Peru")?.as_deref(), Some(&b"Lima"[..]));
/// assert_eq!(capitals.iter().collect::<Vec<_>>(), [(b"France".to_vec(), b"Paris".to_vec())]);
/// assert_eq!((capitals.keys().count(), capitals.values().count()), (1, 1));
///
/// let mut all = capitals.lock()?; // other processes do not write meanwhile
/// all.clear()?;
/// all.insert("Mali", "Bamako")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Memory
///
/// Each entry has room for the longest key and two of the longest values, whether they are that long or not.
#[doc(alias = "HashMap")]
#[doc(alias = "dict")]
pub struct ByteMap<'m, P> {
    pub(super) view: View<'m>,
    budget: SpinBudget,
    pub(super) platform: P,
}

handle!(ByteMap, "map", self => self.budget);

impl<P> ByteMap<'_, P> {
    /// Returns the bytes that a map for this many entries takes in a region, with keys and values of at most these bytes.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or more than 2³⁰ - 1, a length is more than 2³² - 1, or the map is larger than an address space.
    pub const fn footprint(capacity: usize, max_key: usize, max_value: usize) -> Footprint {
        let is_possible = max_key as u64 <= u32::MAX as u64 && max_value as u64 <= u32::MAX as u64;
        let geometry =
            if is_possible { Geometry::of_bytes(capacity as u64, max_key as u32, max_value as u32) } else { None };
        match geometry {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!(
                "a map's capacity is from 1 to 2^30 - 1, its lengths fit 32 bits, and all of it fits the address space"
            ),
        }
    }

    /// Returns how many entries fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.view.capacity() as usize
    }

    /// Returns the bytes of the longest key that is possible.
    #[must_use]
    pub fn max_key(&self) -> usize {
        self.view.geometry.key[0] as usize
    }

    /// Returns the bytes of the longest value that is possible.
    #[must_use]
    pub fn max_value(&self) -> usize {
        self.view.geometry.most_value as usize
    }
}

impl<'m, P: Platform> ByteMap<'m, P> {
    fn another(&self, platform: P) -> Self {
        ByteMap { view: self.view, budget: SpinBudget::new(&platform), platform }
    }

    /// Returns how many entries there are: exact at an instant of the call, also after a process was killed in the middle of a change.
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

    /// Lets `copy` copy the value of a key, perhaps several times, of which the last one counts. Returns whether there is one.
    #[inline]
    fn find(&self, key: &[u8], copy: impl FnMut(&[AtomicU64])) -> Result<bool, Fault> {
        self.here()?;
        if key.len() > self.max_key() {
            return Ok(false);
        }
        self.view.find(hash::hash(self.view.seed, key), |cells| field::is(cells, key), copy)
    }

    /// Copies the value of a key to the front of `out` and returns its length; `None` if there is no such entry. Takes no lock and never
    /// waits.
    ///
    /// # Errors
    ///
    /// [`TooLong`](GetBytesError::TooLong) with the length that is needed: then, as with every error, the bytes of `out` mean nothing.
    /// [`Fault::Corrupted`], also where writers have changed the value during each of 65,536 copies in a row; [`Fault::Forked`].
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>, out: &mut [u8]) -> Result<Option<usize>, GetBytesError> {
        let (mut copied, room) = (Ok(0), out.len());
        if !self.find(key.as_ref(), |cells| copied = field::copy(cells, out))? {
            return Ok(None);
        }
        match copied? {
            len if len > room => Err(GetBytesError::TooLong { len, room }),
            len => Ok(Some(len)),
        }
    }

    /// Returns whether there is an entry with this key. Takes no lock and never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`]; [`Fault::Forked`].
    #[inline]
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool, Fault> {
        self.find(key.as_ref(), |_| ())
    }

    /// Puts an entry in, or replaces the value of its key. Returns whether the key had a value before. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Full`](InsertBytesError::Full) if the key is new and there is no room. [`KeyTooLong`](InsertBytesError::KeyTooLong),
    /// [`ValueTooLong`](InsertBytesError::ValueTooLong). [`Deadlock`](InsertBytesError::Deadlock) from inside of a closure, or while this
    /// thread holds a [`lock`](Self::lock).
    #[inline]
    pub fn insert(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool, InsertBytesError> {
        self.lock()?.insert(key, value)
    }

    /// Takes the entry of a key out. Returns whether there was one. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`insert`](Self::insert).
    #[inline]
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool, WriteError> {
        Ok(self.lock()?.remove(key)?)
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

    /// Locks the map against other writers: for changes of several entries that belong together, and to see all entries as they are at one
    /// time. Blocks while another thread writes. Readers are not kept out: they see each change at once.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) if this thread holds the lock already.
    #[inline]
    pub fn lock(&self) -> Result<ByteMapGuard<'_, 'm, P>, WriteError> {
        self.lock_within(&Limit::Forever).map_err(WriteTimeoutError::endless)
    }

    /// Locks the map as [`lock`](Self::lock) does, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock).
    pub fn try_lock(&self) -> Result<ByteMapGuard<'_, 'm, P>, TryWriteError> {
        self.here()?;
        let turn = self.view.writers().try_turn(&self.platform).map_err(TryWriteError::refused)?;
        Ok(ByteMapGuard::new(self, turn)?)
    }

    timed! {
        lock_timeout, lock_deadline, lock, "Locks the map against other writers",
        [&self] limit [] -> Result<ByteMapGuard<'_, 'm, P>, WriteTimeoutError> { self.lock_within(limit) }
    }

    #[inline(always)]
    fn lock_within(&self, limit: &Limit<P::Deadline>) -> Result<ByteMapGuard<'_, 'm, P>, WriteTimeoutError> {
        self.here()?;
        let turn = self.view.writers().turn(&self.platform, &self.budget, limit).map_err(WriteTimeoutError::refused)?;
        Ok(ByteMapGuard::new(self, turn)?)
    }
}

/// With memory of its own for what is copied out.
#[cfg(feature = "alloc")]
impl<'m, P: Platform> ByteMap<'m, P> {
    /// Returns a copy of the value of a key. Takes no lock and never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`], as for [`get`](Self::get); [`Fault::Forked`].
    #[inline]
    pub fn get_vec(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Fault> {
        let mut value = Vec::new();
        Ok(self.get_into(key, &mut value)?.then_some(value))
    }

    /// Replaces what is in `buffer` by the value of a key, so that its memory is used again. Returns whether there is one; if not, what is
    /// in `buffer` means nothing. Takes no lock and never waits.
    ///
    /// # Errors
    ///
    /// Those of [`get_vec`](Self::get_vec).
    #[inline]
    pub fn get_into(&self, key: impl AsRef<[u8]>, buffer: &mut Vec<u8>) -> Result<bool, Fault> {
        let mut copied = Ok(());
        let is_there = self.find(key.as_ref(), |cells| copied = field::copy_to_vec(cells, buffer))?;
        if is_there { copied.map(|()| true) } else { Ok(false) }
    }

    /// Takes the entry of a key out and returns its value. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock), as for [`insert`](Self::insert); [`Fault::Corrupted`], and then the entry stays.
    #[inline]
    pub fn remove_vec(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, WriteError> {
        Ok(self.lock()?.remove_vec(key)?)
    }

    /// Changes the value of a key; `change` is not called if there is no such entry. Returns whether there is. No other process writes
    /// meanwhile. Blocks while another thread writes. If `change` panics, nothing has happened.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let log = region.byte_map("last words").capacity(10).create()?;
    /// log.insert("ann", "hello")?;
    /// assert!(log.update("ann", |words| words.extend(b" and goodbye"))?);
    /// assert!(!log.update("bob", |words| words.clear())?);
    /// assert_eq!(log.get_vec("ann")?.as_deref(), Some(&b"hello and goodbye"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ValueTooLong`](InsertBytesError::ValueTooLong) if the new value is: nothing has happened then.
    /// [`Deadlock`](InsertBytesError::Deadlock), as for [`insert`](Self::insert).
    #[inline]
    pub fn update(&self, key: impl AsRef<[u8]>, change: impl FnOnce(&mut Vec<u8>)) -> Result<bool, InsertBytesError> {
        self.lock()?.update(key, change)
    }

    /// Returns a copy of the value of a key, after it has put in the one that `make` returns if there was none: in one step. `make` runs
    /// under the map's lock; if it panics, nothing has happened. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    #[inline]
    pub fn get_or_insert_with(
        &self,
        key: impl AsRef<[u8]>,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, InsertBytesError> {
        self.lock()?.get_or_insert_with(key, make)
    }

    /// Puts in what `change` makes of the value of a key, in one step: it is called with `None` if there is no such entry, and takes the
    /// entry out if it returns `None`. Returns whether there is one afterwards. `change` runs under the map's lock; if it panics, nothing
    /// has happened. Blocks while another thread writes.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let colours = region.byte_map("colours").capacity(10).create()?;
    /// let is_ours = colours.alter("door", |colour| match colour {
    ///     Some(taken) => Some(taken),
    ///     None => Some(b"green".to_vec()),
    /// })?;
    /// assert!(is_ours);
    /// assert!(!colours.alter("door", |_| None)?);
    /// assert!(colours.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    #[inline]
    pub fn alter(
        &self,
        key: impl AsRef<[u8]>,
        change: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> Result<bool, InsertBytesError> {
        self.lock()?.alter(key, change)
    }

    /// Returns an iterator over copies of all entries, in no particular order: each is whole, as [`Map::iter`](super::Map::iter) says.
    /// Takes no lock and never waits. A check of each place: its length is the capacity's.
    #[inline]
    pub fn iter(&self) -> ByteIter<'_, 'm, P> {
        ByteIter::new(self)
    }

    /// Returns an iterator over the keys, as [`iter`](Self::iter) does over entries.
    pub fn keys(&self) -> impl Iterator<Item = Vec<u8>> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns an iterator over the values, as [`iter`](Self::iter) does over entries.
    pub fn values(&self) -> impl Iterator<Item = Vec<u8>> {
        self.iter().map(|(_, value)| value)
    }
}

#[cfg(feature = "alloc")]
impl<'a, 'm, P: Platform> IntoIterator for &'a ByteMap<'m, P> {
    type Item = (Vec<u8>, Vec<u8>);
    type IntoIter = ByteIter<'a, 'm, P>;

    fn into_iter(self) -> ByteIter<'a, 'm, P> {
        self.iter()
    }
}
