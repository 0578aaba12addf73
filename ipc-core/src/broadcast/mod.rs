//! One to many: every subscriber sees every message.
//!
//! ```text
//! tail, the publishers' lock                     one line pair
//! items, space (event counts), closed, ...       read by all
//! cursors: owner, position                       one line pair each; only where publishers wait for subscribers
//! slots: stamp, payload cells; stamp, ...        a message and which one it is
//! ```
//!
//! *Publish.* Under the publishers' lock: mark the slot of position `tail` as being written, copy the message in, stamp it, move `tail` on.
//! *Receive.* A subscriber knows its next position, in private memory. If `tail` is beyond it, it copies that slot between two looks at
//! the stamp: a stamp that is another's, or changes meanwhile, says that the message has been overwritten (a sequence lock a slot; H.-J.
//! Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
//!
//! Two policies:
//!
//! - *Nobody waits for subscribers.* A message takes the place of the oldest one. A subscriber that was too slow learns how many it
//!   missed, and goes on with the oldest that is there. Subscribers write nothing: any number of them, unknown to the others.
//! - *Publishers wait for the slowest living subscriber.* Each subscriber has a cursor in shared memory, which it moves on after each
//!   receive. A publisher that finds no room looks whose cursor is in the way, and drops those of the dead. Where no one subscribes, it
//!   does not wait. Asleep, it is woken by subscribers that come past a quarter of the ring, or to its end, and looks by itself every
//!   few milliseconds: if each receive of each of many subscribers woke it, it would find no room behind the slowest one nearly always.
//!
//! # Deaths
//!
//! A publisher that is killed before it moves `tail` has published nothing: the next one writes the same slot again. A subscriber that
//! is killed leaves at most a cursor, which names it.
//!
//! # Orderings
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | published | `tail`, Release | `tail`, Acquire | the stamp and the message |
//! | overwritten | the stamp of a slot that is being written, then a Release fence | the second look at the stamp, after an Acquire fence | who has copied a word of a later message finds the stamp changed |
//! | free | a cursor's position, Release | the same, Acquire | that the message was read |

mod raw;
#[cfg(not(loom))]
mod shared;

pub use raw::{Cursor, Missed, Patience, RawBroadcast, Refused, Words};
#[cfg(not(loom))]
pub use shared::{Broadcast, Policy, Stats, Subscriber, footprint, sweep};
