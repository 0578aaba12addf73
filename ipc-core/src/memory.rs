//! A piece of memory that objects are laid into.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

/// Alignment of every object, against false sharing: two cache lines, because adjacent lines are fetched in pairs.
pub const OBJECT_ALIGN: usize = 128;

/// A range of memory that may be shared with other threads, processes or cores.
///
/// It is a pointer and a length, copied freely. All accesses through it are atomic.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'m> {
    base: NonNull<u8>,
    len: usize,
    lifetime: PhantomData<&'m UnsafeCell<[u8]>>,
}

// SAFETY: a `Memory` is only ever turned into references to atomics (see `from_raw`'s contract).
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

// All accesses are atomic, as those through std's atomics, and a process may stop anywhere: a panic is no worse.
impl UnwindSafe for Memory<'_> {}
impl RefUnwindSafe for Memory<'_> {}

impl<'m> Memory<'m> {
    /// Wraps `len` bytes at `base`.
    ///
    /// # Safety
    ///
    /// The range must be readable and (unless only read-only functions are used) writable for `'m`, be
    /// aligned to [`OBJECT_ALIGN`], and must not be accessed by this program for `'m` except through this
    /// crate. It must have been initialised (zeroes will do). Other processes may write to it at any time.
    pub const unsafe fn from_raw(base: NonNull<u8>, len: usize) -> Self {
        Memory { base, len, lifetime: PhantomData }
    }

    /// The number of bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes at all.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part from `offset`, `len` bytes long; `None` if it does not lie inside or is not aligned.
    ///
    /// # Safety
    ///
    /// An object or a region begins there, or nobody uses the part. (Elements of an object are bytes that look like whatever
    /// their sender likes: also like another object.)
    pub unsafe fn part(&self, offset: u64, len: u64) -> Option<Memory<'m>> {
        let offset = usize::try_from(offset).ok()?;
        let len = usize::try_from(len).ok()?;
        let end = offset.checked_add(len)?;
        if end > self.len || !offset.is_multiple_of(OBJECT_ALIGN) {
            return None;
        }
        // SAFETY: offset <= self.len, so the pointer stays inside the range that `from_raw` vouched for.
        let base = unsafe { self.base.add(offset) };
        Some(Memory { base, len, lifetime: PhantomData })
    }

    /// `count` values of `T` from byte `offset`; `None` if they do not fit or are not aligned.
    ///
    /// # Safety
    ///
    /// `T` must consist of atomics only (any bit pattern is valid, all access is through `&T`), and the same
    /// bytes must never be viewed as atomics of another size.
    pub(crate) unsafe fn atomics<T>(&self, offset: usize, count: usize) -> Option<&'m [T]> {
        let bytes = count.checked_mul(size_of::<T>())?;
        let end = offset.checked_add(bytes)?;
        if end > self.len || !(self.base.as_ptr() as usize).wrapping_add(offset).is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: in range and aligned (checked above), initialised and alive for 'm (`from_raw`), made of
        // atomics (the caller's promise), so shared references are sound, whichever process writes besides.
        Some(unsafe { core::slice::from_raw_parts(self.base.as_ptr().add(offset).cast::<T>(), count) })
    }

    /// Writes `count` new values of `T` from byte `offset` on, and views them; `None` if they do not fit or are not aligned.
    ///
    /// # Safety
    ///
    /// As for [`atomics`](Self::atomics), and nobody else uses these bytes yet.
    pub(crate) unsafe fn place<T>(
        &self,
        offset: usize,
        count: usize,
        mut new: impl FnMut(usize) -> T,
    ) -> Option<&'m [T]> {
        let bytes = count.checked_mul(size_of::<T>())?;
        let start = self.pointer(offset, bytes)?.cast::<T>();
        if !start.is_aligned() {
            return None;
        }
        for index in 0..count {
            // SAFETY: in range and aligned (checked above); nobody else uses the bytes (the caller's promise).
            unsafe { start.add(index).write(new(index)) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.atomics(offset, count) }
    }

    /// A pointer to `len` bytes from `offset`; `None` if they do not lie inside.
    pub(crate) fn pointer(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        // SAFETY: inside the range that `from_raw` vouched for.
        Some(unsafe { self.base.add(offset) })
    }
}

/// Zeroed memory of `BYTES` bytes for a `static`: a home for objects without an operating system.
///
/// ```
/// use ipc_core::memory::StaticMemory;
/// static SHARED: StaticMemory<4096> = StaticMemory::new();
/// assert_eq!(SHARED.memory().len(), 4096);
/// ```
#[repr(C, align(128))]
pub struct StaticMemory<const BYTES: usize> {
    bytes: UnsafeCell<[u8; BYTES]>,
}

// SAFETY: the bytes are only reachable through `memory`, whose users access them as atomics.
unsafe impl<const BYTES: usize> Sync for StaticMemory<BYTES> {}

impl<const BYTES: usize> StaticMemory<BYTES> {
    /// Zeroed memory.
    pub const fn new() -> Self {
        StaticMemory { bytes: UnsafeCell::new([0; BYTES]) }
    }

    /// The memory.
    pub fn memory(&self) -> Memory<'_> {
        // SAFETY: the bytes are owned by self, initialised, aligned by the type, and not accessible otherwise.
        unsafe { Memory::from_raw(NonNull::new_unchecked(self.bytes.get().cast()), BYTES) }
    }
}

impl<const BYTES: usize> Default for StaticMemory<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}
