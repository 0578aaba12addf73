//! An entry: a message with its numbers.

use core::mem::MaybeUninit;

use super::words::View;
use crate::ends::{Counts, FIRST};
use crate::error::Refused;
use crate::object::{Key, Message};
use crate::payload;
use crate::sync::{AtomicU64, Ordering};

/// The 64-bit cells of an entry with a key and a value of these sizes.
pub(super) const fn cells(key_size: usize, value_size: usize) -> usize {
    Entry::KEY + key_size.div_ceil(size_of::<u64>()) + value_size.div_ceil(size_of::<u64>())
}

/// An entry in place.
pub(super) struct Entry<'m> {
    /// The number of its send; 0 if there was none.
    sent: &'m AtomicU64,
    /// The number of its receive; 0 if there was none since its send.
    received: &'m AtomicU64,
    key: &'m [AtomicU64],
    value: &'m [AtomicU64],
}

impl Entry<'_> {
    /// Where the key lies, in cells.
    pub(super) const KEY: usize = 2;
}

impl<'m> View<'m> {
    /// The entry with this number.
    #[inline(always)]
    pub(super) fn entry<K, T>(&self, number: u32) -> Result<Entry<'m>, Refused> {
        // The types' own, not the object's, which is the same: so the copies' lengths are known.
        let stride = const { cells(size_of::<K>(), size_of::<T>()) };
        let start = (number as usize).checked_mul(stride).ok_or(Refused::CORRUPTED)?;
        let entry = self.cells.get(start..).and_then(|rest| rest.get(..stride)).ok_or(Refused::CORRUPTED)?;
        let (key, value) = entry[Entry::KEY..].split_at(const { payload::cells::<K>() });
        Ok(Entry { sent: &entry[0], received: &entry[1], key, value })
    }
}

impl Entry<'_> {
    /// Whether it is a message that is there.
    #[inline(always)]
    pub(super) fn is_there(&self, counts: Counts) -> bool {
        // Relaxed, as all that is done to entries under the lock.
        let (sent, received) = (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed));
        (FIRST..counts.merged).contains(&sent) && !(FIRST..counts.taken).contains(&received)
    }

    /// Makes it the message that lies in these cells of the ring, once the count of those that were moved says so.
    #[inline(always)]
    pub(super) fn write(&self, sent: u64, key: &[AtomicU64], value: &[AtomicU64]) {
        self.sent.store(sent, Ordering::Relaxed);
        // Behind `sent`, also for a kill between the two (Release): or a message that was taken long ago would be there again.
        self.received.store(0, Ordering::Release);
        for (from, to) in key.iter().zip(self.key).chain(value.iter().zip(self.value)) {
            // Relaxed: "sent".
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Copies the message out. Returns whether its bits are values.
    pub(super) fn read<K: Key, T: Message>(&self, place: &mut MaybeUninit<(K, T)>) -> bool {
        let (key, value) = super::pairs::parts(place);
        payload::load_into(self.key, key);
        payload::load_into(self.value, value);
        super::pairs::is_value(place)
    }

    /// Makes it free once the count of receives says so.
    #[inline(always)]
    pub(super) fn mark(&self, received: u64) {
        self.received.store(received, Ordering::Relaxed);
    }

    /// Takes back what a change that never came to its end has left: a mark, or a send. Returns whether it is a message that is there.
    pub(super) fn mend(&self, counts: Counts) -> bool {
        if self.is_there(counts) {
            self.received.store(0, Ordering::Relaxed);
            true
        } else {
            self.sent.store(0, Ordering::Relaxed);
            false
        }
    }

    /// What its place in the heap depends on: the key, and then the number of its send. A key whose bits are no value comes first, so
    /// that it is soon gone.
    #[inline(always)]
    pub(super) fn rank<K: Key>(&self) -> Rank<K> {
        // SAFETY: copied from cells, all of which are initialised.
        let key = unsafe { payload::check(payload::load::<K>(self.key)) };
        (key.ok(), self.sent.load(Ordering::Relaxed))
    }
}

/// Lower ranks are received first.
pub(super) type Rank<K> = (Option<K>, u64);
