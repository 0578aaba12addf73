//! What the machine itself takes: no library can be faster than these, however it is written.
//!
//! A ball goes there and back over words in a shared mapping. Its number goes up by
//! one with each round trip. Spinning, that is the price of moving cache lines between two cores; sleeping,
//! that of two futex wake-ups. Which of one line and two is the faster depends on the host's mood.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release};
use std::{hint, marker::PhantomData};

use crossbeam_utils::CachePadded;

/// Types that may lie in a [`Shared`] mapping.
///
/// # Safety
///
/// All zeros is a value of the type, it holds no pointers or references, it is changed only through
/// atomics, and it needs no drop.
pub unsafe trait Zeroed: Sync {}

/// One `T`, all zeros at first, in anonymous memory that a second process can map as well.
pub struct Shared<T: Zeroed> {
    file: File,
    at: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T: Zeroed> Shared<T> {
    /// Makes new memory. Processes started from now on inherit its descriptor, see [`Shared::fd`].
    ///
    /// # Errors
    ///
    /// If the system has no more descriptors or memory.
    pub fn create() -> io::Result<Self> {
        // int memfd_create(const char *name, unsigned int flags); without MFD_CLOEXEC: it is to be inherited.
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::memfd_create(c"bench".as_ptr(), 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and has no other owner.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(size_of::<T>() as u64)?;
        Self::map(file)
    }

    /// Maps the memory behind a descriptor that the process inherited.
    ///
    /// # Errors
    ///
    /// If the descriptor is not one of [`Shared::create`] for a `T` of this size.
    pub fn inherit(fd: RawFd) -> io::Result<Self> {
        let file = inherited(fd)?;
        if file.metadata()?.len() != size_of::<T>() as u64 {
            return Err(io::Error::other("the inherited memory has another size"));
        }
        Self::map(file)
    }

    /// The descriptor to hand to the second process, as a number.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)`
    fn map(file: File) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let at = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<T>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(at.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { file, at, owns: PhantomData })
    }
}

impl<T: Zeroed> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping is page-aligned, of the size of `T`, lives as long as `self` and began as all
        // zeros; `Zeroed` makes that a `T` which others change through atomics alone.
        unsafe { self.at.as_ref() }
    }
}

impl<T: Zeroed> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow of it outlives `self`.
        unsafe { libc::munmap(self.at.as_ptr().cast(), size_of::<T>()) };
    }
}

/// Takes over a descriptor that the process inherited by number.
///
/// # Errors
///
/// If there is no such descriptor.
pub fn inherited(fd: RawFd) -> io::Result<File> {
    // SAFETY: asking for the flags of a number that is no descriptor gives an error, nothing else.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor exists, and the number was given to us to own.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Lets processes started from now on inherit `fd`.
///
/// # Errors
///
/// If the system refuses.
pub fn bequeath(fd: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open while borrowed; its only flag is close-on-exec.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The court of a ball that goes there and back: a word each way, on one cache line or on one each.
///
/// The Release store of a number is read by the Acquire load of the other side; nothing but the number
/// itself needs to become visible.
#[repr(C)]
#[derive(Default)]
pub struct Court {
    there: CachePadded<[AtomicU32; 2]>,
    back: CachePadded<AtomicU32>,
}

// SAFETY: atomic integers without pointers; ball number zero is a state.
unsafe impl Zeroed for Court {}

impl Court {
    /// Both words on one cache line, for the spinning verbs.
    pub const ONE_LINE: usize = 1;

    /// A cache line for each word, for the spinning verbs.
    pub const LINE_EACH_WAY: usize = 2;

    /// The words there and back.
    #[inline]
    fn words(&self, lines: usize) -> [&AtomicU32; 2] {
        let [there, beside] = &*self.there;
        [there, if lines == Self::ONE_LINE { beside } else { &self.back }]
    }

    /// Sends ball `number` and spins until it is back.
    #[inline]
    pub fn serve_spinning(&self, lines: usize, number: u32) {
        let [there, back] = self.words(lines);
        there.store(number, Release);
        spin_until(back, number);
    }

    /// Spins until ball `number` comes and returns it.
    #[inline]
    pub fn answer_spinning(&self, lines: usize, number: u32) {
        let [there, back] = self.words(lines);
        spin_until(there, number);
        back.store(number, Release);
    }

    /// Sends ball `number` and sleeps until it is back.
    #[inline]
    pub fn serve_sleeping(&self, number: u32) {
        let [_, back] = self.words(Self::LINE_EACH_WAY);
        self.serve_waking(number);
        sleep_until(back, number);
    }

    /// Sends ball `number` and wakes who sleeps for it, if anybody does. Nothing needs to come back.
    #[inline]
    pub fn serve_waking(&self, number: u32) {
        let [there, _] = self.words(Self::LINE_EACH_WAY);
        there.store(number, Release);
        futex_wake(there);
    }

    /// Sleeps until ball `number` comes, and keeps it.
    #[inline]
    pub fn keep_sleeping(&self, number: u32) {
        let [there, _] = self.words(Self::LINE_EACH_WAY);
        sleep_until(there, number);
    }

    /// Spins until ball `number` comes, and keeps it.
    #[inline]
    pub fn keep_spinning(&self, number: u32) {
        let [there, _] = self.words(Self::LINE_EACH_WAY);
        spin_until(there, number);
    }

    /// Sleeps until ball `number` comes and returns it.
    #[inline]
    pub fn answer_sleeping(&self, number: u32) {
        let [there, back] = self.words(Self::LINE_EACH_WAY);
        sleep_until(there, number);
        back.store(number, Release);
        futex_wake(back);
    }
}

fn spin_until(word: &AtomicU32, number: u32) {
    while word.load(Acquire) != number {
        hint::spin_loop();
    }
}

fn sleep_until(word: &AtomicU32, number: u32) {
    loop {
        let seen = word.load(Acquire);
        if seen == number {
            return;
        }
        futex_wait(word, seen);
    }
}

/// `long syscall(SYS_futex, uint32_t *uaddr, int op, uint32_t val, const struct timespec *timeout)`
///
/// Shared between processes: no `FUTEX_PRIVATE_FLAG`. Returns early if the word is not `seen`, on a signal
/// and for no reason; the caller checks again.
fn futex_wait(word: &AtomicU32, seen: u32) {
    // SAFETY: the word outlives the call; a null time limit means none.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, ptr::null::<libc::timespec>());
    }
}

/// `long syscall(SYS_futex, uint32_t *uaddr, int op, uint32_t val)`
fn futex_wake(word: &AtomicU32) {
    // SAFETY: the kernel uses the address as a key; the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}
