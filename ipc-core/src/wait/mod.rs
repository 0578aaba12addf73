//! Sleeping and waking: an event count, and the one loop in which everything blocks.

mod block;
mod eventcount;

pub(crate) use block::SUSPECT_SLICES;
pub use block::{Attempt, SpinBudget, block_until};
pub use eventcount::{EventCount, Ticket};
