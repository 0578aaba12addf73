//! Knowing that the process has forked.
//!
//! A region's mapping is not inherited by a child (`MADV_DONTFORK`), so a handle that came through fork must not touch
//! it. Each handle compares one word of a page that the kernel wipes in every child (`MADV_WIPEONFORK`) with the value
//! it had when the handle was made: one load, right for raw `clone` calls too.
//!
//! A lock makes attaching and forking exclude each other: between opening the file and closing the description that
//! holds the lock byte, a child would inherit that description and keep us alive in the eyes of the others.
//!
//! # What a child inherits
//!
//! A child is a copy of one thread of its parent, at any moment of the others. So it may need no lock of std (a `Once`,
//! a `Mutex`) that another thread may have held: nobody is left there to release it. The page is made by a compare-and-swap,
//! and the locks are words of the page, which are free in each child because they are wiped.
//!
//! The locks know their thread. A fork handler of another library may open a region while [`before_fork`] holds them in
//! the same thread; so may a signal handler that interrupts an attach. Both find that the lock is theirs.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ipc_core::Fault;

use crate::{futex, sys, thread};

/// The words that each child finds wiped.
#[repr(C)]
struct Page {
    /// Of the handles that are made in this process; 0 before the first.
    epoch: AtomicU32,
    /// 1 while a thread forks. A child that finds it was not wiped.
    forking: AtomicU32,
    /// Held while a thread attaches.
    attaching: ForkLock,
    /// Held for the few system calls of a [pin](crate::pin), by threads that may be attaching too: always taken second.
    pinning: ForkLock,
}

const PAGE_BYTES: usize = 4096;

/// The page, once it is made.
static PAGE: AtomicPtr<Page> = AtomicPtr::new(std::ptr::null_mut());
/// Whether the handlers are registered.
static HANDLED: AtomicBool = AtomicBool::new(false);
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
        let word = &page()?.epoch;
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

    /// Panics in a child, as the handles of objects do.
    #[track_caller]
    pub(crate) fn assert_here(&self) {
        assert!(self.is_here(), "{}", Fault::Forked);
    }
}

/// The page, and the handlers that make forks wait for its locks.
fn page() -> io::Result<&'static Page> {
    // Acquire, with the Release below: the handlers are registered.
    if !HANDLED.load(Ordering::Acquire) {
        // Two threads may both come here, and handlers that run twice do no harm.
        // SAFETY: plain functions that live as long as the program; see below for what they do.
        match unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork_in_child)) } {
            0 => HANDLED.store(true, Ordering::Release),
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
    only_page()
}

/// The page. Two threads may make one at once; one of them stays.
fn only_page() -> io::Result<&'static Page> {
    // Acquire, with the Release of the exchange: the page is mapped and marked.
    let mut found = PAGE.load(Ordering::Acquire);
    if found.is_null() {
        let made = wiped_page()?.as_ptr();
        match PAGE.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => found = made,
            Err(other) => {
                // SAFETY: mapped just now, and nobody else has its address.
                unsafe { libc::munmap(made.cast(), PAGE_BYTES) };
                found = other;
            }
        }
    }
    // SAFETY: a page that was zeroed, which is valid, is never unmapped, and consists of atomics.
    Ok(unsafe { &*found })
}

/// A private page that reads as zero in every child of this process.
fn wiped_page() -> io::Result<NonNull<Page>> {
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
    let Some(mapped) = NonNull::new(page).filter(|_| page != libc::MAP_FAILED) else {
        return Err(io::Error::last_os_error());
    };
    // Where it cannot be had, the child's handler does it.
    // SAFETY: our own page.
    unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) };
    Ok(mapped.cast())
}

/// How long a pin waits for a thread that forks or pins.
const PATIENCE: Duration = Duration::from_millis(100);

/// A lock that its thread may take again, and that a wiped page holds free.
#[repr(C)]
struct ForkLock {
    /// The holder's thread id, and whether others wait; 0 while it is free.
    holder: AtomicU32,
    /// How often the holder has taken it again. Only the holder uses it.
    depth: AtomicU32,
}

/// Set in `holder` while a thread may sleep there. Thread ids are smaller: proc_pid_sys_kernel(5), `pid_max`.
const AWAITED: u32 = 1 << 31;

impl ForkLock {
    /// `false` if it was not free in time; no limit: `true`.
    fn lock(&self, patience: Option<Duration>) -> bool {
        let me = sys::thread_id();
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        // Relaxed: compared with a value that only this thread stores; the exchange below orders.
        let mut found = self.holder.load(Ordering::Relaxed);
        let mut mark = 0;
        loop {
            if found & !AWAITED == me {
                self.depth.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            // Acquire, with the Release in `unlock`: what the last holder did is done.
            let next = if found == 0 { me | mark } else { found | AWAITED };
            if found != next
                && let Err(other) = self.holder.compare_exchange(found, next, Ordering::Acquire, Ordering::Relaxed)
            {
                found = other;
                continue;
            }
            if found == 0 {
                return true;
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            futex::wait(&self.holder, next, left);
            // Others may sleep there, too: the mark stays.
            mark = AWAITED;
            found = self.holder.load(Ordering::Relaxed);
        }
    }

    /// Not the holder's: nothing happens. (A child that was forked by a signal handler in the middle of an attach has a
    /// lock that was wiped.)
    fn unlock(&self) {
        // Relaxed, as above.
        if self.holder.load(Ordering::Relaxed) & !AWAITED != sys::thread_id() {
            return;
        }
        let depth = self.depth.load(Ordering::Relaxed);
        if depth > 0 {
            self.depth.store(depth - 1, Ordering::Relaxed);
        } else if self.holder.swap(0, Ordering::Release) & AWAITED != 0 {
            futex::wake(&self.holder, 1);
        }
    }
}

/// Excludes forks while it lives: of a thread that attaches, and then other attachers too, or of one that pins.
pub(crate) struct NoFork(&'static ForkLock);

impl NoFork {
    pub(crate) fn new() -> io::Result<Self> {
        let lock = &page()?.attaching;
        lock.lock(None);
        Ok(NoFork(lock))
    }

    /// For a thread that pins. `None` if forks and pins of others take too long: a thread that has stopped in the middle
    /// of one (a debugger) must not stop this one.
    pub(crate) fn briefly() -> Option<Self> {
        let lock = &page().ok()?.pinning;
        lock.lock(Some(PATIENCE)).then_some(NoFork(lock))
    }
}

impl Drop for NoFork {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

extern "C" fn before_fork() {
    // Another thread may have registered this, and be about to make the page.
    let Ok(page) = only_page() else { return };
    page.attaching.lock(None);
    page.pinning.lock(None);
    page.forking.store(1, Ordering::Relaxed);
}

extern "C" fn after_fork() {
    let Some(page) = made() else { return };
    page.forking.store(0, Ordering::Relaxed);
    page.pinning.unlock();
    page.attaching.unlock();
}

extern "C" fn after_fork_in_child() {
    thread::forked();
    // For kernels and emulators without `MADV_WIPEONFORK`. Otherwise the page is wiped already, and a handler that ran
    // before this one may use it again.
    let Some(page) = made().filter(|page| page.forking.load(Ordering::Relaxed) != 0) else { return };
    for word in [&page.epoch, &page.attaching.depth, &page.attaching.holder, &page.pinning.depth, &page.pinning.holder]
    {
        word.store(0, Ordering::Release);
    }
    page.forking.store(0, Ordering::Relaxed);
}

/// The page, if there is one.
fn made() -> Option<&'static Page> {
    // SAFETY: as in `only_page`.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}
