//! The lock alone, for the guards of the `lock_api` crate.

use std::fmt;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use ipc_core::mutex::{Intent, RawMutex as Words};
use ipc_core::wait::SpinBudget;

use super::handle::Mutex;
use crate::attachment::Membership;
use crate::clock;

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
/// The blocking calls panic in a child after `fork`, and on [`RawMutex::INIT`](lock_api::RawMutex::INIT), which no object is
/// behind: make one with [`new`](Self::new). The others answer there that the lock is taken.
pub struct RawMutex {
    lock: Option<Lock>,
}

struct Lock {
    words: &'static Words,
    /// Keeps the words alive.
    membership: Membership,
    budget: SpinBudget,
}

impl RawMutex {
    /// The lock of this mutex, which goes on to exclude those who lock it in other ways.
    pub fn new<T: Pod>(mutex: &Mutex<T>) -> Self {
        let (words, membership) = mutex.lock_alone();
        RawMutex { lock: Some(Lock { words, membership: membership.clone(), budget: SpinBudget::new(membership) }) }
    }

    /// Whether a holder died or panicked, and nobody has declared the data consistent since. A snapshot; `false` after
    /// a fork.
    pub fn is_poisoned(&self) -> bool {
        self.here().is_some_and(|lock| !lock.words.condition().is_clean())
    }

    /// Declares the data consistent, whatever happened to former holders. Call it with the lock held.
    pub fn clear_poison(&self) {
        if let Some(lock) = self.here() {
            lock.words.clear();
        }
    }

    fn here(&self) -> Option<&Lock> {
        self.lock.as_ref().filter(|lock| lock.membership.is_here())
    }

    fn lock_until(&self, deadline: Option<ipc_core::Instant>) -> bool {
        let lock = self.here().expect("a lock that was made in this process, see RawMutex::new");
        if lock.words.lock_first(&lock.membership, Intent::InPlace) {
            return true;
        }
        loop {
            match lock.words.lock_contended(&lock.membership, Intent::InPlace, &lock.budget, deadline) {
                Ok(_) => return true,
                Err(_) if deadline.is_some_and(|deadline| clock::now() >= deadline) => return false,
                // This thread's own lock, or garbage: to wait for what does not come, without a fault of ours.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").finish_non_exhaustive()
    }
}

// SAFETY: two threads, in whatever processes, never both have the lock: see `ipc_core::mutex::RawMutex`.
unsafe impl lock_api::RawMutex for RawMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "what the trait wants")]
    const INIT: Self = RawMutex { lock: None };

    // The lock knows its holder's thread.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        self.lock_until(None);
    }

    fn try_lock(&self) -> bool {
        self.here().is_some_and(|lock| {
            lock.words.lock_first(&lock.membership, Intent::InPlace)
                || lock.words.try_lock(&lock.membership, Intent::InPlace).is_ok()
        })
    }

    #[inline]
    unsafe fn unlock(&self) {
        if let Some(lock) = self.here() {
            lock.words.unlock(&lock.membership);
        }
    }

    fn is_locked(&self) -> bool {
        self.here().is_none_or(|lock| lock.words.owner().is_some())
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.lock_until(Some(clock::after(timeout)))
    }

    fn try_lock_until(&self, deadline: Instant) -> bool {
        self.lock_until(Some(clock::at(deadline)))
    }
}
