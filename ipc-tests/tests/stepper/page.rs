//! Memory that a test and its victims share.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A page that parent and victims share.
pub struct Page(*mut AtomicU64);

impl Page {
    pub const WORDS: usize = 512;

    pub fn new() -> Self {
        // SAFETY: a new anonymous mapping, at an address of the kernel's choice.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::WORDS * size_of::<AtomicU64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        Self(page.cast())
    }

    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has that many zeroed words, lives as long as `self`, and is only used
        // through atomics.
        unsafe { std::slice::from_raw_parts(self.0, Self::WORDS) }
    }

    pub fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, SeqCst));
    }

    pub fn first<const N: usize>(&self) -> [u64; N] {
        std::array::from_fn(|i| self.words()[i].load(SeqCst))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`; no slice outlives `self`.
        unsafe { libc::munmap(self.0.cast(), Self::WORDS * size_of::<AtomicU64>()) };
    }
}
