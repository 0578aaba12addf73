//! A map that is locked against other writers.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::entry::Entry;
use super::handle::{Map, hash_of, is_key, value_of};
use crate::error::{Fault, InsertError};
use crate::mutex::Turn;
use crate::object::{MapKey, MapValue};
use crate::payload;
use crate::platform::Platform;

/// Holds a [`Map`]'s lock against other writers: several changes that no other writer comes between. Given back when dropped.
///
/// It does all that a `Map` does. Each change is a step of its own: readers see it at once, and a process that is killed while it holds
/// this leaves the changes that it has made.
#[must_use = "the lock is given back when this is dropped"]
pub struct MapGuard<'a, 'm, K, V, P: Platform> {
    map: &'a Map<'m, K, V, P>,
    _turn: Turn<'a, P>,
    here: PhantomData<*const ()>,
}

// SAFETY: a shared guard only reads. (It is not Send: the lock knows its holder's thread.)
unsafe impl<K, V, P: Platform + Sync> Sync for MapGuard<'_, '_, K, V, P> {}

impl<'a, 'm, K, V, P: Platform> MapGuard<'a, 'm, K, V, P> {
    /// Finishes what a dead holder had begun.
    #[inline(always)]
    pub(super) fn new(map: &'a Map<'m, K, V, P>, turn: Turn<'a, P>) -> Result<Self, Fault> {
        map.view.settle()?;
        Ok(MapGuard { map, _turn: turn, here: PhantomData })
    }
}

impl<'m, K: MapKey, V: MapValue, P: Platform> MapGuard<'_, 'm, K, V, P> {
    /// The entry of a key, and the key's hash.
    #[inline(always)]
    fn locate(&self, key: &K) -> Result<(Option<u32>, u32), Fault> {
        self.map.here()?;
        let hash = hash_of(self.map.view.seed, key);
        Ok((self.map.view.locate(hash, |cells| is_key(key, cells))?, hash))
    }

    /// The value of an entry that is in.
    #[inline(always)]
    fn value(&self, number: u32) -> Result<V, Fault> {
        let entry = self.map.view.entry(number)?;
        // Relaxed: only the holder of the lock changes it.
        value_of(entry.value(entry.state(crate::sync::Ordering::Relaxed)))
    }

    /// The value before, for what replaces it: `None` if its bits are no value.
    #[inline(always)]
    fn old(&self, number: u32) -> Result<Option<V>, Fault> {
        match self.value(number) {
            Err(Fault::InvalidValue) => Ok(None),
            value => value.map(Some),
        }
    }

    #[inline(always)]
    fn put(&self, hash: u32, key: &K, value: &V) -> Result<(), InsertError> {
        let is_room = self.map.view.insert(hash, |key_cells, value_cells| {
            payload::store(key, key_cells);
            payload::store(value, value_cells);
        })?;
        if is_room { Ok(()) } else { Err(InsertError::Full) }
    }

    /// Puts an entry in, or replaces the value of its key, and returns the value before: `None` also if its bits were no value.
    ///
    /// # Errors
    ///
    /// [`Full`](InsertError::Full) if the key is new and there is no room.
    #[inline]
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>, InsertError> {
        match self.locate(&key)? {
            (Some(number), _) => {
                let old = self.old(number)?;
                self.map.view.replace(number, |cells| payload::store(&value, cells))?;
                Ok(old)
            }
            (None, hash) => self.put(hash, &key, &value).map(|()| None),
        }
    }

    /// Takes the entry of a key out and returns its value: `None` also if its bits were no value.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`]; [`Fault::Forked`].
    #[inline]
    pub fn remove(&mut self, key: &K) -> Result<Option<V>, Fault> {
        let (Some(number), _) = self.locate(key)? else { return Ok(None) };
        let old = self.old(number)?;
        self.map.view.remove(number)?;
        Ok(old)
    }

    /// Changes the value of a key and returns the value before, as [`Map::update`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Map::get`].
    #[inline]
    pub fn update(&mut self, key: &K, change: impl FnOnce(&mut V)) -> Result<Option<V>, Fault> {
        match self.locate(key)? {
            (Some(number), _) => self.change(number, change).map(|(old, _)| Some(old)),
            (None, _) => Ok(None),
        }
    }

    /// The value before and the value after a change.
    #[inline(always)]
    fn change(&self, number: u32, change: impl FnOnce(&mut V)) -> Result<(V, V), Fault> {
        let old = self.value(number)?;
        let mut new = old;
        change(&mut new);
        // The closure may have forked.
        self.map.here()?;
        self.map.view.replace(number, |cells| payload::store(&new, cells))?;
        Ok((old, new))
    }

    /// What an [`Entry`] does: a change of the value that is there, or a value where there is none. Returns the value that is there then.
    #[inline(always)]
    pub(super) fn upsert(
        &self,
        key: &K,
        change: Option<impl FnOnce(&mut V)>,
        make: impl FnOnce(&K) -> V,
    ) -> Result<V, InsertError> {
        match (self.locate(key)?, change) {
            ((Some(number), _), Some(change)) => Ok(self.change(number, change)?.1),
            ((Some(number), _), None) => Ok(self.value(number)?),
            ((None, hash), _) => {
                let value = make(key);
                self.map.here()?;
                self.put(hash, key, &value).map(|()| value)
            }
        }
    }

    /// Returns the place of a key, as [`Map::entry`] does.
    #[inline]
    pub fn entry(&mut self, key: K) -> Entry<'_, 'm, K, V, P> {
        Entry::of_guard(self, key)
    }

    /// Takes all entries out, one after the other.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`]; [`Fault::Forked`].
    pub fn clear(&mut self) -> Result<(), Fault> {
        self.map.here()?;
        self.map.view.clear()
    }
}

impl<'m, K, V, P: Platform> Deref for MapGuard<'_, 'm, K, V, P> {
    type Target = Map<'m, K, V, P>;

    fn deref(&self) -> &Map<'m, K, V, P> {
        self.map
    }
}

impl<K, V, P: Platform + fmt::Debug> fmt::Debug for MapGuard<'_, '_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MapGuard").field(self.map).finish()
    }
}
