//! More workers or fewer, while a pool runs.

use super::desk::Shared;
use super::error::PoolError;
use super::rows::Guests;
use super::{Pool, worker};

impl Shared {
    /// How many workers there are, those that were started by hand included.
    pub(super) fn workers(&self) -> usize {
        self.desk().wanted + self.guests.as_ref().map_or(0, Guests::count)
    }
}

impl Pool {
    /// Returns how many workers there are to be: those that the pool starts itself. 0 in a child after `fork`, which has none.
    pub fn workers(&self) -> usize {
        // There, another thread of the parent may have held the lock for ever.
        if self.shared.home.is_here() { self.shared.desk().wanted } else { 0 }
    }

    /// Lets there be this many workers from now on, [`most_workers`](super::PoolOptions::most_workers) at most. Does not wait.
    ///
    /// A worker that is too many ends behind its task, or within half a second if it has none. None is killed. A closed pool starts no more
    /// workers than it needs for its last calls.
    ///
    /// ```standalone_crate
    /// use ipc_posix::{pool, process, task};
    ///
    /// fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    /// task!(square);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(1).most_workers(4).start()?;
    ///     assert_eq!(pool.apply(square, 3)?, 9);
    ///     pool.set_workers(4)?;
    ///     assert_eq!(pool.map(square, 0..1000)?.len(), 1000);
    ///     pool.set_workers(1)?;
    ///     assert_eq!(pool.workers(), 1);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Option`](PoolError::Option): more than the most, or none without [`shared_as`](super::PoolOptions::shared_as); or this is a child after `fork`.
    #[doc(alias = "resize")]
    pub fn set_workers(&self, count: usize) -> Result<(), PoolError> {
        let refused = |reason| Err(PoolError::Option { option: "workers", reason });
        if !self.shared.home.is_here() {
            return refused("cannot be changed in a child after `fork`");
        }
        if count == 0 && self.shared.guests.is_none() {
            return refused("is 1 at least");
        }
        if count > self.shared.own {
            return refused("is `most_workers` at most");
        }
        let mut desk = self.shared.desk();
        desk.wanted = count;
        // Under the lock: the two say the same.
        worker::want(&self.shared.board, count);
        drop(desk);
        self.shared.ring();
        Ok(())
    }
}
