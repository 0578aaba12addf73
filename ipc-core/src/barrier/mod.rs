//! A barrier: a number of parties wait for each other, over and over, and a party that dies does not leave the others waiting.
//!
//! ```text
//! byte 0        8
//!      state    sleepers
//!      64       the seats, one for each party
//!
//! state  bits 63..24   23..8                        1                0
//!             phase    which of the last 16 phases   an earlier one   broken
//!                      ended by breaking             did
//! seat   bits 63..24   9..0
//!             phase    owner (a participant), 0 = nobody
//! ```
//!
//! To arrive is to take a seat for the current phase: one compare-exchange. A party that then finds all seats taken for this phase ends
//! it with one compare-exchange of the state, and is the leader. So no step is ever half-done: a party that is killed has
//! arrived or not, and if it was the last and did not come to end the phase, one of the others does.
//!
//! A seat keeps its owner after its phase: that is how a death between two phases is known. A party that comes takes a seat
//! that is its own, else one of nobody, else one of somebody who lives and has not come.
//!
//! | state | who gets there | who leaves it |
//! |---|---|---|
//! | phase n | the creator; the party that ends phase n - 1, or resets the barrier | a party that finds all seats taken: phase n + 1; a reset: phase n + 1, with n among those that were broken |
//! | phase n, broken | who aborts, gives up waiting, or finds the owner of a seat dead | a reset |
//!
//! | seat | who gets there |
//! |---|---|
//! | nobody | the creator; its owner, leaving; a sweep, or a reset, of an owner that is dead |
//! | owner, an earlier phase | a member that has not arrived yet |
//! | owner, this phase | a party that has arrived |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | taking a seat: compare-exchange, then the check of all seats | SeqCst | the same of the others: of two that come last, one at least sees both |
//! | the check of the seats | SeqCst, so Acquire | the taking of each: who ends the phase has seen what all did before they came |
//! | ending the phase: compare-exchange | AcqRel | the check of the state of those that wait, Acquire |
//! | waking | the event count's | see [`EventCount`](crate::wait::EventCount) |
//!
//! A waiter that was stopped for more than 16 phases is told that its phase is broken, unless no phase was ever broken: a party is never
//! told that it has met others that were told that it has not.
//!
//! The phases are those of a sense-reversing barrier (D. Hensgen, R. Finkel, U. Manber, "Two Algorithms for Barrier
//! Synchronization", 1988); breaking, aborting and resetting are as in Python's `threading.Barrier`.

mod handle;
mod words;

pub use handle::{Barrier, BarrierWaitResult, Options};
pub(crate) use words::Words;
