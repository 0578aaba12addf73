//! Memory that stands for a shared mapping, with a back door for the faulty peer.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ipc_core::memory::{Memory, OBJECT_ALIGN};

/// Zeroed heap memory of exactly this many bytes: the address sanitizer sees every access beyond it.
pub struct OwnMemory {
    base: NonNull<u8>,
    layout: Layout,
}

impl OwnMemory {
    pub fn new(bytes: u64) -> Self {
        let layout = Layout::from_size_align(bytes as usize, OBJECT_ALIGN).expect("a sensible size");
        assert!(layout.size() > 0);
        // SAFETY: the size is not 0.
        let Some(base) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { handle_alloc_error(layout) };
        OwnMemory { base, layout }
    }

    pub fn len(&self) -> usize {
        self.layout.size()
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn memory(&self) -> Memory<'_> {
        // SAFETY: owned, zeroed, aligned; the back door below uses atomics too, like the other processes that the
        // contract allows.
        unsafe { Memory::from_raw(self.base, self.layout.size()) }
    }

    /// The 64-bit word at this offset.
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len());
        // SAFETY: in range and aligned (checked above), alive as long as self.
        unsafe { &*self.base.as_ptr().add(offset).cast::<AtomicU64>() }
    }

    /// The 32-bit word at this offset.
    pub fn half_word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.len());
        // SAFETY: as above.
        unsafe { &*self.base.as_ptr().add(offset).cast::<AtomicU32>() }
    }

    /// Replaces the word at this offset by what `new` makes of it.
    pub fn change(&self, offset: usize, new: impl FnOnce(u64) -> u64) {
        let word = self.word(offset);
        word.store(new(word.load(Ordering::SeqCst)), Ordering::SeqCst);
    }
}

impl Drop for OwnMemory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}
