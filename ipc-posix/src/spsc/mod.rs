//! Typed one-to-one queues by name.

mod consumer;
mod handle;
mod iter;
mod options;
mod producer;

pub use consumer::Consumer;
pub use handle::{ClaimError, ClaimErrorKind, Spsc};
pub use ipc_core::spsc::{ReadChunk, WriteChunk};
pub use iter::{SpscIter, SpscTryIter};
pub use options::SpscOptions;
pub use producer::Producer;
