//! The one place that names atomics: `core`'s in the shipped build, loom's under `--cfg loom`.
//!
//! Nothing else in this crate names `core::sync::atomic` (`.ci/run` looks), so that a model cannot miss a word.

#[cfg(not(loom))]
mod imp {
    pub use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};
}
#[cfg(loom)]
mod imp {
    use super::crash;
    pub use loom::sync::atomic::Ordering;

    /// As `core`'s. A dead actor's does nothing.
    pub fn fence(ordering: Ordering) {
        if !crash::is_dead() {
            loom::sync::atomic::fence(ordering);
        }
    }

    /// Loom's atomic, whose writes are the steps before which an actor of a model may [die](crash).
    macro_rules! mortal {
        ($name:ident, $int:ty) => {
            #[doc = concat!("As `core`'s `", stringify!($name), "`; each write is a step before which a modelled actor may die.")]
            #[derive(Debug)]
            pub struct $name(loom::sync::atomic::$name);

            #[allow(missing_docs, reason = "as core's")]
            impl $name {
                #[track_caller]
                pub fn new(value: $int) -> Self {
                    Self(loom::sync::atomic::$name::new(value))
                }
                #[track_caller]
                pub fn load(&self, order: Ordering) -> $int {
                    if crash::is_dead() { 0 } else { self.0.load(order) }
                }
                #[track_caller]
                pub fn store(&self, value: $int, order: Ordering) {
                    if crash::step() {
                        self.0.store(value, order);
                    }
                }
                #[track_caller]
                pub fn swap(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.swap(value, order) } else { 0 }
                }
                #[track_caller]
                pub fn compare_exchange(
                    &self,
                    old: $int,
                    new: $int,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$int, $int> {
                    if crash::step() { self.0.compare_exchange(old, new, success, failure) } else { Err(0) }
                }
                #[track_caller]
                pub fn compare_exchange_weak(
                    &self,
                    old: $int,
                    new: $int,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$int, $int> {
                    self.compare_exchange(old, new, success, failure)
                }
                #[track_caller]
                pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.fetch_add(value, order) } else { 0 }
                }
                #[track_caller]
                pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.fetch_sub(value, order) } else { 0 }
                }
                #[track_caller]
                pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.fetch_or(value, order) } else { 0 }
                }
                #[track_caller]
                pub fn fetch_xor(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.fetch_xor(value, order) } else { 0 }
                }
                #[track_caller]
                pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                    if crash::step() { self.0.fetch_and(value, order) } else { 0 }
                }
            }
        };
    }
    mortal!(AtomicU8, u8);
    mortal!(AtomicU16, u16);
    mortal!(AtomicU32, u32);
    mortal!(AtomicU64, u64);
}

pub use imp::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};

/// Asserts sizes and offsets of what lies in shared memory. Loom's atomics are larger, so a model has a layout of its own.
macro_rules! assert_layout {
    ($fact:expr) => {
        const _: () = assert!(cfg!(loom) || $fact);
    };
}
pub(crate) use assert_layout;

/// How often something is tried before a wait or a refusal, or how many there are of something. Each try multiplies a model's schedules, and the last one has to be
/// reached in it: a model has a smaller bound.
pub(crate) const fn bound(shipped: u32, in_model: u32) -> u32 {
    if cfg!(loom) { in_model } else { shipped }
}

/// Words of one handle, that tell nobody anything and on which nothing depends: not modelled, so that each of them is not one more
/// place where a schedule may branch.
pub(crate) mod private {
    pub(crate) use core::sync::atomic::AtomicU32;
}

/// Tells the processor (or the model's scheduler) that this thread polls.
#[inline(always)]
pub fn spin_hint() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    if !crash::is_dead() {
        loom::thread::yield_now();
    }
}

/// Between a `SeqCst` write and a `SeqCst` load that must not overtake it, where the other side has a fence between its two
/// accesses. The orderings say all that is needed; but loom orders such accesses among each other and not with fences.
#[inline(always)]
pub fn sequentially_consistent() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
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

/// A count that the thread which stores it has loaded before.
///
/// When loom searches for other orders it knows only the last access to a word: the load of the one that stores would hide those of the
/// others before it. In a model each access therefore touches a second word first, by a read-modify-write that orders nothing.
#[cfg_attr(not(loom), repr(transparent))]
#[derive(Debug)]
pub struct Count {
    value: AtomicU64,
    #[cfg(loom)]
    touched: loom::sync::atomic::AtomicU64,
}

impl Count {
    /// With this value.
    pub fn new(value: u64) -> Self {
        Count {
            value: AtomicU64::new(value),
            #[cfg(loom)]
            touched: loom::sync::atomic::AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn touch(&self) {
        #[cfg(loom)]
        if !crash::is_dead() {
            self.touched.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As that of an atomic.
    #[inline(always)]
    #[track_caller]
    pub fn load(&self, order: Ordering) -> u64 {
        self.touch();
        self.value.load(order)
    }

    /// As that of an atomic.
    #[inline(always)]
    #[track_caller]
    pub fn store(&self, value: u64, order: Ordering) {
        self.touch();
        self.value.store(value, order);
    }
}

/// Death in a model: an actor that runs the shipped code stops before its n-th write.
///
/// Only writes count: to die before a load is, for everybody else, to die before the next write. Death is an unwinding
/// that [`run`](crash::run) catches; whatever a destructor does on the way has no effect, for a killed process runs none.
#[cfg(loom)]
pub mod crash {
    extern crate std;
    use core::cell::Cell;
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// What a modelled actor left behind: nothing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Died;

    const IMMORTAL: u32 = u32::MAX;
    const DEAD: u32 = 0;

    loom::thread_local! {
        /// The number of the next write at which to die, counted down; 0 once dead.
        static COUNTDOWN: Cell<u32> = Cell::new(IMMORTAL);
    }

    /// Runs `body`, which dies instead of its write number `at` (from 1). `None`: it lives.
    pub fn run<R>(at: Option<u32>, body: impl FnOnce() -> R) -> Result<R, Died> {
        COUNTDOWN.with(|left| left.set(at.unwrap_or(IMMORTAL)));
        let result = catch_unwind(AssertUnwindSafe(body));
        COUNTDOWN.with(|left| left.set(IMMORTAL));
        match result {
            Ok(value) => Ok(value),
            Err(payload) if payload.is::<Died>() => Err(Died),
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Whether this actor is unwinding from its death: nothing that it does may have an effect.
    pub fn is_dead() -> bool {
        COUNTDOWN.with(|left| left.get() == DEAD)
    }

    /// The actor dies now.
    pub fn die() -> ! {
        COUNTDOWN.with(|left| left.set(DEAD));
        resume_unwind(Box::new(Died))
    }

    /// Called before each write. Dies if it is time; `false` in the destructors of one who is dead.
    pub fn step() -> bool {
        let left = COUNTDOWN.with(Cell::get);
        match left {
            IMMORTAL => true,
            DEAD => false,
            1 => die(),
            _ => {
                COUNTDOWN.with(|count| count.set(left - 1));
                true
            }
        }
    }
}
