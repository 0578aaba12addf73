//! The one place that names atomics: `core`'s in the shipped build, loom's under `--cfg loom`.
//!
//! Nothing else in this crate names `core::sync::atomic` (`.ci/run` looks), so that a model cannot miss a word.

#[cfg(not(loom))]
mod imp {
    pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}
#[cfg(loom)]
mod imp {
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}

pub use imp::{AtomicU32, AtomicU64, Ordering, fence};

/// Tells the processor (or the model's scheduler) that this thread polls.
#[inline(always)]
pub fn spin_hint() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// A `Release` store that may race with a compare-exchange on the same word.
///
/// Loom explores a result that the memory model forbids when a plain store races with a compare-exchange:
/// the exchange reads the old value and succeeds, yet is placed *after* the store in modification order.
/// Under loom this is therefore a `swap`. The shipped build keeps the store, for a read-modify-write would
/// cost some 7 ns a message. A `Release` swap continues release sequences that a store ends, so the model
/// is a trace too kind there; the argument is in the ordering table of [`crate::ring`].
#[inline(always)]
pub fn publish(word: &AtomicU64, value: u64) {
    #[cfg(not(loom))]
    word.store(value, Ordering::Release);
    #[cfg(loom)]
    word.swap(value, Ordering::Release);
}
