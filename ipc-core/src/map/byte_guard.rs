//! A byte map that is locked against other writers.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::byte_handle::ByteMap;
use super::{field, hash};
use crate::error::{Fault, InsertBytesError};
use crate::mutex::Turn;
use crate::platform::Platform;
#[cfg(feature = "alloc")]
use crate::sync::Ordering;

/// Holds a [`ByteMap`]'s lock against other writers: several changes that no other writer comes between. Given back when dropped.
///
/// It does all that a `ByteMap` does. Each change is a step of its own: readers see it at once, and a process that is killed while it
/// holds this leaves the changes that it has made.
#[must_use = "the lock is given back when this is dropped"]
pub struct ByteMapGuard<'a, 'm, P: Platform> {
    map: &'a ByteMap<'m, P>,
    _turn: Turn<'a, P>,
    here: PhantomData<*const ()>,
}

// SAFETY: a shared guard only reads. (It is not Send: the lock knows its holder's thread.)
unsafe impl<P: Platform + Sync> Sync for ByteMapGuard<'_, '_, P> {}

impl<'a, 'm, P: Platform> ByteMapGuard<'a, 'm, P> {
    /// Finishes what a dead holder had begun.
    #[inline(always)]
    pub(super) fn new(map: &'a ByteMap<'m, P>, turn: Turn<'a, P>) -> Result<Self, Fault> {
        map.view.settle()?;
        Ok(ByteMapGuard { map, _turn: turn, here: PhantomData })
    }

    /// The entry of a key that may be there, and the hash of a key that can be.
    #[inline]
    fn locate(&self, key: &[u8]) -> Result<(Option<u32>, u32), Fault> {
        self.map.here()?;
        if key.len() > self.map.max_key() {
            // No entry has it, and `put` refuses it.
            return Ok((None, 0));
        }
        let hash = hash::hash(self.map.view.seed, key);
        Ok((self.map.view.locate(hash, |cells| field::is(cells, key))?, hash))
    }

    /// Writes a value: to the entry that there is, or to a new one.
    #[inline]
    fn put(&self, (entry, hash): (Option<u32>, u32), key: &[u8], value: &[u8]) -> Result<(), InsertBytesError> {
        let (max_key, max_value) = (self.map.max_key(), self.map.max_value());
        if key.len() > max_key {
            return Err(InsertBytesError::KeyTooLong { len: key.len(), max: max_key });
        }
        if value.len() > max_value {
            return Err(InsertBytesError::ValueTooLong { len: value.len(), max: max_value });
        }
        let view = &self.map.view;
        let is_room = match entry {
            Some(number) => view.replace(number, |cells| field::store(cells, value)).map(|()| true),
            None => view.insert(hash, |key_cells, value_cells| {
                field::store(key_cells, key);
                field::store(value_cells, value);
            }),
        };
        if is_room? { Ok(()) } else { Err(InsertBytesError::Full) }
    }

    /// Puts an entry in, or replaces the value of its key. Returns whether the key had a value before.
    ///
    /// # Errors
    ///
    /// [`Full`](InsertBytesError::Full) if the key is new and there is no room. [`KeyTooLong`](InsertBytesError::KeyTooLong);
    /// [`ValueTooLong`](InsertBytesError::ValueTooLong).
    #[inline]
    pub fn insert(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool, InsertBytesError> {
        // First: they are the caller's code, which may call `fork`.
        let (key, value) = (key.as_ref(), value.as_ref());
        let place = self.locate(key)?;
        self.put(place, key, value).map(|()| place.0.is_some())
    }

    /// Takes the entry of a key out. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`]; [`Fault::Forked`].
    #[inline]
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> Result<bool, Fault> {
        let (Some(number), _) = self.locate(key.as_ref())? else { return Ok(false) };
        self.map.view.remove(number).map(|()| true)
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

/// With memory of its own for what is copied out.
#[cfg(feature = "alloc")]
impl<P: Platform> ByteMapGuard<'_, '_, P> {
    /// The value of an entry that is in.
    #[inline]
    fn value(&self, number: u32) -> Result<Vec<u8>, Fault> {
        let entry = self.map.view.entry(number)?;
        let mut value = Vec::new();
        // Relaxed: only the holder of the lock changes it.
        field::copy_to_vec(entry.value(entry.state(Ordering::Relaxed)), &mut value)?;
        Ok(value)
    }

    /// Takes the entry of a key out and returns its value.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupted`], and then the entry stays; [`Fault::Forked`].
    pub fn remove_vec(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Fault> {
        let (Some(number), _) = self.locate(key.as_ref())? else { return Ok(None) };
        let value = self.value(number)?;
        self.map.view.remove(number).map(|()| Some(value))
    }

    /// Changes the value of a key, as [`ByteMap::update`] does.
    ///
    /// # Errors
    ///
    /// [`ValueTooLong`](InsertBytesError::ValueTooLong): nothing has happened then.
    pub fn update(
        &mut self,
        key: impl AsRef<[u8]>,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> Result<bool, InsertBytesError> {
        let key = key.as_ref();
        let place @ (Some(number), _) = self.locate(key)? else { return Ok(false) };
        let mut value = self.value(number)?;
        change(&mut value);
        // The closure may have forked.
        self.map.here()?;
        self.put(place, key, &value).map(|()| true)
    }

    /// Returns a copy of the value of a key, which `make` makes if there was none, as [`ByteMap::get_or_insert_with`] does.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn get_or_insert_with(
        &mut self,
        key: impl AsRef<[u8]>,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, InsertBytesError> {
        let key = key.as_ref();
        let place = self.locate(key)?;
        if let (Some(number), _) = place {
            return Ok(self.value(number)?);
        }
        let value = make();
        self.map.here()?;
        self.put(place, key, &value).map(|()| value)
    }

    /// Puts in what `change` makes of the value of a key, or takes the entry out, as [`ByteMap::alter`] does.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn alter(
        &mut self,
        key: impl AsRef<[u8]>,
        change: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> Result<bool, InsertBytesError> {
        let key = key.as_ref();
        let place = self.locate(key)?;
        let old = place.0.map(|number| self.value(number)).transpose()?;
        let new = change(old);
        self.map.here()?;
        match (new, place.0) {
            (Some(value), _) => self.put(place, key, &value).map(|()| true),
            (None, Some(number)) => Ok(self.map.view.remove(number).map(|()| false)?),
            (None, None) => Ok(false),
        }
    }
}

impl<'m, P: Platform> Deref for ByteMapGuard<'_, 'm, P> {
    type Target = ByteMap<'m, P>;

    fn deref(&self) -> &ByteMap<'m, P> {
        self.map
    }
}

impl<P: Platform + fmt::Debug> fmt::Debug for ByteMapGuard<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByteMapGuard").field(self.map).finish()
    }
}
