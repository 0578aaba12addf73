//! Broadcasts by name.

mod handle;
mod options;
mod subscriber;

pub use handle::Broadcast;
pub use ipc_core::broadcast::Policy;
pub use options::BroadcastOptions;
pub use subscriber::Subscriber;
