//! Knowing that the process has forked.
//!
//! A region's mapping is not inherited by a child (`MADV_DONTFORK`), so a handle that came through fork must not touch
//! it. Each handle compares one word of a page that the kernel wipes in every child (`MADV_WIPEONFORK`) with the value
//! it had when the handle was made: one load, right for raw `clone` calls too.
//!
//! A lock makes attaching and forking exclude each other: between opening the file and closing the description that
//! holds the lock byte, a child would inherit that description and keep us alive in the eyes of the others.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// The page's word; `None` if it could not be made.
static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();
/// The newest epoch that this process (or an ancestor) has used.
static NEWEST: AtomicU32 = AtomicU32::new(0);

/// Remembers the process in which it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForkGuard {
    word: &'static AtomicU32,
    epoch: u32,
}

impl ForkGuard {
    /// A guard of this process.
    pub(crate) fn new() -> io::Result<Self> {
        let word = PAGE.get_or_init(wiped_page).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        if word.load(Ordering::Acquire) == 0 {
            // The first guard of this process: an epoch that no ancestor had.
            let epoch = NEWEST.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
            let _ = word.compare_exchange(0, epoch, Ordering::AcqRel, Ordering::Acquire);
        }
        Ok(ForkGuard { word, epoch: word.load(Ordering::Acquire) })
    }

    /// Whether this is still the process in which the guard was made.
    #[inline(always)]
    pub(crate) fn is_here(&self) -> bool {
        self.word.load(Ordering::Relaxed) == self.epoch
    }
}

/// A private page that reads as zero in every child of this process.
fn wiped_page() -> Option<&'static AtomicU32> {
    const PAGE_BYTES: usize = 4096;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: our own page.
    let wiped = unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) } == 0;
    // SAFETY: plain functions that live as long as the program; see below for what they do.
    let registered =
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork_in_child)) } == 0;
    if !wiped && !registered {
        return None;
    }
    // SAFETY: the page is zeroed, aligned, never unmapped, and reached as an atomic only.
    Some(unsafe { &*page.cast::<AtomicU32>() })
}

/// Held while a thread attaches.
static ATTACHING: ForkLock = ForkLock(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
/// Held for the few system calls of a [pin](crate::pin), by threads that may be attaching too: always taken second.
static PINNING: ForkLock = ForkLock(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

/// How long a pin waits for a thread that forks or pins.
const PATIENCE: Duration = Duration::from_millis(100);

/// A mutex that can be locked in one function and unlocked in another, as the handlers of fork must.
struct ForkLock(std::cell::UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a pthread mutex is made to be used from several threads.
unsafe impl Sync for ForkLock {}

impl ForkLock {
    fn lock(&self) {
        // SAFETY: a statically initialised mutex that is never moved. A thread takes each once.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
    }

    /// `false` if it was not free in time.
    fn lock_within(&self, patience: Duration) -> bool {
        // SAFETY: as in `lock`.
        if unsafe { libc::pthread_mutex_trylock(self.0.get()) } == 0 {
            return true;
        }
        let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + patience;
        let until = libc::timespec {
            tv_sec: libc::time_t::try_from(until.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: until.subsec_nanos().into(),
        };
        // SAFETY: as in `lock`; the time outlives the call.
        unsafe { libc::pthread_mutex_timedlock(self.0.get(), &until) == 0 }
    }

    fn unlock(&self) {
        // SAFETY: locked by this thread (in a child: by the thread that forked, which it is a copy of).
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
    }
}

/// Excludes forks while it lives: of a thread that attaches, and then other attachers too, or of one that pins.
pub(crate) struct NoFork(&'static ForkLock);

impl NoFork {
    pub(crate) fn new() -> Self {
        // The handlers must be there before the lock is first taken, or a child could inherit it locked.
        PAGE.get_or_init(wiped_page);
        ATTACHING.lock();
        NoFork(&ATTACHING)
    }

    /// For a thread that pins. `None` if forks and pins of others take too long: a thread that has stopped in the middle
    /// of one (a debugger, a signal handler that is itself the caller) must not stop this one.
    pub(crate) fn briefly() -> Option<Self> {
        PAGE.get_or_init(wiped_page);
        PINNING.lock_within(PATIENCE).then_some(NoFork(&PINNING))
    }
}

impl Drop for NoFork {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

extern "C" fn before_fork() {
    ATTACHING.lock();
    PINNING.lock();
}

extern "C" fn after_fork() {
    PINNING.unlock();
    ATTACHING.unlock();
}

extern "C" fn after_fork_in_child() {
    // For kernels without MADV_WIPEONFORK; otherwise the page is wiped already.
    if let Some(Some(word)) = PAGE.get() {
        word.store(0, Ordering::Release);
    }
    after_fork();
}
