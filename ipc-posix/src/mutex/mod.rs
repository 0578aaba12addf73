//! Mutexes: the handles, their guards, and the builders.

mod guard;
mod handle;
mod options;
#[cfg(feature = "lock_api")]
mod raw;
mod reentrant;

pub use guard::{MutexGuard, MutexTransaction};
pub use handle::Mutex;
pub use options::MutexOptions;
#[cfg(feature = "lock_api")]
pub use raw::RawMutex;
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard, ReentrantMutexOptions};
