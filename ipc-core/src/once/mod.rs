//! A cell that is set once.
//!
//! ```text
//! byte 0        4         8        16
//!      writers  sleepers  ready    the value
//! ```
//!
//! A process that wants to set the cell takes the writers' [lock](crate::mutex) as for a transaction, writes the value, and
//! publishes it with one store. If it dies before that store, nothing has happened: the lock goes to the next writer, which writes
//! the value anew. So no half-written value is ever seen, and the death of an initialiser is no obstacle.
//!
//! | `ready` | who stores it |
//! |---|---|
//! | 0 | the creator |
//! | 1 | the first writer that gets as far as its store; it stays 1 |
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `ready`: the writer's store | Release | the Acquire of every load: a process that reads 1 sees the value |
//! | the value's words | Relaxed | ordered by `ready` |
//! | `ready` under the lock | Acquire | the same; the lock alone orders it after the store of an earlier writer |
//! | waking | the event count's | see [`EventCount`](crate::wait::EventCount) |

mod handle;
mod in_place;
mod words;

pub use handle::{OnceCell, Options};
pub(crate) use words::Words;
