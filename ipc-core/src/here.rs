//! What handles do in a child after `fork`.
//!
//! The memory of a region is not the child's: a handle, guard or iterator that came through `fork` must not touch it, nor report
//! work that it did not do. Each asks its [platform](Platform::is_here) before every access, and there is one rule:
//!
//! - What returns a `Result` returns [`Fault::Forked`].
//! - What returns none (a query, a dereference, an iterator's next step) panics with the text of that error.
//! - What is known without the memory is answered: names, capacities, lengths of loans and chunks, `Debug`, `same_object`.
//! - A drop does nothing: locks, permits, blocks and halves are the parent's.
//!
//! The caller's closures may call `fork`, and return in the child, too. So each method asks again behind them.

use crate::error::Fault;
use crate::platform::Platform;

/// Asks before an access. For what has a platform.
pub(crate) trait Here {
    /// Returns the error of a forked child.
    fn here(&self) -> Result<(), Fault>;

    /// Panics in a forked child.
    fn assert_here(&self);
}

impl<P: Platform + ?Sized> Here for P {
    #[inline(always)]
    fn here(&self) -> Result<(), Fault> {
        here(self.is_here())
    }

    #[inline(always)]
    #[track_caller]
    fn assert_here(&self) {
        if !self.is_here() {
            gone();
        }
    }
}

/// The closure, whose result does not count in a child that it has made by `fork`.
#[inline(always)]
pub(crate) fn unless_forked<P: Platform + ?Sized, A, R>(
    platform: &P,
    mut closure: impl FnMut(A) -> Option<R>,
) -> impl FnMut(A) -> Option<R> {
    move |argument| closure(argument).filter(|_| platform.is_here())
}

/// [`Here::here`] for what has no platform.
#[inline(always)]
pub(crate) fn here(is_here: bool) -> Result<(), Fault> {
    if is_here { Ok(()) } else { Err(Fault::Forked) }
}

#[cold]
#[inline(never)]
#[track_caller]
fn gone() -> ! {
    panic!("{}", Fault::Forked)
}
