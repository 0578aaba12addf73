//! Sleeping and waking: an event count, the one loop in which everything blocks, and the policy of what comes before a sleep.

mod block;
mod budget;
mod doubt;
mod eventcount;
mod finish;
pub mod policy;
mod poll;
mod strategy;
mod stream;
mod vigil;

pub use block::{Attempt, block_until};
pub(crate) use budget::Sleeper;
pub use budget::SpinBudget;
pub(crate) use doubt::Doubt;
pub use doubt::Unmet;
pub use eventcount::{EventCount, Ticket};
pub(crate) use finish::let_finish;
pub(crate) use strategy::Chosen;
pub use strategy::{HasWaitStrategy, WaitStrategy};
pub(crate) use stream::{block_for_message, block_for_room};
pub(crate) use vigil::Vigil;
