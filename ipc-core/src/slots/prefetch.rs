//! Asking for lines before they are needed.

/// What a line is prefetched for.
#[derive(Clone, Copy)]
pub(crate) enum Intent {
    Read,
    Write,
}

/// Asks for the line at this address, which need not be one of ours. Does nothing where there is no such instruction.
#[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
#[inline(always)]
pub(crate) fn prefetch(address: *const i8, intent: Intent) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    match intent {
        // SAFETY: a prefetch is a hint that faults on no address.
        Intent::Read => unsafe { _mm_prefetch::<_MM_HINT_T0>(address) },
        // `_MM_HINT_ET0` becomes a read prefetch on the baseline target. This instruction is one of AMD64 from its
        // start; processors that lack it treat it as a no-op.
        // SAFETY: as above; it changes neither memory, flags nor stack.
        Intent::Write => unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
        },
    }
}

/// Asks for the first lines of a large place. `bytes` is its length.
#[inline(always)]
pub(crate) fn prefetch_lines(start: *const i8, bytes: usize, intent: Intent) {
    /// A kibibyte and its stamp. Found by measurement: 4 and 8 of them gained less.
    const MOST: usize = 17;
    for line in 0..bytes.div_ceil(64).min(MOST) {
        prefetch(start.wrapping_add(line * 64), intent);
    }
}

/// Keeps the compiler from computing the caller's next condition before this branch, where it is seldom needed. No instruction.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
#[inline(always)]
pub(super) fn branch_apart() {
    // SAFETY: it is empty.
    unsafe { core::arch::asm!("", options(nomem, nostack, preserves_flags)) };
}

#[cfg(all(any(not(target_arch = "x86_64"), miri), not(loom)))]
#[inline(always)]
pub(super) fn branch_apart() {}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse", not(miri))))]
#[inline(always)]
pub(crate) fn prefetch(_: *const i8, _: Intent) {}
