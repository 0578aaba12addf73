//! An atomic number or flag that can be waited for.
//!
//! ```text
//! byte 0             8 (a value of 4 bytes: 4)
//!      value         sleepers (an event count, see `wait`)
//! ```
//!
//! Every change is one read-modify-write of the value, followed by a look at the sleepers: a barrier (nothing where the
//! region uses `membarrier`) and a load of the same cache line. So a participant that is killed has changed the value or not,
//! and there is nothing to repair. If it is killed between the change and the wake, who sleeps notices within a tenth
//! of a second, or at once when somebody repairs after the dead one.
//!
//! | step | ordering | why |
//! |---|---|---|
//! | a change | SeqCst | programs can build on a single order of all changes of all cells, as with crossbeam's `AtomicCell`; on x86-64 and with the atomics of Arm's v8.1 it costs no more than Relaxed |
//! | a look | SeqCst | the same; a plain load on x86-64 |
//! | a change, then the look at the sleepers | the event count's barriers | its store-then-load pair, see [`EventCount`](crate::wait::EventCount) |
//!
//! A condition that held only for a moment may be missed: who waits sees the values that are there when it looks.

mod raw;
#[cfg(not(loom))]
mod shared;
mod value;

pub use raw::RawAtomic;
#[cfg(not(loom))]
pub use shared::{Atomic, FOOTPRINT, sweep};
pub(crate) use value::name;
pub use value::{Integer, Value, Word};
