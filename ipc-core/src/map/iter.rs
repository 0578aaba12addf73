//! Copies of all entries.

use core::fmt;
use core::iter::FusedIterator;
use core::mem::MaybeUninit;

use super::handle::Map;
use crate::here::Here;
use crate::object::{MapKey, MapValue};
use crate::payload;
use crate::platform::Platform;

/// Copies of a [`Map`]'s entries, see [`Map::iter`]. Entries whose bits are no values are passed over.
///
/// In a child after `fork`, each step panics.
#[must_use = "iterators do nothing until they are used"]
pub struct Iter<'a, 'm, K, V, P> {
    map: &'a Map<'m, K, V, P>,
    /// The number of the next entry.
    next: u32,
}

impl<'a, 'm, K: MapKey, V: MapValue, P: Platform> Iter<'a, 'm, K, V, P> {
    pub(super) fn new(map: &'a Map<'m, K, V, P>) -> Self {
        Iter { map, next: 0 }
    }
}

impl<K: MapKey, V: MapValue, P: Platform> Iterator for Iter<'_, '_, K, V, P> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.map.platform.assert_here();
        while u64::from(self.next) < self.map.view.capacity() {
            let number = self.next;
            self.next += 1;
            let (mut key, mut value) = (MaybeUninit::uninit(), MaybeUninit::uninit());
            let copied = self.map.view.copy_entry(number, |key_cells, value_cells| {
                payload::load_into(key_cells, &mut key);
                payload::load_into(value_cells, &mut value);
            });
            if copied != Ok(true) {
                continue;
            }
            // SAFETY: copied from cells, all of which are initialised.
            if let (Ok(key), Ok(value)) = unsafe { (payload::check(key), payload::check(value)) } {
                return Some((key, value));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.map.capacity() - self.next as usize))
    }
}

impl<K: MapKey, V: MapValue, P: Platform> FusedIterator for Iter<'_, '_, K, V, P> {}

// Shared memory is not touched: after a fork it is not there.
impl<K, V, P: Platform + fmt::Debug> fmt::Debug for Iter<'_, '_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("map", self.map).finish_non_exhaustive()
    }
}
