//! Numbers of this process's threads, for locks that tell a thread that it has them already.
//!
//! Not the kernel's numbers: a child of `fork` would keep its parent's, and there is room for sixteen bits only. A number goes
//! to another thread when its own has ended.

use std::cell::Cell;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// The number of a thread for which there is none: no lock takes it for its holder's.
const NOBODY: u16 = 0;
/// A thread that has not asked yet. The numbers lie between these two.
const UNNUMBERED: u16 = u16::MAX;
const WORDS: usize = 1 << 16 >> 6;

/// A bit for each number that is in use. No lock: a child of `fork` may find it in any state.
static IN_USE: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// Where to look for a free one.
static NEXT: AtomicU16 = AtomicU16::new(1);

thread_local! {
    static NUMBER: Cell<u16> = const { Cell::new(UNNUMBERED) };
    static LEASE: Cell<Option<Lease>> = const { Cell::new(None) };
}

/// A number, given back when its thread ends.
struct Lease(u16);

impl Drop for Lease {
    fn drop(&mut self) {
        // What runs in this thread from now on is nobody in particular.
        let _ = NUMBER.try_with(|number| number.set(NOBODY));
        // Relaxed, here and below: only that no two living threads have the same.
        IN_USE[usize::from(self.0 / 64)].fetch_and(!(1 << (self.0 % 64)), Ordering::Relaxed);
    }
}

/// The calling thread's number; 0 if it has none.
#[inline(always)]
pub(crate) fn number() -> u16 {
    NUMBER.try_with(|known| if known.get() == UNNUMBERED { take(known) } else { known.get() }).unwrap_or(NOBODY)
}

#[cold]
fn take(known: &Cell<u16>) -> u16 {
    let number = free().unwrap_or(NOBODY);
    known.set(number);
    if number != NOBODY {
        let lease = Lease(number);
        // If the thread is ending, the lease goes with the closure.
        let _ = LEASE.try_with(move |kept| kept.set(Some(lease)));
    }
    known.get()
}

fn free() -> Option<u16> {
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    (0..u16::MAX).map(|step| start.wrapping_add(step)).find(|&number| {
        let bit = 1 << (number % 64);
        ![NOBODY, UNNUMBERED].contains(&number)
            && IN_USE[usize::from(number / 64)].fetch_or(bit, Ordering::Relaxed) & bit == 0
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn living_threads_have_numbers_of_their_own() {
        let together = Barrier::new(50);
        let numbers: HashSet<u16> = std::thread::scope(|scope| {
            let threads = [(); 50].map(|()| {
                scope.spawn(|| {
                    let mine = number();
                    together.wait();
                    assert_eq!(number(), mine);
                    mine
                })
            });
            threads.map(|thread| thread.join().expect("no panic")).into_iter().collect()
        });
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|number| ![NOBODY, UNNUMBERED].contains(number)));
    }

    #[test]
    fn numbers_of_dead_threads_are_given_again() {
        for _ in 0..u32::from(u16::MAX) + 1000 {
            let number = std::thread::spawn(number).join().expect("no panic");
            assert_ne!(number, NOBODY, "the numbers have run out");
        }
    }
}
