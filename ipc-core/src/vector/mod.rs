//! A vector of a fixed capacity: elements one behind the other, under one lock, and a second area that makes each change one step.
//!
//! ```text
//!    0   object header                                written once
//!  128   state, begin, end, the lock                  one line
//!  256   the first area: as many elements as fit
//!  ...   the second area: the same
//! ```
//!
//! `state` is one word: which area has the elements, how many there are, and what is being copied. *Each change takes effect by one store of
//! it*; what the holder of the [lock](crate::mutex) writes before that store is where nobody reads.
//!
//! ```text
//! push, extend      the area: behind the end              | state: len + n
//! pop, truncate     nothing                               | state: len - n
//! set, insert, ...  the other area: the changed elements  | begin, end | state: copying | the area: those elements | state: settled
//! all elements      the other area: all elements          | state: the other area, len
//! ```
//!
//! All elements change at once under a `lock()`, and in a sort, a `retain` and a `Held::replace`.
//!
//! | `state` | who gets there | who leaves it |
//! |---|---|---|
//! | settled(area, len) | the beginning; the end of each change | the holder of the lock: settled with another area or length; copying |
//! | copying(what, area, len) | the holder of the lock, with the changed elements in the other area: the change has taken effect | the same holder, or the next one if it died: settled(area, len) |
//!
//! What is copied is a range of elements, `begin..end`, or two elements, `begin` and `end` (of a swap). So a change of some elements costs two
//! copies of those, however long the vector is: that of an element, or of all behind it where one is put into the middle.
//!
//! # What a death leaves
//!
//! A dead holder's lock is taken over. Where the state is settled, nothing is to be done: what the dead one had written lies in the other area
//! or behind the end. Where it is copying, the next holder copies, before it does anything else. The two areas do not overlap and the source is
//! not written meanwhile, so a copy may be repeated, and a death in it is repaired by the same rule. To shift the elements in place could not be
//! repeated.
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `state`: each store | Release | the compiler, for a kill between two instructions: the elements come before it. And the load of [`len`](Vector::len) |
//! | a fence behind `state`: copying | Release | the compiler: no element of the area is written before it |
//! | a fence behind the end of a repair | Release | the compiler: nothing is written into the other area while the state names it as a source |
//! | `state`, `begin`, `end`: the holder's loads | Relaxed | the lock, or the seizure of its dead holder |
//! | `state`: `len` | Acquire | the stores: who learns a length sees what its author did before |
//!
//! # One lock for readers, too
//!
//! A reader could copy an element without the lock and check the state again, as those of a [map](crate::map) do. But then no guard could lend
//! the elements out as a slice: a late reader would still be reading the area that the guard writes. A slice is what sorting, searching
//! and changing several elements at once need, and a lock that nobody else wants costs some 20 ns. So only `len` does without it.

mod guard;
mod handle;
mod held;
mod whole;
mod words;

pub use guard::VectorGuard;
pub use handle::{Options, Vector};
pub(crate) use words::Words;
