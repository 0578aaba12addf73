//! A cell that holds the latest value.
//!
//! ```text
//! byte 0        4         8        16 (the first of four slots)
//!      writers  sleepers  version  time, clock, value
//! ```
//!
//! Behind the slots lies the set of those that have a counted writer, see [`ends`](crate::ends).
//!
//! Version n of the value lies in slot n mod 4. A writer holds the writers' [lock](crate::mutex) (as for a transaction), fills the
//! slot of the next version, and publishes it with one store of `version`. Readers take no lock and write nothing: they load the
//! version, copy its slot, and load the version again. If fewer than three versions came in between, no writer can have begun to
//! write to that slot meanwhile, and the copy is whole. So a reader copies again only if three versions are published during one
//! copy. After many such failures in a row it gives up, as if the words were garbage.
//!
//! A writer that dies before its store of `version` has published nothing. The next writer fills the same slot again.
//!
//! | `version` | slot (n + 1) mod 4 | who gets there | who leaves it |
//! |---|---|---|---|
//! | n | version n - 3, which no reader that begins now copies | the writer that published n | the next writer, filling it |
//! | n | half of version n + 1 | a writer that holds the lock, or died with it | that writer, publishing; or the next one, filling it anew |
//! | n + 1 | version n - 2 (the slot after) | the writer's one store | as above |
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `version`: the writer's store | Release | the reader's first load, Acquire: the slot is filled |
//! | the slot's words | Relaxed | both sides race on purpose; see the fences |
//! | a fence before the slot is filled | Release | the reader's fence: a reader that has copied a word of version n + 4 finds `version` at n + 3 or later, which this writer read or wrote before the fence |
//! | a fence after the copy | Acquire | the writer's fence |
//! | `version`: the reader's second load | Relaxed | ordered by its fence |
//! | waking | the event count's | see [`EventCount`](crate::wait::EventCount) |
//!
//! In a cell of a value of serde's types, a slot has the number of the bytes that the value is written in, and then these bytes. A reader
//! that copies a slot while it is filled may find any number there. It copies no more than the most that the cell was made for, and a
//! whole copy with a larger number is an error.
//!
//! The protocol is that of a sequence lock (Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012)
//! with more than one slot, so that the writer never makes the value unavailable.

mod handle;
mod in_place;
mod reader;
#[cfg(feature = "serde")]
mod value_options;
#[cfg(feature = "serde")]
mod value_reader;
#[cfg(feature = "serde")]
mod value_writer;
#[cfg(feature = "serde")]
mod values;
mod words;
mod writer;

pub use handle::{Options, Versioned, Watch};
pub use reader::{ReadOnlyWatch, WatchReader};
#[cfg(feature = "serde")]
pub use value_options::{ValueOptions, WatchedValue};
#[cfg(feature = "serde")]
pub use value_reader::{ReadOnlyValueWatch, ValueWatchReader};
#[cfg(feature = "serde")]
pub use value_writer::ValueWatchWriter;
#[cfg(feature = "serde")]
pub use values::ValueWatch;
pub use words::Stats;
pub(crate) use words::Words;
pub use writer::WatchWriter;
