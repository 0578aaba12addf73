//! Locks for one writer or many readers: the handle, its guards, and the builder.

mod guard;
mod handle;
mod options;

pub use guard::{RwLockReadGuard, RwLockWriteGuard};
pub use handle::RwLock;
pub use options::RwLockOptions;
