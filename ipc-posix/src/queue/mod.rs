//! Typed queues by name.

mod batch;
mod halves;
mod handle;
mod iter;
mod options;

pub use batch::SendIterError;
pub(crate) use batch::append;
pub use halves::{Receiver, Sender};
pub use handle::Queue;
pub(crate) use ipc_core::queue::Stats as QueueStats;
pub(crate) use iter::endless;
pub use iter::{Iter, TryIter};
pub use options::QueueOptions;
