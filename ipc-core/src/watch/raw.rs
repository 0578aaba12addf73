//! The words, and how they are read and written.

use core::mem::MaybeUninit;

use bytemuck::NoUninit;

use crate::error::Fault;
use crate::mutex::{Intent, RawMutex, Refused};
use crate::participant::Dead;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering, fence, spin_hint};
use crate::time::Instant;
use crate::wait::{Attempt, EventCount, SpinBudget, block_until};

/// How many versions lie in the cell at a time.
pub const SLOTS: usize = if cfg!(loom) { 2 } else { 4 };
/// Copies that writers may spoil in a row before a reader declares the words corrupted.
pub(super) const ATTEMPTS: u32 = if cfg!(loom) { 3 } else { 1 << 16 };

/// The words besides the slots.
#[repr(C)]
#[derive(Debug)]
pub struct RawWatch {
    writers: RawMutex,
    sleepers: EventCount,
    version: AtomicU64,
}

/// Cells of a slot: the time, then the value.
pub(super) const fn stride<T>() -> usize {
    1 + payload::cells::<T>()
}

/// What a reader has copied.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// The bytes, all initialised.
    pub bytes: MaybeUninit<T>,
    /// The number of the version, from 0.
    pub version: u64,
    /// When it was published.
    pub published: Instant,
}

/// The right to write. Given back when dropped.
#[derive(Debug)]
pub struct Turn<'a, P: Platform + ?Sized> {
    watch: &'a RawWatch,
    platform: &'a P,
}

fn slot<T>(cells: &[AtomicU64], version: u64) -> Result<&[AtomicU64], Fault> {
    let stride = stride::<T>();
    let at = version as usize % SLOTS * stride;
    cells.get(at..at + stride).ok_or(Fault::Corrupted)
}

impl RawWatch {
    /// A cell in a model, whose first value is zeroes.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RawWatch { writers: RawMutex::new(), sleepers: EventCount::new(), version: AtomicU64::new(0) }
    }

    /// Writes the first value. The caller has the words to itself.
    #[cfg(not(loom))]
    pub(super) fn initialise<T: NoUninit>(&self, value: &T, now: Instant, cells: &[AtomicU64]) -> Result<(), Fault> {
        self.writers.initialise();
        self.sleepers.initialise();
        fill(slot::<T>(cells, 0)?, value, now);
        self.version.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// The number of the latest version. One load.
    #[inline(always)]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A copy of the latest version. Takes no lock and writes nothing.
    #[inline]
    pub fn read<T>(&self, cells: &[AtomicU64]) -> Result<Snapshot<T>, Fault> {
        for _ in 0..ATTEMPTS {
            let version = self.version();
            let slot = slot::<T>(cells, version)?;
            let published = Instant::from_nanos(slot[0].load(Ordering::Relaxed));
            let bytes = payload::load(&slot[1..]);
            // Acquire: with the writer's fence, see the table.
            fence(Ordering::Acquire);
            let passed = self.version.load(Ordering::Relaxed).wrapping_sub(version);
            if passed < SLOTS as u64 - 1 {
                return Ok(Snapshot { bytes, version, published });
            }
            spin_hint();
        }
        Err(Fault::Corrupted)
    }

    /// The right to write: waits for whoever has it, until `deadline` at most (`None`: for ever).
    pub fn begin<'a, P: Platform + ?Sized>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<Turn<'a, P>, Refused> {
        if !self.writers.lock_first(platform, Intent::Transaction) {
            self.writers.lock_contended(platform, Intent::Transaction, budget, deadline)?;
        }
        Ok(Turn { watch: self, platform })
    }

    /// Waits until `done` has a result, until `deadline` at most (`None`: for ever); it is asked after each change. `None` is
    /// the time-out.
    pub fn wait<P: Platform + ?Sized, R>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
        mut done: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        if let Some(result) = done() {
            return Some(result);
        }
        block_until(platform, &self.sleepers, budget, deadline, |_| done().map_or(Attempt::NotYet, Attempt::Done))
    }

    /// Frees the writers' lock if the dead participant held it, and wakes whom it may have owed that.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.writers.sweep(dead, platform);
        self.sleepers.notify_all(platform);
    }
}

fn fill<T: NoUninit>(slot: &[AtomicU64], value: &T, now: Instant) {
    slot[0].store(now.as_nanos(), Ordering::Relaxed);
    payload::store(value, &slot[1..]);
}

impl<P: Platform + ?Sized> Turn<'_, P> {
    /// The latest version, which nobody else changes now.
    pub fn read<T>(&self, cells: &[AtomicU64]) -> Result<Snapshot<T>, Fault> {
        self.watch.read(cells)
    }

    /// Publishes a value; the number of its version.
    pub fn publish<T: NoUninit>(self, value: &T, cells: &[AtomicU64]) -> Result<u64, Fault> {
        let Turn { watch, platform } = self;
        // Relaxed: only who has the right to write changes it, and the lock has shown us the last one's.
        let next = watch.version.load(Ordering::Relaxed).wrapping_add(1);
        let slot = slot::<T>(cells, next)?;
        // Release: with the reader's fence, see the table.
        fence(Ordering::Release);
        fill(slot, value, platform.now());
        watch.version.store(next, Ordering::Release);
        drop(self);
        watch.sleepers.notify_all(platform);
        Ok(next)
    }
}

impl<P: Platform + ?Sized> Drop for Turn<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.watch.writers.unlock(self.platform);
        }
    }
}
