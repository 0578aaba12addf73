//! The cell's words.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::mutex::{Intent, RawMutex, Refused};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Instant;
use crate::wait::{Attempt, EventCount, SpinBudget, block_until};

const READY: u32 = 1;

/// The words besides the value. Zero is empty.
#[repr(C)]
#[derive(Debug)]
pub struct RawOnce {
    writers: RawMutex,
    sleepers: EventCount,
    ready: AtomicU32,
    #[cfg(not(loom))]
    _reserved: AtomicU32,
}

/// The right to set the cell, which is empty. Given back when dropped.
#[derive(Debug)]
pub struct Turn<'a, P: Platform + ?Sized> {
    once: &'a RawOnce,
    platform: &'a P,
}

impl RawOnce {
    /// An empty cell in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RawOnce { writers: RawMutex::new(), sleepers: EventCount::new(), ready: AtomicU32::new(0) }
    }

    /// Writes an empty cell. The caller has the words to itself.
    #[cfg(not(loom))]
    pub(super) fn initialise(&self) {
        self.writers.initialise();
        self.sleepers.initialise();
        self.ready.store(0, Ordering::Relaxed);
    }

    /// Whether there is a value. One load.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.ready.load(Ordering::Acquire) == READY
    }

    /// The value's bytes, if there is one.
    #[inline]
    pub fn get<T>(&self, cells: &[AtomicU64]) -> Option<MaybeUninit<T>> {
        self.is_set().then(|| payload::load(cells))
    }

    /// The right to set the cell: waits for whoever has it. `None` if the cell is set.
    pub fn begin<'a, P: Platform + ?Sized>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
    ) -> Result<Option<Turn<'a, P>>, Refused> {
        if !self.writers.lock_first(platform, Intent::Transaction) {
            self.writers.lock_contended(platform, Intent::Transaction, budget, None)?;
        }
        let turn = Turn { once: self, platform };
        Ok(if self.is_set() { None } else { Some(turn) })
    }

    /// Waits until there is a value, until `deadline` at most (`None`: for ever). `false` is the time-out.
    pub fn wait<P: Platform + ?Sized>(&self, platform: &P, budget: &SpinBudget, deadline: Option<Instant>) -> bool {
        self.is_set()
            || block_until(platform, &self.sleepers, budget, deadline, |_| {
                if self.is_set() { Attempt::Done(()) } else { Attempt::NotYet }
            })
            .is_some()
    }

    /// Frees the writers' lock if the dead participant held it, and wakes whom it may have owed that.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.writers.sweep(dead, platform);
        self.sleepers.notify_all(platform);
    }
}

impl<P: Platform + ?Sized> Turn<'_, P> {
    /// Sets the cell: the one step that counts.
    pub fn set<T: NoUninit>(self, value: &T, cells: &[AtomicU64]) {
        payload::store(value, cells);
        // Release: see the table.
        self.once.ready.store(READY, Ordering::Release);
        let (once, platform) = (self.once, self.platform);
        drop(self);
        once.sleepers.notify_all(platform);
    }
}

impl<P: Platform + ?Sized> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.once.writers.unlock(self.platform);
        }
    }
}
