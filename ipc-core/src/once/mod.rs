//! A cell that is set once.
//!
//! ```text
//! byte 0        4         8        16
//!      writers  sleepers  ready    the value
//! ```
//!
//! Whoever wants to set the cell takes the writers' [lock](crate::mutex::RawMutex), as for a transaction, writes the value, and
//! publishes it with one store. If it dies before that store, nothing has happened: the lock falls to the next one, who writes
//! the value anew. So no half-written value is ever seen, and no initialiser's death is an obstacle.
//!
//! | `ready` | who gets there |
//! |---|---|
//! | 0 | the creator |
//! | 1 | the first writer that comes as far as its store; nobody leaves it |
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `ready`: the writer's store | Release | the Acquire of every look: who sees 1 sees the value |
//! | the value's words | Relaxed | ordered by `ready` |
//! | `ready` under the lock | Acquire | the same; the lock alone orders it after an earlier writer's |
//! | waking | the event count's | see [`EventCount`](crate::wait::EventCount) |

mod raw;
#[cfg(not(loom))]
mod shared;

pub use raw::RawOnce;
#[cfg(not(loom))]
pub(crate) use shared::VALUE_OFFSET;
#[cfg(not(loom))]
pub use shared::{OnceCell, footprint, sweep};
