//! Queues of messages that are written and read in place, by name.

mod handle;
mod message;
mod options;

pub use handle::LoanQueue;
pub use message::{Loan, Received};
pub use options::LoanQueueOptions;
