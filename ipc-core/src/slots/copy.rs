//! Copies between private and shared memory.

/// Copies bytes between private and shared memory, in instructions that the compiler does not see into: for it, a copy that
/// races with a faulty peer's writes would be undefined; here it yields some bytes or others.
///
/// # Safety
///
/// Both ranges are readable or writable as needed, and do not overlap.
#[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
#[inline]
pub(crate) unsafe fn copy_bytes(from: *const u8, to: *mut u8, len: usize) {
    use core::arch::asm;
    use core::ops::RangeInclusive;
    /// Where the processor's own copy loop overtakes ours, and where it begins to pass the caches by, from which the other side reads.
    const STRING_COPY: RangeInclusive<usize> = 2048..=256 << 10;
    if STRING_COPY.contains(&len) {
        // SAFETY: the caller's promise; the direction flag is clear by the calling convention.
        unsafe {
            asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
        return;
    }
    let blocks = len / 64;
    if blocks != 0 {
        // SAFETY: 64 bytes a round, as many rounds as fit.
        unsafe {
            asm!(
                "2:",
                "movups {a}, [{from}]",
                "movups {b}, [{from} + 16]",
                "movups {c}, [{from} + 32]",
                "movups {d}, [{from} + 48]",
                "movups [{to}], {a}",
                "movups [{to} + 16], {b}",
                "movups [{to} + 32], {c}",
                "movups [{to} + 48], {d}",
                "add {from}, 64",
                "add {to}, 64",
                "dec {blocks}",
                "jnz 2b",
                from = inout(reg) from => _, to = inout(reg) to => _, blocks = inout(reg) blocks => _,
                a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                options(nostack),
            );
        }
    }
    let mut done = blocks * 64;
    while len - done >= 8 {
        // SAFETY: eight bytes of both ranges, which need no alignment.
        unsafe {
            asm!("mov {word}, [{from}]", "mov [{to}], {word}", word = out(reg) _,
                from = in(reg) from.add(done), to = in(reg) to.add(done), options(nostack, preserves_flags));
        }
        done += 8;
    }
    // SAFETY: the rest of both ranges.
    unsafe { copy_single_bytes(from.add(done), to.add(done), len - done) }
}

/// Copies bytes between private and shared memory in volatile accesses, of whole words where both ranges are aligned to them.
///
/// For processors without the instructions above (a kernel's target has no vector registers), and for Miri, which reads no assembly.
///
/// # Safety
///
/// Both ranges are readable or writable as needed, and do not overlap.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse", not(miri))))]
#[inline]
pub(crate) unsafe fn copy_bytes(from: *const u8, to: *mut u8, len: usize) {
    let aligned = (from.addr() | to.addr()).is_multiple_of(8);
    let words = if aligned { len / 8 } else { 0 };
    for i in 0..words {
        // SAFETY: inside both ranges, and aligned.
        unsafe { to.cast::<u64>().add(i).write_volatile(from.cast::<u64>().add(i).read_volatile()) }
    }
    let done = words * 8;
    // SAFETY: the rest of both ranges.
    unsafe { copy_single_bytes(from.add(done), to.add(done), len - done) }
}

/// Copies byte by byte.
///
/// # Safety
///
/// As for [`copy_bytes`].
#[inline]
unsafe fn copy_single_bytes(from: *const u8, to: *mut u8, len: usize) {
    for i in 0..len {
        // SAFETY: inside both ranges.
        unsafe { to.add(i).write_volatile(from.add(i).read_volatile()) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::copy_bytes;

    #[test]
    fn copies_of_every_length_are_whole() {
        // With the lengths at which the way of copying changes.
        const LARGE: usize = if cfg!(miri) { 4 << 10 } else { 256 << 10 };
        let bytes: Vec<u8> = (0..LARGE + 100).map(|i| (i % 251) as u8).collect();
        // Miri has one way of copying, and takes its time.
        let (small, large) =
            (if cfg!(miri) { 20 } else { 300 }, [2047, 2048, 2049, 4999, LARGE - 1, LARGE, LARGE + 1, LARGE + 71]);
        for len in (0..small).chain(large.into_iter().filter(|len| !cfg!(miri) || *len == LARGE + 1)) {
            for shift in [0, 1, 7] {
                let mut to = vec![0xee_u8; shift + len + 9];
                let from = &bytes[shift..][..len];
                // SAFETY: both are as long as needed.
                unsafe { copy_bytes(from.as_ptr(), to.as_mut_ptr().add(shift), len) };
                assert_eq!(&to[shift..shift + len], from);
                assert!(to[..shift].iter().chain(&to[shift + len..]).all(|byte| *byte == 0xee));
            }
        }
    }
}
