//! Messages that are written and read in place: blocks of memory that go from hand to hand.
//!
//! A sender takes a free block, writes its message there, and sends the block's *number* through a ring. A receiver reads the message
//! in the block and gives it back. Nothing is copied, so the cost of a message does not depend on its size.
//!
//! ```text
//! tail, head      the next position to fill and to empty; anybody may help them forward
//! slot[p mod N]   position p | block               which block was sent as the p-th message
//! block[i]        state | owner | position; length  whose block i is, on a line of its own
//! ```
//!
//! | block | meaning | who may change it |
//! |---|---|---|
//! | `Free` | nobody's | anybody: `Owned` by itself |
//! | `Owned(o)` | lent to o, or being read by o | o: `Queued`, `Free`; a sweeper of dead o: `Free` |
//! | `Queued(o, p)` | sent by o at position p, or about to be | the receiver of message p: `Owned`; a sweeper of dead o: `Free`, unless slot p names the block |
//!
//! *Send block i.* Read `tail` = t. If slot t is of position t already, help `tail` on. Otherwise store `Queued(me, t)` in the block, then
//! compare-exchange the slot from its older position to `(t, i)`: that is the send's linearization point. Then help `tail` on.
//!
//! *Receive.* Read `head` = h. If slot h is of an older position, there is no message. Otherwise compare-exchange the block that it
//! names from `Queued(_, h)` to `Owned(me)`: that is the receive's linearization point. Whether this receiver or another one took the
//! block, help `head` on.
//!
//! Invariants:
//!
//! - **L1** There are at least as many slots as blocks, and an unreceived message holds a block. So slot t's older message was received
//!   before t is filled, and a ring is never full: what runs out are blocks.
//! - **L2** The position in a block is unique (modulo 2^44), so a compare-exchange with an old `Queued(_, h)` cannot succeed later.
//! - **L3** A block is `Queued(_, p)` before slot p names it. So if slot p names a block that is not `Queued(_, p)`, message p was
//!   received.
//!
//! # Progress
//!
//! Lock-free in the strict sense: every step is one compare-exchange, and what a stopped process has left half-done others complete or
//! do not need. Calls wait only for a message or for a free block. (The ring of numbers is in the manner of M. Michael and M. Scott's
//! queue of 1996: helping the lagging tail.)
//!
//! # Deaths
//!
//! Each block names its owner, so a sweep after a death frees exactly those that the dead process had borrowed, was sending (and had
//! not sent) or was reading. What it had sent stays. A call that finds no free block searches for dead owners.
//!
//! # Orderings
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | sent | slot compare-exchange, Release | slot in a receive, Acquire | the message, its length, and that the block is queued (L3) |
//! | free | block store, Release | block compare-exchange of a loan, Acquire | that the block was read |
//! | swept | block compare-exchange, Release | the same | what the dead one did to the block |

mod geometry;
mod guard;
mod halves;
mod handle;
mod receive;
mod send;
mod words;

pub use guard::{Loan, Received};
pub use halves::{Receiver, Sender};
pub use handle::{LoanQueue, Options, Stats};
pub(crate) use words::Words;
