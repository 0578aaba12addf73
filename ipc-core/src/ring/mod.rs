//! The lock-free ring: a bounded queue of fixed-size slots for many producers and many consumers that
//! survives the death of any of them at any instruction.
//!
//! # Words
//!
//! ```text
//! tail        position of the next ticket | owner of the newest ticket | closed
//! head        position of the oldest message
//! slot[i]     stamp (position | owner | state), then the payload in 64-bit cells
//! ```
//!
//! The number of slots N is the capacity rounded up to a power of two; position p lives in slot p mod N. In a
//! new ring that starts at s, slot i is stamped `Void` with the position one lap before its first use.
//!
//! A slot's stamp for position p goes through these states:
//!
//! | stamp | meaning | who may write it | who may replace it |
//! |---|---|---|---|
//! | older lap | p is not claimed, or claimed and not marked yet | | the producer of p (`Full`), any producer that follows (`Busy`), a sweeper of the dead owner (`Void`) |
//! | `(p, o, Busy)` | o holds ticket p and has not published | the producer that takes the ticket after o's last one, on behalf of o | o (`Full`), a sweeper of dead o (`Void`) |
//! | `(p, o, Full)` | published | o | the producer of p + N, or a marker of p + N, once `head` has passed p |
//! | `(p, o, Void)` | o died with the ticket | a sweeper that holds dead o | as `Full` |
//!
//! # Protocol
//!
//! *Push.* Read `tail`; make sure that the slot before it is stamped with its own position (if not, mark it
//! `Busy` with the owner that `tail` names); check for room; compare-exchange `tail` to the next position
//! with one's own identity; copy the payload; publish the stamp. *Pop.* Read `head`; if that slot is `Full`,
//! copy the payload, then compare-exchange `head` forward: success commits (the linearization point of the pop), failure discards the copy.
//!
//! *Several at once.* A producer takes n tickets with one compare-exchange and publishes them in ascending order. A consumer copies
//! as many messages as it finds, and takes them with one compare-exchange.
//!
//! Invariants:
//!
//! - **I1** `tail` moves on from p only after all slots before p are stamped with their own positions. So the owner of every ticket
//!   but the newest batch's is written in its slot, and the newest one's is in `tail` itself: before a word is
//!   overwritten, the evidence of its last writer is kept elsewhere. (The principle is that of recoverable
//!   compare-and-swap: Attiya, Ben-Baruch, Hendler, *Nesting-safe recoverable linearizability*, PODC 2018;
//!   the slot scheme is D. Vyukov's bounded queue with owners added.) Marks, like publications, are made in ascending order: once the
//!   last slot of a batch is stamped, all of them are, and one look tells.
//! - **I2** Consumers write no slot and leave no state: a dead consumer took at most the one message that its
//!   successful compare-exchange had committed.
//! - **I3** A stamp for p is written only by the holder of ticket p, except the `Busy` marks (from an older
//!   lap only) and the `Void`s (for a dead holder only).
//!
//! # Races, told step by step
//!
//! *A marker against the publisher.* The marker's compare-exchange expects the older-lap stamp that it read.
//! If the publisher was first, it fails. If the marker was first, the publisher's store overwrites `Busy`
//! with `Full`, as it should. There is no order in which a `Full` is lost.
//!
//! *A sweeper against a marker.* The sweeper of dead r reads `tail`. If r holds the newest tickets and slot p among them
//! is unmarked, it compare-exchanges that slot to `Void`. If that fails, somebody marked it `Busy(r)`, and the
//! sweeper's walk over head..tail finds it. A marker that meets the `Void` finds position p in the slot and
//! needs no mark.
//!
//! *A consumer against the next lap.* A consumer that is overtaken copies cells which a producer of the next
//! lap is writing. `head` has moved, so its compare-exchange fails and the copy is dropped. If the
//! compare-exchange succeeds, the copy was made before any such write, because the producer writes only after
//! it has read (Acquire) a `head` beyond this position.
//!
//! # Orderings
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | publish | slot stamp, Release (`sync::publish`) | slot stamp in pop and in push, Acquire | the payload cells |
//! | free | `head` compare-exchange, Release | `head` in push, Acquire; the private [`Hints`], Release/Acquire between threads of one handle | that the consumer has read the cells |
//! | ticket | `tail` compare-exchange, Release | `tail`, Acquire | the mark of the slot before (I1), to the next producer and to a sweeper |
//! | void | slot stamp compare-exchange, Release | slot stamp, Acquire | nothing but itself: `Void` has no payload. AcqRel is kept on the repair path, where it costs nothing, so that no reasoning about it is owed |
//!
//! `publish` is a store, not a read-modify-write, so it ends a release sequence that a marker's `Busy` may have
//! headed. Nobody relies on that sequence: a process that reads `Full` synchronizes with the publisher itself.
//!
//! # Progress
//!
//! Push is lock-free: a compare-exchange on `tail` or a mark fails only because another producer got on. Pop is
//! lock-free among consumers, but returns nothing while the *oldest* ticket's holder is between its claim and
//! its publication (a copy of the payload). If that holder is dead, [`Ring::sweep`] removes the obstacle; if it
//! is stopped, messages behind it wait for it, as the queue's order demands.

mod pop;
mod position;
mod recovery;
#[allow(clippy::module_inception, reason = "the file that the folder is named after")]
mod ring;

pub use crate::payload::{cells, stride};
pub use position::Position;
pub use recovery::Blocker;
pub use ring::{Geometry, Hints, Ring};
