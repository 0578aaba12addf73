//! The lock alone, for the guards of the `lock_api` crate.

use core::fmt;
use core::time::Duration;

use bytemuck::Pod;

use super::handle::Mutex;
use super::words::{Condition, Intent, RawMutex};
use crate::error::Fault;
use crate::here::Here;
use crate::platform::Platform;
use crate::sync::AtomicU32;
use crate::time::Limit;
use crate::wait::SpinBudget;

/// The lock of a [`Mutex`] as [`lock_api::RawMutex`] (feature `lock_api`): for data of this process's own that only one process
/// at a time may use, behind the guards that one knows.
///
/// ```
/// # use ipc_posix::{RawMutex, Region};
/// # let region = Region::options().anonymous()?;
/// # let path = std::env::temp_dir().join(format!("doc-journal-{}", std::process::id()));
/// # let file = std::fs::File::create(&path)?;
/// # std::fs::remove_file(path)?;
/// use std::io::Write;
///
/// let lock = RawMutex::new(&region.mutex::<()>("journal").open_or_create()?);
/// let journal = lock_api::Mutex::from_raw(lock, file);
/// writeln!(journal.lock(), "one line, not mixed up with another process's")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `lock_api` has no errors. So a holder that died is not reported ([`is_poisoned`](Self::is_poisoned) tells), a panic marks nothing, and to
/// lock a lock twice in one thread, or one whose words a faulty peer has destroyed, is to wait for ever.
///
/// # Panics
///
/// All calls but `unlock` panic in a child after `fork`. The blocking calls panic on [`Bare::INIT`](lock_api::RawMutex::INIT), which no
/// object is behind: make one with [`new`](Self::new). The others answer there that the lock is taken.
pub struct Bare<P: 'static> {
    lock: Option<Lock<P>>,
}

struct Lock<P> {
    words: &'static RawMutex,
    /// Keeps the words alive.
    platform: P,
    budget: SpinBudget,
}

impl<P: Platform> Bare<P> {
    /// The lock of this mutex, which goes on to exclude those who lock it in other ways.
    pub fn new<T: Pod>(mutex: &Mutex<'static, T, P>) -> Self
    where
        P: Clone,
    {
        let (words, platform) = (&mutex.words.raw, mutex.platform.clone());
        let budget = SpinBudget::new(&platform);
        Bare { lock: Some(Lock { words, platform, budget }) }
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot; `false`
    /// on [`INIT`](lock_api::RawMutex::INIT).
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    pub fn is_poisoned(&self) -> bool {
        self.here().is_some_and(|lock| lock.words.condition() != Condition::CLEAN)
    }

    /// Declares the data consistent, whatever happened to former holders. Call it with the lock held.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear_poison(&self) -> Result<(), Fault> {
        if let Some(lock) = &self.lock {
            lock.platform.here()?;
            lock.words.clear();
        }
        Ok(())
    }

    /// The lock, in memory that is here.
    fn here(&self) -> Option<&Lock<P>> {
        let lock = self.lock.as_ref()?;
        lock.platform.assert_here();
        Some(lock)
    }

    fn lock_until(&self, limit: &Limit<P::Deadline>) -> bool {
        let lock = self.here().expect("a lock that was made of a mutex, see RawMutex::new");
        if lock.words.lock_first(&lock.platform, Intent::InPlace) {
            return true;
        }
        let deadline = limit.deadline(&lock.platform);
        loop {
            match lock.words.lock_contended(&lock.platform, Intent::InPlace, &lock.budget, deadline) {
                Ok(_) => return true,
                Err(_) if deadline.is_some_and(|deadline| lock.platform.now() >= deadline) => return false,
                // This thread's own lock, or garbage: to wait for what does not come, without a fault of ours.
                Err(_) => {
                    lock.platform.wait(&AtomicU32::new(0), 0, Duration::from_millis(10));
                }
            }
        }
    }
}

impl<P> fmt::Debug for Bare<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bare").finish_non_exhaustive()
    }
}

// SAFETY: two threads, in whatever processes, never both have the lock: see `super::words::RawMutex`.
unsafe impl<P: Platform> lock_api::RawMutex for Bare<P> {
    #[allow(clippy::declare_interior_mutable_const, reason = "what the trait wants")]
    const INIT: Self = Bare { lock: None };

    // The lock knows its holder's thread.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        self.lock_until(&Limit::Forever);
    }

    fn try_lock(&self) -> bool {
        self.here().is_some_and(|lock| {
            lock.words.lock_first(&lock.platform, Intent::InPlace)
                || lock.words.try_lock(&lock.platform, Intent::InPlace).is_ok()
        })
    }

    #[inline]
    unsafe fn unlock(&self) {
        // Dropping a guard: in a child after `fork` the lock is the parent's.
        if let Some(lock) = self.lock.as_ref().filter(|lock| lock.platform.is_here()) {
            lock.words.unlock(&lock.platform);
        }
    }

    fn is_locked(&self) -> bool {
        self.here().is_none_or(|lock| lock.words.owner().is_some())
    }
}

// SAFETY: as above.
unsafe impl<P: Platform> lock_api::RawMutexTimed for Bare<P> {
    type Duration = Duration;
    type Instant = P::Deadline;

    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.lock_until(&Limit::For(timeout))
    }

    fn try_lock_until(&self, deadline: P::Deadline) -> bool {
        self.lock_until(&Limit::Until(deadline))
    }
}
