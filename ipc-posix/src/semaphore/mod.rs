//! Counting semaphores by name.

mod handle;
mod options;
mod permit;

pub use handle::Semaphore;
pub use options::SemaphoreOptions;
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};
