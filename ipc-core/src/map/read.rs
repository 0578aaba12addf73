//! Reading without the lock.

use super::words::{Link, View};
use crate::error::Fault;
use crate::sync::{AtomicU64, Ordering, fence, spin_hint};

/// Reads that writers may spoil in a row before a reader declares the words corrupted.
const ATTEMPTS: u32 = crate::sync::bound(1 << 16, 3);

/// What a walk along a chain has found.
enum Found {
    /// The entry, whose value was copied.
    Hit,
    /// There is no such key.
    Miss,
    /// A writer has changed what was being read.
    Disturbed,
}

impl View<'_> {
    /// Lets `copy` copy the value of the key with this hash that `is_key` recognises. Returns whether there is one. Takes no lock.
    ///
    /// `is_key` and `copy` may see cells that are being written: what they make of them is used only if it was whole.
    #[inline(always)]
    pub(super) fn find(
        &self,
        hash: u32,
        is_key: impl Fn(&[AtomicU64]) -> bool,
        mut copy: impl FnMut(&[AtomicU64]),
    ) -> Result<bool, Fault> {
        for _ in 0..ATTEMPTS {
            match self.walk(hash, &is_key, &mut copy)? {
                Found::Hit => return Ok(true),
                Found::Miss => return Ok(false),
                Found::Disturbed => spin_hint(),
            }
        }
        Err(Fault::Corrupted)
    }

    #[inline(always)]
    fn walk(
        &self,
        hash: u32,
        is_key: &impl Fn(&[AtomicU64]) -> bool,
        copy: &mut impl FnMut(&[AtomicU64]),
    ) -> Result<Found, Fault> {
        let bucket = self.bucket(hash);
        // Acquire: who sees a removal counted finds the chain without that entry.
        let removals = bucket.removals.load(Ordering::Acquire);
        // Relaxed: a walk that follows a link of later has loaded it with Acquire, and finds the removal counted that came before that link.
        let is_same = || bucket.removals.load(Ordering::Relaxed) == removals;
        // Acquire: who follows it finds the entry's own link, its key and its value.
        let mut next = bucket.first.load(Ordering::Acquire);
        for _ in 0..=self.capacity() {
            let Some(number) = Link::number(next) else {
                return Ok(if is_same() { Found::Miss } else { Found::Disturbed });
            };
            let entry = self.entry(number)?;
            // Acquire: who sees the entry in sees key and value.
            let state = entry.state(Ordering::Acquire);
            // Acquire: see `is_same`.
            let link = entry.link(Ordering::Acquire);
            if state.is_in() && link.hash() == hash && is_key(entry.key) {
                copy(entry.value(state));
                // Acquire: who has read a cell of later finds the state changed.
                fence(Ordering::Acquire);
                let is_whole = entry.state(Ordering::Relaxed) == state;
                return Ok(if is_whole { Found::Hit } else { Found::Disturbed });
            }
            next = link.next();
        }
        // More steps than entries: led astray by links of other chains, or by a ring of them.
        if is_same() { Err(Fault::Corrupted) } else { Ok(Found::Disturbed) }
    }

    /// Lets `copy` copy key and value of the entry with this number. Returns whether it is in the map. Takes no lock.
    #[inline(always)]
    pub(super) fn copy_entry(
        &self,
        number: u32,
        mut copy: impl FnMut(&[AtomicU64], &[AtomicU64]),
    ) -> Result<bool, Fault> {
        let entry = self.entry(number)?;
        for _ in 0..ATTEMPTS {
            // As in a walk.
            let state = entry.state(Ordering::Acquire);
            if !state.is_in() {
                return Ok(false);
            }
            copy(entry.key, entry.value(state));
            fence(Ordering::Acquire);
            if entry.state(Ordering::Relaxed) == state {
                return Ok(true);
            }
            spin_hint();
        }
        Err(Fault::Corrupted)
    }

    /// How many entries are in. Exact at an instant of the call, also where a writer has died.
    pub(super) fn len(&self) -> u64 {
        let mut len = 0;
        for _ in 0..ATTEMPTS {
            // Acquire: the entry is found as it was then, or later.
            let books = self.books(Ordering::Acquire);
            let Some((change, number)) = books.change() else {
                return books.len().min(self.capacity());
            };
            // The state decides whether it is done.
            let is_in = self.entry(number).is_ok_and(|entry| entry.state(Ordering::Acquire).is_in());
            len = books.len_with(change, is_in).min(self.capacity());
            // Acquire: who saw a later state finds later books.
            fence(Ordering::Acquire);
            if self.books(Ordering::Relaxed) == books {
                break;
            }
            spin_hint();
        }
        len
    }
}
