//! Sleeping and waking: an event count, the one loop in which everything blocks, the policy of what comes before a sleep, and the [rota]
//! of looks that make up for lost wake-ups.

mod block;
mod budget;
mod doubt;
mod eventcount;
mod finish;
pub mod policy;
mod poll;
pub mod rota;
mod strategy;
mod stream;
mod vigil;

pub(crate) use block::block_alone;
pub use block::{Attempt, block_until};
pub(crate) use budget::Sleeper;
pub use budget::SpinBudget;
pub(crate) use doubt::Doubt;
pub use doubt::Unmet;
pub use eventcount::{EventCount, Ticket};
pub(crate) use finish::let_finish;
pub(crate) use rota::Slices;
pub use rota::{Gate, Look, Post, Rota};
pub(crate) use strategy::Chosen;
pub use strategy::{HasWaitStrategy, WaitStrategy};
pub(crate) use stream::{block_for_expected, block_for_message, block_for_room};
pub(crate) use vigil::Vigil;
