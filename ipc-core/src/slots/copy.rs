//! Copies between private and shared memory.

#[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
use core::{arch::x86_64::__m128i, ops::RangeInclusive};

/// Where the processor's own copy loop overtakes ours, and where it begins to pass the caches by, from which the other side reads.
#[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
const STRING_COPY: RangeInclusive<usize> = 2048..=256 << 10;

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

/// Whether a value of this size is copied by [`copy_in`] and [`copy_out`]. A smaller one takes fewer instructions word by word.
pub(crate) const fn is_large(size: usize) -> bool {
    cfg!(all(target_arch = "x86_64", target_feature = "sse", not(miri), not(loom))) && size >= 128
}

/// This number, of which the compiler does not know that it is a constant: it shall not unroll the loop.
#[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
#[inline(always)]
fn rolled(mut rounds: usize) -> usize {
    // SAFETY: it is empty.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) rounds, options(pure, nomem, nostack, preserves_flags)) };
    rounds
}

/// Copies a [large](is_large) value's bytes into shared memory.
///
/// Unlike [`copy_bytes`] this takes no address of private memory into the instructions that the compiler does not see into, so it
/// need not gather the value in one place first.
///
/// # Safety
///
/// `from` and `to` are the bytes of a `T` each, and do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_in<T>(from: *const u8, to: *mut u8) {
    let size = const { size_of::<T>() };
    #[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
    if size < *STRING_COPY.start() {
        use core::arch::asm;
        for at in (0..rolled(size / 64)).map(|block| block * 64) {
            // SAFETY: inside both.
            unsafe {
                let [a, b, c, d] = from.add(at).cast::<[__m128i; 4]>().read_unaligned();
                asm!(
                    "movups [{to}], {a}",
                    "movups [{to} + 16], {b}",
                    "movups [{to} + 32], {c}",
                    "movups [{to} + 48], {d}",
                    to = in(reg) to.add(at), a = in(xmm_reg) a, b = in(xmm_reg) b, c = in(xmm_reg) c, d = in(xmm_reg) d,
                    options(nostack, preserves_flags),
                );
            }
        }
        for at in (size / 64 * 64..size / 8 * 8).step_by(8) {
            // SAFETY: inside both.
            unsafe {
                let word = from.add(at).cast::<u64>().read_unaligned();
                asm!("mov [{to}], {word}", to = in(reg) to.add(at), word = in(reg) word, options(nostack, preserves_flags));
            }
        }
        // SAFETY: the rest of both.
        return unsafe { copy_single_bytes(from.add(size / 8 * 8), to.add(size / 8 * 8), size % 8) };
    }
    // SAFETY: the caller's promise.
    unsafe { copy_bytes(from, to, size) }
}

/// Copies a [large](is_large) value's bytes out of shared memory, as [`copy_in`] copies them in.
///
/// # Safety
///
/// As for [`copy_in`].
#[inline(always)]
pub(crate) unsafe fn copy_out<T>(from: *const u8, to: *mut u8) {
    let size = const { size_of::<T>() };
    #[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
    if size < *STRING_COPY.start() {
        use core::arch::asm;
        for at in (0..rolled(size / 64)).map(|block| block * 64) {
            let (a, b, c, d): (__m128i, __m128i, __m128i, __m128i);
            // SAFETY: inside both.
            unsafe {
                asm!(
                    "movups {a}, [{from}]",
                    "movups {b}, [{from} + 16]",
                    "movups {c}, [{from} + 32]",
                    "movups {d}, [{from} + 48]",
                    from = in(reg) from.add(at), a = out(xmm_reg) a, b = out(xmm_reg) b, c = out(xmm_reg) c, d = out(xmm_reg) d,
                    options(nostack, preserves_flags, readonly),
                );
                to.add(at).cast::<[__m128i; 4]>().write_unaligned([a, b, c, d]);
            }
        }
        for at in (size / 64 * 64..size / 8 * 8).step_by(8) {
            let word: u64;
            // SAFETY: inside both.
            unsafe {
                asm!("mov {word}, [{from}]", from = in(reg) from.add(at), word = out(reg) word,
                    options(nostack, preserves_flags, readonly));
                to.add(at).cast::<u64>().write_unaligned(word);
            }
        }
        // SAFETY: the rest of both.
        return unsafe { copy_single_bytes(from.add(size / 8 * 8), to.add(size / 8 * 8), size % 8) };
    }
    // SAFETY: the caller's promise.
    unsafe { copy_bytes(from, to, size) }
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

    use core::mem::MaybeUninit;

    use super::{copy_bytes, copy_in, copy_out};

    fn a_value_is_copied_whole<const N: usize>() {
        let value: [u8; N] = core::array::from_fn(|i| (i % 251) as u8);
        // Shared memory need not be aligned for the copy.
        let mut shared = vec![0xee_u8; N + 2];
        // SAFETY: as long as needed.
        unsafe { copy_in::<[u8; N]>(value.as_ptr(), shared.as_mut_ptr().add(1)) };
        assert_eq!((shared[0], &shared[1..=N], shared[N + 1]), (0xee, &value[..], 0xee));
        let mut out = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: as long as needed, and written by the copy.
        let out = unsafe {
            copy_out::<[u8; N]>(shared.as_ptr().add(1), out.as_mut_ptr().cast());
            out.assume_init()
        };
        assert_eq!(out, value);
    }

    #[test]
    fn values_of_every_size_are_copied_whole() {
        a_value_is_copied_whole::<0>();
        a_value_is_copied_whole::<7>();
        a_value_is_copied_whole::<64>();
        a_value_is_copied_whole::<128>();
        a_value_is_copied_whole::<207>();
        a_value_is_copied_whole::<1024>();
        a_value_is_copied_whole::<2047>();
        a_value_is_copied_whole::<2048>();
        a_value_is_copied_whole::<2049>();
    }

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
