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
