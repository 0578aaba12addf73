//! Sleeping and waking: an event count, and the one loop in which everything blocks.

mod block;
mod budget;
mod doubt;
mod eventcount;
mod finish;
mod vigil;

pub use block::{Attempt, block_until};
pub(crate) use budget::Reserve;
pub use budget::SpinBudget;
pub(crate) use doubt::Doubt;
pub use doubt::Unmet;
pub use eventcount::{EventCount, Ticket};
pub(crate) use finish::let_finish;
pub(crate) use vigil::Vigil;
