//! Queues of messages of any length by name.

mod handle;
mod options;
#[cfg(feature = "serde")]
mod values;

pub use handle::ByteQueue;
pub use options::ByteQueueOptions;
#[cfg(feature = "serde")]
pub use values::{RecvValueError, SendValueError, ValueQueue};
