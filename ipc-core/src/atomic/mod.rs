//! An atomic number or flag that can be waited for.
//!
//! ```text
//! byte 0             8 (a value of 4 bytes: 4)
//!      value         sleepers (an event count, see `wait`)
//! ```
//!
//! Every change is one read-modify-write of the value. A check for sleepers follows: a barrier (no instruction where the region
//! uses `membarrier`) and a load of the same cache line. A process that is killed has therefore changed the value or not, and
//! there is nothing to repair. If it is killed between the change and the wake-up, the sleepers notice within a tenth of a
//! second, or at once when another process repairs after the dead one.
//!
//! | step | ordering | why |
//! |---|---|---|
//! | a change | SeqCst | programs can build on a single order of all changes of all cells, as with crossbeam's `AtomicCell`. On x86-64 and with the atomics of Arm's v8.1 it costs no more than Relaxed |
//! | a load of the value | SeqCst | the same; a plain load on x86-64 |
//! | a change, then the load of the sleepers' bit | the event count's barriers | its store-then-load pair, see [`EventCount`](crate::wait::EventCount) |
//!
//! A waiter may miss a condition that holds only for a moment: it sees the values that are there when it loads.

mod handle;
mod value;
mod words;

pub use handle::{Atomic, Options};
pub(crate) use value::name;
pub use value::{Integer, Value, Word};
pub(crate) use words::{BYTES, Cell, Words};
