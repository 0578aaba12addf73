//! The producer and the consumer of a throughput run: the same code for all contenders.

use crate::spin::Spin;

/// Pushes the numbers from 0 to `n` exclusive; `push` says whether there was room. Backs off as `spin` for each.
#[inline]
pub fn produce(n: u64, spin: Spin, mut push: impl FnMut(u64) -> bool) {
    for value in 0..n {
        let mut spin = spin;
        while !push(value) {
            spin.wait();
        }
    }
}

/// Pops until the numbers from 0 to `n` exclusive have arrived; `pop` gives `None` while there is nothing.
///
/// # Panics
///
/// If a number is missing, doubled or out of order. A contender that loses messages is not fast.
#[inline]
pub fn consume(n: u64, spin: Spin, mut pop: impl FnMut() -> Option<u64>) {
    for expected in 0..n {
        let mut spin = spin;
        let value = loop {
            match pop() {
                Some(value) => break value,
                None => spin.wait(),
            }
        };
        if value != expected {
            out_of_order(value, expected);
        }
    }
}

/// Takes its numbers by value, so that the loop can keep them in registers.
#[cold]
#[inline(never)]
fn out_of_order(value: u64, expected: u64) -> ! {
    panic!("messages must arrive in order: {value} came instead of {expected}");
}

/// [`produce`] in batches: `push` says how many of the first of these it took.
#[inline]
pub fn produce_batches(n: u64, spin: Spin, batch: &mut [u64], mut push: impl FnMut(&[u64]) -> usize) {
    let mut next = 0;
    while next < n {
        let count = batch.len().min((n - next) as usize);
        for (value, number) in batch[..count].iter_mut().zip(next..) {
            *value = number;
        }
        let mut sent = 0;
        let mut waiting = spin;
        while sent < count {
            match push(&batch[sent..count]) {
                0 => waiting.wait(),
                more => {
                    sent += more;
                    waiting = spin;
                }
            }
        }
        next += count as u64;
    }
}

/// [`consume`] in batches: `pop` says how many it wrote to the front of these.
///
/// # Panics
///
/// As [`consume`].
#[inline]
pub fn consume_batches(n: u64, spin: Spin, batch: &mut [u64], mut pop: impl FnMut(&mut [u64]) -> usize) {
    let mut expected = 0;
    let mut waiting = spin;
    while expected < n {
        match pop(batch) {
            0 => waiting.wait(),
            count => {
                waiting = spin;
                // The sum of a run of numbers tells as well as each of them, and costs less than what is measured.
                let sum = batch[..count].iter().fold(0_u64, |sum, value| sum.wrapping_add(*value));
                let last = expected + count as u64;
                if sum != (expected + last - 1).wrapping_mul(count as u64) / 2 {
                    out_of_order(sum, expected);
                }
                expected = last;
            }
        }
    }
}
