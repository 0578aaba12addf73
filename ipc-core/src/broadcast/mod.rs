//! One to many: every subscriber sees every message.
//!
//! *Publish.* Under the publishers' lock: mark the slot of position `tail` as being written, copy the message in, stamp it, move `tail` on.
//! *Receive.* A subscriber knows its next position, in private memory. If `tail` is beyond it, it copies that slot between two loads of
//! the stamp: a stamp that is another's, or changes meanwhile, says that the message has been overwritten (a sequence lock a slot; H.-J.
//! Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
//!
//! Two policies:
//!
//! - *Publishers do not wait for subscribers.* A message takes the place of the oldest one. A subscriber that was too slow learns how
//!   many it missed, and goes on with the oldest that is there. Subscribers write nothing: any number of them, unknown to the others.
//! - *Publishers wait for the slowest living subscriber.* Each subscriber has a cursor in shared memory, which it moves on after each
//!   receive. A publisher that finds no room checks whose cursor is in the way, and drops those of the dead. Without subscribers it
//!   does not wait. A sleeping publisher is woken by subscribers that cross a quarter of the ring or have read everything, and looks
//!   by itself every few milliseconds: if each receive of each of many subscribers woke it, it would nearly always find no room behind
//!   the slowest one.
//!
//! # Deaths
//!
//! A publisher that is killed before it moves `tail` has published nothing: the next one writes the same slot again. A subscriber that
//! is killed leaves at most a cursor, which names it.
//!
//! # The end
//!
//! A broadcast ends when it is closed, or when its last [counted publisher](Publisher) is gone: the words hold the set of participants
//! that have one (see [`ends`](crate::ends)). Subscribers are in no set: with *overwrite* nothing is known of them.
//!
//! # Orderings
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | published | `tail`, Release | `tail`, Acquire | the stamp and the message |
//! | overwritten | the stamp of a slot that is being written, then a Release fence | the second check of the stamp, after an Acquire fence | who has copied a word of a later message finds the stamp changed |
//! | free | a cursor's position, Release | the same, Acquire | that the message was read |

mod handle;
mod in_place;
mod publish;
mod publisher;
mod subscriber;
mod words;

pub use handle::{Broadcast, Options, Policy};
pub use publisher::Publisher;
pub use subscriber::Subscriber;
pub use words::Stats;
pub(crate) use words::Words;
