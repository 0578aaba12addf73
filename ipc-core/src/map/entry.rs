//! The place of a key: to put a value there if there is none, or to change the one that is there.

use core::fmt;

use super::guard::MapGuard;
use super::handle::Map;
use crate::error::InsertError;
use crate::object::{MapKey, MapValue};
use crate::platform::Platform;

/// The place of a key in a [`Map`], as `HashMap::entry` returns it: for what depends on whether the key is there, in one step.
///
/// Unlike that one, it holds nothing and has done nothing until one of the `or_` methods, which does all of it under the map's lock and
/// returns a copy of the value that is there then.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let words = region.map::<char, u32>("letters").capacity(100).create()?;
/// for letter in "abracadabra".chars() {
///     words.entry(letter).and_modify(|count| *count += 1).or_insert(1)?;
/// }
/// assert_eq!(words.get(&'a')?, Some(5));
/// assert_eq!(words.entry('z').or_default()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let squares = region.map::<u64, u64>("squares").capacity(100).create()?;
/// assert_eq!(squares.entry(7).or_insert_with_key(|number| number * number)?, 49);
/// let entry = squares.entry(7);
/// assert_eq!(*entry.key(), 7);
/// assert_eq!(entry.or_insert_with(|| unreachable!())?, 49);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing happens before one of the `or_` methods"]
pub struct Entry<'a, 'm, K, V, P: Platform, F = fn(&mut V)> {
    at: At<'a, 'm, K, V, P>,
    key: K,
    change: Option<F>,
}

enum At<'a, 'm, K, V, P: Platform> {
    Map(&'a Map<'m, K, V, P>),
    Guard(&'a MapGuard<'a, 'm, K, V, P>),
}

impl<'a, 'm, K: MapKey, V: MapValue, P: Platform> Entry<'a, 'm, K, V, P> {
    pub(super) fn of_map(map: &'a Map<'m, K, V, P>, key: K) -> Self {
        Entry { at: At::Map(map), key, change: None }
    }

    pub(super) fn of_guard(guard: &'a MapGuard<'a, 'm, K, V, P>, key: K) -> Self {
        Entry { at: At::Guard(guard), key, change: None }
    }

    /// Changes the value if there is one. `change` runs under the map's lock; if it panics, nothing has happened.
    #[inline]
    pub fn and_modify<F: FnOnce(&mut V)>(self, change: F) -> Entry<'a, 'm, K, V, P, F> {
        Entry { at: self.at, key: self.key, change: Some(change) }
    }
}

impl<K: MapKey, V: MapValue, P: Platform, F: FnOnce(&mut V)> Entry<'_, '_, K, V, P, F> {
    /// Returns the key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Puts this value in if there is none. Returns the value that is there then.
    ///
    /// # Errors
    ///
    /// Those of [`Map::insert`], and [`Fault::InvalidValue`](crate::Fault::InvalidValue), as for [`Map::get`].
    #[inline]
    pub fn or_insert(self, value: V) -> Result<V, InsertError> {
        self.or_insert_with(|| value)
    }

    /// Puts the value that `make` returns in if there is none. Returns the value that is there then. `make` runs under the map's lock.
    ///
    /// # Errors
    ///
    /// Those of [`or_insert`](Self::or_insert).
    #[inline]
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> Result<V, InsertError> {
        self.or_insert_with_key(|_| make())
    }

    /// Puts the value that `make` returns for the key in if there is none. Returns the value that is there then. `make` runs under the
    /// map's lock.
    ///
    /// # Errors
    ///
    /// Those of [`or_insert`](Self::or_insert).
    #[inline]
    pub fn or_insert_with_key(self, make: impl FnOnce(&K) -> V) -> Result<V, InsertError> {
        match self.at {
            At::Map(map) => map.lock()?.upsert(&self.key, self.change, make),
            At::Guard(guard) => guard.upsert(&self.key, self.change, make),
        }
    }

    /// Puts the type's default in if there is no value. Returns the value that is there then.
    ///
    /// # Errors
    ///
    /// Those of [`or_insert`](Self::or_insert).
    #[inline]
    pub fn or_default(self) -> Result<V, InsertError>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<K: fmt::Debug, V, P: Platform, F> fmt::Debug for Entry<'_, '_, K, V, P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).finish_non_exhaustive()
    }
}
