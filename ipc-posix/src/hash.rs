//! A hash that is the same in every build: what it says can be compared between programs.

/// FNV-1a, 64 bits, over numbers instead of bytes.
pub(crate) fn fnv(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, number| (hash ^ number).wrapping_mul(0x0000_0100_0000_01b3))
}
