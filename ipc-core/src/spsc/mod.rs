//! The bounded queue from one producer to one consumer.
//!
//! Lamport's ring (L. Lamport, "Proving the correctness of multiprocess programs", 1977) with both ends' indices cached in private
//! memory: no read-modify-write and, with `membarrier`, no fence; while there is room or a message as far as an end remembers, it
//! does not even look at the other's line.
//!
//! ```text
//! push: unless tail < limit { limit = head.load(Acquire) + capacity; full if still not }
//!       copy in; tail.store(tail + 1, Release); wake the consumer if it sleeps
//! pop:  unless head < known { known = tail.load(Acquire); empty if still not }
//!       copy out; head.store(head + 1, Release); wake the producer if it sleeps
//! ```
//!
//! # Deaths
//!
//! The words `tail` and `head` are the truth, and each operation takes effect with its one store. A producer that is killed before
//! that store has sent nothing; one that is killed after it has sent its message (or its whole batch). A consumer that is killed
//! before its store has received nothing, and its successor gets the message that it was copying: the call of the dead one never
//! returned. So a death needs no repair but that of the role.
//!
//! # Roles
//!
//! Each end's role is a word with its holder's number ([`role`](self::Role)): claimed by a compare-exchange from nobody, given back by a
//! store, and taken from a dead holder by whoever has seized it. One that is merely stopped keeps its role.
//!
//! # Orderings
//!
//! | name | from | to | what it carries |
//! |---|---|---|---|
//! | message | `tail.store(Release)` of a push | `tail.load(Acquire)` of the consumer's look | the elements |
//! | free | `head.store(Release)` of a pop | `head.load(Acquire)` of the producer's look | that they have been read |
//! | role | the store or compare-exchange that gives a role up | the compare-exchange that claims it | the last holder's index |
//! | closed | `closed.swap(AcqRel)` | `closed.load(Acquire)` of a consumer that found nothing | the producer's last message, found by a second look |

#[cfg(not(loom))]
mod chunk;
mod consumer;
mod layout;
mod producer;
mod role;

#[cfg(not(loom))]
pub use chunk::{ReadChunk, WriteChunk};
pub use consumer::Consumer;
pub use layout::{Control, End, Stats, Words};
#[cfg(not(loom))]
pub use layout::{Spsc, footprint, sweep};
pub use producer::Producer;
pub use role::{ClaimError, Role};
