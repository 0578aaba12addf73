//! An atomic number or flag that can be waited for.
//!
//! ```text
//! byte 0                                      12 (a value of 8 bytes: 16)
//!      sleepers (an event count, see `wait`)  value
//! ```
//!
//! The value's word has the size of its type. What a repair touches lies in front of it, so it need not know the type.
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
//! Floats are their bits: a compare-exchange compares these, and sums are compare-exchange loops. The elements of an
//! [array](crate::array) are the same words without sleepers, and with plain loads and stores.
//!
//! A waiter may miss a condition that holds only for a moment: it sees the values that are there when it loads.

mod handle;
mod value;
mod word;
mod words;

pub use handle::{Atomic, Options};
pub use value::{Bitwise, Number, Value};
pub(crate) use value::{FORMS, form, of_bits, update, values};
pub use word::Word;
pub(crate) use words::{BYTES, Cell, Words};
