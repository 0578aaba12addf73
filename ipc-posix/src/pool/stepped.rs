//! A pool without threads, whose supervisor does what it is told to: for kill sweeps, where a process that has threads takes another way each
//! time.

use std::ops::Deref;
use std::sync::Mutex;

use super::error::PoolError;
use super::start::Prepared;
use super::supervisor::Supervisor;
use super::{Pool, PoolOptions};

/// A [`Pool`] whose supervisor has no thread.
#[doc(hidden)]
pub struct SteppedPool {
    // Dropped first: its calls get their outcomes.
    pool: Pool,
    supervisor: Option<Supervisor>,
}

impl PoolOptions {
    /// Starts the pool without its threads.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    #[doc(hidden)]
    pub fn start_stepped(&self) -> Result<SteppedPool, PoolError> {
        let Prepared { shared, plan, heard, passing } = self.prepare()?;
        let supervisor = Supervisor::start(shared.clone(), plan, heard).map_err(PoolError::Spawn)?;
        let pool = Pool { shared, threads: Mutex::new(None), callbacks: Mutex::new(None), output: Mutex::new(passing) };
        Ok(SteppedPool { pool, supervisor: Some(supervisor) })
    }
}

impl SteppedPool {
    /// Does what the supervisor does between two sleeps. Returns whether it goes on.
    pub fn round(&mut self) -> bool {
        self.supervisor.as_mut().is_some_and(Supervisor::round)
    }
}

impl Deref for SteppedPool {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        &self.pool
    }
}

impl Drop for SteppedPool {
    fn drop(&mut self) {
        self.pool.terminate();
        // It ends what there is, and sleeps no more.
        if let Some(supervisor) = self.supervisor.take_if(|_| self.pool.shared.home.is_here()) {
            supervisor.run();
        }
    }
}
