//! The rival among locks: a process-shared, robust POSIX mutex, in memory that two processes map.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;

use crate::floor::{Shared, Zeroed};

/// The mutex and the two words that it guards.
#[repr(C, align(64))]
pub struct Robust {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    data: UnsafeCell<[u64; 2]>,
}

// SAFETY: the C library's functions may be called from any thread, and the data are touched under the lock alone.
unsafe impl Sync for Robust {}
// SAFETY: no pointers of ours; `create` initialises the mutex before anybody uses it; nothing needs a drop.
unsafe impl Zeroed for Robust {}

impl Robust {
    /// A mutex in new shared memory.
    ///
    /// # Errors
    ///
    /// If the system refuses the memory or the attributes.
    pub fn create() -> io::Result<Shared<Robust>> {
        let shared = Shared::<Robust>::create()?;
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        // SAFETY: each call gets what it documents: room for attributes, attributes that are initialised, and memory for a
        // mutex that nobody uses yet.
        let failed = unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr())
                | libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED)
                | libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST)
                | libc::pthread_mutex_init(shared.mutex.get(), attributes.as_ptr())
        };
        if failed == 0 { Ok(shared) } else { Err(io::Error::other("no robust mutex")) }
    }

    /// Changes the data under the lock.
    ///
    /// # Panics
    ///
    /// If the lock is broken.
    #[inline(always)]
    pub fn with<R>(&self, change: impl FnOnce(&mut [u64; 2]) -> R) -> R {
        // SAFETY: the mutex was initialised by `create`.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.mutex.get()) }, 0);
        // SAFETY: the lock is held.
        let result = change(unsafe { &mut *self.data.get() });
        // SAFETY: this thread holds the lock.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.mutex.get()) }, 0);
        result
    }
}
