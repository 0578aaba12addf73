//! Bytes in 64-bit cells: a key or a value of a byte map, with its length in front.
//!
//! All accesses are Relaxed: who may see cells that are being written throws away what it has read, see the fences of the callers.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::error::Fault;
use crate::sync::{AtomicU64, Ordering};

const CELL: usize = size_of::<u64>();

/// The cells that bytes of at most this length take, with their length.
pub(super) const fn cells(most: u32) -> usize {
    1 + (most as usize).div_ceil(CELL)
}

/// Whether these cells begin with these bytes. What is behind them in their last cell does not count.
#[inline(always)]
pub(super) fn hold(cells: &[AtomicU64], bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<CELL>();
    let mut same =
        words.iter().zip(cells).all(|(word, cell)| cell.load(Ordering::Relaxed) == u64::from_ne_bytes(*word));
    if !rest.is_empty() {
        same &= cells.get(words.len()).is_some_and(|cell| {
            let found = cell.load(Ordering::Relaxed).to_ne_bytes();
            found[..rest.len()] == *rest
        });
    }
    same
}

/// Whether these cells hold these bytes, and no more.
#[inline(always)]
pub(super) fn is(cells: &[AtomicU64], bytes: &[u8]) -> bool {
    let (len, content) = (&cells[0], &cells[1..]);
    len.load(Ordering::Relaxed) == bytes.len() as u64 && hold(content, bytes)
}

/// Writes these bytes, of which the caller knows that they fit.
#[inline(always)]
pub(super) fn store(cells: &[AtomicU64], bytes: &[u8]) {
    let (len, content) = (&cells[0], &cells[1..]);
    len.store(bytes.len() as u64, Ordering::Relaxed);
    let (words, rest) = bytes.as_chunks::<CELL>();
    for (cell, word) in content.iter().zip(words) {
        cell.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
    }
    if let (false, Some(cell)) = (rest.is_empty(), content.get(words.len())) {
        let mut last = [0; CELL];
        last[..rest.len()].copy_from_slice(rest);
        cell.store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// The length of the bytes in these cells.
///
/// # Errors
///
/// [`Fault::Corrupted`]: there is no room for as many. Of cells that are being written, it means nothing.
#[inline(always)]
fn len(cells: &[AtomicU64]) -> Result<usize, Fault> {
    let len = usize::try_from(cells[0].load(Ordering::Relaxed)).map_err(|_| Fault::Corrupted)?;
    if len <= (cells.len() - 1) * CELL { Ok(len) } else { Err(Fault::Corrupted) }
}

/// Copies the bytes in these cells to the front of `out`, as many as it has room for. Returns how many there are.
#[inline(always)]
pub(super) fn copy(cells: &[AtomicU64], out: &mut [u8]) -> Result<usize, Fault> {
    let len = len(cells)?;
    let room = out.len().min(len);
    for (cell, part) in cells[1..].iter().zip(out[..room].chunks_mut(CELL)) {
        part.copy_from_slice(&cell.load(Ordering::Relaxed).to_ne_bytes()[..part.len()]);
    }
    Ok(len)
}

/// Replaces what is in `out` by the bytes in these cells.
#[cfg(feature = "alloc")]
#[inline(always)]
pub(super) fn copy_to_vec(cells: &[AtomicU64], out: &mut Vec<u8>) -> Result<(), Fault> {
    let len = len(cells)?;
    out.clear();
    out.resize(len, 0);
    copy(cells, out).map(drop)
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    fn of(most: u32) -> Vec<AtomicU64> {
        (0..cells(most)).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    #[test]
    fn bytes_of_each_length_come_back() {
        let bytes: Vec<u8> = (1..=40).collect();
        for len in 0..=bytes.len() {
            let (cells, bytes) = (of(40), &bytes[..len]);
            store(&cells, bytes);
            let mut out = Vec::from([9; 3]);
            copy_to_vec(&cells, &mut out).unwrap();
            assert_eq!(out, bytes);
            assert!(is(&cells, bytes));
            assert!(!is(&cells, &[bytes, &[0]].concat()));
            assert!(len == 0 || !is(&cells, &bytes[1..]) && !is(&cells, &bytes[..len - 1]));
            let mut small = [0; 5];
            assert_eq!(copy(&cells, &mut small), Ok(len));
            assert_eq!(small[..len.min(5)], bytes[..len.min(5)]);
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error() {
        for (most, wrong) in [(0, 1), (8, 9), (9, 17), (9, u64::MAX)] {
            let cells = of(most);
            cells[0].store(wrong, Ordering::Relaxed);
            assert_eq!(copy(&cells, &mut [0; 64]), Err(Fault::Corrupted), "{most} {wrong}");
            assert_eq!(copy_to_vec(&cells, &mut Vec::new()), Err(Fault::Corrupted));
        }
    }
}
