//! The hash of a key: SipHash-1-3, whose seed lies in the region, so that all processes agree.

use crate::sync::{AtomicU64, Ordering};

/// The seed, from the creator.
pub(super) type Seed = [u64; 2];

/// Reads the seed, which was written before the object was declared complete.
pub(super) fn seed(words: &[AtomicU64; 2]) -> Seed {
    // Relaxed: see above.
    [words[0].load(Ordering::Relaxed), words[1].load(Ordering::Relaxed)]
}

/// The lower half of SipHash-1-3 of these bytes.
#[inline(always)]
pub(super) fn hash(seed: Seed, bytes: &[u8]) -> u32 {
    let mut state = [
        seed[0] ^ 0x736f_6d65_7073_6575,
        seed[1] ^ 0x646f_7261_6e64_6f6d,
        seed[0] ^ 0x6c79_6765_6e65_7261,
        seed[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        absorb(&mut state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = bytes.len() as u8;
    absorb(&mut state, u64::from_le_bytes(last));
    state[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut state);
    }
    (state[0] ^ state[1] ^ state[2] ^ state[3]) as u32
}

#[inline(always)]
fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    state[0] ^= word;
}

#[inline(always)]
fn round(state: &mut [u64; 4]) {
    let [a, b, c, d] = state;
    *a = a.wrapping_add(*b);
    *c = c.wrapping_add(*d);
    *b = b.rotate_left(13) ^ *a;
    *d = d.rotate_left(16) ^ *c;
    *a = a.rotate_left(32).wrapping_add(*d);
    *c = c.wrapping_add(*b);
    *d = d.rotate_left(21) ^ *a;
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::hash::{DefaultHasher, Hasher};
    use std::vec::Vec;

    /// The standard library's hasher is SipHash-1-3, too, with a seed of zeros where nobody asks for another one.
    #[test]
    fn it_is_that_of_the_standard_library() {
        let bytes: Vec<u8> = (1..=200).collect();
        for len in 0..bytes.len() {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes[..len]);
            assert_eq!(hash([0, 0], &bytes[..len]), hasher.finish() as u32, "{len} bytes");
        }
        assert_ne!(hash([1, 0], &bytes), hash([0, 1], &bytes));
    }
}
