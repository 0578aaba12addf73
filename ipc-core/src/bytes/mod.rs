//! The queue of messages of any length: records in a ring of bytes, many producers, many consumers.
//!
//! ```text
//! tail, the senders' lock, the head that they saw last          one line pair
//! head, the receivers' lock, the tail that they saw last        one line pair
//! items, space (event counts), closed
//! the ring: words of eight bytes; a record is its length, then its bytes, padded to whole words
//! ```
//!
//! `tail` and `head` count words, modulo 2^64. A sender takes the senders' lock, copies its record behind `tail` (around the end of
//! the ring if need be), and makes it visible with one Release store of `tail`; a receiver takes the receivers' lock, copies the record
//! out, and takes it with one Release store of `head`. The two sides meet only in those two words, as in
//! [`spsc`](crate::spsc), and look at the other's only when what they saw last does not do: both only grow.
//!
//! # Deaths
//!
//! Both locks are robust ([`mutex`](crate::mutex)), and what they guard changes with one store: a sender that is killed before it has
//! sent nothing, a receiver that is killed before it has received nothing (its successor gets the record that it was copying). So
//! whoever takes a lock after a death has nothing to repair. Each message is sent whole or not at all, received once or, if the
//! receiver died with it, by nobody.
//!
//! # Progress
//!
//! Senders exclude each other for the time of a copy, and so do receivers. Behind a dead one nobody waits; behind one that is stopped
//! in the middle of its copy, the others of its side do. (For payloads that must not wait for anybody, and for large ones, there are loans.)

mod raw;
mod shared;

pub use raw::{RawBytes, Received, Refusal, Ring, most_bytes, words};
pub use shared::{ByteQueue, Stats, footprint, sweep};
