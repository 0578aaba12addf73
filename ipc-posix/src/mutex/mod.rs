//! Mutexes: the handle, its guards, and the builder.

mod guard;
mod handle;
mod options;

pub use guard::{MutexGuard, MutexTransaction};
pub use handle::Mutex;
pub use options::MutexOptions;
