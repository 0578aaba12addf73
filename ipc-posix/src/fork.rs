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

static ATTACHING: AttachLock = AttachLock(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

/// A mutex that can be locked in one function and unlocked in another, as the handlers of fork must.
struct AttachLock(std::cell::UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a pthread mutex is made to be used from several threads.
unsafe impl Sync for AttachLock {}

/// Excludes forks (and other attachers) while it lives.
pub(crate) struct NoFork(());

impl NoFork {
    pub(crate) fn new() -> Self {
        // The handlers must be there before the lock is first taken, or a child could inherit it locked.
        PAGE.get_or_init(wiped_page);
        before_fork();
        NoFork(())
    }
}

impl Drop for NoFork {
    fn drop(&mut self) {
        after_fork();
    }
}

extern "C" fn before_fork() {
    // SAFETY: a statically initialised mutex that is never moved. Attaching does not recurse.
    unsafe { libc::pthread_mutex_lock(ATTACHING.0.get()) };
}

extern "C" fn after_fork() {
    // SAFETY: locked by this thread in `before_fork`.
    unsafe { libc::pthread_mutex_unlock(ATTACHING.0.get()) };
}

extern "C" fn after_fork_in_child() {
    // For kernels without MADV_WIPEONFORK; otherwise the page is wiped already.
    if let Some(Some(word)) = PAGE.get() {
        word.store(0, Ordering::Release);
    }
    after_fork();
}
