//! What a handle of a work queue remembers.

use super::words::View;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;

/// What a handle remembers: hints.
#[derive(Debug)]
pub(super) struct Hints {
    /// Where the next search for a free block begins: behind the last one found.
    pub(super) block: AtomicU32,
    /// The low bits of the main ring's head, when it was last checked.
    pub(super) head: AtomicU32,
}

impl Hints {
    pub(super) fn new(view: &View<'_>) -> Self {
        // Relaxed: a hint. It lags behind.
        let head = view.words.head.0.load(Ordering::Relaxed);
        Hints { block: AtomicU32::new(0), head: AtomicU32::new(head as u32) }
    }

    /// For a handle that is made of this one's. Shared memory is not touched: after a fork it is not there.
    pub(super) fn for_another(&self) -> Self {
        let copy = |hint: &AtomicU32| AtomicU32::new(hint.load(Ordering::Relaxed));
        Hints { block: copy(&self.block), head: copy(&self.head) }
    }
}
