//! Numbers of this process's threads, for locks that tell a thread that it has them already.
//!
//! Not the kernel's numbers: a child of `fork` would keep its parent's, and there is room for sixteen bits only.
//!
//! A thread keeps its number to its very end: destructors of thread-locals and `atexit` handlers lock and unlock, too, in
//! any order. So nothing runs to give a number back. It goes to another thread once the kernel says that its own is gone,
//! which is asked when the numbers have been given out once.

use std::cell::Cell;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use crate::sys;

/// The number of a thread for which there is none: no lock takes it for its holder's.
const NOBODY: u16 = 0;
/// A thread that has not asked yet. The numbers lie between these two.
const UNNUMBERED: u16 = u16::MAX;

/// For each number, the kernel's number of the thread that has it, or had it; 0 if none ever had. No lock: a child of
/// `fork` may find it in any state. Relaxed everywhere: what counts is only that no two living threads have the same.
static OWNERS: [AtomicU32; 1 << 16] = [const { AtomicU32::new(0) }; 1 << 16];
/// Where to search for a free one.
static NEXT: AtomicU16 = AtomicU16::new(1);

thread_local! {
    // Without a destructor: it is there until the thread is gone.
    static NUMBER: Cell<u16> = const { Cell::new(UNNUMBERED) };
}

/// The calling thread's number; 0 if it has none.
#[inline(always)]
pub(crate) fn number() -> u16 {
    NUMBER.try_with(|known| if known.get() == UNNUMBERED { take(known) } else { known.get() }).unwrap_or(NOBODY)
}

/// In a child after `fork`: its thread has kept its number, and has another one in the kernel. (A child of a raw `clone`
/// does not come here. Its first thread's number may be given out again after 65,534 threads.)
pub(crate) fn forked() {
    let _ = NUMBER.try_with(|known| {
        if let Some(owner) =
            OWNERS.get(usize::from(known.get())).filter(|_| ![NOBODY, UNNUMBERED].contains(&known.get()))
        {
            owner.store(sys::thread_id(), Ordering::Relaxed);
        }
    });
}

#[cold]
fn take(known: &Cell<u16>) -> u16 {
    known.set(free().unwrap_or(NOBODY));
    known.get()
}

fn free() -> Option<u16> {
    let me = sys::thread_id();
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    (0..u16::MAX).map(|step| start.wrapping_add(step)).find(|&number| {
        let owner = &OWNERS[usize::from(number)];
        let found = owner.load(Ordering::Relaxed);
        ![NOBODY, UNNUMBERED].contains(&number)
            && (found == 0 || sys::is_gone(found))
            && owner.compare_exchange(found, me, Ordering::Relaxed, Ordering::Relaxed).is_ok()
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
