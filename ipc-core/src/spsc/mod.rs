//! The bounded queue from one producer to one consumer.
//!
//! Lamport's ring (L. Lamport, "Proving the correctness of multiprocess programs", 1977) with both ends' indices cached in private
//! memory. An operation takes no read-modify-write and, with `membarrier`, no fence. While there is room or an element as far as an
//! end remembers, it does not even load from the other's line.
//!
//! ```text
//! push: unless tail < limit { limit = head.load(Acquire) + capacity; full if still not }
//!       copy in; a small one also beside tail; tail.store(tail + 1, Release); wake the consumer if it sleeps
//! pop:  unless head < known { known = tail.load(Acquire); empty if still not }
//!       copy out; head.store(head + 1, Release); wake the producer if it sleeps
//! ```
//!
//! The copy beside the index spares a consumer that waits for each element the element's own line: with it, a round trip between two
//! cores takes half the time. What it is and when it counts is in `front.rs`.
//!
//! # Deaths
//!
//! The words `tail` and `head` are the truth, and each operation takes effect with its one store. A producer that is killed before
//! that store has sent nothing. One that is killed after it has sent its element (or its whole batch). A consumer that is killed
//! before its store has received nothing, and its successor gets the element that it was copying: the call of the dead one never
//! returned. So a death needs no repair but that of the role.
//!
//! # Roles
//!
//! Each end's role is a word with its holder's number: claimed by a compare-exchange from nobody, given back by a
//! store, and taken from a dead holder by any process that has seized it. A holder that is merely stopped keeps its role.
//!
//! # Orderings
//!
//! | name | from | to | what it carries |
//! |---|---|---|---|
//! | message | `tail.store(Release)` of a push | `tail.load(Acquire)` of the consumer's look | the elements |
//! | free | `head.store(Release)` of a pop | `head.load(Acquire)` of the producer's look | that they have been read |
//! | role | the store or compare-exchange that gives a role up | the compare-exchange that claims it | the last holder's index |
//! | copy | the stores (Release) of the copy's cells | their loads (Acquire) | the position that the copy is of |
//! | closed | `closed.swap(AcqRel)` | `closed.load(Acquire)` of a consumer that found nothing | the producer's last element, found by a second load |

#[cfg(feature = "alloc")]
mod batch;
mod chunk;
mod claim;
mod consumer;
#[cfg(feature = "serde")]
mod frames;
mod front;
mod handle;
mod held;
mod lane;
mod producer;
mod role;
#[cfg(feature = "std")]
mod stream;
mod words;

pub use chunk::{ReadChunk, WriteChunk};
pub use claim::{ClaimError, ClaimErrorKind};
pub use consumer::Consumer;
pub(crate) use front::Front;
pub use handle::{Options, Spsc};
pub(crate) use held::Held;
pub(crate) use lane::Lane;
pub use producer::Producer;
pub use words::{End, Stats};
pub(crate) use words::{View, Words};
