//! Copies of all entries of a byte map.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;

use super::byte_handle::ByteMap;
use super::field;
use crate::here::Here;
use crate::platform::Platform;

/// Copies of a [`ByteMap`]'s entries, see [`ByteMap::iter`]. Entries whose lengths a faulty peer has written are passed over.
///
/// In a child after `fork`, each step panics.
#[must_use = "iterators do nothing until they are used"]
pub struct ByteIter<'a, 'm, P> {
    map: &'a ByteMap<'m, P>,
    /// The number of the next entry.
    next: u32,
}

impl<'a, 'm, P: Platform> ByteIter<'a, 'm, P> {
    pub(super) fn new(map: &'a ByteMap<'m, P>) -> Self {
        ByteIter { map, next: 0 }
    }
}

impl<P: Platform> Iterator for ByteIter<'_, '_, P> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.map.platform.assert_here();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while u64::from(self.next) < self.map.view.capacity() {
            let number = self.next;
            self.next += 1;
            let mut whole = Ok(());
            let copied = self.map.view.copy_entry(number, |key_cells, value_cells| {
                whole =
                    field::copy_to_vec(key_cells, &mut key).and_then(|()| field::copy_to_vec(value_cells, &mut value));
            });
            if copied == Ok(true) && whole.is_ok() {
                return Some((key, value));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.map.capacity() - self.next as usize))
    }
}

impl<P: Platform> FusedIterator for ByteIter<'_, '_, P> {}

// Shared memory is not touched: after a fork it is not there.
impl<P: Platform + fmt::Debug> fmt::Debug for ByteIter<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteIter").field("map", self.map).finish_non_exhaustive()
    }
}
