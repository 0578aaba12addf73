//! The lock alone, for the guards of the `lock_api` crate.

use core::fmt;
use core::time::Duration;

use super::handle::Mutex;
use super::words::{Condition, Intent, RawMutex};
use crate::error::Fault;
use crate::here::Here;
use crate::object::Guarded;
use crate::platform::Platform;
use crate::sync::AtomicU32;
use crate::time::{Instant, Limit};
use crate::wait::SpinBudget;

/// The lock of a [`Mutex`] as [`lock_api::RawMutex`] (feature `lock_api`): for data of this process's own that only one process
/// at a time may use, behind the guards of `lock_api`.
///
/// It is two locks: one in shared memory, which excludes other processes, and one in private memory, which excludes this
/// process's other threads. A faulty peer that overwrites the shared one can let two *processes* in at the same time. It
/// never gives two threads of one process the same private data. Each `RawMutex` guards one value: two of them that were made
/// of one mutex exclude each other by the shared lock alone.
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
    /// In private memory: what the soundness of the guards rests on. Taken first, given back last.
    private: RawMutex,
    /// In shared memory, where a faulty peer can write.
    shared: &'static RawMutex,
    /// Keeps the words alive.
    platform: P,
    budget: SpinBudget,
}

impl<P: Platform> Bare<P> {
    /// The lock of this mutex, which goes on to exclude those who lock it in other ways.
    pub fn new<T: ?Sized + Guarded>(mutex: &Mutex<'static, T, P>) -> Self
    where
        P: Clone,
    {
        let (shared, platform) = (&mutex.words.raw, mutex.platform.clone());
        let budget = SpinBudget::new(&platform);
        budget.set_wait_strategy(mutex.wait_strategy());
        Bare { lock: Some(Lock { private: RawMutex::new(), shared, platform, budget }) }
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot; `false`
    /// on [`INIT`](lock_api::RawMutex::INIT).
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.here().is_some_and(|lock| lock.shared.condition() != Condition::CLEAN)
    }

    /// Declares the data consistent, whatever happened to former holders. Call it with the lock held.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear_poison(&self) -> Result<(), Fault> {
        if let Some(lock) = &self.lock {
            lock.platform.here()?;
            lock.shared.clear();
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
        let (platform, mut waits) = (&lock.platform, limit.over_all_waits());
        if !lock.private.lock_first(platform, Intent::InPlace)
            && !lock.wait_for(&lock.private, waits.deadline(platform))
        {
            return false;
        }
        let both =
            lock.shared.lock_first(platform, Intent::InPlace) || lock.wait_for(lock.shared, waits.deadline(platform));
        if !both {
            lock.private.unlock(platform);
        }
        both
    }
}

impl<P: Platform> Lock<P> {
    /// Takes one of the two locks; `false` when the time is over.
    #[cold]
    fn wait_for(&self, words: &RawMutex, deadline: Option<Instant>) -> bool {
        loop {
            match words.lock_contended(&self.platform, Intent::InPlace, &self.budget, deadline) {
                Ok(_) => return true,
                Err(_) if deadline.is_some_and(|deadline| self.platform.now() >= deadline) => return false,
                // This thread's own lock, or garbage: to wait for what does not come, without a fault of ours.
                Err(_) => {
                    self.platform.wait(&AtomicU32::new(0), 0, Duration::from_millis(10));
                }
            }
        }
    }

    /// Takes one of the two locks if it is free or its holder is dead.
    fn try_take(&self, words: &RawMutex) -> bool {
        words.lock_first(&self.platform, Intent::InPlace) || words.try_lock(&self.platform, Intent::InPlace).is_ok()
    }
}

impl<P> fmt::Debug for Bare<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bare").finish_non_exhaustive()
    }
}

// SAFETY: two threads of this process never both have the private lock, see `super::words::RawMutex`: its word is reached
// through this value only, and its holder, a thread of this participant, is never seized. The guarded data are this process's.
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
            let private = lock.try_take(&lock.private);
            let both = private && lock.try_take(lock.shared);
            if private && !both {
                lock.private.unlock(&lock.platform);
            }
            both
        })
    }

    #[inline]
    unsafe fn unlock(&self) {
        // Dropping a guard: in a child after `fork` the lock is the parent's.
        if let Some(lock) = self.lock.as_ref().filter(|lock| lock.platform.is_here()) {
            lock.shared.unlock(&lock.platform);
            lock.private.unlock(&lock.platform);
        }
    }

    fn is_locked(&self) -> bool {
        self.here().is_none_or(|lock| lock.private.owner().is_some() || lock.shared.owner().is_some())
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
