//! An event: a flag that can be waited for.
//!
//! ```text
//! bit 31              2    1         0
//!     generation (30 bits)  waiters  set
//! ```
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | clear | `clear`; in an event that resets itself, the waiter that takes the flag | `set`: the next generation |
//! | set | `set` | as above |
//! | + `waiters` | a waiter about to sleep | manual reset: `set`, which wakes all of them. Auto reset: a `set` that found nobody asleep |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | `set`: compare-exchange | AcqRel | a waiter's Acquire: everything before the `set`, and before earlier ones |
//! | `wait`, `is_set`: load | Acquire | the above |
//! | taking the flag: compare-exchange | Acquire | the above |
//! | `clear`: fetch_and | Release | `set`'s Acquire: the next setter sees what the clearer did |
//! | announcing (`waiters`): compare-exchange | Relaxed | the kernel compares the word again under its own lock |
//!
//! *Manual reset* (Python's, Windows' and real-time kernels' event): the flag stays until it is cleared, and everybody who
//! waits goes. A waiter also goes when the generation is no longer that of its beginning, so a `set` that is directly
//! followed by a `clear` releases everybody who was waiting at the time. (2^30 pulses during one check of the word would hide
//! them.)
//!
//! *Auto reset*: each `set` lets one waiter go, which takes the flag with it. A `set` of a flag that is set changes
//! nothing. A waiter that is killed before it has taken the flag leaves it to the next one.
//!
//! A setter that is killed between its change and its wake leaves sleepers behind; one of them [looks](crate::wait) every
//! half second and wakes the others.

mod group;
mod handle;
mod words;

pub use group::{EventGroup, GroupOptions};
pub use handle::{Event, Options};
pub use words::Reset;
pub(crate) use words::Words;
pub(crate) use words::name;
