//! What the holder of the lock does: to put entries in, take them out, change their values, and finish what a dead holder began.

use super::words::{Books, Bucket, Change, Entry, Link, View};
use crate::error::Fault;
use crate::sync::{AtomicU64, Ordering, fence};

impl<'m> View<'m> {
    /// The entry of the key with this hash that `is_key` recognises.
    #[inline(always)]
    pub(super) fn locate(&self, hash: u32, is_key: impl Fn(&[AtomicU64]) -> bool) -> Result<Option<u32>, Fault> {
        // Relaxed, as all that is read here: the last holder's stores came with the lock.
        let mut next = self.bucket(hash).first.load(Ordering::Relaxed);
        for _ in 0..=self.capacity() {
            let Some(number) = Link::number(next) else { return Ok(None) };
            let entry = self.entry(number)?;
            let link = entry.link(Ordering::Relaxed);
            // What is in the chain is in the map: the last change was settled.
            if link.hash() == hash && is_key(entry.key) {
                return Ok(Some(number));
            }
            next = link.next();
        }
        Err(Fault::Corrupted)
    }

    /// Finishes or takes back what a holder of the lock had begun that died. To be called first by each holder.
    #[inline(always)]
    pub(super) fn settle(&self) -> Result<(), Fault> {
        match self.books(Ordering::Relaxed).change() {
            None => Ok(()),
            Some((change, number)) => self.repair(change, number),
        }
    }

    #[cold]
    #[inline(never)]
    fn repair(&self, change: Change, number: u32) -> Result<(), Fault> {
        let entry = self.entry(number)?;
        let is_in = entry.state(Ordering::Relaxed).is_in();
        if !is_in {
            self.take_out(number, entry)?;
        }
        self.end(self.books(Ordering::Relaxed).len_with(change, is_in));
        Ok(())
    }

    /// Puts a new entry in, whose key is not there yet. `store` writes the cells of key and value. Returns whether there was room.
    #[inline(always)]
    pub(super) fn insert(&self, hash: u32, store: impl FnOnce(&[AtomicU64], &[AtomicU64])) -> Result<bool, Fault> {
        let Some(number) = Link::number(self.free().load(Ordering::Relaxed)) else { return Ok(false) };
        let entry = self.entry(number)?;
        let state = entry.state(Ordering::Relaxed).inserted();
        let len = self.begin(Change::Insert, number);
        self.free().store(entry.link(Ordering::Relaxed).next(), Ordering::Relaxed);
        store(entry.key, entry.value(state));
        let bucket = self.bucket(hash);
        let first = bucket.first.load(Ordering::Relaxed);
        // Behind the store of `free`, also for a kill between the two: the repair looks there first.
        entry.set_link(Link::new(hash, first));
        // Release: who follows it finds the link.
        bucket.first.store(Link::name(Some(number)), Ordering::Release);
        entry.set_state(state);
        self.end(len + 1);
        Ok(true)
    }

    /// Replaces the value of an entry that is in. `store` writes its cells.
    #[inline(always)]
    pub(super) fn replace(&self, number: u32, store: impl FnOnce(&[AtomicU64])) -> Result<(), Fault> {
        let entry = self.entry(number)?;
        let state = entry.state(Ordering::Relaxed).updated();
        // Release: a reader that sees a cell of the new value finds a state of later than the one in which that copy counted.
        fence(Ordering::Release);
        store(entry.value(state));
        entry.set_state(state);
        Ok(())
    }

    /// Takes an entry out that is in.
    #[inline(always)]
    pub(super) fn remove(&self, number: u32) -> Result<(), Fault> {
        let entry = self.entry(number)?;
        let len = self.begin(Change::Remove, number);
        entry.set_state(entry.state(Ordering::Relaxed).removed());
        self.take_out(number, entry)?;
        self.end(len.saturating_sub(1));
        Ok(())
    }

    /// Takes all entries out, one after the other.
    pub(super) fn clear(&self) -> Result<(), Fault> {
        for number in 0..self.capacity() as u32 {
            if self.entry(number)?.state(Ordering::Relaxed).is_in() {
                self.remove(number)?;
            }
        }
        Ok(())
    }

    /// Says in the books what is being done, and returns how many entries there were.
    #[inline(always)]
    fn begin(&self, change: Change, number: u32) -> u64 {
        let len = self.books(Ordering::Relaxed).len();
        // Release: who sees them sees the change before.
        self.write_books(Books::changing(len, change, number), Ordering::Release);
        // Release: a kill that comes behind any step finds the books, and a reader that sees a cell of the new entry finds the state
        // changed that the entry had before.
        fence(Ordering::Release);
        len
    }

    /// Says in the books that nothing is being done.
    #[inline(always)]
    fn end(&self, len: u64) {
        // Release: a kill that comes behind it leaves all of the change.
        self.write_books(Books::settled(len), Ordering::Release);
    }

    /// Takes an entry that is not in out of its chain, counts that, and makes it free: as much of it as was not done yet.
    fn take_out(&self, number: u32, entry: Entry<'m>) -> Result<(), Fault> {
        let hash = entry.link(Ordering::Relaxed).hash();
        let bucket = self.bucket(hash);
        self.unlink(bucket, number, entry)?;
        // After the unlinking, even if a dead holder did that, and before the link changes. Release: a reader that loads the count finds
        // the chain without the entry.
        let removals = bucket.removals.load(Ordering::Relaxed).wrapping_add(1);
        bucket.removals.store(removals, Ordering::Release);
        let (name, free) = (Link::name(Some(number)), self.free().load(Ordering::Relaxed));
        if free != name {
            entry.set_link(Link::new(hash, free));
            // Release: a kill between the two leaves the list of free entries as it was.
            self.free().store(name, Ordering::Release);
        }
        Ok(())
    }

    /// Takes an entry out of the chain, if it is in it.
    fn unlink(&self, bucket: &Bucket, number: u32, entry: Entry<'m>) -> Result<(), Fault> {
        let mut next = bucket.first.load(Ordering::Relaxed);
        let mut before: Option<Entry<'m>> = None;
        for _ in 0..=self.capacity() {
            let Some(at) = Link::number(next) else { return Ok(()) };
            if at == number {
                let behind = entry.link(Ordering::Relaxed).next();
                // Release: who follows it finds the next entry's link.
                match before {
                    None => bucket.first.store(behind, Ordering::Release),
                    Some(before) => before.set_link(Link::new(before.link(Ordering::Relaxed).hash(), behind)),
                }
                return Ok(());
            }
            let other = self.entry(at)?;
            next = other.link(Ordering::Relaxed).next();
            before = Some(other);
        }
        Err(Fault::Corrupted)
    }
}
